//! Owns what an experimenter changes over the control surface: settings, faults, the throttle, time.

use std::sync::Arc;

use super::handle::Control;
use super::refusal::ControlError;
use super::views::{NewSettings, OrganizationView, TimeView};
use crate::behaviour::contact::{self, Moment};
use crate::faults::Faults;
use crate::faults::validation::{self, SCRIPTED_MAX};
use crate::live::Live;
use crate::time::Mode;
use crate::winrm::throttle::{Limits, View};
use crate::world::event::{Event, Occurrence};
use crate::world::journal::{JournalError, Line};
use crate::world::organization::{AccessRule, INSERT_CHARACTERS_MAX};

impl Control {
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
            if let Some(max) = new.eas_max_devices {
                settings.eas_max_devices = max;
            }
            if let Some(thresholds) = &new.autoblock {
                settings.autoblock.clone_from(thresholds);
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
        let live = self.checked(organization, &faults)?;
        live.set_faults(faults);
        Ok(live.faults())
    }

    /// Adds faults to those that are on.
    pub fn add_faults(&self, organization: &str, more: Faults) -> Result<Faults, ControlError> {
        let live = self.checked(organization, &more)?;
        let is_room = live.edit_faults(|faults| {
            let is_room = faults.script.len() + more.script.len() <= SCRIPTED_MAX;
            if is_room {
                faults.add(more);
            }
            is_room
        });
        if !is_room {
            let problem = format!("would be more than {SCRIPTED_MAX}; clear some first");
            return Err(ControlError::Invalid { field: "faults", problem });
        }
        Ok(live.faults())
    }

    /// Switches a scripted fault off, by its number in the list, from 1.
    pub fn clear_fault(&self, organization: &str, number: usize) -> Result<Faults, ControlError> {
        let live = self.live(organization)?;
        let mut count = 0;
        let is_cleared = live.edit_faults(|faults| {
            count = faults.script.len();
            let place = number.checked_sub(1).filter(|place| *place < count);
            place.map(|place| faults.script.remove(place)).is_some()
        });
        if is_cleared { Ok(live.faults()) } else { Err(ControlError::Fault { number, count }) }
    }

    fn checked(&self, organization: &str, faults: &Faults) -> Result<&Arc<Live>, ControlError> {
        let live = self.live(organization)?;
        match live.read(|world| validation::problem(faults, world)) {
            Some(problem) => Err(ControlError::Invalid { field: "faults", problem }),
            None => Ok(live),
        }
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

    /// What time it is, and how fast it passes.
    pub fn time(&self) -> TimeView {
        let Moment { now, elapsed_ms } = self.time.moment();
        TimeView { mode: self.time.mode(), now, elapsed_ms }
    }

    /// Changes how fast Exchange's time passes.
    pub fn set_mode(&self, mode: Mode) -> Result<TimeView, ControlError> {
        if mode == (Mode::Auto { speed: 0 }) {
            let problem = "must be at least 1".to_owned();
            return Err(ControlError::Invalid { field: "speed", problem });
        }
        let pace = self.time.pace_now(mode);
        self.note(Event::Paced(pace))?;
        self.time.set_pace(pace);
        Ok(self.time())
    }

    /// Moves time on by hand: discoveries that are over end, and edits take hold.
    pub fn advance(&self, seconds: u64) -> Result<Vec<OrganizationView>, ControlError> {
        self.advance_ms(seconds.saturating_mul(1000))
    }

    /// The same, to the millisecond.
    pub fn advance_ms(&self, milliseconds: u64) -> Result<Vec<OrganizationView>, ControlError> {
        if self.time.mode() != Mode::Explicit {
            return Err(ControlError::TimeRuns);
        }
        self.note(Event::Advanced(milliseconds))?;
        self.time.advance(milliseconds);
        for live in self.organizations.iter() {
            live.change(|world, moment| (contact::pass_time(world, moment), ()))?;
        }
        Ok(self.organizations())
    }

    /// Journals what concerns all organizations.
    fn note(&self, event: Event) -> Result<(), JournalError> {
        let (at, organization) = (self.time.moment().now, String::new());
        let line = Line::Happened(Occurrence { at, organization, events: vec![event] });
        self.journal.writer().append(&line, self.journal.path())
    }
}

/// Refuses an insert that Exchange would not take.
pub fn check_insert(insert: &str) -> Result<(), ControlError> {
    if insert.chars().count() > INSERT_CHARACTERS_MAX {
        let problem = format!("must have at most {INSERT_CHARACTERS_MAX} characters");
        return Err(ControlError::Invalid { field: "user_mail_insert", problem });
    }
    Ok(())
}
