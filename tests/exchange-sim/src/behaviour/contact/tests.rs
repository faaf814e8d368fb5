//! What a phone may do, over time: discovery, edits that take hold late, blocks that stick.

use super::*;
use crate::behaviour::scene::Scene;
use crate::mailboxes::MailKind;
use crate::world::organization::{AccessRule, Characteristic};

fn rule(device: &Device, access_level: AccessLevel) -> AccessRule {
    AccessRule {
        name: format!("{} (DeviceOS)", device.device_os),
        characteristic: Characteristic::DeviceOS,
        query_string: device.device_os.clone(),
        access_level,
    }
}

#[test]
fn a_new_phone_is_discovered_then_held_and_its_owner_and_the_admins_are_told() {
    let mut scene = Scene::new(AccessLevel::Quarantine);

    let device = scene.connect();
    assert_eq!(device.state, AccessState::DeviceDiscovery);
    assert_eq!(scene.call(&device).service, Service::QuarantineMail);
    assert!(scene.world.mailboxes().next().unwrap().has_partnership);
    assert!(scene.world.mails.is_empty());

    scene.pass(DISCOVERY_MS - 1);
    assert_eq!(scene.world.device(device.guid).unwrap().state, AccessState::DeviceDiscovery);
    scene.pass(1);

    let held = scene.world.device(device.guid).unwrap();
    assert_eq!((held.state, held.reason), (AccessState::Quarantined, AccessReason::Global));
    let kinds: Vec<_> = scene.world.mails.iter().map(|mail| mail.kind).collect();
    assert_eq!(kinds, [MailKind::Quarantine, MailKind::QuarantineAdmin]);
    assert!(scene.world.mails[0].body.ends_with("enrol at https://enrol.contoso.com\n"));
    assert_eq!(scene.world.mails[0].mailbox, Some(scene.world.mailboxes().next().unwrap().guid));
    assert_eq!(scene.world.mails[1].to, "admin@elsewhere.example");
}

#[test]
fn an_edit_takes_hold_at_the_next_call_after_the_servers_forgot_the_old_list() {
    let mut scene = Scene::new(AccessLevel::Quarantine);
    let device = scene.connect();
    scene.pass(DISCOVERY_MS);

    scene.edit(|owner| owner.allowed_device_ids.push(device.device_id.to_lowercase()));
    assert_eq!(scene.call(&device).service, Service::QuarantineMail);
    scene.pass(CACHE_MS - 1);
    assert_eq!(scene.call(&device).service, Service::QuarantineMail);
    scene.pass(1);
    let before = scene.world.device(device.guid).unwrap().changed;
    let called = scene.call(&device);

    assert_eq!(called.service, Service::Mail);
    assert_eq!(called.device.reason, AccessReason::Individual);
    assert!(called.device.changed > before);
    assert!(scene.call(&device).events.is_empty(), "nothing changes twice");
}

#[test]
fn a_new_phone_that_is_listed_already_needs_no_discovery() {
    let mut scene = Scene::new(AccessLevel::Quarantine);
    let id = scene.connect().device_id;
    let mut scene = Scene::new(AccessLevel::Quarantine);
    scene.edit(|owner| owner.allowed_device_ids.push(id));

    let device = scene.connect();

    assert_eq!((device.state, device.reason), (AccessState::Allowed, AccessReason::Individual));
}

#[test]
fn an_organization_that_lets_everybody_in_discovers_nothing() {
    let mut scene = Scene::new(AccessLevel::Allow);

    let device = scene.connect();

    assert_eq!((device.state, device.reason), (AccessState::Allowed, AccessReason::Global));
}

#[test]
fn a_block_rule_sticks_to_a_phone_that_an_update_took_out_of_it() {
    let mut scene = Scene::new(AccessLevel::Allow);
    let device = scene.connect();
    scene.rules(vec![rule(&device, AccessLevel::Block)]);
    scene.pass(CACHE_MS);
    assert_eq!(scene.call(&device).service, Service::Refused);

    let mut updated = Device::clone(&scene.world.device(device.guid).unwrap());
    "iOS 99.0".clone_into(&mut updated.device_os);
    scene.apply(vec![Event::Device(Box::new(updated))]);
    assert_eq!(scene.call(&device).service, Service::Refused);

    scene.rules(Vec::new());
    scene.pass(CACHE_MS);
    assert_eq!(scene.call(&device).service, Service::Mail);
}

#[test]
fn a_quarantine_rule_lets_go_of_a_phone_that_an_update_took_out_of_it() {
    let mut scene = Scene::new(AccessLevel::Allow);
    let device = scene.connect();
    scene.rules(vec![rule(&device, AccessLevel::Quarantine)]);
    scene.pass(CACHE_MS);
    let held = scene.call(&device);
    assert_eq!(held.service, Service::QuarantineMail);
    assert_eq!(held.device.rule.as_deref(), Some(scene.world.rules[0].name.as_str()));

    let mut updated = held.device;
    "iOS 99.0".clone_into(&mut updated.device_os);
    scene.apply(vec![Event::Device(Box::new(updated))]);

    assert_eq!(scene.call(&device).service, Service::Mail);
}

#[test]
fn a_user_without_active_sync_gets_nothing_and_no_state_is_written() {
    let mut scene = Scene::new(AccessLevel::Allow);
    let device = scene.connect();
    scene.edit(|owner| owner.active_sync_enabled = false);

    let called = scene.call(&device);

    assert_eq!(called.service, Service::Refused);
    assert!(called.events.is_empty());
    assert_eq!(scene.world.device(device.guid).unwrap().state, AccessState::Allowed);
}

#[test]
fn a_tightened_default_hits_everybody_but_the_approved() {
    let mut scene = Scene::new(AccessLevel::Allow);
    let device = scene.connect();
    let mut settings = scene.world.settings.clone();
    settings.default_access_level = AccessLevel::Block;
    settings.access_changed_ms = scene.moment.elapsed_ms;
    scene.apply(vec![Event::Settings(Box::new(settings))]);
    scene.pass(CACHE_MS);

    let called = scene.call(&device);
    assert_eq!((called.service, called.device.reason), (Service::Refused, AccessReason::Global));
    assert_eq!(scene.world.mails.last().unwrap().kind, MailKind::Blocked);

    scene.edit(|owner| owner.allowed_device_ids.push(device.device_id.clone()));
    scene.pass(CACHE_MS);
    assert_eq!(scene.call(&device).service, Service::Mail);
}

fn approved(scene: &mut Scene) -> Device {
    let device = scene.phone();
    scene.edit(|owner| owner.allowed_device_ids.push(device.device_id.clone()));
    scene.pass(CACHE_MS);
    scene.connect()
}

#[test]
fn a_moved_mailbox_makes_its_phones_fetch_their_policies_anew_before_anything_is_decided() {
    // Exchange 2010 help, "mailbox upgrade": temporary, then allow, block or quarantine as configured.
    let mut scene = Scene::new(AccessLevel::Quarantine);
    let device = approved(&mut scene);
    assert_eq!(scene.call(&device).service, Service::Mail);
    scene.edit(|owner| owner.moves += 1);
    scene.pass(CACHE_MS);

    let first = scene.call(&device);
    assert_eq!(first.service, Service::Provision);
    let seen = (first.device.state, first.device.reason);
    assert_eq!(seen, (AccessState::DeviceDiscovery, AccessReason::Upgrade));
    scene.pass(DISCOVERY_MS);
    let asked = ask(&scene.world, &scene.held(&device), &scene.moment);
    assert_eq!(asked.service, Service::Provision, "time alone ends it not");
    assert!(asked.events.is_empty());

    let second = scene.call(&device);
    assert_eq!(second.service, Service::Mail);
    assert_eq!(second.device.reason, AccessReason::Individual);
}

#[test]
fn an_order_to_erase_is_told_then_acknowledged_and_a_refused_phone_never_hears_of_it() {
    // Clear-MobileDevice, and Exchange 2013 help "Remote device wipe".
    let mut scene = Scene::new(AccessLevel::Quarantine);
    let device = approved(&mut scene);
    let order = |device: &Device, now| {
        let mut ordered = device.clone();
        ordered.wipe = Some(crate::world::device::Wipe {
            account_only: false,
            requested: now,
            requestor: "CONTOSO\\svc".to_owned(),
            sent: None,
            acknowledged: None,
        });
        vec![Event::Device(Box::new(ordered))]
    };
    scene.apply(order(&scene.held(&device), scene.moment.now));
    scene.edit(|owner| owner.blocked_device_ids.push(device.device_id.clone()));
    scene.pass(CACHE_MS);
    assert_eq!(scene.call(&device).service, Service::Refused);
    assert!(scene.held(&device).awaits_wipe());

    scene.edit(|owner| owner.blocked_device_ids.clear());
    scene.pass(CACHE_MS);
    let asked = ask(&scene.world, &scene.held(&device), &scene.moment);
    assert_eq!(asked.service, Service::Wipe, "told, and nothing of it done yet");
    let called = scene.call(&device);
    assert_eq!(called.service, Service::Wipe);
    let wipe = scene.held(&device).wipe.unwrap();
    assert_eq!((wipe.sent, wipe.acknowledged), (Some(scene.moment.now), Some(scene.moment.now)));
    assert!(scene.held(&device).is_wiped());
}

#[test]
fn one_phone_more_than_there_may_be_is_refused_and_its_owner_is_told() {
    // New-ThrottlingPolicy, EASMaxDevices.
    let mut scene = Scene::new(AccessLevel::Allow);
    scene.set(|settings| settings.eas_max_devices = 10);
    for _ in 0..10 {
        assert_eq!(scene.connect().state, AccessState::Allowed);
    }

    let called = connect(&scene.world, &scene.owner(), scene.phone(), &scene.moment);
    assert_eq!(called.service, Service::TooMany);
    scene.apply(called.events);

    assert_eq!(scene.world.devices_of(scene.owner().guid).count(), 10);
    let mail = scene.world.mails.last().unwrap();
    assert_eq!(mail.kind, MailKind::TooManyDevices);
    assert!(mail.body.contains("you have 10 phones, and there may be 10"), "{}", mail.body);
}

#[test]
fn a_phone_that_cannot_enforce_its_policy_is_let_in_only_where_the_policy_says_so() {
    // New-MobileDeviceMailboxPolicy, AllowNonProvisionableDevices; step 3 of the order.
    let mut scene = Scene::new(AccessLevel::Allow);
    let device = scene.connect();
    let mut rooted = scene.held(&device);
    rooted.enforces_policy = false;
    scene.apply(vec![Event::Device(Box::new(rooted))]);
    assert_eq!(scene.call(&device).service, Service::Mail, "the first policy lets everybody in");

    let mut policies = scene.world.policies.clone();
    policies.iter_mut().for_each(|policy| policy.settings.clear());
    scene.apply(vec![Event::Policies(policies)]);
    let called = scene.call(&device);

    assert_eq!((called.service, called.device.reason), (Service::Refused, AccessReason::Policy));
}
