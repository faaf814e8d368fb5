//! Owns the catalogue of all that people read in an explanation: one file a language, built into the
//! binary. Every language has the same messages with the same values, and what is missing would be
//! seen by a test, not by a caller. Machines never read these words.

mod key;
mod value;

use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use unic_langid::LanguageIdentifier;

pub(crate) use key::Key;
pub(crate) use value::Value;

/// A language that explanations can be had in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Language {
    /// English, which is spoken where nothing else is asked for.
    #[default]
    English,
    /// Dutch.
    Dutch,
}

/// The messages of one language.
type Catalogue = FluentBundle<FluentResource>;

static ENGLISH: LazyLock<Catalogue> = LazyLock::new(|| Language::English.read());
static DUTCH: LazyLock<Catalogue> = LazyLock::new(|| Language::Dutch.read());

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::English, Self::Dutch];

    /// The language that a BCP 47 tag asks for, whatever its region; none when we do not speak it.
    pub fn find(tag: &str) -> Option<Self> {
        let wanted: LanguageIdentifier = tag.trim().parse().ok()?;
        let speaks = |one: &Self| one.identifier().language == wanted.language;
        Self::ALL.into_iter().find(speaks)
    }

    /// Its BCP 47 tag.
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Dutch => "nl",
        }
    }

    fn identifier(self) -> LanguageIdentifier {
        self.tag().parse().unwrap_or_default()
    }

    /// The file with its messages.
    fn file(self) -> &'static str {
        match self {
            Self::English => include_str!("../messages/en.ftl"),
            Self::Dutch => include_str!("../messages/nl.ftl"),
        }
    }

    fn read(self) -> Catalogue {
        let resource = FluentResource::try_new(self.file().to_owned());
        let resource = resource.unwrap_or_else(|(readable, errors)| {
            tracing::error!(language = self.tag(), ?errors, "messages were not understood");
            readable
        });
        let mut catalogue = FluentBundle::new_concurrent(vec![self.identifier()]);
        // What is put in stands in no other direction of writing than the sentence around it.
        catalogue.set_use_isolating(false);
        catalogue.set_formatter(Some(match self {
            Self::English => english_number,
            Self::Dutch => dutch_number,
        }));
        if let Err(errors) = catalogue.add_resource(resource) {
            tracing::error!(language = self.tag(), ?errors, "messages were told twice");
        }
        catalogue
    }

    fn catalogue(self) -> &'static Catalogue {
        match self {
            Self::English => &ENGLISH,
            Self::Dutch => &DUTCH,
        }
    }

    /// A message with its values.
    pub(crate) fn say(self, key: Key, values: &[(&'static str, Value)]) -> String {
        let catalogue = self.catalogue();
        let mut arguments = FluentArgs::with_capacity(values.len());
        for (name, value) in values {
            arguments.set(*name, value.in_language(self));
        }
        let pattern = catalogue.get_message(key.id()).and_then(|message| message.value());
        let Some(pattern) = pattern else { return key.id().to_owned() };
        let mut errors = Vec::new();
        let text = catalogue.format_pattern(pattern, Some(&arguments), &mut errors).into_owned();
        debug_assert!(errors.is_empty(), "{}: {errors:?}", key.id());
        text
    }

    /// A message without values.
    pub(crate) fn plain(self, key: Key) -> String {
        self.say(key, &[])
    }

    /// A message as a sentence: its first letter large, and a full stop behind it.
    pub(crate) fn sentence(self, text: &str) -> String {
        let mut letters = text.chars();
        let first = letters.next().map(|it| it.to_uppercase().to_string()).unwrap_or_default();
        let end = if text.ends_with(['.', '?', '!']) { "" } else { "." };
        format!("{first}{}{end}", letters.as_str())
    }
}

fn english_number<M>(value: &FluentValue<'_>, _: &M) -> Option<String> {
    grouped(value, ',')
}

fn dutch_number<M>(value: &FluentValue<'_>, _: &M) -> Option<String> {
    grouped(value, '.')
}

/// How many digits stand together in a long number.
const DIGITS_TOGETHER: usize = 3;

/// A whole number with its thousands parted; none for what is not a number.
fn grouped(value: &FluentValue<'_>, separator: char) -> Option<String> {
    let FluentValue::Number(number) = value else { return None };
    let digits = number.as_string();
    let length = digits.len();
    let mut text = String::with_capacity(length + length / DIGITS_TOGETHER);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (length - index).is_multiple_of(DIGITS_TOGETHER) {
            text.push(separator);
        }
        text.push(digit);
    }
    Some(text)
}

#[cfg(test)]
mod tests;
