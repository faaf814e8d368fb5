//! What is true in Exchange, in our words, and nothing that changes at every read. A value Exchange
//! invents later survives as `Unrecognised`.

use jiff::Timestamp;
use uuid::Uuid;

use crate::ids::{DeviceId, MailboxId, PartnershipId};

/// Which part of an organization a sync looks at. Quick and full sync differ in nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Everything; only this one can prove that something is gone.
    Everything,
    /// What changed at or after this instant of the directory's clock.
    ChangedSince(Timestamp),
    /// These mailboxes and their devices: a read-back.
    Mailboxes(Vec<MailboxId>),
}

/// The kind of thing observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A device partnership.
    Device,
    /// A mailbox.
    Mailbox,
    /// The organization's ActiveSync settings.
    Settings,
    /// A device access rule.
    Rule,
    /// An Exchange server.
    Server,
    /// A device class.
    DeviceClass,
    /// A mobile device mailbox policy.
    MailboxPolicy,
}

/// What an observation is about: Exchange's own GUID of the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The kind of object.
    pub kind: Kind,
    /// Exchange's `Guid` of it.
    pub guid: Uuid,
}

/// One object of Exchange as it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observation {
    /// A device partnership.
    Device(EasDevice),
    /// A mailbox.
    Mailbox(Mailbox),
    /// The organization's ActiveSync settings.
    Settings(OrganizationSettings),
    /// A device access rule.
    Rule(AccessRule),
    /// An Exchange server.
    Server(Server),
    /// A device class.
    DeviceClass(DeviceClass),
    /// A mobile device mailbox policy.
    MailboxPolicy(MailboxPolicy),
}

impl Observation {
    /// What this observation is about.
    pub fn key(&self) -> Key {
        match self {
            Self::Device(device) => Key { kind: Kind::Device, guid: device.id.guid() },
            Self::Mailbox(mailbox) => Key { kind: Kind::Mailbox, guid: mailbox.id.guid() },
            Self::Settings(settings) => Key { kind: Kind::Settings, guid: settings.guid },
            Self::Rule(rule) => Key { kind: Kind::Rule, guid: rule.guid },
            Self::Server(server) => Key { kind: Kind::Server, guid: server.guid },
            Self::DeviceClass(class) => Key { kind: Kind::DeviceClass, guid: class.guid },
            Self::MailboxPolicy(policy) => Key { kind: Kind::MailboxPolicy, guid: policy.guid },
        }
    }
}

/// What Exchange lets a device do (`DeviceAccessState`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AccessState {
    /// Exchange says it does not know.
    Unknown,
    /// Full synchronisation.
    Allowed,
    /// Refused with HTTP 403.
    Blocked,
    /// Held until somebody grants access; it gets one mail that says so.
    Quarantined,
    /// First contact: Exchange is still finding out what it is, for up to 14 minutes.
    DeviceDiscovery,
    /// A value this version does not know.
    Unrecognised(String),
}

/// Why it is in that state (`DeviceAccessStateReason`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AccessReason {
    /// Exchange says it does not know.
    Unknown,
    /// The organization's default access level.
    Global,
    /// An entry on one of the mailbox's own lists.
    Individual,
    /// A device access rule.
    DeviceRule,
    /// The mailbox was moved to a newer server.
    Upgrade,
    /// The mailbox policy is not met.
    Policy,
    /// Any other reason, in Exchange's word.
    Unrecognised(String),
}

/// One Exchange ActiveSync partnership: one device in one mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EasDevice {
    /// Exchange's GUID of the partnership.
    pub id: PartnershipId,
    /// The device's own id, as the lists hold it.
    pub device_id: DeviceId,
    /// Distinguished name of the mailbox that owns it: the join to [`Mailbox`].
    pub mailbox_dn: String,
    /// What Exchange lets it do.
    pub access_state: AccessState,
    /// Why.
    pub access_reason: AccessReason,
    /// Name of the device access rule that matched; empty when none did.
    pub access_rule: String,
    /// `DeviceType`, such as `iPhone`.
    pub device_type: String,
    /// `DeviceModel`, such as `iPhone15C2`.
    pub device_model: String,
    /// `DeviceOS`, such as `iOS 17.4 21E219`.
    pub device_os: String,
    /// `DeviceUserAgent`.
    pub user_agent: String,
    /// The user's name for it; often empty.
    pub friendly_name: String,
    /// `DeviceImei`; often empty.
    pub imei: String,
    /// The telephone number it reports; often empty.
    pub phone_number: String,
    /// `EAS`, `REST`, `Outlook`, ...; empty on Exchange 2010, which only has `EAS`.
    pub client_type: String,
    /// Version of the ActiveSync protocol it speaks, such as `16.1`.
    pub protocol_version: String,
    /// First synchronisation of this partnership.
    pub first_sync_at: Option<Timestamp>,
    /// When the directory last changed the object.
    pub changed_at: Option<Timestamp>,
}

/// A mailbox that may have devices, with both of its personal lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// Exchange's GUID of it.
    pub id: MailboxId,
    /// Its distinguished name.
    pub dn: String,
    /// Name for people.
    pub display_name: String,
    /// Primary SMTP address.
    pub primary_smtp: String,
    /// `SamAccountName` of the owner.
    pub sam_account: String,
    /// `ActiveSyncEnabled`; false refuses every device.
    pub active_sync_enabled: bool,
    /// Name of its mobile device mailbox policy.
    pub policy: String,
    /// Ids allowed for this mailbox (`ActiveSyncAllowedDeviceIDs`), sorted.
    pub allowed_ids: Vec<DeviceId>,
    /// Ids blocked for this mailbox (`ActiveSyncBlockedDeviceIDs`), sorted.
    pub blocked_ids: Vec<DeviceId>,
    /// When the directory last changed the object.
    pub changed_at: Option<Timestamp>,
}

/// What a rule or the default does with a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccessLevel {
    /// Let it in.
    Allow,
    /// Hold it.
    Quarantine,
    /// Keep it out.
    Block,
}

/// The organization's ActiveSync settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationSettings {
    /// Exchange's GUID of the settings object.
    pub guid: Uuid,
    /// What happens to a device that nothing else covers.
    pub default_access_level: AccessLevel,
    /// Text that Exchange adds to its quarantine mail.
    pub user_mail_insert: String,
    /// Who is told about quarantined devices, sorted.
    pub admin_mail_recipients: Vec<String>,
}

/// Which property of a device an access rule looks at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Characteristic {
    /// `DeviceType`.
    DeviceType,
    /// `DeviceModel`.
    DeviceModel,
    /// `DeviceOS`.
    DeviceOs,
    /// `UserAgent`.
    UserAgent,
    /// Any other, in Exchange's word; such a rule cannot be predicted.
    Unrecognised(String),
}

/// A device access rule: exact match of one characteristic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessRule {
    /// Exchange's GUID of it.
    pub guid: Uuid,
    /// Its name, as Exchange made it.
    pub name: String,
    /// What it looks at.
    pub characteristic: Characteristic,
    /// The exact text it matches.
    pub query: String,
    /// What it does.
    pub level: AccessLevel,
}

/// An Exchange server of the organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Exchange's GUID of it.
    pub guid: Uuid,
    /// Its short name.
    pub name: String,
    /// Its fully qualified name.
    pub fqdn: String,
    /// `AdminDisplayVersion`, such as `Version 15.2 (Build 1748.10)`.
    pub version: String,
    /// Whether devices and remote PowerShell can connect to it.
    pub is_client_access: bool,
}

/// A family and model of devices that the organization has seen: what a device access rule can name.
/// Exchange brings these up to date only every few hours, so nothing is decided by them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceClass {
    /// Exchange's GUID of it.
    pub guid: Uuid,
    /// `DeviceType`, such as `iPhone`.
    pub device_type: String,
    /// `DeviceModel`.
    pub device_model: String,
}

/// What a device has to do before a mailbox lets it sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailboxPolicy {
    /// Exchange's GUID of it.
    pub guid: Uuid,
    /// Its name.
    pub name: String,
    /// Its settings, sorted by name.
    pub settings: Vec<PolicySetting>,
}

/// One setting of a mailbox policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PolicySetting {
    /// Its name, as the cmdlet that sets it calls it.
    pub name: String,
    /// Its value as text.
    pub value: String,
}
