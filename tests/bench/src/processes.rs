//! The real programs, found beside this one, each a process of its own. Whatever happens, none outlives
//! the [`House`] that started it.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tempfile::TempDir;

use exgate_proto::types::v1::PolicyFile;
use exgate_proto::v1 as pb;
use exgate_proto::v1::policy_service_client::PolicyServiceClient;
use exgate_proto::v1::sync_service_client::SyncServiceClient;
use exgate_runtime::grpc::Channel;
use exgate_runtime::listen::Endpoint;
use exgate_runtime::signals::Signals;

use crate::process;

const ORGANIZATION: &str = "contoso";
const ACCOUNT: &str = r"CONTOSO\svc-bench";
/// How often something that is waited for is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Lines of a log that tell why a process failed.
const LOG_LINES: usize = 8;

/// One organization with everything around it: simulator, evaluator, coordinator, agent.
pub(crate) struct House {
    programs: PathBuf,
    coordinator: Channel,
    deadline: Instant,
    /// In the order in which they were started; ended the other way round.
    running: Vec<Running>,
    ports: Ports,
    folder: TempDir,
}

struct Running {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

/// How a client reaches the simulated organization, on this machine.
pub(crate) struct Site {
    pub(crate) port: u16,
    pub(crate) account: String,
    pub(crate) password_file: PathBuf,
    pub(crate) ca_file: PathBuf,
}

/// A finished sync.
pub(crate) struct Synced {
    /// Devices that were looked at.
    pub(crate) devices: u64,
    /// From the agent's start to the end of the sync.
    pub(crate) wall: Duration,
}

impl House {
    /// Starts everything around an organization with that many devices.
    pub(crate) async fn start(devices: usize, seed: u64, limit: Duration) -> anyhow::Result<Self> {
        let mut house = Self::exchange_only(devices, seed, limit).await?;
        house.launch_service("exgate-evaluator")?;
        house.launch_service("exgate-coordinator")?;
        house.answers(house.ports.evaluator).await?;
        house.answers(house.ports.coordinator).await?;
        house.apply_organization().await?;
        Ok(house)
    }

    /// Starts an organization with that many devices, and nothing around it.
    pub(crate) async fn exchange_only(
        devices: usize,
        seed: u64,
        limit: Duration,
    ) -> anyhow::Result<Self> {
        let myself = std::env::current_exe()?;
        let programs = myself.parent().context("this program lies nowhere")?.to_owned();
        let ports = Ports::free()?;
        let folder = tempfile::Builder::new().prefix("exgate-bench-").tempdir()?;
        let url = format!("http://127.0.0.1:{}", ports.coordinator);
        let mut house = Self {
            programs,
            coordinator: Channel::new(&Endpoint::parse("coordinator", &url)?),
            deadline: Instant::now() + limit,
            running: Vec::new(),
            ports,
            folder,
        };
        house.configure()?;
        let flags = simulator_flags(house.folder.path(), &house.ports, devices, seed);
        house.launch("exchange-sim", &flags)?;
        house.answers(house.ports.exchange).await?;
        Ok(house)
    }

    /// Starts the agent, and waits until its first full sync has succeeded.
    pub(crate) async fn sync(&mut self) -> anyhow::Result<Synced> {
        let began = Instant::now();
        self.launch_service("exgate-agent")?;
        self.synced(began, |run| run.mode() == pb::SyncMode::Full).await
    }

    /// Asks for one more full sync, and waits until it has succeeded.
    pub(crate) async fn sync_again(&mut self) -> anyhow::Result<Synced> {
        let began = Instant::now();
        let request = pb::RunSyncRequest {
            parent: format!("organizations/{ORGANIZATION}"),
            mode: pb::SyncMode::Full.into(),
            validate_only: false,
        };
        let mut client = SyncServiceClient::new(self.coordinator.clone());
        let name = client.run_sync(request).await.context("asking for a full sync")?;
        let name = name.into_inner().name;
        self.synced(began, |run| run.name == name).await
    }

    /// Waits until the first of these syncs has succeeded.
    async fn synced(
        &mut self,
        began: Instant,
        is_meant: impl Fn(&pb::SyncRun) -> bool,
    ) -> anyhow::Result<Synced> {
        loop {
            self.pause("a full sync").await?;
            for run in self.syncs().await?.iter().filter(|run| is_meant(run)) {
                match run.state() {
                    pb::SyncRunState::Succeeded => {
                        return Ok(Synced { devices: run.devices_seen, wall: began.elapsed() });
                    }
                    pb::SyncRunState::Failed => bail!("the full sync failed: {run:?}"),
                    _ => {}
                }
            }
        }
    }

    /// The agent's largest resident size so far, in KiB.
    pub(crate) fn agent_peak_kib(&self) -> anyhow::Result<u64> {
        self.peak_kib("exgate-agent")
    }

    /// The simulator's largest resident size so far, in KiB.
    pub(crate) fn simulator_peak_kib(&self) -> anyhow::Result<u64> {
        self.peak_kib("exchange-sim")
    }

    /// The CPU time that the simulator took so far, in user and kernel.
    pub(crate) fn simulator_cpu(&self) -> anyhow::Result<Duration> {
        process::cpu(self.pid("exchange-sim")?)
    }

    /// The port of the simulator's control surface.
    pub(crate) fn control_port(&self) -> u16 {
        self.ports.control
    }

    fn pid(&self, name: &str) -> anyhow::Result<u32> {
        let found = self.running.iter().find(|it| it.name == name);
        Ok(found.with_context(|| format!("no {name}"))?.child.id())
    }

    fn peak_kib(&self, name: &str) -> anyhow::Result<u64> {
        process::peak_kib(self.pid(name)?)
    }

    /// The value of one of the agent's metrics, once it is above zero.
    pub(crate) async fn agent_metric(&mut self, name: &str) -> anyhow::Result<u64> {
        loop {
            let text = scrape(self.ports.metrics).await.unwrap_or_default();
            let mut lines = text.lines().filter(|line| !line.starts_with('#'));
            let line = lines.find(|line| {
                line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']))
            });
            let value = line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
            if let Some(value) = value.filter(|value| *value > 0.0) {
                return Ok(value as u64);
            }
            self.pause(name).await?;
        }
    }

    /// How a client reaches the organization.
    pub(crate) fn site(&self) -> Site {
        Site {
            port: self.ports.exchange,
            account: ACCOUNT.to_owned(),
            password_file: self.folder.path().join("password"),
            ca_file: self.folder.path().join("exchange/ca.pem"),
        }
    }

    /// Ends everything, the last started first.
    pub(crate) fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        while let Some(mut running) = self.running.pop() {
            // Its state is thrown away: there is nothing to bring to a good end. A process that is gone
            // already cannot be killed.
            drop(running.child.kill());
            drop(running.child.wait());
        }
    }

    fn configure(&self) -> anyhow::Result<()> {
        let path = |name: &str| self.folder.path().join(name);
        let write = |name: &str, text: String| {
            let path = path(name);
            fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
        };
        write("password", "correct horse battery staple".to_owned())?;
        only_owner(&path("password"))?;
        let Ports { exchange, evaluator, coordinator, metrics, .. } = &self.ports;
        write(
            "exgate-evaluator.toml",
            format!(
                "[server]\nlisten = \"127.0.0.1:{evaluator}\"\n\
                 [telemetry]\nmetrics_listen = \"off\"\n"
            ),
        )?;
        write(
            "exgate-coordinator.toml",
            format!(
                "[server]\nlisten = \"127.0.0.1:{coordinator}\"\n[store]\npath = {:?}\n\
                 [evaluator]\nendpoints = [\"http://127.0.0.1:{evaluator}\"]\n\
                 [telemetry]\nmetrics_listen = \"off\"\n",
                path("coordinator.db"),
            ),
        )?;
        write(
            "exgate-agent.toml",
            format!(
                "[coordinator]\nendpoint = \"http://127.0.0.1:{coordinator}\"\n\
                 organization = {ORGANIZATION:?}\nbackoff_min = \"100ms\"\nbackoff_max = \"1s\"\n\
                 [exchange]\nserver = \"localhost\"\nauth = \"basic\"\nport = {exchange}\nuser = {ACCOUNT:?}\n\
                 password_file = {:?}\nca_file = {:?}\n[spool]\npath = {:?}\n\
                 [telemetry]\nmetrics_listen = \"127.0.0.1:{metrics}\"\n",
                path("password"),
                path("exchange/ca.pem"),
                path("spool"),
            ),
        )
    }

    fn launch_service(&mut self, name: &'static str) -> anyhow::Result<()> {
        let config = self.folder.path().join(format!("{name}.toml"));
        self.launch(name, &["--config".to_owned(), config.display().to_string()])
    }

    fn launch(&mut self, name: &'static str, arguments: &[String]) -> anyhow::Result<()> {
        let program = self.programs.join(name);
        let log = self.folder.path().join(format!("{name}.log"));
        let file = File::create(&log)?;
        let child = Command::new(&program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        self.running.push(Running { name, child, log });
        Ok(())
    }

    async fn apply_organization(&mut self) -> anyhow::Result<()> {
        let document = format!("apiVersion: exgate/v1\nkind: Organization\nname: {ORGANIZATION}\n");
        let file = PolicyFile { path: "contoso.yaml".to_owned(), content: document.into_bytes() };
        let request =
            pb::ApplyDocumentsRequest { files: vec![file], validate_only: false, prune: false };
        let mut client = PolicyServiceClient::new(self.coordinator.clone());
        client.apply_documents(request).await.context("applying the organization")?;
        Ok(())
    }

    async fn syncs(&self) -> anyhow::Result<Vec<pb::SyncRun>> {
        let mut client = SyncServiceClient::new(self.coordinator.clone());
        let request = pb::ListSyncRunsRequest {
            parent: format!("organizations/{ORGANIZATION}"),
            page_size: 10,
            ..pb::ListSyncRunsRequest::default()
        };
        Ok(client.list_sync_runs(request).await?.into_inner().sync_runs)
    }

    async fn answers(&mut self, port: u16) -> anyhow::Result<()> {
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            self.pause("an open port").await?;
        }
        Ok(())
    }

    /// Waits a moment for something; not beyond the deadline, and not for the dead.
    async fn pause(&mut self, what: &str) -> anyhow::Result<()> {
        for running in &mut self.running {
            if let Some(status) = running.child.try_wait()? {
                bail!("{} ended ({status}):\n{}", running.name, tail(&running.log));
            }
        }
        if Instant::now() >= self.deadline {
            let logs = self.running.iter().map(|it| format!("{}:\n{}", it.name, tail(&it.log)));
            bail!("waited too long for {what}\n{}", logs.collect::<Vec<_>>().join("\n"));
        }
        tokio::time::sleep(LOOK_EVERY).await;
        Ok(())
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.end();
    }
}

/// Ports that nobody listened on just now.
struct Ports {
    exchange: u16,
    control: u16,
    evaluator: u16,
    coordinator: u16,
    metrics: u16,
}

impl Ports {
    fn free() -> std::io::Result<Self> {
        // Held together, so that no two are the same.
        let bind = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let held = [bind()?, bind()?, bind()?, bind()?, bind()?];
        let [exchange, control, evaluator, coordinator, metrics] = held.each_ref().map(port);
        Ok(Self {
            exchange: exchange?,
            control: control?,
            evaluator: evaluator?,
            coordinator: coordinator?,
            metrics: metrics?,
        })
    }
}

fn port(listener: &TcpListener) -> std::io::Result<u16> {
    listener.local_addr().map(|address| address.port())
}

fn simulator_flags(folder: &Path, ports: &Ports, devices: usize, seed: u64) -> Vec<String> {
    let path = |name: &str| folder.join(name).display().to_string();
    [
        "serve".to_owned(),
        format!("--state={}", path("exchange")),
        format!("--organization={ORGANIZATION}:2019:{}", ports.exchange),
        format!("--mailboxes={}", devices / 2 + devices / 40),
        format!("--devices={devices}"),
        format!("--seed={seed}"),
        "--mode=explicit".to_owned(),
        format!("--control=127.0.0.1:{}", ports.control),
        format!("--account={ACCOUNT}"),
        format!("--password-file={}", path("password")),
    ]
    .to_vec()
}

fn only_owner(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
}

/// Ends with the house, and the house with all its processes, when somebody wants this program to end.
pub(crate) async fn unless_interrupted<T>(
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    let mut signals = Signals::catch()?;
    tokio::select! {
        done = work => done,
        signal = signals.next() => bail!("interrupted by {signal}"),
    }
}

/// What a metrics listener says.
async fn scrape(port: u16) -> std::io::Result<String> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    Ok(text)
}

fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
}
