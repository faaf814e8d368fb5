//! Worlds out of seeds, and back out of their journal.

use std::collections::HashSet;

use jiff::Timestamp;

use super::blueprint::Blueprint;
use super::device::AccessState;
use super::journal::{Journal, Line};
use super::organization::{AccessLevel, Version};
use super::*;
use crate::behaviour::access::{Answer, Contact};

fn blueprint(seed: u64, mailboxes: usize, devices: usize) -> Blueprint {
    Blueprint {
        name: "contoso".to_owned(),
        domain: "contoso.com".to_owned(),
        version: Version::Exchange2019,
        seed,
        mailboxes,
        devices,
        approved_percent: 30,
        default_access_level: AccessLevel::Quarantine,
        user_mail_insert: String::new(),
        admin_mail_recipients: Vec::new(),
        filters_devices_by_change: true,
        hosted: false,
        further_servers: Vec::new(),
        epoch: "2026-11-24T12:00:00Z".parse().unwrap(),
    }
}

#[test]
fn one_seed_is_one_world() {
    let (first, second, other) =
        (blueprint(7, 50, 80).build(), blueprint(7, 50, 80).build(), blueprint(8, 50, 80).build());

    assert!(first.mailboxes().eq(second.mailboxes()));
    assert!(first.devices().eq(second.devices()));
    assert!(first.devices().ne(other.devices()));
}

#[test]
fn a_world_is_consistent() {
    let world = blueprint(7, 1000, 1500).build();

    assert_eq!((world.mailbox_count(), world.devices().count()), (1000, 1500));
    let guids: HashSet<_> = world.devices().map(|held| held.guid).collect();
    assert_eq!(guids.len(), 1500);
    let accounts: HashSet<_> =
        world.mailboxes().map(|held| held.sam_account_name.clone()).collect();
    assert_eq!(accounts.len(), 1000);
    assert!(world.mailboxes().all(|held| held.sam_account_name.chars().count() <= 20));
    for device in world.devices() {
        let owner = world.mailbox(device.mailbox).unwrap();
        let contact = Contact::of(&device, &owner, &world.settings, &world.rules);
        let Answer::Decided(verdict) = contact.answer() else { panic!("{device:?}") };
        assert_eq!((device.state, device.reason), (verdict.state, verdict.reason));
    }
    let allowed = world.devices().filter(|held| held.state == AccessState::Allowed).count();
    assert!((300..600).contains(&allowed), "{allowed}");
    let shared = world.device_count()
        - world.devices().map(|held| held.device_id.clone()).collect::<HashSet<_>>().len();
    assert_eq!(shared, 3, "one phone in 500 shares its id with another mailbox's");
    assert!(world.devices().any(|held| !held.friendly_name.is_ascii()));
}

#[test]
fn a_million_devices_are_there_without_being_made() {
    let world = blueprint(7, 650_000, 1_000_000).build();

    assert_eq!(world.device_count(), 1_000_000);
    for turn in [0, 1, 499, 500, 617_499, 617_500, 999_999] {
        let device = world.directory().device_of_turn(turn).unwrap();
        let Found::One(found) = world.find_device(&device.guid.to_string()) else {
            panic!("{turn}")
        };
        assert_eq!(found, device);
        let owner = world.mailbox(device.mailbox).unwrap();
        assert!(world.devices_of(owner.guid).any(|held| held == device), "{turn}");
        let path = device.identity(&owner, "contoso.com");
        let Found::One(found) = world.find_device(&path) else { panic!("{path}") };
        assert_eq!(found.guid, device.guid);
        let with_id = world.directory().devices_with_id(&device.device_id.to_lowercase());
        assert!(with_id.contains(&device), "{turn}");
        assert_eq!(with_id.len(), if turn % 500 >= 498 { 2 } else { 1 }, "{turn}");
    }
    assert!(world.directory().device_of_turn(1_000_000).is_none());
    assert!(matches!(world.find_mailbox("jane.doe650000"), Found::None));
    let Found::Several(janes) = world.find_mailbox("Jane Doe") else { panic!("there are many") };
    assert!(janes.iter().all(|held| held.display_name == "Jane Doe"));
}

#[test]
fn a_mailbox_is_found_by_every_name_as_drawn_renamed_and_added() {
    let mut world = blueprint(7, 1000, 0).build();
    let drawn: Vec<_> = world.mailboxes().take(30).collect();
    let mut renamed = Mailbox::clone(&drawn[0]);
    renamed.alias = "nobody".to_owned();
    renamed.sam_account_name = "nobody".to_owned();
    renamed.display_name = "Nobody Else".to_owned();
    let mut added = Mailbox::clone(&drawn[1]);
    added.guid = Uuid::from_u128(77);
    added.name = "Room 5".to_owned();
    added.alias = "room5".to_owned();
    added.sam_account_name = "room5".to_owned();
    added.primary_smtp_address = "room5@contoso.com".to_owned();
    added.user_principal_name = "room5@contoso.com".to_owned();
    for mailbox in [&renamed, &added] {
        world.apply(Event::Mailbox(Box::new(mailbox.clone())));
    }

    assert_eq!(world.mailbox_count(), 1001);
    assert_eq!(world.mailboxes().last().unwrap().guid, added.guid);
    for mailbox in drawn.iter().skip(1).map(|held| &**held).chain([&renamed, &added]) {
        for key in mailbox.keys("contoso", "contoso.com") {
            let Found::One(found) = world.find_mailbox(&key) else { panic!("{key}") };
            assert_eq!(*found, *mailbox, "{key}");
        }
    }
    assert!(matches!(world.find_mailbox(&drawn[0].alias), Found::None), "the old name is gone");
    assert!(matches!(world.find_mailbox("nobody else"), Found::One(_)));
}

#[test]
fn only_what_changed_is_counted_anew() {
    let mut world = blueprint(7, 100, 150).build();
    let count = |world: &World, state| {
        let held = world.devices().filter(|held| held.state == state).count();
        let counted = world.directory().states();
        let counted = counted.iter().find(|(it, _)| *it == state).map_or(0, |(_, count)| count);
        assert_eq!(counted, held);
        held
    };
    let before = count(&world, AccessState::Quarantined);
    let listed = world.devices();
    let mut device = Device::clone(
        &world.devices().find(|held| held.state == AccessState::Quarantined).unwrap(),
    );
    device.state = AccessState::Blocked;
    world.apply(Event::Device(Box::new(device.clone())));
    let gone = world.devices().nth(149).unwrap();
    world.apply(Event::DeviceRemoved(gone.guid));
    let mut added = device.clone();
    added.guid = Uuid::from_u128(5);
    added.device_id = "NEW1".to_owned();
    world.apply(Event::Device(Box::new(added.clone())));

    let lost = usize::from(gone.state == AccessState::Quarantined);
    assert_eq!(count(&world, AccessState::Quarantined), before - 1 - lost);
    assert_eq!(world.device_count(), 150);
    assert_eq!(world.devices().last().unwrap().guid, added.guid);
    assert!(world.devices_of(added.mailbox).any(|held| held.guid == added.guid));
    assert_eq!(world.directory().devices_with_id("new1"), [Arc::new(added.clone())]);
    world.apply(Event::DeviceRemoved(added.guid));
    assert!(world.device(added.guid).is_none());
    assert_eq!(world.device_count(), 149);
    assert_eq!(
        listed.filter(|held| held.state == AccessState::Quarantined).count(),
        before,
        "a listing goes on with the state of its start"
    );
}

#[test]
fn a_line_cut_short_is_dropped_and_everything_before_it_stands() {
    let directory = tempfile::tempdir().unwrap();
    let begun = Line::Begun(Box::new(blueprint(7, 1, 0)));
    let (journal, lines) = Journal::open(directory.path()).unwrap();
    assert!(lines.is_empty());
    journal.writer().append(&begun, journal.path()).unwrap();
    journal.writer().append(&begun, journal.path()).unwrap();
    let path = journal.path().to_owned();
    drop(journal);
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 5]).unwrap();

    let (journal, lines) = Journal::open(directory.path()).unwrap();
    assert_eq!(lines.len(), 1);
    journal.writer().append(&begun, journal.path()).unwrap();
    drop(journal);

    assert_eq!(std::fs::read(&path).unwrap(), whole);
}

#[test]
fn a_damaged_line_in_the_middle_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.jsonl");
    std::fs::write(&path, "{\"begun\": 1}\n").unwrap();

    let error = Journal::open(directory.path()).unwrap_err().to_string();

    assert!(error.contains("line 1"), "{error}");
}

#[test]
fn a_stamp_never_stands_still() {
    let now: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();

    let next = crate::behaviour::contact::later(now, now);

    assert!(next > now);
}
