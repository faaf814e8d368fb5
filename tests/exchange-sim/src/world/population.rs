//! Owns everybody that a seed means: mailbox and phone number so-and-so, made whenever they are looked at.
//!
//! Invariant: pure. What is made depends on the blueprint and the number alone, every name leads back to
//! its number by arithmetic, and a phone is in the state that the access order gives it. Nothing here
//! grows with the number of objects.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use uuid::Uuid;

use super::blueprint::Blueprint;
use super::device::{AccessState, Device};
use super::mailbox::Mailbox;
use super::numbering::Numbering;
use super::people::Person;
use super::platform::{self, Platform};
use crate::behaviour::access::{Answer, Contact, Verdict};

/// One mailbox in this many has no phone.
const EMPTY_ONE_IN: u32 = 20;
/// One phone in this many shares its id with another mailbox's (a restored backup).
const SHARED_ID_ONE_IN: u32 = 500;
/// One mailbox in this many has a logon name that is not its address.
const MISMATCH_ONE_IN: u32 = 50;
/// How many numbers in one text are tried: a distinguished name has one or two.
const NAMED_MAX: usize = 16;

/// The people of one organization, and their phones, as they were in the beginning.
#[derive(Debug)]
pub struct Population {
    blueprint: Blueprint,
    mailboxes: u32,
    owners: u32,
    devices: u32,
    people: Numbering,
    phones: Numbering,
    lists: Numbering,
    verdicts: [Option<Verdict>; 3],
    states: OnceLock<States>,
}

/// How many phones are in each state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct States(Vec<(AccessState, usize)>);

impl States {
    /// One more.
    pub fn add(&mut self, state: AccessState) {
        match self.0.iter_mut().find(|(held, _)| *held == state) {
            Some((_, count)) => *count += 1,
            None => self.0.push((state, 1)),
        }
    }

    /// One less.
    pub fn take(&mut self, state: AccessState) {
        if let Some((_, count)) = self.0.iter_mut().find(|(held, _)| *held == state) {
            *count = count.saturating_sub(1);
        }
    }

    /// The states that phones are in.
    pub fn iter(&self) -> impl Iterator<Item = (AccessState, usize)> {
        self.0.iter().copied().filter(|(_, count)| *count > 0)
    }
}

/// On which personal list of its owner a phone is from the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listed {
    No,
    Allowed,
    Blocked,
}

impl Population {
    /// The people that a blueprint means.
    pub fn new(blueprint: &Blueprint) -> Self {
        let mailboxes = u32::try_from(blueprint.mailboxes).unwrap_or(u32::MAX);
        let owners = mailboxes - mailboxes / EMPTY_ONE_IN;
        let devices = u32::try_from(blueprint.devices).unwrap_or(u32::MAX);
        let numbering =
            |kind| Numbering::new(blueprint.seed, &format!("{} {kind}", blueprint.name));
        let mut population = Self {
            blueprint: blueprint.clone(),
            mailboxes,
            owners,
            devices: if owners == 0 { 0 } else { devices },
            people: numbering("mailboxes"),
            phones: numbering("devices"),
            lists: numbering("lists"),
            verdicts: [None, None, None],
            states: OnceLock::new(),
        };
        population.verdicts = [Listed::No, Listed::Allowed, Listed::Blocked]
            .map(|listed| population.first_verdict(listed));
        population
    }

    /// How many mailboxes there are.
    pub fn mailboxes(&self) -> u32 {
        self.mailboxes
    }

    /// How many phones there are.
    pub fn devices(&self) -> u32 {
        self.devices
    }

    /// The mailbox of a number.
    pub fn mailbox(&self, number: u32) -> Option<Mailbox> {
        (number < self.mailboxes).then(|| self.make_mailbox(number))
    }

    /// The phone of a number.
    pub fn device(&self, number: u32) -> Option<Device> {
        (number < self.devices).then(|| self.make_device(number))
    }

    /// The number of the mailbox with this Guid.
    pub fn mailbox_number(&self, guid: Uuid) -> Option<u32> {
        self.people.number(guid, self.mailboxes)
    }

    /// The number of the phone with this Guid.
    pub fn device_number(&self, guid: Uuid) -> Option<u32> {
        self.phones.number(guid, self.devices)
    }

    /// The phones of a mailbox.
    pub fn devices_of(&self, mailbox: u32) -> impl Iterator<Item = u32> + use<> {
        let rank = has_phone(mailbox).then(|| mailbox - mailbox / EMPTY_ONE_IN);
        let (devices, owners) = (self.devices, self.owners.max(1) as usize);
        rank.into_iter().flat_map(move |rank| (rank..devices).step_by(owners))
    }

    /// The mailboxes that a text may name, other than by its Guid: every such name carries the number.
    pub fn mailboxes_named(&self, text: &str) -> impl Iterator<Item = Mailbox> {
        let runs = text.split(|character: char| !character.is_ascii_digit());
        runs.filter_map(|run| run.parse().ok()).take(NAMED_MAX).filter_map(|it| self.mailbox(it))
    }

    /// The numbers of the phones that may have this DeviceId.
    pub fn devices_with_id(&self, id: &str) -> Vec<u32> {
        let marked = platform::marks(id).into_iter().map(|mark| self.phones.marked(mark));
        let numbers = marked.flat_map(|number| [Some(number), number.checked_add(1)]);
        let mut numbers: Vec<_> = numbers.flatten().collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers.retain(|number| {
            *number < self.devices && self.device_id(*number).1.eq_ignore_ascii_case(id)
        });
        numbers
    }

    /// The state that a phone begins in, without making the phone.
    pub fn state(&self, number: u32) -> AccessState {
        self.verdict(self.listed(number)).map_or(AccessState::Unknown, |verdict| verdict.state)
    }

    /// How many phones begin in each state; counted once.
    pub fn states(&self) -> &States {
        self.states.get_or_init(|| {
            let mut states = States::default();
            (0..self.devices).for_each(|number| states.add(self.state(number)));
            states
        })
    }

    fn make_mailbox(&self, number: u32) -> Mailbox {
        let mut chance = self.people.chance(number);
        let person = Person::draw(&mut chance);
        // The number makes alias, address and relative name unique, as directories do by hand.
        let alias = format!("{}{number}", person.account);
        let address = format!("{alias}@{}", self.blueprint.domain);
        let in_unit = chance.percent(30);
        let has_phone = has_phone(number);
        let mismatch = number % MISMATCH_ONE_IN == 7;
        let created = self.blueprint.ago(200 + i64::try_from(chance.below(1000)).unwrap_or(0));
        let on = |list| {
            let phones = self.devices_of(number).filter(move |phone| self.listed(*phone) == list);
            phones.map(|phone| self.device_id(phone).1).collect()
        };
        Mailbox {
            guid: self.people.guid(number),
            name: format!("{} {} {number}", person.given, person.family),
            display_name: format!("{} {}", person.given, person.family),
            sam_account_name: sam(&alias, number),
            user_principal_name: if mismatch {
                format!("{alias}@{}.local", self.blueprint.name)
            } else {
                address.clone()
            },
            primary_smtp_address: address,
            alias,
            container: if in_unit { "Sales" } else { "Users" }.to_owned(),
            in_unit,
            active_sync_enabled: has_phone || (number / EMPTY_ONE_IN) % 5 != 4,
            allowed_device_ids: on(Listed::Allowed),
            blocked_device_ids: on(Listed::Blocked),
            policy: None,
            protocols: BTreeMap::new(),
            has_partnership: has_phone,
            created,
            changed: created,
            access_changed_ms: 0,
            moves: 0,
        }
    }

    fn make_device(&self, number: u32) -> Device {
        let (platform, id) = self.device_id(number);
        let mut chance = self.phones.chance(number);
        let handset = platform.handset_with(id, &mut chance);
        let first = self.blueprint.ago(1 + i64::try_from(chance.below(199)).unwrap_or(0));
        let (owner, person) = self.owner(number);
        let guid = self.phones.guid(number);
        let mut device = Device::first_contact(guid, owner, platform, handset, first);
        let given = person.given.split(' ').next().unwrap_or_default();
        device.friendly_name = platform.friendly_name(given, &mut chance);
        device.contacted = None;
        device.succeeded = None;
        settle(&mut device, self.verdict(self.listed(number)));
        device
    }

    /// The Guid of a phone's owner, and who that is.
    fn owner(&self, device: u32) -> (Uuid, Person) {
        let rank = device % self.owners.max(1);
        // Of every twenty mailboxes the last one has no phone.
        let with = EMPTY_ONE_IN - 1;
        let mailbox = rank / with * EMPTY_ONE_IN + rank % with;
        (self.people.guid(mailbox), Person::draw(&mut self.people.chance(mailbox)))
    }

    fn device_id(&self, number: u32) -> (Platform, String) {
        let mut chance = self.lists.chance(!number);
        let platform = Platform::draw(&mut chance);
        let is_shared = number % SHARED_ID_ONE_IN == SHARED_ID_ONE_IN - 1 && self.owners > 1;
        if is_shared && let Some(other) = number.checked_sub(1) {
            return (platform, self.device_id(other).1);
        }
        (platform, platform.device_id(self.phones.mark(number), &mut chance))
    }

    fn listed(&self, device: u32) -> Listed {
        let mut chance = self.lists.chance(device);
        if chance.below(100) < self.blueprint.approved_percent {
            Listed::Allowed
        } else if chance.percent(1) {
            Listed::Blocked
        } else {
            Listed::No
        }
    }

    fn verdict(&self, listed: Listed) -> Option<&Verdict> {
        let [no, allowed, blocked] = &self.verdicts;
        match listed {
            Listed::No => no.as_ref(),
            Listed::Allowed => allowed.as_ref(),
            Listed::Blocked => blocked.as_ref(),
        }
    }

    /// What the access order says of a phone that is on this list of its owner, before any rule was made.
    /// All such phones are alike to it.
    fn first_verdict(&self, listed: Listed) -> Option<Verdict> {
        let device = self.device(0)?;
        let mut owner = self.mailbox(0)?;
        let ids = vec![device.device_id.clone()];
        let (allowed, blocked) = match listed {
            Listed::No => (Vec::new(), Vec::new()),
            Listed::Allowed => (ids, Vec::new()),
            Listed::Blocked => (Vec::new(), ids),
        };
        owner.allowed_device_ids = allowed;
        owner.blocked_device_ids = blocked;
        let contact = Contact::of(&device, &owner, &self.blueprint.settings(), &[]);
        match contact.answer() {
            Answer::NotAuthenticated | Answer::Disabled => None,
            Answer::Decided(verdict) => Some(verdict),
        }
    }
}

/// Puts a phone of the past into the state that the access order gives it.
fn settle(device: &mut Device, verdict: Option<&Verdict>) {
    if let Some(verdict) = verdict {
        device.state = verdict.state;
        device.reason = verdict.reason;
        device.rule.clone_from(&verdict.rule);
    }
}

fn has_phone(number: u32) -> bool {
    number % EMPTY_ONE_IN != EMPTY_ONE_IN - 1
}

/// Cuts an alias to the 20 characters of a sAMAccountName, keeping the number that makes it unique.
fn sam(alias: &str, number: u32) -> String {
    let number = number.to_string();
    let room = 20_usize.saturating_sub(number.len());
    let letters = alias.trim_end_matches(|character: char| character.is_ascii_digit());
    letters.chars().take(room).chain(number.chars()).collect()
}
