//! Organizations, their mode, and the baseline that is taken before the first write.

use jiff::{SignedDuration, Timestamp};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use exgate_domain::ids::OrganizationId;
use exgate_domain::organization::{Mode, Organization, Schedule};

use super::audit::{self, AuditAction, AuditEntry};
use super::columns::{Columns, Named, span_ms};
use super::{Store, StoreError, intents};

/// An organization and its dates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredOrganization {
    /// The organization.
    pub organization: Organization,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub changed_at: Timestamp,
}

/// What came of setting a mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModeChange {
    /// It is the mode now.
    Changed,
    /// It was the mode already.
    Unchanged,
    /// There is no such organization.
    UnknownOrganization,
    /// Enforcing needs a full sync that succeeded.
    NeverFullySynced,
}

macro_rules! select {
    ($tail:literal) => {
        concat!(
            "SELECT name AS organization, display_name, mode, quick_interval_ms,
                    quick_interval_scan_ms, full_interval_ms, created_at, changed_at
             FROM organizations ",
            $tail
        )
    };
}

impl Store {
    /// Lists organizations by name.
    pub async fn organizations(
        &self,
        after: Option<&OrganizationId>,
        limit: u32,
    ) -> Result<Vec<StoredOrganization>, StoreError> {
        let rows = sqlx::query(select!("WHERE name > ?1 ORDER BY name LIMIT ?2"))
            .bind(after.map_or("", OrganizationId::as_str))
            .bind(limit)
            .fetch_all(&self.read)
            .await?;
        rows.iter().map(read).collect()
    }

    /// Gets one organization.
    pub async fn organization(
        &self,
        organization: &OrganizationId,
    ) -> Result<Option<StoredOrganization>, StoreError> {
        let row = sqlx::query(select!("WHERE name = ?1"))
            .bind(organization.as_str())
            .fetch_optional(&self.read)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// Chooses what exgate may do in an organization. Enforcing takes the baseline first, once, and
    /// has every mailbox compared again.
    pub async fn set_mode(
        &self,
        organization: &OrganizationId,
        mode: Mode,
        actor: &str,
        now: Timestamp,
    ) -> Result<ModeChange, StoreError> {
        let mut tx = self.begin().await?;
        let row = sqlx::query(select!("WHERE name = ?1"))
            .bind(organization.as_str())
            .fetch_optional(&mut *tx)
            .await?;
        let Some(row) = row else { return Ok(ModeChange::UnknownOrganization) };
        if read(&row)?.organization.mode == mode {
            return Ok(ModeChange::Unchanged);
        }
        let step = ModeStep { organization, mode, actor, now };
        if !step.take(&mut tx).await? {
            return Ok(ModeChange::NeverFullySynced);
        }
        tx.commit().await?;
        Ok(ModeChange::Changed)
    }
}

/// A change of mode inside a transaction.
pub(super) struct ModeStep<'a> {
    pub(super) organization: &'a OrganizationId,
    pub(super) mode: Mode,
    pub(super) actor: &'a str,
    pub(super) now: Timestamp,
}

impl ModeStep<'_> {
    /// Sets the mode; says no when it would enforce without a full sync.
    pub(super) async fn take(&self, tx: &mut SqliteConnection) -> Result<bool, StoreError> {
        if self.mode == Mode::Enforce {
            if !fully_synced(tx, self.organization).await? {
                return Ok(false);
            }
            self.baseline(tx).await?;
        }
        sqlx::query("UPDATE organizations SET mode = ?2, changed_at = ?3 WHERE name = ?1")
            .bind(self.organization.as_str())
            .bind(self.mode.name())
            .bind(self.now.as_millisecond())
            .execute(&mut *tx)
            .await?;
        intents::mark_all(tx, Some(self.organization)).await?;
        self.audit(tx, AuditAction::ModeSet, self.mode.name().to_lowercase()).await?;
        Ok(true)
    }

    /// Copies lists, settings and rules as they are, unless that was done before.
    async fn baseline(&self, tx: &mut SqliteConnection) -> Result<(), StoreError> {
        let first = sqlx::query(
            "INSERT INTO inventories (organization, baseline_at) VALUES (?1, ?2)
             ON CONFLICT (organization) DO UPDATE SET baseline_at = excluded.baseline_at
             WHERE baseline_at IS NULL",
        )
        .bind(self.organization.as_str())
        .bind(self.now.as_millisecond())
        .execute(&mut *tx)
        .await?;
        if first.rows_affected() == 0 {
            return Ok(());
        }
        let taken = sqlx::query(
            "INSERT OR IGNORE INTO baselines (organization, kind, guid, observation)
             SELECT organization, kind, guid, observation FROM observed
             WHERE organization = ?1 AND kind IN ('Mailbox', 'Settings', 'Rule')",
        )
        .bind(self.organization.as_str())
        .execute(&mut *tx)
        .await?;
        self.audit(tx, AuditAction::BaselineTaken, format!("{} objects", taken.rows_affected()))
            .await
    }

    async fn audit(
        &self,
        tx: &mut SqliteConnection,
        action: AuditAction,
        detail: String,
    ) -> Result<(), StoreError> {
        let entry = AuditEntry {
            at: self.now,
            actor: self.actor.to_owned(),
            action,
            organization: Some(self.organization.clone()),
            subject: self.organization.to_string(),
            detail,
        };
        audit::put(tx, &entry).await
    }
}

/// Whether a full sync of the organization ever succeeded.
pub(super) async fn fully_synced(
    connection: &mut SqliteConnection,
    organization: &OrganizationId,
) -> Result<bool, StoreError> {
    let found: Option<i64> = sqlx::query_scalar(
        "SELECT 1 FROM runs
         WHERE organization = ?1 AND mode = 'Full' AND state = 'Succeeded' LIMIT 1",
    )
    .bind(organization.as_str())
    .fetch_optional(connection)
    .await?;
    Ok(found.is_some())
}

/// Gets one organization inside a transaction.
pub(super) async fn get(
    connection: &mut SqliteConnection,
    organization: &OrganizationId,
) -> Result<Option<Organization>, StoreError> {
    let row = sqlx::query(select!("WHERE name = ?1"))
        .bind(organization.as_str())
        .fetch_optional(connection)
        .await?;
    Ok(row.as_ref().map(read).transpose()?.map(|stored| stored.organization))
}

/// Creates or changes an organization, all but its mode.
pub(super) async fn put(
    connection: &mut SqliteConnection,
    organization: &Organization,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Organization { id, display_name, mode: _, schedule } = organization;
    sqlx::query(
        "INSERT INTO organizations (name, display_name, mode, quick_interval_ms,
                                    quick_interval_scan_ms, full_interval_ms, created_at, changed_at)
         VALUES (?1, ?2, 'Observe', ?3, ?4, ?5, ?6, ?6)
         ON CONFLICT (name) DO UPDATE SET
             display_name = excluded.display_name,
             quick_interval_ms = excluded.quick_interval_ms,
             quick_interval_scan_ms = excluded.quick_interval_scan_ms,
             full_interval_ms = excluded.full_interval_ms,
             changed_at = excluded.changed_at",
    )
    .bind(id.as_str())
    .bind(display_name)
    .bind(span_ms(schedule.quick_interval))
    .bind(span_ms(schedule.quick_interval_scan))
    .bind(span_ms(schedule.full_interval))
    .bind(now.as_millisecond())
    .execute(connection)
    .await?;
    Ok(())
}

fn read(row: &SqliteRow) -> Result<StoredOrganization, StoreError> {
    let span = |name| Ok::<_, StoreError>(SignedDuration::from_millis(row.try_get(name)?));
    Ok(StoredOrganization {
        organization: Organization {
            id: row.organization()?,
            display_name: row.text("display_name")?,
            mode: row.variant("mode")?,
            schedule: Schedule {
                quick_interval: span("quick_interval_ms")?,
                quick_interval_scan: span("quick_interval_scan_ms")?,
                full_interval: span("full_interval_ms")?,
            },
        },
        created_at: row.instant("created_at")?,
        changed_at: row.instant("changed_at")?,
    })
}
