//! Owns the form of a log line: its own fields, those of the spans around it, and the ids of its
//! trace; one JSON object, or text for people.

use std::{collections::BTreeMap, fmt, io::Write as _};

use opentelemetry::trace::TraceContextExt;
use serde_json::{Map, Value};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    Layer,
    fmt::MakeWriter,
    layer::Context,
    registry::{LookupSpan, SpanRef},
};

use crate::{clock::Clock, config::LogFormat};

/// Fields of spans that are for tracing only and would be noise in every line.
const TRACE_ONLY: [&str; 3] = ["otel.", "rpc.", "server."];

/// Writes one line for each event.
pub(super) struct Lines<W> {
    format: LogFormat,
    writer: W,
    clock: Clock,
}

/// The fields of a span, kept with it.
#[derive(Default)]
struct Fields(BTreeMap<&'static str, Value>);

/// One event, ready to be written.
struct Line<'a> {
    time: String,
    metadata: &'a Metadata<'a>,
    message: String,
    fields: BTreeMap<&'static str, Value>,
    trace: Option<(String, String)>,
}

impl<W> Lines<W> {
    pub(super) fn new(format: LogFormat, writer: W) -> Self {
        Self { format, writer, clock: Clock::system() }
    }
}

impl<S, W> Layer<S> for Lines<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in context.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            inherit(&span, &mut fields);
        }
        event.record(&mut fields);
        let message = match fields.0.remove("message") {
            Some(Value::String(text)) => text,
            _ => String::new(),
        };
        let time = self.clock.now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
        let line =
            Line { time, metadata: event.metadata(), message, fields: fields.0, trace: trace() };
        let text = match self.format {
            LogFormat::Json => line.json(),
            LogFormat::Text => line.text(),
        };
        let mut writer = self.writer.make_writer_for(event.metadata());
        // Nobody is left to tell when standard error is gone.
        drop(writer.write_all(text.as_bytes()));
    }
}

/// The fields of a span around an event; inner spans win.
fn inherit<S: for<'a> LookupSpan<'a>>(span: &SpanRef<'_, S>, fields: &mut Fields) {
    if let Some(own) = span.extensions().get::<Fields>() {
        let kept = own
            .0
            .iter()
            .filter(|(name, _)| !TRACE_ONLY.iter().any(|prefix| name.starts_with(prefix)));
        fields.0.extend(kept.map(|(name, value)| (*name, value.clone())));
    }
}

/// The ids of the span that this thread is in.
fn trace() -> Option<(String, String)> {
    let context = opentelemetry::Context::current();
    let span = context.span();
    let ids = span.span_context();
    ids.is_valid().then(|| (ids.trace_id().to_string(), ids.span_id().to_string()))
}

impl Line<'_> {
    fn json(self) -> String {
        let mut object = Map::new();
        object.insert("timestamp".to_owned(), self.time.into());
        object.insert("level".to_owned(), self.metadata.level().as_str().into());
        object.insert("message".to_owned(), self.message.into());
        object.insert("target".to_owned(), self.metadata.target().into());
        for (name, value) in self.fields {
            object.insert(name.to_owned(), value);
        }
        if let Some((trace, span)) = self.trace {
            object.insert("trace_id".to_owned(), trace.into());
            object.insert("span_id".to_owned(), span.into());
        }
        let mut text = Value::Object(object).to_string();
        text.push('\n');
        text
    }

    fn text(self) -> String {
        let mut text = format!("{} {:>5} {}", self.time, self.metadata.level(), self.message);
        let mut field = |name: &str, value: &str| {
            let plain = !value.is_empty()
                && value.chars().all(|c| !c.is_whitespace() && !c.is_control() && c != '"');
            text.push(' ');
            text.push_str(name);
            text.push('=');
            if plain {
                text.push_str(value);
            } else {
                text.push_str(&format!("{value:?}"));
            }
        };
        for (name, value) in &self.fields {
            match value.as_str() {
                Some(value) => field(name, value),
                None => field(name, &value.to_string()),
            }
        }
        if *self.metadata.level() <= Level::WARN {
            field("target", self.metadata.target());
        }
        if let Some((trace, _)) = &self.trace {
            field("trace_id", trace);
        }
        text.push('\n');
        text
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name(), value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.insert(field.name(), value.into());
    }
}
