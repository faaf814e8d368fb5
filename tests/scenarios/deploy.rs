//! What an operator installs is accepted by the programs it is for: every reference configuration
//! passes `--check-config`, and the sample policies pass `--check-policy`.

use std::path::Path;
use std::process::Command;

use exgate_tests::process::binary;

fn deploy(part: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the root");
    root.join("deploy").join(part).display().to_string()
}

#[test]
fn every_reference_configuration_is_accepted() {
    for service in ["agent", "coordinator", "evaluator"] {
        let output = Command::new(binary(&format!("exgate-{service}")))
            .args(["--config", &deploy(&format!("config/{service}.toml")), "--check-config"])
            .output()
            .expect("the program starts");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{service}: {errors}");
    }
}

#[test]
fn the_sample_policies_are_accepted() {
    let output = Command::new(binary("exgate-evaluator"))
        .args(["--check-policy", &deploy("policies")])
        .output()
        .expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
