//! One evaluator: how much it has to do, whether it answers, and the right to ask it.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Mutex as AsyncMutex, Notify};
use tokio::time::Instant;

use exgate_runtime::backoff::Backoff;
use exgate_runtime::listen::Endpoint;

use crate::evaluation::evaluator_client::EvaluatorClient;

/// The most questions that one evaluator is asked at once: one being decided, one on its way in each
/// direction, one in hand.
pub(super) const QUESTIONS_PER_EVALUATOR_MAX: usize = 4;
/// The shortest and the longest ceiling of the wait before one that did not answer is asked again.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(15));

pub(super) struct Replica {
    pub(super) endpoint: Endpoint,
    pub(super) client: EvaluatorClient,
    pub(super) state: Mutex<State>,
    /// Held while a bundle is given, so that it is given once.
    pub(super) giving: AsyncMutex<()>,
    /// How many bundles were given.
    pub(super) given: AtomicU64,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) asked: usize,
    /// The number of the last question it was asked: among those with as much to do it is the turn of the
    /// one that was not asked for longest.
    pub(super) last_asked: u64,
    /// None while it answers.
    pub(super) down: Option<Down>,
    pub(super) backoff: Backoff,
    pub(super) heard: Option<(Instant, Timestamp)>,
    pub(super) cases: u64,
}

#[derive(Debug)]
pub(super) struct Down {
    pub(super) problem: String,
    pub(super) until: Instant,
    /// Whether it answers, and does not take our bundles: only a question about one says when it does.
    pub(super) is_distrust: bool,
}

/// The right to ask one evaluator, until it is dropped.
pub(super) struct Seat<'a> {
    pub(super) number: usize,
    pub(super) replica: &'a Replica,
    pub(super) freed: &'a Notify,
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.replica.state().asked -= 1;
        self.freed.notify_waiters();
    }
}

impl fmt::Debug for Replica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Replica({})", self.endpoint)
    }
}

impl Replica {
    pub(super) fn new(endpoint: &Endpoint) -> Self {
        let (first, longest) = BACK_OFF;
        Self {
            endpoint: endpoint.clone(),
            client: EvaluatorClient::new(endpoint),
            state: Mutex::new(State {
                asked: 0,
                last_asked: 0,
                down: None,
                backoff: Backoff::default().between(first, longest),
                heard: None,
                cases: 0,
            }),
            giving: AsyncMutex::default(),
            given: AtomicU64::default(),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// How many more questions it may be asked at `now`. One that did not answer is left alone for a
    /// while, then asked a single one.
    pub(super) fn seats(&self, now: Instant) -> usize {
        match &self.down {
            None => QUESTIONS_PER_EVALUATOR_MAX.saturating_sub(self.asked),
            Some(down) if down.until <= now => 1_usize.saturating_sub(self.asked),
            Some(_) => 0,
        }
    }

    /// Whether it would be asked if it had nothing to do.
    pub(super) fn is_usable(&self, now: Instant) -> bool {
        self.down.as_ref().is_none_or(|down| down.until <= now)
    }
}
