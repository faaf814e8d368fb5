//! Owns the XML of the web services: a request read into a small tree, and text made fit for an answer.
//!
//! Invariant: a document type, a processing instruction, an entity that XML itself does not define, or more
//! of anything than the limits below ends the reading; nothing is ever expanded. SOAP 1.1, 3 forbids the
//! first two in a message.

use quick_xml::NsReader;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::ResolveResult;
use thiserror::Error;

/// How many elements may be open at once.
const DEPTH_MAX: usize = 32;
/// How many elements a document may have.
const ELEMENTS_MAX: usize = 20_000;
/// How many attributes an element may have.
const ATTRIBUTES_MAX: usize = 16;

/// An element, with everything in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    /// The namespace; empty where there is none.
    pub namespace: String,
    /// The local name.
    pub name: String,
    /// Attributes by local name.
    pub attributes: Vec<(String, String)>,
    /// The text between its tags, without that of its children.
    pub text: String,
    /// The elements in it.
    pub children: Vec<Element>,
}

/// Why a request is no XML that is read here.
#[derive(Debug, Error)]
pub enum XmlError {
    /// It is not UTF-8.
    #[error("request is not UTF-8")]
    Encoding(#[from] std::str::Utf8Error),
    /// It is not well-formed.
    #[error("xml is malformed at byte {offset}")]
    Malformed {
        /// Where.
        offset: u64,
        /// What is wrong.
        #[source]
        source: quick_xml::Error,
    },
    /// It ends early, has more than one root, or text beside it.
    #[error("xml is no single, whole element")]
    Shape,
    /// A prefix stands for nothing.
    #[error("prefix {0:?} is not declared")]
    Prefix(String),
    /// It holds what no message may.
    #[error("{0} is refused")]
    Refused(&'static str),
    /// It is larger than anything sensible.
    #[error("xml has more than {most} {what}")]
    TooMany {
        /// The limit.
        most: usize,
        /// Of what.
        what: &'static str,
    },
}

impl Element {
    /// Reads a document.
    pub fn parse(bytes: &[u8]) -> Result<Self, XmlError> {
        let text = std::str::from_utf8(bytes)?.trim_start_matches('\u{feff}');
        Tree::new(text).read()
    }

    /// The first child of this name, whatever its namespace.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// Follows a path of names.
    pub fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |element, name| element.child(name))
    }

    /// The trimmed text at the end of a path; `None` where the path ends early or the text is empty.
    pub fn text_at(&self, path: &[&str]) -> Option<&str> {
        self.at(path).map(|element| element.text.trim()).filter(|text| !text.is_empty())
    }

    /// An attribute.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Every element of this name, at any depth.
    pub fn all<'a>(&'a self, name: &str) -> Vec<&'a Self> {
        let mut found = Vec::new();
        let mut open = vec![self];
        while let Some(element) = open.pop() {
            if element.name == name {
                found.push(element);
            }
            open.extend(element.children.iter().rev());
        }
        found
    }
}

/// A document being read.
struct Tree<'a> {
    reader: NsReader<&'a [u8]>,
    open: Vec<Element>,
    root: Option<Element>,
    elements: usize,
}

impl<'a> Tree<'a> {
    fn new(text: &'a str) -> Self {
        let mut reader = NsReader::from_str(text);
        reader.config_mut().expand_empty_elements = true;
        Self { reader, open: Vec::new(), root: None, elements: 0 }
    }

    fn read(mut self) -> Result<Element, XmlError> {
        loop {
            let offset = self.reader.buffer_position();
            let malformed = |source| XmlError::Malformed { offset, source };
            let (space, event) = self.reader.read_resolved_event().map_err(malformed)?;
            let space = match (&event, space) {
                (Event::Start(_), ResolveResult::Bound(space)) => space.0.to_owned(),
                (Event::Start(_), ResolveResult::Unknown(prefix)) => {
                    return Err(XmlError::Prefix(prefix));
                }
                _ => String::new(),
            };
            match event {
                Event::Start(tag) => self.enter(space, &tag, offset)?,
                Event::End(_) => self.leave()?,
                Event::Text(text) => self.text(&text.into_inner())?,
                Event::CData(text) => self.text(&text.into_inner())?,
                Event::GeneralRef(reference) => {
                    let character = resolve(&reference, offset)?;
                    self.text(character.encode_utf8(&mut [0; 4]))?;
                }
                Event::Comment(_) | Event::Decl(_) | Event::Empty(_) => {}
                Event::DocType(_) => return Err(XmlError::Refused("a document type")),
                Event::PI(_) => return Err(XmlError::Refused("a processing instruction")),
                Event::Eof if self.open.is_empty() => return self.root.ok_or(XmlError::Shape),
                Event::Eof => return Err(XmlError::Shape),
            }
        }
    }

    fn enter(
        &mut self,
        namespace: String,
        tag: &BytesStart<'_>,
        offset: u64,
    ) -> Result<(), XmlError> {
        self.elements += 1;
        if self.elements > ELEMENTS_MAX {
            return Err(XmlError::TooMany { most: ELEMENTS_MAX, what: "elements" });
        }
        if self.open.len() >= DEPTH_MAX {
            return Err(XmlError::TooMany { most: DEPTH_MAX, what: "elements in each other" });
        }
        let mut attributes = Vec::new();
        for attribute in tag.attributes() {
            let malformed = |source: quick_xml::Error| XmlError::Malformed { offset, source };
            let attribute = attribute.map_err(|error| malformed(error.into()))?;
            if attributes.len() >= ATTRIBUTES_MAX {
                return Err(XmlError::TooMany { most: ATTRIBUTES_MAX, what: "attributes" });
            }
            let value = quick_xml::escape::unescape(&attribute.value)
                .map_err(|error| malformed(error.into()))?;
            let name = attribute.key.local_name().as_ref().to_owned();
            attributes.push((name, value.into_owned()));
        }
        let name = tag.local_name().as_ref().to_owned();
        self.open.push(Element { namespace, name, attributes, ..Element::default() });
        Ok(())
    }

    fn leave(&mut self) -> Result<(), XmlError> {
        let element = self.open.pop().ok_or(XmlError::Shape)?;
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None if self.root.is_none() => self.root = Some(element),
            None => return Err(XmlError::Shape),
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), XmlError> {
        match self.open.last_mut() {
            Some(element) => element.text.push_str(text),
            None if text.trim().is_empty() => {}
            None => return Err(XmlError::Shape),
        }
        Ok(())
    }
}

fn resolve(reference: &BytesRef<'_>, offset: u64) -> Result<char, XmlError> {
    match reference.resolve_char_ref() {
        Ok(Some(character)) => return Ok(character),
        Ok(None) => {}
        Err(source) => return Err(XmlError::Malformed { offset, source }),
    }
    match &**reference {
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "amp" => Ok('&'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        _ => Err(XmlError::Refused("an entity of its own")),
    }
}

/// Makes a text fit for an element or an attribute; what XML 1.0 cannot hold at all becomes U+FFFD.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#13;"),
            '\t' | '\n' => out.push(character),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ if character < ' ' => out.push('\u{fffd}'),
            _ => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_read_whatever_its_prefixes() {
        let text = r#"<?xml version="1.0"?><s:A xmlns:s="urn:a" xmlns="urn:b"><B i="1&amp;2">
            x &lt;&#x41;<![CDATA[<y>]]></B><!-- no --><s:C/></s:A>"#;
        let root = Element::parse(text.as_bytes()).unwrap();
        assert_eq!((root.namespace.as_str(), root.name.as_str()), ("urn:a", "A"));
        let b = root.child("B").unwrap();
        assert_eq!((b.namespace.as_str(), b.attribute("i")), ("urn:b", Some("1&2")));
        assert_eq!(root.text_at(&["B"]), Some("x <A<y>"));
        assert_eq!((root.text_at(&["C"]), root.all("C").len()), (None, 1));
    }

    #[test]
    fn what_no_message_may_hold_is_refused() {
        let deep = format!("{}{}", "<a>".repeat(33), "</a>".repeat(33));
        let wide = format!("<a>{}</a>", "<b/>".repeat(ELEMENTS_MAX));
        let attributes: String = (0..17).map(|number| format!(" a{number}=\"\"")).collect();
        for bad in [
            "<!DOCTYPE a [<!ENTITY e \"x\">]><a>&e;</a>",
            "<a>&e;</a>",
            "<?php ?><a/>",
            "<a/><b/>",
            "<a>",
            "<a></b>",
            "text",
            "",
            "<p:a/>",
            &deep,
            &wide,
            &format!("<a{attributes}/>"),
        ] {
            let start: String = bad.chars().take(40).collect();
            assert!(Element::parse(bad.as_bytes()).is_err(), "{start}");
        }
        assert!(Element::parse(b"<a>\xff</a>").is_err());
    }

    #[test]
    fn an_escaped_text_is_read_back() {
        let text = "a<b>&\"c\"\r\n\t\u{1F600}";
        let read = Element::parse(format!("<a>{}</a>", escaped(text)).as_bytes()).unwrap();
        assert_eq!(read.text, text);
        assert_eq!(escaped("a\u{0}b"), "a\u{fffd}b");
    }
}
