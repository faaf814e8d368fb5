//! Every error as a `tonic::Status`, once: a code, a sentence, and a `google.rpc.ErrorInfo` that a
//! program can read. What only an administrator of the coordinator can understand stays in its log,
//! under a reference that the caller is told.

use std::collections::HashMap;
use std::error::Error;

use exgate_proto::convert::ERROR_DOMAIN;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, PreconditionViolation, StatusExt};
use uuid::Uuid;

use crate::agents::AttachError;
use crate::agents::session::Ended;
use crate::inventory::{InventoryError, Refusal};
use crate::operator::OperatorError;
use crate::policies::Diagnostic;
use crate::runs::UploadRefused;
use crate::store::{StoreError, StoredPolicy};

/// How alike a name must be to be suggested.
const LIKENESS_MIN: f64 = 0.75;

/// An answer in the making.
struct Answer {
    code: Code,
    reason: &'static str,
    metadata: HashMap<String, String>,
}

impl Answer {
    fn new(code: Code, reason: &'static str) -> Self {
        Self { code, reason, metadata: HashMap::new() }
    }

    fn with(mut self, key: &str, value: impl ToString) -> Self {
        self.metadata.insert(key.to_owned(), value.to_string());
        self
    }

    fn suggest(self, suggestion: Option<&String>) -> Self {
        match suggestion {
            Some(suggestion) => self.with("suggestion", suggestion),
            None => self,
        }
    }

    fn say(self, error: &dyn Error) -> Status {
        let details = ErrorDetails::with_error_info(self.reason, ERROR_DOMAIN, self.metadata);
        Status::with_error_details(self.code, error.to_string(), details)
    }
}

/// The name most like `given`, when one is like it at all.
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let given = given.to_lowercase();
    let likeness = |name: &str| strsim::jaro_winkler(&given, &name.to_lowercase());
    known
        .into_iter()
        .map(|name| (likeness(name), name))
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, name)| name.to_owned())
}

/// An error that the caller can do nothing about: the log has it, the caller a reference to it.
pub fn internal(error: &(dyn Error + 'static)) -> Status {
    let reference = Uuid::now_v7().simple().to_string();
    tracing::error!(reference, error = exgate_runtime::report(error), "call failed");
    let answer = Answer::new(Code::Internal, "INTERNAL").with("reference", &reference);
    let details = ErrorDetails::with_error_info(answer.reason, ERROR_DOMAIN, answer.metadata);
    let message = format!("the coordinator failed; its log says why under {reference}");
    Status::with_error_details(answer.code, message, details)
}

impl From<StoreError> for Status {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::NoOrganization(name) => {
                Answer::new(Code::NotFound, "ORGANIZATION_NOT_FOUND")
                    .with("organization", name)
                    .say(&error)
            }
            StoreError::Engine(_) | StoreError::Damaged { .. } | StoreError::KeysOutOfDate(_) => {
                internal(&error)
            }
        }
    }
}

impl From<AttachError> for Status {
    fn from(error: AttachError) -> Self {
        let answer = match &error {
            AttachError::UnknownOrganization { organization, known } => {
                let suggestion = nearest(organization, known.iter().map(String::as_str));
                Answer::new(Code::NotFound, "ORGANIZATION_NOT_FOUND")
                    .with("organization", organization)
                    .suggest(suggestion.as_ref())
            }
            AttachError::Full(organization) => {
                Answer::new(Code::ResourceExhausted, "AGENTS_TOO_MANY")
                    .with("organization", organization)
            }
            AttachError::FarAhead { seen, stored } => {
                Answer::new(Code::InvalidArgument, "GENERATION_IMPOSSIBLE")
                    .with("seen", seen)
                    .with("stored", stored)
            }
            AttachError::Overtaken => Answer::new(Code::Aborted, "LEASE_LOST"),
            AttachError::Store(_) => return internal(&error),
        };
        answer.say(&error)
    }
}

impl From<Ended> for Status {
    fn from(error: Ended) -> Self {
        let answer = match &error {
            Ended::Replaced(agent) => {
                Answer::new(Code::Aborted, "SESSION_REPLACED").with("agent_id", agent)
            }
            Ended::Deaf(agent) => {
                Answer::new(Code::ResourceExhausted, "SESSION_CONGESTED").with("agent_id", agent)
            }
            Ended::Protocol(_) => Answer::new(Code::InvalidArgument, "PROTOCOL_VIOLATED"),
            Ended::Store => Answer::new(Code::Unavailable, "STORE_UNAVAILABLE"),
        };
        answer.say(&error)
    }
}

impl From<UploadRefused> for Status {
    fn from(error: UploadRefused) -> Self {
        let answer = match &error {
            UploadRefused::NotRunning { run } => {
                Answer::new(Code::Aborted, "RUN_NOT_RUNNING").with("run", run)
            }
            UploadRefused::LeaseLost { generation } => {
                Answer::new(Code::Aborted, "LEASE_LOST").with("generation", generation)
            }
        };
        answer.say(&error)
    }
}

impl From<OperatorError> for Status {
    fn from(error: OperatorError) -> Self {
        use OperatorError as E;
        let answer = match &error {
            E::Invalid { field, .. } => return invalid(&error, field, "ARGUMENT_INVALID"),
            E::PageTokenMismatch => return invalid(&error, "page_token", "PAGE_TOKEN_MISMATCH"),
            E::OrganizationNotFound { organization, suggestion } => {
                Answer::new(Code::NotFound, "ORGANIZATION_NOT_FOUND")
                    .with("organization", organization)
                    .suggest(suggestion.as_ref())
            }
            E::DeviceNotFound { device, suggestion } => {
                Answer::new(Code::NotFound, "DEVICE_NOT_FOUND")
                    .with("device", device)
                    .suggest(suggestion.as_ref())
            }
            E::SyncRunNotFound { run } => {
                Answer::new(Code::NotFound, "SYNC_RUN_NOT_FOUND").with("run", run)
            }
            E::PolicyNotFound { policy, suggestion } => {
                Answer::new(Code::NotFound, "POLICY_NOT_FOUND")
                    .with("policy", policy)
                    .suggest(suggestion.as_ref())
            }
            E::SyncAlreadyRunning { run } => {
                Answer::new(Code::Aborted, "SYNC_ALREADY_RUNNING").with("run", run)
            }
            E::ConnectorDisconnected { organization, .. } => {
                Answer::new(Code::FailedPrecondition, "CONNECTOR_DISCONNECTED")
                    .with("organization", organization)
            }
            E::CheckAlreadyRunning { organization } => {
                Answer::new(Code::Aborted, "CHECK_ALREADY_RUNNING")
                    .with("organization", organization)
            }
            E::CheckLost { organization } => {
                Answer::new(Code::Unavailable, "CHECK_LOST").with("organization", organization)
            }
            E::CheckRefused { organization, .. } => {
                Answer::new(Code::FailedPrecondition, "CHECK_REFUSED")
                    .with("organization", organization)
            }
            E::CheckTimedOut { organization, .. } => {
                Answer::new(Code::DeadlineExceeded, "CHECK_TIMED_OUT")
                    .with("organization", organization)
            }
            E::FullSyncNeeded { organization } => {
                Answer::new(Code::FailedPrecondition, "FULL_SYNC_NEEDED")
                    .with("organization", organization)
            }
            E::DocumentsInvalid { diagnostics } => {
                let violation = |it: &Diagnostic| FieldViolation::new(&it.path, it.to_string());
                let violations: Vec<_> = diagnostics.iter().map(violation).collect();
                let mut details = ErrorDetails::with_bad_request(violations);
                details.set_error_info("POLICY_INVALID", ERROR_DOMAIN, HashMap::new());
                return Self::with_error_details(Code::InvalidArgument, error.to_string(), details);
            }
            E::PruneNeeded { policies } => return prune_needed(&error, policies),
            E::EvaluatorUnavailable { .. } => {
                Answer::new(Code::Unavailable, "EVALUATOR_UNAVAILABLE")
            }
            E::SimulationsTooMany { .. } => {
                Answer::new(Code::ResourceExhausted, "SIMULATIONS_TOO_MANY")
            }
            E::Evaluator(_) | E::Store(_) | E::Spool(_) => return internal(&error),
        };
        answer.say(&error)
    }
}

impl From<InventoryError> for Status {
    fn from(error: InventoryError) -> Self {
        let (code, reason) = match error.refusal() {
            Refusal::DigestsUnknown => (Code::FailedPrecondition, "DIGESTS_UNKNOWN"),
            Refusal::LeaseLost => (Code::Aborted, "LEASE_LOST"),
            Refusal::NotFound => (Code::NotFound, "ORGANIZATION_NOT_FOUND"),
            Refusal::Malformed => (Code::InvalidArgument, "SNAPSHOT_UNFIT"),
            Refusal::Internal => return internal(&error),
        };
        Answer::new(code, reason).say(&error)
    }
}

/// Names each policy that would go, and the file that it stood in.
fn prune_needed(error: &OperatorError, policies: &[StoredPolicy]) -> Status {
    const REASON: &str = "PRUNE_NEEDED";
    let violation = |policy: &StoredPolicy| {
        let StoredPolicy { name, kind, path, .. } = policy;
        let description = format!("policies/{name} ({kind}) would be removed");
        PreconditionViolation::new(REASON, path, description)
    };
    let violations: Vec<_> = policies.iter().map(violation).collect();
    let mut details = ErrorDetails::with_precondition_failure(violations);
    details.set_error_info(REASON, ERROR_DOMAIN, HashMap::new());
    Status::with_error_details(Code::FailedPrecondition, error.to_string(), details)
}

fn invalid(error: &OperatorError, field: &str, reason: &'static str) -> Status {
    let metadata = HashMap::from([("field".to_owned(), field.to_owned())]);
    let mut details = ErrorDetails::with_bad_request_violation(field, error.to_string());
    details.set_error_info(reason, ERROR_DOMAIN, metadata);
    Status::with_error_details(Code::InvalidArgument, error.to_string(), details)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_nearly_right_is_suggested() {
        let known = ["contoso", "fabrikam"];
        assert_eq!(nearest("contos", known).as_deref(), Some("contoso"));
        assert_eq!(nearest("Fabricam", known).as_deref(), Some("fabrikam"));
        assert_eq!(nearest("adatum", known), None);
        assert_eq!(nearest("x", []), None);
    }

    #[test]
    fn an_unknown_organization_is_told_with_reason_and_suggestion() {
        let error = AttachError::UnknownOrganization {
            organization: "contso".to_owned(),
            known: vec!["contoso".to_owned()],
        };
        let status = Status::from(error);
        assert_eq!(status.code(), Code::NotFound);
        let told = status.get_details_error_info().unwrap();
        assert_eq!(
            (told.reason.as_str(), told.domain.as_str()),
            ("ORGANIZATION_NOT_FOUND", "exgate.dev")
        );
        assert_eq!(told.metadata["suggestion"], "contoso");
    }

    #[test]
    fn each_policy_that_would_go_is_named_with_its_file() {
        let policy = |name: &str| StoredPolicy {
            name: name.to_owned(),
            kind: "AccessPolicy".to_owned(),
            path: "stdin.yaml".to_owned(),
            line: 1,
            applied_at: jiff::Timestamp::UNIX_EPOCH,
        };
        let policies = vec![policy("mail-access"), policy("board")];
        let status = Status::from(OperatorError::PruneNeeded { policies });
        assert_eq!(status.code(), Code::FailedPrecondition);
        assert_eq!(status.get_details_error_info().unwrap().reason, "PRUNE_NEEDED");
        let expected = "2 documents in force would be removed; add --prune, or give them again";
        assert_eq!(status.message(), expected);
        let details = status.get_details_precondition_failure().unwrap();
        let told: Vec<_> = details
            .violations
            .iter()
            .map(|it| format!("{}: {}", it.subject, it.description))
            .collect();
        assert_eq!(
            told,
            [
                "stdin.yaml: policies/mail-access (AccessPolicy) would be removed",
                "stdin.yaml: policies/board (AccessPolicy) would be removed",
            ]
        );
    }

    #[test]
    fn a_broken_store_is_a_reference_and_nothing_else() {
        let error = StoreError::Damaged { what: "case", found: "secret detail".to_owned() };
        let status = Status::from(error);
        assert_eq!(status.code(), Code::Internal);
        assert!(!status.message().contains("secret"));
        let reference = &status.get_details_error_info().unwrap().metadata["reference"];
        assert!(status.message().contains(reference.as_str()));
    }
}
