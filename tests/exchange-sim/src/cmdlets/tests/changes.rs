//! What the cmdlets that change an organization do to it, and what they refuse.

use super::*;
use crate::behaviour::contact::{self, Service};

/// The names of a version's device cmdlets.
fn family(version: Version) -> &'static str {
    if version.is_modern() { "MobileDevice" } else { "ActiveSyncDevice" }
}

fn sent<'a>(arguments: &[(&'a str, &str)]) -> Vec<(&'a str, Value)> {
    arguments.iter().map(|(name, text)| (*name, Value::from(*text))).collect()
}

/// The last line of the ledger: the cmdlet, whether it changed anything, and what refused it.
fn last(scene: &Scene) -> (String, bool, Option<String>) {
    scene.live.read(|world| {
        let entry = world.ledger.last().unwrap();
        (entry.cmdlet.clone(), entry.changed, entry.error.clone())
    })
}

#[test]
fn settings_change_as_a_whole_or_not_at_all() {
    for version in Version::ALL {
        let scene = Scene::new(version);
        let cmdlet = "Set-ActiveSyncOrganizationSettings";
        let before = scene.live.read(|world| world.settings.clone());
        let mut arguments = sent(&[("DefaultAccessLevel", "Block"), ("UserMailInsert", "Ask us.")]);
        arguments.push(("AdminMailRecipients", edit([("Add", &["a@contoso.com"])])));

        let mut rehearsed = arguments.clone();
        rehearsed.push(("WhatIf", true.into()));
        scene.run(cmdlet, &rehearsed).unwrap();
        assert_eq!(scene.live.read(|world| world.settings.clone()), before);
        assert_eq!(last(&scene), (cmdlet.to_owned(), false, None));

        scene.run(cmdlet, &arguments).unwrap();
        let shown = scene.run("Get-ActiveSyncOrganizationSettings", &[]).unwrap().output;
        assert_eq!(text(&shown[0], "DefaultAccessLevel"), "Block");
        assert_eq!(text(&shown[0], "UserMailInsert"), "Ask us.");
        assert_eq!(last(&scene), (cmdlet.to_owned(), true, None));

        let long = "ü".repeat(257);
        let refused =
            scene.run(cmdlet, &sent(&[("DefaultAccessLevel", "Allow"), ("UserMailInsert", &long)]));
        assert!(refused.unwrap().errors[0].message.contains("maximum length is 256"));
        let after = scene.live.read(|world| world.settings.clone());
        assert_eq!(after.default_access_level, AccessLevel::Block, "nothing of it took effect");
        assert_eq!(last(&scene).2.as_deref(), Some("DataValidationException"));

        let again = scene.run(cmdlet, &sent(&[("DefaultAccessLevel", "Block")])).unwrap();
        assert!(again.warnings[0].contains("no settings of"), "{again:?}");
        let wrong = scene.run(cmdlet, &sent(&[("DefaultAccessLevel", "Deny")])).unwrap_err();
        assert_eq!(wrong.reason(), "ParameterBindingArgumentTransformationException");
    }
}

#[test]
fn rules_are_made_changed_and_removed_and_say_who_may_not_exist_twice() {
    let scene = Scene::new(Version::Exchange2010);
    let new = sent(&[
        ("QueryString", "iPhone"),
        ("Characteristic", "DeviceType"),
        ("AccessLevel", "Quarantine"),
    ]);
    let made = scene.run("New-ActiveSyncDeviceAccessRule", &new).unwrap().output;
    assert_eq!(text(&made[0], "Name"), "iPhone (DeviceType)");
    let twice = scene.run("New-ActiveSyncDeviceAccessRule", &new).unwrap();
    assert_eq!(twice.errors[0].reason(), "ADObjectAlreadyExistsException");

    let guid = text(&made[0], "Guid");
    let set = sent(&[("Identity", &guid), ("AccessLevel", "Block")]);
    scene.run("Set-ActiveSyncDeviceAccessRule", &set).unwrap();
    let rules = scene.live.read(|world| world.rules.clone());
    assert_eq!(rules.len(), 1);
    assert_eq!(rules[0].access_level, AccessLevel::Block);

    let mut remove = sent(&[("Identity", "iPhone (DeviceType)")]);
    let asked = scene.run("Remove-ActiveSyncDeviceAccessRule", &remove).unwrap_err();
    assert_eq!(asked.reason(), "HostException");
    remove.push(("Confirm", false.into()));
    scene.run("Remove-ActiveSyncDeviceAccessRule", &remove).unwrap();
    assert!(scene.live.read(|world| world.rules.is_empty()));
    let gone = scene.run("Remove-ActiveSyncDeviceAccessRule", &remove).unwrap();
    assert_eq!(gone.errors[0].reason(), "ManagementObjectNotFoundException");
}

#[test]
fn a_policy_is_the_same_under_both_families_names() {
    let scene = Scene::new(Version::Exchange2019);
    let mut new = sent(&[("Name", "Sales"), ("MaxInactivityTimeLock", "00:15:00")]);
    new.push(("PasswordEnabled", true.into()));
    new.push(("IsDefault", true.into()));
    new.push(("MaxAttachmentSize", "10485760".into()));
    let made = scene.run("New-MobileDeviceMailboxPolicy", &new).unwrap().output;
    assert_eq!(text(&made[0], "PasswordEnabled"), "True");
    assert_eq!(text(&made[0], "MaxAttachmentSize"), "10 MB (10,485,760 bytes)");

    let shown = scene.run("Get-ActiveSyncMailboxPolicy", &[]).unwrap().output;
    assert_eq!(shown.len(), 2);
    assert_eq!(text(&shown[0], "IsDefaultPolicy"), "False", "the new one unseated it");
    assert_eq!(text(&shown[1], "MaxInactivityTimeDeviceLock"), "00:15:00");
    assert_eq!(text(&shown[1], "DevicePasswordEnabled"), "True");
    assert_eq!(text(&shown[1], "DevicePasswordExpiration"), "Unlimited");
    let mailbox = scene.run("Get-CASMailbox", &sent(&[("ResultSize", "1")])).unwrap().output;
    assert_eq!(text(&mailbox[0], "ActiveSyncMailboxPolicy"), "Sales");

    let set = |arguments: &[(&str, &str)]| {
        let mut arguments = sent(arguments);
        arguments.push(("Identity", "Sales".into()));
        scene.run("Set-MobileDeviceMailboxPolicy", &arguments)
    };
    set(&[("MinPasswordLength", "6")]).unwrap();
    let refused = set(&[("MinPasswordLength", "17")]).unwrap();
    assert_eq!(refused.errors[0].reason(), "DataValidationException");
    assert!(set(&[("MinDevicePasswordLength", "6")]).is_err(), "that is the other family's name");
    assert!(set(&[("PasswordExpiration", "soon")]).is_err());

    let mut remove = sent(&[("Identity", "Sales")]);
    remove.push(("Confirm", false.into()));
    let asked = scene.run("Remove-MobileDeviceMailboxPolicy", &remove).unwrap_err();
    assert_eq!(asked.reason(), "HostException", "it is in use");
    remove.push(("Force", true.into()));
    scene.run("Remove-MobileDeviceMailboxPolicy", &remove).unwrap();
    assert_eq!(scene.live.read(|world| world.policies.len()), 1);
}

#[test]
fn older_servers_know_the_older_names_only() {
    let scene = Scene::new(Version::Exchange2010);
    for cmdlet in [
        "Get-MobileDeviceMailboxPolicy",
        "Get-MobileDeviceStatistics",
        "Clear-MobileDevice",
        "Remove-MobileDevice",
    ] {
        assert_eq!(scene.run(cmdlet, &[]).unwrap_err().reason(), "CommandNotFoundException");
    }
    let shown = scene.run("Get-ActiveSyncMailboxPolicy", &[]).unwrap().output;
    assert!(shown[0].property("IsDefault").is_none());
    assert_eq!(text(&shown[0], "IsDefaultPolicy"), "True");
    let guid = scene.live.read(|world| world.devices().next().unwrap().guid.to_string());
    let sent = [("Identity", guid.as_str().into()), ("AccountOnly", true.into())];
    let refused = scene.run("Clear-ActiveSyncDevice", &sent).unwrap_err();
    assert!(refused.id.starts_with("NamedParameterNotFound,"), "{refused:?}");
}

#[test]
fn an_order_to_erase_waits_for_the_phone_and_can_be_taken_back() {
    for version in Version::ALL {
        let scene = Scene::new(version);
        let device = scene.live.read(|world| world.devices().nth(3).unwrap());
        let guid = device.guid.to_string();
        let clear = |switches: &[&str]| {
            let mut arguments = sent(&[("Identity", &guid)]);
            arguments.push(("Confirm", false.into()));
            arguments.extend(switches.iter().map(|name| (*name, Value::from(true))));
            scene.run(&format!("Clear-{}", family(version)), &arguments).unwrap()
        };
        let statistics = || {
            let cmdlet = format!("Get-{}Statistics", family(version));
            scene.run(&cmdlet, &sent(&[("Identity", &guid)])).unwrap().output.remove(0)
        };
        let quiet = text(&statistics(), "Status");

        clear(&["WhatIf"]);
        assert_eq!(text(&statistics(), "Status"), quiet);
        clear(&[]);
        assert_eq!(text(&statistics(), "Status"), "DeviceWipePending");
        assert_eq!(text(&statistics(), "LastDeviceWipeRequestor"), "CONTOSO\\svc");
        clear(&["Cancel"]);
        assert_eq!(text(&statistics(), "Status"), quiet);

        clear(&[]);
        let service = scene.live.change(|world, moment| {
            let called = contact::call(world, &world.device(device.guid).unwrap(), moment);
            (called.events, called.service)
        });
        assert_eq!(service.unwrap(), Service::Wipe, "nothing else flows");
        assert_eq!(text(&statistics(), "Status"), "DeviceWipeSucceeded");
        assert!(!text(&statistics(), "DeviceWipeAckTime").is_empty());
    }
}

#[test]
fn a_removed_partnership_is_gone_and_the_others_stay() {
    for version in Version::ALL {
        let scene = Scene::new(version);
        let device = scene.live.read(|world| world.devices().nth(3).unwrap());
        let of_owner =
            scene.live.read(|world| world.devices_of(device.mailbox).count().saturating_sub(1));
        let mut arguments = sent(&[("Identity", &device.guid.to_string())]);
        arguments.push(("Confirm", false.into()));
        let remove = format!("Remove-{}", family(version));
        scene.run(&remove, &arguments).unwrap();
        let left = scene.live.read(|world| {
            assert!(world.device(device.guid).is_none());
            for held in world.devices() {
                assert_eq!(world.device(held.guid).unwrap().guid, held.guid);
            }
            (world.devices().count(), world.devices_of(device.mailbox).count())
        });
        assert_eq!(left, (1199, of_owner));
        let again = scene.run(&remove, &arguments).unwrap();
        assert_eq!(again.errors[0].reason(), "ManagementObjectNotFoundException");
    }
}

#[test]
fn statistics_come_by_mailbox_and_classes_once() {
    for version in Version::ALL {
        let scene = Scene::new(version);
        let owner = scene.mailbox(0);
        let count = scene.live.read(|world| world.devices_of(owner.guid).count());
        let cmdlet = format!("Get-{}Statistics", family(version));
        let found = scene.run(&cmdlet, &sent(&[("Mailbox", &owner.alias)])).unwrap().output;
        assert_eq!(found.len(), count);
        assert!(!text(&found[0], "LastSyncAttemptTime").is_empty());
        let nobody = scene.run(&cmdlet, &[]).unwrap_err();
        assert!(nobody.id.starts_with("MissingMandatoryParameter,"), "{nobody:?}");

        let classes = scene.run("Get-ActiveSyncDeviceClass", &[]).unwrap().output;
        let mut names: Vec<_> = classes.iter().map(|class| text(class, "Name")).collect();
        names.dedup();
        assert_eq!(names.len(), classes.len());
        assert!(classes.len() > 3);
        let filter = sent(&[("Filter", "DeviceType -eq 'iPhone'")]);
        let some = scene.run("Get-ActiveSyncDeviceClass", &filter).unwrap().output;
        assert!(!some.is_empty() && some.len() < classes.len());
    }
}
