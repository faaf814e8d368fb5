//! Schedules, remembers, compares and hands out.

pub mod store;
pub mod reconcile;
pub mod schedule;
