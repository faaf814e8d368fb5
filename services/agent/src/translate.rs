//! Exchange's rows ↔ our words: the one file that knows both vocabularies. Enum members are read by
//! name; one that is new survives as `Unrecognised` and is counted, never guessed.

use uuid::Uuid;

use exgate_domain::command::ListEdit;
use exgate_domain::ids::{DeviceId, InvalidId, MailboxId, PartnershipId};
use exgate_domain::observation::{
    AccessLevel, AccessReason, AccessState, EasDevice, Mailbox, OrganizationSettings, Server,
};
use exgate_exchange::cmdlets::{
    self, CasMailboxRow, DeviceRow, EditEmpty, OrganizationSettingsRow, ServerRow,
};

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
}

/// A device partnership.
///
/// # Errors
/// When it has no key, no id that a list can hold, or no owner.
pub fn device(row: DeviceRow) -> Result<EasDevice, Untranslatable> {
    let missing = |property| Untranslatable::Missing { what: "device", property };
    let dn = row.distinguished_name.ok_or(missing("DistinguishedName"))?;
    let device_id: DeviceId = row.device_id.ok_or(missing("DeviceId"))?.parse()?;
    Ok(EasDevice {
        id: PartnershipId::new(row.guid.ok_or(missing("Guid"))?),
        device_id,
        mailbox_dn: owner(&dn).ok_or(missing("owner in its DistinguishedName"))?.to_owned(),
        access_state: access_state(row.device_access_state.unwrap_or_default()),
        access_reason: access_reason(row.device_access_state_reason.unwrap_or_default()),
        access_rule: row.device_access_control_rule.unwrap_or_default(),
        device_type: row.device_type.unwrap_or_default(),
        device_model: row.device_model.unwrap_or_default(),
        device_os: row.device_os.unwrap_or_default(),
        user_agent: row.device_user_agent.unwrap_or_default(),
        friendly_name: row.friendly_name.unwrap_or_default(),
        imei: row.device_imei.unwrap_or_default(),
        phone_number: row.device_telephone_number.unwrap_or_default(),
        client_type: row.client_type.unwrap_or_default(),
        protocol_version: row.device_active_sync_version.unwrap_or_default(),
        first_sync_at: row.first_sync_time,
        changed_at: row.when_changed_utc.or(row.when_changed),
    })
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

fn access_state(word: String) -> AccessState {
    match word.as_str() {
        "" | "Unknown" => AccessState::Unknown,
        "Allowed" => AccessState::Allowed,
        "Blocked" => AccessState::Blocked,
        "Quarantined" => AccessState::Quarantined,
        "DeviceDiscovery" => AccessState::DeviceDiscovery,
        _ => AccessState::Unrecognised(word),
    }
}

fn access_reason(word: String) -> AccessReason {
    match word.as_str() {
        "" | "Unknown" => AccessReason::Unknown,
        "Global" => AccessReason::Global,
        "Individual" => AccessReason::Individual,
        "DeviceRule" => AccessReason::DeviceRule,
        "Upgrade" => AccessReason::Upgrade,
        "Policy" => AccessReason::Policy,
        _ => AccessReason::Unrecognised(word),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> DeviceRow {
        DeviceRow {
            guid: Some(Uuid::from_u128(1)),
            device_id: Some("ApplDLXH1234".into()),
            distinguished_name: Some(
                r"CN=iPhone§ApplDLXH1234,CN=ExchangeActiveSyncDevices,CN=Doe\, Jane,OU=Users,DC=contoso,DC=com".into(),
            ),
            device_access_state: Some("Quarantined".into()),
            device_access_state_reason: Some("Global".into()),
            ..DeviceRow::default()
        }
    }

    #[test]
    fn a_device_belongs_to_the_mailbox_above_its_container() {
        let device = device(row()).unwrap();
        assert_eq!(device.mailbox_dn, r"CN=Doe\, Jane,OU=Users,DC=contoso,DC=com");
        assert_eq!(device.access_state, AccessState::Quarantined);
    }

    #[test]
    fn words_of_a_later_exchange_survive() {
        let later = DeviceRow {
            device_access_state: Some("Pondering".into()),
            device_access_state_reason: Some("CommandFrequency".into()),
            ..row()
        };
        let device = device(later).unwrap();
        assert_eq!(device.access_state, AccessState::Unrecognised("Pondering".into()));
        assert_eq!(device.access_reason, AccessReason::Unrecognised("CommandFrequency".into()));
    }

    #[test]
    fn a_device_without_key_id_or_owner_is_none() {
        assert!(device(DeviceRow { guid: None, ..row() }).is_err());
        assert!(device(DeviceRow { device_id: Some(" ".into()), ..row() }).is_err());
        let orphan = DeviceRow { distinguished_name: Some("CN=a,DC=b".into()), ..row() };
        assert!(device(orphan).is_err());
    }

    #[test]
    fn test_mailboxes_are_left_out_and_lists_sorted() {
        let row = CasMailboxRow {
            guid: Some(Uuid::from_u128(2)),
            distinguished_name: Some("CN=Jane,DC=contoso,DC=com".into()),
            display_name: Some("Jane".into()),
            active_sync_allowed_device_ids: vec!["b".into(), "A".into(), " ".into()],
            ..CasMailboxRow::default()
        };
        let jane = mailbox(row.clone()).unwrap().unwrap();
        assert_eq!(jane.allowed_ids, ["a".parse().unwrap(), "B".parse().unwrap()]);

        let probe = CasMailboxRow { display_name: Some("CAS_{1f2e}".into()), ..row };
        assert_eq!(mailbox(probe).unwrap(), None);
    }

    #[test]
    fn an_unknown_default_access_level_is_refused() {
        let row = OrganizationSettingsRow {
            default_access_level: Some("Maybe".into()),
            ..OrganizationSettingsRow::default()
        };
        assert!(matches!(settings(row), Err(Untranslatable::DefaultAccessLevel(_))));
    }
}
