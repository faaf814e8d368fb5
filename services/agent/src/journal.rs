//! What must not be lost: receipts that the coordinator has not stored yet, and the highest lease
//! generation seen. One file per receipt; all of it may be deleted without harm, because a command
//! without a receipt is read back.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use exgate_domain::command::{Receipt, ReceiptOutcome};
use exgate_domain::ids::{CommandId, Generation};

/// The most receipts kept unsent; a full journal refuses further writes to Exchange.
pub const RECEIPTS_UNSENT_MAX: usize = 10_000;

/// Why the journal could not be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A file cannot be read or written.
    #[error("cannot use {}; give the agent's user a writable spool.path with free space", path.display())]
    Spool {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Too many receipts wait for the coordinator.
    #[error("{RECEIPTS_UNSENT_MAX} receipts wait for the coordinator")]
    Full,
}

/// The agent's unsent receipts and its cursor.
#[derive(Debug, Clone)]
pub struct Journal {
    receipts: PathBuf,
    cursor: PathBuf,
}

/// A receipt as it lies on disk: without the read-back, which is old news after a crash.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    command: String,
    generation: u64,
    outcome: Outcome,
    class: String,
    message: String,
    cmdlet: String,
    server: String,
    took_ms: u64,
    traceparent: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Done,
    Refused,
    Unknown,
}

/// The highest lease generation seen.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Cursor {
    generation: u64,
}

impl Journal {
    /// Opens the journal in a spool folder.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(spool: &Path) -> Result<Self, JournalError> {
        let receipts = spool.join("receipts");
        fs::create_dir_all(&receipts)
            .map_err(|source| JournalError::Spool { path: receipts.clone(), source })?;
        Ok(Self { receipts, cursor: spool.join("cursor.json") })
    }

    /// Puts a receipt on disk, in place of an earlier one for the same command.
    ///
    /// # Errors
    /// When the disk refuses, or too many are waiting: then nothing may be written to Exchange.
    pub fn put(&self, receipt: &Receipt) -> Result<(), JournalError> {
        let path = self.path(receipt.command);
        let refuse = |source| JournalError::Spool { path: path.clone(), source };
        if self.files()?.len() >= RECEIPTS_UNSENT_MAX && !path.try_exists().map_err(refuse)? {
            return Err(JournalError::Full);
        }
        let json = serde_json::to_vec(&Entry::from(receipt))
            .map_err(|error| refuse(io::Error::other(error)))?;
        write_durably(&path, &json).map_err(refuse)
    }

    /// Forgets a receipt that the coordinator has stored.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn forget(&self, command: CommandId) -> Result<(), JournalError> {
        let path = self.path(command);
        match fs::remove_file(&path) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(source) => Err(JournalError::Spool { path, source }),
        }
    }

    /// All receipts that wait for the coordinator. One that cannot be read (a torn write) is dropped:
    /// its command then has an unknown outcome.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn unsent(&self) -> Result<Vec<Receipt>, JournalError> {
        let mut receipts = Vec::new();
        for path in self.files()? {
            let read = fs::read(&path).ok().and_then(|json| {
                serde_json::from_slice::<Entry>(&json).ok().and_then(Entry::into_receipt)
            });
            match read {
                Some(receipt) => receipts.push(receipt),
                None => {
                    tracing::warn!(path = %path.display(), "dropped an unreadable receipt");
                    fs::remove_file(&path)
                        .map_err(|source| JournalError::Spool { path: path.clone(), source })?;
                }
            }
        }
        Ok(receipts)
    }

    /// The highest lease generation seen; zero when the cursor was lost.
    pub fn generation_seen(&self) -> Generation {
        let read = fs::read(&self.cursor).ok();
        let cursor = read.and_then(|json| serde_json::from_slice::<Cursor>(&json).ok());
        Generation::new(cursor.unwrap_or_default().generation)
    }

    /// Remembers a lease generation.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn saw(&self, generation: Generation) -> Result<(), JournalError> {
        let refuse = |source| JournalError::Spool { path: self.cursor.clone(), source };
        let json = serde_json::to_vec(&Cursor { generation: generation.get() })
            .map_err(|error| refuse(io::Error::other(error)))?;
        write_durably(&self.cursor, &json).map_err(refuse)
    }

    fn path(&self, command: CommandId) -> PathBuf {
        self.receipts.join(format!("{command}.json"))
    }

    fn files(&self) -> Result<Vec<PathBuf>, JournalError> {
        let refuse = |source| JournalError::Spool { path: self.receipts.clone(), source };
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.receipts).map_err(refuse)? {
            let path = entry.map_err(refuse)?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                files.push(path);
            }
        }
        files.sort();
        Ok(files)
    }
}

/// Writes a file so that after a crash it holds either the old bytes or the new ones.
///
/// # Errors
/// Whatever the operating system says.
pub(crate) fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = path.with_extension("draft");
    let mut file = File::create(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    if cfg!(unix)
        && let Some(folder) = path.parent()
    {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

impl From<&Receipt> for Entry {
    fn from(receipt: &Receipt) -> Self {
        let (outcome, class, message) = match &receipt.outcome {
            ReceiptOutcome::Done => (Outcome::Done, String::new(), String::new()),
            ReceiptOutcome::Refused { class, message } => {
                (Outcome::Refused, class.clone(), message.clone())
            }
            ReceiptOutcome::Unknown { message } => {
                (Outcome::Unknown, String::new(), message.clone())
            }
        };
        Self {
            command: receipt.command.to_string(),
            generation: receipt.generation.get(),
            outcome,
            class,
            message,
            cmdlet: receipt.cmdlet.clone(),
            server: receipt.server.clone(),
            took_ms: u64::try_from(receipt.took.as_millis()).unwrap_or(u64::MAX),
            traceparent: receipt.traceparent.clone(),
        }
    }
}

impl Entry {
    fn into_receipt(self) -> Option<Receipt> {
        let Self {
            command,
            generation,
            outcome,
            class,
            message,
            cmdlet,
            server,
            took_ms,
            traceparent,
        } = self;
        let outcome = match outcome {
            Outcome::Done => ReceiptOutcome::Done,
            Outcome::Refused => ReceiptOutcome::Refused { class, message },
            Outcome::Unknown => ReceiptOutcome::Unknown { message },
        };
        Some(Receipt {
            command: command.parse().ok()?,
            generation: Generation::new(generation),
            outcome,
            read_back: None,
            cmdlet,
            server,
            took: Duration::from_millis(took_ms),
            traceparent,
        })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn receipt(number: u128, outcome: ReceiptOutcome) -> Receipt {
        Receipt {
            command: CommandId::new(Uuid::from_u128(number)),
            generation: Generation::new(3),
            outcome,
            read_back: None,
            cmdlet: "Set-CASMailbox".into(),
            server: "ex01".into(),
            took: Duration::from_millis(12),
            traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into(),
        }
    }

    #[test]
    fn a_receipt_outlives_the_process_until_it_is_stored() {
        let folder = tempfile::tempdir().unwrap();
        let unknown = ReceiptOutcome::Unknown { message: "not answered yet".into() };
        let done = receipt(1, ReceiptOutcome::Done);
        let refused = receipt(
            2,
            ReceiptOutcome::Refused { class: "NotFound".into(), message: "no such mailbox".into() },
        );

        let journal = Journal::open(folder.path()).unwrap();
        journal.put(&receipt(1, unknown)).unwrap();
        journal.put(&done).unwrap();
        journal.put(&refused).unwrap();

        let reopened = Journal::open(folder.path()).unwrap();
        assert_eq!(reopened.unsent().unwrap(), [done.clone(), refused.clone()]);
        reopened.forget(done.command).unwrap();
        reopened.forget(done.command).unwrap();
        assert_eq!(reopened.unsent().unwrap(), [refused]);
    }

    #[test]
    fn a_torn_receipt_is_dropped_and_the_others_stand() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path()).unwrap();
        let whole = receipt(1, ReceiptOutcome::Done);
        journal.put(&whole).unwrap();
        fs::write(folder.path().join("receipts/torn.json"), b"{\"command\":").unwrap();

        assert_eq!(journal.unsent().unwrap(), [whole]);
        assert!(!folder.path().join("receipts/torn.json").try_exists().unwrap());
    }

    #[test]
    fn the_cursor_remembers_the_generation_and_may_be_lost() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path()).unwrap();
        assert_eq!(journal.generation_seen(), Generation::new(0));
        journal.saw(Generation::new(9)).unwrap();
        assert_eq!(journal.generation_seen(), Generation::new(9));
        fs::remove_file(folder.path().join("cursor.json")).unwrap();
        assert_eq!(journal.generation_seen(), Generation::new(0));
    }
}
