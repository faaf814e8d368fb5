//! Owns the work behind the control surface, for a test in the same process and for HTTP alike.

use std::collections::BTreeMap;
use std::sync::Arc;

use thiserror::Error;
use uuid::Uuid;

use super::lookup::{ambiguous, find_device, find_mailbox, is_named};
use super::views::{
    self, DeviceQuery, DeviceView, MailboxView, NewDevice, NewSettings, OrganizationView, OsUpdate,
    SyncView,
};
use crate::behaviour::contact::{self, Service};
use crate::faults::Faults;
use crate::ledger::LedgerEntry;
use crate::live::Live;
use crate::mailboxes::Mail;
use crate::time::{Mode, Time};
use crate::winrm::throttle::{Limits, View};
use crate::world::chance::Chance;
use crate::world::device::Device;
use crate::world::event::{Event, Occurrence};
use crate::world::journal::{Journal, JournalError, Line};
use crate::world::organization::{AccessRule, INSERT_CHARACTERS_MAX};
use crate::world::platform::{Handset, Platform};
use crate::world::{Found, World};

/// Looks at a simulator and tells it what to do; cheap to clone.
#[derive(Clone, Debug)]
pub struct Control {
    organizations: Arc<[Arc<Live>]>,
    journal: Arc<Journal>,
    time: Arc<Time>,
}

/// Why something could not be done.
#[derive(Debug, Error)]
pub enum ControlError {
    /// No such organization.
    #[error("no organization is called {name:?}; there are {known}")]
    Organization {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// No such mailbox.
    #[error("no mailbox is called {identity:?}")]
    Mailbox {
        /// What was asked for.
        identity: String,
    },
    /// No such phone.
    #[error("no device has the id or guid {identity:?}")]
    Device {
        /// What was asked for.
        identity: String,
    },
    /// More than one answers to the name.
    #[error("{identity:?} is ambiguous; name one of these guids: {guids}")]
    Ambiguous {
        /// What was asked for.
        identity: String,
        /// What it may mean.
        guids: String,
    },
    /// The user's phones are switched off.
    #[error("ActiveSync is disabled for {mailbox}: the phone got HTTP 403")]
    Disabled {
        /// Whose.
        mailbox: String,
    },
    /// The mailbox has this phone already.
    #[error("{mailbox} has a device with the id {device_id} already")]
    Known {
        /// Whose.
        mailbox: String,
        /// Which.
        device_id: String,
    },
    /// A value that Exchange would not take either.
    #[error("{field} {problem}")]
    Invalid {
        /// Which value.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// Time runs by itself.
    #[error("time runs by itself in auto mode; start with --mode explicit to advance it by hand")]
    TimeRuns,
    /// The journal could not be written.
    #[error("nothing was changed, because the journal could not be written")]
    Journal(#[from] JournalError),
}

impl Control {
    /// Controls these organizations.
    pub fn new(organizations: Vec<Arc<Live>>, journal: Arc<Journal>, time: Arc<Time>) -> Self {
        Self { organizations: organizations.into(), journal, time }
    }

    /// Every organization.
    pub fn organizations(&self) -> Vec<OrganizationView> {
        let show = |live: &Arc<Live>| {
            let now = live.moment().now;
            live.read(|world| views::organization(world, now))
        };
        self.organizations.iter().map(show).collect()
    }

    /// One organization.
    pub fn organization(&self, name: &str) -> Result<OrganizationView, ControlError> {
        let live = self.live(name)?;
        let now = live.moment().now;
        Ok(live.read(|world| views::organization(world, now)))
    }

    /// Devices, in the order of their first contact.
    pub fn devices(
        &self,
        organization: &str,
        query: &DeviceQuery,
    ) -> Result<Vec<DeviceView>, ControlError> {
        self.live(organization)?.read(|world| {
            let owner = query.mailbox.as_deref().map(|owner| find_mailbox(world, owner));
            let owner = owner.transpose()?;
            let chosen = world.devices().iter().filter(|device| {
                let state = format!("{:?}", device.state);
                query.state.as_ref().is_none_or(|asked| asked.eq_ignore_ascii_case(&state))
                    && owner.as_ref().is_none_or(|owner| owner.guid == device.mailbox)
                    && query.id.as_ref().is_none_or(|id| is_named(device, id))
            });
            let limit = query.limit.unwrap_or(usize::MAX);
            Ok(chosen.take(limit).map(|device| views::device(world, device)).collect())
        })
    }

    /// One device, by Guid or DeviceId.
    pub fn device(&self, organization: &str, device: &str) -> Result<DeviceView, ControlError> {
        self.live(organization)?
            .read(|world| Ok(views::device(world, &*find_device(world, device)?)))
    }

    /// Every mailbox.
    pub fn mailboxes(&self, organization: &str) -> Result<Vec<MailboxView>, ControlError> {
        let show = |world: &World| {
            world.mailboxes().iter().map(|held| views::mailbox(world, held)).collect()
        };
        Ok(self.live(organization)?.read(show))
    }

    /// One mailbox, by any text that Exchange takes for its identity.
    pub fn mailbox(&self, organization: &str, name: &str) -> Result<MailboxView, ControlError> {
        self.live(organization)?
            .read(|world| Ok(views::mailbox(world, &*find_mailbox(world, name)?)))
    }

    /// Mail that Exchange sent by itself: to one mailbox or address, or all.
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

    /// A user connects a new phone.
    pub fn new_device(
        &self,
        organization: &str,
        new: &NewDevice,
    ) -> Result<DeviceView, ControlError> {
        let live = self.live(organization)?;
        let (owner, seed, number) = live.read(|world| {
            let owner = find_mailbox(world, &new.mailbox)?;
            Ok::<_, ControlError>((owner.guid, world.blueprint.seed, world.devices().len()))
        })?;
        let mut chance = Chance::new(seed, &format!("{organization} phone {number}"));
        let platform = new.platform.unwrap_or_else(|| Platform::draw(&mut chance));
        let mut handset = platform.handset(&mut chance);
        for (given, held) in [
            (&new.device_id, &mut handset.id),
            (&new.device_type, &mut handset.kind),
            (&new.device_model, &mut handset.model),
            (&new.device_os, &mut handset.system),
            (&new.user_agent, &mut handset.user_agent),
        ] {
            if let Some(given) = given {
                held.clone_from(given);
            }
        }
        if handset.id.is_empty() || !handset.id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            let problem = "must be letters and digits".to_owned();
            return Err(ControlError::Invalid { field: "device_id", problem });
        }
        let phone = NewPhone {
            guid: chance.guid(),
            platform,
            handset,
            friendly_name: new.friendly_name.clone().unwrap_or_default(),
        };
        connect(live, owner, phone)
    }

    /// A phone calls now.
    pub fn sync(&self, organization: &str, device: &str) -> Result<SyncView, ControlError> {
        let live = self.live(organization)?;
        let called = live.change(|world, moment| {
            let called = find_device(world, device).map(|held| contact::call(world, &held, moment));
            let events = called.as_ref().map(|called| called.events.clone()).unwrap_or_default();
            (events, called)
        })??;
        if let Some(at) = called.device.contacted {
            live.touch(vec![(called.device.guid, at)]);
        }
        let view = live.read(|world| views::device(world, &called.device));
        Ok(views::sync(called.service, view))
    }

    /// A phone got a new system version; Exchange hears of it with this call.
    pub fn os_update(
        &self,
        organization: &str,
        device: &str,
        update: &OsUpdate,
    ) -> Result<SyncView, ControlError> {
        let live = self.live(organization)?;
        live.change(|world, moment| match find_device(world, device) {
            Err(error) => (Vec::new(), Err(error)),
            Ok(held) => {
                let mut after = Device::clone(&held);
                after.device_os = after.platform.system(&update.version);
                if let Some(user_agent) = &update.user_agent {
                    after.user_agent.clone_from(user_agent);
                }
                after.changed = contact::later(moment.now, after.changed);
                (vec![Event::Device(Box::new(after))], Ok(()))
            }
        })??;
        self.sync(organization, device)
    }

    /// Changes the organization's settings and rules.
    pub fn set_settings(
        &self,
        organization: &str,
        new: &NewSettings,
    ) -> Result<OrganizationView, ControlError> {
        if let Some(insert) = &new.user_mail_insert {
            check_insert(insert)?;
        }
        if let Some(problem) = new.rules.as_deref().and_then(AccessRule::problem) {
            return Err(ControlError::Invalid { field: "rules", problem });
        }
        self.live(organization)?.change(|world, moment| {
            let mut settings = world.settings.clone();
            if let Some(level) = new.default_access_level {
                settings.default_access_level = level;
            }
            if let Some(insert) = &new.user_mail_insert {
                settings.user_mail_insert.clone_from(insert);
            }
            if let Some(recipients) = &new.admin_mail_recipients {
                settings.admin_mail_recipients.clone_from(recipients);
            }
            settings.changed = contact::later(moment.now, settings.changed);
            settings.access_changed_ms = moment.elapsed_ms;
            let mut events = vec![Event::Settings(Box::new(settings))];
            events.extend(new.rules.clone().map(Event::Rules));
            (events, ())
        })?;
        self.organization(organization)
    }

    /// The faults that are on.
    pub fn faults(&self, organization: &str) -> Result<Faults, ControlError> {
        Ok(self.live(organization)?.faults())
    }

    /// Replaces the faults.
    pub fn set_faults(&self, organization: &str, faults: Faults) -> Result<Faults, ControlError> {
        let live = self.live(organization)?;
        live.set_faults(faults);
        Ok(live.faults())
    }

    /// What the accounts may ask, and asked.
    pub fn throttle(&self, organization: &str) -> Result<View, ControlError> {
        Ok(self.live(organization)?.throttle().view())
    }

    /// Replaces what accounts may ask, and counts from nothing.
    pub fn set_throttle(&self, organization: &str, limits: Limits) -> Result<View, ControlError> {
        let throttle = self.live(organization)?.throttle();
        throttle.set_limits(limits);
        Ok(throttle.view())
    }

    /// Moves time on by hand: discoveries that are over end, and edits take hold.
    pub fn advance(&self, seconds: u64) -> Result<Vec<OrganizationView>, ControlError> {
        if self.time.mode() != Mode::Explicit {
            return Err(ControlError::TimeRuns);
        }
        let milliseconds = seconds.saturating_mul(1000);
        let line = Line::Happened(Occurrence {
            at: self.time.moment().now,
            organization: String::new(),
            events: vec![Event::Advanced(milliseconds)],
        });
        self.journal.writer().append(&line, self.journal.path())?;
        self.time.advance(milliseconds);
        for live in self.organizations.iter() {
            live.change(|world, moment| (contact::pass_time(world, moment), ()))?;
        }
        Ok(self.organizations())
    }

    fn live(&self, name: &str) -> Result<&Arc<Live>, ControlError> {
        self.organizations.iter().find(|live| live.name == name).ok_or_else(|| {
            let known: Vec<_> = self.organizations.iter().map(|live| live.name.as_str()).collect();
            ControlError::Organization { name: name.to_owned(), known: known.join(", ") }
        })
    }
}

/// A phone in its owner's hand.
#[derive(Clone, Debug)]
pub struct NewPhone {
    /// The Guid that its directory object will have.
    pub guid: Uuid,
    /// What kind it is.
    pub platform: Platform,
    /// What it says about itself.
    pub handset: Handset,
    /// The name its owner gave it.
    pub friendly_name: String,
}

/// Connects a new phone to a mailbox.
pub fn connect(live: &Live, owner: Uuid, phone: NewPhone) -> Result<DeviceView, ControlError> {
    let called = live.change(|world, moment| {
        let Some(owner) = world.mailbox(owner) else {
            return (Vec::new(), Err(ControlError::Mailbox { identity: owner.to_string() }));
        };
        let mailbox = owner.user_principal_name.clone();
        if world.devices_of(owner.guid).any(|held| held.has_id(&phone.handset.id)) {
            let device_id = phone.handset.id;
            return (Vec::new(), Err(ControlError::Known { mailbox, device_id }));
        }
        let NewPhone { guid, platform, handset, friendly_name } = phone;
        let mut device = Device::first_contact(guid, owner, platform, handset, moment.now);
        device.friendly_name = friendly_name;
        let called = contact::connect(world, owner, device, moment);
        if called.events.is_empty() && called.service == Service::Refused {
            return (Vec::new(), Err(ControlError::Disabled { mailbox }));
        }
        (called.events.clone(), Ok(called))
    })??;
    Ok(live.read(|world| views::device(world, &called.device)))
}

/// Refuses an insert that Exchange would not take.
pub fn check_insert(insert: &str) -> Result<(), ControlError> {
    if insert.chars().count() > INSERT_CHARACTERS_MAX {
        let problem = format!("must have at most {INSERT_CHARACTERS_MAX} characters");
        return Err(ControlError::Invalid { field: "user_mail_insert", problem });
    }
    Ok(())
}
