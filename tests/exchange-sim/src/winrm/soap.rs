//! Owns which WS-Management operation a request is, and its answer.
//!
//! Invariant: every request gets an answer or a fault; only a fault of the experimenter's loses one.

use std::time::{Duration, Instant};

use thiserror::Error;
use uuid::Uuid;

use exgate_exchange::wsman::{
    CommandState, ENVELOPE_BYTES_FIRST, Fault, Header, Reply, Request, RequestBody, Signal,
    decode_base64, uris,
};

use super::shells::{Shell, Shells, invalid};
use crate::faults::Site;
use crate::settings::Account;

/// What an envelope needs beside the base64 of its stream.
const ENVELOPE_OVERHEAD_BYTES: usize = 3 * 1024;
/// The smallest envelope that output is made for.
const ENVELOPE_BYTES_MIN: u32 = 8 * 1024;
/// How long a Receive waits unless told otherwise.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(60);
/// `MaxOperationTimeoutSeconds` of 2016 and 2019.
const TIMEOUT_MAX: Duration = Duration::from_secs(900);
/// `ERROR_WSMAN_RESOURCE_NOT_FOUND`.
const RESOURCE_NOT_FOUND: u32 = 2_150_858_752;

/// How a request came to a back end.
#[derive(Clone, Copy, Debug)]
pub struct Route<'r> {
    /// The front end's short name.
    pub front: &'r str,
    /// Whether the front end knew which back end has the client's shells; else it asks one that has none.
    pub is_known: bool,
    /// The largest envelope of the server, in bytes.
    pub bytes_max: usize,
}

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
pub async fn answer(
    shells: &Shells,
    account: &Account,
    body: &[u8],
    route: &Route<'_>,
) -> Result<Answer, NoAnswer> {
    let Request { header, body } = Request::parse(body).map_err(NoAnswer::Unreadable)?;
    let reply = Reply::new(&header, Uuid::new_v4());
    let served = match &header.shell_id {
        Some(id) if !route.is_known => Err(Box::new(Fault::shell_not_found(id)).into()),
        Some(_) | None => {
            let bytes_max = output_bytes_max(&header, route.bytes_max);
            serve(shells, account, body, &Asked { header: &header, reply: &reply, bytes_max }).await
        }
    };
    match served {
        Ok(body) => Ok(Answer { is_fault: false, body }),
        Err(Refused::Fault(mut fault)) => {
            fault.machine = shells.live().read(|world| world.blueprint.server_fqdn());
            if fault.is_shell_gone() {
                name_the_way(&mut fault, shells, route);
            }
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

/// What an answer depends on beside the body.
struct Asked<'a> {
    header: &'a Header,
    reply: &'a Reply<'a>,
    /// How many bytes of fragments an answer may carry.
    bytes_max: usize,
}

async fn serve(
    shells: &Shells,
    account: &Account,
    body: RequestBody<'_>,
    asked: &Asked<'_>,
) -> Result<String, Refused> {
    let Asked { header, reply, bytes_max } = *asked;
    shells.live().throttle().operation(&account.name, Instant::now())?;
    if header.resource_uri != uris::EXCHANGE {
        return Err(no_resource(&header.resource_uri).into());
    }
    if let RequestBody::Create { shell_id, creation } = body {
        let creation = decoded(&[creation])?;
        let shell = shells.create(account, shell_id, &creation, bytes_max)?;
        return Ok(reply.created(&shell.id, &account.name));
    }
    let shell = shells.find(account, header.shell_id.as_deref())?;
    match body {
        RequestBody::Command { command_id, arguments } => {
            let id = command_id.unwrap_or_else(Uuid::new_v4);
            shell.command(id, &decoded(&arguments)?)?;
            Ok(reply.command(id))
        }
        RequestBody::Receive { command_id } => receive(shells, &shell, command_id, asked).await,
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

/// Puts before the text what Exchange since 2013 does
/// (learn.microsoft.com, "InvalidShellID error in RPS in Microsoft 365").
fn name_the_way(fault: &mut Fault, shells: &Shells, route: &Route<'_>) {
    let live = shells.live();
    if !live.read(|world| world.blueprint.version.is_modern()) {
        return;
    }
    let (front, now) = (route.front, live.moment().now.strftime("%-m/%-d/%Y %-I:%M:%S %p"));
    let way = format!(
        "[ClientAccessServer={front},BackEndServer={},RequestId={},TimeStamp={now}] \
         [FailureCategory=WSMan-InvalidShellID] ",
        fault.machine,
        Uuid::new_v4()
    );
    for text in [&mut fault.reason, &mut fault.message] {
        text.insert_str(0, &way);
    }
}

async fn receive(
    shells: &Shells,
    shell: &Shell,
    command: Option<Uuid>,
    asked: &Asked<'_>,
) -> Result<String, Refused> {
    let Asked { header, reply, bytes_max } = *asked;
    let wait = header.operation_timeout.unwrap_or(TIMEOUT_DEFAULT).min(TIMEOUT_MAX);
    let Some(command) = command else {
        let fragments = shell.receive_own(wait, bytes_max).await?;
        return Ok(reply.receive(None, [fragments.as_slice()], None));
    };
    let (pipeline, piece) = shell.receive(command, wait, bytes_max).await?;
    let cmdlet = pipeline.cmdlet();
    let site = Site { cmdlet: &cmdlet, server: shells.server() };
    if shells.live().loses_answer(&site) {
        return Err(Refused::Lost);
    }
    let state = if piece.is_last { CommandState::Done } else { CommandState::Running };
    Ok(reply.receive(Some(command), [piece.fragments.as_slice()], Some(state)))
}

/// How many bytes of fragments fit into the envelope that the client takes and the server sends.
fn output_bytes_max(header: &Header, server_bytes_max: usize) -> usize {
    let envelope = header.max_envelope_bytes.unwrap_or(ENVELOPE_BYTES_FIRST);
    let envelope = usize::try_from(envelope.max(ENVELOPE_BYTES_MIN)).unwrap_or(usize::MAX);
    let room = envelope.min(server_bytes_max).saturating_sub(ENVELOPE_OVERHEAD_BYTES);
    room / 4 * 3
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
