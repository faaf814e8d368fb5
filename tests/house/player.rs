//! An agent played by hand, message by message, for what no real agent does on purpose: uploads that
//! end in the middle, and devices that come and go.

use std::future::Future;
use std::time::Duration;

use exgate_domain::ids::{
    AgentId, Generation, MailboxId, ObservationDigest, PartnershipId, RunId, SnapshotId,
};
use exgate_domain::lease::LEASE_RENEW_EVERY;
use exgate_domain::observation::{
    AccessLevel, AccessReason, AccessState, EasDevice, Mailbox, Observation, OrganizationSettings,
    Scope,
};
use exgate_domain::snapshot::{Begin, Commit, Page};
use exgate_domain::sync::Completeness;
use exgate_proto::agent::v1 as pb;
use exgate_proto::agent::v1::agent_service_client::AgentServiceClient;
use exgate_proto::agent::v1::attach_request::Message as Said;
use exgate_proto::agent::v1::attach_response::Message as Heard;
use exgate_proto::agent::v1::upload_observations_request::Part;
use exgate_proto::convert;
use exgate_runtime::Tasks;
use exgate_runtime::grpc::Channel;
use exgate_runtime::listen::Endpoint;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};
use uuid::Uuid;

/// How long anything may take that the coordinator says.
const WAIT: Duration = Duration::from_secs(60);

/// An attached agent that does only what it is told.
#[derive(Debug)]
pub struct Player {
    client: AgentServiceClient<Channel>,
    said: mpsc::Sender<pb::AttachRequest>,
    heard: Streaming<pb::AttachResponse>,
    organization: String,
    agent: AgentId,
    generation: u64,
    renewals: Tasks,
}

/// How an upload ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With its Commit.
    Commit,
    /// The stream ends in good order, without a Commit.
    NoCommit,
    /// The stream is torn.
    Torn,
}

impl Player {
    /// Attaches, gets the lease and says that its Exchange is well.
    ///
    /// # Panics
    /// When the coordinator does not give it the lease.
    pub async fn attach(url: &str, organization: &str) -> Self {
        let channel = Channel::new(&Endpoint::parse("coordinator", url).expect("an endpoint"));
        let mut client = AgentServiceClient::new(channel);
        let (said, saying) = mpsc::channel(16);
        let agent = AgentId::new(Uuid::new_v4());
        let hello = pb::Hello {
            agent_id: agent.to_string(),
            organization: organization.to_owned(),
            version: "0.0.0".to_owned(),
            host: "played".to_owned(),
            ..pb::Hello::default()
        };
        let request = |message| pb::AttachRequest { message: Some(message) };
        said.send(request(Said::Hello(hello))).await.expect("room");
        let answers = client.attach(ReceiverStream::new(saying)).await.expect("attached");
        let heard = answers.into_inner();
        let organization = organization.to_owned();
        let renewals = Tasks::new();
        let mut player = Self { client, said, heard, organization, agent, generation: 0, renewals };
        let granted = player.hears(|message| match message {
            Heard::LeaseGranted(granted) => Some(granted),
            _ => None,
        });
        player.generation = granted.await.generation;
        let (said, generation) = (player.said.clone(), player.generation);
        player.renewals.spawn("renewals", renew(said, generation, player.renewals.stopped()));
        let preflight = pb::Preflight {
            steps: vec![pb::PreflightStep {
                name: "sign-in".into(),
                ok: true,
                ..Default::default()
            }],
            server: "EX01".to_owned(),
            exchange_version: "Version 15.2 (Build 1544.4)".to_owned(),
            filters_by_change: true,
            may_not_write: false,
        };
        player.says(Said::Preflight(preflight)).await;
        player
    }

    /// Waits for the next sync that it has to make.
    pub async fn ordered(&mut self) -> pb::StartSync {
        self.hears(|message| match message {
            Heard::StartSync(order) => Some(order),
            _ => None,
        })
        .await
    }

    /// Uploads one page per list, for an order, and ends as told.
    ///
    /// # Errors
    /// As the coordinator refuses it; a torn upload always fails.
    pub async fn upload(
        &mut self,
        order: &pb::StartSync,
        pages: &[Vec<Observation>],
        ending: Ending,
    ) -> Result<(), Status> {
        let part = |part| pb::UploadObservationsRequest { part: Some(part) };
        let (parts, sending) = mpsc::channel(16);
        let begin = Begin {
            id: SnapshotId::new(Uuid::new_v4()),
            run: order.run_id.parse::<Uuid>().map(RunId::new).expect("a run"),
            organization: self.organization.parse().expect("a name"),
            agent: self.agent,
            generation: Generation::new(self.generation),
            scope: Scope::try_from(order.scope.clone().expect("a scope")).expect("a scope"),
            domain_controller: "dc01.contoso.com".to_owned(),
        };
        parts.send(part(Part::Begin(begin.into()))).await.expect("room");
        let mut roots = Vec::new();
        let mut rows = 0;
        for (number, observations) in (1..).zip(pages) {
            let sums: Vec<_> = observations.iter().map(convert::digest).collect();
            let digest: ObservationDigest = convert::page_digest(&sums, &[]);
            let observations = observations.clone();
            rows += observations.len() as u64;
            roots.push(digest);
            let unchanged = Vec::new();
            let page = Page { number, observations, unchanged, digest, finished: None };
            parts.send(part(Part::Page(page.into()))).await.expect("room");
        }
        if ending == Ending::Commit {
            let completeness =
                Completeness { pipelines_completed: true, ..Completeness::default() };
            let root = convert::root_digest(&roots);
            let commit = Commit { pages: roots.len() as u64, rows, root, completeness };
            parts.send(part(Part::Commit(commit.into()))).await.expect("room");
        }
        if ending == Ending::Torn {
            let uploading = self.client.upload_observations(ReceiverStream::new(sending));
            // All pages are on their way, and no answer comes before the stream ends.
            let torn = tokio::time::timeout(Duration::from_millis(500), uploading).await;
            assert!(torn.is_err(), "an open upload was answered: {torn:?}");
            return Err(Status::cancelled("torn"));
        }
        drop(parts);
        self.client.upload_observations(ReceiverStream::new(sending)).await.map(|_| ())
    }

    /// Says that a sync is over on its side.
    pub async fn finished(&self, order: &pb::StartSync, failure: &str) {
        let (run_id, failure) = (order.run_id.clone(), failure.to_owned());
        self.says(Said::RunFinished(pb::RunFinished { run_id, failure, can_resume: false })).await;
    }

    async fn says(&self, message: Said) {
        let request = pb::AttachRequest { message: Some(message) };
        self.said.send(request).await.expect("the coordinator listens");
    }

    async fn hears<T>(&mut self, wanted: impl Fn(Heard) -> Option<T>) -> T {
        let listening = async {
            loop {
                let response = self.heard.message().await.expect("the coordinator speaks");
                let message = response.and_then(|response| response.message);
                if let Some(found) = wanted(message.expect("the attachment goes on")) {
                    return found;
                }
            }
        };
        tokio::time::timeout(WAIT, listening).await.expect("the coordinator says it in time")
    }
}

/// Keeps the lease.
async fn renew(
    said: mpsc::Sender<pb::AttachRequest>,
    generation: u64,
    stopped: impl Future<Output = ()>,
) {
    tokio::pin!(stopped);
    loop {
        let message = Some(Said::RenewLease(pb::RenewLease { generation }));
        tokio::select! {
            () = &mut stopped => return,
            () = tokio::time::sleep(LEASE_RENEW_EVERY) => {}
        }
        if said.send(pb::AttachRequest { message }).await.is_err() {
            return;
        }
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        // Dies as an agent does: all at once.
        self.renewals.cancel();
    }
}

/// The settings of an organization that quarantines whatever nothing covers.
pub fn settings() -> Observation {
    Observation::Settings(OrganizationSettings {
        guid: Uuid::from_u128(0x5e77),
        default_access_level: AccessLevel::Quarantine,
        user_mail_insert: String::new(),
        admin_mail_recipients: Vec::new(),
    })
}

/// A mailbox, by number.
pub fn mailbox(number: u128) -> Observation {
    Observation::Mailbox(Mailbox {
        id: MailboxId::new(Uuid::from_u128(0xa000 + number)),
        dn: mailbox_dn(number),
        display_name: format!("User {number}"),
        primary_smtp: format!("user{number}@contoso.com"),
        sam_account: format!("user{number}"),
        active_sync_enabled: true,
        policy: String::new(),
        allowed_ids: Vec::new(),
        blocked_ids: Vec::new(),
        changed_at: None,
    })
}

/// The only device of a mailbox, by number: its id is `PLAYED<number>`.
pub fn device(number: u128) -> Observation {
    Observation::Device(EasDevice {
        id: PartnershipId::new(Uuid::from_u128(0xd000 + number)),
        device_id: format!("PLAYED{number}").parse().expect("a device id"),
        mailbox_dn: mailbox_dn(number),
        access_state: AccessState::Quarantined,
        access_reason: AccessReason::Global,
        access_rule: String::new(),
        device_type: "iPhone".to_owned(),
        device_model: "iPhone15C2".to_owned(),
        device_os: "iOS 18.2 22C152".to_owned(),
        user_agent: "Apple-iPhone15C2/2203.152".to_owned(),
        friendly_name: String::new(),
        imei: String::new(),
        phone_number: String::new(),
        client_type: "EAS".to_owned(),
        protocol_version: "16.1".to_owned(),
        first_sync_at: None,
        changed_at: None,
    })
}

fn mailbox_dn(number: u128) -> String {
    format!("CN=User {number},CN=Users,DC=contoso,DC=com")
}
