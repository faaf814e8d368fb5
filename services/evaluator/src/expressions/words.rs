//! The closed lists of words that attributes have as their values: Graph's words, each list a type of
//! its own, so that a misspelt word is found when the expression is loaded.

use exgate_domain::record::{ComplianceState, ManagementAgent, OwnerType, ThreatState};

/// A closed list of words; in an expression `OwnerType::"company"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WordType {
    /// Its name in expressions.
    pub name: &'static str,
    /// Its words.
    pub words: &'static [&'static str],
}

/// All of them.
pub const WORD_TYPES: [&WordType; 4] =
    [&OWNER_TYPE, &MANAGEMENT_AGENT, &THREAT_STATE, &COMPLIANCE_STATE];

pub(super) const OWNER_TYPE: WordType =
    WordType { name: "OwnerType", words: &["company", "personal"] };

pub(super) const MANAGEMENT_AGENT: WordType = WordType {
    name: "ManagementAgent",
    words: &[
        "eas",
        "mdm",
        "easMdm",
        "intuneClient",
        "easIntuneClient",
        "configurationManagerClient",
        "configurationManagerClientMdm",
        "configurationManagerClientMdmEas",
        "jamf",
        "googleCloudDevicePolicyController",
    ],
};

pub(super) const THREAT_STATE: WordType = WordType {
    name: "ThreatState",
    words: &[
        "activated",
        "deactivated",
        "secured",
        "lowSeverity",
        "mediumSeverity",
        "highSeverity",
        "unresponsive",
        "compromised",
        "misconfigured",
    ],
};

pub(super) const COMPLIANCE_STATE: WordType = WordType {
    name: "ComplianceState",
    words: &[
        "unknown",
        "compliant",
        "noncompliant",
        "conflict",
        "error",
        "inGracePeriod",
        "configManager",
    ],
};

pub(super) fn owner_type(owner: OwnerType) -> &'static str {
    match owner {
        OwnerType::Company => "company",
        OwnerType::Personal => "personal",
    }
}

pub(super) fn management_agent(agent: ManagementAgent) -> &'static str {
    match agent {
        ManagementAgent::Eas => "eas",
        ManagementAgent::Mdm => "mdm",
        ManagementAgent::EasMdm => "easMdm",
        ManagementAgent::IntuneClient => "intuneClient",
        ManagementAgent::EasIntuneClient => "easIntuneClient",
        ManagementAgent::ConfigurationManagerClient => "configurationManagerClient",
        ManagementAgent::ConfigurationManagerClientMdm => "configurationManagerClientMdm",
        ManagementAgent::ConfigurationManagerClientMdmEas => "configurationManagerClientMdmEas",
        ManagementAgent::Jamf => "jamf",
        ManagementAgent::GoogleCloudDevicePolicyController => "googleCloudDevicePolicyController",
    }
}

pub(super) fn threat_state(state: ThreatState) -> &'static str {
    match state {
        ThreatState::Activated => "activated",
        ThreatState::Deactivated => "deactivated",
        ThreatState::Secured => "secured",
        ThreatState::LowSeverity => "lowSeverity",
        ThreatState::MediumSeverity => "mediumSeverity",
        ThreatState::HighSeverity => "highSeverity",
        ThreatState::Unresponsive => "unresponsive",
        ThreatState::Compromised => "compromised",
        ThreatState::Misconfigured => "misconfigured",
    }
}

pub(super) fn compliance_state(state: ComplianceState) -> &'static str {
    match state {
        ComplianceState::Unknown => "unknown",
        ComplianceState::Compliant => "compliant",
        ComplianceState::Noncompliant => "noncompliant",
        ComplianceState::Conflict => "conflict",
        ComplianceState::Error => "error",
        ComplianceState::InGracePeriod => "inGracePeriod",
        ComplianceState::ConfigManager => "configManager",
    }
}
