//! One TCP connection, with TLS on it or signed in and sealed, used for one request at a time. It is not
//! reopened by itself: whoever owns it decides whether a request may be said twice.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;

use crate::http::seal::{Seal, is_sealed};
use crate::http::{
    Authentication, Cookies, Endpoint, EndpointError, HostPatterns, HttpError, RedirectError,
    SharedRoute, SignInError, TrustAnchors, TrustError, redirect, trust,
};

/// How long resolving, connecting and the TLS handshake may take together.
const CONNECT_LIMIT: Duration = Duration::from_secs(15);
/// How long signing in may take, with every Kerberos server asked in turn.
const SIGN_IN_LIMIT: Duration = Duration::from_secs(60);
/// The largest answer that is held. Servers answer within MaxEnvelopeSize (512,000 bytes asked
/// for); the rest is tolerance.
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;
/// The header under which SOAP 1.2 travels in WS-Management ([RFC 3902]).
const SOAP: HeaderValue = HeaderValue::from_static("application/soap+xml;charset=UTF-8");
/// What this client calls itself; operators put it on `EwsAllowList` (cmdlet page `Set-CASMailbox`)
/// and the like, so it is stable but for the version.
pub(super) const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("exgate/", env!("CARGO_PKG_VERSION")));

/// Everything that is needed to open connections to one server in one account's name.
#[derive(Debug, Clone)]
pub struct Transport {
    endpoint: Endpoint,
    authentication: Authentication,
    tls: Arc<ClientConfig>,
    route: SharedRoute,
    redirect_hosts: Arc<HostPatterns>,
}

/// Why connections to a server cannot even be tried.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The scheme would send the password in clear.
    #[error(
        "{scheme} over plain http would show the password to the network; use https for {endpoint}"
    )]
    PlainText {
        /// The scheme.
        scheme: &'static str,
        /// The address.
        endpoint: Endpoint,
    },
    /// The name can stand in no certificate.
    #[error("'{host}' is no name that a certificate can carry")]
    Name {
        /// The name.
        host: String,
    },
    /// There is nothing to check the server's certificate against.
    #[error("cannot check the certificate of {endpoint}")]
    Trust {
        /// The address.
        endpoint: Endpoint,
        /// Why not.
        source: TrustError,
    },
}

impl Transport {
    /// Checks that the account's secret would be safe on the way, and loads what the server's
    /// certificate is checked against.
    pub fn new(
        endpoint: Endpoint,
        authentication: Authentication,
        anchors: &TrustAnchors,
    ) -> Result<Self, TransportError> {
        if !endpoint.is_secure() && !authentication.allows_plain_http() {
            return Err(TransportError::PlainText { scheme: authentication.scheme(), endpoint });
        }
        if ServerName::try_from(endpoint.bare_host()).is_err() {
            return Err(TransportError::Name { host: endpoint.host().to_owned() });
        }
        match anchors.client_config(authentication.certificate()) {
            Ok(tls) => Ok(Self {
                endpoint,
                authentication,
                tls,
                route: SharedRoute::default(),
                redirect_hosts: Arc::default(),
            }),
            Err(source) => Err(TransportError::Trust { endpoint, source }),
        }
    }

    /// Takes this way to the server instead of the straight one.
    #[must_use]
    pub fn with_route(mut self, route: SharedRoute) -> Self {
        self.route = route;
        self
    }

    /// Lets the server send us on to these hosts; none by default.
    #[must_use]
    pub fn with_redirect_hosts(mut self, hosts: HostPatterns) -> Self {
        self.redirect_hosts = Arc::new(hosts);
        self
    }

    /// The same account, trust, way, port and path at another server.
    pub fn at_host(&self, host: &str) -> Result<Self, TransportError> {
        let name = || TransportError::Name { host: host.to_owned() };
        let endpoint = self.endpoint.at_host(host).map_err(|_: EndpointError| name())?;
        if ServerName::try_from(endpoint.bare_host()).is_err() {
            return Err(name());
        }
        Ok(Self { endpoint, ..self.clone() })
    }

    /// The same account and trust where a server of ours sends us, if we may go there.
    pub(crate) fn redirected(&self, location: &str) -> Result<Self, RedirectError> {
        let endpoint = redirect::target(&self.endpoint, location, &self.redirect_hosts)?;
        Ok(Self { endpoint, ..self.clone() })
    }

    /// The way to the server, which can be changed while connections are open.
    pub fn route(&self) -> &SharedRoute {
        &self.route
    }

    /// The server's address.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// What TLS checks and shows.
    pub(super) fn tls(&self) -> &Arc<ClientConfig> {
        &self.tls
    }

    /// The account that signs in.
    pub fn account(&self) -> &str {
        self.authentication.account()
    }
}

/// One connection to one server.
#[derive(Debug)]
pub struct Connection {
    transport: Transport,
    cookies: Cookies,
    sender: SendRequest<Full<Bytes>>,
    state: State,
    _driver: AbortOnDropHandle<()>,
}

/// What a connection has beside its bytes.
#[derive(Debug)]
enum State {
    /// Each request proves the account, or TLS did.
    Stateless,
    /// The connection is signed in, inside TLS.
    SignedIn,
    /// The connection is signed in, and every body is sealed.
    Sealed(Box<Seal>),
}

/// An answer that WS-Management speaks in: 200, or 500 with a fault in its body (as pypsrp reads it).
#[derive(Debug)]
pub struct Answer {
    /// Whether the status was 200.
    pub success: bool,
    /// The SOAP envelope.
    pub body: Bytes,
    /// The front end that took the request, as `X-FEServer` names it (a response header in the
    /// configuration of 2016 and 2019 servers).
    pub front_end: Option<String>,
}

impl Connection {
    /// Resolves, connects, shakes hands and signs in.
    pub async fn open(transport: &Transport, cookies: Cookies) -> Result<Self, HttpError> {
        let host = || transport.endpoint.host().to_owned();
        let opening = timeout(CONNECT_LIMIT, Self::dial(transport, cookies)).await;
        let (mut opened, certificate) = opening.map_err(|_| HttpError::ConnectTimedOut {
            host: host(),
            port: transport.endpoint.port(),
            limit: CONNECT_LIMIT,
        })??;
        let signing_in = Box::pin(opened.sign_in(certificate.as_ref()));
        let limit = SIGN_IN_LIMIT;
        let signed_in = timeout(limit, signing_in).await;
        signed_in.map_err(|_| HttpError::TimedOut { host: host(), limit })??;
        Ok(opened)
    }

    /// A connection that is not signed in yet, and the server's certificate.
    async fn dial(
        transport: &Transport,
        cookies: Cookies,
    ) -> Result<(Self, Option<CertificateDer<'static>>), HttpError> {
        let endpoint = &transport.endpoint;
        let stream = transport.route.connect(endpoint).await?;
        if !endpoint.is_secure() {
            return Ok((Self::over(stream, transport, cookies).await?, None));
        }
        let tls_error = |source| trust::failure(endpoint.host(), &transport.route, source);
        let name = ServerName::try_from(endpoint.bare_host().to_owned())
            .map_err(|error| tls_error(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
        let connector = TlsConnector::from(Arc::clone(&transport.tls));
        let stream = connector.connect(name, stream).await.map_err(tls_error)?;
        let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let certificate = chain.first().map(|leaf| leaf.clone().into_owned());
        Ok((Self::over(stream, transport, cookies).await?, certificate))
    }

    async fn over(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        transport: &Transport,
        cookies: Cookies,
    ) -> Result<Self, HttpError> {
        let (sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|source| HttpError::NotSent {
                host: transport.endpoint.host().to_owned(),
                source,
            })?;
        #[expect(
            clippy::disallowed_methods,
            reason = "the library knows no Tasks; the handle is owned by the connection and aborts on drop"
        )]
        let driver = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error = %error, "connection to exchange ended");
            }
        });
        Ok(Self {
            transport: transport.clone(),
            cookies,
            sender,
            state: State::Stateless,
            _driver: AbortOnDropHandle::new(driver),
        })
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.transport.endpoint
    }

    pub(super) fn authentication(&self) -> &Authentication {
        &self.transport.authentication
    }

    /// From here on the connection speaks for its account; over plain http, under this seal.
    pub(super) fn signed_in(&mut self, seal: Seal) {
        self.state = if self.transport.endpoint.is_secure() {
            State::SignedIn
        } else {
            State::Sealed(Box::new(seal))
        };
    }

    /// Whether the server (or a failed request) has closed the connection.
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Posts one SOAP envelope and waits for the answer. Dropping the future loses the answer and,
    /// with it, the connection; so does an error.
    pub async fn post(
        &mut self,
        query: &str,
        envelope: Bytes,
        limit: Duration,
    ) -> Result<Answer, HttpError> {
        let host = self.transport.endpoint.host().to_owned();
        match timeout(limit, self.exchange(query, envelope)).await {
            Ok(answer) => answer,
            Err(_) => Err(HttpError::TimedOut { host, limit }),
        }
    }

    async fn exchange(&mut self, query: &str, envelope: Bytes) -> Result<Answer, HttpError> {
        let body = match &mut self.state {
            State::Stateless | State::SignedIn => envelope.clone(),
            State::Sealed(seal) => seal.seal(&envelope).map_err(|source| self.broken(source))?,
        };
        let request = self.request(query, body, self.transport.authentication.header())?;
        let response = self.send(request).await?;
        self.check(&response)?;
        let success = response.status() == StatusCode::OK;
        let front_end = text(response.headers(), "x-feserver");
        let content_type = text(response.headers(), "content-type").unwrap_or_default();
        let mut body = collect(response, &self.transport.endpoint).await?;
        if let State::Sealed(seal) = &mut self.state {
            // An error page of the web server itself, which knows no seal.
            if !success && !is_sealed(&content_type) {
                let host = self.transport.endpoint.host().to_owned();
                return Err(HttpError::Status { host, status: 500 });
            }
            let opened = seal.unseal(&content_type, body, &envelope);
            body = opened.map_err(|source| self.broken(source))?.into();
        }
        Ok(Answer { success, body: body.freeze(), front_end })
    }

    fn broken(&self, source: SignInError) -> HttpError {
        HttpError::SignIn { host: self.transport.endpoint.host().to_owned(), source }
    }

    /// Sends one request and waits for the head of its answer.
    pub(super) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, HttpError> {
        let host = || self.transport.endpoint.host().to_owned();
        self.sender.ready().await.map_err(|source| HttpError::NotSent { host: host(), source })?;
        let response = self.sender.try_send_request(request).await.map_err(|mut failed| {
            let unsent = failed.take_message().is_some();
            let source = failed.into_error();
            if unsent {
                HttpError::NotSent { host: host(), source }
            } else {
                HttpError::Interrupted { host: host(), source }
            }
        })?;
        self.cookies.take(response.headers());
        Ok(response)
    }

    /// Reads an answer to its end, so that the next request can go out.
    pub(super) async fn read_out(&self, response: Response<Incoming>) -> Result<(), HttpError> {
        collect(response, &self.transport.endpoint).await.map(drop)
    }

    pub(super) fn request(
        &self,
        query: &str,
        body: Bytes,
        authorization: Option<HeaderValue>,
    ) -> Result<Request<Full<Bytes>>, HttpError> {
        let endpoint = &self.transport.endpoint;
        let target = if query.is_empty() {
            endpoint.path().to_owned()
        } else {
            format!("{}?{query}", endpoint.path())
        };
        let content_type = match &self.state {
            State::Stateless | State::SignedIn => SOAP,
            State::Sealed(seal) => seal.content_type(),
        };
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(target)
            .header(header::HOST, endpoint.authority())
            .header(header::USER_AGENT, USER_AGENT)
            .header(header::CONTENT_TYPE, content_type)
            .header(header::CONTENT_LENGTH, body.len());
        if let Some(value) = authorization {
            request = request.header(header::AUTHORIZATION, value);
        }
        if let Some(value) = self.cookies.header() {
            request = request.header(header::COOKIE, value);
        }
        request
            .body(Full::new(body))
            .map_err(|source| HttpError::Request { host: endpoint.host().to_owned(), source })
    }

    /// Turns every status that carries no SOAP into its own error.
    pub(super) fn check(&self, response: &Response<Incoming>) -> Result<(), HttpError> {
        let (status, headers) = (response.status(), response.headers());
        let host = self.transport.endpoint.host().to_owned();
        let account = self.transport.account().to_owned();
        match status {
            StatusCode::OK | StatusCode::INTERNAL_SERVER_ERROR => Ok(()),
            StatusCode::UNAUTHORIZED if !matches!(self.state, State::Stateless) => {
                Err(HttpError::SignedOut { host, account })
            }
            StatusCode::UNAUTHORIZED => Err(HttpError::Unauthorized {
                host,
                account,
                scheme: self.transport.authentication.scheme(),
                offered: schemes(headers, header::WWW_AUTHENTICATE),
            }),
            StatusCode::FORBIDDEN => Err(HttpError::Forbidden { host, account }),
            StatusCode::SERVICE_UNAVAILABLE => Err(HttpError::Unavailable {
                host,
                retry_after: text(headers, "retry-after")
                    .and_then(|seconds| seconds.parse().ok())
                    .map(Duration::from_secs),
            }),
            status if status.is_redirection() => Err(HttpError::Redirected {
                host,
                status: status.as_u16(),
                location: text(headers, "location").unwrap_or_default(),
            }),
            status => Err(HttpError::Status { host, status: status.as_u16() }),
        }
    }
}

async fn collect(response: Response<Incoming>, endpoint: &Endpoint) -> Result<BytesMut, HttpError> {
    let host = || endpoint.host().to_owned();
    let too_large = || HttpError::TooLarge { host: host(), limit_bytes: ANSWER_BYTES_MAX };
    let mut body = response.into_body();
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > ANSWER_BYTES_MAX {
        return Err(too_large());
    }
    let mut bytes = BytesMut::with_capacity(announced);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|source| HttpError::Interrupted { host: host(), source })?;
        if let Some(piece) = frame.data_ref() {
            if bytes.len() + piece.len() > ANSWER_BYTES_MAX {
                return Err(too_large());
            }
            bytes.extend_from_slice(piece);
        }
    }
    Ok(bytes)
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// The schemes of all headers of that name, without their parameters ([RFC 9110] 11.6.1, 11.7.1).
pub(super) fn schemes(headers: &HeaderMap, name: header::HeaderName) -> String {
    let schemes: Vec<&str> = headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok()?.split_whitespace().next())
        .collect();
    if schemes.is_empty() { "nothing".to_owned() } else { schemes.join(", ") }
}

#[cfg(test)]
mod tests;
