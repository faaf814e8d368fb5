//! One Exchange organization as exgate is told about it. A new one observes: it changes nothing.

use jiff::SignedDuration;

use crate::ids::OrganizationId;

/// What exgate may do in an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mode {
    /// Look, decide and say what would be done; change nothing.
    #[default]
    Observe,
    /// Also carry the decisions out.
    Enforce,
}

/// How often an organization is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Between two quick syncs where the server can filter devices by the time of change.
    pub quick_interval: SignedDuration,
    /// Between two quick syncs where every device has to be listed to find the changed ones.
    pub quick_interval_scan: SignedDuration,
    /// Between two full syncs.
    pub full_interval: SignedDuration,
}

impl Default for Schedule {
    /// Quick every 5 minutes (30 where the server cannot filter), full once a day.
    fn default() -> Self {
        Self {
            quick_interval: SignedDuration::from_mins(5),
            quick_interval_scan: SignedDuration::from_mins(30),
            full_interval: SignedDuration::from_hours(24),
        }
    }
}

/// An Exchange organization and what its operator chose for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// Its short name.
    pub id: OrganizationId,
    /// Its name for people; empty when none was given.
    pub display_name: String,
    /// What exgate may do there.
    pub mode: Mode,
    /// How often it is looked at.
    pub schedule: Schedule,
}
