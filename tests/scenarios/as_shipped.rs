//! What a person gets: the demo as it is started, and the reference settings and policies as they lie
//! in `deploy/`.

use std::fs;
use std::path::{Path, PathBuf};
#[cfg(target_os = "linux")]
use std::time::Duration;

use exgate_tests::command_line::{check_config, run};
#[cfg(target_os = "linux")]
use exgate_tests::process::{Program, binary, parent};
use exgate_tests::scenario;
#[cfg(target_os = "linux")]
use exgate_tests::{eventually, is};

/// How long the demo may take to its first allowed phone.
#[cfg(target_os = "linux")]
const FIRST_ALLOWED_MAX: Duration = Duration::from_secs(90);

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

/// The demo with a small world: it lets the first phone in and leaves
/// nothing behind, which is looked up in `/proc`.
#[cfg(target_os = "linux")]
#[test]
fn the_demo_tells_its_story_and_ends_cleanly() {
    scenario(async {
        let folder = tempfile::tempdir().unwrap();
        let world = folder.path().join("demo");
        let program = Program {
            binary: binary("exgate"),
            arguments: ["demo", "--mailboxes", "30", "--devices", "40", "--dir"]
                .into_iter()
                .map(str::to_owned)
                .chain([world.display().to_string()])
                .collect(),
            environment: Vec::new(),
            log: folder.path().join("demo.log"),
        };
        let mut demo = program.start();
        eventually(FIRST_ALLOWED_MAX, "the first phone is allowed", async || {
            is(demo.log(), |log| log.contains("First phone allowed"))
        })
        .await;
        let parts = demo.children();
        assert_eq!(parts.len(), 5, "simulator, evaluator, coordinator and two agents");

        let status = demo.interrupt();

        assert!(status.success(), "{status}: {}", demo.log());
        let left: Vec<_> = parts.into_iter().filter(|part| parent(*part).is_some()).collect();
        assert!(left.is_empty(), "{left:?} still run");
        assert!(!world.try_exists().unwrap(), "the demo's folder is still there");
    });
}
