//! Every kind of mistake that a policy can have, one file each in `malformed/`: what is said about it
//! stands beside it, line by line. That the bundle in force stays is a test of the calls.
//!
//! `EXGATE_BLESS=1 cargo test -p exgate-evaluator --test malformed` writes down what is said now; read
//! the difference before it is committed.

#![expect(clippy::unwrap_used, reason = "a test: what fails ends it")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use exgate_evaluator::bundles::{Bundle, Diagnostic, PolicyFile};

/// The fewest kinds of mistakes.
const KINDS_MIN: usize = 60;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("malformed")
}

/// The policies, each with its name without the ending.
fn policies() -> Vec<(String, PolicyFile)> {
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = entries
        .filter(|path| path.extension().is_some_and(|it| it == "yaml"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            // What is expected does not repeat the name of its file in every line.
            (name, PolicyFile { path: "policy.yaml".to_owned(), content: fs::read(path).unwrap() })
        })
        .collect();
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found
}

/// What is said about a file.
fn said(file: &PolicyFile) -> Vec<Diagnostic> {
    match Bundle::read(std::slice::from_ref(file)) {
        Ok(bundle) => bundle.warnings().to_vec(),
        Err(mistakes) => mistakes,
    }
}

#[test]
fn every_mistake_has_its_words() {
    let mut wrong = Vec::new();
    for (name, file) in policies() {
        let lines: String = said(&file).iter().map(|it| format!("{it}\n")).collect();
        let path = folder().join(format!("{name}.expected"));
        if std::env::var_os("EXGATE_BLESS").is_some() {
            fs::write(&path, &lines).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        if expected.is_empty() || expected != lines {
            wrong.push(format!("{name}:\nexpected\n{expected}got\n{lines}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn there_is_a_file_for_every_kind_and_none_without_words() {
    let policies = policies();
    assert!(policies.len() >= KINDS_MIN, "{} kinds of mistakes", policies.len());
    let names: BTreeSet<_> = policies.iter().map(|(name, _)| name.clone()).collect();
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let expected = entries.filter(|path| path.extension().is_some_and(|it| it == "expected"));
    let expected: BTreeSet<_> =
        expected.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(names, expected);
    for (number, name) in (1..).zip(&names) {
        assert!(name.starts_with(&format!("{number:03}-")), "{name} has not the number {number}");
    }
}

/// Each mistake has a line, and says what to do, so that nobody has to look it up.
#[test]
fn every_mistake_names_its_line_and_its_cure() {
    for (name, file) in policies() {
        let lines = file.content.iter().filter(|byte| **byte == b'\n').count();
        for it in said(&file) {
            assert!(it.line > 0 || name.contains("no-document"), "{name}: {it}");
            assert!(usize::try_from(it.line).unwrap() <= lines.max(1), "{name}: {it}");
            assert!(!it.suggestion.is_empty(), "{name}: {it}");
        }
    }
}
