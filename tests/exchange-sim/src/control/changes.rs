//! Owns what an experimenter changes over the control surface: settings, faults, the throttle, time.

use super::handle::Control;
use super::refusal::ControlError;
use super::views::{NewSettings, OrganizationView};
use crate::behaviour::contact;
use crate::faults::Faults;
use crate::time::Mode;
use crate::winrm::throttle::{Limits, View};
use crate::world::event::{Event, Occurrence};
use crate::world::journal::Line;
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
}

/// Refuses an insert that Exchange would not take.
pub fn check_insert(insert: &str) -> Result<(), ControlError> {
    if insert.chars().count() > INSERT_CHARACTERS_MAX {
        let problem = format!("must have at most {INSERT_CHARACTERS_MAX} characters");
        return Err(ControlError::Invalid { field: "user_mail_insert", problem });
    }
    Ok(())
}
