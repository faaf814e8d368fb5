//! Owns the JSON shapes of the control surface, both ways, so that a client can use them as they are.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::behaviour::autoblock::{Behaviour, Threshold};
use crate::behaviour::contact::Service;
use crate::mailboxes::Mail;
use crate::time::Mode;
use crate::world::World;
use crate::world::device::{AccessReason, AccessState, Device};
use crate::world::directory::Directory;
use crate::world::mailbox::Mailbox;
use crate::world::organization::{AccessLevel, AccessRule, Version};
use crate::world::platform::Platform;
use crate::world::policy::MailboxPolicy;

/// An organization at a glance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OrganizationView {
    /// Its name.
    pub name: String,
    /// Its domain.
    pub domain: String,
    /// Which Exchange it runs.
    pub version: Version,
    /// How many mailboxes it has.
    pub mailboxes: usize,
    /// How many partnerships it has.
    pub devices: usize,
    /// How many of them are in each state.
    pub states: BTreeMap<String, usize>,
    /// What happens to a phone that nothing covers.
    pub default_access_level: AccessLevel,
    /// The footer of the quarantine mail.
    pub user_mail_insert: String,
    /// Who is told about quarantined phones.
    pub admin_mail_recipients: Vec<String>,
    /// The device access rules.
    pub rules: Vec<AccessRule>,
    /// The mailbox policies.
    pub policies: Vec<MailboxPolicy>,
    /// How many mails lie in its mailboxes or left it.
    pub mails: usize,
    /// How many faults are on.
    #[serde(default)]
    pub faults: usize,
    /// What the organization's clock shows.
    pub now: Timestamp,
}

/// A phone's partnership.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeviceView {
    /// Its organization.
    pub organization: String,
    /// The directory object's Guid.
    pub guid: Uuid,
    /// The directory object's canonical path.
    pub identity: String,
    /// The owner's Guid.
    pub mailbox: Uuid,
    /// The owner's logon name.
    pub user_principal_name: String,
    /// The owner's address.
    pub primary_smtp_address: String,
    /// What kind of phone it is.
    pub platform: Platform,
    /// The phone's id.
    pub device_id: String,
    /// `DeviceType`.
    pub device_type: String,
    /// `DeviceModel`.
    pub device_model: String,
    /// `DeviceOS`.
    pub device_os: String,
    /// `DeviceUserAgent`.
    pub user_agent: String,
    /// The name its owner gave it.
    pub friendly_name: String,
    /// `DeviceImei`.
    pub imei: String,
    /// What Exchange decided.
    pub access_state: AccessState,
    /// Why.
    pub access_state_reason: AccessReason,
    /// The rule that decided.
    pub access_control_rule: Option<String>,
    /// First contact.
    pub first_sync: Timestamp,
    /// When the directory object last changed.
    pub when_changed: Timestamp,
    /// The last contact, as far as this process saw it.
    pub last_contact: Option<Timestamp>,
}

/// A mailbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MailboxView {
    /// Its organization.
    pub organization: String,
    /// The directory object's Guid.
    pub guid: Uuid,
    /// The alias.
    pub alias: String,
    /// What people see.
    pub display_name: String,
    /// The logon name.
    pub user_principal_name: String,
    /// The address.
    pub primary_smtp_address: String,
    /// The logon name of old.
    pub sam_account_name: String,
    /// The distinguished name.
    pub distinguished_name: String,
    /// Whether phones may connect at all.
    pub active_sync_enabled: bool,
    /// The personal allowed list.
    pub allowed_device_ids: Vec<String>,
    /// The personal blocked list.
    pub blocked_device_ids: Vec<String>,
    /// Whether a phone ever connected.
    pub has_partnership: bool,
    /// When the directory object last changed.
    pub when_changed: Timestamp,
}

/// What a phone that called just now may do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SyncView {
    /// In one word.
    pub answer: SyncAnswer,
    /// The HTTP status of the phone's request.
    pub http_status: u16,
    /// The partnership after the call.
    pub device: DeviceView,
}

/// What a phone gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncAnswer {
    /// Mail flows.
    Mail,
    /// Held: nothing but the quarantine mail.
    Quarantine,
    /// Refused.
    Blocked,
    /// First its policy, anew.
    Provision,
    /// It is to erase itself, and did.
    Wipe,
    /// Refused for a while, because of how it behaves.
    Autoblocked,
}

/// A user connects a new phone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewDevice {
    /// Whose: any text that Exchange takes for a mailbox's identity.
    pub mailbox: String,
    /// What kind of phone; drawn when not given.
    pub platform: Option<Platform>,
    /// The phone's id; drawn when not given.
    pub device_id: Option<String>,
    /// `DeviceType`; as the platform has it when not given.
    pub device_type: Option<String>,
    /// `DeviceModel`; drawn when not given.
    pub device_model: Option<String>,
    /// `DeviceOS`; drawn when not given.
    pub device_os: Option<String>,
    /// `DeviceUserAgent`; drawn when not given.
    pub user_agent: Option<String>,
    /// The name its owner gives it.
    pub friendly_name: Option<String>,
    /// Whether it enforces its policy; it does when not given.
    pub enforces_policy: Option<bool>,
}

/// A phone got a new system version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OsUpdate {
    /// The version, such as `18.3 22D63`; the platform's name is put before it.
    pub version: String,
    /// The new user agent, where it changes with the version.
    #[serde(default)]
    pub user_agent: Option<String>,
}

/// A change of the organization's settings; what is not given stays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewSettings {
    /// What happens to a phone that nothing covers.
    pub default_access_level: Option<AccessLevel>,
    /// The footer of the quarantine mail.
    pub user_mail_insert: Option<String>,
    /// Who is told about quarantined phones.
    pub admin_mail_recipients: Option<Vec<String>>,
    /// The device access rules, all of them.
    pub rules: Option<Vec<AccessRule>>,
    /// How many phones a user may have (`EASMaxDevices`).
    pub eas_max_devices: Option<u32>,
    /// The autoblock thresholds, all of them; 2010 has none, whatever stands here.
    pub autoblock: Option<BTreeMap<Behaviour, Threshold>>,
}

/// A phone misbehaves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Misbehaviour {
    /// How.
    pub behaviour: Behaviour,
    /// How often, one right after the other; once when not given.
    #[serde(default)]
    pub times: Option<u32>,
}

/// Which devices to show.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeviceQuery {
    /// Only those in this state, such as `Quarantined`.
    pub state: Option<String>,
    /// Only this mailbox's.
    pub mailbox: Option<String>,
    /// Only those with this DeviceId or Guid.
    pub id: Option<String>,
    /// At most so many.
    pub limit: Option<usize>,
}

/// What time it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeView {
    /// Who moves Exchange's time.
    pub mode: Mode,
    /// What the simulator's clock shows.
    pub now: Timestamp,
    /// Exchange's time, in which its delays are counted.
    pub elapsed_ms: u64,
}

/// Shows a partnership.
pub fn device(directory: &Directory, device: &Device) -> DeviceView {
    let owner = directory.mailbox(device.mailbox);
    let domain = directory.domain();
    let of_owner = |read: fn(&Mailbox) -> &str| owner.as_ref().map(|held| read(held).to_owned());
    DeviceView {
        organization: directory.organization().to_owned(),
        guid: device.guid,
        identity: owner.as_ref().map(|owner| device.identity(owner, domain)).unwrap_or_default(),
        mailbox: device.mailbox,
        user_principal_name: of_owner(|held| &held.user_principal_name).unwrap_or_default(),
        primary_smtp_address: of_owner(|held| &held.primary_smtp_address).unwrap_or_default(),
        platform: device.platform,
        device_id: device.device_id.clone(),
        device_type: device.device_type.clone(),
        device_model: device.device_model.clone(),
        device_os: device.device_os.clone(),
        user_agent: device.user_agent.clone(),
        friendly_name: device.friendly_name.clone(),
        imei: device.imei.clone(),
        access_state: device.state,
        access_state_reason: device.reason,
        access_control_rule: device.rule.clone(),
        first_sync: device.first_sync,
        when_changed: device.changed,
        last_contact: device.contacted,
    }
}

/// Shows a mailbox.
pub fn mailbox(directory: &Directory, mailbox: &Mailbox) -> MailboxView {
    MailboxView {
        organization: directory.organization().to_owned(),
        guid: mailbox.guid,
        alias: mailbox.alias.clone(),
        display_name: mailbox.display_name.clone(),
        user_principal_name: mailbox.user_principal_name.clone(),
        primary_smtp_address: mailbox.primary_smtp_address.clone(),
        sam_account_name: mailbox.sam_account_name.clone(),
        distinguished_name: mailbox.distinguished_name(directory.domain()),
        active_sync_enabled: mailbox.active_sync_enabled,
        allowed_device_ids: mailbox.allowed_device_ids.clone(),
        blocked_device_ids: mailbox.blocked_device_ids.clone(),
        has_partnership: mailbox.has_partnership,
        when_changed: mailbox.changed,
    }
}

/// Shows an organization.
pub fn organization(world: &World, faults: usize, now: Timestamp) -> OrganizationView {
    let mut states = BTreeMap::new();
    for (state, count) in world.directory().states().iter() {
        states.insert(format!("{state:?}"), count);
    }
    OrganizationView {
        name: world.blueprint.name.clone(),
        domain: world.blueprint.domain.clone(),
        version: world.blueprint.version,
        mailboxes: world.mailbox_count(),
        devices: world.device_count(),
        states,
        default_access_level: world.settings.default_access_level,
        user_mail_insert: world.settings.user_mail_insert.clone(),
        admin_mail_recipients: world.settings.admin_mail_recipients.clone(),
        rules: world.rules.clone(),
        policies: world.policies.clone(),
        mails: world.mails.len(),
        faults,
        now,
    }
}

/// Shows what a phone gets.
///
/// Since protocol 14.0 an order to provision or to erase is a status in an answer, HTTP 200.
pub fn sync(service: Service, protocol: &str, device: DeviceView) -> SyncView {
    let ordered = if protocol.starts_with("14") || protocol.starts_with("16") { 200 } else { 449 };
    let (answer, http_status) = match service {
        Service::Mail => (SyncAnswer::Mail, 200),
        Service::QuarantineMail => (SyncAnswer::Quarantine, 200),
        Service::Refused | Service::TooMany => (SyncAnswer::Blocked, 403),
        Service::Provision => (SyncAnswer::Provision, ordered),
        Service::Wipe => (SyncAnswer::Wipe, ordered),
        Service::Autoblocked { .. } => (SyncAnswer::Autoblocked, 503),
    };
    SyncView { answer, http_status, device }
}

/// The mails of a recipient: those in a mailbox, or to an address.
pub fn mails(world: &World, recipient: Option<&Mailbox>, address: Option<&str>) -> Vec<Mail> {
    let mails = world.mails.iter().filter(|mail| match (recipient, address) {
        (Some(mailbox), _) => mail.mailbox == Some(mailbox.guid),
        (None, Some(address)) => mail.to.eq_ignore_ascii_case(address),
        (None, None) => true,
    });
    mails.map(|mail| Mail::clone(mail)).collect()
}
