//! How the story is told: lines as things happen, and below them, on a terminal, a table that follows.

use std::io::Write;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::render::{Terminal, Tone, paint};

/// How often the table is drawn again at most.
const DRAWS_PER_SECOND: u8 = 4;

/// The demo's voice.
#[derive(Debug)]
pub(super) struct Told {
    /// The table below the lines; hidden when standard output is no terminal.
    live: ProgressBar,
    color: bool,
}

impl Told {
    pub(super) fn new(terminal: &Terminal) -> Self {
        let target = if terminal.screen {
            ProgressDrawTarget::stdout_with_hz(DRAWS_PER_SECOND)
        } else {
            ProgressDrawTarget::hidden()
        };
        let live = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            live.set_style(style);
        }
        live.enable_steady_tick(Duration::from_millis(500));
        Self { live, color: terminal.color }
    }

    /// Whether a table can follow below the lines.
    pub(super) fn is_live(&self) -> bool {
        !self.live.is_hidden()
    }

    /// Says one line.
    pub(super) fn line(&self, text: &str) {
        if self.is_live() {
            self.live.println(text);
        } else {
            // Nobody listens any more; the signal that comes with it ends the demo.
            drop(writeln!(std::io::stdout(), "{text}"));
        }
    }

    /// Says that something is done.
    pub(super) fn done(&self, text: &str) {
        self.line(&format!("{} {text}", paint("✔", Tone::Good, self.color)));
    }

    /// Says that something is odd.
    pub(super) fn warn(&self, text: &str) {
        self.line(&format!("{} {text}", paint("!", Tone::Warning, self.color)));
    }

    /// Shows the table as it is now.
    pub(super) fn table(&self, text: String) {
        if self.is_live() {
            self.live.set_message(text);
        } else {
            self.line(&text);
        }
    }

    /// Takes the table away.
    pub(super) fn clear(&self) {
        self.live.finish_and_clear();
        self.live.set_draw_target(ProgressDrawTarget::hidden());
    }
}
