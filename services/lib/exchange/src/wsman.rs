//! Owns the WS-Management envelopes of a remote shell ([MS-WSMV]) without any I/O, for both
//! roles.
//! Invariant: a body is at most [`BODY_BYTES_MAX`] bytes of UTF-8, nests no deeper than
//! [`crate::clixml::DEPTH_MAX`], and declares no document type; a value in it has at most
//! [`VALUE_BYTES_MAX`] bytes; stream data stays base64, borrowed from the envelope, until it is
//! decoded into the caller's buffer.
//!
//! [`Client`] writes requests and [`Response`] reads the answers; [`Request`] reads requests
//! and [`Reply`] writes the answers. Elements are told apart by their local names.

pub mod uris;
mod envelope;
pub mod client;
pub mod request;
pub mod response;
pub mod reply;
pub mod fault;

pub use client::Client;
pub use fault::Fault;
pub use reply::Reply;
pub use request::{Header, Request, RequestBody, Signal};
pub use response::{CommandState, Received, Response, ResponseBody};

use std::{borrow::Cow, str::Utf8Error};

use base64::{Engine, engine::general_purpose::STANDARD};
use uuid::Uuid;

pub use crate::xml::XmlError;

/// How many bytes a body may have.
pub const BODY_BYTES_MAX: usize = 16 << 20;

/// How many bytes a value beside stream data may have: an address, an id, an option, an action.
pub const VALUE_BYTES_MAX: usize = 16 << 10;

/// How many bytes each text of a fault may have.
pub const FAULT_TEXT_BYTES_MAX: usize = 64 << 10;

/// How many pieces of streams one envelope may hold.
pub const STREAMS_MAX: usize = 4_096;

/// How many options one request may hold.
pub const OPTIONS_MAX: usize = 64;

/// The envelope size to name before the server named its own: 2010's engine takes no more
/// (150 kB, the lower default of `MaxEnvelopeSizekb`, [MS-WSMV] 2.2.4.10; pypsrp begins so too).
pub const ENVELOPE_BYTES_FIRST: u32 = 153_600;

/// The envelope size of PowerShell 3.0 and later (500 kB, the usual default of
/// `MaxEnvelopeSizekb`, [MS-WSMV] 2.2.4.10; pypsrp goes on with it).
pub const ENVELOPE_BYTES: u32 = 512_000;

/// The content type of requests and answers ([RFC 3902], SOAP 1.2).
pub const CONTENT_TYPE: &str = "application/soap+xml;charset=UTF-8";

/// Why a body is not the envelope it must be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// The body is too large.
    #[error("body of {bytes} bytes is larger than {BODY_BYTES_MAX}")]
    TooLarge {
        /// How many bytes it has.
        bytes: usize,
    },
    /// The body is not UTF-8.
    #[error("body is not utf-8")]
    Utf8(#[from] Utf8Error),
    /// The body is no bounded XML.
    #[error("body is no acceptable xml")]
    Xml(#[from] XmlError),
    /// The XML is no SOAP envelope.
    #[error("body is no soap envelope")]
    NotAnEnvelope,
    /// Something the envelope must have is missing or unreadable.
    #[error("{what} is missing or unreadable")]
    Unfit {
        /// What it is.
        what: &'static str,
    },
    /// An envelope holds too many of something.
    #[error("envelope holds more than {max} {what}")]
    TooMany {
        /// What it is.
        what: &'static str,
        /// The limit.
        max: usize,
    },
    /// The answer does not say that it answers the request at hand.
    #[error("answer relates to another message than {expected}")]
    Unrelated {
        /// The message that was to be answered.
        expected: Uuid,
        /// The message that the answer names.
        found: Option<Uuid>,
    },
    /// Stream data is not base64.
    #[error("stream data is not base64")]
    Base64(#[from] base64::DecodeError),
}

/// One piece of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream<'a> {
    /// `stdout`, `stdin` or `pr` ([MS-PSRP] 3.1.5.3.1).
    pub name: String,
    /// The command it belongs to; `None` for the shell.
    pub command: Option<Uuid>,
    /// Whether nothing follows on this stream.
    pub is_end: bool,
    /// The data in base64.
    pub base64: Cow<'a, str>,
}

impl Stream<'_> {
    /// Appends the data.
    pub fn decode_into(&self, out: &mut Vec<u8>) -> Result<(), EnvelopeError> {
        decode_base64(&self.base64, out)
    }
}

/// Appends the bytes of a base64 text; white space inside is passed over (XML Schema, part 2,
/// `base64Binary`). After an error nothing is appended.
pub fn decode_base64(text: &str, out: &mut Vec<u8>) -> Result<(), EnvelopeError> {
    let length = out.len();
    if STANDARD.decode_vec(text, out).is_ok() {
        return Ok(());
    }
    out.truncate(length);
    let dense: String = text.split_ascii_whitespace().collect();
    STANDARD.decode_vec(dense, out).map_err(|error| {
        out.truncate(length);
        EnvelopeError::Base64(error)
    })
}

#[cfg(test)]
mod tests;
