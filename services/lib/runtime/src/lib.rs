//! How a process of ours starts, is configured, secured, observed and drained.
//!
//! This crate knows no noun of the domain and imports none of our crates. The map, in the order
//! in which a process lives:
//!
//! * [`main`] is a whole service process, [`command`] a short-lived one;
//! * [`config`] makes typed settings out of defaults, a file, the environment and flags;
//! * [`telemetry`] and [`metrics`] make logs, traces and numbers out of what the process does;
//! * [`grpc`] is the one place that layers servers and channels, [`health`] answers probes;
//! * [`tasks`] owns every long-running part, [`signals`] says when to stop;
//! * [`backoff`] and [`clock`] own randomness and time;
//! * [`signing`] makes, keeps and trusts keys;
//! * [`listen`] keeps plain text on loopback; [`report`] prints an error with its causes, [`one_line`]
//!   makes a text harmless to a terminal; [`files`] says what a folder that was named means.

mod process;
mod args;
pub mod config;
pub mod telemetry;
pub mod metrics;
pub mod grpc;
pub mod health;
pub mod tasks;
pub mod signals;
pub mod backoff;
pub mod clock;
pub mod signing;
pub mod listen;
pub mod files;
mod report;

pub use args::{Asked, OwnCommand as Command};
pub use process::{
    Action, CommandError, Findings, command, install_crypto_provider, main, main_or,
};
pub use report::{one_line, report};
pub use tasks::Tasks;
