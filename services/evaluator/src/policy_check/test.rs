//! `test`: runs the tests in policy files; for one that fails, what was expected beside what came out and
//! the rules that were tried. With coverage also the rules that no test turns on.

use serde_json::{Value, json};

use exgate_domain::decision::{Outcome, Tried};
use exgate_runtime::Findings;

use super::check::diagnostics;
use super::columns;
use crate::bundles::{Coverage, PolicyFile, Proof, reason_words};

pub(super) fn answer(files: &[PolicyFile], is_json: bool, with_coverage: bool) -> Findings {
    let (bundle, tests) = match super::read(files, is_json) {
        Ok(read) => read,
        Err(refusal) => return refusal,
    };
    let proofs: Vec<_> = tests.iter().map(|test| test.run(&bundle)).collect();
    let failed = proofs.iter().filter(|proof| !proof.differences.is_empty()).count();
    let coverage = with_coverage.then(|| Coverage::of(&bundle, &proofs));
    let lines = if is_json {
        let mut document = json!({
            "ok": failed == 0,
            "files": files.len(),
            "passed": proofs.len() - failed,
            "failed": failed,
            "tests": proofs.iter().map(value).collect::<Vec<_>>(),
            "diagnostics": diagnostics(bundle.warnings()),
        });
        if let (Some(coverage), Some(document)) = (&coverage, document.as_object_mut()) {
            document.insert("coverage".to_owned(), covered(coverage));
        }
        vec![format!("{document:#}")]
    } else {
        let mut lines: Vec<_> = proofs.iter().flat_map(text).collect();
        lines.extend(coverage.iter().flat_map(missed));
        lines.push(format!("{} tests, {failed} failed", proofs.len()));
        lines
    };
    Findings { lines, is_well: failed == 0, ..Findings::default() }
}

fn text(proof: &Proof<'_>) -> Vec<String> {
    let test = proof.test;
    let name = format!("{}: {}", test.document, test.name);
    if proof.differences.is_empty() {
        return vec![format!("ok    {name}")];
    }
    let place = &test.place;
    let mut lines = vec![format!("FAIL  {name}  ({}:{})", place.path, place.at.line)];
    let mut rows = Vec::new();
    for difference in &proof.differences {
        let key = difference.key.to_owned();
        rows.push([key, "expected".to_owned(), difference.expected.clone()]);
        rows.push([String::new(), "got".to_owned(), difference.got.clone()]);
    }
    rows.push(["cause".to_owned(), String::new(), proof.cause()]);
    lines.extend(columns(&rows).into_iter().map(|line| format!("        {line}")));
    lines.push("        rules tried, in order:".to_owned());
    let rows: Vec<_> = proof.decision.trace.iter().map(tried).collect();
    lines.extend(columns(&rows).into_iter().map(|line| format!("          {line}")));
    lines
}

fn tried(tried: &Tried) -> [String; 4] {
    let sign = match tried.outcome {
        Outcome::Satisfied => "+",
        Outcome::NotSatisfied => "-",
        Outcome::Unknown => "?",
    };
    [sign.to_owned(), tried.policy.clone(), tried.rule.clone(), tried.detail.clone()]
}

fn missed(coverage: &Coverage) -> Vec<String> {
    let (covered, all) = (coverage.covered(), coverage.rules.len());
    let mut lines = vec![format!("coverage: tests turn on {covered} of {all} rules")];
    let rows = coverage.rules.iter().filter(|rule| !rule.is_covered);
    let rows: Vec<_> =
        rows.map(|rule| ["no test".to_owned(), rule.policy.clone(), rule.key.clone()]).collect();
    lines.extend(columns(&rows).into_iter().map(|line| format!("  {line}")));
    lines
}

fn value(proof: &Proof<'_>) -> Value {
    let (test, decision) = (proof.test, &proof.decision);
    let expected = proof.test.expected.pairs();
    let tried = |it: &Tried| {
        let outcome = match it.outcome {
            Outcome::Satisfied => "satisfied",
            Outcome::NotSatisfied => "notSatisfied",
            Outcome::Unknown => "unknown",
        };
        let (policy, rule, detail) = (&it.policy, &it.rule, &it.detail);
        json!({ "policy": policy, "rule": rule, "outcome": outcome, "detail": detail })
    };
    json!({
        "document": test.document,
        "name": test.name,
        "path": test.place.path,
        "line": test.place.at.line,
        "ok": proof.differences.is_empty(),
        "expected": expected.into_iter().collect::<serde_json::Map<_, _>>(),
        "got": {
            "access": decision.access.word(),
            "compliance": decision.compliance.word(),
            "reasons": reason_words(&decision.reasons),
            "policy": decision.policy,
        },
        "cause": proof.cause(),
        "tried": decision.trace.iter().map(tried).collect::<Vec<_>>(),
    })
}

fn covered(coverage: &Coverage) -> Value {
    let rule = |rule: &crate::bundles::CoveredRule| json!({ "policy": rule.policy, "rule": rule.key, "covered": rule.is_covered });
    json!({
        "covered": coverage.covered(),
        "rules": coverage.rules.iter().map(rule).collect::<Vec<_>>(),
    })
}
