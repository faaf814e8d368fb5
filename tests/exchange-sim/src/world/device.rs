//! Owns a phone's partnership with one mailbox, as the directory holds it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::mailbox::{Mailbox, escaped};
use super::platform::{Handset, Platform};
use crate::behaviour::autoblock::Conduct;

/// What Exchange last decided about a partnership (`DeviceAccessState`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccessState {
    /// Nothing is known.
    Unknown,
    /// Mail flows.
    Allowed,
    /// The phone is refused.
    Blocked,
    /// The phone may connect and gets one mail.
    Quarantined,
    /// First contact: Exchange still collects what the phone is.
    DeviceDiscovery,
}

/// Why (`DeviceAccessStateReason`); the members that this simulator produces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccessReason {
    /// Nothing is known.
    Unknown,
    /// The organization's default level.
    Global,
    /// A personal list.
    Individual,
    /// A device access rule.
    DeviceRule,
    /// A mailbox on the move to a newer server.
    Upgrade,
    /// The mailbox policy.
    Policy,
    /// Autoblock: too many changes of the user agent.
    UserAgentsChanges,
    /// Autoblock: too many commands of late.
    RecentCommands,
    /// Autoblock: too many crash reports.
    Watsons,
    /// Autoblock: too often beyond its budget.
    OutOfBudgets,
    /// Autoblock: too many Sync commands.
    SyncCommands,
    /// Autoblock: too many orders of the mail that announces a notification.
    EnableNotificationEmail,
    /// Autoblock: commands in too quick a sequence.
    CommandFrequency,
}

/// A phone's partnership with one mailbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Device {
    /// The directory object's Guid: the key of the partnership.
    pub guid: Uuid,
    /// The owner's Guid.
    pub mailbox: Uuid,
    /// What kind of phone it is.
    pub platform: Platform,
    /// The phone's own id; the personal lists hold it.
    pub device_id: String,
    /// `DeviceType`.
    pub device_type: String,
    /// `DeviceModel`.
    pub device_model: String,
    /// `DeviceOS`.
    pub device_os: String,
    /// `DeviceUserAgent`.
    pub user_agent: String,
    /// `DeviceOSLanguage`.
    pub language: String,
    /// The name its owner gave it, often empty.
    pub friendly_name: String,
    /// `DeviceImei`, often empty.
    pub imei: String,
    /// `DeviceTelephoneNumber`, often empty.
    pub telephone: String,
    /// `DeviceMobileOperator`, often empty.
    pub operator: String,
    /// `DeviceActiveSyncVersion`.
    pub protocol: String,
    /// Whether the phone enforces the mailbox policy.
    pub enforces_policy: bool,
    /// What Exchange decided.
    pub state: AccessState,
    /// Why.
    pub reason: AccessReason,
    /// The rule that decided, by name.
    pub rule: Option<String>,
    /// First contact.
    pub first_sync: Timestamp,
    /// When the object was made.
    pub created: Timestamp,
    /// When the object last changed.
    pub changed: Timestamp,
    /// The moment, in Exchange's time, at which discovery ends.
    pub discovery_ends_ms: Option<u64>,
    /// The moment, in Exchange's time, of the last decision.
    pub decided_ms: u64,
    /// The last contact; not journaled, since no directory object holds it.
    #[serde(default, skip_serializing)]
    pub contacted: Option<Timestamp>,
    /// The last contact at which mail flowed; not journaled either.
    #[serde(default, skip_serializing)]
    pub succeeded: Option<Timestamp>,
    /// The wipe that was asked for last.
    #[serde(default)]
    pub wipe: Option<Wipe>,
    /// How often its mailbox had moved when it was last decided about.
    #[serde(default)]
    pub moves: u32,
    /// What autoblock noted of it; most phones give it nothing to note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conduct: Option<Box<Conduct>>,
}

/// An order to erase a phone, or what it holds of the mailbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wipe {
    /// Only the account's data, not the whole phone.
    pub account_only: bool,
    /// When it was asked for.
    pub requested: Timestamp,
    /// As whom.
    pub requestor: String,
    /// When the phone was told: at its next contact that is let in.
    #[serde(default)]
    pub sent: Option<Timestamp>,
    /// When the phone said that it does it.
    pub acknowledged: Option<Timestamp>,
}

impl Device {
    /// A phone at its first contact, on which nothing is decided yet.
    pub fn first_contact(
        guid: Uuid,
        mailbox: Uuid,
        platform: Platform,
        handset: Handset,
        now: Timestamp,
    ) -> Self {
        Self {
            guid,
            mailbox,
            platform,
            device_id: handset.id,
            device_type: handset.kind,
            device_model: handset.model,
            device_os: handset.system,
            user_agent: handset.user_agent,
            language: "en".to_owned(),
            friendly_name: String::new(),
            imei: handset.imei,
            telephone: handset.telephone,
            operator: handset.operator.to_owned(),
            protocol: handset.protocol.to_owned(),
            enforces_policy: true,
            state: AccessState::Unknown,
            reason: AccessReason::Unknown,
            rule: None,
            first_sync: now,
            created: now,
            changed: now,
            discovery_ends_ms: None,
            decided_ms: 0,
            contacted: Some(now),
            succeeded: None,
            wipe: None,
            moves: 0,
            conduct: None,
        }
    }

    /// Says whether an order to erase is still to be told or to be acknowledged.
    pub fn awaits_wipe(&self) -> bool {
        self.wipe.as_ref().is_some_and(|wipe| wipe.acknowledged.is_none())
    }

    /// Says whether the phone erased itself, or the account on it: it calls no more.
    pub fn is_wiped(&self) -> bool {
        self.wipe.as_ref().is_some_and(|wipe| wipe.acknowledged.is_some())
    }

    /// The object's relative name: type and id parted by U+00A7.
    pub fn name(&self) -> String {
        format!("{}§{}", self.device_type, self.device_id)
    }

    /// The canonical path below its owner.
    pub fn identity(&self, owner: &Mailbox, domain: &str) -> String {
        format!("{}/ExchangeActiveSyncDevices/{}", owner.canonical_name(domain), self.name())
    }

    /// The distinguished name below its owner.
    pub fn distinguished_name(&self, owner: &Mailbox, domain: &str) -> String {
        let owner = owner.distinguished_name(domain);
        format!("CN={},CN=ExchangeActiveSyncDevices,{owner}", escaped(&self.name()))
    }

    /// The `ClientVersion` text: an EAS client's protocol version.
    pub fn has_id(&self, id: &str) -> bool {
        self.device_id.eq_ignore_ascii_case(id)
    }
}
