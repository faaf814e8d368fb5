//! Policies that ask when a device last synchronised. Only Exchange's device statistics say so, and they are
//! read on request: without them such a rule holds every managed device, or never finds one.

use super::{Diagnostic, Severity};

/// A place at which a policy asks for something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPlace {
    /// Path of the file.
    pub path: String,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
    /// The key, such as `lastSyncMax`.
    pub key: String,
}

/// Warns of each key that asks when a device last synchronised, where nobody reads that.
pub fn last_sync_unknown(keys: Vec<KeyPlace>) -> Vec<Diagnostic> {
    let warning = |it: KeyPlace| {
        let KeyPlace { path, line, column, key } = it;
        let effect = match key.as_str() {
            "inactiveAfter" => "no device is ever found inactive",
            "lastSyncMax" => "the compliance of every managed device is unknown",
            _ => "what it asks for is not known of any device",
        };
        let message = format!("when devices last synchronised is not read, so that {effect}");
        let suggestion =
            "set sync.statistics_age in the coordinator's settings, such as \"1d\"".to_owned();
        Diagnostic { path, line, column, key, message, suggestion, severity: Severity::Warning }
    };
    keys.into_iter().map(warning).collect()
}
