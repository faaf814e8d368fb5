//! Memory: what a full sync of ten times as many devices adds to the agent's largest resident size,
//! beyond the digest table, whose bytes the agent itself reports. Real programs, one process each; that
//! it streams is what keeps the number small.

use std::time::Duration;

use anyhow::{Context, bail, ensure};

use exgate_runtime::signals::Signals;

use crate::arguments::Plan;
use crate::processes::{House, Synced};
use crate::report::{Kind, Result, Side, Verdict};

/// The two sizes that are compared.
const DEVICES: [usize; 2] = [5_000, 50_000];
/// How long one of them may take, from start to end.
const LIMIT: Duration = Duration::from_secs(180);
/// What the agent may grow by beyond its digest table.
const GROWTH_MIB_MAX: f64 = 16.0;
const GROWTH_MIB_STRETCH: f64 = 8.0;
const DIGEST_METRIC: &str = "exgate_agent_digest_table_size_bytes";

/// What one size came to.
#[derive(Clone, Copy, Debug)]
struct Size {
    peak_kib: u64,
    digest_bytes: u64,
    wall: Duration,
}

/// Measures the growth; a sync that is not whole is an error.
pub(crate) fn measure(plan: &Plan) -> anyhow::Result<Vec<Result>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut sizes = Vec::new();
    for devices in DEVICES {
        let size = runtime
            .block_on(unless_interrupted(sync(devices, plan.seed)))
            .with_context(|| format!("memory: a full sync of {devices} devices"))?;
        println!(
            "memory: {devices} devices in {:.1} s: agent's peak {:.1} MiB, of which {:.1} MiB digest table",
            size.wall.as_secs_f64(),
            mib(size.peak_kib * 1024),
            mib(size.digest_bytes),
        );
        sizes.push(size);
    }
    let [small, large] = [sizes[0], sizes[1]];
    ensure!(large.digest_bytes > small.digest_bytes, "memory: the digest table did not grow");
    let side = |size: &Size| Side {
        wall_s: Some(size.wall.as_secs_f64()),
        rss_kib: Some(size.peak_kib),
        ..Side::default()
    };
    let growth = mib(large.peak_kib * 1024) - mib(small.peak_kib * 1024);
    let beyond = growth - mib(large.digest_bytes - small.digest_bytes);
    Ok(vec![Result {
        id: "memory: agent 5k -> 50k",
        kind: Kind::Memory,
        n: DEVICES[1],
        value: beyond,
        unit: "MiB beyond digests",
        target: Some(GROWTH_MIB_MAX),
        stretch: Some(GROWTH_MIB_STRETCH),
        spread: None,
        rounds: Some(1),
        ours: Some(side(&large)),
        floor: Some(side(&small)),
        verdict: Verdict::of(beyond, GROWTH_MIB_MAX, GROWTH_MIB_STRETCH, 0.0),
    }])
}

/// Ends with the house, and the house with all its processes, when somebody wants this program to end.
async fn unless_interrupted<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let mut signals = Signals::catch()?;
    tokio::select! {
        done = work => done,
        signal = signals.next() => bail!("interrupted by {signal}"),
    }
}

async fn sync(devices: usize, seed: u64) -> anyhow::Result<Size> {
    let mut house = House::start(devices, seed, LIMIT).await?;
    let Synced { devices: seen, wall } = house.sync().await?;
    ensure!(seen == devices as u64, "the coordinator has {seen} of {devices} devices");
    // The table is told once the coordinator has acknowledged the sync.
    let digest_bytes = house.agent_metric(DIGEST_METRIC).await?;
    let size = Size { peak_kib: house.agent_peak_kib()?, digest_bytes, wall };
    house.stop();
    Ok(size)
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
