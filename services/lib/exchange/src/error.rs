//! Why Exchange did not do what it was asked, and what that means for the next attempt. What a cmdlet refused is told apart by the class
//! of its exception; texts are localised and are matched only where there is no class.

mod record;
mod refusal;

use std::time::Duration;

pub use record::ErrorRecord;
pub use refusal::{Refusal, delay_applied, is_more_available};

/// When to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Not before something was changed by somebody.
    Never,
    /// At once, on a new session where this one is dead.
    Now,
    /// Not before this time has passed.
    After(Duration),
    /// Only after a look at what the organization says now: the last attempt may have taken effect.
    ReadBackFirst,
}

/// How long to leave a server alone that is busy or down and does not say how long.
pub(crate) const BUSY_PAUSE: Duration = Duration::from_secs(30);
