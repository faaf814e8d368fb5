//! One file per command: ask, then print. What a command prints is a pure function of what it was told,
//! so that its words are tested without a coordinator.

mod status;
mod get;
mod describe;
mod why;
mod sync;
mod mode;
mod doctor;
mod apply;
pub(crate) mod policy;
mod simulate;
mod version;

use clap::CommandFactory;

use crate::args::{Args, Command};
use crate::connect::Coordinator;
use crate::failure::Failure;
use crate::render::Terminal;

/// What every command works with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Session<'a> {
    /// Whom to ask.
    pub(crate) coordinator: &'a Coordinator,
    /// Where to print.
    pub(crate) terminal: &'a Terminal,
}

/// Runs what was typed.
pub(crate) async fn run(
    args: Args,
    coordinator: &Coordinator,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let Args { global, command } = args;
    let session = Session { coordinator, terminal };
    let organization = global.organization;
    if terminal.csv && !matches!(command, Command::Simulate(_)) {
        let message = format!("{} has no CSV", command.name());
        return Err(Failure::Usage { message, cure: "use -o json or -o table".to_owned() });
    }
    match command {
        Command::Status(status) => status::run(session, status, organization).await,
        Command::Get(get) => get::run(session, get, organization).await,
        Command::Describe(describe) => describe::run(session, describe, organization).await,
        Command::Why(why) => why::run(session, why, organization).await,
        Command::Sync(sync) => sync::run(session, sync).await,
        Command::Mode(mode) => mode::run(session, mode).await,
        Command::Doctor(doctor) => doctor::run(session, doctor).await,
        Command::Apply(apply) => apply::run(session, apply).await,
        Command::Simulate(simulate) => simulate::run(session, simulate, organization).await,
        // Played by `main`, which leaves its signals to it.
        Command::Demo(_) => Ok(()),
        Command::Policy(policy) => policy::run(terminal, policy, organization).await,
        Command::Version(version) => version::run(session, version).await,
        Command::Completion(completion) => {
            let mut script = Vec::new();
            clap_complete::generate(completion.shell, &mut Args::command(), "exgate", &mut script);
            terminal.result(&String::from_utf8_lossy(&script))
        }
    }
}
