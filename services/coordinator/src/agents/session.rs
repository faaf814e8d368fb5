//! One attached agent: what can be said to it, and how it is cut off. What is said queues here, up
//! to a limit; an agent that does not read that much is cut off.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use exgate_domain::command::Command;
use exgate_domain::ids::{AgentId, CheckId, CommandId, MailboxId, OrganizationId, RunId};
use exgate_domain::lease::{Lease, LeaseRefused};
use exgate_domain::observation::Scope;
use exgate_domain::snapshot::Resume;

/// The most messages that wait for one agent.
const OUTGOING_MAX: usize = 64;

/// What is said to an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outgoing {
    /// It may stay.
    Welcome,
    /// It holds the lease.
    LeaseGranted(Lease),
    /// It does not.
    LeaseRefused(LeaseRefused),
    /// Look.
    StartSync(Box<StartSync>),
    /// Do.
    Command(Box<Command>),
    /// Check the way to Exchange.
    StartCheck {
        /// The check.
        id: CheckId,
        /// The W3C `traceparent` it runs under.
        traceparent: String,
    },
    /// Read the statistics of these mailboxes' devices.
    ReadStatistics {
        /// The mailboxes.
        mailboxes: Vec<MailboxId>,
        /// The W3C `traceparent` it runs under.
        traceparent: String,
    },
    /// Its receipt is stored.
    ReceiptStored(CommandId),
    /// Its stream ends.
    End(Ended),
}

/// Which sync an agent is to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartSync {
    /// The run.
    pub run: RunId,
    /// What to look at.
    pub scope: Scope,
    /// Whether every row has to travel again.
    pub forget_digests: bool,
    /// The W3C `traceparent` it runs under.
    pub traceparent: String,
    /// The domain controller to ask; empty for any.
    pub domain_controller: String,
    /// What an upload that broke off has left.
    pub resume: Option<Resume>,
}

/// Why a stream ends.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// The same agent attached again.
    #[error("agent {0} attached again")]
    Replaced(AgentId),
    /// It did not read what was said to it.
    #[error("agent {0} does not read its messages")]
    Deaf(AgentId),
    /// It said something that the protocol does not allow here.
    #[error("{0}")]
    Protocol(String),
    /// What it said could not be stored.
    #[error("the coordinator could not store what was said")]
    Store,
}

/// A message did not reach its agent: it is gone, or about to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the agent is not attached")]
pub struct NotAttached;

/// One attached agent; cheap to clone.
#[derive(Debug, Clone)]
pub struct Session(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    organization: OrganizationId,
    agent: AgentId,
    outgoing: mpsc::Sender<Outgoing>,
    cut: CancellationToken,
}

impl Session {
    /// Opens a session that ends with `stop`, and the queue of what is said in it.
    pub fn open(
        organization: OrganizationId,
        agent: AgentId,
        stop: &CancellationToken,
    ) -> (Self, mpsc::Receiver<Outgoing>) {
        let (outgoing, queue) = mpsc::channel(OUTGOING_MAX);
        let cut = stop.child_token();
        (Self(Arc::new(Inner { organization, agent, outgoing, cut })), queue)
    }

    /// Whose Exchange it is for.
    pub fn organization(&self) -> &OrganizationId {
        &self.0.organization
    }

    /// Who it is.
    pub fn agent(&self) -> AgentId {
        self.0.agent
    }

    /// Says something, at once or not at all. An agent whose queue is full is cut off.
    ///
    /// # Errors
    /// When the agent is gone.
    pub fn say(&self, message: Outgoing) -> Result<(), NotAttached> {
        if self.0.cut.is_cancelled() {
            return Err(NotAttached);
        }
        self.0.outgoing.try_send(message).map_err(|error| {
            if let mpsc::error::TrySendError::Full(_) = error {
                tracing::warn!(
                    organization = %self.0.organization,
                    error = %Ended::Deaf(self.0.agent),
                    "session was cut"
                );
            }
            self.0.cut.cancel();
            NotAttached
        })
    }

    /// Ends the session, and tells the agent why if it still listens.
    pub fn end(&self, why: Ended) {
        if !self.0.cut.is_cancelled() {
            // A full queue means that nobody reads the reason either.
            drop(self.0.outgoing.try_send(Outgoing::End(why)));
            self.0.cut.cancel();
        }
    }

    /// Waits until the session is cut off.
    pub async fn cut(&self) {
        self.0.cut.cancelled().await;
    }

    /// Whether it is cut off.
    pub fn is_cut(&self) -> bool {
        self.0.cut.is_cancelled()
    }

    /// Whether both are the same session, not merely the same agent.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
