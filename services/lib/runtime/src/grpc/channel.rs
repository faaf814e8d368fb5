//! Owns a gRPC channel: lazy, kept alive, and with the trace context in every request.

use std::{
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::BoxFuture;
use http::{Request, Response};
use tonic::{Code, body::Body, transport};
use tower::Service;
use tracing::Instrument;

use super::{
    KEEPALIVE, KEEPALIVE_TIMEOUT,
    call::{Durations, Recorded, Side},
};
use crate::{listen::Endpoint, telemetry};

/// How long a connection may take to come up.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A channel to one server, for generated clients; cheap to clone.
///
/// It connects when it is first used, and again after it lost its server. It sets no deadline:
/// each call that must not wait for ever says so with `tonic::Request::set_timeout`.
#[derive(Clone, Debug)]
pub struct Channel {
    inner: transport::Channel,
    server: (String, u16),
    durations: Durations,
}

impl Channel {
    /// A channel to `endpoint`; must be called inside a tokio runtime.
    #[must_use]
    pub fn new(endpoint: &Endpoint) -> Self {
        Self::patient(endpoint, KEEPALIVE_TIMEOUT)
    }

    /// A channel that gives its server this long to answer a probe: for callers whose own deadlines are
    /// to end their calls.
    #[must_use]
    pub fn patient(endpoint: &Endpoint, silence: Duration) -> Self {
        let inner = transport::Endpoint::from(endpoint.uri().clone())
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(KEEPALIVE)
            .keep_alive_timeout(silence)
            .keep_alive_while_idle(true)
            .connect_lazy();
        let server = (endpoint.host().to_owned(), endpoint.port());
        Self { inner, server, durations: Durations::new(Side::Client) }
    }
}

impl Service<Request<Body>> for Channel {
    type Response = Response<Body>;
    type Error = transport::Error;
    type Future = BoxFuture<'static, Result<Response<Body>, transport::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), transport::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let method = request.uri().path().trim_start_matches('/').into();
        let server = Some(self.server.clone());
        let mut call = self.durations.begin(method, server, request.headers());
        telemetry::inject(call.span(), request.headers_mut());
        let answer = self.inner.call(request).instrument(call.span().clone());
        Box::pin(async move {
            match answer.await {
                Ok(response) => {
                    call.read(response.headers());
                    Ok(response.map(|body| Body::new(Recorded::new(body, call))))
                }
                Err(error) => {
                    call.end(Code::Unavailable);
                    Err(error)
                }
            }
        })
    }
}
