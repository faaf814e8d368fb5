//! R12 and R13: what the agent's own look at an organization costs its process beside a client that
//! nobody here wrote, on the same server. Both list the same mailboxes and devices over TLS; what they
//! see must be the same, device by device, or the run does not count.

mod ours;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde::Deserialize;
use tokio::process::Command;

use crate::arguments::Plan;
use crate::processes::{House, Site, unless_interrupted};
use crate::report::{Kind, Result, Side, Verdict};
use crate::statistics::Sample;

/// The script that lists with the peer, relative to this crate.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/listing.py");
/// How long everything around one server may take.
const LIMIT: Duration = Duration::from_secs(900);

/// A client to compare with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// pypsrp as it comes.
    Pypsrp,
    /// pypsrp's transport with a reader of its objects that is written for speed.
    ElementTree,
}

/// One device as both sides tell it: Guid, DeviceId, DeviceAccessState.
pub(crate) type Row = (String, String, String);

/// What one pass of listings saw, and what it cost its process.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) cpu: Duration,
    pub(crate) mailboxes: usize,
    pub(crate) devices: Vec<Row>,
}

/// The line that the script prints.
#[derive(Debug, Deserialize)]
struct Printed {
    mailboxes: usize,
    devices: Vec<Row>,
    cpu_s: f64,
    slices_us: Vec<f64>,
}

impl Peer {
    fn goal(self) -> (&'static str, f64, f64) {
        match self {
            Self::Pypsrp => ("R12 less CPU than pypsrp", 40.0, 70.0),
            Self::ElementTree => ("R13 less CPU than ElementTree", 4.0, 6.0),
        }
    }

    fn reader(self) -> &'static str {
        match self {
            Self::Pypsrp => "pypsrp",
            Self::ElementTree => "elementtree",
        }
    }

    /// What each round within one listing costs, as a share of the middle one.
    fn shares(self, slices: Vec<f64>) -> Vec<f64> {
        let mut all = Sample::default();
        slices.iter().for_each(|cost| all.push(*cost));
        match self {
            Self::Pypsrp if all.median() > 0.0 => {
                slices.iter().map(|cost| cost / all.median()).collect()
            }
            Self::Pypsrp | Self::ElementTree => vec![1.0],
        }
    }

    /// How often it lists. pypsrp takes so long that one listing has to do: its slices are the rounds.
    fn rounds(self, plan: &Plan) -> u32 {
        match self {
            Self::Pypsrp => 1,
            Self::ElementTree => plan.rounds,
        }
    }
}

/// Measures one of them; without Python it is skipped, and different rows are an error.
pub(crate) fn measure(plan: &Plan, peer: Peer) -> anyhow::Result<Vec<Result>> {
    let (id, target, stretch) = peer.goal();
    let Some(python) = plan.python.clone().filter(|python| python.try_exists().is_ok_and(|is| is))
    else {
        println!("{id}: skipped, no Python with pypsrp (`make bench` installs it; or --python)");
        return Ok(vec![skipped(id, plan.devices_peers, target, stretch)]);
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let samples = runtime
        .block_on(unless_interrupted(compare(plan, peer, &python)))
        .with_context(|| format!("{id}: comparing"))?;
    let Samples { ours, theirs, ratio } = samples;
    println!(
        "{id}: {} devices; ours {:.1}, {} {:.1} µs/device of its process's CPU",
        plan.devices_peers,
        ours.median(),
        peer.reader(),
        theirs.median(),
    );
    let side = |sample: &Sample| Side { cpu_us_per_unit: Some(sample.median()), ..Side::default() };
    Ok(vec![Result {
        id,
        kind: Kind::Ratio,
        n: plan.devices_peers,
        value: ratio.median(),
        unit: "x ours",
        target: Some(target),
        stretch: Some(stretch),
        spread: Some(ratio.spread()),
        rounds: Some(ratio.rounds()),
        ours: Some(side(&ours)),
        floor: Some(side(&theirs)),
        verdict: Verdict::at_least(ratio.median(), target, stretch, ratio.spread()),
    }])
}

fn skipped(id: &'static str, n: usize, target: f64, stretch: f64) -> Result {
    Result {
        id,
        kind: Kind::Ratio,
        n,
        value: 0.0,
        unit: "x ours",
        target: Some(target),
        stretch: Some(stretch),
        spread: None,
        rounds: None,
        ours: None,
        floor: None,
        verdict: Verdict::Skipped,
    }
}

#[derive(Default)]
struct Samples {
    ours: Sample,
    theirs: Sample,
    ratio: Sample,
}

/// Ours, theirs, ours; then the next round. One round to warm the server up goes before.
async fn compare(plan: &Plan, peer: Peer, python: &Path) -> anyhow::Result<Samples> {
    let devices = plan.devices_peers;
    let house = House::exchange_only(devices, plan.seed, LIMIT).await?;
    let site = house.site();
    let truth = ours::list(&site).await?;
    ensure!(truth.devices.len() == devices, "{} devices were seen", truth.devices.len());
    let mut samples = Samples::default();
    let per_device = |cpu: Duration| cpu.as_secs_f64() * 1e6 / devices as f64;
    for _ in 0..peer.rounds(plan) {
        let before = ours::list(&site).await?;
        let (theirs, slices) = theirs(peer, python, &site).await?;
        let after = ours::list(&site).await?;
        for seen in [&before, &after] {
            same(&truth, seen).context("the agent sees something else")?;
        }
        same(&truth, &theirs).context("the peer sees something else")?;
        let (ours, theirs) = (per_device((before.cpu + after.cpu) / 2), per_device(theirs.cpu));
        samples.ours.push(ours);
        samples.theirs.push(theirs);
        for share in peer.shares(slices) {
            samples.ratio.push(theirs / ours * share);
        }
    }
    house.stop();
    Ok(samples)
}

fn same(truth: &Listed, seen: &Listed) -> anyhow::Result<()> {
    ensure!(
        truth.mailboxes == seen.mailboxes,
        "{} mailboxes, not {}",
        seen.mailboxes,
        truth.mailboxes
    );
    ensure!(truth.devices.len() == seen.devices.len(), "a device was seen twice or not at all");
    let [truth, seen] = [truth, seen].map(|listed| listed.devices.iter().collect::<BTreeSet<_>>());
    if let Some(odd) = truth.symmetric_difference(&seen).next() {
        anyhow::bail!("only one side sees {odd:?}");
    }
    Ok(())
}

async fn theirs(peer: Peer, python: &Path, site: &Site) -> anyhow::Result<(Listed, Vec<f64>)> {
    let Site { port, account, password_file, ca_file } = site;
    let output = Command::new(python)
        .arg(SCRIPT)
        .args(["--reader", peer.reader(), "--port", &port.to_string(), "--account", account])
        .args([PathBuf::from("--ca"), ca_file.clone()])
        .args([PathBuf::from("--password-file"), password_file.clone()])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output()
        .await
        .with_context(|| format!("starting {}", python.display()))?;
    ensure!(output.status.success(), "{SCRIPT} ended with {}", output.status);
    let Printed { mailboxes, devices, cpu_s, slices_us } =
        serde_json::from_slice(&output.stdout).context("reading what the peer printed")?;
    let listed = Listed { cpu: Duration::from_secs_f64(cpu_s), mailboxes, devices };
    Ok((listed, slices_us))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(states: [&str; 2]) -> Listed {
        let row = |(number, state): (usize, &&str)| {
            (number.to_string(), "id".to_owned(), (*state).to_owned())
        };
        let devices = states.iter().enumerate().map(row).collect();
        Listed { cpu: Duration::ZERO, mailboxes: 1, devices }
    }

    #[test]
    fn the_slices_of_one_listing_are_its_rounds() {
        assert_eq!(Peer::Pypsrp.shares(vec![3.0, 2.0, 1.0]), [1.5, 1.0, 0.5]);
        assert_eq!(Peer::Pypsrp.shares(vec![]), [1.0]);
        assert_eq!(Peer::ElementTree.shares(vec![3.0, 2.0, 1.0]), [1.0]);
    }

    #[test]
    fn only_the_same_rows_count() {
        let truth = listed(["Allowed", "Blocked"]);
        let mut other = listed(["Allowed", "Blocked"]);
        other.devices.reverse();
        assert!(same(&truth, &other).is_ok());
        assert!(same(&truth, &listed(["Allowed", "Allowed"])).is_err());
        other.devices.pop();
        assert!(same(&truth, &other).is_err());
        let fewer = Listed { mailboxes: 2, ..listed(["Allowed", "Blocked"]) };
        assert!(same(&truth, &fewer).is_err());
    }
}
