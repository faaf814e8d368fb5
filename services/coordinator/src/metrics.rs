//! Every number that the coordinator tells, and its name. The only identity in a label is the
//! organization: the number of series does not grow with devices.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Gauge, Histogram, Meter, UpDownCounter};

use exgate_domain::command::ReceiptOutcome;
use exgate_domain::decision::Decision;
use exgate_domain::ids::{Generation, OrganizationId};
use exgate_domain::policy::Access;
use exgate_domain::statistics::StatisticsOutcome;
use exgate_domain::sync::{Run, SyncMode, Tally, Trigger};
use exgate_runtime::Tasks;
use exgate_runtime::listen::Endpoint;

use crate::agents::Agents;
use crate::runs::Runs;
use crate::sources::RecordsHandle;
use crate::store::{DeviceTally, RowsWritten, Store, StoreError};

const SCOPE: &str = "exgate-coordinator";
const CONNECTED: &str = "exgate.connector.connected";
const LAST_HEARTBEAT: &str = "exgate.connector.last_heartbeat.timestamp";
const LEASE_GENERATION: &str = "exgate.lease.generation";
const SYNC_DURATION: &str = "exgate.sync.duration";
const SYNC_LAST_SUCCESS: &str = "exgate.sync.last_success.timestamp";
const SYNC_IN_PROGRESS: &str = "exgate.sync.in_progress";
const SYNC_INCOMPLETE: &str = "exgate.sync.incomplete";
const SYNC_DEVICES: &str = "exgate.sync.devices";
const DEVICES_KNOWN: &str = "exgate.device.known";
const EVALUATIONS: &str = "exgate.decision.evaluations";
const EVALUATION_DURATION: &str = "exgate.decision.duration";
const EVALUATOR_REACHABLE: &str = "exgate.evaluator.reachable";
const QUESTIONS_MOVED: &str = "exgate.evaluator.questions_moved";
const COMMANDS: &str = "exgate.command.answers";
const COMMANDS_UNKNOWN: &str = "exgate.command.unknown";
const COMMANDS_IN_FLIGHT: &str = "exgate.command.in_flight";
const MAILBOXES_PENDING: &str = "exgate.cmdlet.queue.length";
const STATISTICS: &str = "exgate.statistics.mailboxes";
const STORE_ROWS: &str = "exgate.store.rows_written";
const SOURCE_READ: &str = "exgate.source.last_success.timestamp";
const SOURCE_RECORDS: &str = "exgate.source.records";

/// How often gauges are read.
const GAUGES_EVERY: Duration = Duration::from_secs(2);
/// Bounds of durations from a quick look to a long sync, in seconds.
const SYNC_SECONDS: [f64; 12] =
    [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 1800.0];

/// The coordinator's instruments; cheap to clone.
#[derive(Debug, Clone)]
pub struct Metrics(Arc<Instruments>);

#[derive(Debug)]
struct Instruments {
    connected: Gauge<u64>,
    last_heartbeat: Gauge<f64>,
    generation: Gauge<u64>,
    sync_duration: Histogram<f64>,
    sync_last_success: Gauge<f64>,
    sync_in_progress: UpDownCounter<i64>,
    sync_incomplete: Counter<u64>,
    sync_devices: Counter<u64>,
    devices_known: Gauge<u64>,
    evaluations: Counter<u64>,
    evaluation_duration: Histogram<f64>,
    evaluator_reachable: Gauge<u64>,
    questions_moved: Counter<u64>,
    commands: Counter<u64>,
    commands_unknown: Gauge<u64>,
    commands_in_flight: Gauge<u64>,
    mailboxes_pending: Gauge<u64>,
    source_read: Gauge<f64>,
    source_records: Gauge<u64>,
    statistics: Counter<u64>,
    store_rows: Counter<u64>,
    rows_told: Mutex<std::collections::HashMap<&'static str, u64>>,
}

/// How a command's cmdlet ended, as a label.
fn outcome(outcome: &ReceiptOutcome) -> &'static str {
    match outcome {
        ReceiptOutcome::Done => "done",
        ReceiptOutcome::Refused { .. } => "refused",
        ReceiptOutcome::Unknown { .. } => "unknown",
    }
}

impl Metrics {
    /// Instruments of the meter that is installed.
    pub fn new() -> Self {
        let meter = opentelemetry::global::meter(SCOPE);
        Self(Arc::new(Instruments::new(&meter)))
    }

    /// An agent attached, or is gone.
    pub fn connected(&self, organization: &OrganizationId, is_connected: bool) {
        self.0.connected.record(u64::from(is_connected), &[of(organization)]);
    }

    /// Something was heard from an agent.
    pub fn heard(&self, organization: &OrganizationId, at: Timestamp) {
        self.0.last_heartbeat.record(seconds(at), &[of(organization)]);
    }

    /// A lease was granted.
    pub fn generation(&self, organization: &OrganizationId, generation: Generation) {
        self.0.generation.record(generation.get(), &[of(organization)]);
    }

    /// A run was handed out.
    pub fn sync_started(&self, run: &Run) {
        self.0.sync_in_progress.add(1, &[of(&run.organization), mode(run.mode)]);
    }

    /// A run that was handed out is over.
    pub fn sync_ended(
        &self,
        run: &Run,
        took: Duration,
        end: Result<(Timestamp, Tally), &'static str>,
    ) {
        let run_labels = [of(&run.organization), mode(run.mode)];
        self.0.sync_in_progress.add(-1, &run_labels);
        let mut labels = run_labels.to_vec();
        labels.push(KeyValue::new("exgate.sync.trigger", trigger(run.trigger)));
        match end {
            Ok((at, tally)) => {
                self.sync_succeeded(&run.organization, run.mode, at);
                for (change, count) in [
                    ("added", tally.added),
                    ("changed", tally.changed),
                    ("unchanged", tally.unchanged),
                    ("removed", tally.removed),
                ] {
                    let change = KeyValue::new("exgate.change", change);
                    let [organization, mode] = run_labels.clone();
                    self.0.sync_devices.add(count, &[organization, mode, change]);
                }
            }
            Err(kind) => {
                self.0.sync_incomplete.add(1, &run_labels);
                labels.push(KeyValue::new("error.type", kind));
            }
        }
        self.0.sync_duration.record(took.as_secs_f64(), &labels);
    }

    /// When a sync last succeeded.
    pub fn sync_succeeded(&self, organization: &OrganizationId, which: SyncMode, at: Timestamp) {
        self.0.sync_last_success.record(seconds(at), &[of(organization), mode(which)]);
    }

    /// How many devices are in which state.
    pub fn devices(&self, organization: &OrganizationId, tally: &DeviceTally) {
        for (state, count) in [
            ("allowed", tally.allowed),
            ("blocked", tally.blocked),
            ("quarantined", tally.quarantined),
            ("discovery", tally.discovery),
            ("other", tally.other),
        ] {
            let state = KeyValue::new("exgate.access.state", state);
            self.0.devices_known.record(count, &[of(organization), state]);
        }
    }

    /// A batch of cases was decided.
    pub fn decided(&self, organization: &OrganizationId, decisions: &[Decision], took: Duration) {
        for decision in decisions {
            let access = match decision.access {
                Access::Leave => "leave",
                Access::Allow => "allow",
                Access::Quarantine => "quarantine",
                Access::Block => "block",
            };
            let access = KeyValue::new("exgate.decision.access", access);
            self.0.evaluations.add(1, &[of(organization), access]);
        }
        self.0.evaluation_duration.record(took.as_secs_f64(), &[of(organization)]);
    }

    /// An evaluator answered, or did not.
    pub fn evaluator(&self, endpoint: &Endpoint, is_reachable: bool) {
        let labels = [
            KeyValue::new("server.address", endpoint.host().to_owned()),
            KeyValue::new("server.port", i64::from(endpoint.port())),
        ];
        self.0.evaluator_reachable.record(u64::from(is_reachable), &labels);
    }

    /// A question went to another evaluator, because one did not answer it.
    pub fn question_moved(&self) {
        self.0.questions_moved.add(1, &[]);
    }

    /// A receipt came.
    pub fn answered(&self, organization: &OrganizationId, came_of_it: &ReceiptOutcome) {
        let outcome = KeyValue::new("exgate.command.outcome", outcome(came_of_it));
        self.0.commands.add(1, &[of(organization), outcome]);
    }

    /// What waits: mailboxes to change, commands handed out, commands of unknown outcome.
    pub fn outbox(&self, organization: &OrganizationId, pending: u64, lent: u64, unknown: u64) {
        let labels = [of(organization)];
        self.0.mailboxes_pending.record(pending, &labels);
        self.0.commands_in_flight.record(lent, &labels);
        self.0.commands_unknown.record(unknown, &labels);
    }

    /// What a source of records gave last.
    pub fn source(&self, name: &str, read_at: Option<Timestamp>, devices: u64, users: u64) {
        let label = KeyValue::new("exgate.source.name", name.to_owned());
        if let Some(at) = read_at {
            self.0.source_read.record(seconds(at), std::slice::from_ref(&label));
        }
        for (kind, count) in [("device", devices), ("user", users)] {
            let kind = KeyValue::new("kind", kind);
            self.0.source_records.record(count, &[label.clone(), kind]);
        }
    }

    /// A mailbox was asked for the statistics of its devices.
    pub fn statistics(&self, organization: &OrganizationId, came_of_it: &StatisticsOutcome) {
        let outcome = match came_of_it {
            StatisticsOutcome::Read(_) => "read",
            StatisticsOutcome::Unknown(_) => "unknown",
            StatisticsOutcome::NotAsked(_) => "not_asked",
        };
        let outcome = KeyValue::new("exgate.statistics.outcome", outcome);
        self.0.statistics.add(1, &[of(organization), outcome]);
    }

    /// Rows written to the store since it was opened.
    pub fn store(&self, written: &RowsWritten) {
        let mut told = self.0.rows_told.lock().unwrap_or_else(PoisonError::into_inner);
        for (kind, total) in written.snapshot() {
            let before = told.insert(kind.name(), total).unwrap_or_default();
            let kind = KeyValue::new("kind", kind.name());
            self.0.store_rows.add(total.saturating_sub(before), &[kind]);
        }
    }
}

/// Keeps the numbers that nobody's work touches.
#[derive(Debug)]
pub struct Gauges {
    metrics: Metrics,
    store: Store,
    records: RecordsHandle,
    agents: Agents,
    runs: Runs,
}

impl Gauges {
    /// Takes the numbers from the parts that have them, also those of before this start.
    pub fn new(
        metrics: Metrics,
        store: Store,
        records: RecordsHandle,
        agents: Agents,
        runs: Runs,
    ) -> Self {
        Self { metrics, store, records, agents, runs }
    }

    /// Looks again and again until the tasks have to stop.
    pub async fn run(self, tasks: Tasks) {
        let stopped = tasks.stopped();
        tokio::pin!(stopped);
        loop {
            if let Err(error) = self.look().await {
                tracing::debug!(error = exgate_runtime::report(&error), "numbers were not read");
            }
            tokio::select! {
                () = &mut stopped => return,
                () = tokio::time::sleep(GAUGES_EVERY) => {}
            }
        }
    }

    async fn look(&self) -> Result<(), StoreError> {
        self.metrics.store(self.store.rows_written());
        for state in self.records.states() {
            self.metrics.source(&state.name, state.read_at, state.devices, state.users);
        }
        for stored in self.store.organizations(None, u32::MAX).await? {
            let organization = stored.organization.id;
            let tally = self.store.device_tally(&organization).await?;
            self.metrics.devices(&organization, &tally);
            self.metrics.connected(&organization, self.agents.holder(&organization).is_some());
            let stored = self.store.connector(&organization).await?.map(|it| it.last_heard_at);
            if let Some(at) = self.agents.heard_at(&organization).max(stored) {
                self.metrics.heard(&organization, at);
            }
            let history = self.runs.history(&organization).await?;
            let quick = history.quick_succeeded_at.map(|at| (SyncMode::Quick, at));
            let full = history.full_succeeded_at.map(|at| (SyncMode::Full, at));
            for (which, at) in quick.into_iter().chain(full) {
                self.metrics.sync_succeeded(&organization, which, at);
            }
        }
        Ok(())
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Instruments {
    fn new(meter: &Meter) -> Self {
        let gauge = |name, about| meter.u64_gauge(name).with_description(about).build();
        let instant =
            |name, about| meter.f64_gauge(name).with_unit("s").with_description(about).build();
        let counter = |name, unit, about| {
            meter.u64_counter(name).with_unit(unit).with_description(about).build()
        };
        let span = |name, about, bounds: &[f64]| {
            let span = meter.f64_histogram(name).with_unit("s").with_description(about);
            span.with_boundaries(bounds.to_vec()).build()
        };
        Self {
            connected: gauge(CONNECTED, "Whether an agent holds the lease and is attached"),
            last_heartbeat: instant(LAST_HEARTBEAT, "When the agent was last heard"),
            generation: gauge(LEASE_GENERATION, "Number of the organization's lease"),
            sync_duration: span(SYNC_DURATION, "Duration of syncs", &SYNC_SECONDS),
            sync_last_success: instant(SYNC_LAST_SUCCESS, "End of the last sync that succeeded"),
            sync_in_progress: meter
                .i64_up_down_counter(SYNC_IN_PROGRESS)
                .with_unit("{run}")
                .with_description("Syncs under way")
                .build(),
            sync_incomplete: counter(SYNC_INCOMPLETE, "{run}", "Syncs that failed"),
            sync_devices: counter(SYNC_DEVICES, "{device}", "Devices that syncs saw"),
            devices_known: gauge(DEVICES_KNOWN, "Devices by what Exchange lets them do"),
            evaluations: counter(EVALUATIONS, "{decision}", "Decisions made"),
            evaluation_duration: span(
                EVALUATION_DURATION,
                "Duration of one batch of decisions",
                &exgate_runtime::metrics::SECONDS,
            ),
            evaluator_reachable: gauge(EVALUATOR_REACHABLE, "Whether each evaluator answered last"),
            questions_moved: counter(
                QUESTIONS_MOVED,
                "{batch}",
                "Questions that went on to another evaluator",
            ),
            commands: counter(COMMANDS, "{command}", "Commands by what came of them"),
            commands_unknown: gauge(COMMANDS_UNKNOWN, "Commands to be read back"),
            commands_in_flight: gauge(COMMANDS_IN_FLIGHT, "Commands handed out and not answered"),
            mailboxes_pending: gauge(MAILBOXES_PENDING, "Mailboxes that wait for a change"),
            source_read: instant(SOURCE_READ, "When a source was last read without a mistake"),
            source_records: gauge(SOURCE_RECORDS, "Records that a source gave last"),
            statistics: counter(
                STATISTICS,
                "{mailbox}",
                "Mailboxes asked for the statistics of their devices",
            ),
            store_rows: counter(STORE_ROWS, "{row}", "Rows written to the store"),
            rows_told: Mutex::default(),
        }
    }
}

fn of(organization: &OrganizationId) -> KeyValue {
    KeyValue::new("exgate.organization.id", organization.to_string())
}

fn mode(mode: SyncMode) -> KeyValue {
    let mode = match mode {
        SyncMode::Quick => "quick",
        SyncMode::Full => "full",
    };
    KeyValue::new("exgate.sync.mode", mode)
}

fn trigger(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Schedule => "schedule",
        Trigger::Manual => "manual",
        Trigger::ReadBack => "read_back",
    }
}

fn seconds(at: Timestamp) -> f64 {
    at.as_duration().as_secs_f64()
}
