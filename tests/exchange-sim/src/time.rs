//! Owns the simulator's time: what stamps say, and how fast Exchange's own delays pass.
//!
//! Invariant: in explicit mode no delay passes unless somebody advances the time; stamps still follow
//! the clock (plus what was advanced), so that a client on real time sees new changes as new. Exchange's
//! time never goes back, whatever its pace is changed to.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use exgate_runtime::clock::Clock;

use crate::behaviour::contact::Moment;

/// Exchange's time when a world begins: its past (lists, settings) is long in force.
const START_MS: u64 = 24 * 60 * 60 * 1000;

/// Who moves the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Phones call and appear by themselves, `speed` times faster than in life.
    Auto {
        /// How many milliseconds of Exchange's time pass in one of ours.
        speed: u32,
    },
    /// Nothing moves unless told.
    Explicit,
}

/// A pace, and the point from which it holds; the journal keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    /// Who moves the world.
    pub mode: Mode,
    /// What the clock showed.
    pub since: Timestamp,
    /// Exchange's time then.
    pub elapsed_ms: u64,
}

/// What was done to time by hand, as a journal tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Past {
    /// The pace, as changed last.
    pub pace: Pace,
    /// What was advanced, since the beginning: stamps are ahead by it.
    pub advanced_ms: u64,
}

/// The time of one simulator, the same for all its organizations.
#[derive(Debug)]
pub struct Time {
    clock: Clock,
    state: Mutex<Past>,
}

impl Past {
    /// The past of a world that began at `epoch`, in a mode.
    pub fn begin(epoch: Timestamp, mode: Mode) -> Self {
        Self { pace: Pace { mode, since: epoch, elapsed_ms: START_MS }, advanced_ms: 0 }
    }

    /// Exchange's time was moved on by hand.
    pub fn advance(&mut self, milliseconds: u64) {
        self.advanced_ms = self.advanced_ms.saturating_add(milliseconds);
        self.pace.elapsed_ms = self.pace.elapsed_ms.saturating_add(milliseconds);
    }

    fn elapsed_ms(&self, clock: Timestamp) -> u64 {
        let Pace { mode, since, elapsed_ms } = self.pace;
        let passed_ms = match mode {
            Mode::Auto { speed } => {
                let real = u64::try_from(clock.duration_since(since).as_millis()).unwrap_or(0);
                real.saturating_mul(u64::from(speed))
            }
            Mode::Explicit => 0,
        };
        elapsed_ms.saturating_add(passed_ms)
    }
}

impl Time {
    /// Goes on in `mode` with what was done before.
    pub fn new(clock: Clock, mode: Mode, past: Past) -> Self {
        let time = Self { clock, state: Mutex::new(past) };
        time.set_pace(time.pace_now(mode));
        time
    }

    /// Who moves the world.
    pub fn mode(&self) -> Mode {
        self.state().pace.mode
    }

    /// The present.
    pub fn moment(&self) -> Moment {
        let clock = self.clock.now();
        let state = self.state();
        let ahead = i64::try_from(state.advanced_ms).unwrap_or(i64::MAX);
        let ahead = SignedDuration::from_millis(ahead);
        let now = whole_milliseconds(clock.checked_add(ahead).unwrap_or(clock));
        Moment { now, elapsed_ms: state.elapsed_ms(clock) }
    }

    /// Moves time on by hand.
    pub fn advance(&self, milliseconds: u64) {
        self.state().advance(milliseconds);
    }

    /// The pace that a change to `mode` would begin now.
    pub fn pace_now(&self, mode: Mode) -> Pace {
        let clock = self.clock.now();
        Pace { mode, since: clock, elapsed_ms: self.state().elapsed_ms(clock) }
    }

    /// Changes the pace.
    pub fn set_pace(&self, pace: Pace) {
        self.state().pace = pace;
    }

    fn state(&self) -> MutexGuard<'_, Past> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Cuts a stamp to milliseconds: directory dates have no more, and .NET reads at most seven digits.
pub fn whole_milliseconds(instant: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(instant.as_millisecond()).unwrap_or(instant)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exchange_time_goes_on_from_where_it_was_at_every_pace() {
        let epoch: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        let (clock, hand) = Clock::manual(epoch);
        let time = Time::new(clock.clone(), Mode::Explicit, Past::begin(epoch, Mode::Explicit));
        let elapsed = |time: &Time| time.moment().elapsed_ms - START_MS;

        hand.advance(std::time::Duration::from_secs(100));
        assert_eq!(elapsed(&time), 0);
        time.advance(5_000);
        assert_eq!(elapsed(&time), 5_000);
        time.set_pace(time.pace_now(Mode::Auto { speed: 60 }));
        hand.advance(std::time::Duration::from_secs(10));
        assert_eq!(elapsed(&time), 605_000);
        time.set_pace(time.pace_now(Mode::Auto { speed: 1 }));
        hand.advance(std::time::Duration::from_secs(10));
        assert_eq!(elapsed(&time), 615_000);
        time.set_pace(time.pace_now(Mode::Explicit));
        hand.advance(std::time::Duration::from_secs(10));
        assert_eq!(elapsed(&time), 615_000);
        assert_eq!(time.moment().now.duration_since(epoch).as_millis(), 135_000);
    }
}
