//! Owns what requests and answers have in common: opening an envelope and stepping through
//! one (SOAP 1.2, part 1, 5; the headers in [MS-WSMV] 2.2).
//! Invariant: every value from outside is escaped on its way into an envelope.

use std::{borrow::Cow, fmt::Write};

use quick_xml::events::BytesStart;
use uuid::Uuid;

use super::{
    BODY_BYTES_MAX, EnvelopeError, FAULT_TEXT_BYTES_MAX, STREAMS_MAX, Stream, VALUE_BYTES_MAX, uris,
};
use crate::xml::{self, Scanner, Token, XmlError};

/// Starts an envelope and its header.
pub(super) fn open(out: &mut String) {
    _ = write!(
        out,
        "<s:Envelope xmlns:s=\"{}\" xmlns:a=\"{}\" xmlns:w=\"{}\" xmlns:p=\"{}\" \
         xmlns:rsp=\"{}\"><s:Header>",
        uris::SOAP,
        uris::ADDRESSING,
        uris::WSMAN,
        uris::WSMAN_MICROSOFT,
        uris::SHELL
    );
}

/// Appends an element with a text; `tag` may hold attributes.
pub(super) fn element(out: &mut String, tag: &str, text: &str) {
    let name = tag.split(' ').next().unwrap_or(tag);
    out.push('<');
    out.push_str(tag);
    out.push('>');
    xml::escape_into(text, out);
    close(out, name);
}

/// Appends an end tag.
pub(super) fn close(out: &mut String, name: &str) {
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

/// An id in capitals, as pypsrp and PowerShell write it.
pub(super) fn id(id: Uuid) -> String {
    id.hyphenated().to_string().to_ascii_uppercase()
}

/// Starts to read a body, up to the content of the envelope.
pub(super) fn scan(body: &[u8]) -> Result<Scanner<'_>, EnvelopeError> {
    if body.len() > BODY_BYTES_MAX {
        return Err(EnvelopeError::TooLarge { bytes: body.len() });
    }
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    let mut scanner = Scanner::with_text_max(std::str::from_utf8(body)?, BODY_BYTES_MAX);
    match scanner.next_child()? {
        Some(tag) if local(&tag) == "Envelope" => Ok(scanner),
        _ => Err(EnvelopeError::NotAnEnvelope),
    }
}

/// The name of an element without its prefix.
pub(super) fn local<'t>(tag: &'t BytesStart<'_>) -> &'t str {
    let name = tag.name().0;
    name.split_once(':').map_or(name, |(_, local)| local)
}

/// Reads all text below the element just opened, through its end: a text of a fault.
pub(super) fn deep_text(scanner: &mut Scanner<'_>) -> Result<String, XmlError> {
    let (mut text, mut depth) = (String::new(), 1usize);
    while depth > 0 {
        if text.len() > FAULT_TEXT_BYTES_MAX {
            return Err(XmlError::TextTooLong { max: FAULT_TEXT_BYTES_MAX });
        }
        match scanner.next()? {
            Token::Open(_) => depth += 1,
            Token::Close => depth -= 1,
            Token::Text(part) => text.push_str(&part),
            Token::Char(part) => text.push(part),
            Token::End => return Err(XmlError::Truncated),
        }
    }
    Ok(text)
}

/// Reads a `Stream` element through its end and adds it to those before it.
pub(super) fn add_stream<'a>(
    scanner: &mut Scanner<'a>,
    tag: &BytesStart<'a>,
    streams: &mut Vec<Stream<'a>>,
) -> Result<(), EnvelopeError> {
    if streams.len() >= STREAMS_MAX {
        return Err(EnvelopeError::TooMany { what: "streams", max: STREAMS_MAX });
    }
    streams.push(stream(scanner, tag)?);
    Ok(())
}

fn stream<'a>(
    scanner: &mut Scanner<'a>,
    tag: &BytesStart<'a>,
) -> Result<Stream<'a>, EnvelopeError> {
    let name = xml::attribute(tag, "Name")?.ok_or(EnvelopeError::Unfit { what: "stream name" })?;
    let end = xml::attribute(tag, "End")?;
    Ok(Stream {
        name: name.into_owned(),
        command: command_id(tag)?,
        is_end: end.is_some_and(|end| end.eq_ignore_ascii_case("true")),
        base64: scanner.text()?,
    })
}

/// The `CommandId` attribute of an element.
pub(super) fn command_id(tag: &BytesStart<'_>) -> Result<Option<Uuid>, EnvelopeError> {
    match xml::attribute(tag, "CommandId")? {
        None => Ok(None),
        Some(id) => parse_id(&id, "command id").map(Some),
    }
}

/// An id with or without the `uuid:` of the examples in [MS-WSMV] 4.
pub(super) fn parse_id(text: &str, what: &'static str) -> Result<Uuid, EnvelopeError> {
    let text = text.trim();
    let bare = text.strip_prefix("uuid:").unwrap_or(text);
    Uuid::try_parse(bare).map_err(|_| EnvelopeError::Unfit { what })
}

/// The text of the element just opened, without white space around it.
pub(super) fn trimmed(scanner: &mut Scanner<'_>) -> Result<String, XmlError> {
    let text: Cow<'_, str> = scanner.text_within(VALUE_BYTES_MAX)?;
    Ok(text.trim().to_owned())
}
