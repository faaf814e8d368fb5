//! OPATH filters as a value ([filter-properties], [recipient-filters] of the Exchange reference).
//! Property names and operators are closed lists and text passes one escaping function, so a filter
//! always says what it was built to say.
//!
//! [filter-properties]: https://learn.microsoft.com/powershell/exchange/filter-properties
//! [recipient-filters]: https://learn.microsoft.com/powershell/exchange/recipient-filters

use std::fmt::{self, Write as _};

use jiff::Timestamp;

/// A condition on directory objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// One property against one operand.
    Compare(Property, Operator, Operand),
    /// Both conditions hold.
    And(Box<Filter>, Box<Filter>),
    /// At least one condition holds.
    Or(Box<Filter>, Box<Filter>),
    /// The condition does not hold.
    Not(Box<Filter>),
}

macro_rules! words {
    ($(#[$outer:meta])* $name:ident { $($(#[$inner:meta])* $variant:ident => $word:literal,)+ }) => {
        $(#[$outer])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$inner])* $variant,)+ }

        impl $name {
            /// Every member.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word as Exchange spells it.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }
    };
}

words! {
    /// The properties that this crate's callers filter on; not every cmdlet knows every one.
    Property {
        /// When the directory object was last changed, on the domain controller that answers. The
        /// pages list it for mailboxes; that devices can be filtered by it is unverified.
        WhenChangedUtc => "WhenChangedUTC",
        /// Whether a mailbox has a partnership.
        HasActiveSyncDevicePartnership => "HasActiveSyncDevicePartnership",
        /// A mailbox's personal allow list.
        ActiveSyncAllowedDeviceIds => "ActiveSyncAllowedDeviceIDs",
        /// A mailbox's personal block list.
        ActiveSyncBlockedDeviceIds => "ActiveSyncBlockedDeviceIDs",
        /// A device's family.
        DeviceType => "DeviceType",
        /// A device's model.
        DeviceModel => "DeviceModel",
        /// A device's own identifier.
        DeviceId => "DeviceId",
        /// A device's access state.
        DeviceAccessState => "DeviceAccessState",
        /// The display name.
        DisplayName => "DisplayName",
        /// The primary address.
        PrimarySmtpAddress => "PrimarySmtpAddress",
        /// Any address, with its prefix.
        EmailAddresses => "EmailAddresses",
        /// The detailed kind of a recipient.
        RecipientTypeDetails => "RecipientTypeDetails",
    }
}

words! {
    /// How a property is compared.
    Operator {
        /// Equal.
        Equal => "-eq",
        /// Not equal.
        NotEqual => "-ne",
        /// Greater, or later.
        Greater => "-gt",
        /// Less, or earlier.
        Less => "-lt",
        /// Matches a pattern.
        Like => "-like",
    }
}

/// What a property is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operand {
    /// A quoted text.
    Text(Text),
    /// `$true` or `$false`.
    Boolean(bool),
    /// `$null`.
    Null,
    /// An instant, in the documented American form and in UTC. That a server reads it so whatever the
    /// culture of its runspace is unverified.
    Instant(Timestamp),
}

/// A text that can stand between quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(String);

/// Why a text cannot stand in a filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} cannot stand in a filter: it holds {character:?}")]
pub struct TextError {
    /// The text as it was given.
    pub text: String,
    /// The first character that is refused.
    pub character: char,
}

impl Text {
    /// Refuses what a filter cannot carry unambiguously: control characters; the typographic single
    /// quotes, which PowerShell's grammar (its language specification) reads as quotes and the
    /// directory's may not; and `*`,
    /// which only [`Filter::starts_with`] may add.
    pub fn new(text: impl Into<String>) -> Result<Self, TextError> {
        let text = text.into();
        let refused =
            |c: &char| c.is_control() || *c == '*' || ('\u{2018}'..='\u{201B}').contains(c);
        match text.chars().find(refused) {
            Some(character) => Err(TextError { text, character }),
            None => Ok(Self(text)),
        }
    }
}

impl Filter {
    /// `Property -eq 'text'`.
    pub fn equals(property: Property, text: Text) -> Self {
        Self::Compare(property, Operator::Equal, Operand::Text(text))
    }

    /// `Property -like 'text*'`.
    pub fn starts_with(property: Property, text: Text) -> Self {
        Self::Compare(property, Operator::Like, Operand::Text(text))
    }

    /// `Property -eq $true` or `$false`.
    pub fn is(property: Property, value: bool) -> Self {
        Self::Compare(property, Operator::Equal, Operand::Boolean(value))
    }

    /// `Property -ne $null`: the property has a value.
    pub fn has(property: Property) -> Self {
        Self::Compare(property, Operator::NotEqual, Operand::Null)
    }

    /// Objects changed after this instant, as the answering domain controller stamps it, to the
    /// second.
    pub fn changed_since(instant: Timestamp) -> Self {
        Self::Compare(Property::WhenChangedUtc, Operator::Greater, Operand::Instant(instant))
    }

    /// Mailboxes with a partnership, without Exchange's own test mailboxes (`CAS_{...}`; the example
    /// of the page `Get-MobileDeviceStatistics`).
    pub fn has_partnership() -> Self {
        let test_mailbox = Self::starts_with(Property::DisplayName, Text("CAS_{".to_owned()));
        Self::is(Property::HasActiveSyncDevicePartnership, true).and(test_mailbox.negated())
    }

    /// Both this and the other.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self::And(Box::new(self), Box::new(other))
    }

    /// This or the other.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self::Or(Box::new(self), Box::new(other))
    }

    /// Not this.
    #[must_use]
    pub fn negated(self) -> Self {
        Self::Not(Box::new(self))
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compare(property, operator, operand) => {
                write!(f, "{} {} ", property.word(), operator.word())?;
                match operand {
                    Operand::Text(text) => quote(f, &text.0, *operator == Operator::Like),
                    Operand::Boolean(true) => f.write_str("$true"),
                    Operand::Boolean(false) => f.write_str("$false"),
                    Operand::Null => f.write_str("$null"),
                    Operand::Instant(at) => {
                        write!(f, "'{}'", at.strftime("%m/%d/%Y %H:%M:%S"))
                    }
                }
            }
            Self::And(left, right) => write!(f, "({left}) -and ({right})"),
            Self::Or(left, right) => write!(f, "({left}) -or ({right})"),
            Self::Not(inner) => write!(f, "-not ({inner})"),
        }
    }
}

/// Writes a text in single quotes, an inner quote doubled; a pattern ends in a wildcard.
fn quote(f: &mut fmt::Formatter<'_>, text: &str, pattern: bool) -> fmt::Result {
    f.write_char('\'')?;
    for (index, piece) in text.split('\'').enumerate() {
        if index > 0 {
            f.write_str("''")?;
        }
        f.write_str(piece)?;
    }
    f.write_str(if pattern { "*'" } else { "'" })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn filters_read_as_documented() {
        let noon: Timestamp = "2026-11-24T12:00:05.9Z".parse().unwrap();
        for (filter, expected) in [
            (Filter::changed_since(noon), "WhenChangedUTC -gt '11/24/2026 12:00:05'"),
            (
                Filter::has_partnership(),
                "(HasActiveSyncDevicePartnership -eq $true) -and (-not (DisplayName -like 'CAS_{*'))",
            ),
            (
                Filter::has(Property::ActiveSyncAllowedDeviceIds)
                    .or(Filter::has(Property::ActiveSyncBlockedDeviceIds)),
                "(ActiveSyncAllowedDeviceIDs -ne $null) -or (ActiveSyncBlockedDeviceIDs -ne $null)",
            ),
            (
                Filter::equals(Property::DisplayName, Text::new("O'Neill").unwrap()),
                "DisplayName -eq 'O''Neill'",
            ),
        ] {
            assert_eq!(filter.to_string(), expected);
        }
    }

    #[test]
    fn ambiguous_text_is_refused() {
        for text in ["a\u{2019} -or Name -ne \u{2019}", "a*", "a\nb", "a\0"] {
            assert!(Text::new(text).is_err(), "{text:?}");
        }
    }

    /// Reads a filter as the reference describes the grammar, knowing nothing of how it was
    /// written: words, `$literals`, and texts in single quotes in which a doubled quote is one.
    fn tokens(filter: &str) -> Option<Vec<String>> {
        let mut found = Vec::new();
        let mut rest = filter.chars().peekable();
        while let Some(&next) = rest.peek() {
            if next.is_whitespace() {
                rest.next();
            } else if next == '(' || next == ')' {
                found.push(rest.next()?.to_string());
            } else if next == '\'' {
                rest.next();
                let mut text = String::from("'");
                loop {
                    match rest.next()? {
                        '\'' if rest.peek() == Some(&'\'') => text.extend(rest.next()),
                        '\'' => break,
                        other => text.push(other),
                    }
                }
                found.push(text);
            } else {
                let mut word = String::new();
                while let Some(&c) = rest.peek() {
                    if c.is_whitespace() || c == '\'' || c == '(' || c == ')' {
                        break;
                    }
                    word.push(c);
                    rest.next();
                }
                found.push(word);
            }
        }
        Some(found)
    }

    proptest! {
        #[test]
        fn any_text_stays_inside_one_comparison(
            text in prop_oneof![".*", "[' a$()-]{0,20}", "(x')? -or \\(DisplayName -ne '.?"],
            property in proptest::sample::select(Property::ALL),
        ) {
            let Ok(operand) = Text::new(text.clone()) else { return Ok(()) };
            let equal = Filter::equals(property, operand.clone()).to_string();
            prop_assert_eq!(
                tokens(&equal),
                Some(vec![property.word().to_owned(), "-eq".to_owned(), format!("'{text}")])
            );
            let like = Filter::starts_with(property, operand).to_string();
            prop_assert_eq!(
                tokens(&like),
                Some(vec![property.word().to_owned(), "-like".to_owned(), format!("'{text}*")])
            );
        }
    }
}
