//! Looking: the cmdlets of a sync, in an order that shows a device's mailbox before the device, and
//! what their output proves. Rows leave in batches as they arrive.

use std::collections::BTreeSet;

use tokio::sync::mpsc;

use exgate_domain::ids::MailboxId;
use exgate_domain::observation::{Kind, Observation, Scope};
use exgate_domain::sync::Completeness;
use exgate_exchange::cmdlets::{
    CasMailboxRow, Cmdlet, DeviceSelection, DomainController, Filter, Identity, ResultSize, Row,
    Selection, get_cas_mailbox, get_device, get_device_access_rule, get_exchange_server,
    get_organization_settings,
};
use exgate_exchange::error::{CmdletError, Refusal};
use exgate_exchange::session::{Session, Summary};

use super::lane::Open;
use super::{Capabilities, Remote};
use crate::collect::{DigestTable, Skim, Skimmed};
use crate::exchange::{LookError, Seeing, Seen, Step};
use crate::preflight;
use crate::translate::{self, ListedDevice, Untranslatable};

/// Objects that leave together.
const BATCH_OBJECTS: usize = 100;
/// With more changed devices' mailboxes than this to ask one by one, all mailboxes are listed at once.
const MAILBOXES_ONE_BY_ONE_MAX: usize = 50;

impl Remote {
    /// Looks at `scope`.
    pub(super) async fn read(
        &self,
        scope: &Scope,
        known: &DigestTable,
        seen: mpsc::Sender<Seen>,
    ) -> Result<Completeness, LookError> {
        let mut lane = self.reads.lock().await;
        let mut passed_on = 0;
        let looked = match self.try_read(&mut lane, scope, known, &seen, &mut passed_on).await {
            // The server had ended the session, or was started again: a new one knows nothing of it.
            Err(error) if passed_on == 0 && lane.is_lost() && !seen.is_closed() => {
                tracing::debug!(error = exgate_runtime::report(&error), "opened a new session");
                self.try_read(&mut lane, scope, known, &seen, &mut passed_on).await
            }
            looked => looked,
        };
        let proof = looked?;
        self.set_controller(DomainController::new(proof.domain_controller.clone()).ok());
        Ok(proof)
    }

    /// Looks once, and counts the objects that were passed on.
    async fn try_read(
        &self,
        lane: &mut Open<'_>,
        scope: &Scope,
        known: &DigestTable,
        seen: &mpsc::Sender<Seen>,
        passed_on: &mut usize,
    ) -> Result<Completeness, LookError> {
        let session = lane.session().await.map_err(|error| failed("sign-in", &error))?;
        let server = self.capabilities(session).await?;
        let mut look = Look {
            session,
            family: server,
            known,
            may_skip: false,
            seen: seen.clone(),
            passed_on,
            proof: Completeness { pipelines_completed: true, ..Completeness::default() },
            mailboxes: BTreeSet::new(),
            owners: BTreeSet::new(),
        };
        match scope {
            Scope::Everything => look.everything().await?,
            Scope::ChangedSince(since) if server.filters_by_change => {
                look.changed(Filter::changed_since(*since)).await?;
            }
            Scope::ChangedSince(_) => look.everything().await?,
            Scope::Mailboxes(mailboxes) => look.read_back(mailboxes).await?,
        }
        Ok(look.proof)
    }

    async fn capabilities(&self, session: &Session) -> Result<Capabilities, LookError> {
        if let Some(found) = self.server.get() {
            return Ok(*found);
        }
        let found = preflight::capabilities(session)
            .await
            .map_err(|error| failed("Get-Command", &error))?
            .ok_or_else(|| LookError::Cmdlet {
                during: "Get-Command".into(),
                cause: "the account may use neither Get-MobileDevice nor Get-ActiveSyncDevice"
                    .into(),
            })?;
        Ok(*self.server.get_or_init(|| found))
    }
}

/// One look under way.
struct Look<'a> {
    session: &'a Session,
    family: Capabilities,
    known: &'a DigestTable,
    /// Whether what is known need not be read.
    may_skip: bool,
    seen: mpsc::Sender<Seen>,
    passed_on: &'a mut usize,
    proof: Completeness,
    /// Distinguished names of the mailboxes seen in a look at what changed.
    mailboxes: BTreeSet<String>,
    /// Distinguished names of the mailboxes whose devices were seen there.
    owners: BTreeSet<String>,
}

impl<'a> Look<'a> {
    async fn everything(&mut self) -> Result<(), LookError> {
        // Any other look keeps names out of what it reads.
        self.may_skip = true;
        self.step(Step::Mailboxes).await?;
        self.mailboxes_with(Filter::has_partnership(), Names::Passed).await?;
        self.step(Step::Devices).await?;
        self.devices(DeviceSelection::All, Names::Passed).await?;
        self.organization().await
    }

    /// What changed, and the mailboxes of changed devices that did not change themselves: the
    /// coordinator may never have seen them.
    async fn changed(&mut self, since: Filter) -> Result<(), LookError> {
        self.step(Step::Mailboxes).await?;
        self.mailboxes_with(since.clone(), Names::Noted).await?;
        self.step(Step::Devices).await?;
        self.devices(DeviceSelection::Filtered(since), Names::Noted).await?;
        let unseen: Vec<String> = self.owners.difference(&self.mailboxes).cloned().collect();
        if unseen.len() > MAILBOXES_ONE_BY_ONE_MAX {
            self.mailboxes_with(Filter::has_partnership(), Names::Passed).await?;
        } else {
            for owner in unseen {
                if let Ok(owner) = Identity::new(owner) {
                    self.mailbox(owner).await?;
                }
            }
        }
        self.organization().await
    }

    async fn read_back(&mut self, mailboxes: &[MailboxId]) -> Result<(), LookError> {
        self.step(Step::Mailboxes).await?;
        for mailbox in mailboxes {
            let identity = identity(*mailbox)?;
            if self.mailbox(identity.clone()).await? {
                self.devices(DeviceSelection::OfMailbox(identity), Names::Passed).await?;
            }
        }
        Ok(())
    }

    async fn organization(&mut self) -> Result<(), LookError> {
        self.step(Step::Organization).await?;
        self.list(get_organization_settings(), |_, row| {
            translate::settings(row).map(|settings| Some(Observation::Settings(settings)))
        })
        .await?;
        self.list(get_device_access_rule(None), |_, row| {
            translate::rule(row).map(|rule| Some(Observation::Rule(rule)))
        })
        .await?;
        self.list(get_exchange_server(None), |_, row| {
            translate::server(row).map(|server| Some(Observation::Server(server)))
        })
        .await
    }

    async fn mailboxes_with(&mut self, filter: Filter, names: Names) -> Result<(), LookError> {
        let selection = Selection::Filtered(filter);
        let see = match names {
            Names::Passed => Self::see_mailbox,
            Names::Noted => Self::see_mailbox_and_name,
        };
        self.list(get_cas_mailbox(selection, ResultSize::Unlimited, None), see).await
    }

    /// Reads one mailbox; `false` when there is none any more.
    async fn mailbox(&mut self, identity: Identity) -> Result<bool, LookError> {
        let cmdlet = get_cas_mailbox(Selection::One(identity), ResultSize::Unlimited, None);
        self.list_if_found(cmdlet, Self::see_mailbox).await
    }

    async fn devices(&mut self, selection: DeviceSelection, names: Names) -> Result<(), LookError> {
        let family = self.family.family;
        let cmdlet = get_device(family, selection, ResultSize::Unlimited, None).read_as();
        let see = match names {
            Names::Passed => Self::see_device,
            Names::Noted => Self::see_device_and_owner,
        };
        self.list_if_found(cmdlet, see).await.map(|_| ())
    }

    fn see_mailbox(&mut self, row: CasMailboxRow) -> Result<Option<Observation>, Untranslatable> {
        self.answered_by(row.originating_server.as_deref());
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
        self.answered_by(row.controller.as_deref());
        row.device.map(|device| Some(Observation::Device(device)))
    }

    fn see_device_and_owner(
        &mut self,
        row: ListedDevice,
    ) -> Result<Option<Observation>, Untranslatable> {
        self.answered_by(row.controller.as_deref());
        let device = row.device?;
        self.owners.insert(device.mailbox_dn.clone());
        Ok(Some(Observation::Device(device)))
    }

    fn answered_by(&mut self, controller: Option<&str>) {
        if self.proof.domain_controller.is_empty() {
            self.proof.domain_controller = controller.unwrap_or_default().to_owned();
        }
    }

    async fn step(&mut self, step: Step) -> Result<(), LookError> {
        self.proof.filtered_by_server = self.family.filters_by_change;
        self.seen.send(Seen::Step(step)).await.map_err(|_| LookError::Abandoned)
    }

    async fn list_if_found<R: Row>(
        &mut self,
        cmdlet: Cmdlet<R>,
        see: fn(&mut Self, R) -> Result<Option<Observation>, Untranslatable>,
    ) -> Result<bool, LookError> {
        let name = cmdlet.name();
        match self.rows(cmdlet, see).await {
            Ok(summary) => {
                let missing = |record| Refusal::of(record) == Refusal::NotFound;
                let is_gone = !summary.errors.is_empty() && summary.errors.iter().all(missing);
                if !is_gone {
                    self.prove(name, &summary);
                }
                Ok(!is_gone)
            }
            Err(Broken::Cmdlet(error)) if error.refusal() == Some(&Refusal::NotFound) => Ok(false),
            Err(broken) => Err(broken.into_look(name)),
        }
    }

    async fn list<R: Row>(
        &mut self,
        cmdlet: Cmdlet<R>,
        see: fn(&mut Self, R) -> Result<Option<Observation>, Untranslatable>,
    ) -> Result<(), LookError> {
        let name = cmdlet.name();
        let summary = self.rows(cmdlet, see).await.map_err(|broken| broken.into_look(name))?;
        self.prove(name, &summary);
        Ok(())
    }

    fn prove(&mut self, cmdlet: &'static str, summary: &Summary) {
        let errors = u32::try_from(summary.errors_total).unwrap_or(u32::MAX);
        self.proof.error_records = self.proof.error_records.saturating_add(errors);
        self.proof.truncated |= summary.is_cut_short;
        if let Some(first) = summary.errors.first() {
            tracing::warn!(cmdlet, errors, first = first.message, "a listing had errors");
        }
    }

    /// Runs a cmdlet and passes what it prints on, unread if it is known. A row that cannot be translated
    /// counts as an error record: the listing goes on, and proves nothing.
    async fn rows<R: Row>(
        &mut self,
        cmdlet: Cmdlet<R>,
        see: fn(&mut Self, R) -> Result<Option<Observation>, Untranslatable>,
    ) -> Result<Summary, Broken> {
        let name = cmdlet.name();
        let mut skim = self.skim(name);
        let mut stream = self.session.run(cmdlet).await?;
        let mut batch = Vec::new();
        while let Some(xml) = stream.next_unread().await? {
            let skimmed = skim.as_mut().map_or(Skimmed::Unread(None), |skim| skim.look(&xml));
            match skimmed {
                Skimmed::Known(key) => {
                    self.answered_by(skim.as_mut().and_then(|skim| skim.controller(&xml)));
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
                        self.proof.error_records = self.proof.error_records.saturating_add(1);
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
        Ok(summary)
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
        *self.passed_on += batch.len();
        self.seen.send(Seen::Objects(batch)).await.map_err(|_| Broken::Abandoned)
    }
}

/// Whether the names of the mailboxes that rows are about, or belong to, are kept for later. A look at
/// everything keeps none: its memory must not grow with the organization.
#[derive(Debug, Clone, Copy)]
enum Names {
    Passed,
    Noted,
}

/// Why a listing ended early.
enum Broken {
    Cmdlet(CmdletError),
    Abandoned,
}

impl From<CmdletError> for Broken {
    fn from(error: CmdletError) -> Self {
        Self::Cmdlet(error)
    }
}

impl Broken {
    fn into_look(self, during: &'static str) -> LookError {
        match self {
            Self::Abandoned => LookError::Abandoned,
            Self::Cmdlet(error @ CmdletError::Row { .. }) => {
                LookError::Row { during: during.into(), cause: exgate_runtime::report(&error) }
            }
            Self::Cmdlet(error) => failed(during, &error),
        }
    }
}

fn failed(during: &str, error: &(dyn std::error::Error + 'static)) -> LookError {
    LookError::Cmdlet { during: during.to_owned(), cause: exgate_runtime::report(error) }
}

fn identity(mailbox: MailboxId) -> Result<Identity, LookError> {
    Identity::new(mailbox.to_string()).map_err(|error| failed("naming a mailbox", &error))
}
