//! Owns how gRPC is layered, for every server and every channel of ours: deadline, size limits,
//! trace context, panic catch, keepalive. No service sets any of them elsewhere.

mod methods;
mod call;
mod guard;
mod server;
mod channel;

use std::time::Duration;

pub use channel::Channel;
pub use server::{ServeError, Server};

/// The longest message in either direction.
///
/// tonic keeps the limit in each generated service and client, so every one of ours is built
/// with `.max_decoding_message_size(MESSAGE_BYTES_MAX).max_encoding_message_size(MESSAGE_BYTES_MAX)`.
pub const MESSAGE_BYTES_MAX: usize = 1024 * 1024;

/// How long a handler may take to answer, unless the caller asks for less.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// How often an idle connection is probed, so that a peer that vanished is noticed.
pub const KEEPALIVE: Duration = Duration::from_secs(20);

/// How long the answer to a probe may take.
pub const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
