//! What an MDM or a directory says about a device or a person, who said it, and how old it is.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::ids::DeviceId;

/// Where a record came from and when it was last read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// Name of the source, such as `intune`.
    pub source: String,
    /// When the source last gave it to us.
    pub read_at: Timestamp,
}

/// The MDM's own verdict (Graph `complianceState`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ComplianceState {
    /// It does not know.
    Unknown,
    /// Meets its policies.
    Compliant,
    /// Does not meet them.
    Noncompliant,
    /// Two policies contradict each other.
    Conflict,
    /// It could not find out.
    Error,
    /// Does not meet them, and may for a while.
    InGracePeriod,
    /// Configuration Manager decides.
    ConfigManager,
}

/// Whose a device is (Graph `managedDeviceOwnerType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OwnerType {
    /// The company's.
    Company,
    /// Its user's.
    Personal,
}

/// What manages a device (Graph `managementAgentType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ManagementAgent {
    /// Exchange ActiveSync alone, which is no management.
    Eas,
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

/// What a threat defence partner reports (Graph `partnerReportedThreatState`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ThreatState {
    /// It is switched on and has said nothing.
    Activated,
    /// It is switched off.
    Deactivated,
    /// No threat.
    Secured,
    /// A threat of low severity.
    LowSeverity,
    /// A threat of medium severity.
    MediumSeverity,
    /// A threat of high severity.
    HighSeverity,
    /// It does not answer.
    Unresponsive,
    /// The device is in somebody else's hands.
    Compromised,
    /// It is not set up well.
    Misconfigured,
}

/// How bad a threat is, from good to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ThreatLevel {
    /// None.
    Secured,
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
    /// Worse than any that a policy can accept.
    Compromised,
}

impl ThreatState {
    /// How bad it is; none where the partner does not know.
    pub fn level(self) -> Option<ThreatLevel> {
        match self {
            Self::Secured => Some(ThreatLevel::Secured),
            Self::LowSeverity => Some(ThreatLevel::Low),
            Self::MediumSeverity => Some(ThreatLevel::Medium),
            Self::HighSeverity => Some(ThreatLevel::High),
            Self::Compromised => Some(ThreatLevel::Compromised),
            Self::Activated | Self::Deactivated | Self::Unresponsive | Self::Misconfigured => None,
        }
    }
}

/// A device as an MDM knows it (Graph `managedDevice`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedDevice {
    /// The MDM's id of it.
    pub id: String,
    /// The user it is enrolled for.
    pub user_principal_name: String,
    /// That user's mail address; empty when unknown.
    pub email_address: String,
    /// Its name.
    pub device_name: String,
    /// `iOS`, `android`, `windows`, ...
    pub operating_system: String,
    /// Version of the operating system, as text.
    pub os_version: String,
    /// Build of the operating system, such as `21E219`; empty when unknown.
    pub os_build: String,
    /// Android's security patch level.
    pub security_patch_level: Option<Date>,
    /// Model.
    pub model: String,
    /// Its Exchange ActiveSync id, when the MDM knows it.
    pub eas_device_id: Option<DeviceId>,
    /// Whether its storage is encrypted.
    pub is_encrypted: Option<bool>,
    /// Whether it is jailbroken or rooted.
    pub jail_broken: Option<bool>,
    /// Whether there is a passcode that meets the MDM's demands.
    pub passcode_compliant: Option<bool>,
    /// Whose it is.
    pub owner_type: Option<OwnerType>,
    /// What manages it.
    pub management_agent: Option<ManagementAgent>,
    /// What a threat defence partner reports.
    pub threat_state: Option<ThreatState>,
    /// The MDM's verdict.
    pub compliance: ComplianceState,
    /// When the MDM's own grace period ends.
    pub grace_until: Option<Timestamp>,
    /// Last contact with the MDM.
    pub last_check_in_at: Option<Timestamp>,
    /// When it was enrolled.
    pub enrolled_at: Option<Timestamp>,
    /// Who said so, and when.
    pub provenance: Provenance,
}

/// A person as the directory knows them (Graph `user`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// User principal name.
    pub user_principal_name: String,
    /// Mail address.
    pub mail: String,
    /// Further addresses.
    pub other_mails: Vec<String>,
    /// Name for people.
    pub display_name: String,
    /// Ids or unique names of all groups they are in, direct or nested.
    pub groups: Vec<String>,
    /// Whether they hold the licence; unknown when the source does not say.
    pub licensed: Option<bool>,
    /// Who said so, and when.
    pub provenance: Provenance,
}
