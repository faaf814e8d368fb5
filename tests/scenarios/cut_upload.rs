//! What an upload that ends early means (nothing), and what it takes for a device to be gone (two
//! complete looks in a row without it).

use std::collections::BTreeSet;

use exchange_sim::faults::Faults;
use exgate_domain::observation::Observation;
use exgate_proto::v1::{SyncMode, SyncRun, SyncRunState};
use exgate_tests::operator::SOON;
use exgate_tests::player::{Ending, Player, device, mailbox, settings};
use exgate_tests::setup::organization_document;
use exgate_tests::world::{NEVER, Options, Part, World};
use exgate_tests::{eventually, is, scenario};

const ORGANIZATION: &str = "contoso";

/// A coordinator alone, whose only agent is played here.
async fn played() -> (World, Player) {
    // Nobody comes back in time.
    let sync = format!("{NEVER}\nresume_within = \"1s\"");
    let mut world = World::empty(Options { sync, ..Options::default() }).await;
    world.begin(Part::Coordinator).await;
    let document = organization_document(ORGANIZATION);
    world.operator.apply("contoso.yaml", &document).await.unwrap();
    let player = Player::attach(&world.setup.coordinator_url(), ORGANIZATION).await;
    (world, player)
}

/// Everything in the organization, with these devices: the mailboxes in one page, the devices in
/// another.
fn everything(devices: &[u128]) -> Vec<Vec<Observation>> {
    let mailboxes = [1, 2, 3].map(mailbox).into_iter().chain([settings()]).collect();
    vec![mailboxes, devices.iter().copied().map(device).collect()]
}

async fn known(world: &World) -> BTreeSet<String> {
    let devices = world.operator.devices(ORGANIZATION).await;
    devices.into_iter().map(|device| device.eas.unwrap().device_id).collect()
}

fn ids(devices: &[u128]) -> BTreeSet<String> {
    devices.iter().map(|number| format!("PLAYED{number}")).collect()
}

/// Waits until the newest run of an organization is over.
async fn over(world: &World) -> SyncRun {
    eventually(SOON, "the run is over", async || {
        let newest = world.operator.syncs(ORGANIZATION).await.into_iter().next();
        let is_over = |run: &Option<SyncRun>| {
            let state = run.as_ref().map(SyncRun::state);
            matches!(state, Some(SyncRunState::Succeeded | SyncRunState::Failed))
        };
        is(newest, is_over).map(Option::unwrap)
    })
    .await
}

/// One full look at these devices, complete to its Commit.
async fn look(world: &World, player: &mut Player, devices: &[u128]) -> SyncRun {
    world.operator.start_sync(ORGANIZATION, SyncMode::Full).await.unwrap();
    let order = player.ordered().await;
    player.upload(&order, &everything(devices), Ending::Commit).await.unwrap();
    player.finished(&order, "").await;
    let run = over(world).await;
    assert_eq!(run.state(), SyncRunState::Succeeded, "{run:?}");
    run
}

/// The first look, which a new organization gets by itself.
async fn first_look(world: &World, player: &mut Player, devices: &[u128]) {
    let order = player.ordered().await;
    player.upload(&order, &everything(devices), Ending::Commit).await.unwrap();
    player.finished(&order, "").await;
    let run = over(world).await;
    assert_eq!((run.state(), run.devices_added), (SyncRunState::Succeeded, 3), "{run:?}");
    assert_eq!(known(world).await, ids(devices));
}

/// G-18.
#[test]
fn an_upload_without_commit_leaves_the_old_inventory() {
    scenario(async {
        let (world, mut player) = played().await;
        first_look(&world, &mut player, &[1, 2, 3]).await;

        // Cut after the mailboxes, before, among and after the devices; each time the agent lives on.
        for (ending, pages) in [
            (Ending::NoCommit, &everything(&[1])[..0]),
            (Ending::NoCommit, &everything(&[1])[..1]),
            (Ending::NoCommit, &everything(&[1])[..]),
            (Ending::Torn, &everything(&[1])[..1]),
            (Ending::Torn, &everything(&[1])[..]),
        ] {
            world.operator.start_sync(ORGANIZATION, SyncMode::Full).await.unwrap();
            let order = player.ordered().await;
            let uploaded = player.upload(&order, pages, ending).await;
            assert!(uploaded.is_err(), "{ending:?} of {} pages was taken", pages.len());
            player.finished(&order, "the upload broke").await;

            let run = over(&world).await;
            assert_eq!(run.state(), SyncRunState::Failed, "{run:?}");
            assert!(!run.failure.is_empty());
            assert_eq!(known(&world).await, ids(&[1, 2, 3]), "{ending:?} after {}", pages.len());
        }

        // None of them counted as a look without devices 2 and 3: the first one that does leaves them.
        let run = look(&world, &mut player, &[1]).await;
        assert_eq!(run.devices_removed, 0, "{run:?}");
        assert_eq!(known(&world).await, ids(&[1, 2, 3]));
        drop(player);
        world.close().await;
    });
}

/// G-18, the agent dies with its upload.
#[test]
fn an_agent_that_dies_in_its_upload_leaves_the_old_inventory() {
    scenario(async {
        let (world, mut player) = played().await;
        first_look(&world, &mut player, &[1, 2, 3]).await;

        world.operator.start_sync(ORGANIZATION, SyncMode::Full).await.unwrap();
        let order = player.ordered().await;
        player.upload(&order, &everything(&[]), Ending::Torn).await.unwrap_err();
        drop(player);

        let run = over(&world).await;
        assert_eq!(run.state(), SyncRunState::Failed, "{run:?}");
        assert_eq!(known(&world).await, ids(&[1, 2, 3]));
        world.close().await;
    });
}

/// G-19.
#[test]
fn a_device_is_gone_only_after_two_complete_looks_without_it() {
    scenario(async {
        let (world, mut player) = played().await;
        first_look(&world, &mut player, &[1, 2, 3]).await;

        // Once is not enough, and being seen in between begins the count anew.
        for devices in [&[1, 2][..], &[1, 2, 3], &[1, 2]] {
            let run = look(&world, &mut player, devices).await;
            assert_eq!(run.devices_removed, 0, "{run:?}");
            assert_eq!(known(&world).await, ids(&[1, 2, 3]));
        }

        let run = look(&world, &mut player, &[1, 2]).await;
        assert_eq!(run.devices_removed, 1, "{run:?}");
        assert_eq!(known(&world).await, ids(&[1, 2]));
        drop(player);
        world.close().await;
    });
}

/// The same cut one hop further on: between Exchange and the agent.
#[test]
fn a_listing_that_breaks_leaves_the_old_inventory() {
    scenario(async {
        let options = Options { mailboxes: 100, devices: 300, ..Options::default() };
        let world = World::start(options).await;
        let before = known(&world).await;
        assert_eq!(before.len(), 300);

        let faults = Faults { drop_connection_after_bytes: Some(60_000), ..Faults::default() };
        world.exchange.set_faults(ORGANIZATION, &faults).await;
        let run = world.operator.sync_to_its_end(ORGANIZATION, SyncMode::Full).await;

        assert_eq!(run.state(), SyncRunState::Failed, "{run:?}");
        assert!(run.failure.contains("Exchange could not be read"), "{}", run.failure);
        assert_eq!(known(&world).await, before);

        world.exchange.set_faults(ORGANIZATION, &Faults::default()).await;
        let run = world.operator.full(ORGANIZATION).await;
        assert_eq!((run.devices_seen, run.devices_removed), (300, 0), "{run:?}");
        assert_eq!(known(&world).await, before);
        world.close().await;
    });
}
