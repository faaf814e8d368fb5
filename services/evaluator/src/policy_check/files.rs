//! Policy files on disk: single ones, and all of folders. Organizations, which operators keep beside
//! their policies, are passed over: the coordinator reads them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs;
use std::io;
use std::path::Path;

use exgate_runtime::files::{Unreadable, yaml_below};
use exgate_runtime::one_line;

use crate::bundles::{BUNDLE_BYTES_MAX, PolicyFile, kind};

/// The kind of documents that are no policies.
const ORGANIZATION: &str = "Organization";

/// Reads files and folders, or says what cannot be read.
pub(super) fn read(paths: &[String]) -> Result<Vec<PolicyFile>, Vec<String>> {
    let mut files = BTreeMap::new();
    let mut complaints = Vec::new();
    for path in paths {
        if let Err(Unreadable { path, source }) = collect(Path::new(path), &mut files) {
            let complaint = format!("{}: cannot read: {source}", path.display());
            complaints.push(one_line(&complaint).into_owned());
        }
    }
    if complaints.is_empty() && files.values().all(Option::is_none) {
        complaints
            .push(format!("{}: no .yaml or .yml file with a policy is there", paths.join(", ")));
    }
    let files = files.into_iter();
    let files = files.filter_map(|(path, content)| Some(PolicyFile { path, content: content? }));
    if complaints.is_empty() { Ok(files.collect()) } else { Err(complaints) }
}

/// What the policies of each file are, by its path; none where a file holds organizations alone. A file
/// that is named and lies in a folder that is named is one file.
type Files = BTreeMap<String, Option<Vec<u8>>>;

/// Reads a file, or the policy files of a folder and those below it.
fn collect(path: &Path, files: &mut Files) -> Result<(), Unreadable> {
    if path.is_dir() {
        return yaml_below(path)?.iter().try_for_each(|path| collect(path, files));
    }
    let refuse = |source| Unreadable { path: path.to_owned(), source };
    if let Entry::Vacant(entry) = files.entry(path.display().to_string()) {
        entry.insert(policies(content(path).map_err(refuse)?));
    }
    Ok(())
}

/// The bytes of a file that could be one of a bundle: others are not even opened.
fn content(path: &Path) -> io::Result<Vec<u8>> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is neither a file nor a folder"));
    }
    let (bytes, most) = (metadata.len(), BUNDLE_BYTES_MAX);
    if usize::try_from(bytes).is_ok_and(|bytes| bytes <= most) {
        return fs::read(path);
    }
    Err(io::Error::other(format!("its {bytes} bytes are more than the {most} of all policies")))
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
        // Most policies never say the word, and are not read twice.
        document.iter().any(|line| line.contains(ORGANIZATION))
            && kind(&document.concat()).is_some_and(|kind| kind == ORGANIZATION)
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
