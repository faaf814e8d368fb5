//! Owns what Exchange does by itself when a phone calls or time passes.
//!
//! `access` is the order of decision, `contact` one call of one phone, `mail` what Exchange writes to
//! people about it, `automatic` the phones of a company on an ordinary day.

pub mod access;
pub mod mail;
pub mod contact;
pub mod automatic;
