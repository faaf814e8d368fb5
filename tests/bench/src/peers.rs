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
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

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

/// A line that the script prints.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Printed {
    /// So much CPU a device of the last slice took; it waits until it may go on.
    Slice { slice_us: f64 },
    /// Everything it saw.
    End { mailboxes: usize, devices: Vec<Row>, cpu_s: f64 },
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
}

/// Measures one of them; without Python it is skipped, and different rows are an error.
pub(crate) fn measure(plan: &Plan, peer: Peer) -> anyhow::Result<Vec<Result>> {
    let (id, target, stretch) = peer.goal();
    let Some(python) = python(plan) else {
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

/// The Python with the peers, where there is one.
pub(crate) fn python(plan: &Plan) -> Option<PathBuf> {
    plan.python.clone().filter(|python| python.try_exists().is_ok_and(|is| is))
}

/// The result of what could not be measured without Python.
pub(crate) fn skipped(id: &'static str, n: usize, target: f64, stretch: f64) -> Result {
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

impl Samples {
    /// Each slice of their one listing is a round, held against the mean of ours before and after it. A
    /// slice stands for the whole listing, mailboxes included, in proportion to the middle one.
    fn of(ours: &[f64], slices: &[f64], theirs: f64) -> Self {
        let mut samples = Self::default();
        let mut middle = Sample::default();
        slices.iter().for_each(|slice| middle.push(*slice));
        for (around, slice) in ours.windows(2).zip(slices) {
            let ours = around.iter().sum::<f64>() / 2.0;
            let theirs = theirs * slice / middle.median();
            samples.ours.push(ours);
            samples.theirs.push(theirs);
            samples.ratio.push(theirs / ours);
        }
        samples
    }
}

/// Ours, a slice of theirs, ours, and so on. One look to warm the server up goes before.
async fn compare(plan: &Plan, peer: Peer, python: &Path) -> anyhow::Result<Samples> {
    let devices = plan.devices_peers;
    let house = House::exchange_only(devices, plan.seed, LIMIT).await?;
    let site = house.site();
    let truth = ours::list(&site).await?;
    ensure!(truth.devices.len() == devices, "{} devices were seen", truth.devices.len());
    let per_device = |cpu: Duration| cpu.as_secs_f64() * 1e6 / devices as f64;
    let mut ours = vec![per_device(ours::list(&site).await?.cpu)];
    let mut slices = Vec::new();
    let mut theirs = Theirs::start(peer, python, &site, devices.div_ceil(plan.rounds as usize))?;
    let listed = loop {
        match theirs.next().await? {
            Printed::Slice { slice_us } => {
                let seen = ours::list(&site).await?;
                same(&truth, &seen).context("the agent sees something else")?;
                slices.push(slice_us);
                ours.push(per_device(seen.cpu));
                theirs.go_on().await?;
            }
            Printed::End { mailboxes, devices, cpu_s } => {
                break Listed { cpu: Duration::from_secs_f64(cpu_s), mailboxes, devices };
            }
        }
    };
    theirs.end().await?;
    same(&truth, &listed).context("the peer sees something else")?;
    house.stop();
    Ok(Samples::of(&ours, &slices, per_device(listed.cpu)))
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

/// What the peer lists by itself, and what that costs its process.
pub(crate) async fn listed(
    peer: Peer,
    python: &Path,
    site: &Site,
    devices: usize,
) -> anyhow::Result<Listed> {
    let mut theirs = Theirs::start(peer, python, site, devices)?;
    let listed = loop {
        match theirs.next().await? {
            Printed::Slice { .. } => theirs.go_on().await?,
            Printed::End { mailboxes, devices, cpu_s } => {
                break Listed { cpu: Duration::from_secs_f64(cpu_s), mailboxes, devices };
            }
        }
    };
    theirs.end().await?;
    Ok(listed)
}

/// Their listing, under way in a process of its own.
struct Theirs {
    child: Child,
    said: Lines<BufReader<ChildStdout>>,
    told: ChildStdin,
}

impl Theirs {
    fn start(peer: Peer, python: &Path, site: &Site, slice: usize) -> anyhow::Result<Self> {
        let Site { port, account, password_file, ca_file } = site;
        let mut child = Command::new(python)
            .arg(SCRIPT)
            .args(["--reader", peer.reader(), "--port", &port.to_string(), "--account", account])
            .args(["--slice", &slice.to_string()])
            .args([PathBuf::from("--ca"), ca_file.clone()])
            .args([PathBuf::from("--password-file"), password_file.clone()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {}", python.display()))?;
        let said = child.stdout.take().context("no output")?;
        let told = child.stdin.take().context("no input")?;
        Ok(Self { child, said: BufReader::new(said).lines(), told })
    }

    async fn next(&mut self) -> anyhow::Result<Printed> {
        let line = self.said.next_line().await?.with_context(|| format!("{SCRIPT} ended early"))?;
        serde_json::from_str(&line).context("reading what the peer printed")
    }

    async fn go_on(&mut self) -> anyhow::Result<()> {
        self.told.write_all(b"\n").await.context("the peer does not listen")
    }

    async fn end(mut self) -> anyhow::Result<()> {
        drop(self.told);
        let status = self.child.wait().await?;
        ensure!(status.success(), "{SCRIPT} ended with {status}");
        Ok(())
    }
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
    fn a_slice_is_held_against_ours_around_it() {
        // The whole cost 30 a device, of which the middle slice took 20 for devices.
        let samples = Samples::of(&[1.0, 2.0, 2.0, 4.0], &[10.0, 20.0, 40.0], 30.0);
        assert_eq!((samples.ratio.median(), samples.ratio.rounds()), (15.0, 3));
        assert_eq!((samples.ours.median(), samples.theirs.median()), (2.0, 30.0));
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
