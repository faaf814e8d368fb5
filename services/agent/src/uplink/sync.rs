//! Syncs as ordered: each is looked at page by page and uploaded while it is read, under one span.

use std::sync::Arc;

use tokio::sync::{Mutex, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use tracing::Instrument;
use uuid::Uuid;

use exgate_domain::ids::{AgentId, Generation, OrganizationId, RunId, SnapshotId};
use exgate_domain::observation::{Key, Kind, Scope};
use exgate_domain::snapshot::{Begin, Commit};
use exgate_proto::agent::v1 as pb;
use exgate_proto::agent::v1::agent_service_client::AgentServiceClient;
use exgate_proto::agent::v1::upload_observations_request::Part;
use exgate_runtime::grpc::Channel;
use exgate_runtime::telemetry;

use super::{Touched, message};
use crate::collect::{DigestTable, Reading, Seal, Told, collect};
use crate::exchange::{Exchange, LookError};
use crate::lease::Lease;
use crate::metrics::Metrics;

/// How many pages may wait to be sent.
const PAGES_WAITING_MAX: usize = 2;

/// A sync that the coordinator asked for.
#[derive(Debug)]
pub(super) struct Ordered {
    pub(super) run: RunId,
    pub(super) scope: Scope,
    pub(super) forget_digests: bool,
    pub(super) traceparent: String,
    pub(super) generation: Generation,
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
}

impl Syncs {
    pub(super) async fn run(self, mut ordered: mpsc::Receiver<Ordered>) {
        while let Some(order) = ordered.recv().await {
            let run = order.run;
            let span = tracing::info_span!("sync", %run, organization = %self.organization,
                scope = scope_name(&order.scope), rows = tracing::field::Empty,
                skipped = tracing::field::Empty);
            telemetry::adopt(&span, &order.traceparent);
            let failure = match self.sync(order).instrument(span).await {
                Ok((rows, Reading { skipped, read, .. })) => {
                    tracing::info!(%run, rows, skipped, read, "synced");
                    String::new()
                }
                Err(error) => {
                    let failure = exgate_runtime::report(&error);
                    tracing::warn!(%run, error = failure, "a sync failed");
                    failure
                }
            };
            if self.said.send(message::finished(run, failure)).await.is_err() {
                return;
            }
        }
    }

    async fn sync(&self, order: Ordered) -> Result<(u64, Reading), SyncError> {
        let Ordered { run, scope, forget_digests, generation, .. } = order;
        if self.lease.get().is_none_or(|held| held.generation != generation) {
            return Err(SyncError::LeaseLost);
        }
        let mut digests = self.digests.lock().await;
        for mailbox in self.touched.take() {
            digests.forget(Key { kind: Kind::Mailbox, guid: mailbox.guid() });
        }
        let seal = if scope == Scope::Everything { Seal::Whole } else { Seal::Part };
        digests.begin(generation, forget_digests, seal);
        let begin = Begin {
            id: SnapshotId::new(Uuid::new_v4()),
            run,
            organization: self.organization.clone(),
            agent: self.agent,
            generation,
            scope: scope.clone(),
            domain_controller: String::new(),
        };
        let (parts, sending) = mpsc::channel(PAGES_WAITING_MAX);
        let (told, hearing) = mpsc::channel(PAGES_WAITING_MAX);
        let mut client = self.client.clone();
        let upload = async move {
            let sent = client.upload_observations(ReceiverStream::new(sending)).await;
            sent.map_err(|status| SyncError::Upload(Box::new(status)))
        };
        let look = async {
            let commit = collect(self.exchange.clone(), &scope, &digests, &told).await;
            drop(told);
            commit
        };
        let forward = self.forward(run, begin, hearing, parts);
        let read = async {
            let (commit, parts) = futures_util::future::join(look, forward).await;
            if let (Ok(commit), Some(parts)) = (&commit, parts) {
                // When the upload broke, its own error tells more than this.
                let part = message::part(Part::Commit(commit.clone().into()));
                drop(parts.send(part).await);
            }
            commit
        };
        let (commit, uploaded) = futures_util::future::join(read, upload).await;
        let rows = match (commit, uploaded) {
            (Ok(Commit { rows, .. }), Ok(_)) => rows,
            // A look that nobody listened to broke because of the upload.
            (Err(LookError::Abandoned) | Ok(_), Err(error)) => return Err(error),
            (Err(error), _) => return Err(error.into()),
        };
        digests.acknowledge(seal);
        let reading = digests.reading();
        tracing::Span::current().record("rows", rows).record("skipped", reading.skipped);
        if reading.mistaken > 0 {
            tracing::error!(%run, mistaken = reading.mistaken, "the same bytes were read otherwise than before");
        }
        self.metrics.synced(rows, &digests);
        Ok((rows, reading))
    }

    /// Sends the parts of a snapshot up to, and without, its commit; gives the way to send that back,
    /// unless nobody takes it.
    async fn forward(
        &self,
        run: RunId,
        begin: Begin,
        mut hearing: mpsc::Receiver<Told>,
        parts: mpsc::Sender<pb::UploadObservationsRequest>,
    ) -> Option<mpsc::Sender<pb::UploadObservationsRequest>> {
        parts.send(message::part(Part::Begin(begin.into()))).await.ok()?;
        while let Some(told) = hearing.recv().await {
            match told {
                Told::Progress { step, done } => {
                    // Progress is for people: what does not fit is left out.
                    drop(self.said.try_send(message::progress(run, step, done)));
                }
                Told::Page(page) => {
                    parts.send(message::part(Part::Page(page.into()))).await.ok()?;
                }
            }
        }
        Some(parts)
    }
}

fn scope_name(scope: &Scope) -> &'static str {
    match scope {
        Scope::Everything => "everything",
        Scope::ChangedSince(_) => "changed",
        Scope::Mailboxes(_) => "mailboxes",
    }
}
