//! Owns time and the few numbers made of it. CPU time is the measuring thread's own, so that what else
//! the machine does disturbs as little as it can.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// A sample of something, one value per round.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample(Vec<f64>);

impl Sample {
    /// Takes one more round in.
    pub(crate) fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    /// How many rounds there were.
    pub(crate) fn rounds(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }

    /// The value in the middle; 0 of nothing.
    pub(crate) fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// How far the rounds lie apart: (p90 - p10) / median.
    pub(crate) fn spread(&self) -> f64 {
        let median = self.median();
        if median == 0.0 { 0.0 } else { (self.quantile(0.9) - self.quantile(0.1)) / median }
    }

    /// Between two values it is in proportion.
    fn quantile(&self, at: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
        let place = at * last as f64;
        let below = sorted[place.floor() as usize];
        let above = sorted[place.ceil() as usize];
        below + (above - below) * place.fract()
    }
}

/// CPU time of this thread.
pub(crate) fn thread_cpu() -> Duration {
    cpu(ClockId::ThreadCPUTime)
}

fn cpu(clock: ClockId) -> Duration {
    let now = clock_gettime(clock);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(now.tv_nsec).unwrap_or_default())
}

/// CPU time of this process.
pub(crate) fn process_cpu() -> Duration {
    cpu(ClockId::ProcessCPUTime)
}

/// What a piece of work costs this thread.
pub(crate) fn cost_of<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let before = thread_cpu();
    let done = work();
    (thread_cpu() - before, done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_and_the_spread_of_a_sample() {
        let mut sample = Sample::default();
        assert_eq!((sample.median(), sample.spread()), (0.0, 0.0));
        for value in [5.0, 1.0, 2.0, 4.0, 3.0] {
            sample.push(value);
        }
        assert_eq!(sample.median(), 3.0);
        assert!((sample.spread() - 3.2 / 3.0).abs() < 1e-9);
        assert_eq!(sample.rounds(), 5);
    }

    #[test]
    fn waiting_costs_no_cpu_and_work_does() {
        let (waiting, ()) = cost_of(|| std::thread::sleep(Duration::from_millis(50)));
        assert!(waiting < Duration::from_millis(25), "{waiting:?}");
        let (working, _) =
            cost_of(|| (0..5_000_000_u64).fold(0, |a, b| std::hint::black_box(a ^ b)));
        assert!(working > Duration::ZERO);
    }
}
