//! Owns how a trace crosses a boundary: W3C `traceparent`, `tracestate` and `baggage` in headers,
//! or a `traceparent` alone inside a message of a long stream.

use std::sync::LazyLock;

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::{
    Context,
    propagation::{Extractor, Injector, TextMapCompositePropagator, TextMapPropagator},
};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

static W3C: LazyLock<TextMapCompositePropagator> = LazyLock::new(w3c);

fn w3c() -> TextMapCompositePropagator {
    TextMapCompositePropagator::new(vec![
        Box::new(TraceContextPropagator::new()),
        Box::new(BaggagePropagator::new()),
    ])
}

/// Makes the same propagation that of other people's libraries.
pub(super) fn install() {
    opentelemetry::global::set_text_map_propagator(w3c());
}

/// The context that the headers of a request carry.
pub(crate) fn extract(headers: &HeaderMap) -> Context {
    W3C.extract(&Incoming(headers))
}

/// Puts the context of a span into the headers of a request.
pub(crate) fn inject(span: &Span, headers: &mut HeaderMap) {
    W3C.inject_context(&span.context(), &mut Outgoing(headers));
}

/// The `traceparent` of the current span, for a message inside a stream; empty outside of traces.
#[must_use]
pub fn current_traceparent() -> String {
    let mut traceparent = Traceparent(None);
    TraceContextPropagator::new().inject_context(&Span::current().context(), &mut traceparent);
    traceparent.0.unwrap_or_default()
}

/// Makes the sender of a message the parent of `span`. Call it before the span is first entered;
/// a text that is no `traceparent` leaves the span as it was.
pub fn adopt(span: &Span, traceparent: &str) {
    let parent = TraceContextPropagator::new().extract(&Traceparent(Some(traceparent.to_owned())));
    follow(span, parent);
}

/// Makes `parent` the parent of `span`, if it names a span.
pub(crate) fn follow(span: &Span, parent: Context) {
    use opentelemetry::trace::TraceContextExt;

    if !parent.span().span_context().is_valid() {
        return;
    }
    if let Err(error) = span.set_parent(parent) {
        tracing::debug!(error = ?error, "span has no room for a parent");
    }
}

struct Incoming<'a>(&'a HeaderMap);

impl Extractor for Incoming<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

struct Outgoing<'a>(&'a mut HeaderMap);

impl Injector for Outgoing<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (key.parse::<HeaderName>(), HeaderValue::try_from(value))
            && !value.is_empty()
        {
            self.0.insert(name, value);
        }
    }
}

/// The one key that travels inside messages.
struct Traceparent(Option<String>);

impl Extractor for Traceparent {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.as_deref().filter(|_| key == "traceparent")
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent"]
    }
}

impl Injector for Traceparent {
    fn set(&mut self, key: &str, value: String) {
        if key == "traceparent" {
            self.0 = Some(value);
        }
    }
}
