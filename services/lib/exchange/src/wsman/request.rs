//! Owns reading requests, the server's part ([MS-WSMV] 3.1.4).
//! Invariant: what a real client sends is taken, however its toolkit names its prefixes and
//! spells a stop; data is borrowed from the body.

use std::{borrow::Cow, time::Duration};

use jiff::SignedDuration;
use quick_xml::events::BytesStart;
use uuid::Uuid;

use super::{
    EnvelopeError, OPTIONS_MAX, STREAMS_MAX, Stream,
    envelope::{add_stream, command_id, local, scan, trimmed},
    uris,
};
use crate::xml::{self, Scanner};

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// Who asks for what, and where.
    pub header: Header,
    /// What exactly.
    pub body: RequestBody<'a>,
}

/// The header of a request.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Header {
    /// The action; see [`uris`].
    pub action: String,
    /// The address the client used.
    pub to: String,
    /// The message's id, to be sent back as it is.
    pub message_id: String,
    /// The kind of shell.
    pub resource_uri: String,
    /// How large the answer may be.
    pub max_envelope_bytes: Option<u32>,
    /// How long the request may be held open.
    pub operation_timeout: Option<Duration>,
    /// The shell; none when one is to be created.
    pub shell_id: Option<String>,
    /// Name and value of each option.
    pub options: Vec<(String, String)>,
}

/// What a request wants.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestBody<'a> {
    /// A shell.
    Create {
        /// The id the client would like.
        shell_id: Option<String>,
        /// `creationXml` in base64; see [`super::decode_base64`].
        creation: Cow<'a, str>,
    },
    /// A command in a shell.
    Command {
        /// The id the client would like.
        command_id: Option<Uuid>,
        /// The fragments in base64.
        arguments: Vec<Cow<'a, str>>,
    },
    /// Output of a command, or of the shell.
    Receive {
        /// The command.
        command_id: Option<Uuid>,
    },
    /// Input for commands or the shell.
    Send {
        /// The pieces.
        streams: Vec<Stream<'a>>,
    },
    /// A signal to a command.
    Signal {
        /// The command; none for the shell.
        command_id: Option<Uuid>,
        /// The signal.
        signal: Signal,
    },
    /// The end of a shell.
    Delete,
    /// Anything else; the action tells.
    Other,
}

/// A signal to a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Stops the pipeline. The misspelt code ([MS-PSRP] 3.1.5.3.9), its correction ([MS-WSMV]
    /// 2.2.5.6; pypsrp sends it), and either at the end of an address.
    Stop,
    /// Closes the command ([MS-WSMV] 2.2.5.6).
    Terminate,
    /// Another code; a real server closes the command (see [`uris::SIGNAL_STOP`]).
    Other(String),
}

impl From<String> for Signal {
    fn from(code: String) -> Self {
        match code.rsplit('/').next() {
            Some("crtl_c" | "ctrl_c") => Self::Stop,
            _ if code.eq_ignore_ascii_case(uris::SIGNAL_TERMINATE) => Self::Terminate,
            _ => Self::Other(code),
        }
    }
}

impl<'a> Request<'a> {
    /// Reads a request.
    pub fn parse(body: &'a [u8]) -> Result<Self, EnvelopeError> {
        let mut scanner = scan(body)?;
        let (mut header, mut wanted) = (Header::default(), None);
        while let Some(tag) = scanner.next_child()? {
            match local(&tag) {
                "Header" => header.read(&mut scanner)?,
                "Body" => wanted = Some(RequestBody::read(&mut scanner)?),
                _ => scanner.skip()?,
            }
        }
        let mut body = wanted.ok_or(EnvelopeError::NotAnEnvelope)?;
        if header.message_id.is_empty() {
            return Err(EnvelopeError::Unfit { what: "message id" });
        }
        // Only a deletion has an empty body (WS-Transfer).
        if header.action == uris::DELETE {
            body = RequestBody::Delete;
        }
        Ok(Self { header, body })
    }
}

impl Header {
    /// The value of an option.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.iter().find(|(held, _)| held == name).map(|(_, value)| value.as_str())
    }

    fn read(&mut self, scanner: &mut Scanner<'_>) -> Result<(), EnvelopeError> {
        while let Some(tag) = scanner.next_child()? {
            match local(&tag) {
                "Action" => self.action = trimmed(scanner)?,
                "To" => self.to = trimmed(scanner)?,
                "MessageID" => self.message_id = trimmed(scanner)?,
                "ResourceURI" => self.resource_uri = trimmed(scanner)?,
                "MaxEnvelopeSize" => self.max_envelope_bytes = trimmed(scanner)?.parse().ok(),
                "OperationTimeout" => {
                    let timeout = trimmed(scanner)?.parse::<SignedDuration>().ok();
                    self.operation_timeout = timeout.and_then(|it| it.try_into().ok());
                }
                "SelectorSet" => {
                    while let Some(tag) = scanner.next_child()? {
                        let name = name(&tag)?;
                        let value = trimmed(scanner)?;
                        if name == "ShellId" {
                            self.shell_id = Some(value);
                        }
                    }
                }
                "OptionSet" => {
                    while let Some(tag) = scanner.next_child()? {
                        let name = name(&tag)?;
                        let value = trimmed(scanner)?;
                        if self.options.len() >= OPTIONS_MAX {
                            let (what, max) = ("options", OPTIONS_MAX);
                            return Err(EnvelopeError::TooMany { what, max });
                        }
                        self.options.push((name, value));
                    }
                }
                _ => scanner.skip()?,
            }
        }
        Ok(())
    }
}

fn name(tag: &BytesStart<'_>) -> Result<String, EnvelopeError> {
    Ok(xml::attribute(tag, "Name")?.unwrap_or_default().into_owned())
}

impl<'a> RequestBody<'a> {
    fn read(scanner: &mut Scanner<'a>) -> Result<Self, EnvelopeError> {
        let mut body = Self::Other;
        while let Some(tag) = scanner.next_child()? {
            body = match local(&tag) {
                "Shell" => Self::read_create(scanner, &tag)?,
                "CommandLine" => Self::read_command(scanner, &tag)?,
                "Receive" => Self::read_receive(scanner)?,
                "Send" => Self::read_send(scanner)?,
                "Signal" => Self::read_signal(scanner, &tag)?,
                _ => {
                    scanner.skip()?;
                    Self::Other
                }
            };
        }
        Ok(body)
    }

    fn read_create(scanner: &mut Scanner<'a>, tag: &BytesStart<'a>) -> Result<Self, EnvelopeError> {
        let shell_id = xml::attribute(tag, "ShellId")?.map(Cow::into_owned);
        let mut creation = None;
        while let Some(tag) = scanner.next_child()? {
            match local(&tag) {
                "creationXml" => creation = Some(scanner.text()?),
                _ => scanner.skip()?,
            }
        }
        let creation = creation.ok_or(EnvelopeError::Unfit { what: "creationXml" })?;
        Ok(Self::Create { shell_id, creation })
    }

    fn read_command(
        scanner: &mut Scanner<'a>,
        tag: &BytesStart<'a>,
    ) -> Result<Self, EnvelopeError> {
        let command_id = command_id(tag)?;
        let mut arguments = Vec::new();
        while let Some(tag) = scanner.next_child()? {
            match local(&tag) {
                "Arguments" if arguments.len() >= STREAMS_MAX => {
                    let (what, max) = ("arguments", STREAMS_MAX);
                    return Err(EnvelopeError::TooMany { what, max });
                }
                "Arguments" => arguments.push(scanner.text()?),
                _ => scanner.skip()?,
            }
        }
        Ok(Self::Command { command_id, arguments })
    }

    fn read_receive(scanner: &mut Scanner<'a>) -> Result<Self, EnvelopeError> {
        let mut command = None;
        while let Some(tag) = scanner.next_child()? {
            if local(&tag) == "DesiredStream" {
                command = command_id(&tag)?;
            }
            scanner.skip()?;
        }
        Ok(Self::Receive { command_id: command })
    }

    fn read_send(scanner: &mut Scanner<'a>) -> Result<Self, EnvelopeError> {
        let mut streams = Vec::new();
        while let Some(tag) = scanner.next_child()? {
            match local(&tag) {
                "Stream" => add_stream(scanner, &tag, &mut streams)?,
                _ => scanner.skip()?,
            }
        }
        Ok(Self::Send { streams })
    }

    fn read_signal(scanner: &mut Scanner<'a>, tag: &BytesStart<'a>) -> Result<Self, EnvelopeError> {
        let command_id = command_id(tag)?;
        let mut signal = None;
        while let Some(tag) = scanner.next_child()? {
            match local(&tag) {
                "Code" => signal = Some(Signal::from(trimmed(scanner)?)),
                _ => scanner.skip()?,
            }
        }
        let signal = signal.ok_or(EnvelopeError::Unfit { what: "signal code" })?;
        Ok(Self::Signal { command_id, signal })
    }
}
