//! The words and tables that people read.

use exgate_proto::types::v1 as types;

use super::*;

fn tally(lose_mail: u64, gain_mail: u64, unchanged: u64) -> pb::SimulationTally {
    let cases = lose_mail + gain_mail + unchanged;
    pb::SimulationTally { cases, unchanged, lose_mail, gain_mail, ..pb::SimulationTally::default() }
}

fn row(key: &str, tally: pb::SimulationTally) -> pb::SimulationRow {
    pb::SimulationRow { key: key.to_owned(), tally: Some(tally) }
}

fn simulation() -> pb::Simulation {
    let change = |id: &str, user: &str, turn: pb::AccessTurn| pb::SimulatedChange {
        device: format!("organizations/contoso/devices/{id}-00000001"),
        turn: turn.into(),
        primary_smtp: format!("{user}@contoso.com"),
        device_model: "iPhone15C2".into(),
        platform: "iOS".into(),
        access_before: types::Access::Allow.into(),
        access_after: types::Access::Quarantine.into(),
        reasons_before: vec![types::Reason::Compliant.into()],
        reasons_after: vec![types::Reason::OsVersionTooOld.into()],
        access_state: types::AccessState::Allowed.into(),
        access_state_text: String::new(),
        predicted_state: Some(types::AccessState::Quarantined.into()),
    };
    let gained = pb::SimulatedChange {
        access_before: types::Access::Quarantine.into(),
        access_after: types::Access::Allow.into(),
        reasons_before: vec![],
        ..change("Appl2", "bob", pb::AccessTurn::GainMail)
    };
    pb::Simulation {
        simulated_at: Some(prost_types::Timestamp { seconds: 1_795_986_000, nanos: 0 }),
        replay_at: None,
        bundle_digest: "0123456789abcdef".repeat(4),
        bundle_digest_in_force: "fedcba9876543210".repeat(4),
        total: Some(pb::SimulationTally { stricter: 2, ..tally(12, 1, 272) }),
        organizations: vec![row("organizations/contoso", tally(12, 1, 272))],
        groups: vec![row("Sales", tally(0, 1, 20)), row("Mail users", tally(12, 1, 200))],
        platforms: vec![row("iOS", tally(12, 1, 272))],
        reasons: vec![row("REASON_OS_VERSION_TOO_OLD", tally(12, 0, 4))],
        changes: vec![change("Appl1", "ann", pb::AccessTurn::LoseMail), gained],
        changes_left_out: 13,
        policies_removed: vec![],
    }
}

#[test]
fn people_read_a_sentence_the_sums_and_the_first_devices() {
    let expected = "\
Tried on 285 devices as known at 2026-11-29 21:00:00 UTC; nothing was changed.
12 would lose mail, 1 would gain it, 2 would be blocked instead of quarantined, 272 keep their access.
Bundle 0123456789ab in place of fedcba987654.

GROUP       DEVICES  LOSE MAIL  GAIN MAIL  OTHER CHANGES  UNCHANGED
Mail users      213         12          1              0        200
Sales            21          0          1              0         20

PLATFORM  DEVICES  LOSE MAIL  GAIN MAIL  OTHER CHANGES  UNCHANGED
iOS           285         12          1              0        272

REASON              DEVICES  LOSE MAIL  GAIN MAIL  OTHER CHANGES  UNCHANGED
OS_VERSION_TOO_OLD       16         12          0              0          4

CHANGE     DEVICE  ORGANIZATION  USER             MODEL       ACCESS              REASON BEFORE  REASON AFTER
lose mail  Appl1   contoso       ann@contoso.com  iPhone15C2  allow → quarantine  COMPLIANT      OS_VERSION_TOO_OLD
gain mail  Appl2   contoso       bob@contoso.com  iPhone15C2  quarantine → allow  -              OS_VERSION_TOO_OLD
… and 13 more (--changes N shows more, --all shows all)";
    let mut told = simulation();
    told.total = Some(pb::SimulationTally { cases: 285, ..told.total.unwrap() });
    assert_eq!(text(&told, &[], false, false), expected);
}

#[test]
fn one_table_can_be_asked_for_and_wide_screens_show_more() {
    let one = text(&simulation(), &[By::Organization], true, false);
    assert!(one.contains("ORGANIZATION  DEVICES  LOSE MAIL  GAIN MAIL  STRICTER  LOOSER"), "{one}");
    assert!(!one.contains("PLATFORM  DEVICES") && !one.contains("GROUP"), "{one}");
    assert!(one.contains("IN EXCHANGE  PREDICTED"), "{one}");
    assert!(!one.contains('\u{1b}'));
    assert!(text(&simulation(), &[], false, true).contains('\u{1b}'));
}

#[test]
fn a_replay_and_an_idle_change_say_so() {
    let replay = pb::Simulation {
        replay_at: Some(prost_types::Timestamp { seconds: 1_795_953_600, nanos: 0 }),
        bundle_digest_in_force: simulation().bundle_digest,
        total: Some(tally(0, 0, 1)),
        organizations: vec![],
        groups: vec![],
        platforms: vec![],
        reasons: vec![],
        changes: vec![],
        changes_left_out: 0,
        ..simulation()
    };
    let expected = "\
Tried on 1 decision in force at 2026-11-29 12:00:00 UTC; nothing was changed.
0 would lose mail, 0 would gain it, 1 keep their access.
Bundle 0123456789ab is in force already.";
    assert_eq!(text(&replay, &[], false, false), expected);
}

#[test]
fn policies_that_would_go_are_told() {
    let policies_removed = vec!["policies/board".into(), "policies/phones".into()];
    let told = text(&pb::Simulation { policies_removed, ..simulation() }, &[], false, false);
    let line =
        "\nIt would remove policies/board, policies/phones, which apply does with --prune only.";
    assert!(told.contains(line), "{told}");
}

#[test]
fn a_long_table_is_cut_with_the_gravest_rows_on_top() {
    let rows: Vec<_> = (0..30).map(|n| row(&format!("Group {n:02}"), tally(n, 0, 5))).collect();
    let table = sums("GROUP", &rows, false, false);
    let lines: Vec<_> = table.lines().collect();
    assert!(lines[1].starts_with("Group 29"), "{table}");
    assert_eq!(lines.len(), 1 + ROWS_MAX + 1);
    assert_eq!(lines[ROWS_MAX + 1], "… and 10 more (-o json has all)");
}
