//! Facts about record files: what they mean, and what is said about a mistake in one.

use jiff::Timestamp;

use exgate_domain::record::ComplianceState;

use super::*;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        fs::write(folder.path().join(name), content).unwrap();
    }
    folder
}

fn provenance() -> Provenance {
    Provenance { source: "intune".to_owned(), read_at: Timestamp::UNIX_EPOCH }
}

fn good(files: &[(&str, &str)]) -> Reading {
    let folder = folder(files);
    read(folder.path(), &provenance()).unwrap()
}

/// The problems of a folder, without its path.
fn problems(files: &[(&str, &str)]) -> Vec<String> {
    let folder = folder(files);
    let path = format!("{}/", folder.path().display());
    let problems = read(folder.path(), &provenance()).unwrap_err();
    problems.iter().map(|problem| problem.to_string().replace(&path, "")).collect()
}

const DEVICES_JSON: &str = r#"[
  {
    "id": "d1", "userPrincipalName": "ann@contoso.com", "emailAddress": null,
    "deviceName": "Ann's phone", "operatingSystem": "iOS", "osVersion": "17.10", "model": "iPhone 15",
    "easDeviceId": "ApplDLXH", "isEncrypted": true, "jailBroken": "False",
    "complianceState": "inGracePeriod",
    "complianceGracePeriodExpirationDateTime": "2026-03-01T00:00:00Z",
    "lastSyncDateTime": "2026-02-01T10:00:00.5Z", "enrolledDateTime": "0001-01-01T00:00:00Z",
    "imei": "not read", "managedDeviceOwnerType": "company", "configurationManager": { "a": [1] }
  },
  { "id": "d2", "easDeviceId": "" }
]"#;

const DEVICES_CSV: &str = "\u{feff}id,userPrincipalName,emailAddress,deviceName,operatingSystem,\
osVersion,model,easDeviceId,isEncrypted,jailBroken,complianceState,\
complianceGracePeriodExpirationDateTime,lastSyncDateTime,enrolledDateTime,managedDeviceOwnerType\r\n\
d1,ann@contoso.com,,\"Ann's phone\",iOS,17.10,iPhone 15,ApplDLXH,True,False,inGracePeriod,\
2026-03-01T00:00:00Z,2026-02-01T10:00:00.5Z,0001-01-01T00:00:00Z,company\r\n\
d2,,,,,,,,,,,,,,\r\n";

#[test]
fn devices_mean_the_same_in_both_forms() {
    let json = good(&[("devices.json", DEVICES_JSON)]).devices;
    let csv = good(&[("devices.csv", DEVICES_CSV)]).devices;
    let wrapped = format!(r#"{{ "@odata.context": "x", "value": {DEVICES_JSON} }}"#);
    let wrapped = good(&[("devices.json", &wrapped)]).devices;
    assert_eq!(json, csv);
    assert_eq!(json, wrapped);

    let [first, second] = json.as_slice() else { panic!("{json:?}") };
    assert_eq!(first.os_version, "17.10");
    assert_eq!(first.eas_device_id, Some("APPLdlxh".parse().unwrap()));
    assert_eq!((first.is_encrypted, first.jail_broken), (Some(true), Some(false)));
    assert_eq!(first.compliance, ComplianceState::InGracePeriod);
    assert_eq!(first.grace_until, Some("2026-03-01T00:00:00Z".parse().unwrap()));
    assert_eq!(first.last_check_in_at, Some("2026-02-01T10:00:00.5Z".parse().unwrap()));
    assert_eq!((first.enrolled_at, &first.provenance), (None, &provenance()));
    assert_eq!((second.eas_device_id.clone(), second.is_encrypted), (None, None));
    assert_eq!(second.compliance, ComplianceState::Unknown);
}

#[test]
fn users_mean_the_same_in_both_forms() {
    let json = r#"[{ "userPrincipalName": "ann@corp.local", "mail": "ann@contoso.com",
        "otherMails": ["a@x.com", "b@x.com"], "proxyAddresses": ["SMTP:ann@contoso.com", "X500:/o=x"],
        "displayName": "Ann", "groups": ["Mail users", "007"], "licensed": false }]"#;
    let csv = "userPrincipalName,mail,otherMails,proxyAddresses,displayName,groups,licensed\n\
        ann@corp.local,ann@contoso.com,a@x.com;b@x.com,SMTP:ann@contoso.com;X500:/o=x,Ann,\
        Mail users; 007,false\n";
    let users = good(&[("users.json", json)]).users;
    assert_eq!(users, good(&[("users.csv", csv)]).users);
    assert_eq!(users[0].other_mails, ["a@x.com", "b@x.com", "ann@contoso.com"]);
    assert_eq!(users[0].groups, ["Mail users", "007"]);
    assert_eq!(users[0].licensed, Some(false));
}

#[test]
fn every_spelling_of_a_value_is_read() {
    let states = ["unknown", "compliant", "noncompliant", "conflict", "error", "configManager"];
    for state in states {
        let csv = format!("id,complianceState\n1,{}\n", state.to_uppercase());
        let json = format!(r#"[{{"id":"1","complianceState":"{state}"}}]"#);
        let one = good(&[("devices.csv", &csv)]).devices;
        assert_eq!(one, good(&[("devices.json", &json)]).devices, "{state}");
    }
    let flags =
        [("true", Some(true)), ("True", Some(true)), ("FALSE", Some(false)), ("Unknown", None)];
    for (flag, expected) in flags {
        let csv = format!("id,jailBroken\n1,{flag}\n");
        assert_eq!(good(&[("devices.csv", &csv)]).devices[0].jail_broken, expected, "{flag}");
    }
    let json = r#"[{"id":"1","jailBroken":true,"isEncrypted":"True"}]"#;
    let device = &good(&[("devices.json", json)]).devices[0];
    assert_eq!((device.jail_broken, device.is_encrypted), (Some(true), Some(true)));
}

#[test]
fn a_mistake_in_csv_is_named_with_its_place_and_cure() {
    let cases = [
        (
            "id,isEncrypted\nd1,true\nd2,yes\n",
            r#"devices.csv:3: column isEncrypted: "yes" is neither true nor false (write one of them)"#,
        ),
        (
            "id,easDeviceID\nd1,x\n",
            r#"devices.csv:1:2: unknown column "easDeviceID" (write easDeviceId)"#,
        ),
        (
            "id;model\nd1;x\n",
            r#"devices.csv:1:1: unknown column "id;model" (part the columns by commas)"#,
        ),
        ("id,id\nd1,x\n", r#"devices.csv:1:2: column "id" comes twice (take one out)"#),
        ("model\nx\n", "devices.csv:1: there is no column id (every row needs one)"),
        ("id,model\n,x\n", "devices.csv:2: column id: it is empty (every row needs one)"),
        (
            "id,model\nd1,a,b\n",
            "devices.csv:2: 3 cells stand where 2 columns are named (a cell with a comma needs quotation marks)",
        ),
        (
            "id\nd1\n\nd1\n",
            r#"devices.csv:4: id: "d1" stands at line 2, too (take one of them out)"#,
        ),
        (
            "id,lastSyncDateTime\nd1,31.1.2026\n",
            r#"devices.csv:2: column lastSyncDateTime: "31.1.2026" is not an instant of RFC 3339 (write it as 2026-01-31T23:59:59Z)"#,
        ),
        (
            "id,easDeviceId\nd1,a b\n",
            r#"devices.csv:2: column easDeviceId: device id "a b" is not 1 to 64 printable characters without blanks"#,
        ),
    ];
    for (content, expected) in cases {
        assert_eq!(problems(&[("devices.csv", content)]), [expected]);
    }
    let unknown = problems(&[("devices.csv", "id,colour\nd1,red\n")]);
    assert!(
        unknown[0].contains(r#"unknown column "colour" (take it out; known are id, "#),
        "{unknown:?}"
    );
}

#[test]
fn a_mistake_in_json_is_named_with_its_place_and_cure() {
    let cases = [
        (
            "[\n  {\"id\": \"d1\"},\n  {\"id\": \"d2\", \"isEncrypted\": \"yes\"}\n]",
            r#"devices.json:3:35: [1].isEncrypted: "yes" is neither true nor false (write one of them)"#,
        ),
        (
            "[{\"id\": \"d1\", \"easDeviceID\": \"x\"}]",
            r#"devices.json:1:27: [0]: unknown property "easDeviceID" (write easDeviceId)"#,
        ),
        ("[{\"model\": \"x\"}]", "devices.json:1:15: [0]: missing field `id`"),
        ("[{\"id\": \"\"}]", "devices.json:1:10: [0].id: it is empty (every row needs one)"),
        ("[{\"id\": \"d1\"}", "devices.json:1:13: EOF while parsing a list"),
        (
            "[{\"id\":\"d1\"},{\"id\":\"d1\"}]",
            r#"devices.json: [1].id: "d1" stands at [0], too (take one of them out)"#,
        ),
        (
            "[{\"id\":\"d1\",\"osVersion\":17.10}]",
            "devices.json:1:29: [0].osVersion: invalid type: floating point `17.1`, expected a string",
        ),
        ("{\"devices\": []}", "devices.json:1:15: missing field `value`"),
        (
            "{\"value\": [], \"@odata.nextLink\": \"https://graph\"}",
            "devices.json: it is one page of several, as @odata.nextLink says (put all pages together)",
        ),
        (
            "[[]]",
            "devices.json:1:1: [0]: invalid type: sequence, expected an object with properties such as id",
        ),
    ];
    for (content, expected) in cases {
        let found = problems(&[("devices.json", content)]);
        assert_eq!(found.len(), 1, "{content}: {found:?}");
        assert_eq!(found[0], expected, "{content}");
    }
}

#[test]
fn a_folder_says_what_is_missing_and_names_every_bad_file() {
    let none = problems(&[]);
    assert!(none[0].contains("devices.json, devices.csv, users.json, users.csv"), "{none:?}");
    let both = problems(&[("devices.json", "[]"), ("devices.csv", "id\n")]);
    assert_eq!(both, ["devices.csv: devices.json is there, too (take one of them away)"]);
    let bad = problems(&[("devices.csv", "id\n\"\"\n"), ("users.json", "[{}]")]);
    assert_eq!(bad.len(), 2);
    assert!(bad[1].starts_with("users.json:1:3: [0]: missing field"), "{bad:?}");
}

#[test]
fn the_digest_is_that_of_the_bytes() {
    let one = good(&[("devices.csv", "id\nd1\n")]).digest;
    assert_eq!(one, good(&[("devices.csv", "id\nd1\n")]).digest);
    assert_ne!(one, good(&[("devices.csv", "id\nd2\n")]).digest);
}
