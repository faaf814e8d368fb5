//! Owns the client's end of one pipeline ([MS-PSRP] 3.1.1.3).
//! Invariant: output is handed out as the bytes that came, never parsed and never copied
//! when it came in one fragment; after a final state nothing more is accepted.

use uuid::Uuid;

use super::addressed;
use crate::{
    clixml,
    psrp::{
        Defragmenter, Message, MessageType, ProtocolError,
        body::{
            BodyError, ErrorRecord, HostCall, Information, Informational, InvocationState,
            PipelineState, Progress,
        },
        fragment::Objects,
    },
};

/// The CLIXML of an output object that was null: such a message may have no body (unverified).
const NIL: &[u8] = b"<Nil />";

/// One pipeline, from its start to its final state.
#[derive(Debug)]
pub struct Pipeline {
    id: Uuid,
    state: InvocationState,
    objects: Defragmenter,
}

/// What the server says on a pipeline's stream.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum PipelineEvent<'a> {
    /// One object of output: its CLIXML.
    Output(&'a [u8]),
    /// A record on the error stream; the pipeline goes on.
    Error(Box<ErrorRecord>),
    /// A warning.
    Warning(String),
    /// A detail.
    Verbose(String),
    /// A detail for developers.
    Debug(String),
    /// A record on the information stream.
    Information(Box<Information>),
    /// How far an activity is.
    Progress(Box<Progress>),
    /// The state changed; the record says what ended a failed pipeline.
    State(InvocationState, Option<Box<ErrorRecord>>),
    /// The server wants something of a person and waits; there is none.
    HostCall(HostCall),
    /// A message this client has no use for.
    Ignored(MessageType),
}

impl Pipeline {
    pub(super) fn new(id: Uuid, object_bytes_max: usize) -> Self {
        Self { id, state: InvocationState::Running, objects: Defragmenter::new(object_bytes_max) }
    }

    /// The pipeline's id (PID), which is the command's id too.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Where the pipeline stands.
    pub fn state(&self) -> InvocationState {
        self.state
    }

    /// Takes bytes of the pipeline's stream: whole fragments.
    pub fn feed<'p>(&'p mut self, bytes: &'p [u8]) -> PipelineEvents<'p> {
        let Self { id, state, objects } = self;
        PipelineEvents { id: *id, state, objects: objects.feed(bytes) }
    }
}

/// The events in some bytes, one at a time.
#[derive(Debug)]
pub struct PipelineEvents<'p> {
    id: Uuid,
    state: &'p mut InvocationState,
    objects: Objects<'p>,
}

impl PipelineEvents<'_> {
    /// The next event, or `None` when the bytes are used up. After an error the stream is lost.
    pub fn next_event(&mut self) -> Result<Option<PipelineEvent<'_>>, ProtocolError> {
        let Some(object) = self.objects.next_object()? else { return Ok(None) };
        let message = addressed(object, Some(self.id))?;
        if self.state.is_final() {
            return Err(ProtocolError::Unexpected { kind: message.kind });
        }
        let event = PipelineEvent::read(&message);
        let event = event.map_err(|source| ProtocolError::body(message.kind, source))?;
        if let PipelineEvent::State(state, _) = &event {
            *self.state = *state;
        }
        Ok(Some(event))
    }
}

impl<'a> PipelineEvent<'a> {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the message types are the peer's open set; those without a use are handed on"
    )]
    fn read(message: &Message<'a>) -> Result<Self, BodyError> {
        if message.kind == MessageType::PipelineOutput {
            return Ok(Self::Output(if message.data.is_empty() { NIL } else { message.data }));
        }
        let body = || clixml::read(message.data);
        let said = || Ok::<_, BodyError>(Informational::from_value(&body()?)?.message);
        let event = match message.kind {
            MessageType::ErrorRecord => Self::Error(ErrorRecord::from_value(&body()?)?.into()),
            MessageType::WarningRecord => Self::Warning(said()?),
            MessageType::VerboseRecord => Self::Verbose(said()?),
            MessageType::DebugRecord => Self::Debug(said()?),
            MessageType::InformationRecord => {
                Self::Information(Information::from_value(&body()?)?.into())
            }
            MessageType::ProgressRecord => Self::Progress(Progress::from_value(&body()?)?.into()),
            MessageType::PipelineState => {
                let PipelineState { state, error } = PipelineState::from_value(&body()?)?;
                Self::State(state, error.map(Box::new))
            }
            MessageType::PipelineHostCall => Self::HostCall(HostCall::from_value(&body()?)?),
            other => Self::Ignored(other),
        };
        Ok(event)
    }
}
