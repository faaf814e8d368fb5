//! Who changed what: rows that are only ever added. Written in the transaction of the change.

use jiff::Timestamp;
use sqlx::SqliteConnection;

use exgate_domain::ids::OrganizationId;

use super::columns::{Columns, Named, named};
use super::{Store, StoreError};

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuditAction {
    /// An organization's mode was set.
    ModeSet,
    /// A policy file was applied, or left a policy out that was in force; the detail says so.
    DocumentApplied,
    /// An organization was created.
    OrganizationCreated,
    /// An organization's name or schedule was changed.
    OrganizationChanged,
    /// An organization's baseline was taken.
    BaselineTaken,
    /// A command was made.
    CommandCreated,
    /// A command's receipt came.
    CommandAnswered,
    /// A command of unknown outcome was settled by a read-back, or given up.
    CommandSettled,
    /// A source's answer was held back as suspicious.
    SourceHeld,
}

named!(
    AuditAction,
    "audit action",
    ModeSet,
    DocumentApplied,
    OrganizationCreated,
    OrganizationChanged,
    BaselineTaken,
    CommandCreated,
    CommandAnswered,
    CommandSettled,
    SourceHeld
);

/// One row of the audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// Who: an operator's name, or a part of exgate.
    pub actor: String,
    /// What was done.
    pub action: AuditAction,
    /// In which organization, when it concerns one.
    pub organization: Option<OrganizationId>,
    /// To what: a command's id, a file's path, a source's name.
    pub subject: String,
    /// One line for people.
    pub detail: String,
}

impl Store {
    /// Adds a row to the audit.
    pub async fn audit(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        put(&mut tx, entry).await?;
        Ok(tx.commit().await?)
    }

    /// Lists the audit, the newest first, with the number of each row to go on from.
    pub async fn audit_entries(
        &self,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<(i64, AuditEntry)>, StoreError> {
        let rows = sqlx::query(
            "SELECT number, at, actor, action, organization, subject, detail FROM audit
             WHERE number < ?1 ORDER BY number DESC LIMIT ?2",
        )
        .bind(before.unwrap_or(i64::MAX))
        .bind(limit)
        .fetch_all(&self.read)
        .await?;
        rows.iter()
            .map(|row| {
                let organization: Option<String> = sqlx::Row::try_get(row, "organization")?;
                let entry = AuditEntry {
                    at: row.instant("at")?,
                    actor: row.text("actor")?,
                    action: row.variant("action")?,
                    organization: organization.map(|_| row.organization()).transpose()?,
                    subject: row.text("subject")?,
                    detail: row.text("detail")?,
                };
                Ok((sqlx::Row::try_get(row, "number")?, entry))
            })
            .collect()
    }
}

/// Adds a row in the transaction of what it tells about.
pub(super) async fn put(
    connection: &mut SqliteConnection,
    entry: &AuditEntry,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO audit (at, actor, action, organization, subject, detail)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )
    .bind(entry.at.as_millisecond())
    .bind(&entry.actor)
    .bind(entry.action.name())
    .bind(entry.organization.as_ref().map(OrganizationId::as_str))
    .bind(&entry.subject)
    .bind(&entry.detail)
    .execute(connection)
    .await?;
    Ok(())
}
