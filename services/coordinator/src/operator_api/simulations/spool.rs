//! Changed devices in the order in which they are told: those that lose mail first. They come in another
//! order, so each kind of change has a file of its own, in memory as long as it is small. The files have
//! no name: whatever happens, nothing is left of them.

use std::collections::VecDeque;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};

use exgate_proto::v1 as pb;
use prost::Message;
use tempfile::SpooledTempFile;

use crate::what_if::Turn;

/// How many bytes of one kind of change stay in memory.
const MEMORY_BYTES_MAX: usize = 256 * 1024;
/// The most devices in one message.
const PAGE_CHANGES_MAX: usize = 500;
/// The most bytes of devices in one message, well below the longest message.
const PAGE_BYTES_MAX: usize = 512 * 1024;
/// The most bytes of one device: more than all its names together can have.
const CHANGE_BYTES_MAX: usize = 64 * 1024;

/// Changed devices as they come.
pub(super) struct Spool {
    /// How many will be told: no kind needs more.
    changes_max: usize,
    kinds: Vec<Kind>,
}

struct Kind {
    turn: Turn,
    file: BufWriter<SpooledTempFile>,
    count: usize,
}

impl Spool {
    /// Keeps as many devices as needed to tell `changes_max` of them.
    pub(super) fn of(changes_max: usize) -> Self {
        let kind = |turn| Kind {
            turn,
            file: BufWriter::new(SpooledTempFile::new(MEMORY_BYTES_MAX)),
            count: 0,
        };
        Self { changes_max, kinds: Turn::ALL.map(kind).into() }
    }

    /// Keeps one more.
    pub(super) fn put(&mut self, turn: Turn, change: &pb::SimulatedChange) -> io::Result<()> {
        let max = self.changes_max;
        let kind = self.kinds.iter_mut().find(|kind| kind.turn == turn && kind.count < max);
        let Some(kind) = kind else { return Ok(()) };
        let bytes = change.encode_to_vec();
        if bytes.len() > CHANGE_BYTES_MAX {
            return Err(io::Error::other("a device is described with too many bytes"));
        }
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        kind.file.write_all(&length.to_le_bytes())?;
        kind.file.write_all(&bytes)?;
        kind.count += 1;
        Ok(())
    }

    /// Nothing more comes.
    pub(super) fn tell(self) -> io::Result<Told> {
        let mut left = self.changes_max;
        let mut kinds = VecDeque::new();
        for Kind { file, count, .. } in self.kinds {
            let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.rewind()?;
            let count = count.min(left);
            left -= count;
            kinds.push_back((BufReader::new(file), count));
        }
        Ok(Told { kinds, over: None })
    }
}

/// Changed devices while they are told.
pub(super) struct Told {
    /// What is left of each kind.
    kinds: VecDeque<(BufReader<SpooledTempFile>, usize)>,
    /// One that did not fit into the page before.
    over: Option<pb::SimulatedChange>,
}

impl Told {
    /// How many are left to tell.
    pub(super) fn left(&self) -> u64 {
        let left = self.kinds.iter().map(|(_, count)| count).sum::<usize>();
        u64::try_from(left).unwrap_or(u64::MAX) + u64::from(self.over.is_some())
    }

    /// The next of them, as many as fit into one message; none when all were told.
    pub(super) fn page(&mut self) -> io::Result<Option<pb::SimulatedChanges>> {
        let mut changes = Vec::new();
        let mut bytes = 0;
        while changes.len() < PAGE_CHANGES_MAX {
            let Some(change) = self.next()? else { break };
            bytes += change.encoded_len();
            if bytes > PAGE_BYTES_MAX && !changes.is_empty() {
                self.over = Some(change);
                break;
            }
            changes.push(change);
        }
        Ok((!changes.is_empty()).then_some(pb::SimulatedChanges { changes }))
    }

    fn next(&mut self) -> io::Result<Option<pb::SimulatedChange>> {
        if let Some(change) = self.over.take() {
            return Ok(Some(change));
        }
        while let Some((file, count)) = self.kinds.front_mut() {
            let Some(rest) = count.checked_sub(1) else {
                self.kinds.pop_front();
                continue;
            };
            *count = rest;
            let mut length = [0; 4];
            file.read_exact(&mut length)?;
            let length = usize::try_from(u32::from_le_bytes(length)).map_err(io::Error::other)?;
            let mut bytes = vec![0; length.min(CHANGE_BYTES_MAX)];
            file.read_exact(&mut bytes)?;
            let change = pb::SimulatedChange::decode(bytes.as_slice());
            return change.map(Some).map_err(io::Error::other);
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(number: usize, width: usize) -> pb::SimulatedChange {
        let number = number.to_string();
        let zeros = "0".repeat(width.saturating_sub(number.len()));
        pb::SimulatedChange { device: zeros + &number, ..pb::SimulatedChange::default() }
    }

    /// The names in each page.
    fn pages(spool: Spool) -> Vec<Vec<String>> {
        let mut told = spool.tell().unwrap();
        let mut pages = Vec::new();
        while let Some(page) = told.page().unwrap() {
            assert!(page.encoded_len() <= PAGE_BYTES_MAX + CHANGE_BYTES_MAX);
            pages.push(page.changes.into_iter().map(|change| change.device).collect());
        }
        assert_eq!(told.left(), 0);
        pages
    }

    #[test]
    fn those_that_lose_mail_are_told_first_and_no_more_than_wanted() {
        for (wanted, expected) in
            [(0, &[][..]), (1, &["1"]), (3, &["1", "4", "0"]), (9, &["1", "4", "0", "2", "3"])]
        {
            let mut spool = Spool::of(wanted);
            let turns =
                [Turn::GainMail, Turn::LoseMail, Turn::Looser, Turn::LeftAlone, Turn::LoseMail];
            for (number, turn) in turns.into_iter().enumerate() {
                spool.put(turn, &change(number, 1)).unwrap();
            }
            assert_eq!(pages(spool).concat(), expected, "{wanted}");
        }
    }

    #[test]
    fn more_than_fits_into_memory_or_a_message_is_told_whole() {
        let mut spool = Spool::of(usize::MAX);
        let count = 4 * PAGE_CHANGES_MAX;
        for number in 0..count {
            let turn = Turn::ALL[number % 2];
            spool.put(turn, &change(number, 1100)).unwrap();
        }
        assert!(1100 * count / 2 > MEMORY_BYTES_MAX, "both kinds are on disk");

        let pages = pages(spool);

        assert!(pages.iter().all(|page| page.len() < PAGE_CHANGES_MAX), "cut by their bytes");
        let told: Vec<_> = pages.concat().iter().map(|it| it.parse::<usize>().unwrap()).collect();
        let expected: Vec<_> = (0..count).step_by(2).chain((1..count).step_by(2)).collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn a_device_that_cannot_be_is_refused() {
        let mut spool = Spool::of(1);
        assert!(spool.put(Turn::LoseMail, &change(1, CHANGE_BYTES_MAX)).is_err());
    }
}
