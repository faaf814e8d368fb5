//! Which columns each kind has, and what stands in them.

use exgate_proto::types::v1 as types;

use super::*;

fn stamp(text: &str) -> Option<prost_types::Timestamp> {
    let at: Timestamp = text.parse().unwrap();
    Some(prost_types::Timestamp { seconds: at.as_second(), nanos: 0 })
}

fn view(wide: bool) -> View {
    View { now: "2026-11-23T14:00:00Z".parse().unwrap(), wide, color: false }
}

fn device() -> pb::Device {
    pb::Device {
        name: "organizations/contoso/devices/ApplDNPG1234-3f2a91c0".into(),
        eas: Some(types::EasDevice {
            device_type: "iPhone".into(),
            device_model: "iPhone15C2".into(),
            device_os: "iOS 19.1".into(),
            access_state: types::AccessState::Blocked.into(),
            access_reason: types::AccessReason::Individual.into(),
            ..types::EasDevice::default()
        }),
        primary_smtp: "ann@contoso.com".into(),
        intended: types::Access::Block.into(),
        compliance: types::Compliance::NotCompliant.into(),
        reasons: vec![types::Reason::NotCompliant.into(), types::Reason::OsVersionTooOld.into()],
        seen_at: stamp("2026-11-23T13:59:00Z"),
        ..pb::Device::default()
    }
}

#[test]
fn a_device_shows_what_is_and_what_should_be() {
    let unseen = pb::Device {
        name: "organizations/contoso/devices/Droid-1-00000002".into(),
        eas: Some(types::EasDevice {
            device_type: "Android".into(),
            access_state: types::AccessState::Unrecognised.into(),
            access_state_text: "Frozen".into(),
            ..types::EasDevice::default()
        }),
        intended: types::Access::Leave.into(),
        ..pb::Device::default()
    };
    let expected = "\
DEVICE        ORGANIZATION  USER             MODEL       STATE    INTENDED  REASON         SEEN
ApplDNPG1234  contoso       ann@contoso.com  iPhone15C2  blocked  block     NOT_COMPLIANT  1m ago
Droid-1       contoso       -                Android     Frozen   leave     -              -";
    assert_eq!(Row::table(&[device(), unseen], &view(false)).text(), expected);
}

#[test]
fn wide_adds_columns_and_takes_none_away() {
    let narrow = Row::table(&[device()], &view(false)).text();
    let wide = Row::table(&[device()], &view(true)).text();
    for (short, long) in narrow.lines().zip(wide.lines()) {
        assert!(long.starts_with(short), "{long}");
    }
    assert!(wide.ends_with(
        "individual  not compliant  iOS 19.1  organizations/contoso/devices/ApplDNPG1234-3f2a91c0"
    ));
}

#[test]
fn a_sync_shows_what_it_found_and_how_long_it_took() {
    let run = pb::SyncRun {
        name: "organizations/contoso/syncRuns/0198a1b2-0000-7000-8000-000000000001".into(),
        mode: pb::SyncMode::Full.into(),
        state: pb::SyncRunState::Succeeded.into(),
        requested_at: stamp("2026-11-23T13:50:00Z"),
        started_at: stamp("2026-11-23T13:50:01Z"),
        ended_at: stamp("2026-11-23T13:51:15Z"),
        devices_seen: 212,
        devices_added: 3,
        devices_changed: 1,
        ..pb::SyncRun::default()
    };
    let expected = "\
SYNC                                  ORGANIZATION  MODE  STATE      REQUESTED  TOOK   SEEN  ADDED  CHANGED  REMOVED
0198a1b2-0000-7000-8000-000000000001  contoso       full  succeeded  10m ago    1m14s   212      3        1        0";
    assert_eq!(Row::table(&[run], &view(false)).text(), expected);
}

#[test]
fn connectors_organizations_and_policies_have_their_columns() {
    let connector = pb::Connector {
        name: "organizations/contoso/connector".into(),
        state: pb::ConnectorState::Connected.into(),
        exchange_server: "ex01.contoso.com".into(),
        version: "0.1.0".into(),
        last_heard_at: stamp("2026-11-23T13:59:58Z"),
        ..pb::Connector::default()
    };
    let expected = "\
ORGANIZATION  STATE      EXCHANGE          AGENT  LAST HEARD  QUICK SYNC  FULL SYNC
contoso       CONNECTED  ex01.contoso.com  0.1.0  2s ago      -           -";
    assert_eq!(Row::table(&[connector], &view(false)).text(), expected);

    let organization = pb::Organization {
        name: "organizations/contoso".into(),
        mode: pb::Mode::Observe.into(),
        created_at: stamp("2026-11-20T14:00:00Z"),
        ..pb::Organization::default()
    };
    let expected = "\
NAME     MODE     DEVICES  ALLOWED  BLOCKED  QUAR  PENDING  AGE
contoso  observe        0        0        0     0        0  3d";
    assert_eq!(Row::table(&[organization], &view(false)).text(), expected);

    let policy = pb::Policy {
        name: "policies/mail-access".into(),
        kind: "AccessPolicy".into(),
        path: "policies/mail.yaml".into(),
        applied_at: stamp("2026-11-23T13:00:00Z"),
        ..pb::Policy::default()
    };
    let expected = "\
NAME         KIND          FILE                APPLIED
mail-access  AccessPolicy  policies/mail.yaml  1h ago";
    assert_eq!(Row::table(&[policy], &view(false)).text(), expected);
}
