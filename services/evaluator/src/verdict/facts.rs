//! Owns what one fact of a record means to one rule.

use jiff::{SignedDuration, Timestamp};

use exgate_domain::decision::{Outcome, Reason};
use exgate_domain::policy::Version;
use exgate_domain::record::{ComplianceState, ManagedDevice};

/// How far ahead of us an MDM's clock may be before its check-ins are not believed.
pub(super) const CLOCK_AHEAD_MAX: SignedDuration = SignedDuration::from_hours(1);

/// What came of looking at one fact.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) outcome: Outcome,
    pub(super) detail: String,
    /// Why the device does not comply; only beside [`Outcome::NotSatisfied`].
    pub(super) reason: Option<Reason>,
    /// When time alone may change the outcome.
    pub(super) changes_at: Option<Timestamp>,
}

impl Finding {
    pub(super) fn satisfied(detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self { outcome: Outcome::Satisfied, detail, reason: None, changes_at: None }
    }

    pub(super) fn unknown(detail: impl Into<String>) -> Self {
        Self { outcome: Outcome::Unknown, ..Self::satisfied(detail) }
    }

    pub(super) fn not_satisfied(reason: Reason, detail: impl Into<String>) -> Self {
        let outcome = Outcome::NotSatisfied;
        Self { outcome, reason: Some(reason), ..Self::satisfied(detail) }
    }

    fn until(self, at: Option<Timestamp>) -> Self {
        Self { changes_at: at, ..self }
    }
}

/// The version of the operating system. Some MDMs add a build in parentheses, `14.2.1 (23C71)`.
pub(super) fn version(record: &ManagedDevice) -> Option<Version> {
    let text = record.os_version.trim();
    let number = match text.split_once(" (") {
        Some((number, build)) if build.ends_with(')') => number,
        Some(_) | None => text,
    };
    number.parse().ok()
}

pub(super) fn minimum(record: &ManagedDevice, wanted: &Version) -> Finding {
    match version(record) {
        None => no_version(record),
        Some(version) if version < *wanted => Finding::not_satisfied(
            Reason::OsVersionTooOld,
            format!("version {version} is older than {wanted}"),
        ),
        Some(version) => Finding::satisfied(format!("version {version} is {wanted} or later")),
    }
}

pub(super) fn maximum(record: &ManagedDevice, wanted: &Version) -> Finding {
    match version(record) {
        None => no_version(record),
        Some(version) if version > *wanted => Finding::not_satisfied(
            Reason::OsVersionTooNew,
            format!("version {version} is newer than {wanted}"),
        ),
        Some(version) => Finding::satisfied(format!("version {version} is {wanted} or earlier")),
    }
}

fn no_version(record: &ManagedDevice) -> Finding {
    Finding::unknown(format!("{:?} is not a version that can be compared", record.os_version))
}

pub(super) fn encryption(record: &ManagedDevice) -> Finding {
    match record.is_encrypted {
        Some(true) => Finding::satisfied("storage is encrypted"),
        Some(false) => Finding::not_satisfied(Reason::NotEncrypted, "storage is not encrypted"),
        None => Finding::unknown("whether storage is encrypted is not known"),
    }
}

pub(super) fn jailbreak(record: &ManagedDevice) -> Finding {
    match record.jail_broken {
        Some(false) => Finding::satisfied("neither jailbroken nor rooted"),
        Some(true) => Finding::not_satisfied(Reason::JailBroken, "jailbroken or rooted"),
        None => Finding::unknown("whether it is jailbroken or rooted is not known"),
    }
}

/// The age of the last check-in. It is too old from the instant at which it reaches `longest`, so
/// that this instant is the one to look again at.
pub(super) fn check_in(record: &ManagedDevice, longest: SignedDuration, now: Timestamp) -> Finding {
    let Some(last) = record.last_check_in_at else {
        return Finding::unknown("when it last checked in is not known");
    };
    let believed_from = last.checked_sub(CLOCK_AHEAD_MAX).unwrap_or(Timestamp::MIN);
    if believed_from > now {
        let detail = format!("the last check-in, {last}, lies in the future");
        return Finding::unknown(detail).until(Some(believed_from));
    }
    let Ok(ends) = last.checked_add(longest) else {
        return Finding::satisfied(format!("last check-in {last}"));
    };
    if now >= ends {
        let detail = format!("last check-in {last}, too old from {ends}");
        return Finding::not_satisfied(Reason::CheckInTooOld, detail);
    }
    Finding::satisfied(format!("last check-in {last}, good until {ends}")).until(Some(ends))
}

/// What the MDM itself says, and whether it grants a grace period of its own.
pub(super) fn mdm(record: &ManagedDevice, now: Timestamp) -> (Finding, bool) {
    let source = &record.provenance.source;
    let refused = |word: &str| {
        Finding::not_satisfied(Reason::MdmNotCompliant, format!("{source} says {word}"))
    };
    match record.compliance {
        ComplianceState::Compliant => {
            (Finding::satisfied(format!("{source} says compliant")), false)
        }
        ComplianceState::Noncompliant => (refused("noncompliant"), false),
        ComplianceState::Conflict => (refused("conflict"), false),
        ComplianceState::Error => (refused("error"), false),
        ComplianceState::Unknown => (Finding::unknown(format!("{source} says unknown")), false),
        ComplianceState::ConfigManager => {
            let detail = format!("{source} says configManager: another system decides");
            (Finding::unknown(detail), false)
        }
        ComplianceState::InGracePeriod => match record.grace_until {
            Some(end) if end <= now => (refused(&format!("inGracePeriod, ended {end}")), false),
            Some(end) => (refused(&format!("inGracePeriod until {end}")).until(Some(end)), true),
            None => (refused("inGracePeriod"), true),
        },
    }
}
