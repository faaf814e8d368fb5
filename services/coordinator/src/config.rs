//! The coordinator's settings. Every key has a built-in value; those that must be given are empty
//! and refused by name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use exgate_domain::ids::OrganizationId;
use exgate_domain::organization::Schedule;
use exgate_runtime::config::{Configuration, Invalid, Log, Process, Span, Telemetry};
use exgate_runtime::listen::{self, Endpoint};

use crate::inventory::SHRINK_PERCENT_MAX;

/// The name of the key that signs bundles, beside the store.
const SIGNING_KEY: &str = "bundle-signing.key";
/// The shortest interval at which anything is repeated.
const INTERVAL_MIN: Span = Span::seconds(1);

/// Everything that can be set.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where agents and operators connect.
    pub server: ServerSettings,
    /// Where facts are kept.
    pub store: StoreSettings,
    /// How often organizations are looked at.
    pub sync: SyncSettings,
    /// Who decides.
    pub evaluator: EvaluatorSettings,
    /// When records are too old to rely on.
    pub stale: StaleSettings,
    /// Where records come from, by name.
    pub sources: BTreeMap<String, SourceSettings>,
    /// File that gets the bound addresses as JSON once they are known; empty for none.
    pub addresses_file: PathBuf,
    /// How long its tasks may take to stop.
    pub drain_timeout: Span,
    /// Lines on standard error.
    pub log: Log,
    /// Traces and metrics.
    pub telemetry: Telemetry,
}

/// `[server]`: the one port for agents and operators.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerSettings {
    /// Address and port; plain text on loopback only, port 0 for any free one.
    pub listen: String,
}

/// `[store]`: the embedded database.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreSettings {
    /// The file; its folder has to exist.
    pub path: PathBuf,
}

/// `[sync]`: what holds for organizations whose document says nothing else.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SyncSettings {
    /// Between two quick syncs where the server can filter devices by the time of change.
    pub quick_interval: Span,
    /// Between two quick syncs where every device has to be listed to find the changed ones.
    pub quick_interval_scan: Span,
    /// Between two full syncs.
    pub full_interval: Span,
    /// The longest a sync may take before it counts as failed.
    pub timeout: Span,
    /// How long a sync waits for an agent that was lost in the middle of it, before it counts as failed.
    pub resume_within: Span,
    /// How much less than the last complete full sync the next one may see, in percent, before it is
    /// held: nothing is taken as gone. 100 believes anything.
    pub shrink_max: u8,
    /// How old what mailboxes know of their devices (the last sync, a wipe, the policy) may become before
    /// it is read again; 0s for never reading it. It costs one call for each mailbox that has devices.
    pub statistics_age: Span,
}

/// `[evaluator]`: the services that decide.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvaluatorSettings {
    /// Where they listen, such as `http://127.0.0.1:7444`. Plain text on loopback only.
    pub endpoints: Vec<String>,
    /// The Ed25519 key that signs the bundles given to them, made at the first start; its public half
    /// lies beside it with the extension `pub`. Empty for `bundle-signing.key` beside the store.
    pub signing_key_file: PathBuf,
}

/// `[stale]`: what too old means. Until records are fresh again nothing is changed by them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StaleSettings {
    /// The oldest that a source's last reading may be.
    pub record_max_age: Span,
}

/// The kind of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// A folder with `devices.json` or `devices.csv` and `users.json` or `users.csv`.
    #[default]
    File,
}

/// `[sources.NAME]`: one place that records come from.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SourceSettings {
    /// Its kind.
    pub kind: SourceKind,
    /// The folder.
    pub path: PathBuf,
    /// How often it is looked at.
    pub refresh: Span,
    /// How old the newest of its files may be by its own date; zero for any age. An export that stopped
    /// leaves files that can still be read.
    pub written_max_age: Span,
    /// Which source is asked first: the one with the lowest number, then by name.
    pub precedence: u32,
    /// The organizations that it knows the people of; all when empty.
    pub organizations: Vec<String>,
    /// Whether it is believed when it lists no device at all.
    pub allow_empty: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            server: ServerSettings::default(),
            store: StoreSettings::default(),
            sync: SyncSettings::default(),
            evaluator: EvaluatorSettings::default(),
            stale: StaleSettings::default(),
            sources: BTreeMap::new(),
            addresses_file: PathBuf::new(),
            drain_timeout: Span::seconds(20),
            log: Log::default(),
            telemetry: Telemetry::default(),
        }
    }
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self { listen: "127.0.0.1:7443".to_owned() }
    }
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self { path: PathBuf::from("/var/lib/exgate/coordinator/exgate.db") }
    }
}

impl Default for SyncSettings {
    fn default() -> Self {
        let span = |span: SignedDuration| Span::seconds(span.as_secs().unsigned_abs());
        let schedule = Schedule::default();
        Self {
            quick_interval: span(schedule.quick_interval),
            quick_interval_scan: span(schedule.quick_interval_scan),
            full_interval: span(schedule.full_interval),
            timeout: Span::seconds(6 * 3600),
            resume_within: Span::seconds(10 * 60),
            shrink_max: SHRINK_PERCENT_MAX,
            statistics_age: Span::default(),
        }
    }
}

impl Default for EvaluatorSettings {
    fn default() -> Self {
        Self {
            endpoints: vec!["http://127.0.0.1:7444".to_owned()],
            signing_key_file: PathBuf::new(),
        }
    }
}

impl Default for StaleSettings {
    fn default() -> Self {
        Self { record_max_age: Span::seconds(24 * 3600) }
    }
}

impl Default for SourceSettings {
    fn default() -> Self {
        Self {
            kind: SourceKind::File,
            path: PathBuf::new(),
            refresh: Span::seconds(300),
            written_max_age: Span::seconds(7 * 24 * 3600),
            precedence: 100,
            organizations: Vec::new(),
            allow_empty: false,
        }
    }
}

impl Config {
    /// Where the key that signs bundles is.
    pub fn signing_key_file(&self) -> PathBuf {
        let named = &self.evaluator.signing_key_file;
        match named.as_os_str().is_empty() {
            true => self.store.path.with_file_name(SIGNING_KEY),
            false => named.clone(),
        }
    }
}

impl SyncSettings {
    /// How old statistics of devices may become; none when nobody wants any.
    pub fn statistics_age(&self) -> Option<std::time::Duration> {
        (self.statistics_age != Span::default()).then(|| self.statistics_age.duration())
    }

    /// The schedule of an organization whose document says nothing else.
    pub fn schedule(&self) -> Schedule {
        let span = |span: Span| SignedDuration::try_from(span.duration()).unwrap_or_default();
        Schedule {
            quick_interval: span(self.quick_interval),
            quick_interval_scan: span(self.quick_interval_scan),
            full_interval: span(self.full_interval),
        }
    }
}

impl Configuration for Config {
    fn process(&self) -> Process<'_> {
        Process { log: &self.log, telemetry: &self.telemetry, drain: self.drain_timeout.duration() }
    }

    fn check(&self) -> Result<(), Invalid> {
        let key = "server.listen";
        listen::address(key, &self.server.listen).map_err(|error| Invalid::listen(key, &error))?;
        if self.store.path.as_os_str().is_empty() {
            return Err(Invalid::missing("store.path"));
        }
        if self.evaluator.endpoints.is_empty() {
            return Err(Invalid::missing("evaluator.endpoints"));
        }
        for endpoint in &self.evaluator.endpoints {
            let key = "evaluator.endpoints";
            Endpoint::parse(key, endpoint).map_err(|error| Invalid::listen(key, &error))?;
        }
        for (key, span) in [
            ("sync.quick_interval", self.sync.quick_interval),
            ("sync.quick_interval_scan", self.sync.quick_interval_scan),
            ("sync.full_interval", self.sync.full_interval),
            ("sync.timeout", self.sync.timeout),
            ("sync.resume_within", self.sync.resume_within),
            ("stale.record_max_age", self.stale.record_max_age),
        ] {
            long_enough(key, span)?;
        }
        if self.sync.statistics_age().is_some() {
            long_enough("sync.statistics_age", self.sync.statistics_age)?;
        }
        if self.sync.shrink_max > 100 {
            return Err(Invalid::new("sync.shrink_max", "must be at most 100"));
        }
        self.sources.iter().try_for_each(|(name, source)| source.check(name, &self.stale))
    }
}

impl SourceSettings {
    fn check(&self, name: &str, stale: &StaleSettings) -> Result<(), Invalid> {
        let key = |last: &str| format!("sources.{name}.{last}");
        if self.path.as_os_str().is_empty() {
            return Err(Invalid::missing(key("path")));
        }
        long_enough(&key("refresh"), self.refresh)?;
        if self.refresh >= stale.record_max_age {
            let limit = stale.record_max_age;
            let problem = format!("must be shorter than stale.record_max_age, which is {limit}");
            return Err(Invalid::new(key("refresh"), problem));
        }
        for organization in &self.organizations {
            let parsed = organization.parse::<OrganizationId>();
            parsed.map_err(|error| Invalid::new(key("organizations"), error))?;
        }
        Ok(())
    }

    /// The organizations it is for; none for all.
    pub fn only_for(&self) -> Option<BTreeSet<OrganizationId>> {
        let named = self.organizations.iter().filter_map(|name| name.parse().ok());
        (!self.organizations.is_empty()).then(|| named.collect())
    }
}

fn long_enough(key: &str, span: Span) -> Result<(), Invalid> {
    if span < INTERVAL_MIN {
        return Err(Invalid::new(key, format!("must be at least {INTERVAL_MIN}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use exgate_runtime::config::Layers;

    use super::*;

    fn layers(settings: &[(&str, &str)]) -> Layers {
        let environment = settings.iter().map(|(key, value)| ((*key).into(), (*value).into()));
        Layers { environment: environment.collect(), ..Layers::default() }
    }

    #[test]
    fn the_built_in_values_are_good() {
        let config = Layers::default().load::<Config>().unwrap().config;
        assert_eq!(config.sync.schedule(), Schedule::default());
    }

    #[test]
    fn a_source_can_be_set_from_the_environment() {
        let given = layers(&[
            ("EXGATE__SOURCES__INTUNE__PATH", "/records"),
            ("EXGATE__SOURCES__INTUNE__REFRESH", "1s"),
            ("EXGATE__SOURCES__INTUNE__ORGANIZATIONS", "contoso, fabrikam"),
        ]);
        let config = given.load::<Config>().unwrap().config;
        let source = &config.sources["intune"];
        assert_eq!(source.path, PathBuf::from("/records"));
        assert_eq!(source.refresh, Span::seconds(1));
        assert_eq!(source.only_for().unwrap().len(), 2);
    }

    #[test]
    fn what_is_missing_or_unsafe_is_named() {
        let intune = ("EXGATE__SOURCES__INTUNE__PATH", "/records");
        let cases = [
            ("server.listen", ("EXGATE__SERVER__LISTEN", "0.0.0.0:7443")),
            ("evaluator.endpoints", ("EXGATE__EVALUATOR__ENDPOINTS", "http://10.0.0.1:1")),
            ("sync.full_interval", ("EXGATE__SYNC__FULL_INTERVAL", "1ms")),
            ("sync.resume_within", ("EXGATE__SYNC__RESUME_WITHIN", "1ms")),
            ("sync.shrink_max", ("EXGATE__SYNC__SHRINK_MAX", "101")),
            ("sync.statistics_age", ("EXGATE__SYNC__STATISTICS_AGE", "1ms")),
            ("sources.intune.refresh", ("EXGATE__SOURCES__INTUNE__REFRESH", "2d")),
            ("sources.intune.organizations", ("EXGATE__SOURCES__INTUNE__ORGANIZATIONS", "Contoso")),
            ("sources.intune.colour", ("EXGATE__SOURCES__INTUNE__COLOUR", "red")),
        ];
        for (key, setting) in cases {
            let error = layers(&[intune, setting]).load::<Config>().unwrap_err();
            assert!(exgate_runtime::report(&error).contains(key), "{key}: {error}");
        }
        let nowhere = StoreSettings { path: PathBuf::new() };
        let error = Config { store: nowhere, ..Config::default() }.check().unwrap_err();
        assert_eq!(error.key, "store.path");
        let error = layers(&[("EXGATE__SOURCES__INTUNE__REFRESH", "1s")]).load::<Config>();
        assert!(error.unwrap_err().to_string().contains("sources.intune.path is required"));
    }
}
