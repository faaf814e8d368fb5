//! What only mailboxes know of their devices: read where it is wanted, once for each mailbox, by
//! Exchange's own count; and unknown, with the reason, where a mailbox cannot say.

use std::collections::{BTreeMap, BTreeSet};

use exchange_sim::control::views::DeviceView;
use exchange_sim::faults::Faults;
use exgate_proto::v1::{Device, SyncMode, SyncRunState};
use exgate_tests::operator::SOON;
use exgate_tests::world::{NEVER, Options, World};
use exgate_tests::{eventually, is, scenario};

/// Cmdlets that open a mailbox.
const STATISTICS: [&str; 2] = ["Get-MobileDeviceStatistics", "Get-ActiveSyncDeviceStatistics"];
/// Cmdlets that read the directory's inventory.
const INVENTORY: [&str; 3] = ["Get-CASMailbox", "Get-MobileDevice", "Get-ActiveSyncDevice"];
/// A server that filters by change, and one that does not.
const ORGANIZATIONS: [(&str, &str); 2] = [("contoso", "2019"), ("fabrikam", "2010")];

async fn at_rest(organizations: &[(&'static str, &'static str)], age: &str) -> World {
    World::start(Options {
        organizations: organizations.to_vec(),
        mailboxes: 60,
        devices: 90,
        sync: format!("{NEVER}\nstatistics_age = \"{age}\""),
        ..Options::default()
    })
    .await
}

/// How often cmdlets ran: those of the inventory, and those that open a mailbox.
async fn calls(world: &World, organization: &str) -> [u64; 2] {
    let ran = world.exchange.cmdlets(organization).await;
    let sum = |names: &[&str]| {
        let of = |counts: &BTreeMap<String, u64>, name: &&str| counts.get(*name).copied();
        names.iter().filter_map(|name| of(&ran, name)).sum()
    };
    [sum(&INVENTORY), sum(&STATISTICS)]
}

/// A device as exgate shows it. One device may be in several mailboxes.
async fn shown(world: &World, device: &DeviceView) -> Device {
    let guid = device.guid.as_bytes().to_vec();
    let mut found = world.operator.devices(&device.organization).await.into_iter();
    let it = found.find(|found| found.eas.as_ref().is_some_and(|eas| eas.guid == guid));
    it.unwrap_or_else(|| panic!("{device:?} is not shown"))
}

/// A device, once its mailbox was asked after this instant of the wire.
async fn asked_after(world: &World, device: &DeviceView, before: &Device) -> Device {
    let at = |it: &Device| it.statistics_read_at.map(|at| (at.seconds, at.nanos));
    eventually(SOON, "its mailbox is asked again", async || {
        is(shown(world, device).await, |now| at(now) > at(before))
    })
    .await
}

/// C1, C2: one call for each mailbox that has devices, then one for each whose device changed.
#[test]
fn each_mailbox_is_asked_once_and_again_when_a_device_of_it_changed() {
    scenario(async {
        let world = at_rest(&ORGANIZATIONS, "24h").await;
        for (organization, version) in ORGANIZATIONS {
            let devices = world.exchange.devices(organization).await;
            let owners: BTreeSet<_> = devices.iter().map(|device| device.mailbox).collect();
            let m = owners.len() as u64;
            assert!(owners.len() < devices.len(), "some have several devices");
            let known = eventually(SOON, "all statistics are known", async || {
                let known = world.operator.devices(organization).await;
                is(known, |known| known.iter().all(|it| it.statistics.is_some()))
            })
            .await;
            assert_eq!(known.len(), devices.len());
            let full = calls(&world, organization).await;
            println!("{organization} ({version}): full sync, {m} mailboxes with devices: {full:?}");
            // What the agent asks the server before it lists is one of the three.
            assert_eq!(full[1], m, "one call for each mailbox that has devices");
            assert!(full[0] <= 3, "{full:?}");
            let said = known.iter().filter_map(|it| it.statistics.as_ref());
            assert!(said.clone().all(|said| said.folders_synced == Some(8)));
            assert!(said.clone().any(|said| said.last_success_sync_at.is_some()));

            // Twice, so that whatever else the first one caused is counted with the second.
            let mut phones: Vec<_> = devices.iter().collect();
            phones.sort_by_key(|device| device.when_changed);
            let mut before = full;
            for (phone, version) in phones.into_iter().zip(["99.1", "99.2"]) {
                let was = shown(&world, phone).await;
                world.exchange.update_system(organization, phone, version).await;
                let run = world.operator.sync(organization, SyncMode::Quick).await;
                assert_eq!(run.devices_changed, 1, "{run:?}");
                let now = asked_after(&world, phone, &was).await;
                let after = calls(&world, organization).await;
                println!("{organization}: quick sync, k = 1: {before:?} to {after:?}");
                let said = now.statistics.expect("it is known");
                assert!(said.last_sync_attempt_at.is_some(), "{said:?}");
                assert_eq!(after[1] - before[1], 1, "one mailbox was asked");
                assert!(after[0] - before[0] <= 3, "{before:?} {after:?}");
                before = after;
            }
        }
        world.close().await;
    });
}

/// A mailbox whose database is offline fails no sync; what is known of its devices is that nothing is.
#[test]
fn a_mailbox_that_cannot_say_leaves_its_devices_unknown() {
    scenario(async {
        let organization = ORGANIZATIONS[0].0;
        let world = at_rest(&ORGANIZATIONS[..1], "2s").await;
        let devices = world.exchange.devices(organization).await;
        let phone = &devices[0];
        let owner = &phone.primary_smtp_address;
        let offline_mailboxes = vec![owner.clone()];
        let offline = Faults { offline_mailboxes, ..Faults::default() };
        world.exchange.set_faults(organization, &offline).await;

        let run = world.operator.sync(organization, SyncMode::Full).await;

        assert_eq!(run.state(), SyncRunState::Succeeded, "{run:?}");
        let known = eventually(SOON, "its statistics are unknown, all others known", async || {
            let known = world.operator.devices(organization).await;
            is(known, |known| {
                known.iter().all(|it| {
                    let is_offline = it.primary_smtp == *owner;
                    it.statistics.is_none() == is_offline
                        && it.statistics_failure.is_empty() != is_offline
                        && it.statistics_read_at.is_some()
                })
            })
        })
        .await;
        assert_eq!(known.len(), devices.len(), "the directory's facts are kept");
        let name = format!("dev/{}", shown(&world, phone).await.name);
        let sheet = world.exgate(&["describe", &name]).await.well();
        assert!(sheet.contains("Statistics:         unknown: "), "{sheet}");
        assert!(sheet.contains("is offline. (asked "), "{sheet}");

        world.exchange.set_faults(organization, &Faults::default()).await;
        eventually(SOON, "it is asked again and says it", async || {
            let now = shown(&world, phone).await;
            is(now, |now| now.statistics.is_some() && now.statistics_failure.is_empty())
        })
        .await;
        let sheet = world.exgate(&["describe", &name]).await.well();
        assert!(sheet.contains("Statistics:         read "), "{sheet}");
        let json = world.exgate(&["describe", &name, "-o", "json"]).await.json();
        let status = json["statistics"]["status"].as_str();
        assert!(status.is_some_and(|status| status.starts_with("Device")), "{json}");
        assert!(json["statisticsReadAt"].is_string(), "{json}");
        world.close().await;
    });
}

/// Nobody asks when nobody wants to know.
#[test]
fn without_an_age_no_mailbox_is_opened() {
    scenario(async {
        let world = at_rest(&ORGANIZATIONS[..1], "0s").await;
        let organization = ORGANIZATIONS[0].0;
        let run = world.operator.sync(organization, SyncMode::Full).await;
        assert_eq!(run.state(), SyncRunState::Succeeded, "{run:?}");
        assert_eq!(calls(&world, organization).await[1], 0);
        let known = world.operator.devices(organization).await;
        assert!(known.iter().all(|it| it.statistics_read_at.is_none()));
        world.close().await;
    });
}
