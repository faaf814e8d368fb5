//! Syncs: those that were, the one that is, and the next.

use exgate_domain::ids::{OrganizationId, RunId};
use exgate_domain::sync::{Run, RunState, SyncMode, Trigger};
use exgate_proto::names::SyncRunName;
use uuid::Uuid;

use super::paging::Cut;
use super::{Operator, OperatorError, Page, PageRequest};
use crate::runs::{Progress, RequestError};
use crate::store::{StoreError, StoredRun};

/// A run and how it comes along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunView {
    /// The run.
    pub stored: StoredRun,
    /// How it comes along, when it is with the agent.
    pub progress: Option<Progress>,
    /// What went wrong although it succeeded.
    pub note: Option<String>,
}

impl Operator {
    /// Starts a sync.
    ///
    /// # Errors
    /// When there is no such organization or agent, or a sync is under way.
    pub async fn run_sync(
        &self,
        organization: &OrganizationId,
        mode: SyncMode,
        validate_only: bool,
    ) -> Result<RunView, OperatorError> {
        let parts = &self.0;
        self.existing(organization).await?;
        let open = parts.store.open_runs(Some(organization)).await?;
        let other = open.into_iter().find(|it| it.run.trigger != Trigger::ReadBack);
        if let Some(other) = other {
            return Err(already_running(&other));
        }
        if parts.agents.holder(organization).is_none() {
            let heard_at = self.get_connector(organization).await?.last_heard_at;
            let organization = organization.to_string();
            return Err(OperatorError::ConnectorDisconnected { organization, heard_at });
        }
        let stored = if validate_only {
            StoredRun {
                run: Run {
                    id: RunId::new(Uuid::nil()),
                    organization: organization.clone(),
                    mode,
                    trigger: Trigger::Manual,
                    requested_at: parts.clock.now(),
                    state: RunState::Pending,
                    traceparent: String::new(),
                },
                started_at: None,
                note: String::new(),
            }
        } else {
            match parts.runs.request(organization, mode, Trigger::Manual).await {
                Ok(stored) => stored,
                Err(RequestError::AlreadyOpen(other)) => return Err(already_running(&other)),
                Err(RequestError::Store(error)) => return Err(error.into()),
            }
        };
        Ok(RunView { stored, progress: None, note: None })
    }

    /// Gets one sync.
    ///
    /// # Errors
    /// When there is no such run.
    pub async fn get_sync_run(&self, name: &SyncRunName) -> Result<RunView, OperatorError> {
        self.existing(&name.organization).await?;
        let stored = self.0.store.run(name.run).await?;
        let stored = stored.filter(|stored| stored.run.organization == name.organization);
        let not_found = || OperatorError::SyncRunNotFound { run: name.to_string() };
        Ok(self.run_view(stored.ok_or_else(not_found)?))
    }

    /// Lists syncs, the newest first.
    ///
    /// # Errors
    /// When the page cannot be, or there is no such organization.
    pub async fn list_sync_runs(
        &self,
        organization: Option<&OrganizationId>,
        request: &PageRequest,
    ) -> Result<Page<RunView>, OperatorError> {
        if let Some(organization) = organization {
            self.existing(organization).await?;
        }
        let of = organization.map_or("-", OrganizationId::as_str);
        let cut = Cut::of(request, &format!("syncRuns/{of}"))?;
        let before = cut.after.as_deref().map(str::parse).transpose();
        let before = before.map_err(|_| OperatorError::PageTokenMismatch)?;
        let rows = self.0.store.runs(organization, before, cut.fetch()).await?;
        let page = cut.page(rows, |stored| stored.run.id.to_string());
        let rows = page.rows.into_iter().map(|stored| self.run_view(stored)).collect();
        Ok(Page { rows, next: page.next })
    }

    fn run_view(&self, stored: StoredRun) -> RunView {
        let runs = &self.0.runs;
        let (organization, id) = (&stored.run.organization, stored.run.id);
        let progress = if stored.run.state.is_over() {
            None
        } else {
            runs.progress(organization).filter(|progress| progress.run == id)
        };
        let note = Some(stored.note.clone()).filter(|note| !note.is_empty());
        RunView { progress, note, stored }
    }

    /// Why the last run that failed did.
    pub(super) async fn last_failure(
        &self,
        organization: &OrganizationId,
    ) -> Result<String, StoreError> {
        const LOOKED_AT_MAX: u32 = 20;
        let runs = self.0.store.runs(Some(organization), None, LOOKED_AT_MAX).await?;
        let reason = runs.into_iter().find_map(|stored| match stored.run.state {
            RunState::Failed { reason, .. } => Some(reason),
            RunState::Pending | RunState::Running { .. } | RunState::Succeeded { .. } => None,
        });
        Ok(reason.unwrap_or_default())
    }
}

fn already_running(other: &StoredRun) -> OperatorError {
    let organization = other.run.organization.clone();
    let name = SyncRunName { organization, run: other.run.id };
    OperatorError::SyncAlreadyRunning { run: name.to_string() }
}
