//! The right to write, as this agent holds it: counted on its own monotonic clock from the instant
//! *before* the request was sent, so that it never believes to hold it longer than the coordinator does.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use exgate_domain::ids::Generation;

/// A lease that was granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Its number.
    pub generation: Generation,
    /// Until when it holds without renewal.
    pub until: Instant,
}

impl Held {
    /// A lease granted for `ttl` in answer to a request sent at `asked`.
    pub fn granted(generation: Generation, ttl: Duration, asked: Instant) -> Self {
        Self { generation, until: asked + ttl }
    }

    /// How much of it is left.
    pub fn remaining(&self, now: Instant) -> Duration {
        self.until.saturating_duration_since(now)
    }
}

/// The lease as the uplink last heard, for whoever wants to write.
#[derive(Debug, Clone)]
pub struct Lease(watch::Sender<Option<Held>>);

impl Lease {
    /// No lease.
    pub fn none() -> Self {
        Self(watch::Sender::new(None))
    }

    /// Takes over what the coordinator said.
    pub fn set(&self, held: Option<Held>) {
        self.0.send_replace(held);
    }

    /// What is held, whether or not it still holds.
    pub fn get(&self) -> Option<Held> {
        *self.0.borrow()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_counts_from_the_question_not_from_the_answer() {
        let asked = Instant::now();
        let held = Held::granted(Generation::new(7), Duration::from_secs(30), asked);
        assert_eq!(held.remaining(asked + Duration::from_secs(20)), Duration::from_secs(10));
        assert_eq!(held.remaining(asked + Duration::from_secs(31)), Duration::ZERO);
    }
}
