//! Owns the truth about one Exchange organization: mailboxes, phones, rules, settings, servers, mail.
//!
//! Invariant: a world changes only by [`World::apply`], so that the same seed and the same events
//! always give the same world. The time of a phone's last contact is the one exception: the mailbox
//! store holds it, not the directory, and nothing here depends on it.

pub mod chance;
pub mod people;
pub mod platform;
pub mod mailbox;
pub mod device;
pub mod organization;
pub mod policy;
pub mod event;
pub mod blueprint;
pub mod journal;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use crate::ledger::LedgerEntry;
use crate::mailboxes::Mail;
use blueprint::Blueprint;
use device::{AccessState, Device};
use event::Event;
use mailbox::Mailbox;
use organization::{AccessRule, AccessSettings, Server};
use policy::MailboxPolicy;

/// One Exchange organization.
///
/// Objects are shared (`Arc`), so that a listing holds the state of its start without copying it.
#[derive(Clone, Debug)]
pub struct World {
    /// What it was made from.
    pub blueprint: Blueprint,
    /// The organization's settings.
    pub settings: AccessSettings,
    /// The device access rules.
    pub rules: Vec<AccessRule>,
    /// The mailbox policies.
    pub policies: Vec<MailboxPolicy>,
    /// The servers.
    pub servers: Vec<Server>,
    /// Mail that Exchange sent by itself, oldest first.
    pub mails: Vec<Arc<Mail>>,
    /// State-changing cmdlets, oldest first.
    pub ledger: Vec<Arc<LedgerEntry>>,
    /// How often each cmdlet was called.
    pub invocations: BTreeMap<String, u64>,
    mailboxes: Vec<Arc<Mailbox>>,
    devices: Vec<Arc<Device>>,
    mailbox_places: HashMap<Uuid, usize>,
    mailbox_keys: HashMap<String, usize>,
    device_places: HashMap<Uuid, usize>,
    owned: HashMap<Uuid, Vec<usize>>,
}

/// What a text given as an identity leads to.
#[derive(Clone, Debug)]
pub enum Found<T> {
    /// Exactly this.
    One(Arc<T>),
    /// Nothing.
    None,
    /// More than one.
    Several(Vec<Arc<T>>),
}

impl World {
    /// An organization without people, to be filled by events.
    pub fn empty(blueprint: Blueprint, settings: AccessSettings, servers: Vec<Server>) -> Self {
        let policies = vec![MailboxPolicy::first(&blueprint)];
        Self {
            blueprint,
            settings,
            rules: Vec::new(),
            policies,
            servers,
            mails: Vec::new(),
            ledger: Vec::new(),
            invocations: BTreeMap::new(),
            mailboxes: Vec::new(),
            devices: Vec::new(),
            mailbox_places: HashMap::new(),
            mailbox_keys: HashMap::new(),
            device_places: HashMap::new(),
            owned: HashMap::new(),
        }
    }

    /// Makes one thing happen. The only way a world changes.
    pub fn apply(&mut self, event: Event) {
        match event {
            Event::Device(device) => self.put_device(*device),
            Event::Mailbox(mailbox) => self.put_mailbox(*mailbox),
            Event::Settings(settings) => self.settings = *settings,
            Event::DeviceRemoved(guid) => self.remove_device(guid),
            Event::Rules(rules) => self.rules = rules,
            Event::Policies(policies) => self.policies = policies,
            Event::Mail(mail) => self.mails.push(Arc::new(*mail)),
            Event::Ledger(entry) => self.ledger.push(Arc::new(*entry)),
            Event::Invoked(cmdlet) => *self.invocations.entry(cmdlet).or_default() += 1,
            Event::Advanced(_) => {}
        }
    }

    /// Notes a contact that changed nothing else.
    pub fn touch(&mut self, guid: Uuid, at: Timestamp) {
        let place = self.device_places.get(&guid).copied();
        if let Some(held) = place.and_then(|place| self.devices.get_mut(place)) {
            let device = Arc::make_mut(held);
            device.contacted = Some(at);
            if device.state == AccessState::Allowed {
                device.succeeded = Some(at);
            }
        }
    }

    /// Every mailbox, in the order they were made.
    pub fn mailboxes(&self) -> &[Arc<Mailbox>] {
        &self.mailboxes
    }

    /// Every partnership, in the order they were made.
    pub fn devices(&self) -> &[Arc<Device>] {
        &self.devices
    }

    /// A mailbox by its key.
    pub fn mailbox(&self, guid: Uuid) -> Option<&Arc<Mailbox>> {
        self.mailbox_places.get(&guid).and_then(|place| self.mailboxes.get(*place))
    }

    /// A partnership by its key.
    pub fn device(&self, guid: Uuid) -> Option<&Arc<Device>> {
        self.device_places.get(&guid).and_then(|place| self.devices.get(*place))
    }

    /// The partnerships of one mailbox.
    pub fn devices_of(&self, mailbox: Uuid) -> impl Iterator<Item = &Arc<Device>> {
        let places = self.owned.get(&mailbox).map(Vec::as_slice).unwrap_or_default();
        places.iter().filter_map(|place| self.devices.get(*place))
    }

    /// Finds a mailbox by any of the texts that Exchange takes for its identity.
    pub fn find_mailbox(&self, identity: &str) -> Found<Mailbox> {
        let key = identity.to_lowercase();
        if let Some(mailbox) = self.mailbox_keys.get(&key).and_then(|at| self.mailboxes.get(*at)) {
            return Found::One(Arc::clone(mailbox));
        }
        let named = self.mailboxes.iter().filter(|held| held.display_name.to_lowercase() == key);
        Found::among(named.cloned().collect())
    }

    /// Finds a partnership by Guid, distinguished name, canonical path, or the short path
    /// `alias\ExchangeActiveSyncDevices\name`.
    pub fn find_device(&self, identity: &str) -> Found<Device> {
        if let Ok(guid) = Uuid::try_parse(identity) {
            return self.device(guid).map_or(Found::None, |held| Found::One(Arc::clone(held)));
        }
        let owner = identity
            .split_once("\\ExchangeActiveSyncDevices\\")
            .or_else(|| identity.rsplit_once("/ExchangeActiveSyncDevices/"))
            .map(|(owner, _)| owner)
            .or_else(|| identity.split_once(",CN=ExchangeActiveSyncDevices,").map(|(_, dn)| dn));
        let Some(Found::One(owner)) = owner.map(|owner| self.find_mailbox(owner)) else {
            return Found::None;
        };
        let domain = &self.blueprint.domain;
        let named = self.devices_of(owner.guid).filter(|held| {
            let name = held.name();
            identity.ends_with(&format!("ExchangeActiveSyncDevices\\{name}"))
                || identity == held.identity(&owner, domain)
                || identity.eq_ignore_ascii_case(&held.distinguished_name(&owner, domain))
        });
        Found::among(named.cloned().collect())
    }

    fn put_mailbox(&mut self, mailbox: Mailbox) {
        if let Some(place) = self.mailbox_places.get(&mailbox.guid).copied() {
            if let Some(held) = self.mailboxes.get_mut(place) {
                *held = Arc::new(mailbox);
            }
            return;
        }
        let place = self.mailboxes.len();
        for key in mailbox.keys(&self.blueprint.name, &self.blueprint.domain) {
            self.mailbox_keys.entry(key).or_insert(place);
        }
        self.mailbox_places.insert(mailbox.guid, place);
        self.mailboxes.push(Arc::new(mailbox));
    }

    fn put_device(&mut self, device: Device) {
        if let Some(place) = self.device_places.get(&device.guid).copied() {
            if let Some(held) = self.devices.get_mut(place) {
                *held = Arc::new(device);
            }
            return;
        }
        let place = self.devices.len();
        self.device_places.insert(device.guid, place);
        self.owned.entry(device.mailbox).or_default().push(place);
        self.devices.push(Arc::new(device));
    }

    /// Takes a partnership out; those behind it move up.
    fn remove_device(&mut self, guid: Uuid) {
        let Some(place) = self.device_places.remove(&guid) else { return };
        self.devices.remove(place);
        self.device_places.clear();
        self.owned.clear();
        for (place, device) in self.devices.iter().enumerate() {
            self.device_places.insert(device.guid, place);
            self.owned.entry(device.mailbox).or_default().push(place);
        }
    }
}

impl<T> Found<T> {
    fn among(mut named: Vec<Arc<T>>) -> Self {
        match named.len() {
            0 => Self::None,
            1 => named.pop().map_or(Self::None, Self::One),
            _ => Self::Several(named),
        }
    }
}

#[cfg(test)]
mod tests;
