//! Whether a server is asked at all. A breaker opens on a failure that only a dead server shows, or
//! on several that may be chance, and then rests: each time longer while the server keeps failing.
//! Pure: the time is an argument.

use std::time::{Duration, Instant};

use exgate_domain::standing::Breaker as BreakerState;

/// How many sessions may be lost within [`STUMBLES_WINDOW`] before the server counts as sick.
pub const STUMBLES_MAX: u32 = 3;
/// Over which time lost sessions are counted, and after which a healthy server's past is forgotten.
pub const STUMBLES_WINDOW: Duration = Duration::from_secs(10 * 60);
/// How long a server is left alone after its first failure.
pub const REST_MIN: Duration = Duration::from_secs(30);
/// How long it is left alone at most.
pub const REST_MAX: Duration = Duration::from_secs(10 * 60);
/// After this an attempt that never told how it ended is taken for lost, and another may be made.
pub const TRIAL_MAX: Duration = Duration::from_secs(3 * 60);

/// One server's breaker.
#[derive(Debug, Clone)]
pub struct Breaker {
    place: Place,
    rest: Duration,
    stumbles: u32,
    first_stumble: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    Closed { since: Option<Instant> },
    Open { until: Instant },
    Trial { since: Instant },
}

impl Breaker {
    /// A breaker that is closed.
    pub fn new() -> Self {
        let place = Place::Closed { since: None };
        Self { place, rest: Duration::ZERO, stumbles: 0, first_stumble: None }
    }

    /// Where it stands.
    pub fn state(&self, now: Instant) -> BreakerState {
        match self.place {
            Place::Closed { .. } => BreakerState::Closed,
            Place::Open { until } if now < until => BreakerState::Open,
            Place::Open { .. } | Place::Trial { .. } => BreakerState::HalfOpen,
        }
    }

    /// Whether the server may be asked now.
    pub fn admits(&self, now: Instant) -> bool {
        match self.place {
            Place::Closed { .. } => true,
            Place::Open { until } => now >= until,
            Place::Trial { since } => now.duration_since(since) >= TRIAL_MAX,
        }
    }

    /// An attempt begins.
    pub fn begins(&mut self, now: Instant) {
        if !matches!(self.place, Place::Closed { .. }) {
            self.place = Place::Trial { since: now };
        }
    }

    /// An attempt went well.
    pub fn succeeded(&mut self, now: Instant) {
        if !matches!(self.place, Place::Closed { .. }) {
            self.place = Place::Closed { since: Some(now) };
        }
    }

    /// The server is down: left alone from now on.
    pub fn failed(&mut self, now: Instant) {
        let was_well = match self.place {
            Place::Closed { since } => {
                since.is_none_or(|since| now.duration_since(since) >= STUMBLES_WINDOW)
            }
            Place::Open { .. } | Place::Trial { .. } => false,
        };
        self.rest = if was_well { REST_MIN } else { (self.rest * 2).clamp(REST_MIN, REST_MAX) };
        self.place = Place::Open { until: now + self.rest };
        (self.stumbles, self.first_stumble) = (0, None);
    }

    /// A session with it was lost, which may be chance; too often is a failure.
    pub fn stumbled(&mut self, now: Instant) {
        let is_recent = |first: Instant| now.saturating_duration_since(first) < STUMBLES_WINDOW;
        if !self.first_stumble.is_some_and(is_recent) {
            (self.stumbles, self.first_stumble) = (0, Some(now));
        }
        self.stumbles += 1;
        if self.stumbles >= STUMBLES_MAX {
            self.failed(now);
        }
    }
}

impl Default for Breaker {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_dead_server_is_left_alone_longer_and_longer() {
        let mut now = Instant::now();
        let mut breaker = Breaker::new();
        assert!(breaker.admits(now));
        let mut rests = Vec::new();
        for _ in 0..7 {
            breaker.failed(now);
            assert_eq!((breaker.state(now), breaker.admits(now)), (BreakerState::Open, false));
            let begun = now;
            while !breaker.admits(now) {
                now += SECOND;
            }
            rests.push(now.duration_since(begun));
            assert_eq!(breaker.state(now), BreakerState::HalfOpen);
            breaker.begins(now);
            assert!(!breaker.admits(now), "one attempt at a time");
        }
        let expected = [30, 60, 120, 240, 480, 600, 600].map(Duration::from_secs);
        assert_eq!(rests, expected);
        breaker.succeeded(now);
        assert_eq!((breaker.state(now), breaker.admits(now)), (BreakerState::Closed, true));
        // A relapse goes on where it was; a failure long after begins anew.
        breaker.failed(now);
        assert!(!breaker.admits(now + REST_MAX - SECOND));
        breaker.begins(now + REST_MAX);
        breaker.succeeded(now + REST_MAX);
        let later = now + REST_MAX + STUMBLES_WINDOW;
        breaker.failed(later);
        assert!(breaker.admits(later + REST_MIN));
    }

    #[test]
    fn an_attempt_that_never_ended_does_not_block_for_ever() {
        let now = Instant::now();
        let mut breaker = Breaker::new();
        breaker.failed(now);
        breaker.begins(now + REST_MIN);
        assert!(!breaker.admits(now + REST_MIN + TRIAL_MAX - SECOND));
        assert!(breaker.admits(now + REST_MIN + TRIAL_MAX));
    }

    #[test]
    fn lost_sessions_open_it_only_when_they_come_together() {
        let now = Instant::now();
        let mut breaker = Breaker::new();
        for stumble in 0..10 {
            breaker.stumbled(now + STUMBLES_WINDOW * stumble / 2);
            assert!(breaker.admits(now + STUMBLES_WINDOW * stumble / 2), "{stumble}");
        }
        let mut breaker = Breaker::new();
        for stumble in 0..STUMBLES_MAX {
            assert!(breaker.admits(now), "{stumble}");
            breaker.stumbled(now + SECOND * stumble);
        }
        assert!(!breaker.admits(now + SECOND * STUMBLES_MAX));
    }
}
