//! Bundles in force and before: a bundle is kept as long as it is in force or a stored decision names
//! it, and a policy file's text is stored once however many bundles have it.

use jiff::{SignedDuration, Timestamp};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use exgate_domain::ids::BundleDigest;

use super::columns::Columns;
use super::policies::PolicyFile;
use super::{Store, StoreError};

/// The most bundles that one pruning takes out; the next one goes on.
const BUNDLES_PRUNED_MAX: u32 = 100;
/// How long a bundle stays after it was replaced, whoever names it: an answer by it may be under way.
const SPARED: SignedDuration = SignedDuration::from_hours(1);

/// A bundle, in force or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBundle {
    /// Its digest.
    pub digest: BundleDigest,
    /// When it was last put in force.
    pub applied_at: Timestamp,
    /// When another one took its place; none while it is in force.
    pub replaced_at: Option<Timestamp>,
}

impl Store {
    /// The files of a bundle that is in force or was, by path; none when it is not kept.
    pub async fn files_of_bundle(
        &self,
        digest: BundleDigest,
    ) -> Result<Option<Vec<PolicyFile>>, StoreError> {
        let mut tx = self.read.begin().await?;
        let Some(bundle) = number(&mut tx, digest).await? else { return Ok(None) };
        let rows = sqlx::query(
            "SELECT path, content FROM bundle_files
             JOIN policy_texts ON policy_texts.number = bundle_files.text
             WHERE bundle = ?1 ORDER BY path",
        )
        .bind(bundle)
        .fetch_all(&mut *tx)
        .await?;
        let read = |row: &SqliteRow| {
            Ok(PolicyFile { path: row.text("path")?, content: row.bytes("content")? })
        };
        rows.iter().map(read).collect::<Result<_, _>>().map(Some)
    }

    /// Lists every bundle that is kept, the one applied first at first.
    pub async fn bundles(&self) -> Result<Vec<StoredBundle>, StoreError> {
        let rows = sqlx::query(
            "SELECT digest, applied_at, replaced_at FROM bundles ORDER BY applied_at, number",
        )
        .fetch_all(&self.read)
        .await?;
        let read = |row: &SqliteRow| {
            let digest: &[u8] = row.try_get("digest")?;
            Ok(StoredBundle {
                digest: BundleDigest::try_from(digest)
                    .map_err(|error| StoreError::damaged("bundle digest", error))?,
                applied_at: row.instant("applied_at")?,
                replaced_at: row.instant_or_none("replaced_at")?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// Takes out bundles that are not in force and that no decision names; says how many.
    pub async fn prune_bundles(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        let gone = prune(&mut tx, now).await?;
        tx.commit().await?;
        Ok(gone)
    }
}

/// The row of a bundle; none when it is not kept.
pub(super) async fn number(
    connection: &mut SqliteConnection,
    digest: BundleDigest,
) -> Result<Option<i64>, StoreError> {
    let number = sqlx::query_scalar("SELECT number FROM bundles WHERE digest = ?1")
        .bind(digest.as_bytes().as_slice())
        .fetch_optional(connection)
        .await?;
    Ok(number)
}

/// No bundle is in force any more.
pub(super) async fn replace(tx: &mut SqliteConnection, now: Timestamp) -> Result<(), StoreError> {
    sqlx::query("UPDATE bundles SET replaced_at = ?1 WHERE replaced_at IS NULL")
        .bind(now.as_millisecond())
        .execute(tx)
        .await?;
    Ok(())
}

/// Puts a bundle in force, new or old.
pub(super) async fn put(
    tx: &mut SqliteConnection,
    digest: BundleDigest,
    files: &[PolicyFile],
    now: Timestamp,
) -> Result<(), StoreError> {
    let bundle: i64 = sqlx::query_scalar(
        "INSERT INTO bundles (digest, applied_at) VALUES (?1, ?2)
         ON CONFLICT (digest) DO UPDATE SET applied_at = excluded.applied_at, replaced_at = NULL
         RETURNING number",
    )
    .bind(digest.as_bytes().as_slice())
    .bind(now.as_millisecond())
    .fetch_one(&mut *tx)
    .await?;
    for file in files {
        let text = text(tx, file).await?;
        sqlx::query("INSERT OR IGNORE INTO bundle_files (bundle, text) VALUES (?1, ?2)")
            .bind(bundle)
            .bind(text)
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

/// The row of a file's text, which may be there already.
async fn text(tx: &mut SqliteConnection, file: &PolicyFile) -> Result<i64, StoreError> {
    let known: Option<i64> =
        sqlx::query_scalar("SELECT number FROM policy_texts WHERE path = ?1 AND content = ?2")
            .bind(&file.path)
            .bind(&file.content)
            .fetch_optional(&mut *tx)
            .await?;
    if let Some(known) = known {
        return Ok(known);
    }
    let new = sqlx::query_scalar(
        "INSERT INTO policy_texts (path, content) VALUES (?1, ?2) RETURNING number",
    )
    .bind(&file.path)
    .bind(&file.content)
    .fetch_one(tx)
    .await?;
    Ok(new)
}

/// Takes out what nobody needs any more.
pub(super) async fn prune(tx: &mut SqliteConnection, now: Timestamp) -> Result<u64, StoreError> {
    let before = now.saturating_sub(SPARED).unwrap_or(Timestamp::MIN);
    let gone = sqlx::query(
        "DELETE FROM bundles WHERE number IN (
             SELECT number FROM bundles
             WHERE replaced_at < ?1
               AND NOT EXISTS (SELECT 1 FROM decisions WHERE decisions.bundle = bundles.number)
             ORDER BY replaced_at LIMIT ?2)",
    )
    .bind(before.as_millisecond())
    .bind(BUNDLES_PRUNED_MAX)
    .execute(&mut *tx)
    .await?
    .rows_affected();
    if gone > 0 {
        sqlx::query(
            "DELETE FROM policy_texts WHERE NOT EXISTS (
                 SELECT 1 FROM bundle_files WHERE bundle_files.text = policy_texts.number)",
        )
        .execute(tx)
        .await?;
    }
    Ok(gone)
}
