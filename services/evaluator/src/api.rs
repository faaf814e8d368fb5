//! Owns the calls: convert in, call one function, convert out. A call keeps nothing but the bundle
//! that `LoadBundle` brings.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Instant;

use futures_util::stream::{self, BoxStream, StreamExt};
use tokio::task::spawn_blocking;
use tonic::{Request, Response, Status, Streaming};

use exgate_domain::case::Case;
use exgate_domain::ids::BundleDigest;
use exgate_proto::convert::{Malformed, field};
use exgate_proto::evaluator::v1::evaluator_service_server::{
    EvaluatorService, EvaluatorServiceServer,
};
use exgate_proto::evaluator::v1::{
    CheckBundleRequest, CheckBundleResponse, EvaluateRequest, EvaluateResponse, ExplainRequest,
    ExplainResponse, LoadBundleRequest, LoadBundleResponse,
};
use exgate_proto::types::v1 as pb;

use crate::bundles::{
    Bundle, Cache, Diagnostic, GroupReference, KeyReference, Loaded, PolicyFile, Severity, Summary,
    digest,
};
use crate::explain::{Explanation, Language, explain};
use crate::metrics::Metrics;
use crate::status::CallError;
use crate::trust::Trust;
use crate::verdict::decide;

/// The most cases in one batch.
pub const CASES_MAX: usize = 500;
/// The longest message in either direction: a full batch of owners with hundreds of groups, or its
/// decisions with their traces, is longer than what other services exchange.
pub const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The evaluator's calls.
#[derive(Debug)]
pub(crate) struct Api {
    cache: Cache,
    trust: Trust,
    metrics: Metrics,
}

impl Api {
    /// The gRPC service over these bundles, taking those of whom `trust` says.
    pub(crate) fn service(
        cache: Cache,
        trust: Trust,
        metrics: Metrics,
    ) -> EvaluatorServiceServer<Self> {
        EvaluatorServiceServer::new(Self { cache, trust, metrics })
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX)
    }
}

#[tonic::async_trait]
impl EvaluatorService for Api {
    type EvaluateStream = BoxStream<'static, Result<EvaluateResponse, Status>>;

    async fn evaluate(
        &self,
        request: Request<Streaming<EvaluateRequest>>,
    ) -> Result<Response<Self::EvaluateStream>, Status> {
        let batches = Batches {
            incoming: request.into_inner(),
            cache: self.cache.clone(),
            metrics: self.metrics.clone(),
            span: tracing::Span::current(),
        };
        // One batch at a time, and the next only when the answer is taken: memory stays bounded.
        Ok(Response::new(stream::try_unfold(batches, Batches::next).boxed()))
    }

    async fn load_bundle(
        &self,
        request: Request<LoadBundleRequest>,
    ) -> Result<Response<LoadBundleResponse>, Status> {
        let LoadBundleRequest { files, key_id, signature } = request.into_inner();
        let files = policy_files(files);
        let digest = digest(&files);
        self.trust.accept(digest, &key_id, &signature).map_err(CallError::from)?;
        let loaded = self.cache.load(&files).await.map_err(CallError::PolicyInvalid)?;
        let Loaded { bundle, is_new, gone } = loaded;
        self.metrics.bundles(self.cache.len());
        if is_new {
            let (policies, gone) = (bundle.summaries().len(), gone.len());
            tracing::info!(bundle = digest.short(), policies, gone, key_id, "bundle was loaded");
        }
        Ok(Response::new(LoadBundleResponse { bundle_digest: digest.as_bytes().to_vec() }))
    }

    async fn check_bundle(
        &self,
        request: Request<CheckBundleRequest>,
    ) -> Result<Response<CheckBundleResponse>, Status> {
        let CheckBundleRequest { files } = request.into_inner();
        Ok(Response::new(match Bundle::read(&policy_files(files)) {
            Ok(bundle) => CheckBundleResponse {
                bundle_digest: bundle.digest().as_bytes().to_vec(),
                diagnostics: bundle.warnings().iter().cloned().map(diagnostic).collect(),
                policies: bundle.summaries().iter().map(policy_summary).collect(),
                groups: bundle.named_groups().iter().map(group_reference).collect(),
                last_sync_keys: bundle.last_sync_keys().iter().map(key_reference).collect(),
            },
            Err(mistakes) => CheckBundleResponse {
                bundle_digest: Vec::new(),
                diagnostics: mistakes.into_iter().map(diagnostic).collect(),
                policies: Vec::new(),
                groups: Vec::new(),
                last_sync_keys: Vec::new(),
            },
        }))
    }

    async fn explain(
        &self,
        request: Request<ExplainRequest>,
    ) -> Result<Response<ExplainResponse>, Status> {
        let ExplainRequest { bundle_digest, case, language } = request.into_inner();
        let bundle = bundle(&self.cache, &bundle_digest)?;
        let case: Case = field::required("case", case)
            .and_then(|case| case.try_into().map_err(|fault: Malformed| fault.within("case")))
            .map_err(CallError::from)?;
        // Help in another language is better than none.
        let language = Language::find(&language).unwrap_or_default();
        // What would help is searched for: that may take as long as thousands of decisions.
        let explained = spawn_blocking(move || explain(&bundle, &case, language)).await;
        let explained = explained.map_err(|error| match error.try_into_panic() {
            // As if it had happened here, where nothing of it is told outside.
            Ok(panic) => resume_unwind(panic),
            Err(_) => Status::unavailable("the evaluator ends"),
        });
        let Explanation { decision, language, sentences, cures } = explained?;
        Ok(Response::new(ExplainResponse {
            decision: Some(decision.into()),
            sentences,
            cures,
            language: language.tag().to_owned(),
        }))
    }
}

/// One `Evaluate` call under way.
struct Batches {
    incoming: Streaming<EvaluateRequest>,
    cache: Cache,
    metrics: Metrics,
    /// The span of the call, which ends before its answers do.
    span: tracing::Span,
}

impl Batches {
    async fn next(mut self) -> Result<Option<(EvaluateResponse, Self)>, Status> {
        let Some(request) = self.incoming.message().await? else { return Ok(None) };
        let response = self.batch(request)?;
        Ok(Some((response, self)))
    }

    fn batch(&self, request: EvaluateRequest) -> Result<EvaluateResponse, CallError> {
        let EvaluateRequest { bundle_digest, batch, cases } = request;
        let count = cases.len();
        let span = tracing::info_span!(parent: &self.span, "decide", batch, cases = count);
        let _entered = span.enter();
        let started = Instant::now();
        if count > CASES_MAX {
            return Err(CallError::TooManyCases { batch, count, max: CASES_MAX });
        }
        let bundle = bundle(&self.cache, &bundle_digest)?;
        let decided = cases.into_iter().enumerate().map(|(index, case)| {
            let case = Case::try_from(case).map_err(|fault| fault.at("cases", index))?;
            Ok(decide(&bundle, &case))
        });
        let decided = decided.collect::<Result<Vec<_>, Malformed>>()?;
        self.metrics.batch(decided.iter().map(|decision| decision.access), started.elapsed());
        let decisions = decided.into_iter().map(pb::Decision::from).collect();
        Ok(EvaluateResponse { batch, decisions })
    }
}

fn bundle(cache: &Cache, digest: &[u8]) -> Result<Arc<Bundle>, CallError> {
    let digest = BundleDigest::new(field::digest("bundle_digest", digest)?);
    cache.get(digest).ok_or(CallError::BundleUnknown(digest))
}

fn policy_files(files: Vec<pb::PolicyFile>) -> Vec<PolicyFile> {
    let file = |pb::PolicyFile { path, content }| PolicyFile { path, content };
    files.into_iter().map(file).collect()
}

fn diagnostic(mistake: Diagnostic) -> pb::Diagnostic {
    let Diagnostic { path, line, column, key, message, suggestion, severity } = mistake;
    let severity = match severity {
        Severity::Error => pb::Severity::Error,
        Severity::Warning => pb::Severity::Warning,
    };
    pb::Diagnostic { path, line, column, key, message, suggestion, severity: severity.into() }
}

fn group_reference(reference: &GroupReference) -> pb::GroupReference {
    let GroupReference { group, path, line, column, key } = reference.clone();
    pb::GroupReference { group, path, line, column, key }
}

fn key_reference(reference: &KeyReference) -> pb::KeyReference {
    let KeyReference { path, line, column, key } = reference.clone();
    pb::KeyReference { path, line, column, key }
}

fn policy_summary(summary: &Summary) -> pb::PolicySummary {
    let Summary { kind, name, path, line } = summary;
    let kind = (*kind).to_owned();
    pb::PolicySummary { kind, name: name.clone(), path: path.clone(), line: *line }
}

#[cfg(test)]
mod tests;
