//! The line to the coordinator: attach, hold the lease, look and do when told, and come back with
//! back-off when the line breaks. Outbound only. The wire edge of the agent: generated messages are
//! named in here and nowhere else.

mod commands;
mod checks;
mod message;
mod session;
mod statistics;
mod sync;
mod underway;

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex, watch};

use exgate_domain::ids::{AgentId, MailboxId, OrganizationId};
use exgate_domain::standing::Standing;
use exgate_proto::agent::v1::agent_service_client::AgentServiceClient;
use exgate_runtime::Tasks;
use exgate_runtime::backoff::Backoff;
use exgate_runtime::grpc::{Channel, MESSAGE_BYTES_MAX};
use exgate_runtime::listen::Endpoint;

use crate::apply::Applier;
use crate::collect::DigestTable;
use crate::exchange::{Exchange, Preflight};
use crate::journal::Journal;
use crate::lease::Lease;
use crate::metrics::Metrics;

pub(crate) use checks::report;
pub use session::SessionError;

/// What the uplink needs to know about its own agent.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the coordinator listens.
    pub coordinator: Endpoint,
    /// Whose Exchange this agent stands next to.
    pub organization: OrganizationId,
    /// The agent.
    pub agent: AgentId,
    /// Name of this host, for operators.
    pub host: String,
    /// Shortest and longest wait between two attempts to attach.
    pub backoff: (Duration, Duration),
    /// Every how many looks at everything all objects are read, known or not.
    pub scrub_every: u32,
    /// How long the cmdlet under way may take to end when the line breaks.
    pub write_timeout: Duration,
    /// How many mailboxes may be changed, or asked, at the same time.
    pub writes_at_once: usize,
}

/// The line to the coordinator.
#[derive(Debug)]
pub struct Uplink {
    options: Options,
    exchange: Arc<dyn Exchange>,
    applier: Arc<Applier>,
    journal: Journal,
    lease: Lease,
    digests: Arc<Mutex<DigestTable>>,
    touched: Touched,
    underway: underway::Slot,
    preflight: watch::Receiver<Option<Preflight>>,
    standing: watch::Receiver<Standing>,
    metrics: Metrics,
    tasks: Tasks,
}

/// Mailboxes that a command was carried out on since the last sync.
#[derive(Debug, Clone, Default)]
struct Touched(Arc<std::sync::Mutex<BTreeSet<MailboxId>>>);

impl Touched {
    fn add(&self, mailbox: MailboxId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(mailbox);
    }

    fn take(&self) -> BTreeSet<MailboxId> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What an uplink works with.
#[derive(Debug)]
pub struct Parts {
    /// The organization's Exchange.
    pub exchange: Arc<dyn Exchange>,
    /// Carries commands out.
    pub applier: Arc<Applier>,
    /// Receipts and cursor.
    pub journal: Journal,
    /// The right to write.
    pub lease: Lease,
    /// What the agent found out about its Exchange, as soon as it did.
    pub preflight: watch::Receiver<Option<Preflight>>,
    /// How the Exchange servers stand.
    pub standing: watch::Receiver<Standing>,
    /// What is counted.
    pub metrics: Metrics,
}

impl Uplink {
    /// Makes an uplink; [`Uplink::run`] starts it.
    pub fn new(options: Options, parts: Parts, tasks: Tasks) -> Self {
        let Parts { exchange, applier, journal, lease, preflight, standing, metrics } = parts;
        Self {
            digests: Arc::new(Mutex::new(DigestTable::new(options.scrub_every))),
            options,
            exchange,
            applier,
            journal,
            lease,
            touched: Touched::default(),
            underway: underway::Slot::default(),
            preflight,
            standing,
            metrics,
            tasks,
        }
    }

    /// Stays attached until the process stops.
    ///
    /// # Errors
    /// When trying again cannot help: the coordinator knows no such organization.
    pub async fn run(mut self) -> Result<(), SessionError> {
        let (shortest, longest) = self.options.backoff;
        let mut backoff = Backoff::default().between(shortest, longest);
        let channel = Channel::new(&self.options.coordinator);
        let client = AgentServiceClient::new(channel)
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX);
        let stop = self.tasks.token();
        let mut problem = String::new();
        while !stop.is_cancelled() {
            let ended = self.session(client.clone(), &mut backoff).await;
            self.lease.set(None);
            self.tasks.readiness().set("attached", false);
            let wait = match ended {
                Ok(()) => Duration::ZERO,
                Err(error) if error.is_final() => return Err(error),
                Err(error) => {
                    let wait = error.wait().unwrap_or_else(|| backoff.wait());
                    // The same trouble again is no news.
                    let again = exgate_runtime::report(&error);
                    if again == problem {
                        tracing::debug!(error = again, wait_s = wait.as_secs_f64(), "not attached");
                    } else {
                        tracing::warn!(error = again, wait_s = wait.as_secs_f64(), "not attached");
                        problem = again;
                    }
                    wait
                }
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = stop.cancelled() => {}
            }
        }
        Ok(())
    }
}
