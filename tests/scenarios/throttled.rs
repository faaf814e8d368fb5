//! An account that a throttle watches: the permitted is used and never exceeded, and what was
//! believed wrongly is learnt. Every number is the simulator's own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use exchange_sim::Simulator;
use exchange_sim::faults::Faults;
use exchange_sim::settings::{Account, Settings};
use exchange_sim::winrm::throttle::{Counts, Limits as Throttle};
use exgate_exchange::cmdlets::{get_device_access_rule, set_ad_server_settings};
use exgate_exchange::credentials::Credentials;
use exgate_exchange::error::CmdletError;
use exgate_exchange::http::{Authentication, Transport, TrustAnchors};
use exgate_exchange::session::{
    Budget, Limits, Opener, Options, Pool, Quota, RUNSPACES_MAX, Session, Urgency,
};
use exgate_proto::types::v1::Access;
use exgate_runtime::Tasks;
use exgate_tests::exchange::iphone;
use exgate_tests::world::{List, Options as House, World};
use exgate_tests::{scenario, scenario_alone};
use tempfile::TempDir;
use tokio::task::JoinSet;

const ACCOUNT: &str = r"CONTOSO\svc-exgate";
const PASSWORD: &str = "correct horse battery staple";
/// Exchange's period of 5 s, ten times faster.
const PERIOD: Duration = Duration::from_millis(500);
/// Exchange cmdlets that a period may hold before the server slows down.
const PERMITTED: u32 = 200;
/// A fifth is left to people.
const RESERVE_PERCENT: u8 = 20;
/// What is left of it.
const OURS: u32 = 160;
/// How long one run of cmdlets may take.
const READ_MAX: Duration = Duration::from_secs(90);
/// How long what is left may take to end.
const DRAIN: Duration = Duration::from_secs(5);

/// The budget that Microsoft published, at this pace: 18 shells, 400 PowerShell and 200 Exchange
/// cmdlets a period.
fn published() -> Throttle {
    Throttle {
        shells_max: 18,
        powershell_cmdlets: Some(2 * PERMITTED),
        exchange_cmdlets: Some(PERMITTED),
        period_ms: 500,
        commands_per_shell_max: Some(1000),
        ..Throttle::default()
    }
}

/// What a client believes of it.
fn believed() -> Limits {
    Limits {
        is_parallel: true,
        runspaces_max: RUNSPACES_MAX,
        quota: Some(Quota { cmdlets: PERMITTED, period: PERIOD }),
        reserve_percent: RESERVE_PERCENT,
    }
}

/// A simulator, and the pool of its one account.
struct Bench {
    simulator: Simulator,
    tasks: Tasks,
    pool: Pool,
    opener: Arc<Forest>,
    _folder: TempDir,
}

/// Opens sessions that see the whole forest.
struct Forest(Options);

/// Why there is none.
#[derive(Debug)]
#[expect(dead_code, reason = "shown when a test fails")]
enum Trouble {
    Session(exgate_exchange::error::SessionError),
    Cmdlet(CmdletError),
}

impl From<exgate_exchange::error::SessionError> for Trouble {
    fn from(error: exgate_exchange::error::SessionError) -> Self {
        Self::Session(error)
    }
}

impl Opener for Forest {
    type Error = Trouble;

    async fn open(&self) -> Result<Session, Trouble> {
        let session = Session::open(self.0.clone()).await?;
        session.execute(set_ad_server_settings(None)).await.map_err(Trouble::Cmdlet)?;
        Ok(session)
    }
}

impl Bench {
    async fn start(throttle: Throttle, limits: Limits) -> Self {
        let tasks = Tasks::new();
        let mut settings = Settings::new(Account::new(ACCOUNT, PASSWORD));
        settings.organizations.truncate(1);
        (settings.mailboxes, settings.devices, settings.throttle) = (50, 60, throttle);
        let simulator = Simulator::start(settings, &tasks).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let authority = folder.path().join("ca.pem");
        std::fs::write(&authority, simulator.authority_pem()).unwrap();
        let endpoint = simulator.addresses().organizations[0].url.parse().unwrap();
        let account = Authentication::Basic(Credentials::new(ACCOUNT, PASSWORD).unwrap());
        let transport = Transport::new(endpoint, account, &TrustAnchors::File(authority)).unwrap();
        let mut options = Options::new(transport);
        options.budget = Budget::new(limits);
        Self {
            pool: Pool::new(options.budget.clone()),
            opener: Arc::new(Forest(options)),
            simulator,
            tasks,
            _folder: folder,
        }
    }

    /// Runs so many cmdlets in this many tasks, one of them urgent, and returns what failed. Stops
    /// early when there is no time left.
    async fn read(&self, cmdlets: usize, tasks: usize) -> Vec<Trouble> {
        let left = Arc::new(AtomicUsize::new(cmdlets));
        let until = Instant::now() + READ_MAX;
        let mut readers = JoinSet::new();
        for number in 0..tasks {
            let urgency = if number == 0 { Urgency::Urgent } else { Urgency::Bulk };
            let (pool, opener) = (self.pool.clone(), Arc::clone(&self.opener));
            let left = Arc::clone(&left);
            let take = move |left: &AtomicUsize| {
                left.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(1))
            };
            readers.spawn(async move {
                let mut failed = Vec::new();
                while Instant::now() < until && take(&left).is_ok() {
                    failed.extend(read_one(&pool, &opener, urgency).await.err());
                }
                failed
            });
        }
        readers.join_all().await.into_iter().flatten().collect()
    }

    fn counts(&self) -> Counts {
        let throttle = self.simulator.control().throttle("contoso").unwrap();
        throttle.accounts.get(ACCOUNT).cloned().unwrap_or_default()
    }

    async fn end(self) {
        self.pool.close().await;
        assert_eq!(self.simulator.control().throttle("contoso").unwrap().shells_open, 0);
        self.tasks.shutdown(DRAIN).await.unwrap();
    }
}

/// Runs one of the cheapest cmdlets: the throttle counts them all alike.
async fn read_one(pool: &Pool, opener: &Forest, urgency: Urgency) -> Result<(), Trouble> {
    let mut slot = pool.slot(urgency).await;
    let session = slot.session(opener).await?;
    let read = async { session.run(get_device_access_rule(None)).await?.collect().await };
    let rows = read.await.map_err(Trouble::Cmdlet)?;
    assert_eq!(rows.len(), 0);
    Ok(())
}

/// C4 and C5: 10,000 cmdlets, none of which fails, is refused or slowed down; never more shells nor
/// cmdlets in any stretch of a period than permitted less the reserve, and at least 95 % of those used.
/// The rate is the machine's too, so no other scenario runs beside it.
#[test]
fn ten_thousand_cmdlets_use_what_is_permitted_and_no_more() {
    scenario_alone(async {
        let bench = Bench::start(published(), believed()).await;
        let begun = Instant::now();

        let failed = bench.read(10_000, RUNSPACES_MAX).await;

        let (took, counts) = (begun.elapsed(), bench.counts());
        let usage = bench.pool.usage();
        let shown = format!("{took:?}: {counts:?}; {usage:?}");
        assert!(failed.is_empty(), "{} failed, first {:?}", failed.len(), failed.first());
        assert_eq!(usage.stopped + usage.delayed + usage.shells_refused, 0, "{shown}");
        assert_eq!(counts.stopped + counts.delayed + counts.worn_out, 0, "{shown}");
        assert_eq!(counts.shells_refused, 0, "{shown}");
        assert!(counts.shells_peak <= RUNSPACES_MAX, "{shown}");
        assert!(counts.commands_per_shell_peak <= 1000, "{shown}");
        assert!(counts.cmdlets_peak <= OURS as usize, "{shown}");
        // The first period opens the shells, the last one is cut short.
        let whole = &counts.periods[1..counts.periods.len() - 1];
        let used = whole.iter().sum::<u32>() as usize * 100 / (whole.len() * OURS as usize);
        println!("{used} % of the permitted rate; {shown}");
        assert!(used >= 95, "{used} % used; {shown}");
        assert!(counts.cmdlets >= 10_000, "{shown}");
        bench.end().await;
    });
}

/// A server that permits a tenth of what was believed: each lane is refused once at most, waits as
/// long as it is told, and the rest is done at the rate that the server named.
#[test]
fn a_tighter_quota_is_learnt_from_the_refusal() {
    scenario(async {
        let throttle = Throttle { powershell_cmdlets: Some(20), ..published() };
        let throttle = Throttle { exchange_cmdlets: None, ..throttle };
        let bench = Bench::start(throttle, believed()).await;

        let failed = bench.read(200, RUNSPACES_MAX).await;

        let (counts, usage) = (bench.counts(), bench.pool.usage());
        let shown = format!("{counts:?}; {usage:?}");
        assert!(failed.is_empty(), "{failed:?}; {shown}");
        assert!(usage.stopped >= 1 && usage.stopped == counts.stopped, "{shown}");
        assert!(counts.stopped <= RUNSPACES_MAX as u64, "{shown}");
        // 20 less the reserve, from the period after the refusal on.
        assert!(usage.cmdlets_permitted <= 16, "{shown}");
        let refused = counts.periods.iter().position(|count| *count == 20).unwrap();
        let after = &counts.periods[refused + 1..];
        assert!(after.len() >= 5 && after.iter().all(|count| *count <= 16), "{shown}");
        bench.end().await;
    });
}

/// A server that slows down earlier than believed: the rate falls below that, and comes back when the
/// server is at ease.
#[test]
fn a_slower_server_is_asked_for_less_and_later_for_more() {
    scenario(async {
        let throttle = Throttle { exchange_cmdlets: Some(10), ..published() };
        let bench = Bench::start(throttle, believed()).await;

        let failed = bench.read(150, RUNSPACES_MAX).await;

        let (counts, usage) = (bench.counts(), bench.pool.usage());
        let shown = format!("{counts:?}; {usage:?}");
        assert!(failed.is_empty(), "{failed:?}; {shown}");
        assert!(usage.delayed >= 1 && usage.delayed == counts.delayed, "{shown}");
        assert!(usage.cmdlets_permitted < OURS / 2, "{shown}");
        assert!(usage.runspaces_permitted < RUNSPACES_MAX, "{shown}");

        bench.simulator.control().set_throttle("contoso", published()).unwrap();
        let begun = Instant::now();
        while bench.pool.usage().cmdlets_permitted < OURS
            || bench.pool.usage().runspaces_permitted < RUNSPACES_MAX
        {
            assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", bench.pool.usage());
            let failed = bench.read(100, RUNSPACES_MAX).await;
            assert!(failed.is_empty(), "{failed:?}");
        }
        bench.end().await;
    });
}

/// A server that gives two shells: the others are shared, and no shell is asked for in a loop.
#[test]
fn refused_shells_are_shared_instead() {
    scenario(async {
        let throttle = Throttle { shells_max: 2, ..published() };
        let bench = Bench::start(throttle, believed()).await;

        let failed = bench.read(300, RUNSPACES_MAX).await;

        let counts = bench.counts();
        assert!(failed.is_empty(), "{failed:?}; {counts:?}");
        assert_eq!(counts.shells_peak, 2, "{counts:?}");
        assert!((1..=RUNSPACES_MAX as u64).contains(&counts.shells_refused), "{counts:?}");
        bench.end().await;
    });
}

/// C1 under the throttle: what a full sync costs by the simulator's count, in one shell.
#[test]
fn a_full_sync_stays_within_the_budget() {
    scenario(async {
        let house = House { mailboxes: 300, devices: 450, ..House::default() };
        let world = World::start(house).await;
        let throttle = Throttle { shells_max: 2, ..published() };
        world.exchange.set_throttle("contoso", &throttle).await;
        let before = world.exchange.cmdlets("contoso").await;

        let run = world.operator.full("contoso").await;

        let after = world.exchange.cmdlets("contoso").await;
        let ran = |name: &str| {
            after.get(name).unwrap_or(&0) - before.get(name).copied().unwrap_or_default()
        };
        let inventory: u64 = ["Get-CASMailbox", "Get-MobileDevice", "Get-MobileDeviceStatistics"]
            .map(ran)
            .iter()
            .sum();
        let total = after.values().sum::<u64>() - before.values().sum::<u64>();
        let pages = run.devices_seen.div_ceil(500);
        let counts = world.exchange.throttle("contoso").await.accounts[ACCOUNT].clone();
        let shown = format!("{inventory} of {total} for {} devices; {counts:?}", run.devices_seen);
        println!("{shown}");
        assert_eq!(run.devices_seen, 450, "{shown}");
        assert!(inventory <= 3 + pages, "{shown}");
        assert!(total - inventory <= 12, "{shown}");
        assert_eq!(counts.cmdlets, total, "{shown}");
        assert_eq!(counts.stopped + counts.delayed + counts.shells_refused, 0, "{shown}");
        world.close().await;
    });
}

/// In parallel mode several mailboxes are changed side by side, each of them once.
#[test]
fn mailboxes_are_changed_side_by_side() {
    scenario(async {
        let exchange = "parallel_commands = true\n".to_owned();
        let mut world = World::start(House { exchange, ..House::default() }).await;
        let mut phones = Vec::new();
        for number in 0..6 {
            let person = world.person("contoso", number).await;
            world.records.person(&person);
            let phone = iphone(&person, &format!("APPLSIDE{number}"));
            let phone = world.exchange.connect_and_decide("contoso", phone).await;
            world.records.enrol(&phone, true);
            phones.push(phone);
        }
        world.write_records().await;
        world.operator.quick("contoso").await;
        for phone in &phones {
            world.decided(phone, Access::Allow).await;
        }
        let slow = [("Set-CASMailbox".to_owned(), 1500)].into();
        let slow = Faults { latency_ms: slow, ..Faults::default() };
        world.exchange.set_faults("contoso", &slow).await;
        world.exchange.set_throttle("contoso", &published()).await;
        let ledger = world.exchange.ledger("contoso").await.len();

        world.enforce("contoso").await;
        for phone in &phones {
            world.listed(phone, List::Allowed).await;
        }
        world.settled("contoso").await;

        let counts = world.exchange.throttle("contoso").await.accounts[ACCOUNT].clone();
        assert!((3..=RUNSPACES_MAX).contains(&counts.shells_peak), "{counts:?}");
        assert_eq!(counts.stopped + counts.delayed + counts.shells_refused, 0, "{counts:?}");
        let written = world.exchange.ledger("contoso").await.split_off(ledger);
        let mut mailboxes: Vec<_> = written.iter().map(|entry| entry.identity.clone()).collect();
        mailboxes.sort_unstable();
        mailboxes.dedup();
        assert_eq!((written.len(), mailboxes.len()), (6, 6), "{written:?}");
        world.close().await;
    });
}
