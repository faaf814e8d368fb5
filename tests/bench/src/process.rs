//! One program that lies beside this one, as a process of its own, and what it costs. It does not outlive
//! its owner.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// `USER_HZ` of every Linux that Rust runs on.
const TICKS_PER_SECOND: f64 = 100.0;
/// How often its addresses are looked for, and how long.
const LOOK_EVERY: Duration = Duration::from_millis(20);
const START_MAX: Duration = Duration::from_secs(20);

/// A program that serves gRPC.
pub(crate) struct Process {
    name: String,
    child: Child,
    /// Held open: some end when it closes.
    _stdin: Option<ChildStdin>,
    log: PathBuf,
    /// Where it listens.
    pub(crate) address: String,
}

impl Process {
    /// Starts it, and waits until it has written where it listens.
    pub(crate) fn start(
        program: &Path,
        arguments: &[String],
        addresses: &Path,
        log: &Path,
    ) -> anyhow::Result<Self> {
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(File::create(log)?)
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (stdin, log, address) = (child.stdin.take(), log.to_owned(), String::new());
        let mut process = Self { name, child, _stdin: stdin, log, address };
        process.address = process.published(addresses)?;
        Ok(process)
    }

    fn published(&mut self, addresses: &Path) -> anyhow::Result<String> {
        let deadline = Instant::now() + START_MAX;
        loop {
            if let Ok(text) = fs::read_to_string(addresses) {
                let told: std::collections::BTreeMap<String, String> = serde_json::from_str(&text)?;
                return told.into_values().next().context("it listens nowhere");
            }
            let ended = self.child.try_wait()?;
            if ended.is_some() || Instant::now() >= deadline {
                let log = fs::read_to_string(&self.log).unwrap_or_default();
                bail!("{} did not start ({ended:?}):\n{log}", self.name);
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// The CPU time that it took so far, in user and kernel.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        cpu(self.child.id())
    }

    /// Its largest resident size so far, in KiB.
    pub(crate) fn peak_kib(&self) -> anyhow::Result<u64> {
        peak_kib(self.child.id())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has no state that would have to be brought to a good end.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The CPU time that a process took so far, in user and kernel.
pub(crate) fn cpu(pid: u32) -> anyhow::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // Behind the name, which may hold anything, `utime` and `stime` are the 12th and 13th (proc(5)).
    let (_, fields) = stat.rsplit_once(')').context("no name in stat")?;
    let ticks: Vec<u64> =
        fields.split_whitespace().skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    Ok(Duration::from_secs_f64(ticks.iter().sum::<u64>() as f64 / TICKS_PER_SECOND))
}

/// The largest resident size of a process so far, in KiB.
pub(crate) fn peak_kib(pid: u32) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let word = line.and_then(|line| line.split_whitespace().next()).context("no VmHWM")?;
    Ok(word.parse()?)
}
