//! Applied documents, and how the coordinator itself is.

use jiff::Timestamp;

use exgate_domain::ids::BundleDigest;

use super::paging::Cut;
use super::{ACTOR, Operator, OperatorError, Page, PageRequest};
use crate::evaluation::evaluator_client::EvaluatorError;
use crate::evaluation::replicas::EvaluatorState;
use crate::policies::{Applied, Apply, ApplyError, last_sync_unknown, unknown_groups};
use crate::sources::SourceState;
use crate::status::nearest;
use crate::store::{PolicyFile, StoredPolicy};

/// The most policies that are looked through for a name that was perhaps meant.
const SUGGESTIONS_FROM_MAX: u32 = 1000;

/// Policies, and the digest of them all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyList {
    /// One page of them.
    pub page: Page<StoredPolicy>,
    /// All of them.
    pub bundle: Option<BundleDigest>,
}

/// How the coordinator is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerState {
    /// Since when it runs.
    pub started_at: Timestamp,
    /// Where records come from.
    pub sources: Vec<SourceState>,
    /// What is wrong when nothing is decided.
    pub evaluator_problem: Option<String>,
    /// How each evaluator is.
    pub evaluators: Vec<EvaluatorState>,
}

impl Operator {
    /// Applies documents: all of them or none. Only `prune` lets them remove policies in force.
    ///
    /// # Errors
    /// When something is wrong with them, they remove what they may not, or the evaluator cannot check them.
    pub async fn apply_documents(
        &self,
        files: Vec<PolicyFile>,
        validate_only: bool,
        prune: bool,
    ) -> Result<Applied, OperatorError> {
        let parts = &self.0;
        if files.is_empty() {
            let problem = "there is no file".to_owned();
            return Err(OperatorError::Invalid { field: "files", problem });
        }
        let now = parts.clock.now();
        let apply = Apply { files, validate_only, prune, actor: ACTOR, now };
        let evaluation = parts.evaluation.clone();
        let check = async move |files: Vec<PolicyFile>| evaluation.check(&files).await;
        let mut applied = parts.policies.apply(apply, check).await.map_err(refused)?;
        let records = parts.records.records();
        applied.warnings.extend(unknown_groups(&applied.groups, records.groups()));
        if !parts.has_statistics {
            let keys = std::mem::take(&mut applied.last_sync_keys);
            applied.warnings.extend(last_sync_unknown(keys));
        }
        applied.warnings.sort();
        if !validate_only {
            tracing::info!(documents = applied.documents.len(), "documents were applied");
            parts.evaluation.wake();
            parts.outbox.wake();
            parts.runs.wake();
        }
        Ok(applied)
    }

    /// Lists the policies in force.
    ///
    /// # Errors
    /// When the page cannot be, or the store fails.
    pub async fn list_policies(&self, request: &PageRequest) -> Result<PolicyList, OperatorError> {
        let cut = Cut::of(request, "policies")?;
        let after = match &cut.after {
            Some(text) => Some(text.split_once('\n').ok_or(OperatorError::PageTokenMismatch)?),
            None => None,
        };
        let rows = self.0.store.policies(after, cut.fetch()).await?;
        let page = cut.page(rows, |policy| format!("{}\n{}", policy.name, policy.kind));
        Ok(PolicyList { page, bundle: self.0.store.bundle().await? })
    }

    /// Gets a policy, and the file it stands in.
    ///
    /// # Errors
    /// When there is no such policy.
    pub async fn get_policy(&self, name: &str) -> Result<(StoredPolicy, Vec<u8>), OperatorError> {
        if let Some(found) = self.0.store.policy(name).await? {
            return Ok(found);
        }
        let others = self.0.store.policies(None, SUGGESTIONS_FROM_MAX).await?;
        let suggestion = nearest(name, others.iter().map(|policy| policy.name.as_str()));
        Err(OperatorError::PolicyNotFound { policy: name.to_owned(), suggestion })
    }

    /// Says how the coordinator, its sources and its evaluator are.
    pub fn server_state(&self) -> ServerState {
        let parts = &self.0;
        ServerState {
            started_at: parts.started_at,
            sources: parts.records.states(),
            evaluator_problem: parts.evaluation.problem(),
            evaluators: parts.evaluation.evaluators(),
        }
    }
}

pub(super) fn refused(error: ApplyError<EvaluatorError>) -> OperatorError {
    match error {
        ApplyError::Invalid(diagnostics) => OperatorError::DocumentsInvalid { diagnostics },
        ApplyError::PruneNeeded(policies) => OperatorError::PruneNeeded { policies },
        ApplyError::Store(error) => OperatorError::Store(error),
        ApplyError::Check(error) => error.into(),
    }
}
