//! Owns FolderSync, Sync and Ping: what a phone reads of its mailbox in the state that it is in.
//!
//! Source: [MS-ASCMD] 2.2.1.5, 2.2.1.21, 2.2.1.13 and the statuses in 2.2.3.177. A phone that is held
//! reads one mail, the one that says so; a phone that is let in reads the inbox from its beginning.
//! Invariant: a sync key says all that the server must know of what the phone has, so nothing is kept
//! for a phone.

use std::sync::Arc;

use super::wbxml::{Element, air_sync, air_sync_base, email, folder_hierarchy, ping};
use crate::mailboxes::{BodyType, Folder, Mail, MailKind};
use crate::world::World;
use crate::world::device::{AccessState, Device};

/// The inbox's id.
pub(super) const INBOX: &str = "5";
/// The folders: id, name, and the type of [MS-ASCMD] 2.2.3.186.3.
const FOLDERS: [(&str, &str, &str); 4] = [
    ("1", "Calendar", "8"),
    ("2", "Contacts", "9"),
    (INBOX, "Inbox", "2"),
    ("6", "Sent Items", "5"),
];
/// Sync keys of phones that are held are this much higher: what they had does not count once they are
/// let in.
const HELD_KEYS: u64 = 1_000_000_000;
/// The window of a phone that asks for none, and the largest ([MS-ASCMD] 2.2.3.199).
const WINDOW_DEFAULT: usize = 100;
const WINDOW_MAX: usize = 512;
/// Heartbeats in seconds, as the front of 2016 and 2019 takes them.
pub(super) const HEARTBEAT_SECONDS: std::ops::RangeInclusive<u64> = 60..=3540;

/// The mail that a phone may read now, oldest first.
pub(super) fn readable(world: &World, device: &Device) -> Vec<Arc<Mail>> {
    let arrived =
        |mail: &&Arc<Mail>| mail.mailbox == Some(device.mailbox) && mail.folder == Folder::Inbox;
    let mails = world.mails.iter().filter(arrived);
    match device.state {
        AccessState::Allowed => mails.cloned().collect(),
        AccessState::Quarantined => {
            let mut about = mails.filter(|mail| {
                mail.kind == MailKind::Quarantine && mail.device == Some(device.guid)
            });
            about.next_back().cloned().into_iter().collect()
        }
        AccessState::Unknown | AccessState::Blocked | AccessState::DeviceDiscovery => Vec::new(),
    }
}

/// Answers FolderSync.
pub(super) fn folder_sync(sent: Option<&Element>) -> Element {
    let key = sent.and_then(|sent| sent.text_at(&[folder_hierarchy::SYNC_KEY])).unwrap_or_default();
    let added = match key {
        "0" => FOLDERS.as_slice(),
        "1" => &[],
        // 9: an invalid key; the phone begins anew.
        _ => {
            let status = Element::text(folder_hierarchy::STATUS, "9");
            return Element::of(folder_hierarchy::FOLDER_SYNC, [status]);
        }
    };
    let add = |(id, name, kind): &(&str, &str, &str)| {
        Element::of(
            folder_hierarchy::ADD,
            [
                Element::text(folder_hierarchy::SERVER_ID, *id),
                Element::text(folder_hierarchy::PARENT_ID, "0"),
                Element::text(folder_hierarchy::DISPLAY_NAME, *name),
                Element::text(folder_hierarchy::TYPE, *kind),
            ],
        )
    };
    let count = Element::text(folder_hierarchy::COUNT, added.len().to_string());
    let changes = std::iter::once(count).chain(added.iter().map(add));
    Element::of(
        folder_hierarchy::FOLDER_SYNC,
        [
            Element::text(folder_hierarchy::STATUS, "1"),
            Element::text(folder_hierarchy::SYNC_KEY, "1"),
            Element::of(folder_hierarchy::CHANGES, changes),
        ],
    )
}

/// Answers Sync.
pub(super) fn sync(world: &World, device: &Device, sent: Option<&Element>) -> Element {
    let collections = sent.and_then(|sent| sent.child(air_sync::COLLECTIONS));
    let Some(collections) = collections else {
        // 13: a request without content, and the server does not have the last one.
        return Element::of(air_sync::SYNC, [Element::text(air_sync::STATUS, "13")]);
    };
    let answers = collections
        .elements()
        .iter()
        .filter(|held| held.tag == air_sync::COLLECTION)
        .map(|collection| answer(world, device, collection));
    Element::of(air_sync::SYNC, [Element::of(air_sync::COLLECTIONS, answers)])
}

fn answer(world: &World, device: &Device, collection: &Element) -> Element {
    let id = collection.text_at(&[air_sync::COLLECTION_ID]).unwrap_or_default();
    let sent_key = collection.text_at(&[air_sync::SYNC_KEY]).unwrap_or_default();
    let window = collection.text_at(&[air_sync::WINDOW_SIZE]).and_then(|text| text.parse().ok());
    let window = window.filter(|window| *window > 0).unwrap_or(WINDOW_DEFAULT).min(WINDOW_MAX);
    let held = |key: Option<u64>, status: &str, rest: Vec<Element>| {
        let key = key.map_or_else(|| sent_key.to_owned(), |key| key.to_string());
        let head = [
            Element::text(air_sync::SYNC_KEY, key),
            Element::text(air_sync::COLLECTION_ID, id),
            Element::text(air_sync::STATUS, status),
        ];
        Element::of(air_sync::COLLECTION, head.into_iter().chain(rest))
    };
    if !FOLDERS.iter().any(|folder| folder.0 == id) {
        // 8: no such folder.
        return held(None, "8", Vec::new());
    }
    let base = if device.state == AccessState::Allowed { 0 } else { HELD_KEYS };
    let key: Option<u64> = sent_key.parse().ok();
    let seen = match key {
        Some(0) => return held(Some(base + 1), "1", Vec::new()),
        Some(key) if key > base && (base > 0 || key < HELD_KEYS) => key - base - 1,
        // 3: an invalid key; the phone begins anew.
        Some(_) | None => return held(Some(0), "3", Vec::new()),
    };
    let mails = if id == INBOX { readable(world, device) } else { Vec::new() };
    let newer: Vec<_> = mails.into_iter().filter(|mail| mail.number > seen).collect();
    let more = newer.len() > window;
    let shown = newer.get(..window).unwrap_or(&newer);
    let last = shown.last().map_or(seen, |mail| mail.number);
    let mut rest = Vec::new();
    if more {
        rest.push(Element::empty(air_sync::MORE_AVAILABLE));
    }
    if !shown.is_empty() {
        rest.push(Element::of(air_sync::COMMANDS, shown.iter().map(|mail| item(mail))));
    }
    held(Some(base + 1 + last), "1", rest)
}

fn item(mail: &Mail) -> Element {
    // [MS-ASAIRS]: 1 is plain text, 2 is HTML.
    let body_type = match mail.body_type {
        BodyType::Text => "1",
        BodyType::Html => "2",
    };
    let body = Element::of(
        air_sync_base::BODY,
        [
            Element::text(air_sync_base::TYPE, body_type),
            Element::text(air_sync_base::ESTIMATED_DATA_SIZE, mail.body.len().to_string()),
            Element::text(air_sync_base::TRUNCATED, "0"),
            Element::text(air_sync_base::DATA, mail.body.as_str()),
        ],
    );
    let data = [
        Element::text(email::TO, mail.to.as_str()),
        Element::text(email::FROM, mail.from.as_str()),
        Element::text(email::SUBJECT, mail.subject.as_str()),
        Element::text(email::DATE_RECEIVED, mail.at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()),
        Element::text(email::DISPLAY_TO, mail.to.as_str()),
        Element::text(email::IMPORTANCE, "1"),
        Element::text(email::READ, "0"),
        body,
        Element::text(email::MESSAGE_CLASS, "IPM.Note"),
        Element::text(air_sync_base::NATIVE_BODY_TYPE, body_type),
    ];
    Element::of(
        air_sync::ADD,
        [
            Element::text(air_sync::SERVER_ID, format!("{INBOX}:{}", mail.number)),
            Element::of(air_sync::APPLICATION_DATA, data),
        ],
    )
}

/// How long a phone wants to wait, or the answer at once: 3 without heartbeat or folders (the server
/// keeps none from last time), 5 with a heartbeat that is out of range, and the nearest one that is not.
pub(super) fn heartbeat(sent: Option<&Element>) -> Result<u64, Element> {
    let seconds = sent.and_then(|sent| sent.text_at(&[ping::HEARTBEAT_INTERVAL]));
    let seconds: Option<u64> = seconds.and_then(|text| text.parse().ok());
    let folders = sent.and_then(|sent| sent.child(ping::FOLDERS));
    let (Some(seconds), true) = (seconds, folders.is_some_and(|it| !it.elements().is_empty()))
    else {
        return Err(pinged("3", None));
    };
    if HEARTBEAT_SECONDS.contains(&seconds) {
        return Ok(seconds);
    }
    let nearest = seconds.clamp(*HEARTBEAT_SECONDS.start(), *HEARTBEAT_SECONDS.end());
    Err(pinged("5", Some(Element::text(ping::HEARTBEAT_INTERVAL, nearest.to_string()))))
}

/// The answer when there is something new in the inbox, and when there is nothing.
pub(super) fn told(has_changed: bool) -> Element {
    if has_changed {
        let folder = Element::text(ping::FOLDER, INBOX);
        return pinged("2", Some(Element::of(ping::FOLDERS, [folder])));
    }
    pinged("1", None)
}

fn pinged(status: &str, then: Option<Element>) -> Element {
    let status = Element::text(ping::STATUS, status);
    Element::of(ping::PING, std::iter::once(status).chain(then))
}
