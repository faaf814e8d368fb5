//! Single fields: each function takes the field's name and its wire value, and gives a valid domain
//! value or says which field is malformed.

use std::str::FromStr;
use std::time::Duration;

use exgate_domain::ids::InvalidId;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{Fault, Malformed};

/// The longest span of time a `google.protobuf.Duration` may hold: about 10,000 years.
const SPAN_SECONDS_MAX: i64 = 315_576_000_000;
const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// Takes a message that must be there.
pub fn required<T>(field: &str, message: Option<T>) -> Result<T, Malformed> {
    message.ok_or_else(|| Malformed::new(field, Fault::Missing))
}

/// Parses an id or number of an id.
pub fn id<T: FromStr<Err = InvalidId>>(field: &str, text: &str) -> Result<T, Malformed> {
    text.parse().map_err(|invalid: InvalidId| Malformed::new(field, invalid))
}

/// Parses each id of a list.
pub fn ids<T: FromStr<Err = InvalidId>>(
    field: &str,
    texts: &[String],
) -> Result<Vec<T>, Malformed> {
    let parse = |(index, text): (usize, &String)| id(&format!("{field}[{index}]"), text);
    texts.iter().enumerate().map(parse).collect()
}

/// Reads a GUID of 16 bytes.
pub fn guid(field: &str, bytes: &[u8]) -> Result<Uuid, Malformed> {
    let fault = |_| Malformed::new(field, Fault::Length { expected: 16, actual: bytes.len() });
    Uuid::from_slice(bytes).map_err(fault)
}

/// Reads a digest of `LENGTH` bytes, such as `ObservationDigest` (16) or `BundleDigest` (32).
pub fn digest<const LENGTH: usize>(field: &str, bytes: &[u8]) -> Result<[u8; LENGTH], Malformed> {
    let fault = |_| Malformed::new(field, Fault::Length { expected: LENGTH, actual: bytes.len() });
    <[u8; LENGTH]>::try_from(bytes).map_err(fault)
}

/// Reads an enum's number as a domain value, through the generated enum `Wire`.
pub fn enumeration<Wire, Domain>(field: &str, number: i32) -> Result<Domain, Malformed>
where
    Wire: TryFrom<i32>,
    Domain: TryFrom<Wire, Error = Fault>,
{
    let wire = Wire::try_from(number).map_err(|_| Fault::UnknownNumber(number));
    wire.and_then(Domain::try_from).map_err(|fault| Malformed::new(field, fault))
}

/// Reads an enum's number that may be absent.
pub fn enumeration_if_any<Wire, Domain>(
    field: &str,
    number: Option<i32>,
) -> Result<Option<Domain>, Malformed>
where
    Wire: TryFrom<i32>,
    Domain: TryFrom<Wire, Error = Fault>,
{
    number.map(|number| enumeration::<Wire, Domain>(field, number)).transpose()
}

/// Reads a list of an enum's numbers as domain values.
pub fn enumerations<Wire, Domain>(field: &str, numbers: &[i32]) -> Result<Vec<Domain>, Malformed>
where
    Wire: TryFrom<i32>,
    Domain: TryFrom<Wire, Error = Fault>,
{
    let read = |(index, number): (usize, &i32)| {
        enumeration::<Wire, Domain>(&format!("{field}[{index}]"), *number)
    };
    numbers.iter().enumerate().map(read).collect()
}

/// Reads an instant, exact to the nanosecond.
pub fn instant(field: &str, wire: prost_types::Timestamp) -> Result<Timestamp, Malformed> {
    let prost_types::Timestamp { seconds, nanos } = wire;
    let fault = || Malformed::new(field, Fault::OutOfRange { seconds, nanos });
    if !(0..1_000_000_000).contains(&nanos) {
        return Err(fault());
    }
    Timestamp::new(seconds, nanos).map_err(|_| fault())
}

/// Reads an instant that may be absent.
pub fn instant_if_any(
    field: &str,
    wire: Option<prost_types::Timestamp>,
) -> Result<Option<Timestamp>, Malformed> {
    wire.map(|wire| instant(field, wire)).transpose()
}

/// Writes an instant.
pub fn to_instant(at: Timestamp) -> prost_types::Timestamp {
    let nanoseconds = at.as_nanosecond();
    let seconds = i64::try_from(nanoseconds.div_euclid(NANOS_PER_SECOND)).unwrap_or(i64::MAX);
    let nanos = i32::try_from(nanoseconds.rem_euclid(NANOS_PER_SECOND)).unwrap_or(0);
    prost_types::Timestamp { seconds, nanos }
}

/// Reads a day, such as 2026-03-05; none when the text is empty.
pub fn day_if_any(field: &str, text: &str) -> Result<Option<Date>, Malformed> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| Malformed::new(field, Fault::NoDay(text.to_owned())))
}

/// Reads a span of time that cannot be negative.
pub fn span(field: &str, wire: prost_types::Duration) -> Result<Duration, Malformed> {
    let prost_types::Duration { seconds, nanos } = wire;
    let fault = || Malformed::new(field, Fault::OutOfRange { seconds, nanos });
    let whole = u64::try_from(seconds).map_err(|_| fault())?;
    let part = u32::try_from(nanos).map_err(|_| fault())?;
    if seconds > SPAN_SECONDS_MAX || nanos >= 1_000_000_000 {
        return Err(fault());
    }
    Ok(Duration::new(whole, part))
}

/// Reads a span of time as the signed kind that schedules use; it cannot be negative either.
pub fn signed_span(field: &str, wire: prost_types::Duration) -> Result<SignedDuration, Malformed> {
    let fault = Fault::OutOfRange { seconds: wire.seconds, nanos: wire.nanos };
    let span = span(field, wire)?;
    SignedDuration::try_from(span).map_err(|_| Malformed::new(field, fault))
}

/// Writes a span of time; more than 10,000 years become 10,000 years.
pub fn to_span(span: Duration) -> prost_types::Duration {
    let seconds = i64::try_from(span.as_secs()).unwrap_or(SPAN_SECONDS_MAX);
    if seconds >= SPAN_SECONDS_MAX {
        return prost_types::Duration { seconds: SPAN_SECONDS_MAX, nanos: 0 };
    }
    let nanos = i32::try_from(span.subsec_nanos()).unwrap_or(0);
    prost_types::Duration { seconds, nanos }
}
