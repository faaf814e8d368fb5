//! The evaluator's settings. Every key has a built-in value that works on one machine.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use exgate_runtime::config::{Configuration, Invalid, Log, Process, Span, Telemetry};
use exgate_runtime::listen;

use crate::bundles::BUNDLE_BYTES_MAX;

/// How many bundles a coordinator may need at a time: the one in force, two that are simulated and one whose
/// decision is explained. Were there room for fewer, they would drive each other out.
const BUNDLES_AT_ONCE: usize = 4;

/// Everything that can be set.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where it listens.
    pub server: Server,
    /// Whose policy bundles it takes.
    pub bundles: Bundles,
    /// How many policy bundles it keeps at hand.
    pub cache: Cache,
    /// A file that gets the bound addresses as JSON, for those who let port 0 choose; empty for none.
    pub addresses_file: PathBuf,
    /// How long calls that are under way may take to end.
    pub drain_timeout: Span,
    /// Lines on standard error.
    pub log: Log,
    /// Traces and metrics.
    pub telemetry: Telemetry,
}

/// `[server]`: where coordinators find it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// Address and port for gRPC. Plain text on loopback only.
    pub listen: String,
}

/// `[bundles]`: whose bundles it takes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bundles {
    /// PEM file with the public keys of coordinators whose bundles it takes, one or more; it is read at
    /// each bundle. Empty takes bundles of anybody who reaches it, which is for loopback only.
    pub trusted_keys_file: PathBuf,
}

/// `[cache]`: bundles that are kept; the one used longest ago goes first, and is asked for again
/// when it is needed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cache {
    /// The most bundles; at least 4.
    pub max_bundles: usize,
    /// The most bytes of policy files in all of them; at least 12 MiB.
    pub max_bytes: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            server: Server::default(),
            bundles: Bundles::default(),
            cache: Cache::default(),
            addresses_file: PathBuf::new(),
            drain_timeout: Span::seconds(20),
            log: Log::default(),
            telemetry: Telemetry {
                metrics_listen: "127.0.0.1:9465".to_owned(),
                ..Telemetry::default()
            },
        }
    }
}

impl Default for Server {
    fn default() -> Self {
        Self { listen: "127.0.0.1:7444".to_owned() }
    }
}

impl Default for Cache {
    fn default() -> Self {
        Self { max_bundles: 16, max_bytes: 64 * 1024 * 1024 }
    }
}

impl Configuration for Config {
    fn process(&self) -> Process<'_> {
        Process { log: &self.log, telemetry: &self.telemetry, drain: self.drain_timeout.duration() }
    }

    fn check(&self) -> Result<(), Invalid> {
        listen::address("server.listen", &self.server.listen)
            .map_err(|error| Invalid::listen("server.listen", &error))?;
        for (key, value, least) in [
            ("cache.max_bundles", self.cache.max_bundles, BUNDLES_AT_ONCE),
            ("cache.max_bytes", self.cache.max_bytes, BUNDLES_AT_ONCE * BUNDLE_BYTES_MAX),
        ] {
            if value < least {
                return Err(Invalid::new(key, format!("must be at least {least}")));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_values_are_good_and_wrong_ones_are_named() {
        Config::default().check().unwrap();
        type Break = fn(&mut Config);
        let broken: [(&str, Break); 3] = [
            ("server.listen", |c| c.server.listen = "0.0.0.0:7444".to_owned()),
            ("cache.max_bundles", |c| c.cache.max_bundles = BUNDLES_AT_ONCE - 1),
            ("cache.max_bytes", |c| c.cache.max_bytes = BUNDLES_AT_ONCE * BUNDLE_BYTES_MAX - 1),
        ];
        for (key, break_it) in broken {
            let mut config = Config::default();
            break_it(&mut config);
            assert_eq!(config.check().unwrap_err().key, key);
        }
    }
}
