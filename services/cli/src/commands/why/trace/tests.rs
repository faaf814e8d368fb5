//! A device's explanation in sentences, from record to cmdlet.

use super::*;

fn stamp(text: &str) -> Option<prost_types::Timestamp> {
    let at: Timestamp = text.parse().unwrap();
    Some(prost_types::Timestamp { seconds: at.as_second(), nanos: 0 })
}

fn now() -> Timestamp {
    "2026-11-23T14:09:10Z".parse().unwrap()
}

fn eas() -> types::EasDevice {
    types::EasDevice {
        device_id: "ApplDNPG1234".into(),
        device_model: "iPhone15C2".into(),
        device_os: "iOS 16.1".into(),
        access_state: types::AccessState::Blocked.into(),
        access_reason: types::AccessReason::Individual.into(),
        ..types::EasDevice::default()
    }
}

fn device() -> pb::Device {
    pb::Device {
        name: "organizations/contoso/devices/ApplDNPG1234-3f2a91c0".into(),
        eas: Some(eas()),
        primary_smtp: "ann@contoso.com".into(),
        reasons: vec![types::Reason::OsVersionTooOld.into()],
        decided_at: stamp("2026-11-23T14:02:10Z"),
        seen_at: stamp("2026-11-23T14:03:02Z"),
        ..pb::Device::default()
    }
}

fn case() -> types::Case {
    let provenance = || {
        let read_at = stamp("2026-11-23T14:01:58Z");
        Some(types::Provenance { source: "intune".into(), read_at })
    };
    types::Case {
        primary_smtp: "ann@contoso.com".into(),
        device: Some(eas()),
        owner: Some(types::User {
            user_principal_name: "ann@contoso.com".into(),
            groups: vec!["Mail users".into()],
            licensed: Some(true),
            provenance: provenance(),
            ..types::User::default()
        }),
        management: Some(types::case::Management::Managed(types::MatchedRecord {
            record: Some(types::ManagedDevice {
                id: "d-4711".into(),
                operating_system: "iOS".into(),
                os_version: "16.1".into(),
                is_encrypted: Some(true),
                compliance_state: types::ComplianceState::Compliant.into(),
                last_check_in_at: stamp("2026-11-23T13:00:00Z"),
                provenance: provenance(),
                ..types::ManagedDevice::default()
            }),
            basis: types::MatchBasis::EasIdAndUser.into(),
        })),
        ..types::Case::default()
    }
}

fn tried(policy: &str, rule: &str, outcome: types::Outcome, detail: &str) -> types::Tried {
    types::Tried {
        policy: policy.into(),
        rule: rule.into(),
        outcome: outcome.into(),
        detail: detail.into(),
    }
}

fn blocked() -> pb::ExplainDeviceResponse {
    use types::Outcome::{NotSatisfied, Satisfied};

    pb::ExplainDeviceResponse {
        device: Some(device()),
        case: Some(case()),
        decision: Some(types::Decision {
            access: types::Access::Block.into(),
            compliance: types::Compliance::NotCompliant.into(),
            reasons: vec![
                types::Reason::OsVersionTooOld.into(),
                types::Reason::NotCompliant.into(),
            ],
            policy: "mail-access".into(),
            trace: vec![
                tried("mail-access", "includedGroups", Satisfied, "owner is in \"Mail users\""),
                tried("ios", "platforms.iOS.osMinimumVersion", NotSatisfied, "16.1, wants 17.4"),
            ],
            bundle_digest: vec![0x7b, 0xe1, 0xc2, 0x00],
            ..types::Decision::default()
        }),
        sentences: vec!["iOS 16.1 is older than 17.4.".into()],
        cures: vec!["the user updates to iOS 17.4 or later and checks in".into()],
        prediction: Some(pb::Prediction {
            state: types::AccessState::Blocked.into(),
            reason: types::AccessReason::Individual.into(),
            step: 4,
            step_title: "the id is on the mailbox's blocked list".into(),
            agrees: true,
            ..pb::Prediction::default()
        }),
        commands: vec![pb::CommandRecord {
            state: "done".into(),
            cmdlet: "Set-CASMailbox ann -ActiveSyncBlockedDeviceIDs @{Add='ApplDNPG1234'}".into(),
            server: "ex01".into(),
            answered_at: stamp("2026-11-23T14:02:10Z"),
            took_ms: 212,
            trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".into(),
            ..pb::CommandRecord::default()
        }],
        ..pb::ExplainDeviceResponse::default()
    }
}

#[test]
fn a_blocked_device_is_explained_from_record_to_cure() {
    let expected = "\
BLOCKED   reason OS_VERSION_TOO_OLD   since 2026-11-23 14:02:10 UTC (7m ago)   ann@contoso.com   iPhone15C2, iOS 16.1
  1 record    device d-4711 iOS 16.1 MDM says compliant encrypted=yes jailbroken=unknown   last check-in 1h9m ago   source intune, read 2026-11-23 14:01:58 UTC (7m12s ago)
      owner ann@contoso.com: licensed, in Mail users   source intune, read 2026-11-23 14:01:58 UTC (7m12s ago)
  2 match     ActiveSync id ApplDNPG1234 ↔ d-4711 by ActiveSync id and user
  3 rules     bundle 7be1c2…, policy mail-access decided
      ✔ mail-access  includedGroups                  owner is in \"Mail users\"
      ✗ ios          platforms.iOS.osMinimumVersion  16.1, wants 17.4
  4 decision  block: OS_VERSION_TOO_OLD, NOT_COMPLIANT   not compliant   decided 7m ago
      iOS 16.1 is older than 17.4.
  5 exchange  step 4 of 9: the id is on the mailbox's blocked list → blocked (individual)   predicted = observed ✔
  6 commands  done       Set-CASMailbox ann -ActiveSyncBlockedDeviceIDs @{Add='ApplDNPG1234'}   212 ms   ex01   7m ago   trace 4bf92f3577b34da6a3ce929d0e0e4736
  7 observed  blocked (individual)   seen 2026-11-23 14:03:02 UTC (6m8s ago)
To restore access: the user updates to iOS 17.4 or later and checks in";
    assert_eq!(text(&blocked(), now(), false), expected);
}

#[test]
fn a_decision_of_the_past_leaves_out_what_exchange_shows_now() {
    let mut it = blocked();
    it.at = stamp("2026-10-31T08:00:00Z");
    it.decided_at = stamp("2026-10-30T14:09:10Z");
    let said = text(&it, now(), false);
    assert!(said.starts_with("In Exchange today:\nBLOCKED"), "{said}");
    let then = "\nAs decided at 2026-10-31 08:00:00 UTC, with the ages of then:\n  1 record ";
    assert!(said.contains(then), "{said}");
    assert!(said.contains("not compliant   decided 17h50m ago"), "{said}");
    assert!(said.contains("5 commands") && !said.contains("observed "), "{said}");

    it.decision = None;
    it.sentences = vec!["Nothing had been decided about it then.".into()];
    let said = text(&it, now(), false);
    assert!(said.contains("none yet\n      Nothing had been decided"), "{said}");
}

#[test]
fn a_device_nobody_asked_about_says_at_which_station_it_stopped() {
    let it = pb::ExplainDeviceResponse {
        device: Some(pb::Device {
            eas: Some(types::EasDevice {
                access_state: types::AccessState::Quarantined.into(),
                access_reason: types::AccessReason::Global.into(),
                ..types::EasDevice::default()
            }),
            ..pb::Device::default()
        }),
        held: "no policy is in force".into(),
        ..pb::ExplainDeviceResponse::default()
    };
    let expected = "\
QUARANTINED   reason NOT_DECIDED
  1 record    no question was put yet
  2 match     -
  3 rules     -
  4 decision  none yet
  5 exchange  cannot be predicted: mailbox, rules or settings were not seen
  6 commands  none
  7 observed  quarantined (global)   seen -
Held: no policy is in force";
    assert_eq!(text(&it, now(), false), expected);
}

#[test]
fn why_no_record_matched_is_told_apart() {
    let with = |management| {
        let mut it = blocked();
        it.case = Some(types::Case { management: Some(management), ..case() });
        text(&it, now(), false)
    };
    let unmanaged = |why: types::Unmatched| types::case::Management::Unmanaged(why.into());

    assert!(with(unmanaged(types::Unmatched::NoRecord)).contains("no record names"));
    assert!(with(unmanaged(types::Unmatched::OtherUser)).contains("for somebody else"));
    assert!(with(unmanaged(types::Unmatched::Ambiguous)).contains("several records fit"));
    let unavailable = types::case::Management::Unavailable("intune is 3d old".into());
    assert!(with(unavailable).contains("1 record    not available: intune is 3d old"));
}

#[test]
fn a_prediction_that_does_not_hold_is_marked() {
    let mut it = blocked();
    if let Some(prediction) = &mut it.prediction {
        prediction.agrees = false;
    }
    assert!(text(&it, now(), false).contains("predicted ≠ observed ✗"));
}

#[test]
fn a_change_that_was_not_looked_at_yet_is_no_contradiction() {
    let mut it = blocked();
    if let (Some(device), Some(prediction)) = (&mut it.device, &mut it.prediction) {
        device.seen_at = stamp("2026-11-23T14:02:09Z");
        device.intended = types::Access::Allow.into();
        prediction.agrees = false;
    }
    let text = text(&it, now(), false);
    assert!(text.starts_with("BLOCKED   intended allow   reason"), "{text}");
    assert!(text.contains("not looked at since the last command"), "{text}");
    assert!(!text.contains('≠'), "{text}");
}

#[test]
fn what_is_left_alone_has_no_access_to_restore() {
    let mut it = blocked();
    if let Some(decision) = &mut it.decision {
        decision.access = types::Access::Leave.into();
    }
    let text = text(&it, now(), false);
    assert!(text.contains("\nTo have it decided: the user updates"), "{text}");
}
