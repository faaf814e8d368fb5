//! The shape of a CompliancePolicy.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_saphyr::Spanned;

use exgate_domain::policy::{ComplianceRule, MdmVerdict};
use exgate_domain::record::{ManagementAgent, OwnerType, ThreatLevel};

use super::{ApiVersion, ComplianceKind, Text, given};

/// When a managed device counts as compliant.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "CompliancePolicy")]
pub(crate) struct ComplianceDocument {
    /// Version of the document.
    #[serde(rename = "apiVersion")]
    pub(crate) _api_version: ApiVersion,
    /// Kind of the document.
    #[serde(rename = "kind")]
    pub(crate) _kind: ComplianceKind,
    /// Name, unique among the compliance policies.
    #[schemars(with = "String", length(min = 1, max = 100))]
    pub(crate) name: Spanned<String>,
    /// What each platform must meet. A device on a platform that is not listed is not compliant.
    #[schemars(with = "Platforms")]
    pub(crate) platforms: Spanned<Platforms>,
    /// Longest time since the device last talked to its MDM, such as 14d. Without it, any time.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) last_check_in_max: Option<Spanned<String>>,
    /// Longest time since the device last synchronised mail, such as 30d. Without it, any time. Needs
    /// `sync.statistics_age` in the coordinator's settings; where the time is not known, compliance is
    /// not known either.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) last_sync_max: Option<Spanned<String>>,
    /// Whose a device may be. Without it, anybody's.
    #[serde(default)]
    #[schemars(with = "Vec<OwnerWord>")]
    pub(crate) managed_device_owner_types: Vec<Spanned<OwnerWord>>,
    /// What may manage a device. Without it, anything.
    #[serde(default)]
    #[schemars(with = "Vec<AgentWord>")]
    pub(crate) management_agents: Vec<Spanned<AgentWord>>,
    /// What the MDM's own verdict counts for; required unless written.
    #[serde(default)]
    pub(crate) mdm_compliance: MdmWord,
    /// How long a device that stops being compliant keeps its access, such as 3d. Without it: not at
    /// all.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) grace_period: Option<Spanned<String>>,
    /// Grace periods of single rules, in place of `gracePeriod`.
    #[serde(default)]
    pub(crate) grace_periods: GracePeriods,
    /// When a device that stays not compliant is blocked, such as 14d, counted from when it was first
    /// found not compliant. Without it: never.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) block_after: Option<Spanned<String>>,
    /// Rules for what the keys above do not cover.
    #[serde(default)]
    pub(crate) rules: Vec<RuleDocument>,
}

/// A rule written as an expression.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RuleDocument {
    /// Its name, unique within the policy.
    #[schemars(with = "String", length(min = 1, max = 100))]
    pub(crate) id: Spanned<String>,
    /// The expression that has to hold, as after `when` in Cedar.
    #[schemars(with = "String", length(min = 1))]
    pub(crate) require: Spanned<String>,
    /// Its own grace period, in place of the policy's.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) grace_period: Option<Spanned<String>>,
}

/// What the MDM's own verdict counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum MdmWord {
    /// The MDM has to call the device compliant, and this policy has to be met.
    #[default]
    Required,
    /// Where the MDM says yes or no, no other rule is asked; where it does not know, this policy decides.
    /// A no has a grace period as any rule: `gracePeriods.complianceState`, or else `gracePeriod`.
    Trusted,
    /// It is not looked at.
    Ignored,
}

/// Whose a device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum OwnerWord {
    /// The company's.
    Company,
    /// Its user's.
    Personal,
}

/// What manages a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum AgentWord {
    /// An MDM.
    Mdm,
    /// An MDM and Exchange ActiveSync.
    EasMdm,
    /// The Intune client on a computer.
    IntuneClient,
    /// The Intune client and Exchange ActiveSync.
    EasIntuneClient,
    /// Configuration Manager.
    ConfigurationManagerClient,
    /// Configuration Manager and an MDM.
    ConfigurationManagerClientMdm,
    /// Configuration Manager, an MDM and Exchange ActiveSync.
    ConfigurationManagerClientMdmEas,
    /// Jamf.
    Jamf,
    /// Android's own policy controller.
    GoogleCloudDevicePolicyController,
}

/// How bad a threat may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum ThreatWord {
    /// No threat.
    Secured,
    /// At most a low one.
    Low,
    /// At most a medium one.
    Medium,
    /// At most a high one.
    High,
}

/// Platforms by the record's `operatingSystem`; neither case nor blanks count.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Platforms {
    /// iPhones, and iPads that report iOS.
    #[serde(rename = "iOS", deserialize_with = "given")]
    #[schemars(with = "Requirements")]
    pub(crate) ios: Option<Requirements>,
    /// iPads that report iPadOS.
    #[serde(rename = "iPadOS", deserialize_with = "given")]
    #[schemars(with = "Requirements")]
    pub(crate) ipados: Option<Requirements>,
    /// Android, AndroidForWork and AndroidEnterprise.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "Requirements")]
    pub(crate) android: Option<Requirements>,
    /// Windows.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "Requirements")]
    pub(crate) windows: Option<Requirements>,
    /// Windows Phone and Windows Mobile.
    #[serde(rename = "windowsPhone", deserialize_with = "given")]
    #[schemars(with = "Requirements")]
    pub(crate) windows_phone: Option<Requirements>,
    /// macOS.
    #[serde(rename = "macOS", deserialize_with = "given")]
    #[schemars(with = "Requirements")]
    pub(crate) macos: Option<Requirements>,
    /// Linux.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "Requirements")]
    pub(crate) linux: Option<Requirements>,
    /// ChromeOS.
    #[serde(rename = "chromeOS", deserialize_with = "given")]
    #[schemars(with = "Requirements")]
    pub(crate) chromeos: Option<Requirements>,
}

impl Platforms {
    /// The platforms that are listed, each with its name as it is written.
    pub(crate) fn listed(self) -> impl Iterator<Item = (&'static str, Requirements)> {
        [
            ("iOS", self.ios),
            ("iPadOS", self.ipados),
            ("android", self.android),
            ("windows", self.windows),
            ("windowsPhone", self.windows_phone),
            ("macOS", self.macos),
            ("linux", self.linux),
            ("chromeOS", self.chromeos),
        ]
        .into_iter()
        .filter_map(|(name, requirements)| requirements.map(|requirements| (name, requirements)))
    }
}

/// What one platform must meet; `{}` for nothing but the platform itself.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Requirements {
    /// Oldest version that is good enough, such as 17.4; compared number by number.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "Text")]
    pub(crate) os_minimum_version: Option<Spanned<String>>,
    /// Newest version that is accepted, such as 16.99; compared number by number.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "Text")]
    pub(crate) os_maximum_version: Option<Spanned<String>>,
    /// Oldest build that is good enough, numbered as Apple does, such as 21E219.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) os_minimum_build_version: Option<Spanned<String>>,
    /// Newest build that is accepted, numbered as Apple does.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) os_maximum_build_version: Option<Spanned<String>>,
    /// The version has to lie in one of these ranges, such as the builds of Windows that get updates.
    /// Without it, any version.
    #[schemars(with = "Vec<RangeDocument>")]
    pub(crate) valid_operating_system_build_ranges: Vec<RangeDocument>,
    /// Oldest Android security patch level that is good enough, such as 2026-03-05.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) min_android_security_patch_level: Option<Spanned<String>>,
    /// The worst threat that a threat defence partner may report.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "ThreatWord")]
    pub(crate) device_threat_protection_required_security_level: Option<ThreatWord>,
    /// Whether there has to be a passcode that meets the MDM's demands.
    pub(crate) passcode_required: bool,
    /// Whether storage has to be encrypted.
    pub(crate) storage_require_encryption: bool,
    /// Whether a jailbroken or rooted device is not compliant.
    pub(crate) security_block_jailbroken_devices: bool,
}

/// Grace periods of single rules, by the key of the rule.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct GracePeriods {
    /// The MDM's own verdict.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) compliance_state: Option<Spanned<String>>,
    /// The platform is not listed.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) platforms: Option<Spanned<String>>,
    /// For `osMinimumVersion`.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) os_minimum_version: Option<Spanned<String>>,
    /// For `osMaximumVersion`.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) os_maximum_version: Option<Spanned<String>>,
    /// For `osMinimumBuildVersion`.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) os_minimum_build_version: Option<Spanned<String>>,
    /// For `osMaximumBuildVersion`.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) os_maximum_build_version: Option<Spanned<String>>,
    /// For `validOperatingSystemBuildRanges`.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) valid_operating_system_build_ranges: Option<Spanned<String>>,
    /// For `minAndroidSecurityPatchLevel`.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) min_android_security_patch_level: Option<Spanned<String>>,
    /// For `storageRequireEncryption`.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) storage_require_encryption: Option<Spanned<String>>,
    /// For `securityBlockJailbrokenDevices`.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) security_block_jailbroken_devices: Option<Spanned<String>>,
    /// For `passcodeRequired`.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) passcode_required: Option<Spanned<String>>,
    /// For `deviceThreatProtectionRequiredSecurityLevel`.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) device_threat_protection_required_security_level: Option<Spanned<String>>,
    /// For `lastCheckInMax`.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) last_check_in_max: Option<Spanned<String>>,
    /// For `lastSyncMax`.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) last_sync_max: Option<Spanned<String>>,
    /// For `managedDeviceOwnerTypes`.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) managed_device_owner_types: Option<Spanned<String>>,
    /// For `managementAgents`.
    #[serde(deserialize_with = "given")]
    #[schemars(with = "String")]
    pub(crate) management_agents: Option<Spanned<String>>,
}

impl GracePeriods {
    /// Those that are written, each with its rule.
    pub(crate) fn listed(self) -> impl Iterator<Item = (ComplianceRule, Spanned<String>)> {
        [
            (ComplianceRule::ComplianceState, self.compliance_state),
            (ComplianceRule::Platforms, self.platforms),
            (ComplianceRule::OsMinimumVersion, self.os_minimum_version),
            (ComplianceRule::OsMaximumVersion, self.os_maximum_version),
            (ComplianceRule::OsMinimumBuildVersion, self.os_minimum_build_version),
            (ComplianceRule::OsMaximumBuildVersion, self.os_maximum_build_version),
            (
                ComplianceRule::ValidOperatingSystemBuildRanges,
                self.valid_operating_system_build_ranges,
            ),
            (ComplianceRule::MinAndroidSecurityPatchLevel, self.min_android_security_patch_level),
            (ComplianceRule::StorageRequireEncryption, self.storage_require_encryption),
            (
                ComplianceRule::SecurityBlockJailbrokenDevices,
                self.security_block_jailbroken_devices,
            ),
            (ComplianceRule::PasscodeRequired, self.passcode_required),
            (
                ComplianceRule::DeviceThreatProtectionRequiredSecurityLevel,
                self.device_threat_protection_required_security_level,
            ),
            (ComplianceRule::LastCheckInMax, self.last_check_in_max),
            (ComplianceRule::LastSyncMax, self.last_sync_max),
            (ComplianceRule::ManagedDeviceOwnerTypes, self.managed_device_owner_types),
            (ComplianceRule::ManagementAgents, self.management_agents),
        ]
        .into_iter()
        .filter_map(|(rule, span)| span.map(|span| (rule, span)))
    }
}

/// Versions from one to another, both included (Graph `operatingSystemVersionRange`).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RangeDocument {
    /// What it is, for people.
    #[serde(default, rename = "description")]
    #[schemars(with = "String")]
    pub(crate) _description: String,
    /// The oldest version.
    #[schemars(with = "Text")]
    pub(crate) lowest_version: Spanned<String>,
    /// The newest version.
    #[schemars(with = "Text")]
    pub(crate) highest_version: Spanned<String>,
}

impl From<OwnerWord> for OwnerType {
    fn from(word: OwnerWord) -> Self {
        match word {
            OwnerWord::Company => Self::Company,
            OwnerWord::Personal => Self::Personal,
        }
    }
}

impl From<AgentWord> for ManagementAgent {
    fn from(word: AgentWord) -> Self {
        match word {
            AgentWord::Mdm => Self::Mdm,
            AgentWord::EasMdm => Self::EasMdm,
            AgentWord::IntuneClient => Self::IntuneClient,
            AgentWord::EasIntuneClient => Self::EasIntuneClient,
            AgentWord::ConfigurationManagerClient => Self::ConfigurationManagerClient,
            AgentWord::ConfigurationManagerClientMdm => Self::ConfigurationManagerClientMdm,
            AgentWord::ConfigurationManagerClientMdmEas => Self::ConfigurationManagerClientMdmEas,
            AgentWord::Jamf => Self::Jamf,
            AgentWord::GoogleCloudDevicePolicyController => Self::GoogleCloudDevicePolicyController,
        }
    }
}

impl From<ThreatWord> for ThreatLevel {
    fn from(word: ThreatWord) -> Self {
        match word {
            ThreatWord::Secured => Self::Secured,
            ThreatWord::Low => Self::Low,
            ThreatWord::Medium => Self::Medium,
            ThreatWord::High => Self::High,
        }
    }
}

impl From<MdmWord> for MdmVerdict {
    fn from(word: MdmWord) -> Self {
        match word {
            MdmWord::Required => Self::Required,
            MdmWord::Trusted => Self::Trusted,
            MdmWord::Ignored => Self::Ignored,
        }
    }
}
