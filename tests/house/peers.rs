//! Programs that nobody here wrote, started as Python scripts in the pinned environment. Without it
//! their tests are skipped, visibly and with the cure; under `CI=true` that is a failure.

use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::eventually;
use crate::process::read;

/// Names another folder with the environment.
pub const FOLDER_VARIABLE: &str = "EXGATE_PEERS";

/// How long a peer may take for one line.
const LINE: Duration = Duration::from_secs(60);

/// How long a peer may take to end after its input did.
const DRAIN: Duration = Duration::from_secs(5);

/// The environment that the peers live in.
#[derive(Clone, Debug)]
pub struct Peers {
    python: PathBuf,
}

/// A running script. It ends when its standard input does, and is reaped when it is dropped.
#[derive(Debug)]
pub struct Peer {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
    log: PathBuf,
}

impl Peers {
    /// Finds the environment; `None` after a line that says what is skipped.
    ///
    /// # Panics
    /// When there is none, under `CI=true`.
    pub fn find(skipped: &str) -> Option<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the root");
        let folder = std::env::var_os(FOLDER_VARIABLE)
            .map_or_else(|| root.join("target/peers"), PathBuf::from);
        let python = folder.join("bin/python3");
        if python.try_exists().unwrap_or_default() {
            return Some(Self { python });
        }
        let cure = format!(
            "no Python environment at {}; `make tools` makes it, {FOLDER_VARIABLE} names another",
            folder.display()
        );
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{skipped} cannot run: {cure}");
        // Past the test runner's capture, which would hide it.
        let line = format!("SKIPPED {skipped}: {cure}\n");
        drop(std::io::stderr().write_all(line.as_bytes()));
        None
    }

    /// Whether a package can be imported.
    pub fn has(&self, package: &str) -> bool {
        let import = format!("import {package}");
        let tried = Command::new(&self.python).args(["-c", &import]).stderr(Stdio::null()).status();
        tried.is_ok_and(|status| status.success())
    }

    /// Starts a script of `tests/interop`; what it logs goes to a file in `folder`.
    pub fn start(&self, script: &str, arguments: &[&str], folder: &Path) -> Peer {
        let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop").join(script);
        let log = folder.join(format!("{script}.log"));
        let errors = std::fs::File::create(&log).expect("a log file");
        let mut child = Command::new(&self.python)
            .arg("-u")
            .arg(place)
            .args(arguments)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .expect("Python starts");
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let out = child.stdout.take().expect("its output");
        let kept = Arc::clone(&lines);
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
        Peer { child, lines, reader: Some(reader), log }
    }
}

impl Peer {
    /// Everything that it has said so far, a JSON document a line.
    pub fn said(&self) -> Vec<Value> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let read = |line: String| {
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error} in {line}"))
        };
        lines.into_iter().map(read).collect()
    }

    /// Its first line, once it is there.
    ///
    /// # Panics
    /// With what it logged, when it ends without one.
    pub async fn first(&mut self) -> Value {
        eventually(LINE, "the peer speaks", async || {
            if let Some(first) = self.said().into_iter().next() {
                return Ok(first);
            }
            let ended = self.child.try_wait().expect("the peer can be reaped");
            // The reader may not have come to the last line yet when the process has ended.
            let is_read = self.reader.as_ref().is_none_or(JoinHandle::is_finished);
            if let (Some(status), true, []) = (ended, is_read, self.said().as_slice()) {
                panic!("the peer ended with {status}:\n{}", read(&self.log));
            }
            Err(read(&self.log))
        })
        .await
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // It takes its own files away when it is let.
        let begun = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && begun.elapsed() < DRAIN {
            std::thread::sleep(Duration::from_millis(10));
        }
        drop(self.child.kill());
        drop(self.child.wait());
        if let Some(reader) = self.reader.take() {
            drop(reader.join());
        }
        if std::thread::panicking() {
            eprintln!("--- {} ---\n{}", self.log.display(), read(&self.log));
        }
    }
}
