//! The wire edge to the agents: what they say becomes one call each, what is said to them becomes a
//! message. The end of a stream says nothing; only what was said in it counts.

use std::pin::Pin;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};
use tracing::Instrument;

use exgate_domain::command::Receipt;
use exgate_domain::ids::{AgentId, Generation, OrganizationId, RunId};
use exgate_domain::lease::{LEASE_TTL, LeaseRefused};
use exgate_domain::snapshot::{Begin, Commit, PAGE_ROWS_MAX, Page};
use exgate_proto::agent::v1 as pb;
use exgate_proto::agent::v1::agent_service_server::{AgentService, AgentServiceServer};
use exgate_proto::agent::v1::attach_request::Message as Said;
use exgate_proto::agent::v1::attach_response::Message as Answer;
use exgate_proto::agent::v1::upload_observations_request::Part;
use exgate_proto::convert::field::{id, required, to_span};
use exgate_proto::convert::{Fault, Malformed};
use exgate_runtime::Tasks;
use exgate_runtime::clock::Clock;
use exgate_runtime::grpc::MESSAGE_BYTES_MAX;

use super::session::{Ended, Outgoing, Session, StartSync};
use super::{Agents, Hello, Known, Preflight};
use crate::inventory::{self, Inventory, InventoryError};
use crate::outbox::Outbox;
use crate::runs::{Runs, Step};
use crate::store::PreflightStep;

/// How long a new stream may be silent before its first message.
const HELLO_WAIT_MAX: Duration = Duration::from_secs(10);
/// The most receipts of earlier times that an agent may announce.
const RECEIPTS_FOLLOWING_MAX: u32 = 100_000;

/// Serves agents.
#[derive(Debug, Clone)]
pub struct Api {
    agents: Agents,
    inventory: Inventory,
    runs: Runs,
    outbox: Outbox,
    clock: Clock,
    tasks: Tasks,
}

/// What the edge calls.
#[derive(Debug, Clone)]
pub struct Parts {
    /// Who is attached.
    pub agents: Agents,
    /// Takes snapshots.
    pub inventory: Inventory,
    /// Whose snapshots they are.
    pub runs: Runs,
    /// Takes receipts.
    pub outbox: Outbox,
    /// What time it is.
    pub clock: Clock,
    /// Where sessions run.
    pub tasks: Tasks,
}

/// What is said to one agent.
type Answers = Pin<Box<dyn Stream<Item = Result<pb::AttachResponse, Status>> + Send>>;

impl Api {
    /// Puts the edge in front of the parts it calls.
    pub fn new(parts: Parts) -> Self {
        let Parts { agents, inventory, runs, outbox, clock, tasks } = parts;
        Self { agents, inventory, runs, outbox, clock, tasks }
    }

    /// The service to put on a server.
    pub fn into_server(self) -> AgentServiceServer<Self> {
        AgentServiceServer::new(self)
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX)
    }
}

#[tonic::async_trait]
impl AgentService for Api {
    type AttachStream = Answers;

    async fn attach(
        &self,
        request: Request<Streaming<pb::AttachRequest>>,
    ) -> Result<Response<Answers>, Status> {
        let mut said = request.into_inner();
        let first = tokio::time::timeout(HELLO_WAIT_MAX, said.message()).await;
        let first = first.map_err(|_| Status::deadline_exceeded("no hello came"))??;
        let hello = hello(first)?;
        let (session, queue) =
            Session::open(hello.organization.clone(), hello.agent, &self.tasks.token());
        self.agents.enter(&session).await?;
        tracing::info!(
            organization = %hello.organization, agent = %hello.agent, host = hello.host,
            version = hello.version, receipts = hello.receipts_following, "agent attached"
        );
        let conversation = Conversation {
            api: self.clone(),
            receipts_left: hello.receipts_following,
            known: Known { hello, preflight: None },
            session,
            questions: 1,
            is_admitted: false,
        };
        self.tasks.spawn("session", conversation.hold(said).instrument(tracing::Span::none()));
        let answers = ReceiverStream::new(queue).map(answer);
        Ok(Response::new(Box::pin(answers)))
    }

    async fn upload_observations(
        &self,
        request: Request<Streaming<pb::UploadObservationsRequest>>,
    ) -> Result<Response<pb::UploadObservationsResponse>, Status> {
        let mut parts = request.into_inner();
        let Some(Part::Begin(begin)) = part(&mut parts).await? else {
            return Err(Ended::Protocol("an upload begins with Begin".to_owned()).into());
        };
        let begin = Begin::try_from(begin).map_err(|it| it.within("begin"))?;
        self.runs.accept(&begin)?;
        match self.take(begin.clone(), parts).await {
            Ok(response) => Ok(Response::new(response)),
            Err(UploadError::Inventory(error @ InventoryError::DigestsUnknown { .. })) => {
                self.runs.resend(&begin.organization, begin.run).await;
                Err(error.into())
            }
            Err(UploadError::Inventory(error)) => Err(error.into()),
            Err(UploadError::Wire(status)) => Err(*status),
        }
    }
}

/// Why an upload was not taken.
enum UploadError {
    /// What was sent does not fit together, or not here.
    Inventory(InventoryError),
    /// The stream broke, or said something that is no message.
    Wire(Box<Status>),
}

impl From<InventoryError> for UploadError {
    fn from(error: InventoryError) -> Self {
        Self::Inventory(error)
    }
}

impl From<Status> for UploadError {
    fn from(status: Status) -> Self {
        Self::Wire(Box::new(status))
    }
}

impl From<Malformed> for UploadError {
    fn from(malformed: Malformed) -> Self {
        Status::from(malformed).into()
    }
}

impl From<Ended> for UploadError {
    fn from(ended: Ended) -> Self {
        Status::from(ended).into()
    }
}

impl Api {
    /// Takes the pages of an upload up to its commit.
    async fn take(
        &self,
        begin: Begin,
        mut parts: Streaming<pb::UploadObservationsRequest>,
    ) -> Result<pb::UploadObservationsResponse, UploadError> {
        let mut snapshot = self.inventory.begin(opened(&begin)).await?;
        let commit = loop {
            match part(&mut parts).await? {
                Some(Part::Page(page)) => {
                    let page = Page::try_from(page).map_err(|it| it.within("page"))?;
                    let Page { number, observations, unchanged, digest } = page;
                    let page = inventory::Page { number, observations, unchanged, digest };
                    snapshot.page(page).await?;
                }
                Some(Part::Commit(commit)) => {
                    break Commit::try_from(commit).map_err(|it| it.within("commit"))?;
                }
                Some(Part::Begin(_)) => {
                    return Err(Ended::Protocol("an upload has one Begin".to_owned()).into());
                }
                None => {
                    let text = "the upload ended without a Commit: nothing was stored".to_owned();
                    return Err(Ended::Protocol(text).into());
                }
            }
        };
        let Commit { pages, rows, root: root_digest, completeness } = commit;
        let told = completeness.clone();
        let commit = inventory::Commit { pages, rows, root_digest, completeness };
        let stored = snapshot.commit(commit, self.clock.now()).await?;
        self.runs.committed(&begin, stored.tally, told);
        Ok(pb::UploadObservationsResponse {
            rows_changed: stored.rows_changed,
            rows_unchanged: stored.rows_unchanged,
        })
    }
}

fn opened(begin: &Begin) -> inventory::Begin {
    let Begin { id, run, organization, generation, scope, .. } = begin.clone();
    inventory::Begin { snapshot: id, run, organization, generation, scope }
}

/// The next part of an upload; none when the stream ended.
async fn part(
    parts: &mut Streaming<pb::UploadObservationsRequest>,
) -> Result<Option<Part>, Status> {
    match parts.message().await? {
        Some(request) => Ok(Some(required("part", request.part)?)),
        None => Ok(None),
    }
}

/// One attached agent, from its hello to its end.
struct Conversation {
    api: Api,
    session: Session,
    known: Known,
    /// How many receipts of earlier times have not come yet.
    receipts_left: u32,
    /// How many requests for a lease are not answered yet: the hello is one.
    questions: u32,
    is_admitted: bool,
}

impl Conversation {
    async fn hold(mut self, mut said: Streaming<pb::AttachRequest>) {
        if self.session.say(Outgoing::Welcome).is_ok() {
            let ended = self.listen(&mut said).await;
            if let Err(why) = ended {
                tracing::warn!(
                    organization = %self.session.organization(), agent = %self.session.agent(),
                    error = %why, "session was ended"
                );
                self.session.end(why);
            }
        }
        let organization = self.session.organization();
        if self.api.agents.leave(&self.session).await {
            self.api.runs.lost(organization).await;
        }
        tracing::info!(%organization, agent = %self.session.agent(), "agent is gone");
    }

    async fn listen(&mut self, said: &mut Streaming<pb::AttachRequest>) -> Result<(), Ended> {
        if self.receipts_left == 0 {
            self.admit().await?;
        }
        loop {
            let request = tokio::select! {
                () = self.session.cut() => return Ok(()),
                request = said.message() => request,
            };
            // A lost connection and a clean end look alike, and mean the same: nothing.
            let Ok(Some(request)) = request else { return Ok(()) };
            let said = required("message", request.message).map_err(|it| protocol(&it))?;
            self.hear(said).await?;
            self.api.agents.heard(&self.session).await;
        }
    }

    async fn hear(&mut self, said: Said) -> Result<(), Ended> {
        let organization = self.session.organization().clone();
        match said {
            Said::Hello(_) => Err(Ended::Protocol("a session has one Hello".to_owned())),
            Said::RenewLease(pb::RenewLease { generation }) => {
                self.renew(Generation::new(generation)).await
            }
            Said::Receipt(receipt) => {
                let receipt = Receipt::try_from(receipt).map_err(|it| protocol(&it))?;
                self.receipt(&organization, receipt).await
            }
            Said::Preflight(found) => {
                self.known.preflight = Some(preflight(found));
                let described = self.api.agents.preflight(&self.session, &self.known).await;
                described.map_err(|error| unstored(&error))
            }
            Said::RunProgress(pb::RunProgress { run_id, step, done }) => {
                let run = id::<RunId>("run_id", &run_id).map_err(|it| protocol(&it))?;
                let step = run_step(step).map_err(|it| protocol(&it))?;
                self.api.runs.advanced(&organization, run, step, done);
                Ok(())
            }
            Said::RunFinished(pb::RunFinished { run_id, failure }) => {
                let run = id::<RunId>("run_id", &run_id).map_err(|it| protocol(&it))?;
                self.api.runs.finished(&organization, run, failure).await;
                Ok(())
            }
        }
    }

    /// Stores a receipt. The last of those that were announced lets the agent in.
    async fn receipt(
        &mut self,
        organization: &OrganizationId,
        receipt: Receipt,
    ) -> Result<(), Ended> {
        let command = receipt.command;
        let stored = self.api.outbox.receipt(organization, receipt).await;
        stored.map_err(|error| unstored(&error))?;
        if self.session.say(Outgoing::ReceiptStored(command)).is_err() {
            return Ok(());
        }
        if self.receipts_left > 0 {
            self.receipts_left -= 1;
            if self.receipts_left == 0 {
                self.admit().await?;
            }
        }
        Ok(())
    }

    /// Asks for the lease once everything of earlier times is known, and answers every question for
    /// it that came so far: agents match answers to questions by their order.
    async fn admit(&mut self) -> Result<(), Ended> {
        let seen = self.known.hello.generation_seen;
        let questions = std::mem::take(&mut self.questions);
        self.is_admitted = true;
        for _ in 0..questions {
            self.renew(seen).await?;
        }
        Ok(())
    }

    /// Answers one question for the lease: renews it, or grants the next one.
    async fn renew(&mut self, seen: Generation) -> Result<(), Ended> {
        if !self.is_admitted {
            self.questions = self.questions.saturating_add(1);
            return Ok(());
        }
        let agents = &self.api.agents;
        if let Some(lease) = agents.renew(&self.session).await.map_err(|it| ungranted(&it))? {
            return self.say(Outgoing::LeaseGranted(lease));
        }
        let seen = seen.max(self.known.hello.generation_seen);
        let granted = agents.grant(&self.session, seen).await.map_err(|it| ungranted(&it))?;
        let organization = self.session.organization();
        match granted {
            Err(refused) => self.say(Outgoing::LeaseRefused(refused)),
            Ok(lease) => {
                let settled = self.api.outbox.settle(organization, lease.generation).await;
                settled.map_err(|error| unstored(&error))?;
                let installed = agents.install(&self.session, lease.clone(), &self.known).await;
                installed.map_err(|error| unstored(&error))?;
                self.say(Outgoing::LeaseGranted(lease))?;
                self.api.runs.wake();
                self.api.outbox.wake();
                Ok(())
            }
        }
    }

    /// Says something; that nobody hears it shows at the next turn.
    fn say(&self, message: Outgoing) -> Result<(), Ended> {
        if self.session.say(message).is_err() {
            tracing::debug!(agent = %self.session.agent(), "agent did not hear");
        }
        Ok(())
    }
}

fn protocol(malformed: &Malformed) -> Ended {
    Ended::Protocol(exgate_runtime::report(malformed))
}

fn unstored(error: &(dyn std::error::Error + 'static)) -> Ended {
    tracing::error!(error = exgate_runtime::report(error), "what an agent said was not stored");
    Ended::Store
}

fn ungranted(error: &super::AttachError) -> Ended {
    match error {
        super::AttachError::FarAhead { .. } => Ended::Protocol(error.to_string()),
        super::AttachError::UnknownOrganization { .. }
        | super::AttachError::Full(_)
        | super::AttachError::Overtaken
        | super::AttachError::Store(_) => unstored(error),
    }
}

fn hello(first: Option<pb::AttachRequest>) -> Result<Hello, Status> {
    let message = first.and_then(|request| request.message);
    let Some(Said::Hello(hello)) = message else {
        return Err(Ended::Protocol("a session begins with Hello".to_owned()).into());
    };
    let pb::Hello { agent_id, organization, version, host, generation_seen, receipts_following } =
        hello;
    if receipts_following > RECEIPTS_FOLLOWING_MAX {
        let text = format!("{receipts_following} receipts are more than {RECEIPTS_FOLLOWING_MAX}");
        return Err(Ended::Protocol(text).into());
    }
    Ok(Hello {
        agent: id::<AgentId>("hello.agent_id", &agent_id)?,
        organization: id("hello.organization", &organization)?,
        version,
        host,
        generation_seen: Generation::new(generation_seen),
        receipts_following,
    })
}

fn preflight(found: pb::Preflight) -> Preflight {
    let pb::Preflight { steps, server, exchange_version, filters_by_change } = found;
    let step = |step: pb::PreflightStep| {
        let pb::PreflightStep { name, ok, finding, cure } = step;
        PreflightStep { name, ok, finding, cure }
    };
    let steps = steps.into_iter().map(step).collect();
    Preflight { steps, server, exchange_version, filters_by_change }
}

fn run_step(number: i32) -> Result<Step, Malformed> {
    match pb::RunStep::try_from(number) {
        Ok(pb::RunStep::Mailboxes) => Ok(Step::Mailboxes),
        Ok(pb::RunStep::Devices) => Ok(Step::Devices),
        Ok(pb::RunStep::Organization) => Ok(Step::Organization),
        Ok(pb::RunStep::Unspecified) => Err(Malformed::new("step", Fault::Unspecified)),
        Err(_) => Err(Malformed::new("step", Fault::UnknownNumber(number))),
    }
}

/// What is said, as a message; the end of a session is an error for the agent.
fn answer(outgoing: Outgoing) -> Result<pb::AttachResponse, Status> {
    let message = match outgoing {
        Outgoing::Welcome => Answer::Welcome(pb::Welcome {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            page_rows_max: u32::try_from(PAGE_ROWS_MAX).unwrap_or(u32::MAX),
        }),
        Outgoing::LeaseGranted(lease) => Answer::LeaseGranted(pb::LeaseGranted {
            generation: lease.generation.get(),
            ttl: Some(to_span(LEASE_TTL)),
        }),
        Outgoing::LeaseRefused(LeaseRefused::Held { holder, wait }) => {
            Answer::LeaseRefused(pb::LeaseRefused {
                holder_agent_id: holder.to_string(),
                retry_after: Some(to_span(wait)),
            })
        }
        Outgoing::StartSync(StartSync { run, scope, forget_digests, traceparent }) => {
            Answer::StartSync(pb::StartSync {
                run_id: run.to_string(),
                scope: Some(scope.into()),
                forget_digests,
                traceparent,
            })
        }
        Outgoing::Command(command) => Answer::Command((*command).into()),
        Outgoing::ReceiptStored(command) => {
            Answer::ReceiptStored(pb::ReceiptStored { command_id: command.to_string() })
        }
        Outgoing::End(why) => return Err(why.into()),
    };
    Ok(pb::AttachResponse { message: Some(message) })
}
