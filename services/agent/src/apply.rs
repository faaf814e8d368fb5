//! Command → cmdlet → Receipt. Refuses what is not covered by the lease, too old or overtaken, puts a
//! receipt "unknown" on disk before the cmdlet, never runs a command twice, and never two at once for
//! one mailbox.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, RwLock};

use exgate_domain::command::{Command, Receipt, ReceiptOutcome};
use exgate_domain::ids::{MailboxId, Revision};

use crate::exchange::{Attempt, Exchange};
use crate::journal::Journal;
use crate::lease::Lease;

/// A command and when it arrived, on this process's monotonic clock.
#[derive(Debug)]
pub struct Order {
    /// The command.
    pub command: Command,
    /// When it arrived.
    pub received: Instant,
}

/// Carries out commands, at most one of each mailbox at a time.
#[derive(Debug)]
pub struct Applier {
    exchange: Arc<dyn Exchange>,
    journal: Journal,
    lease: Lease,
    /// A write to Exchange takes at most this long; more than this must be left of the lease.
    write_timeout: Duration,
    /// The newest intent seen per mailbox.
    revisions: Mutex<HashMap<MailboxId, Revision>>,
    /// Read by whoever carries a command out.
    running: RwLock<()>,
    busy: Busy,
}

/// The mailboxes that a command is carried out on.
#[derive(Debug, Default)]
struct Busy {
    mailboxes: Mutex<HashSet<MailboxId>>,
    changed: Notify,
}

/// A mailbox of one's own, until it is dropped.
struct Own<'a> {
    busy: &'a Busy,
    mailbox: MailboxId,
}

impl Applier {
    /// Makes one that writes through `exchange` under `lease`.
    pub fn new(
        exchange: Arc<dyn Exchange>,
        journal: Journal,
        lease: Lease,
        write_timeout: Duration,
    ) -> Self {
        Self {
            exchange,
            journal,
            lease,
            write_timeout,
            revisions: Mutex::default(),
            running: RwLock::default(),
            busy: Busy::default(),
        }
    }

    /// Waits until no cmdlet runs, and forgets what was seen in an earlier attachment.
    pub async fn start_over(&self) {
        let _alone = self.running.write().await;
        self.revisions().clear();
    }

    /// Carries out one command, or says why not.
    pub async fn apply(&self, order: Order) -> Receipt {
        let Order { command, received } = order;
        let _running = self.running.read().await;
        let _own = self.busy.take(command.mailbox).await;
        let start_by = match self.check(&command, received) {
            Ok(start_by) => start_by,
            Err((class, message)) => {
                tracing::warn!(command = %command.id, class, reason = message, "refused a command");
                return receipt(&command, refusal(class, message));
            }
        };
        self.revisions().insert(command.mailbox, command.revision);

        let unanswered = ReceiptOutcome::Unknown {
            message: "the agent stopped before Exchange answered".into(),
        };
        if let Err(error) = self.journal.put(&receipt(&command, attempt(unanswered))) {
            let message = exgate_runtime::report(&error);
            tracing::error!(command = %command.id, error = message, "kept from writing");
            return receipt(&command, refusal("JournalUnavailable", message));
        }
        let attempt = self.exchange.edit_lists(command.mailbox, &command.edit, start_by).await;
        let answered = receipt(&command, attempt);
        if let Err(error) = self.journal.put(&answered) {
            // The receipt on disk still says "unknown": after a crash the mailbox is read back.
            tracing::error!(command = %command.id, error = exgate_runtime::report(&error),
                "could not journal an outcome");
        }
        answered
    }

    /// Until when a command may be begun; if it may not be now, the class and the reason.
    fn check(
        &self,
        command: &Command,
        received: Instant,
    ) -> Result<Instant, (&'static str, String)> {
        let now = Instant::now();
        let Some(held) = self.lease.get() else {
            return Err(("LeaseLost", "the agent holds no lease".into()));
        };
        if held.generation != command.generation {
            let (held, wanted) = (held.generation, command.generation);
            let message = format!("the command is of generation {wanted}, the lease of {held}");
            return Err(("LeaseLost", message));
        }
        let (left, needed) = (held.remaining(now), self.write_timeout);
        if left < needed {
            let message = format!("{left:.1?} of the lease are left, a write may take {needed:?}");
            return Err(("LeaseEnding", message));
        }
        if now.saturating_duration_since(received) > command.valid_for {
            return Err(("Expired", format!("waited longer than {:?}", command.valid_for)));
        }
        if self.revisions().get(&command.mailbox).is_some_and(|seen| *seen > command.revision) {
            return Err(("Overtaken", "a newer intent for this mailbox was seen".into()));
        }
        if command.edit.is_empty() {
            return Err(("Empty", "there is nothing to change".into()));
        }
        let latest = now + (left - needed);
        let expires = received.checked_add(command.valid_for).unwrap_or(latest);
        Ok(latest.min(expires))
    }

    fn revisions(&self) -> MutexGuard<'_, HashMap<MailboxId, Revision>> {
        self.revisions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Busy {
    /// Waits until nobody else has the mailbox.
    async fn take(&self, mailbox: MailboxId) -> Own<'_> {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            // Registered before looking, so that nothing that happens in between is missed.
            changed.as_mut().enable();
            if self.mailboxes().insert(mailbox) {
                return Own { busy: self, mailbox };
            }
            changed.await;
        }
    }

    fn mailboxes(&self) -> MutexGuard<'_, HashSet<MailboxId>> {
        self.mailboxes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Own<'_> {
    fn drop(&mut self) {
        self.busy.mailboxes().remove(&self.mailbox);
        self.busy.changed.notify_waiters();
    }
}

fn attempt(outcome: ReceiptOutcome) -> Attempt {
    Attempt {
        outcome,
        read_back: None,
        cmdlet: String::new(),
        server: String::new(),
        took: Duration::ZERO,
    }
}

fn refusal(class: &str, message: String) -> Attempt {
    attempt(ReceiptOutcome::Refused { class: class.to_owned(), message })
}

fn receipt(command: &Command, attempt: Attempt) -> Receipt {
    let Attempt { outcome, read_back, cmdlet, server, took } = attempt;
    Receipt {
        command: command.id,
        generation: command.generation,
        outcome,
        read_back,
        cmdlet,
        server,
        took,
        traceparent: exgate_runtime::telemetry::current_traceparent(),
    }
}

#[cfg(test)]
mod tests;
