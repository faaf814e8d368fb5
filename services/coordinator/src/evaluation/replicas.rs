//! All evaluators as one. Any of them answers the same, so a question goes to the one with the least
//! to do; what one does not answer goes to another, and who does not answer is left alone for a while.
//!
//! Invariant: an answer is one evaluator's answer to a whole question. Nothing is kept of what was
//! answered in part, so that nothing is lost and nothing comes twice.

mod seats;

use std::cmp::Reverse;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::Instant;

use exgate_domain::case::Case;
use exgate_domain::decision::Decision;
use exgate_domain::ids::BundleDigest;
use exgate_runtime::Tasks;
use exgate_runtime::clock::Clock;
use exgate_runtime::listen::Endpoint;
use exgate_runtime::signing::SigningKey;

use super::EvaluationError;
use super::evaluator_client::{EvaluatorClient, EvaluatorError, Explanation, Questions, Signed};
use crate::metrics::Metrics;
use crate::policies::{Checked, PolicyFile};
use crate::store::Store;
use seats::{Down, QUESTIONS_PER_EVALUATOR_MAX, Replica, Seat};

/// How often evaluators that nobody asks are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How long one may be silent before it is looked at.
const SILENCE_MAX: Duration = Duration::from_secs(10);
/// How often in one question a bundle is given to an evaluator that does not hold it.
const LOADS_MAX: u32 = 2;

/// A bundle to decide by, and where its files are.
#[derive(Debug, Clone, Copy)]
pub struct Bundle<'a> {
    /// Its name.
    pub digest: BundleDigest,
    /// What is in it.
    pub files: Files<'a>,
}

/// The files of a bundle.
#[derive(Debug, Clone, Copy)]
pub enum Files<'a> {
    /// It is or was in force.
    Stored(&'a Store),
    /// It is only tried.
    Given(&'a [PolicyFile]),
}

/// How one evaluator is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvaluatorState {
    /// Where it listens.
    pub endpoint: String,
    /// What it, or the way to it, said when it last did not answer; none when it did.
    pub problem: Option<String>,
    /// When it last answered; none when it has not since this start.
    pub answered_at: Option<Timestamp>,
    /// How many cases it decided since this start.
    pub cases: u64,
}

/// All evaluators; cheap to clone.
#[derive(Debug, Clone)]
pub struct Evaluators(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    replicas: Vec<Replica>,
    key: SigningKey,
    clock: Clock,
    metrics: Metrics,
    /// How many questions were asked of any of them.
    asked: AtomicU64,
    /// Told when a seat gets free.
    freed: Notify,
}

impl Evaluators {
    /// Makes lazy channels to all `endpoints`; bundles that are given to them are signed by `key`.
    pub fn new(endpoints: &[Endpoint], key: SigningKey, clock: Clock, metrics: Metrics) -> Self {
        let replicas = endpoints.iter().map(Replica::new).collect();
        Self(Arc::new(Inner {
            replicas,
            key,
            clock,
            metrics,
            asked: AtomicU64::default(),
            freed: Notify::new(),
        }))
    }

    /// How many questions may be asked at once.
    pub fn questions_max(&self) -> usize {
        self.0.replicas.len() * QUESTIONS_PER_EVALUATOR_MAX
    }

    /// Decides `cases` by a bundle, in their order.
    ///
    /// # Errors
    /// When no evaluator answers, or the answer does not fit.
    pub async fn evaluate(
        &self,
        bundle: Bundle<'_>,
        cases: &[Case],
    ) -> Result<Vec<Decision>, EvaluationError> {
        let questions = Questions::new(bundle.digest, cases);
        let questions = &questions;
        let ask = |client: EvaluatorClient| async move { client.evaluate(questions).await };
        let (number, decisions) = self.ask(Some(bundle), ask).await?;
        if let Some(replica) = self.0.replicas.get(number) {
            replica.state().cases += u64::try_from(decisions.len()).unwrap_or_default();
        }
        Ok(decisions)
    }

    /// Decides one case by a bundle and puts it in words of a language, a BCP 47 tag.
    ///
    /// # Errors
    /// When no evaluator answers, or the answer does not fit.
    pub async fn explain(
        &self,
        bundle: Bundle<'_>,
        case: &Case,
        language: &str,
    ) -> Result<Explanation, EvaluationError> {
        let digest = bundle.digest;
        let ask =
            |client: EvaluatorClient| async move { client.explain(digest, case, language).await };
        Ok(self.ask(Some(bundle), ask).await?.1)
    }

    /// Says what is wrong with policy files.
    ///
    /// # Errors
    /// When no evaluator answers.
    pub async fn check(&self, files: &[PolicyFile]) -> Result<Checked, EvaluatorError> {
        let ask = |client: EvaluatorClient| async move { client.check(files).await };
        match self.ask(None, ask).await {
            Ok((_, checked)) => Ok(checked),
            Err(EvaluationError::Evaluator(error)) => Err(error),
            // Only a bundle is looked up.
            Err(
                error @ (EvaluationError::NoPolicy
                | EvaluationError::BundleGone(_)
                | EvaluationError::Store(_)),
            ) => Err(EvaluatorError::Refused(exgate_runtime::report(&error))),
        }
    }

    /// How each evaluator is, in the order of the configuration.
    pub fn states(&self) -> Vec<EvaluatorState> {
        let state = |replica: &Replica| {
            let state = replica.state();
            EvaluatorState {
                endpoint: replica.endpoint.to_string(),
                problem: state.down.as_ref().map(|down| down.problem.clone()),
                answered_at: state.heard.map(|(_, at)| at),
                cases: state.cases,
            }
        };
        self.0.replicas.iter().map(state).collect()
    }

    /// What is wrong when none of them answers.
    pub fn problem(&self) -> Option<String> {
        let mut problems = self.states().into_iter().map(|state| state.problem);
        let first = problems.next()?;
        problems.fold(first, |all, problem| all.and_then(|first| problem.map(|_| first)))
    }

    /// Looks at those that nobody asks, until the tasks have to stop: who is back is found out, and
    /// who is gone is known before a question waits for it.
    pub async fn watch(self, tasks: Tasks) {
        let stopped = tasks.stopped();
        tokio::pin!(stopped);
        loop {
            let looks = self.0.replicas.iter().map(|replica| self.look(replica));
            tokio::select! {
                () = &mut stopped => return,
                _ = futures_util::future::join_all(looks) => {}
            }
            tokio::select! {
                () = &mut stopped => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    async fn look(&self, replica: &Replica) {
        let now = Instant::now();
        let is_due = {
            let state = replica.state();
            let is_silent = state.heard.is_none_or(|(at, _)| now.duration_since(at) >= SILENCE_MAX);
            let distrusts = state.down.as_ref().is_some_and(|down| down.is_distrust);
            let is_asked = state.asked > 0 || distrusts || !state.is_usable(now);
            !is_asked && (state.down.is_some() || is_silent)
        };
        // Any answer will do: this question costs it next to nothing.
        if is_due {
            match replica.client.check(&[]).await {
                Err(error) if error.is_absence() => self.failed(replica, &error),
                Ok(_) | Err(_) => self.answered(replica, false),
            }
        }
    }

    /// Asks one evaluator after the other until one answers, each once; says which one did. Where all
    /// that can be had refuse, it is the question; where another one answers, it was them.
    async fn ask<T, F>(
        &self,
        bundle: Option<Bundle<'_>>,
        call: impl Fn(EvaluatorClient) -> F,
    ) -> Result<(usize, T), EvaluationError>
    where
        F: Future<Output = Result<T, EvaluatorError>>,
    {
        let mut tried = vec![false; self.0.replicas.len()];
        let mut last = EvaluatorError::Unavailable("no endpoint is configured".to_owned());
        let mut refusals: Vec<(&Replica, EvaluatorError)> = Vec::new();
        while let Some(seat) = self.seat(&tried).await {
            let is_moved = tried.iter().any(|tried| *tried);
            if let Some(tried) = tried.get_mut(seat.number) {
                *tried = true;
            }
            if is_moved {
                self.0.metrics.question_moved();
            }
            match self.ask_one(seat.replica, bundle, &call).await {
                Ok(answer) => {
                    self.answered(seat.replica, bundle.is_some());
                    for (replica, error) in &refusals {
                        self.failed(replica, error);
                    }
                    return Ok((seat.number, answer));
                }
                Err(EvaluationError::Evaluator(error)) if error.is_absence() => {
                    self.failed(seat.replica, &error);
                    last = error;
                }
                Err(EvaluationError::Evaluator(error)) => refusals.push((seat.replica, error)),
                Err(error) => return Err(error),
            }
        }
        let refusal = refusals.into_iter().next().map(|(_, error)| error);
        Err(refusal.unwrap_or(last).into())
    }

    /// Asks one evaluator, and gives it the bundle when it does not hold it.
    async fn ask_one<T, F>(
        &self,
        replica: &Replica,
        bundle: Option<Bundle<'_>>,
        call: impl Fn(EvaluatorClient) -> F,
    ) -> Result<T, EvaluationError>
    where
        F: Future<Output = Result<T, EvaluatorError>>,
    {
        for _ in 0..LOADS_MAX {
            let before = replica.given.load(Ordering::Acquire);
            match (call(replica.client.clone()).await, bundle) {
                (Err(EvaluatorError::BundleUnknown(_)), Some(bundle)) => {
                    self.give(replica, bundle, before).await?;
                }
                (answer, _) => return Ok(answer?),
            }
        }
        Ok(call(replica.client.clone()).await?)
    }

    /// Gives an evaluator a bundle, unless somebody else did since `before`.
    async fn give(
        &self,
        replica: &Replica,
        bundle: Bundle<'_>,
        before: u64,
    ) -> Result<(), EvaluationError> {
        let _turn = replica.giving.lock().await;
        if replica.given.load(Ordering::Acquire) != before {
            return Ok(());
        }
        let digest = bundle.digest;
        let stored;
        let files = match bundle.files {
            Files::Given(files) => files,
            Files::Stored(store) => {
                stored = store.files_of_bundle(digest).await?;
                stored.as_deref().ok_or(EvaluationError::BundleGone(digest))?
            }
        };
        let key = &self.0.key;
        let signature = key.sign(&digest.signed_message());
        let signed = Signed { key_id: key.id().to_string(), signature };
        replica.client.load(digest, files, signed).await.map_err(EvaluatorError::of_bundle)?;
        replica.given.fetch_add(1, Ordering::Release);
        let endpoint = &replica.endpoint;
        tracing::info!(%endpoint, bundle = digest.short(), "bundle was given to an evaluator");
        Ok(())
    }

    /// The right to ask the evaluator with the least to do among those that were not tried yet. While
    /// all of them have enough to do, this waits; when none but silent ones are left, the one that was
    /// left alone for longest is asked after all.
    async fn seat(&self, tried: &[bool]) -> Option<Seat<'_>> {
        loop {
            // Before looking, so that a seat that gets free meanwhile is not missed.
            let freed = self.0.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            let now = Instant::now();
            let untried = || {
                let all = self.0.replicas.iter().enumerate().zip(tried);
                all.filter(|(_, tried)| !**tried).map(|(it, _)| it)
            };
            let free = untried()
                .map(|(number, replica)| {
                    let state = replica.state();
                    let turn = (Reverse(state.seats(now)), state.last_asked, number);
                    (turn, replica)
                })
                .filter(|((Reverse(seats), ..), _)| *seats > 0)
                .min_by_key(|(turn, _)| *turn);
            if let Some(((_, _, number), replica)) = free {
                return Some(self.take(number, replica));
            }
            if !untried().any(|(_, replica)| replica.state().is_usable(now)) {
                let until = |replica: &Replica| {
                    replica.state().down.as_ref().map_or(now, |down| down.until)
                };
                let (number, replica) = untried().min_by_key(|(_, replica)| until(replica))?;
                return Some(self.take(number, replica));
            }
            freed.await;
        }
    }

    fn take<'a>(&'a self, number: usize, replica: &'a Replica) -> Seat<'a> {
        {
            let mut state = replica.state();
            state.asked += 1;
            state.last_asked = self.0.asked.fetch_add(1, Ordering::Relaxed) + 1;
        }
        Seat { number, replica, freed: &self.0.freed }
    }

    /// One answered, perhaps about a bundle.
    fn answered(&self, replica: &Replica, has_bundle: bool) {
        let at = self.0.clock.now();
        let was_down = {
            let mut state = replica.state();
            state.heard = Some((Instant::now(), at));
            if state.down.as_ref().is_some_and(|down| down.is_distrust) && !has_bundle {
                return;
            }
            state.backoff.reset();
            state.down.take().is_some()
        };
        let endpoint = &replica.endpoint;
        self.0.metrics.evaluator(endpoint, true);
        if was_down {
            tracing::info!(%endpoint, "evaluator answers again");
            self.0.freed.notify_waiters();
        }
    }

    fn failed(&self, replica: &Replica, error: &EvaluatorError) {
        let problem = exgate_runtime::report(error);
        let now = Instant::now();
        let was_down = {
            let mut state = replica.state();
            let was_down = state.down.is_some();
            // What was asked before it failed is the same failure.
            let until = match &state.down {
                Some(down) if down.until > now => down.until,
                Some(_) | None => now + state.backoff.wait(),
            };
            let is_distrust = matches!(error, EvaluatorError::Distrusted(_));
            state.down = Some(Down { problem: problem.clone(), until, is_distrust });
            was_down
        };
        let endpoint = &replica.endpoint;
        self.0.metrics.evaluator(endpoint, false);
        if !was_down {
            tracing::warn!(%endpoint, error = problem, "evaluator does not answer as it should");
        }
    }
}

#[cfg(test)]
mod tests;
