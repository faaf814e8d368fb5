//! Stands next to one Exchange organization: looks, tells and does. It takes no decision and
//! remembers no policy; its disk holds a cursor, unsent receipts and its id.
//!
//! The modules follow the data: who the agent is ([`identity`], [`sign_in`]), what it needs of an
//! Exchange ([`exchange`]), where it goes ([`servers`], [`route`]) and how it gets it ([`remote`],
//! [`preflight`], [`translate`]), one sync ([`collect`]), one change ([`apply`]), what must not be lost
//! ([`journal`]), and the line to the coordinator ([`uplink`]).

pub mod config;
pub mod identity;
pub mod sign_in;
pub mod exchange;
pub mod route;
pub mod servers;
pub mod remote;
pub mod preflight;
pub mod doctor;
pub mod translate;
pub mod collect;
pub mod lease;
pub mod apply;
pub mod journal;
pub mod uplink;
pub mod metrics;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, watch};

use exgate_domain::check::StepOutcome;
use exgate_exchange::http::{EndpointError, SharedRoute, Transport, TransportError, TrustAnchors};
use exgate_exchange::session::{Budget, Options, Pool};
use exgate_runtime::backoff::Backoff;
use exgate_runtime::listen::{self, ListenError};
use exgate_runtime::{Asked, Findings, Tasks};

use crate::apply::Applier;
use crate::config::{Config, Kind};
use crate::exchange::{Exchange, Preflight};
use crate::identity::IdentityError;
use crate::journal::{Journal, JournalError};
use crate::lease::Lease;
use crate::metrics::Metrics;
use crate::remote::Remote;
use crate::route::RouteError;
use crate::servers::Servers;
use crate::sign_in::SignInSettingsError;
use crate::uplink::{Uplink, report};

/// The shortest and longest wait before a failed preflight is tried again.
const PREFLIGHT_AGAIN: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(300));
/// How long a refused sign-in is shown to the coordinator before the agent ends.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// How many steps of a check may wait to be taken.
const STEPS_WAITING_MAX: usize = 32;

/// A running agent.
#[derive(Debug)]
pub struct Agent;

/// Why an agent could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The settings lead to no account.
    #[error(transparent)]
    SignIn(#[from] SignInSettingsError),
    /// The server is none.
    #[error("exchange.server, port and url_path are no address")]
    Server(#[from] EndpointError),
    /// The way to the servers is none.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// Connections cannot even be tried.
    #[error("cannot prepare connections to Exchange")]
    Transport(#[from] TransportError),
    /// The coordinator's address is none.
    #[error(transparent)]
    Coordinator(#[from] ListenError),
    /// The organization's name is none.
    #[error("coordinator.organization is no name")]
    Organization(#[from] exgate_domain::ids::InvalidId),
    /// The agent has no id.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Exchange refused the account, and trying again could lock it.
#[derive(Debug, thiserror::Error)]
#[error("Exchange refused the account: {finding}; {cure}")]
pub struct SignInRefused {
    finding: String,
    cure: String,
}

impl Agent {
    /// Puts the parts together and starts them.
    ///
    /// # Errors
    /// When a setting or the spool cannot be used.
    pub async fn start(config: Config, tasks: Tasks) -> Result<Self, StartError> {
        let coordinator =
            listen::Endpoint::parse("coordinator.endpoint", &config.coordinator.endpoint)?;
        let organization = config.coordinator.organization.parse()?;
        let agent = identity::establish(&config.spool.path)?;
        let journal = Journal::open(&config.spool.path)?;
        let metrics = Metrics::new();
        let pool = Pool::new(Budget::new(config.exchange.limits()));
        metrics::watch(&pool);
        let servers = Arc::new(servers(&config, &pool, metrics.clone())?);
        let exchange: Arc<dyn Exchange> = Arc::new(remote(&config, &servers, pool));
        let lease = Lease::none();
        let write_timeout = config.exchange.write_timeout.duration();
        let applier =
            Arc::new(Applier::new(exchange.clone(), journal.clone(), lease.clone(), write_timeout));
        let (found, preflight) = watch::channel(None);
        let options = uplink::Options {
            coordinator,
            organization,
            agent,
            host: host(),
            backoff: (
                config.coordinator.backoff_min.duration(),
                config.coordinator.backoff_max.duration(),
            ),
            scrub_every: config.exchange.scrub_every,
            write_timeout,
            writes_at_once: config.exchange.runspaces_max(),
        };
        let parts = uplink::Parts {
            exchange: exchange.clone(),
            applier,
            journal,
            lease,
            preflight,
            standing: servers.standing(),
            metrics,
        };
        tasks.readiness().set("attached", false);
        tasks.spawn("servers", servers.watch_primary(tasks.clone()));
        tasks.spawn("preflight", keep_checking(exchange.clone(), found, tasks.clone()));
        tasks.spawn("uplink", Uplink::new(options, parts, tasks.clone()).run());
        let stopped = tasks.stopped();
        tasks.spawn("sessions", async move {
            stopped.await;
            exchange.close().await;
        });
        Ok(Self)
    }

    /// Goes the whole way to Exchange once and says what it found; with `json` as one document.
    pub fn doctor(config: Config, asked: Asked) -> BoxFuture<'static, Findings> {
        async move {
            let pool = Pool::new(Budget::new(config.exchange.limits()));
            let remote = match servers(&config, &pool, Metrics::new()) {
                Ok(servers) => remote(&config, &Arc::new(servers), pool),
                Err(error) => {
                    let lines =
                        vec![format!("failed  settings: {}", exgate_runtime::report(&error))];
                    return Findings { lines, ..Findings::default() };
                }
            };
            let (told, mut steps) = mpsc::channel(STEPS_WAITING_MAX);
            let told = async {
                let found = remote.doctor(told).await;
                remote.close().await;
                found
            };
            // The result is printed as a whole; the report holds every step.
            let (found, ()) = tokio::join!(told, async { while steps.recv().await.is_some() {} });
            let report = report(found);
            let lines = if asked.has("json") {
                vec![doctor::document(&report)]
            } else {
                doctor::lines(&report)
            };
            let is_well = report.count(StepOutcome::Failed) == 0;
            Findings { lines, is_well, ..Findings::default() }
        }
        .boxed()
    }
}

/// Checks until all is well, again after each failure; a refused account ends the process.
async fn keep_checking(
    exchange: Arc<dyn Exchange>,
    found: watch::Sender<Option<Preflight>>,
    tasks: Tasks,
) -> Result<(), SignInRefused> {
    let (shortest, longest) = PREFLIGHT_AGAIN;
    let mut backoff = Backoff::default().between(shortest, longest);
    let mut told = String::new();
    loop {
        let preflight = exchange.preflight().await;
        let failure = preflight.failure().cloned();
        let is_final = preflight.is_final;
        found.send_replace(Some(preflight));
        let Some(failure) = failure else {
            tracing::info!("the way to Exchange is clear");
            return Ok(());
        };
        if is_final {
            tokio::time::sleep(LAST_WORDS).await;
            return Err(SignInRefused { finding: failure.finding, cure: failure.cure });
        }
        if told != failure.finding {
            let (step, finding, cure) = (&failure.name, &failure.finding, &failure.cure);
            tracing::warn!(step, finding, cure, "the way to Exchange is blocked");
            told = failure.finding;
        }
        tokio::select! {
            () = tokio::time::sleep(shortest + backoff.wait()) => {}
            () = tasks.stopped() => return Ok(()),
        }
    }
}

/// The organization that the settings lead to, for a program that looks at one without being an agent;
/// nothing is opened yet.
///
/// # Errors
/// When a setting cannot be used.
pub fn exchange(config: &Config) -> Result<Arc<dyn Exchange>, StartError> {
    let pool = Pool::new(Budget::new(config.exchange.limits()));
    let servers = Arc::new(servers(config, &pool, Metrics::new())?);
    Ok(Arc::new(remote(config, &servers, pool)))
}

/// The organization that the settings lead to; nothing is opened yet.
fn remote(config: &Config, servers: &Arc<Servers>, pool: Pool) -> Remote {
    let account = config.exchange.user.clone();
    Remote::new(Arc::clone(servers), pool, account, config.exchange.write_timeout.duration())
}

/// The servers that the settings lead to.
fn servers(config: &Config, pool: &Pool, metrics: Metrics) -> Result<Servers, StartError> {
    let settings = &config.exchange;
    let is_ours = settings.kind == Kind::OnPremises;
    let how = servers::Settings {
        failover: settings.failover && is_ours,
        discover: settings.discover_servers && is_ours,
        primary_retry: settings.primary_retry.duration(),
    };
    let mut options = options(settings)?;
    options.budget = pool.budget().clone();
    Ok(Servers::new(options, how, &config.spool.path, metrics))
}

/// How sessions with the configured server are opened.
fn options(settings: &config::Exchange) -> Result<Options, StartError> {
    let authentication = sign_in::authentication(settings)?;
    let endpoint = sign_in::endpoint(settings)?;
    let anchors = if settings.ca_file.as_os_str().is_empty() {
        TrustAnchors::Platform
    } else {
        TrustAnchors::File(settings.ca_file.clone())
    };
    let transport = Transport::new(endpoint, authentication, &anchors)?
        .with_route(SharedRoute::new(route::route(settings)?))
        .with_redirect_hosts(route::redirect_hosts(settings)?);
    let mut options = Options::new(transport);
    options.write_limit = settings.write_timeout.duration();
    options.read_limit = settings.read_timeout.duration();
    Ok(options)
}

/// Name of this host, for operators.
fn host() -> String {
    let from_kernel = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let from_windows = || std::env::var("COMPUTERNAME").ok();
    from_kernel.or_else(from_windows).map(|name| name.trim().to_owned()).unwrap_or_default()
}
