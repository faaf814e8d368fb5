//! The worked examples in `deploy/policies`: each is whole, alone or with the one it names, and all of
//! them work together. Their own tests run when they are read.

use std::fs;
use std::path::Path;

use crate::bundles::{Bundle, Diagnostic, PolicyFile};

/// Files that change a policy of another one.
const BESIDE: [(&str, &str); 1] = [("second-mdm.yaml", "byod.yaml")];

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/policies"))
}

fn files(folder: &Path) -> Vec<PolicyFile> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "yaml"))
        .map(|path| PolicyFile {
            path: path.file_name().unwrap().to_str().unwrap().to_owned(),
            content: fs::read(&path).unwrap(),
        })
        .collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

#[track_caller]
fn is_well(files: &[PolicyFile]) {
    let names: Vec<_> = files.iter().map(|file| &file.path).collect();
    let said = match Bundle::read(files) {
        Ok(bundle) => bundle.warnings().to_vec(),
        Err(wrong) => wrong,
    };
    let said: Vec<_> = said.iter().map(Diagnostic::to_string).collect();
    assert!(said.is_empty(), "{names:?}: {}", said.join("\n"));
}

#[test]
fn each_example_is_whole() {
    let examples = files(&folder().join("examples"));
    assert!(examples.len() >= 5, "{} examples", examples.len());
    for example in &examples {
        let beside = BESIDE.iter().find(|(name, _)| *name == example.path);
        let other = beside.and_then(|(_, other)| examples.iter().find(|it| it.path == *other));
        is_well(&other.into_iter().chain([example]).cloned().collect::<Vec<_>>());
        assert!(other.is_none() || Bundle::read(std::slice::from_ref(example)).is_err());
    }
}

#[test]
fn all_samples_work_together() {
    let mut all = files(&folder().join("examples"));
    all.extend(files(folder()));
    is_well(&all);
}

#[test]
fn each_example_tests_itself_and_is_in_the_docs() {
    let page = folder().join("../../docs/policy-examples.md");
    let page = fs::read_to_string(page).unwrap();
    for example in files(&folder().join("examples")) {
        assert!(page.contains(&format!("examples/{})", example.path)), "{}", example.path);
        let text = String::from_utf8(example.content).unwrap();
        let expectations = text.matches("    expect:").count();
        assert!(expectations >= 5, "{}: {expectations} tests", example.path);
        assert!(text.contains("Reference: docs/reference/policies.md"), "{}", example.path);
    }
}
