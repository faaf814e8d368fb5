//! Owns a gRPC server: the services it is given, health and reflection, and the layers around
//! all of them.

use std::{
    convert::Infallible,
    future::Future,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::BoxFuture;
use http::{Request, Response};
use tokio::net::TcpListener;
use tonic::{
    Code,
    body::Body,
    server::NamedService,
    service::{Routes, RoutesBuilder},
    transport::server::{TcpConnectInfo, TcpIncoming},
};
use tonic_health::ServingStatus;
use tower::{Layer, Service};
use tracing::Instrument;

use super::{
    DEADLINE, KEEPALIVE, KEEPALIVE_TIMEOUT,
    call::{Durations, Recorded, Side},
    guard::Guard,
    methods::Methods,
};
use crate::telemetry;

/// A server that is being put together.
#[derive(Debug)]
pub struct Server {
    descriptors: &'static [u8],
    routes: RoutesBuilder,
    services: Vec<&'static str>,
    deadline: Duration,
}

/// Why a server ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The descriptor set is not one.
    #[error("cannot read the descriptors of the services")]
    Descriptors(#[from] prost::DecodeError),
    /// Reflection refused the descriptors.
    #[error("cannot describe the services")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The transport failed.
    #[error("cannot serve gRPC")]
    Transport(#[from] tonic::transport::Error),
}

impl Server {
    /// A server of services that an encoded `FileDescriptorSet` describes.
    #[must_use]
    pub fn new(descriptors: &'static [u8]) -> Self {
        Self { descriptors, routes: Routes::builder(), services: Vec::new(), deadline: DEADLINE }
    }

    /// Adds a generated service.
    #[must_use]
    pub fn service<S>(mut self, service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        self.routes.add_service(service);
        self.services.push(S::NAME);
        self
    }

    /// Changes how long a handler may take to answer. A caller that streams sets its own pace:
    /// only the caller's deadline holds there, and a stream of answers may go on for ever.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Answers calls on `listener` until `stop`, then lets those under way end.
    ///
    /// A stream of answers ends by itself only when its handler watches the same `stop`.
    ///
    /// # Errors
    /// When the descriptors are wrong or the transport fails.
    pub async fn serve(
        mut self,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<(), ServeError> {
        let health_set = tonic_health::pb::FILE_DESCRIPTOR_SET;
        let v1_set = tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET;
        let v1alpha_set = tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET;
        let methods = Methods::read(&[self.descriptors, health_set, v1_set, v1alpha_set])?;

        // The descriptors know every service of the workspace; only those served here are listed.
        let listed = ["grpc.health.v1.Health"].into_iter().chain(self.services.iter().copied());
        let reflection = |own: &str| {
            listed.clone().chain([own]).fold(
                tonic_reflection::server::Builder::configure()
                    .register_encoded_file_descriptor_set(self.descriptors)
                    .register_encoded_file_descriptor_set(health_set),
                tonic_reflection::server::Builder::with_service_name,
            )
        };
        // Older clients ask for v1alpha only.
        self.routes.add_service(reflection("grpc.reflection.v1.ServerReflection").build_v1()?);
        self.routes
            .add_service(reflection("grpc.reflection.v1alpha.ServerReflection").build_v1alpha()?);
        let (reporter, health) = tonic_health::server::health_reporter();
        self.routes.add_service(health);
        for service in &self.services {
            reporter.set_service_status(*service, ServingStatus::Serving).await;
        }

        let services = self.services;
        let stop = async move {
            stop.await;
            for service in ["", "grpc.health.v1.Health"].iter().chain(&services) {
                reporter.set_service_status(*service, ServingStatus::NotServing).await;
            }
        };
        let durations = Durations::new(Side::Server);
        tonic::transport::Server::builder()
            .http2_keepalive_interval(Some(KEEPALIVE))
            .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
            .layer(Trace { methods: methods.clone(), durations })
            .layer(Guard { methods, deadline: self.deadline })
            .add_routes(self.routes.routes())
            .serve_with_incoming_shutdown(
                TcpIncoming::from(listener).with_nodelay(Some(true)),
                stop,
            )
            .await?;
        Ok(())
    }
}

/// Puts a SERVER span around every call.
#[derive(Clone, Debug)]
struct Trace {
    methods: Methods,
    durations: Durations,
}

impl<S> Layer<S> for Trace {
    type Service = Traced<S>;

    fn layer(&self, inner: S) -> Traced<S> {
        Traced { inner, trace: self.clone() }
    }
}

#[derive(Clone, Debug)]
struct Traced<S> {
    inner: S,
    trace: Trace,
}

impl<S> Service<Request<Body>> for Traced<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response<Body>, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let method: Arc<str> = self.trace.methods.name(request.uri().path());
        let local = request.extensions().get::<TcpConnectInfo>();
        let local = local.and_then(TcpConnectInfo::local_addr);
        let server = local.map(|address| (address.ip().to_string(), address.port()));
        let mut call = self.trace.durations.begin(method, server, request.headers());
        telemetry::follow(call.span(), telemetry::extract(request.headers()));
        let span = call.span().clone();
        let answer = span.in_scope(|| self.inner.call(request)).instrument(span);
        Box::pin(async move {
            match answer.await {
                Ok(response) => {
                    call.read(response.headers());
                    Ok(response.map(|body| Body::new(Recorded::new(body, call))))
                }
                Err(error) => {
                    call.end(Code::Unknown);
                    Err(error)
                }
            }
        })
    }
}
