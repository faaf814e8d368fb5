//! What comes after the records: devices that nobody uses, mailboxes with too many, protected people.

use exgate_domain::case::{Case, Sibling};
use exgate_domain::observation::AccessState;
use exgate_domain::record::ComplianceState::Noncompliant;

use super::sources::{EXACT, IDLE, LIMITS, PROTECTED};
use super::{NEVER, Policies, Row, groups, mdm, owner, rows, says, unavailable, unknown, version};
use crate::verdict::fixture::at;

const IDLE_AFTER: Policies =
    says("inactiveAfter: 60d\naccess: { inactive: block, unmanaged: allow }");
const IDLE_HELD: Policies =
    says("inactiveAfter: 60d\naccess: { notCompliant: block, unmanaged: quarantine }");
const TWO: Policies =
    says("maximumDevices: { count: 2, access: block }\naccess: { unmanaged: allow }");
const LAST: Policies = says("maximumDevices: { count: 1, keep: last }");
const ONE_IDLE: Policies =
    says("maximumDevices: { count: 1 }\ninactiveAfter: 30d\naccess: { inactive: allow }");
const GUARDED: Policies = says("
inactiveAfter: 60d
maximumDevices: { count: 1 }
access: { unmanaged: block, notCompliant: block, stale: block, unknown: quarantine, inactive: block }
localRules: [{ id: lost, match: { deviceType: [Lost] }, access: block }]
protected: { users: ['ceo@*', CFO@contoso.example], groups: [VIP] }
");

/// The policy that decides protects nobody; others of the organization do.
const ELSEWHERE: Policies = Policies::These(
    "
apiVersion: exgate/v1
kind: AccessPolicy
name: kiosk
precedence: 1
organizations: [contoso]
includedGroups: [Kiosk]
access: { unmanaged: block }
---
apiVersion: exgate/v1
kind: AccessPolicy
name: mail
precedence: 2
organizations: [contoso]
includedGroups: [Mail users]
protected: { users: ['ceo@*'] }
---
apiVersion: exgate/v1
kind: AccessPolicy
name: off
precedence: 3
enabled: false
organizations: [contoso]
includedGroups: [Mail users]
protected: { groups: [VIP] }
---
apiVersion: exgate/v1
kind: AccessPolicy
name: elsewhere
precedence: 4
organizations: [fabrikam]
includedGroups: [Mail users]
protected: { groups: [Board] }
",
);

pub(super) fn rows(list: &mut Vec<Row>) {
    idle(list);
    many(list);
    ties(list);
    idle_siblings(list);
    guarded(list);
}

fn idle(list: &mut Vec<Row>) {
    rows! { list, IDLE_AFTER;
        "used an hour ago", IDLE; |_| {} =>
            Allow, Compliant, [Compliant], Some("2026-05-09T11:00:00Z");
        "a nanosecond before it is not used any more", EXACT;
            |c| c.last_sync_at = Some(at("2026-01-09T12:00:00.000000001Z")) =>
            Allow, Compliant, [Compliant], Some("2026-03-10T12:00:00.000000001Z");
        "not used for exactly as long", EXACT;
            |c| c.last_sync_at = Some(at("2026-01-09T12:00:00Z")) =>
            Block, Compliant, [Inactive, Compliant], NEVER;
        "last use not known", IDLE; |c| c.last_sync_at = None =>
            Allow, Compliant, [Compliant], NEVER;
        "unmanaged, allowed, and not used", IDLE; |c| {
            unknown(c);
            c.last_sync_at = Some(at("2025-01-09T12:00:00Z"));
        } => Block, NotEvaluated, [Inactive, NotEnrolled], NEVER;
        "records too old, and not used", "ours: only who would be allowed loses by not using it"; |c| {
            unavailable(c);
            c.last_sync_at = Some(at("2025-01-09T12:00:00Z"));
        } => Leave, NotEvaluated, [RecordsUnavailable], NEVER;
    }
    rows! { list, IDLE_HELD;
        "not used, where nothing is said of it", IDLE;
            |c| c.last_sync_at = Some(at("2025-01-09T12:00:00Z")) =>
            Quarantine, Compliant, [Inactive, Compliant], NEVER;
        "not compliant and not used", "ours: what is worse already is not made better"; |c| {
            mdm(c, Noncompliant);
            c.last_sync_at = Some(at("2025-01-09T12:00:00Z"));
        } => Block, NotCompliant, [NotCompliant, MdmNotCompliant], NEVER;
        "held as unmanaged and not used", IDLE; |c| {
            unknown(c);
            c.last_sync_at = Some(at("2025-01-09T12:00:00Z"));
        } => Quarantine, NotEvaluated, [NotEnrolled], NEVER;
    }
}

/// Another device of the mailbox.
fn sibling(case: &mut Case, id: &str, first: Option<&str>, last: Option<&str>) {
    case.siblings.push(Sibling {
        device_id: id.parse().unwrap(),
        device_type: "iPad".to_owned(),
        access_state: AccessState::Blocked,
        first_sync_at: first.map(at),
        last_sync_at: last.map(at),
    });
}

const BEFORE: Option<&str> = Some("2025-06-01T00:00:00Z");
const SAME: Option<&str> = Some("2026-01-01T00:00:00Z");
const AFTER: Option<&str> = Some("2026-02-01T00:00:00Z");

fn many(list: &mut Vec<Row>) {
    rows! { list, TWO;
        "alone", LIMITS; |_| {} => Allow, Compliant, [Compliant], NEVER;
        "the second of two", LIMITS; |c| sibling(c, "A1", BEFORE, None) =>
            Allow, Compliant, [Compliant], NEVER;
        "the third of three", LIMITS; |c| {
            sibling(c, "A1", BEFORE, None);
            sibling(c, "A2", BEFORE, None);
        } => Block, Compliant, [TooManyDevices, Compliant], NEVER;
        "the second of three", LIMITS; |c| {
            sibling(c, "A1", BEFORE, None);
            sibling(c, "A2", AFTER, None);
        } => Allow, Compliant, [Compliant], NEVER;
        "the third of three, unmanaged and allowed", LIMITS; |c| {
            unknown(c);
            sibling(c, "A1", BEFORE, None);
            sibling(c, "A2", BEFORE, None);
        } => Block, NotEvaluated, [TooManyDevices, NotEnrolled], NEVER;
        "the third of three, and not compliant", "ours: what is held already needs no limit"; |c| {
            mdm(c, Noncompliant);
            sibling(c, "A1", BEFORE, None);
            sibling(c, "A2", BEFORE, None);
        } => Quarantine, NotCompliant, [NotCompliant, MdmNotCompliant], NEVER;
    }
    rows! { list, LAST;
        "the last keeps its access", LIMITS; |c| sibling(c, "A1", BEFORE, None) =>
            Allow, Compliant, [Compliant], NEVER;
        "the first loses its access", LIMITS; |c| sibling(c, "A1", AFTER, None) =>
            Quarantine, Compliant, [TooManyDevices, Compliant], NEVER;
        "the last, and nobody knows when it came", LIMITS; |c| {
            c.device.first_sync_at = None;
            sibling(c, "A1", BEFORE, None);
        } => Quarantine, Compliant, [TooManyDevices, Compliant], NEVER;
    }
}

const UNKNOWN_LAST: &str = "ours: whoever's first synchronisation is not known comes last";
const TIES: &str = "ours: two that came at one instant are told apart by their ids, without case";

fn ties(list: &mut Vec<Row>) {
    rows! { list, LAST;
        "came together, the smaller id", TIES; |c| sibling(c, "Zeta", SAME, None) =>
            Allow, Compliant, [Compliant], NEVER;
        "came together, the larger id", TIES; |c| sibling(c, "AAAA", SAME, None) =>
            Quarantine, Compliant, [TooManyDevices, Compliant], NEVER;
        "came together, the ids in other case", TIES; |c| sibling(c, "aPPLa", SAME, None) =>
            Quarantine, Compliant, [TooManyDevices, Compliant], NEVER;
        "the other's first synchronisation is not known", UNKNOWN_LAST;
            |c| sibling(c, "A1", None, None) => Allow, Compliant, [Compliant], NEVER;
        "nobody's first synchronisation is known", TIES; |c| {
            c.device.first_sync_at = None;
            sibling(c, "Zeta", None, None);
        } => Allow, Compliant, [Compliant], NEVER;
    }
}

const FREES: &str = "ours: a device that nobody uses does not take up a place";

fn idle_siblings(list: &mut Vec<Row>) {
    rows! { list, ONE_IDLE;
        "the other is not used any more", FREES;
            |c| sibling(c, "A1", BEFORE, Some("2026-02-08T12:00:00Z")) =>
            Allow, Compliant, [Compliant], Some("2026-04-09T11:00:00Z");
        "the other is not used for long in a nanosecond", EXACT;
            |c| sibling(c, "A1", BEFORE, Some("2026-02-08T12:00:00.000000001Z")) =>
            Quarantine, Compliant, [TooManyDevices, Compliant],
            Some("2026-03-10T12:00:00.000000001Z");
        "when the other was used is not known", FREES; |c| sibling(c, "A1", BEFORE, None) =>
            Quarantine, Compliant, [TooManyDevices, Compliant], Some("2026-04-09T11:00:00Z");
        "two others, the second to be idle frees the place", EXACT; |c| {
            sibling(c, "A1", BEFORE, Some("2026-02-18T12:00:00Z"));
            sibling(c, "A2", BEFORE, Some("2026-02-28T12:00:00Z"));
        } => Quarantine, Compliant, [TooManyDevices, Compliant], Some("2026-03-30T12:00:00Z");
        "not used, allowed all the same, and one too many", LIMITS; |c| {
            c.last_sync_at = Some(at("2025-01-09T12:00:00Z"));
            sibling(c, "A1", BEFORE, None);
        } => Quarantine, Compliant, [TooManyDevices, Inactive, Compliant], NEVER;
    }
}

fn ceo(case: &mut Case) {
    owner(case).mail = "CEO@contoso.example".to_owned();
}

fn guarded(list: &mut Vec<Row>) {
    rows! { list, GUARDED;
        "protected by address, not compliant", PROTECTED; |c| {
            ceo(c);
            mdm(c, Noncompliant);
        } => Leave, NotCompliant, [Protected, NotCompliant, MdmNotCompliant],
            NEVER;
        "protected by a group, no record", PROTECTED; |c| {
            groups(c, &["Mail users", "vip"]);
            unknown(c);
        } => Leave, NotEvaluated, [Protected, NotEnrolled], NEVER;
        "protected, records too old", PROTECTED; |c| {
            ceo(c);
            unavailable(c);
        } => Leave, NotEvaluated, [Protected, RecordsUnavailable], NEVER;
        "protected, and a fact is missing", PROTECTED; |c| {
            ceo(c);
            super::record(c).operating_system.clear();
        } => Leave, Unknown, [Protected, ComplianceUnknown], NEVER;
        "protected, and a local rule blocks", PROTECTED; |c| {
            ceo(c);
            c.device.device_type = "Lost".to_owned();
        } => Leave, NotEvaluated, [Protected, LocalRule], NEVER;
        "protected, and not used", PROTECTED; |c| {
            ceo(c);
            c.last_sync_at = Some(at("2025-01-09T12:00:00Z"));
        } => Leave, Compliant, [Protected, Inactive, Compliant], NEVER;
        "protected, and one too many", PROTECTED; |c| {
            ceo(c);
            sibling(c, "A1", BEFORE, None);
        } => Leave, Compliant, [Protected, TooManyDevices, Compliant], Some("2026-05-09T11:00:00Z");
        "protected, and compliant", "ours: protection takes nothing away that somebody has"; |c| {
            ceo(c);
            version(c, "1");
        } => Allow, Compliant, [Compliant], Some("2026-05-09T11:00:00Z");
        "not protected, blocked", PROTECTED; |c| {
            owner(c).mail = "ceo.office@contoso.example".to_owned();
            mdm(c, Noncompliant);
        } => Block, NotCompliant, [NotCompliant, MdmNotCompliant], NEVER;
    }
    rows! { list, ELSEWHERE;
        "protected by another policy than the one that decides", PROTECTED; |c| {
            ceo(c);
            groups(c, &["Kiosk"]);
            unknown(c);
        } => Leave, NotEvaluated, [Protected, NotEnrolled], NEVER;
        "protected by a policy that is switched off", "ours: what is switched off says nothing"; |c| {
            groups(c, &["Kiosk", "VIP"]);
            unknown(c);
        } => Block, NotEvaluated, [NotEnrolled], NEVER;
        "protected by a policy of another organization", PROTECTED; |c| {
            groups(c, &["Kiosk", "Board"]);
            unknown(c);
        } => Block, NotEvaluated, [NotEnrolled], NEVER;
    }
}
