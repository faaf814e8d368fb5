//! The ends of runs: a stored snapshot is decided and compared before its run succeeds; anything else
//! fails it, with a reason, once.

use tracing::Instrument;

use exgate_domain::ids::{OrganizationId, RunId};
use exgate_domain::observation::Kind;
use exgate_domain::snapshot::Begin;
use exgate_domain::sync::{Completeness, RunState, Tally};

use super::active::{Active, Phase};
use super::{Parts, Runs};
use crate::evaluation::EvaluationError;
use crate::store::Shrunk;

/// What a look proves, and what speaks against it.
struct Found {
    completeness: Completeness,
    shrunk: Option<Shrunk>,
}

impl Runs {
    /// A snapshot was stored: decides what it changes, compares, and closes the run.
    pub fn committed(
        &self,
        begin: &Begin,
        tally: Tally,
        completeness: Completeness,
        shrunk: Option<Shrunk>,
    ) {
        {
            let mut open = self.open();
            let active = open.get_mut(&begin.organization).and_then(|open| open.with(begin.run));
            let Some(active) = active else { return };
            active.phase = Phase::Deciding;
        }
        let (runs, organization, run) = (self.clone(), begin.organization.clone(), begin.run);
        self.0.parts.tasks.spawn("conclude", async move {
            runs.conclude(&organization, run, tally, Found { completeness, shrunk }).await;
        });
    }

    async fn conclude(
        &self,
        organization: &OrganizationId,
        run: RunId,
        tally: Tally,
        found: Found,
    ) {
        let Found { completeness, shrunk } = found;
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
        if completeness.fell_back {
            notes.push(
                "the domain controller of the last look does not answer: listed all".to_owned(),
            );
        }
        notes.extend(shrunk.map(too_few));
        self.succeed(organization, run, tally, notes.join("; ")).await;
    }

    async fn succeed(&self, organization: &OrganizationId, run: RunId, tally: Tally, note: String) {
        let now = self.0.parts.clock.now();
        if !note.is_empty()
            && let Err(error) = self.0.parts.store.set_run_note(run, &note).await
        {
            let error = exgate_runtime::report(&error);
            tracing::error!(%organization, %run, error, "note on a run was not stored");
        }
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
    }

    pub(super) async fn fail(
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
        let has_failed = matches!(state, RunState::Failed { .. });
        self.0.parts.store.forget_staging(run);
        let stored = self.0.parts.store.set_run_state(run, &state).await;
        if let Err(error) = stored {
            let error = exgate_runtime::report(&error);
            tracing::error!(%organization, %run, error, "end of a run was not stored");
        }
        let ended = self.open().get_mut(organization).and_then(|open| open.take(run, has_failed));
        if let Err(error) = self.reread_history(organization).await {
            let error = exgate_runtime::report(&error);
            tracing::error!(%organization, error, "history of runs was not read");
        }
        self.wake();
        ended
    }
}

fn incomplete(completeness: &Completeness) -> String {
    let Completeness { pipelines_completed, error_records, truncated, controller_changed, .. } =
        completeness;
    format!(
        "incomplete, so nothing was taken as gone (pipelines completed: {pipelines_completed}, \
         error records: {error_records}, truncated: {truncated}, domain controller changed: \
         {controller_changed})"
    )
}

fn too_few(shrunk: Shrunk) -> String {
    let Shrunk { kind, seen, before } = shrunk;
    let what = match kind {
        Kind::Mailbox => "mailboxes",
        Kind::Device
        | Kind::Settings
        | Kind::Rule
        | Kind::Server
        | Kind::DeviceClass
        | Kind::MailboxPolicy => "devices",
    };
    format!(
        "held: saw {seen} {what} where the last complete look saw {before}, so nothing was taken as \
         gone; if that is right, raise sync.shrink_max for one full sync"
    )
}
