//! Syncs as ordered: each is looked at page by page and uploaded while it is read, under one span. An
//! upload that breaks off leaves its look waiting, to go on when the coordinator says where.

use std::sync::Arc;

use tokio::sync::{Mutex, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};
use tracing::Instrument;

use exgate_domain::ids::{AgentId, Generation, OrganizationId, RunId};
use exgate_domain::observation::{Key, Kind, Scope};
use exgate_domain::snapshot::{Begin, Commit, Resume};
use exgate_proto::agent::v1 as pb;
use exgate_proto::agent::v1::agent_service_client::AgentServiceClient;
use exgate_proto::agent::v1::upload_observations_request::Part;
use exgate_runtime::Tasks;
use exgate_runtime::grpc::Channel;
use exgate_runtime::telemetry;

use super::underway::{Next, Slot, Underway};
use super::{Touched, message};
use crate::collect::{DigestTable, Reading, Told};
use crate::exchange::{Exchange, LookError};
use crate::lease::Lease;
use crate::metrics::Metrics;

/// How many parts of a snapshot may wait to be sent.
const PARTS_WAITING_MAX: usize = 2;

/// A sync that the coordinator asked for.
#[derive(Debug)]
pub(super) struct Ordered {
    pub(super) run: RunId,
    pub(super) scope: Scope,
    pub(super) forget_digests: bool,
    pub(super) traceparent: String,
    pub(super) generation: Generation,
    pub(super) domain_controller: String,
    pub(super) resume: Option<Resume>,
}

/// Why a sync failed.
#[derive(Debug, thiserror::Error)]
enum SyncError {
    /// The order came under a lease that is gone.
    #[error("the agent holds no lease")]
    LeaseLost,
    /// Exchange could not be read.
    #[error("Exchange could not be read")]
    Look(#[from] LookError),
    /// The coordinator did not take the snapshot.
    #[error("the coordinator did not take the snapshot")]
    Upload(#[source] Box<Status>),
}

impl SyncError {
    /// Whether only the way to the coordinator failed, so that the look may go on.
    fn can_resume(&self) -> bool {
        match self {
            Self::LeaseLost | Self::Look(_) => false,
            // The codes of refusals are the coordinator's own; all others come from the way.
            Self::Upload(status) => !matches!(
                status.code(),
                Code::InvalidArgument
                    | Code::FailedPrecondition
                    | Code::Aborted
                    | Code::NotFound
                    | Code::PermissionDenied
                    | Code::Unauthenticated
                    | Code::Unimplemented
            ),
        }
    }
}

/// Runs syncs one after the other.
#[derive(Debug)]
pub(super) struct Syncs {
    pub(super) client: AgentServiceClient<Channel>,
    pub(super) exchange: Arc<dyn Exchange>,
    pub(super) digests: Arc<Mutex<DigestTable>>,
    pub(super) touched: Touched,
    pub(super) organization: OrganizationId,
    pub(super) agent: AgentId,
    pub(super) lease: Lease,
    pub(super) metrics: Metrics,
    pub(super) said: mpsc::Sender<pb::AttachRequest>,
    /// The look whose upload broke off; outlives the attachment.
    pub(super) underway: Slot,
    /// Where looks run.
    pub(super) tasks: Tasks,
}

impl Syncs {
    pub(super) async fn run(self, mut ordered: mpsc::Receiver<Ordered>) {
        while let Some(order) = ordered.recv().await {
            let run = order.run;
            let span = tracing::info_span!("sync", %run, organization = %self.organization,
                scope = scope_name(&order.scope), rows = tracing::field::Empty,
                skipped = tracing::field::Empty);
            telemetry::adopt(&span, &order.traceparent);
            let (failure, can_resume) = match self.sync(order).instrument(span).await {
                Ok((rows, Reading { skipped, read, .. })) => {
                    tracing::info!(%run, rows, skipped, read, "synced");
                    (String::new(), false)
                }
                Err(error) => {
                    let failure = exgate_runtime::report(&error);
                    tracing::warn!(%run, error = failure, "a sync failed");
                    (failure, error.can_resume())
                }
            };
            let finished = message::finished(run, failure, can_resume);
            if self.said.send(finished).await.is_err() {
                return;
            }
        }
    }

    async fn sync(&self, order: Ordered) -> Result<(u64, Reading), SyncError> {
        if self.lease.get().is_none_or(|held| held.generation != order.generation) {
            return Err(SyncError::LeaseLost);
        }
        let mut slot = self.underway.lock().await;
        let is_the_same = slot.as_mut().is_some_and(|underway| underway.goes_on(&order));
        if is_the_same {
            tracing::info!(run = %order.run, "goes on with the upload");
        } else {
            // The look before lets go of the digests and of its session with its end.
            *slot = None;
            let mut digests = Arc::clone(&self.digests).lock_owned().await;
            for mailbox in self.touched.take() {
                digests.forget(Key { kind: Kind::Mailbox, guid: mailbox.guid() });
            }
            let exchange = self.exchange.clone();
            *slot = Some(Underway::begin(&order, exchange, digests, &self.tasks));
        }
        let Some(underway) = slot.as_mut() else { return Err(LookError::Abandoned.into()) };
        match self.upload(&order, underway).await {
            Ok(rows) => {
                let reading = slot.take().map(|underway| self.acknowledge(rows, underway));
                Ok((rows, reading.unwrap_or_default()))
            }
            Err(error) => {
                if !error.can_resume() {
                    *slot = None;
                }
                Err(error)
            }
        }
    }

    /// The coordinator has stored a look: what it told is known from now on.
    fn acknowledge(&self, rows: u64, underway: Underway) -> Reading {
        let (run, seal) = (underway.run, underway.seal());
        let Some(mut digests) = underway.into_digests() else { return Reading::default() };
        digests.acknowledge(seal);
        let reading = digests.reading();
        tracing::Span::current().record("rows", rows).record("skipped", reading.skipped);
        if reading.mistaken > 0 {
            tracing::error!(%run, mistaken = reading.mistaken, "the same bytes were read otherwise than before");
        }
        self.metrics.synced(rows, &digests);
        reading
    }

    async fn upload(&self, order: &Ordered, underway: &mut Underway) -> Result<u64, SyncError> {
        let begin = Begin {
            id: underway.snapshot,
            run: order.run,
            organization: self.organization.clone(),
            agent: self.agent,
            generation: order.generation,
            scope: underway.wanted.scope.clone(),
            domain_controller: underway.wanted.controller.clone(),
        };
        let (parts, sending) = mpsc::channel(PARTS_WAITING_MAX);
        let mut client = self.client.clone();
        let upload = async move {
            let sent = client.upload_observations(ReceiverStream::new(sending)).await;
            sent.map_err(|status| SyncError::Upload(Box::new(status)))
        };
        let feed = self.feed(order.run, begin, underway, parts);
        let (fed, uploaded) = futures_util::future::join(feed, upload).await;
        match (fed, uploaded) {
            (Some(Err(error)), _) => Err(error.into()),
            (_, Err(error)) => Err(error),
            (Some(Ok(Commit { rows, .. })), Ok(_)) => Ok(rows),
            (None, Ok(_)) => Err(LookError::Abandoned.into()),
        }
    }

    /// Sends the parts of a snapshot up to its commit; none when nobody takes them any more.
    async fn feed(
        &self,
        run: RunId,
        begin: Begin,
        underway: &mut Underway,
        parts: mpsc::Sender<pb::UploadObservationsRequest>,
    ) -> Option<Result<Commit, LookError>> {
        parts.send(message::part(Part::Begin(begin.into()))).await.ok()?;
        loop {
            // A look that waits for Exchange notices an upload that broke meanwhile.
            let next = tokio::select! {
                next = underway.next() => next,
                () = parts.closed() => return None,
            };
            match next {
                Next::Told(Told::Progress { step, done }) => {
                    // Progress is for people: what does not fit is left out.
                    drop(self.said.try_send(message::progress(run, step, done)));
                }
                Next::Told(Told::Page(sheet)) => {
                    let page = message::part(Part::Page(sheet.page.into()));
                    parts.send(page).await.ok()?;
                }
                Next::Over(Ok(commit)) => {
                    let part = message::part(Part::Commit(commit.clone().into()));
                    parts.send(part).await.ok()?;
                    return Some(Ok(commit));
                }
                Next::Over(Err(error)) => return Some(Err(error)),
            }
        }
    }
}

fn scope_name(scope: &Scope) -> &'static str {
    match scope {
        Scope::Everything => "everything",
        Scope::ChangedSince(_) => "changed",
        Scope::Mailboxes(_) => "mailboxes",
    }
}
