//! Owns how much one account may ask of an organization: shells, commands per shell; cmdlets, new shells
//! and operations per period; and the record of what it asked, which clients are held against.
//!
//! Invariant: what was refused is not counted as work, and every refusal and every delay is counted.
//! Periods lie on a grid that begins with an account's first cmdlet. Texts: New-ThrottlingPolicy's
//! signals as WS-Management and Exchange write them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use exgate_exchange::wsman::Fault;

/// `ERROR_WSMAN_QUOTA_LIMIT`.
const QUOTA_LIMIT: u32 = 2_150_859_174;
/// How many periods are kept; the oldest go first.
const PERIODS_KEPT_MAX: usize = 10_000;

/// What an account may; the default has 18 shells and no other limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// `PowerShellMaxConcurrency`: shells of one account.
    pub shells_max: usize,
    /// `PowerShellMaxTenantConcurrency`: shells of the organization.
    pub tenant_shells_max: Option<usize>,
    /// `PowerShellMaxCmdlets`: more in a period are refused.
    pub powershell_cmdlets: Option<u32>,
    /// `ExchangeMaxCmdlets`: more of Exchange's own cmdlets in a period are slowed down.
    pub exchange_cmdlets: Option<u32>,
    /// `PowerShellMaxCmdletsTimePeriod`, in milliseconds.
    pub period_ms: u64,
    /// The longest that one cmdlet is slowed down, in milliseconds.
    pub delay_ms_max: Option<u64>,
    /// `PowerShellMaxRunspaces`: more new shells in a period are refused (2013 and later).
    pub runspaces: Option<u32>,
    /// `PowerShellMaxOperations`: more requests of any kind in a period are refused (2013 and later).
    pub operations: Option<u32>,
    /// `MaxConcurrentCommandsPerShell`, which counts every command a shell ever had.
    pub commands_per_shell_max: Option<u32>,
}

/// What an account asked, and what it got.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    /// Cmdlets that were taken.
    pub cmdlets: u64,
    /// Cmdlets of each period, from the first one's.
    pub periods: Vec<u32>,
    /// The most cmdlets in any stretch of one period, wherever it begins.
    pub cmdlets_peak: usize,
    /// Cmdlets that were refused.
    pub stopped: u64,
    /// Cmdlets that were slowed down.
    pub delayed: u64,
    /// By how much, in all.
    pub delayed_ms: u64,
    /// Shells that were made.
    pub shells: u64,
    /// The most shells at once.
    pub shells_peak: usize,
    /// Shells that were refused.
    pub shells_refused: u64,
    /// Requests of any kind.
    pub operations: u64,
    /// Requests that were refused for their number.
    pub operations_refused: u64,
    /// The most commands that one shell had.
    pub commands_per_shell_peak: u32,
    /// Commands that were refused because their shell was worn out.
    pub worn_out: u64,
}

/// The throttle of one organization.
#[derive(Debug, Default)]
pub struct Throttle {
    inner: Mutex<Inner>,
}

/// A throttle as it stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// The limits.
    pub limits: Limits,
    /// How many shells are open in the organization.
    pub shells_open: usize,
    /// What each account asked since the limits were set.
    pub accounts: BTreeMap<String, Counts>,
}

#[derive(Debug, Default)]
struct Inner {
    limits: Limits,
    accounts: BTreeMap<String, Account>,
}

#[derive(Debug, Default)]
struct Account {
    counts: Counts,
    shells_open: usize,
    begun: Option<Instant>,
    /// Which period the last cmdlet was in.
    period: u128,
    in_period: u32,
    exchange_in_period: u32,
    shells_in_period: u32,
    operations_in_period: u32,
    /// The cmdlets of the last period, wherever it began.
    recent: VecDeque<Instant>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            shells_max: 18,
            tenant_shells_max: None,
            powershell_cmdlets: None,
            exchange_cmdlets: None,
            period_ms: 5000,
            delay_ms_max: None,
            runspaces: None,
            operations: None,
            commands_per_shell_max: None,
        }
    }
}

impl Limits {
    fn period(&self) -> Duration {
        Duration::from_millis(self.period_ms.max(1))
    }
}

impl Throttle {
    /// How it stands.
    pub fn view(&self) -> View {
        let Inner { limits, accounts } = &*self.inner();
        let shells_open = accounts.values().map(|held| held.shells_open).sum();
        let counts = |(name, held): (&String, &Account)| (name.clone(), held.counts.clone());
        let accounts = accounts.iter().map(counts).collect();
        View { limits: limits.clone(), shells_open, accounts }
    }

    /// Replaces the limits, and counts from nothing.
    pub fn set_limits(&self, limits: Limits) {
        let mut inner = self.inner();
        inner.limits = limits;
        for held in inner.accounts.values_mut() {
            *held = Account { shells_open: held.shells_open, ..Account::default() };
        }
    }

    /// Takes note of a new shell, or refuses it.
    pub fn shell(&self, account: &str, now: Instant) -> Result<(), Box<Fault>> {
        let mut inner = self.inner();
        let Limits { shells_max, tenant_shells_max, runspaces, .. } = inner.limits;
        let period = inner.limits.period();
        let all: usize = inner.accounts.values().map(|held| held.shells_open).sum();
        let held = inner.account(account);
        held.enter(now, period);
        let counts = &mut held.counts;
        let refusal = if held.shells_open >= shells_max {
            too_many_shells(shells_max)
        } else if tenant_shells_max.is_some_and(|most| all >= most) {
            too_many_tenant_shells()
        } else if let Some(most) = runspaces.filter(|most| held.shells_in_period >= *most) {
            too_many_runspaces(most)
        } else {
            counts.shells += 1;
            held.shells_in_period += 1;
            held.shells_open += 1;
            counts.shells_peak = counts.shells_peak.max(held.shells_open);
            return Ok(());
        };
        counts.shells_refused += 1;
        Err(refusal)
    }

    /// Takes note of a shell's end.
    pub fn shell_closed(&self, account: &str) {
        let mut inner = self.inner();
        let held = inner.account(account);
        held.shells_open = held.shells_open.saturating_sub(1);
    }

    /// Takes note of a request of any kind, or refuses it.
    pub fn operation(&self, account: &str, now: Instant) -> Result<(), Box<Fault>> {
        let mut inner = self.inner();
        let (period, most) = (inner.limits.period(), inner.limits.operations);
        let held = inner.account(account);
        let left = held.enter(now, period);
        if let Some(most) = most.filter(|most| held.operations_in_period >= *most) {
            held.counts.operations_refused += 1;
            return Err(too_many_requests(most, period, left));
        }
        held.operations_in_period += 1;
        held.counts.operations += 1;
        Ok(())
    }

    /// Takes note of a command, or refuses it; its shell had `earlier` before.
    pub fn command(&self, account: &str, earlier: u32, now: Instant) -> Result<(), Box<Fault>> {
        let mut inner = self.inner();
        let limits = inner.limits.clone();
        let held = inner.account(account);
        if limits.commands_per_shell_max.is_some_and(|most| earlier >= most) {
            held.counts.worn_out += 1;
            return Err(worn_out());
        }
        let left = held.enter(now, limits.period());
        if let Some(most) = limits.powershell_cmdlets.filter(|most| held.in_period >= *most) {
            held.counts.stopped += 1;
            return Err(too_many_requests(most, limits.period(), left));
        }
        held.take(now, limits.period());
        let peak = &mut held.counts.commands_per_shell_peak;
        *peak = (*peak).max(earlier + 1);
        Ok(())
    }

    /// By how much one of Exchange's own cmdlets is to be slowed down.
    pub fn delay(&self, account: &str, now: Instant) -> Option<Duration> {
        let mut inner = self.inner();
        let limits = inner.limits.clone();
        let held = inner.account(account);
        let left = held.enter(now, limits.period());
        held.exchange_in_period += 1;
        limits.exchange_cmdlets.filter(|most| held.exchange_in_period > *most)?;
        let delay = limits.delay_ms_max.map_or(left, |most| left.min(Duration::from_millis(most)));
        held.counts.delayed += 1;
        held.counts.delayed_ms += milliseconds(delay);
        Some(delay)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn account(&mut self, name: &str) -> &mut Account {
        self.accounts.entry(name.to_owned()).or_default()
    }
}

impl Account {
    /// Finds the period of `now`, and how much of it is left.
    fn enter(&mut self, now: Instant, period: Duration) -> Duration {
        let begun = *self.begun.get_or_insert(now);
        let since = now.saturating_duration_since(begun).as_nanos();
        let (number, into) = (since / period.as_nanos(), since % period.as_nanos());
        if number > self.period {
            self.period = number;
            self.in_period = 0;
            self.exchange_in_period = 0;
            self.shells_in_period = 0;
            self.operations_in_period = 0;
        }
        period.saturating_sub(Duration::from_nanos(u64::try_from(into).unwrap_or(u64::MAX)))
    }

    fn take(&mut self, now: Instant, period: Duration) {
        self.in_period += 1;
        self.counts.cmdlets += 1;
        if let Ok(number) = usize::try_from(self.period)
            && number < PERIODS_KEPT_MAX
        {
            let periods = &mut self.counts.periods;
            periods.resize(periods.len().max(number + 1), 0);
            if let Some(count) = periods.get_mut(number) {
                *count += 1;
            }
        }
        while self.recent.front().is_some_and(|at| now.saturating_duration_since(*at) >= period) {
            self.recent.pop_front();
        }
        self.recent.push_back(now);
        self.counts.cmdlets_peak = self.counts.cmdlets_peak.max(self.recent.len());
    }
}

/// What Exchange writes beside the output of a cmdlet that it slowed down.
pub fn micro_delay(delay: Duration) -> String {
    let delay = milliseconds(delay);
    format!(
        "Micro delay applied. Actual delayed: {delay} msecs, Enforced: True, Capped delay: {delay} \
         msecs, Required: False, Additional info: ."
    )
}

fn too_many_shells(most: usize) -> Box<Fault> {
    quota(format!(
        "This user is allowed a maximum number of {most} concurrent shells, which has been \
         exceeded. Close existing shells or raise the quota for this user."
    ))
}

fn too_many_tenant_shells() -> Box<Fault> {
    quota(
        "The maximum number of concurrent shells for this tenant has been exceeded. Close existing \
         shells or raise the quota for this tenant."
            .to_owned(),
    )
}

/// As Exchange Online words it, and Microsoft's scripts match it; what an organization's own servers
/// write is unverified.
fn too_many_runspaces(most: u32) -> Box<Fault> {
    let text = format!(
        "[FailureCategory=AuthZ-AuthorizationException] Fail to create a runspace because you have \
         exceeded the maximum number of connections allowed : {most}"
    );
    Box::new(Fault::new(QUOTA_LIMIT, "Sender", "QuotaLimit", text))
}

fn too_many_requests(most: u32, period: Duration, left: Duration) -> Box<Fault> {
    let (seconds, wait) = (period.as_secs_f64(), milliseconds(left));
    quota(format!(
        "The user load quota of {most} requests per {seconds} seconds has been exceeded. Send \
         future requests at a slower rate or raise the quota for this user. The next request from \
         this user will not be approved for at least {wait} milliseconds."
    ))
}

/// The refusal of an account whose budget is used up for so long.
pub fn over_budget(left: Duration) -> Box<Fault> {
    let Limits { powershell_cmdlets, period_ms, .. } = Limits::default();
    // What the default policy of 2013 and later allows.
    too_many_requests(powershell_cmdlets.unwrap_or(400), Duration::from_millis(period_ms), left)
}

fn worn_out() -> Box<Fault> {
    quota(
        "The maximum number of concurrent commands per shell has been exceeded. Retry the request \
         later or raise the Maximum Commands per Shell quota."
            .to_owned(),
    )
}

fn quota(reason: String) -> Box<Fault> {
    let text = format!("The WS-Management service cannot process the request. {reason}");
    Box::new(Fault::new(QUOTA_LIMIT, "Sender", "QuotaLimit", text))
}

fn milliseconds(span: Duration) -> u64 {
    // Rounded up: a client that waits for as long as it is told is served.
    u64::try_from(span.as_micros().div_ceil(1000)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
