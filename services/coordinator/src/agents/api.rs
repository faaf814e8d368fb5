//! The wire edge to the agents: what they say becomes one call each, what is said to them becomes a
//! message. The end of a stream says nothing; only what was said in it counts.

mod conversation;
mod message;

use std::pin::Pin;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};
use tracing::Instrument;

use exgate_domain::snapshot::{Begin, Commit, Page};
use exgate_proto::agent::v1 as pb;
use exgate_proto::agent::v1::agent_service_server::{AgentService, AgentServiceServer};
use exgate_proto::agent::v1::upload_observations_request::Part;
use exgate_proto::convert::Malformed;
use exgate_proto::convert::field::required;
use exgate_runtime::Tasks;
use exgate_runtime::clock::Clock;
use exgate_runtime::grpc::MESSAGE_BYTES_MAX;

use super::Agents;
use super::session::{Ended, Session};
use crate::inventory::{Inventory, InventoryError};
use crate::outbox::Outbox;
use crate::runs::Runs;
use crate::statistics::Statistics;
use conversation::Conversation;

/// How long a new stream may be silent before its first message.
const HELLO_WAIT_MAX: Duration = Duration::from_secs(10);

/// Serves agents.
#[derive(Debug, Clone)]
pub struct Api {
    agents: Agents,
    inventory: Inventory,
    runs: Runs,
    outbox: Outbox,
    statistics: Statistics,
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
    /// Takes statistics of devices.
    pub statistics: Statistics,
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
        let Parts { agents, inventory, runs, outbox, statistics, clock, tasks } = parts;
        Self { agents, inventory, runs, outbox, statistics, clock, tasks }
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
        let hello = message::hello(first)?;
        let (session, queue) =
            Session::open(hello.organization.clone(), hello.agent, &self.tasks.token());
        self.agents.enter(&session).await?;
        tracing::info!(
            organization = %hello.organization, agent = %hello.agent, host = hello.host,
            version = hello.version, receipts = hello.receipts_following, "agent attached"
        );
        let conversation = Conversation::new(self.clone(), session, hello);
        self.tasks.spawn("session", conversation.hold(said).instrument(tracing::Span::none()));
        let answers = ReceiverStream::new(queue).map(message::answer);
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
        let mut snapshot = self.inventory.begin(begin.clone(), self.clock.now()).await?;
        let overtaken = snapshot.overtaken();
        tokio::pin!(overtaken);
        let commit = loop {
            let part = tokio::select! {
                part = part(&mut parts) => part?,
                () = &mut overtaken => {
                    let text = "another upload of this organization has begun".to_owned();
                    return Err(Ended::Protocol(text).into());
                }
            };
            match part {
                Some(Part::Page(page)) => {
                    let page = Page::try_from(page).map_err(|it| it.within("page"))?;
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
        let told = commit.completeness.clone();
        let stored = snapshot.commit(commit, self.clock.now()).await?;
        self.runs.committed(&begin, stored.tally, told, stored.shrunk);
        Ok(pb::UploadObservationsResponse {
            rows_changed: stored.rows_changed,
            rows_unchanged: stored.rows_unchanged,
        })
    }
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
