//! The evaluator's answer: what should be, why, by which policy, and when time alone may change it.

use jiff::Timestamp;

use crate::ids::{BundleDigest, DeviceId, MailboxId};
use crate::policy::Access;

/// Whether the device meets the compliance policies that apply to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compliance {
    /// It does.
    Compliant,
    /// It does not, and its grace period has not ended.
    InGracePeriod,
    /// It does not.
    NotCompliant,
    /// A fact is missing or too old to tell.
    Unknown,
    /// The question did not arise: not targeted, or not managed.
    NotEvaluated,
}

impl Compliance {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Compliant,
        Self::InGracePeriod,
        Self::NotCompliant,
        Self::Unknown,
        Self::NotEvaluated,
    ];

    /// Its word in policies and tests.
    pub fn word(self) -> &'static str {
        match self {
            Self::Compliant => "compliant",
            Self::InGracePeriod => "inGracePeriod",
            Self::NotCompliant => "notCompliant",
            Self::Unknown => "unknown",
            Self::NotEvaluated => "notEvaluated",
        }
    }
}

/// Why, from a closed list. The first three are Graph's words; the others have no counterpart there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Managed and compliant.
    Compliant,
    /// Managed and not compliant.
    NotCompliant,
    /// No MDM knows the device.
    NotEnrolled,
    /// Not compliant, and still in its grace period.
    InGracePeriod,
    /// Managed, and a fact that a policy asks for is missing.
    ComplianceUnknown,
    /// No policy targets the owner.
    NotTargeted,
    /// The directory does not know the owner.
    OwnerUnknown,
    /// The owner lacks the licence.
    NotLicensed,
    /// The operating system is older than allowed.
    OsVersionTooOld,
    /// The operating system is newer than allowed.
    OsVersionTooNew,
    /// The operating system is not one that a policy lists.
    PlatformNotAllowed,
    /// Storage is not encrypted.
    NotEncrypted,
    /// Jailbroken or rooted.
    JailBroken,
    /// It has not talked to its MDM for too long.
    CheckInTooOld,
    /// The MDM itself calls it not compliant.
    MdmNotCompliant,
    /// Records are missing or too old to rely on.
    RecordsUnavailable,
    /// The build is older than allowed.
    OsBuildTooOld,
    /// The build is newer than allowed.
    OsBuildTooNew,
    /// The version lies in none of the ranges allowed.
    OsVersionNotInRange,
    /// Android's security patch level is older than allowed.
    SecurityPatchTooOld,
    /// There is no passcode that meets the demands.
    PasscodeMissing,
    /// A threat is worse than allowed.
    ThreatLevelTooHigh,
    /// It belongs to somebody whose devices are not allowed.
    OwnerTypeNotAllowed,
    /// It is managed by something that is not allowed.
    ManagementAgentNotAllowed,
    /// A rule written as an expression is not met.
    RuleNotMet,
    /// It was not compliant for so long that it is blocked.
    Escalated,
    /// It has not synchronised mail for too long.
    Inactive,
    /// The mailbox has more devices than allowed, and this one is too many.
    TooManyDevices,
    /// A local rule decided.
    LocalRule,
    /// Devices of its class are an exception.
    PlatformException,
    /// The owner is protected: automation does not restrict them.
    Protected,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 31] = [
        Self::Compliant,
        Self::NotCompliant,
        Self::NotEnrolled,
        Self::InGracePeriod,
        Self::ComplianceUnknown,
        Self::NotTargeted,
        Self::OwnerUnknown,
        Self::NotLicensed,
        Self::OsVersionTooOld,
        Self::OsVersionTooNew,
        Self::PlatformNotAllowed,
        Self::NotEncrypted,
        Self::JailBroken,
        Self::CheckInTooOld,
        Self::MdmNotCompliant,
        Self::RecordsUnavailable,
        Self::OsBuildTooOld,
        Self::OsBuildTooNew,
        Self::OsVersionNotInRange,
        Self::SecurityPatchTooOld,
        Self::PasscodeMissing,
        Self::ThreatLevelTooHigh,
        Self::OwnerTypeNotAllowed,
        Self::ManagementAgentNotAllowed,
        Self::RuleNotMet,
        Self::Escalated,
        Self::Inactive,
        Self::TooManyDevices,
        Self::LocalRule,
        Self::PlatformException,
        Self::Protected,
    ];

    /// Its word in policies and tests.
    pub fn word(self) -> &'static str {
        match self {
            Self::Compliant => "compliant",
            Self::NotCompliant => "notCompliant",
            Self::NotEnrolled => "notEnrolled",
            Self::InGracePeriod => "inGracePeriod",
            Self::ComplianceUnknown => "complianceUnknown",
            Self::NotTargeted => "notTargeted",
            Self::OwnerUnknown => "ownerUnknown",
            Self::NotLicensed => "notLicensed",
            Self::OsVersionTooOld => "osVersionTooOld",
            Self::OsVersionTooNew => "osVersionTooNew",
            Self::PlatformNotAllowed => "platformNotAllowed",
            Self::NotEncrypted => "notEncrypted",
            Self::JailBroken => "jailBroken",
            Self::CheckInTooOld => "checkInTooOld",
            Self::MdmNotCompliant => "mdmNotCompliant",
            Self::RecordsUnavailable => "recordsUnavailable",
            Self::OsBuildTooOld => "osBuildTooOld",
            Self::OsBuildTooNew => "osBuildTooNew",
            Self::OsVersionNotInRange => "osVersionNotInRange",
            Self::SecurityPatchTooOld => "securityPatchTooOld",
            Self::PasscodeMissing => "passcodeMissing",
            Self::ThreatLevelTooHigh => "threatLevelTooHigh",
            Self::OwnerTypeNotAllowed => "ownerTypeNotAllowed",
            Self::ManagementAgentNotAllowed => "managementAgentNotAllowed",
            Self::RuleNotMet => "ruleNotMet",
            Self::Escalated => "escalated",
            Self::Inactive => "inactive",
            Self::TooManyDevices => "tooManyDevices",
            Self::LocalRule => "localRule",
            Self::PlatformException => "platformException",
            Self::Protected => "protected",
        }
    }
}

/// What came of one rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The rule was met, or it selected.
    Satisfied,
    /// The rule was not met, or it did not select.
    NotSatisfied,
    /// A fact that it asks for is missing.
    Unknown,
}

/// One rule that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// Name of the policy it stands in.
    pub policy: String,
    /// The key in the policy document, such as `platforms.iOS.osMinimumVersion`.
    pub rule: String,
    /// What came of it.
    pub outcome: Outcome,
    /// The fact it looked at and what it wanted, for people.
    pub detail: String,
}

/// What should be, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The mailbox.
    pub mailbox: MailboxId,
    /// The device.
    pub device_id: DeviceId,
    /// What to do.
    pub access: Access,
    /// Whether it is compliant.
    pub compliance: Compliance,
    /// Why, the weightiest first; never empty.
    pub reasons: Vec<Reason>,
    /// The access policy that decided; empty when none targets the owner.
    pub policy: String,
    /// The rules tried, in order; empty unless the question was to explain.
    pub trace: Vec<Tried>,
    /// The policies it was made from.
    pub bundle: BundleDigest,
    /// The next instant at which time alone may change it.
    pub look_again_at: Option<Timestamp>,
}
