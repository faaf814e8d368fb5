//! Owns a server's ports: TLS or plain HTTP with keep-alive, and connections cut on purpose.
//!
//! Invariant: while a server is down, none of its ports answers and none of its shells lives.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio_rustls::TlsAcceptor;

use exgate_runtime::{Tasks, report};

use super::Wire;
use super::certificates::Tls;
use super::conversation::Conversation;
use super::shells::Shells;
use crate::eas;
use crate::faults::{Faults, Kind, Midway, Site};
use crate::sign_in::{Channel, Gate};

/// How long a client may take for its TLS handshake.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// How long to wait before a port is tried again.
const REBIND_EVERY: Duration = Duration::from_millis(50);

/// What answers on a server's ports.
#[derive(Debug)]
pub struct Front {
    /// The server's short name, such as `EX01`.
    pub name: String,
    /// The shells that were made here.
    pub shells: Shells,
    /// Who may sign in, and how.
    pub gate: Gate,
    /// What TLS shows.
    pub tls: Tls,
    /// How the wire is limited.
    pub wire: Wire,
    /// Where phones call, on https.
    pub phones: Option<eas::Front>,
    /// The port of https.
    pub https_port: u16,
    /// How many bytes were sent to clients since the fault that counts them was set.
    sent_bytes: AtomicU64,
    /// Tells when that fault strikes.
    struck: Notify,
}

/// The ports of a server.
#[derive(Debug)]
pub struct Ports {
    /// Https.
    pub secure: TcpListener,
    /// Plain http, where there is one.
    pub plain: Option<TcpListener>,
}

impl Front {
    /// A server with nothing sent yet.
    pub fn new(name: String, shells: Shells, gate: Gate, tls: Tls, wire: Wire) -> Self {
        let (sent_bytes, struck) = (AtomicU64::new(0), Notify::new());
        Self { name, shells, gate, tls, wire, phones: None, https_port: 0, sent_bytes, struck }
    }

    /// The same with a front for phones.
    pub fn with_phones(self, phones: eas::Front) -> Self {
        Self { phones: Some(phones), ..self }
    }

    /// Whether its engine is newer than 2010's.
    pub(super) fn is_modern(&self) -> bool {
        self.shells.live().read(|world| world.blueprint.version.is_modern())
    }
}

/// Serves a server's ports until told to stop; while a fault says that the server is down, nobody listens
/// there and its shells are gone.
pub async fn serve(front: Arc<Front>, ports: Ports, tasks: Tasks) -> std::io::Result<()> {
    let secure_at = ports.secure.local_addr()?;
    let plain_at = ports.plain.as_ref().map(TcpListener::local_addr).transpose()?;
    let mut faults = front.shells.live().watch_faults();
    let mut ports = Some(ports);
    loop {
        let connections = tasks.child("connections");
        if let Some(ports) = ports.take() {
            tokio::select! {
                () = tasks.stopped() => return Ok(()),
                _ = faults.wait_for(|faults| faults.stops(&front.name)) => {}
                () = front.struck.notified() => {}
                () = accept(&front, &ports.secure, true, &connections) => {}
                () = accept_plain(&front, ports.plain.as_ref(), &connections) => {}
            }
        }
        connections.cancel();
        front.shells.end_all();
        let is_up =
            |faults: &Faults| !faults.stops(&front.name) && faults.stops_in(&front.name).is_none();
        tokio::select! {
            () = tasks.stopped() => return Ok(()),
            _ = faults.wait_for(is_up) => {}
        }
        front.sent_bytes.store(0, Ordering::Relaxed);
        let plain = match plain_at {
            Some(address) => Some(rebind(address).await),
            None => None,
        };
        ports = Some(Ports { secure: rebind(secure_at).await, plain });
    }
}

async fn rebind(address: SocketAddr) -> TcpListener {
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return listener,
            Err(error) => {
                tracing::warn!(error = report(&error), "port could not be taken again");
                tokio::time::sleep(REBIND_EVERY).await;
            }
        }
    }
}

async fn accept_plain(front: &Arc<Front>, listener: Option<&TcpListener>, connections: &Tasks) {
    match listener {
        Some(listener) => accept(front, listener, false, connections).await,
        None => std::future::pending().await,
    }
}

async fn accept(front: &Arc<Front>, listener: &TcpListener, is_secure: bool, connections: &Tasks) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let front = Arc::clone(front);
                let stopped = connections.stopped();
                connections.spawn("connection", async move {
                    tokio::select! {
                        () = stopped => {}
                        () = connection(front, stream, is_secure) => {}
                    }
                });
            }
            Err(error) => {
                tracing::warn!(error = report(&error), "connection could not be accepted");
                tokio::time::sleep(REBIND_EVERY).await;
            }
        }
    }
}

async fn connection(front: Arc<Front>, stream: TcpStream, is_secure: bool) {
    let faults = front.shells.live().watch_faults();
    let stream = Cut { stream, sent_bytes: 0, watched: None, faults, front: Arc::clone(&front) };
    if !is_secure {
        return converse(&front, Channel::Plain, stream).await;
    }
    let handshake = TlsAcceptor::from(Arc::clone(&front.tls.config)).accept(stream);
    let stream = match tokio::time::timeout(HANDSHAKE_MAX, handshake).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            tracing::debug!(error = report(&error), "handshake failed");
            return;
        }
        Err(_) => return,
    };
    let (_, session) = stream.get_ref();
    let shown = session.peer_certificates().and_then(|chain| chain.first());
    let client = shown.map(|certificate| certificate.clone().into_owned());
    let end_point = Arc::clone(&front.tls.end_point);
    converse(&front, Channel::Tls { end_point, client }, stream).await;
}

async fn converse<S>(front: &Front, channel: Channel, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let conversation = Conversation::new(front, channel);
    let service = service_fn(|request| conversation.respond(request));
    let served = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(error = report(&error), "connection ended early");
    }
}

/// A connection that ends after as many bytes to the client as a fault says, its own or its server's.
struct Cut {
    stream: TcpStream,
    sent_bytes: u64,
    watched: Option<Watched>,
    faults: watch::Receiver<Faults>,
    front: Arc<Front>,
}

/// A fault that may cut this connection.
#[derive(Clone, Copy)]
struct Watched {
    /// After how many bytes.
    bytes: u64,
    /// How many were sent when it began to concern this connection.
    from: u64,
    /// It was the connection's turn, and it was not hit.
    is_spared: bool,
}

impl Cut {
    /// How many bytes a scripted fault leaves to the connection.
    fn room(&mut self) -> u64 {
        if self.faults.borrow().script.is_empty() {
            return u64::MAX;
        }
        let cmdlet = self.front.shells.last_cmdlet();
        let site = Site { cmdlet: &cmdlet, server: &self.front.name };
        let limit = self.faults.borrow().cuts_after(&site);
        let Some(bytes) = limit else {
            self.watched = None;
            return u64::MAX;
        };
        let fresh = Watched { bytes, from: self.sent_bytes, is_spared: false };
        let watched =
            *self.watched.insert(self.watched.filter(|it| it.bytes == bytes).unwrap_or(fresh));
        if watched.is_spared {
            return u64::MAX;
        }
        let room = (watched.from + bytes).saturating_sub(self.sent_bytes);
        let is_drop = |kind: &Kind| matches!(kind, Kind::DropConnection { .. });
        if room == 0 && self.front.shells.live().strikes(&site, is_drop).is_none() {
            self.watched = Some(Watched { is_spared: true, ..watched });
            return u64::MAX;
        }
        room
    }
}

impl AsyncRead for Cut {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Cut {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let scripted = self.room();
        let (own, whole) = {
            let faults = self.faults.borrow();
            let midway = faults.stops_in(&self.front.name);
            let counts = |midway: &&Midway| self.front.shells.runs(&midway.cmdlet);
            (faults.drop_connection_after_bytes, midway.filter(counts).map(|it| it.bytes))
        };
        let room = own.map_or(u64::MAX, |limit| limit.saturating_sub(self.sent_bytes));
        let sent_bytes = self.front.sent_bytes.load(Ordering::Relaxed);
        let left = whole.map_or(u64::MAX, |limit| limit.saturating_sub(sent_bytes));
        if left == 0 {
            self.front.struck.notify_one();
        }
        let room = room.min(left).min(scripted);
        if room == 0 {
            return Poll::Ready(Err(std::io::ErrorKind::ConnectionReset.into()));
        }
        let length = bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX));
        let written =
            Pin::new(&mut self.stream).poll_write(context, bytes.get(..length).unwrap_or(bytes));
        if let Poll::Ready(Ok(count)) = &written {
            self.sent_bytes += *count as u64;
            if whole.is_some() {
                self.front.sent_bytes.fetch_add(*count as u64, Ordering::Relaxed);
            }
        }
        written
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
