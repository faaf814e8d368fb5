//! Exchange's rows ↔ our words: the one file that knows both vocabularies. Enum members are read by
//! name; one that is new survives as `Unrecognised` and is counted, never guessed.

pub mod statistics;

use uuid::Uuid;

use exgate_domain::command::ListEdit;
use exgate_domain::ids::{DeviceId, InvalidId, MailboxId, PartnershipId};
use exgate_domain::observation::{
    AccessLevel, AccessReason, AccessRule, AccessState, Characteristic, DeviceClass, EasDevice,
    Mailbox, MailboxPolicy, OrganizationSettings, PolicySetting, Server,
};
use exgate_exchange::clixml::{Field, ReadError, Row as Fields};
use exgate_exchange::cmdlets::{
    self, Argument, CasMailboxRow, DeviceAccessRuleRow, DeviceClassRow, DeviceFamily, EditEmpty,
    MailboxPolicyRow, OrganizationSettingsRow, Row, ServerRow,
};

use crate::metrics;

/// Exchange's own test mailboxes; their devices are nobody's.
const TEST_MAILBOX_PREFIX: &str = "CAS_{";

/// Why a row cannot be said in our words.
#[derive(Debug, thiserror::Error)]
pub enum Untranslatable {
    /// A property that is needed is not there.
    #[error("a {what} has no {property}")]
    Missing {
        /// The kind of object.
        what: &'static str,
        /// Exchange's name of the property.
        property: &'static str,
    },
    /// A device's id could not be put on a list.
    #[error("a device cannot be named")]
    Device(#[from] InvalidId),
    /// A level that decides over every device is a word we do not know.
    #[error("the default access level is {0:?}, which this version does not know")]
    DefaultAccessLevel(String),
    /// A rule's level is a word we do not know.
    #[error("the access level of rule {rule:?} is {level:?}, which this version does not know")]
    RuleAccessLevel {
        /// The rule's name.
        rule: String,
        /// Exchange's word.
        level: String,
    },
}

/// A device partnership as it is listed. The properties we have words for are read straight into them:
/// there are as many of these rows as there are devices.
#[derive(Debug)]
pub struct ListedDevice {
    /// The partnership; refused when it has no key, no id that a list can hold, or no owner.
    pub device: Result<EasDevice, Untranslatable>,
    /// The domain controller that answered.
    pub controller: Option<String>,
}

/// What is read of a device, in the order in which [`device`] takes it.
const DEVICE_COLUMNS: [&str; 19] = [
    "Guid",
    "DeviceId",
    "DistinguishedName",
    "DeviceAccessState",
    "DeviceAccessStateReason",
    "DeviceAccessControlRule",
    "DeviceType",
    "DeviceModel",
    "DeviceOS",
    "DeviceUserAgent",
    "FriendlyName",
    "DeviceImei",
    "DeviceTelephoneNumber",
    "ClientType",
    "DeviceActiveSyncVersion",
    "FirstSyncTime",
    "WhenChangedUTC",
    "WhenChanged",
    "OriginatingServer",
];

impl Row for ListedDevice {
    const COLUMNS: &'static [&'static str] = &DEVICE_COLUMNS;

    fn from_fields(fields: &Fields<'_>) -> Result<Self, ReadError> {
        let found: [_; DEVICE_COLUMNS.len()] = std::array::from_fn(|place| fields.get(place));
        let [.., server] = found;
        let controller = server.and_then(Field::text).map(str::to_owned);
        Ok(Self { device: device(found), controller })
    }
}

fn device(fields: [Option<&Field<'_>>; DEVICE_COLUMNS.len()]) -> Result<EasDevice, Untranslatable> {
    let [
        guid,
        device_id,
        dn,
        state,
        reason,
        rule,
        device_type,
        model,
        os,
        user_agent,
        friendly_name,
        imei,
        phone_number,
        client_type,
        protocol_version,
        first_sync,
        changed_utc,
        changed,
        _,
    ] = fields;
    let missing = |property| Untranslatable::Missing { what: "device", property };
    let text = |field| word(field).to_owned();
    let instant = |field: Option<&Field<'_>>| field.and_then(Field::as_timestamp);
    let dn = dn.and_then(Field::text).ok_or(missing("DistinguishedName"))?;
    let device_id: DeviceId =
        device_id.and_then(Field::text).ok_or(missing("DeviceId"))?.parse()?;
    Ok(EasDevice {
        id: PartnershipId::new(guid.and_then(Field::as_guid).ok_or(missing("Guid"))?),
        device_id,
        mailbox_dn: owner(dn).ok_or(missing("owner in its DistinguishedName"))?.to_owned(),
        access_state: access_state(word(state)),
        access_reason: access_reason(word(reason)),
        access_rule: text(rule),
        device_type: text(device_type),
        device_model: text(model),
        device_os: text(os),
        user_agent: text(user_agent),
        friendly_name: text(friendly_name),
        imei: text(imei),
        phone_number: text(phone_number),
        client_type: text(client_type),
        protocol_version: text(protocol_version),
        first_sync_at: instant(first_sync),
        changed_at: instant(changed_utc).or_else(|| instant(changed)),
    })
}

fn word<'f>(field: Option<&'f Field<'_>>) -> &'f str {
    field.and_then(Field::text).unwrap_or_default()
}

/// A mailbox; `None` for Exchange's own test mailboxes.
///
/// # Errors
/// When it has no key or no place in the directory, or one of its lists holds what no device is called.
pub fn mailbox(row: CasMailboxRow) -> Result<Option<Mailbox>, Untranslatable> {
    let missing = |property| Untranslatable::Missing { what: "mailbox", property };
    let display_name = row.display_name.or(row.name).unwrap_or_default();
    if display_name.starts_with(TEST_MAILBOX_PREFIX) {
        return Ok(None);
    }
    Ok(Some(Mailbox {
        id: MailboxId::new(row.guid.ok_or(missing("Guid"))?),
        dn: row.distinguished_name.ok_or(missing("DistinguishedName"))?,
        display_name,
        primary_smtp: row.primary_smtp_address.unwrap_or_default(),
        sam_account: row.sam_account_name.unwrap_or_default(),
        active_sync_enabled: row.active_sync_enabled.unwrap_or(true),
        policy: row.active_sync_mailbox_policy.unwrap_or_default(),
        allowed_ids: ids(row.active_sync_allowed_device_ids),
        blocked_ids: ids(row.active_sync_blocked_device_ids),
        changed_at: row.when_changed_utc,
    }))
}

/// The organization's settings.
///
/// # Errors
/// When the default access level is missing or unknown: nothing could be predicted.
pub fn settings(row: OrganizationSettingsRow) -> Result<OrganizationSettings, Untranslatable> {
    let level = row.default_access_level.unwrap_or_default();
    let mut admin_mail_recipients = row.admin_mail_recipients;
    admin_mail_recipients.sort();
    Ok(OrganizationSettings {
        guid: row.guid.unwrap_or(Uuid::nil()),
        default_access_level: access_level(&level)
            .ok_or(Untranslatable::DefaultAccessLevel(level))?,
        user_mail_insert: row.user_mail_insert.unwrap_or_default(),
        admin_mail_recipients,
    })
}

/// A device access rule. One that looks at what we have no word for is kept: it may decide, and cannot
/// be predicted.
///
/// # Errors
/// When it has no key, compares nothing, or its level is missing or unknown.
pub fn rule(row: DeviceAccessRuleRow) -> Result<AccessRule, Untranslatable> {
    let missing = |property| Untranslatable::Missing { what: "device access rule", property };
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let guid = row.guid.ok_or(missing("Guid"))?;
    // An empty text would match every device that does not say what it is.
    let query = given(row.query_string).ok_or(missing("QueryString"))?;
    let characteristic = given(row.characteristic).ok_or(missing("Characteristic"))?;
    let name = row.name.unwrap_or_default();
    let level = row.access_level.unwrap_or_default();
    match access_level(&level) {
        None => Err(Untranslatable::RuleAccessLevel { rule: name, level }),
        Some(level) => {
            let characteristic = self::characteristic(characteristic);
            Ok(AccessRule { guid, name, characteristic, query, level })
        }
    }
}

/// A server.
///
/// # Errors
/// When it has no key.
pub fn server(row: ServerRow) -> Result<Server, Untranslatable> {
    let missing = |property| Untranslatable::Missing { what: "server", property };
    Ok(Server {
        guid: row.guid.ok_or(missing("Guid"))?,
        name: row.name.unwrap_or_default(),
        fqdn: row.fqdn.unwrap_or_default(),
        version: row.version.map(|version| version.to_string()).unwrap_or_default(),
        is_client_access: row.is_client_access_server.unwrap_or_default(),
    })
}

/// A device class.
///
/// # Errors
/// When it has no key.
pub fn device_class(row: DeviceClassRow) -> Result<DeviceClass, Untranslatable> {
    let missing = |property| Untranslatable::Missing { what: "device class", property };
    Ok(DeviceClass {
        guid: row.guid.ok_or(missing("Guid"))?,
        device_type: row.device_type.unwrap_or_default(),
        device_model: row.device_model.unwrap_or_default(),
    })
}

/// A mailbox policy, its settings in the words of one family of cmdlets.
///
/// # Errors
/// When it has no key.
pub fn mailbox_policy(
    row: MailboxPolicyRow,
    family: DeviceFamily,
) -> Result<MailboxPolicy, Untranslatable> {
    let missing = |property| Untranslatable::Missing { what: "mailbox policy", property };
    let MailboxPolicyRow { head, settings } = row;
    let value = |argument: Argument| match argument {
        Argument::Text(text) => text,
        Argument::Number(number) => number.to_string(),
        Argument::Boolean(value) => value.to_string(),
        Argument::List(mut texts) => {
            texts.sort();
            texts.join("; ")
        }
        // A change, which nothing that was read is.
        Argument::Edit(_) | Argument::Null => String::new(),
    };
    let settings = settings.into_parameters(family).into_iter();
    let settings = settings.map(|it| (it.name, value(it.argument)));
    let lists = [
        ("ApprovedApplicationList", head.approved_applications),
        ("UnapprovedInROMApplicationList", head.unapproved_in_rom_applications),
    ];
    let lists = lists.into_iter().filter(|(_, list)| !list.is_empty());
    let lists = lists.map(|(name, list)| (name, value(Argument::List(list))));
    let setting = |(name, value): (&str, _)| PolicySetting { name: name.to_owned(), value };
    let mut settings: Vec<_> = settings.chain(lists).map(setting).collect();
    settings.sort();
    Ok(MailboxPolicy {
        guid: head.guid.ok_or(missing("Guid"))?,
        name: head.name.unwrap_or_default(),
        settings,
    })
}

/// An edit of a mailbox's two lists.
///
/// # Errors
/// When it would change nothing.
pub fn list_edit(edit: &ListEdit) -> Result<cmdlets::ListEdit, EditEmpty> {
    let texts = |ids: &[DeviceId]| ids.iter().map(ToString::to_string).collect();
    cmdlets::ListEdit::new(
        cmdlets::Edit { add: texts(&edit.allowed_add), remove: texts(&edit.allowed_remove) },
        cmdlets::Edit { add: texts(&edit.blocked_add), remove: texts(&edit.blocked_remove) },
    )
}

/// The ids on a list, sorted. An entry that no device can be called is no device's: it stays where it
/// is, and is not ours to touch.
fn ids(texts: Vec<String>) -> Vec<DeviceId> {
    let mut ids: Vec<DeviceId> = texts.iter().filter_map(|text| text.parse().ok()).collect();
    ids.sort();
    ids
}

/// The mailbox in whose container a device object lies: its distinguished name without the device and
/// the container `ExchangeActiveSyncDevices`. A comma inside a name is escaped ([RFC 4514] 2.4).
fn owner(device_dn: &str) -> Option<&str> {
    let mut rest = device_dn;
    for _ in 0..2 {
        let mut escaped = false;
        let end = rest.find(|c: char| {
            let ends = c == ',' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        })?;
        rest = rest.get(end + 1..)?;
    }
    Some(rest.trim_start()).filter(|rest| !rest.is_empty())
}

fn access_state(word: &str) -> AccessState {
    match word {
        "" | "Unknown" => AccessState::Unknown,
        "Allowed" => AccessState::Allowed,
        "Blocked" => AccessState::Blocked,
        "Quarantined" => AccessState::Quarantined,
        "DeviceDiscovery" => AccessState::DeviceDiscovery,
        _ => {
            metrics::unrecognised("DeviceAccessState");
            AccessState::Unrecognised(word.to_owned())
        }
    }
}

fn access_reason(word: &str) -> AccessReason {
    match word {
        "" | "Unknown" => AccessReason::Unknown,
        "Global" => AccessReason::Global,
        "Individual" => AccessReason::Individual,
        "DeviceRule" => AccessReason::DeviceRule,
        "Upgrade" => AccessReason::Upgrade,
        "Policy" => AccessReason::Policy,
        _ => {
            metrics::unrecognised("DeviceAccessStateReason");
            AccessReason::Unrecognised(word.to_owned())
        }
    }
}

fn access_level(word: &str) -> Option<AccessLevel> {
    match word {
        "Allow" => Some(AccessLevel::Allow),
        "Quarantine" => Some(AccessLevel::Quarantine),
        "Block" => Some(AccessLevel::Block),
        _ => None,
    }
}

fn characteristic(word: String) -> Characteristic {
    match word.as_str() {
        "DeviceType" => Characteristic::DeviceType,
        "DeviceModel" => Characteristic::DeviceModel,
        "DeviceOS" => Characteristic::DeviceOs,
        "UserAgent" => Characteristic::UserAgent,
        _ => {
            metrics::unrecognised("Characteristic");
            Characteristic::Unrecognised(word)
        }
    }
}

#[cfg(test)]
mod tests;
