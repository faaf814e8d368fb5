//! `exgate.agent.v1`: what to look at, what was seen, what to do and what came of it.

mod command;
mod snapshot;
mod statistics;
