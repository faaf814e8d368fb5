//! Every case of an organization due at once: noted in one row, whatever their number, and marked a
//! part at a time, ahead of what is asked. A million marks in the transaction that causes them would hold every
//! other writer up for a minute.
//!
//! Invariant: a case behind the sweep was marked after the sweep began, so an answer that was asked for
//! before does not take its mark off; one ahead of it will be marked, whatever is answered until then.

use jiff::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use exgate_domain::ids::OrganizationId;

use super::columns::Columns;
use super::{Store, StoreError};

/// Greater than every mailbox: those have sixteen bytes.
const BEHIND_ALL: [u8; 17] = [u8::MAX; 17];

impl Store {
    /// Makes every case of one or of all organizations due.
    pub async fn mark_all_due(
        &self,
        organization: Option<&OrganizationId>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        begin(&mut tx, organization, now).await?;
        Ok(tx.commit().await?)
    }

    /// Marks the next `limit` cases of an organization's sweep, in the order of their keys; says whether
    /// there was a sweep.
    pub async fn sweep(
        &self,
        organization: &OrganizationId,
        limit: u32,
    ) -> Result<bool, StoreError> {
        // Nearly always there is none, and the writer is not asked.
        let any = sqlx::query("SELECT 1 FROM sweeps WHERE organization = ?1")
            .bind(organization.as_str())
            .fetch_optional(&self.read)
            .await?;
        if any.is_none() {
            return Ok(false);
        }
        let mut tx = self.begin().await?;
        let is_under_way = step(&mut tx, organization, limit).await?;
        tx.commit().await?;
        Ok(is_under_way)
    }
}

/// Begins to mark every case of one or of all organizations. A sweep that is under way goes on, and then
/// comes back for the cases that it marked before now: who begins again and again does not keep it from
/// the last ones.
pub(super) async fn begin(
    tx: &mut SqliteConnection,
    organization: Option<&OrganizationId>,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO sweeps (organization, due_at)
         SELECT name, ?2 FROM organizations WHERE ?1 IS NULL OR name = ?1
         ON CONFLICT (organization) DO UPDATE SET
             again_at = CASE WHEN mailbox = x'' THEN NULL ELSE excluded.due_at END,
             stop_mailbox = CASE WHEN mailbox = x'' THEN NULL ELSE mailbox END,
             stop_device_id = CASE WHEN mailbox = x'' THEN NULL ELSE device_id END",
    )
    .bind(organization.map(OrganizationId::as_str))
    .bind(now.as_millisecond())
    .execute(tx)
    .await?;
    Ok(())
}

/// A case by its key.
type At = (Vec<u8>, String);

/// How far a sweep is.
struct Progress {
    due_at: i64,
    /// Marked up to and with this one.
    reached: At,
    /// Since when the cases of the second lap are due.
    again_at: Option<i64>,
    /// Where the second lap ends.
    stop: Option<At>,
}

impl Progress {
    fn read(row: &SqliteRow) -> Result<Self, StoreError> {
        let stop_mailbox: Option<Vec<u8>> = row.try_get("stop_mailbox")?;
        Ok(Self {
            due_at: row.try_get("due_at")?,
            reached: (row.bytes("mailbox")?, row.text("device_id")?),
            again_at: row.try_get("again_at")?,
            stop: stop_mailbox.zip(row.try_get("stop_device_id")?),
        })
    }

    /// The last case of this lap.
    fn end(&self) -> At {
        let stop = self.stop.clone().filter(|_| self.again_at.is_none());
        stop.unwrap_or_else(|| (BEHIND_ALL.to_vec(), String::new()))
    }
}

async fn step(
    tx: &mut SqliteConnection,
    organization: &OrganizationId,
    limit: u32,
) -> Result<bool, StoreError> {
    let row = sqlx::query("SELECT * FROM sweeps WHERE organization = ?1")
        .bind(organization.as_str())
        .fetch_optional(&mut *tx)
        .await?;
    let Some(row) = row else { return Ok(false) };
    let progress = Progress::read(&row)?;
    let reached = last_of_part(tx, organization, &progress, limit).await?;
    let to = reached.clone().unwrap_or_else(|| progress.end());
    sqlx::query(
        "UPDATE cases SET due_at = MIN(COALESCE(due_at, ?2), ?2), mark = mark + 1
         WHERE organization = ?1 AND (mailbox, device_id) > (?3, ?4)
           AND (mailbox, device_id) <= (?5, ?6)",
    )
    .bind(organization.as_str())
    .bind(progress.due_at)
    .bind(&progress.reached.0)
    .bind(&progress.reached.1)
    .bind(&to.0)
    .bind(&to.1)
    .execute(&mut *tx)
    .await?;
    note(tx, organization, reached, progress.again_at.is_some()).await?;
    Ok(true)
}

/// The last of the next `limit` cases of this lap; none when no further ones follow.
async fn last_of_part(
    tx: &mut SqliteConnection,
    organization: &OrganizationId,
    progress: &Progress,
    limit: u32,
) -> Result<Option<At>, StoreError> {
    let (from, to) = (&progress.reached, progress.end());
    let rows = sqlx::query(
        "SELECT mailbox, device_id FROM cases
         WHERE organization = ?1 AND (mailbox, device_id) > (?2, ?3)
           AND (mailbox, device_id) <= (?4, ?5)
         ORDER BY mailbox, device_id LIMIT 2 OFFSET ?6",
    )
    .bind(organization.as_str())
    .bind(&from.0)
    .bind(&from.1)
    .bind(to.0)
    .bind(to.1)
    .bind(limit.saturating_sub(1))
    .fetch_all(&mut *tx)
    .await?;
    match rows.as_slice() {
        [last, _] => Ok(Some((last.bytes("mailbox")?, last.text("device_id")?))),
        _ => Ok(None),
    }
}

/// Notes how far the sweep is; none is the end of a lap.
async fn note(
    tx: &mut SqliteConnection,
    organization: &OrganizationId,
    reached: Option<At>,
    has_second_lap: bool,
) -> Result<(), StoreError> {
    let noted = match reached {
        Some((mailbox, device_id)) => {
            let sql = "UPDATE sweeps SET mailbox = ?2, device_id = ?3 WHERE organization = ?1";
            sqlx::query(sql).bind(organization.as_str()).bind(mailbox).bind(device_id)
        }
        None if has_second_lap => {
            let sql = "UPDATE sweeps SET due_at = again_at, again_at = NULL, mailbox = x'', device_id = ''
                       WHERE organization = ?1";
            sqlx::query(sql).bind(organization.as_str())
        }
        None => {
            sqlx::query("DELETE FROM sweeps WHERE organization = ?1").bind(organization.as_str())
        }
    };
    noted.execute(tx).await?;
    Ok(())
}
