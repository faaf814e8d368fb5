//! Owns CLIXML, PowerShell's serialization of objects ([MS-PSRP] 2.2.5), both ways.
//! Invariant: reading never executes, rehydrates or expands anything: the result is plain
//! values, and depth, attributes, text and nodes are bounded.

pub mod value;
mod instant;

pub use value::{Content, DateTime, ListKind, Object, Property, SecureText, TimeSpan, Value};
