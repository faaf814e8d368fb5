//! What a check has found so far. A step is told as soon as it is known: whoever waits sees how far it
//! got.

use tokio::sync::mpsc;

use exgate_domain::check::Step;

use crate::exchange::Preflight;

/// What was found, and who is told.
#[derive(Debug)]
pub(super) struct Findings {
    pub(super) preflight: Preflight,
    told: Option<mpsc::Sender<Step>>,
}

impl Findings {
    /// Nothing was found yet about the server of this name.
    pub(super) fn about(server: String, told: Option<mpsc::Sender<Step>>) -> Self {
        Self { preflight: Preflight { server, ..Preflight::default() }, told }
    }

    /// Notes a step, once.
    pub(super) async fn note(&mut self, step: Step) {
        if self.preflight.steps.iter().any(|held| held.name == step.name) {
            return;
        }
        if let Some(told) = &self.told
            && told.send(step.clone()).await.is_err()
        {
            // Nobody waits any more; the report is still made.
            self.told = None;
        }
        self.preflight.steps.push(step);
    }
}
