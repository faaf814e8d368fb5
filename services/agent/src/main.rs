//! The agent's process.

use std::process::ExitCode;

fn main() -> ExitCode {
    exgate_runtime::main("exgate-agent", exgate_agent::Agent::start)
}
