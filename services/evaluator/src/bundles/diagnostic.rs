//! Owns what is said about a mistake in a policy file: where it is, what it is, what to write instead.

use std::fmt;

use exgate_runtime::one_line;

/// The most mistakes reported for one bundle.
pub const DIAGNOSTICS_MAX: usize = 200;

/// How bad a [`Diagnostic`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The bundle is refused.
    Error,
    /// The bundle is taken, and is probably not what was meant.
    Warning,
}

/// One mistake in a policy file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Diagnostic {
    /// Path of the file, as it was given.
    pub path: String,
    /// Line, from 1; 0 when it concerns the whole file.
    pub line: u32,
    /// Column, from 1; 0 when it concerns the whole line.
    pub column: u32,
    /// The key, such as `platforms.iOS.osMinimumVersion`; may be empty.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to do instead; may be empty.
    pub suggestion: String,
    /// How bad it is.
    pub severity: Severity,
}

impl fmt::Display for Diagnostic {
    /// `file:line:column: warning: key: message (suggestion)`, without the parts that are not known,
    /// and without `warning` for an error.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&one_line(&self.path))?;
        for number in [self.line, self.column] {
            if number > 0 {
                write!(f, ":{number}")?;
            }
        }
        if self.severity == Severity::Warning {
            f.write_str(": warning")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.message)?;
        if !self.suggestion.is_empty() {
            write!(f, " ({})", self.suggestion)?;
        }
        Ok(())
    }
}

/// A place in a policy file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Position {
    pub(crate) line: u32,
    pub(crate) column: u32,
}

impl Position {
    /// Where something stands in the file, when `lines_before` its document has no part in them.
    pub(crate) fn in_file(location: serde_saphyr::Location, lines_before: u32) -> Self {
        let number = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        match number(location.line()) {
            0 => Self { line: lines_before.saturating_add(1), column: 0 },
            line => {
                Self { line: line.saturating_add(lines_before), column: number(location.column()) }
            }
        }
    }
}

/// A place at which a policy names a group. Which groups there are is not known here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupReference {
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

/// A place at which a policy asks for something that not everybody knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyReference {
    /// Path of the file.
    pub path: String,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
    /// The key, such as `lastSyncMax`.
    pub key: String,
}

/// What a bundle needs of others.
#[derive(Debug, Default)]
pub(crate) struct Needs {
    /// The groups that it names.
    pub(crate) groups: Vec<GroupReference>,
    /// Where it asks when a device last synchronised.
    pub(crate) last_sync: Vec<KeyReference>,
}

/// The mistakes of one bundle, as they are found, and what it needs of others.
#[derive(Debug, Default)]
pub(crate) struct Diagnostics {
    all: Vec<Diagnostic>,
    needs: Needs,
}

impl Diagnostics {
    /// Takes a mistake. What it quotes of a file is made harmless to who looks at it.
    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        let Diagnostic { key, message, suggestion, .. } = &diagnostic;
        let [key, message, suggestion] =
            [key, message, suggestion].map(|it| one_line(it).into_owned());
        self.all.push(Diagnostic { key, message, suggestion, ..diagnostic });
    }

    /// A group is named.
    pub(crate) fn group(&mut self, reference: GroupReference) {
        self.needs.groups.push(reference);
    }

    /// It is asked when a device last synchronised.
    pub(crate) fn last_sync(&mut self, reference: KeyReference) {
        self.needs.last_sync.push(reference);
    }

    /// What is needed of others.
    pub(crate) fn take_needs(&mut self) -> Needs {
        std::mem::take(&mut self.needs)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether any of them refuses the bundle.
    pub(crate) fn has_errors(&self) -> bool {
        self.all.iter().any(|one| one.severity == Severity::Error)
    }

    /// All of them by file and line, and no more than [`DIAGNOSTICS_MAX`].
    pub(crate) fn into_sorted(self) -> Vec<Diagnostic> {
        let mut all = self.all;
        all.sort();
        all.dedup();
        if all.len() > DIAGNOSTICS_MAX {
            let more = all.len() - DIAGNOSTICS_MAX;
            all.truncate(DIAGNOSTICS_MAX);
            if let Some(last) = all.last_mut() {
                last.message.push_str(&format!("; {more} more mistakes are not shown"));
            }
        }
        all
    }
}

/// The name among `known` that was probably meant by `written`.
pub(crate) fn nearest<'a>(
    written: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let folded = written.to_lowercase();
    known
        .into_iter()
        .map(|name| (strsim::osa_distance(&folded, &name.to_lowercase()), name))
        .min()
        .filter(|(distance, name)| *distance <= (name.chars().count() / 3).max(1))
        .map(|(_, name)| name)
}

/// What to say when `near` was probably meant.
pub(crate) fn write_instead(near: Option<&str>) -> String {
    write_or(near, "")
}

/// What to say when `near` was probably meant, and what otherwise.
pub(crate) fn write_or(near: Option<&str>, otherwise: &str) -> String {
    near.map_or_else(|| otherwise.to_owned(), |name| format!("write {name}"))
}
