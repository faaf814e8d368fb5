//! Owns what the evaluator does with policy files on disk, without a server: it checks them, runs their
//! tests, shows what baseline and overlays come to, and prints their JSON Schema. It starts nothing.
//!
//! Every answer is lines for people or, with `--json`, one JSON document that scripts and `exgate` read.

mod files;
mod check;
mod test;
mod show;

use exgate_runtime::{Action, Asked, Command, Findings, one_line};

use crate::bundles::{Bundle, PolicyFile, Test, schema};
use crate::config::Config;

const CHECK: &str = "check";
const TEST: &str = "test";
const SHOW: &str = "show";
const SCHEMA: &str = "schema";
const JSON: &str = "json";
const COVERAGE: &str = "coverage";
const ORGANIZATION: &str = "organization";

const AS_JSON: (&str, &str) = (JSON, "Prints one JSON document");

/// The words that the binary takes.
const COMMANDS: &[Command] = &[
    Command {
        name: CHECK,
        help: "Checks policy files and folders as one bundle, tests included",
        switches: &[AS_JSON],
        options: &[],
        values: Some("PATH"),
    },
    Command {
        name: TEST,
        help: "Runs the tests in policy files and folders",
        switches: &[AS_JSON, (COVERAGE, "Also says which rules no test shows")],
        options: &[],
        values: Some("PATH"),
    },
    Command {
        name: SHOW,
        help: "Shows what access policies and overlays come to in each organization",
        switches: &[AS_JSON],
        options: &[(ORGANIZATION, "ORG", "Only this organization")],
        values: Some("PATH"),
    },
    Command {
        name: SCHEMA,
        help: "Prints the JSON Schema of policy documents",
        switches: &[],
        options: &[],
        values: None,
    },
];

/// What the binary does instead of running.
pub fn action() -> Action<Config> {
    Action {
        flag: "check-policy",
        values: Some("PATH"),
        help: "As the command check",
        commands: COMMANDS,
        run: |_, asked| Box::pin(async move { answer(&asked) }),
    }
}

/// Does what is asked.
pub fn answer(asked: &Asked) -> Findings {
    if asked.command == Some(SCHEMA) {
        return good(schema().trim_end().to_owned());
    }
    let files = match files::read(&asked.values) {
        Ok(files) => files,
        Err(complaints) => return Findings { complaints, ..Findings::default() },
    };
    let is_json = asked.has(JSON);
    match asked.command {
        Some(TEST) => test::answer(&files, is_json, asked.has(COVERAGE)),
        Some(SHOW) => show::answer(&files, is_json, asked.option(ORGANIZATION)),
        _ => check::answer(&files, is_json),
    }
}

/// The policies in these files and their tests, or the answer that says what is wrong with them.
fn read(files: &[PolicyFile], is_json: bool) -> Result<(Bundle, Vec<Test>), Findings> {
    Bundle::read_untested(files).map_err(|mistakes| check::refusal(files, &mistakes, is_json))
}

fn good(text: String) -> Findings {
    Findings { lines: vec![text], is_well: true, ..Findings::default() }
}

/// Lines in columns, two blanks between them. What steers a terminal is written out.
fn columns<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let shown = |row: &[String; N]| row.each_ref().map(|cell| one_line(cell).into_owned());
    let rows: Vec<_> = rows.iter().map(shown).collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<_> = (0..N).map(width).collect();
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests;
