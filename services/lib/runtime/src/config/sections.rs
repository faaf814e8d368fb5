//! Owns the sections that every process has: how it logs and where its telemetry goes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Span;

/// What the process itself reads from the settings of a service.
#[derive(Clone, Copy, Debug)]
pub struct Process<'a> {
    /// How it logs.
    pub log: &'a Log,
    /// Where its traces and numbers go.
    pub telemetry: &'a Telemetry,
    /// How long its tasks may take to stop.
    pub drain: Duration,
}

/// `[log]`: lines on standard error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// `error`, `warn`, `info`, `debug`, `trace`, or directives such as `info,exgate_agent=debug`.
    pub level: String,
    /// One JSON object a line, or text for people.
    pub format: LogFormat,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Text for people.
    Text,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Json }
    }
}

/// `[telemetry]`: traces and metrics. The standard `OTEL_*` variables beat these keys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Telemetry {
    /// The OTLP endpoint over gRPC, such as `http://127.0.0.1:4317`; empty sends nothing.
    pub otlp_endpoint: String,
    /// The sampler, by its name in the OpenTelemetry specification.
    pub traces_sampler: String,
    /// The ratio of `traceidratio` samplers.
    pub traces_sampler_arg: f64,
    /// The loopback address of `/healthz`, `/readyz` and `/metrics`; empty or `off` for none.
    pub metrics_listen: String,
    /// How long sending the last spans and numbers may take at the end.
    pub flush_timeout: Span,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self {
            otlp_endpoint: String::new(),
            traces_sampler: "parentbased_always_on".to_owned(),
            traces_sampler_arg: 1.0,
            metrics_listen: "127.0.0.1:9464".to_owned(),
            flush_timeout: Span::seconds(5),
        }
    }
}

impl Telemetry {
    /// The address to answer probes on, if one is wanted.
    #[must_use]
    pub fn listen(&self) -> Option<&str> {
        Some(self.metrics_listen.as_str()).filter(|text| !matches!(*text, "" | "off"))
    }
}
