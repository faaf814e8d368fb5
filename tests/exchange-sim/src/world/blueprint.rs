//! Owns how a world is made from a seed: people, phones, lists, states.
//!
//! Invariant: a generated phone is in the state that the access order gives it.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::World;
use super::chance::Chance;
use super::device::Device;
use super::event::Event;
use super::mailbox::Mailbox;
use super::organization::{AccessLevel, AccessSettings, FurtherServer, SITE, Server, Version};
use super::people::Person;
use super::platform::Platform;
use crate::behaviour::access::{Answer, Contact};

/// What a world is made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Blueprint {
    /// The organization's name.
    pub name: String,
    /// Its domain, such as `contoso.com`.
    pub domain: String,
    /// Which Exchange it runs.
    pub version: Version,
    /// The seed of everything drawn.
    pub seed: u64,
    /// How many mailboxes it starts with.
    pub mailboxes: usize,
    /// How many partnerships it starts with.
    pub devices: usize,
    /// How many percent of those are on their owner's allowed list from the start.
    pub approved_percent: u64,
    /// The default access level it starts with.
    pub default_access_level: AccessLevel,
    /// The footer of its quarantine mail at the start.
    pub user_mail_insert: String,
    /// Who is told about quarantined phones at the start.
    pub admin_mail_recipients: Vec<String>,
    /// Whether the device cmdlet filters by `WhenChangedUTC`, which no page documents.
    pub filters_devices_by_change: bool,
    /// The servers beside the first one.
    #[serde(default)]
    pub further_servers: Vec<FurtherServer>,
    /// When it was made.
    pub epoch: Timestamp,
}

/// One mailbox in this many has no phone.
const EMPTY_ONE_IN: usize = 20;
/// One phone in this many shares its id with another mailbox's (a restored backup).
const SHARED_ID_ONE_IN: usize = 500;
/// One mailbox in this many has a logon name that is not its address.
const MISMATCH_ONE_IN: usize = 50;
const DAY_HOURS: i64 = 24;

impl Blueprint {
    /// Makes the world.
    pub fn build(&self) -> World {
        let mut chance = Chance::new(self.seed, &self.name);
        let mut world = World::empty(self.clone(), self.settings(&mut chance), self.servers());
        for number in 0..self.mailboxes {
            let mailbox = self.mailbox(number, &mut chance);
            world.apply(Event::Mailbox(Box::new(mailbox)));
        }
        self.give_phones(&mut world, &mut chance);
        world
    }

    /// The fully qualified name of the organization's first server.
    pub fn server_fqdn(&self) -> String {
        format!("ex01.{}", self.domain)
    }

    fn settings(&self, chance: &mut Chance) -> AccessSettings {
        AccessSettings {
            guid: chance.guid(),
            default_access_level: self.default_access_level,
            user_mail_insert: self.user_mail_insert.clone(),
            admin_mail_recipients: self.admin_mail_recipients.clone(),
            ota_notification_mail_insert: String::new(),
            allow_unsupported_platform: false,
            changed: self.epoch,
            access_changed_ms: 0,
        }
    }

    fn servers(&self) -> Vec<Server> {
        let mut chance = Chance::new(self.seed, &format!("{} servers", self.name));
        let first = FurtherServer { version: self.version, site: SITE.to_owned() };
        let all = std::iter::once(&first).chain(&self.further_servers);
        let server = |(number, FurtherServer { version, site }): (u32, &FurtherServer)| Server {
            guid: chance.guid(),
            name: format!("EX{number:02}"),
            fqdn: format!("ex{number:02}.{}", self.domain),
            created: self.ago(900),
            version: *version,
            site: site.clone(),
        };
        (1..).zip(all).map(server).collect()
    }

    fn mailbox(&self, number: usize, chance: &mut Chance) -> Mailbox {
        let person = Person::draw(chance);
        // The number makes alias, address and relative name unique, as directories do by hand.
        let alias = format!("{}{number}", person.account);
        let address = format!("{alias}@{}", self.domain);
        let in_unit = chance.percent(30);
        let has_phone = has_phone(number);
        let mismatch = number % MISMATCH_ONE_IN == 7;
        let created = self.ago(200 + i64::try_from(chance.below(1000)).unwrap_or(0));
        Mailbox {
            guid: chance.guid(),
            name: format!("{} {} {number}", person.given, person.family),
            display_name: format!("{} {}", person.given, person.family),
            sam_account_name: sam(&alias, number),
            user_principal_name: if mismatch {
                format!("{alias}@{}.local", self.name)
            } else {
                address.clone()
            },
            primary_smtp_address: address,
            alias,
            container: if in_unit { "Sales" } else { "Users" }.to_owned(),
            in_unit,
            active_sync_enabled: has_phone || (number / EMPTY_ONE_IN) % 5 != 4,
            allowed_device_ids: Vec::new(),
            blocked_device_ids: Vec::new(),
            policy: None,
            has_partnership: has_phone,
            created,
            changed: created,
            access_changed_ms: 0,
        }
    }

    fn give_phones(&self, world: &mut World, chance: &mut Chance) {
        let owners: Vec<_> = (0..self.mailboxes).filter(|number| has_phone(*number)).collect();
        let mut previous_id = None;
        for number in 0..self.devices {
            let Some(owner) = owners.get(number % owners.len().max(1)) else { return };
            let Some(owner) = world.mailboxes().get(*owner).cloned() else { return };
            let platform = Platform::draw(chance);
            let mut handset = platform.handset(chance);
            if number % SHARED_ID_ONE_IN == SHARED_ID_ONE_IN - 1
                && let Some(id) = previous_id.take()
            {
                handset.id = id;
            }
            previous_id = Some(handset.id.clone());
            let first = self.ago(1 + i64::try_from(chance.below(199)).unwrap_or(0));
            let mut device = Device::first_contact(chance.guid(), &owner, platform, handset, first);
            let given = owner.display_name.split(' ').next().unwrap_or_default();
            device.friendly_name = platform.friendly_name(given, chance);
            device.contacted = None;
            device.succeeded = None;
            let mut owner = Mailbox::clone(&owner);
            if chance.below(100) < self.approved_percent {
                owner.allowed_device_ids.push(device.device_id.clone());
            } else if chance.percent(1) {
                owner.blocked_device_ids.push(device.device_id.clone());
            }
            settle(&mut device, &owner, world);
            world.apply(Event::Mailbox(Box::new(owner)));
            world.apply(Event::Device(Box::new(device)));
        }
    }

    fn ago(&self, days: i64) -> Timestamp {
        self.epoch
            .checked_sub(SignedDuration::from_hours(days.saturating_mul(DAY_HOURS)))
            .unwrap_or(self.epoch)
    }
}

/// Puts a phone of the past into the state that the access order gives it.
fn settle(device: &mut Device, owner: &Mailbox, world: &World) {
    let contact = Contact::of(device, owner, &world.settings, &world.rules);
    if let Answer::Decided(verdict) = contact.answer() {
        device.state = verdict.state;
        device.reason = verdict.reason;
        device.rule = verdict.rule;
    }
}

fn has_phone(number: usize) -> bool {
    number % EMPTY_ONE_IN != EMPTY_ONE_IN - 1
}

/// Cuts an alias to the 20 characters of a sAMAccountName, keeping the number that makes it unique.
fn sam(alias: &str, number: usize) -> String {
    let number = number.to_string();
    let room = 20_usize.saturating_sub(number.len());
    let letters = alias.trim_end_matches(|character: char| character.is_ascii_digit());
    letters.chars().take(room).chain(number.chars()).collect()
}
