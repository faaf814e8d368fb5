//! Owns what can be wrong with settings, each in one line with its key, its layer and a cure.

use std::path::PathBuf;

use crate::{config::SecretError, listen::ListenError, report};

/// The name of the lowest layer.
pub(super) const DEFAULTS: &str = "the built-in defaults";

/// Why there are no settings to start with.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file can not be read.
    #[error("cannot read configuration file {} (name the right one with --config FILE)", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("configuration file {} is not valid TOML: {problem}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where, and what was expected.
        problem: String,
    },
    /// The layers could not be merged.
    #[error("cannot merge the layers of the configuration")]
    Layers(#[source] config::ConfigError),
    /// A key that nobody reads.
    #[error("unknown key {key} in {origin}{hint}")]
    UnknownKey {
        /// The whole key.
        key: String,
        /// Its layer.
        origin: String,
        /// What to write instead.
        hint: String,
    },
    /// A value of the wrong type, or one that its type refuses.
    #[error("wrong value for key {key} in {origin}: {problem}")]
    WrongValue {
        /// The whole key.
        key: String,
        /// Its layer.
        origin: String,
        /// What was found and what was expected.
        problem: String,
    },
    /// A value that the service refuses.
    #[error("{invalid} (in {origin})")]
    Invalid {
        /// The key and the problem.
        invalid: Invalid,
        /// Its layer.
        origin: String,
    },
    /// The settings have no form in TOML.
    #[error("cannot print the configuration")]
    Print(#[source] toml::ser::Error),
}

/// One key whose value a service refuses, with the cure in the problem.
#[derive(Debug, thiserror::Error)]
#[error("{problem}")]
pub struct Invalid {
    /// The whole key, such as `coordinator.organization`.
    pub key: String,
    /// The key, what is wrong with its value, and what to write instead.
    pub problem: String,
}

impl Invalid {
    /// The value of `key` is refused because of `problem`.
    pub fn new(key: impl Into<String>, problem: impl std::fmt::Display) -> Self {
        let key = key.into();
        Self { problem: format!("{key}: {problem}"), key }
    }

    /// The required key `key` has no value.
    pub fn missing(key: impl Into<String>) -> Self {
        let key = key.into();
        let variable = key.to_uppercase().replace('.', "__");
        let problem = format!("{key} is required; set it in the file or as EXGATE__{variable}");
        Self { key, problem }
    }

    /// The address at `key` can not be used.
    pub fn listen(key: impl Into<String>, error: &ListenError) -> Self {
        Self { key: key.into(), problem: report(error) }
    }

    /// The secret at `key` can not be read.
    pub fn secret(key: impl Into<String>, error: &SecretError) -> Self {
        Self::new(key, report(error))
    }
}
