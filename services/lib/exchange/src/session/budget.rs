//! What one account may ask of one organization's servers at once: how many runspaces, how many
//! cmdlets a period, and what is urgent goes first. Every session and pool of the account shares it.
//! Invariant: nothing leaves while a server asked for patience, on any lane.
//!
//! Exchange counts per account (`New-ThrottlingPolicy`: `PowerShellMaxConcurrency`,
//! `PowerShellMaxCmdlets`, `ExchangeMaxCmdlets` and their time periods) and tells only by refusing.

mod gate;
mod pace;
mod signal;
mod width;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::error::{BUSY_PAUSE, SessionError};
use gate::Gate;
use pace::{Pace, Wait};
use width::Width;

pub use pace::Quota;
pub(crate) use signal::Signal;

/// More runspaces than this are never used at once, whatever is permitted.
pub const RUNSPACES_MAX: usize = 8;
/// How many of the shells that a server says it permits are left to people.
const SHELLS_FOR_PEOPLE: usize = 6;

/// What is urgent goes before what is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// Changes, their read-back, and what a person waits for.
    Urgent,
    /// Listings, and everything that can wait.
    Bulk,
}

/// How much of a server one account uses at most.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Whether several runspaces are used at once, as many as the server bears. Otherwise there is
    /// one, and a second while something urgent would wait for a listing.
    pub is_parallel: bool,
    /// The most runspaces at once, [`RUNSPACES_MAX`] at most.
    pub runspaces_max: usize,
    /// What the server permits the account; `None` for whatever it bears.
    pub quota: Option<Quota>,
    /// How many percent of that are left to others.
    pub reserve_percent: u8,
}

impl Default for Limits {
    /// 200 cmdlets in 5 s, a fifth of them left to others: the budget that Microsoft published as an
    /// example (Exchange Team Blog, "Running PowerShell cmdlets for large numbers of users").
    fn default() -> Self {
        Self {
            is_parallel: false,
            runspaces_max: RUNSPACES_MAX,
            quota: Some(Quota { cmdlets: 200, period: Duration::from_secs(5) }),
            reserve_percent: 20,
        }
    }
}

/// What an account may ask of its servers; a clone is the same budget.
#[derive(Debug, Clone)]
pub struct Budget {
    held: Arc<Held>,
}

#[derive(Debug)]
struct Held {
    reserve_percent: u8,
    state: Mutex<State>,
    runspaces: Gate,
    turns: Gate,
    /// Told when fewer runspaces may be used than before.
    narrowed: Notify,
    counts: Counts,
}

#[derive(Debug)]
struct State {
    pace: Pace,
    width: Width,
    busy: usize,
    /// No shell is asked for before this.
    no_shell_until: Option<Instant>,
}

#[derive(Debug, Default)]
struct Counts {
    cmdlets: AtomicU64,
    waited: AtomicU64,
    stopped: AtomicU64,
    shells_refused: AtomicU64,
    delayed: AtomicU64,
}

/// How a budget stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Runspaces that are used now.
    pub runspaces_busy: usize,
    /// How many may be used at once now.
    pub runspaces_permitted: usize,
    /// Cmdlets that may leave in a period now; 0 without a limit.
    pub cmdlets_permitted: u32,
    /// Cmdlets that left.
    pub cmdlets: u64,
    /// Cmdlets that had to wait for their turn.
    pub waited: u64,
    /// How often a server refused work for a while.
    pub stopped: u64,
    /// How often a server refused a shell.
    pub shells_refused: u64,
    /// How often a server slowed a cmdlet down.
    pub delayed: u64,
}

impl Default for Budget {
    /// No limit but what the server says: for a session of its own.
    fn default() -> Self {
        Self::new(Limits { quota: None, is_parallel: true, ..Limits::default() })
    }
}

impl Budget {
    /// A budget that nobody has used yet.
    pub fn new(limits: Limits) -> Self {
        let Limits { is_parallel, runspaces_max, quota, reserve_percent } = limits;
        let quota = quota.map(|quota| quota.less(reserve_percent));
        let state = State {
            pace: Pace::new(quota),
            width: Width::new(is_parallel, runspaces_max.min(RUNSPACES_MAX)),
            busy: 0,
            no_shell_until: None,
        };
        let held = Held {
            reserve_percent,
            state: Mutex::new(state),
            runspaces: Gate::default(),
            turns: Gate::default(),
            narrowed: Notify::new(),
            counts: Counts::default(),
        };
        Self { held: Arc::new(held) }
    }

    /// How it stands.
    pub fn usage(&self) -> Usage {
        let now = Instant::now();
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let state = self.state();
        let Counts { cmdlets, waited, stopped, shells_refused, delayed } = &self.held.counts;
        Usage {
            runspaces_busy: state.busy,
            runspaces_permitted: state.width.total(now),
            cmdlets_permitted: state.pace.allowed(now).map_or(0, |quota| quota.cmdlets),
            cmdlets: read(cmdlets),
            waited: read(waited),
            stopped: read(stopped),
            shells_refused: read(shells_refused),
            delayed: read(delayed),
        }
    }

    /// Waits until one more runspace may be used.
    pub(super) async fn runspace(&self, urgency: Urgency) -> Permit {
        let take = |now| {
            let mut state = self.state();
            let permitted = match urgency {
                Urgency::Urgent => state.width.total(now),
                Urgency::Bulk => state.width.bulk(now),
            };
            if state.busy >= permitted {
                return Err(Wait::Change);
            }
            state.busy += 1;
            Ok(())
        };
        self.held.runspaces.pass(urgency, take).await;
        Permit { budget: self.clone() }
    }

    /// Waits until a cmdlet may leave, unless that is after `leave_by`: then the error says how long
    /// it would take.
    pub(super) async fn turn(&self, urgency: Urgency, leave_by: Instant) -> Result<Turn, Duration> {
        let mut has_waited = false;
        let take = |now| {
            let taken = self.state().pace.take(now, urgency);
            match taken {
                Err(Wait::Until(at)) if at > leave_by => Ok(Err(at.saturating_duration_since(now))),
                Err(wait) => {
                    has_waited = true;
                    Err(wait)
                }
                Ok(()) => Ok(Ok(())),
            }
        };
        let passed = tokio::time::timeout_at(leave_by, self.held.turns.pass(urgency, take)).await;
        let counts = &self.held.counts;
        counts.waited.fetch_add(u64::from(has_waited), Ordering::Relaxed);
        passed.unwrap_or(Err(Duration::ZERO))?;
        counts.cmdlets.fetch_add(1, Ordering::Relaxed);
        Ok(Turn { budget: self.clone() })
    }

    /// Waits until a shell may be asked for.
    ///
    /// # Errors
    /// [`SessionError::Throttled`] when that takes longer than `patience`.
    pub(super) async fn shell(&self, patience: Duration) -> Result<(), SessionError> {
        loop {
            let now = Instant::now();
            let until = {
                let state = self.state();
                let shell = state.no_shell_until.filter(|until| *until > now);
                shell.into_iter().chain(state.pace.pause(now)).max()
            };
            let Some(until) = until else { return Ok(()) };
            let wait = until.saturating_duration_since(now);
            if wait > patience {
                let message = "the server asked to wait, and that is not over".to_owned();
                return Err(SessionError::Throttled { wait: Some(wait), message });
            }
            tokio::time::sleep_until(until).await;
        }
    }

    /// Takes over what a server says about too much work.
    pub(super) fn signal(&self, signal: Signal) {
        let now = Instant::now();
        let counts = &self.held.counts;
        {
            let mut state = self.state();
            let period = state.pace.allowed(now).map_or(BUSY_PAUSE, |quota| quota.period);
            match signal {
                Signal::Stopped { wait, quota } => {
                    counts.stopped.fetch_add(1, Ordering::Relaxed);
                    let wait = wait.unwrap_or(period);
                    let quota = quota.map(|quota| quota.less(self.held.reserve_percent));
                    state.pace.stopped(now, wait, quota);
                    state.width.signalled(now, wait + period);
                }
                Signal::Shells { wait, permitted } => {
                    counts.shells_refused.fetch_add(1, Ordering::Relaxed);
                    if let Some(permitted) = permitted {
                        state.width.learn(now, permitted.saturating_sub(SHELLS_FOR_PEOPLE));
                    }
                    let wait = wait.unwrap_or(BUSY_PAUSE);
                    state.no_shell_until = Some(now + wait);
                    state.width.signalled(now, wait + period);
                }
                Signal::Delayed(_) => {
                    counts.delayed.fetch_add(1, Ordering::Relaxed);
                    state.pace.delayed(now);
                    state.width.signalled(now, period);
                }
            }
        }
        tracing::debug!(?signal, "the server asks for less");
        self.held.narrowed.notify_one();
        self.held.turns.changed();
    }

    /// A cmdlet ended without a signal.
    pub(super) fn went_well(&self) {
        let now = Instant::now();
        let has_grown = {
            let mut state = self.state();
            let before = state.width.total(now);
            state.width.went_well(now);
            state.width.total(now) > before
        };
        if has_grown {
            self.held.runspaces.changed();
        }
    }

    /// Waits until fewer than `busy` runspaces are in use.
    pub(super) async fn fewer_runspaces_than(&self, busy: usize) {
        let take = |_| if self.state().busy < busy { Ok(()) } else { Err(Wait::Change) };
        self.held.runspaces.pass(Urgency::Urgent, take).await;
    }

    /// Waits until fewer runspaces may be used than before.
    pub(super) async fn narrowed(&self) {
        self.held.narrowed.notified().await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.held.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to use one runspace.
#[derive(Debug)]
pub(super) struct Permit {
    budget: Budget,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.budget.state().busy -= 1;
        self.budget.held.runspaces.changed();
    }
}

/// One cmdlet's turn, until it is known to have arrived.
#[derive(Debug)]
pub(super) struct Turn {
    budget: Budget,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.budget.state().pace.arrived(Instant::now());
        self.budget.held.turns.changed();
    }
}

#[cfg(test)]
mod tests;
