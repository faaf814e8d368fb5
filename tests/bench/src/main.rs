//! Floors and ours side by side, in one run: what exgate costs, as a ratio to the least that any program
//! must pay for the same bytes on the same machine. A result that is wrong ends the run before any ratio
//! is printed.

mod arguments;
mod statistics;
mod capture;
mod receive;
mod decide;
mod hop;
mod process;
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
    let arguments = Arguments::parse();
    if let Some(addresses) = arguments.raw_hop() {
        return ended(hop::serve(addresses).map(|()| ExitCode::SUCCESS));
    }
    let plan = arguments.plan();
    exgate_runtime::install_crypto_provider();
    ended(run(&plan).map(|report| match report.is_breached() {
        true => ExitCode::from(BREACH),
        false => ExitCode::SUCCESS,
    }))
}

fn ended(done: anyhow::Result<ExitCode>) -> ExitCode {
    done.unwrap_or_else(|error| {
        eprintln!("exgate-bench: {error:#}");
        ExitCode::from(WRONG)
    })
}

fn run(plan: &Plan) -> anyhow::Result<Report> {
    let mut report = Report::begin(plan, Host::look());
    // R1 and R3 are measured in the same rounds.
    let mut received = false;
    // So are R7 and R8.
    let mut decided = false;
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
            Goal::R7 | Goal::R8 if decided => continue,
            Goal::R7 | Goal::R8 => {
                decided = true;
                decide::measure(plan)?
            }
            Goal::R11 => hop::measure(plan)?,
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
