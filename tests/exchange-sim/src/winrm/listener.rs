//! Owns an organization's port: TLS, HTTP with keep-alive, sign-in, and connections cut on purpose.
//!
//! Invariant: nothing of an organization is told before the account signed in.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE as TYPE, HeaderName, HeaderValue, SET_COOKIE, WWW_AUTHENTICATE};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio_rustls::TlsAcceptor;

use exgate_exchange::wsman::CONTENT_TYPE;
use exgate_runtime::{Tasks, report};

use super::authentication::sign_in;
use super::shells::Shells;
use super::soap::{self, NoAnswer};
use crate::faults::{Faults, Midway};
use crate::settings::Account;

/// `uploadReadAheadSize` of 2016 and 2019.
const REQUEST_BYTES_MAX: usize = 512_000;
/// How long a client may take for its TLS handshake.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// How long to wait before a port is tried again.
const REBIND_EVERY: Duration = Duration::from_millis(50);

/// What answers on a port.
#[derive(Debug)]
pub struct Front {
    /// The server's short name, such as `EX01`.
    pub name: String,
    /// The shells that were made here.
    pub shells: Shells,
    /// Who may sign in.
    pub accounts: Vec<Account>,
    /// What TLS shows.
    pub tls: Arc<ServerConfig>,
    /// How many bytes were sent to clients since the fault that counts them was set.
    sent_bytes: AtomicU64,
    /// Tells when that fault strikes.
    struck: Notify,
}

impl Front {
    /// A server with nothing sent yet.
    pub fn new(
        name: String,
        shells: Shells,
        accounts: Vec<Account>,
        tls: Arc<ServerConfig>,
    ) -> Self {
        let (sent_bytes, struck) = (AtomicU64::new(0), Notify::new());
        Self { name, shells, accounts, tls, sent_bytes, struck }
    }
}

/// Serves a port until told to stop; while a fault says that the server is down, nobody listens there and
/// its shells are gone.
pub async fn serve(front: Arc<Front>, listener: TcpListener, tasks: Tasks) -> std::io::Result<()> {
    let address = listener.local_addr()?;
    let mut faults = front.shells.live().watch_faults();
    let mut listener = Some(listener);
    loop {
        let connections = tasks.child("connections");
        if let Some(listener) = listener.take() {
            tokio::select! {
                () = tasks.stopped() => return Ok(()),
                _ = faults.wait_for(|faults| faults.stops(&front.name)) => {}
                () = front.struck.notified() => {}
                () = accept(&front, &listener, &connections) => {}
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
        listener = Some(rebind(address).await);
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

async fn accept(front: &Arc<Front>, listener: &TcpListener, connections: &Tasks) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let front = Arc::clone(front);
                let stopped = connections.stopped();
                connections.spawn("connection", async move {
                    tokio::select! {
                        () = stopped => {}
                        () = connection(front, stream) => {}
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

async fn connection(front: Arc<Front>, stream: TcpStream) {
    let faults = front.shells.live().watch_faults();
    let stream = Cut { stream, sent_bytes: 0, faults, front: Arc::clone(&front) };
    let handshake = TlsAcceptor::from(Arc::clone(&front.tls)).accept(stream);
    let stream = match tokio::time::timeout(HANDSHAKE_MAX, handshake).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            tracing::debug!(error = report(&error), "handshake failed");
            return;
        }
        Err(_) => return,
    };
    let service = service_fn(|request| respond(&front, request));
    let served = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(error = report(&error), "connection ended early");
    }
}

async fn respond(
    front: &Front,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, NoAnswer> {
    let path = request.uri().path().trim_end_matches('/').to_ascii_lowercase();
    if path == "/powershell/healthcheck.htm" && request.method() == Method::GET {
        return Ok(plain(StatusCode::OK, "200 OK"));
    }
    if path != "/powershell" {
        return Ok(plain(StatusCode::NOT_FOUND, "there is nothing here"));
    }
    let Some(account) = sign_in(request.headers(), &front.accounts) else {
        let mut response = plain(StatusCode::UNAUTHORIZED, "");
        let realm = front.shells.live().read(|world| world.blueprint.server_fqdn());
        if let Ok(value) = HeaderValue::from_str(&format!("Basic realm=\"{realm}\"")) {
            response.headers_mut().insert(WWW_AUTHENTICATE, value);
        }
        return Ok(response);
    };
    if request.method() != Method::POST {
        return Ok(plain(StatusCode::METHOD_NOT_ALLOWED, "only POST"));
    }
    let body = match Limited::new(request.into_body(), REQUEST_BYTES_MAX).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE, "request is too large"));
        }
        Err(_) => return Ok(plain(StatusCode::BAD_REQUEST, "request ended early")),
    };
    match soap::answer(&front.shells, account, &body).await {
        Ok(answer) => Ok(envelope(answer, &front.name)),
        Err(NoAnswer::Lost) => Err(NoAnswer::Lost),
        Err(unreadable) => Ok(plain(StatusCode::BAD_REQUEST, &report(&unreadable))),
    }
}

fn envelope(answer: soap::Answer, server: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(answer.body)));
    if answer.is_fault {
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    }
    let headers = response.headers_mut();
    headers.insert(TYPE, HeaderValue::from_static(CONTENT_TYPE));
    let mut put = |name: HeaderName, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.append(name, value);
        }
    };
    put(HeaderName::from_static("x-feserver"), server.to_owned());
    put(SET_COOKIE, format!("X-BackEndCookie={server}; path=/PowerShell; secure; HttpOnly"));
    put(SET_COOKIE, format!("MS-WSMAN={server}; path=/PowerShell"));
    response
}

fn plain(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::copy_from_slice(text.as_bytes())));
    *response.status_mut() = status;
    response.headers_mut().insert(TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// A connection that ends after as many bytes to the client as a fault says, its own or its server's.
struct Cut {
    stream: TcpStream,
    sent_bytes: u64,
    faults: watch::Receiver<Faults>,
    front: Arc<Front>,
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
        let room = room.min(left);
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
