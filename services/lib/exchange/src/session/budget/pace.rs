//! When the next cmdlet may leave. Pure: the time is an argument. Invariant: in no stretch of one
//! period does the server see more cmdlets than allowed, because a cmdlet counts from when it leaves
//! until one period after its arrival is certain.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::Urgency;

/// A full share, in thousandths of what is permitted.
const SHARE_FULL: u32 = 1000;
/// The smallest share, in thousandths: something always moves, or nobody would learn that it may.
const SHARE_MIN: u32 = 50;
/// How much a quiet period gives back, in thousandths.
const SHARE_STEP: u32 = 50;
/// How long what the server said about its quota is believed: an administrator may raise it.
const LEARNED_FOR: Duration = Duration::from_secs(3600);

/// So many cmdlets per so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// How many.
    pub cmdlets: u32,
    /// Per how long.
    pub period: Duration,
}

impl Quota {
    /// What is left of it when `percent` are kept for others; at least one.
    pub(super) fn less(self, percent: u8) -> Self {
        let kept = u64::from(100_u8.saturating_sub(percent));
        let cmdlets = u64::from(self.cmdlets) * kept / 100;
        Self { cmdlets: u32::try_from(cmdlets).unwrap_or(u32::MAX).max(1), period: self.period }
    }

    fn is_slower_than(self, other: Self) -> bool {
        let per_second = |it: Self| f64::from(it.cmdlets) / it.period.as_secs_f64().max(1e-3);
        per_second(self) < per_second(other)
    }
}

/// Why a cmdlet has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// Until then, unless something changes before.
    Until(Instant),
    /// Until something changes.
    Change,
}

/// The rate at which cmdlets leave.
#[derive(Debug)]
pub(super) struct Pace {
    /// What the settings permit; `None` for no limit.
    set: Option<Quota>,
    /// What the server said, and until when that is believed.
    learned: Option<(Quota, Instant)>,
    /// How much of what is permitted is used, in thousandths.
    share: u32,
    /// The last signal, or the last step back up.
    changed_at: Option<Instant>,
    /// Signals before this are about the same trouble: cmdlets that left together are refused together.
    same_until: Option<Instant>,
    /// Cmdlets that left and may not have arrived.
    on_the_way: usize,
    /// When each arrival of the last period was certain.
    arrived: VecDeque<Instant>,
    /// When the next cmdlet is due if they leave evenly.
    due: Option<Instant>,
    /// Nothing leaves before this.
    paused_until: Option<Instant>,
}

impl Pace {
    pub(super) fn new(set: Option<Quota>) -> Self {
        Self {
            set,
            learned: None,
            share: SHARE_FULL,
            changed_at: None,
            same_until: None,
            on_the_way: 0,
            arrived: VecDeque::new(),
            due: None,
            paused_until: None,
        }
    }

    /// Lets one cmdlet leave, or says how long it waits. Those that are not urgent leave evenly, so
    /// that an urgent one never finds a period that was used up at its start.
    pub(super) fn take(&mut self, now: Instant, urgency: Urgency) -> Result<(), Wait> {
        if let Some(until) = self.pause(now) {
            return Err(Wait::Until(until));
        }
        self.recover(now);
        let Some(Quota { cmdlets, period }) = self.allowed(now) else {
            self.on_the_way += 1;
            return Ok(());
        };
        while self.arrived.front().is_some_and(|at| *at + period <= now) {
            self.arrived.pop_front();
        }
        let allowed = usize::try_from(cmdlets).unwrap_or(usize::MAX);
        let held = self.on_the_way + self.arrived.len();
        if held >= allowed {
            let leaves = self.arrived.get(held - allowed).map(|at| Wait::Until(*at + period));
            return Err(leaves.unwrap_or(Wait::Change));
        }
        // What a busy moment missed may be caught up within a quarter of a period.
        let tolerance = period / 4;
        let due = self.due.unwrap_or(now).max(now);
        if urgency == Urgency::Bulk && due > now + tolerance {
            return Err(Wait::Until(due - tolerance));
        }
        self.due = Some(due + period / cmdlets.max(1));
        self.on_the_way += 1;
        Ok(())
    }

    /// A cmdlet is known to have arrived, or to be lost.
    pub(super) fn arrived(&mut self, now: Instant) {
        self.on_the_way = self.on_the_way.saturating_sub(1);
        if self.allowed(now).is_some() {
            self.arrived.push_back(now);
        }
    }

    /// The server refused a cmdlet. Every lane waits for as long as it says; a quota that it names
    /// is learned, and where it names none that is lower the share is halved.
    pub(super) fn stopped(&mut self, now: Instant, wait: Duration, quota: Option<Quota>) {
        self.recover(now);
        self.pause_for(now, wait);
        let slower = quota.filter(|quota| match self.allowed(now) {
            Some(allowed) => quota.is_slower_than(allowed),
            None => true,
        });
        if let Some(quota) = slower {
            self.learned = Some((quota, now + LEARNED_FOR));
        }
        if self.is_news(now, wait.max(self.period(now) / 4)) && slower.is_none() {
            self.share = (self.share / 2).max(SHARE_MIN);
        }
    }

    /// The server slowed a cmdlet down: a quarter less than was used, once a period. Where little was
    /// used, what was permitted says nothing, but more than half of it is not taken for nothing.
    pub(super) fn delayed(&mut self, now: Instant) {
        self.recover(now);
        if self.is_news(now, self.period(now)) {
            let used = self.used(now).clamp(self.share / 2, self.share);
            self.share = (used * 3 / 4).max(SHARE_MIN);
        }
    }

    /// How much of what is permitted left in the last period, in thousandths.
    fn used(&self, now: Instant) -> u32 {
        let Some(Quota { cmdlets, period }) = self.quota(now) else { return SHARE_FULL };
        let recent = self.arrived.iter().rev().take_while(|at| **at + period > now).count();
        let used = (self.on_the_way + recent) * SHARE_FULL as usize / cmdlets.max(1) as usize;
        u32::try_from(used).unwrap_or(SHARE_FULL)
    }

    /// Whether a signal is about new trouble, which then lasts for `hold`.
    fn is_news(&mut self, now: Instant, hold: Duration) -> bool {
        self.changed_at = Some(now);
        let is_news = self.same_until.is_none_or(|until| until <= now);
        if is_news {
            self.same_until = Some(now + hold);
        }
        is_news
    }

    fn period(&self, now: Instant) -> Duration {
        self.allowed(now).map(|quota| quota.period).unwrap_or_default()
    }

    /// Nothing leaves for so long.
    pub(super) fn pause_for(&mut self, now: Instant, wait: Duration) {
        let until = now + wait;
        self.paused_until = Some(self.paused_until.map_or(until, |held| held.max(until)));
    }

    /// Until when nothing may leave.
    pub(super) fn pause(&self, now: Instant) -> Option<Instant> {
        self.paused_until.filter(|until| *until > now)
    }

    /// What may leave now; `None` for no limit.
    pub(super) fn allowed(&self, now: Instant) -> Option<Quota> {
        let quota = self.quota(now)?;
        let cmdlets = u64::from(quota.cmdlets) * u64::from(self.share) / u64::from(SHARE_FULL);
        Some(Quota { cmdlets: u32::try_from(cmdlets).unwrap_or(u32::MAX).max(1), ..quota })
    }

    /// What is permitted, as far as is known.
    fn quota(&self, now: Instant) -> Option<Quota> {
        let learned = self.learned.filter(|(_, until)| *until > now).map(|(quota, _)| quota);
        match (self.set, learned) {
            (Some(set), Some(learned)) if learned.is_slower_than(set) => Some(learned),
            (Some(set), _) => Some(set),
            (None, learned) => learned,
        }
    }

    /// Gives a step of the share back for every quiet period.
    fn recover(&mut self, now: Instant) {
        let (Some(at), Some(quota)) = (self.changed_at, self.allowed(now)) else { return };
        let quiet = now.saturating_duration_since(at.max(self.paused_until.unwrap_or(at)));
        let periods = quiet.as_millis() / quota.period.as_millis().max(1);
        if periods == 0 || self.share == SHARE_FULL {
            return;
        }
        let steps = u32::try_from(periods).unwrap_or(u32::MAX);
        self.share = self.share.saturating_add(SHARE_STEP.saturating_mul(steps)).min(SHARE_FULL);
        self.changed_at = Some(now);
    }
}

#[cfg(test)]
mod tests;
