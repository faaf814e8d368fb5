//! The evaluator's process.

use std::process::ExitCode;

use exgate_evaluator::{Evaluator, policy_check};

fn main() -> ExitCode {
    exgate_runtime::main_or("exgate-evaluator", policy_check::action(), Evaluator::start)
}
