//! How results, progress and errors reach people and scripts: standard output carries the result only,
//! everything else goes to standard error.

mod words;
mod table;
mod json;
pub(crate) mod error;

use std::io::{self, IsTerminal, Write};

use exgate_runtime::clock::Clock;
use jiff::Timestamp;

use crate::args::{Args, Format, Output};
use crate::failure::Failure;

pub(crate) use json::{Named, array, message, object};
pub(crate) use table::{Alignment, Cell, Table, Tone, paint};
pub(crate) use words::{
    NOTHING, access, access_level, access_reason, access_state, age, at, breaker, characteristic,
    compliance, connector_state, count, instant, mode, reason, short, short_id, since, span,
    sync_mode, sync_state, to_instant, trigger,
};

/// Where the output goes and how it may look.
#[derive(Debug, Clone)]
pub(crate) struct Terminal {
    /// The form of the result.
    pub(crate) format: Format,
    /// Whether the result is wanted as rows for spreadsheets; not every command has them.
    pub(crate) csv: bool,
    /// Whether results may have colour.
    pub(crate) color: bool,
    /// Whether errors may have colour.
    pub(crate) color_errors: bool,
    /// Whether progress bars make sense.
    pub(crate) bars: bool,
    /// Whether hints and progress are unwanted.
    pub(crate) quiet: bool,
    /// Whether results go to a screen.
    pub(crate) screen: bool,
    /// The coordinator's address, for errors.
    pub(crate) server: String,
    /// The command that shows whether this one was done; none where it changes nothing.
    pub(crate) told_by: Option<String>,
    clock: Clock,
}

impl Terminal {
    /// Looks at the streams, the flags and the environment.
    pub(crate) fn of_process(args: &Args) -> Self {
        let set = |key| std::env::var_os(key).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        let plain = args.global.no_color || set("NO_COLOR") || dumb;
        let csv = args.global.output == Output::Csv;
        let format = match args.global.output {
            Output::Table | Output::Csv => Format::Table,
            Output::Wide => Format::Wide,
            Output::Json => Format::Json,
            Output::Name => Format::Name,
        };
        let for_people = matches!(format, Format::Table | Format::Wide) && !csv;
        let (screen, errors) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        Self {
            format,
            csv,
            color: screen && !plain && for_people,
            color_errors: errors && !plain,
            bars: errors && !dumb && !args.global.quiet,
            quiet: args.global.quiet,
            screen,
            server: args.global.server.clone(),
            told_by: args.command.told_by(),
            clock: Clock::system(),
        }
    }

    /// The time now.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Prints the result, ending in exactly one new line; nothing when there is nothing.
    pub(crate) fn result(&self, text: &str) -> Result<(), Failure> {
        let text = text.trim_end_matches('\n');
        if text.is_empty() {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        writeln!(out, "{text}").and_then(|()| out.flush()).map_err(Failure::Output)
    }

    /// Prints the result as one JSON document.
    pub(crate) fn document(&self, document: &serde_json::Value) -> Result<(), Failure> {
        self.result(&format!("{document:#}"))
    }

    /// Says something beside the result, unless nobody wants to hear it.
    pub(crate) fn hint(&self, text: &str) {
        if !self.quiet {
            self.complain(text);
        }
    }

    /// Says something that has to be heard.
    pub(crate) fn complain(&self, text: &str) {
        // When standard error is gone, the exit code still says it.
        drop(writeln!(io::stderr(), "{text}"));
    }
}
