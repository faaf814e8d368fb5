//! The coordinator over its real wire: a real store, real loopback connections, and an agent played
//! by hand. No evaluator stands behind it: decisions are put into the store as evaluation puts them.

mod attaching;
mod syncing;
mod changing;
mod statistics;

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt;
use uuid::Uuid;

use exgate_domain::decision::{Compliance, Decision, Reason};
use exgate_domain::ids::{
    AgentId, BundleDigest, Generation, MailboxId, OrganizationId, PartnershipId,
};
use exgate_domain::observation::{
    AccessLevel, AccessReason, AccessState, EasDevice, Key, Mailbox, Observation,
    OrganizationSettings,
};
use exgate_domain::organization::{Organization, Schedule};
use exgate_domain::policy::Access;
use exgate_proto::agent::v1 as pb;
use exgate_proto::agent::v1::agent_service_client::AgentServiceClient;
use exgate_proto::agent::v1::attach_request::Message as Said;
use exgate_proto::agent::v1::attach_response::Message as Heard;
use exgate_proto::agent::v1::upload_observations_request::Part;
use exgate_proto::convert::field::to_span;
use exgate_proto::convert::{page_digest, root_digest, wire_digest};
use exgate_runtime::Tasks;
use exgate_runtime::clock::Clock;
use exgate_runtime::config::Span;
use exgate_runtime::grpc::Channel;
use exgate_runtime::listen::{self, Endpoint};
use tempfile::TempDir;

use crate::cases::Cases;
use crate::config::Config;
use crate::sources::Sources;
use crate::store::{AppliedPolicies, Decided, Store};
use crate::{assemble, serve};

/// How long anything may take here.
const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) fn contoso() -> OrganizationId {
    "contoso".parse().unwrap()
}

/// A running coordinator and what it stands on.
pub(crate) struct House {
    pub(crate) store: Store,
    endpoint: Endpoint,
    tasks: Tasks,
    folder: TempDir,
}

impl House {
    /// Starts a coordinator with the organization `contoso` and nothing else.
    pub(crate) async fn start() -> Self {
        Self::start_with(Span::default()).await
    }

    /// The same with statistics that may become so old.
    pub(crate) async fn start_with(statistics_age: Span) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("exgate.db")).await.unwrap();
        let organization = Organization {
            id: contoso(),
            display_name: "Contoso".to_owned(),
            mode: Default::default(),
            schedule: Schedule::default(),
        };
        let documents = AppliedPolicies {
            files: &[],
            policies: &[],
            removed: &[],
            bundle: None,
            organizations: &[(organization, None)],
            actor: "test",
            now: now(),
        };
        store.put_documents(&documents).await.unwrap();
        Self::over(store, folder, statistics_age).await
    }

    pub(crate) async fn over(store: Store, folder: TempDir, statistics_age: Span) -> Self {
        let mut config = Config::default();
        config.sync.statistics_age = statistics_age;
        config.store.path = folder.path().join("exgate.db");
        // Nobody listens there: the evaluator is down.
        config.evaluator.endpoints = vec!["http://127.0.0.1:1".to_owned()];
        let tasks = Tasks::new();
        let surfaces = assemble(&config, store.clone(), &tasks).await.unwrap();
        let listener = listen::bind("server.listen", "127.0.0.1:0").await.unwrap();
        let address = serve(listener, surfaces, &tasks).unwrap();
        Self { store, endpoint: Endpoint::of(address), tasks, folder }
    }

    /// Stops it and starts another one on the same store.
    pub(crate) async fn restart(self) -> Self {
        self.tasks.shutdown(DEADLINE).await.unwrap();
        Self::over(self.store, self.folder, Span::default()).await
    }

    pub(crate) fn channel(&self) -> Channel {
        Channel::new(&self.endpoint)
    }

    /// Puts an answer to every open question into the store, as evaluation does.
    pub(crate) async fn decide(&self, access: impl Fn(&str) -> Access) {
        let (store, organization) = (&self.store, contoso());
        let none = Default::default();
        let sources = Sources::new(store.clone(), &none, DEADLINE, Clock::system()).await.unwrap();
        let cases = Cases::new(store.clone(), sources.handle());
        let due = cases.due(&organization, now(), None, 1000).await.unwrap();
        let decisions: Vec<_> = due
            .iter()
            .map(|due| Decision {
                mailbox: due.case.mailbox.id,
                device_id: due.case.device.device_id.clone(),
                access: access(due.case.device.device_id.as_str()),
                compliance: Compliance::Compliant,
                reasons: vec![Reason::Compliant],
                policy: "mail-access".to_owned(),
                trace: Vec::new(),
                bundle: BundleDigest::of(b"policy"),
                look_again_at: None,
            })
            .collect();
        let decided: Vec<_> = due
            .iter()
            .zip(&decisions)
            .map(|(due, decision)| Decided { marked: &due.marked, case: &due.case, decision })
            .collect();
        store.put_decisions(&organization, &decided, now()).await.unwrap();
    }
}

#[expect(clippy::disallowed_methods, reason = "the tests run on real time")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// Waits until `look` gives something.
pub(crate) async fn eventually<T>(what: &str, look: impl AsyncFn() -> Option<T>) -> T {
    let started = std::time::Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(started.elapsed() < DEADLINE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) fn agent(number: u128) -> AgentId {
    AgentId::new(Uuid::from_u128(number))
}

pub(crate) fn hello(agent: AgentId, receipts_following: u32) -> pb::Hello {
    pb::Hello {
        agent_id: agent.to_string(),
        organization: "contoso".to_owned(),
        version: "0.1.0".to_owned(),
        host: "ex01".to_owned(),
        generation_seen: 0,
        receipts_following,
    }
}

/// The reason of an error, as a program reads it.
pub(crate) fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

/// An agent played by hand.
pub(crate) struct Agent {
    id: AgentId,
    client: AgentServiceClient<Channel>,
    said: mpsc::Sender<pb::AttachRequest>,
    heard: Streaming<pb::AttachResponse>,
    generation: u64,
}

impl Agent {
    /// Says hello and hears the welcome.
    pub(crate) async fn greet(house: &House, hello: pb::Hello) -> Result<Self, Status> {
        let id = hello.agent_id.parse().unwrap();
        let (said, saying) = mpsc::channel(64);
        let mut client = AgentServiceClient::new(house.channel());
        said.send(pb::AttachRequest { message: Some(Said::Hello(hello)) }).await.unwrap();
        let heard = client.attach(ReceiverStream::new(saying)).await?.into_inner();
        let mut agent = Self { id, client, said, heard, generation: 0 };
        let Heard::Welcome(welcome) = agent.hear().await? else { panic!("no welcome") };
        assert_eq!(welcome.page_rows_max, 500);
        Ok(agent)
    }

    /// Attaches, gets the lease and reports a good preflight.
    pub(crate) async fn attach(house: &House, number: u128) -> Self {
        let mut agent = Self::greet(house, hello(agent(number), 0)).await.unwrap();
        agent.take_lease().await;
        agent.report_preflight(true).await;
        agent
    }

    pub(crate) async fn take_lease(&mut self) {
        let heard = self.hear().await.unwrap();
        let Heard::LeaseGranted(granted) = heard else { panic!("no lease: {heard:?}") };
        self.generation = granted.generation;
    }

    pub(crate) async fn report_preflight(&self, ok: bool) {
        let step = pb::PreflightStep {
            name: "sign-in".to_owned(),
            ok,
            finding: "as exgate".to_owned(),
            cure: String::new(),
        };
        self.say(Said::Preflight(pb::Preflight {
            steps: vec![step],
            server: "ex01.contoso.com".to_owned(),
            exchange_version: "Version 15.2 (Build 1748.10)".to_owned(),
            filters_by_change: true,
            may_not_write: false,
        }))
        .await;
    }

    pub(crate) async fn say(&self, message: Said) {
        self.said.send(pb::AttachRequest { message: Some(message) }).await.unwrap();
    }

    pub(crate) async fn hear(&mut self) -> Result<Heard, Status> {
        let next = tokio::time::timeout(DEADLINE, self.heard.message()).await;
        let next = next.expect("the coordinator says nothing")?;
        Ok(next.and_then(|response| response.message).expect("the stream ended"))
    }

    pub(crate) async fn hear_sync(&mut self) -> pb::StartSync {
        let heard = self.hear().await.unwrap();
        let Heard::StartSync(start) = heard else { panic!("no sync: {heard:?}") };
        start
    }

    pub(crate) async fn hear_command(&mut self) -> pb::Command {
        let heard = self.hear().await.unwrap();
        let Heard::Command(command) = heard else { panic!("no command: {heard:?}") };
        command
    }

    /// Whether nothing is said for a while.
    pub(crate) async fn hears_nothing(&mut self) -> bool {
        tokio::time::timeout(Duration::from_millis(1500), self.heard.message()).await.is_err()
    }

    /// The parts of an upload of these observations.
    pub(crate) fn parts(&self, start: &pb::StartSync, seen: &[Observation]) -> Vec<Part> {
        self.parts_of(start, seen, &[])
    }

    /// The parts of an upload of these observations and keys of what is as it was.
    pub(crate) fn parts_of(
        &self,
        start: &pb::StartSync,
        seen: &[Observation],
        unchanged: &[Key],
    ) -> Vec<Part> {
        let begin = pb::SnapshotBegin {
            snapshot_id: Uuid::new_v4().to_string(),
            run_id: start.run_id.clone(),
            organization: "contoso".to_owned(),
            agent_id: self.id.to_string(),
            generation: self.generation,
            scope: start.scope.clone(),
            domain_controller: String::new(),
        };
        let observations: Vec<_> = seen.iter().map(Into::into).collect();
        let digests: Vec<_> = observations.iter().map(wire_digest).collect();
        let digest = page_digest(&digests, unchanged);
        let page = pb::SnapshotPage {
            number: 1,
            observations,
            unchanged_keys: unchanged.iter().copied().map(Into::into).collect(),
            page_digest: digest.as_bytes().to_vec(),
            finished: None,
        };
        let commit = pb::SnapshotCommit {
            pages: 1,
            rows: (seen.len() + unchanged.len()) as u64,
            root_digest: root_digest(&[digest]).as_bytes().to_vec(),
            completeness: Some(pb::Completeness {
                pipelines_completed: true,
                error_records: 0,
                truncated: false,
                domain_controller: "dc01".to_owned(),
                filtered_by_server: true,
                ..pb::Completeness::default()
            }),
        };
        vec![Part::Begin(begin), Part::Page(page), Part::Commit(commit)]
    }

    pub(crate) async fn upload(
        &self,
        parts: Vec<Part>,
    ) -> Result<pb::UploadObservationsResponse, Status> {
        let parts: Vec<_> = parts
            .into_iter()
            .map(|part| pb::UploadObservationsRequest { part: Some(part) })
            .collect();
        let mut client = self.client.clone();
        let sent = client.upload_observations(futures_util::stream::iter(parts)).await;
        sent.map(tonic::Response::into_inner)
    }

    /// Answers a sync with a whole snapshot.
    pub(crate) async fn look(&self, start: &pb::StartSync, seen: &[Observation]) {
        self.upload(self.parts(start, seen)).await.unwrap();
        self.finish(start, "").await;
    }

    pub(crate) async fn finish(&self, start: &pb::StartSync, failure: &str) {
        let finished = pb::RunFinished {
            run_id: start.run_id.clone(),
            failure: failure.to_owned(),
            can_resume: false,
        };
        self.say(Said::RunFinished(finished)).await;
    }

    /// Says what came of a command, and hears that it is stored.
    pub(crate) async fn answer(&mut self, receipt: pb::Receipt) {
        let command = receipt.command_id.clone();
        self.say(Said::Receipt(receipt)).await;
        let heard = self.hear().await.unwrap();
        let Heard::ReceiptStored(stored) = heard else { panic!("not stored: {heard:?}") };
        assert_eq!(stored.command_id, command);
    }
}

pub(crate) fn receipt(command: &pb::Command, outcome: pb::ReceiptOutcome) -> pb::Receipt {
    pb::Receipt {
        command_id: command.command_id.clone(),
        generation: command.generation,
        outcome: outcome.into(),
        refusal_class: String::new(),
        message: String::new(),
        read_back: None,
        cmdlet: "Set-CASMailbox ann".to_owned(),
        server: "ex01".to_owned(),
        took: Some(to_span(Duration::from_millis(212))),
        traceparent: String::new(),
    }
}

pub(crate) fn mailbox(number: u8, allowed: &[&str], blocked: &[&str]) -> Mailbox {
    let ids = |ids: &[&str]| ids.iter().map(|id| id.parse().unwrap()).collect();
    Mailbox {
        id: MailboxId::new(Uuid::from_u128(u128::from(number) << 96)),
        dn: format!("CN=Person {number},DC=contoso,DC=com"),
        display_name: format!("Person {number}"),
        primary_smtp: format!("person{number}@contoso.com"),
        sam_account: format!("person{number}"),
        active_sync_enabled: true,
        policy: "Default".to_owned(),
        allowed_ids: ids(allowed),
        blocked_ids: ids(blocked),
        changed_at: None,
    }
}

pub(crate) fn device(number: u8, id: &str, state: AccessState) -> EasDevice {
    EasDevice {
        id: PartnershipId::new(Uuid::from_u128(0xdece << 64 | u128::from(number))),
        device_id: id.parse().unwrap(),
        mailbox_dn: format!("CN=Person {number},DC=contoso,DC=com"),
        access_state: state,
        access_reason: AccessReason::Global,
        access_rule: String::new(),
        device_type: "iPhone".to_owned(),
        device_model: "iPhone15C2".to_owned(),
        device_os: "iOS 17.4".to_owned(),
        user_agent: String::new(),
        friendly_name: String::new(),
        imei: String::new(),
        phone_number: String::new(),
        client_type: "EAS".to_owned(),
        protocol_version: "16.1".to_owned(),
        first_sync_at: None,
        changed_at: None,
    }
}

pub(crate) fn settings() -> Observation {
    Observation::Settings(OrganizationSettings {
        guid: Uuid::from_u128(5),
        default_access_level: AccessLevel::Quarantine,
        user_mail_insert: String::new(),
        admin_mail_recipients: Vec::new(),
    })
}

/// An organization whose people, 1 to `people`, have one quarantined device each: A1, A2, ...
pub(crate) fn everything(people: u8) -> Vec<Observation> {
    let mut seen = vec![settings()];
    for number in 1..=people {
        seen.push(Observation::Mailbox(mailbox(number, &[], &[])));
        let device = device(number, &format!("A{number}"), AccessState::Quarantined);
        seen.push(Observation::Device(device));
    }
    seen
}
