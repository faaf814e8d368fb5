//! What is known about the agent that stands next to each organization's Exchange.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use exgate_domain::ids::{AgentId, OrganizationId};

use super::columns::Columns;
use super::{Store, StoreError};

/// One organization's agent, as it last said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connector {
    /// The organization.
    pub organization: OrganizationId,
    /// The agent.
    pub agent: AgentId,
    /// Host of the agent.
    pub host: String,
    /// Version of the agent.
    pub version: String,
    /// The Exchange server it talks to; empty before its preflight.
    pub exchange_server: String,
    /// `AdminDisplayVersion` of that server; empty before its preflight.
    pub exchange_version: String,
    /// Whether that server filters devices by the time of change.
    pub filters_by_change: bool,
    /// What the agent found out about its Exchange; empty before its preflight.
    pub preflight: Vec<PreflightStep>,
    /// When anything was last heard from it.
    pub last_heard_at: Timestamp,
}

/// One step of an agent's preflight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreflightStep {
    /// What was tried.
    pub name: String,
    /// Whether it went well.
    pub ok: bool,
    /// What was found, or what went wrong.
    pub finding: String,
    /// What to do about it; empty when it went well.
    pub cure: String,
}

macro_rules! select {
    ($tail:literal) => {
        concat!(
            "SELECT organization, agent, host, version, exchange_server, exchange_version,
                    filters_by_change, preflight, last_heard_at
             FROM connectors ",
            $tail
        )
    };
}

impl Store {
    /// Remembers what an agent said about itself and its Exchange.
    pub async fn put_connector(&self, connector: &Connector) -> Result<(), StoreError> {
        let preflight = serde_json::to_string(&connector.preflight)
            .map_err(|error| StoreError::damaged("preflight", error))?;
        sqlx::query(
            "INSERT OR REPLACE INTO connectors
                 (organization, agent, host, version, exchange_server, exchange_version,
                  filters_by_change, preflight, last_heard_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )
        .bind(connector.organization.as_str())
        .bind(connector.agent.guid().as_bytes().as_slice())
        .bind(&connector.host)
        .bind(&connector.version)
        .bind(&connector.exchange_server)
        .bind(&connector.exchange_version)
        .bind(connector.filters_by_change)
        .bind(preflight)
        .bind(connector.last_heard_at.as_millisecond())
        .execute(&self.write)
        .await?;
        Ok(())
    }

    /// Remembers that something was heard from the organization's agent.
    pub async fn connector_heard(
        &self,
        organization: &OrganizationId,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query("UPDATE connectors SET last_heard_at = ?2 WHERE organization = ?1")
            .bind(organization.as_str())
            .bind(at.as_millisecond())
            .execute(&self.write)
            .await?;
        Ok(())
    }

    /// Gets one organization's connector, if an agent ever attached.
    pub async fn connector(
        &self,
        organization: &OrganizationId,
    ) -> Result<Option<Connector>, StoreError> {
        let row = sqlx::query(select!("WHERE organization = ?1"))
            .bind(organization.as_str())
            .fetch_optional(&self.read)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// Lists connectors by organization.
    pub async fn connectors(&self) -> Result<Vec<Connector>, StoreError> {
        let rows = sqlx::query(select!("ORDER BY organization")).fetch_all(&self.read).await?;
        rows.iter().map(read).collect()
    }
}

fn read(row: &SqliteRow) -> Result<Connector, StoreError> {
    let preflight: &str = row.try_get("preflight")?;
    Ok(Connector {
        organization: row.organization()?,
        agent: AgentId::new(row.guid("agent")?),
        host: row.text("host")?,
        version: row.text("version")?,
        exchange_server: row.text("exchange_server")?,
        exchange_version: row.text("exchange_version")?,
        filters_by_change: row.try_get("filters_by_change")?,
        preflight: serde_json::from_str(preflight)
            .map_err(|error| StoreError::damaged("preflight", error))?,
        last_heard_at: row.instant("last_heard_at")?,
    })
}
