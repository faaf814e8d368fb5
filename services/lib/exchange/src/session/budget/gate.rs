//! Where callers wait for something there is only so much of: urgent ones first, each kind in the
//! order it came. Invariant: at most one waiter of each kind looks at a time, so that a change wakes
//! two tasks and not all of them.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Mutex, Notify};
use tokio::time::{Instant, sleep_until};

use super::Urgency;
use super::pace::Wait;

/// Where callers wait.
#[derive(Debug, Default)]
pub(super) struct Gate {
    urgent: Mutex<()>,
    bulk: Mutex<()>,
    urgent_waiting: AtomicUsize,
    changed: Notify,
}

impl Gate {
    /// Waits until `take` gets what it wants. What is not urgent does not even ask while something
    /// urgent waits.
    pub(super) async fn pass<T>(
        &self,
        urgency: Urgency,
        mut take: impl FnMut(Instant) -> Result<T, Wait>,
    ) -> T {
        let _waiting = (urgency == Urgency::Urgent).then(|| Waiting::at(self));
        let _turn = match urgency {
            Urgency::Urgent => self.urgent.lock().await,
            Urgency::Bulk => self.bulk.lock().await,
        };
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            // Registered before looking, so that nothing that happens in between is missed.
            changed.as_mut().enable();
            let yields =
                urgency == Urgency::Bulk && self.urgent_waiting.load(Ordering::Acquire) > 0;
            let taken = if yields { Err(Wait::Change) } else { take(Instant::now()) };
            match taken {
                Ok(taken) => return taken,
                Err(Wait::Change) => changed.await,
                Err(Wait::Until(at)) => tokio::select! {
                    () = changed => {}
                    () = sleep_until(at) => {}
                },
            }
        }
    }

    /// Lets the waiters look again.
    pub(super) fn changed(&self) {
        self.changed.notify_waiters();
    }
}

/// An urgent caller that waits.
struct Waiting<'a>(&'a Gate);

impl<'a> Waiting<'a> {
    fn at(gate: &'a Gate) -> Self {
        gate.urgent_waiting.fetch_add(1, Ordering::AcqRel);
        Self(gate)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.urgent_waiting.fetch_sub(1, Ordering::AcqRel);
        self.0.changed();
    }
}
