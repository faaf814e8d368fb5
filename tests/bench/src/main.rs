//! Floors and ours side by side, in one run: what exgate costs, as a ratio to the least that any program
//! must pay for the same bytes on the same machine. A result that is wrong ends the run before any ratio
//! is printed.

mod arguments;
mod statistics;
mod capture;
mod receive;
mod processes;
mod memory;
mod peers;
mod simulator;
mod throttle;
mod replicas;
mod report;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Goal, Plan};
use peers::Peer;
use report::{Host, Report};

/// A goal was missed.
const BREACH: u8 = 1;
/// What was measured is wrong, or could not be measured.
const WRONG: u8 = 3;

fn main() -> ExitCode {
    let plan = Arguments::parse().plan();
    exgate_runtime::install_crypto_provider();
    match run(&plan) {
        Ok(report) if report.is_breached() => ExitCode::from(BREACH),
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("exgate-bench: {error:#}");
            ExitCode::from(WRONG)
        }
    }
}

fn run(plan: &Plan) -> anyhow::Result<Report> {
    let mut report = Report::begin(plan, Host::look());
    // R1 and R3 are measured in the same rounds.
    let mut received = false;
    for goal in &plan.goals {
        report.results.extend(match goal {
            Goal::C4 => throttle::rate()?,
            Goal::C5 => throttle::wear()?,
            Goal::C6 => replicas::measure(plan)?,
            Goal::R1 | Goal::R3 if received => continue,
            Goal::R1 | Goal::R3 => {
                received = true;
                receive::measure(plan)?
            }
            Goal::R12 => peers::measure(plan, Peer::Pypsrp)?,
            Goal::R13 => peers::measure(plan, Peer::ElementTree)?,
            Goal::M4 => memory::measure(plan)?,
            Goal::S1 => simulator::scale(plan)?,
            Goal::S2 => simulator::listing(plan)?,
        });
    }
    println!("{}", report.table());
    report.write(&plan.out)?;
    Ok(report)
}
