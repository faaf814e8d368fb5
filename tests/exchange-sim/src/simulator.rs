//! Owns starting: state directory, worlds out of seed and journal, certificates, ports, tasks.
//!
//! Invariant: `endpoints.json` is written only when every port answers, and a restart with the same
//! state directory has the same ports, so that clients find it again.

mod mail;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::net::TcpListener;

use exgate_runtime::Tasks;

use crate::behaviour::automatic::Day;
use crate::cmdlets::Engine;
use crate::control::{Control, ControlError, changes::check_insert, http};
use crate::eas;
use crate::live::Live;
use crate::settings::{OrganizationSettings, ServerSettings, Settings};
use crate::sign_in::keytab::KeytabError;
use crate::sign_in::ntlm::Target;
use crate::sign_in::{Gate, Method};
use crate::time::{Past, Time, whole_milliseconds};
use crate::winrm::certificates::{Authority, CA_FILE, CLIENTS_FOLDER, CertificateError};
use crate::winrm::listener::{self, Front, Ports};
use crate::winrm::shells::Shells;
use crate::winrm::throttle::Limits;
use crate::world::World;
use crate::world::blueprint::Blueprint;
use crate::world::event::Event;
use crate::world::journal::{Journal, JournalError, Line};
use crate::world::organization::{FurtherServer, Server};

/// The file that tells clients where to go.
pub const ENDPOINTS_FILE: &str = "endpoints.json";

/// A running simulator; it stops with the tasks that it was given.
#[derive(Debug)]
pub struct Simulator {
    control: Control,
    endpoints: Endpoints,
    authority_pem: String,
}

/// Where a simulator answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoints {
    /// The control surface, such as `http://127.0.0.1:40123`.
    pub control: String,
    /// The file with the certificate that clients trust, when there is a state directory.
    pub ca_file: Option<PathBuf>,
    /// The organizations.
    pub organizations: Vec<OrganizationEndpoint>,
}

/// Where an organization answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganizationEndpoint {
    /// Its name.
    pub name: String,
    /// Which Exchange it runs: `2010`, `2013`, `2016`, `2019` or `SE`.
    pub version: String,
    /// The address of remote PowerShell.
    pub url: String,
    /// The host in it.
    pub host: String,
    /// The port in it.
    pub port: u16,
    /// An account that may sign in.
    pub account: String,
    /// Each server, the first one of `url` included.
    #[serde(default)]
    pub servers: Vec<ServerEndpoint>,
    /// The submission port.
    #[serde(default)]
    pub smtp_port: u16,
}

/// Where one server answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerEndpoint {
    /// Its short name, such as `EX02`.
    pub name: String,
    /// Its full name, which stands in its certificate; it resolves nowhere.
    pub fqdn: String,
    /// Its port on 127.0.0.1.
    pub port: u16,
    /// Its port of plain http, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_port: Option<u16>,
}

/// Why a simulator did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The journal is unusable.
    #[error("the worlds could not be read")]
    Journal(#[from] JournalError),
    /// There is no certificate.
    #[error("TLS could not be prepared")]
    Certificate(#[from] CertificateError),
    /// There are no keys for Kerberos.
    #[error("Kerberos could not be prepared")]
    Keytab(#[from] KeytabError),
    /// A setting that Exchange would not take either.
    #[error("a setting is unusable")]
    Setting(#[from] ControlError),
    /// The state directory holds another world.
    #[error(
        "the state directory holds organization {organization} made with {held}, not {asked}; give \
         the same options or another directory"
    )]
    OtherWorld {
        /// Which.
        organization: String,
        /// What it was made with.
        held: String,
        /// What was asked for.
        asked: String,
    },
    /// A file of the state directory is unusable.
    #[error("{path} could not be used")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: std::io::Error,
    },
    /// The control surface has no password, so it stays on this machine.
    #[error("control address {0} refused: the control surface is for loopback only")]
    NotLoopback(SocketAddr),
    /// A port is taken.
    #[error("port {port} could not be opened for {purpose}; free it, or remove {ENDPOINTS_FILE}")]
    Port {
        /// Which.
        port: u16,
        /// For what.
        purpose: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

impl Simulator {
    /// Starts everything, and returns once every port answers.
    pub async fn start(settings: Settings, tasks: &Tasks) -> Result<Self, StartError> {
        check_insert(&settings.user_mail_insert)?;
        if !settings.control.ip().is_loopback() {
            return Err(StartError::NotLoopback(settings.control));
        }
        let state = settings.state.as_deref();
        let (journal, lines) = match state {
            Some(directory) => Journal::open(directory)?,
            None => (Journal::in_memory(), Vec::new()),
        };
        let journal = Arc::new(journal);
        let (worlds, time) = replay(&settings, &journal, lines)?;
        let time = Arc::new(time);
        let authority = Authority::open(state)?;
        write_clients(&settings, &authority)?;
        let previous = previous(state)?;
        let lives: Vec<_> = worlds
            .into_iter()
            .map(|world| Arc::new(Live::new(world, Arc::clone(&journal), Arc::clone(&time))))
            .collect();
        let control = Control::new(lives.clone(), journal, time);
        let control_port = listen_control(&settings, &previous, &control, tasks).await?;
        let mut organizations = Vec::new();
        for (live, organization) in lives.iter().zip(&settings.organizations) {
            mail::give_mailboxes(&settings, live)?;
            let servers = open(&settings, organization, live, &authority, &previous, tasks).await?;
            let house = (organization, live);
            let smtp_port = mail::open(&settings, house, &authority, &previous, tasks).await?;
            let port = servers.first().map_or(0, |server| server.port);
            let account = settings.accounts.first().map(|held| held.name.clone());
            organizations.push(OrganizationEndpoint {
                name: organization.name.clone(),
                version: organization.version.year().to_owned(),
                url: format!("https://localhost:{port}/PowerShell/"),
                host: "localhost".to_owned(),
                port,
                account: account.unwrap_or_default(),
                servers,
                smtp_port,
            });
        }
        let endpoints = Endpoints {
            control: format!("http://{}", SocketAddr::new(settings.control.ip(), control_port)),
            ca_file: state.map(|directory| directory.join(CA_FILE)),
            organizations,
        };
        if let Some(directory) = state {
            write_endpoints(directory, &endpoints)?;
        }
        live_the_day(&settings, &lives, tasks);
        Ok(Self { control, endpoints, authority_pem: authority.pem().to_owned() })
    }

    /// Where it answers.
    pub fn addresses(&self) -> &Endpoints {
        &self.endpoints
    }

    /// Looks at it and tells it what to do.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// The certificate that clients trust, in PEM.
    pub fn authority_pem(&self) -> &str {
        &self.authority_pem
    }
}

impl Endpoints {
    /// An organization's address.
    pub fn organization(&self, name: &str) -> Option<&OrganizationEndpoint> {
        self.organizations.iter().find(|held| held.name == name)
    }
}

/// Makes each world from its blueprint and everything that happened since.
fn replay(
    settings: &Settings,
    journal: &Journal,
    lines: Vec<Line>,
) -> Result<(Vec<World>, Time), StartError> {
    let now = whole_milliseconds(settings.clock.now());
    let mut held: Vec<World> = Vec::new();
    let mut by_hand = Vec::new();
    for line in lines {
        match line {
            Line::Begun(blueprint) => held.push(blueprint.build()),
            Line::Happened(occurrence) => {
                for event in occurrence.events {
                    if matches!(event, Event::Advanced(_) | Event::Paced(_)) {
                        by_hand.push(event);
                    } else if let Some(world) =
                        held.iter_mut().find(|held| held.blueprint.name == occurrence.organization)
                    {
                        world.apply(event);
                    }
                }
            }
        }
    }
    let mut worlds = Vec::new();
    for organization in &settings.organizations {
        let asked = blueprint(settings, organization, now);
        let place = held.iter().position(|held| held.blueprint.name == organization.name);
        worlds.push(match place.map(|place| held.swap_remove(place)) {
            Some(world) => same(world, &asked)?,
            None => {
                let line = Line::Begun(Box::new(asked.clone()));
                journal.writer().append(&line, journal.path())?;
                asked.build()
            }
        });
    }
    let epoch = worlds.iter().map(|world| world.blueprint.epoch).min().unwrap_or(now);
    let mut past = Past::begin(epoch, settings.mode);
    for event in by_hand {
        if let Event::Paced(pace) = event {
            past.pace = pace;
        } else if let Event::Advanced(milliseconds) = event {
            past.advance(milliseconds);
        }
    }
    Ok((worlds, Time::new(settings.clock.clone(), settings.mode, past)))
}

/// The world that the state directory holds, if it is the one asked for. What may change while a world
/// lives (settings, lists) is the world's own, whatever the options say.
fn same(world: World, asked: &Blueprint) -> Result<World, StartError> {
    let describe = |it: &Blueprint| {
        let year = it.version.year();
        format!(
            "version {year}, seed {}, {} mailboxes, {} devices",
            it.seed, it.mailboxes, it.devices
        )
    };
    let (held, wanted) = (describe(&world.blueprint), describe(asked));
    if held == wanted {
        return Ok(world);
    }
    Err(StartError::OtherWorld { organization: asked.name.clone(), held, asked: wanted })
}

fn blueprint(
    settings: &Settings,
    organization: &OrganizationSettings,
    epoch: jiff::Timestamp,
) -> Blueprint {
    let by_change = organization.filters_devices_by_change;
    Blueprint {
        name: organization.name.clone(),
        domain: format!("{}.com", organization.name),
        version: organization.version,
        seed: settings.seed,
        mailboxes: settings.mailboxes,
        devices: settings.devices,
        approved_percent: settings.approved_percent,
        default_access_level: settings.default_access_level,
        user_mail_insert: settings.user_mail_insert.clone(),
        admin_mail_recipients: settings.admin_mail_recipients.clone(),
        filters_devices_by_change: by_change.unwrap_or(organization.version.is_modern()),
        hosted: organization.hosted,
        further_servers: organization.servers.iter().map(further).collect(),
        epoch,
    }
}

fn further(server: &ServerSettings) -> FurtherServer {
    FurtherServer { version: server.version, site: server.site.clone() }
}

async fn listen_control(
    settings: &Settings,
    previous: &Endpoints,
    control: &Control,
    tasks: &Tasks,
) -> Result<u16, StartError> {
    let mut address = settings.control;
    if address.port() == 0 {
        let known = previous.control.rsplit(':').next().and_then(|port| port.parse().ok());
        address.set_port(known.unwrap_or(0));
    }
    let (listener, port) = bind(address, "control").await?;
    let router = http::router(control.clone());
    let stopped = tasks.stopped();
    tasks.spawn("control", async move {
        axum::serve(listener, router).with_graceful_shutdown(stopped).await
    });
    Ok(port)
}

/// Opens the port of every server of an organization.
async fn open(
    settings: &Settings,
    organization: &OrganizationSettings,
    live: &Arc<Live>,
    authority: &Authority,
    previous: &Endpoints,
    tasks: &Tasks,
) -> Result<Vec<ServerEndpoint>, StartError> {
    let known = previous.organization(&organization.name);
    let wanted = std::iter::once(organization.port);
    let wanted = wanted.chain(organization.servers.iter().map(|server| server.port));
    let servers = live.read(|world| world.servers.clone());
    live.throttle().set_limits(limits(settings, organization));
    for account in &settings.accounts {
        live.set_rights(&account.name, account.rights.clone());
    }
    let mut opened = Vec::new();
    for (Server { name, fqdn, version, .. }, wanted) in servers.into_iter().zip(wanted) {
        let known = known.and_then(|held| held.servers.iter().find(|held| held.name == name));
        let known_plain = known.and_then(|held| held.http_port).unwrap_or(0);
        let known = known.map_or(0, |held| held.port);
        let loopback = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        let purpose = format!("{} of {}", name, organization.name);
        let (secure, port) =
            bind(loopback(if wanted == 0 { known } else { wanted }), &purpose).await?;
        let plain = if settings.plain_http {
            Some(bind(loopback(known_plain), &format!("http at {purpose}")).await?)
        } else {
            None
        };
        let (plain, http_port) = plain.unzip();
        let tasks = tasks.child(&purpose);
        let engine = Engine { server: name.clone(), version, hosted: organization.hosted };
        let shells = Shells::new(Arc::clone(live), tasks.clone(), settings.shell_idle_max, engine);
        let names = mail::names(&name, &fqdn, organization);
        let target = target(&name, &fqdn, &organization.name);
        let gate = Gate::new(
            &settings.sign_in,
            mail::accounts(settings, live),
            target,
            settings.clock.clone(),
        )?;
        let tls = authority.tls(names, gate.asks_certificates())?;
        let phones = eas::Front::new(Arc::clone(live), mail::accounts(settings, live));
        let wire = settings.wire.clone();
        let mut front = Front::new(name.clone(), shells, gate, tls, wire).with_phones(phones);
        front.https_port = port;
        let inner = tasks.clone();
        let ports = Ports { secure, plain };
        tasks.spawn("listener", listener::serve(Arc::new(front), ports, inner));
        opened.push(ServerEndpoint { name, fqdn, port, http_port });
    }
    Ok(opened)
}

/// Leaves client certificates for the accounts where they can be signed in with.
fn write_clients(settings: &Settings, authority: &Authority) -> Result<(), CertificateError> {
    let is_offered = settings.sign_in.methods.contains(&Method::Certificate);
    match (&settings.state, settings.organizations.first()) {
        (Some(directory), Some(organization)) if is_offered => {
            let domain = format!("{}.com", organization.name);
            let folder = directory.join(CLIENTS_FOLDER);
            authority.write_clients(&folder, &settings.accounts, &domain)
        }
        _ => Ok(()),
    }
}

/// What an NTLM challenge tells about a server.
fn target(name: &str, fqdn: &str, organization: &str) -> Target {
    let dns_domain = fqdn.split_once('.').map_or_else(String::new, |(_, domain)| domain.to_owned());
    Target {
        domain: organization.to_uppercase(),
        server: name.to_owned(),
        dns_domain,
        dns_server: fqdn.to_owned(),
    }
}

/// A hoster gives a tenant nine shells (`PowerShellMaxTenantConcurrency`, New-ThrottlingPolicy).
fn limits(settings: &Settings, organization: &OrganizationSettings) -> Limits {
    const TENANT_SHELLS_MAX: usize = 9;
    let mut limits = settings.throttle.clone();
    if organization.hosted {
        limits.tenant_shells_max = limits.tenant_shells_max.or(Some(TENANT_SHELLS_MAX));
    }
    limits
}

async fn bind(address: SocketAddr, purpose: &str) -> Result<(TcpListener, u16), StartError> {
    let failed =
        |source| StartError::Port { port: address.port(), purpose: purpose.to_owned(), source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let port = listener.local_addr().map_err(failed)?.port();
    Ok((listener, port))
}

fn live_the_day(settings: &Settings, lives: &[Arc<Live>], tasks: &Tasks) {
    for live in lives {
        let day = Day::new(Arc::clone(live), settings.seed, settings.new_device_every);
        tasks.spawn(&format!("{} day", live.name), day.run(tasks.stopped()));
    }
}

fn previous(state: Option<&Path>) -> Result<Endpoints, StartError> {
    let Some(path) = state.map(|directory| directory.join(ENDPOINTS_FILE)) else {
        return Ok(Endpoints::default());
    };
    match std::fs::read(&path) {
        Ok(text) => serde_json::from_slice(&text)
            .map_err(|source| StartError::File { path, source: source.into() }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Endpoints::default()),
        Err(source) => Err(StartError::File { path, source }),
    }
}

/// Writes the file beside its place and moves it there, so that nobody reads half of it.
fn write_endpoints(directory: &Path, endpoints: &Endpoints) -> Result<(), StartError> {
    let path = directory.join(ENDPOINTS_FILE);
    let draft = directory.join("endpoints.json.new");
    let text = serde_json::to_vec_pretty(endpoints);
    let written = text
        .map_err(std::io::Error::from)
        .and_then(|text| std::fs::write(&draft, text))
        .and_then(|()| std::fs::rename(&draft, &path));
    written.map_err(|source| StartError::File { path, source })
}

#[cfg(test)]
pub(crate) mod tests;
