//! A simulator as a process of its own, its command line, and a client that calls one cmdlet.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::rig::Peers;

const PROGRAM: &str = env!("CARGO_BIN_EXE_exchange-sim");
/// How long one command may take, and a start.
const COMMAND_MAX: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A process that serves; it ends with this.
#[derive(Debug)]
pub(crate) struct Served {
    _child: Child,
    folder: TempDir,
}

impl Served {
    /// Starts it with these flags, and waits until it answers.
    pub(crate) async fn start(flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let child = Command::new(PROGRAM)
            .args(["serve", "--mode", "explicit", "--log", "warn", "--state"])
            .arg(folder.path())
            .args(flags)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("exchange-sim starts");
        let served = Self { _child: child, folder };
        let answers = async {
            while !served.ask(&["status"]).await.status.success() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::time::timeout(COMMAND_MAX, answers).await.expect("it answers in time");
        served
    }

    /// Its state directory.
    pub(crate) fn state(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a command of the command line against it.
    pub(crate) async fn ask(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).arg("--state").arg(self.state());
        output(command).await
    }

    /// What a command prints; its failure is the test's.
    pub(crate) async fn said(&self, arguments: &[&str]) -> String {
        let output = self.ask(arguments).await;
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?} failed: {log}");
        String::from_utf8(output.stdout).expect("text")
    }

    /// What the client says of one cmdlet.
    pub(crate) async fn call(&self, peers: &Peers, arguments: &[&str]) -> String {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/call.py");
        let mut command = Command::new(peers.python());
        command.arg(script).arg("--state").arg(self.state()).args(arguments);
        let output = output(command).await;
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(!output.stdout.is_empty(), "{arguments:?} said nothing: {log}");
        String::from_utf8(output.stdout).expect("text")
    }
}

async fn output(mut command: Command) -> Output {
    command.env("PYTHONDONTWRITEBYTECODE", "1").stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(COMMAND_MAX, command.output()).await;
    output.expect("it ends in time").expect("it starts")
}
