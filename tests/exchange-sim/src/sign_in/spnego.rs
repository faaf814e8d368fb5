//! Owns SPNEGO's wrapping of tokens as an acceptor sees it ([RFC 4178] 4.2, [MS-SPNG] 2.2): which mechanisms
//! a client offers, its token, and the answer around ours.
//!
//! Invariant: the list of mechanisms is kept as the bytes that came, since its signature covers those.

/// `1.3.6.1.4.1.311.2.2.10`, without tag and length, and so the others.
const NTLM: &[u8] = &[0x2b, 6, 1, 4, 1, 0x82, 0x37, 2, 2, 0x0a];
/// `1.2.840.113554.1.2.2`
const KERBEROS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 1, 2, 2];
/// `1.2.840.48018.1.2.2`, as Windows offers Kerberos first.
const KERBEROS_MICROSOFT: &[u8] = &[0x2a, 0x86, 0x48, 0x82, 0xf7, 0x12, 1, 2, 2];
/// `1.3.6.1.5.5.2`
const SPNEGO: &[u8] = &[0x2b, 6, 1, 5, 5, 2];

const SEQUENCE: u8 = 0x30;
const OBJECT_ID: u8 = 0x06;
const OCTETS: u8 = 0x04;
const ENUMERATED: u8 = 0x0a;
/// `[APPLICATION 0]`, the frame of a first token ([RFC 2743] 3.1).
const FRAME: u8 = 0x60;
/// The longest list of mechanisms that is read.
const MECHANISMS_MAX: usize = 16;

/// A mechanism below SPNEGO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mechanism {
    Ntlm,
    Kerberos,
}

/// What a token is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Token<'t> {
    /// A token of a mechanism itself.
    Raw(Mechanism, &'t [u8]),
    /// SPNEGO's first one.
    Init(Init<'t>),
    /// A later one.
    Response(Response<'t>),
}

/// A NegTokenInit.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Init<'t> {
    /// The mechanisms that are known, each with the identifier it was offered by; the client's favourite
    /// first.
    pub(super) offered: Vec<Offered<'t>>,
    /// The list as it came.
    pub(super) list: &'t [u8],
    /// The token for the favourite.
    pub(super) token: Option<&'t [u8]>,
}

/// A mechanism on offer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Offered<'t> {
    pub(super) mechanism: Mechanism,
    pub(super) id: &'t [u8],
    /// Whether the client's token is for this one.
    pub(super) is_favourite: bool,
}

/// A NegTokenResp of a client.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Response<'t> {
    pub(super) token: Option<&'t [u8]>,
    pub(super) signature: Option<&'t [u8]>,
}

/// The state in an answer ([RFC 4178] 4.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Completed = 0,
    Incomplete = 1,
    /// The mechanism is not the client's favourite, so that the list has to be signed.
    IncompleteToSign = 3,
}

/// Reads a token.
pub(super) fn read(token: &[u8]) -> Option<Token<'_>> {
    if token.starts_with(b"NTLMSSP\0") {
        return Some(Token::Raw(Mechanism::Ntlm, token));
    }
    let (tag, content, _) = part(token)?;
    match tag {
        FRAME => {
            let (OBJECT_ID, id, rest) = part(content)? else { return None };
            match id {
                SPNEGO => init(rest).map(Token::Init),
                KERBEROS | KERBEROS_MICROSOFT => Some(Token::Raw(Mechanism::Kerberos, token)),
                _ => None,
            }
        }
        0xa1 => response(content).map(Token::Response),
        _ => None,
    }
}

/// An answer around a mechanism's token.
pub(super) fn answer(
    state: State,
    chosen: Option<&[u8]>,
    token: Option<&[u8]>,
    signature: Option<&[u8]>,
) -> Vec<u8> {
    let mut content = tagged(0xa0, &tagged(ENUMERATED, &[state as u8]));
    let parts = [(0xa1, OBJECT_ID, chosen), (0xa2, OCTETS, token), (0xa3, OCTETS, signature)];
    for (outer, inner, part) in parts {
        if let Some(part) = part {
            content.extend(tagged(outer, &tagged(inner, part)));
        }
    }
    tagged(0xa1, &tagged(SEQUENCE, &content))
}

fn init(rest: &[u8]) -> Option<Init<'_>> {
    let (0xa0, content, _) = part(rest)? else { return None };
    let (SEQUENCE, mut content, _) = part(content)? else { return None };
    let mut read = Init { offered: Vec::new(), list: &[], token: None };
    while !content.is_empty() {
        let (tag, inner, after) = part(content)?;
        match tag {
            0xa0 => {
                read.list = inner;
                read.offered = offered(inner)?;
            }
            0xa2 => read.token = Some(octets(inner)?),
            _ => {}
        }
        content = after;
    }
    Some(read)
}

fn offered(list: &[u8]) -> Option<Vec<Offered<'_>>> {
    let (SEQUENCE, mut list, _) = part(list)? else { return None };
    let mut offered = Vec::new();
    for place in 0..MECHANISMS_MAX {
        if list.is_empty() {
            break;
        }
        let (OBJECT_ID, id, after) = part(list)? else { return None };
        let mechanism = match id {
            NTLM => Some(Mechanism::Ntlm),
            KERBEROS | KERBEROS_MICROSOFT => Some(Mechanism::Kerberos),
            _ => None,
        };
        let is_favourite = place == 0;
        offered.extend(mechanism.map(|mechanism| Offered { mechanism, id, is_favourite }));
        list = after;
    }
    Some(offered)
}

fn response(content: &[u8]) -> Option<Response<'_>> {
    let (SEQUENCE, mut content, _) = part(content)? else { return None };
    let mut read = Response::default();
    while !content.is_empty() {
        let (tag, inner, after) = part(content)?;
        match tag {
            0xa2 => read.token = Some(octets(inner)?),
            0xa3 => read.signature = Some(octets(inner)?),
            _ => {}
        }
        content = after;
    }
    Some(read)
}

fn octets(bytes: &[u8]) -> Option<&[u8]> {
    let (OCTETS, content, _) = part(bytes)? else { return None };
    Some(content)
}

/// Tag, content, and what follows, in DER.
fn part(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let [tag, first, rest @ ..] = bytes else { return None };
    let (length, rest) = match (*first, rest) {
        (short @ 0..=0x7f, rest) => (usize::from(short), rest),
        (0x81, [a, rest @ ..]) => (usize::from(*a), rest),
        (0x82, [a, b, rest @ ..]) => (usize::from(u16::from_be_bytes([*a, *b])), rest),
        (0x83, [a, b, c, rest @ ..]) => {
            (usize::try_from(u32::from_be_bytes([0, *a, *b, *c])).ok()?, rest)
        }
        _ => return None,
    };
    let (content, after) = rest.split_at_checked(length)?;
    Some((*tag, content, after))
}

fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let [.., high, low] = length.to_be_bytes();
    let mut bytes = vec![tag];
    match length {
        0..=0x7f => bytes.push(low),
        0x80..=0xff => bytes.extend([0x81, low]),
        // No token of ours is longer: those that come in are bounded, and the answers are short.
        _ => bytes.extend([0x82, high, low]),
    }
    bytes.extend(content);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_token_offers_its_mechanisms_in_order() {
        let mut list = tagged(OBJECT_ID, KERBEROS_MICROSOFT);
        list.extend(tagged(OBJECT_ID, &[0x2b, 6, 1, 4, 1, 0x82, 0x37, 2, 2, 0x1e]));
        list.extend(tagged(OBJECT_ID, NTLM));
        let list = tagged(SEQUENCE, &list);
        let token = vec![7; 300];
        let mut content = tagged(0xa0, &list);
        content.extend(tagged(0xa2, &tagged(OCTETS, &token)));
        let mut framed = tagged(OBJECT_ID, SPNEGO);
        framed.extend(tagged(0xa0, &tagged(SEQUENCE, &content)));
        let framed = tagged(FRAME, &framed);

        let Some(Token::Init(read)) = read(&framed) else { panic!("no first token") };
        assert_eq!(read.list, list);
        assert_eq!(read.token, Some(token.as_slice()));
        let offered = |mechanism, id, is_favourite| Offered { mechanism, id, is_favourite };
        assert_eq!(
            read.offered,
            [
                offered(Mechanism::Kerberos, KERBEROS_MICROSOFT, true),
                offered(Mechanism::Ntlm, NTLM, false)
            ]
        );
        for length in 0..framed.len() {
            assert_eq!(super::read(&framed[..length]), None, "cut at {length}");
        }
    }

    #[test]
    fn an_answer_reads_back() {
        let written = answer(State::IncompleteToSign, Some(NTLM), Some(b"token"), Some(b"mic"));
        let read = read(&written);
        let wanted = Response { token: Some(b"token"), signature: Some(b"mic") };
        assert_eq!(read, Some(Token::Response(wanted)));
    }

    #[test]
    fn what_is_neither_is_refused() {
        assert_eq!(read(b""), None);
        assert_eq!(read(b"\x60\x84\xff\xff\xff\xff"), None);
        assert_eq!(read(b"\x30\x03\x02\x01\x05"), None);
        assert_eq!(read(b"NTLMSSP\0"), Some(Token::Raw(Mechanism::Ntlm, b"NTLMSSP\0")));
    }
}
