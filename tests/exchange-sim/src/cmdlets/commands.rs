//! Owns `Get-Command`: which cmdlets and parameters the account's role shows.

use exgate_exchange::clixml::{Content, Object, Value};
use exgate_exchange::psrp::body::ErrorCategory;

use super::binding::texts;
use super::catalogue::{self, COMMON, Cmdlet, Parameter};
use super::complaint::Complaint;
use super::{Call, Record, Records, Runspace};

const AUTOMATION: &str = "System.Management.Automation";

/// Runs `Get-Command`: an unknown name is an error beside the output, a pattern without a match is not.
pub(super) fn run(call: &Call) -> Result<Records, Complaint> {
    let Runspace { engine, rights, .. } = &call.runspace;
    let visible: Vec<_> = catalogue::all(engine).filter(|cmdlet| rights.shows(cmdlet)).collect();
    let names = call.arguments.value("Name").map(texts).unwrap_or_default();
    if names.is_empty() {
        let records: Vec<_> = visible.into_iter().map(|cmdlet| print(call, cmdlet)).collect();
        return Ok(Records::of(records.into_iter()));
    }
    let mut records = Vec::new();
    for name in names {
        let mut found = visible.iter().filter(|cmdlet| matches(&name, cmdlet.name)).peekable();
        if found.peek().is_none() && !name.contains('*') {
            records.push(Record::Error(unknown(call.cmdlet, &name)));
        }
        records.extend(found.map(|cmdlet| print(call, cmdlet)));
    }
    Ok(Records::of(records.into_iter()))
}

fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.to_lowercase(), name.to_lowercase());
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, end)) => {
            let rest = name.strip_prefix(start);
            rest.is_some_and(|rest| rest.ends_with(end.trim_end_matches('*')))
        }
    }
}

fn unknown(cmdlet: &Cmdlet, name: &str) -> Complaint {
    Complaint {
        activity: cmdlet.name.into(),
        category: ErrorCategory::ObjectNotFound,
        id: format!("CommandNotFoundException,{}", cmdlet.class),
        ..Complaint::command_not_found(name)
    }
}

fn print(call: &Call, cmdlet: &'static Cmdlet) -> Record {
    let Runspace { engine, rights, .. } = &call.runspace;
    let own = cmdlet.parameters_of(engine);
    let parameters = own.filter(|held| rights.shows_parameter(cmdlet, held.name)).chain(COMMON);
    let entries = parameters.map(|held| (Value::from(held.name), metadata(held))).collect();
    let dictionary = Object {
        content: Content::Dictionary(entries),
        ..Object::of_type([
            format!(
                "System.Collections.Generic.Dictionary`2[[System.String],\
                 [{AUTOMATION}.ParameterMetadata]]"
            ),
            "System.Object".to_owned(),
        ])
    };
    let kind = Object::enumeration(&format!("{AUTOMATION}.CommandTypes"), "Cmdlet", 8);
    let object = Object::of_type([
        format!("{AUTOMATION}.CmdletInfo"),
        format!("{AUTOMATION}.CommandInfo"),
        "System.Object".to_owned(),
    ])
    .with_text(cmdlet.name)
    .with("Name", cmdlet.name)
    .with("CommandType", kind)
    .with("ModuleName", "")
    .with("PSSnapIn", Value::Nil)
    .with("Definition", "")
    .with("Visibility", "Public")
    .with("Parameters", dictionary)
    .with_extended("RunspaceId", call.runspace.id);
    Record::Output(Value::object(object))
}

fn metadata(parameter: &Parameter) -> Value {
    Value::object(
        Object::of_type([format!("{AUTOMATION}.ParameterMetadata"), "System.Object".to_owned()])
            .with_text(format!("{AUTOMATION}.ParameterMetadata"))
            .with("Name", parameter.name)
            .with("ParameterType", parameter.kind.type_name())
            .with("Aliases", Vec::<Value>::new())
            .with("IsDynamic", false)
            .with("SwitchParameter", parameter.kind == catalogue::Kind::Switch),
    )
}
