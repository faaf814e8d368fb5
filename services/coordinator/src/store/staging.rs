//! Where the pages of one snapshot wait for its commit: a database file of their own beside the
//! store, named by the run. A page is in it, or is not, when the process dies; so an upload that broke
//! off goes on after the last page that is there. It is never the store's truth: without it, a run
//! starts over.
//!
//! Rows are appended and never searched, so that a page costs the same however many there are. A key
//! may come twice; the later one counts.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection, QueryBuilder, Row as _, Sqlite};
use uuid::Uuid;

use exgate_domain::ids::{ObservationDigest, RunId, SnapshotId};
use exgate_domain::observation::{Key, Kind};
use exgate_domain::snapshot::{Finished, Resume};
use exgate_proto::convert::{decode_finished, encode_finished};

use super::columns::{Columns, Named, count};
use super::observed::Row;
use super::{ROWS_PER_STATEMENT_MAX, Store, StoreError};

/// The memory that the engine may use for one snapshot, in KiB; negative, as the engine wants it.
const CACHE_KIB: &str = "-4096";
/// How many pages of the engine's log are moved into the file at once: 16 MiB.
const LOG_PAGES: &str = "4096";
/// How long to wait for an upload that was cut to let go of the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long after it was listed a step need not be listed again. What was read then is as old when
/// the run ends.
const STEP_FRESH_MAX: Duration = Duration::from_secs(30 * 60);
/// The bytes of a key: its kind, and its Guid.
const KEY_BYTES: usize = 17;

/// The pages of one snapshot.
#[derive(Debug)]
pub(crate) struct Staging {
    path: PathBuf,
    snapshot: SnapshotId,
    /// Opened with the first page.
    connection: Option<SqliteConnection>,
}

/// What of a snapshot was staged by an earlier upload.
#[derive(Debug, Default)]
pub(crate) struct Staged {
    /// Digests of its pages.
    pub(crate) pages: Vec<ObservationDigest>,
    /// Rows in them.
    pub(crate) rows: u64,
    /// Objects that were seen as they were when last acknowledged.
    pub(crate) unchanged: HashSet<Key>,
    finished: Option<(Finished, Timestamp)>,
}

/// A page to be staged; its rows go beside.
#[derive(Debug)]
pub(crate) struct StagedPage<'a> {
    pub(crate) number: u64,
    pub(crate) digest: ObservationDigest,
    pub(crate) unchanged: &'a [Key],
    pub(crate) finished: Option<&'a Finished>,
    pub(crate) now: Timestamp,
}

impl Store {
    /// Opens the staging of a run's snapshot, with what an earlier upload of the same one left. What
    /// another one left is dropped.
    pub(crate) async fn staging(
        &self,
        run: RunId,
        snapshot: SnapshotId,
    ) -> Result<(Staging, Staged), StoreError> {
        let path = self.staging_of(run);
        let mut staging = Staging { path, snapshot, connection: None };
        match read(&staging.path).await {
            Some((connection, id, staged)) if id == snapshot => {
                staging.connection = Some(connection);
                Ok((staging, staged))
            }
            Some((connection, ..)) => {
                close(connection).await;
                remove(&staging.path);
                Ok((staging, Staged::default()))
            }
            None => {
                remove(&staging.path);
                Ok((staging, Staged::default()))
            }
        }
    }

    /// What a run may go on from, if an upload of it broke off.
    pub(crate) async fn resume(&self, run: RunId, now: Timestamp) -> Option<Resume> {
        let (connection, id, staged) = read(&self.staging_of(run)).await?;
        close(connection).await;
        let Staged { pages, rows, finished, .. } = staged;
        let fresh = |at: &Timestamp| now.duration_since(*at).unsigned_abs() <= STEP_FRESH_MAX;
        let finished = finished.filter(|(_, at)| fresh(at)).map(|(finished, _)| finished);
        (!pages.is_empty()).then_some(Resume { id, pages, rows, finished })
    }

    /// Forgets what is staged of a run.
    pub(crate) fn forget_staging(&self, run: RunId) {
        remove(&self.staging_of(run));
    }

    /// Forgets what is staged of all runs but these.
    pub(crate) fn sweep_staging(&self, runs: &[RunId]) {
        let kept: Vec<String> = runs.iter().map(|run| file_name(*run)).collect();
        let Ok(entries) = std::fs::read_dir(&self.staging) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if !kept.iter().any(|kept| name.starts_with(kept)) {
                drop_file(&entry.path());
            }
        }
    }

    fn staging_of(&self, run: RunId) -> PathBuf {
        self.staging.join(file_name(run))
    }
}

impl Staging {
    /// Adds a page: all of it, or nothing.
    pub(crate) async fn put(
        &mut self,
        page: StagedPage<'_>,
        rows: &[Row],
    ) -> Result<(), StoreError> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            empty => empty.insert(create(&self.path, self.snapshot).await?),
        };
        let mut tx = connection.begin().await?;
        for chunk in rows.chunks(ROWS_PER_STATEMENT_MAX) {
            let mut statement = QueryBuilder::<Sqlite>::new(
                "INSERT INTO staged (kind, guid, digest, observation, dn, device_id, primary_smtp,
                                     access_state, directory_changed_at) ",
            );
            statement.push_values(chunk, |mut values, row| {
                values
                    .push_bind(row.key.kind.name())
                    .push_bind(row.key.guid.as_bytes().to_vec())
                    .push_bind(row.digest.as_bytes().to_vec())
                    .push_bind(row.observation.clone())
                    .push_bind(row.dn.clone())
                    .push_bind(row.device_id.clone())
                    .push_bind(row.primary_smtp.clone())
                    .push_bind(row.access_state.clone())
                    .push_bind(row.directory_changed_at);
            });
            let full = chunk.len() == ROWS_PER_STATEMENT_MAX;
            statement.build().persistent(full).execute(&mut *tx).await?;
        }
        let StagedPage { number, digest, unchanged, finished, now } = page;
        let all = rows.len() + unchanged.len();
        sqlx::query(
            "INSERT INTO pages (number, digest, row_count, unchanged, finished, staged_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )
        .bind(count(number))
        .bind(digest.as_bytes().as_slice())
        .bind(i64::try_from(all).unwrap_or(i64::MAX))
        .bind(packed(unchanged))
        .bind(finished.map(encode_finished))
        .bind(now.as_millisecond())
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// Gets some rows after the one with number `after`, and the number of the last of them.
    pub(crate) async fn next(&mut self, after: i64) -> Result<(Vec<Row>, i64), StoreError> {
        let Some(connection) = &mut self.connection else { return Ok((Vec::new(), after)) };
        let rows = sqlx::query(
            "SELECT number, kind, guid, digest, observation, dn, device_id, primary_smtp,
                    access_state, directory_changed_at
             FROM staged WHERE number > ?1 ORDER BY number LIMIT ?2",
        )
        .bind(after)
        .bind(i64::try_from(ROWS_PER_STATEMENT_MAX).unwrap_or(i64::MAX))
        .fetch_all(connection)
        .await?;
        let last = rows.last().map(|row| row.try_get("number")).transpose()?.unwrap_or(after);
        let rows = rows.iter().map(|row| {
            Ok(Row {
                key: Key { kind: row.variant("kind")?, guid: row.guid("guid")? },
                digest: digest(row)?,
                observation: row.bytes("observation")?,
                dn: row.try_get("dn")?,
                device_id: row.try_get("device_id")?,
                primary_smtp: row.try_get("primary_smtp")?,
                access_state: row.try_get("access_state")?,
                directory_changed_at: row.try_get("directory_changed_at")?,
            })
        });
        Ok((rows.collect::<Result<_, StoreError>>()?, last))
    }

    /// Forgets all of it.
    pub(crate) async fn remove(self) {
        if let Some(connection) = self.connection {
            close(connection).await;
        }
        remove(&self.path);
    }
}

/// Reads what a file holds; none when there is none, or it cannot be read: then the run starts over.
async fn read(path: &Path) -> Option<(SqliteConnection, SnapshotId, Staged)> {
    if !path.try_exists().unwrap_or_default() {
        return None;
    }
    let reading = async {
        let mut connection = options(path).connect().await?;
        let row = sqlx::query("SELECT snapshot FROM begun").fetch_one(&mut connection).await?;
        let snapshot = SnapshotId::new(row.guid("snapshot")?);
        let rows = sqlx::query(
            "SELECT number, digest, row_count, unchanged, finished, staged_at
             FROM pages ORDER BY number",
        )
        .fetch_all(&mut connection)
        .await?;
        let mut staged = Staged::default();
        for row in &rows {
            staged.pages.push(digest(row)?);
            staged.rows += row.number("row_count")?;
            let unchanged: &[u8] = row.try_get("unchanged")?;
            unpack(unchanged, &mut staged.unchanged)?;
            if let Some(bytes) = row.try_get::<Option<&[u8]>, _>("finished")? {
                let finished = decode_finished(bytes)
                    .map_err(|error| StoreError::damaged("finished step", error))?;
                staged.finished = Some((finished, row.instant("staged_at")?));
            }
        }
        Ok::<_, StoreError>((connection, snapshot, staged))
    };
    match reading.await {
        Ok(read) => Some(read),
        Err(error) => {
            let error = exgate_runtime::report(&error);
            tracing::warn!(path = %path.display(), error, "what was staged cannot be read");
            None
        }
    }
}

async fn create(path: &Path, snapshot: SnapshotId) -> Result<SqliteConnection, StoreError> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| StoreError::Engine(error.into()))?;
    }
    let mut connection = options(path).create_if_missing(true).connect().await?;
    // Nothing is lost with a file that is not there yet, so it need not wait for the disk.
    sqlx::raw_sql(
        "PRAGMA synchronous = OFF;
         PRAGMA journal_mode = WAL;
         CREATE TABLE begun (snapshot BLOB NOT NULL) STRICT;
         CREATE TABLE pages (
             number INTEGER PRIMARY KEY, digest BLOB NOT NULL, row_count INTEGER NOT NULL,
             unchanged BLOB NOT NULL, finished BLOB, staged_at INTEGER NOT NULL) STRICT;
         CREATE TABLE staged (
             number INTEGER PRIMARY KEY, kind TEXT, guid BLOB, digest BLOB, observation BLOB,
             dn TEXT, device_id TEXT, primary_smtp TEXT, access_state TEXT,
             directory_changed_at INTEGER) STRICT;",
    )
    .execute(&mut connection)
    .await?;
    sqlx::query("INSERT INTO begun (snapshot) VALUES (?1)")
        .bind(snapshot.guid().as_bytes().as_slice())
        .execute(&mut connection)
        .await?;
    sqlx::raw_sql("PRAGMA synchronous = NORMAL").execute(&mut connection).await?;
    Ok(connection)
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("synchronous", "NORMAL")
        .pragma("cache_size", CACHE_KIB)
        .pragma("wal_autocheckpoint", LOG_PAGES)
}

async fn close(connection: SqliteConnection) {
    if let Err(error) = connection.close().await {
        tracing::debug!(error = exgate_runtime::report(&error), "a staging was not closed");
    }
}

fn file_name(run: RunId) -> String {
    format!("{run}.staged")
}

/// Removes a file and what the engine keeps beside it.
fn remove(path: &Path) {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        drop_file(Path::new(&name));
    }
}

fn drop_file(path: &Path) {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::warn!(path = %path.display(), %error, "a staging was not removed");
        }
        Ok(()) | Err(_) => {}
    }
}

fn digest(row: &sqlx::sqlite::SqliteRow) -> Result<ObservationDigest, StoreError> {
    let digest: &[u8] = row.try_get("digest")?;
    ObservationDigest::try_from(digest).map_err(|error| StoreError::damaged("digest", error))
}

/// Keys as bytes: the place of the kind among all kinds, and the Guid.
fn packed(keys: &[Key]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(keys.len() * KEY_BYTES);
    for key in keys {
        let place = Kind::ALL.iter().position(|kind| *kind == key.kind).unwrap_or_default();
        bytes.push(u8::try_from(place).unwrap_or_default());
        bytes.extend_from_slice(key.guid.as_bytes());
    }
    bytes
}

fn unpack(bytes: &[u8], keys: &mut HashSet<Key>) -> Result<(), StoreError> {
    let (packed, rest) = bytes.as_chunks::<KEY_BYTES>();
    if !rest.is_empty() {
        return Err(StoreError::damaged("keys", rest.len()));
    }
    for [place, guid @ ..] in packed {
        let kind = Kind::ALL.get(usize::from(*place)).copied();
        let kind = kind.ok_or_else(|| StoreError::damaged("kind", place))?;
        keys.insert(Key { kind, guid: Uuid::from_bytes(*guid) });
    }
    Ok(())
}
