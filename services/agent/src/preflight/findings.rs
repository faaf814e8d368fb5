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

    /// Notes a step, once; what went well before and then failed has failed.
    pub(super) async fn note(&mut self, step: Step) {
        let held = self.preflight.steps.iter().position(|held| held.name == step.name);
        if held.is_some() && !step.has_failed() {
            return;
        }
        if let Some(place) = held {
            self.preflight.steps.remove(place);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_step_is_told_once_unless_it_fails_later() {
        let (told, mut heard) = mpsc::channel(8);
        let mut findings = Findings::about("ex01".to_owned(), Some(told));
        findings.note(Step::passed("tcp", "answers")).await;
        findings.note(Step::passed("tcp", "")).await;
        findings.note(Step::failed("tcp", "gone", "start it")).await;
        drop(findings.told.take());
        let [step] = findings.preflight.steps.as_slice() else { panic!("{findings:?}") };
        assert!(step.has_failed());
        let mut outcomes = Vec::new();
        while let Some(step) = heard.recv().await {
            outcomes.push(step.has_failed());
        }
        assert_eq!(outcomes, [false, true]);
    }
}
