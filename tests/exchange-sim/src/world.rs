//! Owns the truth about one Exchange organization: mailboxes, phones, rules, settings, servers, mail.
//!
//! Invariant: a world changes only by [`World::apply`], so that the same seed and the same events
//! always give the same world. The time of a phone's last contact is the one exception: the mailbox
//! store holds it, not the directory, and nothing here depends on it. What the seed means is not held:
//! `population` makes it when it is looked at, and `directory` knows what differs.

pub mod chance;
pub mod numbering;
pub mod people;
pub mod platform;
pub mod mailbox;
pub mod device;
pub mod organization;
pub mod homes;
pub mod policy;
pub mod event;
pub mod blueprint;
pub mod population;
pub mod overlay;
pub mod rhythm;
pub mod directory;
pub mod journal;
pub mod replication;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use crate::ledger::LedgerEntry;
use crate::mailboxes::Mail;
use blueprint::Blueprint;
use device::Device;
use directory::Directory;
use event::Event;
use mailbox::Mailbox;
use organization::{AccessRule, AccessSettings, Server};
use policy::MailboxPolicy;
use rhythm::Rhythm;

/// One Exchange organization.
///
/// Mailboxes and partnerships are made whenever they are looked at; only what was changed is held, shared
/// (`Arc`), so that a listing holds the state of its start without copying it.
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
    /// Every mail, whoever wrote it, oldest first.
    pub mails: Vec<Arc<Mail>>,
    /// State-changing cmdlets, oldest first.
    pub ledger: Vec<Arc<LedgerEntry>>,
    /// How often each cmdlet was called.
    pub invocations: BTreeMap<String, u64>,
    directory: Directory,
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
    /// The organization of a blueprint in its beginning.
    pub fn begin(blueprint: &Blueprint) -> Self {
        Self {
            settings: blueprint.settings(),
            rules: Vec::new(),
            policies: vec![MailboxPolicy::first(blueprint)],
            servers: blueprint.servers(),
            mails: Vec::new(),
            ledger: Vec::new(),
            invocations: BTreeMap::new(),
            directory: Directory::new(blueprint),
            blueprint: blueprint.clone(),
        }
    }

    /// Makes one thing happen. The only way a world changes.
    pub fn apply(&mut self, event: Event) {
        match event {
            Event::Device(device) => self.directory.put_device(*device),
            Event::Mailbox(mailbox) => self.directory.put_mailbox(*mailbox),
            Event::Settings(settings) => self.settings = *settings,
            Event::DeviceRemoved(guid) => self.directory.remove_device(guid),
            Event::Rules(rules) => self.rules = rules,
            Event::Policies(policies) => self.policies = policies,
            Event::Mail(mail) => self.mails.push(Arc::new(*mail)),
            Event::Ledger(entry) => self.ledger.push(Arc::new(*entry)),
            Event::Invoked(cmdlet) => *self.invocations.entry(cmdlet).or_default() += 1,
            Event::Advanced(_) | Event::Paced(_) => {}
        }
    }

    /// Notes a contact that changed nothing else.
    pub fn touch(&mut self, guid: Uuid, at: Timestamp) {
        self.directory.touch(guid, at);
    }

    /// Up to now phones called as this rhythm says; none: only when they were told to.
    pub fn set_rhythm(&mut self, rhythm: Option<Rhythm>) {
        self.directory.set_rhythm(rhythm);
    }

    /// Who and what is in it now; a copy stays as it is.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Every mailbox, in the order they were made, as they are now whenever it is looked at.
    pub fn mailboxes(&self) -> impl Iterator<Item = Arc<Mailbox>> + Send + use<> {
        self.directory.mailboxes()
    }

    /// Every partnership, in the order they were made, as they are now whenever it is looked at.
    pub fn devices(&self) -> impl Iterator<Item = Arc<Device>> + Send + use<> {
        self.directory.devices()
    }

    /// How many mailboxes there are.
    pub fn mailbox_count(&self) -> usize {
        self.directory.mailbox_count()
    }

    /// How many partnerships there are.
    pub fn device_count(&self) -> usize {
        self.directory.device_count()
    }

    /// A mailbox by its key.
    pub fn mailbox(&self, guid: Uuid) -> Option<Arc<Mailbox>> {
        self.directory.mailbox(guid)
    }

    /// A partnership by its key.
    pub fn device(&self, guid: Uuid) -> Option<Arc<Device>> {
        self.directory.device(guid)
    }

    /// The partnerships of one mailbox.
    pub fn devices_of(&self, mailbox: Uuid) -> impl Iterator<Item = Arc<Device>> {
        self.directory.devices_of(mailbox)
    }

    /// The policy that a mailbox has: its own, or the default one.
    pub fn policy_of(&self, mailbox: &Mailbox) -> Option<&MailboxPolicy> {
        let own = mailbox.policy.as_deref();
        self.policies.iter().find(|policy| match own {
            Some(name) => policy.is_named(name),
            None => policy.is_default,
        })
    }

    /// Finds a mailbox by any of the texts that Exchange takes for its identity.
    pub fn find_mailbox(&self, identity: &str) -> Found<Mailbox> {
        self.directory.find_mailbox(identity)
    }

    /// Finds a partnership by Guid, distinguished name, canonical path, or the short path
    /// `alias\ExchangeActiveSyncDevices\name`.
    pub fn find_device(&self, identity: &str) -> Found<Device> {
        if let Ok(guid) = Uuid::try_parse(identity) {
            return self.device(guid).map_or(Found::None, Found::One);
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
        Found::among(named.collect())
    }
}

impl<T> Found<T> {
    pub(crate) fn among(mut named: Vec<Arc<T>>) -> Self {
        match named.len() {
            0 => Self::None,
            1 => named.pop().map_or(Self::None, Self::One),
            _ => Self::Several(named),
        }
    }
}

#[cfg(test)]
mod tests;
