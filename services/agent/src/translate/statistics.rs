//! What a mailbox knows of a device, in our words. Nothing is decided by these, so Exchange's words for a
//! state stay as they are; one that is new is counted.

use exgate_domain::ids::PartnershipId;
use exgate_domain::statistics::{DeviceStatistics, Wipe};
use exgate_exchange::cmdlets::DeviceStatisticsRow;

use super::Untranslatable;
use crate::metrics;

/// Members of `DeviceRemoteWipeStatus`; those of an account-only wipe, 2016 and later, are unverified.
const STATUSES: [&str; 6] = [
    "DeviceOk",
    "DeviceBlocked",
    "DeviceWipePending",
    "DeviceWipeSucceeded",
    "AccountOnlyDeviceWipePending",
    "AccountOnlyDeviceWipeSucceeded",
];
/// Members of `DevicePolicyApplicationStatus`.
const POLICY_STATUSES: [&str; 5] =
    ["Unknown", "NotApplied", "AppliedInFull", "PartiallyApplied", "ExternallyManaged"];

/// The statistics of one device.
///
/// # Errors
/// When it cannot be told whose they are.
pub fn statistics(row: DeviceStatisticsRow) -> Result<DeviceStatistics, Untranslatable> {
    let device_id = row.device_id.and_then(|id| id.parse().ok());
    let partnership = row.guid.map(PartnershipId::new);
    if device_id.is_none() && partnership.is_none() {
        return Err(Untranslatable::Missing { what: "device's statistics", property: "DeviceID" });
    }
    Ok(DeviceStatistics {
        partnership,
        device_id,
        last_success_sync_at: row.last_success_sync,
        last_sync_attempt_at: row.last_sync_attempt_time,
        last_policy_update_at: row.last_policy_update_time,
        folders_synced: row.number_of_folders_synced,
        status: word("DeviceRemoteWipeStatus", row.status, &STATUSES),
        status_note: row.status_note.unwrap_or_default(),
        policy_applied: row.device_policy_applied.unwrap_or_default(),
        policy_status: word(
            "DevicePolicyApplicationStatus",
            row.device_policy_application_status,
            &POLICY_STATUSES,
        ),
        can_be_wiped: row.is_remote_wipe_supported,
        wipe: Wipe {
            requested_at: row.device_wipe_request_time,
            sent_at: row.device_wipe_sent_time,
            acknowledged_at: row.device_wipe_ack_time,
        },
        account_wipe: Wipe {
            requested_at: row.account_only_wipe_request_time,
            sent_at: row.account_only_wipe_sent_time,
            acknowledged_at: row.account_only_wipe_ack_time,
        },
        wipe_requestor: row.last_device_wipe_requestor.unwrap_or_default(),
    })
}

fn word(what: &'static str, word: Option<String>, known: &[&str]) -> String {
    let word = word.unwrap_or_default();
    if !word.is_empty() && !known.contains(&word.as_str()) {
        metrics::unrecognised(what);
    }
    word
}

#[cfg(test)]
mod tests {
    use exgate_exchange::clixml::{Columns, Row as Fields};
    use exgate_exchange::cmdlets::Row;
    use uuid::Uuid;

    use super::*;

    const GUID: Uuid = Uuid::from_u128(0x7f3c_2f1e);

    fn read(properties: &str) -> Result<DeviceStatistics, Untranslatable> {
        let xml = format!("<Obj RefId=\"0\"><Props>{properties}</Props></Obj>");
        let columns = Columns::new(DeviceStatisticsRow::COLUMNS.iter().copied());
        let fields = Fields::read(xml.as_bytes(), &columns).unwrap();
        statistics(DeviceStatisticsRow::from_fields(&fields).unwrap())
    }

    #[test]
    fn what_a_mailbox_knows_is_kept_and_what_it_does_not_say_is_unknown() {
        let read = read(&format!(
            "<S N=\"DeviceID\">ApplF17</S><G N=\"Guid\">{GUID}</G>\
             <DT N=\"LastSuccessSync\">2026-11-23T10:00:00Z</DT>\
             <I32 N=\"NumberOfFoldersSynced\">8</I32><Nil N=\"StatusNote\" />\
             <S N=\"Status\">DeviceMisplaced</S>\
             <DT N=\"DeviceWipeRequestTime\">2026-11-23T11:00:00Z</DT>"
        ))
        .unwrap();

        assert_eq!(read.partnership, Some(PartnershipId::new(GUID)));
        assert_eq!(read.device_id, "ApplF17".parse().ok());
        assert_eq!(read.last_success_sync_at, "2026-11-23T10:00:00Z".parse().ok());
        assert_eq!((read.last_sync_attempt_at, read.folders_synced), (None, Some(8)));
        assert_eq!(read.status, "DeviceMisplaced", "a word that is new survives");
        assert_eq!(read.wipe.requested_at, "2026-11-23T11:00:00Z".parse().ok());
        assert_eq!((read.wipe.sent_at, read.account_wipe), (None, Wipe::default()));
    }

    #[test]
    fn statistics_of_nobody_are_refused() {
        let nobody = "<DT N=\"LastSuccessSync\">2026-11-23T10:00:00Z</DT>";
        assert!(matches!(read(nobody), Err(Untranslatable::Missing { .. })));
        assert!(read(&format!("{nobody}<G N=\"Guid\">{GUID}</G>")).is_ok());
    }
}
