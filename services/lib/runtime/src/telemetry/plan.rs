//! Owns what the standard `OTEL_*` variables and our keys together ask for. The variables win.

use opentelemetry_sdk::trace::Sampler;

use crate::config::Telemetry;

/// Where OTLP over gRPC goes when a variable asks for it without an address.
const OTLP_ENDPOINT_DEFAULT: &str = "http://localhost:4317";

/// What to export, where to, and how much.
#[derive(Debug)]
pub(super) struct Plan {
    /// The endpoint for spans.
    pub(super) traces: Option<String>,
    /// The endpoint for numbers.
    pub(super) metrics: Option<String>,
    /// The sampler, unless the SDK reads it from the variables itself.
    pub(super) sampler: Option<Sampler>,
    /// What was asked for and can not be done.
    pub(super) problems: Vec<String>,
}

impl Plan {
    /// Decides from the settings and a look into the environment.
    pub(super) fn new(settings: &Telemetry, env: &dyn Fn(&str) -> Option<String>) -> Self {
        let set = |key: &str| env(key).filter(|value| !value.trim().is_empty());
        let mut plan = Self { traces: None, metrics: None, sampler: None, problems: Vec::new() };
        if set("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            plan.sampler = Some(Sampler::AlwaysOff);
            return plan;
        }
        plan.traces = plan.endpoint("TRACES", settings, &set);
        plan.metrics = plan.endpoint("METRICS", settings, &set);
        if set("OTEL_TRACES_SAMPLER").is_none() {
            let sampler = sampler(&settings.traces_sampler, settings.traces_sampler_arg);
            if sampler.is_none() {
                plan.problems.push(format!(
                    "telemetry.traces_sampler = {:?} is not known; every trace is sampled",
                    settings.traces_sampler
                ));
            }
            plan.sampler = sampler;
        }
        plan
    }

    fn endpoint(
        &mut self,
        signal: &str,
        settings: &Telemetry,
        set: &dyn Fn(&str) -> Option<String>,
    ) -> Option<String> {
        let exporter = set(&format!("OTEL_{signal}_EXPORTER"));
        match exporter.as_deref() {
            None | Some("otlp") => {}
            Some("none") => return None,
            Some(other) => {
                self.problems.push(format!("OTEL_{signal}_EXPORTER={other} is not supported"));
                return None;
            }
        }
        let endpoint = set(&format!("OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"))
            .or_else(|| set("OTEL_EXPORTER_OTLP_ENDPOINT"))
            .or_else(|| Some(settings.otlp_endpoint.clone()).filter(|text| !text.is_empty()))
            .or_else(|| exporter.map(|_| OTLP_ENDPOINT_DEFAULT.to_owned()))?;
        let protocol = set(&format!("OTEL_EXPORTER_OTLP_{signal}_PROTOCOL"))
            .or_else(|| set("OTEL_EXPORTER_OTLP_PROTOCOL"));
        match protocol.as_deref() {
            None | Some("grpc") => {}
            Some(other) => {
                self.problems.push(format!("OTLP over {other} is not supported; use grpc"));
                return None;
            }
        }
        if !endpoint.starts_with("http://") {
            self.problems.push(format!("OTLP endpoint {endpoint} is not http://HOST:PORT"));
            return None;
        }
        Some(endpoint)
    }
}

fn sampler(name: &str, ratio: f64) -> Option<Sampler> {
    let (parent_based, root) = match name.strip_prefix("parentbased_") {
        Some(root) => (true, root),
        None => (false, name),
    };
    let root = match root {
        "always_on" => Sampler::AlwaysOn,
        "always_off" => Sampler::AlwaysOff,
        "traceidratio" => Sampler::TraceIdRatioBased(ratio),
        _ => return None,
    };
    Some(if parent_based { Sampler::ParentBased(Box::new(root)) } else { root })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a plan exports: traces, metrics, sampler, number of problems.
    fn plan(key: &str, pairs: &[(&str, &str)]) -> (Option<String>, Option<String>, String, usize) {
        let settings = Telemetry { otlp_endpoint: key.to_owned(), ..Telemetry::default() };
        let env = |name: &str| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        let plan = Plan::new(&settings, &env);
        let sampler = plan.sampler.map_or("the SDK's".to_owned(), |s| format!("{s:?}"));
        (plan.traces, plan.metrics, sampler, plan.problems.len())
    }

    #[test]
    fn variables_beat_keys_one_by_one() {
        const ON: &str = "ParentBased(AlwaysOn)";
        const A: &str = "http://127.0.0.1:4317";
        const B: &str = "http://127.0.0.1:5317";
        type Variables = &'static [(&'static str, &'static str)];
        type Expected = (Option<&'static str>, Option<&'static str>, &'static str, usize);
        let cases: [(&str, Variables, Expected); 13] = [
            ("", &[], (None, None, ON, 0)),
            (A, &[], (Some(A), Some(A), ON, 0)),
            (A, &[("OTEL_EXPORTER_OTLP_ENDPOINT", B)], (Some(B), Some(B), ON, 0)),
            (A, &[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")], (Some(A), Some(A), ON, 0)),
            ("", &[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", B)], (Some(B), None, ON, 0)),
            (A, &[("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", B)], (Some(A), Some(B), ON, 0)),
            (A, &[("OTEL_TRACES_EXPORTER", "none")], (None, Some(A), ON, 0)),
            (A, &[("OTEL_METRICS_EXPORTER", "none")], (Some(A), None, ON, 0)),
            ("", &[("OTEL_TRACES_EXPORTER", "otlp")], (Some("http://localhost:4317"), None, ON, 0)),
            (A, &[("OTEL_TRACES_EXPORTER", "zipkin")], (None, Some(A), ON, 1)),
            (A, &[("OTEL_SDK_DISABLED", "TRUE")], (None, None, "AlwaysOff", 0)),
            (A, &[("OTEL_TRACES_SAMPLER", "always_off")], (Some(A), Some(A), "the SDK's", 0)),
            (A, &[("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")], (None, None, ON, 2)),
        ];
        for (key, pairs, (traces, metrics, sampler, problems)) in cases {
            let own = |text: Option<&str>| text.map(str::to_owned);
            let expected = (own(traces), own(metrics), sampler.to_owned(), problems);
            assert_eq!(plan(key, pairs), expected, "{key} {pairs:?}");
        }
        assert_eq!(plan("https://127.0.0.1:4317", &[]).3, 2);
    }

    #[test]
    fn samplers_have_their_standard_names() {
        for (name, expected) in [
            ("always_on", "AlwaysOn"),
            ("always_off", "AlwaysOff"),
            ("traceidratio", "TraceIdRatioBased(0.1)"),
            ("parentbased_always_off", "ParentBased(AlwaysOff)"),
            ("parentbased_traceidratio", "ParentBased(TraceIdRatioBased(0.1))"),
        ] {
            assert_eq!(format!("{:?}", sampler(name, 0.1).unwrap()), expected);
        }
        assert!(sampler("xray", 0.1).is_none());
    }
}
