//! What a phone may do, over time: discovery, edits that take hold late, blocks that stick.

use super::*;
use crate::mailboxes::MailKind;
use crate::world::blueprint::Blueprint;
use crate::world::organization::{AccessRule, Characteristic, Version};
use crate::world::platform::Platform;

const START_MS: u64 = 1_000_000_000;

/// A small world, and a clock that moves by hand.
struct Scene {
    world: World,
    moment: Moment,
}

impl Scene {
    fn new(default_access_level: AccessLevel) -> Self {
        let epoch: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        let blueprint = Blueprint {
            name: "contoso".to_owned(),
            domain: "contoso.com".to_owned(),
            version: Version::Exchange2019,
            seed: 5,
            mailboxes: 3,
            devices: 0,
            approved_percent: 0,
            default_access_level,
            user_mail_insert: "enrol at https://enrol.contoso.com".to_owned(),
            admin_mail_recipients: vec!["admin@elsewhere.example".to_owned()],
            filters_devices_by_change: true,
            further_servers: Vec::new(),
            epoch,
        };
        Self { world: blueprint.build(), moment: Moment { now: epoch, elapsed_ms: START_MS } }
    }

    fn pass(&mut self, milliseconds: u64) {
        self.moment.elapsed_ms += milliseconds;
        let span = SignedDuration::from_millis(i64::try_from(milliseconds).unwrap());
        self.moment.now = self.moment.now.checked_add(span).unwrap();
        let events = pass_time(&self.world, &self.moment);
        self.apply(events);
    }

    fn apply(&mut self, events: Vec<Event>) {
        events.into_iter().for_each(|event| self.world.apply(event));
    }

    fn connect(&mut self) -> Device {
        let owner = std::sync::Arc::unwrap_or_clone(self.world.mailboxes().next().unwrap());
        let mut chance = crate::world::chance::Chance::new(9, "phone");
        let handset = Platform::IPhone.handset(&mut chance);
        let guid = chance.guid();
        let device =
            Device::first_contact(guid, owner.guid, Platform::IPhone, handset, self.moment.now);
        let called = connect(&self.world, &owner, device, &self.moment);
        self.apply(called.events);
        called.device
    }

    fn call(&mut self, device: &Device) -> Called {
        let held = Device::clone(&self.world.device(device.guid).unwrap());
        let called = call(&self.world, &held, &self.moment);
        self.apply(called.events.clone());
        called
    }

    fn edit(&mut self, edit: impl FnOnce(&mut Mailbox)) {
        let mut owner = std::sync::Arc::unwrap_or_clone(self.world.mailboxes().next().unwrap());
        edit(&mut owner);
        owner.access_changed_ms = self.moment.elapsed_ms;
        self.apply(vec![Event::Mailbox(Box::new(owner))]);
    }

    fn rules(&mut self, rules: Vec<AccessRule>) {
        let mut settings = self.world.settings.clone();
        settings.access_changed_ms = self.moment.elapsed_ms;
        self.apply(vec![Event::Settings(Box::new(settings)), Event::Rules(rules)]);
    }
}

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
