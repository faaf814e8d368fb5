//! The simulator as a process, `exchange-sim serve`, and the commands that look at one and tell it what
//! to do.

mod arguments;
mod client;

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use exchange_sim::Simulator;
use exchange_sim::settings::Settings;
use exgate_runtime::config::{Log, LogFormat, Telemetry};
use exgate_runtime::signals::Signals;
use exgate_runtime::{Tasks, report};

use arguments::ask::Ask;
use arguments::{Arguments, Command};

/// How long connections may take to end.
const DRAIN_MAX: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let serve = match Arguments::parse().command {
        Command::Serve(serve) => serve,
        Command::Ask(ask) => return ask_of_one(*ask),
    };
    let log = Log { level: serve.log.clone(), format: LogFormat::Text };
    let telemetry = Telemetry { metrics_listen: String::new(), ..Telemetry::default() };
    let settings = match serve.settings() {
        Ok(settings) => settings,
        Err(error) => return fail(&report(&error)),
    };
    match exgate_runtime::command("exchange-sim", &log, &telemetry, run(settings)) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(reason)) => fail(&reason),
        Err(error) => fail(&report(&error)),
    }
}

fn ask_of_one(ask: Ask) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let asked = match runtime {
        Ok(runtime) => runtime.block_on(client::run(ask)),
        Err(error) => return fail(&report(&error)),
    };
    match asked {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&report(&error)),
    }
}

async fn run(settings: Settings) -> Result<(), String> {
    let mut signals = Signals::catch().map_err(|error| report(&error))?;
    let tasks = Tasks::new();
    let simulator = Simulator::start(settings, &tasks).await.map_err(|error| report(&error))?;
    announce(&simulator).map_err(|error| report(&error))?;
    let ended = tokio::select! {
        signal = signals.next() => {
            tracing::info!(signal, "stopped");
            Ok(())
        }
        failure = tasks.failed() => Err(report(&failure)),
    };
    if let Err(overdue) = tasks.shutdown(DRAIN_MAX).await {
        tracing::warn!(error = report(&overdue), "some connections were cut");
    }
    ended
}

/// Prints where everything is, as one JSON object.
fn announce(simulator: &Simulator) -> std::io::Result<()> {
    let mut text = serde_json::to_vec_pretty(simulator.addresses())?;
    text.push(b'\n');
    let mut out = std::io::stdout().lock();
    out.write_all(&text)?;
    out.flush()
}

fn fail(reason: &str) -> ExitCode {
    // Nothing is left to tell when standard error is gone.
    drop(writeln!(std::io::stderr(), "exchange-sim: {reason}"));
    ExitCode::FAILURE
}
