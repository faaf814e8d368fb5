//! Owns a small world and a clock that moves by hand, for tests of behaviour without a wire.

use jiff::{SignedDuration, Timestamp};

use super::contact::{self, Called, Moment};
use crate::world::World;
use crate::world::blueprint::Blueprint;
use crate::world::chance::Chance;
use crate::world::device::Device;
use crate::world::event::Event;
use crate::world::mailbox::Mailbox;
use crate::world::organization::{AccessLevel, AccessRule, AccessSettings, Version};
use crate::world::platform::Platform;

const START_MS: u64 = 1_000_000_000;

/// A small world, and a clock that moves by hand.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) moment: Moment,
}

impl Scene {
    pub(crate) fn new(default_access_level: AccessLevel) -> Self {
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
            hosted: false,
            further_servers: Vec::new(),
            epoch,
        };
        Self { world: blueprint.build(), moment: Moment { now: epoch, elapsed_ms: START_MS } }
    }

    pub(crate) fn pass(&mut self, milliseconds: u64) {
        self.moment.elapsed_ms += milliseconds;
        let span = SignedDuration::from_millis(i64::try_from(milliseconds).unwrap());
        self.moment.now = self.moment.now.checked_add(span).unwrap();
        let events = contact::pass_time(&self.world, &self.moment);
        self.apply(events);
    }

    pub(crate) fn apply(&mut self, events: Vec<Event>) {
        events.into_iter().for_each(|event| self.world.apply(event));
    }

    /// The mailbox that everything here is about.
    pub(crate) fn owner(&self) -> Mailbox {
        Mailbox::clone(&self.world.mailboxes().next().unwrap())
    }

    /// The partnership as it is held now.
    pub(crate) fn held(&self, device: &Device) -> Device {
        Device::clone(&self.world.device(device.guid).unwrap())
    }

    /// A new phone in the owner's hand, another one each time.
    pub(crate) fn phone(&self) -> Device {
        let count = self.world.device_count();
        let mut chance = Chance::new(9, &format!("phone {count}"));
        let handset = Platform::IPhone.handset(&mut chance);
        let guid = chance.guid();
        Device::first_contact(guid, self.owner().guid, Platform::IPhone, handset, self.moment.now)
    }

    pub(crate) fn connect(&mut self) -> Device {
        let called = contact::connect(&self.world, &self.owner(), self.phone(), &self.moment);
        self.apply(called.events);
        called.device
    }

    pub(crate) fn call(&mut self, device: &Device) -> Called {
        let called = contact::call(&self.world, &self.held(device), &self.moment);
        self.apply(called.events.clone());
        called
    }

    pub(crate) fn edit(&mut self, edit: impl FnOnce(&mut Mailbox)) {
        let mut owner = self.owner();
        edit(&mut owner);
        owner.access_changed_ms = self.moment.elapsed_ms;
        self.apply(vec![Event::Mailbox(Box::new(owner))]);
    }

    pub(crate) fn set(&mut self, edit: impl FnOnce(&mut AccessSettings)) {
        let mut settings = self.world.settings.clone();
        edit(&mut settings);
        settings.access_changed_ms = self.moment.elapsed_ms;
        self.apply(vec![Event::Settings(Box::new(settings))]);
    }

    pub(crate) fn rules(&mut self, rules: Vec<AccessRule>) {
        self.set(|_| ());
        self.apply(vec![Event::Rules(rules)]);
    }
}
