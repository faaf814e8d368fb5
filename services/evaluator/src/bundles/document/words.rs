//! Words of a closed list, as they are written in tests of policies. A word that is not on the list is
//! refused with the list.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use exgate_domain::case::Unmatched;
use exgate_domain::decision::{Compliance, Reason};
use exgate_domain::record::{ComplianceState, ManagementAgent, OwnerType, ThreatState};

/// Makes the type of a word and what it stands for.
macro_rules! words {
    ($(#[doc = $doc:literal])* $name:ident: $value:ty = { $($word:literal => $it:expr,)+ }) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) struct $name(pub(crate) $value);

        impl $name {
            const NAMES: &'static [&'static str] = &[$($word),+];
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                match text.as_str() {
                    $($word => Ok(Self($it)),)+
                    other => Err(D::Error::unknown_variant(other, Self::NAMES)),
                }
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let description = concat!($($doc),*).trim();
                json_schema!({ "description": description, "enum": values(Self::NAMES) })
            }
        }
    };
}

words! {
    /// Whether the device meets the compliance policies that apply to it.
    ComplianceResult: Compliance = {
        "compliant" => Compliance::Compliant,
        "inGracePeriod" => Compliance::InGracePeriod,
        "notCompliant" => Compliance::NotCompliant,
        "unknown" => Compliance::Unknown,
        "notEvaluated" => Compliance::NotEvaluated,
    }
}

words! {
    /// Why something is decided.
    ReasonWord: Reason = {
        "compliant" => Reason::Compliant,
        "notCompliant" => Reason::NotCompliant,
        "notEnrolled" => Reason::NotEnrolled,
        "inGracePeriod" => Reason::InGracePeriod,
        "complianceUnknown" => Reason::ComplianceUnknown,
        "notTargeted" => Reason::NotTargeted,
        "ownerUnknown" => Reason::OwnerUnknown,
        "notLicensed" => Reason::NotLicensed,
        "osVersionTooOld" => Reason::OsVersionTooOld,
        "osVersionTooNew" => Reason::OsVersionTooNew,
        "platformNotAllowed" => Reason::PlatformNotAllowed,
        "notEncrypted" => Reason::NotEncrypted,
        "jailBroken" => Reason::JailBroken,
        "checkInTooOld" => Reason::CheckInTooOld,
        "mdmNotCompliant" => Reason::MdmNotCompliant,
        "recordsUnavailable" => Reason::RecordsUnavailable,
        "osBuildTooOld" => Reason::OsBuildTooOld,
        "osBuildTooNew" => Reason::OsBuildTooNew,
        "osVersionNotInRange" => Reason::OsVersionNotInRange,
        "securityPatchTooOld" => Reason::SecurityPatchTooOld,
        "passcodeMissing" => Reason::PasscodeMissing,
        "threatLevelTooHigh" => Reason::ThreatLevelTooHigh,
        "ownerTypeNotAllowed" => Reason::OwnerTypeNotAllowed,
        "managementAgentNotAllowed" => Reason::ManagementAgentNotAllowed,
        "ruleNotMet" => Reason::RuleNotMet,
        "escalated" => Reason::Escalated,
        "inactive" => Reason::Inactive,
        "tooManyDevices" => Reason::TooManyDevices,
        "localRule" => Reason::LocalRule,
        "platformException" => Reason::PlatformException,
        "protected" => Reason::Protected,
    }
}

words! {
    /// A yes, a no, or that nobody knows.
    Known: Option<bool> = {
        "true" => Some(true),
        "false" => Some(false),
        "unknown" => None,
    }
}

words! {
    /// The MDM's own verdict, in Graph's words.
    StateWord: ComplianceState = {
        "unknown" => ComplianceState::Unknown,
        "compliant" => ComplianceState::Compliant,
        "noncompliant" => ComplianceState::Noncompliant,
        "conflict" => ComplianceState::Conflict,
        "error" => ComplianceState::Error,
        "inGracePeriod" => ComplianceState::InGracePeriod,
        "configManager" => ComplianceState::ConfigManager,
    }
}

words! {
    /// Whose a device is, in Graph's words.
    OwnerTypeWord: Option<OwnerType> = {
        "unknown" => None,
        "company" => Some(OwnerType::Company),
        "personal" => Some(OwnerType::Personal),
    }
}

words! {
    /// What manages a device, in Graph's words.
    ManagementAgentWord: Option<ManagementAgent> = {
        "unknown" => None,
        "eas" => Some(ManagementAgent::Eas),
        "mdm" => Some(ManagementAgent::Mdm),
        "easMdm" => Some(ManagementAgent::EasMdm),
        "intuneClient" => Some(ManagementAgent::IntuneClient),
        "easIntuneClient" => Some(ManagementAgent::EasIntuneClient),
        "configurationManagerClient" => Some(ManagementAgent::ConfigurationManagerClient),
        "configurationManagerClientMdm" => Some(ManagementAgent::ConfigurationManagerClientMdm),
        "configurationManagerClientMdmEas" => {
            Some(ManagementAgent::ConfigurationManagerClientMdmEas)
        },
        "jamf" => Some(ManagementAgent::Jamf),
        "googleCloudDevicePolicyController" => {
            Some(ManagementAgent::GoogleCloudDevicePolicyController)
        },
    }
}

words! {
    /// What a threat defence partner reports, in Graph's words.
    ThreatStateWord: Option<ThreatState> = {
        "unknown" => None,
        "activated" => Some(ThreatState::Activated),
        "deactivated" => Some(ThreatState::Deactivated),
        "secured" => Some(ThreatState::Secured),
        "lowSeverity" => Some(ThreatState::LowSeverity),
        "mediumSeverity" => Some(ThreatState::MediumSeverity),
        "highSeverity" => Some(ThreatState::HighSeverity),
        "unresponsive" => Some(ThreatState::Unresponsive),
        "compromised" => Some(ThreatState::Compromised),
        "misconfigured" => Some(ThreatState::Misconfigured),
    }
}

/// Why there is no record of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoRecord {
    /// The MDMs can be asked, and none has it.
    Unmatched(Unmatched),
    /// Nobody can be asked.
    Unavailable,
}

words! {
    /// Why there is no record: no MDM knows the device, the record is another user's, several records fit
    /// equally well, or the records cannot be relied on now.
    ManagementWord: NoRecord = {
        "unmanaged" => NoRecord::Unmatched(Unmatched::NoRecord),
        "otherUser" => NoRecord::Unmatched(Unmatched::OtherUser),
        "ambiguous" => NoRecord::Unmatched(Unmatched::Ambiguous),
        "unavailable" => NoRecord::Unavailable,
    }
}

/// Words as editors see them: to other readers of YAML `true` is no text.
fn values(names: &[&str]) -> Vec<Value> {
    let value = |name: &&str| match *name {
        "true" => true.into(),
        "false" => false.into(),
        text => text.into(),
    };
    names.iter().map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_and_result_has_the_word_that_decisions_show() {
        let reasons: Vec<_> = Reason::ALL.iter().map(|reason| reason.word()).collect();
        assert_eq!(ReasonWord::NAMES, reasons);
        let results: Vec<_> = Compliance::ALL.iter().map(|result| result.word()).collect();
        assert_eq!(ComplianceResult::NAMES, results);
        for name in ReasonWord::NAMES {
            let read: ReasonWord = serde_json::from_value((*name).into()).unwrap();
            assert_eq!(read.0.word(), *name);
        }
    }

    #[test]
    fn the_schema_says_what_a_word_is_for() {
        let schema = Known::json_schema(&mut SchemaGenerator::default());
        assert_eq!(schema.get("description").unwrap(), "A yes, a no, or that nobody knows.");
        assert_eq!(*schema.get("enum").unwrap(), serde_json::json!([true, false, "unknown"]));
    }
}
