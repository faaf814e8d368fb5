//! Instants that are past, as they are typed: whatever names no offset is UTC, as everything is that is
//! printed.

use std::str::FromStr;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// From the first to the last instant of a day; decisions are dated to the millisecond.
const WHOLE_DAY: SignedDuration = SignedDuration::from_millis(24 * 60 * 60 * 1000 - 1);

/// An instant that is past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    /// This one.
    Instant(Timestamp),
    /// The last one of this day; while the day lasts, now.
    Day(Date),
}

impl At {
    /// The instant that is meant.
    pub(crate) fn instant(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Instant(at) => at,
            Self::Day(day) => {
                let begin = day.to_zoned(TimeZone::UTC).map(|day| day.timestamp());
                let end = begin.clone().and_then(|begin| begin.checked_add(WHOLE_DAY));
                match (begin, end) {
                    (Ok(begin), Ok(end)) if begin <= now => end.min(now),
                    (Ok(begin), _) => begin,
                    (Err(_), _) => now,
                }
            }
        }
    }
}

impl FromStr for At {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(at) = text.parse() {
            return Ok(Self::Instant(at));
        }
        let wrong = |_| "write 2026-10-31T08:00:00Z, \"2026-10-31 08:00\" or 2026-10-31".to_owned();
        let time: DateTime = text.parse().map_err(wrong)?;
        // A day names no time, not even midnight.
        if !text.contains(['T', 't', ' ']) {
            return Ok(Self::Day(time.date()));
        }
        let zoned = time.to_zoned(TimeZone::UTC).map_err(wrong)?;
        Ok(Self::Instant(zoned.timestamp()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_day_is_its_end_and_today_is_now() {
        let now = instant("2026-11-29T21:00:00Z");
        for (typed, meant) in [
            ("2026-11-01T12:00:00Z", "2026-11-01T12:00:00Z"),
            ("2026-11-01T12:00:00+02:00", "2026-11-01T10:00:00Z"),
            ("2026-11-01 12:00", "2026-11-01T12:00:00Z"),
            ("2026-11-01T00:00:05", "2026-11-01T00:00:05Z"),
            ("2026-11-01", "2026-11-01T23:59:59.999Z"),
            ("2026-11-29", "2026-11-29T21:00:00Z"),
            // The coordinator refuses what is not past.
            ("2026-12-24", "2026-12-24T00:00:00Z"),
        ] {
            assert_eq!(typed.parse::<At>().unwrap().instant(now), instant(meant), "{typed}");
        }
        for wrong in ["", "yesterday", "12:00", "2026-13-01"] {
            assert!(wrong.parse::<At>().unwrap_err().contains("2026-10-31T08:00:00Z"), "{wrong}");
        }
    }
}
