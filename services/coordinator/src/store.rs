//! Every stored fact, and all SQL. Domain values go in and come out; what is stored as bytes is
//! protobuf.
//!
//! One SQLite file, one coordinator: a lock file beside it keeps a second one out. One connection
//! writes, so writers queue here and never in the engine; every public method that writes is one
//! transaction and answers after its commit, which is on disk (`synchronous=FULL`).

mod columns;
mod schema;
mod written;
mod audit;
mod organizations;
mod leases;
mod configuration;
mod connectors;
mod runs;
mod keys;
mod observed;
mod statistics;
mod staging;
mod swap;
mod cases;
mod sweeps;
mod decisions;
mod walks;
mod intents;
mod commands;
mod answers;
mod devices;
mod policies;
mod bundles;
mod records;

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Sqlite, Transaction};

pub use answers::{Answer, Answered};
pub use audit::{AuditAction, AuditEntry};
pub use bundles::StoredBundle;
pub use cases::{CaseFacts, CaseKey, Marked};
pub use commands::{StoredAnswer, StoredCommand};
pub use configuration::Configuration;
pub use connectors::{Connector, PreflightStep};
pub use decisions::{Decided, DecisionsStored, StoredDecision, noncompliant_since};
pub use devices::{DeviceFilter, DeviceTally, StoredDevice};
pub use intents::{Compared, DeviceView, Intent, ListName, MailboxView, OwnedEntry, Pending};
pub use observed::ObservedOrder;
pub use organizations::{ModeChange, StoredOrganization};
pub use policies::{AppliedPolicies, PolicyFile, StoredPolicy};
pub use records::{SourceRecords, SourceRow};
pub use runs::{RunCreated, RunHistory, StoredRun};
pub use statistics::StoredStatistics;
pub use walks::CaseRow;
pub use written::{RowKind, RowsWritten};

pub(crate) use columns::folded;

pub(crate) use observed::{Row as ObservedRow, Watermark};
pub(crate) use staging::{StagedPage, Staging};
pub(crate) use statistics::Overdue;
pub(crate) use swap::{Extent, Shrunk, Swap, Swapped};

use keys::KeyMaps;
use written::Tally;

/// What the engine's log shrinks to, in bytes, after a large transaction has made it long.
const LOG_BYTES: &str = "67108864";
/// How many connections read.
const READERS: u32 = 4;
/// How long a statement waits for the engine's own locks.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a caller waits for the writer: more than the swap of a first snapshot of a million devices
/// takes on a busy machine. Who gives up ends an agent's session, and with it the sync that it waits for.
const WRITER_WAIT_MAX: Duration = Duration::from_secs(900);
/// The most rows in one statement that inserts many.
const ROWS_PER_STATEMENT_MAX: usize = 200;

/// The store of one coordinator; cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    write: SqlitePool,
    read: SqlitePool,
    keys: Arc<KeyMaps>,
    written: RowsWritten,
    /// The folder of snapshots that wait for their commit.
    staging: PathBuf,
    _lock: Arc<File>,
}

/// Why the store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another coordinator has it.
    #[error(
        "store {path:?} is in use by another coordinator: stop that one, or give this one a file of its own in [store] path"
    )]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The lock file cannot be made.
    #[error("store {path:?} cannot be locked: its folder must exist and be writable")]
    Lock {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is no database, or cannot be read or written.
    #[error("store {path:?} cannot be opened")]
    Open {
        /// The file.
        path: PathBuf,
        /// What the engine said.
        source: sqlx::Error,
    },
    /// Its schema cannot be brought up to date.
    #[error(
        "store {path:?} cannot be brought to this version's schema; one that a newer version wrote needs that version"
    )]
    Schema {
        /// The file.
        path: PathBuf,
        /// What the engine said.
        source: sqlx::migrate::MigrateError,
    },
}

/// Why a stored fact cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The engine refused.
    #[error("the store could not be read or written")]
    Engine(#[from] sqlx::Error),
    /// What is stored is not what was written.
    #[error("stored {what} is damaged: {found}")]
    Damaged {
        /// What was to be read.
        what: &'static str,
        /// What was found.
        found: String,
    },
    /// A fact of an organization that is not there.
    #[error("there is no organization {0:?}")]
    NoOrganization(String),
    /// The key map and the file disagree; the map was dropped and the next try reads it anew.
    #[error("the rows of organization {0:?} changed behind the key map")]
    KeysOutOfDate(String),
}

impl StoreError {
    fn damaged(what: &'static str, found: impl std::fmt::Display) -> Self {
        Self::Damaged { what, found: found.to_string() }
    }
}

impl Store {
    /// Opens the store in `path`, makes it when it is not there and brings its schema up to date.
    pub async fn open(path: &Path) -> Result<Self, OpenError> {
        let lock = lock(path)?;
        let failed = |source| OpenError::Open { path: path.to_owned(), source };
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .pragma("journal_size_limit", LOG_BYTES);
        let pool = |size| {
            let pool = SqlitePoolOptions::new().max_connections(size);
            pool.idle_timeout(None).max_lifetime(None).test_before_acquire(false)
        };
        let write = pool(1)
            .acquire_timeout(WRITER_WAIT_MAX)
            .connect_with(options.clone().create_if_missing(true))
            .await
            .map_err(failed)?;
        let migrated = schema::migrator().run(&write).await;
        migrated.map_err(|source| OpenError::Schema { path: path.to_owned(), source })?;
        let read = pool(READERS)
            .connect_with(options.read_only(true).pragma("query_only", "ON"))
            .await
            .map_err(failed)?;
        Ok(Self {
            write,
            read,
            keys: Arc::default(),
            written: RowsWritten::default(),
            staging: beside(path, ".staging"),
            _lock: Arc::new(lock),
        })
    }

    /// Lets go of the file once all that runs has ended.
    pub async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }

    /// How many rows were written since the store was opened.
    pub fn rows_written(&self) -> &RowsWritten {
        &self.written
    }

    async fn begin(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        Ok(self.write.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// Ends a transaction and counts what it wrote.
    async fn commit(
        &self,
        tx: Transaction<'static, Sqlite>,
        tally: Tally,
    ) -> Result<(), StoreError> {
        tx.commit().await?;
        self.written.add(tally);
        Ok(())
    }
}

/// Takes the store for this process until the file is closed. The system lets go of the lock when
/// the process ends, however it ends.
fn lock(path: &Path) -> Result<File, OpenError> {
    let failed = |source| OpenError::Lock { path: path.to_owned(), source };
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(beside(path, ".lock"))
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// A path that continues the store's.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut beside = path.as_os_str().to_owned();
    beside.push(suffix);
    beside.into()
}

#[cfg(test)]
mod tests;
