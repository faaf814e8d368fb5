//! Why an HTTP exchange failed, and whether the server may have acted on it nevertheless. Statuses are
//! those of [RFC 9110] 15; what makes Exchange answer 403 or 503 is common knowledge (unverified).

use std::io;
use std::time::Duration;

use crate::http::{Presented, ProxyError, RedirectError, SignInError};

/// Why an HTTP exchange failed.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The name has no address.
    #[error("cannot resolve '{host}'")]
    Resolve {
        /// The name.
        host: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// Nothing accepted the connection.
    #[error("cannot connect to '{host}' on port {port}")]
    Connect {
        /// The server.
        host: String,
        /// The port.
        port: u16,
        /// What the operating system said about the last address tried.
        source: io::Error,
    },
    /// The connection was not established in time.
    #[error("no connection to '{host}' on port {port} within {} s", limit.as_secs())]
    ConnectTimedOut {
        /// The server.
        host: String,
        /// The port.
        port: u16,
        /// How long we waited.
        limit: Duration,
    },
    /// There is no way through the proxy.
    #[error("no way through the proxy {proxy}")]
    Proxy {
        /// The proxy.
        proxy: String,
        /// What is wrong.
        source: Box<ProxyError>,
    },
    /// The certificate that was presented is none that we may trust: the server's own is wrong or
    /// unknown, or something on the way answers in its place.
    #[error("the certificate presented for '{host}' is not trusted")]
    Certificate {
        /// The server.
        host: String,
        /// The proxy on the way, if there is one.
        proxy: Option<String>,
        /// What was presented, and what is wrong with it.
        source: Box<Presented>,
    },
    /// The TLS handshake failed.
    #[error("the TLS handshake with '{host}' failed")]
    Tls {
        /// The server.
        host: String,
        /// The TLS library's reason.
        source: io::Error,
    },
    /// 401: account or password refused, or the scheme is not enabled on the server. Never to be
    /// repeated by itself.
    #[error("'{host}' refused to sign in '{account}' by {scheme} (it offers: {offered})")]
    Unauthorized {
        /// The server.
        host: String,
        /// The account.
        account: String,
        /// The scheme that was tried.
        scheme: &'static str,
        /// The schemes that the server names.
        offered: String,
    },
    /// The sign-in of the connection failed, or its seal broke.
    #[error("cannot sign in at '{host}'")]
    SignIn {
        /// The server.
        host: String,
        /// Why not.
        source: SignInError,
    },
    /// 401 on a connection that was signed in: the server forgot it, or the ticket expired
    /// (unverified). Nothing
    /// was done; a new connection signs in anew.
    #[error("'{host}' asks '{account}' to sign in again")]
    SignedOut {
        /// The server.
        host: String,
        /// The account.
        account: String,
    },
    /// 403: signed in, but not admitted.
    #[error("'{host}' admits no remote PowerShell for '{account}' (403)")]
    Forbidden {
        /// The server.
        host: String,
        /// The account.
        account: String,
    },
    /// 3xx: the server wants us elsewhere. A connection does not follow; opening a session does,
    /// where the operator allows the host.
    #[error("'{host}' redirects to '{location}' ({status})")]
    Redirected {
        /// The server.
        host: String,
        /// The status code.
        status: u16,
        /// Where it points.
        location: String,
    },
    /// 3xx to where we may not go.
    #[error("'{host}' redirects to '{location}', which is not followed")]
    RedirectRefused {
        /// The server.
        host: String,
        /// Where it points.
        location: String,
        /// Why not.
        source: Box<RedirectError>,
    },
    /// 503: the application pool is down, or a proxy says so.
    #[error("'{host}' is unavailable (503)")]
    Unavailable {
        /// The server.
        host: String,
        /// The `Retry-After` header in seconds ([RFC 9110] 10.2.3).
        retry_after: Option<Duration>,
    },
    /// Any other status.
    #[error("'{host}' answered with status {status}")]
    Status {
        /// The server.
        host: String,
        /// The status code.
        status: u16,
    },
    /// The answer is larger than we are ready to hold.
    #[error("the answer of '{host}' exceeds {limit_bytes} bytes")]
    TooLarge {
        /// The server.
        host: String,
        /// The limit.
        limit_bytes: usize,
    },
    /// No complete answer came in time.
    #[error("no answer from '{host}' within {} s", limit.as_secs())]
    TimedOut {
        /// The server.
        host: String,
        /// How long we waited.
        limit: Duration,
    },
    /// The connection broke before the request was handed to it.
    #[error("the connection to '{host}' was closed before the request was sent")]
    NotSent {
        /// The server.
        host: String,
        /// The HTTP library's reason.
        source: hyper::Error,
    },
    /// The connection broke while the request or its answer was under way.
    #[error("the connection to '{host}' broke before the answer was complete")]
    Interrupted {
        /// The server.
        host: String,
        /// The HTTP library's reason.
        source: hyper::Error,
    },
    /// The request could not be formed.
    #[error("cannot form a request to '{host}'")]
    Request {
        /// The server.
        host: String,
        /// What was wrong.
        source: http::Error,
    },
}

impl HttpError {
    /// Whether the server is down or out of reach, so that another server of the organization may
    /// do better. A refused account or a proxy that is down is not the server's fault.
    pub fn is_server_down(&self) -> bool {
        match self {
            Self::Resolve { .. }
            | Self::Connect { .. }
            | Self::ConnectTimedOut { .. }
            | Self::Certificate { .. }
            | Self::Tls { .. }
            | Self::Unavailable { .. }
            | Self::TimedOut { .. }
            | Self::NotSent { .. }
            | Self::Interrupted { .. } => true,
            Self::Proxy { source, .. } => source.blames_server(),
            Self::Status { status, .. } => *status >= 500,
            Self::Unauthorized { .. }
            | Self::SignIn { .. }
            | Self::SignedOut { .. }
            | Self::Forbidden { .. }
            | Self::Redirected { .. }
            | Self::RedirectRefused { .. }
            | Self::TooLarge { .. }
            | Self::Request { .. } => false,
        }
    }

    /// Whether the server may have received the whole request and acted on it, although we have no
    /// answer that says so.
    pub fn may_have_acted(&self) -> bool {
        match self {
            Self::Resolve { .. }
            | Self::Connect { .. }
            | Self::ConnectTimedOut { .. }
            | Self::Proxy { .. }
            | Self::Certificate { .. }
            | Self::Tls { .. }
            | Self::Unauthorized { .. }
            | Self::SignedOut { .. }
            | Self::Forbidden { .. }
            | Self::Redirected { .. }
            | Self::RedirectRefused { .. }
            | Self::Unavailable { .. }
            | Self::NotSent { .. }
            | Self::Request { .. } => false,
            Self::SignIn { source, .. } => source.may_have_acted(),
            Self::Status { status, .. } => *status >= 500,
            Self::TooLarge { .. } | Self::TimedOut { .. } | Self::Interrupted { .. } => true,
        }
    }

    /// Whether the server or its directory refused the account itself: another try could lock it.
    pub fn refuses_account(&self) -> bool {
        match self {
            Self::Unauthorized { .. } => true,
            Self::SignIn { source, .. } => source.refuses_account(),
            Self::Resolve { .. }
            | Self::Connect { .. }
            | Self::ConnectTimedOut { .. }
            | Self::Proxy { .. }
            | Self::Certificate { .. }
            | Self::Tls { .. }
            | Self::SignedOut { .. }
            | Self::Forbidden { .. }
            | Self::Redirected { .. }
            | Self::RedirectRefused { .. }
            | Self::Unavailable { .. }
            | Self::Status { .. }
            | Self::TooLarge { .. }
            | Self::TimedOut { .. }
            | Self::NotSent { .. }
            | Self::Interrupted { .. }
            | Self::Request { .. } => false,
        }
    }
}
