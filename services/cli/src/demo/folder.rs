//! The demo's folder: settings of every process, policies, records, logs. Nothing is written outside it.

use std::fs;
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use super::{DemoError, ORGANIZATIONS};
use crate::args::Demo;

/// Names the folder as a demo's, so that no other folder is ever emptied.
const MARK: &str = ".exgate-demo";
/// Ports taken when they are free: the defaults of a real installation.
const COORDINATOR_PORT: u16 = 7443;
const EVALUATOR_PORT: u16 = 7444;
/// The account that the simulator knows and the agents sign in with.
const ACCOUNT: &str = r"CONTOSO\svc-exgate";

/// The demo's folder and the ports it settled on.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    coordinator: u16,
    evaluator: u16,
}

impl Folder {
    /// Makes the folder anew and settles on free ports.
    pub(super) fn make(args: &Demo) -> Result<Self, DemoError> {
        let root = std::path::absolute(&args.dir)
            .map_err(|source| DemoError::File { path: args.dir.clone(), source })?;
        let folder = Self {
            coordinator: free_port(COORDINATOR_PORT)?,
            evaluator: free_port(EVALUATOR_PORT)?,
            root,
        };
        folder.empty()?;
        for part in ["config", "policies", "records", "logs", "sim"] {
            let path = folder.path(part);
            fs::create_dir_all(&path).map_err(|source| DemoError::File { path, source })?;
        }
        folder.write(MARK, "")?;
        folder.write("policies/phones.yaml", include_str!("policies.yaml"))?;
        folder.write("policies/organizations.yaml", include_str!("organizations.yaml"))?;
        folder.write("config/coordinator.toml", &folder.coordinator_settings())?;
        folder.write("config/evaluator.toml", &folder.evaluator_settings())?;
        Ok(folder)
    }

    /// Removes what an earlier demo left; a folder with anything else in it is refused.
    fn empty(&self) -> Result<(), DemoError> {
        let fault = |source| DemoError::File { path: self.root.clone(), source };
        match fs::read_dir(&self.root) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(fault(error)),
            Ok(mut entries) => {
                let is_ours = self.root.join(MARK).try_exists().map_err(fault)?;
                if entries.next().is_some() && !is_ours {
                    return Err(fault(io::Error::other(
                        "it is not empty and no demo's; choose another with --dir",
                    )));
                }
                fs::remove_dir_all(&self.root).map_err(fault)
            }
        }
    }

    /// Removes the folder.
    pub(super) fn remove(&self) -> Result<(), DemoError> {
        self.empty()
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn path(&self, part: &str) -> PathBuf {
        self.root.join(part)
    }

    /// Where operators reach the coordinator.
    pub(super) fn server(&self) -> String {
        format!("http://127.0.0.1:{}", self.coordinator)
    }

    /// Whether `exgate` finds the coordinator without being told.
    pub(super) fn is_usual_port(&self) -> bool {
        self.coordinator == COORDINATOR_PORT
    }

    /// Writes a file in one step: whoever reads it sees the old or the new one.
    pub(super) fn write(&self, part: &str, text: &str) -> Result<(), DemoError> {
        let path = self.path(part);
        let draft = path.with_extension("draft");
        let written = fs::write(&draft, text).and_then(|()| fs::rename(&draft, &path));
        written.map_err(|source| DemoError::File { path, source })
    }

    /// Writes the settings of an organization's agent, once its Exchange answers.
    pub(super) fn write_agent(&self, organization: &str, port: u16) -> Result<(), DemoError> {
        let text = format!(
            "drain_timeout = \"5s\"\n\n\
             [coordinator]\nendpoint = {}\norganization = {}\nbackoff_max = \"2s\"\n\n\
             [exchange]\nserver = \"localhost\"\nauth = \"basic\"\nport = {port}\nuser = '{ACCOUNT}'\n\
             password_file = {}\nca_file = {}\n\n\
             [spool]\npath = {}\n\n\
             [log]\nformat = \"text\"\n\n[telemetry]\nmetrics_listen = \"127.0.0.1:0\"\n",
            quoted(&self.server()),
            quoted(organization),
            quoted(&self.path("sim/password").display().to_string()),
            quoted(&self.path("sim/ca.pem").display().to_string()),
            quoted(&self.path(&format!("agents/{organization}")).display().to_string()),
        );
        self.write(&format!("config/agent-{organization}.toml"), &text)
    }

    fn coordinator_settings(&self) -> String {
        format!(
            "[server]\nlisten = \"127.0.0.1:{}\"\n\n[store]\npath = {}\n\n\
             [evaluator]\nendpoints = [\"http://127.0.0.1:{}\"]\n\n\
             [sources.demo]\nkind = \"file\"\npath = {}\nrefresh = \"1s\"\n\n\
             [log]\nformat = \"text\"\n\n[telemetry]\nmetrics_listen = \"127.0.0.1:0\"\n",
            self.coordinator,
            quoted(&self.path("coordinator.db").display().to_string()),
            self.evaluator,
            quoted(&self.path("records").display().to_string()),
        )
    }

    fn evaluator_settings(&self) -> String {
        format!(
            "[server]\nlisten = \"127.0.0.1:{}\"\n\n\
             [bundles]\ntrusted_keys_file = {}\n\n\
             [log]\nformat = \"text\"\n\n[telemetry]\nmetrics_listen = \"127.0.0.1:0\"\n",
            self.evaluator,
            // The coordinator makes it at its first start, beside its store.
            quoted(&self.path("bundle-signing.pub").display().to_string()),
        )
    }

    /// The flags that start the simulator.
    pub(super) fn simulator_flags(&self, args: &Demo) -> Vec<String> {
        let mut flags = vec!["serve".to_owned()];
        let mut flag = |name: &str, value: String| flags.extend([format!("--{name}"), value]);
        flag("state", self.path("sim").display().to_string());
        for (organization, version) in ORGANIZATIONS {
            flag("organization", format!("{organization}:{version}:0"));
        }
        flag("mailboxes", args.mailboxes.to_string());
        flag("devices", args.devices.to_string());
        flag("seed", args.seed.to_string());
        flag("account", ACCOUNT.to_owned());
        flag("new-device-every", "20s".to_owned());
        flag(
            "user-mail-insert",
            "Your phone is held until it is enrolled: https://enrol.example.com".to_owned(),
        );
        flags
    }
}

/// A port that nobody listens on, `wanted` if possible.
fn free_port(wanted: u16) -> Result<u16, DemoError> {
    let bound = TcpListener::bind(("127.0.0.1", wanted))
        .or_else(|_| TcpListener::bind(("127.0.0.1", 0)))
        .and_then(|listener| listener.local_addr());
    Ok(bound.map_err(DemoError::Port)?.port())
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
