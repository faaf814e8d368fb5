//! Why a message is refused at the gate, and how its sender is told: `INVALID_ARGUMENT` that names the
//! field.

use std::collections::HashMap;

use exgate_domain::ids::InvalidId;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// The `domain` of every `google.rpc.ErrorInfo` of exgate.
pub const ERROR_DOMAIN: &str = "exgate.dev";

/// A message that cannot be a domain value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("field {field:?} of a message is malformed")]
pub struct Malformed {
    /// Path of the field, such as `observations[3].device.guid`.
    pub field: String,
    /// What is wrong with it.
    pub source: Fault,
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Nothing was sent where something is needed.
    #[error("it is missing")]
    Missing,
    /// The enum's zero value.
    #[error("it is unspecified")]
    Unspecified,
    /// A number that this version's enum does not have.
    #[error("{0} is not a value of the enum")]
    UnknownNumber(i32),
    /// A text or list that only makes sense beside another value of its neighbour.
    #[error("it is given although its neighbour does not ask for it")]
    Unexpected,
    /// A GUID or digest of the wrong length.
    #[error("it has {actual} bytes, not {expected}")]
    Length {
        /// How many bytes it must have.
        expected: usize,
        /// How many it has.
        actual: usize,
    },
    /// An id that does not parse.
    #[error("it is not an id of its kind")]
    Id(#[from] InvalidId),
    /// An instant or span of time that cannot be.
    #[error("{seconds} s and {nanos} ns are out of range")]
    OutOfRange {
        /// Its seconds.
        seconds: i64,
        /// Its nanoseconds.
        nanos: i32,
    },
    /// A text that is not a day such as 2026-03-05.
    #[error("{0:?} is not a day such as 2026-03-05")]
    NoDay(String),
    /// Bytes that are no message.
    #[error("its bytes are not a protobuf message: {0}")]
    Bytes(String),
}

impl Malformed {
    /// Names the field itself.
    pub fn new(field: &str, source: impl Into<Fault>) -> Self {
        Self { field: field.to_owned(), source: source.into() }
    }

    /// Names the field that holds this one.
    #[must_use]
    pub fn within(self, outer: &str) -> Self {
        Self { field: format!("{outer}.{}", self.field), source: self.source }
    }

    /// Names the repeated field, and the index in it, that holds this one.
    #[must_use]
    pub fn at(self, outer: &str, index: usize) -> Self {
        Self { field: format!("{outer}[{index}].{}", self.field), source: self.source }
    }
}

impl From<Malformed> for Status {
    fn from(malformed: Malformed) -> Self {
        let Malformed { field, source } = &malformed;
        let fault = match source {
            Fault::Id(invalid) => invalid.to_string(),
            Fault::Missing
            | Fault::Unspecified
            | Fault::UnknownNumber(_)
            | Fault::Unexpected
            | Fault::Length { .. }
            | Fault::OutOfRange { .. }
            | Fault::NoDay(_)
            | Fault::Bytes(_) => source.to_string(),
        };
        let mut details = ErrorDetails::with_bad_request_violation(field, &fault);
        let metadata = HashMap::from([("field".to_owned(), field.clone())]);
        details.set_error_info("MALFORMED", ERROR_DOMAIN, metadata);
        Self::with_error_details(Code::InvalidArgument, format!("{malformed}: {fault}"), details)
    }
}
