//! Exchange's rows ↔ our words: the one file that knows both vocabularies. Enum members are read by
//! name; one that is new survives as `Unrecognised` and is counted, never guessed.

use uuid::Uuid;

use exgate_domain::command::ListEdit;
use exgate_domain::ids::{DeviceId, InvalidId, MailboxId, PartnershipId};
use exgate_domain::observation::{
    AccessLevel, AccessReason, AccessState, EasDevice, Mailbox, OrganizationSettings, Server,
};
use exgate_exchange::clixml::{Field, ReadError, Row as Fields};
use exgate_exchange::cmdlets::{
    self, CasMailboxRow, EditEmpty, OrganizationSettingsRow, Row, ServerRow,
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

fn access_state(word: &str) -> AccessState {
    match word {
        "" | "Unknown" => AccessState::Unknown,
        "Allowed" => AccessState::Allowed,
        "Blocked" => AccessState::Blocked,
        "Quarantined" => AccessState::Quarantined,
        "DeviceDiscovery" => AccessState::DeviceDiscovery,
        _ => AccessState::Unrecognised(word.to_owned()),
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
        _ => AccessReason::Unrecognised(word.to_owned()),
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
    use exgate_exchange::clixml::{self, Columns, Object, Value};

    use super::*;

    const DN: &str = r"CN=iPhone§ApplDLXH1234,CN=ExchangeActiveSyncDevices,CN=Doe\, Jane,OU=Users,DC=contoso,DC=com";

    /// What is read of a device with these properties instead of, or beside, the usual ones.
    fn listed(changes: &[(&str, Option<&str>)]) -> ListedDevice {
        let mut properties = vec![
            ("Guid", Some("00000000-0000-0000-0000-000000000001")),
            ("DeviceId", Some("ApplDLXH1234")),
            ("DistinguishedName", Some(DN)),
            ("DeviceAccessState", Some("Quarantined")),
            ("DeviceAccessStateReason", Some("Global")),
            ("OriginatingServer", Some("dc01.contoso.com")),
        ];
        properties.retain(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
        properties.extend(changes);
        let object = properties.into_iter().fold(Object::default(), |object, (name, value)| {
            object.with(name, value.map_or(Value::Nil, Value::from))
        });
        let xml = clixml::write(&Value::object(object));
        let columns = Columns::new(ListedDevice::COLUMNS.iter().copied());
        let fields = Fields::read(xml.as_bytes(), &columns).unwrap();
        ListedDevice::from_fields(&fields).unwrap()
    }

    #[test]
    fn a_device_belongs_to_the_mailbox_above_its_container() {
        let ListedDevice { device, controller } = listed(&[]);
        let device = device.unwrap();
        assert_eq!(device.mailbox_dn, r"CN=Doe\, Jane,OU=Users,DC=contoso,DC=com");
        assert_eq!(device.access_state, AccessState::Quarantined);
        assert_eq!(controller.as_deref(), Some("dc01.contoso.com"));
    }

    #[test]
    fn every_property_has_its_place() {
        let texts = [
            ("DeviceAccessControlRule", "rule"),
            ("DeviceType", "type"),
            ("DeviceModel", "model"),
            ("DeviceOS", "os"),
            ("DeviceUserAgent", "agent"),
            ("FriendlyName", "friend"),
            ("DeviceImei", "imei"),
            ("DeviceTelephoneNumber", "phone"),
            ("ClientType", "client"),
            ("DeviceActiveSyncVersion", "16.1"),
        ];
        let device = listed(&texts.map(|(name, text)| (name, Some(text)))).device.unwrap();
        assert_eq!(
            device,
            EasDevice {
                id: PartnershipId::new(Uuid::from_u128(1)),
                device_id: "ApplDLXH1234".parse().unwrap(),
                mailbox_dn: r"CN=Doe\, Jane,OU=Users,DC=contoso,DC=com".into(),
                access_state: AccessState::Quarantined,
                access_reason: AccessReason::Global,
                access_rule: "rule".into(),
                device_type: "type".into(),
                device_model: "model".into(),
                device_os: "os".into(),
                user_agent: "agent".into(),
                friendly_name: "friend".into(),
                imei: "imei".into(),
                phone_number: "phone".into(),
                client_type: "client".into(),
                protocol_version: "16.1".into(),
                first_sync_at: None,
                changed_at: None,
            }
        );
    }

    #[test]
    fn instants_are_read_and_universal_time_goes_first() {
        let read = |properties: &str| {
            let needed = "<G N=\"Guid\">00000000-0000-0000-0000-000000000001</G>\
                          <S N=\"DeviceId\">D1</S><S N=\"DistinguishedName\">CN=a,CN=b,CN=c</S>";
            let xml = format!("<Obj RefId=\"0\"><Props>{needed}{properties}</Props></Obj>");
            let columns = Columns::new(ListedDevice::COLUMNS.iter().copied());
            let fields = Fields::read(xml.as_bytes(), &columns).unwrap();
            let device = ListedDevice::from_fields(&fields).unwrap().device.unwrap();
            (device.first_sync_at, device.changed_at)
        };
        let at = |text: &str| Some(text.parse::<jiff::Timestamp>().unwrap());
        let local = "<DT N=\"WhenChanged\">2021-09-28T10:32:01-07:00</DT>";
        let universal = "<DT N=\"WhenChangedUTC\">2021-09-29T00:00:00Z</DT>";
        let first = "<DT N=\"FirstSyncTime\">2021-09-01T00:00:00Z</DT>";
        assert_eq!(read(local), (None, at("2021-09-28T17:32:01Z")));
        assert_eq!(
            read(&format!("{local}{universal}{first}")),
            (at("2021-09-01T00:00:00Z"), at("2021-09-29T00:00:00Z"))
        );
    }

    #[test]
    fn words_of_a_later_exchange_survive() {
        let later = listed(&[
            ("DeviceAccessState", Some("Pondering")),
            ("DeviceAccessStateReason", Some("CommandFrequency")),
        ]);
        let device = later.device.unwrap();
        assert_eq!(device.access_state, AccessState::Unrecognised("Pondering".into()));
        assert_eq!(device.access_reason, AccessReason::Unrecognised("CommandFrequency".into()));
    }

    #[test]
    fn a_device_without_key_id_or_owner_is_none() {
        assert!(listed(&[("Guid", None)]).device.is_err());
        assert!(listed(&[("DeviceId", Some(" "))]).device.is_err());
        assert!(listed(&[("DistinguishedName", Some("CN=a,DC=b"))]).device.is_err());
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
