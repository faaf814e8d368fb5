//! Owns one command of a pipeline ([MS-PSRP] 2.2.3.12): a name and typed arguments.
//! Invariant: what is written always says `IsScript=false`; a script can be read, so that a
//! server can refuse it, but never be sent.

use super::body::{BodyError, ProtocolVersion};
use crate::clixml::{Content, Object, Value};

/// A command and its arguments.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Command {
    /// The cmdlet's name; the script's text when `is_script`.
    pub name: String,
    /// The arguments, in order.
    pub parameters: Vec<Parameter>,
    /// Whether a peer sent script text instead of a name. Ignored when writing.
    pub is_script: bool,
}

/// One argument of a command ([MS-PSRP] 2.2.3.13).
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// The parameter; `None` for a positional argument.
    pub name: Option<String>,
    /// The argument. A switch is `true`, which psrpcore takes, or null when a peer sent no value.
    pub value: Value,
}

impl Command {
    /// A command without arguments.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Appends a named argument.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.parameters.push(Parameter { name: Some(name.into()), value: value.into() });
        self
    }

    /// Appends a switch.
    #[must_use]
    pub fn with_switch(self, name: impl Into<String>) -> Self {
        self.with(name, true)
    }

    /// The argument of a parameter, without regard to ASCII case, with or without the dash and
    /// the colon some clients send.
    pub fn parameter(&self, name: &str) -> Option<&Value> {
        self.parameters.iter().find_map(|parameter| {
            let held = parameter.name.as_deref()?.trim_start_matches('-').trim_end_matches(':');
            held.eq_ignore_ascii_case(name).then_some(&parameter.value)
        })
    }

    /// The command as `version` of the protocol writes it: streams merge one by one since
    /// 2.2, the information stream exists since 2.3, as psrpcore writes them.
    pub fn to_value(&self, version: ProtocolVersion) -> Value {
        let arguments = self.parameters.iter().map(|parameter| {
            Object::default()
                .with_extended("N", parameter.name.as_deref())
                .with_extended("V", parameter.value.clone())
                .into()
        });
        let mut body = Object::default()
            .with_extended("Cmd", self.name.as_str())
            .with_extended("IsScript", false)
            .with_extended("UseLocalScope", Value::Nil)
            .with_extended("MergeMyResult", unmerged())
            .with_extended("MergeToResult", unmerged())
            .with_extended("MergePreviousResults", unmerged())
            .with_extended("Args", array_list(arguments));
        for (name, since) in [
            ("MergeError", ProtocolVersion::V2_2),
            ("MergeWarning", ProtocolVersion::V2_2),
            ("MergeVerbose", ProtocolVersion::V2_2),
            ("MergeDebug", ProtocolVersion::V2_2),
            ("MergeInformation", ProtocolVersion::V2_3),
        ] {
            if version >= since {
                body = body.with_extended(name, unmerged());
            }
        }
        body.into()
    }

    /// Reads a command.
    pub fn from_value(value: &Value) -> Result<Self, BodyError> {
        let name = value.property("Cmd").and_then(Value::as_str);
        let name = name.ok_or(BodyError::Property { name: "Cmd" })?.to_owned();
        let script = value.property("IsScript").and_then(Value::as_bool);
        let arguments = value.property("Args").map(Value::as_list).unwrap_or_default();
        let parameters = arguments.iter().map(|argument| Parameter {
            name: argument.property("N").and_then(Value::as_str).map(str::to_owned),
            value: argument.property("V").cloned().unwrap_or_default(),
        });
        Ok(Self {
            name,
            parameters: parameters.collect(),
            is_script: script.ok_or(BodyError::Property { name: "IsScript" })?,
        })
    }
}

/// `None` of [MS-PSRP] 2.2.3.31: the stream goes where it always goes.
fn unmerged() -> Object {
    Object::enumeration("System.Management.Automation.Runspaces.PipelineResultTypes", "None", 0)
}

/// A list in the type that PowerShell's own client sends, as pypsrp writes it.
pub(super) fn array_list(items: impl IntoIterator<Item = Value>) -> Object {
    let types = [
        "System.Collections.Generic.List`1[[System.Management.Automation.PSObject, System.Management.Automation, Version=1.0.0.0, Culture=neutral, PublicKeyToken=31bf3856ad364e35]]",
        "System.Object",
    ];
    Object {
        content: Content::List(crate::clixml::ListKind::List, items.into_iter().collect()),
        ..Object::of_type(types)
    }
}
