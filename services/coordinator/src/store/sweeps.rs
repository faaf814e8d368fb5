//! Every case of an organization due at once: noted in one row, whatever their number, and marked a
//! part at a time, ahead of what is asked. A million marks in the transaction that causes them would hold every
//! other writer up for a minute.
//!
//! Invariant: a case behind the sweep was marked after the sweep began, so an answer that was asked for
//! before does not take its mark off; one ahead of it will be marked, whatever is answered until then.

use jiff::Timestamp;
use sqlx::SqliteConnection;

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

/// Begins to mark every case of one or of all organizations, from the first one when it had begun
/// before.
pub(super) async fn begin(
    tx: &mut SqliteConnection,
    organization: Option<&OrganizationId>,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO sweeps (organization, due_at)
         SELECT name, ?2 FROM organizations WHERE ?1 IS NULL OR name = ?1
         ON CONFLICT (organization) DO UPDATE SET
             due_at = MIN(due_at, excluded.due_at), mailbox = x'', device_id = ''",
    )
    .bind(organization.map(OrganizationId::as_str))
    .bind(now.as_millisecond())
    .execute(tx)
    .await?;
    Ok(())
}

/// The key of the last case that is marked.
type Reached = (Vec<u8>, String);

async fn step(
    tx: &mut SqliteConnection,
    organization: &OrganizationId,
    limit: u32,
) -> Result<bool, StoreError> {
    let row = sqlx::query("SELECT due_at, mailbox, device_id FROM sweeps WHERE organization = ?1")
        .bind(organization.as_str())
        .fetch_optional(&mut *tx)
        .await?;
    let Some(row) = row else { return Ok(false) };
    let from: Reached = (row.bytes("mailbox")?, row.text("device_id")?);
    let last = sqlx::query(
        "SELECT mailbox, device_id FROM cases
         WHERE organization = ?1 AND (mailbox, device_id) > (?2, ?3)
         ORDER BY mailbox, device_id LIMIT 1 OFFSET ?4",
    )
    .bind(organization.as_str())
    .bind(&from.0)
    .bind(&from.1)
    .bind(limit.saturating_sub(1))
    .fetch_optional(&mut *tx)
    .await?;
    let last =
        last.map(|row| Ok::<Reached, StoreError>((row.bytes("mailbox")?, row.text("device_id")?)));
    let last = last.transpose()?;
    let to = last.clone().unwrap_or_else(|| (BEHIND_ALL.to_vec(), String::new()));
    sqlx::query(
        "UPDATE cases SET due_at = MIN(COALESCE(due_at, ?2), ?2), mark = mark + 1
         WHERE organization = ?1 AND (mailbox, device_id) > (?3, ?4)
           AND (mailbox, device_id) <= (?5, ?6)",
    )
    .bind(organization.as_str())
    .bind(row.instant("due_at")?.as_millisecond())
    .bind(from.0)
    .bind(from.1)
    .bind(to.0)
    .bind(to.1)
    .execute(&mut *tx)
    .await?;
    let noted = match last {
        Some((mailbox, device_id)) => {
            let sql = "UPDATE sweeps SET mailbox = ?2, device_id = ?3 WHERE organization = ?1";
            sqlx::query(sql).bind(organization.as_str()).bind(mailbox).bind(device_id)
        }
        // Fewer than a part were left.
        None => {
            sqlx::query("DELETE FROM sweeps WHERE organization = ?1").bind(organization.as_str())
        }
    };
    noted.execute(tx).await?;
    Ok(true)
}
