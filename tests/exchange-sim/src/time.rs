//! Owns the simulator's time: what stamps say, and how fast Exchange's own delays pass.
//!
//! Invariant: in explicit mode no delay passes unless somebody advances the time; stamps still follow
//! the clock (plus what was advanced), so that a client on real time sees new changes as new.

use std::sync::atomic::{AtomicU64, Ordering};

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

/// The time of one simulator, the same for all its organizations.
#[derive(Debug)]
pub struct Time {
    clock: Clock,
    mode: Mode,
    epoch: Timestamp,
    advanced_ms: AtomicU64,
}

impl Time {
    /// Starts at the moment the world began, `advanced_ms` having been advanced since by hand.
    pub fn new(clock: Clock, mode: Mode, epoch: Timestamp, advanced_ms: u64) -> Self {
        Self { clock, mode, epoch, advanced_ms: AtomicU64::new(advanced_ms) }
    }

    /// Who moves the world.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The present.
    pub fn moment(&self) -> Moment {
        let clock = self.clock.now();
        let advanced_ms = self.advanced_ms.load(Ordering::Acquire);
        let passed_ms = match self.mode {
            Mode::Auto { speed } => {
                let real = clock.duration_since(self.epoch).as_millis();
                u64::try_from(real).unwrap_or(0).saturating_mul(u64::from(speed))
            }
            Mode::Explicit => advanced_ms,
        };
        let ahead = SignedDuration::from_millis(i64::try_from(advanced_ms).unwrap_or(i64::MAX));
        let now = whole_milliseconds(clock.checked_add(ahead).unwrap_or(clock));
        Moment { now, elapsed_ms: START_MS.saturating_add(passed_ms) }
    }

    /// Moves time on by hand.
    pub fn advance(&self, milliseconds: u64) {
        self.advanced_ms.fetch_add(milliseconds, Ordering::AcqRel);
    }
}

/// Cuts a stamp to milliseconds: directory dates have no more, and .NET reads at most seven digits.
pub fn whole_milliseconds(instant: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(instant.as_millisecond()).unwrap_or(instant)
}
