//! Real bytes to measure with: every answer of one listing of all devices, taken from a simulator in this
//! process over the same TLS, envelopes and runspace that the agent uses, and what the simulator knows
//! to be true.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use uuid::Uuid;

use exchange_sim::Simulator;
use exchange_sim::control::views::{DeviceQuery, DeviceView, MailboxView};
use exchange_sim::settings::{Account, OrganizationSettings, Settings};
use exgate_exchange::credentials::Credentials;
use exgate_exchange::http::{Authentication, Connection, Cookies, Transport, TrustAnchors};
use exgate_exchange::psrp::Command;
use exgate_exchange::psrp::body::PoolState;
use exgate_exchange::psrp::client::{Options, Pipeline, PipelineEvent, RunspacePool};
use exgate_exchange::wsman::{self, Client, Response, ResponseBody};
use exgate_runtime::Tasks;

const ACCOUNT: &str = r"CONTOSO\svc-bench";
const ORGANIZATION: &str = "contoso";
const LISTING: &str = "Get-MobileDevice";
/// How long one answer may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);
/// How long the simulator may take to end.
const DRAIN_LIMIT: Duration = Duration::from_secs(5);
/// What the management shell appends to the address.
const QUERY: &str = "serializationLevel=Full;clientApplication=ManagementShell";

/// One listing, as bytes and as truth.
pub(crate) struct Capture {
    /// The body of every answer that carried output, in order.
    pub(crate) bodies: Vec<Bytes>,
    /// The devices, as the simulator holds them.
    pub(crate) devices: Vec<DeviceView>,
    /// Their owners, by Guid.
    pub(crate) owners: HashMap<Uuid, MailboxView>,
    pool: RunspacePool,
    pipeline: Uuid,
}

impl Capture {
    /// Starts a simulator with that many devices, lists them once, and ends it.
    pub(crate) fn take(devices: usize, seed: u64) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(async {
            let state = tempfile::tempdir()?;
            let tasks = Tasks::new();
            let organization = OrganizationSettings::parse(&format!("{ORGANIZATION}:2019:0"))
                .map_err(anyhow::Error::msg)?;
            let settings = Settings {
                state: Some(state.path().to_owned()),
                organizations: vec![organization],
                seed,
                mailboxes: devices / 2 + devices / 40 + 1,
                devices,
                ..Settings::new(Account::new(ACCOUNT, "bench"))
            };
            let simulator = Simulator::start(settings, &tasks).await?;
            let capture = record(&simulator).await;
            tasks.shutdown(DRAIN_LIMIT).await?;
            capture
        })
    }

    /// A pipeline to which the bodies are news again.
    pub(crate) fn replay(&mut self) -> anyhow::Result<Pipeline> {
        let (pipeline, _) = self.pool.start(self.pipeline, vec![Command::new(LISTING)])?;
        Ok(pipeline)
    }
}

async fn record(simulator: &Simulator) -> anyhow::Result<Capture> {
    let addresses = simulator.addresses();
    let organization = addresses.organizations.first().context("no organization")?;
    let anchors = TrustAnchors::File(addresses.ca_file.clone().context("no certificate")?);
    let authentication = Authentication::Basic(Credentials::new(ACCOUNT, "bench")?);
    let transport = Transport::new(organization.url.parse()?, authentication, &anchors)?;
    let mut client = Recorder {
        wsman: Client {
            max_envelope_bytes: wsman::ENVELOPE_BYTES,
            ..Client::new(transport.endpoint().to_string(), Uuid::new_v4())
        },
        connection: Connection::open(&transport, Cookies::default()).await?,
        shell: String::new(),
    };
    let mut pool = client.open().await?;
    let (pipeline, bodies) = client.list(&mut pool).await?;
    let control = simulator.control();
    let owners = control.mailboxes(ORGANIZATION)?;
    Ok(Capture {
        bodies,
        devices: control.devices(ORGANIZATION, &DeviceQuery::default())?,
        owners: owners.into_iter().map(|owner| (owner.guid, owner)).collect(),
        pool,
        pipeline,
    })
}

/// A client that keeps what it hears.
struct Recorder {
    wsman: Client,
    connection: Connection,
    shell: String,
}

impl Recorder {
    async fn open(&mut self) -> anyhow::Result<RunspacePool> {
        let mut pool = RunspacePool::new(Uuid::new_v4(), Options::default());
        let (offered, creation) = (pool.protocol_version().to_string(), pool.open());
        let envelope = self.wsman.create(Uuid::new_v4(), pool.id(), &offered, creation.as_bytes());
        let body = self.post(envelope).await?;
        let ResponseBody::Created { shell_id } = Response::parse(&body)?.body else {
            bail!("no shell was created");
        };
        self.shell = shell_id;
        while pool.state() != PoolState::Opened {
            let body = self.post(self.wsman.receive(Uuid::new_v4(), &self.shell, None)).await?;
            for bytes in output(&body)?.0 {
                pool.feed(&bytes)?;
            }
        }
        Ok(pool)
    }

    async fn list(&mut self, pool: &mut RunspacePool) -> anyhow::Result<(Uuid, Vec<Bytes>)> {
        let id = Uuid::new_v4();
        let command = Command::new(LISTING).with("ResultSize", "Unlimited");
        let (mut pipeline, fragments) = pool.start(id, vec![command])?;
        let envelope = self.wsman.command(Uuid::new_v4(), &self.shell, id, fragments.as_bytes());
        self.post(envelope).await?;
        let mut bodies = Vec::new();
        loop {
            let asked = self.wsman.receive(Uuid::new_v4(), &self.shell, Some(id));
            let body = self.post(asked).await?;
            let (pieces, is_done) = output(&body)?;
            for piece in pieces {
                let mut events = pipeline.feed(&piece);
                while let Some(event) = events.next_event()? {
                    ensure!(!matches!(event, PipelineEvent::Error(_)), "the listing had errors");
                }
            }
            bodies.push(body);
            if is_done {
                ensure!(pipeline.state().is_final(), "the listing was cut short");
                return Ok((id, bodies));
            }
        }
    }

    async fn post(&mut self, envelope: String) -> anyhow::Result<Bytes> {
        let answer = self.connection.post(QUERY, envelope.into(), ANSWER_LIMIT).await?;
        ensure!(answer.success, "the simulator answered with a fault");
        Ok(answer.body)
    }
}

/// The decoded output in an answer, and whether it was the last.
fn output(body: &Bytes) -> anyhow::Result<(Vec<Vec<u8>>, bool)> {
    let ResponseBody::Receive(received) = Response::parse(body)?.body else {
        bail!("no output was received");
    };
    let mut pieces = Vec::new();
    for stream in &received.streams {
        let mut piece = Vec::new();
        stream.decode_into(&mut piece)?;
        pieces.push(piece);
    }
    Ok((pieces, received.is_done()))
}
