//! Walks over all cases of an organization, page by page in the order of their keys, so that a million
//! of them need no more memory than a page. What changes meanwhile may or may not be seen; no case is
//! seen twice.

use jiff::Timestamp;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use exgate_domain::ids::{MailboxId, OrganizationId};

use super::cases::CaseKey;
use super::columns::Columns;
use super::decisions::StoredDecision;
use super::intents::{self, Intent};
use super::{Store, StoreError, decisions};

/// A case and what is intended for its device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseRow {
    /// The case.
    pub key: CaseKey,
    /// What the last decision says; none before the first.
    pub intent: Option<Intent>,
    /// Whether it is to be decided anew, so that the last decision may not be what the policies in force
    /// say.
    pub is_due: bool,
}

impl Store {
    /// How many cases an organization has; some may be about devices that are gone.
    pub async fn case_count(&self, organization: &OrganizationId) -> Result<u64, StoreError> {
        let row = sqlx::query("SELECT COUNT(*) AS cases FROM cases WHERE organization = ?1")
            .bind(organization.as_str())
            .fetch_one(&self.read)
            .await?;
        row.number("cases")
    }

    /// Lists cases by key, as they are due at `now`; `after` is the last one of the page before. While a
    /// sweep is under way, all of them count as due.
    pub async fn cases_after(
        &self,
        organization: &OrganizationId,
        now: Timestamp,
        after: Option<&CaseKey>,
        limit: u32,
    ) -> Result<Vec<CaseRow>, StoreError> {
        let (mailbox, device_id) = position(after);
        let rows = sqlx::query(
            "SELECT mailbox, device_id, decision, access, compliance, reasons, decided_at,
                    COALESCE(due_at <= ?5, FALSE)
                    OR EXISTS (SELECT 1 FROM sweeps WHERE organization = ?1) AS is_due
             FROM cases
             WHERE organization = ?1 AND (mailbox, device_id) > (?2, ?3)
             ORDER BY mailbox, device_id LIMIT ?4",
        )
        .bind(organization.as_str())
        .bind(mailbox)
        .bind(device_id)
        .bind(limit)
        .bind(now.as_millisecond())
        .fetch_all(&self.read)
        .await?;
        let read = |row: &SqliteRow| {
            let (key, intent) = (key(row)?, intents::intent(row)?);
            Ok(CaseRow { key, intent, is_due: row.try_get("is_due")? })
        };
        rows.iter().map(read).collect()
    }

    /// Lists the decisions that were in force at an instant, by the key of their case; `after` is the
    /// last one of the page before.
    pub async fn decisions_at(
        &self,
        organization: &OrganizationId,
        at: Timestamp,
        after: Option<&CaseKey>,
        limit: u32,
    ) -> Result<Vec<(CaseKey, StoredDecision)>, StoreError> {
        let (mailbox, device_id) = position(after);
        let rows = sqlx::query(
            "SELECT mailbox, device_id, id, decided_at, question, answer FROM decisions
             WHERE number IN (
                 SELECT MAX(number) FROM decisions
                 WHERE organization = ?1 AND (mailbox, device_id) > (?2, ?3) AND decided_at <= ?4
                 GROUP BY mailbox, device_id ORDER BY mailbox, device_id LIMIT ?5)
             ORDER BY mailbox, device_id",
        )
        .bind(organization.as_str())
        .bind(mailbox)
        .bind(device_id)
        .bind(at.as_millisecond())
        .bind(limit)
        .fetch_all(&self.read)
        .await?;
        rows.iter().map(|row| Ok((key(row)?, decisions::read(row)?))).collect()
    }

    /// How many cases had a decision at an instant.
    pub async fn decision_count_at(
        &self,
        organization: &OrganizationId,
        at: Timestamp,
    ) -> Result<u64, StoreError> {
        let row = sqlx::query(
            "SELECT COUNT(*) AS cases FROM (
                 SELECT 1 FROM decisions WHERE organization = ?1 AND decided_at <= ?2
                 GROUP BY mailbox, device_id)",
        )
        .bind(organization.as_str())
        .bind(at.as_millisecond())
        .fetch_one(&self.read)
        .await?;
        row.number("cases")
    }
}

/// Where a page goes on: after every case that is not beyond these.
fn position(after: Option<&CaseKey>) -> (Vec<u8>, String) {
    match after {
        Some(key) => (key.mailbox.guid().as_bytes().to_vec(), key.device_id.folded()),
        None => (Vec::new(), String::new()),
    }
}

fn key(row: &SqliteRow) -> Result<CaseKey, StoreError> {
    let mailbox = MailboxId::new(row.guid("mailbox")?);
    Ok(CaseKey { mailbox, device_id: row.device_id("device_id")? })
}
