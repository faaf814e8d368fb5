//! Owns the client's end of a runspace pool ([MS-PSRP] 3.1).
//! Invariant: a pool that broke or closed never opens again, and after the server named its
//! version nothing newer than that version is sent.

pub mod pipeline;

pub use pipeline::{Pipeline, PipelineEvent, PipelineEvents};

use uuid::Uuid;

use super::{
    Command, Defragmenter, Destination, FRAGMENT_BYTES_MAX, Fragmenter, Fragments, Message,
    MessageType, ProtocolError,
    body::{
        ApplicationPrivateData, BodyError, CreatePipeline, ErrorRecord, HostCall, InitRunspacePool,
        PoolState, ProtocolVersion, RunspaceAvailability, RunspacePoolState, SessionCapability,
    },
    fragment,
};
use crate::clixml::{self, Value};

/// What a pool is opened with.
#[derive(Clone, Debug)]
pub struct Options {
    /// The version to offer; the server may step down.
    pub protocol: ProtocolVersion,
    /// How many runspaces, and the arguments for the server's application.
    pub init: InitRunspacePool,
    /// How large fragments may be, header included.
    pub fragment_bytes_max: usize,
    /// How large one message from the server may be.
    pub object_bytes_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            protocol: ProtocolVersion::V2_3,
            init: InitRunspacePool::default(),
            fragment_bytes_max: FRAGMENT_BYTES_MAX,
            object_bytes_max: fragment::OBJECT_BYTES_MAX,
        }
    }
}

/// What the server says on the pool's own stream.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum PoolEvent {
    /// The versions are settled.
    Negotiated(SessionCapability),
    /// The server told about itself.
    PrivateData(ApplicationPrivateData),
    /// The state changed; the record says why it broke.
    State(PoolState, Option<ErrorRecord>),
    /// A question about runspaces was answered.
    Availability(RunspaceAvailability),
    /// The server wants something of a person; there is none.
    HostCall(HostCall),
    /// A message this client has no use for.
    Ignored(MessageType),
}

/// A runspace pool, seen from the client.
#[derive(Debug)]
pub struct RunspacePool {
    id: Uuid,
    options: Options,
    state: PoolState,
    version: ProtocolVersion,
    fragmenter: Fragmenter,
    objects: Defragmenter,
    next_call: i64,
}

impl RunspacePool {
    /// A pool that is not open yet.
    pub fn new(id: Uuid, options: Options) -> Self {
        Self {
            id,
            state: PoolState::BeforeOpen,
            version: options.protocol,
            fragmenter: Fragmenter::new(options.fragment_bytes_max),
            objects: Defragmenter::new(options.object_bytes_max),
            next_call: 1,
            options,
        }
    }

    /// The pool's id (RPID).
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Where the pool stands.
    pub fn state(&self) -> PoolState {
        self.state
    }

    /// The version in use: the offered one until the server named its own.
    pub fn protocol_version(&self) -> ProtocolVersion {
        self.version
    }

    /// Changes the size of the fragments to come.
    pub fn set_fragment_bytes_max(&mut self, fragment_bytes_max: usize) {
        self.fragmenter.set_fragment_bytes_max(fragment_bytes_max);
    }

    /// Starts to open the pool: SESSION_CAPABILITY and INIT_RUNSPACEPOOL, whose fragments
    /// travel together as `creationXml` ([MS-PSRP] 3.1.5.4.1, 3.1.5.4.2).
    pub fn open(&mut self) -> Fragments {
        self.state = PoolState::Opening;
        let mut out = Fragments::default();
        let capability = SessionCapability::new(self.options.protocol).to_value();
        self.send(MessageType::SessionCapability, None, &capability, &mut out);
        let init = self.options.init.to_value();
        self.send(MessageType::InitRunspacePool, None, &init, &mut out);
        out
    }

    /// Starts a pipeline that takes no input. The first fragment starts the command, the
    /// others follow as its input stream ([MS-PSRP] 3.1.5.3.3).
    pub fn start(
        &mut self,
        id: Uuid,
        commands: Vec<Command>,
    ) -> Result<(Pipeline, Fragments), ProtocolError> {
        if self.state != PoolState::Opened {
            return Err(ProtocolError::NotOpen);
        }
        let body = CreatePipeline::new(commands).to_value(self.version);
        let mut out = Fragments::default();
        self.send(MessageType::CreatePipeline, Some(id), &body, &mut out);
        Ok((Pipeline::new(id, self.options.object_bytes_max), out))
    }

    /// Asks how many runspaces are free; the answer carries the returned call id. Cheap, so
    /// fit to keep a session alive ([MS-PSRP] 2.2.2.11).
    pub fn ask_availability(&mut self) -> Result<(i64, Fragments), ProtocolError> {
        if self.state != PoolState::Opened {
            return Err(ProtocolError::NotOpen);
        }
        let call = self.next_call;
        self.next_call += 1;
        let body = clixml::Object::default().with_extended("ci", call).into();
        let mut out = Fragments::default();
        self.send(MessageType::GetAvailableRunspaces, None, &body, &mut out);
        Ok((call, out))
    }

    /// Marks the pool as closed by this side.
    pub fn close(&mut self) {
        self.state = PoolState::Closed;
    }

    /// Takes bytes of the pool's own stream: whole fragments.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Vec<PoolEvent>, ProtocolError> {
        let mut events = Vec::new();
        let mut objects = self.objects.feed(bytes);
        while let Some(object) = objects.next_object()? {
            let message = addressed(object, None)?;
            let (state, version) = (&mut self.state, &mut self.version);
            events.push(PoolEvent::read(&message, state, version)?);
        }
        Ok(events)
    }

    fn send(
        &mut self,
        kind: MessageType,
        pipeline: Option<Uuid>,
        body: &Value,
        out: &mut Fragments,
    ) {
        let xml = clixml::write(body);
        let message = Message {
            destination: Destination::Server,
            kind,
            pool: self.id,
            pipeline,
            data: xml.as_bytes(),
        };
        let mut bytes = Vec::new();
        message.encode_into(&mut bytes);
        self.fragmenter.split(&bytes, out);
    }
}

impl PoolEvent {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the message types are the peer's open set; those without a use are handed on"
    )]
    fn read(
        message: &Message<'_>,
        state: &mut PoolState,
        version: &mut ProtocolVersion,
    ) -> Result<Self, ProtocolError> {
        let kind = message.kind;
        let body = || clixml::read(message.data).map_err(BodyError::from);
        let unfit = |source| ProtocolError::body(kind, source);
        let event = match kind {
            MessageType::SessionCapability => {
                let theirs = body().and_then(|it| SessionCapability::from_value(&it));
                let theirs = theirs.map_err(unfit)?;
                if theirs.protocol.major != version.major {
                    return Err(ProtocolError::Version { found: theirs.protocol });
                }
                *version = theirs.protocol.min(*version);
                Self::Negotiated(theirs)
            }
            MessageType::ApplicationPrivateData => Self::PrivateData(
                body().and_then(|it| ApplicationPrivateData::from_value(&it)).map_err(unfit)?,
            ),
            MessageType::RunspacePoolState => {
                let news = body().and_then(|it| RunspacePoolState::from_value(&it));
                let RunspacePoolState { state: news, error } = news.map_err(unfit)?;
                // Closed and Broken are final ([MS-PSRP] 3.1.1.2.2).
                if !matches!(state, PoolState::Closed | PoolState::Broken) {
                    *state = news;
                }
                Self::State(news, error)
            }
            MessageType::RunspaceAvailability => Self::Availability(
                body().and_then(|it| RunspaceAvailability::from_value(&it)).map_err(unfit)?,
            ),
            MessageType::PoolHostCall => {
                Self::HostCall(body().and_then(|it| HostCall::from_value(&it)).map_err(unfit)?)
            }
            other => Self::Ignored(other),
        };
        Ok(event)
    }
}

/// Reads a message that must be meant for the client, and for this pipeline or the pool.
fn addressed(object: &[u8], pipeline: Option<Uuid>) -> Result<Message<'_>, ProtocolError> {
    let message = Message::decode(object)?;
    if message.destination != Destination::Client || message.pipeline != pipeline {
        return Err(ProtocolError::Misaddressed { kind: message.kind });
    }
    Ok(message)
}
