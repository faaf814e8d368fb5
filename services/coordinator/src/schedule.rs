//! Which organization is due for which sync, given now. Pure: the same arguments always give the
//! same answer, and organizations with the same interval do not all start at the same instant.

use jiff::{SignedDuration, Timestamp};

use exgate_domain::ids::OrganizationId;
use exgate_domain::organization::Organization;
use exgate_domain::sync::SyncMode;

/// The wait after the first failed run; it doubles up to the interval.
const RETRY_FIRST: SignedDuration = SignedDuration::from_mins(1);
/// The most an interval is stretched for one organization, in thousandths of it.
const JITTER_PERMILLE_MAX: u64 = 100;
/// Beyond this many doublings the wait is longer than any interval.
const DOUBLINGS_MAX: u32 = 20;

/// What came of the runs before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LastRuns {
    /// End of the last run that succeeded, quick or full: a full one shows what changed, too.
    pub any_succeeded_at: Option<Timestamp>,
    /// End of the last full run that succeeded.
    pub full_succeeded_at: Option<Timestamp>,
    /// How many runs failed in a row since then.
    pub failures: u32,
    /// End of the last one that failed.
    pub failed_at: Option<Timestamp>,
}

/// Says which sync an organization needs now, if any. Without an agent nothing is due; the first
/// sync is a full one.
pub fn due(
    now: Timestamp,
    organization: &Organization,
    last: &LastRuns,
    filters_by_change: bool,
    attached: bool,
) -> Option<SyncMode> {
    if !attached {
        return None;
    }
    let schedule = &organization.schedule;
    let quick_interval =
        if filters_by_change { schedule.quick_interval } else { schedule.quick_interval_scan };
    let (mode, interval) = match (last.full_succeeded_at, last.any_succeeded_at) {
        (None, _) => (SyncMode::Full, schedule.full_interval),
        (Some(full), any) => {
            let id = &organization.id;
            if passed(now, full, stretched(schedule.full_interval, id, SyncMode::Full)) {
                (SyncMode::Full, schedule.full_interval)
            } else if passed(
                now,
                any.unwrap_or(full).max(full),
                stretched(quick_interval, id, SyncMode::Quick),
            ) {
                (SyncMode::Quick, quick_interval)
            } else {
                return None;
            }
        }
    };
    let waits =
        last.failed_at.is_some_and(|at| !passed(now, at, back_off(last.failures, interval)));
    (!waits).then_some(mode)
}

/// How long to wait after so many failures in a row.
fn back_off(failures: u32, interval: SignedDuration) -> SignedDuration {
    let Some(doublings) = failures.checked_sub(1) else { return SignedDuration::ZERO };
    let factor = 1_i32.checked_shl(doublings.min(DOUBLINGS_MAX)).unwrap_or(i32::MAX);
    RETRY_FIRST.checked_mul(factor).unwrap_or(interval).min(interval)
}

/// Whether `span` has gone by since `from`. A clock that was set back makes nothing wait longer
/// than the span itself.
fn passed(now: Timestamp, from: Timestamp, span: SignedDuration) -> bool {
    let gone = now.duration_since(from);
    gone >= span || gone <= -span
}

/// The interval of one organization: longer by its own share of the jitter.
fn stretched(interval: SignedDuration, id: &OrganizationId, mode: SyncMode) -> SignedDuration {
    let seed = match mode {
        SyncMode::Quick => b'q',
        SyncMode::Full => b'f',
    };
    // FNV-1a: small, and the same on every machine and in every version.
    let hash = std::iter::once(seed)
        .chain(id.as_str().bytes())
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
    let permille = i32::try_from((hash >> 32) % (JITTER_PERMILLE_MAX + 1)).unwrap_or_default();
    let extra = interval.checked_div(1000).and_then(|part| part.checked_mul(permille));
    interval.saturating_add(extra.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use exgate_domain::organization::{Mode, Schedule};

    use super::*;

    fn contoso() -> Organization {
        Organization {
            id: "contoso".parse().unwrap(),
            display_name: String::new(),
            mode: Mode::Observe,
            schedule: Schedule::default(),
        }
    }

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minutes * 60).unwrap()
    }

    fn succeeded(full: i64, any: i64) -> LastRuns {
        LastRuns {
            any_succeeded_at: Some(at(any)),
            full_succeeded_at: Some(at(full)),
            ..LastRuns::default()
        }
    }

    #[test]
    fn what_is_due_follows_from_what_was_done() {
        use SyncMode::{Full, Quick};
        let failed = |failures, minutes, last: LastRuns| LastRuns {
            failures,
            failed_at: Some(at(minutes)),
            ..last
        };
        let never = LastRuns::default();
        // (case, now, last runs, filters by change, attached, expected)
        let cases = [
            ("the first is full", 0, never, true, true, Some(Full)),
            ("no agent, no sync", 0, never, true, false, None),
            ("just done", 1, succeeded(0, 0), true, true, None),
            ("five minutes and jitter later", 6, succeeded(0, 0), true, true, Some(Quick)),
            ("a scan is rarer", 6, succeeded(0, 0), false, true, None),
            ("but comes", 34, succeeded(0, 0), false, true, Some(Quick)),
            ("a quick one counts", 60, succeeded(0, 58), true, true, None),
            ("a day and jitter later", 27 * 60, succeeded(0, 27 * 60 - 1), true, true, Some(Full)),
            ("a failed one waits", 10, failed(1, 10, succeeded(0, 0)), true, true, None),
            ("a minute", 11, failed(1, 10, succeeded(0, 0)), true, true, Some(Quick)),
            ("then two", 11, failed(2, 10, succeeded(0, 0)), true, true, None),
            ("then two, over", 12, failed(2, 10, succeeded(0, 0)), true, true, Some(Quick)),
            ("no longer than that", 15, failed(40, 10, succeeded(0, 0)), true, true, Some(Quick)),
            ("also the first", 0, failed(1, 0, never), true, true, None),
            ("a clock set back by a year", -525_600, succeeded(0, 0), true, true, Some(Full)),
        ];
        for (case, minutes, last, filters, attached, expected) in cases {
            assert_eq!(due(at(minutes), &contoso(), &last, filters, attached), expected, "{case}");
        }
    }

    #[test]
    fn organizations_do_not_start_together_and_keep_their_place() {
        let interval = SignedDuration::from_mins(5);
        let spans: std::collections::BTreeSet<_> = (0..50)
            .map(|n| {
                let id = format!("org{n}").parse().unwrap();
                let span = stretched(interval, &id, SyncMode::Quick);
                assert_eq!(span, stretched(interval, &id, SyncMode::Quick));
                assert!(span >= interval && span <= interval + interval / 10, "{span:?}");
                span
            })
            .collect();
        assert!(spans.len() > 25, "only {} different spans", spans.len());
    }
}
