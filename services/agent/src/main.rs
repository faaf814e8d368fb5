//! The agent's process.

use std::process::ExitCode;

use exgate_agent::Agent;
use exgate_runtime::Action;

fn main() -> ExitCode {
    let preflight = Action {
        flag: "preflight",
        values: None,
        help: "Goes the whole way to Exchange once, says how far it got, and exits",
        run: Agent::preflight,
    };
    exgate_runtime::main_or("exgate-agent", preflight, Agent::start)
}
