//! Wire values in words: enums without their prefix, instants as ages, counts in full. A number that
//! this version does not know is printed as such, never hidden.

use exgate_proto::{types::v1 as types, v1 as pb};
use jiff::{SignedDuration, Timestamp};

/// What is printed where nothing is known.
pub(crate) const NOTHING: &str = "-";

macro_rules! upper {
    ($(#[$doc:meta])* $name:ident, $enum:ty, $prefix:literal) => {
        $(#[$doc])*
        pub(crate) fn $name(number: i32) -> String {
            match <$enum>::try_from(number) {
                Ok(value) => {
                    let name = value.as_str_name();
                    match name.strip_prefix($prefix).unwrap_or(name) {
                        "UNSPECIFIED" => NOTHING.to_owned(),
                        name => name.to_owned(),
                    }
                }
                Err(_) => number.to_string(),
            }
        }
    };
}

macro_rules! lower {
    ($(#[$doc:meta])* $name:ident, $enum:ty, $prefix:literal) => {
        $(#[$doc])*
        pub(crate) fn $name(number: i32) -> String {
            upper!(loud, $enum, $prefix);
            loud(number).to_ascii_lowercase().replace('_', " ")
        }
    };
}

upper!(
    /// A connector's state, in Graph's word.
    connector_state, pb::ConnectorState, "CONNECTOR_STATE_"
);
upper!(
    /// A reason, in Graph's word.
    reason, types::Reason, "REASON_"
);
lower!(
    /// What to do with a device.
    access, types::Access, "ACCESS_"
);
lower!(
    /// Whether a device is compliant.
    compliance, types::Compliance, "COMPLIANCE_"
);
lower!(
    /// What exgate may do.
    mode, pb::Mode, "MODE_"
);
lower!(
    /// Whether a server is asked.
    breaker, types::Breaker, "BREAKER_"
);
lower!(
    /// What Exchange does with a device that a rule, or nothing, covers.
    access_level, types::AccessLevel, "ACCESS_LEVEL_"
);
lower!(
    /// Quick or full.
    sync_mode, pb::SyncMode, "SYNC_MODE_"
);
lower!(
    /// Where a sync stands.
    sync_state, pb::SyncRunState, "SYNC_RUN_STATE_"
);
lower!(
    /// What made a sync start.
    trigger, pb::SyncTrigger, "SYNC_TRIGGER_"
);

/// A device's state; Exchange's own word where we have none.
pub(crate) fn access_state(number: i32, text: &str) -> String {
    lower!(known, types::AccessState, "ACCESS_STATE_");
    if text.is_empty() { known(number) } else { text.to_owned() }
}

/// Why it is in that state; Exchange's own word where we have none.
pub(crate) fn access_reason(number: i32, text: &str) -> String {
    lower!(known, types::AccessReason, "ACCESS_REASON_");
    if text.is_empty() { known(number) } else { text.to_owned() }
}

/// What of a device an access rule looks at; Exchange's own word where we have none.
pub(crate) fn characteristic(number: i32, text: &str) -> String {
    lower!(known, types::Characteristic, "CHARACTERISTIC_");
    if text.is_empty() { known(number) } else { text.to_owned() }
}

/// The last part of a resource name.
pub(crate) fn short_id(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// An instant of the wire.
pub(crate) fn at(wire: Option<&prost_types::Timestamp>) -> Option<Timestamp> {
    let wire = wire?;
    Timestamp::new(wire.seconds, wire.nanos).ok()
}

/// An instant for the wire.
pub(crate) fn to_instant(at: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() }
}

/// A span of the wire, such as `5m`.
pub(crate) fn span(wire: Option<&prost_types::Duration>) -> String {
    wire.map_or(NOTHING.to_owned(), |wire| short(SignedDuration::new(wire.seconds, wire.nanos)))
}

/// An instant in full: `2026-11-23 14:02:10 UTC`.
pub(crate) fn instant(wire: Option<&prost_types::Timestamp>) -> String {
    let format = |at: Timestamp| {
        // As clocks do it: the last instant of a day is of that day.
        at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
    };
    at(wire).map_or(NOTHING.to_owned(), format)
}

/// An instant in full with its age: `2026-11-23 14:02:10 UTC (7m ago)`.
pub(crate) fn since(wire: Option<&prost_types::Timestamp>, now: Timestamp) -> String {
    match at(wire) {
        Some(_) => format!("{} ({})", instant(wire), age(wire, now)),
        None => NOTHING.to_owned(),
    }
}

/// An instant as its age: `3h12m ago`, or `in 5m`.
pub(crate) fn age(wire: Option<&prost_types::Timestamp>, now: Timestamp) -> String {
    match at(wire).map(|at| now.duration_since(at)) {
        None => NOTHING.to_owned(),
        Some(ahead) if ahead < SignedDuration::ZERO => format!("in {}", short(-ahead)),
        Some(past) => format!("{} ago", short(past)),
    }
}

/// A span of time in its two largest units: `41s`, `2m`, `3h12m`, `1d4h`.
pub(crate) fn short(span: SignedDuration) -> String {
    let seconds = span.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    let pair = |large: i64, unit: char, small: i64, small_unit: char| match small {
        0 => format!("{large}{unit}"),
        _ => format!("{large}{unit}{small}{small_unit}"),
    };
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) if minutes < 10 => pair(minutes, 'm', seconds % 60, 's'),
        (0, 0, _) => format!("{minutes}m"),
        (0, _, _) => pair(hours, 'h', minutes, 'm'),
        _ => pair(days, 'd', hours, 'h'),
    }
}

/// A number and its noun: `1 device`, `2 devices`, `2 mailboxes`.
pub(crate) fn count(number: u64, one: &str) -> String {
    let ending = if number == 1 {
        ""
    } else if one.ends_with('x') {
        "es"
    } else {
        "s"
    };
    format!("{number} {one}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(text: &str) -> prost_types::Timestamp {
        let at: Timestamp = text.parse().unwrap();
        prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() }
    }

    #[test]
    fn enums_lose_their_prefix_and_unknown_numbers_stay_visible() {
        assert_eq!(
            connector_state(pb::ConnectorState::ConnectionPending.into()),
            "CONNECTION_PENDING"
        );
        assert_eq!(reason(types::Reason::OsVersionTooOld.into()), "OS_VERSION_TOO_OLD");
        assert_eq!(compliance(types::Compliance::NotCompliant.into()), "not compliant");
        assert_eq!(mode(0), "-");
        assert_eq!(mode(77), "77");
        assert_eq!(access_state(types::AccessState::Unrecognised.into(), "Frozen"), "Frozen");
        assert_eq!(
            access_state(types::AccessState::DeviceDiscovery.into(), ""),
            "device discovery"
        );
    }

    #[test]
    fn ages_show_their_two_largest_units() {
        let now: Timestamp = "2026-11-23T14:00:00Z".parse().unwrap();
        let table = [
            ("2026-11-23T14:00:00Z", "0s ago"),
            ("2026-11-23T13:59:19Z", "41s ago"),
            ("2026-11-23T13:57:30Z", "2m30s ago"),
            ("2026-11-23T13:30:10Z", "29m ago"),
            ("2026-11-23T10:48:00Z", "3h12m ago"),
            ("2026-11-22T10:00:00Z", "1d4h ago"),
            ("2026-11-23T14:05:00Z", "in 5m"),
        ];
        for (at, expected) in table {
            assert_eq!(age(Some(&stamp(at)), now), expected);
        }
        assert_eq!(instant(Some(&stamp("2026-11-23T23:59:59.999Z"))), "2026-11-23 23:59:59 UTC");
        assert_eq!(age(None, now), "-");
        assert_eq!(
            since(Some(&stamp("2026-11-23T13:53:00.2Z")), now),
            "2026-11-23 13:53:00 UTC (6m59s ago)"
        );
    }

    #[test]
    fn counts_agree_with_their_nouns() {
        assert_eq!(count(1, "device"), "1 device");
        assert_eq!(count(0, "device"), "0 devices");
        assert_eq!(count(2, "mailbox"), "2 mailboxes");
    }
}
