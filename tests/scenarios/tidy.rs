//! What a reader may rely on in every file: its size, its first line, the names of its modules, and
//! that generated messages and Exchange's words stay at the gates.

use std::fs;
use std::path::{Path, PathBuf};

const FILE_LINES_MAX: usize = 600;
const BANNED_NAMES: [&str; 15] = [
    "util",
    "utils",
    "common",
    "helper",
    "helpers",
    "misc",
    "shared",
    "core",
    "base",
    "manager",
    "handler",
    "processor",
    "service",
    "data",
    "info",
];
/// Modules that are pure rules: no `async` in them.
const PURE: [&str; 6] = [
    "services/lib/domain/src",
    "services/evaluator/src/verdict",
    "services/coordinator/src/reconcile",
    "services/coordinator/src/schedule",
    "services/coordinator/src/matching",
    "services/coordinator/src/what_if",
];
/// The edges that may name generated messages.
const WIRE_EDGES: [&str; 9] = [
    "proto/",
    "services/agent/src/uplink",
    "services/coordinator/src/agents",
    "services/coordinator/src/operator_api",
    "services/coordinator/src/evaluation/evaluator_client",
    "services/coordinator/src/status.rs",
    "services/evaluator/src/api",
    "services/evaluator/src/status.rs",
    "services/cli/",
];

/// A Rust file of the project: its path from the root and its text.
struct Source {
    path: String,
    text: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the root").to_owned()
}

fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    for folder in ["proto", "services", "tests"] {
        collect(&root().join(folder), &mut found);
    }
    assert!(found.len() > 50, "only {} Rust files found", found.len());
    found
}

fn collect(folder: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            if !path.ends_with("target") {
                collect(&path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("UTF-8 source");
            let from_root = path.strip_prefix(root()).expect("below the root");
            found.push(Source { path: from_root.display().to_string().replace('\\', "/"), text });
        }
    }
}

/// Fails with every file for which `wrong` says something.
fn none(wrong: impl Fn(&Source) -> Option<String>) {
    let breaches: Vec<String> = sources()
        .iter()
        .filter_map(|source| Some(format!("{}: {}", source.path, wrong(source)?)))
        .collect();
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

/// Whether the file is this one, which has to name what it looks for.
fn is_this_file(source: &Source) -> bool {
    source.path.ends_with("scenarios/tidy.rs")
}

#[test]
fn files_are_short() {
    none(|source| {
        let lines = source.text.lines().count();
        (lines > FILE_LINES_MAX).then(|| format!("{lines} lines, at most {FILE_LINES_MAX}"))
    });
}

#[test]
fn every_file_says_what_it_owns() {
    none(|source| (!source.text.starts_with("//! ")).then(|| "no //! in the first line".into()));
}

#[test]
fn modules_have_telling_names() {
    none(|source| {
        let name = Path::new(&source.path).file_stem()?.to_str()?;
        let parent = Path::new(&source.path).parent()?.file_name()?.to_str()?;
        let banned = |name: &str| BANNED_NAMES.contains(&name) || name == "mod";
        (banned(name) || banned(parent)).then(|| "a name that says nothing".into())
    });
}

#[test]
fn pure_rules_are_not_async() {
    none(|source| {
        let pure = PURE.iter().any(|place| source.path.starts_with(place));
        (pure && source.text.contains("async ")).then(|| "async in a pure module".into())
    });
}

#[test]
fn generated_messages_stay_at_the_edges() {
    none(|source| {
        let service = source.path.starts_with("services/");
        let edge = WIRE_EDGES.iter().any(|edge| source.path.starts_with(edge));
        let generated = ["types", "agent", "evaluator"]
            .iter()
            .any(|package| source.text.contains(&format!("exgate_proto::{package}::v1")))
            || source.text.contains("exgate_proto::v1");
        (service && !edge && generated).then(|| "names generated messages".into())
    });
}

#[test]
fn the_simulator_shares_only_codecs() {
    none(|source| {
        if !source.path.starts_with("tests/exchange-sim/") {
            return None;
        }
        let allowed = ["clixml", "psrp", "wsman", "{"];
        let foreign = source
            .text
            .split("exgate_exchange::")
            .skip(1)
            .find(|rest| !allowed.iter().any(|codec| rest.starts_with(codec)))?;
        Some(format!("names exgate_exchange::{}", foreign.lines().next().unwrap_or_default()))
    });
}

#[test]
fn the_simulator_is_of_use_to_others() {
    none(|source| {
        let text = source.text.to_lowercase();
        let crates = ["exgate_exchange", "exgate-exchange", "exgate_runtime", "exgate-runtime"];
        let text = crates.iter().fold(text, |text, name| text.replace(name, ""));
        let named = source.path.starts_with("tests/exchange-sim/") && text.contains("exgate");
        named.then(|| "names the product".into())
    });
}

#[test]
fn metric_names_stand_in_one_place() {
    none(|source| {
        let named = [".u64_counter(", ".f64_histogram(", ".u64_gauge(", ".u64_observable_gauge("]
            .iter()
            .any(|call| source.text.contains(call));
        let place = source.path.ends_with("metrics.rs") || is_this_file(source);
        let runtime = source.path.starts_with("services/lib/runtime/");
        (named && !place && !runtime).then(|| "makes an instrument outside metrics.rs".into())
    });
}

#[test]
fn nothing_is_left_for_later() {
    none(|source| {
        let marks = ["TODO", "FIXME", "unimplemented!", "todo!("];
        let mark = marks.iter().find(|mark| source.text.contains(*mark))?;
        (!is_this_file(source)).then(|| format!("{mark} left in"))
    });
}
