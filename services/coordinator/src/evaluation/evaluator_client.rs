//! The wire edge to the evaluators. Any of them answers the same; an answer that does not fit its
//! question, in number, order, device or bundle, is refused as a whole.

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
    Accepted, Checked, Diagnostic, NamedGroup, PolicyFile, PolicySummary, Severity,
};

/// How long an evaluator may take over one call.
const CALL_TIMEOUT: Duration = Duration::from_secs(15);
/// The most cases in one message; their decisions, with traces, have to fit into one message, too.
const CASES_PER_MESSAGE_MAX: usize = 200;
/// The most bytes of cases in one message, well below the longest message.
const CASE_BYTES_PER_MESSAGE_MAX: usize = MESSAGE_BYTES_MAX / 4;

type Client = EvaluatorServiceClient<Channel>;

/// The evaluators as one; cheap to clone.
#[derive(Debug, Clone)]
pub struct Evaluators {
    clients: Vec<Client>,
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
    /// It does not hold the bundle.
    #[error("evaluator does not hold bundle {}", .0.short())]
    BundleUnknown(BundleDigest),
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

impl Evaluators {
    /// Makes lazy channels to all `endpoints`.
    pub fn new(endpoints: &[Endpoint]) -> Self {
        let client = |endpoint| {
            EvaluatorServiceClient::new(Channel::new(endpoint))
                .max_decoding_message_size(MESSAGE_BYTES_MAX)
                .max_encoding_message_size(MESSAGE_BYTES_MAX)
        };
        Self { clients: endpoints.iter().map(client).collect() }
    }

    /// Decides `cases` by a bundle, in their order.
    ///
    /// # Errors
    /// When no evaluator answers, or the answer does not fit.
    pub async fn evaluate(
        &self,
        bundle: BundleDigest,
        cases: &[Case],
    ) -> Result<Vec<Decision>, EvaluatorError> {
        let requests = messages(bundle, cases);
        let answers = self
            .ask(|mut client| {
                let requests = requests.clone();
                async move {
                    let count = requests.len();
                    let answers = client.evaluate(request(stream::iter(requests))).await?;
                    collect(answers.into_inner(), count).await
                }
            })
            .await
            .map_err(|status| refusal(&status, Some(bundle)))?;
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
        fit(bundle, cases, &decisions)?;
        Ok(decisions)
    }

    /// Gives every evaluator a bundle; one that takes it is enough.
    ///
    /// # Errors
    /// When none takes it, or the digest is another one.
    pub async fn load(
        &self,
        digest: BundleDigest,
        files: &[PolicyFile],
    ) -> Result<(), EvaluatorError> {
        let mut loaded = Err(EvaluatorError::Unavailable("no endpoint is configured".to_owned()));
        for client in &self.clients {
            let message = pb::LoadBundleRequest { files: to_files(files) };
            match client.clone().load_bundle(request(message)).await {
                Ok(answer) => {
                    let taken = answer.into_inner().bundle_digest;
                    if taken != digest.as_bytes() {
                        let text = format!("bundle {} was stored as another", digest.short());
                        return Err(EvaluatorError::Unfit(text));
                    }
                    loaded = Ok(());
                }
                Err(status) if loaded.is_err() => loaded = Err(refusal(&status, None)),
                Err(status) => tracing::warn!(error = %said(&status), "bundle not loaded"),
            }
        }
        loaded
    }

    /// Says what is wrong with policy files.
    ///
    /// # Errors
    /// When no evaluator answers.
    pub async fn check(&self, files: &[PolicyFile]) -> Result<Checked, EvaluatorError> {
        let answer = self
            .ask(|mut client| {
                let message = pb::CheckBundleRequest { files: to_files(files) };
                async move { Ok(client.check_bundle(request(message)).await?.into_inner()) }
            })
            .await
            .map_err(|status| refusal(&status, None))?;
        let pb::CheckBundleResponse { bundle_digest, diagnostics, policies, groups } = answer;
        let found = diagnostics.into_iter().map(diagnostic).collect();
        if bundle_digest.is_empty() {
            return Ok(Err(found));
        }
        Ok(Ok(Accepted {
            digest: BundleDigest::new(field::digest("bundle_digest", &bundle_digest)?),
            policies: policies.into_iter().map(summary).collect(),
            warnings: found,
            groups: groups.into_iter().map(named_group).collect(),
        }))
    }

    /// Decides one case and puts it in words of a language, a BCP 47 tag.
    ///
    /// # Errors
    /// When no evaluator answers, or the answer does not fit.
    pub async fn explain(
        &self,
        bundle: BundleDigest,
        case: &Case,
        language: &str,
    ) -> Result<Explanation, EvaluatorError> {
        let answer = self
            .ask(|mut client| {
                let message = pb::ExplainRequest {
                    bundle_digest: bundle.as_bytes().to_vec(),
                    case: Some(types::Case::from(case)),
                    language: language.to_owned(),
                };
                async move { Ok(client.explain(request(message)).await?.into_inner()) }
            })
            .await
            .map_err(|status| refusal(&status, Some(bundle)))?;
        let pb::ExplainResponse { decision, sentences, cures, language } = answer;
        let decision = Decision::try_from(field::required("decision", decision)?)?;
        fit(bundle, std::slice::from_ref(case), std::slice::from_ref(&decision))?;
        Ok(Explanation { decision, sentences, cures, language })
    }

    /// Asks one evaluator after the other until one of them is there.
    async fn ask<T, F>(&self, call: impl Fn(Client) -> F) -> Result<T, Status>
    where
        F: Future<Output = Result<T, Status>>,
    {
        let mut last = Status::unavailable("no endpoint is configured");
        for client in &self.clients {
            match call(client.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(status) if is_absent(&status) => last = status,
                Err(status) => return Err(status),
            }
        }
        Err(last)
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

fn summary(wire: types::PolicySummary) -> PolicySummary {
    let types::PolicySummary { kind, name, path, line } = wire;
    PolicySummary { kind, name, path, line }
}
