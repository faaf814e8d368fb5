//! Owns reading answers ([MS-WSMV] 3.2.4; their forms in 3.1.4.5.2 and 3.1.4.11 to 3.1.4.14).
//! Invariant: stream data is borrowed from the body; an answer of a kind this crate does not
//! know survives by name.

use std::borrow::Cow;

use quick_xml::events::BytesStart;
use uuid::Uuid;

use super::{
    EnvelopeError, Fault, Stream, VALUE_BYTES_MAX,
    envelope::{add_stream, command_id, local, parse_id, scan, trimmed},
    uris,
};
use crate::xml::{self, Scanner};

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response<'a> {
    /// The action, such as `../ReceiveResponse`.
    pub action: Cow<'a, str>,
    /// The message that is answered.
    pub relates_to: Option<Uuid>,
    /// What it says.
    pub body: ResponseBody<'a>,
}

/// What an answer says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResponseBody<'a> {
    /// A shell was created.
    Created {
        /// Its id, to be sent back as it is.
        shell_id: String,
    },
    /// A command was started.
    Command {
        /// Its id.
        command_id: Uuid,
    },
    /// Output came.
    Receive(Received<'a>),
    /// Input was taken.
    Send,
    /// A signal was taken.
    Signal,
    /// Nothing more is said, as when a shell was deleted.
    Empty,
    /// The request failed.
    Fault(Fault),
    /// An answer of another kind, by the name of its element.
    Other(String),
}

/// Output of a command or a shell.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Received<'a> {
    /// The pieces, in order.
    pub streams: Vec<Stream<'a>>,
    /// The state of the command, when it is told.
    pub command_state: Option<CommandState>,
}

/// The state of a command ([MS-WSMV] 3.1.4.14).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CommandState {
    /// It waits.
    Pending,
    /// It runs.
    Running,
    /// It is over, and so is its output.
    Done,
}

impl<'a> Response<'a> {
    /// Reads an answer.
    pub fn parse(body: &'a [u8]) -> Result<Self, EnvelopeError> {
        let mut scanner = scan(body)?;
        let (mut action, mut relates_to, mut said) = (Cow::Borrowed(""), None, None);
        while let Some(tag) = scanner.next_child()? {
            match local(&tag) {
                "Header" => {
                    while let Some(tag) = scanner.next_child()? {
                        match local(&tag) {
                            "Action" => action = scanner.text_within(VALUE_BYTES_MAX)?,
                            "RelatesTo" => {
                                let id = scanner.text_within(VALUE_BYTES_MAX)?;
                                relates_to = Some(parse_id(&id, "related id")?);
                            }
                            _ => scanner.skip()?,
                        }
                    }
                }
                "Body" => said = Some(ResponseBody::read(&mut scanner)?),
                _ => scanner.skip()?,
            }
        }
        let body = said.ok_or(EnvelopeError::NotAnEnvelope)?;
        Ok(Self { action, relates_to, body })
    }
}

impl<'a> Response<'a> {
    /// Reads the answer to the message of this id. An answer names the message it answers
    /// (WS-Addressing, `RelatesTo`); only a fault may
    /// name none, because a server that could not read a request cannot name it.
    pub fn parse_answer(body: &'a [u8], message_id: Uuid) -> Result<Self, EnvelopeError> {
        let answer = Self::parse(body)?;
        let is_related = match answer.relates_to {
            Some(found) => found == message_id,
            None => matches!(answer.body, ResponseBody::Fault(_)),
        };
        if is_related {
            return Ok(answer);
        }
        Err(EnvelopeError::Unrelated { expected: message_id, found: answer.relates_to })
    }
}

impl<'a> ResponseBody<'a> {
    fn read(scanner: &mut Scanner<'a>) -> Result<Self, EnvelopeError> {
        let (mut shell_id, mut body) = (None, Self::Empty);
        while let Some(tag) = scanner.next_child()? {
            match local(&tag) {
                // A created shell comes as a reference ([MS-PSRP] 3.1.5.3.2), a description, or both, as
                // pypsrp reads it.
                "ResourceCreated" | "Shell" => shell_id = find_shell(scanner)?.or(shell_id),
                "ReceiveResponse" => body = Self::Receive(Received::read(scanner)?),
                "CommandResponse" => {
                    body = Self::Command { command_id: read_command(scanner)? };
                }
                "SendResponse" => {
                    body = Self::Send;
                    scanner.skip()?;
                }
                "SignalResponse" => {
                    body = Self::Signal;
                    scanner.skip()?;
                }
                "Fault" => body = Self::Fault(Fault::read(scanner)?),
                other => {
                    body = Self::Other(other.to_owned());
                    scanner.skip()?;
                }
            }
        }
        Ok(match shell_id {
            Some(shell_id) => Self::Created { shell_id },
            None => body,
        })
    }
}

/// Looks for the id of a shell: the selector `ShellId`, or an element of that name.
fn find_shell(scanner: &mut Scanner<'_>) -> Result<Option<String>, EnvelopeError> {
    let mut found = None;
    while let Some(tag) = scanner.next_child()? {
        match local(&tag) {
            "ReferenceParameters" | "SelectorSet" => found = find_shell(scanner)?.or(found),
            "ShellId" => found = Some(trimmed(scanner)?),
            "Selector" if is_shell_selector(&tag)? => found = Some(trimmed(scanner)?),
            _ => scanner.skip()?,
        }
    }
    Ok(found)
}

fn is_shell_selector(tag: &BytesStart<'_>) -> Result<bool, EnvelopeError> {
    Ok(xml::attribute(tag, "Name")?.as_deref() == Some("ShellId"))
}

fn read_command(scanner: &mut Scanner<'_>) -> Result<Uuid, EnvelopeError> {
    let mut command = None;
    while let Some(tag) = scanner.next_child()? {
        match local(&tag) {
            "CommandId" => command = Some(parse_id(&trimmed(scanner)?, "command id")?),
            _ => scanner.skip()?,
        }
    }
    command.ok_or(EnvelopeError::Unfit { what: "command id" })
}

impl<'a> Received<'a> {
    fn read(scanner: &mut Scanner<'a>) -> Result<Self, EnvelopeError> {
        let mut received = Self::default();
        while let Some(tag) = scanner.next_child()? {
            match local(&tag) {
                "Stream" => add_stream(scanner, &tag, &mut received.streams)?,
                "CommandState" => {
                    command_id(&tag)?;
                    received.command_state = match xml::attribute(&tag, "State")?.as_deref() {
                        Some(uris::STATE_DONE) => Some(CommandState::Done),
                        Some(uris::STATE_PENDING) => Some(CommandState::Pending),
                        Some(uris::STATE_RUNNING) => Some(CommandState::Running),
                        _ => return Err(EnvelopeError::Unfit { what: "command state" }),
                    };
                    scanner.skip()?;
                }
                _ => scanner.skip()?,
            }
        }
        Ok(received)
    }

    /// Whether the command is over.
    pub fn is_done(&self) -> bool {
        self.command_state == Some(CommandState::Done)
    }
}
