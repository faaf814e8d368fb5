//! Owns the PowerShell Remoting Protocol ([MS-PSRP]) without any I/O, for both roles.
//! Invariant: bytes in, events and bytes out; nothing here knows of sockets, time or threads.
//!
//! [`fragment`] and [`message`] are the framing, [`body`] the typed contents, [`client`] and
//! [`server`] the two ends of a runspace pool.

pub mod fragment;
pub mod message;
pub mod command;
pub mod body;
pub mod client;
pub mod server;

pub use command::{Command, Parameter};
pub use fragment::{Defragmenter, FragmentError, Fragmenter, Fragments};
pub use message::{Destination, Message, MessageError, MessageType};

use body::BodyError;

/// How large fragments are while the peer's limit is unknown: PowerShell's own choice
/// (`DefaultFragmentSize` in its sources).
pub const FRAGMENT_BYTES_MAX: usize = 32_768;

/// Why what a peer sent is against the protocol.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// The fragments do not make messages.
    #[error("fragments cannot be put together")]
    Fragment(#[from] FragmentError),
    /// A message has no proper header.
    #[error("message cannot be read")]
    Message(#[from] MessageError),
    /// A message has no proper body.
    #[error("{kind:?} message has an unfit body")]
    Body {
        /// The type of the message.
        kind: MessageType,
        /// What is wrong.
        #[source]
        source: BodyError,
    },
    /// A message is meant for the other side, or for another pipeline than its stream.
    #[error("{kind:?} message is addressed to somebody else")]
    Misaddressed {
        /// The type of the message.
        kind: MessageType,
    },
    /// A message comes where another was due.
    #[error("{kind:?} message is out of place")]
    Unexpected {
        /// The type of the message.
        kind: MessageType,
    },
    /// The other side's major version of the protocol differs ([MS-PSRP] 3.2.5.3.1).
    #[error("protocol version {found} is not supported")]
    Version {
        /// The other side's version.
        found: body::ProtocolVersion,
    },
    /// Something was asked of a pool that is not open.
    #[error("runspace pool is not open")]
    NotOpen,
}

impl ProtocolError {
    fn body(kind: MessageType, source: impl Into<BodyError>) -> Self {
        Self::Body { kind, source: source.into() }
    }
}

#[cfg(test)]
mod tests;
