//! What a full sync reads of a fleet that has not changed, by the agent's own metrics: nothing, and of one
//! that has changed a little, that.

use exchange_sim::control::views::NewSettings;
use exchange_sim::world::organization::AccessLevel;
use exgate_tests::operator::SOON;
use exgate_tests::world::{Options, World};
use exgate_tests::{eventually, is, scenario};

const DEVICES: usize = 40;
/// Objects of the configuration, which are always read.
const CONFIGURATION_MAX: u64 = 40;

/// Objects that the agent has skipped, and has read, since it was started.
async fn reading(world: &World, organization: &str) -> (u64, u64) {
    let skipped = world.agent_metric(organization, "exgate_agent_sync_skipped_total").await;
    (skipped, world.agent_metric(organization, "exgate_agent_sync_read_total").await)
}

/// What one more full sync skips and reads; and how many devices it sees, and sees changed.
async fn full(world: &World, organization: &str) -> ((u64, u64), (u64, u64)) {
    let before = reading(world, organization).await;
    let run = world.operator.full(organization).await;
    // The coordinator is through with a sync a moment before the agent has heard so.
    let after = eventually(SOON, "the sync is counted", async || {
        is(reading(world, organization).await, |after| after.1 > before.1)
    })
    .await;
    ((after.0 - before.0, after.1 - before.1), (run.devices_seen, run.devices_changed))
}

#[test]
fn an_unchanged_fleet_is_not_read_again_and_a_changed_device_is_told() {
    scenario(async {
        let organizations = vec![("contoso", "2019"), ("fabrikam", "2010")];
        let options = Options {
            organizations,
            mailboxes: 30,
            devices: DEVICES,
            is_real: true,
            ..Options::default()
        };
        let world = World::start(options).await;
        for organization in ["contoso", "fabrikam"] {
            world.synced_fully(organization).await;
            let mailboxes = world.exchange.mailboxes(organization).await;
            let owners = mailboxes.iter().filter(|mailbox| mailbox.has_partnership).count();
            let (devices, fleet) = (DEVICES as u64, (DEVICES + owners) as u64);
            eventually(SOON, "the first sync is counted", async || {
                is(reading(&world, organization).await, |(_, read)| *read >= fleet)
            })
            .await;

            let ((skipped, read), seen) = full(&world, organization).await;
            assert_eq!(skipped, fleet, "{organization}: all of it is known");
            assert!(read <= CONFIGURATION_MAX, "{organization}: {read} objects were read");
            assert_eq!(seen, (devices, 0), "{organization}: a known device is seen");

            // One phone calls, and Exchange decides otherwise about it.
            let mut listed = world.exchange.devices(organization).await.into_iter();
            let phone = listed.find(|it| format!("{:?}", it.access_state_reason) == "Global");
            let phone = phone.expect("a phone that nothing but the default covers");
            let level = AccessLevel::Block;
            let blocked =
                NewSettings { default_access_level: Some(level), ..NewSettings::default() };
            world.exchange.set_settings(organization, &blocked).await;
            world.exchange.call_later(organization, &phone).await;
            let held = world.exchange.device(organization, &phone.guid.to_string()).await;
            assert_ne!(held.access_state, phone.access_state);

            let ((skipped, read), seen) = full(&world, organization).await;
            assert_eq!(skipped, fleet - 1, "{organization}: all but one is known");
            assert!(read <= CONFIGURATION_MAX, "{organization}: {read} objects were read");
            assert_eq!(seen, (devices, 1), "{organization}: the change is told");
            let mistaken = "exgate_agent_sync_mistaken_total";
            assert_eq!(world.agent_metric(organization, mistaken).await, 0);
        }
        world.close().await;
    });
}
