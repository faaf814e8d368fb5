//! Owns fragments: the pieces a message travels in ([MS-PSRP] 2.2.4).
//! Invariant: pieces leave and arrive in order without gaps, and what waits to be completed
//! never exceeds the bound the reader was given.

use std::collections::HashMap;

/// Bytes before a fragment's data: object id, fragment id, flags, length; big-endian.
pub const HEADER_BYTES: usize = 21;

/// How many bytes one message may have when nothing else is said.
pub const OBJECT_BYTES_MAX: usize = 16 << 20;

/// How many messages may be incomplete at once.
pub const INCOMPLETE_MAX: usize = 64;

/// How many fragments one message may come in: 16 MiB in pieces of 256 bytes. PowerShell's own
/// are 32 KiB (`DefaultFragmentSize` in its sources).
pub const FRAGMENTS_MAX: u64 = 65_536;

/// How many bytes a buffer may have to be used again for another message. Larger ones are given
/// back, or a few large messages would pin their size many times over.
const SPARE_BYTES_MAX: usize = 256 << 10;

const START: u8 = 1;
const END: u8 = 2;

/// Why bytes are no fragment, or no next one.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum FragmentError {
    /// The bytes end inside a fragment.
    #[error("fragment is cut short")]
    Truncated,
    /// A fragment is not the one that follows.
    #[error("object {object} continues with fragment {found} where {expected} was due")]
    OutOfOrder {
        /// The object.
        object: u64,
        /// The fragment that was due.
        expected: u64,
        /// The fragment that came.
        found: u64,
    },
    /// The messages under assembly grow beyond the bound.
    #[error("message is larger than {max} bytes")]
    TooLarge {
        /// The bound.
        max: usize,
    },
    /// A message comes in too many fragments.
    #[error("message comes in more than {FRAGMENTS_MAX} fragments")]
    TooManyFragments,
    /// Too many messages are incomplete.
    #[error("more than {INCOMPLETE_MAX} messages are incomplete")]
    TooMany,
}

/// Cuts messages into fragments and numbers them.
#[derive(Debug)]
pub struct Fragmenter {
    next_object: u64,
    data_bytes_max: usize,
}

impl Fragmenter {
    /// Cuts to fragments of at most `fragment_bytes_max` bytes, header included; the first
    /// object has the number 1.
    pub fn new(fragment_bytes_max: usize) -> Self {
        let mut fragmenter = Self { next_object: 1, data_bytes_max: 1 };
        fragmenter.set_fragment_bytes_max(fragment_bytes_max);
        fragmenter
    }

    /// Changes the size of the fragments to come, as when the peer names its envelope size.
    pub fn set_fragment_bytes_max(&mut self, fragment_bytes_max: usize) {
        self.data_bytes_max =
            fragment_bytes_max.saturating_sub(HEADER_BYTES).clamp(1, u32::MAX as usize);
    }

    /// Appends the fragments of one message.
    pub fn split(&mut self, object: &[u8], out: &mut Fragments) {
        let id = self.next_object;
        self.next_object += 1;
        let mut rest = object;
        for fragment_id in 0u64.. {
            let (data, tail) = rest.split_at(rest.len().min(self.data_bytes_max));
            rest = tail;
            let start = if fragment_id == 0 { START } else { 0 };
            let end = if rest.is_empty() { END } else { 0 };
            out.push(id, fragment_id, start | end, data);
            if rest.is_empty() {
                return;
            }
        }
    }
}

/// Fragments ready to be sent, back to back in one buffer.
#[derive(Clone, Debug, Default)]
pub struct Fragments {
    bytes: Vec<u8>,
    /// Where each fragment ends.
    ends: Vec<usize>,
    /// How many fragments were taken.
    taken: usize,
}

impl Fragments {
    fn push(&mut self, object: u64, fragment: u64, flags: u8, data: &[u8]) {
        if self.is_empty() {
            self.clear();
        }
        self.bytes.reserve(HEADER_BYTES + data.len());
        self.bytes.extend_from_slice(&object.to_be_bytes());
        self.bytes.extend_from_slice(&fragment.to_be_bytes());
        self.bytes.push(flags);
        // The fragmenter keeps the data below this.
        let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
        self.bytes.extend_from_slice(&length.to_be_bytes());
        self.bytes.extend_from_slice(data);
        self.ends.push(self.bytes.len());
    }

    /// Whether nothing is left to send.
    pub fn is_empty(&self) -> bool {
        self.taken >= self.ends.len()
    }

    /// How many fragments are left.
    pub fn len(&self) -> usize {
        self.ends.len() - self.taken
    }

    /// How many bytes are left.
    pub fn byte_len(&self) -> usize {
        self.bytes.len() - self.start()
    }

    /// All that is left, back to back.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(self.start()..).unwrap_or_default()
    }

    /// Each fragment that is left.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts =
            std::iter::once(self.start()).chain(self.ends.iter().skip(self.taken).copied());
        starts
            .zip(self.ends.iter().skip(self.taken))
            .map(|(start, end)| self.bytes.get(start..*end).unwrap_or_default())
    }

    /// Takes as many whole fragments as fit into `bytes_max`, at least one; `None` when
    /// nothing is left.
    pub fn take(&mut self, bytes_max: usize) -> Option<&[u8]> {
        let start = self.start();
        let mut end = *self.ends.get(self.taken)?;
        self.taken += 1;
        while let Some(next) = self.ends.get(self.taken)
            && next - start <= bytes_max
        {
            end = *next;
            self.taken += 1;
        }
        self.bytes.get(start..end)
    }

    /// Forgets everything, keeping the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.taken = 0;
    }

    fn start(&self) -> usize {
        match self.taken.checked_sub(1) {
            None => 0,
            Some(last) => self.ends.get(last).copied().unwrap_or_default(),
        }
    }
}

/// Puts messages together again; their fragments may interleave.
#[derive(Debug)]
pub struct Defragmenter {
    object_bytes_max: usize,
    incomplete: HashMap<u64, Incomplete>,
    incomplete_bytes: usize,
    complete: Vec<u8>,
    spare: Vec<Vec<u8>>,
}

#[derive(Debug)]
struct Incomplete {
    next_fragment: u64,
    data: Vec<u8>,
}

impl Default for Defragmenter {
    fn default() -> Self {
        Self::new(OBJECT_BYTES_MAX)
    }
}

impl Defragmenter {
    /// Holds at most `object_bytes_max` bytes of messages that are not complete yet.
    pub fn new(object_bytes_max: usize) -> Self {
        Self {
            object_bytes_max,
            incomplete: HashMap::new(),
            incomplete_bytes: 0,
            complete: Vec::new(),
            spare: Vec::new(),
        }
    }

    /// Takes whole fragments, and hands out the messages they complete. A message in one
    /// fragment is borrowed from `bytes`.
    pub fn feed<'d>(&'d mut self, bytes: &'d [u8]) -> Objects<'d> {
        Objects { defragmenter: self, rest: bytes }
    }

    /// Whether a message is incomplete.
    pub fn is_waiting(&self) -> bool {
        !self.incomplete.is_empty()
    }

    fn start(&mut self) -> Result<Incomplete, FragmentError> {
        if self.incomplete.len() >= INCOMPLETE_MAX {
            return Err(FragmentError::TooMany);
        }
        Ok(Incomplete { next_fragment: 0, data: self.spare.pop().unwrap_or_default() })
    }

    /// Adds one fragment of several; whether `complete` now holds a message.
    fn add(&mut self, fragment: &Fragment<'_>) -> Result<bool, FragmentError> {
        let Fragment { object, id, flags, data } = *fragment;
        let mut held = match self.incomplete.remove(&object) {
            Some(held) => held,
            None => self.start()?,
        };
        self.incomplete_bytes -= held.data.len();
        if id != held.next_fragment || (flags & START != 0) != (id == 0) {
            let expected = held.next_fragment;
            return Err(FragmentError::OutOfOrder { object, expected, found: id });
        }
        if self.incomplete_bytes + held.data.len() + data.len() > self.object_bytes_max {
            return Err(FragmentError::TooLarge { max: self.object_bytes_max });
        }
        if id >= FRAGMENTS_MAX {
            return Err(FragmentError::TooManyFragments);
        }
        held.data.extend_from_slice(data);
        held.next_fragment += 1;
        if flags & END == 0 {
            self.incomplete_bytes += held.data.len();
            self.incomplete.insert(object, held);
            return Ok(false);
        }
        let mut old = std::mem::replace(&mut self.complete, held.data);
        if old.capacity() <= SPARE_BYTES_MAX {
            old.clear();
            self.spare.push(old);
        }
        Ok(true)
    }
}

#[derive(Clone, Copy)]
struct Fragment<'a> {
    object: u64,
    id: u64,
    flags: u8,
    data: &'a [u8],
}

impl<'a> Fragment<'a> {
    fn decode(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (object, rest) = bytes.split_first_chunk()?;
        let (id, rest) = rest.split_first_chunk()?;
        let ([flags], rest) = rest.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (data, rest) = rest.split_at_checked(length)?;
        let (object, id) = (u64::from_be_bytes(*object), u64::from_be_bytes(*id));
        Some((Self { object, id, flags: *flags, data }, rest))
    }
}

/// The messages completed by some bytes, one at a time.
#[derive(Debug)]
pub struct Objects<'d> {
    defragmenter: &'d mut Defragmenter,
    rest: &'d [u8],
}

impl Objects<'_> {
    /// The next complete message, or `None` when the bytes are used up. After an error the
    /// stream is lost.
    pub fn next_object(&mut self) -> Result<Option<&[u8]>, FragmentError> {
        loop {
            if self.rest.is_empty() {
                return Ok(None);
            }
            let (fragment, rest) = Fragment::decode(self.rest).ok_or(FragmentError::Truncated)?;
            self.rest = rest;
            let alone = fragment.flags & (START | END) == START | END
                && fragment.id == 0
                && !self.defragmenter.incomplete.contains_key(&fragment.object);
            if alone {
                let max = self.defragmenter.object_bytes_max;
                if fragment.data.len() > max {
                    return Err(FragmentError::TooLarge { max });
                }
                return Ok(Some(fragment.data));
            }
            if self.defragmenter.add(&fragment)? {
                break;
            }
        }
        Ok(Some(&self.defragmenter.complete))
    }
}

#[cfg(test)]
mod tests;
