//! Owns the typed bodies of messages ([MS-PSRP] 2.2.2, 2.2.3), both ways.
//! Invariant: `from_value(&to_value(x)) == x`; a body that lacks what its message needs is an
//! error that names the property, and an unknown number survives.

pub mod capability;
pub mod pool;
pub mod pipeline;
pub mod error_record;
pub mod records;

pub use capability::{ProtocolVersion, SessionCapability};
pub use error_record::{ErrorCategory, ErrorRecord};
pub use pipeline::{CreatePipeline, GetCommandMetadata, InvocationState, PipelineState};
pub use pool::{
    ApplicationPrivateData, InitRunspacePool, PoolState, RunspaceAvailability, RunspacePoolState,
};
pub use records::{HostCall, Information, Informational, Progress};

use crate::clixml::{Object, ReadError, Value};

/// Why a body is not what its message needs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// The body is not CLIXML.
    #[error("message body cannot be read")]
    Clixml(#[from] ReadError),
    /// A property is missing, or of another type than it must be.
    #[error("property {name} is missing or unfit")]
    Property {
        /// The property.
        name: &'static str,
    },
}

/// The property `name` of a body, as `read` takes it.
fn required<'v, T>(
    value: &'v Value,
    name: &'static str,
    read: impl FnOnce(&'v Value) -> Option<T>,
) -> Result<T, BodyError> {
    value.property(name).and_then(read).ok_or(BodyError::Property { name })
}

/// A whole number that fits `N`.
fn number<N: TryFrom<i64>>(value: &Value, name: &'static str) -> Result<N, BodyError> {
    required(value, name, |value| N::try_from(value.as_i64()?).ok())
}

/// The text of a property, or nothing when it is missing or null.
fn text(value: &Value, name: &str) -> Option<String> {
    Some(value.property(name)?.to_text()?.into_owned())
}

/// The host of a client that has none: every host call fails on the server, and no prompt
/// can hang a pipeline ([MS-PSRP] 2.2.3.14).
fn no_host() -> Object {
    Object::default()
        .with_extended("_isHostNull", true)
        .with_extended("_isHostUINull", true)
        .with_extended("_isHostRawUINull", true)
        .with_extended("_useRunspaceHost", true)
}
