//! R1: what the agent pays for one device, from the body of an answer to an encoded observation, over the
//! floor. R3: what it pays for one that has not changed, over that. One thread, CPU time, the same bytes
//! for all, floor and ours in turn.

mod floor;
mod path;

use std::collections::HashMap;
use std::hint::black_box;
use std::time::Duration;

use anyhow::{Context, ensure};
use uuid::Uuid;

use exgate_agent::collect::{DigestTable, Seal};
use exgate_domain::ids::Generation;
use exgate_domain::observation::{EasDevice, Observation};
use exgate_proto::convert;

use crate::arguments::Plan;
use crate::capture::Capture;
use crate::report::{Kind, Result, Side, Verdict};
use crate::statistics::Sample;

use floor::{Floor, FloorCost};
use path::{Known, KnownWay, STAGES, Stage, Tally, Way};

/// How many times the floor a device may cost that is read.
const READ: (f64, f64) = (2.0, 1.5);
/// How much of that one may cost that is skipped.
const SKIPPED: (f64, f64) = (0.35, 0.25);
/// After how many bodies another lane has its turn: about 2 MB, which the caches hold.
const TURN_BODIES: usize = 4;
/// The floor, what is skipped, and every stage.
const LANES: usize = 2 + STAGES.len();

/// Everything that one run of rounds yields.
#[derive(Default)]
struct Samples {
    base64: Sample,
    scan: Sample,
    floor: Sample,
    /// Per stage, what it adds to the one before.
    stages: [Sample; STAGES.len()],
    encoded: Sample,
    digested: Sample,
    skipped: Sample,
    ratio: Sample,
    ratio_digested: Sample,
    ratio_skipped: Sample,
}

/// Measures R1 and R3; wrong observations, and a device that is not skipped, are errors.
pub(crate) fn measure(plan: &Plan) -> anyhow::Result<Vec<Result>> {
    let mut capture = Capture::take(plan.devices, plan.seed).context("capturing a listing")?;
    let bodies = capture.bodies.clone();
    let mut floor = Floor::new(&mut capture, &bodies)?;
    let truth = check(&mut capture).context("R1: wrong observations")?;
    ensure!(floor.objects() == truth.objects, "the floor does not see every object");
    let table = acknowledged(&mut capture, &truth).context("R3: the first of two passes")?;
    let mut samples = Samples::default();
    for _ in 0..plan.rounds {
        samples.round(&mut capture, &mut floor, &table, &truth).context("R1, R3")?;
    }
    let wire: usize = bodies.iter().map(bytes::Bytes::len).sum();
    println!(
        "R1: {} devices, {} answers, {} B of XML and {} B of envelope a device",
        truth.objects,
        bodies.len(),
        floor.xml_bytes() / truth.objects,
        wire / truth.objects,
    );
    samples.print();
    Ok(samples.results(plan))
}

impl Samples {
    /// All lanes go through the same few bodies, then through the next, in turn from the first and from
    /// the last: whatever the machine does for longer than a moment hits all alike.
    fn round(
        &mut self,
        capture: &mut Capture,
        floor: &mut Floor<'_>,
        table: &DigestTable,
        truth: &Tally,
    ) -> anyhow::Result<()> {
        let bodies = capture.bodies.clone();
        let mut ways = Vec::new();
        for stage in STAGES {
            ways.push(Way::new(capture, stage)?);
        }
        let mut known = KnownWay::new(capture, table)?;
        let mut cost = FloorCost::default();
        for (number, chunk) in bodies.chunks(TURN_BODIES).enumerate() {
            let begin = number * TURN_BODIES;
            let range = begin..begin + chunk.len();
            floor.warm(range.clone());
            for turn in 0..LANES {
                let lane = if number % 2 == 0 { turn } else { LANES - 1 - turn };
                match lane.checked_sub(2) {
                    None if lane == 0 => cost += floor.step(range.clone())?,
                    None => known.step(chunk)?,
                    Some(stage) => ways[stage].step(chunk, &mut |it| drop(black_box(it)))?,
                }
            }
        }
        let mut until = Vec::new();
        for (stage, way) in STAGES.into_iter().zip(ways) {
            until.push(whole(stage, way.end(), truth)?);
        }
        let skipped = all_skipped(known.end(), truth)?;
        self.push(&cost, &until, skipped, truth.objects as f64);
        Ok(())
    }

    /// Takes the costs of a round in.
    fn push(&mut self, floor: &FloorCost, until: &[Duration], skipped: Duration, devices: f64) {
        let micros = |cost: Duration| cost.as_secs_f64() * 1e6 / devices;
        let (base64, scan, skipped) = (micros(floor.base64), micros(floor.scan), micros(skipped));
        let until: Vec<_> = until.iter().copied().map(micros).collect();
        let (encoded, digested) = (until[Stage::Encoded as usize], until[Stage::Digests as usize]);
        for (place, sample) in self.stages.iter_mut().enumerate() {
            let before = place.checked_sub(1).map_or(0.0, |before| until[before]);
            sample.push(until[place] - before);
        }
        self.base64.push(base64);
        self.scan.push(scan);
        self.floor.push(base64 + scan);
        self.encoded.push(encoded);
        self.digested.push(digested);
        self.skipped.push(skipped);
        self.ratio.push(encoded / (base64 + scan));
        self.ratio_digested.push(digested / (base64 + scan));
        self.ratio_skipped.push(skipped / encoded);
    }

    fn print(&self) {
        let line = |name: &str, sample: &Sample| {
            println!(
                "  {name:<26} {:>7.2} µs/device  ± {:>3.0} %",
                sample.median(),
                sample.spread() * 50.0
            );
        };
        line("floor: base64", &self.base64);
        line("floor: XML events", &self.scan);
        line("floor", &self.floor);
        for (stage, sample) in STAGES.into_iter().zip(&self.stages) {
            line(&format!("ours: {}", stage.name()), sample);
        }
        line("ours: up to encoded record", &self.encoded);
        line("ours: up to digest", &self.digested);
        line("ours: skipped", &self.skipped);
    }

    fn results(&self, plan: &Plan) -> Vec<Result> {
        let side =
            |sample: &Sample| Side { cpu_us_per_unit: Some(sample.median()), ..Side::default() };
        let result =
            |id, unit, ratio: &Sample, ours: &Sample, floor: &Sample, goal: Option<_>| Result {
                id,
                kind: Kind::Ratio,
                n: plan.devices,
                value: ratio.median(),
                unit,
                target: goal.map(|(target, _)| target),
                stretch: goal.map(|(_, stretch)| stretch),
                spread: Some(ratio.spread()),
                rounds: Some(ratio.rounds()),
                ours: Some(side(ours)),
                floor: Some(side(floor)),
                verdict: goal.map_or(Verdict::Shown, |(target, stretch)| {
                    Verdict::of(ratio.median(), target, stretch, ratio.spread())
                }),
            };
        let Self { floor, encoded, digested, skipped, .. } = self;
        let (read, known) = ("R1 receive -> encoded record", "R3 receive -> known, skipped");
        vec![
            result(read, "x floor", &self.ratio, encoded, floor, Some(READ)),
            result("R1 ... with digest", "x floor", &self.ratio_digested, digested, floor, None),
            result(known, "x R1", &self.ratio_skipped, skipped, encoded, Some(SKIPPED)),
        ]
    }
}

/// The cost of a way gone to its end, its result held against the truth.
fn whole(
    stage: Stage,
    (cost, tally): (Duration, Tally),
    truth: &Tally,
) -> anyhow::Result<Duration> {
    let due = Tally {
        objects: if stage >= Stage::Messages { truth.objects } else { 0 },
        observations: if stage >= Stage::Observations { truth.observations } else { 0 },
        keys: if stage >= Stage::Observations { truth.keys } else { 0 },
        encoded_bytes: if stage >= Stage::Encoded { truth.encoded_bytes } else { 0 },
        digests: if stage >= Stage::Digests { truth.digests } else { 0 },
    };
    ensure!(tally == due, "a pass up to {} saw {tally:?}, not {due:?}", stage.name());
    Ok(cost)
}

/// The cost of a way past what the table knows: all of it has to be skipped.
fn all_skipped((cost, known): (Duration, Known), truth: &Tally) -> anyhow::Result<Duration> {
    let due = Known { skipped: truth.objects, read: 0, keys: truth.keys };
    ensure!(known == due, "a pass over known objects saw {known:?}, not {due:?}");
    Ok(cost)
}

/// One pass with a table.
fn past(capture: &mut Capture, table: &DigestTable) -> anyhow::Result<(Duration, Known)> {
    let bodies = capture.bodies.clone();
    let mut way = KnownWay::new(capture, table)?;
    way.step(&bodies)?;
    Ok(way.end())
}

/// A table to which every device was acknowledged, and which a run has begun with.
fn acknowledged(capture: &mut Capture, truth: &Tally) -> anyhow::Result<DigestTable> {
    let mut table = DigestTable::default();
    table.begin(Generation::new(1), false, Seal::Whole);
    let (_, known) = past(capture, &table)?;
    let due = Known { skipped: 0, read: truth.objects, keys: truth.keys };
    ensure!(known == due, "a pass over unknown objects saw {known:?}, not {due:?}");
    table.acknowledge(Seal::Whole);
    table.begin(Generation::new(1), false, Seal::Whole);
    Ok(table)
}

/// Goes the whole way once and holds every observation against the simulator's own state; what every
/// later pass must see comes back.
fn check(capture: &mut Capture) -> anyhow::Result<Tally> {
    let mut observed: HashMap<Uuid, EasDevice> = HashMap::new();
    let mut truth = Tally::default();
    let bodies = capture.bodies.clone();
    let mut way = Way::new(capture, Stage::Digests)?;
    way.step(&bodies, &mut |observation| {
        truth.digest(&convert::digest(&observation));
        if let Observation::Device(device) = observation {
            observed.insert(device.id.guid(), device);
        }
    })?;
    let (_, tally) = way.end();
    ensure!(tally.digests == truth.digests, "digests differ");
    ensure!(tally.objects == capture.devices.len(), "there are more or fewer objects than devices");
    ensure!(observed.len() == tally.objects, "a device was seen twice or not at all");
    for held in &capture.devices {
        let seen = observed.get(&held.guid).with_context(|| format!("no device {}", held.guid))?;
        let owner = capture.owners.get(&held.mailbox).context("a device of nobody")?;
        let same = seen.device_id.as_str() == held.device_id
            && seen.mailbox_dn == owner.distinguished_name
            && format!("{:?}", seen.access_state) == format!("{:?}", held.access_state)
            && format!("{:?}", seen.access_reason) == format!("{:?}", held.access_state_reason)
            && seen.access_rule == held.access_control_rule.as_deref().unwrap_or_default()
            && seen.device_type == held.device_type
            && seen.device_model == held.device_model
            && seen.device_os == held.device_os
            && seen.user_agent == held.user_agent
            && seen.friendly_name == held.friendly_name
            && seen.imei == held.imei
            && seen.client_type == "EAS"
            && seen.first_sync_at == Some(held.first_sync)
            && seen.changed_at == Some(held.when_changed);
        ensure!(same, "{seen:?} was seen of {held:?} of {}", owner.distinguished_name);
    }
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capture() -> Capture {
        exgate_runtime::install_crypto_provider();
        Capture::take(150, 7).unwrap()
    }

    #[test]
    fn every_pass_sees_what_is_true() {
        let mut capture = capture();
        let bodies = capture.bodies.clone();
        let mut floor = Floor::new(&mut capture, &bodies).unwrap();
        let truth = check(&mut capture).unwrap();
        assert_eq!((truth.objects, truth.observations, floor.objects()), (150, 150, 150));
        let table = acknowledged(&mut capture, &truth).unwrap();
        let mut samples = Samples::default();
        samples.round(&mut capture, &mut floor, &table, &truth).unwrap();
        assert!(samples.ratio.median() > 0.0 && samples.ratio_skipped.median() > 0.0);

        let wrong = Tally { digests: truth.digests ^ 1, ..truth };
        assert!(samples.round(&mut capture, &mut floor, &table, &wrong).is_err());
        let unknown = past(&mut capture, &DigestTable::default()).unwrap();
        assert!(all_skipped(unknown, &truth).is_err());
    }

    #[test]
    fn a_wrong_observation_is_found() {
        let mut capture = capture();
        capture.devices[3].device_os.push('x');
        assert!(check(&mut capture).is_err());
        let mut capture = self::capture();
        capture.devices.pop();
        assert!(check(&mut capture).is_err());
        let mut capture = self::capture();
        capture.bodies.pop();
        assert!(check(&mut capture).is_err());
    }
}
