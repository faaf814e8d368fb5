//! Looking: the cmdlets of a sync, in an order that shows a device's mailbox before the device, and
//! what their output proves. Rows leave in batches as they arrive.
//!
//! All that is read of recipients comes from one domain controller: the one that is asked for, or the
//! first that answers. A cmdlet that breaks off is run again in a new session, on whatever server the
//! lane leads to; what it had printed is not passed on twice by whoever keeps the digests.

mod patience;
mod proof;

use std::collections::BTreeSet;

use tokio::sync::mpsc;

use exgate_domain::ids::MailboxId;
use exgate_domain::observation::{Kind, Observation, Scope};
use exgate_domain::snapshot::Finished;
use exgate_domain::sync::Completeness;
use exgate_exchange::cmdlets::{
    CasMailboxRow, Cmdlet, DeviceFamily, DeviceSelection, DomainController, Filter, Identity,
    ResultSize, Row, Selection, ServerRow, get_cas_mailbox, get_device, get_device_access_rule,
    get_device_class, get_exchange_server, get_mailbox_policy, get_organization_settings,
};
use exgate_exchange::error::Refusal;
use exgate_exchange::session::Summary;

use super::lane::Open;
use super::{Capabilities, Remote};
use crate::collect::{DigestTable, Skim, Skimmed};
use crate::exchange::{LookError, Seeing, Seen, Step, Wanted};
use crate::preflight;
use crate::translate::{self, ListedDevice, Untranslatable};
use patience::{Broken, Patience};
use proof::Proof;

/// Objects that leave together.
const BATCH_OBJECTS: usize = 100;
/// With more changed devices' mailboxes than this to ask one by one, all mailboxes are listed at once.
const MAILBOXES_ONE_BY_ONE_MAX: usize = 50;

/// What is done with a row: an object to pass on, or none.
type See<'a, R> = fn(&mut Look<'a>, R) -> Result<Option<Observation>, Untranslatable>;
/// A cmdlet, asked of a domain controller.
type Ask<'q, R> = &'q (dyn Fn(Option<DomainController>) -> Cmdlet<R> + Sync);

impl Remote {
    /// Looks at what is wanted.
    pub(super) async fn read(
        &self,
        wanted: &Wanted,
        known: &DigestTable,
        seen: mpsc::Sender<Seen>,
    ) -> Result<Completeness, LookError> {
        let lane = self.reads.lock().await;
        let mut look = Look::new((self, lane), known, wanted, seen);
        let proof = look.whole(wanted).await?;
        self.set_controller(DomainController::new(proof.domain_controller.clone()).ok());
        Ok(proof)
    }
}

/// One look under way.
struct Look<'a> {
    remote: &'a Remote,
    lane: Open<'a>,
    known: &'a DigestTable,
    /// Whether what is known need not be read, nor named.
    may_skip: bool,
    seen: mpsc::Sender<Seen>,
    proof: Proof,
    patience: Patience,
    /// Whether all kinds of objects are listed.
    is_full: bool,
    /// Distinguished names of the mailboxes seen in a look at what changed.
    mailboxes: BTreeSet<String>,
    /// Distinguished names of the mailboxes whose devices were seen there.
    owners: BTreeSet<String>,
    /// The servers that were listed: they stand in for each other.
    servers: Vec<ServerRow>,
}

impl<'a> Look<'a> {
    fn new(
        (remote, lane): (&'a Remote, Open<'a>),
        known: &'a DigestTable,
        wanted: &Wanted,
        seen: mpsc::Sender<Seen>,
    ) -> Self {
        Self {
            remote,
            lane,
            known,
            may_skip: false,
            seen,
            proof: Proof::new(wanted),
            patience: Patience::default(),
            is_full: wanted.scope == Scope::Everything,
            mailboxes: BTreeSet::new(),
            owners: BTreeSet::new(),
            servers: Vec::new(),
        }
    }

    async fn whole(&mut self, wanted: &Wanted) -> Result<Completeness, LookError> {
        let looked = self.part(wanted).await;
        match looked {
            Err(LookError::ControllerGone { controller }) if self.may_ask_another(wanted) => {
                tracing::warn!(controller, "asks another domain controller, for everything");
                self.proof.ask_another(matches!(wanted.scope, Scope::ChangedSince(_)));
                match &wanted.scope {
                    Scope::Everything | Scope::ChangedSince(_) => self.everything(None).await?,
                    Scope::Mailboxes(mailboxes) => self.read_back(mailboxes).await?,
                }
            }
            looked => looked?,
        }
        Ok(self.proof.completeness())
    }

    /// Before anything was answered, a controller that is gone spoils nothing.
    fn may_ask_another(&self, wanted: &Wanted) -> bool {
        wanted.after.is_none() && !self.proof.has_answer()
    }

    async fn part(&mut self, wanted: &Wanted) -> Result<(), LookError> {
        let server = self.capabilities().await?;
        match &wanted.scope {
            Scope::Everything => self.everything(wanted.after.as_ref().map(|it| it.step)).await,
            Scope::ChangedSince(since) if server.filters_by_change => {
                self.proof.filtered_by_server();
                self.changed(Filter::changed_since(*since)).await
            }
            Scope::ChangedSince(_) => self.everything(None).await,
            Scope::Mailboxes(mailboxes) => self.read_back(mailboxes).await,
        }
    }

    /// Lists everything after a step.
    async fn everything(&mut self, after: Option<Step>) -> Result<(), LookError> {
        // No names are kept of what it reads.
        self.may_skip = true;
        if after < Some(Step::Mailboxes) {
            self.step(Step::Mailboxes).await?;
            self.mailboxes_with(&Filter::has_partnership(), Names::Passed).await?;
            self.finished(Step::Mailboxes).await?;
        }
        if after < Some(Step::Devices) {
            self.step(Step::Devices).await?;
            self.devices(&DeviceSelection::All, Names::Passed).await?;
            self.finished(Step::Devices).await?;
        }
        self.organization().await?;
        self.known.owners_shown(true);
        Ok(())
    }

    /// What changed, and the mailboxes of changed devices that did not change themselves: the
    /// coordinator may never have seen them. It has seen those of devices that are known: what changed
    /// is listed from before the last change that was seen, so most of a listing at rest is known.
    async fn changed(&mut self, since: Filter) -> Result<(), LookError> {
        self.step(Step::Mailboxes).await?;
        self.mailboxes_with(&since, Names::Noted).await?;
        self.step(Step::Devices).await?;
        self.may_skip = self.known.owners_are_held();
        self.devices(&DeviceSelection::Filtered(since), Names::Noted).await?;
        self.may_skip = false;
        let mut all_shown = true;
        let unseen: Vec<String> = self.owners.difference(&self.mailboxes).cloned().collect();
        if unseen.len() > MAILBOXES_ONE_BY_ONE_MAX {
            self.mailboxes_with(&Filter::has_partnership(), Names::Passed).await?;
        } else {
            for owner in unseen {
                all_shown &= match Identity::new(owner) {
                    Ok(owner) => self.mailbox(&owner).await?,
                    Err(_) => false,
                };
            }
        }
        self.organization().await?;
        self.known.owners_shown(all_shown);
        Ok(())
    }

    async fn read_back(&mut self, mailboxes: &[MailboxId]) -> Result<(), LookError> {
        self.step(Step::Mailboxes).await?;
        for mailbox in mailboxes {
            let identity = identity(*mailbox)?;
            if self.mailbox(&identity).await? {
                self.devices_of(&identity).await?;
            }
        }
        Ok(())
    }

    async fn organization(&mut self) -> Result<(), LookError> {
        self.step(Step::Organization).await?;
        self.list(&|_| get_organization_settings(), |_, row| {
            translate::settings(row).map(|settings| Some(Observation::Settings(settings)))
        })
        .await?;
        self.list(&|_| get_device_access_rule(None), |_, row| {
            translate::rule(row).map(|rule| Some(Observation::Rule(rule)))
        })
        .await?;
        self.servers.clear();
        self.list(&|_| get_exchange_server(None), |look, row| {
            look.servers.push(row.clone());
            translate::server(row).map(|server| Some(Observation::Server(server)))
        })
        .await?;
        if let Ok(session) = self.lane.session().await {
            self.remote.servers.learn(&self.servers, session.front_end());
        }
        if self.is_full { self.seldom_changed().await } else { Ok(()) }
    }

    /// What changes seldom and decides nothing here: mailbox policies and device classes.
    async fn seldom_changed(&mut self) -> Result<(), LookError> {
        let family = self.capabilities().await?.family;
        self.list_if_allowed(&|on| get_mailbox_policy(family, None, on), |look, row| {
            let family = look.remote.server.get().map(|server| server.family);
            let policy = translate::mailbox_policy(row, family.unwrap_or(DeviceFamily::ActiveSync));
            policy.map(|policy| Some(Observation::MailboxPolicy(policy)))
        })
        .await?;
        self.list_if_allowed(&|on| get_device_class(Selection::All, on), |_, row| {
            translate::device_class(row).map(|class| Some(Observation::DeviceClass(class)))
        })
        .await
    }

    async fn mailboxes_with(&mut self, filter: &Filter, names: Names) -> Result<(), LookError> {
        let see = match names {
            Names::Passed => Self::see_mailbox,
            Names::Noted => Self::see_mailbox_and_name,
        };
        let selection = Selection::Filtered(filter.clone());
        let ask = |on| get_cas_mailbox(selection.clone(), ResultSize::Unlimited, on);
        self.list(&ask, see).await
    }

    /// Reads one mailbox; `false` when there is none any more.
    async fn mailbox(&mut self, identity: &Identity) -> Result<bool, LookError> {
        let selection = Selection::One(identity.clone());
        let ask = |on| get_cas_mailbox(selection.clone(), ResultSize::Unlimited, on);
        self.list_if_found(&ask, Self::see_mailbox).await
    }

    async fn devices(&mut self, which: &DeviceSelection, names: Names) -> Result<(), LookError> {
        let see = match names {
            Names::Passed => Self::see_device,
            Names::Noted => Self::see_device_and_owner,
        };
        let family = self.capabilities().await?.family;
        let ask = |on| get_device(family, which.clone(), ResultSize::Unlimited, on).read_as();
        self.list(&ask, see).await
    }

    async fn devices_of(&mut self, mailbox: &Identity) -> Result<(), LookError> {
        let family = self.capabilities().await?.family;
        let which = DeviceSelection::OfMailbox(mailbox.clone());
        let ask = |on| get_device(family, which.clone(), ResultSize::Unlimited, on).read_as();
        self.list_if_found(&ask, Self::see_device).await.map(|_| ())
    }

    fn see_mailbox(&mut self, row: CasMailboxRow) -> Result<Option<Observation>, Untranslatable> {
        self.proof.answered_by(row.originating_server.as_deref());
        self.proof.changed_at(row.when_changed_utc);
        translate::mailbox(row).map(|mailbox| mailbox.map(Observation::Mailbox))
    }

    fn see_mailbox_and_name(
        &mut self,
        row: CasMailboxRow,
    ) -> Result<Option<Observation>, Untranslatable> {
        let seen = self.see_mailbox(row)?;
        if let Some(Observation::Mailbox(mailbox)) = &seen {
            self.mailboxes.insert(mailbox.dn.clone());
        }
        Ok(seen)
    }

    fn see_device(&mut self, row: ListedDevice) -> Result<Option<Observation>, Untranslatable> {
        self.proof.answered_by(row.controller.as_deref());
        let device = row.device?;
        self.proof.changed_at(device.changed_at);
        Ok(Some(Observation::Device(device)))
    }

    fn see_device_and_owner(
        &mut self,
        row: ListedDevice,
    ) -> Result<Option<Observation>, Untranslatable> {
        let seen = self.see_device(row)?;
        if let Some(Observation::Device(device)) = &seen {
            self.owners.insert(device.mailbox_dn.clone());
        }
        Ok(seen)
    }

    async fn step(&mut self, step: Step) -> Result<(), LookError> {
        self.seen.send(Seen::Step(step)).await.map_err(|_| LookError::Abandoned)
    }

    async fn finished(&mut self, step: Step) -> Result<(), LookError> {
        let finished = Finished { step, proof: self.proof.completeness() };
        self.seen.send(Seen::Finished(finished)).await.map_err(|_| LookError::Abandoned)
    }

    /// What the server can do, asked once per process.
    async fn capabilities(&mut self) -> Result<Capabilities, LookError> {
        if let Some(found) = self.remote.server.get() {
            return Ok(*found);
        }
        let found = loop {
            let asked = match self.lane.session().await {
                Ok(session) => preflight::capabilities(session).await.map_err(Broken::from),
                Err(error) => Err(error.into()),
            };
            match asked {
                Ok(found) => break found,
                Err(broken) => self.wait(broken).await.map_err(|it| it.into_look("Get-Command"))?,
            }
        };
        let found = found.ok_or_else(|| LookError::Cmdlet {
            during: "Get-Command".into(),
            cause: "the account may use neither Get-MobileDevice nor Get-ActiveSyncDevice".into(),
        })?;
        Ok(*self.remote.server.get_or_init(|| found))
    }

    async fn list<R: Row>(&mut self, ask: Ask<'_, R>, see: See<'a, R>) -> Result<(), LookError> {
        let name = ask(None).name();
        self.rows(ask, see).await.map(|_| ()).map_err(|broken| broken.into_look(name))
    }

    /// As [`Look::list`], of what the look is whole without: the account may not be allowed to see it.
    async fn list_if_allowed<R: Row>(
        &mut self,
        ask: Ask<'_, R>,
        see: See<'a, R>,
    ) -> Result<(), LookError> {
        let name = ask(None).name();
        match self.rows(ask, see).await {
            Ok(_) => Ok(()),
            Err(broken) if broken.is_hidden() => {
                tracing::warn!(cmdlet = name, "left out what the account may not list");
                Ok(())
            }
            Err(broken) => Err(broken.into_look(name)),
        }
    }

    /// As [`Look::list`], of one object; `false` when there is none. What says so is no error.
    async fn list_if_found<R: Row>(
        &mut self,
        ask: Ask<'_, R>,
        see: See<'a, R>,
    ) -> Result<bool, LookError> {
        let name = ask(None).name();
        let before = self.proof.clone();
        match self.rows(ask, see).await {
            Ok(summary) => {
                let missing = |record| Refusal::of(record) == Refusal::NotFound;
                let is_gone = !summary.errors.is_empty() && summary.errors.iter().all(missing);
                if is_gone {
                    self.proof = before;
                }
                Ok(!is_gone)
            }
            Err(broken) if broken.is_not_found() => Ok(false),
            Err(broken) => Err(broken.into_look(name)),
        }
    }

    /// Runs a cmdlet to its end, again from its beginning where it breaks off.
    async fn rows<R: Row>(&mut self, ask: Ask<'_, R>, see: See<'a, R>) -> Result<Summary, Broken> {
        loop {
            let cmdlet = ask(self.proof.controller());
            let name = cmdlet.name();
            match self.run(cmdlet, see).await {
                Ok((summary, untold)) => {
                    self.proof.listed(name, &summary, untold);
                    return Ok(summary);
                }
                Err(broken) => {
                    self.wait(broken).await?;
                    self.proof.repeated(name);
                    self.tell(Seen::Repeated).await?;
                }
            }
        }
    }

    /// Runs a cmdlet once and passes what it prints on, unread if it is known. A row that cannot be
    /// translated counts as an error record: the listing goes on, and proves nothing.
    async fn run<R: Row>(
        &mut self,
        cmdlet: Cmdlet<R>,
        see: See<'a, R>,
    ) -> Result<(Summary, u32), Broken> {
        let name = cmdlet.name();
        let mut skim = self.skim(name);
        let mut stream = self.lane.session().await?.run(cmdlet).await?;
        let mut batch = Vec::new();
        let mut untold = 0_u32;
        while let Some(xml) = stream.next_unread().await? {
            let skimmed = skim.as_mut().map_or(Skimmed::Unread(None), |skim| skim.look(&xml));
            match skimmed {
                Skimmed::Known(key) => {
                    if let Some(skim) = &mut skim {
                        self.proof.answered_by(skim.controller(&xml));
                        self.proof.changed_at(skim.changed_at(&xml));
                    }
                    batch.push(Seeing::Known(key));
                }
                Skimmed::Unread(raw) => match see(self, stream.read(&xml)?) {
                    Ok(Some(observation)) => {
                        let key = observation.key();
                        let raw = raw.filter(|(seen, _)| *seen == key).map(|(_, raw)| raw);
                        batch.push(Seeing::Read { observation, raw });
                    }
                    Ok(None) => {}
                    Err(error) => {
                        let error = exgate_runtime::report(&error);
                        tracing::warn!(cmdlet = name, error, "left out what cannot be told");
                        untold = untold.saturating_add(1);
                    }
                },
            }
            if batch.len() >= BATCH_OBJECTS {
                self.pass_on(std::mem::take(&mut batch)).await?;
            }
        }
        let summary = stream.summary().clone();
        if !batch.is_empty() {
            self.pass_on(batch).await?;
        }
        if let Some(controller) = self.proof.refused_by_controller(&summary) {
            return Err(Broken::ControllerGone(controller));
        }
        Ok((summary, untold))
    }

    /// A way to look at rows before they are read, where there are as many as devices or mailboxes.
    fn skim(&self, cmdlet: &str) -> Option<Skim<'a>> {
        let kind = match cmdlet {
            "Get-CASMailbox" => Kind::Mailbox,
            "Get-MobileDevice" | "Get-ActiveSyncDevice" => Kind::Device,
            _ => return None,
        };
        Some(Skim::new(self.known, kind, self.may_skip))
    }

    async fn pass_on(&mut self, batch: Vec<Seeing>) -> Result<(), Broken> {
        self.tell(Seen::Objects(batch)).await
    }

    async fn tell(&mut self, seen: Seen) -> Result<(), Broken> {
        self.seen.send(seen).await.map_err(|_| Broken::Abandoned)
    }

    /// Waits before what broke is tried again; gives it back when that is no use.
    async fn wait(&mut self, broken: Broken) -> Result<(), Broken> {
        if self.seen.is_closed() {
            return Err(Broken::Abandoned);
        }
        let broken = broken.or_controller(self.proof.controller());
        let Some(wait) = self.patience.wait(&broken) else { return Err(broken) };
        tracing::info!(error = broken.to_string(), wait_s = wait.as_secs_f64(), "tries again");
        tokio::time::sleep(wait).await;
        Ok(())
    }
}

/// Whether the names of the mailboxes that rows are about, or belong to, are kept for later. A look at
/// everything keeps none: its memory must not grow with the organization.
#[derive(Debug, Clone, Copy)]
enum Names {
    Passed,
    Noted,
}

fn identity(mailbox: MailboxId) -> Result<Identity, LookError> {
    Identity::new(mailbox.to_string()).map_err(|error| LookError::Cmdlet {
        during: "naming a mailbox".to_owned(),
        cause: exgate_runtime::report(&error),
    })
}
