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
        further_servers: Vec::new(),
        epoch: "2026-11-24T12:00:00Z".parse().unwrap(),
    }
}

#[test]
fn one_seed_is_one_world() {
    let (first, second, other) =
        (blueprint(7, 50, 80).build(), blueprint(7, 50, 80).build(), blueprint(8, 50, 80).build());

    assert_eq!(first.mailboxes(), second.mailboxes());
    assert_eq!(first.devices(), second.devices());
    assert_ne!(first.devices(), other.devices());
}

#[test]
fn a_world_is_consistent() {
    let world = blueprint(7, 1000, 1500).build();

    assert_eq!((world.mailboxes().len(), world.devices().len()), (1000, 1500));
    let guids: HashSet<_> = world.devices().iter().map(|held| held.guid).collect();
    assert_eq!(guids.len(), 1500);
    let accounts: HashSet<_> =
        world.mailboxes().iter().map(|held| &held.sam_account_name).collect();
    assert_eq!(accounts.len(), 1000);
    assert!(world.mailboxes().iter().all(|held| held.sam_account_name.chars().count() <= 20));
    for device in world.devices() {
        let owner = world.mailbox(device.mailbox).unwrap();
        let contact = Contact::of(device, owner, &world.settings, &world.rules);
        let Answer::Decided(verdict) = contact.answer() else { panic!("{device:?}") };
        assert_eq!((device.state, device.reason), (verdict.state, verdict.reason));
    }
    let allowed = world.devices().iter().filter(|held| held.state == AccessState::Allowed).count();
    assert!((300..600).contains(&allowed), "{allowed}");
    let shared = world.devices().len()
        - world.devices().iter().map(|held| &held.device_id).collect::<HashSet<_>>().len();
    assert_eq!(shared, 3, "one phone in 500 shares its id with another mailbox's");
    assert!(world.devices().iter().any(|held| !held.friendly_name.is_ascii()));
}

#[test]
fn fifty_thousand_devices_are_made() {
    let world = blueprint(7, 25_000, 50_000).build();

    assert_eq!(world.devices().len(), 50_000);
    let last = world.devices().last().unwrap();
    assert!(matches!(world.find_device(&last.guid.to_string()), Found::One(_)));
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
