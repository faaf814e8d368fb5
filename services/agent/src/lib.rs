//! Stands next to one Exchange organization: looks, tells and does. It takes no decision and
//! remembers no policy; its disk holds a cursor, unsent receipts and its id.
//!
//! The modules follow the data: who the agent is ([`identity`]), what it needs of an Exchange
//! ([`exchange`]) and how it gets it ([`remote`], [`preflight`], [`translate`]), one sync
//! ([`collect`]), one change ([`apply`]), what must not be lost ([`journal`]), and the line to the
//! coordinator ([`uplink`]).

pub mod config;
pub mod identity;
pub mod exchange;
pub mod translate;
pub mod collect;
pub mod lease;
pub mod apply;
pub mod journal;
pub mod uplink;
pub mod metrics;
