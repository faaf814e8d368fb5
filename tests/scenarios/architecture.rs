//! Who may import whom, held against `cargo metadata`: a new edge is added here, in the open,
//! together with `docs/architecture.md`.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

/// One crate, the crates of ours it may import, and third-party crates it must never import.
struct Row {
    package: &'static str,
    may_import: &'static [&'static str],
    never: &'static [&'static str],
}

const DATABASES: [&str; 2] = ["sqlx", "rusqlite"];

const HOUSE: [Row; 11] = [
    Row {
        package: "exgate-domain",
        may_import: &[],
        never: &["tokio", "tonic", "prost", "serde_json", "sqlx", "hyper", "reqwest"],
    },
    Row { package: "exgate-runtime", may_import: &[], never: &DATABASES },
    Row {
        package: "exgate-exchange",
        may_import: &[],
        never: &["tonic", "prost", "sqlx", "reqwest"],
    },
    Row { package: "exgate-proto", may_import: &["exgate-domain"], never: &DATABASES },
    Row {
        package: "exgate-agent",
        may_import: &["exgate-domain", "exgate-proto", "exgate-runtime", "exgate-exchange"],
        never: &DATABASES,
    },
    Row {
        package: "exgate-coordinator",
        may_import: &["exgate-domain", "exgate-proto", "exgate-runtime"],
        never: &["quick-xml"],
    },
    Row {
        package: "exgate-evaluator",
        may_import: &["exgate-domain", "exgate-proto", "exgate-runtime"],
        never: &DATABASES,
    },
    Row {
        package: "exgate-cli",
        may_import: &["exgate-domain", "exgate-proto", "exgate-runtime"],
        never: &DATABASES,
    },
    Row {
        package: "exchange-sim",
        may_import: &["exgate-exchange", "exgate-runtime"],
        never: &["tonic", "prost", "sqlx"],
    },
    Row {
        package: "exgate-tests",
        may_import: &[
            "exchange-sim",
            "exgate-agent",
            "exgate-coordinator",
            "exgate-domain",
            "exgate-evaluator",
            "exgate-exchange",
            "exgate-proto",
            "exgate-runtime",
        ],
        never: &[],
    },
    Row {
        package: "exgate-bench",
        may_import: &[
            "exchange-sim",
            "exgate-agent",
            "exgate-coordinator",
            "exgate-domain",
            "exgate-evaluator",
            "exgate-exchange",
            "exgate-proto",
            "exgate-runtime",
            "exgate-tests",
        ],
        never: &[],
    },
];

/// Every workspace package with the names of its dependencies of any kind, read from Cargo.
fn imports() -> BTreeMap<String, Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--locked", "--format-version", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo metadata starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    let names = |list: &Value| -> Vec<String> {
        let entries = list.as_array().into_iter().flatten();
        entries.filter_map(|entry| Some(entry["name"].as_str()?.to_owned())).collect()
    };
    let packages = metadata["packages"].as_array().expect("a list of packages");
    let named = |package: &Value| package["name"].as_str().unwrap_or_default().to_owned();
    packages.iter().map(|package| (named(package), names(&package["dependencies"]))).collect()
}

/// What in `imports` breaks the rules of the house.
fn breaches(imports: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let mut breaches = Vec::new();
    for (package, dependencies) in imports {
        let Some(row) = HOUSE.iter().find(|row| row.package == package) else {
            breaches.push(format!("{package} has no row in tests/scenarios/architecture.rs"));
            continue;
        };
        for dependency in dependencies {
            let ours = imports.contains_key(dependency);
            let banned = row.never.contains(&dependency.as_str());
            if banned || (ours && !row.may_import.contains(&dependency.as_str())) {
                breaches.push(format!("{package} must not import {dependency}"));
            }
        }
    }
    breaches
}

#[test]
fn crates_import_only_what_the_house_allows() {
    let imports = imports();
    assert_eq!(imports.len(), HOUSE.len(), "{:?}", imports.keys());
    assert_eq!(breaches(&imports), Vec::<String>::new());
}

#[test]
fn a_forbidden_import_is_found() {
    let mut imports = imports();
    let coordinator = imports.get_mut("exgate-coordinator").expect("the coordinator is there");
    coordinator.push("exgate-exchange".into());
    assert_eq!(breaches(&imports), ["exgate-coordinator must not import exgate-exchange"]);
}
