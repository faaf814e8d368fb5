//! What a sync costs when nothing, or little, has changed: in cmdlets by Exchange's own count, in rows
//! by the store's.

use std::collections::BTreeMap;

use exgate_proto::types::v1::Access;
use exgate_tests::exchange::iphone;
use exgate_tests::scenario;
use exgate_tests::world::{List, Options, RowsWritten, World};

/// Cmdlets that read the inventory; others read the configuration, whatever its size.
const INVENTORY: [&str; 3] = ["Get-CASMailbox", "Get-MobileDevice", "Get-ActiveSyncDevice"];
/// How many cmdlets may read the configuration in one run.
const CONFIGURATION_MAX: u64 = 12;

/// Cmdlets that ran between two looks.
fn ran(before: &BTreeMap<String, u64>, after: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let count = |(name, count): (&String, &u64)| {
        let more = count - before.get(name).copied().unwrap_or_default();
        (more > 0).then(|| (name.clone(), more))
    };
    after.iter().filter_map(count).collect()
}

fn inventory(ran: &BTreeMap<String, u64>) -> u64 {
    INVENTORY.iter().filter_map(|name| ran.get(*name)).sum()
}

/// A house with one allowed phone in each organization, at rest.
async fn at_rest() -> World {
    let organizations = vec![("contoso", "2019"), ("fabrikam", "2010")];
    let options =
        Options { organizations, mailboxes: 60, devices: 90, is_real: true, ..Options::default() };
    let mut world = World::start(options).await;
    for organization in ["contoso", "fabrikam"] {
        world.enforce(organization).await;
        let mailboxes = world.exchange.mailboxes(organization).await;
        let ann = mailboxes.into_iter().find(|mailbox| !mailbox.has_partnership).unwrap();
        world.records.person(&ann);
        let phone = iphone(&ann, "APPLREST001");
        let phone = world.exchange.connect_and_decide(organization, phone).await;
        world.records.enrol(&phone, true);
        world.write_records().await;
        world.operator.quick(organization).await;
        world.listed(&phone, List::Allowed).await;
        world.exchange.call_later(organization, &phone).await;
        world.operator.full(organization).await;
        world.settled(organization).await;
    }
    world
}

/// C1, C2, C3, and the store's side of them, on a server that filters by change and on one that does
/// not.
#[test]
fn a_repeated_sync_changes_nothing_and_writes_no_device() {
    scenario(async {
        let world = at_rest().await;
        for organization in ["contoso", "fabrikam"] {
            let ledger = world.exchange.ledger(organization).await;
            let mut rows = world.rows_written(&RowsWritten::new()).await;
            assert!(["device", "mailbox", "decision", "command"].iter().all(|it| rows[*it] > 0));
            for is_full in [true, false, false] {
                let cmdlets = world.exchange.cmdlets(organization).await;

                let run = if is_full {
                    world.operator.full(organization).await
                } else {
                    world.operator.quick(organization).await
                };

                let rows_after = world.rows_written(&rows).await;
                let written = ran(&rows, &rows_after);
                rows = rows_after;
                let ran = ran(&cmdlets, &world.exchange.cmdlets(organization).await);
                let shown =
                    format!("{organization}, full: {is_full}: {ran:?}; {written:?}; {run:?}");
                assert_eq!(
                    run.devices_changed + run.devices_added + run.devices_removed,
                    0,
                    "{shown}"
                );
                assert_eq!(written.get("device"), None, "{shown}");
                assert_eq!(written.get("mailbox"), None, "{shown}");
                assert_eq!(written.get("decision"), None, "{shown}");
                assert_eq!(written.get("command"), None, "{shown}");
                assert!(ran.keys().all(|name| name.starts_with("Get-")), "{shown}");
                let pages = run.devices_seen.div_ceil(500);
                // C1, and C2 with k = 0.
                assert!(inventory(&ran) <= if is_full { 3 + pages } else { 2 }, "{shown}");
                assert!(
                    ran.values().sum::<u64>() - inventory(&ran) <= CONFIGURATION_MAX,
                    "{shown}"
                );
                assert_eq!(world.exchange.ledger(organization).await, ledger);
            }
        }
        world.close().await;
    });
}

/// C2 and C3 with k = 3, one of which needs a change.
#[test]
fn a_quick_sync_costs_what_changed() {
    scenario(async {
        let mut world = at_rest().await;
        let organization = "contoso";
        let every = world.exchange.devices(organization).await;
        // An old phone that Exchange hears something new of, twice, and a new phone.
        for device in every.iter().filter(|device| device.device_id != "APPLREST001").take(2) {
            let mailbox = world.exchange.mailbox(organization, &device.mailbox.to_string()).await;
            let new = iphone(&mailbox, &format!("APPLNEW{}", &device.guid.to_string()[..6]));
            world.exchange.connect_and_decide(organization, new).await;
        }
        let mailboxes = world.exchange.mailboxes(organization).await;
        let bob = mailboxes.into_iter().filter(|mailbox| !mailbox.has_partnership).nth(1).unwrap();
        world.records.person(&bob);
        let phone = iphone(&bob, "APPLNEWBOB1");
        let phone = world.exchange.connect_and_decide(organization, phone).await;
        world.records.enrol(&phone, true);
        world.write_records().await;
        let cmdlets = world.exchange.cmdlets(organization).await;
        let ledger = world.exchange.ledger(organization).await.len();

        let run = world.operator.quick(organization).await;

        let looked = ran(&cmdlets, &world.exchange.cmdlets(organization).await);
        assert_eq!(run.devices_added, 3, "{run:?}");
        world.decided(&phone, Access::Allow).await;
        world.listed(&phone, List::Allowed).await;
        world.settled(organization).await;
        assert_eq!(world.exchange.ledger(organization).await.len(), ledger + 1);
        // The change itself may have begun while the sync was ending: one cmdlet and its read-back.
        assert!(inventory(&looked) <= 2 + 3 + 1, "{looked:?}");
        world.close().await;
    });
}
