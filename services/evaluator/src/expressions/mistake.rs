//! Owns the words for what is wrong with an expression, and where in it.

use std::fmt;

use cedar_policy::{ParseErrors, ValidationError};
use miette::Diagnostic;

use super::WORD_TYPES;
use super::attributes::{Of, attributes};
use super::scan::{GROUP, Rewritten};
use super::schema::{DEVICE, PERSON};
use super::words::WordType;
use crate::bundles::{nearest, write_instead};
use Kind::{Condition, Device, Group, List, Number, Owner, Parts, Text, Words};

/// What is said where no better words are known.
const MISFIT: &str = "its parts do not fit together";

/// A kind of values, as people call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Condition,
    Number,
    Text,
    List,
    Group,
    Owner,
    Device,
    /// A word of a closed list.
    Words(&'static WordType),
    /// What has attributes.
    Parts,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Condition => f.write_str("a condition"),
            Number => f.write_str("a number"),
            Text => f.write_str("a text"),
            List => f.write_str("a list"),
            Group => f.write_str("a group"),
            Owner => f.write_str("the owner"),
            Device => f.write_str("the device"),
            Words(list) => write!(f, "a word of {}", list.name),
            Parts => f.write_str("a record"),
        }
    }
}

/// The kind that the library calls by a name.
fn kind(name: &str) -> Option<Kind> {
    let name = name.strip_prefix("__cedar::internal::").unwrap_or(name);
    Some(match name {
        "Bool" | "True" | "False" => Condition,
        "Long" => Number,
        "String" => Text,
        GROUP | "AnyEntity" => Group,
        PERSON => Owner,
        DEVICE => Device,
        _ if name.starts_with("Set<") => List,
        _ if name.starts_with(['{']) || name.starts_with("OpenRecord") => Parts,
        _ => Words(WORD_TYPES.iter().copied().find(|list| list.name == name)?),
    })
}

/// A word of a list, as it is written in an expression.
fn word(list: &WordType) -> String {
    format!("{}::\"{}\"", list.name, list.words.first().copied().unwrap_or_default())
}

fn write_word(list: &WordType) -> String {
    format!("write a word such as {}", word(list))
}

/// Why an expression is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mistake {
    pub(crate) message: String,
    pub(crate) suggestion: String,
    /// Where in the text, in bytes; none for the whole of it.
    pub(crate) offset: Option<usize>,
}

impl Mistake {
    pub(super) fn new(
        message: impl Into<String>,
        suggestion: impl Into<String>,
        offset: Option<usize>,
    ) -> Self {
        Self { message: message.into(), suggestion: suggestion.into(), offset }
    }

    /// The first mistake of a text that cannot be parsed. What is parsed starts `prefix` bytes before it.
    pub(super) fn of_syntax(errors: &ParseErrors, text: &Rewritten, prefix: usize) -> Self {
        let Some(error) = errors.iter().next() else {
            return Self::new("it cannot be read", "", None);
        };
        let found = find(error, text, prefix);
        let message = plain(&error.to_string());
        if let Some(sign) = message.strip_prefix("too many occurrences of `") {
            let message = format!("more than 4 {} stand in a row", sign.trim_end_matches('`'));
            return Self::new(message, "take two and two of them out", found);
        }
        let suggestion = error.help().map(|help| plain(&help.to_string())).unwrap_or_default();
        Self::new(message, suggestion, found)
    }

    /// What the types of a text have against it. What is parsed starts `prefix` bytes before it.
    pub(super) fn of_types(error: &ValidationError, text: &Rewritten, prefix: usize) -> Self {
        let found = find(error, text, prefix);
        let words = error.to_string();
        match (error, accessed(&words)) {
            (ValidationError::UnsafeAttributeAccess(_), Some((of, name))) => {
                Self::no_attribute(of.variable(), name, found)
            }
            (ValidationError::UnsafeOptionalAttributeAccess(_), Some((of, name))) => {
                let of = of.variable();
                let message = format!("{of}.{name} is not always known");
                let cure = format!("write {of} has {name} && {of}.{name}");
                Self::new(message, cure, found)
            }
            (ValidationError::InvalidEnumEntity(_), _) => Self::no_word(&words, found),
            _ => {
                let help = error.help().map(|help| plain(&help.to_string()));
                Self::of_kinds(&words, help.as_deref(), found).unwrap_or_else(|| {
                    // Names that only the library knows help nobody.
                    let is_inner = words.contains("__cedar");
                    let message = if is_inner { MISFIT.to_owned() } else { plain(&words) };
                    Self::new(message, help.unwrap_or_default(), found)
                })
            }
        }
    }

    /// A closed list has no such word. The library writes the word with its type between backticks.
    fn no_word(words: &str, offset: Option<usize>) -> Self {
        let entity = words.split_once("entity `").and_then(|(_, rest)| rest.split_once("` is"));
        let parts = entity.and_then(|(entity, _)| entity.split_once("::"));
        let list = parts.and_then(|(name, _)| WORD_TYPES.iter().find(|list| list.name == name));
        let (Some((name, word)), Some(list)) = (parts, list) else {
            return Self::new(plain(words), "", offset);
        };
        let written = |word: &str| format!("{name}::\"{word}\"");
        let near = nearest(word.trim_matches('"'), list.words.iter().copied()).map(written);
        let all: Vec<_> = list.words.iter().map(|word| written(word)).collect();
        let cure = near.map_or_else(
            || format!("write one of {}", all.join(", ")),
            |near| write_instead(Some(&near)),
        );
        Self::new(format!("{name} has no word {word}"), cure, offset)
    }

    /// One kind of value stands where another one has to.
    fn of_kinds(words: &str, help: Option<&str>, offset: Option<usize>) -> Option<Self> {
        let plain = plain(words);
        let compared = plain.strip_prefix("the types ").and_then(|rest| rest.split_once(" and "));
        if let Some((one, rest)) = compared
            && let Some(other) = rest.strip_suffix(" are not compatible")
        {
            let (one, other) = (kind(one)?, kind(other)?);
            let cure = match (one, other) {
                (Words(list), _) | (_, Words(list)) => write_word(list),
                (_, _) => "compare two values of one kind".to_owned(),
            };
            return Some(Self::new(format!("{one} and {other} cannot be compared"), cure, offset));
        }
        let (wanted, found) = plain.strip_prefix("expected ")?.split_once(" but saw ")?;
        // Where several kinds would do, the library has one that policies do not have.
        let wanted = wanted.split(", or ").filter_map(kind);
        let (wanted, found) = (wanted.last()?, kind(found)?);
        if wanted == Parts {
            let cure = "write principal, resource or context before the dot";
            return Some(Self::new(format!("{found} has no attributes"), cure, offset));
        }
        let cure = match (wanted, found) {
            (Condition, List) => "ask what is in it: .contains(\"a\")".to_owned(),
            (Condition, Group) => "write principal in before it".to_owned(),
            (Condition, Owner | Device) => "compare one of its attributes".to_owned(),
            (Condition, Words(list)) => format!("compare it: == {}", word(list)),
            (Condition, _) => format!("compare it with {found}"),
            (Group, _) => "write principal in Group::\"Mail users\"".to_owned(),
            (List, Words(list)) => format!("compare it: == {}", word(list)),
            (List, Owner) => "write principal in Group::\"Mail users\"".to_owned(),
            (List, _) => {
                help.map_or_else(|| "write a list, such as [1, 2]".to_owned(), str::to_owned)
            }
            (_, _) => format!("write {wanted} here"),
        };
        Some(Self::new(format!("this is {found}, not {wanted}"), cure, offset))
    }

    /// Something has no attribute of this name.
    pub(super) fn no_attribute(of: &str, name: &str, offset: Option<usize>) -> Self {
        let known = || attributes().filter(|it| it.of.variable() == of).map(|it| it.name);
        let elsewhere = || attributes().find(|it| it.name.eq_ignore_ascii_case(name));
        let suggestion = match (nearest(name, known()), elsewhere()) {
            (Some(near), _) => write_instead(Some(&format!("{of}.{near}"))),
            (None, Some(other)) => format!("write {}.{}", other.of.variable(), other.name),
            (None, None) if of == Of::Principal.variable() && name.starts_with("group") => {
                "write principal in Group::\"Mail users\"".to_owned()
            }
            (None, None) => String::new(),
        };
        Self::new(format!("{of} has no attribute {name}"), suggestion, offset)
    }
}

/// Where the library found a mistake, in the written text.
fn find(error: &dyn Diagnostic, text: &Rewritten, prefix: usize) -> Option<usize> {
    let label = error.labels().and_then(|mut labels| labels.next())?;
    let parsed = label.offset().checked_sub(prefix)?;
    (parsed <= text.text.len()).then(|| text.written_at(parsed))
}

/// The attribute that the library's words are about, and what it is of.
fn accessed(words: &str) -> Option<(Of, &str)> {
    let (_, rest) = words.split_once("attribute `")?;
    let (name, rest) = rest.split_once('`')?;
    let of_type = |name| rest.contains(&format!("entity type `{name}`"));
    Some(match () {
        () if of_type(PERSON) => (Of::Principal, name),
        () if of_type(DEVICE) => (Of::Resource, name),
        () if rest.contains("context") => (Of::Context, name),
        () => return None,
    })
}

/// The library's words without what only it knows of.
fn plain(text: &str) -> String {
    let named = text.strip_prefix("for policy `").and_then(|rest| rest.split_once('`'));
    let text = named.map_or(text, |(_, rest)| rest.trim_start_matches([',', ':', ' ']));
    let text = text.strip_prefix("unexpected type: ").unwrap_or(text);
    text.replace(" in Cedar", "").replace("Cedar does not support ", "there is no ")
}
