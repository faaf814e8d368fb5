//! Policy files on disk: single ones, and all of folders. Organizations, which operators keep beside
//! their policies, are passed over: the coordinator reads them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::bundles::PolicyFile;

/// The deepest folder that is looked into.
const DEPTH_MAX: usize = 16;

/// Reads files and folders, or says what cannot be read.
pub(super) fn read(paths: &[String]) -> Result<Vec<PolicyFile>, Vec<String>> {
    let mut files = Vec::new();
    let mut complaints = Vec::new();
    for path in paths {
        if let Err(Unreadable { path, source }) = collect(Path::new(path), DEPTH_MAX, &mut files) {
            complaints.push(format!("{}: cannot read: {source}", path.display()));
        }
    }
    if complaints.is_empty() && files.is_empty() {
        complaints
            .push(format!("{}: no .yaml or .yml file with a policy is there", paths.join(", ")));
    }
    // A file that is named and lies in a folder that is named is one file.
    files.sort_by(|one, other| one.path.cmp(&other.path));
    files.dedup();
    if complaints.is_empty() { Ok(files) } else { Err(complaints) }
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
        let path = path.display().to_string();
        files.extend(policies(content).map(|content| PolicyFile { path, content }));
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

/// A file without its organizations, each line where it was; none when it holds nothing else.
fn policies(content: Vec<u8>) -> Option<Vec<u8>> {
    let Ok(text) = std::str::from_utf8(&content) else { return Some(content) };
    let is_mark = |line: &str| line.trim_end() == "---" || line.starts_with("--- ");
    let mut documents: Vec<Vec<&str>> = Vec::new();
    for line in text.split_inclusive('\n') {
        match documents.last_mut() {
            Some(document) if !is_mark(line) => document.push(line),
            Some(_) | None => documents.push(vec![line]),
        }
    }
    let is_organization = |document: &Vec<&str>| {
        let kind = document.iter().find_map(|line| line.strip_prefix("kind:"));
        kind.is_some_and(|kind| kind.trim().trim_matches(['"', '\'']) == "Organization")
    };
    if !documents.iter().any(is_organization) {
        return Some(content);
    }
    let blank = |line: &&str| is_mark(line) || line.trim().is_empty() || line.starts_with('#');
    if documents.iter().all(|document| is_organization(document) || document.iter().all(blank)) {
        return None;
    }
    let kept = documents.iter().map(|document| match is_organization(document) {
        true => {
            let mark = if document.first().is_some_and(|line| is_mark(line)) { "---" } else { "" };
            format!("{mark}{}", "\n".repeat(document.len()))
        }
        false => document.concat(),
    });
    Some(kept.collect::<String>().into_bytes())
}
