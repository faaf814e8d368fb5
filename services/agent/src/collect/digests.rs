//! What the coordinator is known to hold: a digest per object, in memory only. It counts only under
//! the lease generation it was acknowledged in, so a new coordinator, agent or lease starts from nothing.

use std::collections::HashMap;

use exgate_domain::ids::{Generation, ObservationDigest};
use exgate_domain::observation::Key;

/// Digests of the objects that the coordinator has acknowledged, and of those seen in this run.
#[derive(Debug, Default)]
pub struct DigestTable {
    entries: HashMap<Key, Entry>,
    generation: Generation,
    run: u32,
    /// A run has put something in that is not acknowledged.
    dirty: bool,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    digest: ObservationDigest,
    run: u32,
}

/// Whether a run was over everything, so that what it did not see is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seal {
    /// It saw all there is.
    Whole,
    /// It saw a part.
    Part,
}

impl DigestTable {
    /// Begins a run under `generation`. Everything is forgotten when the last run was not acknowledged,
    /// when the lease is another one, or when the coordinator lost what it had.
    pub fn begin(&mut self, generation: Generation, forget: bool) {
        if self.dirty || forget || self.generation != generation {
            self.entries.clear();
        }
        self.generation = generation;
        self.dirty = true;
        self.run = self.run.wrapping_add(1);
    }

    /// Notes that an object was seen, and says whether the coordinator has it like this.
    pub fn see(&mut self, key: Key, digest: ObservationDigest) -> bool {
        let entry = Entry { digest, run: self.run };
        self.entries.insert(key, entry).is_some_and(|last| last.digest == digest)
    }

    /// What the coordinator holds of an object is no longer what was acknowledged here: it has seen a
    /// receipt since.
    pub fn forget(&mut self, key: Key) {
        self.entries.remove(&key);
    }

    /// The coordinator has stored the run.
    pub fn acknowledge(&mut self, seal: Seal) {
        self.dirty = false;
        if seal == Seal::Whole {
            let run = self.run;
            self.entries.retain(|_, entry| entry.run == run);
            // Room for a fleet that was larger is given back.
            if self.entries.capacity() > 4 * self.entries.len() {
                self.entries.shrink_to_fit();
            }
        }
    }

    /// How many objects it knows.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it knows none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The bytes it takes: slots of key, value and one control byte each. The standard table fills at
    /// most 7 of 8 slots, and their number is a power of two.
    pub fn bytes(&self) -> usize {
        let capacity = self.entries.capacity();
        if capacity == 0 {
            return 0;
        }
        let slots = (capacity * 8 / 7).next_power_of_two();
        slots * (size_of::<(Key, Entry)>() + 1)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use exgate_domain::observation::Kind;

    use super::*;

    fn key(number: u128) -> Key {
        Key { kind: Kind::Device, guid: Uuid::from_u128(number) }
    }

    fn digest(text: &str) -> ObservationDigest {
        ObservationDigest::of(text.as_bytes())
    }

    #[test]
    fn an_object_is_known_only_after_its_run_was_acknowledged() {
        let one = Generation::new(1);
        let mut table = DigestTable::default();
        table.begin(one, false);
        assert!(!table.see(key(1), digest("a")));

        table.begin(one, false);
        assert!(!table.see(key(1), digest("a")), "the first run was never acknowledged");
        table.acknowledge(Seal::Whole);

        table.begin(one, false);
        assert!(table.see(key(1), digest("a")));
        assert!(!table.see(key(1), digest("b")));
    }

    #[test]
    fn another_lease_or_a_coordinator_that_forgot_starts_from_nothing() {
        let mut table = DigestTable::default();
        for (generation, forget) in [(1, false), (2, false), (2, true)] {
            table.begin(Generation::new(generation), forget);
            assert!(!table.see(key(1), digest("a")), "{generation} {forget}");
            table.acknowledge(Seal::Part);
        }
    }

    #[test]
    fn an_object_that_a_receipt_showed_is_told_again() {
        let mut table = DigestTable::default();
        table.begin(Generation::new(1), false);
        table.see(key(1), digest("a"));
        table.acknowledge(Seal::Whole);

        table.forget(key(1));
        table.begin(Generation::new(1), false);
        assert!(!table.see(key(1), digest("a")), "the change may have been reverted meanwhile");
    }

    #[test]
    fn what_a_whole_run_did_not_see_is_forgotten() {
        let mut table = DigestTable::default();
        table.begin(Generation::new(1), false);
        table.see(key(1), digest("a"));
        table.see(key(2), digest("b"));
        table.acknowledge(Seal::Whole);
        assert!(table.bytes() >= 2 * 40);

        table.begin(Generation::new(1), false);
        table.see(key(2), digest("b"));
        table.acknowledge(Seal::Part);
        assert_eq!(table.len(), 2);

        table.begin(Generation::new(1), false);
        table.see(key(2), digest("b"));
        table.acknowledge(Seal::Whole);
        assert_eq!(table.len(), 1);
    }
}
