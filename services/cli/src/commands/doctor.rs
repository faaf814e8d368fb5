//! The whole way from the coordinator to an organization's Exchange, step by step, and what to do about
//! each that is not as it should be. The exit code is 1 when one failed.

use exgate_proto::types::v1 as types;
use exgate_proto::v1 as pb;
use exgate_proto::v1::check_connector_response::Event;

use super::Session;
use crate::args::{Doctor, Format};
use crate::failure::Failure;
use crate::render::{Tone, message, paint};

/// How wide the names of the steps are.
const NAME_WIDTH: usize = 15;

/// Has the organization's agent check its way, and shows each step as it comes.
pub(super) async fn run(session: Session<'_>, args: Doctor) -> Result<(), Failure> {
    let organization = args.org.0.to_string();
    let name = format!("organizations/{organization}/connector");
    let terminal = session.terminal;
    let mut steps = session.coordinator.check_connector(pb::CheckConnectorRequest { name }).await?;
    let report = loop {
        let answer = steps.message().await.map_err(Failure::call("check the connector"))?;
        match answer.and_then(|answer| answer.event) {
            Some(Event::Step(step)) => match terminal.format {
                Format::Table | Format::Wide => terminal.result(&line(&step, terminal.color))?,
                Format::Json | Format::Name => terminal.hint(&line(&step, terminal.color_errors)),
            },
            Some(Event::Report(report)) => break report,
            None => return Err(Failure::CheckCut { organization }),
        }
    };
    match terminal.format {
        Format::Table | Format::Wide => terminal.result(&summary(&report))?,
        Format::Json => terminal.document(&message(&report)?)?,
        Format::Name => terminal.result(&report.name)?,
    }
    match report.failed {
        0 => Ok(()),
        failed => Err(Failure::CheckFailed { organization, failed }),
    }
}

/// One step, its cure below it.
fn line(step: &types::CheckStep, color: bool) -> String {
    let (sign, tone) = match step.outcome() {
        types::StepOutcome::Passed => ("✔", Tone::Good),
        types::StepOutcome::Warned => ("!", Tone::Warning),
        types::StepOutcome::Failed => ("✗", Tone::Bad),
        types::StepOutcome::Unspecified => ("?", Tone::Warning),
    };
    let types::CheckStep { name, finding, cure, .. } = step;
    let sign = paint(sign, tone, color);
    let line = format!("{sign} {name:NAME_WIDTH$} {finding}");
    let line = line.trim_end();
    if cure.is_empty() { line.to_owned() } else { format!("{line}\n  → {cure}") }
}

fn summary(report: &pb::ConnectorCheck) -> String {
    let pb::ConnectorCheck { passed, warned, failed, role_script, .. } = report;
    let summary = format!("{failed} failed, {warned} to look at, {passed} passed");
    if role_script.is_empty() { summary } else { format!("{summary}\n\n{role_script}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_one_line_with_its_cure_below() {
        let step = |outcome: types::StepOutcome, cure: &str| types::CheckStep {
            name: "sign-in".into(),
            outcome: outcome.into(),
            finding: "refused".into(),
            cure: cure.into(),
        };
        let passed = line(&step(types::StepOutcome::Passed, ""), false);
        assert_eq!(passed, "✔ sign-in         refused");
        let failed = line(&step(types::StepOutcome::Failed, "check it"), false);
        assert_eq!(failed, "✗ sign-in         refused\n  → check it");
        assert!(line(&step(types::StepOutcome::Warned, ""), true).contains('\u{1b}'));
    }

    #[test]
    fn the_script_comes_last() {
        let report = pb::ConnectorCheck {
            passed: 14,
            warned: 1,
            failed: 1,
            role_script: "# script".into(),
            ..pb::ConnectorCheck::default()
        };
        assert_eq!(summary(&report), "1 failed, 1 to look at, 14 passed\n\n# script");
    }
}
