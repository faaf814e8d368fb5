//! Owns how a simulator is looked at and told what to do: in the same process, and over HTTP.
//!
//! `views` are the JSON shapes, `lookup` finds what a name means, `handle` does the work, `http` serves
//! it. Invariant: whatever HTTP can
//! do, [`Control`] can, and nothing else changes a world but phones and cmdlets.

pub mod views;
mod lookup;
pub mod handle;
pub mod http;

pub use handle::{Control, ControlError};
