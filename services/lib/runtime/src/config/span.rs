//! Owns spans of time as people write them: `90s`, `15m`, `7d`, `1h30m`, `500ms`.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The units, the longest first, in milliseconds.
const UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// The longest span, a century: a longer one is a slip, and would not fit every clock.
const MILLISECONDS_MAX: u64 = 36_525 * 86_400_000;

/// A span of time in the settings; whole milliseconds, never negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(Duration);

/// A text that is no span of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a span of time, such as 500ms, 90s, 15m, 12h or 7d")]
pub struct SpanError(String);

impl Span {
    /// A span of whole seconds.
    #[must_use]
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// A span of whole milliseconds.
    #[must_use]
    pub const fn milliseconds(milliseconds: u64) -> Self {
        Self(Duration::from_millis(milliseconds))
    }

    /// The span as a duration.
    #[must_use]
    pub const fn duration(self) -> Duration {
        self.0
    }
}

impl From<Span> for Duration {
    fn from(span: Span) -> Self {
        span.0
    }
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        parse(text).map(Self::milliseconds).ok_or_else(|| SpanError(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<u64> {
    let mut rest = text.trim();
    let mut total = 0_u64;
    // Every unit at most once, the longest first, so that `5m` beside `5ms` is no trap.
    let mut longest = u64::MAX;
    while !rest.is_empty() {
        let (digits, tail) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
        let end = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let (_, size) = UNITS.iter().find(|(name, _)| *name == unit)?;
        if *size >= longest {
            return None;
        }
        longest = *size;
        total = total.checked_add(digits.parse::<u64>().ok()?.checked_mul(*size)?)?;
        rest = tail.trim_start();
    }
    (longest != u64::MAX && total <= MILLISECONDS_MAX).then_some(total)
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        if rest == 0 {
            return f.write_str("0s");
        }
        for (unit, size) in UNITS {
            if rest >= size {
                write!(f, "{}{unit}", rest / size)?;
                rest %= size;
            }
        }
        Ok(())
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text)
    }
}

struct Text;

impl de::Visitor<'_> for Text {
    type Value = Span;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a span of time, such as \"90s\", \"15m\" or \"7d\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Span, E> {
        text.parse().map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_people_write_them() {
        let cases = [
            ("90s", 90_000, "1m30s"),
            ("15m", 900_000, "15m"),
            ("7d", 604_800_000, "7d"),
            ("500ms", 500, "500ms"),
            ("1h 30m", 5_400_000, "1h30m"),
            ("0s", 0, "0s"),
            ("2m500ms", 120_500, "2m500ms"),
        ];
        for (text, milliseconds, shown) in cases {
            let span: Span = text.parse().unwrap();
            assert_eq!(span, Span::milliseconds(milliseconds), "{text}");
            assert_eq!(span.to_string(), shown);
            assert_eq!(shown.parse::<Span>().unwrap(), span);
        }
    }

    #[test]
    fn anything_else_is_refused_with_examples() {
        let wrong =
            ["", "90", "s", "1.5h", "-3s", "3 s", "5w", "1m1h", "1s1s", "ä", "99999999999d"];
        for text in wrong {
            let error = text.parse::<Span>().unwrap_err().to_string();
            assert!(error.contains("such as 500ms"), "{text}: {error}");
        }
    }
}
