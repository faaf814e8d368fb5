//! Enums without data: each variant has the same name on both sides, and the wire has one more,
//! `Unspecified`, which no domain value is.

use exgate_domain::case::{MatchBasis, Unmatched};
use exgate_domain::check::StepOutcome;
use exgate_domain::decision::{Compliance, Outcome, Reason};
use exgate_domain::observation::{AccessLevel, Kind};
use exgate_domain::organization::Mode;
use exgate_domain::policy::Access;
use exgate_domain::record::{ComplianceState, ManagementAgent, OwnerType, ThreatState};
use exgate_domain::snapshot::Step;
use exgate_domain::standing::Breaker;
use exgate_domain::sync::{SyncMode, Trigger};

use super::Fault;
use crate::types::v1 as pb;

macro_rules! same_names {
    ($wire:ty, $domain:ty, $($variant:ident)+) => {
        impl From<$domain> for $wire {
            fn from(value: $domain) -> Self {
                match value {
                    $(<$domain>::$variant => Self::$variant,)+
                }
            }
        }

        impl TryFrom<$wire> for $domain {
            type Error = Fault;

            fn try_from(value: $wire) -> Result<Self, Fault> {
                match value {
                    <$wire>::Unspecified => Err(Fault::Unspecified),
                    $(<$wire>::$variant => Ok(Self::$variant),)+
                }
            }
        }
    };
}

same_names!(pb::AccessLevel, AccessLevel, Allow Quarantine Block);
same_names!(
    pb::ObservationKind, Kind,
    Device Mailbox Settings Rule Server DeviceClass MailboxPolicy
);
same_names!(crate::agent::v1::RunStep, Step, Mailboxes Devices Organization);
same_names!(
    pb::ComplianceState, ComplianceState,
    Unknown Compliant Noncompliant Conflict Error InGracePeriod ConfigManager
);
same_names!(pb::OwnerType, OwnerType, Company Personal);
same_names!(
    pb::ManagementAgent, ManagementAgent,
    Eas Mdm EasMdm IntuneClient EasIntuneClient ConfigurationManagerClient
    ConfigurationManagerClientMdm ConfigurationManagerClientMdmEas Jamf
    GoogleCloudDevicePolicyController
);
same_names!(
    pb::ThreatState, ThreatState,
    Activated Deactivated Secured LowSeverity MediumSeverity HighSeverity Unresponsive Compromised
    Misconfigured
);
same_names!(pb::MatchBasis, MatchBasis, EasIdAndUser);
same_names!(pb::Unmatched, Unmatched, NoRecord OtherUser Ambiguous);
same_names!(pb::Access, Access, Leave Allow Quarantine Block);
same_names!(
    pb::Compliance, Compliance,
    Compliant InGracePeriod NotCompliant Unknown NotEvaluated
);
same_names!(
    pb::Reason, Reason,
    Compliant NotCompliant NotEnrolled InGracePeriod ComplianceUnknown NotTargeted OwnerUnknown
    NotLicensed OsVersionTooOld OsVersionTooNew PlatformNotAllowed NotEncrypted JailBroken
    CheckInTooOld MdmNotCompliant RecordsUnavailable OsBuildTooOld OsBuildTooNew OsVersionNotInRange
    SecurityPatchTooOld PasscodeMissing ThreatLevelTooHigh OwnerTypeNotAllowed
    ManagementAgentNotAllowed RuleNotMet Escalated Inactive TooManyDevices LocalRule
    PlatformException Protected
);
same_names!(pb::Outcome, Outcome, Satisfied NotSatisfied Unknown);
same_names!(pb::Breaker, Breaker, Closed Open HalfOpen);
same_names!(pb::StepOutcome, StepOutcome, Passed Warned Failed);
same_names!(crate::v1::Mode, Mode, Observe Enforce);
same_names!(crate::v1::SyncMode, SyncMode, Quick Full);
same_names!(crate::v1::SyncTrigger, Trigger, Schedule Manual ReadBack);
