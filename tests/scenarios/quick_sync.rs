//! What a full sync reads beside people and phones is what operators see, and a quick sync costs no
//! more than what changed: by Exchange's own count of cmdlets, by the store's of rows.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use exgate_proto::v1::SyncMode;
use exgate_tests::scenario;
use exgate_tests::world::{Options, RowsWritten, World};
use serde_json::Value;

/// Cmdlets that read the inventory; others read the configuration, whatever its size.
const INVENTORY: [&str; 3] = ["Get-CASMailbox", "Get-MobileDevice", "Get-ActiveSyncDevice"];
/// How long before the newest change that was seen a look at what changed begins.
const OVERLAP: Duration = Duration::from_secs(15 * 60);
/// A server that filters by change, and one that does not.
const ORGANIZATIONS: [(&str, &str); 2] = [("contoso", "2019"), ("fabrikam", "2010")];

async fn at_rest() -> World {
    let organizations = ORGANIZATIONS.to_vec();
    let options =
        Options { organizations, mailboxes: 60, devices: 90, is_real: true, ..Options::default() };
    World::start(options).await
}

/// How often each cmdlet that reads the inventory ran so far.
async fn inventory(world: &World, organization: &str) -> BTreeMap<String, u64> {
    let mut ran = world.exchange.cmdlets(organization).await;
    ran.retain(|name, _| INVENTORY.contains(&name.as_str()));
    ran
}

/// How often each ran since it had run so often.
async fn since_then(
    world: &World,
    organization: &str,
    before: BTreeMap<String, u64>,
) -> BTreeMap<String, u64> {
    let mut ran = inventory(world, organization).await;
    for (name, count) in before {
        *ran.entry(name).or_default() -= count;
    }
    ran.retain(|_, count| *count > 0);
    ran
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}"))
}

fn rows<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().unwrap_or_else(|| panic!("no {key} in {value}"))
}

/// Device classes, mailbox policies, rules and settings, as the simulator holds them and as JSON.
async fn is_shown(world: &World, organization: &str) {
    let held = world.exchange.organization(organization).await;
    let devices = world.exchange.devices(organization).await;
    let target = format!("org/{organization}");
    let document = world.exgate(&["describe", &target, "-o", "json"]).await.json();
    let shown = &document["configuration"];

    let of_devices: BTreeSet<_> = devices
        .iter()
        .map(|device| (device.device_type.as_str(), device.device_model.as_str()))
        .collect();
    let classes = rows(shown, "deviceClasses").iter();
    let classes: Vec<_> =
        classes.map(|class| (text(class, "deviceType"), text(class, "deviceModel"))).collect();
    assert!(of_devices.len() > 1, "{of_devices:?}");
    assert_eq!(classes, of_devices.into_iter().collect::<Vec<_>>(), "{organization}");

    let policies = rows(shown, "mailboxPolicies");
    assert_eq!(policies.len(), held.policies.len(), "{shown}");
    for (policy, held) in policies.iter().zip(&held.policies) {
        assert_eq!(text(policy, "name"), held.name);
        let value = |names: &[&str]| {
            let mut settings = rows(policy, "settings").iter();
            let found = settings.find(|setting| names.contains(&text(setting, "name")));
            text(found.unwrap_or_else(|| panic!("no {names:?} in {policy}")), "value")
        };
        assert_eq!(value(&["IsDefault", "IsDefaultPolicy"]), held.is_default.to_string());
        let lenient = &held.settings["AllowNonProvisionableDevices"];
        assert_eq!(value(&["AllowNonProvisionableDevices"]), lenient);
        assert_eq!(value(&["PasswordEnabled", "DevicePasswordEnabled"]), "false");
    }

    assert_eq!(rows(shown, "rules").len(), held.rules.len(), "{shown}");
    let level = format!("ACCESS_LEVEL_{:?}", held.default_access_level).to_uppercase();
    assert_eq!(text(&shown["settings"], "defaultAccessLevel"), level);
    assert_eq!(rows(shown, "servers").len(), 1, "{shown}");
    assert_eq!(shown["leftOut"], 0, "{shown}");

    let sheet = world.exgate(&["describe", &target]).await.well();
    let policy =
        "Mailbox policies:\n  Default (default): non-provisionable devices allowed, no password";
    assert!(sheet.contains(policy), "{sheet}");
    assert!(sheet.contains("Device classes:\n  "), "{sheet}");
}

#[test]
fn what_a_full_sync_read_beside_phones_is_what_operators_see() {
    scenario(async {
        let world = at_rest().await;
        for (organization, _) in ORGANIZATIONS {
            is_shown(&world, organization).await;
        }
        world.close().await;
    });
}

/// C2 and the store's side of it: an old phone gets a new system, so k is 1. A look at what changed begins
/// before the newest change that was seen; what lies in between is known and costs nothing.
#[test]
fn a_quick_sync_after_one_change_writes_one_row() {
    scenario(async {
        let world = at_rest().await;
        let mut written = world.rows_written(&RowsWritten::new()).await;
        for (organization, version) in ORGANIZATIONS {
            let devices = world.exchange.devices(organization).await;
            let phone = devices.iter().min_by_key(|device| device.when_changed).unwrap();
            let updated = world.exchange.update_system(organization, phone, "99.1").await.device;
            assert_ne!(updated.device_os, phone.device_os);
            let mailboxes = world.exchange.mailboxes(organization).await;
            let of_mailboxes = mailboxes.iter().map(|mailbox| mailbox.when_changed);
            let newest = devices.iter().map(|device| device.when_changed).chain(of_mailboxes).max();
            let since = newest.unwrap() - OVERLAP;
            let overlap = devices.iter().filter(|it| it.when_changed >= since).count();
            assert!(phone.when_changed < since && overlap > 0, "{overlap} of {}", devices.len());
            let before = inventory(&world, organization).await;

            let run = world.operator.sync(organization, SyncMode::Quick).await;

            let ran = since_then(&world, organization, before).await;
            let after = world.rows_written(&written).await;
            let more = |kind: &str| {
                let of = |rows: &RowsWritten| rows.get(kind).copied().unwrap_or_default();
                of(&after) - of(&written)
            };
            let tally =
                [run.devices_changed, run.devices_added, run.devices_removed, run.devices_seen];
            let kinds = ["device", "mailbox", "device_class", "mailbox_policy"].map(more);
            println!(
                "{organization} ({version}): changed, added, removed, seen {tally:?}; rows of \
                 devices, mailboxes, classes, policies {kinds:?}; {overlap} in the overlap: {ran:?}"
            );
            assert_eq!(tally[..3], [1, 0, 0], "{run:?}");
            assert_eq!(kinds, [1, 0, 0, 0], "{run:?}");
            assert!((1..=3).contains(&ran.values().sum::<u64>()), "{ran:?}: {run:?}");
            let shown = world.operator.device(organization, &phone.device_id).await.unwrap();
            assert_eq!(shown.eas.unwrap().device_os, updated.device_os);
            written = after;

            // The phone is in the overlap now, with its mailbox told.
            let before = inventory(&world, organization).await;
            let run = world.operator.sync(organization, SyncMode::Quick).await;
            let ran = since_then(&world, organization, before).await;
            println!("{organization} ({version}): nothing changed: {ran:?}");
            assert_eq!(ran.values().copied().collect::<Vec<_>>(), [1, 1], "{ran:?}: {run:?}");
            assert_eq!(run.devices_changed, 0, "{run:?}");
        }
        world.close().await;
    });
}
