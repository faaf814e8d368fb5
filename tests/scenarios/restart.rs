//! SIGKILL in the middle of enforcement, and a start again: each of the four kinds of process. The
//! story goes on, and Exchange's own ledger shows no repeated and no contradictory change.

use std::collections::BTreeSet;
use std::time::Duration;

use exchange_sim::control::views::DeviceView;
use exchange_sim::faults::Faults;
use exgate_tests::exchange::iphone;
use exgate_tests::operator::SOON;
use exgate_tests::world::{List, Options, Part, World, list_of};
use exgate_tests::{eventually, is, scenario};

const ORGANIZATION: &str = "contoso";
/// People whose phones are let in.
const PEOPLE: usize = 12;
/// How long each change takes Exchange, so that there is a middle.
const CHANGE_MS: u64 = 400;
/// A change that Exchange could not be asked for is tried again after a minute.
const RETRIED: Duration = Duration::from_secs(100);

#[test]
fn a_killed_agent_loses_nothing() {
    scenario(kill_and_start_again(Part::Agent(ORGANIZATION.to_owned())));
}

#[test]
fn a_killed_coordinator_loses_nothing() {
    scenario(kill_and_start_again(Part::Coordinator));
}

#[test]
fn a_killed_evaluator_loses_nothing() {
    scenario(kill_and_start_again(Part::Evaluator));
}

#[test]
fn a_killed_exchange_loses_nothing() {
    scenario(kill_and_start_again(Part::Exchange));
}

/// The cmdlet of a killed agent goes on at Exchange, and takes effect after its mailbox was read back:
/// it is neither repeated nor overtaken by a newer decision.
#[test]
fn a_cmdlet_that_outlives_its_agent_comes_first() {
    scenario(async {
        let agent = Part::Agent(ORGANIZATION.to_owned());
        let mut world = World::start(Options { is_real: true, ..Options::default() }).await;
        world.enforce(ORGANIZATION).await;
        let mut phones = Vec::new();
        for number in 0..2 {
            let person = world.person(ORGANIZATION, number).await;
            world.records.person(&person);
            let new = iphone(&person, &format!("APPLGHOST{number:02}"));
            phones.push(world.exchange.connect_and_decide(ORGANIZATION, new).await);
        }
        // The first one opens the agent's session for changes.
        world.records.enrol(&phones[0], true);
        world.write_records().await;
        world.operator.quick(ORGANIZATION).await;
        world.listed(&phones[0], List::Allowed).await;
        world.settled(ORGANIZATION).await;
        let latency_ms = [("Set-CASMailbox".to_owned(), 5000)].into();
        let slow = Faults { latency_ms, ..Faults::default() };
        world.exchange.set_faults(ORGANIZATION, &slow).await;

        world.records.enrol(&phones[1], true);
        world.records.write();
        eventually(SOON, "a change is under way", async || {
            let pending = world.operator.organization(ORGANIZATION).await.pending;
            is(pending.unwrap_or_default(), |pending| pending.in_flight == 1)
        })
        .await;
        // Well into the five seconds that it takes.
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(world.exchange.ledger(ORGANIZATION).await.len(), 1);
        world.kill(&agent);
        world.begin(agent).await;
        world.records.enrol(&phones[1], false);
        world.write_records().await;

        eventually(RETRIED, "both changes are made", async || {
            is(world.exchange.ledger(ORGANIZATION).await.len(), |made| *made >= 3)
        })
        .await;
        world.settled(ORGANIZATION).await;
        world.listed(&phones[1], List::Neither).await;
        let ledger = world.exchange.ledger(ORGANIZATION).await;
        assert_eq!(ledger.len(), 3, "{ledger:#?}");
        assert!(ledger.iter().all(|entry| entry.changed && entry.error.is_none()), "{ledger:#?}");
        let device = world.operator.device(ORGANIZATION, "APPLGHOST01").await.unwrap();
        let commands = world.operator.explain(&device).await.commands;
        let states: Vec<_> = commands.iter().map(|it| it.state.as_str()).collect();
        assert_eq!(states, ["done", "done"], "{commands:#?}");
        world.close().await;
    });
}

async fn kill_and_start_again(part: Part) {
    let options = Options { mailboxes: 40, is_real: true, ..Options::default() };
    let mut world = World::start(options).await;
    world.enforce(ORGANIZATION).await;
    let mut phones = Vec::new();
    for number in 0..PEOPLE {
        let person = world.person(ORGANIZATION, number).await;
        world.records.person(&person);
        let new = iphone(&person, &format!("APPLKILL{number:03}"));
        phones.push(world.exchange.connect(ORGANIZATION, new).await);
    }
    world.exchange.advance(exgate_tests::exchange::DISCOVERY_SECONDS).await;
    phones.iter().for_each(|phone| world.records.enrol(phone, true));
    let latency_ms = [("Set-CASMailbox".to_owned(), CHANGE_MS)].into();
    let slow = Faults { latency_ms, ..Faults::default() };
    world.exchange.set_faults(ORGANIZATION, &slow).await;
    world.write_records().await;
    world.operator.start_sync(ORGANIZATION, exgate_proto::v1::SyncMode::Quick).await.unwrap();

    // In the middle: some changes are made, one is under way, some are not begun.
    let begun = eventually(SOON, "enforcement begins", async || {
        is(world.exchange.ledger(ORGANIZATION).await.len(), |made| *made >= 3)
    })
    .await;
    assert!(begun < PEOPLE, "all {begun} changes were made before the kill");
    world.kill(&part);
    world.begin(part.clone()).await;

    eventually(RETRIED, "every phone is let in", async || {
        let missing = not_allowed(&world, &phones).await;
        is(missing, BTreeSet::is_empty)
    })
    .await;
    world.settled(ORGANIZATION).await;

    let ledger = world.exchange.ledger(ORGANIZATION).await;
    let changed: BTreeSet<_> = ledger.iter().map(|entry| entry.identity.clone()).collect();
    assert_eq!((ledger.len(), changed.len()), (PEOPLE, PEOPLE), "{part:?}: {ledger:#?}");
    assert!(ledger.iter().all(|entry| entry.changed && entry.error.is_none()), "{ledger:#?}");

    // And it still works: one of them falls out of compliance.
    world.records.enrol(&phones[0], false);
    world.write_records().await;
    world.listed(&phones[0], List::Neither).await;
    world.operator.full(ORGANIZATION).await;
    world.settled(ORGANIZATION).await;
    assert_eq!(world.exchange.ledger(ORGANIZATION).await.len(), PEOPLE + 1);
    world.close().await;
}

/// The phones that are not on their owner's allowed list.
async fn not_allowed(world: &World, phones: &[DeviceView]) -> BTreeSet<String> {
    let mailboxes = world.exchange.mailboxes(ORGANIZATION).await;
    let is_out = |phone: &&DeviceView| {
        let owner = mailboxes.iter().find(|mailbox| mailbox.guid == phone.mailbox);
        owner.is_none_or(|owner| list_of(owner, &phone.device_id) != List::Allowed)
    };
    phones.iter().filter(is_out).map(|phone| phone.device_id.clone()).collect()
}
