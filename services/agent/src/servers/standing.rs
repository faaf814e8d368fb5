//! What is told about an organization's servers: which one is used, which one should be, and how each
//! is doing.

use jiff::Timestamp;

use super::breaker::BreakerState;

/// How an organization's servers stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// The server that was configured.
    pub primary: String,
    /// The server that sessions go to.
    pub current: String,
    /// Whether another server may be used while the primary is down.
    pub failover: bool,
    /// Since when another server than the primary is used.
    pub fallback_since: Option<Timestamp>,
    /// Each server, the primary first.
    pub servers: Vec<ServerStanding>,
}

/// How one server stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerStanding {
    /// Its full name.
    pub host: String,
    /// Its version; empty when unknown.
    pub version: String,
    /// Its directory site; empty when unknown.
    pub site: String,
    /// Whether it is asked.
    pub breaker: BreakerState,
    /// How it failed last; empty when it never did, or well since.
    pub problem: String,
    /// When it failed last.
    pub failed_at: Option<Timestamp>,
}
