//! Owns reading one property of an object by searching for its name, without reading the object.
//! Invariant: what is found stands in a tag of the message and is its first property of that name,
//! or the first one behind the place where the last object had it; what is not written as PowerShell
//! writes it is not found.

use std::ops::Range;

use jiff::Timestamp;
use memchr::memmem::Finder;
use memchr::{memchr, memrchr};
use uuid::Uuid;

use super::instant;
use crate::xml::Scanner;

/// How far before its last place a property is looked for first: objects of one listing have the same
/// properties in the same order, and texts of other lengths.
const SLACK_BYTES: usize = 128;

/// Finds one property in one object after the other.
///
/// A nested object may hold a property of the same name, which is then found in its stead: what is
/// found is a hint, good for what is checked again when the object is read.
#[derive(Debug, Clone)]
pub struct Peek {
    needle: Finder<'static>,
    last: usize,
}

impl Peek {
    /// Looks for the property of this name, which must need no escape.
    pub fn new(name: &str) -> Self {
        Self { needle: Finder::new(&format!(" N=\"{name}\"")).into_owned(), last: 0 }
    }

    /// The text of a property that is nothing but a text without any escape.
    pub fn text<'x>(&mut self, xml: &'x [u8]) -> Option<&'x str> {
        let tag = self.tag(xml)?;
        let text = std::str::from_utf8(xml.get(plain(xml, &tag)?)?).ok()?;
        let is_plain = !text.contains('&') && !text.contains("_x");
        is_plain.then_some(text)
    }

    /// A GUID.
    pub fn guid(&mut self, xml: &[u8]) -> Option<Uuid> {
        let tag = self.tag(xml)?;
        Uuid::try_parse_ascii(xml.get(plain(xml, &tag)?)?).ok()
    }

    /// The instant of a date; without an offset it is taken as UTC.
    pub fn timestamp(&mut self, xml: &[u8]) -> Option<Timestamp> {
        instant::parse(self.text(xml)?)
    }

    /// The whole element that holds the property.
    pub(super) fn element(&mut self, xml: &[u8]) -> Option<Range<usize>> {
        let tag = self.tag(xml)?;
        let end = match plain(xml, &tag) {
            // The end tag is as long as the name, `</` and `>`.
            Some(text) => text.end + memchr(b'>', xml.get(text.end..)?)? + 1,
            None => tag.start + whole_bytes(xml.get(tag.start..)?)?,
        };
        Some(tag.start..end)
    }

    /// The start of the tag that holds the needle, to the end of the needle.
    fn tag(&mut self, xml: &[u8]) -> Option<Range<usize>> {
        let at = self.find(xml)?;
        // A `<` in a text is always escaped, a quotation mark is not (XML 1.0, 2.4): it must stand in
        // a tag.
        let start = memrchr(b'<', xml.get(..at)?)?;
        let is_tag = memchr(b'>', xml.get(start..at)?).is_none();
        is_tag.then_some(start..at + self.needle.needle().len())
    }

    /// Where the needle is: near its last place, else from the start.
    fn find(&mut self, xml: &[u8]) -> Option<usize> {
        let near = self.last.saturating_sub(SLACK_BYTES).min(xml.len());
        let found = match self.needle.find(xml.get(near..)?) {
            Some(at) => near + at,
            // It may begin before the cut and end behind it.
            None => {
                let end = (near + self.needle.needle().len()).min(xml.len());
                self.needle.find(xml.get(..end)?)?
            }
        };
        self.last = found;
        Some(found)
    }
}

/// Where the text is of an element that holds nothing else, and no other attribute.
fn plain(xml: &[u8], tag: &Range<usize>) -> Option<Range<usize>> {
    let rest = xml.get(tag.end..)?.strip_prefix(b">")?;
    let name = xml.get(tag.start + 1..tag.end)?;
    let name = name.get(..memchr(b' ', name)?)?;
    let text = memchr(b'<', rest)?;
    let close = rest.get(text..)?.strip_prefix(b"</")?.strip_prefix(name)?;
    close.starts_with(b">").then_some(tag.end + 1..tag.end + 1 + text)
}

/// The length of the element that `xml` begins with, whatever it holds.
fn whole_bytes(xml: &[u8]) -> Option<usize> {
    let mut scanner = Scanner::new(std::str::from_utf8(xml).ok()?);
    scanner.next_child().ok()??;
    scanner.skip().ok()?;
    Some(scanner.position())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUID: &str = "7f3c2f1e-8d54-4a0e-9c5b-0123456789ab";

    #[test]
    fn a_property_is_read_without_the_rest() {
        let xml = format!(
            "<Obj RefId=\"0\"><Props><S N=\"Model\">\u{A7} N=\"Guid\"&gt;</S><S N=\"Odd\">a &amp; b</S>\
             <S N=\"Escaped\">_x0041_</S><Nil N=\"None\" /><S N=\"Empty\"></S>\
             <DT N=\"WhenChangedUTC\">2026-11-23T10:00:00Z</DT>\
             <G N=\"Id\">{GUID}</G><S N=\"Last\">end</S></Props></Obj>"
        );
        let text = |name: &str| Peek::new(name).text(xml.as_bytes()).map(str::to_owned);
        assert_eq!(text("Last").as_deref(), Some("end"));
        assert_eq!(text("Empty").as_deref(), Some(""));
        for odd in ["Odd", "Escaped", "None", "Absent", "Guid"] {
            assert_eq!(text(odd), None, "{odd}");
        }
        assert_eq!(Peek::new("Id").guid(xml.as_bytes()), Some(GUID.parse().unwrap()));
        assert_eq!(Peek::new("Last").guid(xml.as_bytes()), None);
        assert_eq!(
            Peek::new("WhenChangedUTC").timestamp(xml.as_bytes()),
            Some("2026-11-23T10:00:00Z".parse().unwrap())
        );
        for cut in 0..xml.len() {
            Peek::new("Last").text(&xml.as_bytes()[..cut]);
        }
    }

    #[test]
    fn a_property_is_found_wherever_the_next_object_has_it() {
        let mut peek = Peek::new("Last");
        for before in [5_000, 0, 4, 900, 10, 2 * SLACK_BYTES, 0] {
            let xml = format!(
                "<Obj><Props>{}<S N=\"Last\">{before}</S></Props></Obj>",
                " ".repeat(before)
            );
            assert_eq!(peek.text(xml.as_bytes()), Some(before.to_string().as_str()));
            assert_eq!(peek.text(b"<Obj></Obj>"), None);
            assert_eq!(peek.text(b""), None);
        }
    }
}
