//! What the cmdlets do and print, in both versions, without a wire.

use std::collections::BTreeMap;

use exgate_runtime::clock::Clock;

use super::*;
use crate::time::{Mode, Past, Time};
use crate::world::blueprint::Blueprint;
use crate::world::device::AccessReason;
use crate::world::journal::Journal;
use crate::world::mailbox::Mailbox;
use crate::world::organization::{AccessLevel, AccessRule, Characteristic, Version};

mod changes;
mod personalities;

/// What one pipeline wrote.
#[derive(Debug, Default)]
struct Written {
    output: Vec<Value>,
    errors: Vec<Complaint>,
    warnings: Vec<String>,
}

struct Scene {
    live: Arc<Live>,
    runspace: Runspace,
}

impl Scene {
    fn new(version: Version) -> Self {
        Self::of(Self::blueprint(version))
    }

    fn blueprint(version: Version) -> Blueprint {
        Blueprint {
            name: "contoso".to_owned(),
            domain: "contoso.com".to_owned(),
            version,
            seed: 5,
            mailboxes: 800,
            devices: 1200,
            approved_percent: 30,
            default_access_level: AccessLevel::Quarantine,
            user_mail_insert: String::new(),
            admin_mail_recipients: Vec::new(),
            filters_devices_by_change: version.is_modern(),
            hosted: false,
            further_servers: Vec::new(),
            epoch: "2026-11-24T12:00:00Z".parse().unwrap(),
        }
    }

    /// An organization, and a session at its first server.
    fn of(blueprint: Blueprint) -> Self {
        let (epoch, version) = (blueprint.epoch, blueprint.version);
        let (clock, _hand) = Clock::manual(epoch);
        let time = Arc::new(Time::new(clock, Mode::Explicit, Past::begin(epoch, Mode::Explicit)));
        let live = Arc::new(Live::new(blueprint.build(), Arc::new(Journal::in_memory()), time));
        let runspace = Runspace {
            id: Uuid::from_u128(1),
            account: "CONTOSO\\svc".to_owned(),
            rights: Rights::default(),
            engine: Engine { server: "EX01".to_owned(), version, hosted: false },
            view: Arc::default(),
        };
        Self { live, runspace }
    }

    fn run(&self, name: &str, arguments: &[(&str, Value)]) -> Result<Written, Complaint> {
        let arguments =
            arguments.iter().map(|(name, value)| (Some((*name).to_owned()), value.clone()));
        let invocation = Invocation { name: name.to_owned(), arguments: arguments.collect() };
        let mut written = Written::default();
        for record in run(&self.live, &self.runspace, invocation)? {
            match record {
                Record::Output(value) => written.output.push(value),
                Record::Error(complaint) => written.errors.push(complaint),
                Record::Warning(text) => written.warnings.push(text),
            }
        }
        Ok(written)
    }

    fn mailbox(&self, place: usize) -> Mailbox {
        self.live.read(|world| Arc::unwrap_or_clone(world.mailboxes().nth(place).unwrap()))
    }

    fn set_rules(&self, rules: Vec<AccessRule>) {
        self.live.change(|_, _| (vec![Event::Rules(rules)], ())).unwrap();
    }

    fn count(&self, cmdlet: &str, filter: &str) -> usize {
        let arguments = [("Filter", filter.into()), ("ResultSize", "Unlimited".into())];
        self.run(cmdlet, &arguments).unwrap().output.len()
    }
}

fn edit<const N: usize>(entries: [(&str, &[&str]); N]) -> Value {
    Value::hashtable(
        entries.map(|(key, ids)| (key, Value::array(ids.iter().map(|id| Value::from(*id))))),
    )
}

fn text(value: &Value, property: &str) -> String {
    value.property(property).and_then(Value::to_text).unwrap_or_default().into_owned()
}

#[test]
fn lists_are_edited_in_place_without_regard_to_case() {
    let scene = Scene::new(Version::Exchange2019);
    let guid = scene.mailbox(0).guid.to_string();
    let set = |allowed: Value| {
        scene.run(
            "set-casmailbox",
            &[("identity", guid.as_str().into()), ("ActiveSyncAllowedDeviceIDs", allowed)],
        )
    };
    set(Value::Nil).unwrap();

    set(edit([("add", &["AAA", "BBB", "aaa"]), ("remove", &["ZZZ"])])).unwrap();
    assert_eq!(scene.mailbox(0).allowed_device_ids, ["AAA", "BBB"]);
    let changed = scene.mailbox(0).changed;

    let again = set(edit([("Add", &["aaa"])])).unwrap();
    assert!(again.warnings[0].contains("no settings of"), "{again:?}");
    assert_eq!(scene.mailbox(0).changed, changed);

    set(edit([("Remove", &["bbb"])])).unwrap();
    assert_eq!(scene.mailbox(0).allowed_device_ids, ["AAA"]);
    assert!(scene.mailbox(0).changed > changed);
    set(Value::array(["C", "D"].map(Value::from))).unwrap();
    assert_eq!(scene.mailbox(0).allowed_device_ids, ["C", "D"]);
    set("E".into()).unwrap();
    assert_eq!(scene.mailbox(0).allowed_device_ids, ["E"]);
    set(Value::Nil).unwrap();
    assert!(scene.mailbox(0).allowed_device_ids.is_empty());

    let wrong = set(edit([("Append", &["X"])])).unwrap_err();
    assert_eq!(wrong.reason(), "ParameterBindingArgumentTransformationException");
}

#[test]
fn one_call_carries_both_lists_and_is_in_the_ledger_once() {
    let scene = Scene::new(Version::Exchange2010);
    let mailbox = scene.mailbox(1);
    let arguments = [
        ("Identity", Value::from(mailbox.user_principal_name.as_str())),
        ("ActiveSyncAllowedDeviceIDs", edit([("Add", &["ID1"])])),
        ("ActiveSyncBlockedDeviceIDs", edit([("Remove", &["ID1"])])),
        ("Confirm", false.into()),
    ];
    scene.run("Set-CASMailbox", &arguments).unwrap();
    scene.run("Set-CASMailbox", &arguments).unwrap();
    let what_if = [
        ("Identity", mailbox.alias.as_str().into()),
        ("ActiveSyncEnabled", false.into()),
        ("WhatIf", true.into()),
    ];
    scene.run("Set-CASMailbox", &what_if).unwrap();
    let unknown = [("Identity", "nobody".into())];
    let refused = scene.run("Set-CASMailbox", &unknown).unwrap();

    assert!(scene.mailbox(1).active_sync_enabled);
    assert_eq!(refused.errors[0].reason(), "ManagementObjectNotFoundException");
    let ledger = scene.live.read(|world| world.ledger.clone());
    let changed: Vec<_> = ledger.iter().map(|entry| entry.changed).collect();
    assert_eq!(changed, [true, false, false, false]);
    assert_eq!(ledger.iter().map(|entry| entry.sequence).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(ledger[0].parameters["ActiveSyncAllowedDeviceIDs"]["Add"][0], "ID1");
    assert_eq!(ledger[3].error.as_deref(), Some("ManagementObjectNotFoundException"));
    let counts = scene.live.read(|world| world.invocations.clone());
    assert_eq!(counts, BTreeMap::from([("Set-CASMailbox".to_owned(), 4)]));
}

#[test]
fn the_error_id_has_the_shape_of_the_version() {
    let id = |version| {
        let scene = Scene::new(version);
        let written = scene.run("Get-CASMailbox", &[("Identity", "nobody".into())]).unwrap();
        written.errors[0].id.clone()
    };

    let modern = id(Version::Exchange2019);
    assert!(modern.starts_with("[Server=EX01,RequestId="), "{modern}");
    assert!(
        modern.contains("[FailureCategory=Cmdlet-ManagementObjectNotFoundException] "),
        "{modern}"
    );
    let old = id(Version::Exchange2010);
    let (hash, class) = old.split_once(',').unwrap();
    assert!(hash.len() == 8 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{old}");
    assert_eq!(class, "Microsoft.Exchange.Management.RecipientTasks.GetCASMailbox");
}

#[test]
fn each_version_has_its_cmdlets_and_filters() {
    let (old, new) = (Scene::new(Version::Exchange2010), Scene::new(Version::Exchange2019));
    let by_change = [("Filter", Value::from("WhenChangedUTC -gt '1/1/2020'"))];

    let missing = old.run("Get-MobileDevice", &[]).unwrap_err();
    assert_eq!(missing.id, "CommandNotFoundException");
    assert_eq!(new.run("Get-MobileDevice", &by_change).unwrap().output.len(), 1000);
    let refused = old.run("Get-ActiveSyncDevice", &by_change).unwrap_err();
    assert!(refused.message.contains("is not a recognized filterable property"), "{refused:?}");
    assert!(refused.id.starts_with("ParameterBindingFailed,"));

    let device = &old.run("Get-ActiveSyncDevice", &[]).unwrap().output[0];
    assert!(device.property("ClientType").is_none());
    let device = &new.run("Get-ActiveSyncDevice", &[]).unwrap().output[0];
    assert_eq!(text(device, "ClientType"), "EAS");
}

#[test]
fn a_server_says_its_version_and_its_roles() {
    for (version, says, role) in [
        (
            Version::Exchange2010,
            "Version 14.3 (Build 123.4)",
            "Mailbox, ClientAccess, HubTransport",
        ),
        (Version::Exchange2013, "Version 15.0 (Build 1497.2)", "Mailbox, ClientAccess"),
        (Version::Exchange2016, "Version 15.1 (Build 2507.6)", "Mailbox"),
        (Version::Exchange2019, "Version 15.2 (Build 1748.10)", "Mailbox"),
        (Version::SubscriptionEdition, "Version 15.2 (Build 2562.17)", "Mailbox"),
    ] {
        let scene = Scene::new(version);
        let server = &scene.run("Get-ExchangeServer", &[]).unwrap().output[0];
        assert_eq!(text(server, "AdminDisplayVersion"), says);
        assert_eq!(text(server, "ServerRole"), role);
    }
}

#[test]
fn what_2016_brought_is_missing_in_2013() {
    for version in [Version::Exchange2013, Version::Exchange2016] {
        let scene = Scene::new(version);
        let device =
            &scene.run("Get-MobileDevice", &[("ResultSize", "1".into())]).unwrap().output[0];
        let guid = text(device, "Guid");
        let wipe = [
            ("Identity", Value::from(guid.as_str())),
            ("AccountOnly", true.into()),
            ("Confirm", false.into()),
        ];
        let wiped = scene.run("Clear-MobileDevice", &wipe);
        assert_eq!(wiped.is_ok(), version.is_since_2016(), "{wiped:?}");
        let narrowed = scene.run("Get-MobileDevice", &[("RestApi", true.into())]);
        assert_eq!(narrowed.is_ok(), version.is_since_2016(), "{narrowed:?}");
    }
}

fn rule(characteristic: Characteristic, query: &str, access_level: AccessLevel) -> AccessRule {
    AccessRule {
        name: format!("{query} ({})", characteristic.word().0),
        characteristic,
        query_string: query.to_owned(),
        access_level,
    }
}

#[test]
fn rules_are_listed_as_they_were_set() {
    for version in [Version::Exchange2010, Version::Exchange2019] {
        let scene = Scene::new(version);
        let listed =
            |scene: &Scene| scene.run("Get-ActiveSyncDeviceAccessRule", &[]).unwrap().output;
        assert!(listed(&scene).is_empty());
        scene.set_rules(vec![
            rule(Characteristic::DeviceModel, "iPhone15,2", AccessLevel::Quarantine),
            rule(Characteristic::DeviceType, "iPhone15,2", AccessLevel::Block),
        ]);

        let rules = listed(&scene);
        let first = rules[0].as_object().unwrap();
        assert_eq!(
            first.type_names[0],
            format!("{}.ActiveSyncDeviceAccessRule", rendering::SYSTEM)
        );
        for (property, expected) in [
            ("Name", "iPhone15,2 (DeviceModel)"),
            ("Identity", "iPhone15,2 (DeviceModel)"),
            ("QueryString", "iPhone15,2"),
            ("Characteristic", "DeviceModel"),
            ("AccessLevel", "Quarantine"),
        ] {
            assert_eq!(text(&rules[0], property), expected, "{property}");
        }
        for (property, name, number) in [
            ("Characteristic", "DeviceAccessCharacteristic", 1),
            ("AccessLevel", "DeviceAccessLevel", 2),
        ] {
            let held = rules[0].property(property).unwrap();
            let object = held.as_object().unwrap();
            assert_eq!(object.type_names[0], format!("{}.{name}", rendering::SYSTEM));
            assert_eq!(held.as_i64(), Some(number), "{property}");
        }
        assert!(
            text(&rules[0], "DistinguishedName").starts_with(r"CN=iPhone15\,2 (DeviceModel),CN=")
        );
    }
}

#[test]
fn a_rule_keeps_its_guid_and_is_found_by_every_identity() {
    let scene = Scene::new(Version::Exchange2019);
    let list = |arguments: &[(&str, Value)]| {
        scene.run("Get-ActiveSyncDeviceAccessRule", arguments).unwrap()
    };
    let held = rule(Characteristic::DeviceType, "iPhone", AccessLevel::Quarantine);
    let other = rule(Characteristic::DeviceModel, "iPhone", AccessLevel::Allow);
    scene.set_rules(vec![held.clone(), other.clone()]);
    let before = list(&[]).output;
    let guid = text(&before[0], "Guid");
    assert_ne!(guid, text(&before[1], "Guid"));

    scene.set_rules(vec![other, AccessRule { access_level: AccessLevel::Block, ..held }]);
    for property in ["Name", "Guid", "DistinguishedName", "Identity"] {
        let identity = text(&before[0], property);
        let found = list(&[("Identity", identity.as_str().into())]).output;
        assert_eq!(found.len(), 1, "{identity}");
        assert_eq!(text(&found[0], "Guid"), guid, "{identity}");
        assert_eq!(text(&found[0], "AccessLevel"), "Block");
    }
    let missing = list(&[("Identity", "iPad (DeviceType)".into())]);
    assert_eq!(missing.errors[0].reason(), "ManagementObjectNotFoundException");
    assert!(missing.output.is_empty());
    let filtered =
        scene.run("Get-ActiveSyncDeviceAccessRule", &[("Filter", "x".into())]).unwrap_err();
    assert!(filtered.id.starts_with("NamedParameterNotFound,"), "{filtered:?}");
}

#[test]
fn a_listing_ends_at_its_result_size_with_a_warning() {
    let scene = Scene::new(Version::Exchange2019);

    let default = scene.run("Get-MobileDevice", &[]).unwrap();
    assert_eq!(default.output.len(), 1000);
    assert!(default.warnings[0].starts_with("There are more results available"));
    let all = scene.run("Get-MobileDevice", &[("ResultSize", "unlimited".into())]).unwrap();
    assert_eq!((all.output.len(), all.warnings.len()), (1200, 0));
    let some = scene.run("Get-CASMailbox", &[("ResultS", 3_i32.into())]).unwrap();
    assert_eq!((some.output.len(), some.warnings.len()), (3, 1));
    let null = scene.run("Get-CASMailbox", &[("Identity", Value::Nil)]).unwrap();
    assert_eq!(null.output.len(), 800, "an empty identity is every mailbox");
}

#[test]
fn objects_are_found_by_every_identity() {
    let scene = Scene::new(Version::Exchange2019);
    let owner = scene.mailbox(4);
    for identity in owner.keys("contoso", "contoso.com") {
        let found = scene.run("Get-CASMailbox", &[("Identity", identity.as_str().into())]).unwrap();
        assert_eq!(text(&found.output[0], "Guid"), owner.guid.to_string(), "{identity}");
    }
    let of_owner =
        scene.run("Get-MobileDevice", &[("Mailbox", owner.alias.as_str().into())]).unwrap();
    let device = &of_owner.output[0];
    assert!(text(device, "Name").contains('§'));
    for property in ["Guid", "DistinguishedName", "Identity"] {
        let identity = text(device, property);
        let found =
            scene.run("Get-MobileDevice", &[("Identity", identity.as_str().into())]).unwrap();
        assert_eq!(text(&found.output[0], "Guid"), text(device, "Guid"), "{identity}");
    }
    let whole_object = device.property("Identity").unwrap().clone();
    let found = scene.run("Get-MobileDevice", &[("Identity", whole_object)]).unwrap();
    assert_eq!(found.output.len(), 1);
}

#[test]
fn filters_choose_mailboxes_and_devices() {
    let scene = Scene::new(Version::Exchange2019);
    let (with, listed, quarantined) = scene.live.read(|world| {
        (
            world.mailboxes().filter(|held| held.has_partnership).count(),
            world.mailboxes().filter(|held| !held.allowed_device_ids.is_empty()).count(),
            world.devices().filter(|held| held.reason == AccessReason::Global).count(),
        )
    });

    assert_eq!(scene.count("Get-CASMailbox", "HasActiveSyncDevicePartnership -eq $true"), with);
    assert_eq!(scene.count("Get-CASMailbox", "ActiveSyncAllowedDeviceIDs -ne $null"), listed);
    assert_eq!(
        scene.count("Get-MobileDevice", "DeviceAccessStateReason -eq 'Global'"),
        quarantined
    );
    let owner = scene.mailbox(3);
    let address = &owner.primary_smtp_address;
    assert_eq!(scene.count("Get-Recipient", &format!("PrimarySmtpAddress -eq '{address}'")), 1);
    assert_eq!(scene.count("Get-Recipient", &format!("Guid -eq '{}'", owner.guid)), 1);
    let refused =
        scene.run("Get-CASMailbox", &[("Filter", "UserPrincipalName -eq 'x'".into())]).unwrap_err();
    assert!(refused.message.contains("\"UserPrincipalName\" is not a recognized"), "{refused:?}");
}

#[test]
fn what_a_role_hides_looks_missing() {
    let mut scene = Scene::new(Version::Exchange2019);
    scene.runspace.rights = Rights {
        hide_cmdlets: vec!["get-recipient".to_owned()],
        hide_parameters: BTreeMap::from([(
            "Set-CASMailbox".to_owned(),
            vec!["ActiveSyncBlockedDeviceIDs".to_owned()],
        )]),
        ..Rights::default()
    };

    assert_eq!(scene.run("Get-Recipient", &[]).unwrap_err().id, "CommandNotFoundException");
    let arguments =
        [("Identity", "x".into()), ("ActiveSyncBlockedDeviceIDs", edit([("Add", &["X"])]))];
    let refused = scene.run("Set-CASMailbox", &arguments).unwrap_err();
    assert!(refused.id.starts_with("NamedParameterNotFound,"), "{refused:?}");
    let names =
        Value::array(["Set-CASMailbox", "Get-Recipient", "Get-MobileDevice*"].map(Value::from));
    let shown = scene.run("Get-Command", &[("Name", names)]).unwrap();
    let shown_names: Vec<_> = shown.output.iter().map(|value| text(value, "Name")).collect();
    assert_eq!(
        shown_names,
        [
            "Set-CASMailbox",
            "Get-MobileDeviceMailboxPolicy",
            "Get-MobileDevice",
            "Get-MobileDeviceStatistics"
        ]
    );
    assert_eq!(shown.errors.len(), 1);
    let parameters = shown.output[0].property("Parameters").unwrap();
    assert!(parameters.entry("ActiveSyncAllowedDeviceIDs").is_some());
    assert!(parameters.entry("ActiveSyncBlockedDeviceIDs").is_none());
}

#[test]
fn a_set_needs_an_identity() {
    let scene = Scene::new(Version::Exchange2019);
    let ids = |arguments: &[(&str, Value)]| scene.run("Set-CASMailbox", arguments).unwrap_err().id;

    assert!(ids(&[]).starts_with("MissingMandatoryParameter,"));
    assert!(ids(&[("Identity", Value::Nil)]).starts_with("ParameterArgumentValidationError"));
    assert!(ids(&[("Identity", "".into())]).starts_with("ParameterArgumentValidationError"));
    assert!(
        ids(&[("Identity", "x".into()), ("ActiveSync", true.into())])
            .starts_with("AmbiguousParameter,")
    );
    assert!(scene.live.read(|world| world.ledger.is_empty()));
}

#[test]
fn the_preferred_domain_controller_answers_in_this_runspace_only() {
    let scene = Scene::new(Version::Exchange2019);
    let other = Runspace { view: Arc::default(), ..scene.runspace.clone() };
    let origin = |scene: &Scene| {
        let found = scene.run("Get-CASMailbox", &[("ResultSize", 1_i32.into())]).unwrap();
        text(&found.output[0], "OriginatingServer")
    };

    let arguments = [("PreferredServer", "DC02".into()), ("ViewEntireForest", true.into())];
    scene.run("Set-ADServerSettings", &arguments).unwrap();

    assert_eq!(origin(&scene), "dc02.contoso.com");
    let other = Scene { live: Arc::clone(&scene.live), runspace: other };
    assert_eq!(origin(&other), "dc01.contoso.com");
    let unknown = scene.run("Get-CASMailbox", &[("DomainController", "dc99".into())]).unwrap_err();
    assert_eq!(unknown.reason(), "ManagementObjectNotFoundException");
}
