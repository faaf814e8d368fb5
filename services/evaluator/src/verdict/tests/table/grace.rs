//! Grace periods, those of single rules, blocking after a while, and several policies at once.

use exgate_domain::record::ComplianceState::{InGracePeriod, Noncompliant};

use super::sources::{ACTIONS, EXACT, WORST};
use super::{
    GRACE, NEVER, Policies, Row, STALE, asks, mdm, platform, record, rows, since, tablet, version,
};
use crate::verdict::fixture::at;

const SINCE: &str =
    "ours: the beginning is when the device was first found not compliant, never later";
const EACH_RULE: &str = "ours, after Intune's one schedule for each policy: a rule that is easier to mend gets less time";

/// Rules with more, with less and with no time of their own.
const RULES: Policies = asks(
    "
platforms:
  iOS: { osMinimumVersion: 17, storageRequireEncryption: true, securityBlockJailbrokenDevices: true }
gracePeriod: 3d
gracePeriods: { osMinimumVersion: 7d, securityBlockJailbrokenDevices: 0s, complianceState: 1d, platforms: 1h }
blockAfter: 14d
",
);

/// Held at once, blocked after a while.
const BLOCK: Policies = Policies::One {
    compliance: "platforms: { iOS: { osMinimumVersion: 17 } }\nblockAfter: 14d",
    access: "access: { notCompliant: quarantine }",
};

/// Nothing follows at once.
const WARN: Policies = Policies::One {
    compliance: "platforms: { iOS: { osMinimumVersion: 17 } }\ngracePeriod: 1d\nblockAfter: 14d",
    access: "access: { notCompliant: leave, inGracePeriod: leave }",
};

pub(super) fn rows(list: &mut Vec<Row>) {
    periods(list);
    single_rules(list);
    escalation(list);
    several(list);
}

fn old_since(case: &mut exgate_domain::case::Case, text: &str) {
    version(case, "16");
    since(case, text);
}

fn periods(list: &mut Vec<Row>) {
    rows! { list, Policies::Fixture;
        "grace ends in a nanosecond", EXACT; |c| old_since(c, "2026-03-07T12:00:00.000000001Z") =>
            Allow, InGracePeriod, [InGracePeriod, OsVersionTooOld],
            Some("2026-03-10T12:00:00.000000001Z");
        "grace ends now", ACTIONS; |c| old_since(c, "2026-03-07T12:00:00Z") =>
            Quarantine, NotCompliant, [NotCompliant, OsVersionTooOld], STALE;
        "grace ended long ago", ACTIONS; |c| old_since(c, "2025-01-01T00:00:00Z") =>
            Quarantine, NotCompliant, [NotCompliant, OsVersionTooOld], STALE;
        "a beginning ahead of now is now", SINCE; |c| old_since(c, "2027-01-01T00:00:00Z") =>
            Allow, InGracePeriod, [InGracePeriod, OsVersionTooOld], GRACE;
        "grace ended, and a fact is missing", "ours: what is known to be wrong weighs most"; |c| {
            old_since(c, "2026-03-01T00:00:00Z");
            record(c).jail_broken = None;
        } => Quarantine, NotCompliant, [NotCompliant, OsVersionTooOld], STALE;
        "compliant again: the old beginning means nothing", SINCE;
            |c| since(c, "2025-01-01T00:00:00Z") => Allow, Compliant, [Compliant], STALE;
    }
}

fn single_rules(list: &mut Vec<Row>) {
    rows! { list, RULES;
        "a rule with more time than the policy", EACH_RULE;
            |c| old_since(c, "2026-03-05T12:00:00Z") =>
            Allow, InGracePeriod, [InGracePeriod, OsVersionTooOld], Some("2026-03-12T12:00:00Z");
        "a rule with the policy's time beside one with more", EACH_RULE; |c| {
            old_since(c, "2026-03-05T12:00:00Z");
            record(c).is_encrypted = Some(false);
        } => Quarantine, NotCompliant, [NotCompliant, OsVersionTooOld, NotEncrypted],
            Some("2026-03-12T12:00:00Z");
        "a rule without any time", EACH_RULE; |c| record(c).jail_broken = Some(true) =>
            Quarantine, NotCompliant, [NotCompliant, JailBroken], Some("2026-03-24T12:00:00Z");
        "a rule without any time beside one with some", EACH_RULE; |c| {
            record(c).jail_broken = Some(true);
            version(c, "16");
        } => Quarantine, NotCompliant, [NotCompliant, OsVersionTooOld, JailBroken],
            Some("2026-03-17T12:00:00Z");
        "the MDM's verdict with a time of its own", EACH_RULE; |c| mdm(c, Noncompliant) =>
            Allow, InGracePeriod, [InGracePeriod, MdmNotCompliant], Some("2026-03-11T12:00:00Z");
        "the platform with a time of its own", EACH_RULE; |c| platform(c, "android", "14") =>
            Allow, InGracePeriod, [InGracePeriod, PlatformNotAllowed], Some("2026-03-10T13:00:00Z");
        "the earliest of several ends is told", EXACT; |c| {
            mdm(c, Noncompliant);
            version(c, "16");
            record(c).is_encrypted = Some(false);
        } => Allow, InGracePeriod, [InGracePeriod, MdmNotCompliant, OsVersionTooOld, NotEncrypted],
            Some("2026-03-11T12:00:00Z");
    }
}

fn escalation(list: &mut Vec<Row>) {
    rows! { list, BLOCK;
        "held at once, and told when it is blocked", ACTIONS; |c| version(c, "16") =>
            Quarantine, NotCompliant, [NotCompliant, OsVersionTooOld], Some("2026-03-24T12:00:00Z");
        "blocked in a nanosecond", EXACT; |c| old_since(c, "2026-02-24T12:00:00.000000001Z") =>
            Quarantine, NotCompliant, [NotCompliant, OsVersionTooOld],
            Some("2026-03-10T12:00:00.000000001Z");
        "blocked now", ACTIONS; |c| old_since(c, "2026-02-24T12:00:00Z") =>
            Block, NotCompliant, [NotCompliant, Escalated, OsVersionTooOld], NEVER;
        "compliant again before it is blocked", ACTIONS; |c| since(c, "2026-01-01T00:00:00Z") =>
            Allow, Compliant, [Compliant], NEVER;
        "not known for long is not blocked", "ours: only what is known to be wrong gets worse"; |c| {
            version(c, "");
            since(c, "2026-01-01T00:00:00Z");
        } => Quarantine, Unknown, [ComplianceUnknown], NEVER;
        "in the MDM's grace period for long is not blocked", ACTIONS; |c| {
            mdm(c, InGracePeriod);
            since(c, "2026-01-01T00:00:00Z");
        } => Allow, InGracePeriod, [InGracePeriod, MdmNotCompliant], NEVER;
    }
    rows! { list, WARN;
        "warned first", ACTIONS; |c| version(c, "16") =>
            Leave, InGracePeriod, [InGracePeriod, OsVersionTooOld], Some("2026-03-11T12:00:00Z");
        "then left", ACTIONS; |c| old_since(c, "2026-03-01T12:00:00Z") =>
            Leave, NotCompliant, [NotCompliant, OsVersionTooOld], Some("2026-03-15T12:00:00Z");
        "then blocked, though the policy says leave", ACTIONS;
            |c| old_since(c, "2026-01-01T12:00:00Z") =>
            Block, NotCompliant, [NotCompliant, Escalated, OsVersionTooOld], NEVER;
    }
}

fn several(list: &mut Vec<Row>) {
    rows! { list, Policies::Fixture;
        "both met", WORST; tablet => Allow, Compliant, [Compliant], STALE;
        "the one without grace fails", WORST; |c| {
            tablet(c);
            record(c).is_encrypted = Some(false);
        } => Block, NotCompliant, [NotCompliant, NotEncrypted], STALE;
        "the one with grace fails", WORST; |c| {
            tablet(c);
            version(c, "16");
        } => Leave, InGracePeriod, [InGracePeriod, OsVersionTooOld], GRACE;
        "one in grace, the other not known",
            "ours, stricter than Intune: what is not known weighs more than a grace period"; |c| {
            tablet(c);
            version(c, "16");
            record(c).is_encrypted = None;
        } => Quarantine, Unknown, [ComplianceUnknown, OsVersionTooOld], GRACE;
        "one fails, the other not known", WORST; |c| {
            tablet(c);
            record(c).is_encrypted = Some(false);
            record(c).jail_broken = None;
        } => Block, NotCompliant, [NotCompliant, NotEncrypted], STALE;
        "listed in one, not in the other", WORST; |c| {
            tablet(c);
            platform(c, "android", "14");
        } => Block, NotCompliant, [NotCompliant, PlatformNotAllowed], STALE;
        "everything at once", "ours: every reason is told, in the order in which it was found"; |c| {
            tablet(c);
            version(c, "16");
            record(c).is_encrypted = Some(false);
            record(c).jail_broken = Some(true);
            mdm(c, Noncompliant);
            record(c).last_check_in_at = Some(at("2026-01-01T00:00:00Z"));
        } => Block, NotCompliant,
            [NotCompliant, MdmNotCompliant, OsVersionTooOld, JailBroken, CheckInTooOld, NotEncrypted],
            GRACE;
    }
}
