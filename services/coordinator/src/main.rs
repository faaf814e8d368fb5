//! The coordinator's process.

use std::process::ExitCode;

use exgate_coordinator::{Coordinator, record_check};

fn main() -> ExitCode {
    exgate_runtime::main_or("exgate-coordinator", record_check::action(), Coordinator::start)
}
