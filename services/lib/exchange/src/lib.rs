//! Speaks to Exchange: PowerShell remoting from the wire up, and the cmdlets on top of it.
//! Invariant: no script text ever leaves this crate; a command is a name and typed arguments.

pub mod credentials;
pub mod http;
mod xml;
pub mod wsman;
pub mod clixml;
pub mod psrp;
pub mod session;
pub mod cmdlets;
pub mod error;
