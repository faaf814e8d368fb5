//! Owns telling objects apart without reading them, by a digest of their bytes. An object that is sent
//! again unchanged is recognised at a tenth of the cost of its parse.
//! Invariant: two objects with the same digest are, but for the properties left out, the same bytes.
//! What is not found, or not written as PowerShell writes it, is never left out: that may make an
//! unchanged object look changed, and never the other way round.

use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::peek::Peek;

/// Properties that remoting itself adds to an object (`about_Remote_Output`): they name the way it came,
/// not what it is. Where they travel they are extended properties, so they lie in `MS`.
const REMOTING: [&str; 3] = ["PSComputerName", "PSShowComputerName", "RunspaceId"];
/// An object that ends so has extended properties; PowerShell writes them last, as in the
/// example of [MS-PSRP] 2.2.5.2.9.
const EXTENDED_END: &[u8] = b"</MS></Obj>";
/// Mixes the digests of an object's parts, so that their order counts: any odd number does.
const MIX: u128 = 0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835;
/// Takes digests of objects as they come.
///
/// The digest is xxh3 of 128 bits. It is no cryptographic one: the seed must be random, and must not
/// leave the process, where people who could gain by two objects that look the same have a say in what
/// is inside them. Digests under different seeds say nothing about each other.
#[derive(Debug, Clone)]
pub struct Fingerprints {
    seed: u64,
    left_out: Vec<Peek>,
    remoting: [Peek; REMOTING.len()],
}

impl Fingerprints {
    /// Digests under `seed` that do not depend on the properties called `left_out`, nor on those that
    /// remoting adds.
    pub fn new<'n>(seed: u64, left_out: impl IntoIterator<Item = &'n str>) -> Self {
        Self {
            seed,
            left_out: left_out.into_iter().map(Peek::new).collect(),
            remoting: REMOTING.map(Peek::new),
        }
    }

    /// The digest of one object's CLIXML.
    pub fn of(&mut self, xml: &[u8]) -> u128 {
        let Self { seed, left_out, remoting } = self;
        let has_extended = xml.ends_with(EXTENDED_END);
        let remoting = remoting.iter_mut().filter(|_| has_extended);
        let mut gaps: Vec<_> =
            left_out.iter_mut().chain(remoting).filter_map(|peek| peek.element(xml)).collect();
        gaps.sort_unstable_by_key(|gap| gap.start);
        let (mut digest, mut from) = (0, 0);
        for gap in gaps {
            if let Some(kept) = xml.get(from..gap.start) {
                digest = mixed(digest, xxh3_128_with_seed(kept, *seed));
                from = gap.end;
            }
        }
        mixed(digest, xxh3_128_with_seed(xml.get(from..).unwrap_or_default(), *seed))
    }
}

fn mixed(before: u128, part: u128) -> u128 {
    before.wrapping_mul(MIX).wrapping_add(part)
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
        Fingerprints::new(7, ["OriginatingServer"])
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
        let long = "x".repeat(4 * 128);
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
        assert_ne!(Fingerprints::new(8, ["OriginatingServer"]).of(&xml), digest);
        for cut in 0..xml.len() {
            assert_ne!(prints.of(&xml[..cut]), digest);
        }
    }
}
