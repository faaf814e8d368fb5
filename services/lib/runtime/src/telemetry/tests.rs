//! Facts about lines and traces, and a collector of spans for the tests of other modules.

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use opentelemetry::trace::TraceContextExt;
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{SpanData, SpanExporter},
};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::*;
use crate::config::LogFormat;

/// Every span that ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spans(Arc<Mutex<Vec<SpanData>>>);

impl SpanExporter for Spans {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().unwrap().extend(batch);
        Ok(())
    }
}

impl Spans {
    /// Collects the spans of this thread until the guard is dropped.
    pub(crate) fn collect() -> (Self, tracing::subscriber::DefaultGuard) {
        let (spans, _lines, guard) = Self::collect_with(&Log::default());
        (spans, guard)
    }

    fn collect_with(log: &Log) -> (Self, Written, tracing::subscriber::DefaultGuard) {
        let spans = Self::default();
        let tracer = SdkTracerProvider::builder().with_simple_exporter(spans.clone()).build();
        let written = Written::default();
        let writer = written.clone();
        let subscriber = subscriber(log, &tracer, move || writer.clone()).unwrap();
        (spans, written, subscriber.set_default())
    }

    pub(crate) fn ended(&self) -> Vec<SpanData> {
        self.0.lock().unwrap().clone()
    }
}

/// What was logged.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Written {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn log(level: &str, format: LogFormat) -> Log {
    Log { level: level.to_owned(), format }
}

#[test]
fn a_json_line_has_its_fields_those_around_it_and_its_trace() {
    let (_spans, written, _guard) = Spans::collect_with(&log("warn", LogFormat::Json));
    let trace_id = {
        let span = tracing::info_span!("run", organization = "contoso", otel.kind = "internal");
        let _entered = span.enter();
        tracing::warn!(devices = 3, "page \"one\" stored");
        tracing::info!("not a line at this level");
        span.context().span().span_context().trace_id().to_string()
    };

    let text = written.text();
    assert_eq!(text.lines().count(), 1, "{text}");
    let line: serde_json::Value = serde_json::from_str(&text).unwrap();
    for (key, expected) in [
        ("level", "WARN".into()),
        ("message", "page \"one\" stored".into()),
        ("organization", "contoso".into()),
        ("devices", 3.into()),
        ("trace_id", serde_json::Value::from(trace_id)),
    ] {
        assert_eq!(line[key], expected, "{text}");
    }
    assert!(line["span_id"].as_str().unwrap().len() == 16);
    assert!(line["timestamp"].as_str().unwrap().ends_with('Z'));
    assert!(line.get("otel.kind").is_none());
}

#[test]
fn a_text_line_is_for_people() {
    let (_spans, written, _guard) = Spans::collect_with(&log("info", LogFormat::Text));
    tracing::info!(organization = "contoso", cause = "no route", empty = "", "attach refused");
    tracing::debug!("not a line at this level");

    let text = written.text();
    let rest = text.split_once(' ').unwrap().1;
    assert_eq!(rest, " INFO attach refused cause=\"no route\" empty=\"\" organization=contoso\n");
}

#[test]
fn the_exporters_own_crates_stay_out_of_logs_and_traces() {
    let (spans, written, _guard) = Spans::collect_with(&log("debug", LogFormat::Text));
    tracing::error!(target: "h2::proto", "frame");
    tracing::info!(target: "tonic::transport", "connection");
    drop(tracing::info_span!(target: "hyper::client", "request").entered());
    drop(tracing::info_span!("ours").entered());

    assert_eq!(written.text(), "");
    let names: Vec<_> = spans.ended().into_iter().map(|span| span.name).collect();
    assert_eq!(names, ["ours"]);
}

#[test]
fn no_directive_lets_the_libraries_that_sign_in_speak() {
    for level in
        ["trace", "sspi=trace", "info,sspi::kerberos=trace,picky_krb=debug", "[step]=trace"]
    {
        let (spans, written, _guard) = Spans::collect_with(&log(level, LogFormat::Json));
        let step = tracing::info_span!(target: "sspi::ntlm", "step", secret = "canary").entered();
        tracing::debug!(target: "sspi::kerberos", key = "canary", "sealed");
        tracing::trace!(target: "sspi", "canary");
        tracing::info!(target: "picky_krb::crypto", "canary");
        tracing::debug!(target: "picky_asn1_der::debug_log", "canary");
        tracing::warn!(target: "sspi::kerberos", "no ticket");
        drop(step);
        assert!(!written.text().contains("canary"), "{level}: {}", written.text());
        assert!(written.text().contains("no ticket") || level.starts_with('['), "{level}");
        assert!(spans.ended().is_empty(), "{level}");
    }
}

#[test]
fn a_level_that_is_none_is_refused() {
    for good in ["info", "WARN", "off", "info,exgate_agent=debug", "exgate_agent=trace"] {
        check(&log(good, LogFormat::Text)).unwrap();
    }
    for bad in ["inof", "", "info,verbose", "exgate_agent=loud"] {
        let error = check(&log(bad, LogFormat::Text)).unwrap_err().to_string();
        assert!(error.contains("log.level") && error.contains("use error, warn"), "{error}");
    }
}

#[test]
fn a_trace_passes_through_a_message_of_a_stream() {
    let (spans, _guard) = Spans::collect();
    assert_eq!(current_traceparent(), "");
    let sent = tracing::info_span!("sent").in_scope(current_traceparent);
    let received = tracing::info_span!("received");
    adopt(&received, &sent);
    received.in_scope(|| tracing::info_span!("inside").in_scope(|| {}));
    drop(received);
    for nonsense in ["", "00-xyz-1-01", "00-00000000000000000000000000000000-0000000000000000-01"] {
        let alone = tracing::info_span!("alone");
        adopt(&alone, nonsense);
    }

    let ended = spans.ended();
    let find = |name: &str| ended.iter().find(|span| span.name == name).unwrap();
    let (sent_span, received, inside) = (find("sent"), find("received"), find("inside"));
    assert_eq!(received.parent_span_id, sent_span.span_context.span_id());
    assert_eq!(inside.parent_span_id, received.span_context.span_id());
    assert_eq!(inside.span_context.trace_id(), sent_span.span_context.trace_id());
    let alone: Vec<_> = ended.iter().filter(|span| span.name == "alone").collect();
    assert_eq!(alone.len(), 3);
    for span in alone {
        assert_ne!(span.span_context.trace_id(), sent_span.span_context.trace_id());
    }
}

#[test]
fn the_resource_says_who_sends() {
    let attributes = vec![("exgate.organization.id", "contoso".to_owned())];
    let resource = resource(&Identity { name: "exgate-test", attributes });
    let get = |key: &'static str| resource.get(&key.into()).map(|value| value.to_string());
    assert_eq!(get("service.name").unwrap(), "exgate-test");
    assert_eq!(get("service.namespace").unwrap(), "exgate");
    assert_eq!(get("service.version").unwrap(), env!("CARGO_PKG_VERSION"));
    assert_eq!(get("exgate.organization.id").unwrap(), "contoso");
    assert!(get("service.instance.id").is_some() && get("process.pid").is_some());
}
