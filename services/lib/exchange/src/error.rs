//! Why Exchange did not do what it was asked, and what that means for the next attempt. What a
//! cmdlet refused is told apart by the class of its exception; texts are localised and are
//! matched only where there is no class.

mod refusal;
mod session;
mod cmdlet;

use std::io::ErrorKind;
use std::time::Duration;

use crate::http::{HttpError, ProxyError};

pub use cmdlet::CmdletError;
pub use refusal::{Refusal, class, delay_applied, is_more_available};
pub use session::SessionError;

/// When to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Not before something was changed by somebody.
    Never,
    /// At once, on a new session where this one is dead.
    Now,
    /// Not before this time has passed.
    After(Duration),
    /// Only after a look at what the organization says now: the last attempt may have taken
    /// effect.
    ReadBackFirst,
}

/// How long to leave a server alone that is busy or down and does not say how long.
pub(crate) const BUSY_PAUSE: Duration = Duration::from_secs(30);

impl HttpError {
    /// When the same request may be sent again, if it changes nothing.
    pub fn retry(&self) -> Retry {
        match self {
            // A refused password is counted by the directory: repeating it locks the account.
            Self::Unauthorized { .. }
            | Self::SignedOut { .. }
            | Self::Forbidden { .. }
            | Self::Redirected { .. }
            | Self::RedirectRefused { .. }
            | Self::Certificate { .. }
            | Self::TooLarge { .. }
            | Self::Request { .. } => Retry::Never,
            Self::SignIn { source, .. } if source.is_passing() => Retry::After(BUSY_PAUSE),
            Self::SignIn { .. } => Retry::Never,
            // A certificate does not get better by itself; a server that goes away does.
            Self::Tls { source, .. } if source.kind() == ErrorKind::InvalidData => Retry::Never,
            Self::Status { status, .. } if *status < 500 => Retry::Never,
            Self::Unavailable { retry_after, .. } => {
                Retry::After(retry_after.unwrap_or(BUSY_PAUSE))
            }
            Self::Proxy { source, .. } if matches!(**source, ProxyError::Authentication { .. }) => {
                Retry::Never
            }
            Self::Resolve { .. }
            | Self::Connect { .. }
            | Self::ConnectTimedOut { .. }
            | Self::Proxy { .. }
            | Self::Tls { .. }
            | Self::Status { .. }
            | Self::TimedOut { .. } => Retry::After(BUSY_PAUSE),
            Self::NotSent { .. } | Self::Interrupted { .. } => Retry::Now,
        }
    }

    /// One word for a metric or a span.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Resolve { .. } => "dns",
            Self::Connect { .. } | Self::ConnectTimedOut { .. } => "connect",
            Self::Proxy { .. } => "proxy",
            Self::Certificate { .. } | Self::Tls { .. } => "tls",
            Self::Unauthorized { .. } => "unauthorized",
            Self::SignIn { source, .. } => source.word(),
            Self::SignedOut { .. } => "signed_out",
            Self::Forbidden { .. } => "forbidden",
            Self::Redirected { .. } | Self::RedirectRefused { .. } => "redirected",
            Self::Unavailable { .. } => "unavailable",
            Self::TimedOut { .. } => "timed_out",
            Self::Status { .. }
            | Self::TooLarge { .. }
            | Self::NotSent { .. }
            | Self::Interrupted { .. }
            | Self::Request { .. } => "transport",
        }
    }
}

#[cfg(test)]
mod tests;
