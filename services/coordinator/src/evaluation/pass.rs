//! One way through what is due in an organization: questions to the evaluators, several batches at a time,
//! and each answer stored as it comes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::time::Instant;
use tracing::{Instrument, Span};

use exgate_domain::case::Case;
use exgate_domain::ids::{BundleDigest, OrganizationId};
use exgate_runtime::telemetry::current_traceparent;

use super::evaluator_client::EvaluatorError;
use super::{Evaluation, EvaluationError, Inner};
use crate::cases::DueCase;
use crate::store::{Decided, Marked};

/// The most cases in one batch.
const BATCH_CASES_MAX: u32 = 500;
/// How many batches one organization has before it is another one's turn.
const PART_BATCHES_MAX: usize = 20;
/// How many cases a sweep marks at once: ten batches, and the store's writer is soon free again.
const SWEPT_MAX: u32 = 5_000;
/// So many refused cases in a batch of which none is answered are not the cases' fault.
const REFUSALS_MAX: usize = 8;

/// One way through all that is due in an organization.
pub(super) struct Pass<'a> {
    evaluation: &'a Evaluation,
    organization: &'a OrganizationId,
    /// The run that causes it.
    run: Option<Span>,
    span: OnceLock<Span>,
    /// Whether a case was answered, or marked by a sweep.
    progress: AtomicBool,
    /// Why the last case was not answered that no evaluator answers.
    refusal: Mutex<Option<EvaluationError>>,
}

impl<'a> Pass<'a> {
    pub(super) fn new(evaluation: &'a Evaluation, organization: &'a OrganizationId) -> Self {
        let run = evaluation.causes().get(organization).cloned();
        let (span, progress, refusal) = Default::default();
        Self { evaluation, organization, run, span, progress, refusal }
    }
}

impl Pass<'_> {
    /// Asks once about each case that is due, up to so many, several batches at a time, and stores each
    /// answer as it comes; says whether anything came of it.
    pub(super) async fn go(&self) -> Result<bool, EvaluationError> {
        let window = self.evaluation.0.evaluators.questions_max().max(1);
        let batches = stream::try_unfold(None, |after| self.read(after));
        let done = batches
            .take(PART_BATCHES_MAX)
            .try_for_each_concurrent(window, |due| {
                let done = async move {
                    self.batch(&due).await?;
                    self.evaluation.0.outbox.wake();
                    Ok(())
                };
                done.instrument(self.span().clone())
            })
            .await;
        let (progress, refusal) =
            (self.progress.swap(false, Ordering::Relaxed), self.refusal().take());
        self.evaluation.note(self.organization, done.as_ref().err().or(refusal.as_ref()));
        done.map(|()| progress)
    }

    /// The next batch, and its last case, after which the one that follows begins. A sweep runs ahead of
    /// what is asked: a case that it marks after it was asked about is asked about again.
    async fn read(
        &self,
        after: Option<Marked>,
    ) -> Result<Option<(Vec<DueCase>, Option<Marked>)>, EvaluationError> {
        let Inner { store, cases, clock, .. } = &*self.evaluation.0;
        let (organization, limit) = (self.organization, BATCH_CASES_MAX);
        loop {
            let swept = store.sweep(organization, SWEPT_MAX).await?;
            let due = cases.due(organization, clock.now(), after.as_ref(), limit).await?;
            self.progress.fetch_or(swept, Ordering::Relaxed);
            if let Some(last) = due.last().map(|due| due.marked.clone()) {
                return Ok(Some((due, Some(last))));
            }
            if !swept {
                return Ok(None);
            }
        }
    }

    /// Asks about a batch. What no evaluator answers is asked again in halves: one case that is refused
    /// does not keep the others from their answers, and stays due itself.
    async fn batch(&self, due: &[DueCase]) -> Result<(), EvaluationError> {
        let bundle = self.evaluation.0.store.bundle().await?.ok_or(EvaluationError::NoPolicy)?;
        let (mut parts, mut refusals, mut is_any_answered) = (vec![due], 0, false);
        while let Some(part) = parts.pop() {
            match self.ask(bundle, part).await {
                Ok(()) => is_any_answered = true,
                Err(error) if !error.is_refusal() => return Err(error),
                Err(_) if part.len() > 1 => {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second, first]);
                }
                Err(error) => {
                    refusals += 1;
                    if refusals >= REFUSALS_MAX && !is_any_answered {
                        return Err(error);
                    }
                    *self.refusal() = part.first().map(|case| named(&case.case, &error));
                }
            }
        }
        Ok(())
    }

    /// Asks about some cases, and stores the answers.
    async fn ask(&self, bundle: BundleDigest, due: &[DueCase]) -> Result<(), EvaluationError> {
        let Inner { store, clock, metrics, evaluators, .. } = &*self.evaluation.0;
        let organization = self.organization;
        let questions: Vec<Case> = due.iter().map(|due| due.case.clone()).collect();
        let started = Instant::now();
        let decisions = evaluators.evaluate(self.evaluation.stored(bundle), &questions).await?;
        let decided: Vec<_> = due
            .iter()
            .zip(&decisions)
            .map(|(due, decision)| Decided { marked: &due.marked, case: &due.case, decision })
            .collect();
        let stored = store.put_decisions(organization, &decided, clock.now()).await?;
        self.progress.store(true, Ordering::Relaxed);
        metrics.decided(organization, &decisions, started.elapsed());
        if stored.stored > 0 {
            let (cases, changed) = (decisions.len(), stored.access_changed.len());
            tracing::info!(
                %organization, cases, decisions = stored.stored, mailboxes = changed,
                "cases were decided"
            );
        }
        Ok(())
    }

    fn refusal(&self) -> MutexGuard<'_, Option<EvaluationError>> {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The span of what is done; made with the first batch, so that nothing due leaves no trace.
    fn span(&self) -> &Span {
        self.span.get_or_init(|| {
            let organization = self.organization;
            let span = match &self.run {
                Some(run) => tracing::info_span!(
                    parent: run, "exgate.sync.evaluate", exgate.organization.id = %organization
                ),
                None => tracing::info_span!(
                    parent: None, "exgate.sync.evaluate", exgate.organization.id = %organization
                ),
            };
            if self.run.is_none() {
                let outbox = &self.evaluation.0.outbox;
                outbox.caused_by(organization, &span.in_scope(current_traceparent));
            }
            span
        })
    }
}

/// A refusal that says which case it is about.
fn named(case: &Case, error: &EvaluationError) -> EvaluationError {
    let (device, mailbox) = (&case.device.device_id, &case.mailbox.primary_smtp);
    let error = exgate_runtime::report(error);
    EvaluatorError::Refused(format!("device {device} of {mailbox}: {error}")).into()
}
