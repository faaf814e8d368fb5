//! Owns the bodies that concern a runspace pool as a whole.
//! Invariant: as in the parent module.

use super::{BodyError, ErrorRecord, no_host, number, required};
use crate::clixml::{Content, Object, Value};

/// INIT_RUNSPACEPOOL ([MS-PSRP] 2.2.2.2).
#[derive(Clone, Debug, PartialEq)]
pub struct InitRunspacePool {
    /// Runspaces to keep at least.
    pub min_runspaces: i32,
    /// Runspaces to open at most.
    pub max_runspaces: i32,
    /// `ApplicationArguments`, usually null.
    pub arguments: Value,
}

impl Default for InitRunspacePool {
    fn default() -> Self {
        Self { min_runspaces: 1, max_runspaces: 1, arguments: Value::Nil }
    }
}

impl InitRunspacePool {
    /// The body: default threads ([MS-PSRP] 2.2.3.6), unknown apartment, no host.
    pub fn to_value(&self) -> Value {
        let threads = "System.Management.Automation.Runspaces.PSThreadOptions";
        Object::default()
            .with_extended("MinRunspaces", self.min_runspaces)
            .with_extended("MaxRunspaces", self.max_runspaces)
            .with_extended("PSThreadOptions", Object::enumeration(threads, "Default", 0))
            .with_extended("ApartmentState", unknown_apartment())
            .with_extended("HostInfo", no_host())
            .with_extended("ApplicationArguments", self.arguments.clone())
            .into()
    }

    /// Reads the body.
    pub fn from_value(value: &Value) -> Result<Self, BodyError> {
        Ok(Self {
            min_runspaces: number(value, "MinRunspaces")?,
            max_runspaces: number(value, "MaxRunspaces")?,
            arguments: value.property("ApplicationArguments").cloned().unwrap_or_default(),
        })
    }
}

/// `UNKNOWN` of [MS-PSRP] 2.2.3.7.
pub(super) fn unknown_apartment() -> Object {
    Object::enumeration("System.Threading.ApartmentState", "Unknown", 2)
}

/// APPLICATION_PRIVATE_DATA ([MS-PSRP] 2.2.2.13): what the server tells about itself.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct ApplicationPrivateData {
    /// The dictionary, or null.
    pub data: Value,
}

impl ApplicationPrivateData {
    /// The data of a server that names the versions in its `$PSVersionTable`.
    pub fn of_versions<'v>(table: impl IntoIterator<Item = (&'v str, &'v str)>) -> Self {
        let versions =
            table.into_iter().map(|(name, version)| (name, Value::Version(version.to_owned())));
        Self { data: dictionary([("PSVersionTable", dictionary(versions))]) }
    }

    /// A version in the server's `$PSVersionTable`, such as `PSVersion`.
    pub fn version(&self, name: &str) -> Option<&str> {
        self.data.entry("PSVersionTable")?.entry(name)?.as_str()
    }

    /// The body.
    pub fn to_value(&self) -> Value {
        Object::default().with_extended("ApplicationPrivateData", self.data.clone()).into()
    }

    /// Reads the body.
    pub fn from_value(value: &Value) -> Result<Self, BodyError> {
        Ok(Self { data: required(value, "ApplicationPrivateData", |data| Some(data.clone()))? })
    }
}

/// A primitive dictionary ([MS-PSRP] 2.2.3.18).
fn dictionary<'k>(entries: impl IntoIterator<Item = (&'k str, Value)>) -> Value {
    let types = [
        "System.Management.Automation.PSPrimitiveDictionary",
        "System.Collections.Hashtable",
        "System.Object",
    ];
    let entries = entries.into_iter().map(|(key, value)| (Value::from(key), value)).collect();
    Object { content: Content::Dictionary(entries), ..Object::of_type(types) }.into()
}

/// The state of a pool ([MS-PSRP] 2.2.3.4, with .NET's numbers).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum PoolState {
    /// 0
    #[default]
    BeforeOpen,
    /// 1
    Opening,
    /// 2
    Opened,
    /// 3
    Closed,
    /// 4
    Closing,
    /// 5
    Broken,
    /// 6
    Disconnecting,
    /// 7
    Disconnected,
    /// 8
    Connecting,
    /// Any other number.
    Unknown(i32),
}

impl From<i32> for PoolState {
    fn from(number: i32) -> Self {
        match number {
            0 => Self::BeforeOpen,
            1 => Self::Opening,
            2 => Self::Opened,
            3 => Self::Closed,
            4 => Self::Closing,
            5 => Self::Broken,
            6 => Self::Disconnecting,
            7 => Self::Disconnected,
            8 => Self::Connecting,
            other => Self::Unknown(other),
        }
    }
}

impl From<PoolState> for i32 {
    fn from(state: PoolState) -> Self {
        match state {
            PoolState::BeforeOpen => 0,
            PoolState::Opening => 1,
            PoolState::Opened => 2,
            PoolState::Closed => 3,
            PoolState::Closing => 4,
            PoolState::Broken => 5,
            PoolState::Disconnecting => 6,
            PoolState::Disconnected => 7,
            PoolState::Connecting => 8,
            PoolState::Unknown(other) => other,
        }
    }
}

/// RUNSPACEPOOL_STATE ([MS-PSRP] 2.2.2.9).
#[derive(Clone, Debug, PartialEq)]
pub struct RunspacePoolState {
    /// The new state.
    pub state: PoolState,
    /// Why, when it broke.
    pub error: Option<ErrorRecord>,
}

impl RunspacePoolState {
    /// The body.
    pub fn to_value(&self) -> Value {
        let body = Object::default().with_extended("RunspaceState", i32::from(self.state));
        match &self.error {
            None => body.into(),
            Some(error) => body.with_extended("ExceptionAsErrorRecord", error.to_value()).into(),
        }
    }

    /// Reads the body.
    pub fn from_value(value: &Value) -> Result<Self, BodyError> {
        Ok(Self {
            state: number::<i32>(value, "RunspaceState")?.into(),
            error: ErrorRecord::of_state(value)?,
        })
    }
}

/// RUNSPACE_AVAILABILITY ([MS-PSRP] 2.2.2.8): the answer to a question or a setting.
#[derive(Clone, Debug, PartialEq)]
pub struct RunspaceAvailability {
    /// Which call is answered.
    pub call_id: i64,
    /// How many runspaces are free (`I64`), or whether the setting was taken (`B`).
    pub response: Value,
}

impl RunspaceAvailability {
    /// The body.
    pub fn to_value(&self) -> Value {
        Object::default()
            .with_extended("SetMinMaxRunspacesResponse", self.response.clone())
            .with_extended("ci", self.call_id)
            .into()
    }

    /// Reads the body.
    pub fn from_value(value: &Value) -> Result<Self, BodyError> {
        let response = required(value, "SetMinMaxRunspacesResponse", |it| Some(it.clone()))?;
        Ok(Self { call_id: number(value, "ci")?, response })
    }
}
