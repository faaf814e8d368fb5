//! What can be typed after `simulate`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::ValueEnum;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// From the first to the last instant of a day; decisions are dated to the millisecond.
const WHOLE_DAY: SignedDuration = SignedDuration::from_millis(24 * 60 * 60 * 1000 - 1);

#[derive(Debug, clap::Args)]
#[command(
    after_help = "The files are joined with those in force as apply would join them. Devices that \
would lose mail come first. A table shows 20 devices, every other output all of them.

Examples:
  exgate simulate -f policies/
  exgate simulate -f mail-access.yaml -O contoso --by reason
  exgate simulate -f mail-access.yaml --at 2026-11-01
  exgate simulate -f mail-access.yaml -o csv > changes.csv"
)]
pub(crate) struct Simulate {
    /// A file, a folder of .yaml and .yml files, or - for standard input; may be repeated
    #[arg(short, long = "file", value_name = "PATH", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Try them on the questions behind the decisions in force at this instant, or at the end of this
    /// day (UTC)
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<At>,
    /// Show this table only; may be repeated
    #[arg(long, value_name = "KEY")]
    pub(crate) by: Vec<By>,
    /// How many of the changed devices to show
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(0..))]
    pub(crate) changes: Option<i32>,
    /// Show all of the changed devices
    #[arg(long, conflicts_with = "changes")]
    pub(crate) all: bool,
}

/// What devices are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    /// The organization
    Organization,
    /// The owner's groups that the policies name
    Group,
    /// The operating system by the record, else Exchange's device type
    Platform,
    /// The weightiest reason the device would have
    Reason,
}

/// An instant that is past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    /// This one.
    Instant(Timestamp),
    /// The last one of this day, by UTC; while the day lasts, now.
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
        let day = text.parse().map(Self::Day);
        day.map_err(|_| "write an instant such as 2026-11-01T12:00:00Z, or a day".to_owned())
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
            ("2026-11-01", "2026-11-01T23:59:59.999Z"),
            ("2026-11-29", "2026-11-29T21:00:00Z"),
            // The coordinator refuses what is not past.
            ("2026-12-24", "2026-12-24T00:00:00Z"),
        ] {
            assert_eq!(typed.parse::<At>().unwrap().instant(now), instant(meant), "{typed}");
        }
        for wrong in ["", "yesterday", "12:00", "2026-13-01"] {
            assert!(wrong.parse::<At>().is_err(), "{wrong}");
        }
    }
}
