//! Owns the bodies of the side streams: warnings and their kin, information, progress, and
//! the host calls a client without a host only reports.
//! Invariant: as in the parent module.

use super::{BodyError, number, required, text};
use crate::clixml::{Object, Value};

/// DEBUG_RECORD, VERBOSE_RECORD and WARNING_RECORD ([MS-PSRP] 2.2.2.22 to 2.2.2.24).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Informational {
    /// The text.
    pub message: String,
}

impl Informational {
    /// The body, without invocation info. `kind` is `Debug`, `Verbose` or `Warning`.
    pub fn to_value(&self, kind: &str) -> Value {
        let kind = format!("System.Management.Automation.{kind}Record");
        let base = "System.Management.Automation.InformationalRecord";
        Object::of_type([kind.as_str(), base, "System.Object"])
            .with_text(self.message.as_str())
            .with_extended("InformationalRecord_Message", self.message.as_str())
            .with_extended("InformationalRecord_SerializeInvocationInfo", false)
            .into()
    }

    /// Reads the body; a bare string is its own text.
    pub fn from_value(value: &Value) -> Result<Self, BodyError> {
        let name = "InformationalRecord_Message";
        let message = match value.property(name) {
            // A null message is an empty one.
            Some(message) => message.to_text().unwrap_or_default(),
            None => value.to_text().ok_or(BodyError::Property { name })?,
        };
        Ok(Self { message: message.into_owned() })
    }
}

/// INFORMATION_RECORD ([MS-PSRP] 2.2.2.26), since protocol 2.3.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Information {
    /// What was said; `Write-Host` sends an object with a `Message` (`HostInformationMessage` of
    /// .NET).
    pub message: Value,
    /// The script or function.
    pub source: String,
    /// `PSHOST` for `Write-Host`.
    pub tags: Vec<String>,
}

impl Information {
    /// What was said, as text.
    pub fn text(&self) -> Option<String> {
        text(&self.message, "Message").or_else(|| Some(self.message.to_text()?.into_owned()))
    }

    /// The body.
    pub fn to_value(&self) -> Value {
        let text = self.message.to_text().unwrap_or_default().into_owned();
        Object { to_string: Some(text), ..Object::default() }
            .with_extended("MessageData", self.message.clone())
            .with_extended("Source", self.source.as_str())
            .with_extended("TimeGenerated", Value::Nil)
            .with_extended("Tags", self.tags.clone())
            .with_extended("User", Value::Nil)
            .with_extended("Computer", Value::Nil)
            .with_extended("ProcessId", 0u32)
            .with_extended("NativeThreadId", 0u32)
            .with_extended("ManagedThreadId", 0u32)
            .into()
    }

    /// Reads the body.
    pub fn from_value(value: &Value) -> Result<Self, BodyError> {
        let tags = value.property("Tags").map(Value::as_list).unwrap_or_default();
        Ok(Self {
            message: required(value, "MessageData", |message| Some(message.clone()))?,
            source: text(value, "Source").unwrap_or_default(),
            tags: tags.iter().filter_map(Value::to_text).map(|tag| tag.into_owned()).collect(),
        })
    }
}

/// PROGRESS_RECORD ([MS-PSRP] 2.2.2.25).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub activity: String,
    /// Which activity, when there are several.
    pub activity_id: i32,
    /// How it is going.
    pub status: String,
    /// The step at hand.
    pub operation: Option<String>,
    /// The activity it is part of; negative for none.
    pub parent_id: i32,
    /// Negative for unknown.
    pub percent: i32,
    /// Negative for unknown.
    pub seconds_remaining: i32,
    /// Whether the activity is over.
    pub is_completed: bool,
}

impl Progress {
    /// Progress of one activity, in percent.
    pub fn new(activity: impl Into<String>, status: impl Into<String>, percent: i32) -> Self {
        Self {
            activity: activity.into(),
            activity_id: 0,
            status: status.into(),
            operation: None,
            parent_id: -1,
            percent,
            seconds_remaining: -1,
            is_completed: false,
        }
    }

    /// The body.
    pub fn to_value(&self) -> Value {
        let (label, kind) = if self.is_completed { ("Completed", 1) } else { ("Processing", 0) };
        let types = "System.Management.Automation.ProgressRecordType";
        Object::default()
            .with_extended("Activity", self.activity.as_str())
            .with_extended("ActivityId", self.activity_id)
            .with_extended("StatusDescription", self.status.as_str())
            .with_extended("CurrentOperation", self.operation.as_deref())
            .with_extended("ParentActivityId", self.parent_id)
            .with_extended("PercentComplete", self.percent)
            .with_extended("Type", Object::enumeration(types, label, kind))
            .with_extended("SecondsRemaining", self.seconds_remaining)
            .into()
    }

    /// Reads the body.
    pub fn from_value(value: &Value) -> Result<Self, BodyError> {
        let kind = value.property("Type").and_then(Value::as_i64);
        Ok(Self {
            activity: text(value, "Activity").unwrap_or_default(),
            activity_id: number(value, "ActivityId")?,
            status: text(value, "StatusDescription").unwrap_or_default(),
            operation: text(value, "CurrentOperation"),
            parent_id: number(value, "ParentActivityId").unwrap_or(-1),
            percent: number(value, "PercentComplete").unwrap_or(-1),
            seconds_remaining: number(value, "SecondsRemaining").unwrap_or(-1),
            is_completed: kind == Some(1),
        })
    }
}

/// PIPELINE_HOST_CALL and RUNSPACEPOOL_HOST_CALL ([MS-PSRP] 2.2.2.27, 2.2.2.15): the server
/// wants something of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostCall {
    /// Which call to answer.
    pub call_id: i64,
    /// The name of the host's method, such as `PromptForChoice`.
    pub method: String,
}

impl HostCall {
    /// Reads the body.
    pub fn from_value(value: &Value) -> Result<Self, BodyError> {
        let method = required(value, "mi", |method| method.to_text())?.into_owned();
        Ok(Self { call_id: number(value, "ci")?, method })
    }
}
