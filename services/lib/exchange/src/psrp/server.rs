//! Owns the server's end of a runspace pool ([MS-PSRP] 3.2).
//! Invariant: nothing newer than the client's version is sent, and whatever is sent to the
//! client is numbered once over the whole pool.

use uuid::Uuid;

use super::{
    Defragmenter, Destination, FRAGMENT_BYTES_MAX, Fragmenter, Fragments, Message, MessageType,
    ProtocolError,
    body::{
        ApplicationPrivateData, BodyError, CreatePipeline, ErrorRecord, GetCommandMetadata,
        Information, Informational, InitRunspacePool, InvocationState, PipelineState, PoolState,
        Progress, ProtocolVersion, RunspaceAvailability, RunspacePoolState, SessionCapability,
    },
    fragment,
};
use crate::clixml::{self, Value};

/// What a server offers.
#[derive(Clone, Debug)]
pub struct Options {
    /// The highest version it speaks.
    pub protocol: ProtocolVersion,
    /// What it tells about itself.
    pub private_data: ApplicationPrivateData,
    /// How large fragments may be, header included.
    pub fragment_bytes_max: usize,
    /// How large one message from the client may be.
    pub object_bytes_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            protocol: ProtocolVersion::V2_3,
            private_data: ApplicationPrivateData::default(),
            fragment_bytes_max: FRAGMENT_BYTES_MAX,
            object_bytes_max: fragment::OBJECT_BYTES_MAX,
        }
    }
}

/// What the client wants.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A pipeline shall run.
    PipelineCreated {
        /// Its id.
        pipeline: Uuid,
        /// Its commands.
        create: CreatePipeline,
    },
    /// A list of commands is wanted; it is answered like a pipeline.
    CommandMetadata {
        /// The id of the answering pipeline.
        pipeline: Uuid,
        /// What is wanted.
        query: GetCommandMetadata,
    },
    /// An object of input for a pipeline.
    Input {
        /// The pipeline.
        pipeline: Uuid,
        /// The object.
        value: Value,
    },
    /// No input follows.
    EndOfInput {
        /// The pipeline.
        pipeline: Uuid,
    },
    /// The number of free runspaces is asked for, or their number shall change; to be answered
    /// with [`RunspacePool::availability`].
    Availability {
        /// The call to answer.
        call_id: i64,
        /// GET_AVAILABLE_RUNSPACES, SET_MAX_RUNSPACES, SET_MIN_RUNSPACES or
        /// RESET_RUNSPACE_STATE.
        kind: MessageType,
    },
    /// A message this server has no use for.
    Ignored(MessageType),
}

/// A runspace pool, seen from the server.
#[derive(Debug)]
pub struct RunspacePool {
    id: Uuid,
    client: SessionCapability,
    init: InitRunspacePool,
    options: Options,
    fragmenter: Fragmenter,
    objects: Defragmenter,
    buffer: Vec<u8>,
    xml: String,
}

impl RunspacePool {
    /// Accepts the fragments of a `creationXml`: SESSION_CAPABILITY, then INIT_RUNSPACEPOOL
    /// ([MS-PSRP] 3.2.5.3.1).
    pub fn accept(creation: &[u8], options: Options) -> Result<Self, ProtocolError> {
        let mut objects = Defragmenter::new(options.object_bytes_max);
        let mut feed = objects.feed(creation);
        let mut next = |wanted: MessageType| -> Result<(Uuid, Value), ProtocolError> {
            let missing = ProtocolError::Unexpected { kind: wanted };
            let Some(object) = feed.next_object()? else { return Err(missing) };
            let message = Message::decode(object)?;
            if message.kind != wanted {
                return Err(ProtocolError::Unexpected { kind: message.kind });
            }
            let body = clixml::read(message.data);
            Ok((message.pool, body.map_err(|source| ProtocolError::body(wanted, source))?))
        };
        let kind = MessageType::SessionCapability;
        let (id, body) = next(kind)?;
        let client = SessionCapability::from_value(&body);
        let client = client.map_err(|source| ProtocolError::body(kind, source))?;
        if client.protocol.major != options.protocol.major {
            return Err(ProtocolError::Version { found: client.protocol });
        }
        let kind = MessageType::InitRunspacePool;
        let init = InitRunspacePool::from_value(&next(kind)?.1);
        let init = init.map_err(|source| ProtocolError::body(kind, source))?;
        let fragmenter = Fragmenter::new(options.fragment_bytes_max);
        let (buffer, xml) = (Vec::new(), String::new());
        Ok(Self { id, client, init, options, fragmenter, objects, buffer, xml })
    }

    /// The pool's id (RPID), as the client named it.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// What the client can do.
    pub fn client(&self) -> &SessionCapability {
        &self.client
    }

    /// What the client asked for.
    pub fn init(&self) -> &InitRunspacePool {
        &self.init
    }

    /// The version in use.
    pub fn protocol_version(&self) -> ProtocolVersion {
        self.client.protocol.min(self.options.protocol)
    }

    /// Changes the size of the fragments to come.
    pub fn set_fragment_bytes_max(&mut self, fragment_bytes_max: usize) {
        self.fragmenter.set_fragment_bytes_max(fragment_bytes_max);
    }

    /// Writes what opens the pool on its own stream: SESSION_CAPABILITY,
    /// APPLICATION_PRIVATE_DATA and RUNSPACEPOOL_STATE Opened ([MS-PSRP] 3.2.5.4.1).
    pub fn opened(&mut self, out: &mut Fragments) {
        let capability = SessionCapability::new(self.options.protocol).to_value();
        self.send(MessageType::SessionCapability, None, &capability, out);
        let data = self.options.private_data.to_value();
        self.send(MessageType::ApplicationPrivateData, None, &data, out);
        self.pool_state(PoolState::Opened, None, out);
    }

    /// Writes a state of the pool.
    pub fn pool_state(
        &mut self,
        state: PoolState,
        error: Option<ErrorRecord>,
        out: &mut Fragments,
    ) {
        let body = RunspacePoolState { state, error }.to_value();
        self.send(MessageType::RunspacePoolState, None, &body, out);
    }

    /// Answers [`Event::Availability`]: a number for a question, a boolean for a setting.
    pub fn availability(&mut self, answer: &RunspaceAvailability, out: &mut Fragments) {
        self.send(MessageType::RunspaceAvailability, None, &answer.to_value(), out);
    }

    /// Takes bytes of an input stream, the pool's own or a command's: whole fragments.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Vec<Event>, ProtocolError> {
        let mut events = Vec::new();
        let mut objects = self.objects.feed(bytes);
        while let Some(object) = objects.next_object()? {
            let message = Message::decode(object)?;
            if message.destination != Destination::Server || message.pool != self.id {
                return Err(ProtocolError::Misaddressed { kind: message.kind });
            }
            events.push(Event::read(&message)?);
        }
        Ok(events)
    }

    /// Writes an object of output.
    pub fn output(&mut self, pipeline: Uuid, value: &Value, out: &mut Fragments) {
        self.send(MessageType::PipelineOutput, Some(pipeline), value, out);
    }

    /// Writes an object of output that is CLIXML already.
    pub fn output_xml(&mut self, pipeline: Uuid, xml: &str, out: &mut Fragments) {
        self.send_bytes(MessageType::PipelineOutput, Some(pipeline), xml.as_bytes(), out);
    }

    /// Writes a record to the error stream; the pipeline goes on.
    pub fn error(&mut self, pipeline: Uuid, record: &ErrorRecord, out: &mut Fragments) {
        self.send(MessageType::ErrorRecord, Some(pipeline), &record.to_value(), out);
    }

    /// Writes a warning.
    pub fn warning(&mut self, pipeline: Uuid, message: &str, out: &mut Fragments) {
        self.informational(MessageType::WarningRecord, "Warning", pipeline, message, out);
    }

    /// Writes a detail.
    pub fn verbose(&mut self, pipeline: Uuid, message: &str, out: &mut Fragments) {
        self.informational(MessageType::VerboseRecord, "Verbose", pipeline, message, out);
    }

    /// Writes a detail for developers.
    pub fn debug(&mut self, pipeline: Uuid, message: &str, out: &mut Fragments) {
        self.informational(MessageType::DebugRecord, "Debug", pipeline, message, out);
    }

    /// Writes to the information stream, which a client older than 2.3 does not have.
    pub fn information(&mut self, pipeline: Uuid, record: &Information, out: &mut Fragments) {
        if self.protocol_version() >= ProtocolVersion::V2_3 {
            self.send(MessageType::InformationRecord, Some(pipeline), &record.to_value(), out);
        }
    }

    /// Writes how far an activity is.
    pub fn progress(&mut self, pipeline: Uuid, progress: &Progress, out: &mut Fragments) {
        self.send(MessageType::ProgressRecord, Some(pipeline), &progress.to_value(), out);
    }

    /// Writes a state of a pipeline; with an error it says what ended it.
    pub fn state(
        &mut self,
        pipeline: Uuid,
        state: InvocationState,
        error: Option<ErrorRecord>,
        out: &mut Fragments,
    ) {
        let body = PipelineState { state, error }.to_value();
        self.send(MessageType::PipelineState, Some(pipeline), &body, out);
    }

    fn informational(
        &mut self,
        kind: MessageType,
        name: &str,
        pipeline: Uuid,
        message: &str,
        out: &mut Fragments,
    ) {
        let body = Informational { message: message.to_owned() }.to_value(name);
        self.send(kind, Some(pipeline), &body, out);
    }

    fn send(
        &mut self,
        kind: MessageType,
        pipeline: Option<Uuid>,
        body: &Value,
        out: &mut Fragments,
    ) {
        let mut xml = std::mem::take(&mut self.xml);
        xml.clear();
        clixml::write_into(body, &mut xml);
        self.send_bytes(kind, pipeline, xml.as_bytes(), out);
        self.xml = xml;
    }

    fn send_bytes(
        &mut self,
        kind: MessageType,
        pipeline: Option<Uuid>,
        data: &[u8],
        out: &mut Fragments,
    ) {
        let destination = Destination::Client;
        self.buffer.clear();
        Message { destination, kind, pool: self.id, pipeline, data }.encode_into(&mut self.buffer);
        self.fragmenter.split(&self.buffer, out);
    }
}

impl Event {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the message types are the peer's open set; those without a use are handed on"
    )]
    fn read(message: &Message<'_>) -> Result<Self, ProtocolError> {
        let kind = message.kind;
        let unfit = |source: BodyError| ProtocolError::body(kind, source);
        let body = || clixml::read(message.data).map_err(|source| unfit(source.into()));
        let pipeline = || message.pipeline.ok_or(ProtocolError::Misaddressed { kind });
        let event = match kind {
            MessageType::CreatePipeline => Self::PipelineCreated {
                pipeline: pipeline()?,
                create: CreatePipeline::from_value(&body()?).map_err(unfit)?,
            },
            MessageType::GetCommandMetadata => Self::CommandMetadata {
                pipeline: pipeline()?,
                query: GetCommandMetadata::from_value(&body()?).map_err(unfit)?,
            },
            MessageType::PipelineInput => Self::Input { pipeline: pipeline()?, value: body()? },
            MessageType::EndOfPipelineInput => Self::EndOfInput { pipeline: pipeline()? },
            MessageType::GetAvailableRunspaces
            | MessageType::SetMaxRunspaces
            | MessageType::SetMinRunspaces
            | MessageType::ResetRunspaceState => {
                let call = body()?.property("ci").and_then(Value::as_i64);
                let missing = || unfit(BodyError::Property { name: "ci" });
                Self::Availability { call_id: call.ok_or_else(missing)?, kind }
            }
            other => Self::Ignored(other),
        };
        Ok(event)
    }
}
