//! Owns the append-only file that a simulator lives on: one JSON object per line.
//!
//! Invariant: a line is written whole before anything in it is visible to anybody, so that a world
//! replayed after SIGKILL holds everything that anyone was ever told. Losing power is not covered.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::blueprint::Blueprint;
use super::event::{Event, Occurrence};

/// The journal's name in the state directory.
const FILE: &str = "journal.jsonl";

/// A line of the file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// An organization begins.
    Begun(Box<Blueprint>),
    /// Something happened.
    Happened(Occurrence),
}

/// The open file.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    writer: Mutex<Writer>,
}

/// The right to append; whoever holds it is the only one who does.
#[derive(Debug)]
pub struct Writer {
    file: Option<File>,
    sequence: u64,
}

/// Why the journal could not be read or written.
#[derive(Debug, Error)]
pub enum JournalError {
    /// The file system refused.
    #[error("journal {path} could not be used")]
    File {
        /// The file.
        path: PathBuf,
        /// What it said.
        #[source]
        source: std::io::Error,
    },
    /// A line in the middle is no line of ours.
    #[error("journal {path} is damaged in line {line}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line's number, from 1.
        line: usize,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
}

impl Journal {
    /// Opens or makes the journal of a state directory, and reads what it holds.
    ///
    /// A last line without its end is what a killed process leaves: it is cut off.
    pub fn open(directory: &Path) -> Result<(Self, Vec<Line>), JournalError> {
        let path = directory.join(FILE);
        let failed = |source| JournalError::File { path: path.clone(), source };
        std::fs::create_dir_all(directory).map_err(failed)?;
        let mut file =
            OpenOptions::new().create(true).read(true).append(true).open(&path).map_err(failed)?;
        let (lines, whole) = read(&file, &path)?;
        file.set_len(whole).map_err(failed)?;
        file.seek(SeekFrom::End(0)).map_err(failed)?;
        let sequence = lines.iter().map(last_sequence).max().unwrap_or(0);
        let writer = Mutex::new(Writer { file: Some(file), sequence });
        Ok((Self { path, writer }, lines))
    }

    /// A journal that keeps nothing, for worlds that need not outlive their process.
    pub fn in_memory() -> Self {
        Self { path: PathBuf::new(), writer: Mutex::new(Writer { file: None, sequence: 0 }) }
    }

    /// Takes the right to append.
    pub fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Writer {
    /// The next position in the ledger.
    pub fn next_sequence(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    /// Writes one line, whole.
    pub fn append(&mut self, line: &Line, path: &Path) -> Result<(), JournalError> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let failed = |source| JournalError::File { path: path.to_owned(), source };
        let mut text = serde_json::to_vec(line).map_err(|source| failed(source.into()))?;
        text.push(b'\n');
        file.write_all(&text).map_err(failed)
    }
}

fn last_sequence(line: &Line) -> u64 {
    let Line::Happened(occurrence) = line else { return 0 };
    let sequences = occurrence.events.iter().map(|event| match event {
        Event::Ledger(entry) => entry.sequence,
        Event::Device(_)
        | Event::Mailbox(_)
        | Event::Settings(_)
        | Event::DeviceRemoved(_)
        | Event::Rules(_)
        | Event::Policies(_)
        | Event::Mail(_)
        | Event::Invoked(_)
        | Event::Advanced(_)
        | Event::Paced(_) => 0,
    });
    sequences.max().unwrap_or(0)
}

/// Reads every whole line, and says how many bytes they take.
fn read(file: &File, path: &Path) -> Result<(Vec<Line>, u64), JournalError> {
    let mut reader = BufReader::new(file);
    let mut lines = Vec::new();
    let mut whole = 0_u64;
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        let length = reader
            .read_until(b'\n', &mut buffer)
            .map_err(|source| JournalError::File { path: path.to_owned(), source })?;
        if buffer.pop() != Some(b'\n') {
            return Ok((lines, whole));
        }
        let line = serde_json::from_slice(&buffer).map_err(|source| JournalError::Damaged {
            path: path.to_owned(),
            line: lines.len() + 1,
            source,
        })?;
        lines.push(line);
        whole += length as u64;
    }
}
