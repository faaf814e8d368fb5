//! The MDM's own verdict: each state, and what a policy makes of it.

use exgate_domain::record::ComplianceState::{
    Compliant, ConfigManager, Conflict, Error, InGracePeriod, Noncompliant, Unknown,
};

use super::sources::{NO_POLICY, STATE, STATE_GRACE};
use super::{
    GRACE, NEVER, Policies, Row, STALE, asks, desk, grace_until, mdm, record, rows, since, version,
};

const NOT_FOUND_OUT: &str =
    "Graph's complianceState: an MDM that could not find out has not found it compliant";
const TRUSTED_WHY: &str = "ours: where an MDM is trusted its yes or no is the result";
const IGNORED_WHY: &str = "ours: where an MDM's verdict is ignored its facts alone count";

/// The MDM's verdict stands where there is one.
const TRUSTED: Policies =
    asks("platforms: { iOS: { osMinimumVersion: 17 } }\nmdmCompliance: trusted\ngracePeriod: 3d");
/// It is not looked at.
const IGNORED: Policies =
    asks("platforms: { iOS: { osMinimumVersion: 17 } }\nmdmCompliance: ignored\ngracePeriod: 3d");
/// The MDM's verdict counts for one of two policies.
const HALF: Policies = Policies::These(
    "
apiVersion: exgate/v1
kind: CompliancePolicy
name: facts
platforms: { iOS: { osMinimumVersion: 17 } }
mdmCompliance: ignored
---
apiVersion: exgate/v1
kind: CompliancePolicy
name: verdict
platforms: { iOS: { osMinimumVersion: 18 } }
mdmCompliance: trusted
---
apiVersion: exgate/v1
kind: AccessPolicy
name: mail
precedence: 10
organizations: [contoso]
includedGroups: [Mail users]
compliancePolicies: [facts, verdict]
",
);

pub(super) fn rows(list: &mut Vec<Row>) {
    required(list);
    own_grace(list);
    alone(list);
    trusted(list);
    ignored(list);
    half(list);
}

fn required(list: &mut Vec<Row>) {
    rows! { list, Policies::Fixture;
        "noncompliant", STATE; |c| mdm(c, Noncompliant) =>
            Allow, InGracePeriod, [InGracePeriod, MdmNotCompliant], GRACE;
        "conflict", NOT_FOUND_OUT; |c| mdm(c, Conflict) =>
            Allow, InGracePeriod, [InGracePeriod, MdmNotCompliant], GRACE;
        "error", NOT_FOUND_OUT; |c| mdm(c, Error) =>
            Allow, InGracePeriod, [InGracePeriod, MdmNotCompliant], GRACE;
        "noncompliant for longer than the grace period", STATE; |c| {
            mdm(c, Noncompliant);
            since(c, "2026-03-01T00:00:00Z");
        } => Quarantine, NotCompliant, [NotCompliant, MdmNotCompliant], STALE;
        "unknown", NOT_FOUND_OUT; |c| mdm(c, Unknown) =>
            Quarantine, Unknown, [ComplianceUnknown], STALE;
        "configuration manager decides", STATE; |c| mdm(c, ConfigManager) =>
            Quarantine, Unknown, [ComplianceUnknown], STALE;
        "unknown to the MDM, and too old", "ours: what is missing weighs more than a grace period";
            |c| {
            mdm(c, Unknown);
            version(c, "16");
        } => Quarantine, Unknown, [ComplianceUnknown, OsVersionTooOld], GRACE;
        "compliant to the MDM, and too old", "ours: the MDM's verdict and this policy both count";
            |c| version(c, "16") =>
            Allow, InGracePeriod, [InGracePeriod, OsVersionTooOld], GRACE;
    }
}

fn own_grace(list: &mut Vec<Row>) {
    rows! { list, Policies::Fixture;
        "its own grace period", STATE_GRACE; |c| grace_until(c, "2026-03-11T00:00:00Z") =>
            Allow, InGracePeriod, [InGracePeriod, MdmNotCompliant], Some("2026-03-11T00:00:00Z");
        "its own grace period without an end", STATE_GRACE; |c| mdm(c, InGracePeriod) =>
            Allow, InGracePeriod, [InGracePeriod, MdmNotCompliant], STALE;
        "its own grace period ends now, ours begins", STATE_GRACE;
            |c| grace_until(c, "2026-03-10T12:00:00Z") =>
            Allow, InGracePeriod, [InGracePeriod, MdmNotCompliant], GRACE;
        "both grace periods are over", STATE_GRACE; |c| {
            grace_until(c, "2026-03-10T12:00:00Z");
            since(c, "2026-03-01T00:00:00Z");
        } => Quarantine, NotCompliant, [NotCompliant, MdmNotCompliant], STALE;
        "an end of grace that nobody is in", "ours: the state counts, an old date beside it does not";
            |c| record(c).grace_until = Some(c_end()) =>
            Allow, Compliant, [Compliant], STALE;
    }
}

fn c_end() -> jiff::Timestamp {
    crate::verdict::fixture::at("2026-03-11T00:00:00Z")
}

fn alone(list: &mut Vec<Row>) {
    rows! { list, Policies::Fixture;
        "alone, compliant", NO_POLICY; desk => Allow, Compliant, [Compliant], NEVER;
        "alone, noncompliant", NO_POLICY; |c| {
            desk(c);
            mdm(c, Noncompliant);
        } => Block, NotCompliant, [NotCompliant, MdmNotCompliant], NEVER;
        "alone, unknown", NOT_FOUND_OUT; |c| {
            desk(c);
            mdm(c, Unknown);
        } => Quarantine, Unknown, [ComplianceUnknown], NEVER;
        "alone, in its own grace period", STATE_GRACE; |c| {
            desk(c);
            grace_until(c, "2026-03-11T00:00:00Z");
        } => Allow, InGracePeriod, [InGracePeriod, MdmNotCompliant], Some("2026-03-11T00:00:00Z");
        "alone, its own grace period is over", STATE_GRACE; |c| {
            desk(c);
            grace_until(c, "2026-03-10T12:00:00Z");
        } => Block, NotCompliant, [NotCompliant, MdmNotCompliant], NEVER;
        "alone, whatever the version is", NO_POLICY; |c| {
            desk(c);
            version(c, "");
        } => Allow, Compliant, [Compliant], NEVER;
    }
}

fn trusted(list: &mut Vec<Row>) {
    rows! { list, TRUSTED;
        "trusted, compliant, and too old", TRUSTED_WHY; |c| version(c, "1") =>
            Allow, Compliant, [Compliant], NEVER;
        "trusted, compliant, and no version", TRUSTED_WHY; |c| version(c, "") =>
            Allow, Compliant, [Compliant], NEVER;
        "trusted, noncompliant, and new", TRUSTED_WHY; |c| mdm(c, Noncompliant) =>
            Allow, InGracePeriod, [InGracePeriod, MdmNotCompliant], GRACE;
        "trusted, noncompliant for long", TRUSTED_WHY; |c| {
            mdm(c, Conflict);
            since(c, "2026-03-01T00:00:00Z");
        } => Quarantine, NotCompliant, [NotCompliant, MdmNotCompliant], NEVER;
        "trusted, in its own grace period", STATE_GRACE; |c| {
            grace_until(c, "2026-03-11T00:00:00Z");
            version(c, "1");
        } => Allow, InGracePeriod, [InGracePeriod, MdmNotCompliant], Some("2026-03-11T00:00:00Z");
        "trusted, unknown, and new", TRUSTED_WHY; |c| mdm(c, Unknown) =>
            Allow, Compliant, [Compliant], NEVER;
        "trusted, unknown, and too old", TRUSTED_WHY; |c| {
            mdm(c, Unknown);
            version(c, "1");
        } => Allow, InGracePeriod, [InGracePeriod, OsVersionTooOld], GRACE;
        "trusted, configuration manager decides, and no version", TRUSTED_WHY; |c| {
            mdm(c, ConfigManager);
            version(c, "");
        } => Quarantine, Unknown, [ComplianceUnknown], NEVER;
    }
}

fn ignored(list: &mut Vec<Row>) {
    rows! { list, IGNORED;
        "ignored, noncompliant", IGNORED_WHY; |c| mdm(c, Noncompliant) =>
            Allow, Compliant, [Compliant], NEVER;
        "ignored, unknown", IGNORED_WHY; |c| mdm(c, Unknown) => Allow, Compliant, [Compliant], NEVER;
        "ignored, in its own grace period", IGNORED_WHY;
            |c| grace_until(c, "2026-03-11T00:00:00Z") => Allow, Compliant, [Compliant], NEVER;
        "ignored, compliant, and too old", IGNORED_WHY; |c| version(c, "1") =>
            Allow, InGracePeriod, [InGracePeriod, OsVersionTooOld], GRACE;
    }
}

fn half(list: &mut Vec<Row>) {
    rows! { list, HALF;
        "ignored by one policy, trusted by the other, noncompliant", TRUSTED_WHY;
            |c| mdm(c, Noncompliant) =>
            Quarantine, NotCompliant, [NotCompliant, MdmNotCompliant], NEVER;
        "ignored by one policy, trusted by the other, compliant", TRUSTED_WHY;
            |c| mdm(c, Compliant) => Allow, Compliant, [Compliant], NEVER;
        "ignored by one policy, unknown to the other", TRUSTED_WHY; |c| mdm(c, Unknown) =>
            Quarantine, NotCompliant, [NotCompliant, OsVersionTooOld], NEVER;
    }
}
