//! What a check of the way to an organization's Exchange found, step by step: each with its cause and
//! its cure. A warning is worth a look and holds nothing up.

use jiff::Timestamp;

/// The step about the rights that changing access takes: missing ones hold nothing up until they are
/// needed.
pub const RIGHTS_TO_WRITE: &str = "rights to write";

/// How a step went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StepOutcome {
    /// As it should be.
    Passed,
    /// Good enough to go on, and worth a look.
    Warned,
    /// Not good enough.
    Failed,
}

/// One step of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What was looked at, such as `sign-in`.
    pub name: String,
    /// How it went.
    pub outcome: StepOutcome,
    /// What was found, in one line.
    pub finding: String,
    /// What to do about it; empty when it passed.
    pub cure: String,
}

impl Step {
    /// A step that passed.
    pub fn passed(name: impl Into<String>, finding: impl Into<String>) -> Self {
        let (name, finding) = (name.into(), finding.into());
        Self { name, outcome: StepOutcome::Passed, finding, cure: String::new() }
    }

    /// A step that is worth a look.
    pub fn warned(
        name: impl Into<String>,
        finding: impl Into<String>,
        cure: impl Into<String>,
    ) -> Self {
        let (name, finding, cure) = (name.into(), finding.into(), cure.into());
        Self { name, outcome: StepOutcome::Warned, finding, cure }
    }

    /// A step that failed.
    pub fn failed(
        name: impl Into<String>,
        finding: impl Into<String>,
        cure: impl Into<String>,
    ) -> Self {
        Self { outcome: StepOutcome::Failed, ..Self::warned(name, finding, cure) }
    }

    /// Whether it failed.
    pub fn has_failed(&self) -> bool {
        self.outcome == StepOutcome::Failed
    }
}

/// Everything that a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Each step, in order.
    pub steps: Vec<Step>,
    /// The server that was talked to.
    pub server: String,
    /// Its `AdminDisplayVersion`; empty when it was not learnt.
    pub exchange_version: String,
    /// The script that gives the account what it lacks; empty when it lacks nothing.
    pub role_script: String,
    /// When the check ended, by the clock of whoever made it.
    pub ended_at: Timestamp,
}

impl Report {
    /// How many steps ended so.
    pub fn count(&self, outcome: StepOutcome) -> usize {
        self.steps.iter().filter(|step| step.outcome == outcome).count()
    }
}
