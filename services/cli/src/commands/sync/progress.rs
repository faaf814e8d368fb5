//! How syncs come along, on standard error only: bars on a terminal, one line per step elsewhere.

use std::time::Duration;

use exgate_proto::v1 as pb;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::render::Terminal;

/// How often a bar without a total turns.
const TURN_EVERY: Duration = Duration::from_millis(120);

/// One bar, or one line per step, for each sync.
#[derive(Debug)]
pub(super) struct Progress<'a> {
    terminal: &'a Terminal,
    bars: Vec<ProgressBar>,
    steps: Vec<String>,
}

impl<'a> Progress<'a> {
    /// Progress for this many syncs.
    pub(super) fn new(terminal: &'a Terminal, syncs: usize) -> Self {
        let group = MultiProgress::with_draw_target(if terminal.bars {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        });
        let bars = (0..if terminal.bars { syncs } else { 0 }).map(|_| group.add(bar())).collect();
        Self { terminal, bars, steps: vec![String::new(); syncs] }
    }

    /// Shows how the sync at `index` stands now.
    pub(super) fn show(&mut self, index: usize, organization: &str, run: &pb::SyncRun) {
        let step = step(run);
        match self.bars.get(index) {
            Some(bar) if is_over(run) => bar.finish_and_clear(),
            Some(bar) => {
                if run.total > 0 {
                    bar.set_length(run.total.max(run.done));
                }
                bar.set_position(run.done);
                bar.set_message(format!("{organization}: {step}"));
            }
            None => {
                let last = self.steps.get_mut(index);
                if let Some(last) = last.filter(|last| **last != step) {
                    self.terminal.hint(&format!("{organization}: {step}"));
                    *last = step;
                }
            }
        }
    }
}

/// Whether there is nothing more to wait for.
pub(super) fn is_over(run: &pb::SyncRun) -> bool {
    match pb::SyncRunState::try_from(run.state) {
        Ok(pb::SyncRunState::Succeeded | pb::SyncRunState::Failed) => true,
        Ok(
            pb::SyncRunState::Pending | pb::SyncRunState::Running | pb::SyncRunState::Unspecified,
        )
        | Err(_) => false,
    }
}

fn step(run: &pb::SyncRun) -> String {
    match pb::SyncRunState::try_from(run.state) {
        Ok(pb::SyncRunState::Pending) => "waiting for an agent".to_owned(),
        Ok(pb::SyncRunState::Succeeded) => "succeeded".to_owned(),
        Ok(pb::SyncRunState::Failed) => "failed".to_owned(),
        Ok(pb::SyncRunState::Running | pb::SyncRunState::Unspecified) | Err(_) => {
            if run.step.is_empty() { "looking".to_owned() } else { run.step.clone() }
        }
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    // The template is a constant; should it not parse, the plain bar does as well.
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}  {human_pos} of {human_len}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(TURN_EVERY);
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_success_and_failure_are_ends() {
        let run =
            |state: pb::SyncRunState| pb::SyncRun { state: state.into(), ..Default::default() };
        assert!(is_over(&run(pb::SyncRunState::Succeeded)));
        assert!(is_over(&run(pb::SyncRunState::Failed)));
        assert!(!is_over(&run(pb::SyncRunState::Pending)));
        assert!(!is_over(&run(pb::SyncRunState::Running)));
        assert!(!is_over(&pb::SyncRun { state: 99, ..Default::default() }));
    }

    #[test]
    fn a_running_sync_says_what_it_reads() {
        let reading = pb::SyncRun {
            state: pb::SyncRunState::Running.into(),
            step: "devices".into(),
            ..Default::default()
        };
        assert_eq!(step(&reading), "devices");
        assert_eq!(step(&pb::SyncRun { step: String::new(), ..reading }), "looking");
    }
}
