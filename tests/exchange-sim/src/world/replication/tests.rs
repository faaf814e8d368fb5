//! Two copies of one directory, and how long they differ.

use super::*;
use crate::behaviour::scene::Scene;
use crate::world::organization::AccessLevel;

const LAG_MS: u64 = 30_000;
const FIRST: &str = "dc01.contoso.com";
const SECOND: &str = "dc02.contoso.com";

/// A world, its copies, and a mailbox whose owner has one phone.
struct Pair {
    scene: Scene,
    copies: Replication,
}

impl Pair {
    fn new() -> Self {
        let mut scene = Scene::new(AccessLevel::Allow);
        scene.connect();
        let mut copies = Replication::default();
        copies.follow(LAG_MS, &scene.world);
        Self { scene, copies }
    }

    fn edit(&mut self, origin: &str, edit: impl FnOnce(&mut Mailbox)) {
        let mut owner = self.scene.owner();
        edit(&mut owner);
        owner.changed = later(self.scene.moment.now, owner.changed);
        self.happen(origin, Event::Mailbox(Box::new(owner)));
    }

    fn happen(&mut self, origin: &str, event: Event) {
        self.copies.note(&self.scene.world, &event, origin, LAG_MS, &self.scene.moment);
        self.scene.apply(vec![event]);
    }

    fn at(&mut self, controller: &str) -> Mailbox {
        let guid = self.scene.owner().guid;
        let copy = self.copies.copy(controller, &self.scene.moment).unwrap();
        Mailbox::clone(&copy.mailbox(guid).unwrap())
    }

    fn devices_at(&mut self, controller: &str) -> usize {
        let guid = self.scene.owner().guid;
        self.copies.copy(controller, &self.scene.moment).unwrap().devices_of(guid).count()
    }
}

#[test]
fn a_change_reaches_the_other_controller_after_the_lag_and_is_stamped_there_anew() {
    let mut pair = Pair::new();
    let before = pair.at(SECOND).changed;
    pair.edit(FIRST, |owner| owner.allowed_device_ids.push("A1".to_owned()));

    let here = pair.at(FIRST);
    assert_eq!(here.allowed_device_ids, ["A1"]);
    pair.scene.pass(LAG_MS - 1);
    assert!(pair.at(SECOND).allowed_device_ids.is_empty());
    assert_eq!(pair.at(SECOND).changed, before);
    pair.scene.pass(1);
    let there = pair.at(SECOND);

    assert_eq!(there.allowed_device_ids, ["A1"]);
    assert_eq!(there.changed, pair.scene.moment.now, "whenChanged is each copy's own");
    assert!(there.changed > here.changed);
}

#[test]
fn changes_of_different_attributes_on_both_controllers_meet() {
    let mut pair = Pair::new();
    pair.edit(FIRST, |owner| owner.allowed_device_ids.push("A1".to_owned()));
    pair.edit(SECOND, |owner| owner.active_sync_enabled = false);

    let (first, second) = (pair.at(FIRST), pair.at(SECOND));
    assert_eq!((first.allowed_device_ids.len(), first.active_sync_enabled), (1, true));
    assert_eq!((second.allowed_device_ids.len(), second.active_sync_enabled), (0, false));
    pair.scene.pass(LAG_MS);

    for controller in [FIRST, SECOND] {
        let met = pair.at(controller);
        assert_eq!((met.allowed_device_ids.len(), met.active_sync_enabled), (1, false));
    }
}

#[test]
fn partnerships_come_and_go_late_too() {
    let mut pair = Pair::new();
    let phone = pair.scene.phone();
    pair.happen(FIRST, Event::Device(Box::new(phone.clone())));
    assert_eq!((pair.devices_at(FIRST), pair.devices_at(SECOND)), (2, 1));

    pair.happen(SECOND, Event::DeviceRemoved(phone.guid));
    assert_eq!((pair.devices_at(FIRST), pair.devices_at(SECOND)), (2, 1));
    pair.scene.pass(LAG_MS);

    assert_eq!((pair.devices_at(FIRST), pair.devices_at(SECOND)), (1, 1), "removed for good");
}

#[test]
fn without_a_lag_there_are_no_copies() {
    let mut pair = Pair::new();
    pair.edit(FIRST, |owner| owner.active_sync_enabled = false);

    pair.copies.follow(0, &pair.scene.world);

    assert!(pair.copies.copy(SECOND, &pair.scene.moment).is_none());
}
