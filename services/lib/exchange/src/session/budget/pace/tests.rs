//! The rate, played on a clock of the test's own.

use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const QUOTA: Quota = Quota { cmdlets: 160, period: Duration::from_secs(5) };

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Sends as fast as allowed for `length`; each cmdlet arrives after `flight`. Returns the instants of
/// arrival.
fn play(pace: &mut Pace, begin: Instant, length: Duration, flight: Duration) -> Vec<Instant> {
    let (mut arrivals, mut under_way, mut now) = (Vec::new(), VecDeque::new(), begin);
    while now < begin + length {
        while under_way.front().is_some_and(|at| *at <= now) {
            arrivals.push(under_way.pop_front().unwrap());
            pace.arrived(now);
        }
        while pace.take(now, Urgency::Bulk).is_ok() {
            under_way.push_back(now + flight);
        }
        now += millis(1);
    }
    for _ in under_way {
        pace.arrived(now);
    }
    arrivals
}

/// The most that arrived in any stretch of one period.
fn densest(arrivals: &[Instant], period: Duration) -> usize {
    let within = |first: usize| {
        arrivals[first..].iter().take_while(|at| **at < arrivals[first] + period).count()
    };
    (0..arrivals.len()).map(within).max().unwrap_or_default()
}

#[test]
fn the_permitted_rate_is_used_and_never_exceeded() {
    let mut pace = Pace::new(Some(QUOTA));
    let arrivals = play(&mut pace, Instant::now(), 60 * SECOND, millis(20));
    assert!(densest(&arrivals, QUOTA.period) <= 160);
    assert!(arrivals.len() >= 160 * 12 * 95 / 100, "{}", arrivals.len());
}

#[test]
fn an_urgent_cmdlet_finds_room_in_a_busy_period() {
    let mut pace = Pace::new(Some(QUOTA));
    let begin = Instant::now();
    play(&mut pace, begin, 7 * SECOND, millis(5));
    let now = begin + 7 * SECOND;
    assert!(matches!(pace.take(now, Urgency::Bulk), Err(Wait::Until(_))));
    let waits = match pace.take(now, Urgency::Urgent) {
        Ok(()) => Duration::ZERO,
        Err(Wait::Until(at)) => at - now,
        Err(Wait::Change) => panic!("nothing is on the way"),
    };
    assert!(waits <= millis(40), "{waits:?}");
}

#[test]
fn a_hard_stop_is_obeyed_by_all_and_its_quota_learned() {
    let mut pace = Pace::new(Some(QUOTA));
    let now = Instant::now();
    for _ in 0..8 {
        pace.stopped(now, millis(700), Some(Quota { cmdlets: 80, period: 5 * SECOND }));
    }
    for urgency in [Urgency::Urgent, Urgency::Bulk] {
        assert_eq!(pace.take(now + millis(699), urgency), Err(Wait::Until(now + millis(700))));
    }
    assert_eq!(pace.take(now + millis(700), Urgency::Bulk), Ok(()));
    assert_eq!(pace.allowed(now).unwrap().cmdlets, 80);
    assert_eq!(pace.allowed(now + LEARNED_FOR).unwrap().cmdlets, 160);
}

#[test]
fn a_hard_stop_below_the_known_quota_halves_the_rate_and_quiet_gives_it_back() {
    let mut pace = Pace::new(Some(QUOTA));
    let now = Instant::now();
    // All lanes are refused together.
    for _ in 0..8 {
        pace.stopped(now, millis(10), Some(Quota { cmdlets: 400, period: 5 * SECOND }));
    }
    assert_eq!(pace.allowed(now).unwrap().cmdlets, 80);
    pace.recover(now + 6 * SECOND);
    assert_eq!(pace.allowed(now).unwrap().cmdlets, 88);
    pace.recover(now + 120 * SECOND);
    assert_eq!(pace.allowed(now).unwrap().cmdlets, 160);
}

#[test]
fn a_burst_of_delays_counts_once_a_period() {
    let mut pace = Pace::new(Some(QUOTA));
    let begin = Instant::now();
    let used = play(&mut pace, begin, 3 * SECOND, millis(5)).len() as u32;
    let now = begin + 3 * SECOND;
    for _ in 0..8 {
        pace.delayed(now + millis(10));
    }
    let allowed = pace.allowed(now).unwrap().cmdlets;
    assert!(allowed < used && allowed >= used / 2, "{allowed} after {used}");
    for second in 1..100 {
        pace.stopped(now + 5 * second * SECOND, 5 * SECOND, None);
    }
    assert_eq!(pace.allowed(now).unwrap().cmdlets, 8, "something always moves");
}

#[test]
fn without_a_quota_only_a_pause_holds_anything_back() {
    let mut pace = Pace::new(None);
    let now = Instant::now();
    assert!((0..10_000).all(|_| pace.take(now, Urgency::Bulk).is_ok()));
    pace.pause_for(now, SECOND);
    pace.pause_for(now, millis(1));
    assert_eq!(pace.take(now, Urgency::Urgent), Err(Wait::Until(now + SECOND)));
}

proptest! {
    /// However arrivals lag, and whoever is urgent: no stretch of a period holds more than allowed.
    #[test]
    fn no_stretch_of_a_period_holds_more_than_allowed(
        steps in prop::collection::vec((0_u64..40, 0_u64..200, any::<bool>()), 1..400),
    ) {
        let quota = Quota { cmdlets: 10, period: millis(500) };
        let mut pace = Pace::new(Some(quota));
        let mut now = Instant::now();
        let mut under_way: Vec<(Instant, Instant)> = Vec::new();
        let mut arrivals = Vec::new();
        for (pause, flight, is_urgent) in steps {
            now += millis(pause);
            under_way.retain(|(at, known)| {
                if *known <= now {
                    pace.arrived(now);
                    arrivals.push(*at);
                }
                *known > now
            });
            let urgency = if is_urgent { Urgency::Urgent } else { Urgency::Bulk };
            if pace.take(now, urgency).is_ok() {
                // It is there some time before its sender knows.
                under_way.push((now + millis(flight / 2), now + millis(flight)));
            }
        }
        arrivals.extend(under_way.iter().map(|(at, _)| *at));
        arrivals.sort_unstable();
        prop_assert!(densest(&arrivals, quota.period) <= 10);
    }
}
