//! Drives each run through its states. At most one run is with an agent per organization; a run that
//! cannot end well ends as failed, with a reason, and the inventory stays as it was.

mod active;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Mutex as AsyncMutex, Notify};
use tokio::time::Instant;
use tracing::{Instrument, Span};
use uuid::Uuid;

use exgate_domain::ids::{Generation, MailboxId, OrganizationId, RunId};
use exgate_domain::observation::Scope;
use exgate_domain::organization::Organization;
use exgate_domain::snapshot::Begin;
use exgate_domain::sync::{Completeness, Run, RunState, SyncMode, Tally, Trigger};
use exgate_runtime::Tasks;
use exgate_runtime::clock::Clock;

use crate::agents::session::Outgoing;
use crate::agents::{Agents, Holder};
use crate::evaluation::{Evaluation, EvaluationError};
use crate::metrics::Metrics;
use crate::outbox::Outbox;
use crate::schedule::{LastRuns, due};
use crate::store::{RunCreated, RunHistory, Store, StoreError, StoredRun};

use active::{Active, Open, Phase, Waiting};
pub use active::{Progress, Step};

/// How often schedules and time-outs are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How far before the newest change that was seen a quick sync begins to look: changes reach the
/// domain controllers late and out of order.
const OVERLAP: SignedDuration = SignedDuration::from_mins(15);

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
    wake: Notify,
    /// Held while a run is created or handed out.
    moving: AsyncMutex<()>,
    open: Mutex<HashMap<OrganizationId, Open>>,
    histories: Mutex<HashMap<OrganizationId, RunHistory>>,
    /// What went wrong in the last successful run of each organization.
    notes: Mutex<HashMap<OrganizationId, (RunId, String)>>,
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
    /// No run is open yet; one takes at most `timeout`.
    pub fn new(parts: Parts, timeout: Duration) -> Self {
        Self(Arc::new(Inner {
            parts,
            timeout,
            wake: Notify::new(),
            moving: AsyncMutex::default(),
            open: Mutex::default(),
            histories: Mutex::default(),
            notes: Mutex::default(),
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

    /// Ends the runs that an earlier process of this coordinator left open.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn close_left_over(&self) -> Result<(), StoreError> {
        let Parts { store, clock, .. } = &self.0.parts;
        for left in store.open_runs(None).await? {
            let reason = "the coordinator restarted".to_owned();
            let state = RunState::Failed { at: clock.now(), reason };
            store.set_run_state(left.run.id, &state).await?;
            let (organization, run) = (&left.run.organization, left.run.id);
            tracing::warn!(%organization, %run, "run of an earlier process was closed");
        }
        Ok(())
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

    /// Asks for mailboxes of unknown outcome to be read back, unless that is under way.
    async fn read_back_unknown(&self, organization: &OrganizationId) -> Result<(), StoreError> {
        let mailboxes = self.0.parts.outbox.to_read_back(organization);
        let rests = self.open().get(organization).is_some_and(|open| !open.may_read_back());
        if mailboxes.is_empty() || rests {
            return Ok(());
        }
        let (mode, trigger) = (SyncMode::Quick, Trigger::ReadBack);
        match self.create(organization, mode, trigger, Some(mailboxes)).await {
            Ok(_) | Err(RequestError::AlreadyOpen(_)) => Ok(()),
            Err(RequestError::Store(error)) => Err(error),
        }
    }

    async fn create(
        &self,
        organization: &OrganizationId,
        mode: SyncMode,
        trigger: Trigger,
        mailboxes: Option<Vec<MailboxId>>,
    ) -> Result<StoredRun, RequestError> {
        let _one_at_a_time = self.0.moving.lock().await;
        let Parts { store, clock, .. } = &self.0.parts;
        let id = RunId::new(Uuid::now_v7());
        let span = span(organization, id, mode, trigger);
        let run = Run {
            id,
            organization: organization.clone(),
            mode,
            trigger,
            requested_at: clock.now(),
            state: RunState::Pending,
            traceparent: span.in_scope(exgate_runtime::telemetry::current_traceparent),
        };
        if let RunCreated::AlreadyOpen(other) = store.create_run(&run).await? {
            return Err(RequestError::AlreadyOpen(Box::new(other)));
        }
        let waiting = Waiting { run: run.clone(), mailboxes, span, since: Instant::now() };
        self.open().entry(organization.clone()).or_default().waiting.push(waiting);
        self.wake();
        Ok(StoredRun { run, started_at: None })
    }

    /// How the run that is with an agent comes along.
    pub fn progress(&self, organization: &OrganizationId) -> Option<Progress> {
        let open = self.open();
        let active = open.get(organization)?.active.as_ref()?;
        let history = self.histories().get(organization).copied().unwrap_or_default();
        Some(active.progress(history.last_full.map_or(0, |tally| tally.seen)))
    }

    /// What went wrong in a run although it succeeded.
    pub fn note(&self, organization: &OrganizationId, run: RunId) -> Option<String> {
        let notes = self.0.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.get(organization).filter(|(of, _)| *of == run).map(|(_, note)| note.clone())
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
    pub async fn finished(&self, organization: &OrganizationId, run: RunId, failure: String) {
        let reason = {
            let mut open = self.open();
            let Some(active) = open.get_mut(organization).and_then(|open| open.with(run)) else {
                return;
            };
            match (active.phase, failure.is_empty()) {
                (Phase::Deciding, _) => return,
                (Phase::Looking, true) => "the agent ended without a snapshot".to_owned(),
                // The upload that was refused; another one is on its way.
                (Phase::Looking, false) if active.take_refusal() => return,
                (Phase::Looking, false) => failure,
            }
        };
        self.fail(organization, run, reason, "agent").await;
    }

    /// The holder of the lease is gone, and with it what it did or was to do.
    pub async fn lost(&self, organization: &OrganizationId) {
        let runs = self.open().get(organization).map(Open::needs_agent).unwrap_or_default();
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
        let message = Outgoing::StartSync(start);
        if self.0.parts.agents.say(organization, generation, message).is_err() {
            self.lost(organization).await;
        }
    }

    /// A snapshot was stored: decides what it changes, compares, and closes the run.
    pub fn committed(&self, begin: &Begin, tally: Tally, completeness: Completeness) {
        {
            let mut open = self.open();
            let active = open.get_mut(&begin.organization).and_then(|open| open.with(begin.run));
            let Some(active) = active else { return };
            active.phase = Phase::Deciding;
        }
        let (runs, organization, run) = (self.clone(), begin.organization.clone(), begin.run);
        self.0.parts.tasks.spawn("conclude", async move {
            runs.conclude(&organization, run, tally, completeness).await;
        });
    }

    async fn conclude(
        &self,
        organization: &OrganizationId,
        run: RunId,
        tally: Tally,
        completeness: Completeness,
    ) {
        let Parts { evaluation, outbox, .. } = &self.0.parts;
        let (span, reads_back) = {
            let mut open = self.open();
            let Some(active) = open.get_mut(organization).and_then(|open| open.with(run)) else {
                return;
            };
            (active.span.clone(), active.reads_back())
        };
        let mut notes = Vec::new();
        match evaluation.attempt(organization).await {
            // Without a policy there is no question; the organization shows it as a problem.
            Ok(()) | Err(EvaluationError::NoPolicy) => {}
            Err(error) => notes.push(format!("not decided: {}", exgate_runtime::report(&error))),
        }
        let compared = async {
            if let Some((mailboxes, started)) = reads_back {
                outbox.read_back(organization, &mailboxes, &completeness, started).await?;
            }
            outbox.compare(organization).await
        };
        if let Err(error) = compared.instrument(span).await {
            notes.push(format!("not compared: {}", exgate_runtime::report(&error)));
        }
        evaluation.no_longer_caused_by_run(organization);
        if !completeness.is_complete() {
            notes.push(incomplete(&completeness));
        }
        self.succeed(organization, run, tally, notes.join("; ")).await;
    }

    async fn succeed(&self, organization: &OrganizationId, run: RunId, tally: Tally, note: String) {
        let now = self.0.parts.clock.now();
        let Some(ended) = self.end(organization, run, RunState::Succeeded { at: now, tally }).await
        else {
            return;
        };
        self.0.parts.metrics.sync_ended(&ended.run, ended.took(), Ok((now, tally)));
        let Tally { seen, added, changed, removed, .. } = tally;
        tracing::info!(
            parent: &ended.span, %organization, %run, mode = ?ended.run.mode,
            seen, added, changed, removed, note, "sync succeeded"
        );
        let mut notes = self.0.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if note.is_empty() {
            notes.remove(organization);
        } else {
            notes.insert(organization.clone(), (run, note));
        }
    }

    async fn fail(
        &self,
        organization: &OrganizationId,
        run: RunId,
        reason: String,
        kind: &'static str,
    ) {
        let state = RunState::Failed { at: self.0.parts.clock.now(), reason: reason.clone() };
        let Some(ended) = self.end(organization, run, state).await else { return };
        self.0.parts.metrics.sync_ended(&ended.run, ended.took(), Err(kind));
        tracing::warn!(
            parent: &ended.span, %organization, %run, mode = ?ended.run.mode, reason, "sync failed"
        );
    }

    /// Takes a run off what is open and stores its end.
    async fn end(
        &self,
        organization: &OrganizationId,
        run: RunId,
        state: RunState,
    ) -> Option<Active> {
        let stored = self.0.parts.store.set_run_state(run, &state).await;
        if let Err(error) = stored {
            let error = exgate_runtime::report(&error);
            tracing::error!(%organization, %run, error, "end of a run was not stored");
        }
        let ended = self.open().get_mut(organization).and_then(|open| open.take(run));
        if let Err(error) = self.reread_history(organization).await {
            let error = exgate_runtime::report(&error);
            tracing::error!(%organization, error, "history of runs was not read");
        }
        self.wake();
        ended
    }

    async fn look(&self) -> Result<(), StoreError> {
        for stored in self.0.parts.store.organizations(None, u32::MAX).await? {
            self.look_at(&stored.organization).await?;
        }
        Ok(())
    }

    async fn look_at(&self, organization: &Organization) -> Result<(), StoreError> {
        let id = &organization.id;
        let late = self.open().get(id).map(|open| open.late(self.0.timeout)).unwrap_or_default();
        for run in late {
            let reason = format!("it did not end within {:?}", self.0.timeout);
            self.fail(id, run, reason, "timeout").await;
        }
        let Some(holder) = self.0.parts.agents.holder(id) else { return Ok(()) };
        self.read_back_unknown(id).await?;
        if !self.open().get(id).is_some_and(Open::is_busy) && holder.preflight_good == Some(true) {
            let history = self.history(id).await?;
            let now = self.0.parts.clock.now();
            let last = last_runs(&history, holder.since);
            if let Some(mode) = due(now, organization, &last, holder.filters_by_change, true) {
                match self.create(id, mode, Trigger::Schedule, None).await {
                    Ok(_) | Err(RequestError::AlreadyOpen(_)) => {}
                    Err(RequestError::Store(error)) => return Err(error),
                }
            }
        }
        self.hand_out(id, &holder).await
    }

    /// Hands the next waiting run to the agent, unless it has one.
    async fn hand_out(
        &self,
        organization: &OrganizationId,
        holder: &Holder,
    ) -> Result<(), StoreError> {
        let _one_at_a_time = self.0.moving.lock().await;
        let Parts { store, clock, agents, metrics, .. } = &self.0.parts;
        let next = self.open().get_mut(organization).and_then(Open::next);
        let Some(Waiting { mut run, mailboxes, span, .. }) = next else { return Ok(()) };
        let generation = holder.lease.generation;
        let id = run.id;
        let scope = match (mailboxes, run.mode) {
            (Some(mailboxes), _) => Scope::Mailboxes(mailboxes),
            (None, SyncMode::Full) => Scope::Everything,
            (None, SyncMode::Quick) => {
                let newest = store.newest_change(organization).await?;
                Scope::ChangedSince(begin_of_look(newest))
            }
        };
        run.state = RunState::Running { generation, since: clock.now() };
        store.set_run_state(run.id, &run.state).await?;
        metrics.sync_started(&run);
        tracing::info!(
            parent: &span, %organization, run = %run.id, mode = ?run.mode, trigger = ?run.trigger,
            "sync started"
        );
        let active = Active::new(run, scope, generation, span);
        let start = active.start(false);
        self.open().entry(organization.clone()).or_default().active = Some(active);
        if agents.say(organization, generation, Outgoing::StartSync(start)).is_err() {
            self.fail(organization, id, "the agent was lost".to_owned(), "lost").await;
        }
        Ok(())
    }

    fn open(&self) -> MutexGuard<'_, HashMap<OrganizationId, Open>> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn histories(&self) -> MutexGuard<'_, HashMap<OrganizationId, RunHistory>> {
        self.0.histories.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs that failed before the agent attached say nothing about it.
fn last_runs(history: &RunHistory, attached_at: Timestamp) -> LastRuns {
    let since = history.failed_at.filter(|at| *at > attached_at);
    LastRuns {
        any_succeeded_at: history.any_succeeded_at,
        full_succeeded_at: history.full_succeeded_at,
        failures: since.map_or(0, |_| history.failures),
        failed_at: since,
    }
}

fn begin_of_look(newest: Option<Timestamp>) -> Timestamp {
    let newest = newest.unwrap_or(Timestamp::UNIX_EPOCH);
    newest.checked_sub(OVERLAP).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn incomplete(completeness: &Completeness) -> String {
    let Completeness { pipelines_completed, error_records, truncated, .. } = completeness;
    format!(
        "incomplete, so nothing was taken as gone (pipelines completed: {pipelines_completed}, \
         error records: {error_records}, truncated: {truncated})"
    )
}

/// The root of a run's trace; a child of the operator's call when an operator asked.
fn span(organization: &OrganizationId, run: RunId, mode: SyncMode, trigger: Trigger) -> Span {
    let (mode, cause) = (format!("{mode:?}").to_lowercase(), format!("{trigger:?}").to_lowercase());
    match trigger {
        Trigger::Manual => tracing::info_span!(
            "exgate.sync", exgate.organization.id = %organization, exgate.sync.mode = mode,
            exgate.sync.trigger = cause, exgate.sync.run = %run
        ),
        Trigger::Schedule | Trigger::ReadBack => tracing::info_span!(
            parent: None,
            "exgate.sync", exgate.organization.id = %organization, exgate.sync.mode = mode,
            exgate.sync.trigger = cause, exgate.sync.run = %run
        ),
    }
}
