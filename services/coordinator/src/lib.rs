//! Schedules, remembers, compares and hands out.

pub mod reconcile;
pub mod schedule;
