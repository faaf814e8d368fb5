//! Owns `process.memory.usage`: the resident size that the kernel tells, where it tells one.

use opentelemetry::metrics::Meter;

/// The name in the semantic conventions.
const MEMORY_USAGE: &str = "process.memory.usage";

/// Observes the resident size of this process whenever metrics are read.
pub(super) fn observe(meter: &Meter) {
    meter
        .i64_observable_up_down_counter(MEMORY_USAGE)
        .with_unit("By")
        .with_description("Resident memory of this process")
        .with_callback(|observer| {
            if let Some(bytes) = resident() {
                observer.observe(bytes, &[]);
            }
        })
        .build();
}

/// `VmRSS` of `/proc/self/status` (proc_pid_status(5)), in bytes.
fn resident() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}
