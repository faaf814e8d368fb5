//! Why a session could not be opened, or ended before it was closed.

use std::time::Duration;

use crate::error::refusal::{self, Refusal};
use crate::error::{BUSY_PAUSE, Retry};
use crate::http::HttpError;
use crate::psrp::ProtocolError;
use crate::psrp::body::ErrorRecord;
use crate::wsman::fault::OPERATION_ABORTED;
use crate::wsman::{EnvelopeError, Fault};

/// Why a session could not be opened, or ended before it was closed.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The server was not reached, or did not let us in.
    #[error("cannot speak to exchange")]
    Transport {
        /// What failed.
        #[from]
        source: HttpError,
    },
    /// Too many shells, or too much work: the server may say how long to wait.
    #[error("exchange asks for patience: {message}")]
    Throttled {
        /// How long to wait, where it is said.
        wait: Option<Duration>,
        /// The server's text.
        message: String,
    },
    /// The shell is gone: expired, recycled, or out of reach because a front end lost track of it.
    #[error("the remote shell is gone: {message}")]
    Gone {
        /// The server's text.
        message: String,
    },
    /// WS-Management refused the request.
    #[error("exchange refused the request")]
    Fault {
        /// The fault.
        source: Box<Fault>,
    },
    /// The runspace did not open.
    #[error("the runspace did not open: {}", record.as_ref().map_or("no reason given", |it| it.text()))]
    Broken {
        /// The server's reason.
        record: Option<Box<ErrorRecord>>,
    },
    /// The runspace did not open in time.
    #[error("the runspace did not open within {} s", limit.as_secs())]
    OpenTimedOut {
        /// The limit.
        limit: Duration,
    },
    /// What came is no WS-Management.
    #[error("cannot read the answer's envelope")]
    Envelope {
        /// What was wrong.
        #[from]
        source: EnvelopeError,
    },
    /// The answer is one to another question.
    #[error("exchange answered with something else ({found})")]
    Unexpected {
        /// The element that came.
        found: String,
    },
    /// What came breaks the remoting protocol.
    #[error("cannot read what the runspace said")]
    Protocol {
        /// What was wrong.
        #[from]
        source: ProtocolError,
    },
    /// A pipeline ended without saying how.
    #[error("the command ended without saying how")]
    Silent,
    /// The session ended earlier, or was closed.
    #[error("the session has ended")]
    Ended,
}

impl SessionError {
    /// Reads a fault of WS-Management.
    pub(crate) fn from_fault(fault: Fault) -> Self {
        let message = fault.text().to_owned();
        let is_gone = fault.is_shell_gone()
            || fault.code == Some(OPERATION_ABORTED)
            // In public posts about front ends that lost track of a shell.
            || message.contains("WSMan-InvalidShellID");
        if is_gone {
            Self::Gone { message }
        } else if fault.is_quota() || refusal::is_throttling(&message) {
            Self::Throttled { wait: refusal::wait(&message), message }
        } else {
            Self::Fault { source: Box::new(fault) }
        }
    }

    /// When to try again, with a new session where this one is lost.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Transport { source } => source.retry(),
            Self::Throttled { wait, .. } => Retry::After(wait.unwrap_or(BUSY_PAUSE)),
            Self::Gone { .. } | Self::Ended => Retry::Now,
            Self::Broken { record: Some(record) } => Refusal::of(record).retry(),
            Self::OpenTimedOut { .. } | Self::Silent => Retry::After(BUSY_PAUSE),
            Self::Fault { .. }
            | Self::Broken { record: None }
            | Self::Envelope { .. }
            | Self::Unexpected { .. }
            | Self::Protocol { .. } => Retry::Never,
        }
    }

    /// Whether the server is down or sick, so that another server of the organization may do
    /// better. Never after a refused account: trying it elsewhere could lock it.
    pub fn is_server_down(&self) -> bool {
        match self {
            Self::Transport { source } => source.is_server_down(),
            Self::Gone { .. } | Self::OpenTimedOut { .. } | Self::Silent => true,
            Self::Throttled { .. }
            | Self::Fault { .. }
            | Self::Broken { .. }
            | Self::Envelope { .. }
            | Self::Unexpected { .. }
            | Self::Protocol { .. }
            | Self::Ended => false,
        }
    }

    /// Whether the server may have acted on the request that failed.
    pub(crate) fn may_have_acted(&self) -> bool {
        match self {
            Self::Transport { source } => source.may_have_acted(),
            // A front end that lost its shell may have lost it after it passed the command on.
            Self::Gone { .. }
            | Self::Envelope { .. }
            | Self::Unexpected { .. }
            | Self::Protocol { .. }
            | Self::Silent => true,
            Self::Throttled { .. }
            | Self::Fault { .. }
            | Self::Broken { .. }
            | Self::OpenTimedOut { .. }
            | Self::Ended => false,
        }
    }

    /// Whether nothing can be run in the session any more.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Throttled { .. } | Self::Fault { .. } => false,
            Self::Transport { source } => source.may_have_acted(),
            Self::Gone { .. }
            | Self::Broken { .. }
            | Self::OpenTimedOut { .. }
            | Self::Envelope { .. }
            | Self::Unexpected { .. }
            | Self::Protocol { .. }
            | Self::Silent
            | Self::Ended => true,
        }
    }

    /// One word for a metric or a span.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Transport { source } => source.word(),
            Self::Throttled { .. } => "throttled",
            Self::Gone { .. } | Self::Ended => "session_dead",
            Self::Fault { .. } => "fault",
            Self::Broken { .. } | Self::OpenTimedOut { .. } => "not_opened",
            Self::Envelope { .. }
            | Self::Unexpected { .. }
            | Self::Protocol { .. }
            | Self::Silent => "protocol",
        }
    }
}
