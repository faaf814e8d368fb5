//! What the agent needs of an Exchange organization, in domain words: the seam between what exgate
//! wants and how a server is spoken to.

use std::fmt;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use tokio::sync::mpsc;

use exgate_domain::check;
use exgate_domain::command::{ListEdit, ReceiptOutcome};
use exgate_domain::ids::MailboxId;
use exgate_domain::observation::{Key, Mailbox, Observation, Scope};
use exgate_domain::snapshot::Finished;
use exgate_domain::statistics::StatisticsOutcome;
use exgate_domain::sync::Completeness;

use crate::collect::{DigestTable, RawDigest};

pub use exgate_domain::snapshot::Step;

/// An Exchange organization that can be looked at and changed.
pub trait Exchange: Send + Sync + fmt::Debug {
    /// Finds out, step by step, whether everything works.
    fn preflight(&self) -> BoxFuture<'_, Preflight>;

    /// The same anew and in more detail, in a session of its own; each step is told as it is known.
    fn doctor(&self, told: mpsc::Sender<check::Step>) -> BoxFuture<'_, Preflight>;

    /// Looks at a part of the organization. What is seen goes to `seen` as it arrives; a slow
    /// receiver slows the reading down. An object that is `known` need not be read. What was printed
    /// before a break comes again.
    fn look<'a>(
        &'a self,
        wanted: &'a Wanted,
        known: &'a DigestTable,
        seen: mpsc::Sender<Seen>,
    ) -> BoxFuture<'a, Result<Completeness, LookError>>;

    /// Asks one mailbox what it knows of its devices, all of them in one call.
    fn statistics(&self, mailbox: MailboxId) -> BoxFuture<'_, StatisticsOutcome>;

    /// Changes one mailbox's two lists in one cmdlet, and reads the mailbox back. The cmdlet leaves by
    /// `start_by` or never: to open a session may take longer than what is left of a lease.
    fn edit_lists<'a>(
        &'a self,
        mailbox: MailboxId,
        edit: &'a ListEdit,
        start_by: Instant,
    ) -> BoxFuture<'a, Attempt>;

    /// Gives back what the server holds for us.
    fn close(&self) -> BoxFuture<'_, ()>;
}

/// What a look is to show, and where it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Which part of the organization.
    pub scope: Scope,
    /// The domain controller to ask; empty for any.
    pub controller: String,
    /// The last step that another look has listed to its end.
    pub after: Option<Finished>,
}

/// Something that came out of a look.
#[derive(Debug)]
pub enum Seen {
    /// What is being read now.
    Step(Step),
    /// Some objects, as they arrived.
    Objects(Vec<Seeing>),
    /// A listing broke off and begins again: what it has shown comes again.
    Repeated,
    /// A step of a look at everything was listed to its end.
    Finished(Finished),
}

/// One object that was seen.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "batches are short, and most rows of the first are read"
)]
pub enum Seeing {
    /// It was read.
    Read {
        /// What it is.
        observation: Observation,
        /// The digest of its bytes, where it was taken.
        raw: Option<RawDigest>,
    },
    /// Its bytes say that the coordinator has it like this.
    Known(Key),
}

/// Why a look failed. Nothing that was seen may be taken for a whole.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LookError {
    /// A cmdlet, or the way to the server, failed.
    #[error("{during} failed: {cause}")]
    Cmdlet {
        /// The cmdlet, or `sign-in` and the like.
        during: String,
        /// The error with its causes.
        cause: String,
    },
    /// A row is not what it should be.
    #[error("{during} answered something unreadable: {cause}")]
    Row {
        /// The cmdlet.
        during: String,
        /// What is wrong.
        cause: String,
    },
    /// The domain controller that is asked does not answer any more.
    #[error("domain controller {controller} does not answer any more, and each is its own copy")]
    ControllerGone {
        /// Its name.
        controller: String,
    },
    /// Whoever wanted the observations went away.
    #[error("the sync was cut short")]
    Abandoned,
}

/// What came of one attempt to change a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Whether the cmdlet ran.
    pub outcome: ReceiptOutcome,
    /// The mailbox as read back.
    pub read_back: Option<Mailbox>,
    /// The cmdlet as sent, for the audit; empty when none was sent.
    pub cmdlet: String,
    /// The server that answered; empty when none did.
    pub server: String,
    /// How long it took.
    pub took: Duration,
}

/// What the agent found out about its Exchange.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Preflight {
    /// Each step, in order.
    pub steps: Vec<check::Step>,
    /// The server it talks to.
    pub server: String,
    /// `AdminDisplayVersion` of that server; empty when not known yet.
    pub exchange_version: String,
    /// Whether the server filters devices by the time of change.
    pub filters_by_change: bool,
    /// Whether the account lacks rights that changing access takes.
    pub may_not_write: bool,
    /// The script that gives the account what it lacks; empty when it lacks nothing.
    pub role_script: String,
    /// A failure that trying again would make worse, such as a refused password.
    pub is_final: bool,
}

impl Preflight {
    /// The first step that failed.
    pub fn failure(&self) -> Option<&check::Step> {
        self.steps.iter().find(|step| step.has_failed())
    }
}
