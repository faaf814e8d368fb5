//! Owns how settings become typed values: built-in defaults < file < environment < flags.
//!
//! Invariant: a key that nobody reads is refused, with the nearest key as a suggestion, and every
//! refusal names the key and the layer it came from. A value from the environment or a flag is
//! read as the type that the setting has, never guessed from its looks: `007` stays `007` where
//! a text is expected.

mod layers;
mod typed;
mod sections;
mod span;
mod secret;
mod error;

use std::{collections::BTreeMap, fmt, path::PathBuf};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};

use crate::{listen, process::METRICS_LISTEN, telemetry};

pub use error::{ConfigError, Invalid};
pub use secret::{SecretError, SecretFile};
pub use sections::{Log, LogFormat, Process, Telemetry};
pub use span::{Span, SpanError};

/// The variable that names the configuration file when no flag does.
pub const FILE_VARIABLE: &str = "EXGATE_CONFIG";

/// The typed settings of one service.
///
/// Every struct in it carries `#[serde(default, deny_unknown_fields)]`: `Default` holds the
/// built-in values, and a key that must be given is empty by default and refused by
/// [`Configuration::check`]. No `flatten` and no tagged enums: they lose the key of an error.
pub trait Configuration: Default + Serialize + DeserializeOwned {
    /// The sections that the process itself reads.
    fn process(&self) -> Process<'_>;

    /// Refuses what the types alone can not: missing keys, ranges, addresses.
    ///
    /// # Errors
    /// With the first key that does not hold.
    fn check(&self) -> Result<(), Invalid> {
        Ok(())
    }

    /// What else identifies this process in telemetry, beside name, version and host.
    fn attributes(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

/// Where settings come from, the weakest layer first; the built-in defaults lie below all.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    /// A file that must exist, if one is named.
    pub file: Option<PathBuf>,
    /// A file that is read if it exists and no other is named.
    pub fallback: Option<PathBuf>,
    /// Environment variables; only those that start with `EXGATE__` count.
    pub environment: BTreeMap<String, String>,
    /// Keys and values from flags.
    pub overrides: Vec<(String, String)>,
}

/// Settings and where they came from.
#[derive(Debug)]
pub struct Loaded<C> {
    /// The settings in force.
    pub config: C,
    /// The file that was read, or `built-in defaults`.
    pub source: String,
}

impl Layers {
    /// The layers of this process: the file of a flag or of `EXGATE_CONFIG`, and its environment.
    #[must_use]
    pub fn of_process(file: Option<PathBuf>) -> Self {
        let environment: BTreeMap<_, _> = std::env::vars_os()
            .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let named = environment.get(FILE_VARIABLE).filter(|path| !path.is_empty());
        let file = file.or_else(|| named.map(PathBuf::from));
        Self { file, environment, ..Self::default() }
    }

    /// Reads, merges, types and checks the settings.
    ///
    /// # Errors
    /// With the first thing that is wrong, naming its key and layer.
    pub fn load<C: Configuration>(&self) -> Result<Loaded<C>, ConfigError> {
        let loaded = self.read::<C>()?;
        check_process(loaded.config.process()).and_then(|()| loaded.config.check()).map_err(
            |invalid| ConfigError::Invalid { origin: self.origin::<C>(&invalid.key), invalid },
        )?;
        Ok(loaded)
    }

    /// As [`Layers::load`] for settings that are no service's, such as those of a command.
    ///
    /// # Errors
    /// With the first thing that is wrong, naming its key and layer.
    pub fn read<C: Default + Serialize + DeserializeOwned>(
        &self,
    ) -> Result<Loaded<C>, ConfigError> {
        let merged = layers::merge(self, &C::default())?;
        let config = typed::read(&merged)?;
        Ok(Loaded { config, source: merged.source })
    }

    fn origin<C: Default + Serialize>(&self, key: &str) -> String {
        layers::merge(self, &C::default())
            .map_or_else(|_| error::DEFAULTS.to_owned(), |merged| merged.origin(key))
    }
}

/// Refuses what the process itself can not use.
fn check_process(process: Process<'_>) -> Result<(), Invalid> {
    telemetry::check(process.log)
        .map_err(|error| Invalid { key: "log.level".to_owned(), problem: error.to_string() })?;
    if let Some(text) = process.telemetry.listen() {
        listen::address(METRICS_LISTEN, text)
            .map_err(|error| Invalid::listen(METRICS_LISTEN, &error))?;
    }
    Ok(())
}

/// The settings in force as TOML that can be read back; [`Redacted`] values are masked.
///
/// # Errors
/// When a setting has no form in TOML, which a test of the service finds.
pub fn print<C: Serialize>(config: &C) -> Result<String, ConfigError> {
    toml::to_string(config).map_err(ConfigError::Print)
}

/// A value that never prints: not in logs, not in errors, not in `--print-config`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Redacted<T>(T);

impl<T> Redacted<T> {
    /// Hides a value.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself, for the one place that needs it.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// An unset value hides nothing and is written as it is; the layer of defaults needs that.
impl<T: Serialize + Default + PartialEq> Serialize for Redacted<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 == T::default() {
            self.0.serialize(serializer)
        } else {
            serializer.serialize_str("***")
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Redacted<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests;
