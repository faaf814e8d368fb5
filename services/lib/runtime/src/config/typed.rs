//! Owns the step from the merged tree to typed settings, and the words for what fails there.

use config::{Value, ValueKind};
use serde::de::DeserializeOwned;
use serde_json::{Number, Value as Json};

use super::{
    ConfigError,
    layers::{ENVIRONMENT, FLAGS, Merged},
};

/// How different a key may be and still be suggested.
const LIKENESS_MIN: f64 = 0.7;

/// How often a value from the environment or a flag is read as something else than a text.
const READINGS_MAX: usize = 256;

/// Reads the tree as `C`.
///
/// Values from the environment and from flags are texts. Where the type wants something else,
/// the refusal says at which key, and the text is then read as a number, a boolean or a list.
pub(super) fn read<C: DeserializeOwned>(merged: &Merged) -> Result<C, ConfigError> {
    let mut tree = to_json(&merged.tree);
    for _ in 0..READINGS_MAX {
        let error = match serde_path_to_error::deserialize(&tree) {
            Ok(config) => return Ok(config),
            Err(error) => error,
        };
        let (key, problem) = (error.path().to_string(), error.inner().to_string());
        let reread = match spot(&mut tree, &key) {
            Some(Json::String(text)) if is_text_layer(merged, &key) => reading(text, &problem),
            _ => None,
        };
        match (reread, spot(&mut tree, &key)) {
            (Some(value), Some(spot)) => *spot = value,
            _ => return Err(refusal(merged, key, problem)),
        }
    }
    Err(refusal(merged, String::new(), "too many values to read".to_owned()))
}

fn is_text_layer(merged: &Merged, key: &str) -> bool {
    let origin = merged.origin(key);
    origin.starts_with(ENVIRONMENT) || origin == FLAGS
}

/// What else a text may be, where the type refused a text. What is no text is never read again,
/// so this ends.
fn reading(text: &str, problem: &str) -> Option<Json> {
    let expected = problem.strip_prefix("invalid type: string ")?;
    let text = text.trim();
    if expected.ends_with("expected a sequence") {
        let list = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        let items = list.split(',').map(|item| item.trim().trim_matches('"'));
        let items = items.filter(|item| !item.is_empty());
        return Some(items.map(Json::from).collect());
    }
    if let Ok(value) = text.to_lowercase().parse::<bool>() {
        return Some(Json::Bool(value));
    }
    if let Ok(value) = text.parse::<i64>() {
        return Some(Json::from(value));
    }
    text.parse::<f64>().ok().and_then(Number::from_f64).map(Json::Number)
}

fn spot<'a>(tree: &'a mut Json, key: &str) -> Option<&'a mut Json> {
    let mut here = tree;
    for part in key.split(['.', '[']) {
        let part = part.trim_end_matches(']');
        here = match here {
            Json::Object(fields) => fields.get_mut(part)?,
            Json::Array(list) => list.get_mut(part.parse::<usize>().ok()?)?,
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => return None,
        };
    }
    Some(here)
}

fn refusal(merged: &Merged, key: String, problem: String) -> ConfigError {
    let origin = merged.origin(&key);
    // "unknown field `a`, expected one of `b`, `c`": the words of serde, held by a test.
    match problem.strip_prefix("unknown field `").and_then(|rest| rest.split_once('`')) {
        Some((field, rest)) => {
            let known: Vec<_> = rest.split('`').skip(1).step_by(2).collect();
            let hint = hint(field, &known);
            ConfigError::UnknownKey { key, origin, hint }
        }
        None => {
            let problem = match problem.split_once(" at line ") {
                Some((problem, _)) => problem.to_owned(),
                None => problem,
            };
            ConfigError::WrongValue { key, origin, problem }
        }
    }
}

fn hint(field: &str, known: &[&str]) -> String {
    let secret = format!("{field}_file");
    if known.contains(&secret.as_str()) {
        return format!("; a secret is given by file only: use {secret}");
    }
    let likeness = |name: &&str| strsim::jaro_winkler(field, name);
    let nearest = known.iter().copied().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    match nearest {
        Some(name) if likeness(&name) >= LIKENESS_MIN => format!(", did you mean {name}?"),
        Some(_) => format!("; keys here are {}", known.join(", ")),
        None => String::new(),
    }
}

fn to_json(value: &Value) -> Json {
    match &value.kind {
        ValueKind::Nil => Json::Null,
        ValueKind::Boolean(value) => Json::Bool(*value),
        ValueKind::I64(value) => Json::from(*value),
        ValueKind::U64(value) => Json::from(*value),
        // TOML has neither; the text makes the type refuse it.
        ValueKind::I128(value) => Json::String(value.to_string()),
        ValueKind::U128(value) => Json::String(value.to_string()),
        ValueKind::Float(value) => {
            Number::from_f64(*value).map_or_else(|| Json::String(value.to_string()), Json::Number)
        }
        ValueKind::String(text) => Json::String(text.clone()),
        ValueKind::Array(list) => Json::Array(list.iter().map(to_json).collect()),
        ValueKind::Table(table) => {
            Json::Object(table.iter().map(|(key, value)| (key.clone(), to_json(value))).collect())
        }
    }
}
