//! The binary's one-shot actions, as an operator types them.

#![expect(clippy::unwrap_used, reason = "a test: what fails ends it")]

use std::path::Path;
use std::process::{Command, Output};

fn run(arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_exgate-evaluator"));
    // Nothing of the machine's own settings may leak in.
    command.env_clear().args(arguments);
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

#[test]
fn the_sample_policies_are_good() {
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/policies");
    let (code, stdout, stderr) = run(&["--check-policy", policies.to_str().unwrap()]);
    assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
    let last = stdout.lines().last().unwrap();
    assert!(last.starts_with("OK (policies: "), "{stdout}");
}

#[test]
fn a_malformed_policy_is_one_clear_line_and_exit_code_1() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("phones.yaml");
    let text = "apiVersion: exgate/v1\nkind: CompliancePolicy\nname: phones\nplatforms:\n  iOS: { osMinVersion: 17 }\n";
    std::fs::write(&path, text).unwrap();

    let (code, stdout, _) = run(&["--check-policy", path.to_str().unwrap()]);

    assert_eq!(code, 1);
    let start = format!(
        "{}:5:10: platforms.iOS.osMinVersion: unknown key \"osMinVersion\"; known: \
         osMinimumVersion, ",
        path.display()
    );
    assert!(stdout.starts_with(&start), "{stdout}");
    assert!(stdout.ends_with(" (write osMinimumVersion)\n"), "{stdout}");
    let (code, stdout, _) = run(&["check", "--json", path.to_str().unwrap()]);
    let document: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, &document["diagnostics"][0]["line"]), (1, &5.into()));
}

#[test]
fn a_file_that_is_not_there_is_wrong_usage() {
    let (code, stdout, stderr) = run(&["test", "no/such/file.yaml"]);
    assert_eq!((code, stdout.as_str()), (64, ""));
    assert!(stderr.starts_with("error: no/such/file.yaml: cannot read: "), "{stderr}");
    let (code, _, _) = run(&["test"]);
    assert_eq!(code, 64);
}

#[test]
fn the_schema_is_printed() {
    let (code, stdout, stderr) = run(&["schema"]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/policy.schema.json");
    assert!(stdout == std::fs::read_to_string(path).unwrap(), "{stdout:.200}");
}

#[test]
fn settings_are_checked_without_a_start() {
    let (code, stdout, _) = run(&["--check-config"]);
    assert_eq!((code, stdout.as_str()), (0, "OK: exgate-evaluator (built-in defaults)\n"));

    let (code, _, stderr) = run(&["--check-config", "--set", "cache.max_bundle=3"]);
    assert_eq!(code, 64);
    assert!(stderr.contains("unknown key cache.max_bundle"), "{stderr}");
    assert!(stderr.contains("did you mean max_bundles?"), "{stderr}");

    let (code, _, stderr) = run(&["--check-config", "--set", "server.listen=0.0.0.0:7444"]);
    assert_eq!(code, 64);
    assert!(stderr.contains("plain gRPC is for loopback only"), "{stderr}");
}
