//! Owns the words for what is wrong with a document's shape.

use serde_path_to_error::{Path, Segment};
use serde_saphyr::Error;

use crate::bundles::diagnostic::{nearest, write_instead};

/// What is wrong, without the place.
#[derive(Debug)]
pub(crate) struct Mistake {
    pub(crate) key: String,
    pub(crate) message: String,
    pub(crate) suggestion: String,
}

impl Mistake {
    pub(crate) fn new(
        key: impl Into<String>,
        message: impl Into<String>,
        suggestion: impl Into<String>,
    ) -> Self {
        Self { key: key.into(), message: message.into(), suggestion: suggestion.into() }
    }
}

/// What the reader's error means to the one who wrote the document.
#[expect(clippy::wildcard_enum_match_arm, reason = "the reader's own enum, which grows")]
pub(crate) fn of(error: &Error, path: &Path) -> Mistake {
    let key = key(path);
    match error {
        Error::AliasError { error, .. } | Error::WithSnippet { error, .. } => of(error, path),
        Error::SerdeUnknownField { field, expected, .. } => unknown(key, "key", field, expected),
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            unknown(key, "value", variant, expected)
        }
        Error::SerdeMissingField { field, .. } => {
            Mistake::new(under(&key, field), "the key is missing", "")
        }
        Error::DuplicateMappingKey { key: Some(twice), .. } => {
            Mistake::new(under(&key, twice), "the key stands here twice", "take one of them out")
        }
        Error::InvalidBooleanStrict { .. } => {
            Mistake::new(key, "the value is neither true nor false", "write true or false")
        }
        Error::InvalidScalar { ty, .. } if ty.starts_with(['u', 'i']) => {
            let cure = "write a number such as 10";
            Mistake::new(key, "the value is not a whole number of 0 or more", cure)
        }
        Error::NullIntoString { .. } => {
            Mistake::new(key, "the key has no value", "write a value or take the key out")
        }
        Error::Unexpected { expected, .. } => Mistake::new(key, expectation(expected), ""),
        other => {
            let text = other.to_string();
            let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
            Mistake::new(key, message, "")
        }
    }
}

fn unknown(key: String, what: &str, written: &str, known: &[&'static str]) -> Mistake {
    let near = nearest(written, known.iter().copied());
    let message = format!("unknown {what} {written:?}; known: {}", known.join(", "));
    Mistake::new(key, message, write_instead(near))
}

fn expectation(expected: &str) -> String {
    match expected {
        "mapping start" => "keys with values have to stand here, or {} for none".to_owned(),
        "sequence start" => "a list has to stand here, such as [a, b]".to_owned(),
        "string scalar" => "a text has to stand here".to_owned(),
        other => format!("expected {other}"),
    }
}

/// The path as an operator writes it, without the reader's own steps into a value.
fn key(path: &Path) -> String {
    path.iter().fold(String::new(), |text, segment| match segment {
        Segment::Map { key } if key == "value" => text,
        Segment::Map { key } => under(&text, key),
        Segment::Seq { index } => format!("{text}[{index}]"),
        Segment::Enum { .. } | Segment::Unknown => text,
    })
}

fn under(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
