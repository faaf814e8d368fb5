//! Where the pages of one snapshot wait for its commit: a temporary table of a connection of its
//! own. The engine keeps a few MiB of it in memory and the rest in a file without a name, so a
//! snapshot of any size costs the same memory, and one that is cut leaves nothing behind.

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, QueryBuilder, Row as _, Sqlite};

use exgate_domain::ids::ObservationDigest;
use exgate_domain::observation::Key;

use super::columns::{Columns, Named};
use super::observed::Row;
use super::{ROWS_PER_STATEMENT_MAX, StoreError};

/// The memory that the engine may use for one snapshot, in KiB; negative, as the engine wants it.
const CACHE_KIB: &str = "-4096";

/// The rows of one snapshot; the last one counts when a key comes twice.
#[derive(Debug, Default)]
pub(crate) struct Staging {
    /// Opened with the first row: most snapshots have none that changed.
    connection: Option<SqliteConnection>,
}

impl Staging {
    /// Adds rows.
    pub(crate) async fn put(&mut self, rows: &[Row]) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        let connection = match &mut self.connection {
            Some(connection) => connection,
            empty => empty.insert(open().await?),
        };
        for chunk in rows.chunks(ROWS_PER_STATEMENT_MAX) {
            let mut statement = QueryBuilder::<Sqlite>::new(
                "INSERT OR REPLACE INTO staged (kind, guid, digest, observation, dn, device_id,
                                                primary_smtp, access_state, directory_changed_at) ",
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
            statement.build().persistent(full).execute(&mut *connection).await?;
        }
        Ok(())
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
            let digest: &[u8] = row.try_get("digest")?;
            Ok(Row {
                key: Key { kind: row.variant("kind")?, guid: row.guid("guid")? },
                digest: ObservationDigest::try_from(digest)
                    .map_err(|error| StoreError::damaged("digest", error))?,
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
}

async fn open() -> Result<SqliteConnection, StoreError> {
    let mut connection = SqliteConnectOptions::new()
        .in_memory(true)
        .pragma("temp_store", "FILE")
        .pragma("temp.cache_size", CACHE_KIB)
        .pragma("temp.journal_mode", "OFF")
        .connect()
        .await?;
    sqlx::query(
        "CREATE TEMPORARY TABLE staged (
             number INTEGER PRIMARY KEY, kind TEXT, guid BLOB, digest BLOB, observation BLOB,
             dn TEXT, device_id TEXT, primary_smtp TEXT, access_state TEXT,
             directory_changed_at INTEGER, UNIQUE (kind, guid))",
    )
    .execute(&mut connection)
    .await?;
    Ok(connection)
}
