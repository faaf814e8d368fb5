//! Owns why something asked of the control surface could not be done, each with its cure.

use thiserror::Error;

use crate::world::journal::JournalError;

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
    /// No such account.
    #[error("no account is called {name:?}; there are {known}")]
    Account {
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
    /// The user has as many phones as there may be.
    #[error("{mailbox} has as many devices as it may have: the phone was refused")]
    TooMany {
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
