//! Policy files, without a server. Who knows what a policy means is the evaluator: the binary beside this
//! one is asked, and what it says is passed on.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use serde_json::Value;
use tokio::process::Command;

use crate::args::{Format, OrganizationRef, Policy, PolicyCommand, PolicyPaths};
use crate::failure::Failure;
use crate::render::{Terminal, Tone, paint};

/// The binary that knows policies.
const EVALUATOR: &str = "exgate-evaluator";
/// What it ends with when what was asked makes no sense, such as a file that is not there.
const USAGE: i32 = 64;

/// Does one of the commands.
pub(crate) async fn run(
    terminal: &Terminal,
    args: Policy,
    organization: Option<OrganizationRef>,
) -> Result<(), Failure> {
    let is_json = terminal.format == Format::Json || terminal.format == Format::Name;
    let asked = Asked::of(args.command, organization, is_json);
    let output = ask(&asked.flags).await?;
    let text = String::from_utf8_lossy(&output.stdout);
    match output.status.code() {
        Some(0 | 1) => {}
        Some(USAGE) => {
            let said = String::from_utf8_lossy(&output.stderr);
            let message = said.trim().trim_start_matches("error: ").to_owned();
            return Err(Failure::Usage { message, cure: String::new() });
        }
        Some(_) | None => {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(Failure::Evaluator { status: output.status, said });
        }
    }
    match terminal.format {
        Format::Table | Format::Wide => terminal.result(&colored(&text, terminal.color))?,
        Format::Json => terminal.document(&document(&text)?)?,
        Format::Name => terminal.result(&names(&document(&text)?).join("\n"))?,
    }
    if output.status.success() { Ok(()) } else { Err(Failure::PoliciesRefused(asked.no)) }
}

/// What the evaluator is asked.
struct Asked {
    flags: Vec<String>,
    /// What it means when the answer is no.
    no: &'static str,
}

impl Asked {
    fn of(command: PolicyCommand, organization: Option<OrganizationRef>, is_json: bool) -> Self {
        let (word, no, paths, coverage) = match command {
            PolicyCommand::Check(PolicyPaths { paths }) => {
                ("check", "the policies are not good", paths, false)
            }
            PolicyCommand::Test(test) => {
                let no = "the policies or their tests are not good";
                ("test", no, test.paths.paths, test.coverage)
            }
            PolicyCommand::Show(PolicyPaths { paths }) => {
                ("show", "the policies are not good", paths, false)
            }
            PolicyCommand::Schema => ("schema", "there is no schema", Vec::new(), false),
        };
        let mut flags = vec![word.to_owned()];
        if is_json && word != "schema" {
            flags.push("--json".to_owned());
        }
        if coverage {
            flags.push("--coverage".to_owned());
        }
        if let Some(organization) = organization.filter(|_| word == "show") {
            flags.extend(["--organization".to_owned(), organization.0.to_string()]);
        }
        if !paths.is_empty() {
            flags.push("--".to_owned());
            flags.extend(paths.iter().map(|path| path.display().to_string()));
        }
        Self { flags, no }
    }
}

async fn ask(flags: &[String]) -> Result<Output, Failure> {
    let program = beside();
    let mut command = Command::new(&program);
    command.args(flags).stdin(Stdio::null()).kill_on_drop(true);
    // The settings of a server on this machine have no say in what a policy means.
    command.env_remove("EXGATE_CONFIG");
    command.output().await.map_err(|source| Failure::NoEvaluator { program, source })
}

/// The evaluator that lies beside this program.
fn beside() -> PathBuf {
    let this = std::env::current_exe().ok();
    let folder = this.as_deref().and_then(Path::parent).map(Path::to_owned).unwrap_or_default();
    folder.join(format!("{EVALUATOR}{}", std::env::consts::EXE_SUFFIX))
}

fn document(text: &str) -> Result<Value, Failure> {
    serde_json::from_str(text).map_err(|error| Failure::Json {
        what: "what exgate-evaluator said",
        reason: error.to_string(),
    })
}

/// What an answer is about, one name each: policies, tests, organizations.
fn names(document: &Value) -> Vec<String> {
    let list = |key: &str| document.get(key).and_then(Value::as_array).into_iter().flatten();
    let text = |value: &Value, key: &str| {
        value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let policies = list("policies").map(|it| format!("policies/{}", text(it, "name")));
    let tests = list("tests").map(|it| format!("{}: {}", text(it, "document"), text(it, "name")));
    let organizations =
        list("organizations").map(|it| format!("organizations/{}", text(it, "organization")));
    policies.chain(tests).chain(organizations).collect()
}

/// Marks what is good and what is not.
fn colored(text: &str, color: bool) -> String {
    let line = |line: &str| {
        let marks = [("ok ", Tone::Good), ("OK ", Tone::Good), ("FAIL ", Tone::Bad)];
        let mark = marks.into_iter().find(|(mark, _)| line.starts_with(mark));
        match mark.and_then(|(mark, tone)| Some((mark, tone, line.strip_prefix(mark)?))) {
            Some((mark, tone, rest)) => format!("{}{rest}", paint(mark, tone, color)),
            None if line.contains(": warning: ") => paint(line, Tone::Warning, color),
            None => line.to_owned(),
        }
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::PolicyTest;

    #[test]
    fn the_evaluator_is_asked_in_its_own_words() {
        let paths = || PolicyPaths { paths: vec!["a".into(), "-b".into()] };
        let contoso = || Some("contoso".parse().unwrap());
        let flags = |command, organization, is_json| {
            Asked::of(command, organization, is_json).flags.join(" ")
        };
        assert_eq!(flags(PolicyCommand::Check(paths()), contoso(), false), "check -- a -b");
        let test = PolicyTest { paths: paths(), coverage: true };
        let test = PolicyCommand::Test(test);
        assert_eq!(flags(test, None, true), "test --json --coverage -- a -b");
        let show = PolicyCommand::Show(paths());
        assert_eq!(flags(show, contoso(), false), "show --organization contoso -- a -b");
        assert_eq!(flags(PolicyCommand::Schema, None, true), "schema");
    }

    #[test]
    fn colour_marks_and_never_changes_the_words() {
        let text = "ok    a: b\nFAIL  a: c\np.yaml:3:1: warning: name: unused\n2 tests, 1 failed";
        assert_eq!(colored(text, false), text);
        let lines: Vec<_> = colored(text, true).lines().map(str::to_owned).collect();
        assert!(lines[0].starts_with("\u{1b}[32mok "), "{lines:?}");
        assert!(lines[1].starts_with("\u{1b}[31mFAIL "), "{lines:?}");
        assert!(lines[2].starts_with("\u{1b}[33mp.yaml"), "{lines:?}");
        assert_eq!(lines[3], "2 tests, 1 failed");
    }

    #[test]
    fn names_are_those_of_what_was_asked_about() {
        let document = serde_json::json!({
            "policies": [{ "name": "phones" }],
            "tests": [{ "document": "mail", "name": "an old phone" }],
            "organizations": [{ "organization": "contoso" }],
        });
        let expected = ["policies/phones", "mail: an old phone", "organizations/contoso"];
        assert_eq!(names(&document), expected);
    }
}
