//! Decides, and says why. Pure and stateless: the same case and bundle always give the same decision,
//! on every replica. It reaches no Exchange, no database and no clock: `now` is in the case.
//!
//! ```text
//! coordinator --Case--> api --> verdict --Decision--> coordinator
//!                        |         ^
//!                        +-- bundles (policy files, checked)
//! ```
//!
//! The modules follow the data: how it is set up ([`config`]), what it is asked ([`api`], [`status`]) and
//! by whom ([`trust`]), what the company wants ([`bundles`]), the words of all languages (`messages`), the
//! decision ([`verdict`]), what is said of it ([`explain`]), the check without a server
//! ([`policy_check`]) and what it counts ([`metrics`]).

pub mod config;
pub mod api;
pub mod status;
pub mod trust;
pub mod bundles;
mod messages;
pub mod expressions;
pub mod verdict;
pub mod explain;
pub mod policy_check;
pub mod metrics;

use std::io;
use std::net::SocketAddr;

use exgate_runtime::Tasks;
use exgate_runtime::grpc::Server;
use exgate_runtime::listen::{self, ListenError};

use api::Api;
use bundles::{Cache, Limits};
use config::Config;
use metrics::Metrics;
use trust::Trust;

/// A running evaluator; its tasks own it.
#[derive(Debug)]
pub struct Evaluator {
    addresses: [(&'static str, SocketAddr); 1],
}

/// Why the evaluator cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its port cannot be had.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// Its port is bound, and not known.
    #[error("cannot read the bound address")]
    Address(#[source] io::Error),
    /// The file with its addresses cannot be written.
    #[error("cannot write addresses_file")]
    Publish(#[source] io::Error),
}

impl Evaluator {
    /// Puts the parts together; returns once the port is bound.
    pub async fn start(config: Config, tasks: Tasks) -> Result<Self, StartError> {
        let listener = listen::bind("server.listen", &config.server.listen).await?;
        let address = listener.local_addr().map_err(StartError::Address)?;
        let limits =
            Limits { bundles_max: config.cache.max_bundles, bytes_max: config.cache.max_bytes };
        let trust = Trust::new(&config.bundles.trusted_keys_file);
        let api = Api::service(Cache::new(limits), trust, Metrics::new());
        let server = Server::new(exgate_proto::DESCRIPTORS).service(api);
        tasks.spawn("grpc", server.serve(listener, tasks.stopped()));
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
