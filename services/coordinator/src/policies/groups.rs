//! Groups that policies name and that nobody in the directory is in. A policy cannot know which groups
//! there are; who has the records can, and says so before a typing mistake targets nobody.

use std::collections::{BTreeMap, BTreeSet};

use crate::status::nearest;

use super::{Diagnostic, Severity};

/// The most groups that are said to be nobody's.
const UNKNOWN_MAX: usize = 50;

/// A place at which a policy names a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedGroup {
    /// The group, as it is written.
    pub group: String,
    /// Path of the file.
    pub path: String,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
    /// The key, such as `includedGroups[0]`.
    pub key: String,
}

/// Warns of each group that nobody in the directory is in. A directory in which nobody is in any group
/// knows nothing of groups, and says nothing about them.
pub fn unknown_groups<'a>(
    named: &[NamedGroup],
    directory: impl IntoIterator<Item = &'a str>,
) -> Vec<Diagnostic> {
    let names: BTreeSet<_> = directory.into_iter().map(str::trim).collect();
    let known: BTreeMap<_, _> = names.iter().map(|name| (name.to_lowercase(), *name)).collect();
    if known.is_empty() {
        return Vec::new();
    }
    let unknown = named.iter().filter(|it| !known.contains_key(&it.group.trim().to_lowercase()));
    let warning = |it: &NamedGroup| {
        let NamedGroup { group, path, line, column, key } = it.clone();
        let near = nearest(&group, names.iter().copied());
        let suggestion = match near {
            Some(near) => format!("write {near}"),
            None => {
                "check its name in the directory, and whether the records have its members".into()
            }
        };
        let message = format!("nobody in the directory is in the group {group:?}");
        Diagnostic { path, line, column, key, message, suggestion, severity: Severity::Warning }
    };
    unknown.take(UNKNOWN_MAX).map(warning).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(group: &str, line: u32) -> NamedGroup {
        let (path, key) = ("p.yaml".to_owned(), "includedGroups[0]".to_owned());
        NamedGroup { group: group.to_owned(), path, line, column: 18, key }
    }

    fn said(named: &[NamedGroup], directory: &[&str]) -> Vec<String> {
        let found = unknown_groups(named, directory.iter().copied());
        found.iter().map(Diagnostic::to_string).collect()
    }

    #[test]
    fn a_group_of_nobody_is_told_with_the_one_that_was_meant() {
        let policies = [named("mail USERS ", 6), named("Mail user", 7), named("Kiosks", 8)];
        assert_eq!(
            said(&policies, &["Mail users", "Board", "Mail users"]),
            [
                "p.yaml:7:18: warning: includedGroups[0]: nobody in the directory is in the group \
                 \"Mail user\" (write Mail users)",
                "p.yaml:8:18: warning: includedGroups[0]: nobody in the directory is in the group \
                 \"Kiosks\" (check its name in the directory, and whether the records have its \
                 members)",
            ]
        );
    }

    #[test]
    fn a_directory_without_groups_says_nothing_about_them() {
        assert!(said(&[named("Mail users", 6)], &[]).is_empty());
        let many: Vec<_> = (0..200).map(|line| named("nobody's", line)).collect();
        assert_eq!(said(&many, &["Mail users"]).len(), UNKNOWN_MAX);
    }
}
