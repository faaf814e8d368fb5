//! The page as people read it: the unhealthy first, problems last.

use super::*;

fn stamp(text: &str) -> Option<prost_types::Timestamp> {
    let at: Timestamp = text.parse().unwrap();
    Some(prost_types::Timestamp { seconds: at.as_second(), nanos: 0 })
}

fn minutes(minutes: i64) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds: 60 * minutes, nanos: 0 })
}

fn organization(name: &str, devices: [u64; 4]) -> pb::Organization {
    let [known, allowed, blocked, quarantined] = devices;
    pb::Organization {
        name: format!("organizations/{name}"),
        mode: pb::Mode::Enforce.into(),
        quick_interval: minutes(5),
        quick_interval_scan: minutes(30),
        full_interval: minutes(24 * 60),
        devices: Some(pb::DeviceTally {
            known,
            allowed,
            blocked,
            quarantined,
            ..pb::DeviceTally::default()
        }),
        ..pb::Organization::default()
    }
}

fn connector(name: &str, state: pb::ConnectorState, quick: &str, full: &str) -> pb::Connector {
    pb::Connector {
        name: format!("organizations/{name}/connector"),
        state: state.into(),
        version: "0.1.0".into(),
        last_quick_sync_at: stamp(quick),
        last_full_sync_at: stamp(full),
        ..pb::Connector::default()
    }
}

fn now() -> Timestamp {
    "2026-11-23T14:00:00Z".parse().unwrap()
}

/// Three organizations, the last of which is the worst.
fn fleet() -> Fleet {
    use pb::ConnectorState::{Connected, Disconnected};

    let good = connector("contoso", Connected, "2026-11-23T13:58:00Z", "2026-11-23T05:00:00Z");
    let older = pb::Connector {
        version: "0.0.9".into(),
        ..connector("fabrikam", Connected, "2026-11-23T13:54:00Z", "2026-11-23T05:00:00Z")
    };
    let gone = pb::Connector {
        problem: "TLS handshake: certificate expired".into(),
        last_heard_at: stamp("2026-11-23T10:48:00Z"),
        ..connector("adatum", Disconnected, "2026-11-23T10:48:00Z", "2026-11-22T10:00:00Z")
    };
    let observed = pb::Organization {
        mode: pb::Mode::Observe.into(),
        problems: vec!["running on ex02: ex01 answers WinRM 503".into()],
        pending: Some(pb::PendingTally {
            allow: 3,
            block: 1,
            mailboxes: 4,
            ..pb::PendingTally::default()
        }),
        ..organization("fabrikam", [57, 50, 4, 3])
    };
    Fleet {
        server: pb::ServerInfo { version: "0.1.0".into(), ..pb::ServerInfo::default() },
        organizations: vec![
            (organization("contoso", [212, 188, 19, 5]), Some(good)),
            (observed, Some(older)),
            (organization("adatum", [18, 15, 1, 2]), Some(gone)),
        ],
    }
}

#[test]
fn unhealthy_organizations_come_first_and_problems_last() {
    let expected = "\
ORGANIZATION  HEALTH     STATE         QUICK SYNC  FULL SYNC  DEVICES  ALLOWED  BLOCKED  QUAR  PENDING  MODE     AGENT
adatum        unhealthy  DISCONNECTED  3h12m ago   1d4h ago        18       15        1     2        0  enforce  0.1.0
fabrikam      warning    CONNECTED     6m ago      9h ago          57       50        4     3        4  observe  0.0.9 ↑
contoso       healthy    CONNECTED     2m ago      9h ago         212      188       19     5        0  enforce  0.1.0
Health (3 problems):
  ✗ adatum    agent last heard of 3h12m ago: TLS handshake: certificate expired   → exgate describe conn/adatum
  ✗ adatum    full sync is 1d4h old (limit 1d2h)   → exgate sync adatum --full --wait
  ! fabrikam  running on ex02: ex01 answers WinRM 503   → exgate describe org/fabrikam";
    assert_eq!(render(&fleet(), now(), false, false), expected);
}

#[test]
fn all_well_is_a_table_and_nothing_else() {
    let mut fleet = fleet();
    fleet.organizations.truncate(1);
    let text = render(&fleet, now(), false, false);
    assert_eq!(text.lines().count(), 2);
    assert!(!text.contains("Health ("));
}

#[test]
fn a_silent_evaluator_and_a_broken_source_are_told() {
    let mut fleet = fleet();
    fleet.organizations.truncate(1);
    fleet.server.evaluator_problem = "connection refused".into();
    fleet.server.sources = vec![pb::SourceInfo {
        title: "intune".into(),
        problem: "devices.csv:7:3: unknown state".into(),
        ..pb::SourceInfo::default()
    }];
    let text = render(&fleet, now(), false, false);
    let last: Vec<_> = text.lines().skip(2).collect();
    assert_eq!(
        last,
        [
            "Health (2 problems):",
            "  ✗ evaluator      connection refused",
            "  ! source intune  devices.csv:7:3: unknown state",
        ]
    );
}

#[test]
fn one_silent_evaluator_of_two_is_a_warning() {
    let mut fleet = fleet();
    fleet.organizations.truncate(1);
    let evaluator = |port: u16, problem: &str| pb::EvaluatorInfo {
        endpoint: format!("http://127.0.0.1:{port}/"),
        problem: problem.into(),
        ..pb::EvaluatorInfo::default()
    };
    fleet.server.evaluators = vec![evaluator(7444, ""), evaluator(7454, "connection refused")];
    let text = render(&fleet, now(), false, false);
    assert!(text.contains("! evaluator 127.0.0.1:7454  connection refused"), "{text}");

    fleet.server.evaluators[0].problem = "connection refused".into();
    fleet.server.evaluator_problem = "connection refused".into();
    for (organization, _) in &mut fleet.organizations {
        organization.problems = vec!["nothing is decided: connection refused".into()];
    }
    let text = render(&fleet, now(), false, false);
    let last: Vec<_> = text.lines().skip(1).collect();
    assert!(last[0].starts_with("contoso       warning "), "{text}");
    assert_eq!(
        last[1..],
        [
            "Health (3 problems):",
            "  ✗ evaluators                none answers, so nothing is decided",
            "  ✗ evaluator 127.0.0.1:7444  connection refused",
            "  ✗ evaluator 127.0.0.1:7454  connection refused",
        ]
    );
}

#[test]
fn an_organization_without_agent_is_unhealthy_and_a_late_quick_sync_is_a_warning() {
    let mut fleet = fleet();
    fleet.organizations.truncate(1);
    fleet.organizations[0].1 = None;
    assert!(render(&fleet, now(), false, false).contains("no agent ever attached"));

    use pb::ConnectorState::Connected;
    let late = connector("contoso", Connected, "2026-11-23T12:00:00Z", "2026-11-23T05:00:00Z");
    fleet.organizations[0].1 = Some(late);
    let text = render(&fleet, now(), false, false);
    assert!(text.contains("! contoso  quick sync is 2h old (limit 1h30m)"), "{text}");
}

#[test]
fn a_fresh_coordinator_says_what_to_do() {
    let text = render(&Fleet::default(), now(), false, false);
    assert_eq!(text, "No organizations yet. Apply one: exgate apply -f organization.yaml");
}

#[test]
fn the_document_has_the_same_order_and_judgement() {
    let json = document(&fleet(), now()).unwrap();
    let healths: Vec<_> =
        json["organizations"].as_array().unwrap().iter().map(|it| &it["health"]).collect();
    assert_eq!(healths, ["unhealthy", "warning", "healthy"]);
    assert_eq!(json["organizations"][0]["connector"]["state"], "CONNECTOR_STATE_DISCONNECTED");
    assert_eq!(json["problems"][0]["of"], "adatum");
    assert_eq!(json["problems"][0]["next"], "exgate describe conn/adatum");
    assert_eq!(json["server"]["version"], "0.1.0");
}

#[test]
fn colour_marks_health_and_nothing_else_changes() {
    let plain = render(&fleet(), now(), false, false);
    let coloured = render(&fleet(), now(), false, true);
    assert!(!plain.contains('\u{1b}'));
    assert!(coloured.contains("\u{1b}["));
    assert_eq!(coloured.lines().count(), plain.lines().count());
}
