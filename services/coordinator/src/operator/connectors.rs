//! Connectors: whether an agent stands next to each Exchange, and how it is.

use jiff::Timestamp;

use exgate_domain::check::RIGHTS_TO_WRITE;
use exgate_domain::ids::OrganizationId;
use exgate_domain::organization::Mode;
use exgate_domain::standing::Standing;

use super::paging::Cut;
use super::{Operator, OperatorError, Page, PageRequest};
use crate::agents::DISCONNECTED_AFTER;
use crate::store::{Connector, PreflightStep, RunHistory, StoreError};

/// Whether an agent is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectorState {
    /// None ever attached.
    None,
    /// One is attached and has not reached its Exchange yet.
    ConnectionPending,
    /// One is attached and all is well.
    Connected,
    /// One is attached, and its preflight or its last sync failed.
    Degraded,
    /// It is gone.
    Disconnected,
}

/// What stands between exgate and one Exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectorView {
    /// Whose Exchange.
    pub organization: OrganizationId,
    /// Whether an agent is there.
    pub state: ConnectorState,
    /// What it last said about itself, if one ever attached.
    pub connector: Option<Connector>,
    /// Number of the lease it holds; 0 for none.
    pub generation: u64,
    /// When anything was last heard from it.
    pub last_heard_at: Option<Timestamp>,
    /// How the Exchange servers stand, while it is attached.
    pub standing: Option<Standing>,
    /// How its syncs went.
    pub history: RunHistory,
    /// What is wrong, in one line; empty when all is well.
    pub problem: String,
}

impl Operator {
    /// Lists connectors by organization.
    ///
    /// # Errors
    /// When the page cannot be, or the store fails.
    pub async fn list_connectors(
        &self,
        request: &PageRequest,
    ) -> Result<Page<ConnectorView>, OperatorError> {
        let cut = Cut::of(request, "connectors")?;
        let after = cut.after.as_deref().map(str::parse).transpose();
        let after = after.map_err(|_| OperatorError::PageTokenMismatch)?;
        let rows = self.0.store.organizations(after.as_ref(), cut.fetch()).await?;
        let page = cut.page(rows, |stored| stored.organization.id.to_string());
        let mut views = Vec::with_capacity(page.rows.len());
        for stored in page.rows {
            views.push(self.connector(stored.organization.id).await?);
        }
        Ok(Page { rows: views, next: page.next })
    }

    /// Gets one connector.
    ///
    /// # Errors
    /// When there is no such organization.
    pub async fn get_connector(
        &self,
        organization: &OrganizationId,
    ) -> Result<ConnectorView, OperatorError> {
        let stored = self.existing(organization).await?;
        Ok(self.connector(stored.organization.id).await?)
    }

    async fn connector(&self, organization: OrganizationId) -> Result<ConnectorView, StoreError> {
        let parts = &self.0;
        let connector = parts.store.connector(&organization).await?;
        let holder = parts.agents.holder(&organization);
        let history = parts.runs.history(&organization).await?;
        let stored = connector.as_ref().map(|connector| connector.last_heard_at);
        let heard = parts.agents.heard_at(&organization).filter(|_| connector.is_some());
        let last_heard_at = heard.max(stored);
        let standing = parts.agents.standing(&organization);
        let servers = standing.as_ref().map(|standing| (standing.is_down(), standing.problem()));
        let (down, fallback) = match servers {
            Some((true, problem)) => (Some(problem), String::new()),
            Some((false, problem)) => (None, problem),
            None => (None, String::new()),
        };
        let lacks_rights = holder.as_ref().is_some_and(|holder| holder.may_not_write)
            && self.enforces(&organization).await?;
        let failed_step = connector.as_ref().and_then(|it| failed_step(it, lacks_rights));
        let last_failure = match (history.failures, history.failed_at) {
            (0, _) | (_, None) => None,
            (_, Some(at)) => Some(self.failure(&organization, at).await?),
        };
        let silent = last_heard_at.map(|at| parts.clock.now().duration_since(at));
        let (state, problem) = match (&connector, &holder, silent) {
            (None, ..) => (ConnectorState::None, String::new()),
            (Some(_), None, Some(silent)) if silent >= DISCONNECTED_AFTER => {
                (ConnectorState::Disconnected, "the agent is gone".to_owned())
            }
            (Some(known), _, _) if known.preflight.is_empty() => {
                (ConnectorState::ConnectionPending, String::new())
            }
            (Some(_), holder, _) => match (failed_step.or(down).or(last_failure), holder) {
                (Some(problem), _) => (ConnectorState::Degraded, problem),
                (None, Some(_)) => (ConnectorState::Connected, fallback),
                (None, None) => (ConnectorState::Connected, "the agent is not attached".to_owned()),
            },
        };
        let generation = holder.map_or(0, |holder| holder.lease.generation.get());
        Ok(ConnectorView {
            organization,
            state,
            connector,
            generation,
            last_heard_at,
            standing,
            history,
            problem,
        })
    }

    /// Whether decisions are carried out there.
    async fn enforces(&self, organization: &OrganizationId) -> Result<bool, StoreError> {
        let stored = self.0.store.organization(organization).await?;
        Ok(stored.is_some_and(|stored| stored.organization.mode == Mode::Enforce))
    }

    /// Why the last sync failed.
    async fn failure(
        &self,
        organization: &OrganizationId,
        at: Timestamp,
    ) -> Result<String, StoreError> {
        let reason = self.last_failure(organization).await?;
        Ok(format!("last sync failed at {at:.0}: {reason}"))
    }
}

/// The first step of the preflight that failed, with its cure; rights to write that are missing, where
/// they are needed.
fn failed_step(connector: &Connector, lacks_rights: bool) -> Option<String> {
    let is_lacking = |step: &PreflightStep| lacks_rights && step.name == RIGHTS_TO_WRITE;
    let step = connector.preflight.iter().find(|step| !step.ok || is_lacking(step))?;
    let cure = if step.cure.is_empty() { String::new() } else { format!("; {}", step.cure) };
    Some(format!("{}: {}{cure}", step.name, step.finding))
}
