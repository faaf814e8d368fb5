//! What an operator may ask and do. Every surface for operators calls these functions, and none of
//! them touches the store itself.

mod organizations;
mod connectors;
mod checks;
mod syncs;
mod devices;
mod explanation;
mod documents;
mod simulation;
mod paging;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Semaphore;

use exgate_domain::ids::OrganizationId;
use exgate_proto::names::InvalidName;
use exgate_runtime::clock::Clock;

use crate::agents::Agents;
use crate::cases::Cases;
use crate::evaluation::Evaluation;
use crate::evaluation::EvaluationError;
use crate::evaluation::evaluator_client::EvaluatorError;
use crate::outbox::Outbox;
use crate::policies::{Diagnostic, Policies};
use crate::runs::Runs;
use crate::sources::RecordsHandle;
use crate::status::nearest;
use crate::store::{Store, StoreError, StoredOrganization, StoredPolicy};

pub use checks::{Check, CheckEvent};
pub use connectors::{ConnectorState, ConnectorView};
pub use devices::DeviceQuery;
pub use documents::{PolicyList, ServerState};
pub use explanation::Explanation;
pub use organizations::{ModeSet, OrganizationView, PendingChange, SetMode};
pub use paging::{Page, PageRequest};
pub use simulation::{Change, Simulate, Simulation, SimulationEvent, Summary};
pub use syncs::RunView;

/// Who an operator is before there is a sign-in.
const ACTOR: &str = "operator";

/// Why an operator does not get what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// An argument cannot be used.
    #[error("{field} cannot be used: {problem}")]
    Invalid {
        /// The argument.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// A page token belongs to another list.
    #[error("page_token was given for other arguments")]
    PageTokenMismatch,
    /// There is no such organization.
    #[error("organization {organization:?} not found")]
    OrganizationNotFound {
        /// The name that was given.
        organization: String,
        /// The nearest name.
        suggestion: Option<String>,
    },
    /// There is no such device.
    #[error("device {device:?} not found")]
    DeviceNotFound {
        /// The name that was given.
        device: String,
        /// The nearest name.
        suggestion: Option<String>,
    },
    /// There is no such run.
    #[error("sync run {run:?} not found")]
    SyncRunNotFound {
        /// The name that was given.
        run: String,
    },
    /// There is no such policy.
    #[error("policy {policy:?} not found")]
    PolicyNotFound {
        /// The name that was given.
        policy: String,
        /// The nearest name.
        suggestion: Option<String>,
    },
    /// A sync is under way.
    #[error("{run} is under way")]
    SyncAlreadyRunning {
        /// Its name.
        run: String,
    },
    /// No agent holds the organization's lease.
    #[error("no agent of organization {organization:?} is attached{}", last_heard(*.heard_at))]
    ConnectorDisconnected {
        /// The organization.
        organization: String,
        /// When one was last heard.
        heard_at: Option<Timestamp>,
    },
    /// Somebody waits for a check of it already.
    #[error("a check of organization {organization:?} is under way")]
    CheckAlreadyRunning {
        /// The organization.
        organization: String,
    },
    /// The agent went away while it checked.
    #[error("the agent of organization {organization:?} went away during the check")]
    CheckLost {
        /// The organization.
        organization: String,
    },
    /// The agent could not check.
    #[error("the agent of organization {organization:?} did not check: {why}")]
    CheckRefused {
        /// The organization.
        organization: String,
        /// What it said.
        why: String,
    },
    /// The agent did not come to an end.
    #[error("the check of organization {organization:?} did not end within {} s", limit.as_secs())]
    CheckTimedOut {
        /// The organization.
        organization: String,
        /// The limit.
        limit: Duration,
    },
    /// Enforcing needs a full sync first.
    #[error("organization {organization:?} cannot enforce before a full sync has succeeded")]
    FullSyncNeeded {
        /// The organization.
        organization: String,
    },
    /// Documents are not accepted.
    #[error("{}", first(.diagnostics))]
    DocumentsInvalid {
        /// What is wrong with them.
        diagnostics: Vec<Diagnostic>,
    },
    /// Documents would remove policies, and may not.
    #[error("{}", would_go(.policies.len()))]
    PruneNeeded {
        /// Those policies.
        policies: Vec<StoredPolicy>,
    },
    /// As many simulations as may be are under way.
    #[error("{simulations_max} simulations are under way, and there may be no more at once")]
    SimulationsTooMany {
        /// How many there may be.
        simulations_max: usize,
    },
    /// The changed devices of a simulation cannot be kept until they are told.
    #[error("the changed devices cannot be written to a temporary file")]
    Spool(#[source] io::Error),
    /// The evaluator does not answer.
    #[error("the evaluator cannot check policies now: {problem}")]
    EvaluatorUnavailable {
        /// What it, or the way to it, said.
        problem: String,
    },
    /// The evaluator answered something that cannot be.
    #[error(transparent)]
    Evaluator(EvaluatorError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn last_heard(at: Option<Timestamp>) -> String {
    at.map(|at| format!(", last heard at {at:.0}")).unwrap_or_default()
}

fn first(diagnostics: &[Diagnostic]) -> String {
    let Some(first) = diagnostics.first() else { return "the documents are not valid".to_owned() };
    let more = match diagnostics.len() {
        0 | 1 => String::new(),
        many => format!(" (and {} more)", many - 1),
    };
    format!("{first}{more}")
}

fn would_go(policies: usize) -> String {
    let (what, them) = match policies {
        1 => ("a document".to_owned(), "it"),
        many => (format!("{many} documents"), "them"),
    };
    format!("{what} in force would be removed; add --prune, or give {them} again")
}

/// What operators may ask and do, and the places for simulations; cheap to clone.
#[derive(Debug, Clone)]
pub struct Operator(Arc<Parts>, Arc<Semaphore>);

/// What their questions are answered from.
#[derive(Debug, Clone)]
pub struct Parts {
    /// What is stored.
    pub store: Store,
    /// What time it is.
    pub clock: Clock,
    /// Who is attached.
    pub agents: Agents,
    /// What is being looked at.
    pub runs: Runs,
    /// What is being decided.
    pub evaluation: Evaluation,
    /// Which makes a question of a case.
    pub cases: Cases,
    /// What is being changed.
    pub outbox: Outbox,
    /// Which policies are in force.
    pub policies: Policies,
    /// Where records come from.
    pub records: RecordsHandle,
    /// Whether device statistics are read, so that it is known when devices last synchronised.
    pub has_statistics: bool,
    /// Since when the process runs.
    pub started_at: Timestamp,
}

impl Operator {
    /// Answers from `parts`.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts), simulation::places())
    }

    /// Gets an organization, or says which name was perhaps meant.
    async fn existing(
        &self,
        organization: &OrganizationId,
    ) -> Result<StoredOrganization, OperatorError> {
        let store = &self.0.store;
        if let Some(stored) = store.organization(organization).await? {
            return Ok(stored);
        }
        let all = store.organizations(None, u32::MAX).await?;
        let names = all.iter().map(|it| it.organization.id.as_str());
        let suggestion = nearest(organization.as_str(), names);
        let organization = organization.to_string();
        Err(OperatorError::OrganizationNotFound { organization, suggestion })
    }
}

impl OperatorError {
    /// A name that cannot be one.
    pub fn name(field: &'static str, invalid: &InvalidName) -> Self {
        Self::Invalid { field, problem: invalid.to_string() }
    }
}

impl From<EvaluationError> for OperatorError {
    fn from(error: EvaluationError) -> Self {
        match error {
            EvaluationError::Evaluator(error) => error.into(),
            EvaluationError::Store(error) => error.into(),
            EvaluationError::NoPolicy | EvaluationError::BundleGone(_) => {
                Self::Evaluator(EvaluatorError::Refused(exgate_runtime::report(&error)))
            }
        }
    }
}

impl From<EvaluatorError> for OperatorError {
    fn from(error: EvaluatorError) -> Self {
        match error {
            EvaluatorError::Unavailable(problem) | EvaluatorError::Distrusted(problem) => {
                Self::EvaluatorUnavailable { problem }
            }
            EvaluatorError::BundleUnknown(_)
            | EvaluatorError::BundleRefused(_)
            | EvaluatorError::Refused(_)
            | EvaluatorError::Malformed(_)
            | EvaluatorError::Unfit(_) => Self::Evaluator(error),
        }
    }
}
