//! Doctor: the whole way from here to an organization's Exchange, step by step, now.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use exgate_domain::check::{RIGHTS_TO_WRITE, Report, Step, StepOutcome};
use exgate_domain::ids::OrganizationId;
use exgate_domain::organization::Mode;
use exgate_runtime::clock::Clock;

use super::{Operator, OperatorError};
use crate::agents::Holder;
use crate::agents::checks::{CheckRefused, Told};

/// How long a check may take.
const CHECK_LIMIT: Duration = Duration::from_secs(300);
/// A clock that is off by more than this is worth a look: leases last half a minute.
const SKEW_WARNING: SignedDuration = SignedDuration::from_secs(10);

/// What is heard of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckEvent {
    /// One more step.
    Step(Step),
    /// Everything that was found, those steps included.
    Report(Box<Report>),
}

/// A check under way.
#[derive(Debug)]
pub struct Check {
    organization: String,
    mode: Mode,
    clock: Clock,
    told: mpsc::Receiver<Told>,
    deadline: Instant,
    /// What we found ourselves; it stands before what the agent found.
    own: Vec<Step>,
    /// What is to be told next.
    waiting: VecDeque<CheckEvent>,
    is_over: bool,
}

impl Operator {
    /// Has the attached agent check its way to Exchange; [`Check::next`] tells what comes.
    ///
    /// # Errors
    /// When there is no such organization, no agent is attached, or a check is under way.
    pub async fn check(&self, organization: &OrganizationId) -> Result<Check, OperatorError> {
        let stored = self.existing(organization).await?;
        let parts = &self.0;
        let known = parts.store.connector(organization).await?;
        let (holder, told) = parts.agents.check(organization).map_err(|refused| {
            let name = organization.to_string();
            match refused {
                CheckRefused::NotAttached => OperatorError::ConnectorDisconnected {
                    organization: name,
                    heard_at: parts.agents.heard_at(organization),
                },
                CheckRefused::UnderWay => OperatorError::CheckAlreadyRunning { organization: name },
            }
        })?;
        let version = known.map(|connector| connector.version).unwrap_or_default();
        let mut check = Check {
            organization: organization.to_string(),
            mode: stored.organization.mode,
            clock: parts.clock.clone(),
            told,
            deadline: Instant::now() + CHECK_LIMIT,
            own: Vec::new(),
            waiting: VecDeque::new(),
            is_over: false,
        };
        check.tell(attached(&holder));
        check.tell(agent_version(&version));
        Ok(check)
    }
}

impl Check {
    /// The next step, at last the report. `None` after that, and after an error.
    ///
    /// # Errors
    /// When the agent goes away, cannot check, or takes too long.
    pub async fn next(&mut self) -> Option<Result<CheckEvent, OperatorError>> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(Ok(event));
            }
            if self.is_over {
                return None;
            }
            if let Err(error) = self.hear().await {
                self.is_over = true;
                return Some(Err(error));
            }
        }
    }

    async fn hear(&mut self) -> Result<(), OperatorError> {
        let organization = self.organization.clone();
        match timeout_at(self.deadline, self.told.recv()).await {
            Err(_) => Err(OperatorError::CheckTimedOut { organization, limit: CHECK_LIMIT }),
            Ok(None) => Err(OperatorError::CheckLost { organization }),
            Ok(Some(Told::Refused(why))) => Err(OperatorError::CheckRefused { organization, why }),
            Ok(Some(Told::Step(step))) => {
                self.waiting.push_back(CheckEvent::Step(weighed(step, self.mode)));
                Ok(())
            }
            Ok(Some(Told::Report(mut report))) => {
                self.tell(agent_clock(report.ended_at, self.clock.now()));
                let theirs = std::mem::take(&mut report.steps);
                let theirs = theirs.into_iter().map(|step| weighed(step, self.mode));
                report.steps = std::mem::take(&mut self.own).into_iter().chain(theirs).collect();
                self.waiting.push_back(CheckEvent::Report(report));
                self.is_over = true;
                Ok(())
            }
        }
    }

    fn tell(&mut self, step: Step) {
        self.own.push(step.clone());
        self.waiting.push_back(CheckEvent::Step(step));
    }
}

/// Rights that are missing hold nothing up until they are needed: who enforces needs them.
pub(super) fn weighed(step: Step, mode: Mode) -> Step {
    let lacks = step.name == RIGHTS_TO_WRITE && step.outcome == StepOutcome::Warned;
    match mode {
        Mode::Enforce if lacks => Step { outcome: StepOutcome::Failed, ..step },
        Mode::Enforce | Mode::Observe => step,
    }
}

fn attached(holder: &Holder) -> Step {
    let (since, generation) = (holder.since, holder.lease.generation);
    Step::passed("agent", format!("attached since {since:.0}, lease {generation}"))
}

fn agent_version(version: &str) -> Step {
    let own = env!("CARGO_PKG_VERSION");
    if version == own {
        return Step::passed("agent version", format!("{version}, as the coordinator"));
    }
    let finding = format!("{version}, and the coordinator is {own}");
    Step::warned("agent version", finding, "install the same version on both sides")
}

fn agent_clock(theirs: Timestamp, ours: Timestamp) -> Step {
    let skew = theirs.duration_since(ours);
    let finding = format!("{} s from the coordinator's", skew.as_secs());
    if skew.abs() > SKEW_WARNING {
        let cure = "set the clocks of both machines by one source";
        return Step::warned("agent clock", finding, cure);
    }
    Step::passed("agent clock", finding)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_to_write_are_needed_by_who_enforces() {
        let lacks =
            || Step::warned(RIGHTS_TO_WRITE, "the account may not use Set-CASMailbox", "run it");
        assert_eq!(weighed(lacks(), Mode::Observe), lacks());
        assert!(weighed(lacks(), Mode::Enforce).has_failed());
        let wipe = || Step::warned("rights to wipe", "", "");
        assert_eq!(weighed(wipe(), Mode::Enforce), wipe());
    }

    #[test]
    fn versions_and_clocks_that_differ_are_pointed_out() {
        assert_eq!(agent_version(env!("CARGO_PKG_VERSION")).outcome, StepOutcome::Passed);
        assert_eq!(agent_version("0.0.9").outcome, StepOutcome::Warned);
        let now: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        let late = now.checked_add(SignedDuration::from_secs(11)).unwrap();
        assert_eq!(agent_clock(late, now).outcome, StepOutcome::Warned);
        assert_eq!(agent_clock(now, now).outcome, StepOutcome::Passed);
    }
}
