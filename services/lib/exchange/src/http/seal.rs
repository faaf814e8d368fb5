//! Owns how sealed bodies travel over plain http ([MS-WSMV] 2.2.9.1): the frame around them, and that
//! what comes out is the answer to what went in. Whoever meets an error here drops the connection:
//! its order of messages is lost, and a sealed body is never sent twice.

use bytes::{Buf as _, Bytes, BytesMut};
use http::HeaderValue;
use memchr::memmem;

use super::sign_in::{Failure, Mechanism, Scheme, SignInError};

/// The type of what is inside.
const INSIDE: &str = "application/soap+xml;charset=UTF-8";
/// What divides the two parts ([MS-WSMV] 2.2.9.1.1.1); Exchange may put a space inside, as pypsrp's
/// sources note (which versions is unverified).
const BOUNDARIES: [&str; 2] = ["--Encrypted Boundary", "-- Encrypted Boundary"];
/// The protocol words of [MS-WSMV] 2.2.9.1.1.1 and 2.2.9.1.2.1.
const SPNEGO: &str = "application/HTTP-SPNEGO-session-encrypted";
const KERBEROS: &str = "application/HTTP-Kerberos-session-encrypted";
/// Where the frame's own lines have to end.
const FRAME_BYTES_MAX: usize = 1024;
/// The longest header of a message; Kerberos with AES has 60 bytes ([RFC 4121] 4.2.6.2 and what it
/// rotates), NTLM 16 ([MS-NLMP] 2.2.2.9).
const HEADER_BYTES_MAX: usize = 512;
/// Where the address of an answer has to stand.
const ADDRESS_BYTES_MAX: usize = 16 * 1024;

/// The sealed side of one connection.
#[derive(Debug)]
pub(crate) struct Seal {
    mechanism: Mechanism,
    word: &'static str,
}

impl Seal {
    /// Seals with a context that stands, for the scheme it was made under.
    pub(crate) fn new(mechanism: Mechanism, scheme: Scheme) -> Self {
        let word = match scheme {
            Scheme::Kerberos => KERBEROS,
            Scheme::Negotiate | Scheme::Ntlm => SPNEGO,
        };
        Self { mechanism, word }
    }

    /// The value of `Content-Type` for what this seals.
    pub(crate) fn content_type(&self) -> HeaderValue {
        match self.word {
            KERBEROS => HeaderValue::from_static(
                "multipart/encrypted;protocol=\"application/HTTP-Kerberos-session-encrypted\";\
                 boundary=\"Encrypted Boundary\"",
            ),
            _ => HeaderValue::from_static(
                "multipart/encrypted;protocol=\"application/HTTP-SPNEGO-session-encrypted\";\
                 boundary=\"Encrypted Boundary\"",
            ),
        }
    }

    /// Seals one body.
    pub(crate) fn seal(&mut self, plain: &[u8]) -> Result<Bytes, SignInError> {
        let sealed = self.mechanism.seal(plain).map_err(|failure| match failure {
            Failure::Cause(cause) => cause,
            Failure::Library(source) => SignInError::Seal { source },
        })?;
        let padding = sealed.bytes.len().saturating_sub(plain.len());
        Ok(frame(self.word, plain.len() + padding, &sealed.header, &sealed.bytes))
    }

    /// Opens one answer, which has to be the one to `request`.
    pub(crate) fn unseal(
        &mut self,
        content_type: &str,
        mut body: BytesMut,
        request: &[u8],
    ) -> Result<Bytes, SignInError> {
        if !is_sealed(content_type) {
            return Err(SignInError::Unsealed);
        }
        let Frame { header_at, header_length, bytes_length, length } =
            find(&body).ok_or_else(|| tampered("its frame is broken"))?;
        body.advance(header_at);
        let mut header = body.split_to(header_length);
        body.truncate(bytes_length);
        let plain =
            self.mechanism.unseal(&mut header, &mut body).map_err(|failure| match failure {
                Failure::Cause(cause) => cause,
                Failure::Library(source) => {
                    SignInError::Tampered { reason: "its seal is broken", source: Some(source) }
                }
            })?;
        if plain > length {
            return Err(tampered("it is longer than it says"));
        }
        body.truncate(plain);
        if !answers(request, &body) {
            return Err(SignInError::Replayed);
        }
        Ok(body.freeze())
    }
}

/// Whether an answer says that it is sealed.
pub(crate) fn is_sealed(content_type: &str) -> bool {
    let head = content_type.split(';').next().unwrap_or_default();
    head.trim().eq_ignore_ascii_case("multipart/encrypted")
}

fn tampered(reason: &'static str) -> SignInError {
    SignInError::Tampered { reason, source: None }
}

/// Puts the frame around a sealed body ([MS-WSMV] 2.2.9.1.1.2, 2.2.9.1.2.2).
fn frame(word: &str, length: usize, header: &[u8], bytes: &[u8]) -> Bytes {
    let head = format!(
        "--Encrypted Boundary\r\n\tContent-Type: {word}\r\n\
         \tOriginalContent: type={INSIDE};Length={length}\r\n\
         --Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n"
    );
    let tail = b"--Encrypted Boundary--\r\n";
    let prefix = u32::try_from(header.len()).unwrap_or_default().to_le_bytes();
    [head.as_bytes(), &prefix, header, bytes, tail].concat().into()
}

/// Where the pieces of a frame are.
#[derive(Debug, PartialEq, Eq)]
struct Frame {
    /// Where the message's header begins.
    header_at: usize,
    header_length: usize,
    /// How long the sealed bytes behind it are.
    bytes_length: usize,
    /// How long the plain bytes are, as the frame says.
    length: usize,
}

/// Reads a frame; `None` when it is none.
fn find(body: &[u8]) -> Option<Frame> {
    let mut lines = Lines { body, at: 0 };
    let boundary = lines.next()?;
    if !BOUNDARIES.contains(&boundary) {
        return None;
    }
    let (mut length, mut word) = (None, false);
    loop {
        let line = lines.next()?;
        if line == boundary {
            break;
        }
        let (name, value) = line.split_once(':')?;
        let value = value.trim();
        if name.trim().eq_ignore_ascii_case("Content-Type") {
            word = [SPNEGO, KERBEROS].iter().any(|known| value.eq_ignore_ascii_case(known));
        } else if name.trim().eq_ignore_ascii_case("OriginalContent") {
            let said = value.rsplit(';').next()?.trim();
            let (name, number) = said.split_once('=')?;
            if name.eq_ignore_ascii_case("Length") {
                length = number.parse().ok();
            }
        }
    }
    let (name, value) = lines.next()?.split_once(':')?;
    let is_binary = name.trim().eq_ignore_ascii_case("Content-Type")
        && value.trim().eq_ignore_ascii_case("application/octet-stream");
    if !is_binary || !word {
        return None;
    }
    let rest = body.get(lines.at..)?;
    let rest = rest.strip_suffix(b"\r\n").unwrap_or(rest);
    let rest = rest.strip_suffix(b"--")?.strip_suffix(boundary.as_bytes())?;
    let (prefix, rest) = rest.split_first_chunk()?;
    let header_length = usize::try_from(u32::from_le_bytes(*prefix)).ok()?;
    if header_length > HEADER_BYTES_MAX {
        return None;
    }
    let bytes_length = rest.len().checked_sub(header_length)?;
    Some(Frame { header_at: lines.at + prefix.len(), header_length, bytes_length, length: length? })
}

/// The lines of a frame, without what surrounds them.
struct Lines<'b> {
    body: &'b [u8],
    at: usize,
}

impl<'b> Lines<'b> {
    fn next(&mut self) -> Option<&'b str> {
        let room = FRAME_BYTES_MAX.checked_sub(self.at)?;
        let rest = self.body.get(self.at..)?;
        let window = rest.get(..room.min(rest.len()))?;
        let end = memmem::find(window, b"\r\n")?;
        self.at += end + 2;
        std::str::from_utf8(window.get(..end)?).ok().map(str::trim)
    }
}

/// Whether an answer names the request as the one it answers. The library does not look at the order
/// of Kerberos messages, so an answer of the same connection could be played again.
fn answers(request: &[u8], answer: &[u8]) -> bool {
    let answer = answer.get(..ADDRESS_BYTES_MAX).unwrap_or(answer);
    match (id(request, b"MessageID"), id(answer, b"RelatesTo")) {
        (Some(asked), Some(answered)) => asked.eq_ignore_ascii_case(answered),
        (None, _) | (Some(_), None) => false,
    }
}

/// The text of the first element of this name, without `uuid:`.
fn id<'b>(envelope: &'b [u8], name: &[u8]) -> Option<&'b [u8]> {
    let rest = envelope.get(memmem::find(envelope, name)?..)?;
    let text = rest.get(memchr::memchr(b'>', rest)? + 1..)?;
    let text = text.get(..memchr::memchr(b'<', text)?)?.trim_ascii();
    Some(text.strip_prefix(b"urn:").unwrap_or(text).strip_prefix(b"uuid:").unwrap_or(text))
}

#[cfg(test)]
mod tests;
