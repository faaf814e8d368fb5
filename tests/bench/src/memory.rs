//! M4: the agent's largest resident size after two full syncs of a fleet, of which the second skips what
//! the first has read, and, of two fleets, how it grows with them beyond its digest table. Real programs, one
//! process each; that it streams is what keeps the number small.

use std::time::Duration;

use anyhow::{Context, ensure};

use crate::arguments::Plan;
use crate::processes::{House, Synced, unless_interrupted};
use crate::report::{Kind, Result, Side, Verdict};

/// How long one fleet may take, from start to end, and what each device adds to that.
const LIMIT: Duration = Duration::from_secs(120);
const LIMIT_DEVICE: Duration = Duration::from_millis(2);
/// What the agent may take whatever the fleet.
const BASE_MIB_MAX: f64 = 64.0;
const BASE_MIB_STRETCH: f64 = 48.0;
/// What it may take for each device: the table of digests.
const DEVICE_BYTES_MAX: usize = 48;
/// How much more it may take beyond that for ten times as many devices.
const GROWTH_MAX: f64 = 1.1;
const GROWTH_STRETCH: f64 = 1.05;
const DIGEST_METRIC: &str = "exgate_agent_digest_table_size_bytes";
const SKIPPED_METRIC: &str = "exgate_agent_sync_skipped_total";

/// What one size came to.
#[derive(Clone, Copy, Debug)]
struct Size {
    devices: usize,
    peak_kib: u64,
    digest_bytes: u64,
    wall: Duration,
}

impl Size {
    /// What the agent takes beyond what its devices may cost.
    fn base_mib(&self) -> f64 {
        mib(self.peak_kib * 1024) - mib((self.devices * DEVICE_BYTES_MAX) as u64)
    }

    fn side(&self) -> Side {
        Side {
            wall_s: Some(self.wall.as_secs_f64()),
            rss_kib: Some(self.peak_kib),
            ..Side::default()
        }
    }
}

/// Measures both; a sync that is not whole is an error.
pub(crate) fn measure(plan: &Plan) -> anyhow::Result<Vec<Result>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut sizes = Vec::new();
    for devices in plan.fleets.iter().copied() {
        let size = runtime
            .block_on(unless_interrupted(sync(devices, plan.seed)))
            .with_context(|| format!("M4: two full syncs of {devices} devices"))?;
        println!(
            "M4: {devices} devices in {:.1} s: agent's peak {:.1} MiB, {:.1} MiB beyond {DEVICE_BYTES_MAX} B a \
             device; its digest table {:.1} MiB, {:.1} B a device",
            size.wall.as_secs_f64(),
            mib(size.peak_kib * 1024),
            size.base_mib(),
            mib(size.digest_bytes),
            size.digest_bytes as f64 / devices as f64,
        );
        sizes.push(size);
    }
    let [small, .., large] = *sizes.as_slice() else {
        return Ok(sizes.first().map(bound).into_iter().collect());
    };
    ensure!(large.digest_bytes > small.digest_bytes, "M4: the digest table did not grow");
    let growth = large.base_mib() / small.base_mib();
    let grown = Result {
        floor: Some(small.side()),
        ..result("M4 ... over the smaller fleet", &large, growth, "x", (GROWTH_MAX, GROWTH_STRETCH))
    };
    Ok(vec![bound(&large), grown])
}

fn bound(size: &Size) -> Result {
    let limits = (BASE_MIB_MAX, BASE_MIB_STRETCH);
    result("M4 agent beyond 48 B/device", size, size.base_mib(), "MiB", limits)
}

fn result(
    id: &'static str,
    size: &Size,
    value: f64,
    unit: &'static str,
    (target, stretch): (f64, f64),
) -> Result {
    Result {
        id,
        kind: Kind::Memory,
        n: size.devices,
        value,
        unit,
        target: Some(target),
        stretch: Some(stretch),
        spread: None,
        rounds: Some(1),
        ours: Some(size.side()),
        floor: None,
        verdict: Verdict::of(value, target, stretch, 0.0),
    }
}

async fn sync(devices: usize, seed: u64) -> anyhow::Result<Size> {
    let factor = u32::try_from(devices)?;
    let mut house = House::start(devices, seed, LIMIT + LIMIT_DEVICE * factor).await?;
    let first = house.sync().await?;
    let second = house.sync_again().await?;
    for Synced { devices: seen, .. } in [&first, &second] {
        ensure!(*seen == devices as u64, "the coordinator has {seen} of {devices} devices");
    }
    // Both are told once the coordinator has acknowledged the sync.
    let skipped = house.agent_metric(SKIPPED_METRIC).await?;
    ensure!(
        skipped >= devices as u64,
        "only {skipped} of {devices} unchanged devices were skipped"
    );
    let digest_bytes = house.agent_metric(DIGEST_METRIC).await?;
    let wall = first.wall + second.wall;
    let size = Size { devices, peak_kib: house.agent_peak_kib()?, digest_bytes, wall };
    house.stop();
    Ok(size)
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
