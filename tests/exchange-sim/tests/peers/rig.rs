//! Starts a simulator in this process and Python scripts of `peers/` beside it. A script gets one JSON
//! document on its standard input and prints one; anything else it has to say goes to standard error.
//! Without the pinned Python environment such a test is skipped, visibly; under `CI=true` it fails.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use exchange_sim::Simulator;
use exchange_sim::control::Control;
use exchange_sim::settings::{Account, Settings};
use exgate_runtime::Tasks;

/// Names another folder with the environment than `target/peers`.
const FOLDER_VARIABLE: &str = "SIMULATOR_PEERS";

/// The account of [`settings`], and its password.
pub(crate) const ACCOUNT: &str = "CONTOSO\\svc-admin";
pub(crate) const PASSWORD: &str = "correct horse battery";

/// The pinned Python environment.
#[derive(Clone, Debug)]
pub(crate) struct Peers {
    python: PathBuf,
}

/// A simulator with a state directory of its own.
#[derive(Debug)]
pub(crate) struct Rig {
    pub(crate) simulator: Simulator,
    tasks: Tasks,
    folder: TempDir,
}

/// A small world: both default organizations, 40 mailboxes and 60 phones each.
pub(crate) fn settings() -> Settings {
    Settings { mailboxes: 40, devices: 60, ..Settings::new(Account::new(ACCOUNT, PASSWORD)) }
}

impl Peers {
    /// Finds the environment; `None` after a line that says what is skipped.
    pub(crate) fn find(skipped: &str) -> Option<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let folder = std::env::var_os(FOLDER_VARIABLE)
            .map_or_else(|| root.join("target/peers"), PathBuf::from);
        let python = folder.join("bin/python3");
        if python.try_exists().unwrap_or_default() {
            return Some(Self { python });
        }
        let cure = format!("no Python at {}; `make tools` installs it", python.display());
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{skipped} cannot run: {cure}");
        // Past the test runner's capture, which would hide it.
        drop(std::io::stderr().write_all(format!("SKIPPED {skipped}: {cure}\n").as_bytes()));
        None
    }

    /// Whether it has these modules; else a line says what is skipped.
    ///
    /// # Panics
    /// When one is missing, under `CI=true`.
    pub(crate) fn has(&self, modules: &[&str], skipped: &str) -> bool {
        let code = format!("import {}", modules.join(", "));
        let ran = std::process::Command::new(&self.python).args(["-c", &code]).output();
        let is_there = ran.is_ok_and(|ran| ran.status.success());
        if !is_there {
            let cure = format!("no Python modules {modules:?}; `make tools` installs them");
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{skipped} cannot run: {cure}");
            let line = format!("SKIPPED {skipped}: {cure}\n");
            drop(std::io::stderr().write_all(line.as_bytes()));
        }
        is_there
    }

    /// Its Python.
    pub(crate) fn python(&self) -> &Path {
        &self.python
    }

    /// Runs a script of `peers/` to its end and returns what it printed.
    ///
    /// # Panics
    /// When it fails, prints no JSON, or takes longer than `limit`; with what it logged.
    pub(crate) async fn run(&self, script: &str, input: &Value, limit: Duration) -> Value {
        let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(script);
        let mut child = Command::new(&self.python)
            .arg(place)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("Python starts");
        let mut stdin = child.stdin.take().expect("its input");
        stdin.write_all(input.to_string().as_bytes()).await.expect("it reads");
        drop(stdin);
        let output = tokio::time::timeout(limit, child.wait_with_output()).await;
        let output = output.unwrap_or_else(|_| panic!("{script} took longer than {limit:?}"));
        let output = output.expect("it can be waited for");
        let (text, log) = (output.stdout, String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{script} ended with {}:\n{log}", output.status);
        serde_json::from_slice(&text).unwrap_or_else(|error| {
            panic!("{script}: {error} in {}\n{log}", String::from_utf8_lossy(&text))
        })
    }
}

impl Rig {
    /// Starts a simulator; its state directory is made here.
    pub(crate) async fn start(settings: Settings) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = Settings { state: Some(folder.path().to_owned()), ..settings };
        let tasks = Tasks::new();
        let simulator = Simulator::start(settings, &tasks).await.expect("the simulator starts");
        Self { simulator, tasks, folder }
    }

    pub(crate) fn control(&self) -> &Control {
        self.simulator.control()
    }

    /// What a script needs to reach an organization as [`ACCOUNT`].
    pub(crate) fn reach(&self, organization: &str) -> Value {
        let endpoint = self.simulator.addresses().organization(organization);
        let endpoint = endpoint.expect("the organization is there");
        json!({
            "host": endpoint.host,
            "port": endpoint.port,
            "ca": self.folder.path().join("ca.pem"),
            "account": ACCOUNT,
            "password": PASSWORD,
        })
    }

    /// A file of its state directory.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Ends it; whatever failed in the background fails the test.
    pub(crate) async fn stop(self) {
        self.tasks.shutdown(Duration::from_secs(5)).await.expect("everything ends");
        assert!(self.tasks.failure().is_none());
    }
}
