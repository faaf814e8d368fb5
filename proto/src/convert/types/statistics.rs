//! Statistics of devices. What Exchange does not say is absent or empty on both sides of the gate.

use exgate_domain::ids::PartnershipId;
use exgate_domain::statistics::{DeviceStatistics, Wipe};

use crate::convert::Malformed;
use crate::convert::field::{guid, id, instant_if_any, to_instant};
use crate::types::v1 as pb;

impl From<Wipe> for pb::Wipe {
    fn from(wipe: Wipe) -> Self {
        let Wipe { requested_at, sent_at, acknowledged_at } = wipe;
        Self {
            requested_at: requested_at.map(to_instant),
            sent_at: sent_at.map(to_instant),
            acknowledged_at: acknowledged_at.map(to_instant),
        }
    }
}

impl TryFrom<pb::Wipe> for Wipe {
    type Error = Malformed;

    fn try_from(wire: pb::Wipe) -> Result<Self, Malformed> {
        let pb::Wipe { requested_at, sent_at, acknowledged_at } = wire;
        Ok(Self {
            requested_at: instant_if_any("requested_at", requested_at)?,
            sent_at: instant_if_any("sent_at", sent_at)?,
            acknowledged_at: instant_if_any("acknowledged_at", acknowledged_at)?,
        })
    }
}

impl From<DeviceStatistics> for pb::DeviceStatistics {
    fn from(statistics: DeviceStatistics) -> Self {
        let DeviceStatistics {
            partnership,
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
        } = statistics;
        let given = |wipe: Wipe| (wipe != Wipe::default()).then(|| wipe.into());
        Self {
            guid: partnership.map(|id| id.guid().as_bytes().to_vec()).unwrap_or_default(),
            device_id: device_id.map(String::from).unwrap_or_default(),
            last_success_sync_at: last_success_sync_at.map(to_instant),
            last_sync_attempt_at: last_sync_attempt_at.map(to_instant),
            last_policy_update_at: last_policy_update_at.map(to_instant),
            folders_synced,
            status,
            status_note,
            policy_applied,
            policy_status,
            can_be_wiped,
            wipe: given(wipe),
            account_wipe: given(account_wipe),
            wipe_requestor,
        }
    }
}

impl TryFrom<pb::DeviceStatistics> for DeviceStatistics {
    type Error = Malformed;

    fn try_from(wire: pb::DeviceStatistics) -> Result<Self, Malformed> {
        let pb::DeviceStatistics {
            guid: bytes,
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
        } = wire;
        let partnership = (!bytes.is_empty()).then(|| guid("guid", &bytes)).transpose()?;
        let device_id = (!device_id.is_empty()).then(|| id("device_id", &device_id)).transpose()?;
        let read = |name: &str, wipe: Option<pb::Wipe>| {
            let read = wipe.map(Wipe::try_from).transpose().map_err(|it| it.within(name));
            read.map(Option::unwrap_or_default)
        };
        Ok(Self {
            partnership: partnership.map(PartnershipId::new),
            device_id,
            last_success_sync_at: instant_if_any("last_success_sync_at", last_success_sync_at)?,
            last_sync_attempt_at: instant_if_any("last_sync_attempt_at", last_sync_attempt_at)?,
            last_policy_update_at: instant_if_any("last_policy_update_at", last_policy_update_at)?,
            folders_synced,
            status,
            status_note,
            policy_applied,
            policy_status,
            can_be_wiped,
            wipe: read("wipe", wipe)?,
            account_wipe: read("account_wipe", account_wipe)?,
            wipe_requestor,
        })
    }
}
