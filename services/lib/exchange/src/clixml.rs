//! Owns CLIXML, PowerShell's serialization of objects ([MS-PSRP] 2.2.5), both ways.
//! Invariant: reading never executes, rehydrates or expands anything: the result is plain
//! values, and depth, attributes, text and the number of values are bounded.
//!
//! [`read()`] and [`write()`] handle whole [`Value`]s. [`rows`] reads a few properties out of
//! one object of a long listing without building the rest. [`Fingerprints`] tells an object that
//! was seen before from one that is new without reading either, and
//! [`Peek`] finds one property in it.

pub mod value;
mod instant;
mod text;
mod primitive;
pub mod read;
pub mod rows;
pub mod write;
mod peek;
mod fingerprint;

pub use fingerprint::Fingerprints;
pub use peek::Peek;
pub use primitive::Primitive;
pub use read::{ReadError, VALUES_MAX, read, read_str};
pub use rows::{Columns, Field, Row};
pub use value::{Content, DateTime, ListKind, Object, Property, SecureText, TimeSpan, Value};
pub use write::{write, write_into};

pub use crate::xml::{ATTRIBUTES_MAX, DEPTH_MAX, TEXT_BYTES_MAX, XmlError};

#[cfg(test)]
mod tests;
