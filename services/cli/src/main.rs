//! `exgate`: an operator's hands. It holds no state and no rule of its own; whatever it prints, the
//! coordinator said.

mod args;
mod failure;
mod target;
mod connect;
mod find;
mod render;
mod commands;
mod demo;

use std::future::Future;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use exgate_runtime::config::{Log, LogFormat, Telemetry};
use exgate_runtime::report;
use exgate_runtime::signals::Signals;
use tracing::Instrument;

use crate::args::{Args, Command};
use crate::connect::Coordinator;
use crate::failure::Failure;
use crate::render::{Terminal, error};

/// Wrong flags or arguments.
const USAGE: u8 = 2;
/// Something that has no number of its own.
const OTHER: u8 = 10;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            drop(error.print());
            return ExitCode::from(if error.use_stderr() { USAGE } else { 0 });
        }
    };
    let log = Log { level: args.log_level().to_owned(), format: LogFormat::Text };
    let telemetry = Telemetry { metrics_listen: String::new(), ..Telemetry::default() };
    let done = exgate_runtime::command("exgate-cli", &log, &telemetry, Box::pin(run(args)));
    ExitCode::from(done.unwrap_or_else(|error| {
        drop(writeln!(io::stderr(), "error: {}", report(&error)));
        OTHER
    }))
}

/// Runs one command in a span of its own: the root of the trace that it starts.
async fn run(args: Args) -> u8 {
    let name = format!("exgate {}", args.command.name());
    let span = tracing::info_span!("command", otel.name = name, otel.kind = "internal");
    async {
        let terminal = Terminal::of_process(&args);
        if let Command::Demo(demo) = args.command {
            // It has processes to end, so it hears signals itself.
            return match Box::pin(demo::run(demo, &terminal)).await {
                Ok(()) => 0,
                Err(failure) => {
                    error::print(&failure, &terminal);
                    failure.exit_code()
                }
            };
        }
        let failure = match Coordinator::at(&terminal.server, args.global.timeout) {
            Ok(coordinator) => {
                let timeout = args.timeout();
                let command = Box::pin(commands::run(args, &coordinator, &terminal));
                match guarded(timeout, command).await {
                    Ok(()) => return 0,
                    Err(failure) => {
                        error::print(&failure, &terminal);
                        failure
                    }
                }
            }
            Err(failure) => {
                error::print(&failure, &terminal);
                failure
            }
        };
        failure.exit_code()
    }
    .instrument(span)
    .await
}

/// Ends the command at its end, at a signal, or when its time is up, whichever comes first.
async fn guarded(
    timeout: Option<Duration>,
    command: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    let mut signals = Signals::catch().map_err(Failure::Output)?;
    let time_is_up = async {
        match timeout {
            Some(after) => {
                tokio::time::sleep(after).await;
                after
            }
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        done = command => done,
        _ = signals.next() => Err(Failure::Interrupted),
        after = time_is_up => Err(Failure::TimedOut { after }),
    }
}
