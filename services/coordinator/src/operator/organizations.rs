//! Organizations: how they are, and what exgate may do there.

use exgate_domain::decision::Reason;
use exgate_domain::ids::OrganizationId;
use exgate_domain::organization::Mode;
use exgate_domain::policy::Access;
use exgate_proto::names::DeviceName;

use super::paging::Cut;
use super::{ACTOR, Operator, OperatorError, Page, PageRequest};
use crate::outbox::difference;
use crate::store::{
    Configuration, DeviceTally, ModeChange, Pending, StoreError, StoredOrganization,
};

/// The most changes that are listed.
const CHANGES_MAX: usize = 1000;

/// An organization and how it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationView {
    /// The organization.
    pub stored: StoredOrganization,
    /// How many devices are in which state.
    pub devices: DeviceTally,
    /// What intent asks for and Exchange does not show.
    pub pending: Pending,
    /// Things to look at, one line each.
    pub problems: Vec<String>,
    /// How Exchange is set up; only of an organization that was asked for by name.
    pub configuration: Option<Configuration>,
}

/// What exgate may do from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetMode {
    /// Where.
    pub organization: OrganizationId,
    /// The mode.
    pub mode: Mode,
    /// Check, change nothing.
    pub validate_only: bool,
    /// How many changes to list.
    pub changes_max: i32,
}

/// What a mode means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModeSet {
    /// The organization as it is now.
    pub organization: OrganizationView,
    /// The first of the changes that enforcement makes.
    pub changes: Vec<PendingChange>,
}

/// One change that intent asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingChange {
    /// The device.
    pub device: DeviceName,
    /// The mailbox's primary SMTP address.
    pub primary_smtp: String,
    /// What should be.
    pub access: Access,
    /// Why.
    pub reasons: Vec<Reason>,
}

impl Operator {
    /// Lists organizations by name.
    ///
    /// # Errors
    /// When the page cannot be, or the store fails.
    pub async fn list_organizations(
        &self,
        request: &PageRequest,
    ) -> Result<Page<OrganizationView>, OperatorError> {
        let cut = Cut::of(request, "organizations")?;
        let after = cut.after.as_deref().map(str::parse).transpose();
        let after = after.map_err(|_| OperatorError::PageTokenMismatch)?;
        let rows = self.0.store.organizations(after.as_ref(), cut.fetch()).await?;
        let page = cut.page(rows, |stored| stored.organization.id.to_string());
        let mut views = Vec::with_capacity(page.rows.len());
        for stored in page.rows {
            views.push(self.view(stored).await?);
        }
        Ok(Page { rows: views, next: page.next })
    }

    /// Gets one organization.
    ///
    /// # Errors
    /// When there is no such organization.
    pub async fn get_organization(
        &self,
        organization: &OrganizationId,
    ) -> Result<OrganizationView, OperatorError> {
        let stored = self.existing(organization).await?;
        let configuration = Some(self.0.store.configuration(organization).await?);
        Ok(OrganizationView { configuration, ..self.view(stored).await? })
    }

    /// Chooses what exgate may do in an organization, and says what follows.
    ///
    /// # Errors
    /// When there is no such organization, or it cannot enforce yet.
    pub async fn set_mode(&self, request: SetMode) -> Result<ModeSet, OperatorError> {
        let SetMode { organization, mode, validate_only, changes_max } = request;
        let parts = &self.0;
        let changes_max = usize::try_from(changes_max).map_err(|_| OperatorError::Invalid {
            field: "changes_max",
            problem: format!("{changes_max} is negative"),
        })?;
        self.existing(&organization).await?;
        let not_yet = || OperatorError::FullSyncNeeded { organization: organization.to_string() };
        if mode == Mode::Enforce {
            let history = parts.runs.history(&organization).await?;
            history.full_succeeded_at.ok_or_else(not_yet)?;
        }
        // Whoever stops exgate does not wait until all mailboxes are compared.
        if mode == Mode::Enforce {
            parts.outbox.compare(&organization).await?;
        }
        let changes = self.changes(&organization, changes_max.min(CHANGES_MAX)).await?;
        if !validate_only {
            let now = parts.clock.now();
            match parts.store.set_mode(&organization, mode, ACTOR, now).await? {
                ModeChange::Changed => {
                    tracing::info!(%organization, ?mode, "mode was set");
                    parts.outbox.wake();
                }
                ModeChange::Unchanged => {}
                ModeChange::NeverFullySynced => return Err(not_yet()),
                ModeChange::UnknownOrganization => {
                    self.existing(&organization).await?;
                }
            }
        }
        let stored = self.existing(&organization).await?;
        Ok(ModeSet { organization: self.view(stored).await?, changes })
    }

    /// The first changes that intent asks for.
    async fn changes(
        &self,
        organization: &OrganizationId,
        limit: usize,
    ) -> Result<Vec<PendingChange>, StoreError> {
        let store = &self.0.store;
        let rows = u32::try_from(limit).unwrap_or(u32::MAX);
        let order = store.observed_order(organization).await?;
        let mut changes = Vec::new();
        for view in store.pending_mailboxes(organization, rows).await? {
            let needs = difference(&view, &order);
            for effect in needs.effects.into_iter().filter(|effect| effect.pending) {
                let same = |it: &&crate::store::DeviceView| it.device.device_id == effect.device;
                let intent = view.devices.iter().find(same).and_then(|it| it.intent.as_ref());
                let device =
                    DeviceName::new(organization.clone(), effect.device.clone(), view.mailbox.id);
                changes.push(PendingChange {
                    device,
                    primary_smtp: view.mailbox.primary_smtp.clone(),
                    access: effect.access,
                    reasons: intent.map(|intent| intent.reasons.clone()).unwrap_or_default(),
                });
            }
        }
        changes.truncate(limit);
        Ok(changes)
    }

    async fn view(&self, stored: StoredOrganization) -> Result<OrganizationView, StoreError> {
        let organization = &stored.organization.id;
        let devices = self.0.store.device_tally(organization).await?;
        let pending = self.0.store.pending(organization).await?;
        let problems = self.problems(organization).await?;
        Ok(OrganizationView { devices, pending, problems, stored, configuration: None })
    }

    /// What somebody should look at.
    async fn problems(&self, organization: &OrganizationId) -> Result<Vec<String>, StoreError> {
        let parts = &self.0;
        let mut problems = Vec::new();
        if parts.runs.history(organization).await?.full_succeeded_at.is_none() {
            problems.push("no full sync has succeeded yet".to_owned());
        }
        if parts.store.bundle().await?.is_none() {
            problems.push("no policy is applied: every device is left as it is".to_owned());
        }
        problems.extend(parts.evaluation.problem_of(organization));
        for source in parts.records.states() {
            if !source.problem.is_empty() {
                problems.push(format!("source {}: {}", source.name, source.problem));
            }
        }
        Ok(problems)
    }
}
