//! What a person sees first: the demo, as it is started, from its first line to its clean end.
#![cfg(target_os = "linux")]

use std::time::Duration;

use exgate_tests::process::{Program, binary, parent};
use exgate_tests::{eventually, is, scenario};

/// How long the demo may take to its first allowed phone.
const FIRST_ALLOWED_MAX: Duration = Duration::from_secs(90);

/// The demo with a small world: it lets the first phone in and leaves
/// nothing behind, which is looked up in `/proc`.
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
