//! Schedules, remembers, compares and hands out. It owns every stored fact, holds no credential of
//! Exchange, and decides nothing about compliance or access: evaluators do.
//!
//! ```text
//! agents --Observation--> inventory --due--> evaluation --Case--> evaluators
//! sources --Record--> cases ------------------^    |
//!                                                  v Decision
//! agents <--Command-- outbox <--edit-- reconcile <--intent
//! ```
//!
//! The modules follow the data: how it is set up ([`config`]), where facts are kept ([`store`]), who
//! is attached ([`agents`]), what was seen ([`inventory`]), what others say ([`sources`],
//! [`directory`], [`matching`]), what the company wants ([`policies`]), the question ([`cases`]) and
//! the answer ([`evaluation`]), the difference ([`reconcile`]) and how it is carried out
//! ([`outbox`]), what other policies would change ([`what_if`]), when to look again ([`schedule`], [`runs`]), what only mailboxes know
//! ([`statistics`]), what operators ask and do
//! ([`operator`], [`operator_api`]), the check without a server ([`record_check`]), how errors are
//! told ([`status`]) and what is counted ([`metrics`]).

pub mod config;
pub mod store;
pub mod agents;
pub mod inventory;
pub mod sources;
pub mod directory;
pub mod matching;
pub mod policies;
pub mod cases;
pub mod evaluation;
pub mod reconcile;
pub mod what_if;
pub mod outbox;
pub mod schedule;
pub mod runs;
pub mod statistics;
pub mod operator;
pub mod operator_api;
pub mod record_check;
pub mod status;
pub mod metrics;

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;

use exgate_runtime::Tasks;
use exgate_runtime::clock::Clock;
use exgate_runtime::grpc::Server;
use exgate_runtime::listen::{self, Endpoint, ListenError};
use exgate_runtime::signing::{SigningKey, SigningKeyError};

use agents::Agents;
use agents::api::Api;
use cases::Cases;
use config::Config;
use evaluation::Evaluation;
use evaluation::replicas::Evaluators;
use inventory::Inventory;
use metrics::Metrics;
use operator::Operator;
use operator_api::OperatorApi;
use outbox::Outbox;
use policies::Policies;
use runs::Runs;
use sources::Sources;
use statistics::Statistics;
use store::{OpenError, Store, StoreError};

/// A running coordinator; its tasks own it.
#[derive(Debug)]
pub struct Coordinator {
    addresses: [(&'static str, SocketAddr); 1],
}

/// Why the coordinator cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its store cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// What is stored cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An address cannot be used, or its port cannot be had.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// It has no key to sign bundles with.
    #[error("bundles cannot be signed")]
    Key(#[from] SigningKeyError),
    /// Its port is bound, and not known.
    #[error("cannot read the bound address")]
    Address(#[source] io::Error),
    /// The file with its addresses cannot be written.
    #[error("cannot write addresses_file")]
    Publish(#[source] io::Error),
}

/// The parts that answer calls.
struct Surfaces {
    agents: Api,
    operators: OperatorApi,
}

impl Coordinator {
    /// Puts the parts together; returns once the port is bound.
    ///
    /// # Errors
    /// When the store or the port cannot be had.
    pub async fn start(config: Config, tasks: Tasks) -> Result<Self, StartError> {
        let listener = listen::bind("server.listen", &config.server.listen).await?;
        let store = Store::open(&config.store.path).await?;
        let surfaces = assemble(&config, store, &tasks).await?;
        let address = serve(listener, surfaces, &tasks)?;
        let addresses = [("grpc", address)];
        if !config.addresses_file.as_os_str().is_empty() {
            listen::publish(&config.addresses_file, &addresses).map_err(StartError::Publish)?;
        }
        tracing::info!(grpc = %address, "listening");
        Ok(Self { addresses })
    }

    /// The bound addresses by name.
    pub fn addresses(&self) -> &[(&'static str, SocketAddr)] {
        &self.addresses
    }
}

/// Reads the sources again and again until the tasks have to stop.
fn watch_sources(sources: Sources, tasks: &Tasks) {
    let stopped = tasks.stopped();
    tasks.spawn("sources", async move {
        tokio::select! {
            () = sources.run() => {}
            () = stopped => {}
        }
    });
}

/// Puts the parts together in the order in which data flows, and starts those that run.
async fn assemble(config: &Config, store: Store, tasks: &Tasks) -> Result<Surfaces, StartError> {
    let (clock, metrics) = (Clock::system(), Metrics::new());
    let started_at = clock.now();

    let agents = Agents::new(store.clone(), clock.clone(), metrics.clone());
    let inventory = Inventory::new(store.clone()).with_shrink_max(config.sync.shrink_max);
    let max_age = config.stale.record_max_age.duration();
    let sources = Sources::new(store.clone(), &config.sources, max_age, clock.clone()).await?;
    let records = sources.handle();
    store.prune_bundles(started_at).await?;
    let policies = Policies::new(store.clone(), config.sync.schedule());
    let cases = Cases::new(store.clone(), records.clone());
    let outbox = Outbox::new(store.clone(), clock.clone(), metrics.clone(), agents.clone());
    let evaluators = evaluators(config, &clock, &metrics)?;
    let evaluation = Evaluation::new(evaluation::Parts {
        store: store.clone(),
        clock: clock.clone(),
        metrics: metrics.clone(),
        cases: cases.clone(),
        evaluators: evaluators.clone(),
        outbox: outbox.clone(),
    });
    let parts = runs::Parts {
        store: store.clone(),
        clock: clock.clone(),
        metrics: metrics.clone(),
        agents: agents.clone(),
        evaluation: evaluation.clone(),
        outbox: outbox.clone(),
        tasks: tasks.clone(),
    };
    let (timeout, resume_within) = (config.sync.timeout, config.sync.resume_within);
    let runs = Runs::new(parts.clone(), timeout.duration(), resume_within.duration());
    runs.take_over().await?;
    let statistics_age = config.sync.statistics_age();
    let statistics = Statistics::new(parts, runs.clone(), statistics_age);
    let gauges =
        metrics::Gauges::new(metrics, store.clone(), records.clone(), agents.clone(), runs.clone());

    watch_sources(sources, tasks);
    tasks.spawn("evaluators", evaluators.watch(tasks.clone()));
    tasks.spawn("evaluation", evaluation.clone().run(tasks.clone()));
    tasks.spawn("outbox", outbox.clone().run(tasks.clone()));
    tasks.spawn("runs", runs.clone().run());
    tasks.spawn("statistics", statistics.clone().run(tasks.clone()));
    tasks.spawn("gauges", gauges.run(tasks.clone()));

    let agents_api = Api::new(agents::api::Parts {
        agents: agents.clone(),
        inventory,
        runs: runs.clone(),
        outbox: outbox.clone(),
        statistics,
        clock: clock.clone(),
        tasks: tasks.clone(),
    });
    let operator = Operator::new(operator::Parts {
        store,
        clock,
        agents,
        runs,
        evaluation,
        cases,
        outbox,
        policies,
        records,
        has_statistics: statistics_age.is_some(),
        started_at,
    });
    Ok(Surfaces { agents: agents_api, operators: OperatorApi::new(operator) })
}

/// The evaluators, and the key that signs what they are given.
fn evaluators(config: &Config, clock: &Clock, metrics: &Metrics) -> Result<Evaluators, StartError> {
    let key = SigningKey::load_or_make(&config.signing_key_file())?;
    tracing::info!(key_id = %key.id(), public = ?key.public_file(), "bundles are signed");
    let endpoint = |text: &String| Endpoint::parse("evaluator.endpoints", text);
    let endpoints: Result<Vec<_>, _> = config.evaluator.endpoints.iter().map(endpoint).collect();
    Ok(Evaluators::new(&endpoints?, key, clock.clone(), metrics.clone()))
}

/// Answers calls on the one port for agents and operators.
fn serve(
    listener: TcpListener,
    surfaces: Surfaces,
    tasks: &Tasks,
) -> Result<SocketAddr, StartError> {
    let address = listener.local_addr().map_err(StartError::Address)?;
    let Surfaces { agents, operators } = surfaces;
    let server = Server::new(exgate_proto::DESCRIPTORS).service(agents.into_server());
    let server = operators.add_to(server);
    tasks.spawn("grpc", server.serve(listener, tasks.stopped()));
    Ok(address)
}

#[cfg(test)]
mod fixture;
