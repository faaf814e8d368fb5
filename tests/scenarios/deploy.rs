//! What an operator installs is accepted by the programs it is for: every reference configuration and
//! every sample policy.

use std::fs;
use std::path::{Path, PathBuf};

use exgate_tests::command_line::{check_config, run};
use exgate_tests::scenario;

fn shipped(folder: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let entries = fs::read_dir(root.join("deploy").join(folder)).unwrap();
    let files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    assert!(!files.is_empty(), "deploy/{folder} is empty");
    files
}

#[test]
fn every_shipped_setting_is_good() {
    scenario(async {
        for file in shipped("config") {
            let name = file.file_stem().unwrap().to_str().unwrap();
            let said = check_config(&format!("exgate-{name}"), &file).await;
            assert!(said.well().starts_with("OK: "), "{}", file.display());
        }
    });
}

#[test]
fn every_shipped_policy_is_good() {
    scenario(async {
        for file in shipped("policies") {
            let path = file.display().to_string();
            let said = run("exgate-evaluator", &["--check-policy", &path], &[]).await;
            assert!(said.well().starts_with("OK (policies: "), "{path}");
        }
    });
}
