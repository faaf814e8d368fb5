//! Owns what one fact of a record means to one rule.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use exgate_domain::decision::{Outcome, Reason};
use exgate_domain::policy::{Build, Version, VersionRange, trimmed};
use exgate_domain::record::{
    ComplianceState, ManagedDevice, ManagementAgent, OwnerType, ThreatLevel,
};

use super::Fact;
use super::fact::{Contact, Mdm, State, System};

/// How far ahead of us an MDM's clock may be before its check-ins are not believed.
pub(super) const CLOCK_AHEAD_MAX: SignedDuration = SignedDuration::from_hours(1);

/// What came of looking at one fact.
#[derive(Debug)]
pub(super) struct Finding<'a> {
    pub(super) outcome: Outcome,
    pub(super) fact: Fact<'a>,
    /// Why the device does not comply; only beside [`Outcome::NotSatisfied`].
    pub(super) reason: Option<Reason>,
    /// When time alone may change the outcome.
    pub(super) changes_at: Option<Timestamp>,
}

impl<'a> Finding<'a> {
    pub(super) fn satisfied(fact: Fact<'a>) -> Self {
        Self { outcome: Outcome::Satisfied, fact, reason: None, changes_at: None }
    }

    pub(super) fn unknown(fact: Fact<'a>) -> Self {
        Self { outcome: Outcome::Unknown, ..Self::satisfied(fact) }
    }

    pub(super) fn not_satisfied(reason: Reason, fact: Fact<'a>) -> Self {
        let outcome = Outcome::NotSatisfied;
        Self { outcome, reason: Some(reason), ..Self::satisfied(fact) }
    }

    /// Satisfied, or not for a reason; the fact is the same.
    fn judged(is_met: bool, reason: Reason, fact: Fact<'a>) -> Self {
        if is_met { Self::satisfied(fact) } else { Self::not_satisfied(reason, fact) }
    }

    fn until(self, at: Option<Timestamp>) -> Self {
        Self { changes_at: at, ..self }
    }
}

/// The version of the operating system. Some MDMs add a build in parentheses, `14.2.1 (23C71)`.
pub(crate) fn version(record: &ManagedDevice) -> Option<Version> {
    Version::read(parted(record).0)
}

/// The build, from its own property or from where some MDMs put it.
pub(crate) fn build(record: &ManagedDevice) -> Option<Build> {
    Build::read(&record.os_build).or_else(|| Build::read(parted(record).1?))
}

fn parted(record: &ManagedDevice) -> (&str, Option<&str>) {
    let text = trimmed(&record.os_version);
    match text.split_once(" (") {
        Some((number, build)) if build.ends_with(')') => (number, build.strip_suffix(')')),
        Some(_) | None => (text, None),
    }
}

pub(super) fn minimum<'a>(record: &'a ManagedDevice, wanted: &Version) -> Finding<'a> {
    let Some(version) = version(record) else { return no_version(record) };
    let platform = trimmed(&record.operating_system);
    let is_met = version >= *wanted;
    let fact = Fact::System(System::OldestVersion { platform, version, wanted: *wanted, is_met });
    Finding::judged(is_met, Reason::OsVersionTooOld, fact)
}

pub(super) fn maximum<'a>(record: &'a ManagedDevice, wanted: &Version) -> Finding<'a> {
    let Some(version) = version(record) else { return no_version(record) };
    let platform = trimmed(&record.operating_system);
    let is_met = version <= *wanted;
    let fact = Fact::System(System::NewestVersion { platform, version, wanted: *wanted, is_met });
    Finding::judged(is_met, Reason::OsVersionTooNew, fact)
}

pub(super) fn ranges<'a>(record: &'a ManagedDevice, ranges: &'a [VersionRange]) -> Finding<'a> {
    let Some(version) = version(record) else { return no_version(record) };
    let platform = trimmed(&record.operating_system);
    let is_met = ranges.iter().any(|it| it.lowest <= version && version <= it.highest);
    let fact = Fact::System(System::VersionRanges { platform, version, ranges, is_met });
    Finding::judged(is_met, Reason::OsVersionNotInRange, fact)
}

fn no_version(record: &ManagedDevice) -> Finding<'_> {
    Finding::unknown(Fact::System(System::VersionUnknown(&record.os_version)))
}

pub(super) fn build_minimum<'a>(record: &'a ManagedDevice, wanted: &Build) -> Finding<'a> {
    let Some(build) = build(record) else {
        return Finding::unknown(Fact::System(System::BuildUnknown(&record.os_build)));
    };
    let is_met = build >= *wanted;
    let fact = Fact::System(System::OldestBuild { build, wanted: *wanted, is_met });
    Finding::judged(is_met, Reason::OsBuildTooOld, fact)
}

pub(super) fn build_maximum<'a>(record: &'a ManagedDevice, wanted: &Build) -> Finding<'a> {
    let Some(build) = build(record) else {
        return Finding::unknown(Fact::System(System::BuildUnknown(&record.os_build)));
    };
    let is_met = build <= *wanted;
    let fact = Fact::System(System::NewestBuild { build, wanted: *wanted, is_met });
    Finding::judged(is_met, Reason::OsBuildTooNew, fact)
}

pub(super) fn patch_level(record: &ManagedDevice, wanted: Date) -> Finding<'_> {
    let Some(level) = record.security_patch_level else {
        return Finding::unknown(Fact::System(System::PatchLevelUnknown));
    };
    let is_met = level >= wanted;
    let fact = Fact::System(System::PatchLevel { level, wanted, is_met });
    Finding::judged(is_met, Reason::SecurityPatchTooOld, fact)
}

pub(super) fn encryption(record: &ManagedDevice) -> Finding<'_> {
    let fact = Fact::State(State::Encrypted(record.is_encrypted));
    match record.is_encrypted {
        Some(is_met) => Finding::judged(is_met, Reason::NotEncrypted, fact),
        None => Finding::unknown(fact),
    }
}

pub(super) fn jailbreak(record: &ManagedDevice) -> Finding<'_> {
    let fact = Fact::State(State::JailBroken(record.jail_broken));
    match record.jail_broken {
        Some(is_broken) => Finding::judged(!is_broken, Reason::JailBroken, fact),
        None => Finding::unknown(fact),
    }
}

pub(super) fn passcode(record: &ManagedDevice) -> Finding<'_> {
    let fact = Fact::State(State::Passcode(record.passcode_compliant));
    match record.passcode_compliant {
        Some(is_met) => Finding::judged(is_met, Reason::PasscodeMissing, fact),
        None => Finding::unknown(fact),
    }
}

pub(super) fn threat(record: &ManagedDevice, worst: ThreatLevel) -> Finding<'_> {
    match record.threat_state.and_then(|state| state.level()) {
        Some(level) => {
            let is_met = level <= worst;
            let fact = Fact::State(State::Threat { level, worst, is_met });
            Finding::judged(is_met, Reason::ThreatLevelTooHigh, fact)
        }
        None => Finding::unknown(Fact::State(State::ThreatUnknown(record.threat_state))),
    }
}

pub(super) fn owner_type<'a>(record: &'a ManagedDevice, allowed: &'a [OwnerType]) -> Finding<'a> {
    let fact = Fact::State(State::OwnerType { found: record.owner_type, allowed });
    match record.owner_type {
        Some(found) => Finding::judged(allowed.contains(&found), Reason::OwnerTypeNotAllowed, fact),
        None => Finding::unknown(fact),
    }
}

pub(super) fn management_agent<'a>(
    record: &'a ManagedDevice,
    allowed: &'a [ManagementAgent],
) -> Finding<'a> {
    let fact = Fact::State(State::ManagementAgent { found: record.management_agent, allowed });
    match record.management_agent {
        Some(found) => {
            let is_met = allowed.contains(&found);
            Finding::judged(is_met, Reason::ManagementAgentNotAllowed, fact)
        }
        None => Finding::unknown(fact),
    }
}

/// Whether the device talked to its MDM lately enough. A check-in of the future is a broken clock's:
/// it is not believed before it is at most [`CLOCK_AHEAD_MAX`] ahead.
pub(super) fn check_in(
    record: &ManagedDevice,
    longest: SignedDuration,
    now: Timestamp,
) -> Finding<'_> {
    let Some(last) = record.last_check_in_at else {
        return Finding::unknown(Fact::Contact(Contact::CheckInUnknown));
    };
    let believed_from = last.checked_sub(CLOCK_AHEAD_MAX).unwrap_or(Timestamp::MIN);
    if believed_from > now {
        return Finding::unknown(Fact::Contact(Contact::CheckInInFuture { last }))
            .until(Some(believed_from));
    }
    let ends = last.checked_add(longest).ok();
    let is_met = ends.is_none_or(|ends| now < ends);
    let fact = Fact::Contact(Contact::CheckIn { last, ends, is_met });
    let finding = Finding::judged(is_met, Reason::CheckInTooOld, fact);
    if is_met { finding.until(ends) } else { finding }
}

/// Whether the device synchronised mail lately enough.
pub(super) fn last_sync<'a>(
    last: Option<Timestamp>,
    longest: SignedDuration,
    now: Timestamp,
) -> Finding<'a> {
    let Some(last) = last else { return Finding::unknown(Fact::Contact(Contact::SyncUnknown)) };
    let ends = last.checked_add(longest).unwrap_or(Timestamp::MAX);
    let is_met = now < ends;
    let fact = Fact::Contact(Contact::Sync { last, ends, is_met });
    Finding::judged(is_met, Reason::Inactive, fact).until(Some(ends))
}

/// What the MDM itself says, and whether it grants a grace period of its own.
pub(super) fn mdm(record: &ManagedDevice, now: Timestamp) -> (Finding<'_>, bool) {
    let source = &record.provenance.source;
    let fact = Fact::Mdm(Mdm::Says { source, state: record.compliance });
    let refused = |fact| Finding::not_satisfied(Reason::MdmNotCompliant, fact);
    match record.compliance {
        ComplianceState::Compliant => (Finding::satisfied(fact), false),
        ComplianceState::Noncompliant | ComplianceState::Conflict | ComplianceState::Error => {
            (refused(fact), false)
        }
        ComplianceState::Unknown | ComplianceState::ConfigManager => {
            (Finding::unknown(fact), false)
        }
        ComplianceState::InGracePeriod => match record.grace_until {
            Some(end) => {
                let runs = end > now;
                let finding = refused(Fact::Mdm(Mdm::GracePeriod { source, end, runs }));
                (if runs { finding.until(Some(end)) } else { finding }, runs)
            }
            None => (refused(fact), true),
        },
    }
}
