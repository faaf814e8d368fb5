//! The remote shell of a session and the requests it takes. Knows every envelope and every fault;
//! knows nothing of cmdlets. Two lanes lead to it: one for work, on which a Receive may be pending,
//! and one to interrupt that work.

use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until, timeout};
use uuid::Uuid;

use crate::cmdlets::ServerVersion;
use crate::error::SessionError;
use crate::http::{Answer, Cookies, Transport};
use crate::psrp::body::{PoolState, ProtocolVersion};
use crate::psrp::client::{Options, PoolEvent, RunspacePool};
use crate::session::counters::Counters;
use crate::session::lane::Lane;
use crate::wsman::{self, Client, Response, ResponseBody, uris};

/// How long the server may hold a Receive without output. Below every proxy's patience, and far
/// below the 900 s that a server allows (`MaxOperationTimeoutSeconds` in the configuration of 2016 and
/// 2019 servers).
const POLL: Duration = Duration::from_secs(20);
/// How much longer than that an answer may take before the connection counts as lost.
const POLL_TOLERANCE: Duration = Duration::from_secs(40);
/// How long an answer to any other request may take.
const REQUEST_LIMIT: Duration = Duration::from_secs(60);

/// How long a Receive without output takes at least: a server that answers at once and says nothing
/// must not keep both sides busy.
const EMPTY_POLL_MIN: Duration = Duration::from_millis(100);

/// What the one cmdlet at a time works with.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) lane: Lane,
    pub(super) pool: RunspacePool,
}

/// A remote shell.
#[derive(Debug)]
pub(super) struct Shell {
    id: String,
    query: String,
    wsman: Client,
    control: Mutex<Lane>,
    counters: Counters,
    front_end: OnceLock<String>,
}

/// What a Receive brought.
pub(super) struct Received {
    /// Decoded pieces of output: whole fragments each.
    pub(super) output: Vec<Bytes>,
    /// Whether the command will say nothing more.
    pub(super) is_done: bool,
}

/// A signal to a command.
#[derive(Clone, Copy)]
pub(super) enum Code {
    /// Stop the pipeline, and say so.
    Stop,
    /// Close the command.
    Terminate,
}

impl Shell {
    /// Creates a shell and waits until its runspace is open. A shell whose runspace does not open
    /// is deleted, because it would count against the account's limit.
    pub(super) async fn open(
        transport: &Transport,
        client_version: Option<ServerVersion>,
        limit: Duration,
    ) -> Result<(Self, Work), SessionError> {
        let (cookies, counters) = (Cookies::default(), Counters::default());
        let lane = || Lane::new(transport.clone(), cookies.clone(), counters.clone());
        let id = Uuid::new_v4();
        let mut shell = Self {
            id: String::new(),
            query: query(client_version),
            wsman: Client {
                operation_timeout: POLL,
                ..Client::new(transport.endpoint().to_string(), Uuid::new_v4())
            },
            control: Mutex::new(lane()),
            counters: counters.clone(),
            front_end: OnceLock::new(),
        };
        let options =
            Options { fragment_bytes_max: shell.wsman.payload_bytes_max(), ..Options::default() };
        let mut work = Work { lane: lane(), pool: RunspacePool::new(id, options) };
        let opening = async {
            shell.create(&mut work, id).await?;
            shell.wait_until_opened(&mut work).await
        };
        let opened = timeout(limit, opening).await;
        let opened = opened.unwrap_or(Err(SessionError::OpenTimedOut { limit }));
        if let Err(error) = opened {
            if !shell.id.is_empty()
                && let Err(left) = shell.delete(&mut work.lane).await
            {
                tracing::debug!(error = %left, "shell could not be deleted");
            }
            return Err(error);
        }
        Ok((shell, work))
    }

    async fn create(&mut self, work: &mut Work, id: Uuid) -> Result<(), SessionError> {
        let offered = work.pool.protocol_version().to_string();
        let creation = work.pool.open();
        let message = Uuid::new_v4();
        let envelope = self.wsman.create(message, id, &offered, creation.as_bytes());
        let answer = work.lane.post(&self.query, envelope.into(), REQUEST_LIMIT).await?;
        if let Some(front_end) = &answer.front_end {
            self.front_end.get_or_init(|| front_end.clone());
        }
        let body = parse(&answer, message)?.body;
        let ResponseBody::Created { shell_id } = body else { return Err(unexpected(&body)) };
        self.id = shell_id;
        Ok(())
    }

    async fn wait_until_opened(&mut self, work: &mut Work) -> Result<(), SessionError> {
        loop {
            let Received { output, is_done } = self.receive(&mut work.lane, None).await?;
            for bytes in output {
                for event in work.pool.feed(&bytes)? {
                    if let PoolEvent::State(PoolState::Broken | PoolState::Closed, record) = event {
                        return Err(SessionError::Broken { record: record.map(Box::new) });
                    }
                    if let PoolEvent::Negotiated(_) = event {
                        self.grow(&mut work.pool);
                    }
                }
            }
            if work.pool.state() == PoolState::Opened {
                return Ok(());
            }
            if is_done {
                return Err(SessionError::Broken { record: None });
            }
        }
    }

    /// Servers since 2013 take and send larger envelopes than 2010 (see [`wsman::ENVELOPE_BYTES`]; that
    /// the version of the protocol tells them apart is pypsrp's rule).
    fn grow(&mut self, pool: &mut RunspacePool) {
        if pool.protocol_version() >= ProtocolVersion::V2_2 {
            self.wsman.max_envelope_bytes = wsman::ENVELOPE_BYTES;
            pool.set_fragment_bytes_max(self.wsman.payload_bytes_max());
        }
    }

    /// Creates a command; `fragment` is the first of its pipeline.
    pub(super) async fn command(
        &self,
        lane: &mut Lane,
        id: Uuid,
        fragment: &[u8],
    ) -> Result<(), SessionError> {
        let message = Uuid::new_v4();
        let envelope = self.wsman.command(message, &self.id, id, fragment);
        let answer = lane.post(&self.query, envelope.into(), REQUEST_LIMIT).await?;
        let body = parse(&answer, message)?.body;
        if matches!(body, ResponseBody::Command { .. }) { Ok(()) } else { Err(unexpected(&body)) }
    }

    /// Sends a command more of its input.
    pub(super) async fn send(
        &self,
        lane: &mut Lane,
        id: Uuid,
        fragments: &[u8],
    ) -> Result<(), SessionError> {
        let message = Uuid::new_v4();
        let envelope = self.wsman.send(message, &self.id, Some(id), fragments);
        self.acknowledged(lane, message, envelope).await
    }

    /// Waits for output, polling for as long as it takes. Must not be dropped while output is
    /// wanted: what the server had sent by then is lost.
    pub(super) async fn receive(
        &self,
        lane: &mut Lane,
        id: Option<Uuid>,
    ) -> Result<Received, SessionError> {
        loop {
            let (message, asked) = (Uuid::new_v4(), Instant::now());
            let envelope = self.wsman.receive(message, &self.id, id);
            let answer = lane.post(&self.query, envelope.into(), POLL + POLL_TOLERANCE).await?;
            let body = parse_any(&answer, message)?.body;
            if let ResponseBody::Fault(fault) = body {
                if fault.is_timeout() {
                    sleep_until(asked + EMPTY_POLL_MIN).await;
                    continue;
                }
                return Err(SessionError::from_fault(fault));
            }
            let ResponseBody::Receive(received) = body else { return Err(unexpected(&body)) };
            if received.streams.is_empty() && !received.is_done() {
                sleep_until(asked + EMPTY_POLL_MIN).await;
            }
            let mut output = Vec::with_capacity(received.streams.len());
            for stream in &received.streams {
                let mut bytes = Vec::with_capacity(stream.base64.len() / 4 * 3);
                stream.decode_into(&mut bytes)?;
                output.push(bytes.into());
            }
            return Ok(Received { output, is_done: received.is_done() });
        }
    }

    /// Signals a command on the lane that is at hand.
    pub(super) async fn signal(
        &self,
        lane: &mut Lane,
        id: Uuid,
        code: Code,
    ) -> Result<(), SessionError> {
        let code = match code {
            Code::Stop => uris::SIGNAL_STOP,
            Code::Terminate => uris::SIGNAL_TERMINATE,
        };
        let message = Uuid::new_v4();
        let envelope = self.wsman.signal(message, &self.id, id, code);
        self.acknowledged(lane, message, envelope).await
    }

    /// Signals a command past a Receive that is pending on the other lane.
    pub(super) async fn signal_apart(&self, id: Uuid, code: Code) -> Result<(), SessionError> {
        let mut lane = self.control.lock().await;
        self.signal(&mut lane, id, code).await
    }

    /// Deletes the shell and everything that runs in it.
    pub(super) async fn delete(&self, lane: &mut Lane) -> Result<(), SessionError> {
        let message = Uuid::new_v4();
        let envelope = self.wsman.delete(message, &self.id);
        self.acknowledged(lane, message, envelope).await
    }

    async fn acknowledged(
        &self,
        lane: &mut Lane,
        message: Uuid,
        envelope: String,
    ) -> Result<(), SessionError> {
        let answer = lane.post(&self.query, envelope.into(), REQUEST_LIMIT).await?;
        parse(&answer, message).map(drop)
    }

    /// How many bytes of fragments one request carries.
    pub(super) fn payload_bytes_max(&self) -> usize {
        self.wsman.payload_bytes_max()
    }

    pub(super) fn counters(&self) -> &Counters {
        &self.counters
    }

    pub(super) fn front_end(&self) -> Option<&str> {
        self.front_end.get().map(String::as_str)
    }
}

/// Reads the answer to a message; a fault is an error.
fn parse(answer: &Answer, message: Uuid) -> Result<Response<'_>, SessionError> {
    let response = parse_any(answer, message)?;
    if let ResponseBody::Fault(fault) = response.body {
        return Err(SessionError::from_fault(fault));
    }
    Ok(response)
}

/// Reads the answer to a message, a fault included.
fn parse_any(answer: &Answer, message: Uuid) -> Result<Response<'_>, SessionError> {
    Ok(Response::parse_answer(&answer.body, message)?)
}

fn unexpected(body: &ResponseBody<'_>) -> SessionError {
    let found = match body {
        ResponseBody::Other(name) => name.as_str(),
        ResponseBody::Created { .. } => "Shell",
        ResponseBody::Command { .. } => "CommandResponse",
        ResponseBody::Receive(_) => "ReceiveResponse",
        ResponseBody::Send => "SendResponse",
        ResponseBody::Signal => "SignalResponse",
        ResponseBody::Empty => "nothing",
        ResponseBody::Fault(_) => "Fault",
    };
    SessionError::Unexpected { found: found.to_owned() }
}

/// What the management shell appends to the address: full serialization, so that objects come with
/// their properties, and the facts that routing looks at. Every part is optional. The form is common
/// knowledge (unverified); what comes as text for want of full serialization is read too.
fn query(client_version: Option<ServerVersion>) -> String {
    let version =
        client_version.map(|version| format!("ExchClientVer={version};")).unwrap_or_default();
    format!(
        "serializationLevel=Full;{version}clientApplication=ManagementShell;TargetServer=;PSVersion=5.1.17763.1"
    )
}
