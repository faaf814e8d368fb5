//! Owns the text form of dates: XML Schema `dateTime` as .NET writes it, with or without
//! an offset and with up to seven fractional digits. Never panics; a text that is no date
//! is `None`.

use jiff::{Timestamp, civil};

/// Parses a date; without an offset it is taken as UTC.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if has_offset(text) {
        return text.parse().ok();
    }
    let local: civil::DateTime = text.parse().ok()?;
    local.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
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
