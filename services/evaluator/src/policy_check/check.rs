//! `check`: what is wrong with policy files, and what is probably not meant.

use serde_json::{Value, json};

use exgate_runtime::Findings;

use crate::bundles::{Bundle, Diagnostic, PolicyFile, Severity};

/// One line a mistake, or one that says that all is well.
pub(super) fn answer(files: &[PolicyFile], is_json: bool) -> Findings {
    let bundle = match Bundle::read(files) {
        Ok(bundle) => bundle,
        Err(mistakes) => return refusal(files, &mistakes, is_json),
    };
    if is_json {
        let policy = |summary: &crate::bundles::Summary| {
            json!({
                "kind": summary.kind,
                "name": summary.name,
                "path": summary.path,
                "line": summary.line,
            })
        };
        let document = json!({
            "ok": true,
            "files": files.len(),
            "bundleDigest": bundle.digest().to_string(),
            "policies": bundle.summaries().iter().map(policy).collect::<Vec<_>>(),
            "diagnostics": diagnostics(bundle.warnings()),
        });
        return super::good(format!("{document:#}"));
    }
    let mut lines: Vec<_> = bundle.warnings().iter().map(Diagnostic::to_string).collect();
    let (policies, files) = (bundle.summaries().len(), files.len());
    lines.push(format!("OK (policies: {policies}, files: {files})"));
    Findings { lines, is_well: true, ..Findings::default() }
}

/// Files that cannot be a bundle.
pub(super) fn refusal(files: &[PolicyFile], mistakes: &[Diagnostic], is_json: bool) -> Findings {
    let lines = if is_json {
        let document = json!({
            "ok": false,
            "files": files.len(),
            "diagnostics": diagnostics(mistakes),
        });
        vec![format!("{document:#}")]
    } else {
        mistakes.iter().map(Diagnostic::to_string).collect()
    };
    Findings { lines, ..Findings::default() }
}

pub(super) fn diagnostics(found: &[Diagnostic]) -> Value {
    let one = |it: &Diagnostic| {
        let severity = match it.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        json!({
            "severity": severity,
            "path": it.path,
            "line": it.line,
            "column": it.column,
            "key": it.key,
            "message": it.message,
            "suggestion": it.suggestion,
        })
    };
    Value::Array(found.iter().map(one).collect())
}
