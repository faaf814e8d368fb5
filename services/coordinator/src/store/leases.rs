//! Who may write in an organization. Granting and renewing are compare-and-set: a caller that worked
//! from an older row changes nothing and is told so.

use sqlx::SqliteConnection;

use exgate_domain::ids::{AgentId, Generation, OrganizationId};
use exgate_domain::lease::Lease;

use super::columns::{Columns, count};
use super::{Store, StoreError};

impl Store {
    /// Gets the organization's lease, if it was ever granted.
    pub async fn lease(&self, organization: &OrganizationId) -> Result<Option<Lease>, StoreError> {
        let mut connection = self.read.acquire().await?;
        get(&mut connection, organization).await
    }

    /// Puts `new` in the place of `old`; false when the lease is not `old` any more.
    pub async fn grant_lease(
        &self,
        organization: &OrganizationId,
        old: Option<&Lease>,
        new: &Lease,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        if get(&mut tx, organization).await?.as_ref() != old {
            return Ok(false);
        }
        sqlx::query(
            "INSERT INTO leases (organization, holder, generation, renewals) VALUES (?1, ?2, ?3, 0)
             ON CONFLICT (organization) DO UPDATE SET
                 holder = excluded.holder, generation = excluded.generation, renewals = 0",
        )
        .bind(organization.as_str())
        .bind(new.holder.guid().as_bytes().as_slice())
        .bind(count(new.generation.get()))
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Counts a renewal; false when `lease` is not the organization's lease any more.
    pub async fn renew_lease(
        &self,
        organization: &OrganizationId,
        lease: &Lease,
    ) -> Result<bool, StoreError> {
        let renewed = sqlx::query(
            "UPDATE leases SET renewals = renewals + 1
             WHERE organization = ?1 AND holder = ?2 AND generation = ?3",
        )
        .bind(organization.as_str())
        .bind(lease.holder.guid().as_bytes().as_slice())
        .bind(count(lease.generation.get()))
        .execute(&self.write)
        .await?;
        Ok(renewed.rows_affected() == 1)
    }
}

/// Gets the lease inside a transaction.
pub(super) async fn get(
    connection: &mut SqliteConnection,
    organization: &OrganizationId,
) -> Result<Option<Lease>, StoreError> {
    let row = sqlx::query("SELECT holder, generation FROM leases WHERE organization = ?1")
        .bind(organization.as_str())
        .fetch_optional(connection)
        .await?;
    let read = |row: sqlx::sqlite::SqliteRow| {
        let holder = AgentId::new(row.guid("holder")?);
        Ok(Lease { holder, generation: Generation::new(row.number("generation")?) })
    };
    row.map(read).transpose()
}
