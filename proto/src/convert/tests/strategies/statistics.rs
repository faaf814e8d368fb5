//! Arbitrary statistics of devices.

use exgate_domain::ids::{Generation, PartnershipId};
use exgate_domain::statistics::{DeviceStatistics, MailboxStatistics, StatisticsOutcome, Wipe};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::{device_id, guid, instants, mailbox_id, text};

fn wipe() -> impl Strategy<Value = Wipe> {
    (instants(), instants(), instants()).prop_map(|(requested_at, sent_at, acknowledged_at)| Wipe {
        requested_at,
        sent_at,
        acknowledged_at,
    })
}

prop_compose! {
    fn device()(
        partnership in option::of(guid()),
        device_id in option::of(device_id()),
        [last_success_sync_at, last_sync_attempt_at, last_policy_update_at]
            in [instants(), instants(), instants()],
        folders_synced in option::of(any::<u32>()),
        [status, status_note, policy_applied, policy_status] in [text(), text(), text(), text()],
        can_be_wiped in option::of(any::<bool>()),
        [wipe, account_wipe] in [wipe(), wipe()],
        wipe_requestor in text(),
    ) -> DeviceStatistics {
        DeviceStatistics {
            partnership: partnership.map(PartnershipId::new),
            device_id,
            last_success_sync_at,
            last_sync_attempt_at,
            last_policy_update_at,
            folders_synced,
            status,
            status_note,
            policy_applied,
            policy_status,
            can_be_wiped,
            wipe,
            account_wipe,
            wipe_requestor,
        }
    }
}

pub(in super::super) fn mailbox_statistics() -> impl Strategy<Value = MailboxStatistics> {
    let outcome = prop_oneof![
        vec(device(), 0..4).prop_map(StatisticsOutcome::Read),
        text().prop_map(StatisticsOutcome::Unknown),
        text().prop_map(StatisticsOutcome::NotAsked),
    ];
    (mailbox_id(), any::<u64>(), outcome).prop_map(|(mailbox, generation, outcome)| {
        MailboxStatistics { mailbox, generation: Generation::new(generation), outcome }
    })
}
