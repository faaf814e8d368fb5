//! C6: one of two evaluators is killed in the middle of a large evaluation, and each case has exactly
//! one decision all the same. Real programs on a store that was filled as an agent's sync fills it.

use std::collections::HashSet;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use tempfile::TempDir;

use exgate_coordinator::store::Store;
use exgate_domain::ids::OrganizationId;
use exgate_proto::types::v1::PolicyFile;
use exgate_proto::v1 as pb;
use exgate_proto::v1::policy_service_client::PolicyServiceClient;
use exgate_proto::v1::system_service_client::SystemServiceClient;
use exgate_runtime::clock::Clock;
use exgate_runtime::grpc::Channel;
use exgate_runtime::listen::Endpoint;
use exgate_tests::population::Population;
use exgate_tests::setup::POLICIES;

use crate::arguments::Plan;
use crate::processes::unless_interrupted;
use crate::report::{Kind, Result, Side, Verdict};

/// How long the whole may take, and what each case adds to that.
const LIMIT: Duration = Duration::from_secs(120);
const LIMIT_CASE: Duration = Duration::from_millis(3);
/// How often something that is waited for is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Stored decisions that are read at once.
const PAGE: u32 = 5_000;
/// How long the coordinator may take to end.
const DRAIN: Duration = Duration::from_secs(60);
const EVALUATORS: [&str; 2] = ["evaluator-1", "evaluator-2"];
const COORDINATOR: &str = "coordinator";

/// Measures it; a decision that is lost or doubled is an error.
pub(crate) fn measure(plan: &Plan) -> anyhow::Result<Vec<Result>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let cases = plan.cases;
    let done = runtime
        .block_on(unless_interrupted(evaluate(cases)))
        .with_context(|| format!("C6: {cases} cases"))?;
    println!(
        "C6: {cases} cases decided and stored in {:.1} s ({:.0} a second); one of two evaluators was killed \
         after {}; the other decided {}",
        done.wall.as_secs_f64(),
        cases as f64 / done.wall.as_secs_f64(),
        done.killed_at,
        done.by_the_other,
    );
    Ok(vec![Result {
        id: "C6 lost or doubled by a kill",
        kind: Kind::Count,
        n: cases,
        value: done.wrong as f64,
        unit: "decisions",
        target: Some(0.0),
        stretch: Some(0.0),
        spread: None,
        rounds: Some(1),
        ours: Some(Side { wall_s: Some(done.wall.as_secs_f64()), ..Side::default() }),
        floor: None,
        verdict: Verdict::of(done.wrong as f64, 0.0, 0.0, 0.0),
    }])
}

/// What came of it.
struct Done {
    /// From the policy's application to the last decision.
    wall: Duration,
    /// Decisions of both evaluators when one was killed.
    killed_at: u64,
    by_the_other: u64,
    /// Cases without a decision, decisions too many, and cases that are still due.
    wrong: u64,
}

async fn evaluate(cases: usize) -> anyhow::Result<Done> {
    let limit = LIMIT + LIMIT_CASE * u32::try_from(cases)?;
    let mut trio = Trio::new(limit)?;
    let population = Population { organization: organization(), count: u32::try_from(cases)? };
    let began = Instant::now();
    population.move_in(&trio.path("coordinator.db")).await;
    population.write_records(&trio.path("records"));
    println!("C6: {cases} devices are in the store after {:.1} s", began.elapsed().as_secs_f64());
    for evaluator in EVALUATORS {
        trio.launch(evaluator, "exgate-evaluator")?;
    }
    trio.launch(COORDINATOR, "exgate-coordinator")?;
    trio.until("the records", |info| info.sources.iter().any(|it| it.devices > 0)).await?;

    let began = Instant::now();
    trio.apply().await?;
    let half = cases as u64 / 2;
    let info = trio
        .until("half of the decisions", |info| {
            info.evaluators.iter().all(|it| it.cases > 0) && decided(info) >= half
        })
        .await?;
    trio.kill(EVALUATORS[1])?;
    let killed_at = decided(&info);
    ensure!(killed_at < cases as u64, "all was decided before the kill");
    // What is answered is stored a moment later; the store says when all is.
    trio.until("the rest", |info| decided(info) >= cases as u64).await?;
    let info = trio.at_rest().await?;
    let wall = began.elapsed();
    trio.stop(COORDINATOR)?;
    let wrong = wrong(&trio.path("coordinator.db"), cases).await?;
    let by_the_other = info.evaluators.first().map_or(0, |it| it.cases);
    Ok(Done { wall, killed_at, by_the_other, wrong })
}

fn decided(info: &pb::ServerInfo) -> u64 {
    info.evaluators.iter().map(|it| it.cases).sum()
}

fn organization() -> OrganizationId {
    "contoso".parse().expect("a good name")
}

/// Counts what is not exactly once.
async fn wrong(path: &Path, cases: usize) -> anyhow::Result<u64> {
    let store = Store::open(path).await?;
    let organization = organization();
    let mut seen = HashSet::with_capacity(cases);
    let (mut after, mut doubled) = (0, 0);
    loop {
        let page = store.decisions(&organization, after, PAGE).await?;
        let Some((last, _)) = page.last() else { break };
        after = *last;
        for (_, stored) in &page {
            let case = (stored.case.mailbox.id, stored.case.device.device_id.folded());
            doubled += u64::from(!seen.insert(case));
        }
    }
    let now = Clock::system().now();
    let mut due = store.due_cases(&organization, now, None, u32::MAX).await?.len() as u64;
    if due == 0 {
        // Those that were not even marked cannot be counted.
        due = store.organizations_due(now).await?.len() as u64;
    }
    store.close().await;
    let lost = cases.saturating_sub(seen.len()) as u64;
    if doubled + lost + due > 0 {
        eprintln!("C6: {doubled} doubled, {lost} lost, {due} still due");
    }
    Ok(doubled + lost + due)
}

/// Two evaluators and a coordinator, each a process, in a folder that goes away with them.
struct Trio {
    programs: PathBuf,
    coordinator: Channel,
    deadline: Instant,
    running: Vec<Running>,
    folder: TempDir,
}

struct Running {
    name: &'static str,
    child: Child,
}

impl Trio {
    fn new(limit: Duration) -> anyhow::Result<Self> {
        let myself = std::env::current_exe()?;
        let programs = myself.parent().context("this program lies nowhere")?.to_owned();
        let folder = tempfile::Builder::new().prefix("exgate-bench-").tempdir()?;
        // Held together, so that no two are the same.
        let bind = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let held = [bind()?, bind()?, bind()?];
        let [one, other, coordinator] =
            held.each_ref().map(|it| it.local_addr().map(|address| address.port()));
        let (one, other, coordinator) = (one?, other?, coordinator?);
        let path = |name: &str| folder.path().join(name);
        for (name, port) in EVALUATORS.into_iter().zip([one, other]) {
            fs::write(
                path(&format!("{name}.toml")),
                format!(
                    "[server]\nlisten = \"127.0.0.1:{port}\"\n\
                     [bundles]\ntrusted_keys_file = {:?}\n\
                     [telemetry]\nmetrics_listen = \"off\"\n",
                    path("bundle-signing.pub"),
                ),
            )?;
        }
        fs::create_dir(path("records"))?;
        fs::write(
            path("coordinator.toml"),
            format!(
                "[server]\nlisten = \"127.0.0.1:{coordinator}\"\n[store]\npath = {:?}\n\
                 [evaluator]\nendpoints = [\"http://127.0.0.1:{one}\", \"http://127.0.0.1:{other}\"]\n\
                 [sources.mdm]\npath = {:?}\nrefresh = \"60s\"\n\
                 [telemetry]\nmetrics_listen = \"off\"\n",
                path("coordinator.db"),
                path("records"),
            ),
        )?;
        let url = format!("http://127.0.0.1:{coordinator}");
        Ok(Self {
            programs,
            coordinator: Channel::new(&Endpoint::parse("coordinator", &url)?),
            deadline: Instant::now() + limit,
            running: Vec::new(),
            folder,
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn launch(&mut self, name: &'static str, program: &str) -> anyhow::Result<()> {
        let program = self.programs.join(program);
        let child = Command::new(&program)
            .args(["--config", &self.path(&format!("{name}.toml")).display().to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(self.path(&format!("{name}.log")))?)
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        self.running.push(Running { name, child });
        Ok(())
    }

    async fn apply(&self) -> anyhow::Result<()> {
        let file = PolicyFile { path: "policies.yaml".to_owned(), content: POLICIES.into() };
        let request =
            pb::ApplyDocumentsRequest { files: vec![file], validate_only: false, prune: false };
        let mut client = PolicyServiceClient::new(self.coordinator.clone());
        client.apply_documents(request).await.context("applying the policies")?;
        Ok(())
    }

    /// Waits until the coordinator says so.
    async fn until(
        &mut self,
        what: &str,
        holds: impl Fn(&pb::ServerInfo) -> bool,
    ) -> anyhow::Result<pb::ServerInfo> {
        loop {
            let mut client = SystemServiceClient::new(self.coordinator.clone());
            if let Ok(info) = client.get_server_info(pb::GetServerInfoRequest {}).await {
                let info = info.into_inner();
                if holds(&info) {
                    return Ok(info);
                }
            }
            self.pause(what).await?;
        }
    }

    /// Waits until nothing more is stored: the store's log, a file beside it, rests.
    async fn at_rest(&mut self) -> anyhow::Result<pb::ServerInfo> {
        const REST: Duration = Duration::from_secs(2);
        let log = self.path("coordinator.db-wal");
        let stamp = || fs::metadata(&log).and_then(|it| it.modified()).ok();
        let (mut last, mut since) = (stamp(), Instant::now());
        while since.elapsed() < REST {
            self.pause("a rest").await?;
            let now = stamp();
            if now != last {
                (last, since) = (now, Instant::now());
            }
        }
        self.until("an answer", |_| true).await
    }

    async fn pause(&mut self, what: &str) -> anyhow::Result<()> {
        for running in &mut self.running {
            if let Some(status) = running.child.try_wait()? {
                let log = self.folder.path().join(format!("{}.log", running.name));
                bail!("{} ended ({status}):\n{}", running.name, tail(&log));
            }
        }
        if Instant::now() >= self.deadline {
            let log = self.path("coordinator.log");
            bail!("waited too long for {what}; the coordinator:\n{}", tail(&log));
        }
        tokio::time::sleep(LOOK_EVERY).await;
        Ok(())
    }

    fn take(&mut self, name: &str) -> anyhow::Result<Running> {
        let found = self.running.iter().position(|it| it.name == name);
        Ok(self.running.remove(found.with_context(|| format!("no {name}"))?))
    }

    fn kill(&mut self, name: &str) -> anyhow::Result<()> {
        let mut running = self.take(name)?;
        running.child.kill()?;
        running.child.wait()?;
        Ok(())
    }

    /// Asks one to end, and waits.
    fn stop(&mut self, name: &str) -> anyhow::Result<()> {
        let mut running = self.take(name)?;
        let asked =
            Command::new("kill").args(["-TERM", &running.child.id().to_string()]).status()?;
        ensure!(asked.success(), "{name} cannot be asked to end");
        let began = Instant::now();
        while running.child.try_wait()?.is_none() {
            if began.elapsed() > DRAIN {
                running.child.kill()?;
                running.child.wait()?;
                bail!("{name} did not end within {DRAIN:?}");
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }
}

impl Drop for Trio {
    fn drop(&mut self) {
        for running in &mut self.running {
            // One that is gone already cannot be killed.
            drop(running.child.kill());
            drop(running.child.wait());
        }
    }
}

fn tail(log: &Path) -> String {
    const LINES: usize = 8;
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}
