//! Owns when phones call by themselves: one after the other, each once in a period.
//!
//! Invariant: the last call of a phone is arithmetic, so that a million phones that call need no memory.

use std::ops::Range;

use jiff::{SignedDuration, Timestamp};

/// How long it takes at least until a phone calls again, in Exchange's time.
pub const CALL_EVERY_MS: u64 = 14 * 60 * 1000;

/// The phones' calls up to a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rhythm {
    now: Timestamp,
    elapsed_ms: u64,
    speed: u32,
    places: u64,
    period_ms: u64,
}

impl Rhythm {
    /// The calls of `places` phones up to `now`, which is `elapsed_ms` in Exchange's time; at most
    /// `calls_max` of them in `span_ms`.
    pub fn new(
        now: Timestamp,
        elapsed_ms: u64,
        speed: u32,
        places: usize,
        (calls_max, span_ms): (u64, u64),
    ) -> Self {
        let places = places as u64;
        let slowest_ms = places.saturating_mul(span_ms) / calls_max.max(1);
        Self { now, elapsed_ms, speed, places, period_ms: CALL_EVERY_MS.max(slowest_ms) }
    }

    /// The places, in turn, of the phones that called since a moment of Exchange's time: the remainder
    /// of each number by the number of places.
    pub fn since(&self, elapsed_ms: u64) -> Range<u64> {
        self.turns(elapsed_ms)..self.turns(self.elapsed_ms)
    }

    /// The place whose turn this is.
    pub fn place(&self, turn: u64) -> usize {
        usize::try_from(turn % self.places.max(1)).unwrap_or(0)
    }

    /// When the phone at a place called last.
    pub fn last_call(&self, place: usize) -> Option<Timestamp> {
        let (places, last) = (self.places, self.turns(self.elapsed_ms).checked_sub(1)?);
        let place = place as u64;
        let behind = (last + places).checked_sub(place)? % places;
        let turn = last.checked_sub(behind)? + 1;
        let at_ms = u128::from(turn) * u128::from(self.period_ms) / u128::from(places.max(1));
        let ago_ms =
            u128::from(self.elapsed_ms).saturating_sub(at_ms) / u128::from(self.speed.max(1));
        let ago = SignedDuration::from_millis(i64::try_from(ago_ms).ok()?);
        self.now.checked_sub(ago).ok()
    }

    /// How many calls there were up to a moment.
    fn turns(&self, elapsed_ms: u64) -> u64 {
        let turns = u128::from(elapsed_ms) * u128::from(self.places) / u128::from(self.period_ms);
        u64::try_from(turns).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: u64 = 24 * 60 * 60 * 1000;

    fn rhythm(passed_ms: u64, places: usize) -> Rhythm {
        let start: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        let passed = SignedDuration::from_millis(i64::try_from(passed_ms / 60).unwrap());
        Rhythm::new(start + passed, DAY_MS + passed_ms, 60, places, (500, 12_000))
    }

    #[test]
    fn every_phone_calls_once_in_a_period() {
        let (from, to) = (rhythm(0, 60), rhythm(CALL_EVERY_MS, 60));

        let mut places: Vec<_> = to.since(from.elapsed_ms).map(|turn| to.place(turn)).collect();
        places.sort_unstable();

        assert_eq!(places, (0..60).collect::<Vec<_>>());
    }

    #[test]
    fn the_last_call_is_the_one_that_was_made() {
        for passed_ms in [0, 1, 14_000, 14_001, 700_000, 5_000_000] {
            let rhythm = rhythm(passed_ms, 60);
            let last = rhythm.since(0).end - 1;

            let age = |place| rhythm.now.duration_since(rhythm.last_call(place).unwrap());
            let newest = age(rhythm.place(last));

            // A turn is 14 s of Exchange's time here, and 60 times less on the clock.
            assert!(newest.as_millis() <= 14_000 / 60 + 1, "{newest:?}");
            assert!((0..60).all(|place| age(place) >= newest));
            assert!(
                (0..60).all(|place| age(place).as_millis() <= i128::from(CALL_EVERY_MS / 60) + 1)
            );
        }
    }

    #[test]
    fn a_million_phones_call_as_many_as_may_call_at_once() {
        let (from, to) = (rhythm(0, 1_000_000), rhythm(12_000, 1_000_000));

        let calls = to.since(from.elapsed_ms).count();

        assert!((499..=501).contains(&calls), "{calls}");
    }
}
