//! What cmdlets carry, and how their rows are read, in every form that servers print.

use std::num::NonZeroU32;

use super::*;
use crate::clixml::{Columns, rows};

mod every;

fn read<R: Row>(xml: &str) -> R {
    let columns = Columns::new(R::COLUMNS.iter().copied());
    R::from_fields(&rows::Row::read(xml.as_bytes(), &columns).unwrap()).unwrap()
}

fn shown<R>(cmdlet: &Cmdlet<R>) -> String {
    let mut text = cmdlet.name().to_owned();
    for Parameter { name, argument } in cmdlet.parameters() {
        let value = match argument {
            Argument::Text(value) => value.clone(),
            Argument::Number(value) => value.to_string(),
            Argument::Boolean(value) => format!("${value}"),
            Argument::Null => "$null".to_owned(),
            Argument::List(values) => values.join(","),
            Argument::Edit(edit) => {
                format!("@{{Add={};Remove={}}}", edit.add.join(","), edit.remove.join(","))
            }
        };
        text.push_str(&format!(" -{name} {value}"));
    }
    text
}

#[test]
fn cmdlets_carry_what_they_were_told() {
    let jane = || Identity::new("jane@example.com").unwrap();
    let dc = || Some(DomainController::new("dc01.example.com").unwrap());
    let all = ResultSize::Unlimited;
    for (cmdlet, expected) in [
        (
            shown(&get_device(DeviceFamily::ActiveSync, DeviceSelection::All, all, None)),
            "Get-ActiveSyncDevice -ResultSize Unlimited",
        ),
        (
            shown(&get_device(
                DeviceFamily::Mobile,
                DeviceSelection::Filtered(Filter::changed_since(
                    "2026-11-01T00:00:00Z".parse().unwrap(),
                )),
                ResultSize::AtMost(NonZeroU32::MIN),
                dc(),
            )),
            "Get-MobileDevice -Filter WhenChangedUTC -gt '11/01/2026 00:00:00' -ResultSize 1 \
             -DomainController dc01.example.com",
        ),
        (
            shown(&get_device(DeviceFamily::Mobile, DeviceSelection::OfMailbox(jane()), all, None)),
            "Get-MobileDevice -Mailbox jane@example.com -ResultSize Unlimited",
        ),
        (
            shown(&set_ad_server_settings(dc())),
            "Set-ADServerSettings -ViewEntireForest $true -PreferredServer dc01.example.com",
        ),
        (
            shown(&set_cas_mailbox(jane(), ListEdit::allow("D1").unwrap(), dc())),
            "Set-CASMailbox -Identity jane@example.com \
             -ActiveSyncAllowedDeviceIDs @{Add=D1;Remove=} -ActiveSyncBlockedDeviceIDs @{Add=;Remove=D1} \
             -Confirm $false -DomainController dc01.example.com",
        ),
        (
            shown(&get_cas_mailbox(Selection::One(jane()), all, None)),
            "Get-CASMailbox -Identity jane@example.com -ResultSize Unlimited",
        ),
        (
            shown(&get_recipient(Selection::Filtered(Filter::has_partnership()), all, None)),
            "Get-Recipient -Filter (HasActiveSyncDevicePartnership -eq $true) -and \
             (-not (DisplayName -like 'CAS_{*')) -ResultSize Unlimited",
        ),
        (
            shown(&get_command(["Get-CASMailbox", "Get-Command"])),
            "Get-Command -Name Get-CASMailbox,Get-Command",
        ),
        (shown(&get_exchange_server(None)), "Get-ExchangeServer"),
        (shown(&get_organization_settings()), "Get-ActiveSyncOrganizationSettings"),
        (shown(&get_device_access_rule(None)), "Get-ActiveSyncDeviceAccessRule"),
        (
            shown(&get_device_access_rule(Identity::new("iPhone (DeviceType)").ok())),
            "Get-ActiveSyncDeviceAccessRule -Identity iPhone (DeviceType)",
        ),
    ] {
        assert_eq!(cmdlet, expected);
    }
}

#[test]
fn what_a_full_look_reads_besides_is_asked_for_in_either_family() {
    let jane = || Identity::new("jane@example.com").unwrap();
    let dc = || Some(DomainController::new("dc01.example.com").unwrap());
    for (cmdlet, expected) in [
        (
            shown(&get_device_statistics(
                DeviceFamily::Mobile,
                StatisticsSelection::OfMailbox(jane()),
                dc(),
            )),
            "Get-MobileDeviceStatistics -Mailbox jane@example.com \
             -DomainController dc01.example.com",
        ),
        (
            shown(&get_device_statistics(
                DeviceFamily::ActiveSync,
                StatisticsSelection::One(jane()),
                None,
            )),
            "Get-ActiveSyncDeviceStatistics -Identity jane@example.com",
        ),
        (shown(&get_device_class(Selection::All, None)), "Get-ActiveSyncDeviceClass"),
        (
            shown(&get_mailbox_policy(DeviceFamily::ActiveSync, None, None)),
            "Get-ActiveSyncMailboxPolicy",
        ),
        (
            shown(&get_mailbox_policy(DeviceFamily::Mobile, Identity::new("Sales").ok(), dc())),
            "Get-MobileDeviceMailboxPolicy -Identity Sales -DomainController dc01.example.com",
        ),
    ] {
        assert_eq!(cmdlet, expected);
    }
}

#[test]
fn only_the_edit_of_lists_is_a_write() {
    let jane = Identity::new("jane").unwrap();
    let edit = ListEdit::forget("D1").unwrap();
    let cmdlet = set_cas_mailbox(jane, edit, None);
    assert_eq!(cmdlet.effect(), Effect::Write);
    assert_eq!(
        shown(&cmdlet),
        "Set-CASMailbox -Identity jane -ActiveSyncAllowedDeviceIDs @{Add=;Remove=D1} \
         -ActiveSyncBlockedDeviceIDs @{Add=;Remove=D1} -Confirm $false"
    );
    assert_eq!(get_organization_settings().effect(), Effect::Read);
    assert_eq!(get_device_access_rule(None).effect(), Effect::Read);
    assert_eq!(set_ad_server_settings(None).effect(), Effect::Read);
}

#[test]
fn an_edit_that_names_no_device_or_a_blank_one_cannot_be_made() {
    assert_eq!(ListEdit::new(Edit::default(), Edit::default()), Err(EditEmpty));
    assert_eq!(ListEdit::allow(" "), Err(EditEmpty));
    let one = Edit { add: vec!["D1".into(), "".into()], remove: Vec::new() };
    assert_eq!(ListEdit::new(one, Edit::default()), Err(EditEmpty));
}

#[test]
fn a_device_is_read_in_exchanges_words() {
    let row: DeviceRow = read(
        r#"<Obj RefId="0"><TN RefId="0"><T>Microsoft.Exchange.Data.Directory.SystemConfiguration.MobileDevice</T></TN>
        <ToString>x</ToString><Props>
        <S N="FriendlyName"></S><S N="deviceid">ApplDLXH</S>
        <Obj N="DeviceAccessState" RefId="1"><TN RefId="1"><T>State</T></TN><ToString>Quarantined</ToString><I32>3</I32></Obj>
        <Nil N="DeviceImei"/><S N="DeviceTelephoneNumber">_x002B_49</S>
        <Obj N="ObjectClass" RefId="2"><TNRef RefId="1"/><LST><S>top</S><S>device</S></LST></Obj>
        <Obj N="Identity" RefId="3"><TNRef RefId="1"/><ToString>example.com/jane/iPhone&#167;ApplDLXH</ToString>
        <Props><G N="ObjectGuid">00000000-0000-0000-0000-000000000001</G></Props></Obj>
        <G N="Guid">00000000-0000-0000-0000-00000000002a</G>
        <DT N="WhenChanged">2021-09-28T10:32:01-07:00</DT><B N="IsValid">true</B>
        <S N="IsManaged">False</S><S N="Unheard">of</S></Props>
        <MS><S N="PSComputerName">cas01</S></MS></Obj>"#,
    );
    let expected = DeviceRow {
        friendly_name: Some(String::new()),
        device_id: Some("ApplDLXH".into()),
        device_access_state: Some("Quarantined".into()),
        device_telephone_number: Some("+49".into()),
        object_class: vec!["top".into(), "device".into()],
        identity: Some("example.com/jane/iPhone\u{a7}ApplDLXH".into()),
        guid: Some(uuid::Uuid::from_u128(42)),
        when_changed: Some("2021-09-28T17:32:01Z".parse().unwrap()),
        is_valid: Some(true),
        is_managed: Some(false),
        ..DeviceRow::default()
    };
    assert_eq!(row, expected);
}

#[test]
fn a_rule_is_read_in_exchanges_words() {
    let row: DeviceAccessRuleRow = read(
        r#"<Obj RefId="0"><TN RefId="0">
        <T>Microsoft.Exchange.Data.Directory.SystemConfiguration.ActiveSyncDeviceAccessRule</T></TN>
        <ToString>iPhone (DeviceType)</ToString><Props>
        <S N="QueryString">iPhone</S>
        <Obj N="Characteristic" RefId="1"><TN RefId="1"><T>Characteristic</T></TN>
        <ToString>DeviceType</ToString><I32>0</I32></Obj>
        <Obj N="AccessLevel" RefId="2"><TN RefId="2"><T>Level</T></TN>
        <ToString>Quarantine</ToString><I32>2</I32></Obj>
        <S N="Name">iPhone (DeviceType)</S>
        <G N="Guid">00000000-0000-0000-0000-00000000002a</G>
        <DT N="WhenChangedUTC">2026-11-24T12:00:00Z</DT></Props></Obj>"#,
    );
    let expected = DeviceAccessRuleRow {
        name: Some("iPhone (DeviceType)".into()),
        query_string: Some("iPhone".into()),
        characteristic: Some("DeviceType".into()),
        access_level: Some("Quarantine".into()),
        guid: Some(uuid::Uuid::from_u128(42)),
        when_changed_utc: Some("2026-11-24T12:00:00Z".parse().unwrap()),
        ..DeviceAccessRuleRow::default()
    };
    assert_eq!(row, expected);
}

#[test]
fn a_policy_of_either_family_is_read_into_the_same_settings() {
    use std::time::Duration;

    for (password, lock, default) in [
        ("DevicePasswordEnabled", "MaxInactivityTimeDeviceLock", "IsDefaultPolicy"),
        ("PasswordEnabled", "MaxInactivityTimeLock", "IsDefault"),
    ] {
        let row: MailboxPolicyRow = read(&format!(
            r#"<Obj RefId="0"><Props><B N="{password}">true</B><B N="{default}">true</B>
            <Obj N="{lock}" RefId="1"><TN RefId="1"><T>Unlimited</T></TN>
            <ToString>00:15:00</ToString></Obj>
            <Obj N="MaxAttachmentSize" RefId="2"><ToString>Unlimited</ToString></Obj>
            <I32 N="PasswordHistory">3</I32>
            <Obj N="AllowBluetooth" RefId="3"><ToString>HandsfreeOnly</ToString><I32>1</I32></Obj>
            <S N="Name">Default</S></Props></Obj>"#
        ));
        let expected = PolicySettings {
            password_enabled: Some(true),
            is_default: Some(true),
            max_inactivity_time_lock: Some(Unlimited::Limited(Duration::from_secs(900))),
            max_attachment_size: Some(Unlimited::Unlimited),
            allow_bluetooth: Some("HandsfreeOnly".into()),
            password_history: Some(3),
            ..PolicySettings::default()
        };
        assert_eq!(row.settings, expected, "{password}");
        assert_eq!(row.head.name.as_deref(), Some("Default"));
    }
}

#[test]
fn statistics_are_read_under_either_name() {
    for version in ["DeviceActiveSyncVersion", "ClientVersion"] {
        let row: DeviceStatisticsRow = read(&format!(
            r#"<Obj RefId="0"><Props><S N="DeviceID">A1</S><S N="{version}">16.1</S>
            <DT N="LastSuccessSync">2026-11-24T12:00:00Z</DT><Nil N="DeviceWipeAckTime"/>
            <U32 N="LastPingHeartbeat">470</U32>
            <Obj N="Status" RefId="1"><ToString>DeviceFromTheFuture</ToString></Obj></Props></Obj>"#
        ));
        let expected = DeviceStatisticsRow {
            device_id: Some("A1".into()),
            protocol_version: Some("16.1".into()),
            last_success_sync: Some("2026-11-24T12:00:00Z".parse().unwrap()),
            last_ping_heartbeat: Some(470),
            status: Some("DeviceFromTheFuture".into()),
            ..DeviceStatisticsRow::default()
        };
        assert_eq!(row, expected, "{version}");
    }
}

#[test]
fn a_list_may_come_as_a_scalar_or_not_at_all() {
    let lists = |xml: &str| {
        let row: CasMailboxRow = read(&format!(r#"<Obj RefId="0"><Props>{xml}</Props></Obj>"#));
        row.active_sync_allowed_device_ids
    };
    assert_eq!(lists(r#"<S N="ActiveSyncAllowedDeviceIDs">D1</S>"#), ["D1"]);
    assert_eq!(lists(r#"<Nil N="ActiveSyncAllowedDeviceIDs"/>"#), [""; 0]);
    assert_eq!(lists(""), [""; 0]);
    assert_eq!(
        lists(
            r#"<Obj N="ActiveSyncAllowedDeviceIDs" RefId="1"><LST><S>D1</S><S>D2</S></LST></Obj>"#
        ),
        ["D1", "D2"]
    );
}

#[test]
fn a_server_has_a_version_in_any_form() {
    let expected = Some(ServerVersion { major: 15, minor: 2, build: 986, revision: 5 });
    for version in [
        r#"<S N="AdminDisplayVersion">Version 15.2 (Build 986.5)</S>"#,
        r#"<Obj N="AdminDisplayVersion" RefId="1"><ToString>Version 15.2 (Build 986.5)</ToString></Obj>"#,
        r#"<Obj N="AdminDisplayVersion" RefId="1"><Props><I32 N="Major">15</I32><I32 N="Minor">2</I32>
           <I32 N="Build">986</I32><I32 N="Revision">5</I32></Props></Obj>"#,
    ] {
        let row: ServerRow = read(&format!(
            r#"<Obj RefId="0"><Props><S N="Name">CAS01</S>{version}<B N="IsClientAccessServer">true</B></Props></Obj>"#
        ));
        assert_eq!(row.version, expected, "{version}");
        assert_eq!(row.is_client_access_server, Some(true));
    }
}

#[test]
fn parameters_of_a_command_are_found_in_any_form() {
    for parameters in [
        r#"<Obj N="Parameters" RefId="1"><DCT><En><S N="Key">Identity</S><S N="Value">x</S></En>
           <En><S N="Key">Filter</S><Nil N="Value"/></En></DCT></Obj>"#,
        r#"<Obj N="Parameters" RefId="1"><LST><S>Identity</S><S>Filter</S></LST></Obj>"#,
        r#"<Obj N="Parameters" RefId="1"><LST><Obj RefId="2"><MS><S N="Name">Identity</S></MS></Obj>
           <Obj RefId="3"><MS><S N="Name">Filter</S></MS></Obj></LST></Obj>"#,
    ] {
        let row: CommandRow = read(&format!(
            r#"<Obj RefId="0"><Props><S N="Name">Get-MobileDevice</S>{parameters}</Props></Obj>"#
        ));
        assert_eq!(row.parameters, ["Identity", "Filter"], "{parameters}");
        assert!(row.is("get-mobiledevice") && row.takes("FILTER") && !row.takes("Mailbox"));
    }
}
