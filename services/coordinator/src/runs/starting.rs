//! The beginnings of runs: when one is due or asked for, and how it is handed to the agent.

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use tracing::Span;
use uuid::Uuid;

use exgate_domain::ids::{Generation, MailboxId, OrganizationId, RunId};
use exgate_domain::observation::Scope;
use exgate_domain::organization::Organization;
use exgate_domain::sync::{Run, RunState, SyncMode, Trigger};

use super::active::{Active, Look, Open, Waiting};
use super::{Parts, RequestError, Runs};
use crate::agents::Holder;
use crate::agents::session::Outgoing;
use crate::schedule::{LastRuns, due};
use crate::store::{RunCreated, RunHistory, StoreError, StoredRun, Watermark};

/// How far before the newest change that was seen a quick sync begins to look: changes reach the
/// domain controllers late and out of order.
const OVERLAP: SignedDuration = SignedDuration::from_mins(15);

impl Runs {
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

    pub(super) async fn create(
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
        Ok(StoredRun { run, started_at: None, note: String::new() })
    }

    pub(super) async fn look(&self) -> Result<(), StoreError> {
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
        self.give_up(id).await;
        let Some(holder) = self.0.parts.agents.holder(id) else { return Ok(()) };
        let generation = holder.lease.generation;
        let left = self.open().get_mut(id).and_then(|open| open.lose_lease(generation));
        if let Some(run) = left {
            self.fail(id, run, "the agent was lost".to_owned(), "lost").await;
        }
        self.resume(id, &holder).await?;
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
        let next = self.open().get_mut(organization).and_then(Open::next);
        let Some(waiting) = next else { return Ok(()) };
        let (run, generation) = (waiting.run.id, holder.lease.generation);
        let active = match self.begin(waiting, generation).await {
            Ok(active) => active,
            Err(error) => {
                let reason = "its beginning could not be stored".to_owned();
                self.fail(organization, run, reason, "store").await;
                return Err(error);
            }
        };
        self.0.parts.metrics.sync_started(&active.run);
        tracing::info!(
            parent: &active.span, %organization, %run, mode = ?active.run.mode,
            trigger = ?active.run.trigger, "sync started"
        );
        let start = active.start(false);
        self.open().entry(organization.clone()).or_default().active = Some(active);
        let message = Outgoing::StartSync(Box::new(start));
        if self.0.parts.agents.say(organization, generation, message).is_err() {
            self.fail(organization, run, "the agent was lost".to_owned(), "lost").await;
        }
        Ok(())
    }

    /// Says what a run looks at, and stores that it is being handed out.
    async fn begin(&self, waiting: Waiting, generation: Generation) -> Result<Active, StoreError> {
        let Waiting { mut run, mailboxes, span, .. } = waiting;
        let Parts { store, clock, .. } = &self.0.parts;
        let look = match (mailboxes, run.mode) {
            (Some(mailboxes), _) => {
                Look { scope: Scope::Mailboxes(mailboxes), controller: String::new() }
            }
            (None, SyncMode::Full) => self.everything(&run.organization).await?,
            (None, SyncMode::Quick) => self.changes(&run.organization).await?,
        };
        run.state = RunState::Running { generation, since: clock.now() };
        store.set_run_state(run.id, &run.state).await?;
        Ok(Active::new(run, look, generation, span))
    }

    /// A look at everything, at the domain controller that was asked last: its stamps go on.
    pub(super) async fn everything(
        &self,
        organization: &OrganizationId,
    ) -> Result<Look, StoreError> {
        let watermark = self.0.parts.store.watermark(organization).await?;
        Ok(Look { scope: Scope::Everything, controller: watermark.controller })
    }

    /// A look at what changed since the last one, at the domain controller whose stamps that is by.
    pub(super) async fn changes(&self, organization: &OrganizationId) -> Result<Look, StoreError> {
        let Parts { store, clock, .. } = &self.0.parts;
        let Watermark { newest_change_at, controller } = store.watermark(organization).await?;
        let since = begin_of_look(newest_change_at, clock.now());
        Ok(Look { scope: Scope::ChangedSince(since), controller })
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

/// A change dated in the future, by a domain controller whose clock jumped, hides none before it.
fn begin_of_look(newest: Option<Timestamp>, now: Timestamp) -> Timestamp {
    let newest = newest.unwrap_or(Timestamp::UNIX_EPOCH).min(now);
    newest.checked_sub(OVERLAP).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The root of a run's trace; a child of the operator's call when an operator asked.
pub(super) fn span(
    organization: &OrganizationId,
    run: RunId,
    mode: SyncMode,
    trigger: Trigger,
) -> Span {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_dated_in_the_future_hides_no_change_of_today() {
        let now: Timestamp = "2026-03-10T12:00:00Z".parse().unwrap();
        let day = SignedDuration::from_hours(24);
        assert_eq!(begin_of_look(Some(now + day), now), now - OVERLAP);
        assert_eq!(begin_of_look(Some(now - day), now), now - day - OVERLAP);
        assert!(begin_of_look(None, now) <= Timestamp::UNIX_EPOCH);
    }
}
