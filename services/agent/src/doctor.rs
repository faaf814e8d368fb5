//! What a check found, printed on the agent's own machine: a line for each step, or one document of
//! the same shape as `exgate doctor --output json` prints.

use serde_json::json;

use exgate_domain::check::{Report, Step, StepOutcome};

/// One line a step, the summary, and the script that is missing rights' cure.
pub fn lines(report: &Report) -> Vec<String> {
    let mut lines: Vec<String> = report.steps.iter().map(line).collect();
    lines.push(format!(
        "{} failed, {} to look at, {} passed",
        report.count(StepOutcome::Failed),
        report.count(StepOutcome::Warned),
        report.count(StepOutcome::Passed),
    ));
    if !report.role_script.is_empty() {
        lines.push(String::new());
        lines.push(report.role_script.clone());
    }
    lines
}

fn line(step: &Step) -> String {
    let Step { name, outcome, finding, cure } = step;
    let word = match outcome {
        StepOutcome::Passed => "ok     ",
        StepOutcome::Warned => "warning",
        StepOutcome::Failed => "failed ",
    };
    let finding = if finding.is_empty() { String::new() } else { format!(": {finding}") };
    let cure = if cure.is_empty() { String::new() } else { format!("; cure: {cure}") };
    format!("{word} {name}{finding}{cure}")
}

/// The report as one document.
pub fn document(report: &Report) -> String {
    let step = |step: &Step| {
        let outcome = match step.outcome {
            StepOutcome::Passed => "STEP_OUTCOME_PASSED",
            StepOutcome::Warned => "STEP_OUTCOME_WARNED",
            StepOutcome::Failed => "STEP_OUTCOME_FAILED",
        };
        let Step { name, finding, cure, .. } = step;
        json!({ "name": name, "outcome": outcome, "finding": finding, "cure": cure })
    };
    let document = json!({
        "steps": report.steps.iter().map(step).collect::<Vec<_>>(),
        "exchangeServer": report.server,
        "exchangeVersion": report.exchange_version,
        "roleScript": report.role_script,
        "endedAt": report.ended_at.to_string(),
        "passed": report.count(StepOutcome::Passed),
        "warned": report.count(StepOutcome::Warned),
        "failed": report.count(StepOutcome::Failed),
    });
    format!("{document:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_is_one_line_and_the_script_is_last() {
        let report = Report {
            steps: vec![
                Step::passed("name", "ex01"),
                Step::warned("throttling", "the default", "a policy of its own"),
                Step::failed("sign-in", "refused", "check the password"),
            ],
            server: "ex01".into(),
            exchange_version: String::new(),
            role_script: "# script".into(),
            ended_at: "2026-11-24T12:00:00Z".parse().unwrap(),
        };
        assert_eq!(
            lines(&report),
            [
                "ok      name: ex01",
                "warning throttling: the default; cure: a policy of its own",
                "failed  sign-in: refused; cure: check the password",
                "1 failed, 1 to look at, 1 passed",
                "",
                "# script",
            ]
        );
        let json: serde_json::Value = serde_json::from_str(&document(&report)).unwrap();
        assert_eq!(json["steps"][2]["outcome"], "STEP_OUTCOME_FAILED");
        assert_eq!(json["failed"], 1);
        assert_eq!(json["endedAt"], "2026-11-24T12:00:00Z");
    }
}
