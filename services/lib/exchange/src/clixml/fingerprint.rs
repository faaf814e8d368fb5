//! Owns what can be told of an object without reading it: a digest of its bytes, and the one property
//! that names it. An object that is sent again unchanged is then recognised at a tenth of the cost of
//! its parse.
//! Invariant: two objects with the same digest are, but for the properties left out, the same bytes.
//! What is not found, or not written as PowerShell writes it, is never left out: that may make an
//! unchanged object look changed, and never the other way round.

use memchr::memmem::Finder;
use memchr::{memchr, memrchr};
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_128_with_seed;

use crate::xml::Scanner;

/// Properties that remoting itself adds to an object (`about_Remote_Output`): they name the way it came,
/// not what it is. Where they travel they are extended properties, so they lie in `MS`.
const REMOTING: [&str; 3] = ["PSComputerName", "PSShowComputerName", "RunspaceId"];
/// An object that ends so has extended properties; PowerShell writes them last ([MS-PSRP] 2.2.5.2.3).
const EXTENDED_END: &[u8] = b"</MS></Obj>";
/// Mixes the digests of an object's parts, so that their order counts: any odd number does.
const MIX: u128 = 0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835;
/// How far before its last place a property is looked for first: objects of one listing have the same
/// properties in the same order, and texts of other lengths.
const SLACK_BYTES: usize = 128;

/// Takes digests of objects as they come.
///
/// The digest is xxh3 of 128 bits. It is no cryptographic one: the seed must be random, and must not
/// leave the process, where people who could gain by two objects that look the same have a say in what
/// is inside them. Digests under different seeds say nothing about each other.
#[derive(Debug, Clone)]
pub struct Fingerprints {
    seed: u64,
    left_out: Vec<Place>,
    remoting: [Place; REMOTING.len()],
    key: Place,
}

/// Where a property is found, and where it was last.
#[derive(Debug, Clone)]
struct Place {
    needle: Finder<'static>,
    last: usize,
}

impl Fingerprints {
    /// Digests under `seed` that do not depend on the properties called `left_out`, nor on those that
    /// remoting adds; [`Fingerprints::key`] reads the property `key`.
    pub fn new<'n>(seed: u64, key: &str, left_out: impl IntoIterator<Item = &'n str>) -> Self {
        Self {
            seed,
            left_out: left_out.into_iter().map(Place::attribute).collect(),
            remoting: REMOTING.map(Place::attribute),
            key: Place::new(&format!("<G N=\"{key}\">")),
        }
    }

    /// The GUID that names the object: the first one of that name in it, which a nested object may hold
    /// too. `None` where there is none; what is not a plain GUID is none.
    pub fn key(&mut self, xml: &[u8]) -> Option<Uuid> {
        let at = self.key.find(xml)? + self.key.needle.needle().len();
        let rest = xml.get(at..)?;
        Uuid::try_parse_ascii(rest.get(..memchr(b'<', rest)?)?).ok()
    }

    /// The digest of one object's CLIXML.
    pub fn of(&mut self, xml: &[u8]) -> u128 {
        let Self { seed, left_out, remoting, .. } = self;
        let has_extended = xml.ends_with(EXTENDED_END);
        let remoting = remoting.iter_mut().filter(|_| has_extended);
        let mut gaps: Vec<(usize, usize)> =
            left_out.iter_mut().chain(remoting).filter_map(|place| place.element(xml)).collect();
        gaps.sort_unstable();
        let (mut digest, mut from) = (0, 0);
        for (start, end) in gaps {
            if let Some(kept) = xml.get(from..start) {
                digest = mixed(digest, xxh3_128_with_seed(kept, *seed));
                from = end;
            }
        }
        mixed(digest, xxh3_128_with_seed(xml.get(from..).unwrap_or_default(), *seed))
    }
}

fn mixed(before: u128, part: u128) -> u128 {
    before.wrapping_mul(MIX).wrapping_add(part)
}

impl Place {
    fn new(needle: &str) -> Self {
        Self { needle: Finder::new(needle).into_owned(), last: 0 }
    }

    fn attribute(name: &str) -> Self {
        Self::new(&format!(" N=\"{name}\""))
    }

    /// Where the needle is: near its last place, else from the start.
    fn find(&mut self, xml: &[u8]) -> Option<usize> {
        let near = self.last.saturating_sub(SLACK_BYTES).min(xml.len());
        let (before, behind) = xml.split_at_checked(near)?;
        let found = match self.needle.find(behind) {
            Some(at) => near + at,
            // It may begin before the cut and end behind it.
            None => {
                let overlap = self.needle.needle().len().min(behind.len());
                self.needle.find(xml.get(..before.len() + overlap)?)?
            }
        };
        self.last = found;
        Some(found)
    }

    /// The element that has the needle as an attribute, from its start to behind its end.
    fn element(&mut self, xml: &[u8]) -> Option<(usize, usize)> {
        let at = self.find(xml)?;
        // A `<` in a text is always escaped, a quotation mark is not: it must stand in a tag.
        let start = memrchr(b'<', xml.get(..at)?)?;
        if memchr(b'>', xml.get(start..at)?).is_some() {
            return None;
        }
        let end = match plain_end(xml, start, at + self.needle.needle().len()) {
            Some(end) => end,
            None => start + whole_end(xml.get(start..)?)?,
        };
        Some((start, end))
    }
}

/// The end of an element whose start tag ends at `open`, and which holds nothing but a text.
fn plain_end(xml: &[u8], start: usize, open: usize) -> Option<usize> {
    let rest = xml.get(open..)?.strip_prefix(b">")?;
    let name = xml.get(start + 1..)?;
    let name = name.get(..memchr(b' ', name)?)?;
    let text = memchr(b'<', rest)?;
    let close = rest.get(text..)?.strip_prefix(b"</")?.strip_prefix(name)?;
    close.starts_with(b">").then(|| xml.len() - close.len() + 1)
}

/// The length of the element that `xml` begins with, whatever it holds.
fn whole_end(xml: &[u8]) -> Option<usize> {
    let mut scanner = Scanner::new(std::str::from_utf8(xml).ok()?);
    scanner.next_child().ok()??;
    scanner.skip().ok()?;
    Some(scanner.position())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUID: &str = "7f3c2f1e-8d54-4a0e-9c5b-0123456789ab";

    fn object(controller: &str, model: &str, extended: &str) -> String {
        format!(
            "<Obj RefId=\"0\"><Props><S N=\"DeviceModel\">{model}</S>{controller}\
             <G N=\"Guid\">{GUID}</G><B N=\"IsValid\">true</B></Props>{extended}</Obj>"
        )
    }

    fn prints() -> Fingerprints {
        Fingerprints::new(7, "Guid", ["OriginatingServer"])
    }

    #[test]
    fn what_is_left_out_does_not_count_however_it_is_written() {
        let mut prints = prints();
        let dc = |text: &str| format!("<S N=\"OriginatingServer\">{text}</S>");
        let digest = prints.of(object(&dc("dc1.contoso.com"), "iPhone", "").as_bytes());
        for controller in [
            dc("dc2.branch.contoso.com"),
            dc(""),
            "<S N=\"OriginatingServer\" />".to_owned(),
            "<S N=\"OriginatingServer\"/>".to_owned(),
            "<Nil N=\"OriginatingServer\" />".to_owned(),
            "<Obj N=\"OriginatingServer\" RefId=\"4\"><ToString>dc2</ToString><Props><S N=\"a\">b</S>\
             </Props></Obj>"
                .to_owned(),
            dc("a &amp; b"),
            String::new(),
        ] {
            // Whether it is there at all moves where the parts meet, and so the digest: it is left
            // out, not taken for absent.
            let same = prints.of(object(&controller, "iPhone", "").as_bytes()) == digest;
            assert_eq!(same, !controller.is_empty(), "{controller}");
        }
        let other = prints.of(object(&dc("dc1.contoso.com"), "iPad", "").as_bytes());
        assert_ne!(other, digest);
    }

    #[test]
    fn what_remoting_adds_does_not_count_and_other_extended_properties_do() {
        let mut prints = prints();
        let with = |runspace: &str, note: &str| {
            let extended = format!(
                "<MS><S N=\"PSComputerName\">{runspace}.contoso.com</S>\
                 <G N=\"RunspaceId\">{runspace}</G><S N=\"Note\">{note}</S></MS>"
            );
            object("", "iPhone", &extended)
        };
        let digest = prints.of(with("one", "a").as_bytes());
        assert_eq!(prints.of(with("another", "a").as_bytes()), digest);
        assert_ne!(prints.of(with("one", "b").as_bytes()), digest);
    }

    #[test]
    fn a_name_in_a_text_hides_nothing() {
        let mut prints = prints();
        let named = |model: &str| object("", model, "");
        let one = " N=\"OriginatingServer\"&gt;a";
        let two = " N=\"OriginatingServer\"&gt;b";
        assert_ne!(prints.of(named(one).as_bytes()), prints.of(named(two).as_bytes()));
        // A listing whose objects have the property elsewhere, or not at all, is digested as well.
        let long = "x".repeat(4 * SLACK_BYTES);
        let dc = "<S N=\"OriginatingServer\">dc1</S>";
        let far = prints.of(object(dc, &long, "").as_bytes());
        let near = prints.of(object(dc, "iPhone", "").as_bytes());
        assert_eq!(prints.of(object(dc, &long, "").as_bytes()), far);
        assert_eq!(prints.of(object(dc, "iPhone", "").as_bytes()), near);
    }

    #[test]
    fn every_byte_and_the_seed_count() {
        let mut prints = prints();
        let xml = object("<S N=\"OriginatingServer\">dc1</S>", "iPhone", "").into_bytes();
        let digest = prints.of(&xml);
        let left_out = xml.windows(3).position(|window| window == b"dc1").unwrap();
        for at in 0..xml.len() {
            let mut other = xml.clone();
            other[at] ^= 1;
            let is_left_out = (left_out..left_out + 3).contains(&at);
            assert_eq!(prints.of(&other) == digest, is_left_out, "byte {at}");
        }
        assert_ne!(Fingerprints::new(8, "Guid", ["OriginatingServer"]).of(&xml), digest);
        for cut in 0..xml.len() {
            assert_ne!(prints.of(&xml[..cut]), digest);
        }
    }

    #[test]
    fn the_key_is_read_without_the_rest() {
        let mut prints = prints();
        let xml = object("", "iPhone", "");
        assert_eq!(prints.key(xml.as_bytes()), Some(GUID.parse().unwrap()));
        assert_eq!(prints.key(xml.replace("Guid", "guid").as_bytes()), None);
        assert_eq!(prints.key(xml.replace("-4a0e-", "-none-").as_bytes()), None);
        assert_eq!(prints.key(b"<Obj"), None);
        assert_eq!(prints.key(b""), None);
    }
}
