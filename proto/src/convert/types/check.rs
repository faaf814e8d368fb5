//! What a check found, step by step.

use exgate_domain::check::{Report, Step, StepOutcome};

use crate::convert::Malformed;
use crate::convert::field::{enumeration, instant, required, to_instant};
use crate::types::v1 as pb;

impl From<Step> for pb::CheckStep {
    fn from(step: Step) -> Self {
        let Step { name, outcome, finding, cure } = step;
        Self { name, outcome: pb::StepOutcome::from(outcome).into(), finding, cure }
    }
}

impl TryFrom<pb::CheckStep> for Step {
    type Error = Malformed;

    fn try_from(wire: pb::CheckStep) -> Result<Self, Malformed> {
        let pb::CheckStep { name, outcome, finding, cure } = wire;
        let outcome = enumeration::<pb::StepOutcome, StepOutcome>("outcome", outcome)?;
        Ok(Self { name, outcome, finding, cure })
    }
}

impl From<Report> for pb::CheckReport {
    fn from(report: Report) -> Self {
        let Report { steps, server, exchange_version, role_script, ended_at } = report;
        Self {
            steps: steps.into_iter().map(Into::into).collect(),
            server,
            exchange_version,
            role_script,
            ended_at: Some(to_instant(ended_at)),
        }
    }
}

impl TryFrom<pb::CheckReport> for Report {
    type Error = Malformed;

    fn try_from(wire: pb::CheckReport) -> Result<Self, Malformed> {
        let pb::CheckReport { steps, server, exchange_version, role_script, ended_at } = wire;
        let step = |(index, step): (usize, pb::CheckStep)| {
            Step::try_from(step).map_err(|it| it.at("steps", index))
        };
        Ok(Self {
            steps: steps.into_iter().enumerate().map(step).collect::<Result<_, _>>()?,
            server,
            exchange_version,
            role_script,
            ended_at: instant("ended_at", required("ended_at", ended_at)?)?,
        })
    }
}
