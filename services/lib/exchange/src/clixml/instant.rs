//! Owns the text form of dates and durations: XML Schema `dateTime` as .NET writes it, with or
//! without an offset and with up to seven fractional digits, and `duration` in days and less
//! ([MS-PSRP] 2.2.5.1.4, 2.2.5.1.5). Never panics; a text that is neither is `None`.

use jiff::{SignedDuration, Timestamp, civil};

const DAY_SECONDS: i64 = 86_400;

/// Parses a date; without an offset it is taken as UTC.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if has_offset(text) {
        return text.parse().ok();
    }
    let local: civil::DateTime = text.parse().ok()?;
    local.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

/// Parses a duration as .NET's `XmlConvert` writes a `TimeSpan`: days of 24 hours and a clock, no
/// months and no years.
pub(super) fn parse_span(text: &str) -> Option<SignedDuration> {
    let text = text.trim();
    let (is_negative, text) = match text.strip_prefix('-') {
        Some(text) => (true, text),
        None => (false, text),
    };
    let text = text.strip_prefix('P')?;
    let (date, clock) = match text.split_once('T') {
        Some((date, clock)) => (date, Some(format!("PT{clock}"))),
        None => (text, None),
    };
    let days: i64 = match date {
        "" => 0,
        date => date.strip_suffix('D')?.parse().ok().filter(|days| *days >= 0)?,
    };
    let clock = match clock {
        Some(clock) => clock.parse().ok()?,
        None if date.is_empty() => return None,
        None => SignedDuration::ZERO,
    };
    let days = SignedDuration::from_secs(days.checked_mul(DAY_SECONDS)?);
    let length = days.checked_add(clock)?;
    if is_negative { length.checked_neg() } else { Some(length) }
}

/// Whether the text ends in `Z` or a numeric offset.
pub(super) fn has_offset(text: &str) -> bool {
    let clock = text.split_once('T').map_or("", |(_, clock)| clock);
    clock.ends_with(['Z', 'z']) || clock.contains(['+', '-'])
}

/// UTC with the seven fractional digits of .NET's ticks.
pub(super) fn format(timestamp: Timestamp) -> String {
    format!("{timestamp:.7}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_every_shape_are_read() {
        let expected: Timestamp = "2021-09-28T17:32:01Z".parse().unwrap();
        for text in [
            "2021-09-28T17:32:01Z",
            "2021-09-28T10:32:01-07:00",
            "2021-09-28T17:32:01.0000000Z",
            "2021-09-28T17:32:01",
            "2021-09-28T17:32:01.0000000",
            "2021-09-28T19:32:01.0000000+02:00",
        ] {
            assert_eq!(parse(text), Some(expected), "{text}");
        }
        assert_eq!(parse("0001-01-01T00:00:00").map(|t| t.as_second()), Some(-62_135_596_800));
        assert_eq!(parse("yesterday"), None);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn instants_are_written_with_seven_digits() {
        let instant: Timestamp = "2021-09-28T17:32:01.1234567Z".parse().unwrap();
        assert_eq!(format(instant), "2021-09-28T17:32:01.1234567Z");
        assert_eq!(parse(&format(instant)), Some(instant));
    }
}
