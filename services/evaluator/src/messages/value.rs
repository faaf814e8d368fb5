//! Owns what is put into a message, and how each language writes it: numbers, lists, instants, days
//! and spans of time.

use std::fmt;

use fluent_bundle::FluentValue;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::{Key, Language};

/// What is put into a message.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    /// Text as it is.
    Text(String),
    /// A word that the message chooses by.
    Word(&'static str),
    /// A number of things.
    Count(u64),
    /// An instant, to the minute.
    At(Timestamp),
    /// A day.
    Day(Date),
    /// How long something lasts.
    Span(SignedDuration),
    /// All of these.
    All(Vec<String>),
    /// Any of these.
    Any(Vec<String>),
}

impl Value {
    /// Whatever can be written.
    pub(crate) fn of(text: impl fmt::Display) -> Self {
        Self::Text(text.to_string())
    }

    /// How a language writes it.
    pub(super) fn in_language(&self, language: Language) -> FluentValue<'static> {
        FluentValue::from(match self {
            Self::Text(text) => text.clone(),
            Self::Word(word) => (*word).to_owned(),
            Self::Count(count) => return FluentValue::from(*count),
            Self::At(at) => instant(*at, language),
            Self::Day(day) => date(*day, language),
            Self::Span(span) => duration(*span, language),
            Self::All(parts) => list(parts, Key::ListAll, language),
            Self::Any(parts) => list(parts, Key::ListAny, language),
        })
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u32> for Value {
    fn from(count: u32) -> Self {
        Self::Count(count.into())
    }
}

impl From<usize> for Value {
    fn from(count: usize) -> Self {
        Self::Count(u64::try_from(count).unwrap_or(u64::MAX))
    }
}

impl From<bool> for Value {
    fn from(is_so: bool) -> Self {
        Self::Word(if is_so { "yes" } else { "no" })
    }
}

impl From<Option<bool>> for Value {
    fn from(is_so: Option<bool>) -> Self {
        is_so.map_or(Self::Word("unknown"), Self::from)
    }
}

impl From<Timestamp> for Value {
    fn from(at: Timestamp) -> Self {
        Self::At(at)
    }
}

impl From<Date> for Value {
    fn from(day: Date) -> Self {
        Self::Day(day)
    }
}

fn instant(at: Timestamp, language: Language) -> String {
    let day = date(at.to_zoned(jiff::tz::TimeZone::UTC).date(), language);
    let time = at.strftime("%H:%M").to_string();
    language.say(Key::Instant, &[("day", day.into()), ("time", time.into())])
}

fn date(day: Date, language: Language) -> String {
    let number = |number: i8| Value::Count(u64::try_from(number).unwrap_or_default());
    let month = language.say(Key::Month, &[("number", number(day.month()))]);
    let values =
        [("day", number(day.day())), ("month", month.into()), ("year", Value::of(day.year()))];
    language.say(Key::Day, &values)
}

const SECONDS_PER_MINUTE: u64 = 60;
const SECONDS_PER_HOUR: u64 = 60 * SECONDS_PER_MINUTE;
const SECONDS_PER_DAY: u64 = 24 * SECONDS_PER_HOUR;

/// A span in days, hours and minutes; in seconds when it is shorter than that.
fn duration(span: SignedDuration, language: Language) -> String {
    let seconds = span.as_secs().unsigned_abs();
    let units = [
        (Key::SpanDays, seconds / SECONDS_PER_DAY),
        (Key::SpanHours, seconds % SECONDS_PER_DAY / SECONDS_PER_HOUR),
        (Key::SpanMinutes, seconds % SECONDS_PER_HOUR / SECONDS_PER_MINUTE),
    ];
    let told = |(key, count)| language.say(key, &[("count", Value::Count(count))]);
    let parts: Vec<_> = units.into_iter().filter(|(_, count)| *count > 0).map(told).collect();
    if parts.is_empty() {
        return told((Key::SpanSeconds, seconds));
    }
    list(&parts, Key::ListAll, language)
}

fn list(parts: &[String], key: Key, language: Language) -> String {
    match parts {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => {
            let values = [("first", first.join(", ").into()), ("last", last.as_str().into())];
            language.say(key, &values)
        }
    }
}
