//! What is wrong with a record file, where it stands and what to do about it.

use std::fmt;

/// One mistake in a record file. A file with a mistake is refused as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: String,
    /// Line, from 1; 0 when it concerns the whole file.
    pub line: u64,
    /// Column, from 1; 0 when it concerns the whole line or the place is a named column.
    pub column: u64,
    /// The column or property; may be empty.
    pub key: String,
    /// What is wrong, and what to write instead.
    pub message: String,
}

impl Problem {
    /// A mistake of a whole file.
    pub(super) fn of_file(file: &str, message: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line: 0,
            column: 0,
            key: String::new(),
            message: message.into(),
        }
    }
}

impl fmt::Display for Problem {
    /// `file:line:column: key: message`, without the parts that are not known.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        for number in [self.line, self.column] {
            if number > 0 {
                write!(f, ":{number}")?;
            }
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.message)
    }
}

/// The name among `known` that was probably meant by `written`, as a cure.
pub(super) fn meant(written: &str, known: &[&str]) -> Option<String> {
    let folded = written.to_lowercase();
    known
        .iter()
        .map(|name| (strsim::osa_distance(&folded, &name.to_lowercase()), *name))
        .min()
        .filter(|(distance, name)| *distance <= (name.chars().count() / 5).max(1))
        .map(|(_, name)| name.to_owned())
}
