//! Decisions that nobody keeps: by a bundle that is not in force, or about cases that have none yet. They
//! take no turn, so that those that count never wait for them.

use exgate_domain::case::Case;
use exgate_domain::decision::Decision;
use exgate_domain::ids::BundleDigest;

use super::replicas::{Bundle, Files};
use super::{Evaluation, EvaluationError};
use crate::policies::Candidate;

impl Evaluation {
    /// Decides cases by a bundle that need not be in force.
    ///
    /// # Errors
    /// When no evaluator answers, or none takes the bundle.
    pub async fn try_bundle(
        &self,
        candidate: &Candidate,
        cases: &[Case],
    ) -> Result<Vec<Decision>, EvaluationError> {
        let Candidate { digest, files, .. } = candidate;
        let bundle = Bundle { digest: *digest, files: Files::Given(files) };
        self.0.evaluators.evaluate(bundle, cases).await
    }

    /// Decides cases by the bundle in force.
    ///
    /// # Errors
    /// When no evaluator answers.
    pub async fn try_in_force(
        &self,
        bundle: BundleDigest,
        cases: &[Case],
    ) -> Result<Vec<Decision>, EvaluationError> {
        self.decide(self.stored(bundle), cases).await
    }
}
