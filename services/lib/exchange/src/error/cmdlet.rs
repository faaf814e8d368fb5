//! Why a cmdlet did not end well.

use std::time::Duration;

use crate::clixml::ReadError;
use crate::error::refusal::{self, Refusal};
use crate::error::{BUSY_PAUSE, Retry, SessionError};
use crate::psrp::body::ErrorRecord;

/// Why a cmdlet did not end well.
#[derive(Debug, thiserror::Error)]
pub enum CmdletError {
    /// Exchange said no, in an error record.
    #[error("{cmdlet} was refused: {} ({})", record.message, refusal::class(record))]
    Refused {
        /// The cmdlet.
        cmdlet: &'static str,
        /// What the record means.
        refusal: Refusal,
        /// The record.
        record: Box<ErrorRecord>,
    },
    /// The answer was lost after the cmdlet may have taken effect.
    #[error("nobody knows whether {cmdlet} took effect")]
    OutcomeUnknown {
        /// The cmdlet.
        cmdlet: &'static str,
        /// How the answer was lost; `None` when the time limit ran out.
        source: Option<SessionError>,
    },
    /// The session failed before the cmdlet could change anything.
    #[error("{cmdlet} could not be run")]
    Session {
        /// The cmdlet.
        cmdlet: &'static str,
        /// What failed.
        source: SessionError,
    },
    /// Its turn would have come too late, because the server asked for patience or the account's
    /// budget is used up. Nothing was sent.
    #[error("{cmdlet} was not sent: its turn would not come for {} s", wait.as_secs())]
    NoTurn {
        /// The cmdlet.
        cmdlet: &'static str,
        /// How long to wait before it is said again.
        wait: Duration,
    },
    /// A cmdlet that changes nothing took longer than allowed and was stopped.
    #[error("{cmdlet} was not done within {} s", limit.as_secs())]
    TimedOut {
        /// The cmdlet.
        cmdlet: &'static str,
        /// The limit.
        limit: Duration,
    },
    /// The caller stopped it.
    #[error("{cmdlet} was stopped")]
    Stopped {
        /// The cmdlet.
        cmdlet: &'static str,
    },
    /// The server asked a question that nobody is there to answer; the cmdlet was stopped.
    #[error("{cmdlet} asked for a person ({method})")]
    Prompted {
        /// The cmdlet.
        cmdlet: &'static str,
        /// The method of the host that it called.
        method: String,
    },
    /// An object that the cmdlet printed could not be read.
    #[error("cannot read an object that {cmdlet} printed")]
    Row {
        /// The cmdlet.
        cmdlet: &'static str,
        /// What was wrong with it.
        source: ReadError,
    },
    /// Exchange held results back although it was asked for all of them.
    #[error("{cmdlet} held results back")]
    Incomplete {
        /// The cmdlet.
        cmdlet: &'static str,
    },
}

impl CmdletError {
    /// Reads a refusal.
    pub(crate) fn refused(cmdlet: &'static str, record: ErrorRecord) -> Self {
        Self::Refused { cmdlet, refusal: Refusal::of(&record), record: Box::new(record) }
    }

    /// What Exchange meant, if it answered at all.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused { refusal, .. } => Some(refusal),
            Self::OutcomeUnknown { .. }
            | Self::Session { .. }
            | Self::NoTurn { .. }
            | Self::TimedOut { .. }
            | Self::Stopped { .. }
            | Self::Prompted { .. }
            | Self::Row { .. }
            | Self::Incomplete { .. } => None,
        }
    }

    /// When the cmdlet may be said again.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Refused { refusal, .. } => refusal.retry(),
            Self::OutcomeUnknown { .. } => Retry::ReadBackFirst,
            Self::Session { source, .. } => source.retry(),
            Self::NoTurn { wait, .. } => Retry::After(*wait),
            Self::TimedOut { .. } => Retry::After(BUSY_PAUSE),
            Self::Stopped { .. }
            | Self::Prompted { .. }
            | Self::Row { .. }
            | Self::Incomplete { .. } => Retry::Never,
        }
    }

    /// Whether the session is lost, so that the next cmdlet needs a new one.
    pub fn is_session_dead(&self) -> bool {
        match self {
            Self::Session { source, .. } => source.is_final(),
            Self::OutcomeUnknown { source, .. } => {
                source.as_ref().is_some_and(SessionError::is_final)
            }
            Self::Refused { .. }
            | Self::NoTurn { .. }
            | Self::TimedOut { .. }
            | Self::Stopped { .. }
            | Self::Prompted { .. }
            | Self::Row { .. }
            | Self::Incomplete { .. } => false,
        }
    }

    /// One word for a metric or a span.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Refused { refusal, .. } => refusal.word(),
            Self::OutcomeUnknown { .. } => "outcome_unknown",
            Self::Session { source, .. } => source.word(),
            Self::NoTurn { .. } => "throttled",
            Self::TimedOut { .. } => "timed_out",
            Self::Stopped { .. } => "stopped",
            Self::Prompted { .. } => "prompted",
            Self::Row { .. } => "malformed",
            Self::Incomplete { .. } => "incomplete",
        }
    }
}
