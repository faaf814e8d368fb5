//! Owns the wall clock: nothing else in the workspace reads it, so that time is an argument
//! everywhere and a test can hold it still.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

/// How long [`Clock::until`] trusts a sleep before it looks at the wall clock again, because an
/// administrator may set the clock while a process sleeps.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// A handle that tells the time; cheap to clone.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Manual(watch::Receiver<Timestamp>),
}

/// Moves a manual clock; the clock keeps its last time once the hand is dropped.
#[derive(Debug)]
pub struct Hand(watch::Sender<Timestamp>);

impl Clock {
    /// The clock of the machine.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands at `start` until its hand moves it.
    #[must_use]
    pub fn manual(start: Timestamp) -> (Self, Hand) {
        let (sender, receiver) = watch::channel(start);
        (Self(Source::Manual(receiver)), Hand(sender))
    }

    /// What time it is.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => Timestamp::now(),
            Source::Manual(time) => *time.borrow(),
        }
    }

    /// Waits until this clock shows `instant` or later.
    pub async fn until(&self, instant: Timestamp) {
        match &self.0 {
            Source::System => loop {
                let left = instant.duration_since(self.now());
                let Ok(left) = Duration::try_from(left) else { return };
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left.min(LOOK_AGAIN)).await;
            },
            Source::Manual(time) => {
                let mut time = time.clone();
                if time.wait_for(|now| *now >= instant).await.is_err() {
                    // The hand is gone, so this clock never reaches the instant.
                    std::future::pending::<()>().await;
                }
            }
        }
    }

    /// Waits for a span of this clock's time.
    pub async fn sleep(&self, span: Duration) {
        let end = SignedDuration::try_from(span)
            .ok()
            .and_then(|span| self.now().checked_add(span).ok())
            .unwrap_or(Timestamp::MAX);
        self.until(end).await;
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl Hand {
    /// Sets the clock and wakes everyone whose instant has come.
    pub fn set(&self, now: Timestamp) {
        self.0.send_replace(now);
    }

    /// Moves the clock forward.
    pub fn advance(&self, span: Duration) {
        self.0.send_modify(|now| {
            let span = SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX);
            *now = now.checked_add(span).unwrap_or(Timestamp::MAX);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_manual_clock_moves_only_by_its_hand_and_wakes_sleepers() {
        let start: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        let (clock, hand) = Clock::manual(start);
        assert_eq!(clock.now(), start);

        let mut asleep = Box::pin(clock.sleep(Duration::from_secs(60)));
        assert!(futures_util::poll!(&mut asleep).is_pending());
        hand.advance(Duration::from_secs(59));
        assert!(futures_util::poll!(&mut asleep).is_pending());
        hand.advance(Duration::from_secs(1));
        asleep.await;

        assert_eq!(clock.now().to_string(), "2026-01-02T03:05:05Z");
        hand.set(start);
        assert_eq!(clock.now(), start);
    }

    #[tokio::test]
    async fn the_system_clock_does_not_wait_for_the_past() {
        let clock = Clock::system();
        clock.until(clock.now()).await;
        clock.until(Timestamp::UNIX_EPOCH).await;
    }
}
