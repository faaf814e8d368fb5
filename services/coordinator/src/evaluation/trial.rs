//! Decisions that nobody keeps: by a bundle that is not in force, or about cases that have none yet. They
//! take no turn, so that those that count never wait for them.

use exgate_domain::case::Case;
use exgate_domain::decision::Decision;
use exgate_domain::ids::BundleDigest;

use super::evaluator_client::EvaluatorError;
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
    ) -> Result<Vec<Decision>, EvaluatorError> {
        let Candidate { digest, files, .. } = candidate;
        let evaluators = &self.0.evaluators;
        match evaluators.evaluate(*digest, cases).await {
            Err(EvaluatorError::BundleUnknown(_)) => {
                evaluators.load(*digest, files).await?;
                evaluators.evaluate(*digest, cases).await
            }
            answer => answer,
        }
    }

    /// Decides cases by the bundle in force.
    ///
    /// # Errors
    /// When the evaluator does not answer.
    pub async fn try_in_force(
        &self,
        bundle: BundleDigest,
        cases: &[Case],
    ) -> Result<Vec<Decision>, EvaluationError> {
        self.decide(bundle, cases).await
    }
}
