//! Owns real processes: the binaries beside the test's own, started, killed and always reaped.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Names another folder with the binaries.
pub const FOLDER_VARIABLE: &str = "EXGATE_BIN_DIR";

/// How long a process may take to end after it was asked to.
const DRAIN: Duration = Duration::from_secs(30);

/// A binary of ours.
///
/// # Panics
/// When it was not built: `make build` does that, `cargo test` alone does not.
pub fn binary(name: &str) -> PathBuf {
    let folder = std::env::var_os(FOLDER_VARIABLE).map_or_else(
        || {
            // target/debug/deps/scenarios-0123 lies one folder below the binaries.
            let own = std::env::current_exe().expect("the test's own path");
            own.ancestors().nth(2).expect("a folder").to_owned()
        },
        PathBuf::from,
    );
    let path = folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    let built = path.try_exists().expect("a readable folder");
    assert!(built, "{} is missing: run `make build`, or `cargo build --bins`", path.display());
    path
}

/// What is started, again and again.
#[derive(Clone, Debug)]
pub struct Program {
    /// The binary.
    pub binary: PathBuf,
    /// Its flags.
    pub arguments: Vec<String>,
    /// What is added to its environment.
    pub environment: Vec<(String, String)>,
    /// Where its two outputs go, appended.
    pub log: PathBuf,
}

/// A running process; killed and reaped when it is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts it.
    pub fn start(&self) -> Process {
        let log = File::options().create(true).append(true).open(&self.log).expect("a log file");
        let errors = log.try_clone().expect("a log file");
        let child = self
            .command()
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", self.binary.display()));
        Process { child, log: self.log.clone() }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(&self.arguments);
        clean(&mut command);
        command.envs(self.environment.iter().map(|(key, value)| (key, value)));
        command
    }
}

/// Takes away what the developer's own shell would tell a process of ours.
pub fn clean(command: &mut Command) {
    for (key, _) in std::env::vars_os().filter(|(key, _)| is_ours(key)) {
        command.env_remove(key);
    }
}

/// Whether a variable is one that processes of ours listen to.
pub fn is_ours(key: &OsString) -> bool {
    let key = key.to_string_lossy();
    key.starts_with("EXGATE") || key.starts_with("OTEL_")
}

impl Process {
    /// Ends it without warning, as a power cut does.
    pub fn kill(&mut self) {
        // An error says that it has ended by itself; the wait says how.
        drop(self.child.kill());
        self.child.wait().expect("the process can be reaped");
    }

    /// Asks it to end, and waits.
    pub fn stop(&mut self) -> ExitStatus {
        self.signal("-TERM")
    }

    /// Does what Ctrl-C in a terminal does, and waits.
    pub fn interrupt(&mut self) -> ExitStatus {
        self.signal("-INT")
    }

    fn signal(&mut self, signal: &str) -> ExitStatus {
        let asked = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(asked.is_ok_and(|status| status.success()), "the process cannot be asked");
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("the process can be reaped") {
                return status;
            }
            assert!(begun.elapsed() < DRAIN, "it did not end within {DRAIN:?}:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The ids of the processes that it has started and that live.
    #[cfg(target_os = "linux")]
    pub fn children(&self) -> Vec<u32> {
        let of_it = |id: &u32| parent(*id) == Some(self.child.id());
        let entries = std::fs::read_dir("/proc").expect("the list of processes");
        let ids = entries.filter_map(|it| it.ok()?.file_name().to_str()?.parse().ok());
        ids.filter(of_it).collect()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the process can be reaped")
    }

    /// All that it has said.
    pub fn log(&self) -> String {
        read(&self.log)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = self.log();
            let last: Vec<_> = log.lines().rev().take(40).collect();
            let last: Vec<_> = last.into_iter().rev().collect();
            eprintln!("--- {} ---\n{}", self.log.display(), last.join("\n"));
        }
    }
}

/// Whose child a process is, if it lives and is not merely waiting to be reaped.
#[cfg(target_os = "linux")]
pub fn parent(process: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name in brackets may hold anything; state and parent follow it.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let is_dead = matches!(fields.next()?, "Z" | "X");
    let parent = fields.next()?.parse().ok()?;
    (!is_dead).then_some(parent)
}

/// A file's text, empty when there is none.
pub fn read(path: &Path) -> String {
    std::fs::read(path)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default()
}
