//! Owns how administrators reach an organization: PowerShell remoting over HTTPS, or sealed over HTTP.
//!
//! `certificates` are what TLS shows, `listener` the ports and their connections, `conversation` the requests
//! of one connection, `frame` the seal around a body, `soap` which operation, `throttle` how much, `shells`
//! the runspaces, `pipeline` one running cmdlet. Invariant: output is made when a Receive asks for it, one
//! envelope at a time, so that a listing of any length needs bounded memory.

pub mod certificates;
pub mod listener;
mod conversation;
mod frame;
pub mod soap;
pub mod throttle;
pub mod shells;
pub mod pipeline;

/// How a server's wire is limited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wire {
    /// `MaxEnvelopeSizekb`: the largest envelope that is taken or sent. 500 since Windows Server 2012.
    pub envelope_kb_max: u32,
    /// Whether a shell is found only by the cookie that names its back end.
    pub affinity: bool,
}

impl Wire {
    /// The largest envelope, in bytes.
    pub fn envelope_bytes_max(&self) -> usize {
        usize::try_from(self.envelope_kb_max).unwrap_or(usize::MAX).saturating_mul(1024)
    }
}

impl Default for Wire {
    fn default() -> Self {
        Self { envelope_kb_max: 500, affinity: true }
    }
}
