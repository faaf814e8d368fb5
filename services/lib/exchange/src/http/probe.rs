//! Whether a server answers at all, without signing in: one request for the page that Exchange's own
//! load balancing asks for. Any answer but "out of order" counts, a refusal included.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

use crate::http::connection::{Transport, USER_AGENT};
use crate::http::{HttpError, trust};

/// How long a probe may take altogether.
const PROBE_LIMIT: Duration = Duration::from_secs(15);
/// The longest name of a certificate that is shown.
const NAME_CHARS_MAX: usize = 200;
/// The page below the virtual directory that says whether its service is up: Managed Availability's,
/// 2013 and later. That PowerShell's directory has one is unverified; its absence is an answer too.
const PAGE: &str = "healthcheck.htm";

/// What a server shows before anybody signs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its certificate, which was checked; `None` over plain http.
    pub certificate: Option<ServerCertificate>,
    /// The time by its clock, in whole seconds ([RFC 9110] 6.6.1).
    ///
    /// [RFC 9110]: https://www.rfc-editor.org/rfc/rfc9110
    pub date: Option<Timestamp>,
}

/// What a certificate says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerCertificate {
    /// Whom it is for.
    pub subject: String,
    /// Who says so.
    pub issuer: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl ServerCertificate {
    fn read(certificate: &[u8]) -> Option<Self> {
        let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
        let shown = |name: String| {
            name.chars().filter(|char| !char.is_control()).take(NAME_CHARS_MAX).collect()
        };
        Some(Self {
            subject: shown(parsed.subject().to_string()),
            issuer: shown(parsed.issuer().to_string()),
            expires_at: Timestamp::from_second(parsed.validity().not_after.timestamp()).ok()?,
        })
    }
}

impl Transport {
    /// Asks whether the server answers. Nothing of the account goes out.
    ///
    /// # Errors
    /// When it cannot be reached, is not trusted, or says that it is out of order (502, 503, 504).
    pub async fn probe(&self) -> Result<(), HttpError> {
        self.inspect().await.map(|_| ())
    }

    /// As [`Transport::probe`], and says what the server showed of itself meanwhile.
    ///
    /// # Errors
    /// As [`Transport::probe`].
    pub async fn inspect(&self) -> Result<Shown, HttpError> {
        let host = || self.endpoint().host().to_owned();
        let probing = timeout(PROBE_LIMIT, self.try_inspect());
        probing
            .await
            .unwrap_or_else(|_| Err(HttpError::TimedOut { host: host(), limit: PROBE_LIMIT }))
    }

    async fn try_inspect(&self) -> Result<Shown, HttpError> {
        let endpoint = self.endpoint();
        let stream = self.route().connect(endpoint).await?;
        if !endpoint.is_secure() {
            let date = self.ask(stream).await?;
            return Ok(Shown { certificate: None, date });
        }
        let failed = |source| trust::failure(endpoint.host(), self.route(), source);
        let name = ServerName::try_from(endpoint.bare_host().to_owned())
            .map_err(|error| failed(std::io::Error::other(error)))?;
        let connector = TlsConnector::from(Arc::clone(self.tls()));
        let stream = connector.connect(name, stream).await.map_err(failed)?;
        let (_, tls) = stream.get_ref();
        let presented = tls.peer_certificates().and_then(<[_]>::first);
        let certificate = presented.and_then(|held| ServerCertificate::read(held));
        let date = self.ask(stream).await?;
        Ok(Shown { certificate, date })
    }

    /// Asks, and returns the time by the server's clock.
    async fn ask<S>(&self, stream: S) -> Result<Option<Timestamp>, HttpError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let host = || self.endpoint().host().to_owned();
        let unsent = |source| HttpError::NotSent { host: host(), source };
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(unsent)?;
        #[expect(
            clippy::disallowed_methods,
            reason = "the library knows no Tasks; the handle is owned by this call and aborts on drop"
        )]
        let _driver = AbortOnDropHandle::new(tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error = %error, "probe ended early");
            }
        }));
        let folder = self.endpoint().path().trim_end_matches('/');
        let request = Request::builder()
            .method(Method::GET)
            .uri(format!("{folder}/{PAGE}"))
            .header(header::HOST, self.endpoint().authority())
            .header(header::USER_AGENT, USER_AGENT)
            .body(Empty::<Bytes>::new())
            .map_err(|source| HttpError::Request { host: host(), source })?;
        let answer = sender.send_request(request).await;
        let answer = answer.map_err(|source| HttpError::Interrupted { host: host(), source })?;
        let date = answer.headers().get(header::DATE).and_then(|date| date.to_str().ok());
        let date = date.and_then(|date| rfc2822::parse(date).ok());
        match answer.status() {
            StatusCode::SERVICE_UNAVAILABLE => {
                Err(HttpError::Unavailable { host: host(), retry_after: None })
            }
            StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => {
                Err(HttpError::Status { host: host(), status: answer.status().as_u16() })
            }
            _ => Ok(date.map(|date| date.timestamp())),
        }
    }
}
