//! Owns the wait between two attempts: exponential with full jitter, pure and seedable, so that
//! many processes that lost the same peer do not come back together.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

/// The longest wait after the first failure.
pub const FIRST: Duration = Duration::from_millis(500);
/// The longest wait ever.
pub const LONGEST: Duration = Duration::from_secs(60);

/// The waits after successive failures: uniform between zero and a ceiling that doubles.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    attempts: u32,
    state: u64,
}

impl Backoff {
    /// Waits of 0.5 s doubling to 60 s, drawn from `seed`.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self { first: FIRST, longest: LONGEST, attempts: 0, state: seed }
    }

    /// The same with other ceilings.
    #[must_use]
    pub fn between(mut self, first: Duration, longest: Duration) -> Self {
        self.first = first;
        self.longest = longest;
        self
    }

    /// The wait before the next attempt; each call counts one failure.
    pub fn wait(&mut self) -> Duration {
        let factor = 2_u32.saturating_pow(self.attempts);
        self.attempts = self.attempts.saturating_add(1);
        let ceiling = self.first.saturating_mul(factor).min(self.longest);
        ceiling.mul_f64(self.fraction())
    }

    /// How many failures were counted since the last success.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Counts a success: the next wait is a short one again.
    pub fn reset(&mut self) {
        self.attempts = 0;
    }

    /// The next number in `0.0..1.0`, by splitmix64 (Steele, Lea and Flood 2014).
    fn fraction(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        f64::from(u32::try_from(bits >> 32).unwrap_or(u32::MAX)) / (f64::from(u32::MAX) + 1.0)
    }
}

impl Default for Backoff {
    /// Seeded by the operating system's randomness.
    fn default() -> Self {
        Self::seeded(RandomState::new().hash_one(0_u8))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_stay_below_a_doubling_ceiling_and_spread_over_it() {
        let mut longest = [Duration::ZERO; 12];
        for seed in 0..500 {
            let mut backoff = Backoff::seeded(seed);
            for (attempt, longest) in (0_u32..).zip(&mut longest) {
                let ceiling = (FIRST * 2_u32.pow(attempt)).min(LONGEST);
                let wait = backoff.wait();
                assert!(wait <= ceiling, "{wait:?} after {attempt} failures");
                *longest = wait.max(*longest);
            }
        }
        for (attempt, longest) in (0_u32..).zip(longest) {
            let ceiling = (FIRST * 2_u32.pow(attempt)).min(LONGEST);
            assert!(longest > ceiling.mul_f64(0.9), "{longest:?} of {ceiling:?}");
        }
    }

    #[test]
    fn a_seed_repeats_its_waits_and_a_success_starts_over() {
        let mut one = Backoff::seeded(7);
        let mut two = Backoff::seeded(7);
        let waits: Vec<_> = (0..40).map(|_| one.wait()).collect();
        assert_eq!(waits, (0..40).map(|_| two.wait()).collect::<Vec<_>>());
        assert_eq!(one.attempts(), 40);
        one.reset();
        assert!(one.wait() <= FIRST);
    }
}
