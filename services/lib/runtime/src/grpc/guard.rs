//! Owns what a handler may do to its process: nothing. It has a deadline, and its panic becomes
//! an INTERNAL for its caller and a line in the log, also in the middle of a stream.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{FutureExt, future::BoxFuture};
use http::{HeaderMap, Request, Response};
use http_body::{Frame, SizeHint};
use tonic::{Status, body::Body};
use tower::{Layer, Service};

use super::methods::Methods;
use crate::tasks::panic_text;

/// Puts the guard around the routes of a server.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    pub(super) methods: Methods,
    pub(super) deadline: Duration,
}

impl<S> Layer<S> for Guard {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { inner, guard: self.clone() }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Guarded<S> {
    inner: S,
    guard: Guard,
}

impl<S> Service<Request<Body>> for Guarded<S>
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
        let path = request.uri().path();
        let method = self.guard.methods.name(path);
        let deadline =
            if self.guard.methods.caller_streams(path) { None } else { Some(self.guard.deadline) };
        let answer = AssertUnwindSafe(self.inner.call(request)).catch_unwind();
        Box::pin(async move {
            let answer = match deadline {
                Some(deadline) => match tokio::time::timeout(deadline, answer).await {
                    Ok(answer) => answer,
                    Err(_) => {
                        tracing::warn!(method = %method, ?deadline, "handler missed its deadline");
                        let status = Status::deadline_exceeded("the server took too long");
                        return Ok(status.into_http());
                    }
                },
                None => answer.await,
            };
            match answer {
                Ok(answer) => answer.map(|response| {
                    response.map(|body| Body::new(GuardedBody { body: Some(body), method }))
                }),
                Err(panic) => Ok(panicked(&method, panic.as_ref()).into_http()),
            }
        })
    }
}

fn panicked(method: &str, panic: &(dyn Any + Send)) -> Status {
    tracing::error!(method, panic = panic_text(panic), "handler panicked");
    Status::internal("the call failed inside the server; its log says why")
}

/// A body whose producer may panic; afterwards it is gone.
struct GuardedBody {
    body: Option<Body>,
    method: Arc<str>,
}

impl http_body::Body for GuardedBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        match catch_unwind(AssertUnwindSafe(|| Pin::new(body).poll_frame(context))) {
            Ok(frame) => frame,
            Err(panic) => {
                this.body = None;
                let mut trailers = HeaderMap::new();
                let status = panicked(&this.method, panic.as_ref());
                Poll::Ready(Some(
                    status.add_header(&mut trailers).map(|()| Frame::trailers(trailers)),
                ))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(http_body::Body::size_hint).unwrap_or_default()
    }
}
