//! Owns the numbers: one OpenTelemetry meter provider with a Prometheus reader, and an OTLP
//! reader when one is asked for. Names of instruments belong to the crates that record them.

mod memory;

use opentelemetry::metrics::{Meter, MeterProvider as _};
use opentelemetry_sdk::{
    Resource,
    metrics::{PeriodicReader, SdkMeterProvider},
};
use prometheus::{Encoder, Registry, TextEncoder};

/// Histogram boundaries for seconds, from the semantic conventions for RPC and HTTP durations.
pub const SECONDS: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// The meters of one process and their text; cheap to clone.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Registry,
    provider: SdkMeterProvider,
}

impl Metrics {
    /// Numbers that Prometheus can read.
    #[must_use]
    pub fn new(resource: Resource) -> Self {
        Self::build(resource, None)
    }

    /// Numbers that Prometheus can read and that are also sent by OTLP.
    #[must_use]
    pub(crate) fn exported(
        resource: Resource,
        exporter: Option<opentelemetry_otlp::MetricExporter>,
    ) -> Self {
        Self::build(resource, exporter)
    }

    fn build(resource: Resource, otlp: Option<opentelemetry_otlp::MetricExporter>) -> Self {
        let registry = Registry::new();
        let mut builder = SdkMeterProvider::builder().with_resource(resource);
        let reader = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .scope_info_enabled(false)
            .build();
        match reader {
            Ok(reader) => builder = builder.with_reader(reader),
            Err(error) => tracing::error!(error = %error, "prometheus reader not built"),
        }
        if let Some(exporter) = otlp {
            builder = builder.with_reader(PeriodicReader::builder(exporter).build());
        }
        let metrics = Self { registry, provider: builder.build() };
        memory::observe(&metrics.meter("exgate-runtime"));
        metrics
    }

    /// The meter of one crate.
    #[must_use]
    pub fn meter(&self, scope: &'static str) -> Meter {
        self.provider.meter(scope)
    }

    /// Makes these the meters behind `opentelemetry::global::meter`.
    pub fn install(&self) {
        opentelemetry::global::set_meter_provider(self.provider.clone());
    }

    /// All numbers in Prometheus text format.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&self.registry.gather(), &mut text) {
            tracing::error!(error = %error, "metrics not encoded");
        }
        String::from_utf8_lossy(&text).into_owned()
    }

    /// Sends what is not sent yet.
    pub(crate) fn shutdown(
        &self,
        timeout: std::time::Duration,
    ) -> opentelemetry_sdk::error::OTelSdkResult {
        self.provider.shutdown_with_timeout(timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instruments_appear_under_their_prometheus_names() {
        let resource = Resource::builder_empty().with_service_name("exgate-test").build();
        let metrics = Metrics::new(resource);
        let meter = metrics.meter("exgate-test");
        let labels = [opentelemetry::KeyValue::new("exgate.organization.id", "contoso")];
        meter.u64_counter("exgate.sync.devices").with_unit("{device}").with_description("Devices");
        let counter = meter
            .u64_counter("exgate.sync.devices")
            .with_unit("{device}")
            .with_description("Devices seen")
            .build();
        counter.add(2, &labels);
        let duration = meter
            .f64_histogram("exgate.sync.duration")
            .with_unit("s")
            .with_description("Duration of a run")
            .with_boundaries(SECONDS.to_vec())
            .build();
        duration.record(0.3, &labels);

        let text = metrics.text();

        for line in [
            "# HELP exgate_sync_devices_total Devices seen",
            "exgate_sync_devices_total{exgate_organization_id=\"contoso\"} 2",
            "exgate_sync_duration_seconds_bucket{exgate_organization_id=\"contoso\",le=\"0.5\"} 1",
            "exgate_sync_duration_seconds_bucket{exgate_organization_id=\"contoso\",le=\"0.25\"} 0",
            "target_info{service_name=\"exgate-test\"} 1",
        ] {
            assert!(text.lines().any(|have| have == line), "no line {line} in\n{text}");
        }
        #[cfg(target_os = "linux")]
        assert!(text.contains("\nprocess_memory_usage_bytes "), "{text}");
    }
}
