//! What the bytes of a listed object tell before it is read: whether the coordinator has it exactly so.
//! Invariant: what is left out of a digest here is read by nothing that [`crate::translate`] makes of an
//! object; the server that answered is told apart.

use jiff::Timestamp;

use exgate_domain::observation::{Key, Kind};
use exgate_exchange::clixml::{Fingerprints, Peek};

use super::{DigestTable, RawDigest};

/// What another read of the same object may show otherwise: the domain controller that was asked.
const VOLATILE: [&str; 1] = ["OriginatingServer"];

/// Looks at the objects of one listing before they are read.
#[derive(Debug)]
pub struct Skim<'t> {
    table: &'t DigestTable,
    kind: Kind,
    may_skip: bool,
    prints: Fingerprints,
    guid: Peek,
    controller: Peek,
    changed: Peek,
}

/// What came of a look at an object's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skimmed {
    /// The coordinator has it like this: there is nothing to read.
    Known(Key),
    /// It has to be read; its key as it seems, and the digest of its bytes.
    Unread(Option<(Key, RawDigest)>),
}

impl<'t> Skim<'t> {
    /// A listing of objects of this kind. Without `may_skip` all of it is read, and what is learned helps
    /// the next one.
    pub fn new(table: &'t DigestTable, kind: Kind, may_skip: bool) -> Self {
        Self {
            table,
            kind,
            may_skip,
            prints: Fingerprints::new(table.seed(), VOLATILE),
            guid: Peek::new("Guid"),
            controller: Peek::new("OriginatingServer"),
            changed: Peek::new("WhenChangedUTC"),
        }
    }

    /// Looks at one object.
    pub fn look(&mut self, xml: &[u8]) -> Skimmed {
        let Some(guid) = self.guid.guid(xml) else { return Skimmed::Unread(None) };
        let key = Key { kind: self.kind, guid };
        let raw = self.prints.of(xml);
        match self.may_skip && self.table.known(key, raw) {
            true => Skimmed::Known(key),
            false => Skimmed::Unread(Some((key, raw))),
        }
    }

    /// The domain controller that answered with these bytes.
    pub fn controller<'x>(&mut self, xml: &'x [u8]) -> Option<&'x str> {
        self.controller.text(xml)
    }

    /// When the object in these bytes was changed.
    pub fn changed_at(&mut self, xml: &[u8]) -> Option<Timestamp> {
        self.changed.timestamp(xml)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use exgate_domain::ids::{Generation, ObservationDigest};

    use super::super::Seal;
    use super::*;

    const GUID: Uuid = Uuid::from_u128(0x7f3c_2f1e);

    fn object(model: &str, controller: &str) -> Vec<u8> {
        format!(
            "<Obj RefId=\"0\"><Props><S N=\"DeviceModel\">{model}</S><G N=\"Guid\">{GUID}</G>\
             <DT N=\"WhenChangedUTC\">2026-11-23T10:00:00Z</DT>\
             <S N=\"OriginatingServer\">{controller}</S></Props></Obj>"
        )
        .into_bytes()
    }

    #[test]
    fn an_object_is_read_once_and_again_when_it_changed() {
        let key = Key { kind: Kind::Device, guid: GUID };
        let mut table = DigestTable::default();
        table.begin(Generation::new(1), false, Seal::Whole);
        let first = object("iPhone", "dc1.contoso.com");
        let Skimmed::Unread(Some((seen, raw))) = Skim::new(&table, Kind::Device, true).look(&first)
        else {
            panic!("nobody has told it yet");
        };
        assert_eq!(seen, key);
        table.see(key, ObservationDigest::of(b"iPhone"), Some(raw));
        table.acknowledge(Seal::Whole);

        table.begin(Generation::new(1), false, Seal::Whole);
        let mut skim = Skim::new(&table, Kind::Device, true);
        let moved = object("iPhone", "dc2.contoso.com");
        assert_eq!(skim.look(&moved), Skimmed::Known(key));
        assert_eq!(skim.controller(&moved), Some("dc2.contoso.com"));
        assert_eq!(skim.changed_at(&moved), Some("2026-11-23T10:00:00Z".parse().unwrap()));
        assert!(matches!(
            skim.look(&object("iPad", "dc1.contoso.com")),
            Skimmed::Unread(Some((seen, other))) if seen == key && other != raw
        ));
        let mut others = Skim::new(&table, Kind::Mailbox, true);
        assert!(matches!(others.look(&first), Skimmed::Unread(Some(_))), "that is no mailbox");
        let mut reads = Skim::new(&table, Kind::Device, false);
        assert_eq!(reads.look(&first), Skimmed::Unread(Some((key, raw))));
        assert_eq!(reads.look(b"<Obj></Obj>"), Skimmed::Unread(None));
    }
}
