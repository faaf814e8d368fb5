//! Owns the words for what is wrong with a document's shape.

use serde_path_to_error::{Path, Segment};
use serde_saphyr::Error;

use crate::bundles::diagnostic::{nearest, write_instead};
use crate::bundles::text::DEPTH_MAX;

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
///
/// `written` is what stands at the place of the mistake.
pub(crate) fn of(error: &Error, path: &Path, written: &str) -> Mistake {
    let key = key(path);
    match error {
        Error::AliasError { error, .. } | Error::WithSnippet { error, .. } => {
            of(error, path, written)
        }
        Error::SerdeUnknownField { field, expected, .. } => unknown(key, "key", field, expected),
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            unknown(key, "value", variant, expected)
        }
        Error::SerdeMissingField { field, .. } => {
            let cure = format!("write {field}: and its value");
            Mistake::new(under(&key, field), "the key is missing", cure)
        }
        Error::DuplicateMappingKey { key: Some(twice), .. } => {
            Mistake::new(under(&key, twice), "the key stands here twice", "take one of them out")
        }
        Error::InvalidBooleanStrict { .. } => {
            Mistake::new(key, "the value is neither true nor false", "write true or false")
        }
        Error::InvalidScalar { ty, .. } if ty.starts_with(['u', 'i']) => {
            let (message, cure) = number(written);
            Mistake::new(key, message, cure)
        }
        Error::NullIntoString { .. } => {
            Mistake::new(key, "the key has no value", "write a value or take the key out")
        }
        Error::Unexpected { expected, .. } => {
            let (message, cure) = expectation(expected);
            Mistake::new(key, message, cure)
        }
        other => {
            let text = other.to_string();
            let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
            syntax(key, message)
        }
    }
}

/// A mistake in the YAML itself, in the reader's words where they say what to do.
fn syntax(key: String, message: &str) -> Mistake {
    let says = |words: &str| message.contains(words);
    if says("unknown anchor") {
        let message = "a text that starts with * points to an anchor (&), and there is none";
        Mistake::new(key, message, "put quotes around the text, such as \"*desk\"")
    } else if says("alias replay limit") {
        let message = "its aliases (*) unfold to more than a policy can need";
        // Where in the unfolding the limit was met helps nobody.
        Mistake::new("", message, "write what they stand for")
    } else if says("budget breached: Depth") {
        let message = format!("it is nested deeper than {DEPTH_MAX}");
        Mistake::new("", message, "take out what is nested too deep")
    } else if says("tabs disallowed") {
        Mistake::new(key, "a tab indents the line", "indent it with blanks")
    } else {
        let cure = "look at this line and the one above: indentation, quotes, brackets";
        Mistake::new(key, format!("not YAML: {message}"), cure)
    }
}

fn unknown(key: String, what: &str, written: &str, known: &[&'static str]) -> Mistake {
    let near = nearest(written, known.iter().copied());
    let message = format!("unknown {what} {written:?}; known: {}", known.join(", "));
    let cure = match (near, what) {
        (Some(_), _) => write_instead(near),
        (None, "key") => "take it out, or write a key that is known".to_owned(),
        (None, _) => "write one that is known".to_owned(),
    };
    Mistake::new(key, message, cure)
}

/// Why a text is not a number, and what to write.
fn number(written: &str) -> (String, String) {
    let is_whole = !written.is_empty() && written.bytes().all(|byte| byte.is_ascii_digit());
    let bare = written.trim_start_matches('0');
    if is_whole && bare.parse::<u32>().is_ok() {
        let message = format!("{written} starts with a 0, which some readers take for base 8");
        (message, format!("write {bare}"))
    } else if is_whole && bare.is_empty() {
        (format!("{written} starts with a 0"), "write 0".to_owned())
    } else if is_whole {
        let message = format!("the number is larger than {}", u32::MAX);
        (message, format!("write a number from 0 to {}", u32::MAX))
    } else {
        let message = "the value is not a whole number of 0 or more".to_owned();
        (message, "write a number such as 10".to_owned())
    }
}

/// What has to stand there, and what to write.
fn expectation(expected: &str) -> (String, &'static str) {
    match expected {
        "mapping start" => {
            let cure = "write key: value, one a line and indented, or {} for none";
            ("keys with values have to stand here".to_owned(), cure)
        }
        "sequence start" => ("a list has to stand here".to_owned(), "write it as [a, b]"),
        "string scalar" => {
            ("a text has to stand here".to_owned(), "write one text, without [ ] or { }")
        }
        other => (format!("expected {other}"), "write that"),
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
