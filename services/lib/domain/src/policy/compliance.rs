//! When a managed device counts as compliant.

use jiff::SignedDuration;
use jiff::civil::Date;

use crate::policy::{Build, Version};
use crate::record::{ManagementAgent, OwnerType, ThreatLevel};

/// Versions from one to another, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VersionRange {
    /// The oldest.
    pub lowest: Version,
    /// The newest.
    pub highest: Version,
}

/// What one platform must meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformRequirements {
    /// The platform, as a policy spells it.
    pub platform: String,
    /// Oldest version that is good enough.
    pub os_minimum: Option<Version>,
    /// Newest version that is accepted.
    pub os_maximum: Option<Version>,
    /// Oldest build that is good enough, where builds are numbered as Apple's.
    pub build_minimum: Option<Build>,
    /// Newest build that is accepted.
    pub build_maximum: Option<Build>,
    /// The version has to lie in one of these; empty for any.
    pub build_ranges: Vec<VersionRange>,
    /// Oldest Android security patch level that is good enough.
    pub patch_minimum: Option<Date>,
    /// Whether storage has to be encrypted.
    pub require_encryption: bool,
    /// Whether a jailbroken or rooted device fails.
    pub refuse_jailbroken: bool,
    /// Whether there has to be a passcode that meets the MDM's demands.
    pub require_passcode: bool,
    /// The worst threat level that is accepted.
    pub threat_maximum: Option<ThreatLevel>,
}

/// Other names that MDMs have for a platform (Intune's `operatingSystem`, and the words of Graph's
/// `deviceType`), without blanks.
const OTHER_NAMES: [(&str, &str); 3] = [
    ("android", "androidForWork"),
    ("android", "androidEnterprise"),
    ("windowsPhone", "windowsMobile"),
];

impl PlatformRequirements {
    /// Whether they are for the `operatingSystem` of a record. Neither case nor blanks count: `Chrome OS`
    /// is `chromeOS`.
    pub fn are_for(&self, operating_system: &str) -> bool {
        let is_named = |name: &str| {
            let letters = operating_system.chars().filter(|letter| !letter.is_whitespace());
            letters
                .map(|it| it.to_ascii_lowercase())
                .eq(name.chars().map(|it| it.to_ascii_lowercase()))
        };
        let platform = self.platform.as_str();
        platform.eq_ignore_ascii_case(operating_system)
            || is_named(platform)
            || OTHER_NAMES.iter().any(|(of, name)| *of == platform && is_named(name))
    }
}

/// What the MDM's own verdict counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MdmVerdict {
    /// The MDM has to call the device compliant, and the policy has to be met.
    Required,
    /// Where the MDM says yes or no, no other rule is asked; where it does not know, the policy decides.
    Trusted,
    /// It is not looked at.
    Ignored,
}

/// What a compliance policy can ask for, by the key that asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ComplianceRule {
    /// The MDM's own verdict.
    ComplianceState,
    /// The platform is listed.
    Platforms,
    /// The oldest version.
    OsMinimumVersion,
    /// The newest version.
    OsMaximumVersion,
    /// The oldest build.
    OsMinimumBuildVersion,
    /// The newest build.
    OsMaximumBuildVersion,
    /// The ranges of versions.
    ValidOperatingSystemBuildRanges,
    /// The oldest Android security patch level.
    MinAndroidSecurityPatchLevel,
    /// Encryption.
    StorageRequireEncryption,
    /// Jailbreak and root.
    SecurityBlockJailbrokenDevices,
    /// A passcode.
    PasscodeRequired,
    /// The worst threat level.
    DeviceThreatProtectionRequiredSecurityLevel,
    /// The last contact with the MDM.
    LastCheckInMax,
    /// The last synchronisation of mail.
    LastSyncMax,
    /// Whose device it is.
    ManagedDeviceOwnerTypes,
    /// What manages it.
    ManagementAgents,
}

impl ComplianceRule {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::ComplianceState,
        Self::Platforms,
        Self::OsMinimumVersion,
        Self::OsMaximumVersion,
        Self::OsMinimumBuildVersion,
        Self::OsMaximumBuildVersion,
        Self::ValidOperatingSystemBuildRanges,
        Self::MinAndroidSecurityPatchLevel,
        Self::StorageRequireEncryption,
        Self::SecurityBlockJailbrokenDevices,
        Self::PasscodeRequired,
        Self::DeviceThreatProtectionRequiredSecurityLevel,
        Self::LastCheckInMax,
        Self::LastSyncMax,
        Self::ManagedDeviceOwnerTypes,
        Self::ManagementAgents,
    ];

    /// The key in a policy document.
    pub fn key(self) -> &'static str {
        match self {
            Self::ComplianceState => "complianceState",
            Self::Platforms => "platforms",
            Self::OsMinimumVersion => "osMinimumVersion",
            Self::OsMaximumVersion => "osMaximumVersion",
            Self::OsMinimumBuildVersion => "osMinimumBuildVersion",
            Self::OsMaximumBuildVersion => "osMaximumBuildVersion",
            Self::ValidOperatingSystemBuildRanges => "validOperatingSystemBuildRanges",
            Self::MinAndroidSecurityPatchLevel => "minAndroidSecurityPatchLevel",
            Self::StorageRequireEncryption => "storageRequireEncryption",
            Self::SecurityBlockJailbrokenDevices => "securityBlockJailbrokenDevices",
            Self::PasscodeRequired => "passcodeRequired",
            Self::DeviceThreatProtectionRequiredSecurityLevel => {
                "deviceThreatProtectionRequiredSecurityLevel"
            }
            Self::LastCheckInMax => "lastCheckInMax",
            Self::LastSyncMax => "lastSyncMax",
            Self::ManagedDeviceOwnerTypes => "managedDeviceOwnerTypes",
            Self::ManagementAgents => "managementAgents",
        }
    }
}

/// A rule written as an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpressionRule {
    /// Its name within the policy.
    pub id: String,
    /// The expression that has to hold, as written.
    pub require: String,
    /// Its own grace period; none for the policy's.
    pub grace_period: Option<SignedDuration>,
}

/// When a device counts as compliant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompliancePolicy {
    /// Its name.
    pub name: String,
    /// Requirements by platform; a platform that is not listed is not compliant.
    pub platforms: Vec<PlatformRequirements>,
    /// Longest time since the device last talked to its MDM.
    pub last_check_in_max: Option<SignedDuration>,
    /// Longest time since the device last synchronised mail.
    pub last_sync_max: Option<SignedDuration>,
    /// Whose the device may be; empty for anybody's.
    pub owner_types: Vec<OwnerType>,
    /// What may manage it; empty for anything.
    pub management_agents: Vec<ManagementAgent>,
    /// What the MDM's own verdict counts for.
    pub mdm: MdmVerdict,
    /// How long a device that stopped being compliant keeps its access; zero for not at all.
    pub grace_period: SignedDuration,
    /// Grace periods of single rules, in place of the policy's.
    pub grace_by_rule: Vec<(ComplianceRule, SignedDuration)>,
    /// When a device that stays not compliant is blocked, counted from when it was found first.
    pub block_after: Option<SignedDuration>,
    /// Rules written as expressions.
    pub rules: Vec<ExpressionRule>,
}
