//! What differs between organizations: versions side by side, a hoster's, and what accounts may.

use super::*;
use crate::world::organization::{FurtherServer, SITE};

/// 2013 with the 2010 server that was there before, seen from one of the two.
fn mixed(server: &str, version: Version) -> Scene {
    let older = FurtherServer { version: Version::Exchange2010, site: SITE.to_owned() };
    let mut scene = Scene::of(Blueprint {
        further_servers: vec![older],
        ..Scene::blueprint(Version::Exchange2013)
    });
    scene.runspace.engine = Engine { server: server.to_owned(), version, hosted: false };
    scene
}

/// A mailbox that lies on a server, and one of its phones.
fn at_home_on(scene: &Scene, server: &str) -> (Mailbox, String) {
    let servers = scene.live.read(|world| world.servers.clone());
    let homes = crate::world::homes::Homes::of(&servers);
    scene.live.read(|world| {
        let here = |held: &Arc<Mailbox>| {
            homes.of_mailbox(held).is_some_and(|home| home.name == server)
                && world.devices_of(held.guid).next().is_some()
        };
        let mailbox = world.mailboxes().find(here).unwrap();
        let device = world.devices_of(mailbox.guid).next().unwrap().guid.to_string();
        (Mailbox::clone(&mailbox), device)
    })
}

#[test]
fn an_older_server_does_not_show_phones_of_newer_mailboxes() {
    let unlimited = [("ResultSize", Value::from("Unlimited"))];
    let newer = mixed("EX01", Version::Exchange2013);
    let older = mixed("EX02", Version::Exchange2010);
    let every = newer.run("Get-ActiveSyncDevice", &unlimited).unwrap().output.len();
    let some = older.run("Get-ActiveSyncDevice", &unlimited).unwrap();

    assert_eq!(every, 1200);
    assert!((1..every).contains(&some.output.len()), "{}", some.output.len());
    assert!(some.errors.is_empty() && some.warnings.is_empty(), "it says nothing about it");
    let mailboxes = older.run("Get-CASMailbox", &unlimited).unwrap().output;
    assert_eq!(mailboxes.len(), 800, "mailboxes are seen from everywhere");
    let homes: std::collections::BTreeSet<_> =
        mailboxes.iter().map(|held| text(held, "ServerName")).collect();
    assert_eq!(homes.into_iter().collect::<Vec<_>>(), ["ex01", "ex02"]);
    for (server, seen) in [("EX01", 0), ("EX02", 1)] {
        let (mailbox, device) = at_home_on(&older, server);
        let one = older.run("Get-ActiveSyncDevice", &[("Identity", device.as_str().into())]);
        assert_eq!(one.unwrap().output.len(), seen, "{server}");
        let owned = older
            .run("Get-ActiveSyncDeviceStatistics", &[("Mailbox", mailbox.alias.as_str().into())]);
        assert_eq!(!owned.unwrap().output.is_empty(), seen == 1, "{server}");
    }
}

#[test]
fn an_older_server_changes_no_newer_mailbox() {
    let older = mixed("EX02", Version::Exchange2010);
    let disable = |scene: &Scene, server: &str| {
        let (mailbox, _) = at_home_on(scene, server);
        let arguments = [
            ("Identity", Value::from(mailbox.alias.as_str())),
            ("ActiveSyncEnabled", false.into()),
        ];
        scene.run("Set-CASMailbox", &arguments).unwrap().errors
    };

    assert!(disable(&older, "EX02").is_empty());
    let refused = disable(&older, "EX01");
    assert_eq!(refused[0].reason(), "InvalidObjectOperationException");
    let newer = mixed("EX01", Version::Exchange2013);
    assert!(disable(&newer, "EX01").is_empty() && disable(&newer, "EX02").is_empty());
}

#[test]
fn a_hosters_tenant_lacks_what_is_on_premises_only() {
    let mut scene = Scene::new(Version::Exchange2019);
    scene.runspace.engine.hosted = true;

    for cmdlet in ["Get-ExchangeServer", "Set-ADServerSettings", "Get-ThrottlingPolicy"] {
        assert_eq!(scene.run(cmdlet, &[]).unwrap_err().id, "CommandNotFoundException", "{cmdlet}");
    }
    let controller = [("DomainController", Value::from("dc01"))];
    let refused = scene.run("Get-MobileDevice", &controller).unwrap_err();
    assert!(refused.id.starts_with("NamedParameterNotFound,"), "{refused:?}");
    let device = &scene.run("Get-MobileDevice", &[]).unwrap().output[0];
    let tenant = "contoso.com/Microsoft Exchange Hosted Organizations/contoso";
    assert_eq!(text(device, "OrganizationId"), tenant);
}

#[test]
fn an_account_changes_only_what_lies_in_its_scope() {
    let mut scene = Scene::new(Version::Exchange2016);
    scene.runspace.rights.writes_in = Some("Sales".to_owned());
    let place = |in_unit| {
        scene.live.read(|world| {
            world
                .mailboxes()
                .position(|held| held.in_unit == in_unit && held.has_partnership)
                .unwrap()
        })
    };
    let set = |mailbox: &Mailbox| {
        let arguments = [
            ("Identity", Value::from(mailbox.alias.as_str())),
            ("ActiveSyncAllowedDeviceIDs", edit([("Add", &["X1"])])),
        ];
        scene.run("Set-CASMailbox", &arguments).unwrap().errors
    };

    let inside = scene.mailbox(place(true));
    let outside = scene.mailbox(place(false));
    assert!(set(&inside).is_empty());
    let refused = set(&outside);
    assert!(refused[0].message.contains("isn't within your current write scopes"), "{refused:?}");
    assert_eq!(scene.mailbox(place(false)).allowed_device_ids, outside.allowed_device_ids);
    let device =
        scene.live.read(|world| world.devices_of(outside.guid).next().unwrap().guid.to_string());
    let arguments = [("Identity", Value::from(device.as_str())), ("Confirm", false.into())];
    for cmdlet in ["Clear-MobileDevice", "Remove-MobileDevice"] {
        let refused = scene.run(cmdlet, &arguments).unwrap().errors;
        assert_eq!(refused[0].reason(), "ADScopeException", "{cmdlet}");
    }
    assert_eq!(scene.run("Get-MobileDevice", &arguments[..1]).unwrap().output.len(), 1);
}

#[test]
fn a_view_root_narrows_recipients_until_the_forest_is_seen() {
    let scene = Scene::new(Version::Exchange2019);
    let unlimited = [("ResultSize", Value::from("Unlimited"))];
    let count = |cmdlet: &str| scene.run(cmdlet, &unlimited).unwrap().output.len();
    let set = |name, value: Value| scene.run("Set-ADServerSettings", &[(name, value)]).unwrap();

    set("RecipientViewRoot", "contoso.com/Sales".into());
    assert!(count("Get-CASMailbox") < 800 && count("Get-MobileDevice") < 1200);
    let shown = scene.run("Get-ADServerSettings", &[]).unwrap().output;
    assert_eq!(text(&shown[0], "RecipientViewRoot"), "contoso.com/Sales");
    set("ViewEntireForest", true.into());
    assert_eq!((count("Get-CASMailbox"), count("Get-MobileDevice")), (800, 1200));
    let both =
        [("PreferredServer", Value::from("dc02")), ("PreferredGlobalCatalog", Value::from("dc01"))];
    let refused = scene.run("Set-ADServerSettings", &both).unwrap_err();
    assert!(refused.id.starts_with("AmbiguousParameterSet,"), "{refused:?}");
}

#[test]
fn settings_of_other_protocols_are_kept_and_shown() {
    let scene = Scene::new(Version::Exchange2019);
    let alias = scene.mailbox(0).alias;
    let set = |name: &str, value: Value| {
        scene.run("Set-CASMailbox", &[("Identity", alias.as_str().into()), (name, value)])
    };
    let shown = || scene.run("Get-CASMailbox", &[("Identity", alias.as_str().into())]).unwrap();

    set("EwsApplicationAccessPolicy", "enforceAllowList".into()).unwrap();
    set("EwsAllowList", edit([("Add", &["exchange-tool/1.0"])])).unwrap();
    set("EwsEnabled", true.into()).unwrap();
    set("OWAEnabled", false.into()).unwrap();
    let mailbox = &shown().output[0];
    assert_eq!(text(mailbox, "EwsEnabled"), "True");
    assert_eq!(text(mailbox, "OWAEnabled"), "False");
    assert_eq!(text(mailbox, "EwsApplicationAccessPolicy"), "EnforceAllowList");
    let listed = mailbox.property("EwsAllowList").unwrap().as_list();
    assert_eq!(listed, [Value::from("exchange-tool/1.0")]);
    set("EwsEnabled", Value::Nil).unwrap();
    assert!(shown().output[0].property("EwsEnabled").unwrap().is_nil());
    assert!(set("PopEnabled", Value::Nil).is_err(), "a switch of two positions");
}

#[test]
fn a_flag_without_a_phone_is_put_right_when_asked() {
    let scene = Scene::new(Version::Exchange2016);
    let owner = scene.live.read(|world| {
        let has_one = |held: &Arc<Mailbox>| world.devices_of(held.guid).count() == 1;
        Mailbox::clone(&world.mailboxes().find(has_one).unwrap())
    });
    let device =
        scene.live.read(|world| world.devices_of(owner.guid).next().unwrap().guid.to_string());
    let remove = [("Identity", Value::from(device.as_str())), ("Confirm", false.into())];
    scene.run("Remove-MobileDevice", &remove).unwrap();
    let flag = |arguments: &[(&str, Value)]| {
        let mut arguments = arguments.to_vec();
        arguments.push(("Identity", owner.alias.as_str().into()));
        let shown = scene.run("Get-CASMailbox", &arguments).unwrap().output;
        text(&shown[0], "HasActiveSyncDevicePartnership")
    };

    assert_eq!(flag(&[]), "True", "it stays");
    assert_eq!(flag(&[("RecalculateHasActiveSyncDevicePartnership", true.into())]), "False");
    assert_eq!(flag(&[]), "False");
}

#[test]
fn words_and_addresses_are_checked_before_anything_happens() {
    let scene = Scene::new(Version::Exchange2010);
    let wrong = |cmdlet: &str, name: &str, value: Value| {
        let mut arguments = vec![(name, value)];
        if cmdlet.starts_with("New-") {
            arguments.extend([("QueryString", "x".into()), ("AccessLevel", "Allow".into())]);
        }
        scene.run(cmdlet, &arguments).unwrap_err().reason().to_owned()
    };
    let expected = "ParameterBindingArgumentTransformationException";
    let settings = "Set-ActiveSyncOrganizationSettings";

    assert_eq!(wrong(settings, "AdminMailRecipients", "nobody".into()), expected);
    assert_eq!(wrong(settings, "AdminMailRecipients", edit([("Add", &["a b@c"])])), expected);
    let header = Value::from("XMSWLHeader");
    assert_eq!(wrong("New-ActiveSyncDeviceAccessRule", "Characteristic", header), expected);
    assert_eq!(wrong("Get-Recipient", "RecipientType", "Robot".into()), expected);
    let sort = scene.run("Get-ActiveSyncDevice", &[("SortBy", "DeviceActiveSyncVersion".into())]);
    assert!(sort.unwrap_err().message.contains("isn't sortable"));
    let both = [("Identity", Value::from("x")), ("Mailbox", Value::from("y"))];
    let refused = scene.run("Get-ActiveSyncDevice", &both).unwrap_err();
    assert!(refused.id.starts_with("AmbiguousParameterSet,"), "{refused:?}");
    assert!(scene.live.read(|world| world.ledger.is_empty()));
}
