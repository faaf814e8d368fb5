//! Owns SESSION_CAPABILITY ([MS-PSRP] 2.2.2.1) and the order of protocol versions.
//! Invariant: two sides go on with the lower of their versions.

use std::{fmt, str::FromStr};

use super::{BodyError, required};
use crate::clixml::{Object, Value};

/// A version of the protocol, such as 2.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProtocolVersion {
    /// Incompatible when different.
    pub major: u16,
    /// The higher side steps down.
    pub minor: u16,
}

impl ProtocolVersion {
    /// Windows PowerShell 2.0; that of Exchange 2010 (unverified).
    pub const V2_1: Self = Self { major: 2, minor: 1 };
    /// PowerShell 3.0: streams can be merged one by one, shells disconnect (psrpcore's table).
    pub const V2_2: Self = Self { major: 2, minor: 2 };
    /// PowerShell 5.0: the information stream, as psrpcore has it.
    pub const V2_3: Self = Self { major: 2, minor: 3 };
}

impl fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for ProtocolVersion {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut numbers = text.split('.').map(str::parse);
        let mut next = || numbers.next().unwrap_or(Ok(0));
        Ok(Self { major: next()?, minor: next()? })
    }
}

/// What a side can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionCapability {
    /// `protocolversion`
    pub protocol: ProtocolVersion,
    /// `PSVersion`, 2.0 by convention: psrpcore says so, too
    pub powershell: String,
    /// `SerializationVersion`, 1.1.0.1
    pub serialization: String,
}

impl SessionCapability {
    /// The capability of a side that speaks `protocol`.
    pub fn new(protocol: ProtocolVersion) -> Self {
        Self { protocol, powershell: "2.0".to_owned(), serialization: "1.1.0.1".to_owned() }
    }

    /// The body.
    pub fn to_value(&self) -> Value {
        Object::default()
            .with_extended("protocolversion", Value::Version(self.protocol.to_string()))
            .with_extended("PSVersion", Value::Version(self.powershell.clone()))
            .with_extended("SerializationVersion", Value::Version(self.serialization.clone()))
            .into()
    }

    /// Reads the body.
    pub fn from_value(value: &Value) -> Result<Self, BodyError> {
        let version = |name| required(value, name, |value| value.as_str().map(str::to_owned));
        Ok(Self {
            protocol: required(value, "protocolversion", |value| value.as_str()?.parse().ok())?,
            powershell: version("PSVersion")?,
            serialization: version("SerializationVersion")?,
        })
    }
}
