//! Owns the work behind the control surface, for a test in the same process and for HTTP alike.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::lookup::{ambiguous, find_device, find_mailbox, is_named, named};
use super::refusal::ControlError;
use super::views::{self, DeviceQuery, DeviceView, MailboxView, OrganizationView};
use crate::ledger::LedgerEntry;
use crate::live::Live;
use crate::mailboxes::Mail;
use crate::time::Time;
use crate::world::Found;
use crate::world::device::Device;
use crate::world::journal::Journal;

/// Looks at a simulator and tells it what to do; cheap to clone.
#[derive(Clone, Debug)]
pub struct Control {
    pub(super) organizations: Arc<[Arc<Live>]>,
    pub(super) journal: Arc<Journal>,
    pub(super) time: Arc<Time>,
}

/// Views, made as they are taken.
pub type Views<T> = Box<dyn Iterator<Item = T> + Send>;

impl Control {
    /// Controls these organizations.
    pub fn new(organizations: Vec<Arc<Live>>, journal: Arc<Journal>, time: Arc<Time>) -> Self {
        Self { organizations: organizations.into(), journal, time }
    }

    /// Every organization.
    pub fn organizations(&self) -> Vec<OrganizationView> {
        self.organizations.iter().map(|live| shown(live)).collect()
    }

    /// One organization.
    pub fn organization(&self, name: &str) -> Result<OrganizationView, ControlError> {
        Ok(shown(self.live(name)?))
    }

    /// Devices, in the order of their first contact.
    pub fn devices(
        &self,
        organization: &str,
        query: &DeviceQuery,
    ) -> Result<Vec<DeviceView>, ControlError> {
        Ok(self.each_device(organization, query.clone())?.collect())
    }

    /// Devices, in the order of their first contact, made as they are taken.
    pub fn each_device(
        &self,
        organization: &str,
        query: DeviceQuery,
    ) -> Result<Views<DeviceView>, ControlError> {
        let (directory, owner) = self.live(organization)?.read(|world| {
            let owner = query.mailbox.as_deref().map(|owner| find_mailbox(world, owner));
            Ok::<_, ControlError>((world.directory().clone(), owner.transpose()?))
        })?;
        let devices: Views<Arc<Device>> = match (&owner, &query.id) {
            (Some(owner), _) => {
                let devices: Vec<_> = directory.devices_of(owner.guid).collect();
                Box::new(devices.into_iter())
            }
            (None, Some(id)) => Box::new(named(&directory, id).into_iter()),
            (None, None) => Box::new(directory.devices()),
        };
        let limit = query.limit.unwrap_or(usize::MAX);
        let chosen = devices.filter(move |device| {
            let state = || format!("{:?}", device.state);
            query.state.as_ref().is_none_or(|asked| asked.eq_ignore_ascii_case(&state()))
                && query.id.as_ref().is_none_or(|id| is_named(device, id))
        });
        Ok(Box::new(chosen.take(limit).map(move |device| views::device(&directory, &device))))
    }

    /// One device, by Guid or DeviceId.
    pub fn device(&self, organization: &str, device: &str) -> Result<DeviceView, ControlError> {
        self.live(organization)?
            .read(|world| Ok(views::device(world.directory(), &*find_device(world, device)?)))
    }

    /// Every mailbox.
    pub fn mailboxes(&self, organization: &str) -> Result<Vec<MailboxView>, ControlError> {
        Ok(self.each_mailbox(organization, usize::MAX)?.collect())
    }

    /// So many mailboxes, made as they are taken.
    pub fn each_mailbox(
        &self,
        organization: &str,
        limit: usize,
    ) -> Result<Views<MailboxView>, ControlError> {
        let directory = self.live(organization)?.read(|world| world.directory().clone());
        let chosen = directory.mailboxes().take(limit);
        Ok(Box::new(chosen.map(move |mailbox| views::mailbox(&directory, &mailbox))))
    }

    /// One mailbox, by any text that Exchange takes for its identity.
    pub fn mailbox(&self, organization: &str, name: &str) -> Result<MailboxView, ControlError> {
        self.live(organization)?
            .read(|world| Ok(views::mailbox(world.directory(), &*find_mailbox(world, name)?)))
    }

    /// Mail, whoever wrote it: in one mailbox, to one address, or all.
    pub fn mails(
        &self,
        organization: &str,
        recipient: Option<&str>,
    ) -> Result<Vec<Mail>, ControlError> {
        self.live(organization)?.read(|world| {
            match recipient.map(|to| (to, world.find_mailbox(to))) {
                None => Ok(views::mails(world, None, None)),
                Some((_, Found::One(mailbox))) => Ok(views::mails(world, Some(&mailbox), None)),
                // An administrator's address need not be a mailbox of this organization.
                Some((to, Found::None)) if to.contains('@') => {
                    Ok(views::mails(world, None, Some(to)))
                }
                Some((to, Found::None)) => Err(ControlError::Mailbox { identity: to.to_owned() }),
                Some((to, Found::Several(held))) => {
                    Err(ambiguous(to, held.iter().map(|held| held.guid)))
                }
            }
        })
    }

    /// State-changing cmdlets after a position: of one organization, or all.
    pub fn ledger(
        &self,
        organization: Option<&str>,
        after: u64,
    ) -> Result<Vec<LedgerEntry>, ControlError> {
        let chosen = match organization {
            Some(name) => vec![Arc::clone(self.live(name)?)],
            None => self.organizations.to_vec(),
        };
        let mut entries: Vec<LedgerEntry> = Vec::new();
        for live in chosen {
            live.read(|world| {
                let newer = world.ledger.iter().filter(|entry| entry.sequence > after);
                entries.extend(newer.map(|entry| LedgerEntry::clone(entry)));
            });
        }
        entries.sort_unstable_by_key(|entry| entry.sequence);
        Ok(entries)
    }

    /// How often each cmdlet was called.
    pub fn cmdlets(&self, organization: &str) -> Result<BTreeMap<String, u64>, ControlError> {
        Ok(self.live(organization)?.read(|world| world.invocations.clone()))
    }

    pub(super) fn live(&self, name: &str) -> Result<&Arc<Live>, ControlError> {
        self.organizations.iter().find(|live| live.name == name).ok_or_else(|| {
            let known: Vec<_> = self.organizations.iter().map(|live| live.name.as_str()).collect();
            ControlError::Organization { name: name.to_owned(), known: known.join(", ") }
        })
    }
}

fn shown(live: &Live) -> OrganizationView {
    let (now, faults) = (live.moment().now, live.faults().count());
    live.read(|world| views::organization(world, faults, now))
}
