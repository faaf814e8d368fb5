//! Owns the merge: four layers become one tree whose every value knows its layer.

use std::{collections::BTreeMap, path::PathBuf};

use config::{Environment, File, FileFormat, Map, Source, Value, ValueKind, builder::DefaultState};
use serde::Serialize;
use serde_json::Value as Json;

use super::{ConfigError, Layers, error::DEFAULTS};

/// The layer of environment variables, as errors name it.
pub(super) const ENVIRONMENT: &str = "the environment";
/// The layer of flags, as errors name it.
pub(super) const FLAGS: &str = "a --set flag";

/// The merged tree.
#[derive(Debug)]
pub(super) struct Merged {
    pub(super) tree: Value,
    pub(super) source: String,
}

impl Merged {
    /// The layer that a key, or the nearest thing around it, came from.
    pub(super) fn origin(&self, key: &str) -> String {
        let mut here = &self.tree;
        let mut origin = None;
        for part in key.split(['.', '[']) {
            let part = part.trim_end_matches(']');
            let next = match &here.kind {
                ValueKind::Table(table) => table.get(part),
                ValueKind::Array(list) => part.parse().ok().and_then(|at: usize| list.get(at)),
                ValueKind::Nil
                | ValueKind::Boolean(_)
                | ValueKind::I64(_)
                | ValueKind::I128(_)
                | ValueKind::U64(_)
                | ValueKind::U128(_)
                | ValueKind::Float(_)
                | ValueKind::String(_) => None,
            };
            let Some(next) = next else { break };
            here = next;
            // Only a file can hold a table with nothing in it.
            origin = leaf(here).or(origin).or(Some(&self.source));
        }
        match origin {
            Some(ENVIRONMENT) => {
                let variable = key.split('[').next().unwrap_or(key);
                format!("{ENVIRONMENT} (EXGATE__{})", variable.to_uppercase().replace('.', "__"))
            }
            Some(origin) => origin.to_owned(),
            None => DEFAULTS.to_owned(),
        }
    }
}

/// The layer of the first value in a tree: merging tables forgets where they came from.
fn leaf(value: &Value) -> Option<&str> {
    match &value.kind {
        ValueKind::Table(table) => table.values().find_map(leaf),
        ValueKind::Array(_)
        | ValueKind::Nil
        | ValueKind::Boolean(_)
        | ValueKind::I64(_)
        | ValueKind::I128(_)
        | ValueKind::U64(_)
        | ValueKind::U128(_)
        | ValueKind::Float(_)
        | ValueKind::String(_) => value.origin(),
    }
}

/// Merges the layers above `defaults`.
pub(super) fn merge<C: Serialize>(layers: &Layers, defaults: &C) -> Result<Merged, ConfigError> {
    let defaults = serde_json::to_value(defaults).unwrap_or(Json::Null);
    let mut builder = config::ConfigBuilder::<DefaultState>::default();
    if let Json::Object(fields) = defaults {
        let origin = DEFAULTS.to_owned();
        let fields = fields.into_iter().map(|(key, value)| (key, from_json(value, &origin)));
        builder = builder.add_source(Fields(fields.collect()));
    }

    let source = match file(layers)? {
        Some((path, text)) => {
            builder = builder.add_source(Fields(from_toml(&path, &text)?));
            path.display().to_string()
        }
        None => "built-in defaults".to_owned(),
    };

    // Not `try_parsing`: it would make the organization `007` the number 7 before anyone asks
    // what type the key has.
    let variables = layers.environment.clone().into_iter().collect::<Map<_, _>>();
    builder = builder.add_source(
        Environment::with_prefix("EXGATE")
            .separator("__")
            .ignore_empty(true)
            .source(Some(variables)),
    );

    let origin = FLAGS.to_owned();
    let flags: Map<String, Value> = layers
        .overrides
        .iter()
        .map(|(key, value)| (key.clone(), Value::new(Some(&origin), value.clone())))
        .collect();
    let config = builder.add_source(Fields(flags)).build().map_err(ConfigError::Layers)?;
    let tree = Value::new(None, ValueKind::Table(config.collect().map_err(ConfigError::Layers)?));
    Ok(Merged { tree, source })
}

/// The file that is asked for, or the usual one when it is there.
fn file(layers: &Layers) -> Result<Option<(PathBuf, String)>, ConfigError> {
    let (path, required) = match (&layers.file, &layers.fallback) {
        (Some(path), _) => (path.clone(), true),
        (None, Some(path)) => (path.clone(), false),
        (None, None) => return Ok(None),
    };
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some((path, text))),
        Err(error) if !required && error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ConfigError::Unreadable { path, source }),
    }
}

fn from_toml(path: &std::path::Path, text: &str) -> Result<Map<String, Value>, ConfigError> {
    let file = File::from_str(text, FileFormat::Toml).collect();
    let origin = path.display().to_string();
    match file {
        Ok(fields) => {
            Ok(fields.into_iter().map(|(key, value)| (key, renamed(value, &origin))).collect())
        }
        Err(error) => Err(ConfigError::Syntax { path: path.to_owned(), problem: place(&error) }),
    }
}

/// The place and the expectation of a syntax error, without the drawing between them.
fn place(error: &config::ConfigError) -> String {
    let text = if let config::ConfigError::FileParse { cause, .. } = error {
        cause.to_string()
    } else {
        error.to_string()
    };
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    let first = first.strip_prefix("TOML parse error at ").unwrap_or(first).to_owned();
    lines.next_back().map_or(first.clone(), |last| format!("{first}: {last}"))
}

/// The same tree with `origin` on every value.
fn renamed(value: Value, origin: &String) -> Value {
    let kind = match value.kind {
        ValueKind::Table(table) => ValueKind::Table(
            table.into_iter().map(|(key, value)| (key, renamed(value, origin))).collect(),
        ),
        ValueKind::Array(list) => {
            ValueKind::Array(list.into_iter().map(|value| renamed(value, origin)).collect())
        }
        plain @ (ValueKind::Nil
        | ValueKind::Boolean(_)
        | ValueKind::I64(_)
        | ValueKind::I128(_)
        | ValueKind::U64(_)
        | ValueKind::U128(_)
        | ValueKind::Float(_)
        | ValueKind::String(_)) => plain,
    };
    Value::new(Some(origin), kind)
}

fn from_json(json: Json, origin: &String) -> Value {
    let kind = match json {
        Json::Null => ValueKind::Nil,
        Json::Bool(value) => ValueKind::Boolean(value),
        Json::Number(number) => number
            .as_i64()
            .map(ValueKind::I64)
            .or_else(|| number.as_u64().map(ValueKind::U64))
            .or_else(|| number.as_f64().map(ValueKind::Float))
            .unwrap_or(ValueKind::Nil),
        Json::String(text) => ValueKind::String(text),
        Json::Array(list) => {
            ValueKind::Array(list.into_iter().map(|item| from_json(item, origin)).collect())
        }
        Json::Object(fields) => ValueKind::Table(
            fields.into_iter().map(|(key, value)| (key, from_json(value, origin))).collect(),
        ),
    };
    Value::new(Some(origin), kind)
}

/// A layer that is already read; its keys may be dotted paths.
#[derive(Clone, Debug)]
struct Fields(Map<String, Value>);

impl Source for Fields {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, config::ConfigError> {
        // In the order of the keys: a hash map would apply `a` and `a.b` in any order.
        let sorted: BTreeMap<_, _> = self.0.clone().into_iter().collect();
        Ok(sorted.into_iter().collect())
    }
}
