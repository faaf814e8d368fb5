//! The agent's process.

use std::process::ExitCode;

use exgate_agent::Agent;
use exgate_runtime::{Action, Command};

fn main() -> ExitCode {
    let doctor = Action {
        flag: "preflight",
        values: None,
        help: "As the command doctor",
        commands: &[Command {
            name: "doctor",
            help: "Goes the whole way to Exchange once, says what it found, and exits",
            switches: &[("json", "Prints one JSON document")],
            options: &[],
            values: None,
        }],
        run: Agent::doctor,
    };
    exgate_runtime::main_or("exgate-agent", doctor, Agent::start)
}
