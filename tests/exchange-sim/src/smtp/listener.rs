//! Owns the submission port: connections, TLS begun in the middle, lines and messages with their limits.

use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use smtp_proto::request::receiver::{DataReceiver, DummyDataReceiver};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use exgate_runtime::{Tasks, report};

use super::replies;
use super::session::{Next, Session};
use crate::accounts::Accounts;
use crate::live::Live;
use crate::mailboxes::delivery::MESSAGE_BYTES_MAX;

/// The longest line, its end included: that of RFC 4954, 4, rounded up.
const LINE_BYTES_MAX: usize = 12 * 1024 + 512;
/// What of a message that is too large is read at most before the connection is closed.
const DISCARDED_BYTES_MAX: usize = 8 * MESSAGE_BYTES_MAX;
/// `ConnectionInactivityTimeout` of Set-ReceiveConnector on a mailbox server.
const IDLE_MAX: Duration = Duration::from_secs(5 * 60);
/// How long a client may take for its TLS handshake.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// How long to wait after a connection could not be accepted.
const PAUSE: Duration = Duration::from_millis(50);

/// What answers at the port.
#[derive(Clone, Debug)]
pub struct Port {
    /// Whose.
    pub live: Arc<Live>,
    /// The server's short name and its full name.
    pub server: (String, String),
    /// Who may send.
    pub accounts: Accounts,
    /// What TLS shows.
    pub tls: Arc<ServerConfig>,
}

/// Why a conversation ended early.
enum End {
    /// The connection broke.
    Broken(std::io::Error),
    /// Nothing was heard for too long.
    Idle,
    /// A line had no end.
    LineTooLong,
    /// A message went on for ever.
    Endless,
}

impl From<std::io::Error> for End {
    fn from(error: std::io::Error) -> Self {
        Self::Broken(error)
    }
}

/// Serves the port until told to stop. While a fault says that the server is down, whoever connects is cut
/// off at once.
pub async fn serve(port: Port, listener: TcpListener, tasks: Tasks) -> std::io::Result<()> {
    loop {
        let accepted = tokio::select! {
            () = tasks.stopped() => return Ok(()),
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) if port.live.faults().stops(&port.server.0) => drop(stream),
            Ok((stream, _)) => {
                let (port, stopped) = (port.clone(), tasks.stopped());
                tasks.spawn("submission", async move {
                    tokio::select! {
                        () = stopped => {}
                        () = connection(port, stream) => {}
                    }
                });
            }
            Err(error) => {
                tracing::warn!(error = report(&error), "connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn connection(port: Port, stream: TcpStream) {
    let mut session = Session::new(Arc::clone(&port.live), port.accounts, port.server.1);
    let mut plain = BufReader::new(stream);
    let greeting = session.greet();
    let secure = match converse(&mut session, &mut plain, Some(greeting)).await {
        Ok(secure) => secure,
        Err(end) => return last_word(&mut plain, end).await,
    };
    if !secure {
        return;
    }
    // What a client sent before its handshake is not taken for part of it (RFC 3207, 6).
    let accepted = TlsAcceptor::from(port.tls).accept(plain.into_inner());
    let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE_MAX, accepted).await else { return };
    session.secured();
    let mut sealed = BufReader::new(stream);
    if let Err(end) = converse(&mut session, &mut sealed, None).await {
        last_word(&mut sealed, end).await;
    }
}

/// Talks until the conversation ends, or TLS is due: `true`.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    session: &mut Session,
    stream: &mut BufReader<S>,
    first: Option<Next>,
) -> Result<bool, End> {
    let mut due = first;
    let mut line = Vec::new();
    loop {
        let next = match due.take() {
            Some(next) => next,
            None => {
                line.clear();
                if !read_line(stream, &mut line).await? {
                    return Ok(false);
                }
                session.line(&line)
            }
        };
        match next {
            Next::Reply(text) => say(stream, &text).await?,
            Next::Secure(text) => {
                say(stream, &text).await?;
                return Ok(true);
            }
            Next::Close(text) => {
                say(stream, &text).await?;
                return Ok(false);
            }
            Next::Message(text) => {
                say(stream, &text).await?;
                due = Some(match read_message(stream).await? {
                    Some(message) => session.message(&message),
                    None => session.too_large(),
                });
            }
        }
    }
}

async fn say<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufReader<S>,
    text: &str,
) -> Result<(), End> {
    stream.write_all(format!("{text}\r\n").as_bytes()).await?;
    Ok(stream.flush().await?)
}

/// Says why, if anybody still listens.
async fn last_word<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufReader<S>, end: End) {
    let text = match end {
        End::Broken(error) => {
            tracing::debug!(error = report(&error), "connection ended early");
            return;
        }
        End::Idle => replies::IDLE,
        End::LineTooLong => replies::LINE_TOO_LONG,
        End::Endless => replies::TOO_LARGE,
    };
    if say(stream, text).await.is_err() {
        tracing::debug!("connection ended before its last word");
    }
}

/// Reads a line with its end; `false` at the end of everything.
async fn read_line<S: AsyncRead + Unpin>(
    stream: &mut BufReader<S>,
    line: &mut Vec<u8>,
) -> Result<bool, End> {
    loop {
        let chunk = fill(stream).await?;
        if chunk.is_empty() {
            return Ok(false);
        }
        let end = chunk.iter().position(|byte| *byte == b'\n').map(|place| place + 1);
        let used = end.unwrap_or(chunk.len());
        line.extend(chunk.iter().take(used));
        stream.consume(used);
        if line.len() > LINE_BYTES_MAX {
            return Err(End::LineTooLong);
        }
        if end.is_some() {
            return Ok(true);
        }
    }
}

/// Reads a message up to its lone dot, without the dots that were put in (RFC 5321, 4.5.2); `None` when it is
/// too large, which is known only at its end.
async fn read_message<S: AsyncRead + Unpin>(
    stream: &mut BufReader<S>,
) -> Result<Option<Vec<u8>>, End> {
    let (mut receiver, mut message) = (DataReceiver::new(), Vec::new());
    let mut discarding: Option<(DummyDataReceiver, usize)> = None;
    loop {
        let chunk = fill(stream).await?;
        if chunk.is_empty() {
            return Err(End::Broken(std::io::ErrorKind::UnexpectedEof.into()));
        }
        let (held, mut bytes) = (chunk.len(), chunk.iter());
        let is_whole = match &mut discarding {
            Some((receiver, _)) => receiver.ingest(&mut bytes),
            None => receiver.ingest(&mut bytes, &mut message),
        };
        let used = held - bytes.len();
        stream.consume(used);
        if is_whole {
            let fits = discarding.is_none() && message.len() <= MESSAGE_BYTES_MAX;
            return Ok(fits.then_some(message));
        }
        match &mut discarding {
            Some((_, discarded)) if *discarded > DISCARDED_BYTES_MAX => return Err(End::Endless),
            Some((_, discarded)) => *discarded += used,
            None if message.len() > MESSAGE_BYTES_MAX => {
                discarding = Some((DummyDataReceiver::new_data(&receiver), 0));
                message = Vec::new();
            }
            None => {}
        }
    }
}

async fn fill<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> Result<&[u8], End> {
    match tokio::time::timeout(IDLE_MAX, stream.fill_buf()).await {
        Ok(chunk) => Ok(chunk?),
        Err(_) => Err(End::Idle),
    }
}
