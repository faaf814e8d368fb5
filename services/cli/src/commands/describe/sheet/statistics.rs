//! What a mailbox knows of a device: when it last synced, which policy it took over, how a wipe stands;
//! and how old that is.

use exgate_proto::types::v1 as types;
use exgate_proto::v1 as pb;
use jiff::Timestamp;

use super::Sheet;
use crate::render::{count, since};

/// Continues a device's sheet with what its mailbox knows of it, once that was asked.
pub(super) fn written(sheet: Sheet, it: &pb::Device, now: Timestamp) -> Sheet {
    let Some(read_at) = &it.statistics_read_at else { return sheet };
    let when = since(Some(read_at), now);
    let Some(known) = &it.statistics else {
        let why = match it.statistics_failure.as_str() {
            "" => "its mailbox does not know it",
            failure => failure,
        };
        return sheet.line("Statistics", format!("unknown: {why} (asked {when})"));
    };
    let note = match known.status_note.as_str() {
        "" => String::new(),
        note => format!(" ({note})"),
    };
    let policy = [known.policy_applied.as_str(), known.policy_status.as_str()];
    let policy: Vec<_> = policy.into_iter().filter(|text| !text.is_empty()).collect();
    let updated = since(known.last_policy_update_at.as_ref(), now);
    sheet
        .line("Last sync", since(known.last_success_sync_at.as_ref(), now))
        .line("Last sync attempt", since(known.last_sync_attempt_at.as_ref(), now))
        .line(
            "Folders synced",
            known.folders_synced.map_or(String::new(), |it| count(it.into(), "folder")),
        )
        .line("Device status", format!("{}{note}", known.status))
        .line("Policy applied", policy.join(", "))
        .line("Policy updated", updated)
        .line("Wipe", wipe(known.wipe.as_ref(), &known.wipe_requestor, now))
        .line("Account wipe", wipe(known.account_wipe.as_ref(), &known.wipe_requestor, now))
        .line("Statistics", format!("read {when}"))
}

/// How far a wipe has come.
fn wipe(wipe: Option<&types::Wipe>, requestor: &str, now: Timestamp) -> String {
    let Some(wipe) = wipe else { return String::new() };
    let by = if requestor.is_empty() { String::new() } else { format!(" by {requestor}") };
    let steps = [
        (&wipe.requested_at, format!("asked for{by}")),
        (&wipe.sent_at, "sent".to_owned()),
        (&wipe.acknowledged_at, "confirmed".to_owned()),
    ];
    let told = steps
        .into_iter()
        .filter_map(|(at, what)| at.as_ref().map(|at| format!("{what} {}", since(Some(at), now))));
    told.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use prost_types::Timestamp as Wire;

    use super::*;

    fn now() -> Timestamp {
        "2026-11-23T14:00:00Z".parse().unwrap()
    }

    fn ago(seconds: i64) -> Option<Wire> {
        Some(Wire { seconds: now().as_second() - seconds, nanos: 0 })
    }

    fn text(it: &pb::Device) -> String {
        written(Sheet::default(), it, now()).next(&[])
    }

    #[test]
    fn what_is_known_is_shown_with_its_age_and_what_is_not_is_called_unknown() {
        let known = types::DeviceStatistics {
            last_success_sync_at: ago(3 * 3600),
            folders_synced: Some(8),
            status: "DeviceWipePending".into(),
            policy_status: "AppliedInFull".into(),
            wipe: Some(types::Wipe { requested_at: ago(600), ..Default::default() }),
            wipe_requestor: "CONTOSO\\admin".into(),
            ..Default::default()
        };
        let it = pb::Device {
            statistics: Some(known),
            statistics_read_at: ago(60),
            ..Default::default()
        };
        let shown = text(&it);
        for line in [
            "Folders synced:     8 folders\n",
            "Device status:      DeviceWipePending\n",
            "Policy applied:     AppliedInFull\n",
            "Wipe:               asked for by CONTOSO\\admin ",
            "Statistics:         read ",
        ] {
            assert!(shown.contains(line), "{line:?} in {shown}");
        }
        assert!(shown.contains("Last sync:  ") && !shown.contains("Last sync attempt"), "{shown}");

        let offline = pb::Device {
            statistics_read_at: ago(60),
            statistics_failure: "the database is offline".into(),
            ..Default::default()
        };
        let shown = text(&offline);
        assert!(shown.starts_with("Statistics:         unknown: the database is offline (asked "));
        assert_eq!(text(&pb::Device::default()), "", "nobody wants any");
    }
}
