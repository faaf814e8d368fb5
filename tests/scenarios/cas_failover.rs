//! Client Access servers that go down and come back: the sync goes on at the next one, nothing lost and
//! nothing doubled, and the primary is returned to; where that is switched off, it is waited for.

use std::collections::BTreeSet;

use exchange_sim::faults::{Faults, Midway};
use exgate_proto::types::v1::{Access, Breaker, Compliance, Standing};
use exgate_proto::v1::{Connector, ConnectorState, SyncMode, SyncRunState};
use exgate_tests::exchange::iphone;
use exgate_tests::operator::SOON;
use exgate_tests::setup::{POLICIES, organization_document};
use exgate_tests::world::{List, Options, Part, World};
use exgate_tests::{eventually, is, scenario};

const ORGANIZATION: &str = "contoso";
const PRIMARY: &str = "ex01.contoso.com";
/// The primary is `EX01` of 2019 in the first site. Of the others, the one of the same site comes first,
/// though it is the last by name; the one of 2010 stands in for nobody newer.
const OTHERS: [&str; 3] = ["2010", "2019:Rome", "2019"];
const NEXT: &str = "ex04.contoso.com";
const MAILBOXES: usize = 1000;
const DEVICES: usize = 3000;
/// After how many bytes of the devices the primary goes down: a fraction of them.
const DOWN_AFTER_BYTES: u64 = 1_000_000;
/// A primary that was down is returned to after three good answers within this.
const RETRY: &str = "primary_retry = \"900ms\"\n";

/// A house whose agent is not there yet, and whose primary goes down in the middle of what it says.
async fn dying(exchange: &str) -> World {
    let mut world = World::start(Options {
        mailboxes: MAILBOXES,
        devices: DEVICES,
        servers: OTHERS.to_vec(),
        exchange: exchange.to_owned(),
        is_applied: false,
        ..Options::default()
    })
    .await;
    let document = organization_document(ORGANIZATION);
    world.operator.apply("contoso.yaml", &document).await.expect("an organization");
    world.operator.apply("policies.yaml", POLICIES).await.expect("good policies");
    die(&world).await;
    world.begin(Part::Agent(ORGANIZATION.to_owned())).await;
    world
}

/// The primary goes down in the middle of its devices.
async fn die(world: &World) {
    let midway = Midway { cmdlet: "Get-MobileDevice".to_owned(), bytes: DOWN_AFTER_BYTES };
    let faults =
        Faults { stop_servers_in: [("EX01".to_owned(), midway)].into(), ..Faults::default() };
    world.exchange.set_faults(ORGANIZATION, &faults).await;
}

async fn revive(world: &World) {
    world.exchange.set_faults(ORGANIZATION, &Faults::default()).await;
}

/// Waits until the connector is as wanted, and its servers with it.
async fn connector(
    world: &World,
    what: &str,
    holds: impl Fn(&Connector, &Standing) -> bool,
) -> Connector {
    eventually(SOON, what, async || {
        let found = world.operator.connector(ORGANIZATION).await;
        is(found, |found| found.standing.as_ref().is_some_and(|it| holds(found, it)))
    })
    .await
}

/// The inventory equals Exchange's own world: nothing lost, nothing doubled.
async fn same(world: &World) {
    let mut known: Vec<_> = world
        .operator
        .devices(ORGANIZATION)
        .await
        .into_iter()
        .map(|device| (device.mailbox_guid.clone(), device.eas.unwrap().device_id))
        .collect();
    let count = known.len();
    known.sort();
    let known: BTreeSet<_> = known.into_iter().collect();
    assert_eq!(known.len(), count, "some devices are there twice");
    let truth: BTreeSet<_> = world
        .exchange
        .devices(ORGANIZATION)
        .await
        .into_iter()
        .map(|device| (device.mailbox.to_string(), device.device_id))
        .collect();
    assert_eq!(known, truth);
}

#[test]
fn a_full_sync_goes_on_at_the_next_server_and_the_primary_is_returned_to() {
    scenario(async {
        let mut world = dying(RETRY).await;
        world.synced_fully(ORGANIZATION).await;

        // One run, over all devices, each once.
        let [run] = world.operator.syncs(ORGANIZATION).await.try_into().expect("one run");
        assert_eq!(run.state(), SyncRunState::Succeeded, "{run:?}");
        let counts = (run.devices_seen, run.devices_added, run.devices_removed);
        assert_eq!(counts, (DEVICES as u64, DEVICES as u64, 0), "{run:?}");
        same(&world).await;
        // The listing that broke off was run again elsewhere.
        let ran = world.exchange.cmdlets(ORGANIZATION).await;
        let listed = ran.get("Get-MobileDevice").copied().unwrap_or_default();
        assert!(listed >= 3, "probe, broken, whole: {ran:?}");

        // It says so.
        let found = connector(&world, "on the fallback", |_, it| it.current == NEXT).await;
        let standing = found.standing.clone().unwrap();
        assert_eq!((standing.primary.as_str(), standing.failover), (PRIMARY, true));
        assert!(standing.fallback_since.is_some());
        let hosts: Vec<_> = standing.servers.iter().map(|it| it.host.as_str()).collect();
        assert_eq!(hosts, [PRIMARY, NEXT, "ex03.contoso.com"], "none of 2010");
        assert_ne!(standing.servers[0].breaker(), Breaker::Closed);
        assert!(standing.servers[0].problem.contains(PRIMARY), "{standing:?}");
        assert_eq!(found.state(), ConnectorState::Connected, "{found:?}");
        assert_eq!(found.exchange_server, NEXT);
        let status = world.exgate(&["status"]).await.well();
        let warning = format!("on fallback {NEXT} since ");
        assert!(status.contains(&warning) && status.contains("primary ex01"), "{status}");
        let sheet = world.exgate(&["describe", "conn/contoso"]).await.well();
        assert!(sheet.contains(&format!("✔ {NEXT}, in use")), "{sheet}");
        assert!(sheet.contains(&format!("✗ {PRIMARY}, primary")), "{sheet}");

        // Enforcement goes on there.
        world.enforce(ORGANIZATION).await;
        let ann = world.exchange.mailboxes(ORGANIZATION).await.swap_remove(19);
        world.records.person(&ann);
        let phone = world.exchange.connect_and_decide(ORGANIZATION, iphone(&ann, "FAIL0001")).await;
        world.records.enrol(&phone, true);
        world.write_records().await;
        world.operator.quick(ORGANIZATION).await;
        world.judged(&phone, Compliance::Compliant).await;
        world.decided(&phone, Access::Allow).await;
        world.listed(&phone, List::Allowed).await;

        // The primary is back, and used again.
        revive(&world).await;
        let found = connector(&world, "back at the primary", |_, it| it.current == PRIMARY).await;
        let standing = found.standing.clone().unwrap();
        assert_eq!(standing.fallback_since, None);
        assert!(standing.servers.iter().all(|it| it.breaker() == Breaker::Closed), "{standing:?}");
        assert_eq!((found.state(), found.problem.as_str()), (ConnectorState::Connected, ""));
        // Nobody else is left to answer.
        let others = ["EX02", "EX03", "EX04"].map(str::to_owned).to_vec();
        let alone = Faults { stop_servers: others, ..Faults::default() };
        world.exchange.set_faults(ORGANIZATION, &alone).await;
        let run = world.operator.full(ORGANIZATION).await;
        assert_eq!((run.devices_added, run.devices_removed), (0, 0), "{run:?}");
        same(&world).await;
        world.close().await;
    });
}

/// An agent that starts while its primary is down goes where it learnt to go before.
#[test]
fn the_servers_found_last_survive_the_agent() {
    scenario(async {
        let options =
            Options { servers: OTHERS.to_vec(), exchange: RETRY.to_owned(), ..Options::default() };
        let mut world = World::start(options).await;
        let agent = Part::Agent(ORGANIZATION.to_owned());
        world.end(&agent).await;
        let down = Faults { stop_servers: vec!["EX01".to_owned()], ..Faults::default() };
        world.exchange.set_faults(ORGANIZATION, &down).await;
        world.begin(agent).await;
        world.operator.full(ORGANIZATION).await;
        connector(&world, "on the fallback", |_, it| it.current == NEXT).await;
        same(&world).await;
        world.close().await;
    });
}

#[test]
fn with_failover_off_the_primary_is_waited_for() {
    scenario(async {
        let world = dying(&format!("failover = false\n{RETRY}")).await;
        // In the middle of the first sync it waits, and says why.
        let found = connector(&world, "it waits", |found, _| {
            found.problem.contains("exchange.failover is off, so the agent waits for it")
        })
        .await;
        assert_eq!(found.state(), ConnectorState::Degraded, "{found:?}");
        assert!(found.problem.contains(&format!("{PRIMARY} is down")), "{}", found.problem);
        let standing = found.standing.clone().unwrap();
        assert_eq!((standing.current.as_str(), standing.servers.len()), (PRIMARY, 1));
        assert!(!standing.failover);
        let said = world.exgate(&["status"]).await;
        assert!(said.out.contains("exchange.failover is off"), "{said:#?}");
        let runs = world.operator.syncs(ORGANIZATION).await;
        assert!(runs.iter().all(|run| run.state() != SyncRunState::Succeeded), "{runs:?}");

        // It goes on once the primary is back, nowhere else.
        revive(&world).await;
        world.synced_fully(ORGANIZATION).await;
        same(&world).await;
        let well =
            |found: &Connector, it: &Standing| it.current == PRIMARY && found.problem.is_empty();
        connector(&world, "all is well", well).await;
        let run = world.operator.sync_to_its_end(ORGANIZATION, SyncMode::Full).await;
        assert_eq!((run.devices_added, run.devices_removed), (0, 0), "{run:?}");
        world.close().await;
    });
}
