//! The demo's processes: started in order, started again when somebody ends one, and ended in the
//! reverse order. None outlives the demo.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::process::{Child, Command};

use super::folder::Folder;
use super::stage::Stage;
use super::told::Told;
use super::{DemoError, ORGANIZATIONS};
use crate::args::Demo;
use crate::connect::Coordinator;
use crate::failure::Failure;

/// How long a process may take to be there; builds in debug mode on a loaded machine are slow.
const READY_LIMIT: Duration = Duration::from_secs(60);
/// How long a process may take to end.
const STOP_LIMIT: Duration = Duration::from_secs(10);
/// How often one may end within [`FAILING_WITHIN`] before the demo gives up.
const ENDINGS_MAX: usize = 5;
const FAILING_WITHIN: Duration = Duration::from_secs(60);
/// Lines of a log that are shown when its process fails.
const LOG_LINES: usize = 8;

/// One process and how to start it again.
#[derive(Debug)]
struct Process {
    name: String,
    program: PathBuf,
    flags: Vec<String>,
    log: PathBuf,
    child: Option<Child>,
    endings: Vec<Instant>,
}

/// All processes of the demo, in the order they start.
#[derive(Debug)]
pub(super) struct Children {
    programs: PathBuf,
    logs: PathBuf,
    processes: Vec<Process>,
    /// What the simulator announced.
    endpoints: Value,
}

impl Children {
    /// No process yet; programs are looked for beside this one.
    pub(super) fn new(folder: &Folder) -> Self {
        let beside = std::env::current_exe().ok();
        let programs = beside.as_deref().and_then(Path::parent).map(Path::to_owned);
        let logs = folder.path("logs");
        let programs = programs.unwrap_or_default();
        Self { programs, logs, processes: Vec::new(), endpoints: Value::Null }
    }

    /// Starts the simulated organizations.
    pub(super) async fn start_exchange(
        &mut self,
        args: &Demo,
        folder: &Folder,
        told: &Told,
    ) -> Result<Stage, Failure> {
        self.launch("exchange-sim", "exchange-sim", folder.simulator_flags(args))?;
        self.endpoints = self.endpoints(folder).await?;
        told.done(&format!(
            "exchange-sim   2 organizations of {} mailboxes and {} devices",
            args.mailboxes, args.devices
        ));
        let control = self.endpoints.get("control").and_then(Value::as_str).unwrap_or_default();
        Ok(Stage::new(Coordinator::at(&folder.server(), None)?, control.to_owned()))
    }

    /// Starts the services and applies the demo's documents.
    pub(super) async fn start_services(
        &mut self,
        folder: &Folder,
        told: &Told,
        stage: &Stage,
    ) -> Result<(), Failure> {
        let config = |name: &str| {
            let file = folder.path(&format!("config/{name}.toml"));
            vec!["--config".to_owned(), file.display().to_string()]
        };
        self.launch("evaluator", "exgate-evaluator", config("evaluator"))?;
        self.launch("coordinator", "exgate-coordinator", config("coordinator"))?;
        self.coordinator(&stage.coordinator).await?;
        told.done(&format!("coordinator    {}", folder.server()));
        told.done("evaluator");
        stage.coordinator.apply(documents()).await?;
        for (organization, version) in ORGANIZATIONS {
            let port = port(&self.endpoints, organization).unwrap_or_default();
            folder.write_agent(organization, port)?;
            let name = format!("agent {organization}");
            let settings = config(&format!("agent-{organization}"));
            self.launch(&name, "exgate-agent", settings)?;
            told.done(&format!(
                "{name:<14} Exchange {version} (simulated), https://localhost:{port}"
            ));
        }
        Ok(())
    }

    /// Starts again what has ended.
    pub(super) fn revive(&mut self, told: &Told) -> Result<(), DemoError> {
        for process in &mut self.processes {
            let ended = match process.child.as_mut().map(Child::try_wait) {
                Some(Ok(Some(status))) => status,
                Some(Ok(None) | Err(_)) | None => continue,
            };
            told.warn(&format!("{} ended ({ended}); starting it again", process.name));
            let now = Instant::now();
            process.endings.retain(|ending| now.duration_since(*ending) < FAILING_WITHIN);
            process.endings.push(now);
            if process.endings.len() > ENDINGS_MAX {
                return Err(DemoError::Failing {
                    name: process.name.clone(),
                    times: process.endings.len(),
                    log: tail(&process.log),
                });
            }
            process.start()?;
        }
        Ok(())
    }

    /// Ends everything, the last started first.
    pub(super) async fn stop(&mut self) {
        for process in self.processes.iter_mut().rev() {
            let Some(mut child) = process.child.take() else { continue };
            ask_to_end(&child);
            if tokio::time::timeout(STOP_LIMIT, child.wait()).await.is_err() {
                // It did not listen; nothing of the demo may stay behind.
                drop(child.kill().await);
            }
        }
    }

    fn launch(&mut self, name: &str, program: &str, flags: Vec<String>) -> Result<(), DemoError> {
        let log = self.logs.join(format!("{}.log", name.replace(' ', "-")));
        let program = self.programs.join(format!("{program}{}", std::env::consts::EXE_SUFFIX));
        let endings = Vec::new();
        let mut process =
            Process { name: name.to_owned(), program, flags, log, child: None, endings };
        process.start()?;
        self.processes.push(process);
        Ok(())
    }

    /// Waits for the simulator's ports.
    async fn endpoints(&mut self, folder: &Folder) -> Result<Value, DemoError> {
        let path = folder.path("sim/endpoints.json");
        let begun = Instant::now();
        loop {
            let read = fs::read(&path).ok();
            if let Some(endpoints) = read.and_then(|json| serde_json::from_slice(&json).ok()) {
                return Ok(endpoints);
            }
            self.wait("the simulator", begun).await?;
        }
    }

    async fn coordinator(&mut self, coordinator: &Coordinator) -> Result<(), DemoError> {
        let begun = Instant::now();
        while coordinator.server_info(exgate_proto::v1::GetServerInfoRequest {}).await.is_err() {
            self.wait("the coordinator", begun).await?;
        }
        Ok(())
    }

    /// A moment's patience, unless something has ended or it takes too long.
    async fn wait(&mut self, what: &'static str, begun: Instant) -> Result<(), DemoError> {
        for process in &mut self.processes {
            if let Some(Ok(Some(_))) = process.child.as_mut().map(Child::try_wait) {
                let (name, log) = (process.name.clone(), tail(&process.log));
                return Err(DemoError::Failing { name, times: 1, log });
            }
        }
        if begun.elapsed() > READY_LIMIT {
            let logs = self.logs.clone();
            return Err(DemoError::NotReady { what, limit: READY_LIMIT, logs });
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        Ok(())
    }
}

impl Process {
    fn start(&mut self) -> Result<(), DemoError> {
        let log = File::options().create(true).append(true).open(&self.log);
        let log = log.map_err(|source| DemoError::File { path: self.log.clone(), source })?;
        let mut command = Command::new(&self.program);
        command.args(&self.flags).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        command.kill_on_drop(true);
        // A Ctrl-C on the terminal is for the demo, which ends its processes in order.
        #[cfg(unix)]
        command.process_group(0);
        let child = command.spawn();
        let started =
            child.map_err(|source| DemoError::Start { program: self.program.clone(), source });
        self.child = Some(started?);
        Ok(())
    }
}

#[cfg(unix)]
fn ask_to_end(child: &Child) {
    let pid =
        child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid
        && let Err(error) = rustix::process::kill_process(pid, rustix::process::Signal::TERM)
    {
        tracing::debug!(%error, "a process was gone already");
    }
}

/// Windows has no signal that asks; the process is ended by force after the limit.
#[cfg(not(unix))]
fn ask_to_end(_: &Child) {}

/// The documents of the demo, as `exgate apply` would send them.
fn documents() -> exgate_proto::v1::ApplyDocumentsRequest {
    let file = |path: &str, text: &str| exgate_proto::types::v1::PolicyFile {
        path: path.to_owned(),
        content: text.as_bytes().to_vec(),
    };
    exgate_proto::v1::ApplyDocumentsRequest {
        files: vec![
            file("policies/phones.yaml", include_str!("policies.yaml")),
            file("policies/organizations.yaml", include_str!("organizations.yaml")),
        ],
        validate_only: false,
        prune: false,
    }
}

/// Finds an organization's port in what the simulator announced.
fn port(endpoints: &Value, organization: &str) -> Option<u16> {
    let entry = endpoints
        .get("organizations")?
        .as_array()?
        .iter()
        .find(|entry| entry.get("name").and_then(Value::as_str) == Some(organization))?;
    u16::try_from(entry.get("port")?.as_u64()?).ok()
}

/// The last lines of a log.
fn tail(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(LOG_LINES);
    lines.get(from..).unwrap_or_default().join("\n")
}
