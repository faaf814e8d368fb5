//! A full sync that is broken in the middle goes on: nothing is lost, nothing is doubled, and less is
//! done again than by starting over. Counted by Exchange itself and by the store.

use std::collections::BTreeMap;

use exchange_sim::faults::Faults;
use exgate_proto::v1::{SyncMode, SyncRun, SyncRunState};
use exgate_tests::operator::SOON;
use exgate_tests::world::{NEVER, Options, Part, RowsWritten, World};
use exgate_tests::{eventually, is, scenario};

const ORGANIZATION: &str = "contoso";
/// Enough for a dozen pages, so that there is a middle.
const DEVICES: usize = 3000;
const MAILBOXES: usize = 1500;
/// How long a device listing is held back, so that it can be broken in the middle.
const LISTING_MS: u64 = 1500;

/// A house of processes at rest.
async fn at_rest() -> World {
    World::start(Options {
        mailboxes: MAILBOXES,
        devices: DEVICES,
        sync: format!("{NEVER}\nresume_within = \"60s\""),
        is_real: true,
        ..Options::default()
    })
    .await
}

/// How often each listing ran since.
async fn listings(world: &World, before: &BTreeMap<String, u64>) -> [u64; 2] {
    let now = world.exchange.cmdlets(ORGANIZATION).await;
    let count = |name| {
        let of = |counts: &BTreeMap<String, u64>| counts.get(name).copied().unwrap_or_default();
        of(&now) - of(before)
    };
    ["Get-CASMailbox", "Get-MobileDevice"].map(count)
}

/// The run, once it is over.
async fn over(world: &World, run: &str) -> SyncRun {
    eventually(SOON, "the run is over", async || {
        let runs = world.operator.syncs(ORGANIZATION).await;
        let found = runs.into_iter().find(|it| it.name == run);
        is(found, |found| {
            let state = found.as_ref().map(SyncRun::state);
            matches!(state, Some(SyncRunState::Succeeded | SyncRunState::Failed))
        })
        .map(Option::unwrap)
    })
    .await
}

/// Starts a full sync; the run before, such as the one that brought the house to rest, may be about to end.
async fn starts(world: &World) -> SyncRun {
    eventually(SOON, "a full sync starts", async || {
        let started = world.operator.start_sync(ORGANIZATION, SyncMode::Full).await;
        is(started, Result::is_ok).map(Result::unwrap)
    })
    .await
}

/// Starts a full sync and waits until it reads devices.
async fn reading_devices(world: &World) -> String {
    let started = starts(world).await;
    eventually(SOON, "devices are being read", async || {
        let runs = world.operator.syncs(ORGANIZATION).await;
        let run = runs.into_iter().find(|it| it.name == started.name);
        is(run, |run| run.as_ref().is_some_and(|run| run.step == "reading devices"))
    })
    .await;
    started.name
}

async fn slow_listing(world: &World, milliseconds: u64) {
    let latency_ms = ["Get-MobileDevice", "Get-ActiveSyncDevice"]
        .map(|cmdlet| (cmdlet.to_owned(), milliseconds))
        .into();
    world.exchange.set_faults(ORGANIZATION, &Faults { latency_ms, ..Faults::default() }).await;
}

/// What exgate knows is what Exchange has, each partnership once. A device may be in several mailboxes.
async fn is_equal(world: &World) {
    let known = world.operator.devices(ORGANIZATION).await.into_iter();
    let mut known: Vec<_> = known.map(|device| device.eas.unwrap().device_id).collect();
    let there = world.exchange.devices(ORGANIZATION).await.into_iter();
    let mut there: Vec<_> = there.map(|device| device.device_id).collect();
    known.sort();
    there.sort();
    assert_eq!(known.len(), DEVICES);
    assert!(known == there);
}

/// P3, X12: the agent is killed while it reads devices.
#[test]
fn a_killed_agent_lists_again_only_what_it_had_not_finished() {
    scenario(async {
        let mut world = at_rest().await;
        let agent = Part::Agent(ORGANIZATION.to_owned());
        slow_listing(&world, LISTING_MS).await;
        let before = world.exchange.cmdlets(ORGANIZATION).await;
        let run = reading_devices(&world).await;

        world.kill(&agent);
        slow_listing(&world, 0).await;
        world.begin(agent).await;

        let run = over(&world, &run).await;
        assert_eq!(run.state(), SyncRunState::Succeeded, "{run:?}");
        let [mailboxes, devices] = listings(&world, &before).await;
        println!("agent killed: {mailboxes} mailbox listings, {devices} device listings");
        assert_eq!(mailboxes, 1, "the mailboxes were not listed again");
        // The one that was broken, the one in its place, and the new agent's question what can be filtered.
        assert!(devices <= 3, "{devices}");
        assert_eq!((run.devices_seen, run.devices_added), (DEVICES as u64, 0), "{run:?}");
        assert_eq!(run.devices_removed, 0, "{run:?}");
        is_equal(&world).await;
        world.close().await;
    });
}

/// P3: the coordinator is killed meanwhile; the agent's look waits for it.
#[test]
fn a_killed_coordinator_costs_no_cmdlet() {
    scenario(async {
        let mut world = at_rest().await;
        slow_listing(&world, LISTING_MS).await;
        let before = world.exchange.cmdlets(ORGANIZATION).await;
        let run = reading_devices(&world).await;

        world.kill(&Part::Coordinator);
        world.begin(Part::Coordinator).await;

        let run = over(&world, &run).await;
        assert_eq!(run.state(), SyncRunState::Succeeded, "{run:?}");
        let ran = listings(&world, &before).await;
        println!("coordinator killed: {ran:?} listings of mailboxes and devices");
        assert_eq!(ran, [1, 1], "each was listed once");
        assert_eq!((run.devices_seen, run.devices_added), (DEVICES as u64, 0), "{run:?}");
        assert_eq!(run.devices_removed, 0, "{run:?}");
        is_equal(&world).await;
        let rows = world.rows_written(&RowsWritten::new()).await;
        assert_eq!(rows.get("device").copied().unwrap_or_default(), 0, "{rows:?}");
        world.close().await;
    });
}

/// P3: the connection to Exchange is cut in the middle of the listing; a new session lists that again.
#[test]
fn a_cut_connection_repeats_one_cmdlet_and_sends_nothing_twice() {
    scenario(async {
        let world = at_rest().await;
        let before = world.exchange.cmdlets(ORGANIZATION).await;
        // Whatever is open now is cut in the middle of the first long listing.
        let cut = Faults { drop_connection_after_bytes: Some(4_000_000), ..Faults::default() };
        world.exchange.set_faults(ORGANIZATION, &cut).await;
        let started = starts(&world).await;
        eventually(SOON, "the listing began again", async || {
            let ran = listings(&world, &before).await;
            is(ran, |ran| ran.iter().sum::<u64>() > 2)
        })
        .await;
        world.exchange.set_faults(ORGANIZATION, &Faults::default()).await;

        let run = over(&world, &started.name).await;

        assert_eq!(run.state(), SyncRunState::Succeeded, "{run:?}");
        let ran = listings(&world, &before).await;
        println!("connection cut: {ran:?} listings of mailboxes and devices");
        assert_eq!((run.devices_seen, run.devices_removed), (DEVICES as u64, 0), "{run:?}");
        is_equal(&world).await;
        world.close().await;
    });
}
