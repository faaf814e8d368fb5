//! The rehearsals of the README, as they stand there: each command is run by a shell beside a simulator that
//! is a process of its own, and what it prints is what the README says that it prints.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::rig::Peers;

const README: &str = include_str!("../../README.md");
/// How long one section may take.
const SECTION_MAX: Duration = Duration::from_secs(120);
/// Separates what one command prints from what the next one does.
const MARK: &str = "--- end of a command ---";

/// A command, and the lines that it prints; `...` in a line stands for anything.
#[derive(Debug)]
struct Step {
    command: String,
    printed: Vec<String>,
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rehearsals_of_the_readme_go_as_it_says() {
    let Some(peers) = Peers::find("the_rehearsals_of_the_readme_go_as_it_says") else { return };
    let preparation = steps("## Rehearsals");
    for (title, least) in
        [("### A throttled Exchange", 4), ("### A dead CAS", 6), ("### A lost answer", 5)]
    {
        let rehearsal = steps(title);
        assert!(rehearsal.len() >= least, "{title} has only {} commands", rehearsal.len());
        let all: Vec<_> = preparation.iter().chain(&rehearsal).collect();

        let said = tokio::time::timeout(SECTION_MAX, run(&peers, &all)).await;

        let said = said.unwrap_or_else(|_| panic!("{title} took longer than {SECTION_MAX:?}"));
        for (step, said) in all.iter().zip(&said) {
            check(title, step, said);
        }
    }
}

/// The console blocks between a heading and the next one.
fn steps(title: &str) -> Vec<Step> {
    let (_, rest) = README.split_once(&format!("{title}\n")).expect("the README has the section");
    let section = rest.split("\n#").next().unwrap_or(rest);
    let mut steps: Vec<Step> = Vec::new();
    for block in section.split("```console\n").skip(1) {
        for line in block.split("```").next().unwrap_or_default().lines() {
            match (line.strip_prefix("$ "), steps.last_mut()) {
                (Some(command), _) => {
                    steps.push(Step { command: command.to_owned(), printed: Vec::new() });
                }
                (None, Some(step)) => step.printed.push(line.to_owned()),
                (None, None) => panic!("{title} prints {line:?} before any command"),
            }
        }
    }
    steps
}

/// Runs all commands in one shell, which ends what it started in the background.
async fn run(peers: &Peers, steps: &[&Step]) -> Vec<String> {
    let program = Path::new(env!("CARGO_BIN_EXE_exchange-sim"));
    let folders = [program.parent(), peers.python().parent()].map(|it| it.expect("a folder"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = folders.into_iter().map(Path::to_owned).chain(std::env::split_paths(&path));
    let path = std::env::join_paths(path).expect("a path");
    let mut script =
        "trap 'kill $(jobs -p); wait; rm -rf \"$EXCHANGE_SIM_STATE\"' EXIT\n".to_owned();
    for step in steps {
        script += &format!("{}\necho '{MARK}'\n", step.command);
    }
    let mut shell = Command::new("bash")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("PATH", path)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env_remove("EXCHANGE_SIM_STATE")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("bash starts");
    let mut stdin = shell.stdin.take().expect("its input");
    stdin.write_all(script.as_bytes()).await.expect("it reads");
    drop(stdin);
    let output = shell.wait_with_output().await.expect("it can be waited for");
    let text = String::from_utf8(output.stdout).expect("text");
    let said: Vec<_> = text.split(&format!("{MARK}\n")).map(str::to_owned).collect();
    assert!(said.len() > steps.len(), "the shell ended early:\n{text}");
    said
}

/// Every line of the README is among what was printed, in its order.
fn check(title: &str, step: &Step, said: &str) {
    let mut lines = said.lines();
    for expected in &step.printed {
        assert!(
            lines.any(|line| fits(line, expected)),
            "{title}: `{}` did not print {expected:?} but\n{said}",
            step.command
        );
    }
}

fn fits(line: &str, expected: &str) -> bool {
    let mut rest = line;
    let mut parts = expected.split("...");
    let Some(after) = rest.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    rest = after;
    let is_open = expected.ends_with("...");
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    is_open || rest.is_empty() || expected.contains("...") && rest.trim().is_empty()
}

#[test]
fn a_line_fits_what_the_readme_says_of_it() {
    assert!(fits("done: 1 objects", "done: 1 objects"));
    assert!(!fits("done: 10 objects", "done: 1 objects"));
    assert!(fits("refused: the quota is exceeded. Wait.", "refused: ...exceeded..."));
    assert!(!fits("done: 1 objects", "refused: ..."));
    assert!(fits("EX01 is down", "...is down"));
}
