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
    /// No such scripted fault.
    #[error("there is no fault {number}; there are {count}")]
    Fault {
        /// Which was asked for.
        number: usize,
        /// How many there are.
        count: usize,
    },
    /// Time runs by itself.
    #[error("time runs by itself")]
    TimeRuns,
    /// The journal could not be written.
    #[error("nothing was changed, because the journal could not be written")]
    Journal(#[from] JournalError),
}

impl ControlError {
    /// What to do about it, where the error does not say so itself.
    pub fn cure(&self) -> Option<&'static str> {
        match self {
            Self::Organization { .. } => Some("name one of these"),
            Self::Account { .. } => Some("`--account` of `exchange-sim serve` names them"),
            Self::Mailbox { .. } => {
                Some("name it by address, alias, Guid or path; `exchange-sim mailboxes` lists them")
            }
            Self::Device { .. } => Some("`exchange-sim devices` lists them"),
            Self::Ambiguous { .. } => None,
            Self::Disabled { .. } => Some("Set-CASMailbox -ActiveSyncEnabled $true lets phones in"),
            Self::Known { .. } => Some("let it call with `exchange-sim sync`, or give another id"),
            Self::Invalid { .. } => Some("see `exchange-sim help`"),
            Self::Fault { .. } => Some("`exchange-sim fault list` numbers them"),
            Self::TimeRuns => Some("`exchange-sim speed stepped` lets you advance it by hand"),
            Self::TooMany { .. } => None,
            Self::Journal(_) => Some("make room on the disk of the state directory"),
        }
    }
}
