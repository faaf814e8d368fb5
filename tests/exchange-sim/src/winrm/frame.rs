//! Owns how sealed bodies travel over HTTP ([MS-WSMV] 2.2.9.1): a multipart body of two parts, one that says
//! what is inside and one that holds it.
//!
//! Invariant: what is opened has exactly the shape that the document prescribes and names the mechanism
//! that the connection signed in with; a client that is sloppier than that is not Exchange's.

use http::HeaderValue;

use crate::sign_in::Scheme;
use crate::sign_in::sealing::Sealed;

/// What is inside.
const INSIDE: &str = "application/soap+xml;charset=UTF-8";
/// What divides the parts.
const BOUNDARY: &str = "--Encrypted Boundary";
/// The same as Exchange's own front end writes it in answers, as pypsrp's source notes; which versions do
/// is unverified.
const BOUNDARY_SPACED: &str = "-- Encrypted Boundary";
/// The longest head of a message; Kerberos with AES has 60 bytes.
const HEADER_BYTES_MAX: usize = 512;

/// The parts of a sealed message, and how long it says to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame<'b> {
    pub(super) header: &'b [u8],
    pub(super) bytes: &'b [u8],
    pub(super) length: usize,
}

/// Whether a request says that it is sealed.
pub(super) fn is_sealed(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("multipart/encrypted")
}

/// The value of `Content-Type` for what this scheme seals.
pub(super) fn content_type(scheme: Scheme) -> HeaderValue {
    match scheme {
        Scheme::Kerberos => HeaderValue::from_static(
            "multipart/encrypted;protocol=\"application/HTTP-Kerberos-session-encrypted\";\
             boundary=\"Encrypted Boundary\"",
        ),
        Scheme::Negotiate | Scheme::Ntlm => HeaderValue::from_static(
            "multipart/encrypted;protocol=\"application/HTTP-SPNEGO-session-encrypted\";\
             boundary=\"Encrypted Boundary\"",
        ),
    }
}

/// The word for a scheme ([MS-WSMV] 2.2.9.1.1.1 and 2.2.9.1.2.1).
fn word(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Kerberos => "application/HTTP-Kerberos-session-encrypted",
        Scheme::Negotiate | Scheme::Ntlm => "application/HTTP-SPNEGO-session-encrypted",
    }
}

/// Finds the parts of a request's body; `None` when it has not their shape.
pub(super) fn open<'b>(scheme: Scheme, content_type: &str, body: &'b [u8]) -> Option<Frame<'b>> {
    let (mut protocol, mut boundary) = (None, None);
    for parameter in content_type.split(';').skip(1) {
        let (name, value) = parameter.split_once('=')?;
        let value = value.trim().trim_matches('"');
        match name.trim().to_ascii_lowercase().as_str() {
            "protocol" => protocol = Some(value),
            "boundary" => boundary = Some(value),
            _ => {}
        }
    }
    if protocol != Some(word(scheme)) || boundary != BOUNDARY.strip_prefix("--") {
        return None;
    }
    let head = format!(
        "{BOUNDARY}\r\n\tContent-Type: {}\r\n\tOriginalContent: type={INSIDE};Length=",
        word(scheme)
    );
    let rest = body.strip_prefix(head.as_bytes())?;
    let end = rest.iter().position(|byte| *byte == b'\r')?;
    let (length, rest) = rest.split_at_checked(end)?;
    let length = std::str::from_utf8(length).ok()?.parse().ok()?;
    let middle = format!("\r\n{BOUNDARY}\r\n\tContent-Type: application/octet-stream\r\n");
    let rest = rest.strip_prefix(middle.as_bytes())?;
    let rest = rest.strip_suffix(format!("{BOUNDARY}--\r\n").as_bytes())?;
    let (header_length, rest) = rest.split_first_chunk::<4>()?;
    let header_length = usize::try_from(u32::from_le_bytes(*header_length)).ok()?;
    if header_length > HEADER_BYTES_MAX {
        return None;
    }
    let (header, bytes) = rest.split_at_checked(header_length)?;
    Some(Frame { header, bytes, length })
}

/// Puts the parts around a sealed answer.
pub(super) fn close(scheme: Scheme, is_spaced: bool, length: usize, sealed: &Sealed) -> Vec<u8> {
    let boundary = if is_spaced { BOUNDARY_SPACED } else { BOUNDARY };
    let head = format!(
        "{boundary}\r\n\tContent-Type: {}\r\n\tOriginalContent: type={INSIDE};Length={length}\r\n\
         {boundary}\r\n\tContent-Type: application/octet-stream\r\n",
        word(scheme)
    );
    let header_length = u32::try_from(sealed.header.len()).unwrap_or_default().to_le_bytes();
    let tail = format!("{boundary}--\r\n");
    [head.as_bytes(), &header_length, &sealed.header, &sealed.bytes, tail.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(scheme: Scheme) -> Vec<u8> {
        close(scheme, false, 3, &Sealed { header: b"HD".to_vec(), bytes: b"xyz".to_vec() })
    }

    #[test]
    fn what_is_closed_opens() {
        for scheme in [Scheme::Negotiate, Scheme::Ntlm, Scheme::Kerberos] {
            let kind = content_type(scheme);
            let kind = kind.to_str().unwrap();
            assert!(is_sealed(kind));
            let frame = Frame { header: b"HD", bytes: b"xyz", length: 3 };
            assert_eq!(open(scheme, kind, &sample(scheme)), Some(frame));
        }
    }

    #[test]
    fn another_mechanism_or_a_broken_frame_is_refused() {
        let (spnego, kerberos) = (content_type(Scheme::Ntlm), content_type(Scheme::Kerberos));
        let (spnego, kerberos) = (spnego.to_str().unwrap(), kerberos.to_str().unwrap());
        let whole = sample(Scheme::Negotiate);
        assert_eq!(open(Scheme::Negotiate, kerberos, &sample(Scheme::Kerberos)), None);
        assert_eq!(open(Scheme::Kerberos, kerberos, &whole), None);
        for length in 0..whole.len() {
            assert_eq!(open(Scheme::Negotiate, spnego, &whole[..length]), None, "cut at {length}");
        }
        let spaced = close(Scheme::Ntlm, true, 0, &Sealed { header: vec![], bytes: vec![] });
        assert_eq!(open(Scheme::Ntlm, spnego, &spaced), None);
        assert!(!is_sealed("application/soap+xml;charset=UTF-8"));
    }
}
