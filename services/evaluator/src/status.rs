//! Every error as a `tonic::Status`, once: a code, a sentence, and a `google.rpc.ErrorInfo` that a
//! program can read.

use std::collections::HashMap;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use exgate_domain::ids::BundleDigest;
use exgate_proto::convert::{ERROR_DOMAIN, Malformed};

use crate::bundles::Diagnostic;
use crate::trust::Distrust;

/// The most mistakes named in the details of a status, which travel in a header.
const VIOLATIONS_MAX: usize = 10;

/// Why a call is refused.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The batch is too large.
    #[error("batch {batch} has {count} cases, and {max} are the most")]
    TooManyCases {
        /// Number of the batch.
        batch: u64,
        /// How many cases it has.
        count: usize,
        /// How many it may have.
        max: usize,
    },
    /// The bundle is not at hand: send it with `LoadBundle` and ask again.
    #[error("no bundle {0} is at hand")]
    BundleUnknown(BundleDigest),
    /// The policies have mistakes; the bundles at hand stay.
    #[error("the policies have {} mistakes, the first at {}", .0.len(), first(.0))]
    PolicyInvalid(Vec<Diagnostic>),
    /// Who brings the bundle is not trusted; the bundles at hand stay.
    #[error(transparent)]
    Distrusted(#[from] Distrust),
    /// The message is not what it should be.
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

fn first(mistakes: &[Diagnostic]) -> String {
    mistakes.first().map(Diagnostic::to_string).unwrap_or_default()
}

impl From<CallError> for Status {
    fn from(error: CallError) -> Self {
        let message = error.to_string();
        let info = |reason, metadata: &[(&str, String)]| {
            let metadata: HashMap<_, _> =
                metadata.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
            ErrorDetails::with_error_info(reason, ERROR_DOMAIN, metadata)
        };
        let (code, details) = match error {
            CallError::Malformed(malformed) => return malformed.into(),
            CallError::TooManyCases { max, .. } => {
                let details = info("BATCH_TOO_LARGE", &[("cases_max", max.to_string())]);
                (Code::InvalidArgument, details)
            }
            CallError::BundleUnknown(digest) => {
                let details = info("BUNDLE_UNKNOWN", &[("bundle", digest.to_string())]);
                (Code::FailedPrecondition, details)
            }
            CallError::Distrusted(distrust) => {
                let reason = match distrust {
                    Distrust::Unsigned { .. } => "BUNDLE_UNSIGNED",
                    Distrust::Signature { .. } => "BUNDLE_SIGNATURE_INVALID",
                    Distrust::Keys { .. } => "TRUSTED_KEYS_UNUSABLE",
                };
                (Code::PermissionDenied, info(reason, &[]))
            }
            CallError::PolicyInvalid(mistakes) => {
                let mut details =
                    info("POLICY_INVALID", &[("mistakes", mistakes.len().to_string())]);
                for mistake in mistakes.iter().take(VIOLATIONS_MAX) {
                    details.add_bad_request_violation(&mistake.path, mistake.to_string());
                }
                (Code::InvalidArgument, details)
            }
        };
        Self::with_error_details(code, message, details)
    }
}
