//! Owns how a test runs: in a runtime of its own, under a deadline, with nothing left behind.

use std::future::Future;
use std::sync::{Once, PoisonError, RwLock};
use std::time::Duration;

use exgate_runtime::config::{Log, LogFormat, Telemetry};

/// No scenario takes longer, not even on a loaded machine.
pub const DEADLINE: Duration = Duration::from_secs(120);

/// The variable that makes what runs inside the test process log to standard error, such as
/// `EXGATE_TEST_LOG=debug`; without it that is silent.
pub const LOG_VARIABLE: &str = "EXGATE_TEST_LOG";

/// How long what is left may take to end.
const DRAIN: Duration = Duration::from_secs(5);

/// Held by every scenario for reading, and by one that needs the machine for itself for writing.
static MACHINE: RwLock<()> = RwLock::new(());

/// Runs a test to its end.
///
/// # Panics
/// When the test does, and when it takes longer than [`DEADLINE`].
pub fn scenario(test: impl Future<Output = ()>) {
    let _beside_others = MACHINE.read().unwrap_or_else(PoisonError::into_inner);
    run(test);
}

/// Runs a test to its end while no other scenario of this process runs: for those that hold a rate,
/// which is the machine's as well.
///
/// # Panics
/// As [`scenario`].
pub fn scenario_alone(test: impl Future<Output = ()>) {
    let _alone = MACHINE.write().unwrap_or_else(PoisonError::into_inner);
    run(test);
}

fn run(test: impl Future<Output = ()>) {
    exgate_runtime::install_crypto_provider();
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).enable_all().build().expect("a runtime");
    log(&runtime);
    let ended = runtime.block_on(async { tokio::time::timeout(DEADLINE, Box::pin(test)).await });
    runtime.shutdown_timeout(DRAIN);
    assert!(ended.is_ok(), "the scenario did not end within {DEADLINE:?}");
}

fn log(runtime: &tokio::runtime::Runtime) {
    static ONCE: Once = Once::new();
    let Ok(level) = std::env::var(LOG_VARIABLE) else { return };
    ONCE.call_once(|| {
        let _entered = runtime.enter();
        let log = Log { level, format: LogFormat::Text };
        let telemetry = Telemetry { metrics_listen: String::new(), ..Telemetry::default() };
        let guard = exgate_runtime::telemetry::init("exgate-tests", &log, &telemetry);
        // Logs go on until the process ends.
        std::mem::forget(guard.expect("telemetry"));
    });
}
