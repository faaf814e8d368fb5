//! Drives each run through its states. At most one run is with an agent per organization; a run that
//! cannot end well ends as failed, with a reason, and the inventory stays as it was.

mod active;
mod starting;
mod resuming;
mod ending;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, Notify};

use exgate_domain::ids::{Generation, OrganizationId, RunId};
use exgate_domain::snapshot::Begin;
use exgate_domain::sync::{SyncMode, Trigger};
use exgate_runtime::Tasks;
use exgate_runtime::clock::Clock;

use crate::agents::Agents;
use crate::agents::session::Outgoing;
use crate::evaluation::Evaluation;
use crate::metrics::Metrics;
use crate::outbox::Outbox;
use crate::store::{RunHistory, Store, StoreError, StoredRun};

use active::{Active, Open, Phase};
pub use active::{Progress, Step};

/// How often schedules and time-outs are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Why a run does not start.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// Another one is under way.
    #[error("run {} is under way", .0.run.id)]
    AlreadyOpen(Box<StoredRun>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why an upload is refused before it begins.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UploadRefused {
    /// Nobody waits for it.
    #[error("run {run} does not wait for a snapshot")]
    NotRunning {
        /// The run it names.
        run: RunId,
    },
    /// The lease is not the agent's any more.
    #[error("lease {generation} is not in force")]
    LeaseLost {
        /// The lease it names.
        generation: Generation,
    },
}

/// All runs; cheap to clone.
#[derive(Debug, Clone)]
pub struct Runs(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    parts: Parts,
    timeout: Duration,
    resume_within: Duration,
    wake: Notify,
    /// Held while a run is created or handed out.
    moving: AsyncMutex<()>,
    open: Mutex<HashMap<OrganizationId, Open>>,
    histories: Mutex<HashMap<OrganizationId, RunHistory>>,
}

/// What runs need of others.
#[derive(Debug, Clone)]
pub struct Parts {
    /// Where they are stored.
    pub store: Store,
    /// What time it is.
    pub clock: Clock,
    /// Their numbers.
    pub metrics: Metrics,
    /// Who looks.
    pub agents: Agents,
    /// What a new snapshot wakes first.
    pub evaluation: Evaluation,
    /// What it wakes then.
    pub outbox: Outbox,
    /// Where tasks run.
    pub tasks: Tasks,
}

impl Runs {
    /// No run is open yet; one takes at most `timeout`, and waits at most `resume_within` for an agent
    /// that was lost.
    pub fn new(parts: Parts, timeout: Duration, resume_within: Duration) -> Self {
        Self(Arc::new(Inner {
            parts,
            timeout,
            resume_within,
            wake: Notify::new(),
            moving: AsyncMutex::default(),
            open: Mutex::default(),
            histories: Mutex::default(),
        }))
    }

    /// Keeps all organizations in step until the tasks have to stop.
    ///
    /// # Errors
    /// When runs of an earlier process cannot be closed.
    pub async fn run(self) -> Result<(), StoreError> {
        let stopped = self.0.parts.tasks.stopped();
        tokio::pin!(stopped);
        loop {
            if let Err(error) = self.look().await {
                tracing::error!(error = exgate_runtime::report(&error), "runs were not looked at");
            }
            tokio::select! {
                () = &mut stopped => return Ok(()),
                () = self.0.wake.notified() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// Looks at once instead of a little later.
    pub fn wake(&self) {
        self.0.wake.notify_one();
    }

    /// Asks for a run, in the trace of the caller.
    ///
    /// # Errors
    /// When one is under way.
    pub async fn request(
        &self,
        organization: &OrganizationId,
        mode: SyncMode,
        trigger: Trigger,
    ) -> Result<StoredRun, RequestError> {
        self.create(organization, mode, trigger, None).await
    }

    /// How the run that is with an agent comes along.
    pub fn progress(&self, organization: &OrganizationId) -> Option<Progress> {
        let open = self.open();
        let active = open.get(organization)?.active.as_ref()?;
        let history = self.histories().get(organization).copied().unwrap_or_default();
        Some(active.progress(history.last_full.map_or(0, |tally| tally.seen)))
    }

    /// Whether no run of an organization waits or is with its agent.
    pub fn are_idle(&self, organization: &OrganizationId) -> bool {
        self.open().get(organization).is_none_or(Open::is_idle)
    }

    /// How an organization's runs went.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn history(&self, organization: &OrganizationId) -> Result<RunHistory, StoreError> {
        let known = self.histories().get(organization).copied();
        match known {
            Some(history) => Ok(history),
            None => self.reread_history(organization).await,
        }
    }

    async fn reread_history(
        &self,
        organization: &OrganizationId,
    ) -> Result<RunHistory, StoreError> {
        let history = self.0.parts.store.run_history(organization).await?;
        self.histories().insert(organization.clone(), history);
        Ok(history)
    }

    /// The agent says how a run comes along.
    pub fn advanced(&self, organization: &OrganizationId, run: RunId, step: Step, done: u64) {
        if let Some(active) = self.open().get_mut(organization).and_then(|open| open.with(run)) {
            active.advanced(step, done);
        }
    }

    /// The agent says that a run is over on its side.
    /// One whose upload broke goes on, if its look can.
    pub async fn finished(
        &self,
        organization: &OrganizationId,
        run: RunId,
        failure: String,
        can_resume: bool,
    ) {
        let reason = {
            let mut open = self.open();
            let Some(active) = open.get_mut(organization).and_then(|open| open.with(run)) else {
                return;
            };
            match (active.phase, failure.is_empty()) {
                (Phase::Deciding | Phase::Suspended { .. }, _) => return,
                (Phase::Looking, true) => "the agent ended without a snapshot".to_owned(),
                // The upload that was refused; another one is on its way.
                (Phase::Looking, false) if active.take_refusal() => return,
                (Phase::Looking, false) if can_resume && active.suspend() => {
                    tracing::warn!(%organization, %run, failure, "the upload broke off");
                    return;
                }
                (Phase::Looking, false) => failure,
            }
        };
        self.fail(organization, run, reason, "agent").await;
    }

    /// The holder of the lease is gone: a look waits until it is back, all else ends.
    pub async fn lost(&self, organization: &OrganizationId) {
        let runs = self.open().get_mut(organization).map(Open::lose_agent).unwrap_or_default();
        for run in runs {
            self.fail(organization, run, "the agent was lost".to_owned(), "lost").await;
        }
        self.wake();
    }

    /// Whether a snapshot may be uploaded. What it changes belongs to the trace of its run.
    ///
    /// # Errors
    /// When nobody waits for it, or its lease is not in force.
    pub fn accept(&self, begin: &Begin) -> Result<(), UploadRefused> {
        let holder = self.0.parts.agents.holder(&begin.organization);
        let holds = holder.is_some_and(|holder| {
            holder.lease.generation == begin.generation && holder.lease.holder == begin.agent
        });
        if !holds {
            return Err(UploadRefused::LeaseLost { generation: begin.generation });
        }
        let mut open = self.open();
        let active = open.get_mut(&begin.organization).and_then(|open| open.with(begin.run));
        match active {
            Some(active)
                if active.phase == Phase::Looking && active.generation == begin.generation =>
            {
                let span = active.span.clone();
                drop(open);
                self.0.parts.evaluation.caused_by_run(&begin.organization, &span);
                Ok(())
            }
            Some(_) | None => Err(UploadRefused::NotRunning { run: begin.run }),
        }
    }

    /// The store does not know rows that the agent left out: it has to send all of them, once.
    pub async fn resend(&self, organization: &OrganizationId, run: RunId) {
        let again = {
            let mut open = self.open();
            open.get_mut(organization).and_then(|open| open.with(run)).and_then(Active::again)
        };
        let Some((generation, start)) = again else {
            let reason = "the agent left out rows that are not stored".to_owned();
            return self.fail(organization, run, reason, "agent").await;
        };
        tracing::warn!(%organization, %run, "every row has to travel again");
        let message = Outgoing::StartSync(Box::new(start));
        if self.0.parts.agents.say(organization, generation, message).is_err() {
            self.lost(organization).await;
        }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<OrganizationId, Open>> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn histories(&self) -> MutexGuard<'_, HashMap<OrganizationId, RunHistory>> {
        self.0.histories.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
