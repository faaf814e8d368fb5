//! What of Exchange's rows becomes which of our words, and what is refused.

use exgate_exchange::clixml::{self, Columns, Object, Value};

use super::*;

const DN: &str =
    r"CN=iPhone§ApplDLXH1234,CN=ExchangeActiveSyncDevices,CN=Doe\, Jane,OU=Users,DC=contoso,DC=com";

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

/// A rule with its characteristic and its level.
fn listed_rule(characteristic: &str, level: &str) -> DeviceAccessRuleRow {
    DeviceAccessRuleRow {
        guid: Some(Uuid::from_u128(3)),
        name: Some("iPhone (DeviceType)".into()),
        query_string: Some("iPhone".into()),
        characteristic: Some(characteristic.into()),
        access_level: Some(level.into()),
        ..DeviceAccessRuleRow::default()
    }
}

#[test]
fn a_rule_is_said_in_our_words() {
    for (word, characteristic) in [
        ("DeviceType", Characteristic::DeviceType),
        ("DeviceModel", Characteristic::DeviceModel),
        ("DeviceOS", Characteristic::DeviceOs),
        ("UserAgent", Characteristic::UserAgent),
        ("XMSWLHeader", Characteristic::Unrecognised("XMSWLHeader".into())),
    ] {
        for (level_word, level) in [
            ("Allow", AccessLevel::Allow),
            ("Quarantine", AccessLevel::Quarantine),
            ("Block", AccessLevel::Block),
        ] {
            let expected = AccessRule {
                guid: Uuid::from_u128(3),
                name: "iPhone (DeviceType)".into(),
                characteristic: characteristic.clone(),
                query: "iPhone".into(),
                level,
            };
            assert_eq!(rule(listed_rule(word, level_word)).unwrap(), expected);
        }
    }
}

#[test]
fn a_rule_that_cannot_be_understood_is_refused() {
    let unknown = rule(listed_rule("DeviceType", "Ponder")).unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "the access level of rule \"iPhone (DeviceType)\" is \"Ponder\", which this version does not know"
    );
    let whole = listed_rule("DeviceType", "Block");
    for (row, property) in [
        (DeviceAccessRuleRow { guid: None, ..whole.clone() }, "Guid"),
        (DeviceAccessRuleRow { query_string: None, ..whole.clone() }, "QueryString"),
        (DeviceAccessRuleRow { query_string: Some(String::new()), ..whole.clone() }, "QueryString"),
        (DeviceAccessRuleRow { characteristic: None, ..whole.clone() }, "Characteristic"),
    ] {
        let refused = rule(row).unwrap_err().to_string();
        assert_eq!(refused, format!("a device access rule has no {property}"));
    }
    let row = DeviceAccessRuleRow { access_level: None, ..whole };
    assert!(matches!(rule(row), Err(Untranslatable::RuleAccessLevel { .. })));
}

#[test]
fn a_mailbox_policy_is_told_in_the_words_of_its_family_and_sorted() {
    let mut row = MailboxPolicyRow::default();
    row.head.guid = Some(Uuid::from_u128(5));
    row.head.name = Some("Default".into());
    row.head.approved_applications = vec!["b".into(), "a".into()];
    row.settings.password_enabled = Some(true);
    row.settings.is_default = Some(true);

    let told = |family| {
        let policy = mailbox_policy(row.clone(), family).unwrap();
        let text = |it: PolicySetting| format!("{}={}", it.name, it.value);
        policy.settings.into_iter().map(text).collect::<Vec<_>>()
    };

    let modern = ["ApprovedApplicationList=a; b", "IsDefault=true", "PasswordEnabled=true"];
    assert_eq!(told(DeviceFamily::Mobile), modern);
    let old =
        ["ApprovedApplicationList=a; b", "DevicePasswordEnabled=true", "IsDefaultPolicy=true"];
    assert_eq!(told(DeviceFamily::ActiveSync), old);
    assert!(mailbox_policy(MailboxPolicyRow::default(), DeviceFamily::Mobile).is_err());
}
