//! Every metric that the agent emits.

use std::sync::LazyLock;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Gauge};

use exgate_domain::standing::{Breaker, Standing};
use exgate_exchange::session::{Pool, Usage};

use crate::collect::{DigestTable, Reading};

static UNRECOGNISED: LazyLock<Counter<u64>> = LazyLock::new(|| {
    opentelemetry::global::meter("exgate-agent")
        .u64_counter("exgate.agent.exchange.unrecognised")
        .with_description(
            "Words of Exchange that this version does not know, each time one is read",
        )
        .build()
});

/// A word of Exchange's was read that this version does not know; it is kept as it is.
pub fn unrecognised(property: &'static str) {
    UNRECOGNISED.add(1, &[KeyValue::new("exgate.exchange.property", property)]);
}

/// What the agent counts.
#[derive(Debug, Clone)]
pub struct Metrics {
    rows: Counter<u64>,
    skipped: Counter<u64>,
    read: Counter<u64>,
    mistaken: Counter<u64>,
    digest_bytes: Gauge<u64>,
    digest_entries: Gauge<u64>,
    on_fallback: Gauge<u64>,
    failovers: Counter<u64>,
    breakers: Gauge<u64>,
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
            skipped: meter
                .u64_counter("exgate.agent.sync.skipped")
                .with_description("Objects that were recognised by their bytes, and not read")
                .build(),
            read: meter
                .u64_counter("exgate.agent.sync.read")
                .with_description("Objects of Exchange that were read")
                .build(),
            mistaken: meter
                .u64_counter("exgate.agent.sync.mistaken")
                .with_description("Objects whose known bytes were read otherwise than before")
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
            on_fallback: meter
                .u64_gauge("exgate.exchange.on_fallback")
                .with_description("1 while another Exchange server than the primary is used")
                .build(),
            failovers: meter
                .u64_counter("exgate.exchange.failovers")
                .with_unit("{failover}")
                .with_description(
                    "How often another Exchange server took the place of one that was down",
                )
                .build(),
            breakers: meter
                .u64_gauge("exgate.exchange.server.breaker")
                .with_description("1 for the state that the breaker of an Exchange server is in")
                .build(),
        }
    }

    /// Another server took the place of one that was down.
    pub fn failed_over(&self) {
        self.failovers.add(1, &[]);
    }

    /// How the organization's servers stand. There are at most as many labels as servers are kept.
    pub fn servers(&self, standing: &Standing) {
        self.on_fallback.record(u64::from(standing.fallback_since.is_some()), &[]);
        for server in &standing.servers {
            for (state, name) in [
                (Breaker::Closed, "closed"),
                (Breaker::Open, "open"),
                (Breaker::HalfOpen, "half_open"),
            ] {
                let labels =
                    [KeyValue::new("server", server.host.clone()), KeyValue::new("state", name)];
                self.breakers.record(u64::from(server.breaker == state), &labels);
            }
        }
    }

    /// A sync was stored.
    pub fn synced(&self, rows: u64, digests: &DigestTable) {
        self.rows.add(rows, &[]);
        let Reading { skipped, read, mistaken } = digests.reading();
        self.skipped.add(skipped, &[]);
        self.read.add(read, &[]);
        self.mistaken.add(mistaken, &[]);
        self.digest_bytes.record(u64::try_from(digests.bytes()).unwrap_or(u64::MAX), &[]);
        self.digest_entries.record(u64::try_from(digests.len()).unwrap_or(u64::MAX), &[]);
    }
}

/// Shows how a pool and its budget stand, whenever the metrics are read.
pub fn watch(pool: &Pool) {
    let meter = opentelemetry::global::meter("exgate-agent");
    let runspaces = pool.clone();
    meter
        .u64_observable_gauge("exgate.exchange.runspaces")
        .with_description("Runspaces by state: in use, idle, and how many may be used at once now")
        .with_callback(move |gauge| {
            let usage = runspaces.usage();
            for (state, count) in [
                ("busy", usage.runspaces_busy),
                ("idle", runspaces.idle()),
                ("permitted", usage.runspaces_permitted),
            ] {
                let count = u64::try_from(count).unwrap_or(u64::MAX);
                gauge.observe(count, &[KeyValue::new("state", state)]);
            }
        })
        .build();
    let budget = pool.budget().clone();
    meter
        .u64_observable_gauge("exgate.exchange.cmdlets.permitted")
        .with_unit("{cmdlet}")
        .with_description("Cmdlets that may be sent in one period of the throttling policy now")
        .with_callback(move |gauge| gauge.observe(budget.usage().cmdlets_permitted.into(), &[]))
        .build();
    type Read = fn(&Usage) -> u64;
    let counters: [(&str, &str, Read); 2] = [
        ("exgate.exchange.cmdlets", "Cmdlets that were sent", |usage| usage.cmdlets),
        ("exgate.exchange.cmdlets.waited", "Cmdlets that waited for their turn", |it| it.waited),
    ];
    for (name, description, read) in counters {
        let budget = pool.budget().clone();
        meter
            .u64_observable_counter(name)
            .with_unit("{cmdlet}")
            .with_description(description)
            .with_callback(move |counter| counter.observe(read(&budget.usage()), &[]))
            .build();
    }
    let budget = pool.budget().clone();
    meter
        .u64_observable_counter("exgate.exchange.throttled")
        .with_description("How often Exchange refused or slowed down work, by what it did")
        .with_callback(move |counter| {
            let usage = budget.usage();
            for (signal, count) in [
                ("stopped", usage.stopped),
                ("shell_refused", usage.shells_refused),
                ("delayed", usage.delayed),
            ] {
                counter.observe(count, &[KeyValue::new("signal", signal)]);
            }
        })
        .build();
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}
