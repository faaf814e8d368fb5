//! Whether a server answers at all, without signing in: one request for the page that Exchange's own
//! load balancing asks for. Any answer but "out of order" counts, a refusal included.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;

use crate::http::connection::{Transport, USER_AGENT};
use crate::http::{HttpError, trust};

/// How long a probe may take altogether.
const PROBE_LIMIT: Duration = Duration::from_secs(15);
/// The page below the virtual directory that says whether its service is up (2013 and later).
const PAGE: &str = "healthcheck.htm";

impl Transport {
    /// Asks whether the server answers. Nothing of the account goes out.
    ///
    /// # Errors
    /// When it cannot be reached, is not trusted, or says that it is out of order (502, 503, 504).
    pub async fn probe(&self) -> Result<(), HttpError> {
        let host = || self.endpoint().host().to_owned();
        let probing = timeout(PROBE_LIMIT, self.try_probe());
        probing
            .await
            .unwrap_or_else(|_| Err(HttpError::TimedOut { host: host(), limit: PROBE_LIMIT }))
    }

    async fn try_probe(&self) -> Result<(), HttpError> {
        let endpoint = self.endpoint();
        let stream = self.route().connect(endpoint).await?;
        if !endpoint.is_secure() {
            return self.ask(stream).await;
        }
        let failed = |source| trust::failure(endpoint.host(), self.route(), source);
        let name = ServerName::try_from(endpoint.bare_host().to_owned())
            .map_err(|error| failed(std::io::Error::other(error)))?;
        let connector = TlsConnector::from(Arc::clone(self.tls()));
        self.ask(connector.connect(name, stream).await.map_err(failed)?).await
    }

    async fn ask<S>(&self, stream: S) -> Result<(), HttpError>
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
        let status =
            answer.map_err(|source| HttpError::Interrupted { host: host(), source })?.status();
        match status {
            StatusCode::SERVICE_UNAVAILABLE => {
                Err(HttpError::Unavailable { host: host(), retry_after: None })
            }
            StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => {
                Err(HttpError::Status { host: host(), status: status.as_u16() })
            }
            _ => Ok(()),
        }
    }
}
