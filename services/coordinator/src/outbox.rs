//! What has to change in each organization, handed out to its agent a few mailboxes at a time, and
//! what came of it. A command is stored before it is sent; one whose outcome is unknown keeps its
//! mailbox untouched until it was read back.

mod receipts;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Mutex as AsyncMutex, Notify};
use uuid::Uuid;

use exgate_domain::command::{Command, CommandState};
use exgate_domain::ids::{CommandId, Generation, MailboxId, OrganizationId};
use exgate_domain::observation::OrganizationSettings;
use exgate_domain::organization::Mode;
use exgate_domain::policy::Access;
use exgate_runtime::Tasks;
use exgate_runtime::clock::Clock;

use crate::agents::session::Outgoing;
use crate::agents::{Agents, Holder};
use crate::metrics::Metrics;
use crate::reconcile::{Difference, Intended, Order, reconcile};
use crate::store::{Compared, MailboxView, ObservedOrder, Store, StoreError, StoredCommand};

/// The most commands of one organization that are handed out and not answered.
const IN_FLIGHT_MAX: usize = 8;
/// How long after it arrived a command may still be started.
const VALID_FOR: Duration = Duration::from_secs(60);
/// How long a receipt may take: the command's own time, and that of the last cmdlet.
const RECEIPT_WAIT_MAX: SignedDuration = SignedDuration::from_secs(90);
/// How often the outbox looks at what is due by itself.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The most mailboxes compared in one step.
const COMPARED_PER_STEP_MAX: u32 = 200;

/// The outbox; cheap to clone.
#[derive(Debug, Clone)]
pub struct Outbox(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    clock: Clock,
    metrics: Metrics,
    agents: Agents,
    wake: Notify,
    /// Held while mailboxes are compared or commands are handed out.
    stepping: AsyncMutex<()>,
    organizations: Mutex<HashMap<OrganizationId, Moment>>,
}

/// What is remembered about an organization between two steps; all of it may be lost.
#[derive(Debug, Default)]
struct Moment {
    /// The trace of what last made a difference.
    cause: String,
    /// The trace in which each mailbox came to need a change.
    causes: HashMap<MailboxId, String>,
    /// Mailboxes whose last command has an unknown outcome.
    unknown: BTreeSet<MailboxId>,
    /// Nothing gets through to Exchange: when to try again, and after how many tries.
    standstill: Option<Standstill>,
}

/// A time in which nothing is handed out, because the last commands did not get through.
#[derive(Debug, Clone, Copy)]
struct Standstill {
    until: Timestamp,
    tries: u32,
}

impl Outbox {
    /// Nothing is handed out yet.
    pub fn new(store: Store, clock: Clock, metrics: Metrics, agents: Agents) -> Self {
        Self(Arc::new(Inner {
            store,
            clock,
            metrics,
            agents,
            wake: Notify::new(),
            stepping: AsyncMutex::default(),
            organizations: Mutex::default(),
        }))
    }

    /// Compares and hands out until the tasks have to stop.
    pub async fn run(self, tasks: Tasks) {
        let stopped = tasks.stopped();
        tokio::pin!(stopped);
        loop {
            if let Err(error) = self.look().await {
                tracing::error!(error = exgate_runtime::report(&error), "outbox was not looked at");
            }
            tokio::select! {
                () = &mut stopped => return,
                () = self.0.wake.notified() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// Looks at once instead of a little later.
    pub fn wake(&self) {
        self.0.wake.notify_one();
    }

    /// What is compared from now on was caused in this trace.
    pub fn caused_by(&self, organization: &OrganizationId, traceparent: &str) {
        let mut organizations = self.organizations();
        organizations.entry(organization.clone()).or_default().cause = traceparent.to_owned();
    }

    /// When commands are handed out again, if nothing gets through to Exchange now.
    pub fn stands_still_until(&self, organization: &OrganizationId) -> Option<Timestamp> {
        let organizations = self.organizations();
        Some(organizations.get(organization)?.standstill?.until)
    }

    /// Mailboxes that have to be read back.
    pub fn to_read_back(&self, organization: &OrganizationId) -> Vec<MailboxId> {
        let organizations = self.organizations();
        let unknown = organizations.get(organization).map(|moment| &moment.unknown);
        unknown.into_iter().flatten().copied().collect()
    }

    async fn look(&self) -> Result<(), StoreError> {
        for stored in self.0.store.organizations(None, u32::MAX).await? {
            let organization = stored.organization;
            let turn = self.0.stepping.lock().await;
            self.expire(&organization.id).await?;
            self.compare_marked(&organization.id).await?;
            if organization.mode == Mode::Enforce
                && let Some(holder) = self.0.agents.holder(&organization.id)
                && holder.preflight_good == Some(true)
                && !holder.may_not_write
            {
                self.hand_out(&organization.id, &holder).await?;
            }
            drop(turn);
            let pending = self.0.store.pending(&organization.id).await?;
            self.0.metrics.outbox(
                &organization.id,
                pending.mailboxes,
                pending.in_flight,
                pending.unknown,
            );
        }
        Ok(())
    }

    /// Compares every mailbox that was marked, now.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn compare(&self, organization: &OrganizationId) -> Result<(), StoreError> {
        let _turn = self.0.stepping.lock().await;
        self.compare_marked(organization).await?;
        self.wake();
        Ok(())
    }

    async fn compare_marked(&self, organization: &OrganizationId) -> Result<(), StoreError> {
        let store = &self.0.store;
        loop {
            let views = store.mailboxes_to_compare(organization, COMPARED_PER_STEP_MAX).await?;
            if views.is_empty() {
                return Ok(());
            }
            let order = store.observed_order(organization).await?;
            let mut compared = Vec::with_capacity(views.len());
            {
                let mut organizations = self.organizations();
                let moment = organizations.entry(organization.clone()).or_default();
                for view in &views {
                    let needs = difference(view, &order);
                    moment.note(view.mailbox.id, &needs);
                    compared.push(summary(view, &needs));
                }
            }
            store.put_compared(organization, &compared).await?;
        }
    }

    /// Commands whose receipt is overdue have an unknown outcome.
    async fn expire(&self, organization: &OrganizationId) -> Result<(), StoreError> {
        let now = self.0.clock.now();
        let mut unknown = BTreeSet::new();
        for stored in self.0.store.open_commands(organization).await? {
            let StoredCommand { command, state, .. } = stored;
            match state {
                CommandState::Lent { until, .. } if until < now => {
                    let reason = format!("no receipt came within {RECEIPT_WAIT_MAX:#}");
                    let state = CommandState::Unknown { since: now, reason };
                    self.0.store.set_command_state(command.id, &state).await?;
                    tracing::warn!(%organization, command = %command.id, "receipt is overdue");
                    unknown.insert(command.mailbox);
                }
                CommandState::Unknown { .. } => {
                    unknown.insert(command.mailbox);
                }
                CommandState::Lent { .. }
                | CommandState::Queued
                | CommandState::Done { .. }
                | CommandState::Refused { .. }
                | CommandState::Superseded { .. } => {}
            }
        }
        self.organizations().entry(organization.clone()).or_default().unknown = unknown;
        Ok(())
    }

    /// Hands out what there is room for, loosening first.
    async fn hand_out(
        &self,
        organization: &OrganizationId,
        holder: &Holder,
    ) -> Result<(), StoreError> {
        let Inner { store, clock, .. } = &*self.0;
        let now = clock.now();
        // Only what an earlier process made and never handed out is queued here.
        store.supersede_queued(organization, now).await?;
        let open = store.open_commands(organization).await?;
        let lent = open.iter().filter(|it| matches!(it.state, CommandState::Lent { .. })).count();
        let room = match self.stands_still_until(organization) {
            Some(until) if until > now => 0,
            // One command finds out whether Exchange is back.
            Some(_) => 1_usize.saturating_sub(lent),
            None => IN_FLIGHT_MAX.saturating_sub(lent),
        };
        if room == 0 {
            return Ok(());
        }
        let limit = u32::try_from(room).unwrap_or_default();
        let views = store.mailboxes_to_change(organization, now, limit).await?;
        if views.is_empty() {
            return Ok(());
        }
        let order = store.observed_order(organization).await?;
        let mut commands = Vec::new();
        let mut compared = Vec::new();
        for view in &views {
            let needs = difference(view, &order);
            if needs.edit.is_empty() {
                compared.push(summary(view, &needs));
                continue;
            }
            commands.push(Command {
                id: CommandId::new(Uuid::now_v7()),
                organization: organization.clone(),
                generation: holder.lease.generation,
                revision: view.revision,
                mailbox: view.mailbox.id,
                edit: needs.edit,
                valid_for: VALID_FOR,
                traceparent: self.cause(organization, view.mailbox.id),
            });
        }
        store.put_compared(organization, &compared).await?;
        store.create_commands(&commands, now).await?;
        for command in commands {
            self.lend(command, holder.lease.generation, now).await?;
        }
        Ok(())
    }

    /// Stores that a command is handed out, then hands it out.
    async fn lend(
        &self,
        command: Command,
        generation: Generation,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Inner { store, agents, .. } = &*self.0;
        let until = now.checked_add(RECEIPT_WAIT_MAX).unwrap_or(Timestamp::MAX);
        let (organization, id) = (command.organization.clone(), command.id);
        if !store.lend_command(&organization, id, generation, until).await? {
            // An operator has set the mode to observe since the command was made.
            let state = CommandState::Superseded { at: now };
            store.settle_command(id, &state, None, now).await?;
            return Ok(());
        }
        tracing::info!(
            %organization, command = %id, mailbox = %command.mailbox, %generation,
            revision = %command.revision, "command was handed out"
        );
        let message = Outgoing::Command(Box::new(command));
        if agents.say(&organization, generation, message).is_err() {
            // It never left this process.
            let state = CommandState::Superseded { at: now };
            store.settle_command(id, &state, None, now).await?;
        }
        Ok(())
    }

    fn cause(&self, organization: &OrganizationId, mailbox: MailboxId) -> String {
        let organizations = self.organizations();
        let moment = organizations.get(organization);
        moment.and_then(|moment| moment.causes.get(&mailbox)).cloned().unwrap_or_default()
    }

    fn organizations(&self) -> MutexGuard<'_, HashMap<OrganizationId, Moment>> {
        self.0.organizations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Moment {
    /// Remembers in which trace a mailbox came to need a change.
    fn note(&mut self, mailbox: MailboxId, needs: &Difference) {
        if needs.edit.is_empty() {
            self.causes.remove(&mailbox);
        } else {
            self.causes.entry(mailbox).or_insert_with(|| self.cause.clone());
        }
    }
}

/// What a mailbox needs. Before the organization's settings were seen nothing can be said.
pub fn difference(view: &MailboxView, order: &ObservedOrder) -> Difference {
    let ObservedOrder { settings: Some(settings), rules } = order else {
        return Difference::default();
    };
    let settings: &OrganizationSettings = settings;
    let devices: Vec<_> = view
        .devices
        .iter()
        .map(|it| Intended {
            device: &it.device,
            access: it.intent.as_ref().map_or(Access::Leave, |intent| intent.access),
        })
        .collect();
    reconcile(&view.mailbox, &devices, Order { rules, settings })
}

/// How many devices a difference moves, and where to.
fn summary(view: &MailboxView, needs: &Difference) -> Compared {
    let count = |access: Access| {
        let pending = needs.effects.iter().filter(|it| it.pending && it.access == access);
        u32::try_from(pending.count()).unwrap_or(u32::MAX)
    };
    Compared {
        mailbox: view.mailbox.id,
        mark: view.mark,
        allow: count(Access::Allow),
        quarantine: count(Access::Quarantine),
        block: count(Access::Block),
    }
}
