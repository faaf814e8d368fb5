//! The wire edge to one evaluator. An answer that does not fit its question, in number, order, device
//! or bundle, is refused as a whole.

use std::time::Duration;

use futures_util::stream;
use prost::Message;
use tonic::{Code, Request, Status, Streaming};
use tonic_types::StatusExt;

use exgate_domain::case::Case;
use exgate_domain::decision::Decision;
use exgate_domain::ids::BundleDigest;
use exgate_proto::convert::{ERROR_DOMAIN, Malformed, field};
use exgate_proto::evaluator::v1 as pb;
use exgate_proto::evaluator::v1::evaluator_service_client::EvaluatorServiceClient;
use exgate_proto::types::v1 as types;
use exgate_runtime::grpc::{Channel, MESSAGE_BYTES_MAX};
use exgate_runtime::listen::Endpoint;

use crate::policies::{
    Accepted, Checked, Diagnostic, KeyPlace, NamedGroup, PolicyFile, PolicySummary, Severity,
};

/// How long an evaluator may take over one call.
const CALL_TIMEOUT: Duration = Duration::from_secs(15);
/// The most cases in one message; their decisions have to fit into one message, too.
const CASES_PER_MESSAGE_MAX: usize = 200;
/// The most bytes of cases in one message, well below the longest message.
const CASE_BYTES_PER_MESSAGE_MAX: usize = MESSAGE_BYTES_MAX / 4;

type Client = EvaluatorServiceClient<Channel>;

/// One evaluator; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct EvaluatorClient {
    client: Client,
}

/// Cases as they are sent, to one evaluator or to another.
#[derive(Debug, Clone)]
pub(crate) struct Questions<'a> {
    bundle: BundleDigest,
    cases: &'a [Case],
    messages: Vec<pb::EvaluateRequest>,
}

/// Who vouches for a bundle: the name of a key, and what it signed.
#[derive(Debug, Clone)]
pub(crate) struct Signed {
    pub(crate) key_id: String,
    pub(crate) signature: Vec<u8>,
}

/// A decision in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The decision.
    pub decision: Decision,
    /// What it means.
    pub sentences: Vec<String>,
    /// What would make it allow.
    pub cures: Vec<String>,
    /// The language of the words, as a BCP 47 tag.
    pub language: String,
}

/// Why there is no answer of the evaluator.
#[derive(Debug, thiserror::Error)]
pub enum EvaluatorError {
    /// None of them answers.
    #[error("evaluator is not available: {0}")]
    Unavailable(String),
    /// It does not take what this coordinator signs.
    #[error("evaluator does not take bundles of this coordinator: {0}")]
    Distrusted(String),
    /// It does not hold the bundle.
    #[error("evaluator does not hold bundle {}", .0.short())]
    BundleUnknown(BundleDigest),
    /// It does not take the bundle.
    #[error("evaluator does not take the bundle: {0}")]
    BundleRefused(String),
    /// It answered with an error.
    #[error("evaluator refused: {0}")]
    Refused(String),
    /// It answered something that cannot be read.
    #[error("evaluator answered something malformed")]
    Malformed(#[from] Malformed),
    /// Its answer is not one to the question.
    #[error("evaluator's answer does not fit the question: {0}")]
    Unfit(String),
}

impl EvaluatorError {
    /// Whether this evaluator cannot be had now, so that another one may answer.
    pub(crate) fn is_absence(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Distrusted(_) => true,
            Self::BundleUnknown(_)
            | Self::BundleRefused(_)
            | Self::Refused(_)
            | Self::Malformed(_)
            | Self::Unfit(_) => false,
        }
    }

    /// The same about a bundle that was given: it is no refusal of a question.
    pub(crate) fn of_bundle(self) -> Self {
        if let Self::Refused(problem) = self { Self::BundleRefused(problem) } else { self }
    }

    /// Whether it is the question that it does not answer.
    pub(crate) fn is_refusal(&self) -> bool {
        match self {
            Self::Refused(_) | Self::Malformed(_) | Self::Unfit(_) => true,
            Self::Unavailable(_)
            | Self::Distrusted(_)
            | Self::BundleUnknown(_)
            | Self::BundleRefused(_) => false,
        }
    }
}

impl<'a> Questions<'a> {
    /// Cuts cases into messages that fit.
    pub(crate) fn new(bundle: BundleDigest, cases: &'a [Case]) -> Self {
        Self { bundle, cases, messages: messages(bundle, cases) }
    }
}

impl EvaluatorClient {
    /// Makes a lazy channel.
    pub(crate) fn new(endpoint: &Endpoint) -> Self {
        let client = EvaluatorServiceClient::new(Channel::new(endpoint))
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX);
        Self { client }
    }

    /// Decides cases by a bundle, in their order.
    pub(crate) async fn evaluate(
        &self,
        questions: &Questions<'_>,
    ) -> Result<Vec<Decision>, EvaluatorError> {
        let Questions { bundle, cases, messages } = questions;
        let refuse = |status: Status| refusal(&status, Some(*bundle));
        let asked = request(stream::iter(messages.clone()));
        let answers = self.client.clone().evaluate(asked).await.map_err(refuse)?;
        let answers = collect(answers.into_inner(), messages.len()).await.map_err(refuse)?;
        let mut decisions = Vec::with_capacity(cases.len());
        for (number, answer) in answers.into_iter().enumerate() {
            let pb::EvaluateResponse { batch, decisions: wire } = answer;
            if usize::try_from(batch) != Ok(number) {
                return Err(EvaluatorError::Unfit(format!("batch {batch} came as {number}")));
            }
            for decision in wire {
                decisions.push(Decision::try_from(decision)?);
            }
        }
        fit(*bundle, cases, &decisions)?;
        Ok(decisions)
    }

    /// Gives it a bundle.
    pub(crate) async fn load(
        &self,
        digest: BundleDigest,
        files: &[PolicyFile],
        signed: Signed,
    ) -> Result<(), EvaluatorError> {
        let Signed { key_id, signature } = signed;
        let message = pb::LoadBundleRequest { files: to_files(files), key_id, signature };
        let answer = self.client.clone().load_bundle(request(message)).await;
        let answer = answer.map_err(|status| {
            if status.code() == Code::PermissionDenied {
                EvaluatorError::Distrusted(said(&status))
            } else {
                refusal(&status, None)
            }
        })?;
        if answer.into_inner().bundle_digest == digest.as_bytes() {
            return Ok(());
        }
        Err(EvaluatorError::Unfit(format!("bundle {} was stored as another", digest.short())))
    }

    /// Says what is wrong with policy files.
    pub(crate) async fn check(&self, files: &[PolicyFile]) -> Result<Checked, EvaluatorError> {
        let message = pb::CheckBundleRequest { files: to_files(files) };
        let answer = self.client.clone().check_bundle(request(message)).await;
        let answer = answer.map_err(|status| refusal(&status, None))?.into_inner();
        let pb::CheckBundleResponse {
            bundle_digest,
            diagnostics,
            policies,
            groups,
            last_sync_keys,
        } = answer;
        let found = diagnostics.into_iter().map(diagnostic).collect();
        if bundle_digest.is_empty() {
            return Ok(Err(found));
        }
        Ok(Ok(Accepted {
            digest: BundleDigest::new(field::digest("bundle_digest", &bundle_digest)?),
            policies: policies.into_iter().map(summary).collect(),
            warnings: found,
            groups: groups.into_iter().map(named_group).collect(),
            last_sync_keys: last_sync_keys.into_iter().map(key_place).collect(),
        }))
    }

    /// Decides one case and puts it in words of a language, a BCP 47 tag.
    pub(crate) async fn explain(
        &self,
        bundle: BundleDigest,
        case: &Case,
        language: &str,
    ) -> Result<Explanation, EvaluatorError> {
        let message = pb::ExplainRequest {
            bundle_digest: bundle.as_bytes().to_vec(),
            case: Some(types::Case::from(case)),
            language: language.to_owned(),
        };
        let answer = self.client.clone().explain(request(message)).await;
        let answer = answer.map_err(|status| refusal(&status, Some(bundle)))?.into_inner();
        let pb::ExplainResponse { decision, sentences, cures, language } = answer;
        let decision = Decision::try_from(field::required("decision", decision)?)?;
        fit(bundle, std::slice::from_ref(case), std::slice::from_ref(&decision))?;
        Ok(Explanation { decision, sentences, cures, language })
    }
}

/// The answers of one stream: as many as there were questions.
async fn collect(
    mut answers: Streaming<pb::EvaluateResponse>,
    count: usize,
) -> Result<Vec<pb::EvaluateResponse>, Status> {
    let mut collected = Vec::with_capacity(count);
    while let Some(answer) = answers.message().await? {
        if collected.len() == count {
            return Err(Status::internal("more answers than questions"));
        }
        collected.push(answer);
    }
    if collected.len() < count {
        return Err(Status::unavailable("the answers ended early"));
    }
    Ok(collected)
}

/// Cuts cases into messages that fit.
fn messages(bundle: BundleDigest, cases: &[Case]) -> Vec<pb::EvaluateRequest> {
    let mut messages: Vec<pb::EvaluateRequest> = Vec::new();
    let mut bytes = 0;
    for case in cases {
        let case = types::Case::from(case);
        let size = case.encoded_len();
        match messages.last_mut() {
            Some(last)
                if last.cases.len() < CASES_PER_MESSAGE_MAX
                    && bytes + size <= CASE_BYTES_PER_MESSAGE_MAX =>
            {
                last.cases.push(case);
                bytes += size;
            }
            Some(_) | None => {
                messages.push(pb::EvaluateRequest {
                    bundle_digest: bundle.as_bytes().to_vec(),
                    batch: u64::try_from(messages.len()).unwrap_or(u64::MAX),
                    cases: vec![case],
                });
                bytes = size;
            }
        }
    }
    messages
}

/// Whether decisions are answers to exactly these cases, by this bundle.
fn fit(bundle: BundleDigest, cases: &[Case], decisions: &[Decision]) -> Result<(), EvaluatorError> {
    let unfit = |text: String| Err(EvaluatorError::Unfit(text));
    if cases.len() != decisions.len() {
        return unfit(format!("{} decisions for {} cases", decisions.len(), cases.len()));
    }
    for (case, decision) in cases.iter().zip(decisions) {
        if case.mailbox.id != decision.mailbox || case.device.device_id != decision.device_id {
            return unfit(format!("a decision about {} for another device", decision.device_id));
        }
        if decision.bundle != bundle {
            return unfit(format!("a decision by bundle {}", decision.bundle.short()));
        }
        if decision.reasons.is_empty() {
            return unfit(format!("a decision about {} without a reason", decision.device_id));
        }
    }
    Ok(())
}

fn request<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(CALL_TIMEOUT);
    request
}

/// Whether nobody was there to answer, so that another evaluator may.
fn is_absent(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Unknown
    )
}

fn refusal(status: &Status, bundle: Option<BundleDigest>) -> EvaluatorError {
    let details = status.get_details_error_info();
    let reason = details.filter(|info| info.domain == ERROR_DOMAIN).map(|info| info.reason);
    match (reason.as_deref(), bundle) {
        (Some("BUNDLE_UNKNOWN"), Some(bundle)) => EvaluatorError::BundleUnknown(bundle),
        _ if is_absent(status) => EvaluatorError::Unavailable(said(status)),
        _ => EvaluatorError::Refused(said(status)),
    }
}

/// A status in one line.
fn said(status: &Status) -> String {
    let mut line = format!("{:?}: {}", status.code(), status.message());
    let mut cause = std::error::Error::source(status);
    while let Some(error) = cause {
        let text = error.to_string();
        if !line.contains(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        cause = error.source();
    }
    line
}

fn to_files(files: &[PolicyFile]) -> Vec<types::PolicyFile> {
    let file = |file: &PolicyFile| types::PolicyFile {
        path: file.path.clone(),
        content: file.content.clone(),
    };
    files.iter().map(file).collect()
}

fn diagnostic(wire: types::Diagnostic) -> Diagnostic {
    let severity = match wire.severity() {
        types::Severity::Warning => Severity::Warning,
        types::Severity::Error | types::Severity::Unspecified => Severity::Error,
    };
    let types::Diagnostic { path, line, column, key, message, suggestion, severity: _ } = wire;
    Diagnostic { path, line, column, key, message, suggestion, severity }
}

fn named_group(wire: types::GroupReference) -> NamedGroup {
    let types::GroupReference { group, path, line, column, key } = wire;
    NamedGroup { group, path, line, column, key }
}

fn key_place(wire: types::KeyReference) -> KeyPlace {
    let types::KeyReference { path, line, column, key } = wire;
    KeyPlace { path, line, column, key }
}

fn summary(wire: types::PolicySummary) -> PolicySummary {
    let types::PolicySummary { kind, name, path, line } = wire;
    PolicySummary { kind, name, path, line }
}
