//! Owns how sent arguments become a cmdlet's parameters: names without regard to case, unambiguous
//! beginnings, the first positional one, and the types that PowerShell would convert.

use serde_json::json;

use exgate_exchange::clixml::Value;
use exgate_exchange::psrp::body::ErrorCategory;

use super::Runspace;
use super::catalogue::{COMMON, Cmdlet, Kind, Limit, Parameter};
use super::complaint::Complaint;

/// A cmdlet's bound arguments.
#[derive(Clone, Debug, Default)]
pub struct Arguments(Vec<(&'static str, Value)>);

/// An edit of a multi-valued property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// `$null`: no values any more.
    Clear,
    /// A value or a list: exactly these.
    Overwrite(Vec<String>),
    /// `@{Add=..;Remove=..}`.
    InPlace {
        /// Values that must be there.
        add: Vec<String>,
        /// Values that must not.
        remove: Vec<String>,
    },
}

/// Binds what was sent to the parameters that the version has and the role shows.
pub fn bind(
    cmdlet: &'static Cmdlet,
    runspace: &Runspace,
    sent: Vec<(Option<String>, Value)>,
) -> Result<Arguments, Complaint> {
    let mut bound = Arguments::default();
    for (name, value) in sent {
        let parameter = match name {
            Some(name) => named(cmdlet, runspace, &name)?,
            None => cmdlet.parameters.first().filter(|first| first.positional),
        };
        let Some(parameter) = parameter else {
            return Err(positional(cmdlet, &value));
        };
        if bound.0.iter().any(|(held, _)| *held == parameter.name) {
            let message = format!(
                "Cannot bind parameter because parameter '{}' is specified more than once. ",
                parameter.name
            );
            let name = parameter.name;
            return Err(Complaint::binding(cmdlet, "ParameterAlreadyBound", name, message));
        }
        check(cmdlet, parameter, &value)?;
        bound.0.push((parameter.name, value));
    }
    let is_bound = |name: &&str| bound.value(name).is_some();
    if cmdlet.sets.iter().filter(|set| set.iter().any(is_bound)).count() > 1 {
        let message = "Parameter set cannot be resolved using the specified named parameters.";
        return Err(Complaint::binding(cmdlet, "AmbiguousParameterSet", "", message.to_owned()));
    }
    for parameter in cmdlet.parameters.iter().filter(|parameter| parameter.mandatory) {
        if bound.value(parameter.name).is_none() {
            let message = format!(
                "Cannot process command because of one or more missing mandatory parameters: {}.",
                parameter.name
            );
            let name = parameter.name;
            return Err(Complaint::binding(cmdlet, "MissingMandatoryParameter", name, message));
        }
    }
    Ok(bound)
}

impl Edit {
    /// Edits a list of texts, which are compared without regard to case; the spelling sent is kept.
    pub fn apply(self, list: &mut Vec<String>) {
        let holds =
            |list: &[String], text: &str| list.iter().any(|held| held.eq_ignore_ascii_case(text));
        let (add, remove) = match self {
            Self::Clear => return list.clear(),
            Self::Overwrite(texts) => {
                list.clear();
                (texts, Vec::new())
            }
            Self::InPlace { add, remove } => (add, remove),
        };
        list.retain(|held| !holds(&remove, held));
        for text in add {
            if !holds(list, &text) {
                list.push(text);
            }
        }
    }
}

impl Arguments {
    /// A parameter's value, if it was sent.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(held, _)| *held == name).map(|(_, value)| value)
    }

    /// A parameter's text; an empty or null one counts as not sent.
    pub fn text(&self, name: &str) -> Option<String> {
        let text = self.value(name)?.to_text()?;
        Some(text.into_owned()).filter(|text| !text.is_empty())
    }

    /// Whether a switch or boolean is on.
    pub fn flag(&self, name: &str) -> bool {
        self.boolean(name).unwrap_or(false)
    }

    /// A boolean, if it was sent. A switch without a value is on.
    pub fn boolean(&self, name: &str) -> Option<bool> {
        let value = self.value(name)?;
        Some(value.as_bool().unwrap_or_else(|| value.is_nil() || value.as_i64() != Some(0)))
    }

    /// The edit of a multi-valued property, if one was sent.
    pub fn edit(&self, name: &str) -> Option<Edit> {
        let value = self.value(name)?;
        Some(match value.as_dictionary() {
            None if value.is_nil() => Edit::Clear,
            None => Edit::Overwrite(texts(value)),
            Some(_) => Edit::InPlace {
                add: value.entry("Add").map(texts).unwrap_or_default(),
                remove: value.entry("Remove").map(texts).unwrap_or_default(),
            },
        })
    }

    /// Everything sent, for the ledger.
    pub fn to_json(&self) -> serde_json::Value {
        self.0.iter().map(|(name, value)| ((*name).to_owned(), json_of(value))).collect()
    }
}

fn named(
    cmdlet: &'static Cmdlet,
    runspace: &Runspace,
    name: &str,
) -> Result<Option<&'static Parameter>, Complaint> {
    let name = name.trim_start_matches('-').trim_end_matches(':');
    let visible = || {
        let own = cmdlet.parameters_of(&runspace.engine);
        own.filter(|held| runspace.rights.shows_parameter(cmdlet, held.name)).chain(COMMON)
    };
    if let Some(exact) = visible().find(|held| held.name.eq_ignore_ascii_case(name)) {
        return Ok(Some(exact));
    }
    let lower = name.to_lowercase();
    let mut beginning = visible().filter(|held| held.name.to_lowercase().starts_with(&lower));
    match (beginning.next(), beginning.next()) {
        (Some(only), None) => Ok(Some(only)),
        (Some(_), Some(_)) => Err(Complaint::binding(
            cmdlet,
            "AmbiguousParameter",
            name,
            format!(
                "Parameter cannot be processed because the parameter name '{name}' is ambiguous."
            ),
        )),
        (None, _) => Err(Complaint::binding(
            cmdlet,
            "NamedParameterNotFound",
            name,
            format!("A parameter cannot be found that matches parameter name '{name}'."),
        )),
    }
}

fn positional(cmdlet: &Cmdlet, value: &Value) -> Complaint {
    let text = value.to_text().unwrap_or_default();
    let message = format!("A positional parameter cannot be found that accepts argument '{text}'.");
    Complaint::binding(cmdlet, "PositionalParameterNotFound", &text, message)
}

fn check(cmdlet: &Cmdlet, parameter: &Parameter, value: &Value) -> Result<(), Complaint> {
    if parameter.mandatory && value.to_text().is_none_or(|text| text.is_empty()) {
        let name = parameter.name;
        let message = format!("Cannot bind argument to parameter '{name}' because it is null.");
        return Err(Complaint {
            exception: "System.Management.Automation.ParameterBindingValidationException"
                .to_owned(),
            category: ErrorCategory::InvalidData,
            ..Complaint::binding(
                cmdlet,
                "ParameterArgumentValidationErrorNullNotAllowed",
                name,
                message,
            )
        });
    }
    let fits = match parameter.kind {
        Kind::Text => value.as_dictionary().is_none(),
        Kind::Switch => value.is_nil() || value.as_bool().is_some(),
        Kind::Boolean => value.as_bool().is_some() || value.as_i64().is_some(),
        Kind::Size => size(value).is_some(),
        Kind::Multi => is_edit(value),
        Kind::Addresses => is_edit(value) && edited(value).iter().all(|text| is_address(text)),
        Kind::Texts => true,
        Kind::Words(words) => texts(value).iter().all(|text| is_among(words, text)),
        Kind::Number => value.as_i64().is_some() || parses::<i32>(value),
        Kind::Word(words) => value.to_text().is_some_and(|text| is_among(words, &text)),
        Kind::Limit(limit) => value.to_text().is_some_and(|text| is_limit(limit, &text)),
    };
    if fits || (parameter.nullable && value.is_nil()) {
        Ok(())
    } else {
        Err(unfit(cmdlet, parameter, value))
    }
}

fn unfit(cmdlet: &Cmdlet, parameter: &Parameter, value: &Value) -> Complaint {
    let message = format!(
        "Cannot process argument transformation on parameter '{}'. Cannot convert value \"{}\" to \
         type \"{}\".",
        parameter.name,
        value.to_text().unwrap_or_default(),
        parameter.kind.type_name(),
    );
    Complaint {
        exception: "System.Management.Automation.ParameterBindingArgumentTransformationException"
            .to_owned(),
        category: ErrorCategory::InvalidData,
        ..Complaint::binding(
            cmdlet,
            "ParameterArgumentTransformationError",
            parameter.name,
            message,
        )
    }
}

/// Says whether a value can be one of a multi-valued property: values, or `@{Add=..;Remove=..}`.
fn is_edit(value: &Value) -> bool {
    value.as_dictionary().is_none_or(|entries| {
        entries.iter().all(|(key, _)| {
            let key = key.to_text().unwrap_or_default();
            key.eq_ignore_ascii_case("Add") || key.eq_ignore_ascii_case("Remove")
        })
    })
}

/// The texts that an edit puts in or takes out.
fn edited(value: &Value) -> Vec<String> {
    match value.as_dictionary() {
        Some(entries) => entries.iter().flat_map(|(_, value)| texts(value)).collect(),
        None => texts(value),
    }
}

/// Says whether a text is an SMTP address: two parts, the second one of a domain's characters.
fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let is_name = |character: char| character.is_alphanumeric() || matches!(character, '-' | '.');
    !local.is_empty()
        && !local.contains(|character: char| character.is_whitespace() || character == '@')
        && !domain.is_empty()
        && domain.chars().all(is_name)
}

fn is_among(words: &[&str], text: &str) -> bool {
    words.iter().any(|word| word.eq_ignore_ascii_case(text))
}

fn parses<T: std::str::FromStr>(value: &Value) -> bool {
    value.to_text().is_some_and(|text| text.parse::<T>().is_ok())
}

/// Says whether a text is a limit: `Unlimited`, a number, a time such as `1.00:15:00`, or bytes.
fn is_limit(limit: Limit, text: &str) -> bool {
    if text.eq_ignore_ascii_case("Unlimited") {
        return true;
    }
    match limit {
        Limit::Number => text.parse::<u32>().is_ok(),
        Limit::Size => text.parse::<u64>().is_ok(),
        Limit::Span => {
            let (days, clock) = text.split_once('.').unwrap_or(("0", text));
            let parts: Vec<Option<u32>> = clock.split(':').map(|part| part.parse().ok()).collect();
            days.parse::<u32>().is_ok()
                && matches!(parts.as_slice(), [Some(0..24), Some(0..60), Some(0..60)])
        }
    }
}

/// Reads a `-ResultSize`: a number, or `Unlimited`.
pub fn size(value: &Value) -> Option<usize> {
    if let Some(number) = value.as_i64() {
        return usize::try_from(number).ok();
    }
    let text = value.to_text()?;
    if text.eq_ignore_ascii_case("Unlimited") { Some(usize::MAX) } else { text.parse().ok() }
}

/// The texts of a value: one, a list's, or none.
pub fn texts(value: &Value) -> Vec<String> {
    value
        .as_list()
        .iter()
        .filter_map(|item| item.to_text().map(std::borrow::Cow::into_owned))
        .collect()
}

fn json_of(value: &Value) -> serde_json::Value {
    if let Some(entries) = value.as_dictionary() {
        let entry = |(key, value): &(Value, Value)| {
            (key.to_text().unwrap_or_default().into_owned(), json_of(value))
        };
        return entries.iter().map(entry).collect();
    }
    if let Some(flag) = value.as_bool() {
        return json!(flag);
    }
    match value.as_list() {
        [] => serde_json::Value::Null,
        [only] if std::ptr::eq(only, value) => json!(value.to_text()),
        items => items.iter().map(json_of).collect(),
    }
}
