//! Every metric that the agent emits.

use opentelemetry::metrics::{Counter, Gauge};

use crate::collect::DigestTable;

/// What the agent counts.
#[derive(Debug, Clone)]
pub struct Metrics {
    rows: Counter<u64>,
    digest_bytes: Gauge<u64>,
    digest_entries: Gauge<u64>,
}

impl Metrics {
    /// Makes the instruments.
    pub fn new() -> Self {
        let meter = opentelemetry::global::meter("exgate-agent");
        Self {
            rows: meter
                .u64_counter("exgate.agent.sync.rows")
                .with_description("Objects of Exchange that were uploaded, as rows or as keys")
                .build(),
            digest_bytes: meter
                .u64_gauge("exgate.agent.digest_table.size")
                .with_unit("By")
                .with_description("Memory taken by the table of acknowledged digests")
                .build(),
            digest_entries: meter
                .u64_gauge("exgate.agent.digest_table.entries")
                .with_description("Objects whose digest the coordinator has acknowledged")
                .build(),
        }
    }

    /// A sync was stored.
    pub fn synced(&self, rows: u64, digests: &DigestTable) {
        self.rows.add(rows, &[]);
        self.digest_bytes.record(u64::try_from(digests.bytes()).unwrap_or(u64::MAX), &[]);
        self.digest_entries.record(u64::try_from(digests.len()).unwrap_or(u64::MAX), &[]);
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}
