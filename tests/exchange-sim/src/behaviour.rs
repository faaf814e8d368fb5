//! Owns what Exchange does by itself when a phone calls or time passes.
//!
//! `access` is the order of decision, `contact` one call of one phone, `autoblock` what becomes of a
//! phone that misbehaves, `mail` what Exchange writes to people about it, `automatic` the phones of a
//! company on an ordinary day.

pub mod access;
pub mod autoblock;
pub mod mail;
pub mod contact;
pub mod automatic;
#[cfg(test)]
pub(crate) mod scene;
