//! One attachment, from Hello to the end of the stream.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt;
use tracing::Instrument;

use exgate_domain::ids::{CommandId, Generation, RunId};
use exgate_domain::lease::LEASE_RENEW_EVERY;
use exgate_domain::observation::Scope;
use exgate_domain::snapshot::Resume;
use exgate_proto::agent::v1 as pb;
use exgate_proto::agent::v1::agent_service_client::AgentServiceClient;
use exgate_proto::agent::v1::attach_request::Message as Said;
use exgate_proto::agent::v1::attach_response::Message as Heard;
use exgate_proto::convert::{Malformed, field};
use exgate_runtime::Tasks;
use exgate_runtime::backoff::Backoff;
use exgate_runtime::grpc::Channel;
use exgate_runtime::telemetry;

use super::checks::{self, CHECKS_WAITING_MAX, Check};
use super::commands::carry_out_all;
use super::statistics::{self, Asked};
use super::sync::{Ordered, Syncs};
use super::{Touched, Uplink, message};
use crate::apply::{Applier, Order};
use crate::journal::JournalError;
use crate::lease::Held;

/// How many messages may wait to be sent.
const SAID_WAITING_MAX: usize = 64;
/// How many commands may wait for those that run; the coordinator hands out fewer.
pub(super) const ORDERS_WAITING_MAX: usize = 64;
/// How many syncs may wait for the one that runs.
const SYNCS_WAITING_MAX: usize = 8;
/// Added to a write's own limit when the line breaks while it runs.
const SETTLE_MARGIN: Duration = Duration::from_secs(5);

/// Why an attachment ended.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The coordinator knows no such organization.
    #[error(
        "the coordinator knows no organization {organization:?}{}; set coordinator.organization, or create it: exgate apply -f ORGANIZATION.yaml",
        suggest(suggestion)
    )]
    OrganizationUnknown {
        /// The name that was given.
        organization: String,
        /// The nearest name it knows; empty when none is near.
        suggestion: String,
    },
    /// Another agent has the organization.
    #[error("another agent ({holder}) holds the lease of this organization; stop it, or wait")]
    LeaseHeld {
        /// The other agent.
        holder: String,
        /// When to ask again.
        retry_after: Duration,
    },
    /// The coordinator cannot be reached, or refused.
    #[error("cannot stay attached to the coordinator at {endpoint}")]
    Link {
        /// Where it should be.
        endpoint: String,
        /// What it, or the way to it, said.
        source: Box<Status>,
    },
    /// The coordinator ended the stream.
    #[error("the coordinator ended the attachment")]
    Ended,
    /// The coordinator said something that is not in the protocol.
    #[error("the coordinator said something unreadable")]
    Malformed(#[from] Malformed),
    /// The spool cannot be used.
    #[error("the journal cannot be used")]
    Journal(#[from] JournalError),
}

fn suggest(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!(" (did you mean {name:?}?)") }
}

impl SessionError {
    /// Whether trying again cannot help.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::OrganizationUnknown { .. })
    }

    /// When to try again, if something else than back-off says so.
    pub(super) fn wait(&self) -> Option<Duration> {
        match self {
            Self::LeaseHeld { retry_after, .. } => Some(*retry_after),
            Self::OrganizationUnknown { .. }
            | Self::Link { .. }
            | Self::Ended
            | Self::Malformed(_)
            | Self::Journal(_) => None,
        }
    }
}

/// What one attachment hands its messages to.
struct Desk {
    said: mpsc::Sender<pb::AttachRequest>,
    orders: mpsc::Sender<Order>,
    checks: mpsc::Sender<Check>,
    asks: mpsc::Sender<Asked>,
    syncs: mpsc::Sender<Ordered>,
    /// When each lease request that is not answered yet was sent.
    asked: VecDeque<Instant>,
    generation: Generation,
}

impl Uplink {
    /// Attaches once and stays until the stream ends. `Ok` when the process stops.
    pub(super) async fn session(
        &mut self,
        client: AgentServiceClient<Channel>,
        backoff: &mut Backoff,
    ) -> Result<(), SessionError> {
        // A cmdlet that still runs for the last attachment has a receipt soon: wait for it.
        self.applier.start_over().await;
        let unsent = self.journal.unsent()?;
        let (said, saying) = mpsc::channel(SAID_WAITING_MAX);
        let hello = self.hello(unsent.len());
        // The channel is empty and larger than this one message.
        said.try_send(hello).map_err(|_| SessionError::Ended)?;
        let asked = Instant::now();
        let stop = self.tasks.token();
        let mut attaching = client.clone();
        let mut heard = tokio::select! {
            attached = attaching.attach(ReceiverStream::new(saying)) => attached.map_err(|status| self.refused(status))?.into_inner(),
            () = stop.cancelled() => return Ok(()),
        };

        let scope = self.tasks.child("session");
        let (orders, ordered) = mpsc::channel(ORDERS_WAITING_MAX);
        let (syncs, syncing) = mpsc::channel(SYNCS_WAITING_MAX);
        let (checks, checking) = mpsc::channel(CHECKS_WAITING_MAX);
        let (asks, asking) = mpsc::channel(statistics::ORDERS_WAITING_MAX);
        let report = said.clone();
        let line = said.clone();
        scope.spawn("receipts", async move {
            for receipt in unsent {
                if report.send(message::receipt(receipt)).await.is_err() {
                    break;
                }
            }
        });
        let (applier, touched, report) = (self.applier.clone(), self.touched.clone(), said.clone());
        let carry_out =
            move |order: Order| carry_out(applier.clone(), touched.clone(), order, report.clone());
        scope.spawn("commands", carry_out_all(ordered, self.options.writes_at_once, carry_out));
        let worker = Syncs {
            client,
            exchange: self.exchange.clone(),
            digests: self.digests.clone(),
            touched: self.touched.clone(),
            organization: self.options.organization.clone(),
            agent: self.options.agent,
            lease: self.lease.clone(),
            metrics: self.metrics.clone(),
            said: said.clone(),
            underway: self.underway.clone(),
            tasks: self.tasks.clone(),
        };
        until_the_end(&scope, "syncs", worker.run(syncing));
        let exchange = self.exchange.clone();
        until_the_end(&scope, "checks", checks::run(exchange, checking, said.clone()));
        let (exchange, at_once) = (self.exchange.clone(), self.options.writes_at_once);
        let asker = statistics::run(exchange, at_once, asking, said.clone());
        until_the_end(&scope, "statistics", asker);
        let generation = Generation::default();
        let desk = Desk { said, orders, syncs, checks, asks, asked: [asked].into(), generation };
        let ended = self.listen(&mut heard, desk, backoff).await;
        drop(line);
        self.settle(&scope).await;
        ended
    }

    fn hello(&self, receipts: usize) -> pb::AttachRequest {
        message::say(Said::Hello(pb::Hello {
            agent_id: self.options.agent.to_string(),
            organization: self.options.organization.to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            host: self.options.host.clone(),
            generation_seen: self.journal.generation_seen().get(),
            receipts_following: u32::try_from(receipts).unwrap_or(u32::MAX),
        }))
    }

    /// Lets the cmdlet that runs come to its end: its receipt lies in the journal.
    async fn settle(&self, scope: &Tasks) {
        self.lease.set(None);
        if let Err(overdue) = scope.shutdown(self.options.write_timeout + SETTLE_MARGIN).await {
            tracing::warn!(error = %overdue, "cut off what ran for the last attachment");
        }
    }

    async fn listen(
        &mut self,
        heard: &mut Streaming<pb::AttachResponse>,
        mut desk: Desk,
        backoff: &mut Backoff,
    ) -> Result<(), SessionError> {
        let stop = self.tasks.token();
        let mut preflight = self.preflight.clone();
        preflight.mark_changed();
        let mut standing = self.standing.clone();
        standing.mark_changed();
        let mut renew = tokio::time::interval(LEASE_RENEW_EVERY);
        renew.reset();
        loop {
            tokio::select! {
                message = heard.message() => {
                    let message = message.map_err(|status| self.refused(status))?;
                    let Some(message) = message.and_then(|response| response.message) else {
                        return Err(SessionError::Ended);
                    };
                    self.hear(message, &mut desk, backoff)?;
                }
                Ok(()) = preflight.changed() => {
                    let found = preflight.borrow_and_update().as_ref().map(message::preflight);
                    if let Some(found) = found {
                        desk.said.send(found).await.map_err(|_| SessionError::Ended)?;
                    }
                }
                Ok(()) = standing.changed() => {
                    let told = message::standing(&standing.borrow_and_update());
                    desk.said.send(told).await.map_err(|_| SessionError::Ended)?;
                }
                _ = renew.tick() => {
                    desk.asked.push_back(Instant::now());
                    let renewal = pb::RenewLease { generation: desk.generation.get() };
                    let said = desk.said.send(message::say(Said::RenewLease(renewal))).await;
                    said.map_err(|_| SessionError::Ended)?;
                }
                () = stop.cancelled() => return Ok(()),
            }
        }
    }

    fn hear(
        &self,
        message: Heard,
        desk: &mut Desk,
        backoff: &mut Backoff,
    ) -> Result<(), SessionError> {
        match message {
            Heard::Welcome(pb::Welcome { version, page_rows_max: _ }) => {
                tracing::info!(coordinator_version = version, "attached");
                self.tasks.readiness().set("attached", true);
                backoff.reset();
                Ok(())
            }
            Heard::LeaseGranted(pb::LeaseGranted { generation, ttl }) => {
                let ttl = field::span("ttl", field::required("ttl", ttl)?)?;
                // An answer without a question counts from nothing, so it grants nothing.
                if let Some(asked) = desk.asked.pop_front() {
                    self.hold(Generation::new(generation), ttl, asked, desk)?;
                }
                Ok(())
            }
            Heard::LeaseRefused(pb::LeaseRefused { holder_agent_id, retry_after }) => {
                let retry_after = field::required("retry_after", retry_after)?;
                Err(SessionError::LeaseHeld {
                    holder: holder_agent_id,
                    retry_after: field::span("retry_after", retry_after)?,
                })
            }
            Heard::StartSync(order) => {
                let ordered = sync_order(order, desk.generation)?;
                if let Err(error) = desk.syncs.try_send(ordered) {
                    let run = error.into_inner().run;
                    let refusal =
                        message::finished(run, "the agent has too many syncs".into(), false);
                    desk.said.try_send(refusal).map_err(|_| SessionError::Ended)?;
                }
                Ok(())
            }
            Heard::StartCheck(pb::StartCheck { check_id, traceparent }) => {
                let check = Check { id: field::id("check_id", &check_id)?, traceparent };
                if let Err(error) = desk.checks.try_send(check) {
                    let id = error.into_inner().id;
                    let why = "the agent has too many checks".to_owned();
                    let refusal = message::check_finished(id, Err(why));
                    desk.said.try_send(refusal).map_err(|_| SessionError::Ended)?;
                }
                Ok(())
            }
            Heard::ReadStatistics(order) => {
                // A full queue is the coordinator's mistake; it asks again when it hears nothing.
                if desk.asks.try_send(Asked::of(order, desk.generation)?).is_err() {
                    tracing::warn!("asked for more statistics than fit");
                }
                Ok(())
            }
            Heard::Command(command) => {
                let order = Order { command: command.try_into()?, received: Instant::now() };
                // A full queue is the coordinator's mistake; the command then counts as unanswered.
                desk.orders.try_send(order).map_err(|_| SessionError::Ended)
            }
            Heard::ReceiptStored(pb::ReceiptStored { command_id }) => {
                Ok(self.journal.forget(field::id::<CommandId>("command_id", &command_id)?)?)
            }
        }
    }

    fn hold(
        &self,
        generation: Generation,
        ttl: Duration,
        asked: Instant,
        desk: &mut Desk,
    ) -> Result<(), SessionError> {
        if desk.generation != generation {
            tracing::info!(generation = generation.get(), "got the lease");
            self.journal.saw(generation)?;
            desk.generation = generation;
        }
        self.lease.set(Some(Held::granted(generation, ttl, asked)));
        Ok(())
    }

    fn refused(&self, status: Status) -> SessionError {
        let details = status.get_error_details();
        let reason = details.error_info().map(|info| info.reason.as_str());
        if status.code() == Code::NotFound && reason == Some("ORGANIZATION_NOT_FOUND") {
            let metadata = details.error_info().map(|info| &info.metadata);
            let suggestion = metadata.and_then(|metadata| metadata.get("suggestion"));
            return SessionError::OrganizationUnknown {
                organization: self.options.organization.to_string(),
                suggestion: suggestion.cloned().unwrap_or_default(),
            };
        }
        let endpoint = self.options.coordinator.uri().to_string();
        SessionError::Link { endpoint, source: Box::new(status) }
    }
}

/// Runs work of one attachment, dropped where it stands when that ends.
fn until_the_end(
    scope: &Tasks,
    name: &'static str,
    work: impl Future<Output = ()> + Send + 'static,
) {
    let token = scope.token();
    scope.spawn(name, async move {
        tokio::select! {
            () = work => {}
            () = token.cancelled() => {}
        }
    });
}

/// Reads an order to look.
fn sync_order(order: pb::StartSync, generation: Generation) -> Result<Ordered, Malformed> {
    let pb::StartSync { run_id, scope, forget_digests, traceparent, domain_controller, resume } =
        order;
    Ok(Ordered {
        run: field::id::<RunId>("run_id", &run_id)?,
        scope: Scope::try_from(field::required("scope", scope)?)?,
        forget_digests,
        traceparent,
        generation,
        domain_controller,
        resume: resume.map(Resume::try_from).transpose().map_err(|it| it.within("resume"))?,
    })
}

/// Carries out one command and tells what came of it.
async fn carry_out(
    applier: Arc<Applier>,
    touched: Touched,
    order: Order,
    said: mpsc::Sender<pb::AttachRequest>,
) {
    let span = tracing::info_span!("apply", command = %order.command.id,
        mailbox = %order.command.mailbox, generation = order.command.generation.get());
    telemetry::adopt(&span, &order.command.traceparent);
    touched.add(order.command.mailbox);
    let receipt = applier.apply(order).instrument(span).await;
    if said.send(message::receipt(receipt)).await.is_err() {
        tracing::debug!("kept a receipt for the next attachment");
    }
}
