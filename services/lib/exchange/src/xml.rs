//! Owns the bounded XML token stream under `clixml` and `wsman`.
//! Invariant: a document type, a processing instruction, an unknown entity, more than
//! [`DEPTH_MAX`] open elements, more than [`ATTRIBUTES_MAX`] attributes or a text above the
//! caller's limit ends the stream with its own error; nothing is ever expanded. Of what is
//! skipped only the balance of tags and these limits are checked. SOAP 1.2 (part 1, 5) has no
//! document type either, and the five entities are those of XML 1.0, 4.6.

use std::borrow::Cow;

use memchr::{memchr, memchr3};
use quick_xml::{
    Reader,
    events::{BytesRef, BytesStart, Event},
};

/// How many elements may be open at once.
pub const DEPTH_MAX: usize = 64;

/// How many attributes one element may have.
pub const ATTRIBUTES_MAX: usize = 64;

/// How many bytes the text of one value may have.
pub const TEXT_BYTES_MAX: usize = 1 << 20;

/// The shortest attribute, ` a=""`, is five bytes: shorter attribute text needs no count.
const ATTRIBUTES_BYTES_UNCOUNTED: usize = 5 * ATTRIBUTES_MAX;

/// Why a text is not the bounded XML this crate reads.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum XmlError {
    /// The text is not well-formed.
    #[error("xml is malformed at byte {offset}")]
    Malformed {
        /// Where the reader stood.
        offset: usize,
        /// What it met.
        #[source]
        source: quick_xml::Error,
    },
    /// The text ends inside an element, or holds none.
    #[error("xml ends early")]
    Truncated,
    /// A `DOCTYPE` was met.
    #[error("document type declarations are refused")]
    DocumentType,
    /// A processing instruction was met.
    #[error("processing instructions are refused")]
    ProcessingInstruction,
    /// Too many elements are open.
    #[error("xml is nested deeper than {DEPTH_MAX} elements")]
    TooDeep,
    /// One element has too many attributes.
    #[error("an element has more than {ATTRIBUTES_MAX} attributes")]
    TooManyAttributes,
    /// One text is too long.
    #[error("a text is longer than {max} bytes")]
    TextTooLong {
        /// The limit.
        max: usize,
    },
    /// An entity other than the five of XML itself was met.
    #[error("entity {0:?} is not predefined")]
    UnknownEntity(String),
    /// An element stands where only text may.
    #[error("element {0:?} stands where only text may")]
    UnexpectedElement(String),
}

/// One step through the document. An empty element yields `Open` and `Close`.
#[derive(Debug)]
pub(crate) enum Token<'a> {
    Open(BytesStart<'a>),
    Close,
    Text(Cow<'a, str>),
    Char(char),
    End,
}

/// Steps through one document.
#[derive(Debug)]
pub(crate) struct Scanner<'a> {
    xml: &'a str,
    reader: Reader<&'a [u8]>,
    depth: usize,
    text_bytes_max: usize,
    token_start: usize,
}

impl<'a> Scanner<'a> {
    /// Reads `xml`, refusing texts longer than [`TEXT_BYTES_MAX`].
    pub(crate) fn new(xml: &'a str) -> Self {
        Self::with_text_max(xml, TEXT_BYTES_MAX)
    }

    /// Reads `xml` with another limit on the length of one text.
    pub(crate) fn with_text_max(xml: &'a str, text_bytes_max: usize) -> Self {
        let mut reader = Reader::from_str(xml);
        reader.config_mut().expand_empty_elements = true;
        Self { xml, reader, depth: 0, text_bytes_max, token_start: 0 }
    }

    /// The next token; comments and the XML declaration are passed over.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Token<'a>, XmlError> {
        loop {
            self.token_start = self.position();
            return match self.event()? {
                Event::Start(tag) | Event::Empty(tag) => {
                    self.enter(&tag)?;
                    Ok(Token::Open(tag))
                }
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    Ok(Token::Close)
                }
                Event::Text(text) => self.checked(text.into_inner()),
                Event::CData(text) => self.checked(text.into_inner()),
                Event::GeneralRef(reference) => self.resolve(&reference).map(Token::Char),
                Event::Comment(_) | Event::Decl(_) => continue,
                Event::DocType(_) => Err(XmlError::DocumentType),
                Event::PI(_) => Err(XmlError::ProcessingInstruction),
                Event::Eof if self.depth > 0 => Err(XmlError::Truncated),
                Event::Eof => Ok(Token::End),
            };
        }
    }

    /// The next element to open, or `None` when the open one closes; text between is passed
    /// over. At the top level `None` is the end of the document.
    #[inline]
    pub(crate) fn next_child(&mut self) -> Result<Option<BytesStart<'a>>, XmlError> {
        loop {
            self.token_start = self.position();
            match self.event()? {
                Event::Start(tag) | Event::Empty(tag) => {
                    self.enter(&tag)?;
                    return Ok(Some(tag));
                }
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    return Ok(None);
                }
                Event::Eof if self.depth == 0 => return Ok(None),
                other @ (Event::Text(_)
                | Event::CData(_)
                | Event::GeneralRef(_)
                | Event::Comment(_)
                | Event::Decl(_)
                | Event::PI(_)
                | Event::DocType(_)
                | Event::Eof) => self.pass(&other)?,
            }
        }
    }

    /// As [`Scanner::text`], with a limit of its own.
    pub(crate) fn text_within(&mut self, max: usize) -> Result<Cow<'a, str>, XmlError> {
        let usual = std::mem::replace(&mut self.text_bytes_max, max);
        let text = self.text();
        self.text_bytes_max = usual;
        text
    }

    /// Reads the text of the element just opened, through its end.
    #[inline]
    pub(crate) fn text(&mut self) -> Result<Cow<'a, str>, XmlError> {
        let mut text = match self.next()? {
            Token::Close => return Ok(Cow::Borrowed("")),
            Token::Text(text) => text,
            Token::Char(char) => Cow::Owned(char.to_string()),
            Token::Open(tag) => return Err(unexpected(&tag)),
            Token::End => return Err(XmlError::Truncated),
        };
        loop {
            match self.next()? {
                Token::Close => return Ok(text),
                Token::Text(more) => text.to_mut().push_str(&more),
                Token::Char(char) => text.to_mut().push(char),
                Token::Open(tag) => return Err(unexpected(&tag)),
                Token::End => return Err(XmlError::Truncated),
            }
            if text.len() > self.text_bytes_max {
                return Err(self.too_long());
            }
        }
    }

    /// Passes over the rest of the element just opened, through its end.
    #[inline]
    pub(crate) fn skip(&mut self) -> Result<(), XmlError> {
        let outside = self.depth.saturating_sub(1);
        if !self.is_behind_empty()
            && let Some(end) = find_end(self.reader.get_ref(), self.depth, self.text_bytes_max)
        {
            let rest = self.reader.get_mut();
            *rest = rest.get(end..).unwrap_or_default();
        }
        loop {
            match self.event()? {
                Event::Start(tag) | Event::Empty(tag) => self.enter(&tag)?,
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth <= outside {
                        return Ok(());
                    }
                }
                other @ (Event::Text(_)
                | Event::CData(_)
                | Event::GeneralRef(_)
                | Event::Comment(_)
                | Event::Decl(_)
                | Event::PI(_)
                | Event::DocType(_)
                | Event::Eof) => self.pass(&other)?,
            }
        }
    }

    /// Whether the last tag was an empty element, whose end the reader still owes.
    fn is_behind_empty(&self) -> bool {
        self.xml.as_bytes().get(..self.position()).is_some_and(|read| read.ends_with(b"/>"))
    }

    /// Byte offset behind the last token.
    #[inline]
    pub(crate) fn position(&self) -> usize {
        self.xml.len() - self.reader.get_ref().len()
    }

    /// Byte offset at which the last token began.
    pub(crate) fn token_start(&self) -> usize {
        self.token_start
    }

    #[inline]
    fn event(&mut self) -> Result<Event<'a>, XmlError> {
        match self.reader.read_event() {
            Ok(event) => Ok(event),
            Err(source) => Err(self.malformed(source)),
        }
    }

    #[inline]
    fn enter(&mut self, tag: &BytesStart<'_>) -> Result<(), XmlError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(XmlError::TooDeep);
        }
        if tag.attributes_raw().len() > ATTRIBUTES_BYTES_UNCOUNTED
            && tag.attributes().with_checks(false).nth(ATTRIBUTES_MAX).is_some()
        {
            return Err(XmlError::TooManyAttributes);
        }
        Ok(())
    }

    /// Checks what is passed over as strictly as what is read.
    #[inline]
    fn pass(&self, event: &Event<'a>) -> Result<(), XmlError> {
        match event {
            Event::Text(text) if text.len() > self.text_bytes_max => Err(self.too_long()),
            Event::CData(text) if text.len() > self.text_bytes_max => Err(self.too_long()),
            Event::GeneralRef(reference) => self.resolve(reference).map(drop),
            Event::DocType(_) => Err(XmlError::DocumentType),
            Event::PI(_) => Err(XmlError::ProcessingInstruction),
            Event::Eof => Err(XmlError::Truncated),
            Event::Text(_)
            | Event::CData(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::Start(_)
            | Event::Empty(_)
            | Event::End(_) => Ok(()),
        }
    }

    fn too_long(&self) -> XmlError {
        XmlError::TextTooLong { max: self.text_bytes_max }
    }

    fn checked(&self, text: Cow<'a, str>) -> Result<Token<'a>, XmlError> {
        if text.len() > self.text_bytes_max {
            return Err(self.too_long());
        }
        Ok(Token::Text(text))
    }

    fn resolve(&self, reference: &BytesRef<'a>) -> Result<char, XmlError> {
        match reference.resolve_char_ref() {
            Ok(Some(char)) => return Ok(char),
            Ok(None) => {}
            Err(source) => return Err(self.malformed(source)),
        }
        let char = match &**reference {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "quot" => '"',
            "apos" => '\'',
            unknown => return Err(XmlError::UnknownEntity(unknown.chars().take(64).collect())),
        };
        Ok(char)
    }

    #[cold]
    fn malformed(&self, source: quick_xml::Error) -> XmlError {
        XmlError::Malformed { offset: self.position(), source }
    }
}

/// The offset of the end tag of the element that is open at the start of `rest`, with `depth`
/// elements open. `None` where the plain look does not do: comments, sections, declarations,
/// many attributes, long texts, deep nesting; the reader then decides, event by event.
fn find_end(rest: &[u8], mut depth: usize, text_bytes_max: usize) -> Option<usize> {
    let (outer, mut at) = (depth, 0);
    loop {
        let text = memchr(b'<', rest.get(at..)?)?;
        if text > text_bytes_max {
            return None;
        }
        at += text;
        match rest.get(at + 1)? {
            b'!' | b'?' => return None,
            b'/' if depth == outer => return Some(at),
            b'/' => {
                depth -= 1;
                at += memchr(b'>', rest.get(at..)?)? + 1;
            }
            _ => {
                let tag = tag_bytes(rest.get(at..)?)?;
                if tag > ATTRIBUTES_BYTES_UNCOUNTED {
                    return None;
                }
                at += tag;
                if rest.get(at - 2) != Some(&b'/') {
                    depth += 1;
                    if depth > DEPTH_MAX {
                        return None;
                    }
                }
            }
        }
    }
}

/// The length of a start tag; a `>` inside a quoted attribute does not end it.
fn tag_bytes(tag: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += memchr3(b'>', b'"', b'\'', tag.get(at..)?)? + 1;
        match tag.get(at - 1)? {
            b'>' => return Some(at),
            quote => at += memchr(*quote, tag.get(at..)?)? + 1,
        }
    }
}

fn unexpected(tag: &BytesStart<'_>) -> XmlError {
    XmlError::UnexpectedElement(tag.name().0.chars().take(64).collect())
}

/// The value of an attribute by its local name.
#[inline]
pub(crate) fn attribute<'t>(
    tag: &'t BytesStart<'_>,
    name: &str,
) -> Result<Option<Cow<'t, str>>, XmlError> {
    for attribute in tag.attributes().with_checks(false) {
        let attribute = attribute.map_err(|error| invalid(error.into()))?;
        if attribute.key.local_name().as_ref() != name {
            continue;
        }
        return match attribute.value {
            Cow::Borrowed(value) => quick_xml::escape::unescape(value).map(Some),
            Cow::Owned(value) => quick_xml::escape::unescape(&value)
                .map(|value| Some(Cow::Owned(value.into_owned()))),
        }
        .map_err(|error| invalid(error.into()));
    }
    Ok(None)
}

fn invalid(source: quick_xml::Error) -> XmlError {
    XmlError::Malformed { offset: 0, source }
}

/// Appends `text` with the characters XML reserves replaced; fit for text and attributes.
pub(crate) fn escape_into(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>', '"']) {
        let (plain, tail) = rest.split_at(at);
        out.push_str(plain);
        let mut chars = tail.chars();
        out.push_str(match chars.next() {
            Some('&') => "&amp;",
            Some('<') => "&lt;",
            Some('>') => "&gt;",
            _ => "&quot;",
        });
        rest = chars.as_str();
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests;
