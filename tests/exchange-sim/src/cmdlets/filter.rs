//! Owns OPATH, the filter language of recipient and device cmdlets: reading it and asking it.
//!
//! Source: "Filterable properties" and "Recipient filters" of MicrosoftDocs/office-docs-powershell.
//! Invariant: a property outside the cmdlet's list is refused before anything is read.

mod syntax;

use jiff::Timestamp;
use jiff::civil::DateTime;
use uuid::Uuid;

pub use syntax::{Expression, Literal, Operator, SyntaxError};

/// What an object answers when a filter asks for a property.
#[derive(Clone, Debug, PartialEq)]
pub enum Held {
    /// A text; an empty one equals `$null`.
    Text(String),
    /// Several texts: one that fits is enough.
    Texts(Vec<String>),
    /// True or false.
    Flag(bool),
    /// A Guid.
    Guid(Uuid),
    /// A date.
    Time(Timestamp),
}

/// A filter that was read and checked.
#[derive(Clone, Debug)]
pub struct Filter(Expression);

impl Filter {
    /// Reads a filter; only properties in `filterable` may occur.
    pub fn read(text: &str, filterable: &[&str]) -> Result<Self, String> {
        let expression = syntax::read(text).map_err(|SyntaxError { problem, position }| {
            format!(
                "Invalid filter syntax. For a description of the filter parameter syntax see the \
                 command help.\r\n\"{problem}\" at position {position}."
            )
        })?;
        check(&expression, filterable).map_err(|property| {
            format!(
                "\"{property}\" is not a recognized filterable property. For a complete list of \
                 filterable properties see the command help.\r\n\"{text}\" at position 1."
            )
        })?;
        Ok(Self(expression))
    }

    /// Says whether an object passes; `held` gives its properties by lower-case name.
    pub fn passes(&self, held: &dyn Fn(&str) -> Option<Held>) -> bool {
        ask(&self.0, held)
    }
}

fn check(expression: &Expression, filterable: &[&str]) -> Result<(), String> {
    match expression {
        Expression::All(parts) | Expression::Any(parts) => {
            parts.iter().try_for_each(|part| check(part, filterable))
        }
        Expression::Not(inner) => check(inner, filterable),
        Expression::Compare { property, .. } => {
            if filterable.iter().any(|held| held.eq_ignore_ascii_case(property)) {
                Ok(())
            } else {
                Err(property.clone())
            }
        }
    }
}

fn ask(expression: &Expression, held: &dyn Fn(&str) -> Option<Held>) -> bool {
    match expression {
        Expression::All(parts) => parts.iter().all(|part| ask(part, held)),
        Expression::Any(parts) => parts.iter().any(|part| ask(part, held)),
        Expression::Not(inner) => !ask(inner, held),
        Expression::Compare { property, operator, literal } => {
            compare(held(&property.to_lowercase()), *operator, literal)
        }
    }
}

fn compare(held: Option<Held>, operator: Operator, literal: &Literal) -> bool {
    let held = held.unwrap_or(Held::Text(String::new()));
    if *literal == Literal::Null {
        let empty = match &held {
            Held::Text(text) => text.is_empty(),
            Held::Texts(texts) => texts.is_empty(),
            Held::Flag(_) | Held::Guid(_) | Held::Time(_) => false,
        };
        return match operator {
            Operator::Equal => empty,
            Operator::NotEqual => !empty,
            Operator::Less
            | Operator::Greater
            | Operator::LessOrEqual
            | Operator::GreaterOrEqual
            | Operator::Like
            | Operator::NotLike => false,
        };
    }
    let wanted = literal.text();
    match held {
        Held::Text(text) => text_fits(&text, operator, &wanted),
        Held::Texts(texts) => match operator {
            Operator::NotEqual => !texts.iter().any(|text| text.eq_ignore_ascii_case(&wanted)),
            Operator::NotLike => !texts.iter().any(|text| like(text, &wanted)),
            Operator::Equal
            | Operator::Less
            | Operator::Greater
            | Operator::LessOrEqual
            | Operator::GreaterOrEqual
            | Operator::Like => texts.iter().any(|text| text_fits(text, operator, &wanted)),
        },
        Held::Flag(flag) => {
            let same = literal.flag() == Some(flag);
            if operator == Operator::NotEqual { !same } else { operator == Operator::Equal && same }
        }
        Held::Guid(guid) => {
            let same = Uuid::try_parse(&wanted).is_ok_and(|wanted| wanted == guid);
            if operator == Operator::NotEqual { !same } else { operator == Operator::Equal && same }
        }
        Held::Time(time) => {
            instant(&wanted).is_some_and(|wanted| ordered(&time, operator, &wanted))
        }
    }
}

fn text_fits(text: &str, operator: Operator, wanted: &str) -> bool {
    match operator {
        Operator::Like => like(text, wanted),
        Operator::NotLike => !like(text, wanted),
        Operator::Equal
        | Operator::NotEqual
        | Operator::Less
        | Operator::Greater
        | Operator::LessOrEqual
        | Operator::GreaterOrEqual => {
            ordered(&text.to_lowercase(), operator, &wanted.to_lowercase())
        }
    }
}

fn ordered<T: Ord>(left: &T, operator: Operator, right: &T) -> bool {
    match operator {
        Operator::Equal => left == right,
        Operator::NotEqual => left != right,
        Operator::Less => left < right,
        Operator::Greater => left > right,
        Operator::LessOrEqual => left <= right,
        Operator::GreaterOrEqual => left >= right,
        Operator::Like | Operator::NotLike => false,
    }
}

/// `*` stands for any text; case does not matter.
fn like(text: &str, pattern: &str) -> bool {
    let (text, pattern) = (text.to_lowercase(), pattern.to_lowercase());
    let mut rest = text.as_str();
    let mut parts = pattern.split('*').peekable();
    let mut first = true;
    while let Some(part) = parts.next() {
        let last = parts.peek().is_none();
        let found = match (first, last) {
            (true, true) => return rest == part,
            (true, false) => rest.strip_prefix(part),
            (false, true) => return rest.ends_with(part),
            (false, false) => rest.find(part).and_then(|at| rest.get(at + part.len()..)),
        };
        let Some(found) = found else { return false };
        rest = found;
        first = false;
    }
    true
}

/// Reads a date as an en-US runspace does, or as ISO 8601; without an offset it is UTC.
fn instant(text: &str) -> Option<Timestamp> {
    const FORMATS: [&str; 5] = [
        "%m/%d/%Y %I:%M:%S %p",
        "%m/%d/%Y %H:%M:%S",
        "%m/%d/%Y %H:%M",
        "%m/%d/%Y %I:%M %p",
        "%Y-%m-%dT%H:%M:%S%.f",
    ];
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(instant);
    }
    let date_time = FORMATS.iter().find_map(|format| DateTime::strptime(format, text).ok());
    let date_time = date_time.or_else(|| {
        let date = jiff::civil::Date::strptime("%m/%d/%Y", text).ok()?;
        Some(date.to_datetime(jiff::civil::Time::midnight()))
    })?;
    date_time.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests;
