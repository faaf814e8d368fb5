//! How often is too often, for how long, and what people are told.

use super::*;
use crate::behaviour::contact::{self, Service, Told};
use crate::behaviour::scene::Scene;
use crate::mailboxes::MailKind;
use crate::world::organization::AccessLevel;

fn threshold(limit: u32) -> Threshold {
    let admin_email_insert = "Your phone misbehaves; ask the help desk.".to_owned();
    Threshold { limit, within_minutes: 1440, block_minutes: 840, admin_email_insert }
}

/// A scene in which two changes of the user agent a day are accepted, and a phone that is let in.
fn scene() -> (Scene, Device) {
    let mut scene = Scene::new(AccessLevel::Allow);
    scene.set(|settings| {
        settings.autoblock.insert(Behaviour::UserAgentsChanges, threshold(2));
    });
    scene.pass(contact::CACHE_MS);
    let device = scene.connect();
    (scene, device)
}

fn change_agent(scene: &mut Scene, device: &Device, number: u32) {
    let told = Told { user_agent: Some(format!("Agent/{number}")), ..Told::default() };
    let events = contact::tell(&scene.world, &scene.held(device), &told, &scene.moment);
    scene.apply(events);
}

#[test]
fn a_phone_that_changes_its_user_agent_too_often_is_refused_for_a_while() {
    let (mut scene, device) = scene();
    for number in 1..=2 {
        change_agent(&mut scene, &device, number);
        assert_eq!(scene.call(&device).service, Service::Mail, "two changes are accepted");
    }

    change_agent(&mut scene, &device, 3);
    let refused = scene.call(&device);
    assert_eq!(refused.service, Service::Autoblocked { left_ms: 840 * MINUTE_MS });
    let held = scene.held(&device);
    assert_eq!((held.state, held.reason), (AccessState::Blocked, AccessReason::UserAgentsChanges));
    let mail = scene.world.mails.last().unwrap();
    assert_eq!(mail.kind, MailKind::Blocked);
    assert!(mail.body.ends_with("ask the help desk.\n"), "{}", mail.body);

    scene.pass(840 * MINUTE_MS - 1);
    assert_eq!(scene.call(&device).service, Service::Autoblocked { left_ms: 1 });
    scene.pass(1);
    let after = scene.call(&device);
    assert_eq!((after.service, after.device.reason), (Service::Mail, AccessReason::Global));
}

#[test]
fn changes_that_are_far_enough_apart_do_not_add_up() {
    let (mut scene, device) = scene();

    for number in 1..=6 {
        change_agent(&mut scene, &device, number);
        scene.pass(721 * MINUTE_MS);
        assert_eq!(scene.call(&device).service, Service::Mail, "{number}");
    }
}

#[test]
fn without_a_threshold_nobody_counts() {
    let mut scene = Scene::new(AccessLevel::Allow);
    let device = scene.connect();

    for number in 0..50 {
        change_agent(&mut scene, &device, number);
    }

    assert_eq!(scene.call(&device).service, Service::Mail);
    assert!(scene.held(&device).conduct.is_none());
}
