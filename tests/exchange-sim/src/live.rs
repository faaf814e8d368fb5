//! Owns an organization in motion: its world behind a lock, its place in the journal, its faults.
//!
//! Invariant: what a change does is in the journal before anybody can see it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::behaviour::contact::Moment;
use crate::faults::Faults;
use crate::time::Time;
use crate::winrm::throttle::Throttle;
use crate::world::World;
use crate::world::event::{Event, Occurrence};
use crate::world::journal::{Journal, JournalError, Line};
use crate::world::rhythm::Rhythm;

/// An organization that is served.
#[derive(Debug)]
pub struct Live {
    /// Its name.
    pub name: String,
    time: Arc<Time>,
    journal: Arc<Journal>,
    world: Mutex<World>,
    throttle: Throttle,
    faults: tokio::sync::watch::Sender<Faults>,
}

impl Live {
    /// Takes a world that holds everything its journal does.
    pub fn new(world: World, journal: Arc<Journal>, time: Arc<Time>) -> Self {
        Self {
            name: world.blueprint.name.clone(),
            time,
            journal,
            world: Mutex::new(world),
            throttle: Throttle::default(),
            faults: tokio::sync::watch::Sender::new(Faults::default()),
        }
    }

    /// The present.
    pub fn moment(&self) -> Moment {
        self.time.moment()
    }

    /// The simulator's time.
    pub fn time(&self) -> &Time {
        &self.time
    }

    /// Looks at the world.
    pub fn read<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        look(&self.world())
    }

    /// Changes the world: `plan` sees it and says what happens.
    ///
    /// Ledger entries and mails get their numbers here.
    pub fn change<T>(
        &self,
        plan: impl FnOnce(&World, &Moment) -> (Vec<Event>, T),
    ) -> Result<T, JournalError> {
        let mut world = self.world();
        let moment = self.time.moment();
        let (mut events, outcome) = plan(&world, &moment);
        if events.is_empty() {
            return Ok(outcome);
        }
        let mut writer = self.journal.writer();
        let mut mails = world.mails.len() as u64;
        for event in &mut events {
            match event {
                Event::Ledger(entry) => entry.sequence = writer.next_sequence(),
                Event::Mail(mail) => {
                    mails += 1;
                    mail.number = mails;
                }
                Event::Device(_)
                | Event::Mailbox(_)
                | Event::Settings(_)
                | Event::DeviceRemoved(_)
                | Event::Rules(_)
                | Event::Policies(_)
                | Event::Invoked(_)
                | Event::Advanced(_) => {}
            }
        }
        let occurrence = Occurrence { at: moment.now, organization: self.name.clone(), events };
        let line = Line::Happened(occurrence);
        writer.append(&line, self.journal.path())?;
        let Line::Happened(occurrence) = line else { return Ok(outcome) };
        for event in occurrence.events {
            world.apply(event);
        }
        Ok(outcome)
    }

    /// Notes contacts that changed nothing; no directory object holds them, so no journal does.
    pub fn touch(&self, contacts: Vec<(uuid::Uuid, jiff::Timestamp)>) {
        let mut world = self.world();
        for (guid, at) in contacts {
            world.touch(guid, at);
        }
    }

    /// From now on phones called as this rhythm says.
    pub fn set_rhythm(&self, rhythm: Option<Rhythm>) {
        self.world().set_rhythm(rhythm);
    }

    /// What its accounts may ask, and asked.
    pub fn throttle(&self) -> &Throttle {
        &self.throttle
    }

    /// The faults that are on.
    pub fn faults(&self) -> Faults {
        self.faults.borrow().clone()
    }

    /// Follows the faults.
    pub fn watch_faults(&self) -> tokio::sync::watch::Receiver<Faults> {
        self.faults.subscribe()
    }

    /// Switches faults on and off.
    pub fn set_faults(&self, faults: Faults) {
        self.faults.send_replace(faults);
    }

    /// Says whether the answer to this cmdlet is to be lost, and counts it.
    pub fn loses_answer(&self, cmdlet: &str) -> bool {
        self.faults.send_if_modified(|faults| faults.loses_answer(cmdlet))
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
