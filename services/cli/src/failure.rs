//! How a command can fail, and which exit code says so to a script. Every failure has exactly one.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use tonic::{Code, Status, TimeoutExpired};
use tonic_types::{ErrorInfo, StatusExt};

/// The exit code of what took too long.
const OUT_OF_TIME: u8 = 8;

/// Why a command did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The coordinator refused, or did not answer.
    #[error("cannot {attempt}")]
    Call {
        /// What was asked of it.
        attempt: &'static str,
        /// Its answer.
        status: Box<Status>,
    },
    /// The coordinator did not answer in time.
    #[error("cannot {attempt}: no answer came within {within:?}")]
    NoAnswer {
        /// What was asked of it.
        attempt: &'static str,
        /// How long it was given.
        within: Duration,
    },
    /// The coordinator's address cannot be used.
    #[error(transparent)]
    Address(#[from] exgate_runtime::listen::ListenError),
    /// What was typed makes no sense here.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to type instead; may be empty.
        cure: String,
    },
    /// A file cannot be read.
    #[error("cannot read {path}")]
    File {
        /// Which.
        path: String,
        /// What the operating system says.
        source: io::Error,
    },
    /// Nothing has this name.
    #[error("{what} {name:?} not found")]
    NotFound {
        /// Kind of thing, for people.
        what: &'static str,
        /// Its name.
        name: String,
        /// The command that lists what there is.
        see: String,
    },
    /// Several devices have this name.
    #[error("device {device:?} is in {} mailboxes", candidates.len())]
    Ambiguous {
        /// What was typed.
        device: String,
        /// Resource name and user of each.
        candidates: Vec<(String, String)>,
    },
    /// A sync that was waited for failed.
    #[error("sync of {organization} failed: {why}")]
    SyncFailed {
        /// Whose.
        organization: String,
        /// Why, in one line.
        why: String,
        /// The trace it ran in; may be empty.
        trace: String,
    },
    /// A check found something that is not good enough.
    #[error("{failed} of the steps to the Exchange of {organization} failed")]
    CheckFailed {
        /// Whose.
        organization: String,
        /// How many steps failed.
        failed: u32,
    },
    /// A check ended without a report.
    #[error("the check of {organization} ended without a report")]
    CheckCut {
        /// Whose.
        organization: String,
    },
    /// A simulation ended without a summary.
    #[error("the simulation ended without a summary")]
    SimulationCut,
    /// Some organizations failed; each was told at its time.
    #[error("{failed} of {of} organizations failed")]
    Partial {
        /// How many failed.
        failed: usize,
        /// Of how many.
        of: usize,
    },
    /// Policies or their tests are not good; what is wrong was printed.
    #[error("{0}")]
    PoliciesRefused(&'static str),
    /// The evaluator beside this program cannot be started.
    #[error("cannot start {}", program.display())]
    NoEvaluator {
        /// Its path.
        program: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The evaluator ended otherwise than with an answer.
    #[error("exgate-evaluator ended without an answer ({status}): {said}")]
    Evaluator {
        /// How it ended.
        status: ExitStatus,
        /// What it said.
        said: String,
    },
    /// The demo could not be played.
    #[error(transparent)]
    Demo(#[from] crate::demo::DemoError),
    /// The command took too long.
    #[error("gave up after {after:?}")]
    TimedOut {
        /// How long it was given.
        after: Duration,
    },
    /// Somebody pressed Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// The result cannot be written.
    #[error("cannot write the result")]
    Output(#[source] io::Error),
    /// An answer cannot be turned into JSON.
    #[error("cannot print {what} as JSON")]
    Json {
        /// The message.
        what: &'static str,
        /// Why.
        reason: String,
    },
}

impl Failure {
    /// A refused call.
    pub(crate) fn call(attempt: &'static str) -> impl FnOnce(Status) -> Self {
        move |status| Self::Call { attempt, status: Box::new(status) }
    }

    /// The exit code.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::CheckFailed { .. } | Self::PoliciesRefused(_) => 1,
            Self::Call { status, .. } => exit_code(code(status)),
            Self::Address(_) | Self::Usage { .. } | Self::File { .. } => 2,
            Self::NotFound { .. } => 3,
            Self::Ambiguous { .. } => 6,
            Self::TimedOut { .. } | Self::NoAnswer { .. } => OUT_OF_TIME,
            Self::Partial { .. } => 9,
            Self::SyncFailed { .. }
            | Self::CheckCut { .. }
            | Self::NoEvaluator { .. }
            | Self::Evaluator { .. }
            | Self::SimulationCut
            | Self::Demo(_)
            | Self::Json { .. } => 10,
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
            Self::Output(_) => 10,
            Self::Interrupted => 130,
        }
    }

    /// Whether the coordinator is away for now, and asking again may help.
    pub(crate) fn is_passing(&self) -> bool {
        let is_away = |status| code(status) == Code::Unavailable;
        matches!(self, Self::NoAnswer { .. })
            || matches!(self, Self::Call { status, .. } if is_away(status))
    }

    /// Whether time ran out, so that nobody here knows what was done.
    pub(crate) fn is_deadline(&self) -> bool {
        self.exit_code() == OUT_OF_TIME
    }

    /// Whether nobody wants to hear about it: the reader of our output has seen enough.
    pub(crate) fn is_quiet(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// The machine-readable reason: the coordinator's own where there is one.
    pub(crate) fn reason(&self) -> Option<String> {
        match self {
            Self::Call { status, .. } => Some(match info(status) {
                Some(info) => info.reason,
                None => name(code(status)).to_owned(),
            }),
            Self::NotFound { what, .. } => {
                Some(format!("{}_NOT_FOUND", what.to_ascii_uppercase().replace(' ', "_")))
            }
            Self::Ambiguous { .. } => Some("DEVICE_AMBIGUOUS".to_owned()),
            Self::TimedOut { .. } | Self::NoAnswer { .. } => {
                Some(name(Code::DeadlineExceeded).to_owned())
            }
            Self::Address(_)
            | Self::Usage { .. }
            | Self::File { .. }
            | Self::SyncFailed { .. }
            | Self::CheckFailed { .. }
            | Self::CheckCut { .. }
            | Self::PoliciesRefused(_)
            | Self::NoEvaluator { .. }
            | Self::Evaluator { .. }
            | Self::SimulationCut
            | Self::Demo(_)
            | Self::Partial { .. }
            | Self::Interrupted
            | Self::Output(_)
            | Self::Json { .. } => None,
        }
    }
}

/// The `google.rpc.ErrorInfo` of an answer.
pub(crate) fn info(status: &Status) -> Option<ErrorInfo> {
    status.get_details_error_info().filter(|info| !info.reason.is_empty())
}

/// The code of an answer. Where none came, tonic's own code says less than its cause: our deadline is
/// a deadline, not a cancellation, and a connection that broke is a server that is not there.
pub(crate) fn code(status: &Status) -> Code {
    if is_expired(status) {
        Code::DeadlineExceeded
    } else if causes(status).any(|it| it.is::<tonic::transport::Error>()) {
        Code::Unavailable
    } else {
        status.code()
    }
}

/// Whether our own deadline ended the call.
pub(crate) fn is_expired(status: &Status) -> bool {
    causes(status).any(|it| it.is::<TimeoutExpired>())
}

/// Whether no server answered at all.
pub(crate) fn is_unreachable(status: &Status) -> bool {
    std::error::Error::source(status).is_some() && code(status) == Code::Unavailable
}

/// What stands behind an answer that never came from a server, outermost first.
pub(crate) fn causes<'a>(
    status: &'a Status,
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    let first = std::error::Error::source(status);
    std::iter::successors(first, |error| error.source())
}

fn exit_code(code: Code) -> u8 {
    match code {
        Code::Ok => 0,
        Code::NotFound => 3,
        Code::Unauthenticated | Code::PermissionDenied => 4,
        Code::FailedPrecondition | Code::Aborted | Code::AlreadyExists => 5,
        Code::InvalidArgument | Code::OutOfRange => 6,
        Code::Unavailable | Code::ResourceExhausted => 7,
        Code::DeadlineExceeded => OUT_OF_TIME,
        Code::Cancelled | Code::Unknown | Code::Unimplemented | Code::Internal | Code::DataLoss => {
            10
        }
    }
}

fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    #[test]
    fn every_code_ends_as_the_table_says() {
        let table = [
            (Code::NotFound, 3),
            (Code::Unauthenticated, 4),
            (Code::PermissionDenied, 4),
            (Code::FailedPrecondition, 5),
            (Code::Aborted, 5),
            (Code::AlreadyExists, 5),
            (Code::InvalidArgument, 6),
            (Code::OutOfRange, 6),
            (Code::Unavailable, 7),
            (Code::ResourceExhausted, 7),
            (Code::DeadlineExceeded, 8),
            (Code::Internal, 10),
            (Code::Unknown, 10),
            (Code::Unimplemented, 10),
        ];
        for (code, expected) in table {
            let failure = Failure::call("ask")(Status::new(code, ""));
            assert_eq!(failure.exit_code(), expected, "{code:?}");
            assert_eq!(failure.reason().as_deref(), Some(name(code)));
        }
    }

    #[test]
    fn our_own_failures_have_theirs() {
        let usage = Failure::Usage { message: String::new(), cure: String::new() };
        assert_eq!(usage.exit_code(), 2);
        let found = Failure::NotFound { what: "device", name: "x".into(), see: String::new() };
        assert_eq!(found.exit_code(), 3);
        assert_eq!(found.reason().as_deref(), Some("DEVICE_NOT_FOUND"));
        let ambiguous = Failure::Ambiguous { device: "x".into(), candidates: vec![] };
        assert_eq!(ambiguous.exit_code(), 6);
        assert_eq!(Failure::TimedOut { after: Duration::from_secs(1) }.exit_code(), 8);
        let silence = Failure::NoAnswer { attempt: "ask", within: Duration::from_secs(30) };
        assert_eq!(silence.exit_code(), 8);
        assert!(silence.is_passing() && silence.is_deadline());
        assert_eq!(Failure::Partial { failed: 1, of: 2 }.exit_code(), 9);
        let failed = Failure::CheckFailed { organization: "contoso".into(), failed: 1 };
        assert_eq!(failed.exit_code(), 1);
        assert_eq!(Failure::Interrupted.exit_code(), 130);
    }

    #[test]
    fn only_an_absent_coordinator_is_worth_asking_again() {
        let passing = |code| Failure::call("ask")(Status::new(code, "")).is_passing();
        assert!(passing(Code::Unavailable));
        assert!(!passing(Code::NotFound));
        assert!(!passing(Code::ResourceExhausted));
        assert!(!Failure::Interrupted.is_passing());
    }

    #[test]
    fn a_reader_who_left_is_no_failure() {
        let gone = Failure::Output(io::ErrorKind::BrokenPipe.into());
        assert!(gone.is_quiet());
        assert_eq!(gone.exit_code(), 0);
        assert_eq!(Failure::Output(io::ErrorKind::StorageFull.into()).exit_code(), 10);
    }

    #[test]
    fn the_coordinators_own_reason_beats_the_code() {
        let details = ErrorDetails::with_error_info(
            "SYNC_ALREADY_RUNNING",
            "exgate.dev",
            std::collections::HashMap::<String, String>::new(),
        );
        let status = Status::with_error_details(Code::Aborted, "a sync is running", details);
        let failure = Failure::call("start a sync")(status);
        assert_eq!(failure.reason().as_deref(), Some("SYNC_ALREADY_RUNNING"));
        assert_eq!(failure.exit_code(), 5);
    }
}
