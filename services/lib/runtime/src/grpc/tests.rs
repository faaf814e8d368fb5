//! Facts about calls, over a real server on loopback.

use std::{
    convert::Infallible,
    future::Future,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use http::{Request, Response};
use opentelemetry::trace::{SpanId, SpanKind, Status as SpanStatus};
use opentelemetry_sdk::trace::SpanData;
use prost::Message;
use prost_types::{
    FileDescriptorProto, FileDescriptorSet, MethodDescriptorProto, ServiceDescriptorProto,
};
use tokio::net::TcpListener;
use tonic::{Code, Status, body::Body, server::NamedService};
use tonic_health::pb::{
    HealthCheckRequest,
    health_check_response::ServingStatus::{NotServing, Serving},
    health_client::HealthClient,
};
use tonic_prost::ProstCodec;
use tower::Service;
use tracing::Instrument;

use super::*;
use crate::{Tasks, listen::Endpoint, telemetry::tests::Spans};

const PATIENCE: Duration = Duration::from_secs(20);

/// A service whose methods misbehave, or relay to another server.
#[derive(Clone)]
struct Faulty {
    next: Option<SocketAddr>,
}

impl NamedService for Faulty {
    const NAME: &'static str = "test.Faulty";
}

impl Service<Request<Body>> for Faulty {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let next = self.next;
        Box::pin(async move {
            Ok(match request.uri().path() {
                "/test.Faulty/Panic" => panic!("boom"),
                "/test.Faulty/PanicLater" => {
                    let body = Response::new(Body::new(Bomb));
                    let (mut parts, body) = body.into_parts();
                    parts.headers.insert("content-type", "application/grpc".parse().unwrap());
                    Response::from_parts(parts, body)
                }
                "/test.Faulty/Relay" => match check(next.unwrap()).await {
                    Ok(_) => Status::ok("").into_http(),
                    Err(status) => status.into_http(),
                },
                // Both `Slow` and `Upload` never answer.
                _ => std::future::pending().await,
            })
        })
    }
}

/// A body whose producer panics.
struct Bomb;

impl http_body::Body for Bomb {
    type Data = bytes::Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<bytes::Bytes>, Status>>> {
        panic!("boom later");
    }
}

fn descriptors() -> &'static [u8] {
    let method = |name: &str| MethodDescriptorProto {
        name: Some(name.to_owned()),
        client_streaming: Some(name == "Upload"),
        ..MethodDescriptorProto::default()
    };
    let service = ServiceDescriptorProto {
        name: Some("Faulty".to_owned()),
        method: ["Panic", "PanicLater", "Relay", "Slow", "Upload"].map(method).into(),
        ..ServiceDescriptorProto::default()
    };
    let file = FileDescriptorProto {
        name: Some("test.proto".to_owned()),
        package: Some("test".to_owned()),
        service: vec![service],
        ..FileDescriptorProto::default()
    };
    FileDescriptorSet { file: vec![file] }.encode_to_vec().leak()
}

/// Starts a server that misbehaves on demand.
async fn serve(tasks: &Tasks, next: Option<SocketAddr>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::new(descriptors())
        .service(Faulty { next })
        .deadline(Duration::from_millis(200))
        .serve(listener, tasks.stopped());
    tasks.spawn("api", server);
    address
}

async fn check(address: SocketAddr) -> Result<tonic::Response<()>, Status> {
    let mut client = HealthClient::new(Channel::new(&Endpoint::of(address)));
    client.check(HealthCheckRequest::default()).await.map(|answer| answer.map(drop))
}

async fn call(address: SocketAddr, path: &'static str) -> Result<tonic::Response<()>, Status> {
    call_within(address, path, PATIENCE).await
}

async fn call_within(
    address: SocketAddr,
    path: &'static str,
    timeout: Duration,
) -> Result<tonic::Response<()>, Status> {
    let mut client = tonic::client::Grpc::new(Channel::new(&Endpoint::of(address)));
    client.ready().await.unwrap();
    let mut request = tonic::Request::new(());
    request.set_timeout(timeout);
    let path = http::uri::PathAndQuery::from_static(path);
    client.unary(request, path, ProstCodec::<(), ()>::default()).await
}

/// Waits until the spans satisfy `find`.
async fn eventually<T>(spans: &Spans, find: impl Fn(&[SpanData]) -> Option<T>) -> T {
    let end = tokio::time::Instant::now() + PATIENCE;
    loop {
        let ended = spans.ended();
        if let Some(found) = find(&ended) {
            return found;
        }
        assert!(tokio::time::Instant::now() < end, "not in {ended:#?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn attribute(span: &SpanData, key: &str) -> Option<String> {
    let found = span.attributes.iter().find(|pair| pair.key.as_str() == key);
    found.map(|pair| pair.value.to_string())
}

fn find(ended: &[SpanData], name: &str, kind: SpanKind) -> Option<SpanData> {
    ended.iter().find(|span| span.name == name && span.span_kind == kind).cloned()
}

#[tokio::test]
async fn one_trace_runs_over_two_servers_with_the_right_parents() {
    let (spans, _guard) = Spans::collect();
    let tasks = Tasks::new();
    let last = serve(&tasks, None).await;
    let first = serve(&tasks, Some(last)).await;

    call(first, "/test.Faulty/Relay")
        .instrument(tracing::info_span!("operator"))
        .await
        .unwrap_err();

    let chain = eventually(&spans, |ended| {
        Some([
            find(ended, "operator", SpanKind::Internal)?,
            find(ended, "test.Faulty/Relay", SpanKind::Client)?,
            find(ended, "test.Faulty/Relay", SpanKind::Server)?,
            find(ended, "grpc.health.v1.Health/Check", SpanKind::Client)?,
            find(ended, "grpc.health.v1.Health/Check", SpanKind::Server)?,
        ])
    })
    .await;
    assert_eq!(chain[0].parent_span_id, SpanId::INVALID);
    for pair in chain.windows(2) {
        assert_eq!(pair[1].parent_span_id, pair[0].span_context.span_id(), "{}", pair[1].name);
        assert_eq!(pair[1].span_context.trace_id(), pair[0].span_context.trace_id());
    }
    let checked = &chain[4];
    assert_eq!(attribute(checked, "rpc.system.name").unwrap(), "grpc");
    assert_eq!(attribute(checked, "rpc.method").unwrap(), "grpc.health.v1.Health/Check");
    assert_eq!(attribute(checked, "rpc.status_code").unwrap(), "OK");
    assert_eq!(attribute(checked, "server.port").unwrap(), last.port().to_string());
    assert_eq!(attribute(checked, "error.type"), None);
    assert_eq!(checked.status, SpanStatus::Unset);
    tasks.shutdown(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn the_status_of_a_stream_is_read_from_its_end() {
    let (spans, _guard) = Spans::collect();
    let tasks = Tasks::new();
    let address = serve(&tasks, None).await;
    let mut client = HealthClient::new(Channel::new(&Endpoint::of(address)));
    let mut stream = client.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    stream.message().await.unwrap().unwrap();
    let name = "grpc.health.v1.Health/Watch";
    assert!(find(&spans.ended(), name, SpanKind::Server).is_none());

    drop(stream);

    let (server, client) = eventually(&spans, |ended| {
        Some((find(ended, name, SpanKind::Server)?, find(ended, name, SpanKind::Client)?))
    })
    .await;
    assert_eq!(attribute(&server, "rpc.status_code").unwrap(), "CANCELLED");
    assert_eq!(attribute(&client, "rpc.status_code").unwrap(), "CANCELLED");
    tasks.shutdown(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn a_panicking_handler_gives_internal_and_the_server_lives() {
    let (spans, _guard) = Spans::collect();
    let tasks = Tasks::new();
    let address = serve(&tasks, None).await;

    for path in ["/test.Faulty/Panic", "/test.Faulty/PanicLater"] {
        let status = call(address, path).await.unwrap_err();
        assert_eq!(status.code(), Code::Internal, "{path}: {status}");
        assert!(!status.message().contains("boom"), "{status}");
        let name = path.trim_start_matches('/');
        let span = eventually(&spans, |ended| find(ended, name, SpanKind::Server)).await;
        assert_eq!(attribute(&span, "rpc.status_code").unwrap(), "INTERNAL");
        assert_eq!(attribute(&span, "error.type").unwrap(), "INTERNAL");
        assert!(matches!(span.status, SpanStatus::Error { .. }));
    }

    check(address).await.unwrap();
    assert!(tasks.failure().is_none());
    tasks.shutdown(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn a_handler_has_a_deadline_unless_its_caller_streams() {
    let (spans, _guard) = Spans::collect();
    let tasks = Tasks::new();
    let address = serve(&tasks, None).await;

    let status = call(address, "/test.Faulty/Slow").await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
    assert_eq!(status.message(), "the server took too long");

    // Past the server's own 200 ms the upload still waits, and its caller's deadline ends it.
    let status = call_within(address, "/test.Faulty/Upload", Duration::from_millis(600)).await;
    assert_ne!(status.unwrap_err().message(), "the server took too long");
    let span =
        eventually(&spans, |ended| find(ended, "test.Faulty/Upload", SpanKind::Server)).await;
    assert_eq!(attribute(&span, "rpc.status_code").unwrap(), "DEADLINE_EXCEEDED");
    tasks.shutdown(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn a_method_that_is_none_has_one_name_for_all() {
    let (spans, _guard) = Spans::collect();
    let tasks = Tasks::new();
    let address = serve(&tasks, None).await;

    let status = call(address, "/made.Up/Name").await.unwrap_err();

    assert_eq!(status.code(), Code::Unimplemented);
    let span = eventually(&spans, |ended| find(ended, "_OTHER", SpanKind::Server)).await;
    assert_eq!(attribute(&span, "rpc.method").unwrap(), "_OTHER");
    tasks.shutdown(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_gone_is_an_error_of_the_client() {
    let (spans, _guard) = Spans::collect();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);

    let status = check(address).await.unwrap_err();

    assert_eq!(status.code(), Code::Unavailable, "{status}");
    let name = "grpc.health.v1.Health/Check";
    let span = eventually(&spans, |ended| find(ended, name, SpanKind::Client)).await;
    assert_eq!(attribute(&span, "rpc.status_code").unwrap(), "UNAVAILABLE");
    assert!(matches!(span.status, SpanStatus::Error { .. }));
}

#[tokio::test]
async fn health_follows_the_life_of_the_server_and_reflection_lists_its_services() {
    let tasks = Tasks::new();
    let address = serve(&tasks, None).await;
    let mut client = HealthClient::new(Channel::new(&Endpoint::of(address)));
    let request = HealthCheckRequest { service: "test.Faulty".to_owned() };
    let mut watch = client.watch(request).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), Serving);

    let names = reflected(address).await;
    assert!(names.contains(&"test.Faulty".to_owned()), "{names:?}");
    assert!(names.contains(&"grpc.health.v1.Health".to_owned()), "{names:?}");

    tasks.cancel();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), NotServing);
    drop(watch);
    tasks.shutdown(PATIENCE).await.unwrap();
}

/// The services that reflection v1 lists.
fn reflected(address: SocketAddr) -> impl Future<Output = Vec<String>> {
    use tonic_reflection::pb::v1::{
        ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
        server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
    };

    async move {
        let mut client = ServerReflectionClient::new(Channel::new(&Endpoint::of(address)));
        let request = ServerReflectionRequest {
            host: String::new(),
            message_request: Some(MessageRequest::ListServices(String::new())),
        };
        let requests = tokio_stream::iter([request]);
        let mut answers = client.server_reflection_info(requests).await.unwrap().into_inner();
        let answer = answers.message().await.unwrap().unwrap().message_response;
        let Some(MessageResponse::ListServicesResponse(list)) = answer else {
            panic!("{answer:?}")
        };
        list.service.into_iter().map(|service| service.name).collect()
    }
}
