//! Owns which WS-Management operation a request is, and its answer.
//!
//! Invariant: every request gets an answer or a fault; only a fault of the experimenter's loses one.

use std::time::Duration;

use thiserror::Error;
use uuid::Uuid;

use exgate_exchange::wsman::{
    CommandState, ENVELOPE_BYTES_FIRST, Fault, Header, Reply, Request, RequestBody, Signal,
    decode_base64, uris,
};

use super::shells::{Shell, Shells, invalid};
use crate::settings::Account;

/// What an envelope needs beside the base64 of its stream.
const ENVELOPE_OVERHEAD_BYTES: u32 = 3 * 1024;
/// The smallest envelope that output is made for.
const ENVELOPE_BYTES_MIN: u32 = 8 * 1024;
/// How long a Receive waits unless told otherwise.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(60);
/// `MaxOperationTimeoutSeconds` of 2016 and 2019.
const TIMEOUT_MAX: Duration = Duration::from_secs(900);
/// `ERROR_WSMAN_RESOURCE_NOT_FOUND`.
const RESOURCE_NOT_FOUND: u32 = 2_150_858_752;

/// An answer over HTTP.
#[derive(Debug)]
pub struct Answer {
    /// Whether it is a fault: HTTP 500.
    pub is_fault: bool,
    /// The envelope.
    pub body: String,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum NoAnswer {
    /// The body is no request: HTTP 400.
    #[error("request could not be read")]
    Unreadable(#[source] exgate_exchange::wsman::EnvelopeError),
    /// The connection is to be cut instead.
    #[error("answer was lost on purpose")]
    Lost,
}

/// Serves one request of a signed-in account.
pub async fn answer(shells: &Shells, account: &Account, body: &[u8]) -> Result<Answer, NoAnswer> {
    let Request { header, body } = Request::parse(body).map_err(NoAnswer::Unreadable)?;
    let reply = Reply::new(&header, Uuid::new_v4());
    match serve(shells, account, &header, body, &reply).await {
        Ok(body) => Ok(Answer { is_fault: false, body }),
        Err(Refused::Fault(mut fault)) => {
            fault.machine = shells.live().read(|world| world.blueprint.server_fqdn());
            Ok(Answer { is_fault: true, body: reply.fault(&fault) })
        }
        Err(Refused::Lost) => Err(NoAnswer::Lost),
    }
}

enum Refused {
    Fault(Box<Fault>),
    Lost,
}

impl From<Box<Fault>> for Refused {
    fn from(fault: Box<Fault>) -> Self {
        Self::Fault(fault)
    }
}

async fn serve(
    shells: &Shells,
    account: &Account,
    header: &Header,
    body: RequestBody<'_>,
    reply: &Reply<'_>,
) -> Result<String, Refused> {
    if header.resource_uri != uris::EXCHANGE {
        return Err(no_resource(&header.resource_uri).into());
    }
    if let RequestBody::Create { shell_id, creation } = body {
        let creation = decoded(&[creation])?;
        let shell = shells.create(account, shell_id, &creation, output_bytes_max(header))?;
        return Ok(reply.created(&shell.id, &account.name));
    }
    let shell = shells.find(account, header.shell_id.as_deref())?;
    match body {
        RequestBody::Command { command_id, arguments } => {
            let id = command_id.unwrap_or_else(Uuid::new_v4);
            shell.command(id, &decoded(&arguments)?)?;
            Ok(reply.command(id))
        }
        RequestBody::Receive { command_id } => {
            receive(shells, &shell, header, command_id, reply).await
        }
        RequestBody::Send { streams } => {
            for stream in streams {
                let mut fragments = Vec::new();
                stream
                    .decode_into(&mut fragments)
                    .map_err(|_| invalid("The stream is no base64."))?;
                shell.feed(&fragments)?;
            }
            Ok(reply.send())
        }
        RequestBody::Signal { command_id, signal } => {
            match signal {
                Signal::Stop => shell.stop(command_id),
                // Any other code closes the command, as the real server's plug-in does.
                Signal::Terminate | Signal::Other(_) => shell.close(command_id),
            }
            Ok(reply.signal())
        }
        RequestBody::Delete => {
            shells.delete(&shell);
            Ok(reply.deleted())
        }
        RequestBody::Create { .. } | RequestBody::Other | _ => {
            Err(Refused::Fault(no_action(&header.action)))
        }
    }
}

async fn receive(
    shells: &Shells,
    shell: &Shell,
    header: &Header,
    command: Option<Uuid>,
    reply: &Reply<'_>,
) -> Result<String, Refused> {
    let wait = header.operation_timeout.unwrap_or(TIMEOUT_DEFAULT).min(TIMEOUT_MAX);
    let bytes_max = output_bytes_max(header);
    let Some(command) = command else {
        let fragments = shell.receive_own(wait, bytes_max).await?;
        return Ok(reply.receive(None, [fragments.as_slice()], None));
    };
    let (pipeline, piece) = shell.receive(command, wait, bytes_max).await?;
    if shells.live().loses_answer(&pipeline.cmdlet()) {
        return Err(Refused::Lost);
    }
    let state = if piece.is_last { CommandState::Done } else { CommandState::Running };
    Ok(reply.receive(Some(command), [piece.fragments.as_slice()], Some(state)))
}

/// How many bytes of fragments fit into the envelope that the client takes.
fn output_bytes_max(header: &Header) -> usize {
    let envelope = header.max_envelope_bytes.unwrap_or(ENVELOPE_BYTES_FIRST);
    let room = envelope.max(ENVELOPE_BYTES_MIN).saturating_sub(ENVELOPE_OVERHEAD_BYTES);
    usize::try_from(room / 4 * 3).unwrap_or(usize::MAX)
}

fn decoded(texts: &[std::borrow::Cow<'_, str>]) -> Result<Vec<u8>, Box<Fault>> {
    let mut bytes = Vec::new();
    for text in texts {
        decode_base64(text, &mut bytes).map_err(|_| invalid("The data is no base64."))?;
    }
    Ok(bytes)
}

fn no_resource(uri: &str) -> Box<Fault> {
    let text = format!(
        "The WS-Management service cannot process the request. The resource URI ({uri}) was not \
         found in the WS-Management catalog. The catalog contains the metadata that describes \
         resources, or logical endpoints."
    );
    Box::new(Fault::new(RESOURCE_NOT_FOUND, "Sender", "DestinationUnreachable", text))
}

fn no_action(action: &str) -> Box<Fault> {
    let text = format!(
        "The WS-Management service cannot process the request. The action {action} is not \
         supported by the resource."
    );
    Box::new(Fault::new(INVALID_ACTION, "Sender", "ActionNotSupported", text))
}

/// `ERROR_WSMAN_INVALID_ACTIONURI`.
const INVALID_ACTION: u32 = 2_150_858_754;
