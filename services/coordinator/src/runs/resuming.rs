//! Runs that go on: after the agent, the way to it, or this process was gone for a while. What was
//! staged of the look stays, and the agent is told where it ends. A run that nobody goes on with in
//! time fails, and what was staged is forgotten.

use exgate_domain::ids::OrganizationId;
use exgate_domain::sync::{RunState, SyncMode, Trigger};
use tokio::time::Instant;

use super::active::{Active, Phase};
use super::{Parts, Runs, starting};
use crate::agents::Holder;
use crate::agents::session::Outgoing;
use crate::store::{StoreError, StoredRun};

impl Runs {
    /// Takes over the runs that an earlier process of this coordinator left open: one that was with
    /// an agent waits for it, any other ends. Forgets what is staged of all others.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn take_over(&self) -> Result<(), StoreError> {
        let Parts { store, clock, .. } = &self.0.parts;
        let mut kept = Vec::new();
        for left in store.open_runs(None).await? {
            let (organization, run) = (left.run.organization.clone(), left.run.id);
            let is_looking = matches!(left.run.state, RunState::Running { .. });
            if is_looking && left.run.trigger != Trigger::ReadBack {
                tracing::info!(%organization, %run, "run of an earlier process waits for its agent");
                let active = self.left_over(left).await?;
                self.open().entry(organization).or_default().active = Some(active);
                kept.push(run);
            } else {
                let reason = "the coordinator restarted".to_owned();
                let state = RunState::Failed { at: clock.now(), reason };
                store.set_run_state(run, &state).await?;
                tracing::warn!(%organization, %run, "run of an earlier process was closed");
            }
        }
        store.sweep_staging(&kept);
        Ok(())
    }

    async fn left_over(&self, left: StoredRun) -> Result<Active, StoreError> {
        let run = left.run;
        let generation = match run.state {
            RunState::Running { generation, .. } => generation,
            RunState::Pending | RunState::Succeeded { .. } | RunState::Failed { .. } => {
                Default::default()
            }
        };
        let look = match run.mode {
            SyncMode::Full => self.everything(&run.organization).await?,
            SyncMode::Quick => self.changes(&run.organization).await?,
        };
        let span = starting::span(&run.organization, run.id, run.mode, run.trigger);
        let mut active = Active::new(run, look, generation, span);
        let now = Instant::now();
        active.phase = Phase::Suspended { since: now, from: now };
        Ok(active)
    }

    /// Fails the run whose agent was gone for too long.
    pub(super) async fn give_up(&self, organization: &OrganizationId) {
        let within = self.0.resume_within;
        let given_up = self.open().get(organization).and_then(|open| open.given_up(within));
        if let Some(run) = given_up {
            let reason = format!("the agent was lost and not back within {within:?}");
            self.fail(organization, run, reason, "lost").await;
        }
    }

    /// Tells the agent to go on with the run that waits for it.
    pub(super) async fn resume(
        &self,
        organization: &OrganizationId,
        holder: &Holder,
    ) -> Result<(), StoreError> {
        let _one_at_a_time = self.0.moving.lock().await;
        let Parts { store, clock, agents, .. } = &self.0.parts;
        let generation = holder.lease.generation;
        let resumed = {
            let mut open = self.open();
            let active = open.get_mut(organization).and_then(|open| open.resumable());
            active.map(|active| {
                active.resume(generation);
                (active.run.id, active.run.state.clone(), active.start(false), active.span.clone())
            })
        };
        let Some((run, state, mut start, span)) = resumed else { return Ok(()) };
        store.set_run_state(run, &state).await?;
        start.resume = store.resume(run, clock.now()).await;
        let pages = start.resume.as_ref().map_or(0, |resume| resume.pages.len());
        let finished = start.resume.as_ref().and_then(|resume| resume.finished.as_ref());
        let step = finished.map(|finished| finished.step);
        tracing::info!(parent: &span, %organization, %run, pages, ?step, "sync goes on");
        if agents.say(organization, generation, Outgoing::StartSync(Box::new(start))).is_err() {
            self.lost(organization).await;
        }
        Ok(())
    }
}
