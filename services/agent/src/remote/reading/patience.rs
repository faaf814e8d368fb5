//! Why a listing broke off, and how often and when it is run again: what a new session may cure, a
//! few times per look; a refusal never.

use std::fmt;
use std::time::Duration;

use exgate_exchange::cmdlets::DomainController;
use exgate_exchange::error::{CmdletError, Refusal, Retry, SessionError};
use exgate_runtime::backoff::Backoff;

use crate::exchange::LookError;
use crate::remote::{OpenError, is_refusal};

/// How often cmdlets of one look may be run again.
const REPEATS_MAX: u32 = 6;
/// Ceiling of the wait after the first break.
const WAIT_FIRST: Duration = Duration::from_secs(1);
/// Ceiling of any wait that Exchange did not ask for.
const WAIT_LONGEST: Duration = Duration::from_secs(60);
/// The longest wait that Exchange may ask for; the look is given up where it wants more.
const WAIT_ASKED_MAX: Duration = Duration::from_secs(10 * 60);

/// Why a listing ended early.
pub(super) enum Broken {
    /// There is no session.
    Open(OpenError),
    /// The cmdlet failed.
    Cmdlet(CmdletError),
    /// The domain controller that is asked does not answer any more.
    ControllerGone(String),
    /// Nobody wants to know any more.
    Abandoned,
}

impl From<CmdletError> for Broken {
    fn from(error: CmdletError) -> Self {
        Self::Cmdlet(error)
    }
}

impl From<OpenError> for Broken {
    fn from(error: OpenError) -> Self {
        Self::Open(error)
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(error) => f.write_str(&exgate_runtime::report(error)),
            Self::Cmdlet(error) => f.write_str(&exgate_runtime::report(error)),
            Self::ControllerGone(controller) => write!(f, "{controller} does not answer"),
            Self::Abandoned => f.write_str("abandoned"),
        }
    }
}

impl Broken {
    /// Whether Exchange says that there is no such object.
    pub(super) fn is_not_found(&self) -> bool {
        match self {
            Self::Cmdlet(error) => error.refusal() == Some(&Refusal::NotFound),
            Self::Open(_) | Self::ControllerGone(_) | Self::Abandoned => false,
        }
    }

    /// Whether the account, or the version, does not have the cmdlet.
    pub(super) fn is_hidden(&self) -> bool {
        match self {
            Self::Cmdlet(error) => {
                matches!(error.refusal(), Some(Refusal::CmdletMissing | Refusal::Forbidden))
            }
            Self::Open(_) | Self::ControllerGone(_) | Self::Abandoned => false,
        }
    }

    /// Itself, or that the domain controller is gone where the refusal names it: Exchange has no
    /// class of its own for that, and its texts are localised, but the name stands in all of them.
    pub(super) fn or_controller(self, controller: Option<DomainController>) -> Self {
        let Some(controller) = controller else { return self };
        match &self {
            Self::Cmdlet(CmdletError::Refused { record, .. })
                if names(&record.message, controller.as_str()) =>
            {
                Self::ControllerGone(controller.as_str().to_owned())
            }
            Self::Open(_) | Self::Cmdlet(_) | Self::ControllerGone(_) | Self::Abandoned => self,
        }
    }

    /// What it means to the look.
    pub(super) fn into_look(self, during: &'static str) -> LookError {
        let cmdlet = |error: &(dyn std::error::Error + 'static)| LookError::Cmdlet {
            during: during.to_owned(),
            cause: exgate_runtime::report(error),
        };
        match self {
            Self::Abandoned => LookError::Abandoned,
            Self::ControllerGone(controller) => LookError::ControllerGone { controller },
            Self::Open(error) => LookError::Cmdlet {
                during: "sign-in".to_owned(),
                cause: exgate_runtime::report(&error),
            },
            Self::Cmdlet(error @ CmdletError::Row { .. }) => {
                LookError::Row { during: during.into(), cause: exgate_runtime::report(&error) }
            }
            Self::Cmdlet(error) => cmdlet(&error),
        }
    }

    /// How long Exchange wants to be left alone; none when trying again is no use.
    fn pause(&self) -> Option<Duration> {
        match self {
            Self::Abandoned | Self::ControllerGone(_) => None,
            Self::Open(OpenError::Refused) => None,
            Self::Open(OpenError::Session(error)) if is_refusal(error) => None,
            Self::Open(OpenError::Session(error)) => pause_of(error),
            Self::Open(OpenError::Forest(error)) => pause_in(error),
            Self::Cmdlet(error) => pause_in(error),
        }
    }
}

/// Whether a text names a domain controller.
pub(super) fn names(text: &str, controller: &str) -> bool {
    text.to_ascii_lowercase().contains(&controller.to_ascii_lowercase())
}

fn pause_of(error: &SessionError) -> Option<Duration> {
    match (error, error.retry()) {
        (_, Retry::Never) => None,
        (SessionError::Throttled { .. }, Retry::After(wait)) => Some(wait),
        // A new session may be on another server: it need not wait for this one.
        (_, Retry::After(_) | Retry::Now | Retry::ReadBackFirst) => Some(Duration::ZERO),
    }
}

fn pause_in(error: &CmdletError) -> Option<Duration> {
    match error {
        // A listing that took hours would take them again.
        CmdletError::TimedOut { .. } => None,
        CmdletError::Session { source, .. }
        | CmdletError::OutcomeUnknown { source: Some(source), .. } => pause_of(source),
        CmdletError::Refused { refusal: Refusal::Throttled(wait), .. } => {
            Some(wait.unwrap_or_default())
        }
        CmdletError::Refused { refusal, .. } => match refusal.retry() {
            Retry::Never => None,
            Retry::After(_) | Retry::Now | Retry::ReadBackFirst => Some(Duration::ZERO),
        },
        CmdletError::NoTurn { wait, .. } => Some(*wait),
        CmdletError::OutcomeUnknown { source: None, .. }
        | CmdletError::Stopped { .. }
        | CmdletError::Prompted { .. }
        | CmdletError::Row { .. }
        | CmdletError::Incomplete { .. } => None,
    }
}

/// How often one look still tries again.
#[derive(Debug)]
pub(super) struct Patience {
    repeats: u32,
    backoff: Backoff,
}

impl Default for Patience {
    fn default() -> Self {
        Self { repeats: 0, backoff: Backoff::default().between(WAIT_FIRST, WAIT_LONGEST) }
    }
}

impl Patience {
    /// How long to wait before what broke is tried again; none when that is no use, or was done too
    /// often.
    pub(super) fn wait(&mut self, broken: &Broken) -> Option<Duration> {
        let pause = broken.pause().filter(|pause| *pause <= WAIT_ASKED_MAX)?;
        if self.repeats >= REPEATS_MAX {
            return None;
        }
        self.repeats += 1;
        Some(pause + self.backoff.wait())
    }
}

#[cfg(test)]
mod tests {
    use exgate_exchange::http::HttpError;
    use exgate_exchange::psrp::body::ErrorRecord;

    use super::*;

    fn lost() -> Broken {
        let source = SessionError::Gone { message: "recycled".into() };
        Broken::Cmdlet(CmdletError::Session { cmdlet: "Get-X", source })
    }

    fn refused(refusal: Refusal, message: &str) -> Broken {
        let record = ErrorRecord { message: message.into(), ..ErrorRecord::default() };
        Broken::Cmdlet(CmdletError::Refused { cmdlet: "Get-X", refusal, record: Box::new(record) })
    }

    #[test]
    fn what_a_new_session_may_cure_is_tried_again_a_few_times() {
        let mut patience = Patience::default();
        for repeat in 0..REPEATS_MAX {
            assert!(patience.wait(&lost()).is_some(), "repeat {repeat}");
        }
        assert_eq!(patience.wait(&lost()), None);
    }

    #[test]
    fn a_refusal_is_not_tried_again_and_a_wait_that_is_asked_for_is_kept() {
        let mut patience = Patience::default();
        let account = HttpError::Forbidden { host: "ex01".into(), account: "svc".into() };
        let signed_off = SessionError::Transport { source: account };
        for no_use in [
            Broken::Open(OpenError::Refused),
            Broken::Open(OpenError::Session(signed_off)),
            refused(Refusal::Forbidden, ""),
            refused(Refusal::NotFound, ""),
            refused(Refusal::Throttled(Some(WAIT_ASKED_MAX * 2)), ""),
            Broken::Abandoned,
        ] {
            assert_eq!(patience.wait(&no_use), None, "{no_use}");
        }
        let asked = Duration::from_secs(42);
        assert!(patience.wait(&refused(Refusal::Throttled(Some(asked)), "")) >= Some(asked));
        assert!(patience.wait(&refused(Refusal::DirectoryTrouble, "")).is_some());
    }

    #[test]
    fn a_refusal_that_names_the_controller_is_about_it() {
        let controller = || DomainController::new("dc01.contoso.com").ok();
        let gone = "Der Domänencontroller 'DC01.contoso.com' ist nicht verfügbar.";
        let broken = refused(Refusal::NotFound, gone).or_controller(controller());
        assert!(matches!(broken, Broken::ControllerGone(name) if name == "dc01.contoso.com"));
        let other =
            refused(Refusal::NotFound, "jane couldn't be found").or_controller(controller());
        assert!(other.is_not_found());
        assert!(refused(Refusal::NotFound, gone).or_controller(None).is_not_found());
    }
}
