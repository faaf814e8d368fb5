//! A client of the wire made of the codecs alone, and one of the control surface.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use uuid::Uuid;

use exgate_exchange::clixml::{self, Value};
use exgate_exchange::psrp::body::{ErrorRecord, InvocationState, PoolState};
use exgate_exchange::psrp::client::{Options, PipelineEvent, RunspacePool};
use exgate_exchange::psrp::{self, Command};
use exgate_exchange::wsman::{self, Fault, Received, Response, ResponseBody};
use exgate_runtime::Tasks;

use crate::Simulator;

/// One runspace pool over one connection.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) client: wsman::Client,
    sender: SendRequest<Full<Bytes>>,
    authorization: String,
    cookies: String,
    pool: RunspacePool,
    shell: String,
}

/// What went wrong.
#[derive(Debug)]
pub(super) enum Trouble {
    #[expect(dead_code, reason = "printed by the tests that fail")]
    Connection(String),
    Status(u16),
    Fault(Box<Fault>),
}

/// What a pipeline wrote.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) state: InvocationState,
    pub(super) output: Vec<Value>,
    pub(super) errors: Vec<ErrorRecord>,
    pub(super) failure: Option<Box<ErrorRecord>>,
    pub(super) envelopes: usize,
    pub(super) envelope_bytes_max: usize,
}

/// A pipeline that runs.
pub(super) struct Running {
    pipeline: psrp::client::Pipeline,
    pub(super) is_done: bool,
    pub(super) written: Written,
}

impl Trouble {
    pub(super) fn fault(&self) -> Fault {
        match self {
            Self::Fault(fault) => Fault::clone(fault),
            Self::Connection(_) | Self::Status(_) => Fault::default(),
        }
    }
}

impl Peer {
    pub(super) async fn open(
        simulator: &Simulator,
        organization: &str,
        password: &str,
    ) -> Result<Self, Trouble> {
        Self::open_at(simulator, organization, 0, password).await
    }

    /// At another server than the first one.
    pub(super) async fn open_at(
        simulator: &Simulator,
        organization: &str,
        server: usize,
        password: &str,
    ) -> Result<Self, Trouble> {
        let organization = simulator.addresses().organization(organization).unwrap();
        let endpoint = &organization.servers[server];
        let mut roots = RootCertStore::empty();
        let pem = simulator.authority_pem().as_bytes();
        roots.add(CertificateDer::from_pem_slice(pem).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(("127.0.0.1", endpoint.port)).await.map_err(lost)?;
        let name = ServerName::try_from(endpoint.fqdn.clone()).unwrap();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let stream = connector.connect(name, stream).await.map_err(lost)?;
        let (sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(lost)?;
        Tasks::new().spawn("peer", async { drop(connection.await) });
        let token = STANDARD.encode(format!("{}:{password}", organization.account));
        let mut peer = Self {
            client: wsman::Client::new(
                format!("https://{}:{}/PowerShell/", endpoint.fqdn, endpoint.port),
                Uuid::new_v4(),
            ),
            sender,
            authorization: format!("Basic {token}"),
            cookies: String::new(),
            pool: RunspacePool::new(Uuid::new_v4(), Options::default()),
            shell: String::new(),
        };
        let creation = peer.pool.open();
        let request =
            peer.client.create(Uuid::new_v4(), peer.pool.id(), "2.3", creation.as_bytes());
        let answer = peer.send(request).await?;
        let ResponseBody::Created { shell_id } = read(&answer)? else { panic!("no shell") };
        peer.shell = shell_id;
        while peer.pool.state() != PoolState::Opened {
            let request = peer.client.receive(Uuid::new_v4(), &peer.shell, None);
            let answer = peer.send(request).await?;
            let ResponseBody::Receive(received) = read(&answer)? else { panic!("no output") };
            peer.pool.feed(&bytes(&received)).unwrap();
        }
        Ok(peer)
    }

    pub(super) async fn run(&mut self, command: Command) -> Result<Written, Trouble> {
        self.run_all(vec![command]).await
    }

    pub(super) async fn run_all(&mut self, commands: Vec<Command>) -> Result<Written, Trouble> {
        let mut running = self.start_all(commands).await?;
        while !running.is_done {
            self.receive(&mut running).await?;
        }
        Ok(running.written)
    }

    pub(super) async fn start(&mut self, command: Command) -> Result<Running, Trouble> {
        self.start_all(vec![command]).await
    }

    async fn start_all(&mut self, commands: Vec<Command>) -> Result<Running, Trouble> {
        let id = Uuid::new_v4();
        let (pipeline, fragments) = self.pool.start(id, commands).unwrap();
        let mut fragments = fragments.iter();
        let first = fragments.next().unwrap();
        let request = self.client.command(Uuid::new_v4(), &self.shell, id, first);
        let answer = self.send(request).await?;
        assert_eq!(read(&answer)?, ResponseBody::Command { command_id: id });
        for fragment in fragments {
            let request = self.client.send(Uuid::new_v4(), &self.shell, Some(id), fragment);
            self.send(request).await?;
        }
        let written = Written {
            state: InvocationState::Running,
            output: Vec::new(),
            errors: Vec::new(),
            failure: None,
            envelopes: 0,
            envelope_bytes_max: 0,
        };
        Ok(Running { pipeline, is_done: false, written })
    }

    pub(super) async fn receive(&mut self, running: &mut Running) -> Result<(), Trouble> {
        let id = running.pipeline.id();
        let request = self.client.receive(Uuid::new_v4(), &self.shell, Some(id));
        let answer = self.send(request).await?;
        let ResponseBody::Receive(received) = read(&answer)? else { panic!("no output") };
        running.is_done = received.is_done();
        let written = &mut running.written;
        written.envelopes += 1;
        written.envelope_bytes_max = written.envelope_bytes_max.max(answer.len());
        let bytes = bytes(&received);
        let mut events = running.pipeline.feed(&bytes);
        while let Some(event) = events.next_event().unwrap() {
            match event {
                PipelineEvent::Output(xml) => written.output.push(clixml::read(xml).unwrap()),
                PipelineEvent::Error(record) => written.errors.push(*record),
                PipelineEvent::State(state, record) => {
                    written.state = state;
                    written.failure = record;
                }
                PipelineEvent::Warning(_)
                | PipelineEvent::Progress(_)
                | PipelineEvent::Ignored(_) => {}
                PipelineEvent::Verbose(_)
                | PipelineEvent::Debug(_)
                | PipelineEvent::Information(_)
                | PipelineEvent::HostCall(_)
                | _ => panic!("unexpected event"),
            }
        }
        Ok(())
    }

    pub(super) async fn signal(&mut self, running: &Running, code: &str) -> Result<(), Trouble> {
        let id = running.pipeline.id();
        let request = self.client.signal(Uuid::new_v4(), &self.shell, id, code);
        let answer = self.send(request).await?;
        assert_eq!(read(&answer)?, ResponseBody::Signal);
        Ok(())
    }

    pub(super) async fn delete(&mut self) -> Result<(), Trouble> {
        let request = self.client.delete(Uuid::new_v4(), &self.shell);
        self.send(request).await.map(drop)
    }

    async fn send(&mut self, body: String) -> Result<Bytes, Trouble> {
        let request = http::Request::post("/powershell/?serializationLevel=Full")
            .header("host", "localhost")
            .header("authorization", &self.authorization)
            .header("cookie", &self.cookies)
            .header("content-type", wsman::CONTENT_TYPE)
            .body(Full::from(body))
            .unwrap();
        let answer = self.sender.send_request(request).await.map_err(lost)?;
        let cookies = answer.headers().get_all("set-cookie").into_iter();
        let pairs = cookies.filter_map(|value| value.to_str().ok()?.split(';').next());
        let cookies = pairs.collect::<Vec<_>>().join("; ");
        if !cookies.is_empty() {
            self.cookies = cookies;
        }
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.map_err(lost)?.to_bytes();
        match status {
            200 | 500 => Ok(body),
            other => Err(Trouble::Status(other)),
        }
    }
}

fn lost(error: impl std::error::Error) -> Trouble {
    Trouble::Connection(error.to_string())
}

fn read(answer: &[u8]) -> Result<ResponseBody<'_>, Trouble> {
    let body = Response::parse(answer).unwrap().body;
    if let ResponseBody::Fault(fault) = body {
        return Err(Trouble::Fault(Box::new(fault)));
    }
    Ok(body)
}

fn bytes(received: &Received<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for stream in &received.streams {
        stream.decode_into(&mut bytes).unwrap();
    }
    bytes
}

/// Asks the control surface: status and JSON.
pub(super) async fn http(
    address: &str,
    method: &str,
    path: &str,
    body: Option<serde_json::Value>,
) -> (u16, serde_json::Value) {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    Tasks::new().spawn("peer", async { drop(connection.await) });
    let text = body.map(|body| body.to_string()).unwrap_or_default();
    let request = http::Request::builder()
        .method(method)
        .uri(path)
        .header("host", address)
        .header("content-type", "application/json")
        .body(Full::<Bytes>::from(text))
        .unwrap();
    let answer = sender.send_request(request).await.unwrap();
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}
