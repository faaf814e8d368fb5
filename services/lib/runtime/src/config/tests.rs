//! Facts about layers, keys and types.

use std::fs;

use super::*;

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    log: Log,
    telemetry: Telemetry,
    sync: Sync,
    coordinator: Coordinator,
    sources: BTreeMap<String, SourceSettings>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Sync {
    quick_interval: Span,
    max_parallel: u16,
    ratio: f64,
    enabled: bool,
    limit: Option<u32>,
    names: Vec<String>,
    sizes: Vec<u32>,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Coordinator {
    organization: String,
    password_file: SecretFile,
    header: Redacted<String>,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct SourceSettings {
    path: PathBuf,
    precedence: u32,
}

impl Default for Sync {
    fn default() -> Self {
        Self {
            quick_interval: Span::seconds(300),
            max_parallel: 8,
            ratio: 0.5,
            enabled: true,
            limit: None,
            names: vec!["a".to_owned()],
            sizes: Vec::new(),
        }
    }
}

impl Configuration for Settings {
    fn process(&self) -> Process<'_> {
        let drain = Span::seconds(20).duration();
        Process { log: &self.log, telemetry: &self.telemetry, drain }
    }

    fn check(&self) -> Result<(), Invalid> {
        if self.coordinator.organization.is_empty() {
            return Err(Invalid::missing("coordinator.organization"));
        }
        Ok(())
    }
}

fn layers(file: &str, environment: &[(&str, &str)], flags: &[(&str, &str)]) -> Layers {
    let folder = tempfile::tempdir().unwrap().keep();
    let path = folder.join("agent.toml");
    fs::write(&path, file).unwrap();
    let own = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    Layers {
        file: Some(path),
        fallback: None,
        environment: own(environment).into_iter().collect(),
        overrides: own(flags),
    }
}

fn read(
    file: &str,
    environment: &[(&str, &str)],
    flags: &[(&str, &str)],
) -> Result<Settings, String> {
    let layers = layers(file, environment, flags);
    let folder = layers.file.as_ref().unwrap().parent().unwrap().to_owned();
    let loaded = layers.read().map(|loaded| loaded.config);
    fs::remove_dir_all(&folder).unwrap();
    loaded.map_err(|error| crate::report(&error).replace(&format!("{}/", folder.display()), ""))
}

#[test]
fn later_layers_win_key_by_key() {
    let file = "[sync]\nmax_parallel = 2\nquick_interval = \"1m\"\nratio = 1";
    let settings = read(
        file,
        &[("EXGATE__SYNC__QUICK_INTERVAL", "2m"), ("EXGATE__SYNC__ENABLED", "false")],
        &[("sync.enabled", "true"), ("sync.limit", "7")],
    )
    .unwrap();
    assert_eq!(
        settings.sync,
        Sync {
            quick_interval: Span::seconds(120),
            max_parallel: 2,
            ratio: 1.0,
            limit: Some(7),
            ..Sync::default()
        }
    );
    assert_eq!(settings.log, Log::default());
}

/// A service may have other built-in values than the section it embeds.
#[test]
fn defaults_of_the_service_hold_beside_keys_of_the_file() {
    #[derive(Debug, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Evaluator {
        telemetry: Telemetry,
    }
    impl Default for Evaluator {
        fn default() -> Self {
            let metrics_listen = "127.0.0.1:9465".to_owned();
            Self { telemetry: Telemetry { metrics_listen, ..Telemetry::default() } }
        }
    }

    let layers = layers("[telemetry]\notlp_endpoint = \"http://127.0.0.1:4317\"", &[], &[]);
    let telemetry = layers.read::<Evaluator>().unwrap().config.telemetry;

    assert_eq!(telemetry.metrics_listen, "127.0.0.1:9465");
    assert_eq!(telemetry.otlp_endpoint, "http://127.0.0.1:4317");
}

#[test]
fn the_environment_is_read_as_the_type_of_its_key() {
    for name in ["007", "12345678901234567890", "true", "1e5", "No", "0x10", "1.50"] {
        let settings = read("", &[("EXGATE__COORDINATOR__ORGANIZATION", name)], &[]).unwrap();
        assert_eq!(settings.coordinator.organization, name);
        let settings = read("", &[], &[("coordinator.organization", name)]).unwrap();
        assert_eq!(settings.coordinator.organization, name);
    }
    let settings = read(
        "",
        &[
            ("EXGATE__SYNC__NAMES", "7, b"),
            ("EXGATE__SYNC__SIZES", "[1, 2]"),
            ("EXGATE__SYNC__LIMIT", "9"),
            ("EXGATE__SYNC__RATIO", "0.25"),
            ("EXGATE__SOURCES__HR__PRECEDENCE", "20"),
        ],
        &[],
    )
    .unwrap();
    assert_eq!(settings.sync.names, ["7", "b"]);
    assert_eq!(settings.sync.sizes, [1, 2]);
    assert_eq!(settings.sync.limit, Some(9));
    assert!((settings.sync.ratio - 0.25).abs() < f64::EPSILON);
    assert_eq!(settings.sources["hr"].precedence, 20);
}

#[test]
fn other_variables_and_empty_ones_are_no_settings() {
    let settings = read(
        "",
        &[
            ("EXGATE_CONFIG", "x"),
            ("EXGATE_SERVER", "x"),
            ("EXGATE__SYNC__MAX_PARALLEL", ""),
            ("OTHER__SYNC__MAX_PARALLEL", "1"),
        ],
        &[],
    )
    .unwrap();
    assert_eq!(settings, Settings::default());
}

/// A refusal of a file alone.
fn refused(file: &str, expected: &str) {
    assert_eq!(read(file, &[], &[]).unwrap_err(), expected);
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_one() {
    refused(
        "[sync]\nquik_interval = \"1m\"",
        "unknown key sync.quik_interval in agent.toml, did you mean quick_interval?",
    );
    refused("[synk]\n", "unknown key synk in agent.toml, did you mean sync?");
    refused("[synk]\na = true", "unknown key synk in agent.toml, did you mean sync?");
    refused(
        "[sources.hr]\npaht = \"x\"",
        "unknown key sources.hr.paht in agent.toml, did you mean path?",
    );
    refused(
        "[coordinator]\npassword = \"hunter2\"",
        "unknown key coordinator.password in agent.toml; \
         a secret is given by file only: use password_file",
    );
    refused(
        "zzz = 1",
        "unknown key zzz in agent.toml; keys here are log, telemetry, sync, coordinator, sources",
    );
    assert_eq!(
        read("", &[("EXGATE__SYNC__MAX_PARALEL", "1")], &[]).unwrap_err(),
        "unknown key sync.max_paralel in the environment (EXGATE__SYNC__MAX_PARALEL), \
         did you mean max_parallel?"
    );
    assert_eq!(
        read("", &[], &[("sync.max_paralel", "1")]).unwrap_err(),
        "unknown key sync.max_paralel in a --set flag, did you mean max_parallel?"
    );
}

#[test]
fn a_value_of_the_wrong_type_is_refused_with_key_and_layer() {
    let in_file = "wrong value for key sync.max_parallel in agent.toml";
    for (value, problem) in [
        ("\"two\"", "invalid type: string \"two\", expected u16"),
        ("true", "invalid type: boolean `true`, expected u16"),
        ("70000", "invalid value: integer `70000`, expected u16"),
        ("1.5", "invalid type: floating point `1.5`, expected u16"),
    ] {
        refused(&format!("[sync]\nmax_parallel = {value}"), &format!("{in_file}: {problem}"));
    }
    refused(
        "[coordinator]\norganization = 7",
        "wrong value for key coordinator.organization in agent.toml: \
         invalid type: integer `7`, expected a string",
    );
    refused(
        "[sync]\nquick_interval = 90",
        "wrong value for key sync.quick_interval in agent.toml: invalid type: integer `90`, \
         expected a span of time, such as \"90s\", \"15m\" or \"7d\"",
    );
    refused(
        "[log]\nformat = \"xml\"",
        "wrong value for key log.format in agent.toml: \
         unknown variant `xml`, expected `json` or `text`",
    );
    for (variable, value, expected) in [
        (
            "MAX_PARALLEL",
            "two",
            "sync.max_parallel in the environment (EXGATE__SYNC__MAX_PARALLEL): \
             invalid type: string \"two\", expected u16",
        ),
        (
            "SIZES",
            "1,x",
            "sync.sizes[1] in the environment (EXGATE__SYNC__SIZES): \
             invalid type: string \"x\", expected u32",
        ),
        (
            "QUICK_INTERVAL",
            "90",
            "sync.quick_interval in the environment (EXGATE__SYNC__QUICK_INTERVAL): \
             \"90\" is not a span of time, such as 500ms, 90s, 15m, 12h or 7d",
        ),
    ] {
        let error = read("", &[(&format!("EXGATE__SYNC__{variable}"), value)], &[]).unwrap_err();
        assert_eq!(error, format!("wrong value for key {expected}"));
    }
}

#[test]
fn a_file_that_is_no_toml_or_not_there_says_so_in_one_line() {
    let error = read("[sync]\nmax_parallel 3\n", &[], &[]).unwrap_err();
    assert!(error.starts_with("configuration file agent.toml is not valid TOML: line 2, column"));
    assert!(!error.contains('\n') && !error.contains('|'), "{error}");

    let missing = Layers { file: Some("/nowhere/agent.toml".into()), ..Layers::default() };
    let error = crate::report(&missing.read::<Settings>().unwrap_err());
    assert!(error.contains("/nowhere/agent.toml") && error.contains("--config"), "{error}");
    assert!(error.contains("No such file"), "{error}");

    let absent = Layers { fallback: Some("/nowhere/agent.toml".into()), ..Layers::default() };
    let loaded = absent.read::<Settings>().unwrap();
    assert_eq!(loaded.config, Settings::default());
    assert_eq!(loaded.source, "built-in defaults");
}

#[test]
fn the_check_of_a_service_names_key_cure_and_layer() {
    let error = layers("", &[], &[]).load::<Settings>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "coordinator.organization is required; set it in the file or as \
         EXGATE__COORDINATOR__ORGANIZATION (in the built-in defaults)"
    );
    assert!(layers("[coordinator]\norganization = \"x\"", &[], &[]).load::<Settings>().is_ok());
}

#[test]
fn printed_settings_read_back_and_show_no_secret() {
    let file = "[coordinator]\norganization = \"contoso\"\npassword_file = \"/etc/exgate/password\"\n\
                header = \"hunter2\"\n[sources.hr]\npath = \"/var\"\n";
    let settings = read(file, &[], &[]).unwrap();
    assert_eq!(settings.coordinator.header.expose(), "hunter2");

    let printed = print(&settings).unwrap();

    assert!(!printed.contains("hunter2") && !format!("{settings:?}").contains("hunter2"));
    assert!(printed.contains("header = \"***\""), "{printed}");
    assert!(printed.contains("password_file = \"/etc/exgate/password\""), "{printed}");
    let again = read(&printed, &[], &[]).unwrap();
    assert_eq!(again.sync, settings.sync);
    assert_eq!(again.sources, settings.sources);
}
