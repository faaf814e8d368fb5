//! Owns the words for what is wrong with an expression, and where in it.

use cedar_policy::{ParseErrors, ValidationError};
use miette::Diagnostic;

use super::WORD_TYPES;
use super::attributes::{Of, attributes};
use super::scan::Rewritten;
use super::schema::{DEVICE, PERSON};
use crate::bundles::{nearest, write_instead};

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
                Self::of_kinds(&words, found)
                    .unwrap_or_else(|| Self::new(plain(&words), help.unwrap_or_default(), found))
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
    fn of_kinds(words: &str, offset: Option<usize>) -> Option<Self> {
        let kind = |name: &str| match name {
            "Bool" => Some("a condition"),
            "Long" => Some("a number"),
            "String" => Some("a text"),
            _ => None,
        };
        let plain = plain(words);
        let compared = plain.strip_prefix("the types ").and_then(|rest| rest.split_once(" and "));
        if let Some((one, rest)) = compared
            && let Some(other) = rest.strip_suffix(" are not compatible")
        {
            let message = format!("{} and {} cannot be compared", kind(one)?, kind(other)?);
            return Some(Self::new(message, "compare two values of one kind", offset));
        }
        let (wanted, found) = plain
            .strip_prefix("expected ")?
            .split_once(" but saw ")
            .map(|(wanted, found)| (kind(wanted), kind(found)))?;
        let (wanted, found) = (wanted?, found?);
        let cure = match wanted {
            "a condition" => format!("compare it with {found}"),
            _ => format!("write {wanted} here"),
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
