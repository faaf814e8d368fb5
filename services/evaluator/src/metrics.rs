//! Every metric that the evaluator emits.

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Gauge, Histogram};

use exgate_domain::policy::Access;
use exgate_runtime::metrics::SECONDS;

/// What the evaluator counts; cheap to clone.
#[derive(Debug, Clone)]
pub struct Metrics {
    cases: Counter<u64>,
    duration: Histogram<f64>,
    bundles: Gauge<u64>,
}

impl Metrics {
    /// Makes the instruments.
    pub fn new() -> Self {
        let meter = opentelemetry::global::meter("exgate-evaluator");
        Self {
            cases: meter
                .u64_counter("exgate.evaluator.cases")
                .with_unit("{case}")
                .with_description("Cases decided, by access")
                .build(),
            duration: meter
                .f64_histogram("exgate.evaluator.batch.duration")
                .with_unit("s")
                .with_description("Time to decide one batch of cases")
                .with_boundaries(SECONDS.to_vec())
                .build(),
            bundles: meter
                .u64_gauge("exgate.evaluator.bundles")
                .with_unit("{bundle}")
                .with_description("Policy bundles at hand")
                .build(),
        }
    }

    /// Counts the decisions of one batch.
    pub(crate) fn batch(&self, decided: impl Iterator<Item = Access>, took: Duration) {
        let mut counts = [0_u64; 4];
        for access in decided {
            let [leave, allow, quarantine, block] = &mut counts;
            let count = match access {
                Access::Leave => leave,
                Access::Allow => allow,
                Access::Quarantine => quarantine,
                Access::Block => block,
            };
            *count += 1;
        }
        for (access, count) in ["leave", "allow", "quarantine", "block"].into_iter().zip(counts) {
            if count > 0 {
                self.cases.add(count, &[KeyValue::new("exgate.access", access)]);
            }
        }
        self.duration.record(took.as_secs_f64(), &[]);
    }

    /// Says how many bundles are at hand.
    pub(crate) fn bundles(&self, count: usize) {
        self.bundles.record(u64::try_from(count).unwrap_or(u64::MAX), &[]);
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}
