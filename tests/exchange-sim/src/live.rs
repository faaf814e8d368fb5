//! Owns an organization in motion: its world behind a lock, its place in the journal, its faults.
//!
//! Invariant: what a change does is in the journal before anybody can see it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::behaviour::contact::Moment;
use crate::cmdlets::rights::Rights;
use crate::faults::{AutodiscoverAnswer, EwsError, Faults, Kind, Site, SmtpStage};
use crate::time::Time;
use crate::winrm::throttle::Throttle;
use crate::world::World;
use crate::world::event::{Event, Occurrence};
use crate::world::journal::{Journal, JournalError, Line};
use crate::world::replication::{self, Replication};
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
    rights: Mutex<BTreeMap<String, Rights>>,
    faults: tokio::sync::watch::Sender<Faults>,
    /// Taken after the world's lock.
    replication: Mutex<Replication>,
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
            rights: Mutex::default(),
            faults: tokio::sync::watch::Sender::new(Faults::default()),
            replication: Mutex::default(),
        }
    }

    /// The present.
    pub fn moment(&self) -> Moment {
        let Moment { now, elapsed_ms } = self.time.moment();
        let skew = self.faults.borrow().skew();
        Moment { now: now.checked_add(skew).unwrap_or(now), elapsed_ms }
    }

    /// The simulator's time.
    pub fn time(&self) -> &Time {
        &self.time
    }

    /// Looks at the world.
    pub fn read<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        look(&self.world())
    }

    /// Looks at a domain controller's copy of the directory.
    pub fn read_at<T>(&self, controller: &str, look: impl FnOnce(&World) -> T) -> T {
        let world = self.world();
        let lag_ms = self.faults.borrow().replication_lag_ms;
        let mut replication = self.replication.lock().unwrap_or_else(PoisonError::into_inner);
        replication.follow(lag_ms, &world);
        match replication.copy(controller, &self.time.moment()) {
            Some(copy) => look(copy),
            None => look(&world),
        }
    }

    /// Changes the world: `plan` sees it and says what happens.
    ///
    /// Ledger entries and mails get their numbers here.
    pub fn change<T>(
        &self,
        plan: impl FnOnce(&World, &Moment) -> (Vec<Event>, T),
    ) -> Result<T, JournalError> {
        self.change_at(None, plan)
    }

    /// The same on a domain controller; without one, where Exchange itself writes.
    pub fn change_at<T>(
        &self,
        controller: Option<&str>,
        plan: impl FnOnce(&World, &Moment) -> (Vec<Event>, T),
    ) -> Result<T, JournalError> {
        let mut world = self.world();
        let moment = self.moment();
        let (mut events, outcome) = plan(&world, &moment);
        if events.is_empty() {
            return Ok(outcome);
        }
        if let Some(origin) = controller {
            self.arrive_late(&mut events, origin, &world, &moment);
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
                | Event::Advanced(_)
                | Event::Paced(_) => {}
            }
        }
        let occurrence = Occurrence { at: moment.now, organization: self.name.clone(), events };
        let line = Line::Happened(occurrence);
        writer.append(&line, self.journal.path())?;
        let Line::Happened(occurrence) = line else { return Ok(outcome) };
        let lag_ms = self.faults.borrow().replication_lag_ms;
        let mut replication = self.replication.lock().unwrap_or_else(PoisonError::into_inner);
        replication.follow(lag_ms, &world);
        let [first, _] = replication::controllers(&world.blueprint.domain);
        let origin = controller.unwrap_or(&first);
        for event in occurrence.events {
            replication.note(&world, &event, origin, lag_ms, &moment);
            world.apply(event);
        }
        Ok(outcome)
    }

    /// An edit on another controller than Exchange's own takes hold of phones when it has arrived there.
    fn arrive_late(&self, events: &mut [Event], origin: &str, world: &World, moment: &Moment) {
        let lag_ms = self.faults.borrow().replication_lag_ms;
        let [first, _] = replication::controllers(&world.blueprint.domain);
        if lag_ms == 0 || origin.eq_ignore_ascii_case(&first) {
            return;
        }
        for event in events {
            let edited_ms = match event {
                Event::Mailbox(mailbox) => &mut mailbox.access_changed_ms,
                Event::Settings(settings) => &mut settings.access_changed_ms,
                Event::Device(_)
                | Event::DeviceRemoved(_)
                | Event::Rules(_)
                | Event::Policies(_)
                | Event::Mail(_)
                | Event::Ledger(_)
                | Event::Invoked(_)
                | Event::Advanced(_)
                | Event::Paced(_) => continue,
            };
            if *edited_ms == moment.elapsed_ms {
                *edited_ms = edited_ms.saturating_add(lag_ms);
            }
        }
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

    /// What each account may here.
    pub fn all_rights(&self) -> BTreeMap<String, Rights> {
        self.rights.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What an account may here; one that nobody spoke of may everything.
    pub fn rights(&self, account: &str) -> Rights {
        let all = self.all_rights();
        let named = all.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(account));
        named.map(|(_, rights)| rights).unwrap_or_default()
    }

    /// Says what an account may here, as from its next shell. Like a fault, it ends with the process.
    pub fn set_rights(&self, account: &str, rights: Rights) {
        let mut held = self.rights.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|name, _| !name.eq_ignore_ascii_case(account));
        held.insert(account.to_owned(), rights);
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
    pub fn loses_answer(&self, site: &Site<'_>) -> bool {
        self.faults.send_if_modified(|faults| faults.loses_answer(site.cmdlet))
            || self.strikes(site, |kind| matches!(kind, Kind::LoseAnswer)).is_some()
    }

    /// The first scripted fault that is wanted and strikes here; it is counted.
    pub fn strikes(&self, site: &Site<'_>, wanted: impl Fn(&Kind) -> bool) -> Option<Kind> {
        if self.faults.borrow().script.is_empty() {
            return None;
        }
        let mut struck = None;
        // Nobody who follows the faults needs to hear of a count.
        self.faults.send_if_modified(|faults| {
            struck = faults.strikes(site, wanted);
            false
        });
        struck
    }

    /// Changes the faults that are on, and says what `edit` said: whether it changed any.
    pub fn edit_faults(&self, edit: impl FnOnce(&mut Faults) -> bool) -> bool {
        self.faults.send_if_modified(edit)
    }

    /// What EWS is to answer to this operation instead, and counts it.
    pub fn ews_error(&self, operation: &str) -> Option<EwsError> {
        self.counted(|faults| faults.ews_error(operation))
    }

    /// What Autodiscover is to answer instead, and counts it.
    pub fn autodiscover_answer(&self) -> Option<AutodiscoverAnswer> {
        self.counted(Faults::autodiscover_answer)
    }

    /// What the submission port is to reply instead, and counts it.
    pub fn smtp_reply(&self, stage: SmtpStage) -> Option<String> {
        self.counted(|faults| faults.smtp_reply(stage))
    }

    fn counted<T>(&self, take: impl FnOnce(&mut Faults) -> Option<T>) -> Option<T> {
        let mut taken = None;
        self.faults.send_if_modified(|faults| {
            taken = take(faults);
            taken.is_some()
        });
        taken
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
