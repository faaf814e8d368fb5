//! What the coordinator is known to hold: digests per object, in memory only. They count only under the
//! lease generation they were acknowledged in, so a new coordinator, agent or lease starts from nothing;
//! a process serves one organization, with one way to translate.
//!
//! There are two digests of an object. One is over what is told of it, and decides what travels. The
//! other is over the bytes that Exchange sent, and decides what is read at all: it is a digest under a
//! seed of this process, since people choose what their devices are called, and it never leaves it.
//!
//! Invariant: an object counts as known only if the coordinator acknowledged a run in which it was told,
//! or told unchanged, exactly so. What a run that was not acknowledged told of is unknown afterwards.
//!
//! The table is one sorted array of 32 bytes an object, so that a million devices and their mailboxes
//! take 48 MB and never, while the table grows, twice as much.

use std::sync::{Mutex, PoisonError};

use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use exgate_domain::ids::{Generation, ObservationDigest};
use exgate_domain::observation::Key;

/// Every how many looks at everything all objects are read, known or not, unless it is configured.
pub const SCRUB_EVERY: u32 = 7;
/// How often a place in the array is guessed before the rest of the way is walked.
const GUESSES: usize = 3;

/// A digest of the bytes in which Exchange sent an object.
pub type RawDigest = u128;

/// Digests of the objects that the coordinator has acknowledged, and of those seen in this run.
///
/// A run is one `begin`, then any number of `known` and `see`, and one `acknowledge` if the coordinator
/// has stored it.
#[derive(Debug)]
pub struct DigestTable {
    seed: u64,
    scrub_every: u32,
    generation: Generation,
    /// A run has begun that is not acknowledged.
    open: bool,
    /// Looks at everything since the last one that read all of it, this one included.
    wholes: u32,
    may_skip: bool,
    /// Whose device is held, the mailbox was told too, as far as the last acknowledged look could see.
    owners_are_held: bool,
    rows: Mutex<Rows>,
}

#[derive(Debug, Default)]
struct Rows {
    /// Sorted by key.
    held: Vec<Entry>,
    /// Objects that were not in the table when the run began, in the order of their arrival.
    new: Vec<Entry>,
    reading: Reading,
    /// What this run says of the mailboxes of the devices it showed; none when it says nothing.
    owners: Option<bool>,
}

/// How a run went so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reading {
    /// Objects that were recognised by their bytes, and not read.
    pub skipped: u64,
    /// Objects that were read.
    pub read: u64,
    /// Objects that were read although their bytes were known, and then did not say what they said when
    /// these bytes were read before. Anything but 0 is an error in this program.
    pub mistaken: u64,
}

/// One object. Its key is a digest as well: two objects with the same one spoil each other's entry, and
/// are told every time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    /// Of its bytes; [`NO_RAW`] when they are not known.
    raw: RawDigest,
    key: u64,
    /// Of what was told of it, with the flags in the lowest bits.
    told: u64,
}

const NO_RAW: RawDigest = 0;
/// Seen in this run.
const SEEN: u64 = 1;
/// Told anew in this run: not acknowledged yet.
const TOLD: u64 = 2;
/// What the coordinator holds is not what was told.
const UNKNOWN: u64 = 4;
const FLAGS: u64 = SEEN | TOLD | UNKNOWN;

/// Whether a run was over everything, so that what it did not see is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seal {
    /// It saw all there is.
    Whole,
    /// It saw a part.
    Part,
}

impl Default for DigestTable {
    fn default() -> Self {
        Self::new(SCRUB_EVERY)
    }
}

impl DigestTable {
    /// An empty table. Every `scrub_every`-th look at everything reads all objects.
    pub fn new(scrub_every: u32) -> Self {
        let (one, other) = Uuid::new_v4().as_u64_pair();
        Self {
            // The version in a random UUID takes six of its bits.
            seed: one ^ other.rotate_left(29),
            scrub_every,
            generation: Generation::default(),
            open: false,
            wholes: 0,
            may_skip: false,
            owners_are_held: false,
            rows: Mutex::default(),
        }
    }

    /// The seed under which the bytes of objects are digested.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Begins a run under `generation`. What the last run told is forgotten when it was not
    /// acknowledged, and everything when the lease is another one or the coordinator lost what it had.
    pub fn begin(&mut self, generation: Generation, forget: bool, seal: Seal) {
        let rows = self.rows.get_mut().unwrap_or_else(PoisonError::into_inner);
        rows.reading = Reading::default();
        rows.owners = None;
        if forget || self.generation != generation {
            *rows = Rows::default();
            self.wholes = 0;
            self.owners_are_held = false;
        } else if self.open {
            rows.new = Vec::new();
            rows.held.retain(|entry| entry.told & TOLD == 0);
            rows.held.iter_mut().for_each(|entry| entry.told &= !SEEN);
        }
        self.generation = generation;
        self.open = true;
        if seal == Seal::Whole {
            self.wholes += 1;
            if self.wholes >= self.scrub_every {
                self.wholes = 0;
            }
        }
        self.may_skip = seal == Seal::Part || self.wholes > 0;
    }

    /// Notes that an object was seen in these bytes, if the coordinator has it as they say: they need not
    /// be read. Never in a run that reads everything.
    pub fn known(&self, key: Key, raw: RawDigest) -> bool {
        let id = self.id(key);
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let found = rows.find(id).filter(|entry| entry.raw == raw && raw != NO_RAW);
        let Some(entry) = found.filter(|entry| self.may_skip && entry.told & (UNKNOWN | TOLD) == 0)
        else {
            return false;
        };
        entry.told |= SEEN;
        rows.reading.skipped += 1;
        true
    }

    /// Notes that an object was seen and read, in these bytes if they are known, and says whether the
    /// coordinator has it like this.
    pub fn see(&self, key: Key, digest: ObservationDigest, raw: Option<RawDigest>) -> bool {
        let told = xxh3_64_with_seed(digest.as_bytes(), self.seed) & !FLAGS;
        let (id, raw) = (self.id(key), raw.unwrap_or(NO_RAW));
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        rows.reading.read += 1;
        let Some(entry) = rows.find(id) else {
            rows.new.push(Entry { raw, key: id, told: told | SEEN | TOLD });
            return false;
        };
        let is_same = entry.told & !FLAGS == told && entry.told & UNKNOWN == 0;
        let is_mistaken = !is_same && entry.raw == raw && raw != NO_RAW && entry.told & FLAGS == 0;
        if !is_same {
            *entry = Entry { raw, key: id, told: told | SEEN | TOLD };
        } else {
            entry.told |= SEEN;
            if raw != NO_RAW {
                entry.raw = raw;
            }
        }
        rows.reading.mistaken += u64::from(is_mistaken);
        is_same
    }

    /// Whether a device that is known need not have its mailbox asked for: an acknowledged look showed
    /// both, and none since left a mailbox out.
    pub fn owners_are_held(&self) -> bool {
        self.owners_are_held
    }

    /// Notes whether this run shows the mailbox of every device that it shows. One that does not stays
    /// so; it counts when the run is acknowledged.
    pub fn owners_shown(&self, all: bool) {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        rows.owners = Some(all && rows.owners != Some(false));
    }

    /// A listing begins again: what the run has told so far is found by [`DigestTable::was_told`].
    pub fn begins_again(&self) {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner).merge();
    }

    /// Whether an object was seen exactly so in this very run, before a listing began again.
    pub fn was_told(&self, key: Key, digest: ObservationDigest) -> bool {
        let told = xxh3_64_with_seed(digest.as_bytes(), self.seed) & !FLAGS;
        let id = self.id(key);
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        rows.find(id).is_some_and(|entry| {
            entry.told & !FLAGS == told && entry.told & SEEN != 0 && entry.told & UNKNOWN == 0
        })
    }

    /// The run goes on under the next lease, which nobody else had in between: what was known stays
    /// known.
    pub fn go_on(&mut self, generation: Generation) {
        self.generation = generation;
    }

    /// What the coordinator holds of an object is no longer what was acknowledged here: it has seen a
    /// receipt since.
    pub fn forget(&mut self, key: Key) {
        let id = self.id(key);
        let rows = self.rows.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = rows.find(id) {
            entry.told |= UNKNOWN;
        }
    }

    /// The coordinator has stored the run.
    pub fn acknowledge(&mut self, seal: Seal) {
        self.open = false;
        let rows = self.rows.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.owners_are_held = rows.owners.unwrap_or(self.owners_are_held);
        if seal == Seal::Whole {
            rows.held.retain(|entry| entry.told & SEEN != 0);
        }
        rows.settle();
    }

    /// How the run goes, or went.
    pub fn reading(&self) -> Reading {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner).reading
    }

    /// How many objects it knows.
    pub fn len(&self) -> usize {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner).held.len()
    }

    /// Whether it knows none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes it takes.
    pub fn bytes(&self) -> usize {
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        (rows.held.capacity() + rows.new.capacity()) * size_of::<Entry>()
    }

    fn id(&self, key: Key) -> u64 {
        let kind = key.kind as u64;
        xxh3_64_with_seed(key.guid.as_bytes(), self.seed.wrapping_add(kind))
    }
}

impl Rows {
    /// The entry with this key. Keys are as good as random, so their place is nearly known.
    fn find(&mut self, key: u64) -> Option<&mut Entry> {
        let count = u128::try_from(self.held.len()).ok()?;
        let last = self.held.len().checked_sub(1)?;
        let at = |place: usize| self.held.get(place).map(|entry| entry.key);
        // So many places lie between two keys.
        let places = |keys: u64| usize::try_from((u128::from(keys) * count) >> 64).unwrap_or(last);
        let mut place = places(key).min(last);
        for _ in 0..GUESSES {
            let here = at(place)?;
            place = match here <= key {
                true => (place + places(key - here)).min(last),
                false => place.saturating_sub(places(here - key)),
            };
        }
        while place < last && at(place)? < key {
            place += 1;
        }
        while place > 0 && at(place)? > key {
            place -= 1;
        }
        self.held.get_mut(place).filter(|entry| entry.key == key)
    }

    /// What the run saw is what is held.
    fn settle(&mut self) {
        for entry in self.held.iter_mut().chain(&mut self.new) {
            entry.told &= !(SEEN | TOLD);
        }
        self.merge();
        self.held.shrink_to_fit();
    }

    /// What is new joins what is held.
    fn merge(&mut self) {
        if !self.new.is_empty() {
            if self.held.is_empty() {
                // The first run: nothing is copied, or there would be twice as much for a moment.
                std::mem::swap(&mut self.held, &mut self.new);
            } else {
                self.held.reserve_exact(self.new.len());
                self.held.append(&mut self.new);
            }
            self.held.sort_unstable_by_key(|entry| entry.key);
            // Seen twice and not the same: nobody knows which came last.
            self.held.dedup_by(|one, kept| {
                let is_twice = one.key == kept.key;
                if is_twice && one != kept {
                    kept.told |= UNKNOWN;
                }
                is_twice
            });
        }
        self.new = Vec::new();
    }
}

#[cfg(test)]
mod tests;
