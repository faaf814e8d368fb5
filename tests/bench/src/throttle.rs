//! C4 and C5: what an account that a throttle watches gets done, by the simulator's own count. The
//! throttle is the published budget at its real pace; a cmdlet that fails is a wrong result.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use exchange_sim::Simulator;
use exchange_sim::settings::{Account, Settings};
use exchange_sim::winrm::throttle::{Counts, Limits as Throttle};
use exgate_exchange::cmdlets::{get_device_access_rule, set_ad_server_settings};
use exgate_exchange::credentials::Credentials;
use exgate_exchange::error::{CmdletError, SessionError};
use exgate_exchange::http::{Authentication, Transport, TrustAnchors};
use exgate_exchange::session::{
    Budget, Limits, Opener, Options, Pool, Quota, RUNSPACES_MAX, Session, Urgency,
};
use exgate_runtime::Tasks;
use tokio::task::JoinSet;

use crate::report::{Kind, Result, Verdict};

const ACCOUNT: &str = r"CONTOSO\svc-exgate";
const PASSWORD: &str = "a password of the bench";
/// The period of the published budget, and the Exchange cmdlets in it.
const PERIOD: Duration = Duration::from_secs(5);
const PERMITTED: u32 = 200;
/// A fifth of it is left to people.
const RESERVE_PERCENT: u8 = 20;
const OURS: u32 = 160;
/// How many whole periods C4 looks at, beside the first and the last.
const PERIODS: u32 = 12;
/// How much of the permitted rate may stay unused, in percent.
const UNUSED_MAX: f64 = 5.0;
const UNUSED_STRETCH: f64 = 2.0;
/// Cmdlets of C5, and how many of them one shell may see.
const CMDLETS: usize = 10_000;
const PER_SHELL_MAX: u32 = 1000;
/// How long what is left may take to end.
const DRAIN: Duration = Duration::from_secs(5);

/// C4: the rate, at its real pace.
pub(crate) fn rate() -> anyhow::Result<Vec<Result>> {
    let throttle = Throttle {
        shells_max: 18,
        powershell_cmdlets: Some(2 * PERMITTED),
        exchange_cmdlets: Some(PERMITTED),
        period_ms: 5000,
        commands_per_shell_max: Some(PER_SHELL_MAX),
        ..Throttle::default()
    };
    let quota = Some(Quota { cmdlets: PERMITTED, period: PERIOD });
    let until = Instant::now() + PERIOD * (PERIODS + 2);
    let counts = run(throttle, quota, move |_| Instant::now() < until)?;
    let whole = counts.periods.get(1..=PERIODS as usize).context("C4: periods are missing")?;
    let used = f64::from(whole.iter().sum::<u32>()) / f64::from(PERIODS * OURS);
    let faults = counts.stopped + counts.delayed + counts.shells_refused;
    let n = usize::try_from(counts.cmdlets)?;
    let peak = counts.cmdlets_peak as f64;
    Ok(vec![
        line("C4", n, (1.0 - used) * 100.0, "% of the permitted rate unused", UNUSED_MAX)
            .with_stretch(UNUSED_STRETCH),
        line("C4 peak", n, peak, "cmdlets in a period", f64::from(OURS)),
        line("C4 shells", n, counts.shells_peak as f64, "at once", RUNSPACES_MAX as f64),
        line("C4 faults", n, faults as f64, "refused or slowed down", 0.0),
    ])
}

/// C5: the wear of shells, as fast as the server goes.
pub(crate) fn wear() -> anyhow::Result<Vec<Result>> {
    let throttle = Throttle { commands_per_shell_max: Some(PER_SHELL_MAX), ..Throttle::default() };
    let counts = run(throttle, None, |number| number < CMDLETS)?;
    let n = usize::try_from(counts.cmdlets)?;
    ensure!(n >= CMDLETS && counts.worn_out == 0, "C5: {counts:?}");
    let peak = f64::from(counts.commands_per_shell_peak);
    Ok(vec![line("C5", n, peak, "cmdlets in one shell", f64::from(PER_SHELL_MAX))])
}

fn line(id: &'static str, n: usize, value: f64, unit: &'static str, target: f64) -> Result {
    let verdict = if value <= target { Verdict::Met } else { Verdict::Breach };
    Result {
        id,
        kind: Kind::Count,
        n,
        value,
        unit,
        target: Some(target),
        stretch: None,
        spread: None,
        rounds: None,
        ours: None,
        floor: None,
        verdict,
    }
}

impl Result {
    fn with_stretch(mut self, stretch: f64) -> Self {
        self.stretch = Some(stretch);
        if self.value <= stretch {
            self.verdict = Verdict::Stretch;
        }
        self
    }
}

/// Runs cmdlets in as many tasks as there may be runspaces, one of them urgent, for as long as
/// `goes_on` says so of the number begun; returns what the server counted.
fn run(
    throttle: Throttle,
    quota: Option<Quota>,
    goes_on: impl Fn(usize) -> bool + Clone + Send + 'static,
) -> anyhow::Result<Counts> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let tasks = Tasks::new();
        let mut settings = Settings::new(Account::new(ACCOUNT, PASSWORD));
        settings.organizations.truncate(1);
        (settings.mailboxes, settings.devices, settings.throttle) = (50, 60, throttle);
        let simulator = Simulator::start(settings, &tasks).await?;
        let folder = tempfile::tempdir()?;
        let options = options(&simulator, quota, folder.path())?;
        let pool = Pool::new(options.budget.clone());
        let opener = Arc::new(Forest(options));
        let begun = Arc::new(AtomicUsize::new(0));
        let mut workers = JoinSet::new();
        for number in 0..RUNSPACES_MAX {
            let urgency = if number == 0 { Urgency::Urgent } else { Urgency::Bulk };
            let (pool, opener, begun) = (pool.clone(), Arc::clone(&opener), Arc::clone(&begun));
            let goes_on = goes_on.clone();
            workers.spawn(async move {
                while goes_on(begun.fetch_add(1, Ordering::AcqRel)) {
                    let mut slot = pool.slot(urgency).await;
                    slot.session(&*opener).await?.execute(get_device_access_rule(None)).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(worked) = workers.join_next().await {
            worked?.context("a cmdlet failed")?;
        }
        pool.close().await;
        let mut accounts = simulator.control().throttle("contoso")?.accounts;
        tasks.shutdown(DRAIN).await?;
        accounts.remove(ACCOUNT).context("the account did nothing")
    })
}

fn options(simulator: &Simulator, quota: Option<Quota>, folder: &Path) -> anyhow::Result<Options> {
    let authority = folder.join("ca.pem");
    std::fs::write(&authority, simulator.authority_pem())?;
    let organization = simulator.addresses().organization("contoso").context("no contoso")?;
    let account = Authentication::Basic(Credentials::new(ACCOUNT, PASSWORD)?);
    let endpoint = organization.url.parse()?;
    let transport = Transport::new(endpoint, account, &TrustAnchors::File(authority))?;
    let mut options = Options::new(transport);
    let reserve_percent = RESERVE_PERCENT;
    let runspaces_max = RUNSPACES_MAX;
    options.budget =
        Budget::new(Limits { is_parallel: true, runspaces_max, quota, reserve_percent });
    Ok(options)
}

/// Opens sessions that see the whole forest.
struct Forest(Options);

/// Why a cmdlet was not run.
#[derive(Debug)]
enum Trouble {
    Session(SessionError),
    Cmdlet(CmdletError),
}

impl Opener for Forest {
    type Error = Trouble;

    async fn open(&self) -> std::result::Result<Session, Trouble> {
        let session = Session::open(self.0.clone()).await?;
        session.execute(set_ad_server_settings(None)).await?;
        Ok(session)
    }
}

impl From<SessionError> for Trouble {
    fn from(error: SessionError) -> Self {
        Self::Session(error)
    }
}

impl From<CmdletError> for Trouble {
    fn from(error: CmdletError) -> Self {
        Self::Cmdlet(error)
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Session(error) => f.write_str(&exgate_runtime::report(error)),
            Self::Cmdlet(error) => f.write_str(&exgate_runtime::report(error)),
        }
    }
}

impl std::error::Error for Trouble {}
