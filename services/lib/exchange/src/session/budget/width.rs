//! How many runspaces are used at once: one more after a quiet round, half after a signal. Pure: the
//! time is an argument. Invariant: never none, never more than the ceiling, and one is left for what
//! is urgent wherever there are two.

use std::time::Duration;

use tokio::time::Instant;

/// How many cmdlets each runspace must end well before one more is tried.
const ROUND_CMDLETS: usize = 4;
/// How long what the server said about shells is believed: an administrator may allow more.
const LEARNED_FOR: Duration = Duration::from_secs(3600);

/// How many runspaces are used at once.
#[derive(Debug)]
pub(super) struct Width {
    is_parallel: bool,
    ceiling: usize,
    learned: Option<(usize, Instant)>,
    /// How many may do what is not urgent.
    bulk: usize,
    /// Cmdlets that ended well since the last change.
    well: usize,
    /// No growth before this, and no second halving for the same trouble.
    held_until: Option<Instant>,
}

impl Width {
    pub(super) fn new(is_parallel: bool, ceiling: usize) -> Self {
        let ceiling = ceiling.max(1);
        Self { is_parallel, ceiling, learned: None, bulk: 1, well: 0, held_until: None }
    }

    /// How many may do what is not urgent.
    pub(super) fn bulk(&self, now: Instant) -> usize {
        let left = self.ceiling(now).saturating_sub(1).max(1);
        self.bulk.min(left).max(1)
    }

    /// How many may be used in all: one more, so that what is urgent never waits for a listing.
    pub(super) fn total(&self, now: Instant) -> usize {
        (self.bulk(now) + 1).min(self.ceiling(now))
    }

    /// A cmdlet ended without a signal.
    pub(super) fn went_well(&mut self, now: Instant) {
        self.well += 1;
        let is_held = self.held_until.is_some_and(|until| until > now);
        if self.is_parallel && !is_held && self.well >= self.bulk * ROUND_CMDLETS {
            self.well = 0;
            self.bulk = self.bulk(now) + 1;
            self.bulk = self.bulk(now);
        }
    }

    /// The server signalled; lanes that signal together count once.
    pub(super) fn signalled(&mut self, now: Instant, hold: Duration) {
        if self.held_until.is_none_or(|until| until <= now) {
            self.bulk = (self.bulk(now) / 2).max(1);
            self.well = 0;
        }
        let until = now + hold;
        self.held_until = Some(self.held_until.map_or(until, |held| held.max(until)));
    }

    /// The server said how many shells there may be for us.
    pub(super) fn learn(&mut self, now: Instant, shells: usize) {
        self.learned = Some((shells.max(1), now + LEARNED_FOR));
    }

    fn ceiling(&self, now: Instant) -> usize {
        let learned = self.learned.filter(|(_, until)| *until > now).map(|(shells, _)| shells);
        learned.map_or(self.ceiling, |shells| shells.min(self.ceiling))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOLD: Duration = Duration::from_secs(5);

    fn grown(ceiling: usize) -> Width {
        let mut width = Width::new(true, ceiling);
        let now = Instant::now();
        (0..1000).for_each(|_| width.went_well(now));
        width
    }

    #[test]
    fn it_begins_with_one_and_grows_to_the_ceiling_less_one_for_what_is_urgent() {
        let now = Instant::now();
        let mut width = Width::new(true, 8);
        assert_eq!((width.bulk(now), width.total(now)), (1, 2));
        (0..ROUND_CMDLETS).for_each(|_| width.went_well(now));
        assert_eq!((width.bulk(now), width.total(now)), (2, 3));
        let width = grown(8);
        assert_eq!((width.bulk(now), width.total(now)), (7, 8));
    }

    #[test]
    fn without_parallel_mode_it_stays_at_one_and_one() {
        let now = Instant::now();
        for (ceiling, total) in [(1, 1), (2, 2), (8, 2)] {
            let mut width = Width::new(false, ceiling);
            (0..1000).for_each(|_| width.went_well(now));
            assert_eq!((width.bulk(now), width.total(now)), (1, total));
        }
    }

    #[test]
    fn signals_that_come_together_halve_once() {
        let now = Instant::now();
        let mut width = grown(8);
        (0..7).for_each(|_| width.signalled(now, HOLD));
        assert_eq!(width.bulk(now), 3);
        (0..1000).for_each(|_| width.went_well(now + HOLD / 2));
        assert_eq!(width.bulk(now), 3, "it grows no more for a while");
        width.signalled(now + HOLD, HOLD);
        assert_eq!(width.bulk(now), 1);
        width.signalled(now + 2 * HOLD, HOLD);
        assert_eq!(width.bulk(now), 1, "never none");
        (0..1000).for_each(|_| width.went_well(now + 3 * HOLD));
        assert_eq!(width.bulk(now + 3 * HOLD), 7);
    }

    #[test]
    fn what_the_server_says_about_shells_is_believed_for_a_while() {
        let now = Instant::now();
        let mut width = grown(8);
        width.learn(now, 3);
        assert_eq!((width.bulk(now), width.total(now)), (2, 3));
        width.learn(now, 0);
        assert_eq!((width.bulk(now), width.total(now)), (1, 1));
        assert_eq!(width.total(now + LEARNED_FOR), 8);
    }
}
