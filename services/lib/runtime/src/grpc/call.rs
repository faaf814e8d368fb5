//! Owns the record of one call on either side: its span, its status, its duration.
//!
//! The names are those of the OpenTelemetry RPC conventions, stable since 1.45.0. The status of
//! a stream stands in its trailers, so the record stays with the body until the end.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use opentelemetry::{KeyValue, metrics::Histogram};
use tonic::Code;
use tracing::{Span, field::Empty};

use crate::metrics::SECONDS;

/// The duration of a call, as the server sees it.
const SERVER_DURATION: &str = "rpc.server.call.duration";
/// The duration of a call, as the client sees it.
const CLIENT_DURATION: &str = "rpc.client.call.duration";

/// The scope of our instruments.
const SCOPE: &str = "exgate-runtime";

/// Which end of a call this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Server,
    Client,
}

/// The instrument of one side.
#[derive(Clone, Debug)]
pub(super) struct Durations {
    side: Side,
    histogram: Histogram<f64>,
}

/// A call that is under way; when it is dropped, it is over.
#[derive(Debug)]
pub(super) struct Call {
    durations: Durations,
    method: Arc<str>,
    server: Option<(String, u16)>,
    span: Span,
    started: Instant,
    timeout: Option<Duration>,
    status: Option<Code>,
}

impl Durations {
    /// Uses the meter that is installed by now.
    pub(super) fn new(side: Side) -> Self {
        let (name, description) = match side {
            Side::Server => (SERVER_DURATION, "Duration of calls answered"),
            Side::Client => (CLIENT_DURATION, "Duration of calls made"),
        };
        let histogram = opentelemetry::global::meter(SCOPE)
            .f64_histogram(name)
            .with_unit("s")
            .with_description(description)
            .with_boundaries(SECONDS.to_vec())
            .build();
        Self { side, histogram }
    }

    /// Begins the record of a call, with a span whose parent is the current one.
    pub(super) fn begin(
        &self,
        method: Arc<str>,
        server: Option<(String, u16)>,
        headers: &HeaderMap,
    ) -> Call {
        let kind = match self.side {
            Side::Server => "server",
            Side::Client => "client",
        };
        let span = tracing::info_span!(
            "rpc",
            otel.name = %method,
            otel.kind = kind,
            otel.status_code = Empty,
            rpc.system.name = "grpc",
            rpc.method = %method,
            rpc.status_code = Empty,
            "error.type" = Empty,
            server.address = Empty,
            server.port = Empty,
        );
        if let Some((address, port)) = &server {
            span.record("server.address", address.as_str());
            span.record("server.port", i64::from(*port));
        }
        Call {
            durations: self.clone(),
            method,
            server,
            span,
            started: Instant::now(),
            timeout: timeout(headers),
            status: None,
        }
    }
}

impl Call {
    pub(super) fn span(&self) -> &Span {
        &self.span
    }

    /// Takes the status out of headers or trailers, if it stands there.
    pub(super) fn read(&mut self, headers: &HeaderMap) {
        if let Some(status) = headers.get("grpc-status") {
            self.status = Some(Code::from_bytes(status.as_bytes()));
        }
    }

    /// The call ended with this status.
    pub(super) fn end(mut self, status: Code) {
        self.status = Some(status);
    }

    fn failed(&self, status: Code) -> bool {
        match self.durations.side {
            Side::Client => status != Code::Ok,
            // What the caller did wrong is no error of the server.
            Side::Server => matches!(
                status,
                Code::Unknown
                    | Code::DeadlineExceeded
                    | Code::Unimplemented
                    | Code::Internal
                    | Code::Unavailable
                    | Code::DataLoss
            ),
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let elapsed = self.started.elapsed();
        let status = self.status.unwrap_or_else(|| {
            // The caller's own deadline drops the call from outside.
            let late = self.timeout.is_some_and(|timeout| elapsed >= timeout);
            if late { Code::DeadlineExceeded } else { Code::Cancelled }
        });
        let text = code_text(status);
        let failed = self.failed(status);
        self.span.record("rpc.status_code", text);
        if failed {
            self.span.record("error.type", text);
            self.span.record("otel.status_code", "ERROR");
        }

        let mut labels = vec![
            KeyValue::new("rpc.system.name", "grpc"),
            KeyValue::new("rpc.method", self.method.to_string()),
            KeyValue::new("rpc.status_code", text),
        ];
        if failed {
            labels.push(KeyValue::new("error.type", text));
        }
        if let (Side::Client, Some((address, port))) = (self.durations.side, &self.server) {
            labels.push(KeyValue::new("server.address", address.clone()));
            labels.push(KeyValue::new("server.port", i64::from(*port)));
        }
        self.durations.histogram.record(elapsed.as_secs_f64(), &labels);
    }
}

/// A body that carries the record of its call to the trailers.
#[derive(Debug)]
pub(super) struct Recorded<B> {
    body: B,
    call: Option<Call>,
}

impl<B> Recorded<B> {
    pub(super) fn new(body: B, call: Call) -> Self {
        Self { body, call: Some(call) }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Recorded<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.get_mut();
        let frame = {
            let _entered = this.call.as_ref().map(|call| call.span.enter());
            ready!(Pin::new(&mut this.body).poll_frame(context))
        };
        match &frame {
            Some(Ok(frame)) => {
                if let Some(trailers) = frame.trailers_ref()
                    && let Some(mut call) = this.call.take()
                {
                    call.read(trailers);
                }
            }
            Some(Err(_)) => {
                if let Some(call) = this.call.take() {
                    call.end(Code::Unknown);
                }
            }
            None => {
                if let Some(call) = this.call.take()
                    && call.status.is_none()
                {
                    call.end(Code::Unknown);
                }
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// `grpc-timeout`: at most eight digits and a unit (gRPC over HTTP2, section Requests).
fn timeout(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let amount: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(amount.checked_mul(3_600)?)),
        "M" => Some(Duration::from_secs(amount.checked_mul(60)?)),
        "S" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_millis(amount)),
        "u" => Some(Duration::from_micros(amount)),
        "n" => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

/// The name of a status code in the gRPC specification.
fn code_text(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
