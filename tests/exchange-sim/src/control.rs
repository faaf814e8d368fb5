//! Owns how a simulator is looked at and told what to do: in the same process, and over HTTP.
//!
//! `views` are the JSON shapes, `lookup` finds what a name means, `handle` looks, `phones`, `incidents`,
//! `changes` and `accounts` tell, `refusal` is why not, `http` serves it. Invariant: whatever HTTP can do,
//! [`Control`] can, and nothing else changes a world but phones and cmdlets.

pub mod views;
pub mod refusal;
mod lookup;
pub mod handle;
pub mod phones;
pub mod changes;
mod accounts;
mod streaming;
mod incidents;
pub mod http;

pub use handle::Control;
pub use refusal::ControlError;
