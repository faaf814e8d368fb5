//! What documents do to the bundle in force: the files that they lead to, and what becomes of each policy.

use std::collections::{BTreeMap, BTreeSet};

use super::documents::{self, Parts};
use super::{AppliedDocument, Change, Diagnostic, PolicyFile, Severity, StoredPolicy};

/// The files that are in force once the new ones are.
pub(super) fn bundle(
    before: &[PolicyFile],
    listed: &[StoredPolicy],
    files: &[PolicyFile],
    parts: &Parts,
) -> Vec<PolicyFile> {
    let given: BTreeSet<_> = files.iter().map(|file| file.path.as_str()).collect();
    let new: BTreeSet<_> = parts.policies.iter().map(|policy| policy.key()).collect();
    let superseded = |path: &str| {
        let mut theirs = listed.iter().filter(|policy| policy.path == path).peekable();
        theirs.peek().is_some()
            && theirs.all(|policy| new.contains(&(policy.kind.as_str(), policy.name.as_str())))
    };
    let kept =
        before.iter().filter(|file| !given.contains(file.path.as_str()) && !superseded(&file.path));
    let mut after: Vec<_> = kept.chain(&parts.files).cloned().collect();
    after.sort_by(|one, other| one.path.cmp(&other.path));
    after
}

/// The policies in force that stand in none of the files. One that moved to another file stands there.
pub(super) fn removed(listed: Vec<StoredPolicy>, after: &[PolicyFile]) -> Vec<StoredPolicy> {
    let stay = documents::policies(after);
    let stay: BTreeSet<_> = stay.iter().map(|policy| policy.key()).collect();
    let is_gone =
        |policy: &StoredPolicy| !stay.contains(&(policy.kind.as_str(), policy.name.as_str()));
    listed.into_iter().filter(is_gone).collect()
}

/// Says that a policy is removed.
pub(super) fn left_out(policy: &StoredPolicy) -> Diagnostic {
    let StoredPolicy { name, kind, path, .. } = policy;
    Diagnostic {
        path: path.clone(),
        line: 0,
        column: 0,
        key: String::new(),
        message: format!("policies/{name} ({kind}) would be removed"),
        suggestion: "add --prune, or give it again".to_owned(),
        severity: Severity::Error,
    }
}

/// What becomes of each policy document.
pub(super) fn changes(
    before: &[PolicyFile],
    parts: &Parts,
    removed: &[StoredPolicy],
) -> Vec<AppliedDocument> {
    let old = documents::policies(before);
    let old: BTreeMap<_, _> = old.iter().map(|policy| (policy.key(), &policy.text)).collect();
    let given = parts.policies.iter().map(|policy| {
        let change = match old.get(&policy.key()) {
            None => Change::Created,
            Some(text) if **text == policy.text => Change::Unchanged,
            Some(_) => Change::Configured,
        };
        AppliedDocument { kind: policy.kind.clone(), name: policy.name.clone(), change }
    });
    let gone = removed.iter().map(|policy| AppliedDocument {
        kind: policy.kind.clone(),
        name: policy.name.clone(),
        change: Change::Removed,
    });
    given.chain(gone).collect()
}
