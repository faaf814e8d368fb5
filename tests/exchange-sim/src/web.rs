//! Owns the part of a server's port that is not remote PowerShell: which service a path is, and its answer.
//!
//! Invariant: whoever asks has signed in.

use http::StatusCode;
use thiserror::Error;

use crate::accounts::Person;
use crate::live::Live;
use crate::world::journal::JournalError;
use crate::{autodiscover, ews};

/// A service behind a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Site {
    /// Exchange Web Services.
    Ews,
    /// Autodiscover, SOAP.
    AutodiscoverSoap,
    /// Autodiscover, plain old XML.
    AutodiscoverPox,
}

/// A request.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// Which service.
    pub site: Site,
    /// Whose.
    pub live: &'a Live,
    /// The server's short name.
    pub server: &'a str,
    /// Who asks.
    pub person: &'a Person,
    /// The `Host` that the client named.
    pub host: &'a str,
    /// The port of https, which answers that name this server repeat.
    pub https_port: u16,
    /// What is asked.
    pub body: &'a [u8],
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// What the body is.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
    /// Where to go instead.
    pub location: Option<String>,
    /// When to come back.
    pub retry_after_s: Option<u64>,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum NoAnswer {
    /// The connection is to be cut instead.
    #[error("answer was lost on purpose")]
    Lost,
    /// The journal could not be written: nothing happened.
    #[error("request could not be carried out")]
    Journal(#[source] JournalError),
}

impl Site {
    /// The service of a path, if it is one of these. Paths compare without regard to case, as in IIS.
    pub fn of(path: &str) -> Option<Self> {
        match path.trim_end_matches('/').to_ascii_lowercase().as_str() {
            "/ews/exchange.asmx" => Some(Self::Ews),
            "/autodiscover/autodiscover.svc" => Some(Self::AutodiscoverSoap),
            "/autodiscover/autodiscover.xml" => Some(Self::AutodiscoverPox),
            _ => None,
        }
    }

    /// How large a request may be, in bytes.
    pub fn request_bytes_max(self) -> usize {
        match self {
            Self::Ews => ews::endpoint::REQUEST_BYTES_MAX,
            Self::AutodiscoverSoap | Self::AutodiscoverPox => autodiscover::REQUEST_BYTES_MAX,
        }
    }
}

impl Answer {
    /// An answer with a body.
    pub fn new(status: StatusCode, content_type: &'static str, body: String) -> Self {
        Self { status, content_type, body, location: None, retry_after_s: None }
    }

    /// An answer that leads elsewhere: 302.
    pub fn elsewhere(location: String) -> Self {
        let empty = Self::new(StatusCode::FOUND, "text/plain; charset=utf-8", String::new());
        Self { location: Some(location), ..empty }
    }
}

/// Answers a request.
pub async fn answer(call: Call<'_>) -> Result<Answer, NoAnswer> {
    match call.site {
        Site::Ews => ews::endpoint::answer(call.live, call.server, call.person, call.body).await,
        Site::AutodiscoverSoap => Ok(autodiscover::soap::answer(&call)),
        Site::AutodiscoverPox => Ok(autodiscover::pox::answer(&call)),
    }
}
