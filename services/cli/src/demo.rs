//! `exgate demo`: the main job on this machine, played with real processes. It starts the services and
//! the simulator that lie beside it, plays the MDM by replacing record files, tells what happens, and
//! starts a process again that somebody ended.

mod folder;
mod children;
mod stage;
mod desk;
mod story;
mod told;

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use exgate_runtime::clock::Clock;
use exgate_runtime::signals::Signals;

use crate::args::Demo;
use crate::failure::Failure;
use crate::render::Terminal;

use children::Children;
use folder::Folder;
use story::Story;
use told::Told;

/// The organizations of the demo: name, and the Exchange each one runs.
const ORGANIZATIONS: [(&str, &str); 2] = [("contoso", "2019"), ("fabrikam", "2010")];
/// How often the story looks around.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Why the demo could not be played.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    /// Something in its folder cannot be read or written.
    #[error("cannot use {}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A process does not start.
    #[error("cannot start {}; build it first: make build", program.display())]
    Start {
        /// Its program.
        program: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A process ends again and again.
    #[error("{name} ended {times} times within a minute; its last lines:\n{log}")]
    Failing {
        /// The process.
        name: String,
        /// How often.
        times: usize,
        /// The end of its log.
        log: String,
    },
    /// A process does not get ready.
    #[error("{what} was not there within {} s; see {}", limit.as_secs(), logs.display())]
    NotReady {
        /// What was waited for.
        what: &'static str,
        /// How long.
        limit: Duration,
        /// Where the processes log.
        logs: PathBuf,
    },
    /// The simulator does not answer as it should.
    #[error("the simulator did not answer {path}: {problem}")]
    Simulator {
        /// What was asked.
        path: String,
        /// What went wrong.
        problem: String,
    },
    /// No free port.
    #[error("no free port on 127.0.0.1")]
    Port(#[source] io::Error),
}

/// Plays until a signal, or for as long as was asked.
pub(crate) async fn run(args: Demo, terminal: &Terminal) -> Result<(), Failure> {
    let mut signals = Signals::catch().map_err(Failure::Output)?;
    let begun = Instant::now();
    let told = Told::new(terminal);
    let folder = Folder::make(&args)?;
    let mut children = Children::new(&folder);
    let played = {
        let play = play(&args, &folder, &mut children, &told, begun);
        let length = async {
            match args.length {
                Some(length) => tokio::time::sleep(length).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            played = play => played,
            _ = signals.next() => Ok(()),
            () = terminal_closed() => Ok(()),
            () = length => Ok(()),
        }
    };
    told.clear();
    told.line("Stopping: agents, coordinator, evaluator, simulator.");
    children.stop().await;
    match (args.keep, &played) {
        (false, Ok(())) => folder.remove()?,
        _ => told.line(&format!("Everything it wrote is in {}.", folder.root().display())),
    }
    played
}

/// Waits until the terminal goes away, which must not leave processes behind.
#[cfg(unix)]
async fn terminal_closed() {
    use tokio::signal::unix::{SignalKind, signal};

    match signal(SignalKind::hangup()) {
        Ok(mut hangup) => drop(hangup.recv().await),
        Err(_) => std::future::pending().await,
    }
}

/// Windows ends every process of a console that is closed.
#[cfg(not(unix))]
async fn terminal_closed() {
    std::future::pending().await
}

async fn play(
    args: &Demo,
    folder: &Folder,
    children: &mut Children,
    told: &Told,
    begun: Instant,
) -> Result<(), Failure> {
    let clock = Clock::system();
    let stage = children.start_exchange(args, folder, told).await?;
    let mut story = Story::open(stage, folder, told, begun, &clock).await?;
    children.start_services(folder, told, story.stage()).await?;
    story.hint();
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        look.tick().await;
        children.revive(told)?;
        story.go_on(clock.now()).await?;
    }
}
