//! Owns the bodies that start a pipeline and tell its state.
//! Invariant: as in the parent module; a pipeline this crate starts holds no script.

use super::{
    BodyError, ErrorRecord, ProtocolVersion, no_host, number, pool::unknown_apartment, required,
};
use crate::{
    clixml::{Object, Value},
    psrp::command::{Command, array_list},
};

/// CREATE_PIPELINE ([MS-PSRP] 2.2.2.10).
#[derive(Clone, Debug, PartialEq)]
pub struct CreatePipeline {
    /// The commands, each one's output the next one's input.
    pub commands: Vec<Command>,
    /// Whether no input will follow.
    pub no_input: bool,
    /// Commands of further statements, each a pipeline of its own (`ExtraCmds`, which [MS-PSRP]
    /// does not explain, as psrpcore writes it); read only.
    pub statements: Vec<Vec<Command>>,
}

impl CreatePipeline {
    /// A pipeline that takes no input.
    pub fn new(commands: Vec<Command>) -> Self {
        Self { commands, no_input: true, statements: Vec::new() }
    }

    /// The body, as `version` of the protocol writes it.
    pub fn to_value(&self, version: ProtocolVersion) -> Value {
        let streams = "System.Management.Automation.RemoteStreamOptions";
        let commands = self.commands.iter().map(|command| command.to_value(version));
        let powershell = Object::default()
            .with_extended("IsNested", false)
            .with_extended("ExtraCmds", Value::Nil)
            .with_extended("Cmds", array_list(commands))
            .with_extended("History", Value::Nil)
            .with_extended("RedirectShellErrorOutputPipe", false);
        Object::default()
            .with_extended("NoInput", self.no_input)
            .with_extended("ApartmentState", unknown_apartment())
            // 15 is the sum of the four streams ([MS-PSRP] 2.2.3.8).
            .with_extended(
                "RemoteStreamOptions",
                Object::enumeration(streams, "AddInvocationInfo", 15),
            )
            .with_extended("AddToHistory", false)
            .with_extended("HostInfo", no_host())
            .with_extended("PowerShell", powershell)
            .with_extended("IsNested", false)
            .into()
    }

    /// Reads the body.
    pub fn from_value(value: &Value) -> Result<Self, BodyError> {
        let powershell = required(value, "PowerShell", Some)?;
        let read = |value: &Value| -> Result<Vec<Command>, BodyError> {
            let commands = required(value, "Cmds", Some)?;
            commands.as_list().iter().map(Command::from_value).collect()
        };
        let extra = powershell.property("ExtraCmds").map(Value::as_list).unwrap_or_default();
        // With several statements `ExtraCmds` repeats the first.
        let statements = extra.iter().skip(1).map(read).collect::<Result<_, _>>()?;
        let no_input = required(value, "NoInput", Value::as_bool)?;
        Ok(Self { commands: read(powershell)?, no_input, statements })
    }
}

/// GET_COMMAND_METADATA ([MS-PSRP] 2.2.2.14).
#[derive(Clone, Debug, PartialEq, Default)]
pub struct GetCommandMetadata {
    /// Patterns of command names.
    pub names: Vec<String>,
}

impl GetCommandMetadata {
    /// Reads the body.
    pub fn from_value(value: &Value) -> Result<Self, BodyError> {
        let names = value.property("Name").map(Value::as_list).unwrap_or_default();
        let names = names.iter().filter_map(Value::to_text).map(|name| name.into_owned());
        Ok(Self { names: names.collect() })
    }
}

/// The state of a pipeline ([MS-PSRP] 2.2.3.5, with .NET's numbers).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum InvocationState {
    /// 0
    #[default]
    NotStarted,
    /// 1
    Running,
    /// 2
    Stopping,
    /// 3: stopped on request
    Stopped,
    /// 4: ran to its end
    Completed,
    /// 5: ended by an error
    Failed,
    /// 6
    Disconnected,
    /// Any other number.
    Unknown(i32),
}

impl InvocationState {
    /// Whether nothing follows.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Stopped | Self::Completed | Self::Failed)
    }
}

impl From<i32> for InvocationState {
    fn from(number: i32) -> Self {
        match number {
            0 => Self::NotStarted,
            1 => Self::Running,
            2 => Self::Stopping,
            3 => Self::Stopped,
            4 => Self::Completed,
            5 => Self::Failed,
            6 => Self::Disconnected,
            other => Self::Unknown(other),
        }
    }
}

impl From<InvocationState> for i32 {
    fn from(state: InvocationState) -> Self {
        match state {
            InvocationState::NotStarted => 0,
            InvocationState::Running => 1,
            InvocationState::Stopping => 2,
            InvocationState::Stopped => 3,
            InvocationState::Completed => 4,
            InvocationState::Failed => 5,
            InvocationState::Disconnected => 6,
            InvocationState::Unknown(other) => other,
        }
    }
}

/// PIPELINE_STATE ([MS-PSRP] 2.2.2.21).
#[derive(Clone, Debug, PartialEq)]
pub struct PipelineState {
    /// The new state.
    pub state: InvocationState,
    /// What ended it, when it failed or was stopped.
    pub error: Option<ErrorRecord>,
}

impl PipelineState {
    /// The body.
    pub fn to_value(&self) -> Value {
        let body = Object::default().with_extended("PipelineState", i32::from(self.state));
        match &self.error {
            None => body.into(),
            Some(error) => body.with_extended("ExceptionAsErrorRecord", error.to_value()).into(),
        }
    }

    /// Reads the body.
    pub fn from_value(value: &Value) -> Result<Self, BodyError> {
        Ok(Self {
            state: number::<i32>(value, "PipelineState")?.into(),
            error: ErrorRecord::of_state(value)?,
        })
    }
}
