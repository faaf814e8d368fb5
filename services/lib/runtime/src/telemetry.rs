//! Owns logs and traces: lines on standard error, and spans by OTLP when somebody asks for them.
//!
//! Invariant: the tracer layer is always there, so a trace passes through a process that exports
//! nothing; only the exporter is optional. The spans of the exporter's own calls are filtered
//! out, or exporting would feed itself.

mod plan;
mod lines;
mod propagation;

use std::{io, time::Duration};

use opentelemetry::{KeyValue, trace::TracerProvider as _};
use opentelemetry_otlp::{MetricExporter, SpanExporter, WithExportConfig};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tracing::{Level, Subscriber};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::{FilterExt, filter_fn},
    fmt::MakeWriter,
    layer::SubscriberExt,
};

use crate::{
    config::{Log, Telemetry},
    metrics::Metrics,
    report,
};
use lines::Lines;
use plan::Plan;

pub use propagation::{adopt, current_traceparent};
pub(crate) use propagation::{extract, follow, inject};

/// The crates that the exporter itself runs on, kept out of logs and traces.
const QUIET: [&str; 6] =
    ["h2=off", "hyper=off", "hyper_util=off", "tonic=warn", "tower=warn", "opentelemetry=warn"];

/// The libraries that sign in. At debug they print every plain message, at trace session keys: below a
/// warning nothing of them gets out, whatever is asked for.
const SECRETIVE: [&str; 2] = ["sspi", "picky"];

/// The name of our tracer.
const SCOPE: &str = "exgate";

/// Why telemetry could not begin.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `log.level` is neither a level nor a list of directives.
    #[error(
        "log.level = {given:?} is not a level; use error, warn, info, debug, trace, or \
         directives such as info,exgate_agent=debug"
    )]
    Level {
        /// What stands there.
        given: String,
    },
}

/// What a process says about itself beside its name.
#[derive(Clone, Debug)]
pub struct Identity {
    /// `service.name`.
    pub name: &'static str,
    /// Further resource attributes.
    pub attributes: Vec<(&'static str, String)>,
}

impl From<&'static str> for Identity {
    fn from(name: &'static str) -> Self {
        Self { name, attributes: Vec::new() }
    }
}

/// Keeps telemetry going; [`Guard::finish`] sends what is left.
#[derive(Debug)]
pub struct Guard {
    tracer: SdkTracerProvider,
    metrics: Metrics,
    timeout: Duration,
}

/// Begins logs, traces and metrics for this process, inside a tokio runtime.
///
/// A second call in one process leaves the first one's logs and traces in place, so that tests
/// can start several services; its guard still has metrics of its own.
///
/// # Errors
/// When the settings can not be used.
pub fn init(
    identity: impl Into<Identity>,
    log: &Log,
    telemetry: &Telemetry,
) -> Result<Guard, TelemetryError> {
    let env = |key: &str| std::env::var(key).ok();
    let plan = Plan::new(telemetry, &env);
    let resource = resource(&identity.into());
    let mut problems = plan.problems.clone();

    let tracer = tracer(&plan, resource.clone(), &mut problems);
    let subscriber = subscriber(log, &tracer, io::stderr)?;
    let first = tracing::subscriber::set_global_default(subscriber).is_ok();

    let exporter = plan.metrics.as_ref().and_then(|endpoint| {
        let builder = MetricExporter::builder().with_tonic().with_endpoint(endpoint);
        builder.build().map_err(|error| problems.push(report(&error))).ok()
    });
    let metrics = Metrics::exported(resource, exporter);
    if first {
        propagation::install();
        opentelemetry::global::set_tracer_provider(tracer.clone());
        metrics.install();
        log_panics();
    }
    for problem in problems {
        tracing::warn!(problem, "telemetry is not exported");
    }
    Ok(Guard { tracer, metrics, timeout: telemetry.flush_timeout.duration() })
}

impl Guard {
    /// The numbers of this process.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Sends the last spans and numbers.
    ///
    /// Call it outside of `block_on` and while the runtime still lives: it blocks this thread,
    /// and the connection to the collector needs the runtime's own threads.
    pub fn finish(self) {
        if let Err(error) = self.tracer.shutdown_with_timeout(self.timeout) {
            tracing::debug!(error = %error, "last spans were not sent");
        }
        if let Err(error) = self.metrics.shutdown(self.timeout) {
            tracing::debug!(error = %error, "last numbers were not sent");
        }
    }
}

/// Checks `log.level` without beginning anything.
///
/// # Errors
/// When it is neither a level nor a list of directives.
pub fn check(log: &Log) -> Result<(), TelemetryError> {
    filter(&log.level).map(|_| ())
}

/// Logs to `writer` and spans to `tracer`.
pub(crate) fn subscriber<W>(
    log: &Log,
    tracer: &SdkTracerProvider,
    writer: W,
) -> Result<impl Subscriber + Send + Sync + use<W>, TelemetryError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    // Every line knows the spans around it, whatever its own level has to be.
    let spans = filter_fn(|metadata| metadata.is_span() && *metadata.level() <= Level::INFO)
        .with_max_level_hint(Level::INFO);
    let discreet = filter_fn(|metadata| {
        *metadata.level() <= Level::WARN
            || !SECRETIVE.iter().any(|library| metadata.target().starts_with(library))
    });
    let lines = Lines::new(log.format, writer)
        .with_filter(filter(&log.level)?.or(spans).and(discreet.clone()));
    let traces = tracing_opentelemetry::layer()
        .with_tracer(tracer.tracer(SCOPE))
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_filter(filter("info")?.and(discreet));
    // The tracer comes first: lines ask it for the ids of the span they are in.
    Ok(Registry::default().with(traces).with(lines))
}

/// The filter of a level or of directives, without the exporter's own crates.
fn filter(given: &str) -> Result<EnvFilter, TelemetryError> {
    let wrong = || TelemetryError::Level { given: given.to_owned() };
    // A lone word that is no level would be taken as the name of a crate.
    let known =
        |part: &str| part.contains('=') || part.parse::<Level>().is_ok() || part.trim() == "off";
    if !given.split(',').all(known) {
        return Err(wrong());
    }
    let mut filter = EnvFilter::try_new(given).map_err(|_| wrong())?;
    for directive in QUIET {
        filter = filter.add_directive(directive.parse().map_err(|_| wrong())?);
    }
    Ok(filter)
}

fn tracer(plan: &Plan, resource: Resource, problems: &mut Vec<String>) -> SdkTracerProvider {
    let mut builder = SdkTracerProvider::builder().with_resource(resource);
    if let Some(sampler) = &plan.sampler {
        builder = builder.with_sampler(sampler.clone());
    }
    if let Some(endpoint) = &plan.traces {
        match SpanExporter::builder().with_tonic().with_endpoint(endpoint).build() {
            Ok(exporter) => builder = builder.with_batch_exporter(exporter),
            Err(error) => problems.push(report(&error)),
        }
    }
    builder.build()
}

/// Who sends the telemetry; `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` beat ours.
fn resource(identity: &Identity) -> Resource {
    let given = Resource::builder().build();
    let unnamed = given
        .get(&"service.name".into())
        .is_none_or(|name| name.as_str().starts_with("unknown_service"));
    let mut ours = vec![
        ("service.namespace", SCOPE.to_owned()),
        ("service.version", env!("CARGO_PKG_VERSION").to_owned()),
        ("service.instance.id", uuid::Uuid::new_v4().to_string()),
        ("os.type", std::env::consts::OS.to_owned()),
        ("process.pid", std::process::id().to_string()),
    ];
    if let Ok(host) = std::fs::read_to_string("/proc/sys/kernel/hostname") {
        ours.push(("host.name", host.trim().to_owned()));
    }
    ours.extend(identity.attributes.iter().cloned());
    ours.retain(|(key, _)| given.get(&(*key).into()).is_none());
    if unnamed {
        ours.push(("service.name", identity.name.to_owned()));
    }
    let ours = ours.into_iter().map(|(key, value)| KeyValue::new(key, value));
    Resource::builder().with_attributes(ours).build()
}

/// A panic becomes a log line with its place, in the form of all the others.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let text = panic.payload_as_str().unwrap_or("no message");
        tracing::error!(panic = text, place, "panicked");
    }));
}

#[cfg(test)]
pub(crate) mod tests;
