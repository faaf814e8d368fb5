//! The decision table: what is different from an ordinary compliant device, and what comes of it.

use exgate_domain::case::{Case, Management, Unmatched};
use exgate_domain::decision::{Compliance, Reason};
use exgate_domain::policy::Access;
use exgate_domain::record::ComplianceState;

use crate::verdict::decide;
use crate::verdict::fixture::{at, bundle, case, owner, record};

/// When the ordinary device's last check-in gets too old.
const STALE: Option<&str> = Some("2026-03-24T06:00:00Z");
/// The end of a grace period that starts now.
const GRACE: Option<&str> = Some("2026-03-13T12:00:00Z");
/// Time alone changes nothing.
const NEVER: Option<&str> = None;

macro_rules! table {
    ($($name:literal: $change:expr =>
        $access:ident, $compliance:ident, [$($reason:ident),+], $again:expr;)+) => {
        $(check(
            $name,
            $change,
            Access::$access,
            Compliance::$compliance,
            (&[$(Reason::$reason),+], $again),
        );)+
    };
}

fn check(
    name: &str,
    change: fn(&mut Case),
    access: Access,
    compliance: Compliance,
    (reasons, look_again_at): (&[Reason], Option<&str>),
) {
    let mut case = case();
    change(&mut case);
    let decision = decide(bundle(), &case);
    let found = (decision.access, decision.compliance, &decision.reasons[..]);
    assert_eq!(found, (access, compliance, reasons), "{name}: {:#?}", decision.trace);
    assert_eq!(decision.look_again_at, look_again_at.map(at), "{name}");
    assert_eq!(decision.mailbox, case.mailbox.id, "{name}");
    assert_eq!(decision.device_id, case.device.device_id, "{name}");
    assert_eq!(decision.bundle, bundle().digest(), "{name}");
}

fn groups(case: &mut Case, groups: &[&str]) {
    owner(case).groups = groups.iter().map(|group| (*group).to_owned()).collect();
}

fn unmanaged(case: &mut Case, why: Unmatched) {
    case.management = Management::Unmanaged(why);
}

fn unavailable(case: &mut Case) {
    case.management = Management::Unavailable { why: "the records are too old".to_owned() };
}

fn version(case: &mut Case, text: &str) {
    record(case).os_version = text.to_owned();
}

fn platform(case: &mut Case, platform: &str, text: &str) {
    record(case).operating_system = platform.to_owned();
    version(case, text);
}

fn seen(case: &mut Case, text: &str) {
    record(case).last_check_in_at = Some(at(text));
}

fn since(case: &mut Case, text: &str) {
    case.noncompliant_since = Some(at(text));
}

fn old_since(case: &mut Case, text: &str) {
    version(case, "16");
    since(case, text);
}

fn says(case: &mut Case, state: ComplianceState) {
    record(case).compliance = state;
}

fn grace_until(case: &mut Case, end: &str) {
    says(case, ComplianceState::InGracePeriod);
    record(case).grace_until = Some(at(end));
}

/// Targeted by the policy that names no compliance policy, and by no other.
fn desk(case: &mut Case) {
    groups(case, &["Service desk"]);
}

/// Targeted by the policy that names two compliance policies, of which one grants no grace.
fn tablet(case: &mut Case) {
    groups(case, &["Tablets"]);
}

#[test]
fn who_is_targeted() {
    table! {
        "an ordinary device": |_| {} => Allow, Compliant, [Compliant], STALE;
        "in no group": |c| groups(c, &[]) => Leave, NotEvaluated, [NotTargeted], NEVER;
        "in another group": |c| groups(c, &["Sales"]) => Leave, NotEvaluated, [NotTargeted], NEVER;
        "in a group named alike": |c| groups(c, &["Mail", "Mail users 2"]) =>
            Leave, NotEvaluated, [NotTargeted], NEVER;
        "in the second group listed": |c| groups(c, &["board"]) =>
            Allow, Compliant, [Compliant], STALE;
        "of another organization": |c| c.organization = "fabrikam".parse().unwrap() =>
            Leave, NotEvaluated, [NotTargeted], NEVER;
        // Exclusion wins over inclusion, and then the next policy is asked.
        "excluded here, included next": |c| groups(c, &["Mail users", "SERVICE DESK"]) =>
            Allow, Compliant, [Compliant], NEVER;
        "excluded everywhere": |c| groups(c, &["Mail users", "Service desk", "Exempt"]) =>
            Leave, NotEvaluated, [NotTargeted], NEVER;
        "targeted twice, the lower number decides": |c| {
            groups(c, &["Tablets", "Mail users"]);
            record(c).is_encrypted = Some(false);
        } => Allow, Compliant, [Compliant], STALE;
        "without licence": |c| owner(c).licensed = Some(false) =>
            Leave, NotEvaluated, [NotLicensed], NEVER;
        "without licence, next policy asks for none": |c| {
            owner(c).licensed = Some(false);
            groups(c, &["Tablets", "Mail users"]);
        } => Allow, Compliant, [Compliant], STALE;
        "licence not known": |c| owner(c).licensed = None =>
            Leave, NotEvaluated, [NotLicensed], NEVER;
        "licence not known, next policy asks for none": |c| {
            owner(c).licensed = None;
            groups(c, &["Tablets", "Mail users"]);
        } => Leave, NotEvaluated, [NotLicensed], NEVER;
        "licence not known and not asked for": |c| {
            owner(c).licensed = None;
            tablet(c);
        } => Allow, Compliant, [Compliant], STALE;
        "owner not known": |c| c.owner = None => Leave, NotEvaluated, [OwnerUnknown], NEVER;
        "owner not known, no record": |c| {
            c.owner = None;
            unmanaged(c, Unmatched::NoRecord);
        } => Leave, NotEvaluated, [OwnerUnknown], NEVER;
    }
}

#[test]
fn what_the_mdms_know() {
    table! {
        "no record": |c| unmanaged(c, Unmatched::NoRecord) =>
            Quarantine, NotEvaluated, [NotEnrolled], NEVER;
        "somebody else's record": |c| unmanaged(c, Unmatched::OtherUser) =>
            Quarantine, NotEvaluated, [NotEnrolled], NEVER;
        "several records": |c| unmanaged(c, Unmatched::Ambiguous) =>
            Quarantine, NotEvaluated, [NotEnrolled], NEVER;
        "no record where the policy says block": |c| {
            desk(c);
            unmanaged(c, Unmatched::NoRecord);
        } => Block, NotEvaluated, [NotEnrolled], NEVER;
        "nobody could be asked": unavailable =>
            Leave, NotEvaluated, [RecordsUnavailable], NEVER;
        "nobody could be asked about one who is not targeted": |c| {
            groups(c, &[]);
            unavailable(c);
        } => Leave, NotEvaluated, [NotTargeted], NEVER;
    }
}

#[test]
fn platforms_and_versions() {
    table! {
        "exactly the minimum": |c| version(c, "17.4") => Allow, Compliant, [Compliant], STALE;
        "the minimum with zeros": |c| version(c, "17.4.0.0") =>
            Allow, Compliant, [Compliant], STALE;
        "17.10 is later than 17.4": |c| version(c, "17.10") => Allow, Compliant, [Compliant], STALE;
        "with a build": |c| version(c, "17.4.1 (21E236)") => Allow, Compliant, [Compliant], STALE;
        "just below": |c| version(c, "17.3.99") =>
            Allow, InGracePeriod, [InGracePeriod, OsVersionTooOld], GRACE;
        "far below": |c| version(c, "9") =>
            Allow, InGracePeriod, [InGracePeriod, OsVersionTooOld], GRACE;
        "no version": |c| version(c, "") => Quarantine, Unknown, [ComplianceUnknown], STALE;
        "not a version": |c| version(c, "17.4b2") => Quarantine, Unknown, [ComplianceUnknown], STALE;
        "a version of five parts": |c| version(c, "17.4.1.2.3") =>
            Quarantine, Unknown, [ComplianceUnknown], STALE;
        "platform in other case": |c| platform(c, "IOS", "17.4") =>
            Allow, Compliant, [Compliant], STALE;
        "a platform that is not listed": |c| platform(c, "windows", "10.0.22631") =>
            Allow, InGracePeriod, [InGracePeriod, PlatformNotAllowed], GRACE;
        "no platform": |c| platform(c, "", "17.4") =>
            Quarantine, Unknown, [ComplianceUnknown], STALE;
        "android at its minimum": |c| platform(c, "Android", "13") =>
            Allow, Compliant, [Compliant], STALE;
        "android at its maximum": |c| platform(c, "Android", "16.99") =>
            Allow, Compliant, [Compliant], STALE;
        "android above its maximum": |c| platform(c, "Android", "16.99.1") =>
            Allow, InGracePeriod, [InGracePeriod, OsVersionTooNew], GRACE;
        "android below its minimum": |c| platform(c, "Android", "12.1") =>
            Allow, InGracePeriod, [InGracePeriod, OsVersionTooOld], GRACE;
        "android not encrypted": |c| {
            platform(c, "Android", "14");
            record(c).is_encrypted = Some(false);
        } => Allow, InGracePeriod, [InGracePeriod, NotEncrypted], GRACE;
        "android, encryption not known": |c| {
            platform(c, "Android", "14");
            record(c).is_encrypted = None;
        } => Quarantine, Unknown, [ComplianceUnknown], STALE;
        "ios, encryption not known and not asked for": |c| record(c).is_encrypted = None =>
            Allow, Compliant, [Compliant], STALE;
        "jailbroken": |c| record(c).jail_broken = Some(true) =>
            Allow, InGracePeriod, [InGracePeriod, JailBroken], GRACE;
        "jailbreak not known": |c| record(c).jail_broken = None =>
            Quarantine, Unknown, [ComplianceUnknown], STALE;
        // A fact that is missing weighs more than a grace period that runs.
        "too old, and jailbreak not known": |c| {
            version(c, "16");
            record(c).jail_broken = None;
        } => Quarantine, Unknown, [ComplianceUnknown, OsVersionTooOld], GRACE;
    }
}

#[test]
fn check_ins_and_grace_periods() {
    table! {
        "a nanosecond before it is too old": |c| seen(c, "2026-02-24T12:00:00.000000001Z") =>
            Allow, Compliant, [Compliant], Some("2026-03-10T12:00:00.000000001Z");
        "the instant at which it is too old": |c| seen(c, "2026-02-24T12:00:00Z") =>
            Allow, InGracePeriod, [InGracePeriod, CheckInTooOld], GRACE;
        "never checked in": |c| record(c).last_check_in_at = None =>
            Quarantine, Unknown, [ComplianceUnknown], NEVER;
        "checked in a little ahead of now": |c| seen(c, "2026-03-10T13:00:00Z") =>
            Allow, Compliant, [Compliant], Some("2026-03-24T13:00:00Z");
        "checked in far ahead of now": |c| seen(c, "2026-03-10T13:00:01Z") =>
            Quarantine, Unknown, [ComplianceUnknown], Some("2026-03-10T12:00:01Z");
        "grace ends in a nanosecond": |c| old_since(c, "2026-03-07T12:00:00.000000001Z") =>
            Allow, InGracePeriod, [InGracePeriod, OsVersionTooOld],
            Some("2026-03-10T12:00:00.000000001Z");
        "grace ends now": |c| old_since(c, "2026-03-07T12:00:00Z") =>
            Quarantine, NotCompliant, [NotCompliant, OsVersionTooOld], STALE;
        "grace ended long ago": |c| old_since(c, "2025-01-01T00:00:00Z") =>
            Quarantine, NotCompliant, [NotCompliant, OsVersionTooOld], STALE;
        "a beginning ahead of now is now": |c| old_since(c, "2027-01-01T00:00:00Z") =>
            Allow, InGracePeriod, [InGracePeriod, OsVersionTooOld], GRACE;
        "grace ended, and a fact is missing": |c| {
            old_since(c, "2026-03-01T00:00:00Z");
            record(c).jail_broken = None;
        } => Quarantine, NotCompliant, [NotCompliant, OsVersionTooOld], STALE;
        "compliant again: the old beginning means nothing": |c| since(c, "2025-01-01T00:00:00Z") =>
            Allow, Compliant, [Compliant], STALE;
    }
}

#[test]
fn several_policies_count_by_the_worst() {
    table! {
        "both met": tablet => Allow, Compliant, [Compliant], STALE;
        "the one without grace fails": |c| {
            tablet(c);
            record(c).is_encrypted = Some(false);
        } => Block, NotCompliant, [NotCompliant, NotEncrypted], STALE;
        "the one with grace fails": |c| {
            tablet(c);
            version(c, "16");
        } => Leave, InGracePeriod, [InGracePeriod, OsVersionTooOld], GRACE;
        "one in grace, the other not known": |c| {
            tablet(c);
            version(c, "16");
            record(c).is_encrypted = None;
        } => Quarantine, Unknown, [ComplianceUnknown, OsVersionTooOld], GRACE;
        "listed in one, not in the other": |c| {
            tablet(c);
            platform(c, "android", "14");
        } => Block, NotCompliant, [NotCompliant, PlatformNotAllowed], STALE;
        "everything at once": |c| {
            tablet(c);
            version(c, "16");
            record(c).is_encrypted = Some(false);
            record(c).jail_broken = Some(true);
            says(c, ComplianceState::Noncompliant);
            seen(c, "2026-01-01T00:00:00Z");
        } => Block, NotCompliant,
            [NotCompliant, MdmNotCompliant, OsVersionTooOld, JailBroken, CheckInTooOld, NotEncrypted],
            GRACE;
    }
}

#[test]
fn the_mdms_own_verdict() {
    table! {
        "noncompliant": |c| says(c, ComplianceState::Noncompliant) =>
            Allow, InGracePeriod, [InGracePeriod, MdmNotCompliant], GRACE;
        "conflict": |c| says(c, ComplianceState::Conflict) =>
            Allow, InGracePeriod, [InGracePeriod, MdmNotCompliant], GRACE;
        "error": |c| says(c, ComplianceState::Error) =>
            Allow, InGracePeriod, [InGracePeriod, MdmNotCompliant], GRACE;
        "noncompliant for longer than the grace period": |c| {
            says(c, ComplianceState::Noncompliant);
            since(c, "2026-03-01T00:00:00Z");
        } => Quarantine, NotCompliant, [NotCompliant, MdmNotCompliant], STALE;
        "unknown": |c| says(c, ComplianceState::Unknown) =>
            Quarantine, Unknown, [ComplianceUnknown], STALE;
        "configuration manager decides": |c| says(c, ComplianceState::ConfigManager) =>
            Quarantine, Unknown, [ComplianceUnknown], STALE;
        "its own grace period": |c| grace_until(c, "2026-03-11T00:00:00Z") =>
            Allow, InGracePeriod, [InGracePeriod, MdmNotCompliant], Some("2026-03-11T00:00:00Z");
        "its own grace period without an end": |c| says(c, ComplianceState::InGracePeriod) =>
            Allow, InGracePeriod, [InGracePeriod, MdmNotCompliant], STALE;
        "its own grace period ends now, ours begins": |c| grace_until(c, "2026-03-10T12:00:00Z") =>
            Allow, InGracePeriod, [InGracePeriod, MdmNotCompliant], GRACE;
        "both grace periods are over": |c| {
            grace_until(c, "2026-03-10T12:00:00Z");
            since(c, "2026-03-01T00:00:00Z");
        } => Quarantine, NotCompliant, [NotCompliant, MdmNotCompliant], STALE;
        // A policy that names no compliance policy trusts the MDM alone, and grants no grace.
        "alone, compliant": desk => Allow, Compliant, [Compliant], NEVER;
        "alone, noncompliant": |c| {
            desk(c);
            says(c, ComplianceState::Noncompliant);
        } => Block, NotCompliant, [NotCompliant, MdmNotCompliant], NEVER;
        "alone, unknown": |c| {
            desk(c);
            says(c, ComplianceState::Unknown);
        } => Quarantine, Unknown, [ComplianceUnknown], NEVER;
        "alone, in its own grace period": |c| {
            desk(c);
            grace_until(c, "2026-03-11T00:00:00Z");
        } => Allow, InGracePeriod, [InGracePeriod, MdmNotCompliant], Some("2026-03-11T00:00:00Z");
    }
}
