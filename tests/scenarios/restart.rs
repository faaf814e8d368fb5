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
