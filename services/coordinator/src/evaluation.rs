//! Due cases to the evaluator, decisions back. Nothing is written when the evaluator does not answer,
//! or answers something else than it was asked: the last decisions hold, the cases stay due.

pub mod evaluator_client;
mod trial;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, Notify};
use tokio::time::Instant;
use tracing::{Instrument, Span};

use exgate_domain::case::Case;
use exgate_domain::decision::Decision;
use exgate_domain::ids::{BundleDigest, OrganizationId};
use exgate_runtime::Tasks;
use exgate_runtime::backoff::Backoff;
use exgate_runtime::clock::Clock;
use exgate_runtime::telemetry::current_traceparent;

use crate::cases::{Cases, DueCase};
use crate::metrics::Metrics;
use crate::outbox::Outbox;
use crate::policies::{Checked, PolicyFile};
use crate::store::{Decided, Store, StoreError};
use evaluator_client::{EvaluatorError, Evaluators, Explanation};

/// The most cases in one batch.
const BATCH_CASES_MAX: u32 = 500;
/// How often due cases are looked for when nothing says that there are some.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The shortest and the longest ceiling of the wait after an evaluator did not answer.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(15));

/// Why cases are not decided.
#[derive(Debug, thiserror::Error)]
pub enum EvaluationError {
    /// No policy was applied yet.
    #[error("no policy is applied yet")]
    NoPolicy,
    /// The evaluator does not answer, or not well.
    #[error(transparent)]
    Evaluator(#[from] EvaluatorError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The evaluation of all organizations; cheap to clone.
#[derive(Debug, Clone)]
pub struct Evaluation(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    clock: Clock,
    metrics: Metrics,
    cases: Cases,
    evaluators: Evaluators,
    outbox: Outbox,
    wake: Notify,
    /// Held while one organization's cases are decided.
    turn: AsyncMutex<()>,
    /// The spans of runs whose snapshots wake cases.
    causes: Mutex<HashMap<OrganizationId, Span>>,
    /// What the evaluator said last when it did not answer well.
    problem: Mutex<Option<String>>,
}

/// What evaluation needs of others.
#[derive(Debug, Clone)]
pub struct Parts {
    /// Where cases and decisions are stored.
    pub store: Store,
    /// What time it is.
    pub clock: Clock,
    /// Its numbers.
    pub metrics: Metrics,
    /// Which makes a question of a case.
    pub cases: Cases,
    /// Who decides.
    pub evaluators: Evaluators,
    /// What new decisions wake.
    pub outbox: Outbox,
}

impl Evaluation {
    /// Nothing is decided yet.
    pub fn new(parts: Parts) -> Self {
        let Parts { store, clock, metrics, cases, evaluators, outbox } = parts;
        Self(Arc::new(Inner {
            store,
            clock,
            metrics,
            cases,
            evaluators,
            outbox,
            wake: Notify::new(),
            turn: AsyncMutex::default(),
            causes: Mutex::default(),
            problem: Mutex::default(),
        }))
    }

    /// Decides what is due until the tasks have to stop.
    pub async fn run(self, tasks: Tasks) {
        let stopped = tasks.stopped();
        tokio::pin!(stopped);
        let (first, longest) = BACK_OFF;
        let mut backoff = Backoff::default().between(first, longest);
        loop {
            let wait = match self.look().await {
                Ok(()) => {
                    backoff.reset();
                    LOOK_EVERY
                }
                Err(error) => {
                    tracing::debug!(error = exgate_runtime::report(&error), "cases stay due");
                    backoff.wait().max(LOOK_EVERY)
                }
            };
            tokio::select! {
                () = &mut stopped => return,
                () = self.0.wake.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Looks at once instead of a little later.
    pub fn wake(&self) {
        self.0.wake.notify_one();
    }

    /// What is decided from now on was caused by a run.
    pub fn caused_by_run(&self, organization: &OrganizationId, run: &Span) {
        self.causes().insert(organization.clone(), run.clone());
        self.0.outbox.caused_by(organization, &run.in_scope(current_traceparent));
    }

    /// What is decided from now on has other causes.
    pub fn no_longer_caused_by_run(&self, organization: &OrganizationId) {
        self.causes().remove(organization);
        self.0.outbox.caused_by(organization, "");
    }

    /// What the evaluator said when it last did not answer well; none when it did.
    pub fn problem(&self) -> Option<String> {
        self.0.problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn look(&self) -> Result<(), EvaluationError> {
        let now = self.0.clock.now();
        let mut result = Ok(());
        for organization in self.0.store.organizations_due(now).await? {
            match self.attempt(&organization).await {
                // Without a policy there is no question, and no trouble either.
                Ok(()) | Err(EvaluationError::NoPolicy) => {}
                Err(error) => result = Err(error),
            }
        }
        result
    }

    /// Decides everything that is due in one organization now.
    ///
    /// # Errors
    /// When the evaluator does not answer: what it had answered before is stored, the rest stays due.
    pub async fn attempt(&self, organization: &OrganizationId) -> Result<(), EvaluationError> {
        let _turn = self.0.turn.lock().await;
        let run = self.causes().get(organization).cloned();
        let mut span = None;
        loop {
            let bundle = self.0.store.bundle().await?.ok_or(EvaluationError::NoPolicy)?;
            let now = self.0.clock.now();
            let due = self.0.cases.due(organization, now, BATCH_CASES_MAX).await?;
            if due.is_empty() {
                return Ok(());
            }
            // A span only for what is done: nothing due leaves no trace.
            let span = span.get_or_insert_with(|| match &run {
                Some(run) => tracing::info_span!(
                    parent: run, "exgate.sync.evaluate", exgate.organization.id = %organization
                ),
                None => tracing::info_span!(
                    parent: None, "exgate.sync.evaluate", exgate.organization.id = %organization
                ),
            });
            if run.is_none() {
                self.0.outbox.caused_by(organization, &span.in_scope(current_traceparent));
            }
            self.batch(organization, bundle, &due).instrument(span.clone()).await?;
            self.0.outbox.wake();
        }
    }

    async fn batch(
        &self,
        organization: &OrganizationId,
        bundle: BundleDigest,
        due: &[DueCase],
    ) -> Result<(), EvaluationError> {
        let Inner { store, clock, metrics, .. } = &*self.0;
        let questions: Vec<Case> = due.iter().map(|due| due.case.clone()).collect();
        let started = Instant::now();
        let decisions = self.decide(bundle, &questions).await?;
        let decided: Vec<_> = due
            .iter()
            .zip(&decisions)
            .map(|(due, decision)| Decided { marked: &due.marked, case: &due.case, decision })
            .collect();
        let stored = store.put_decisions(organization, &decided, clock.now()).await?;
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

    /// Asks the evaluator, and gives it the bundle when it does not hold it.
    async fn decide(
        &self,
        bundle: BundleDigest,
        cases: &[Case],
    ) -> Result<Vec<Decision>, EvaluationError> {
        self.with_bundle(bundle, || self.0.evaluators.evaluate(bundle, cases)).await
    }

    /// Decides one case and puts it in words of a language, a BCP 47 tag; nothing is stored.
    ///
    /// # Errors
    /// When the evaluator does not answer.
    pub async fn explain(
        &self,
        bundle: BundleDigest,
        case: &Case,
        language: &str,
    ) -> Result<Explanation, EvaluationError> {
        self.with_bundle(bundle, || self.0.evaluators.explain(bundle, case, language)).await
    }

    /// Says what is wrong with policy files.
    ///
    /// # Errors
    /// When the evaluator does not answer.
    pub async fn check(&self, files: &[PolicyFile]) -> Result<Checked, EvaluatorError> {
        let checked = self.0.evaluators.check(files).await;
        self.note(checked.as_ref().err());
        checked
    }

    async fn with_bundle<T, F>(
        &self,
        bundle: BundleDigest,
        ask: impl Fn() -> F,
    ) -> Result<T, EvaluationError>
    where
        F: Future<Output = Result<T, EvaluatorError>>,
    {
        let mut answer = ask().await;
        if let Err(EvaluatorError::BundleUnknown(_)) = answer {
            let files = self.0.store.bundle_files().await?;
            answer = match self.0.evaluators.load(bundle, &files).await {
                Ok(()) => ask().await,
                Err(error) => Err(error),
            };
        }
        self.note(answer.as_ref().err());
        Ok(answer?)
    }

    /// Remembers how the evaluator is, and says so when that changes.
    fn note(&self, error: Option<&EvaluatorError>) {
        let problem = error.map(|error| exgate_runtime::report(error));
        self.0.metrics.evaluator(problem.is_none());
        let mut before = self.0.problem.lock().unwrap_or_else(PoisonError::into_inner);
        match (&*before, &problem) {
            (None, Some(error)) => tracing::warn!(error, "evaluator does not decide"),
            (Some(_), None) => tracing::info!("evaluator decides again"),
            (None, None) | (Some(_), Some(_)) => {}
        }
        *before = problem;
    }

    fn causes(&self) -> MutexGuard<'_, HashMap<OrganizationId, Span>> {
        self.0.causes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
