//! Speaks to Exchange: PowerShell remoting from the wire up, and the cmdlets on top of it.
//! Invariant: no script text ever leaves this crate; a command is a name and typed arguments.
//!
//! ```text
//! credentials  accounts and secrets that do not print and are wiped
//! http         one authenticated connection to one server, inside TLS or sealed
//! wsman        WS-Management: the envelopes of a remote shell       (no I/O, both roles)
//! clixml       PowerShell's serialized objects, read and written    (no I/O, both roles)
//! psrp         fragments, messages, runspace pool, pipeline         (no I/O, both roles)
//! session      a signed-in runspace: runs cmdlets, streams their output
//! cmdlets      typed arguments in, typed rows out; knows no transport
//! error        what a failure means for the next attempt
//! ```

pub mod credentials;
pub mod http;
mod xml;
pub mod wsman;
pub mod clixml;
pub mod psrp;
pub mod session;
pub mod cmdlets;
pub mod error;
