//! Owns `--check-policy`: says what is wrong with policy files on disk, as `LoadBundle` would, and
//! starts nothing.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use exgate_runtime::{Action, Findings};

use crate::bundles::{Bundle, Diagnostic, PolicyFile};
use crate::config::Config;

/// The deepest folder that is looked into.
const DEPTH_MAX: usize = 16;

/// The flag of the binary.
pub fn action() -> Action<Config> {
    Action {
        flag: "check-policy",
        values: Some("PATH"),
        help: "Checks policy files, or all .yaml and .yml files of folders, as one bundle and exits",
        command: None,
        run: |_, paths| Box::pin(async move { check(&paths) }),
    }
}

/// Checks the files together, as one bundle: one line a mistake, or one that says that all is well.
pub fn check(paths: &[String]) -> Findings {
    let mut files = Vec::new();
    let mut lines = Vec::new();
    for path in paths {
        if let Err(Unreadable { path, source }) = collect(Path::new(path), DEPTH_MAX, &mut files) {
            lines.push(format!("{}: cannot read: {source}", path.display()));
        }
    }
    if lines.is_empty() && files.is_empty() {
        lines.push(format!("{}: no .yaml or .yml file is there", paths.join(", ")));
    }
    if !lines.is_empty() {
        return Findings { lines, is_well: false };
    }
    match Bundle::read(&files) {
        Ok(bundle) => {
            let (policies, files) = (bundle.summaries().len(), files.len());
            let mut lines: Vec<_> = bundle.warnings().iter().map(Diagnostic::to_string).collect();
            lines.push(format!("OK (policies: {policies}, files: {files})"));
            Findings { lines, is_well: true }
        }
        Err(mistakes) => {
            let lines = mistakes.iter().map(Diagnostic::to_string).collect();
            Findings { lines, is_well: false }
        }
    }
}

/// A path that could not be read.
struct Unreadable {
    path: PathBuf,
    source: io::Error,
}

/// Reads a file, or the policy files of a folder and those below it; hidden ones are passed over.
fn collect(path: &Path, depth: usize, files: &mut Vec<PolicyFile>) -> Result<(), Unreadable> {
    let refuse = |source| Unreadable { path: path.to_owned(), source };
    if !fs::metadata(path).map_err(refuse)?.is_dir() {
        let content = fs::read(path).map_err(refuse)?;
        files.push(PolicyFile { path: path.display().to_string(), content });
        return Ok(());
    }
    if depth == 0 {
        return Err(refuse(io::Error::other("the folders are nested too deep")));
    }
    let entries = fs::read_dir(path).map_err(refuse)?;
    let mut entries = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(refuse)?;
    entries.sort();
    for entry in entries {
        let name = entry.file_name().unwrap_or_default().to_string_lossy();
        let is_policy = name.ends_with(".yaml") || name.ends_with(".yml");
        if !name.starts_with('.') && (is_policy || entry.is_dir()) {
            collect(&entry, depth - 1, files)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = include_str!("../../../deploy/policies/phones.yaml");

    fn checked(paths: &[&Path]) -> (bool, Vec<String>) {
        let paths: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
        let Findings { lines, is_well } = check(&paths);
        (is_well, lines)
    }

    #[test]
    fn files_and_folders_are_checked_as_one_bundle() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("below")).unwrap();
        fs::write(at("below/phones.yml"), GOOD).unwrap();
        for ignored in [".hidden.yaml", "README.md"] {
            fs::write(at(ignored), "{{{").unwrap();
        }
        assert_eq!(
            checked(&[folder.path()]),
            (true, vec!["OK (policies: 2, files: 1)".to_owned()])
        );

        fs::write(at("twice.yaml"), GOOD).unwrap();
        let (is_well, lines) = checked(&[folder.path()]);
        assert!(!is_well);
        let first = format!(
            "{}:5:7: name: \"phones\" is the name of the policy at {}:5 too (write another name)",
            at("twice.yaml").display(),
            at("below/phones.yml").display()
        );
        assert_eq!(lines[0], first);
        assert_eq!(lines.len(), 3);

        assert!(checked(&[&at("twice.yaml")]).0);
    }

    #[test]
    fn what_is_not_there_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let empty = format!("{}: no .yaml or .yml file is there", folder.path().display());
        assert_eq!(checked(&[folder.path()]), (false, vec![empty]));
        let missing = folder.path().join("none.yaml");
        let (is_well, lines) = checked(&[&missing]);
        assert!(!is_well);
        let start = format!("{}: cannot read: ", missing.display());
        assert!(lines[0].starts_with(&start), "{lines:?}");
    }
}
