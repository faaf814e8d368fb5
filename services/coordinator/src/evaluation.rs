//! Due cases to the evaluators, several batches at a time, and decisions back. Nothing is written when
//! no evaluator answers, or one answers something else than it was asked: the last decisions hold, the
//! cases stay due. An answer is stored under the mark of its question, so that each counts once.

pub mod evaluator_client;
mod pass;
pub mod replicas;
mod trial;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Mutex as AsyncMutex, Notify, OnceCell};
use tracing::Span;

use exgate_domain::case::Case;
use exgate_domain::decision::Decision;
use exgate_domain::ids::{BundleDigest, OrganizationId};
use exgate_runtime::Tasks;
use exgate_runtime::backoff::Backoff;
use exgate_runtime::clock::Clock;
use exgate_runtime::telemetry::current_traceparent;

use crate::cases::Cases;
use crate::metrics::Metrics;
use crate::outbox::Outbox;
use crate::policies::{Checked, PolicyFile};
use crate::store::{Store, StoreError};
use evaluator_client::{EvaluatorError, Explanation};
use pass::Pass;
use replicas::{Bundle, EvaluatorState, Evaluators, Files};

/// How often due cases are looked for when nothing says that there are some.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long the first look at the records is waited for after a start.
const FIRST_RECORDS_WAIT_MAX: Duration = Duration::from_secs(60);
/// The shortest and the longest ceiling of the wait after an evaluator did not answer.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(15));

/// Why cases are not decided.
#[derive(Debug, thiserror::Error)]
pub enum EvaluationError {
    /// No policy was applied yet.
    #[error("no policy is applied yet")]
    NoPolicy,
    /// The bundle was replaced before bundles were kept, or nothing named it any more.
    #[error("the policies of bundle {} are no longer kept", .0.short())]
    BundleGone(BundleDigest),
    /// The evaluator does not answer, or not well.
    #[error(transparent)]
    Evaluator(#[from] EvaluatorError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl EvaluationError {
    /// Whether evaluators answer, but not this question.
    fn is_refusal(&self) -> bool {
        match self {
            Self::Evaluator(error) => error.is_refusal(),
            Self::NoPolicy | Self::BundleGone(_) | Self::Store(_) => false,
        }
    }
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
    /// Where evaluators that answer did not decide all that is due, and why.
    refused: Mutex<BTreeMap<OrganizationId, String>>,
    /// Set once the records were looked at after the start, or that was waited for long enough.
    records_ready: OnceCell<()>,
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
            refused: Mutex::default(),
            records_ready: OnceCell::new(),
        }))
    }

    /// Decides what is due until the tasks have to stop.
    pub async fn run(self, tasks: Tasks) {
        let stopped = tasks.stopped();
        tokio::pin!(stopped);
        let (first, longest) = BACK_OFF;
        let mut backoff = Backoff::default().between(first, longest);
        tokio::select! {
            () = &mut stopped => return,
            () = self.records_ready() => {}
        }
        loop {
            let wait = match self.look().await {
                Ok(()) => {
                    backoff.reset();
                    self.until_next_due().await
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

    /// Decides nothing by records that only look too old because nobody has read them since the start.
    async fn records_ready(&self) {
        let wait = async || {
            let ready = self.0.cases.ready();
            if tokio::time::timeout(FIRST_RECORDS_WAIT_MAX, ready).await.is_err() {
                let seconds = FIRST_RECORDS_WAIT_MAX.as_secs();
                tracing::warn!(seconds, "records are still being read; decided by what was stored");
            }
        };
        self.0.records_ready.get_or_init(wait).await;
    }

    /// How long nothing is due by time alone, up to the time at which is looked anyway.
    async fn until_next_due(&self) -> Duration {
        let next = self.0.store.next_due_at().await.ok().flatten();
        wait(next, self.0.clock.now())
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

    /// What is wrong when not all is decided: no evaluator answers, or those that do refuse.
    pub fn problem(&self) -> Option<String> {
        let refused = || self.refused().values().next().cloned();
        self.0.evaluators.problem().or_else(refused)
    }

    /// The same of one organization, for people.
    pub fn problem_of(&self, organization: &OrganizationId) -> Option<String> {
        if let Some(problem) = self.0.evaluators.problem() {
            return Some(format!("nothing is decided: {problem}"));
        }
        let refused = self.refused();
        refused.get(organization).map(|problem| format!("not all is decided: {problem}"))
    }

    /// Decides what is due now, a part of each organization in turn: a small one does not wait until a
    /// large one is through.
    async fn look(&self) -> Result<(), EvaluationError> {
        let (mut failed, mut result) = (BTreeSet::new(), Ok(()));
        loop {
            let mut found = false;
            let due = self.0.store.organizations_due(self.0.clock.now()).await?;
            self.refused().retain(|organization, _| due.contains(organization));
            for organization in
                due.into_iter().filter(|it| !failed.contains(it)).collect::<Vec<_>>()
            {
                match self.part(&Pass::new(self, &organization)).await {
                    Ok(any) => found |= any,
                    // Without a policy there is no question, and no trouble either.
                    Err(EvaluationError::NoPolicy) => {}
                    Err(error) => {
                        failed.insert(organization);
                        result = Err(error);
                    }
                }
            }
            if !found {
                return result;
            }
        }
    }

    /// Decides everything that is due in one organization now.
    ///
    /// # Errors
    /// When no evaluator answers: what was answered before is stored, the rest stays due.
    pub async fn attempt(&self, organization: &OrganizationId) -> Result<(), EvaluationError> {
        self.records_ready().await;
        let pass = Pass::new(self, organization);
        // What was marked anew while it was being asked about is due again.
        while self.part(&pass).await? {}
        Ok(())
    }

    /// Takes its turn for one part of a pass; says whether anything came of it.
    async fn part(&self, pass: &Pass<'_>) -> Result<bool, EvaluationError> {
        let _turn = self.0.turn.lock().await;
        pass.go().await
    }

    /// Decides one case by a bundle that is or was in force, and puts it in words of a language, a BCP 47
    /// tag; nothing is stored.
    ///
    /// # Errors
    /// When no evaluator answers, or the bundle is not kept.
    pub async fn explain(
        &self,
        bundle: BundleDigest,
        case: &Case,
        language: &str,
    ) -> Result<Explanation, EvaluationError> {
        self.0.evaluators.explain(self.stored(bundle), case, language).await
    }

    /// Decides cases by a bundle, in their order; nothing is stored.
    ///
    /// # Errors
    /// When no evaluator answers, or the bundle is not kept.
    pub async fn decide(
        &self,
        bundle: Bundle<'_>,
        cases: &[Case],
    ) -> Result<Vec<Decision>, EvaluationError> {
        self.0.evaluators.evaluate(bundle, cases).await
    }

    /// Says what is wrong with policy files.
    ///
    /// # Errors
    /// When no evaluator answers.
    pub async fn check(&self, files: &[PolicyFile]) -> Result<Checked, EvaluatorError> {
        self.0.evaluators.check(files).await
    }

    /// How each evaluator is.
    pub fn evaluators(&self) -> Vec<EvaluatorState> {
        self.0.evaluators.states()
    }

    /// A bundle that is or was in force.
    fn stored(&self, digest: BundleDigest) -> Bundle<'_> {
        Bundle { digest, files: Files::Stored(&self.0.store) }
    }

    /// Remembers what evaluators that answer do not want of an organization.
    fn note(&self, organization: &OrganizationId, error: Option<&EvaluationError>) {
        let refused = match error {
            None => None,
            Some(EvaluationError::Evaluator(error)) if error.is_absence() => return,
            Some(EvaluationError::NoPolicy | EvaluationError::Store(_)) => return,
            Some(error @ (EvaluationError::BundleGone(_) | EvaluationError::Evaluator(_))) => {
                Some(exgate_runtime::report(error))
            }
        };
        let mut all = self.refused();
        let before = match &refused {
            Some(error) => all.insert(organization.clone(), error.clone()),
            None => all.remove(organization),
        };
        drop(all);
        match (before, refused) {
            (None, Some(error)) => tracing::warn!(%organization, error, "not all is decided"),
            (Some(_), None) => tracing::info!(%organization, "all is decided again"),
            (None, None) | (Some(_), Some(_)) => {}
        }
    }

    fn refused(&self) -> MutexGuard<'_, BTreeMap<OrganizationId, String>> {
        self.0.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn causes(&self) -> MutexGuard<'_, HashMap<OrganizationId, Span>> {
        self.0.causes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long to wait for what is due next.
fn wait(next: Option<Timestamp>, now: Timestamp) -> Duration {
    let wait = next.and_then(|next| Duration::try_from(next.duration_since(now)).ok());
    // What is due already is what nobody can be asked about.
    wait.filter(|wait| !wait.is_zero()).unwrap_or(LOOK_EVERY).min(LOOK_EVERY)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn what_is_due_soon_is_waited_for_and_no_longer() {
        let now = Timestamp::UNIX_EPOCH;
        let after = |ms| Some(now + SignedDuration::from_millis(ms));
        let soon = Duration::from_millis(20);
        let table = [
            (after(20), soon),
            (after(60_000), LOOK_EVERY),
            (after(0), LOOK_EVERY),
            (after(-5), LOOK_EVERY),
            (None, LOOK_EVERY),
        ];
        for (next, expected) in table {
            assert_eq!(wait(next, now), expected, "{next:?}");
        }
    }
}
