//! Owns the bounded XML token stream under `clixml` and `wsman`.
//! Invariant: a document type, a processing instruction, an unknown entity, more than
//! [`DEPTH_MAX`] open elements, more than [`ATTRIBUTES_MAX`] attributes or a text above the
//! caller's limit ends the stream with its own error; nothing is ever expanded.

use std::borrow::Cow;

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
        offset: u64,
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
        Self { reader, depth: 0, text_bytes_max, token_start: 0 }
    }

    /// The next token; comments and the XML declaration are passed over.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Token<'a>, XmlError> {
        loop {
            self.token_start = self.position();
            let event = match self.reader.read_event() {
                Ok(event) => event,
                Err(source) => return Err(self.malformed(source)),
            };
            return match event {
                Event::Start(tag) | Event::Empty(tag) => {
                    self.depth += 1;
                    if self.depth > DEPTH_MAX {
                        return Err(XmlError::TooDeep);
                    }
                    self.check_attributes(&tag)?;
                    Ok(Token::Open(tag))
                }
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    Ok(Token::Close)
                }
                Event::Text(text) => self.checked(text.into_inner()),
                Event::CData(text) => self.checked(text.into_inner()),
                Event::GeneralRef(reference) => self.resolve(&reference),
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
    pub(crate) fn next_child(&mut self) -> Result<Option<BytesStart<'a>>, XmlError> {
        loop {
            match self.next()? {
                Token::Open(tag) => return Ok(Some(tag)),
                Token::Close | Token::End => return Ok(None),
                Token::Text(_) | Token::Char(_) => {}
            }
        }
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
                return Err(XmlError::TextTooLong { max: self.text_bytes_max });
            }
        }
    }

    /// Passes over the rest of the element just opened, through its end.
    #[inline]
    pub(crate) fn skip(&mut self) -> Result<(), XmlError> {
        let outside = self.depth.saturating_sub(1);
        while self.depth > outside {
            if let Token::End = self.next()? {
                return Err(XmlError::Truncated);
            }
        }
        Ok(())
    }

    /// Byte offset behind the last token.
    pub(crate) fn position(&self) -> usize {
        // The document is in memory, so its offsets fit.
        usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX)
    }

    /// Byte offset at which the last token began.
    pub(crate) fn token_start(&self) -> usize {
        self.token_start
    }

    fn check_attributes(&self, tag: &BytesStart<'_>) -> Result<(), XmlError> {
        if tag.attributes_raw().len() <= ATTRIBUTES_BYTES_UNCOUNTED {
            return Ok(());
        }
        match tag.attributes().with_checks(false).nth(ATTRIBUTES_MAX) {
            None => Ok(()),
            Some(_) => Err(XmlError::TooManyAttributes),
        }
    }

    fn checked(&self, text: Cow<'a, str>) -> Result<Token<'a>, XmlError> {
        if text.len() > self.text_bytes_max {
            return Err(XmlError::TextTooLong { max: self.text_bytes_max });
        }
        Ok(Token::Text(text))
    }

    fn resolve(&self, reference: &BytesRef<'a>) -> Result<Token<'a>, XmlError> {
        match reference.resolve_char_ref() {
            Ok(Some(char)) => return Ok(Token::Char(char)),
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
        Ok(Token::Char(char))
    }

    fn malformed(&self, source: quick_xml::Error) -> XmlError {
        XmlError::Malformed { offset: self.reader.error_position(), source }
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
