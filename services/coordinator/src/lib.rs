//! Schedules, remembers, compares and hands out.

pub mod config;
pub mod store;
pub mod inventory;
pub mod sources;
pub mod directory;
pub mod matching;
pub mod policies;
pub mod cases;
pub mod reconcile;
pub mod schedule;
