//! What is open in one organization: runs that wait, and the one that is with the agent.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use tracing::Span;

use exgate_domain::ids::{Generation, MailboxId, RunId};
use exgate_domain::observation::Scope;
use exgate_domain::sync::{Run, RunState, SyncMode, Trigger};

use crate::agents::session::StartSync;

/// The time from the end of one read-back to the next; it doubles with each that fails.
const BETWEEN_READ_BACKS: Duration = Duration::from_secs(1);
/// The longest time from the end of one read-back to the next.
const BETWEEN_READ_BACKS_MAX: Duration = Duration::from_secs(30);

/// How often one run may go on after a break.
const RESUMES_MAX: u32 = 10;
/// The time from a break to the next try, for each try before it.
const BETWEEN_RESUMES: Duration = Duration::from_secs(1);
/// The longest of these times.
const BETWEEN_RESUMES_MAX: Duration = Duration::from_secs(10);

/// What a run looks at.
#[derive(Debug, Clone)]
pub(super) struct Look {
    /// Which part.
    pub(super) scope: Scope,
    /// The domain controller that is asked; empty for any.
    pub(super) controller: String,
}

/// What a run is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The agent reads mailboxes.
    Mailboxes,
    /// The agent reads devices.
    Devices,
    /// The agent reads settings, rules, servers, policies and device classes.
    Organization,
    /// The agent, or the way to it, is gone; the run goes on when it is back.
    Waiting,
    /// What was seen is stored; what it changes is being decided.
    Deciding,
}

/// How a run comes along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The run.
    pub run: RunId,
    /// What it is doing; none before the agent has said so.
    pub step: Option<Step>,
    /// How many objects it has seen in this step.
    pub done: u64,
    /// How many it expects; 0 when unknown.
    pub total: u64,
}

/// The runs of one organization that are not over.
#[derive(Debug, Default)]
pub(super) struct Open {
    pub(super) waiting: Vec<Waiting>,
    pub(super) active: Option<Active>,
    /// When the next read-back may begin.
    read_back_from: Option<Instant>,
    /// How many read-backs failed in a row.
    read_backs_failed: u32,
}

/// A run that waits for the agent.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) run: Run,
    /// What a read-back looks at.
    pub(super) mailboxes: Option<Vec<MailboxId>>,
    pub(super) span: Span,
    pub(super) since: Instant,
}

/// The run that is with the agent.
#[derive(Debug)]
pub(super) struct Active {
    pub(super) run: Run,
    pub(super) generation: Generation,
    pub(super) span: Span,
    pub(super) phase: Phase,
    scope: Scope,
    /// The domain controller that is asked.
    controller: String,
    started: Instant,
    /// How often it went on after a break.
    resumes: u32,
    step: Option<Step>,
    done: u64,
    resent: Resent,
}

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// No snapshot was stored yet.
    Looking,
    /// None was, and the agent or the way to it is gone.
    Suspended {
        /// Since when.
        since: Instant,
        /// When it may go on.
        from: Instant,
    },
    /// One was, and nothing can make the run fail any more.
    Deciding,
}

/// Whether the agent was told to send every row again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resent {
    No,
    /// It was, and may still report the upload that was refused.
    JustNow,
    Yes,
}

impl Open {
    /// Whether a run other than a read-back waits or is with the agent.
    pub(super) fn is_busy(&self) -> bool {
        let other = |run: &Run| run.trigger != Trigger::ReadBack;
        self.waiting.iter().any(|waiting| other(&waiting.run))
            || self.active.as_ref().is_some_and(|active| other(&active.run))
    }

    /// Whether nothing waits and nothing is with the agent.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.active.is_none()
    }

    /// Whether mailboxes may be read back now: no read-back is under way or was just made.
    pub(super) fn may_read_back(&self) -> bool {
        let read_back = |run: &Run| run.trigger == Trigger::ReadBack;
        !self.waiting.iter().any(|waiting| read_back(&waiting.run))
            && !self.active.as_ref().is_some_and(|active| read_back(&active.run))
            && self.read_back_from.is_none_or(|from| from <= Instant::now())
    }

    /// Takes the next run to hand out, read-backs first: writes wait for them.
    pub(super) fn next(&mut self) -> Option<Waiting> {
        if self.active.is_some() || self.waiting.is_empty() {
            return None;
        }
        let is_first = |waiting: &Waiting| waiting.run.trigger == Trigger::ReadBack;
        let first = self.waiting.iter().position(is_first).unwrap_or(0);
        Some(self.waiting.remove(first))
    }

    /// The run that is with the agent, if it is this one.
    pub(super) fn with(&mut self, run: RunId) -> Option<&mut Active> {
        self.active.as_mut().filter(|active| active.run.id == run)
    }

    /// Takes off a run that is over. One that only waited was never with an agent.
    pub(super) fn take(&mut self, run: RunId, has_failed: bool) -> Option<Active> {
        self.waiting.retain(|waiting| waiting.run.id != run);
        let ended = self.active.take_if(|active| active.run.id == run)?;
        if ended.run.trigger == Trigger::ReadBack {
            let failed = if has_failed { self.read_backs_failed.saturating_add(1) } else { 0 };
            self.read_backs_failed = failed;
            let factor = 2_u32.saturating_pow(failed);
            let wait = BETWEEN_READ_BACKS.saturating_mul(factor).min(BETWEEN_READ_BACKS_MAX);
            self.read_back_from = Some(Instant::now() + wait);
        }
        Some(ended)
    }

    /// The agent is gone: the runs that end with it.
    pub(super) fn lose_agent(&mut self) -> Vec<RunId> {
        let looking = self.active.iter_mut().filter(|active| active.phase == Phase::Looking);
        let ended = looking.filter_map(|active| (!active.suspend()).then_some(active.run.id));
        self.waiting.iter().map(|waiting| waiting.run.id).chain(ended).collect()
    }

    /// The run that is with an agent under another lease than this one: its agent attached again before
    /// anybody saw it go. It waits to go on; given back is one that cannot.
    pub(super) fn lose_lease(&mut self, generation: Generation) -> Option<RunId> {
        let active = self.active.as_mut()?;
        let is_left = active.phase == Phase::Looking && active.generation != generation;
        (is_left && !active.suspend()).then_some(active.run.id)
    }

    /// The run that may go on now.
    pub(super) fn resumable(&mut self) -> Option<&mut Active> {
        let now = Instant::now();
        self.active
            .as_mut()
            .filter(|active| matches!(active.phase, Phase::Suspended { from, .. } if from <= now))
    }

    /// The run whose agent has not come back for longer than it may.
    pub(super) fn given_up(&self, resume_within: Duration) -> Option<RunId> {
        let active = self.active.as_ref()?;
        let is_late = |since: Instant| since.elapsed() > resume_within;
        matches!(active.phase, Phase::Suspended { since, .. } if is_late(since))
            .then_some(active.run.id)
    }

    /// The runs that have waited, or looked, for longer than they may.
    pub(super) fn late(&self, timeout: Duration) -> Vec<RunId> {
        let waiting = self.waiting.iter().filter(|waiting| waiting.since.elapsed() > timeout);
        let active = self
            .active
            .iter()
            .filter(|active| active.phase != Phase::Deciding && active.started.elapsed() > timeout);
        waiting.map(|it| it.run.id).chain(active.map(|it| it.run.id)).collect()
    }
}

impl Active {
    pub(super) fn new(run: Run, look: Look, generation: Generation, span: Span) -> Self {
        let Look { scope, controller } = look;
        Self {
            run,
            generation,
            span,
            phase: Phase::Looking,
            scope,
            controller,
            started: Instant::now(),
            resumes: 0,
            step: None,
            done: 0,
            resent: Resent::No,
        }
    }

    pub(super) fn took(&self) -> Duration {
        self.started.elapsed()
    }

    /// What to tell the agent.
    pub(super) fn start(&self, forget_digests: bool) -> StartSync {
        StartSync {
            run: self.run.id,
            scope: self.scope.clone(),
            forget_digests,
            traceparent: self.run.traceparent.clone(),
            domain_controller: self.controller.clone(),
            resume: None,
        }
    }

    /// Lets the run wait for its agent; `false` when it has to end: a read-back is soon made again,
    /// and a run that breaks off again and again never ends.
    pub(super) fn suspend(&mut self) -> bool {
        if self.run.trigger == Trigger::ReadBack || self.resumes >= RESUMES_MAX {
            return false;
        }
        let since = Instant::now();
        let wait = BETWEEN_RESUMES.saturating_mul(self.resumes).min(BETWEEN_RESUMES_MAX);
        self.phase = Phase::Suspended { since, from: since + wait };
        true
    }

    /// The run goes on under this lease.
    pub(super) fn resume(&mut self, generation: Generation) {
        self.resumes += 1;
        self.generation = generation;
        self.phase = Phase::Looking;
        if let RunState::Running { generation: under, .. } = &mut self.run.state {
            *under = generation;
        }
    }

    /// What to tell the agent so that it sends every row, once.
    pub(super) fn again(&mut self) -> Option<(Generation, StartSync)> {
        if self.resent != Resent::No || self.phase != Phase::Looking {
            return None;
        }
        self.resent = Resent::JustNow;
        Some((self.generation, self.start(true)))
    }

    /// Whether a failure is that of the upload that was refused; there is one such at most.
    pub(super) fn take_refusal(&mut self) -> bool {
        let is_refusal = self.resent == Resent::JustNow;
        if is_refusal {
            self.resent = Resent::Yes;
        }
        is_refusal
    }

    pub(super) fn advanced(&mut self, step: Step, done: u64) {
        (self.step, self.done) = (Some(step), done);
    }

    /// The mailboxes that a read-back looks at, and since when.
    pub(super) fn reads_back(&self) -> Option<(Vec<MailboxId>, Timestamp)> {
        let Scope::Mailboxes(mailboxes) = &self.scope else { return None };
        let RunState::Running { since, .. } = &self.run.state else { return None };
        Some((mailboxes.clone(), *since))
    }

    pub(super) fn progress(&self, devices_known: u64) -> Progress {
        let step = match self.phase {
            Phase::Looking => self.step,
            Phase::Suspended { .. } => Some(Step::Waiting),
            Phase::Deciding => Some(Step::Deciding),
        };
        let expects = self.run.mode == SyncMode::Full && step == Some(Step::Devices);
        let total = if expects { devices_known.max(self.done) } else { 0 };
        Progress { run: self.run.id, step, done: self.done, total }
    }
}
