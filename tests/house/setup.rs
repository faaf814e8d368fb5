//! Owns the configuration files of a house: the same ones, whether its parts run in this process or
//! as the real binaries.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use exchange_sim::settings::ServerSettings;
use exgate_runtime::config::{Configuration, Layers};

use crate::ports::free_port;

/// The account of every agent.
pub const ACCOUNT: &str = r"CONTOSO\svc-exgate";
/// Its password.
pub const PASSWORD: &str = "correct horse battery staple";
/// What stands below Exchange's own quarantine mail.
pub const ENROLMENT: &str = "Enrol your phone: https://mdm.example.com/enrol";

/// Who is targeted, what their phones must be, and what they get.
pub const POLICIES: &str = r#"apiVersion: exgate/v1
kind: CompliancePolicy
name: phones
platforms:
  iOS: { osMinimumVersion: "16.0", securityBlockJailbrokenDevices: true }
  iPadOS: { osMinimumVersion: "16.0" }
  android: { osMinimumVersion: "11", storageRequireEncryption: true }
---
apiVersion: exgate/v1
kind: AccessPolicy
name: mail-access
precedence: 10
organizations: ["*"]
includedGroups: [Mail users]
licenseRequired: true
compliancePolicies: [phones]
access: { unmanaged: quarantine, unknown: quarantine, notCompliant: quarantine, inGracePeriod: allow }
"#;

/// An organization as its operator applies it.
pub fn organization_document(name: &str) -> String {
    format!("apiVersion: exgate/v1\nkind: Organization\nname: {name}\n")
}

/// Where everything of a house is.
#[derive(Clone, Debug)]
pub struct Setup {
    folder: PathBuf,
    /// The simulator's control port.
    pub control_port: u16,
    /// The evaluator's port.
    pub evaluator_port: u16,
    /// The port of a second evaluator, when there is one.
    pub second_evaluator_port: Option<u16>,
    /// The coordinator's port.
    pub coordinator_port: u16,
    /// The coordinator's metrics port.
    pub coordinator_metrics_port: u16,
    /// The metrics port of each organization's agent.
    pub agent_metrics_ports: BTreeMap<String, u16>,
    /// Each organization's name, version and port.
    pub organizations: Vec<(String, String, u16)>,
    /// Servers of each organization beside the first one: version and site, such as `2019:Rome`, and port.
    pub further_servers: BTreeMap<String, Vec<(String, u16)>>,
    /// What is added to `[exchange]` of every agent.
    pub agent_exchange: String,
}

impl Setup {
    /// A house in `folder`, with organizations such as `("contoso", "2019")`.
    pub fn new(folder: &Path, organizations: &[(&str, &str)]) -> Self {
        let metrics = organizations.iter().map(|(name, _)| ((*name).to_owned(), free_port()));
        let agent_metrics_ports = metrics.collect();
        let organizations = organizations
            .iter()
            .map(|(name, version)| ((*name).to_owned(), (*version).to_owned(), free_port()))
            .collect();
        write_secret(&folder.join("password"), PASSWORD);
        Self {
            folder: folder.to_owned(),
            control_port: free_port(),
            evaluator_port: free_port(),
            second_evaluator_port: None,
            coordinator_port: free_port(),
            coordinator_metrics_port: free_port(),
            agent_metrics_ports,
            organizations,
            further_servers: BTreeMap::new(),
            agent_exchange: String::new(),
        }
    }

    /// Gives every organization further servers, such as `2019:Rome`: version and site.
    #[must_use]
    pub fn with_servers(mut self, servers: &[&str]) -> Self {
        for (name, ..) in &self.organizations {
            let further = servers.iter().map(|server| ((*server).to_owned(), free_port()));
            self.further_servers.insert(name.clone(), further.collect());
        }
        self
    }

    /// Gives the coordinator a second evaluator.
    #[must_use]
    pub fn with_second_evaluator(mut self) -> Self {
        self.second_evaluator_port = Some(free_port());
        self
    }

    /// A path in the house.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Where the coordinator answers.
    pub fn coordinator_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.coordinator_port)
    }

    /// Writes the evaluator's settings.
    pub fn evaluator(&self) -> PathBuf {
        self.evaluator_at("evaluator", self.evaluator_port)
    }

    /// Writes the second evaluator's settings.
    ///
    /// # Panics
    /// When there is none.
    pub fn second_evaluator(&self) -> PathBuf {
        let port = self.second_evaluator_port.expect("a second evaluator");
        self.evaluator_at("second-evaluator", port)
    }

    fn evaluator_at(&self, name: &str, port: u16) -> PathBuf {
        let text = format!(
            "addresses_file = {:?}\ndrain_timeout = \"2s\"\n\
             [server]\nlisten = \"127.0.0.1:{port}\"\n\
             [bundles]\ntrusted_keys_file = {:?}\n{}",
            self.path(&format!("{name}.addresses")),
            self.path("bundle-signing.pub"),
            process("off"),
        );
        self.put(&format!("{name}.toml"), &text)
    }

    /// Writes the coordinator's settings, with `[sync]` as given.
    pub fn coordinator(&self, sync: &str, metrics: bool) -> PathBuf {
        let metrics_listen = if metrics {
            format!("127.0.0.1:{}", self.coordinator_metrics_port)
        } else {
            "off".to_owned()
        };
        let evaluators = std::iter::once(self.evaluator_port).chain(self.second_evaluator_port);
        let evaluators = evaluators.map(|port| format!("http://127.0.0.1:{port}"));
        let text = format!(
            "addresses_file = {:?}\ndrain_timeout = \"5s\"\n\
             [server]\nlisten = \"127.0.0.1:{}\"\n\
             [store]\npath = {:?}\n\
             [evaluator]\nendpoints = {:?}\n\
             [sources.mdm]\npath = {:?}\nrefresh = \"1s\"\nallow_empty = true\n\
             [sync]\n{sync}\n{}",
            self.path("coordinator.addresses"),
            self.coordinator_port,
            self.path("coordinator.db"),
            evaluators.collect::<Vec<_>>(),
            self.path("records"),
            process(&metrics_listen),
        );
        self.put("coordinator.toml", &text)
    }

    /// Writes the settings of an organization's agent.
    pub fn agent(&self, organization: &str) -> PathBuf {
        let found = self.organizations.iter().find(|(name, ..)| name == organization);
        let port = found.map(|(.., port)| *port).expect("an organization of this house");
        let metrics_port = self.agent_metrics_ports[organization];
        let further = self.further_servers.get(organization).map(Vec::as_slice).unwrap_or_default();
        let fqdn = |number: usize| format!("ex{:02}.{organization}.com", number + 1);
        let ports = std::iter::once(port).chain(further.iter().map(|(_, port)| *port));
        let addresses: Vec<String> = ports
            .enumerate()
            .map(|(number, port)| format!("{:?} = \"127.0.0.1:{port}\"", fqdn(number)))
            .collect();
        // With several servers, each goes by its own name, which resolves nowhere.
        let server = if further.is_empty() { "localhost".to_owned() } else { fqdn(0) };
        let text = format!(
            "drain_timeout = \"5s\"\n\
             [coordinator]\nendpoint = {:?}\norganization = {organization:?}\n\
             backoff_min = \"100ms\"\nbackoff_max = \"1s\"\n\
             [exchange]\nserver = {server:?}\nauth = \"basic\"\nport = {port}\nuser = {ACCOUNT:?}\n\
             password_file = {:?}\nca_file = {:?}\naddresses = {{ {} }}\n{}\
             [spool]\npath = {:?}\n{}",
            self.coordinator_url(),
            self.path("password"),
            self.path("exchange").join("ca.pem"),
            addresses.join(", "),
            self.agent_exchange,
            self.path(&format!("spool-{organization}")),
            process(&format!("127.0.0.1:{metrics_port}")),
        );
        self.put(&format!("agent-{organization}.toml"), &text)
    }

    /// The simulator's flags.
    pub fn simulator(&self, mailboxes: usize, devices: usize) -> Vec<String> {
        let mut flags: Vec<String> = vec!["serve".into()];
        let mut flag = |name: &str, value: String| {
            flags.push(format!("--{name}"));
            flags.push(value);
        };
        flag("state", self.path("exchange").display().to_string());
        for (name, version, port) in &self.organizations {
            flag("organization", format!("{name}:{version}:{port}"));
        }
        for (name, servers) in &self.further_servers {
            for (server, port) in servers {
                flag("server", format!("{name}:{}:{port}", with_site(server)));
            }
        }
        flag("mailboxes", mailboxes.to_string());
        flag("devices", devices.to_string());
        flag("mode", "explicit".into());
        flag("control", format!("127.0.0.1:{}", self.control_port));
        flag("account", ACCOUNT.into());
        flag("password-file", self.path("password").display().to_string());
        flag("user-mail-insert", ENROLMENT.into());
        flags
    }

    fn put(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).expect("a file");
        path
    }
}

/// A version and a site; the first one where none is named.
fn with_site(server: &str) -> String {
    if server.contains(':') { server.to_owned() } else { format!("{server}:") }
}

/// A further server as the simulator's library takes it.
///
/// # Panics
/// When it is none.
pub fn further_server(server: &str, port: u16) -> ServerSettings {
    let text = format!("any:{}:{port}", with_site(server));
    ServerSettings::parse(&text).expect("a version and a site").1
}

/// Reads settings as a process of that kind reads them.
///
/// # Panics
/// With the refusal, when they are refused.
pub fn load<C: Configuration>(file: PathBuf) -> C {
    let layers = Layers { file: Some(file), ..Layers::default() };
    layers.load().unwrap_or_else(|error| panic!("{}", exgate_runtime::report(&error))).config
}

/// Writes a file that only its owner may read.
pub fn write_secret(path: &Path, secret: &str) {
    std::fs::write(path, secret).expect("a file");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let only_owner = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(path, only_owner).expect("permissions");
    }
}

fn process(metrics_listen: &str) -> String {
    let mut text = String::from("[log]\nlevel = \"info\"\nformat = \"text\"\n");
    writeln!(text, "[telemetry]\nmetrics_listen = {metrics_listen:?}").expect("a string");
    text
}
