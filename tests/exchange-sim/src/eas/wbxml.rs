//! Owns the binary XML of ActiveSync, as far as this front speaks it.
//!
//! Source: [MS-ASWBXML] 2.1.2.1 (code pages), WBXML 1.3. Invariant: whatever bytes come, reading ends with
//! a document or an error, within the limits below.

use thiserror::Error;

/// How deep elements may lie in one another.
const DEPTH_MAX: usize = 32;
/// How many elements a document may have.
const ELEMENTS_MAX: usize = 10_000;
/// Version 1.3, unknown public id, UTF-8, no string table.
const HEADER: [u8; 4] = [0x03, 0x01, 0x6A, 0x00];
const SWITCH_PAGE: u8 = 0x00;
const END: u8 = 0x01;
const STR_I: u8 = 0x03;
const OPAQUE: u8 = 0xC3;
const HAS_CONTENT: u8 = 0x40;
const HAS_ATTRIBUTES: u8 = 0x80;

/// An element's name: its code page and its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag(pub u8, pub u8);

/// An element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// Its name.
    pub tag: Tag,
    /// What is in it.
    pub content: Content,
}

/// What is in an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Nothing.
    Empty,
    /// Text.
    Text(String),
    /// Bytes that are no text.
    Opaque(Vec<u8>),
    /// Elements.
    Elements(Vec<Element>),
}

/// Why bytes are no document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WbxmlError {
    /// They end too early.
    #[error("document ends too early")]
    Short,
    /// Something that this protocol does not use.
    #[error("byte {0:#04x} has no meaning here")]
    Unknown(u8),
    /// Text is no UTF-8.
    #[error("text is not UTF-8")]
    Text,
    /// Too deep, or too much.
    #[error("document is too deep or has too many elements")]
    TooMuch,
}

impl Element {
    /// An element with others in it.
    pub fn of(tag: Tag, elements: impl IntoIterator<Item = Self>) -> Self {
        Self { tag, content: Content::Elements(elements.into_iter().collect()) }
    }

    /// An element with text in it.
    pub fn text(tag: Tag, text: impl Into<String>) -> Self {
        Self { tag, content: Content::Text(text.into()) }
    }

    /// An element with nothing in it.
    pub fn empty(tag: Tag) -> Self {
        Self { tag, content: Content::Empty }
    }

    /// The elements in it.
    pub fn elements(&self) -> &[Self] {
        match &self.content {
            Content::Elements(elements) => elements,
            Content::Empty | Content::Text(_) | Content::Opaque(_) => &[],
        }
    }

    /// The first element of this name in it.
    pub fn child(&self, tag: Tag) -> Option<&Self> {
        self.elements().iter().find(|held| held.tag == tag)
    }

    /// The element that a path of names leads to.
    pub fn at(&self, path: &[Tag]) -> Option<&Self> {
        path.iter().try_fold(self, |element, tag| element.child(*tag))
    }

    /// The text in the element that a path of names leads to.
    pub fn text_at(&self, path: &[Tag]) -> Option<&str> {
        match &self.at(path)?.content {
            Content::Text(text) => Some(text),
            Content::Empty => Some(""),
            Content::Opaque(_) | Content::Elements(_) => None,
        }
    }

    /// The document with this root.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = HEADER.to_vec();
        let mut page = 0;
        write(self, &mut page, &mut bytes);
        bytes
    }
}

fn write(element: &Element, page: &mut u8, bytes: &mut Vec<u8>) {
    let Tag(own, token) = element.tag;
    if own != *page {
        bytes.extend([SWITCH_PAGE, own]);
        *page = own;
    }
    match &element.content {
        Content::Empty => {
            bytes.push(token);
            return;
        }
        Content::Text(text) => {
            bytes.extend([token | HAS_CONTENT, STR_I]);
            bytes.extend(text.bytes().filter(|byte| *byte != 0));
            bytes.push(0);
        }
        Content::Opaque(held) => {
            bytes.extend([token | HAS_CONTENT, OPAQUE]);
            write_length(held.len(), bytes);
            bytes.extend(held);
        }
        Content::Elements(elements) => {
            bytes.push(token | HAS_CONTENT);
            for held in elements {
                write(held, page, bytes);
            }
        }
    }
    bytes.push(END);
}

/// A number in groups of seven bits, the highest first.
fn write_length(length: usize, bytes: &mut Vec<u8>) {
    let groups = (1..10).take_while(|group| length >> (7 * group) != 0).count();
    for group in (0..=groups).rev() {
        let more = if group == 0 { 0 } else { 0x80 };
        bytes.push(u8::try_from((length >> (7 * group)) & 0x7F).unwrap_or(0) | more);
    }
}

/// Reads a document.
pub fn decode(bytes: &[u8]) -> Result<Element, WbxmlError> {
    let mut reader = Reader { bytes, page: 0, elements: 0 };
    for _ in 0..3 {
        reader.byte()?;
    }
    let table = reader.length()?;
    reader.take(table)?;
    let first = reader.token()?;
    reader.element(first, 0)
}

struct Reader<'a> {
    bytes: &'a [u8],
    page: u8,
    elements: usize,
}

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Result<u8, WbxmlError> {
        let (first, rest) = self.bytes.split_first().ok_or(WbxmlError::Short)?;
        self.bytes = rest;
        Ok(*first)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], WbxmlError> {
        let (taken, rest) = self.bytes.split_at_checked(length).ok_or(WbxmlError::Short)?;
        self.bytes = rest;
        Ok(taken)
    }

    fn length(&mut self) -> Result<usize, WbxmlError> {
        let mut length = 0_usize;
        for _ in 0..4 {
            let byte = self.byte()?;
            length = (length << 7) | usize::from(byte & 0x7F);
            if byte & 0x80 == 0 {
                return Ok(length);
            }
        }
        Err(WbxmlError::TooMuch)
    }

    fn text(&mut self) -> Result<&'a str, WbxmlError> {
        let end = self.bytes.iter().position(|byte| *byte == 0).ok_or(WbxmlError::Short)?;
        let text = self.take(end)?;
        self.byte()?;
        std::str::from_utf8(text).map_err(|_| WbxmlError::Text)
    }

    /// The next byte that does not switch the page.
    fn token(&mut self) -> Result<u8, WbxmlError> {
        loop {
            match self.byte()? {
                SWITCH_PAGE => self.page = self.byte()?,
                token => return Ok(token),
            }
        }
    }

    fn element(&mut self, token: u8, depth: usize) -> Result<Element, WbxmlError> {
        self.elements += 1;
        if depth > DEPTH_MAX || self.elements > ELEMENTS_MAX {
            return Err(WbxmlError::TooMuch);
        }
        let own = token & !(HAS_CONTENT | HAS_ATTRIBUTES);
        if own < 0x05 || token & HAS_ATTRIBUTES != 0 {
            return Err(WbxmlError::Unknown(token));
        }
        let tag = Tag(self.page, own);
        if token & HAS_CONTENT == 0 {
            return Ok(Element::empty(tag));
        }
        let (mut text, mut opaque, mut elements) = (None, None, Vec::new());
        loop {
            match self.token()? {
                END => break,
                STR_I => text.get_or_insert_with(String::new).push_str(self.text()?),
                OPAQUE => {
                    let length = self.length()?;
                    opaque = Some(self.take(length)?.to_vec());
                }
                token => elements.push(self.element(token, depth + 1)?),
            }
        }
        let content = match (elements.is_empty(), text, opaque) {
            (false, _, _) => Content::Elements(elements),
            (true, Some(text), _) => Content::Text(text),
            (true, None, Some(held)) => Content::Opaque(held),
            (true, None, None) => Content::Empty,
        };
        Ok(Element { tag, content })
    }
}

/// Code page 0: AirSync.
#[expect(missing_docs, reason = "the names are the protocol's")]
pub mod air_sync {
    use super::Tag;
    pub const SYNC: Tag = Tag(0, 0x05);
    pub const ADD: Tag = Tag(0, 0x07);
    pub const SYNC_KEY: Tag = Tag(0, 0x0B);
    pub const SERVER_ID: Tag = Tag(0, 0x0D);
    pub const STATUS: Tag = Tag(0, 0x0E);
    pub const COLLECTION: Tag = Tag(0, 0x0F);
    pub const CLASS: Tag = Tag(0, 0x10);
    pub const COLLECTION_ID: Tag = Tag(0, 0x12);
    pub const MORE_AVAILABLE: Tag = Tag(0, 0x14);
    pub const WINDOW_SIZE: Tag = Tag(0, 0x15);
    pub const COMMANDS: Tag = Tag(0, 0x16);
    pub const COLLECTIONS: Tag = Tag(0, 0x1C);
    pub const APPLICATION_DATA: Tag = Tag(0, 0x1D);
}

/// Code page 2: Email.
#[expect(missing_docs, reason = "the names are the protocol's")]
pub mod email {
    use super::Tag;
    pub const DATE_RECEIVED: Tag = Tag(2, 0x0F);
    pub const DISPLAY_TO: Tag = Tag(2, 0x11);
    pub const IMPORTANCE: Tag = Tag(2, 0x12);
    pub const MESSAGE_CLASS: Tag = Tag(2, 0x13);
    pub const SUBJECT: Tag = Tag(2, 0x14);
    pub const READ: Tag = Tag(2, 0x15);
    pub const TO: Tag = Tag(2, 0x16);
    pub const FROM: Tag = Tag(2, 0x18);
}

/// Code page 7: FolderHierarchy.
#[expect(missing_docs, reason = "the names are the protocol's")]
pub mod folder_hierarchy {
    use super::Tag;
    pub const DISPLAY_NAME: Tag = Tag(7, 0x07);
    pub const SERVER_ID: Tag = Tag(7, 0x08);
    pub const PARENT_ID: Tag = Tag(7, 0x09);
    pub const TYPE: Tag = Tag(7, 0x0A);
    pub const STATUS: Tag = Tag(7, 0x0C);
    pub const CHANGES: Tag = Tag(7, 0x0E);
    pub const ADD: Tag = Tag(7, 0x0F);
    pub const SYNC_KEY: Tag = Tag(7, 0x12);
    pub const FOLDER_SYNC: Tag = Tag(7, 0x16);
    pub const COUNT: Tag = Tag(7, 0x17);
}

/// Code page 13: Ping.
#[expect(missing_docs, reason = "the names are the protocol's")]
pub mod ping {
    use super::Tag;
    pub const PING: Tag = Tag(13, 0x05);
    pub const STATUS: Tag = Tag(13, 0x07);
    pub const HEARTBEAT_INTERVAL: Tag = Tag(13, 0x08);
    pub const FOLDERS: Tag = Tag(13, 0x09);
    pub const FOLDER: Tag = Tag(13, 0x0A);
}

/// Code page 14: Provision.
#[expect(missing_docs, reason = "the names are the protocol's")]
pub mod provision {
    use super::Tag;
    pub const PROVISION: Tag = Tag(14, 0x05);
    pub const POLICIES: Tag = Tag(14, 0x06);
    pub const POLICY: Tag = Tag(14, 0x07);
    pub const POLICY_TYPE: Tag = Tag(14, 0x08);
    pub const POLICY_KEY: Tag = Tag(14, 0x09);
    pub const DATA: Tag = Tag(14, 0x0A);
    pub const STATUS: Tag = Tag(14, 0x0B);
    pub const REMOTE_WIPE: Tag = Tag(14, 0x0C);
    pub const EAS_PROVISION_DOC: Tag = Tag(14, 0x0D);
    pub const DEVICE_PASSWORD_ENABLED: Tag = Tag(14, 0x0E);
    pub const ACCOUNT_ONLY_REMOTE_WIPE: Tag = Tag(14, 0x3B);
}

/// Code page 17: AirSyncBase.
#[expect(missing_docs, reason = "the names are the protocol's")]
pub mod air_sync_base {
    use super::Tag;
    pub const TYPE: Tag = Tag(17, 0x06);
    pub const BODY: Tag = Tag(17, 0x0A);
    pub const DATA: Tag = Tag(17, 0x0B);
    pub const ESTIMATED_DATA_SIZE: Tag = Tag(17, 0x0C);
    pub const TRUNCATED: Tag = Tag(17, 0x0D);
    pub const NATIVE_BODY_TYPE: Tag = Tag(17, 0x16);
}

/// Code page 18: Settings.
#[expect(missing_docs, reason = "the names are the protocol's")]
pub mod settings {
    use super::Tag;
    pub const SETTINGS: Tag = Tag(18, 0x05);
    pub const STATUS: Tag = Tag(18, 0x06);
    pub const SET: Tag = Tag(18, 0x08);
    pub const DEVICE_INFORMATION: Tag = Tag(18, 0x16);
    pub const MODEL: Tag = Tag(18, 0x17);
    pub const IMEI: Tag = Tag(18, 0x18);
    pub const FRIENDLY_NAME: Tag = Tag(18, 0x19);
    pub const OS: Tag = Tag(18, 0x1A);
    pub const OS_LANGUAGE: Tag = Tag(18, 0x1B);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The answer that [MS-ASWBXML] 3.1 writes out byte by byte, as far as it is printed there.
    const PUBLISHED: &str = "03 01 6A 00 45 5C 4F 50 03 43 6F 6E 74 61 63 74 73 00 01 4B 03 32 00 01 \
        52 03 32 00 01 4E 03 31 00 01 56 47 4D 03 32 3A 31 00 01 5D 00 11 4A 46 03 31 00 01 4C 03 30 \
        00 01 4D 03 31 00 01 01";

    fn published() -> Element {
        let body = Element::of(
            air_sync_base::BODY,
            [
                Element::text(air_sync_base::TYPE, "1"),
                Element::text(air_sync_base::ESTIMATED_DATA_SIZE, "0"),
                Element::text(air_sync_base::TRUNCATED, "1"),
            ],
        );
        let add = Element::of(
            air_sync::ADD,
            [
                Element::text(air_sync::SERVER_ID, "2:1"),
                Element::of(air_sync::APPLICATION_DATA, [body]),
            ],
        );
        let collection = Element::of(
            air_sync::COLLECTION,
            [
                Element::text(air_sync::CLASS, "Contacts"),
                Element::text(air_sync::SYNC_KEY, "2"),
                Element::text(air_sync::COLLECTION_ID, "2"),
                Element::text(air_sync::STATUS, "1"),
                Element::of(air_sync::COMMANDS, [add]),
            ],
        );
        Element::of(air_sync::SYNC, [Element::of(air_sync::COLLECTIONS, [collection])])
    }

    #[test]
    fn the_published_bytes_are_written() {
        let published_bytes: Vec<u8> = PUBLISHED
            .split_ascii_whitespace()
            .map(|byte| u8::from_str_radix(byte, 16).unwrap())
            .collect();

        let written = published().encode();

        assert!(written.starts_with(&published_bytes), "{written:02X?}");
        assert_eq!(decode(&written).unwrap(), published());
    }

    #[test]
    fn lengths_come_in_groups_of_seven_bits() {
        for length in [0, 1, 127, 128, 16_384] {
            let held = Element { tag: air_sync::SYNC, content: Content::Opaque(vec![7; length]) };

            assert_eq!(decode(&held.encode()).unwrap(), held, "{length}");
        }
    }

    #[test]
    fn a_document_that_is_too_deep_is_refused() {
        let mut bytes = HEADER.to_vec();
        bytes.extend([0x45; DEPTH_MAX + 2]);

        assert_eq!(decode(&bytes), Err(WbxmlError::TooMuch));
    }

    proptest! {
        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let mut document = HEADER.to_vec();
            document.extend(&bytes);
            if let Ok(read) = decode(&document) {
                prop_assert_eq!(decode(&read.encode()).unwrap(), read);
            }
        }
    }
}
