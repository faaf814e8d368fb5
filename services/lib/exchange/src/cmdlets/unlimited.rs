//! `Unlimited<T>`: a limit that may be absent. Exchange prints the word `Unlimited` or the value, and
//! takes the same text (cmdlet page `Set-MobileDeviceMailboxPolicy`); a text that is neither is `None`,
//! never a limit of nought.

use std::fmt;
use std::time::Duration;

use crate::clixml::{Field, ReadError};
use crate::cmdlets::Argument;
use crate::cmdlets::row::FromField;

/// The word for no limit, the same in every language (unverified).
const UNLIMITED: &str = "Unlimited";
const MINUTE_SECONDS: u64 = 60;
const HOUR_SECONDS: u64 = 3600;
const DAY_SECONDS: u64 = 86_400;

/// A limit, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unlimited<T> {
    /// No limit.
    Unlimited,
    /// At most this.
    Limited(T),
}

/// What can be limited: numbers, times and sizes.
pub trait Limit: Sized {
    /// Reads the value as Exchange prints it; `None` when it is something else.
    fn read(text: &str) -> Option<Self>;
    /// Writes the value as Exchange takes it.
    fn write(&self) -> String;
}

impl<T: Limit> Unlimited<T> {
    /// Reads the word or the value.
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.eq_ignore_ascii_case(UNLIMITED) {
            Some(Self::Unlimited)
        } else {
            T::read(text).map(Self::Limited)
        }
    }
}

impl<T: Limit> fmt::Display for Unlimited<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unlimited => f.write_str(UNLIMITED),
            Self::Limited(value) => f.write_str(&value.write()),
        }
    }
}

impl<T: Limit> From<Unlimited<T>> for Argument {
    fn from(limit: Unlimited<T>) -> Self {
        Self::Text(limit.to_string())
    }
}

impl<T: Limit> FromField for Option<Unlimited<T>> {
    fn from_field(field: Option<&Field<'_>>) -> Result<Self, ReadError> {
        Ok(field.and_then(Field::text).and_then(Unlimited::read))
    }
}

impl Limit for u32 {
    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn write(&self) -> String {
        self.to_string()
    }
}

/// `EnhancedTimeSpan`: `[d.]hh:mm:ss` (as on the cmdlet page), or the `P1DT2H` of an XML duration where
/// only the primitive travelled ([MS-PSRP] 2.2.5.1.5).
impl Limit for Duration {
    fn read(text: &str) -> Option<Self> {
        if text.starts_with('P') {
            let span: jiff::SignedDuration = text.parse().ok()?;
            return span.try_into().ok();
        }
        let (days, clock) = match text.split_once(':') {
            Some((first, _)) if first.contains('.') => {
                let (days, clock) = text.split_once('.')?;
                (days.parse().ok()?, clock)
            }
            Some(_) => (0, text),
            None => return None,
        };
        let mut parts = clock.split(':');
        let mut part = || parts.next()?.split('.').next()?.parse::<u64>().ok();
        let (hours, minutes, seconds) = (part()?, part()?, part()?);
        let clock =
            hours.checked_mul(HOUR_SECONDS)?.checked_add(minutes.checked_mul(MINUTE_SECONDS)?)?;
        let days = u64::checked_mul(days, DAY_SECONDS)?;
        Some(Self::from_secs(days.checked_add(clock)?.checked_add(seconds)?))
    }

    fn write(&self) -> String {
        let seconds = self.as_secs();
        let days = seconds / DAY_SECONDS;
        let clock = format!(
            "{:02}:{:02}:{:02}",
            seconds % DAY_SECONDS / HOUR_SECONDS,
            seconds % HOUR_SECONDS / MINUTE_SECONDS,
            seconds % MINUTE_SECONDS
        );
        if days == 0 { clock } else { format!("{days}.{clock}") }
    }
}

/// A size in bytes (`ByteQuantifiedSize`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bytes(pub u64);

/// `10 MB (10,485,760 bytes)`; the exact count is in the brackets, whatever separates its digits (that
/// the separator follows the server's culture is unverified).
impl Limit for Bytes {
    fn read(text: &str) -> Option<Self> {
        let exact = match text.split_once('(') {
            Some((_, exact)) => exact,
            None => text,
        };
        if exact.is_empty() || exact.contains('-') {
            return None;
        }
        let digits: String = exact.chars().filter(char::is_ascii_digit).collect();
        digits.parse().ok().map(Self)
    }

    fn write(&self) -> String {
        self.0.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_as_exchange_prints_them_and_written_as_it_takes_them() {
        assert_eq!(Unlimited::read("Unlimited"), Some(Unlimited::<u32>::Unlimited));
        assert_eq!(Unlimited::read("8"), Some(Unlimited::Limited(8_u32)));
        assert_eq!(Unlimited::<u32>::read(""), None);
        assert_eq!(Unlimited::<u32>::read("-1"), None);
        assert_eq!(Unlimited::Limited(8_u32).to_string(), "8");
        assert_eq!(Unlimited::<Duration>::Unlimited.to_string(), "Unlimited");
    }

    #[test]
    fn a_time_span_is_read_in_both_its_forms() {
        for (text, seconds) in [
            ("00:15:00", 900),
            ("1.00:00:00", 86_400),
            ("90.01:02:03", 7_779_723),
            ("00:00:30.5000000", 30),
            ("PT15M", 900),
        ] {
            let span = Duration::from_secs(seconds);
            assert_eq!(Unlimited::read(text), Some(Unlimited::Limited(span)), "{text}");
        }
        for text in ["15", "a:b:c", "00:15", "P", "99999999999999999999.00:00:00"] {
            assert_eq!(Unlimited::<Duration>::read(text), None, "{text}");
        }
        assert_eq!(Duration::from_secs(7_779_723).write(), "90.01:02:03");
        assert_eq!(Duration::from_secs(900).write(), "00:15:00");
    }

    #[test]
    fn a_size_is_its_exact_count() {
        for (text, bytes) in
            [("10 MB (10,485,760 bytes)", 10_485_760), ("1 KB (1.024 bytes)", 1024), ("512", 512)]
        {
            assert_eq!(Bytes::read(text), Some(Bytes(bytes)), "{text}");
        }
        assert_eq!(Bytes::read("lots"), None);
    }
}
