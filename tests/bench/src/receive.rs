//! R1: what the agent pays for one device, from the body of an answer to an observation, over the floor.
//! One thread, CPU time, the same bytes for both, floor and ours in turn.

mod floor;
mod path;

use std::collections::HashMap;
use std::hint::black_box;
use std::time::Duration;

use anyhow::{Context, ensure};
use uuid::Uuid;

use exgate_domain::observation::{EasDevice, Observation};
use exgate_proto::convert;

use crate::arguments::Plan;
use crate::capture::Capture;
use crate::report::{Kind, Result, Side, Verdict};
use crate::statistics::Sample;

use floor::{Floor, FloorCost};
use path::{STAGES, Stage, Tally, pass};

/// How many times the floor the whole may cost.
const TARGET: f64 = 2.0;
const STRETCH: f64 = 1.5;

/// Everything that one run of rounds yields.
#[derive(Default)]
struct Samples {
    base64: Sample,
    scan: Sample,
    floor: Sample,
    /// Per stage, what it adds to the one before.
    stages: [Sample; STAGES.len()],
    observed: Sample,
    digested: Sample,
    ratio: Sample,
    ratio_digested: Sample,
}

/// Measures R1; wrong observations are an error.
pub(crate) fn measure(plan: &Plan) -> anyhow::Result<Vec<Result>> {
    let mut capture = Capture::take(plan.devices, plan.seed).context("capturing a listing")?;
    let bodies = capture.bodies.clone();
    let mut floor = Floor::new(&mut capture, &bodies)?;
    let truth = check(&mut capture).context("R1: wrong observations")?;
    ensure!(floor.objects() == truth.objects, "the floor does not see every object");
    let mut samples = Samples::default();
    for _ in 0..plan.rounds {
        samples.round(&mut capture, &mut floor, &truth).context("R1")?;
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
    /// Floor, ours, ours, floor; the stages between the two halves.
    fn round(
        &mut self,
        capture: &mut Capture,
        floor: &mut Floor<'_>,
        truth: &Tally,
    ) -> anyhow::Result<()> {
        let devices = truth.objects as f64;
        let micros = |cost: Duration| cost.as_secs_f64() * 1e6 / devices;
        let first = floor.pass()?;
        let mut ours = timed(capture, Stage::Observations, truth)?;
        let mut until = [0.0; STAGES.len()];
        for (place, stage) in STAGES.into_iter().enumerate() {
            if stage != Stage::Observations {
                until[place] = micros(timed(capture, stage, truth)?);
            }
        }
        ours += timed(capture, Stage::Observations, truth)?;
        let second = floor.pass()?;
        let both = |of: fn(&FloorCost) -> Duration| micros(of(&first) + of(&second)) / 2.0;
        let (base64, scan) = (both(|it| it.base64), both(|it| it.scan));
        let observed = micros(ours) / 2.0;
        until[Stage::Observations as usize] = observed;
        let digested = until[Stage::Digests as usize];
        for (place, sample) in self.stages.iter_mut().enumerate() {
            let before = place.checked_sub(1).map_or(0.0, |before| until[before]);
            sample.push(until[place] - before);
        }
        self.base64.push(base64);
        self.scan.push(scan);
        self.floor.push(base64 + scan);
        self.observed.push(observed);
        self.digested.push(digested);
        self.ratio.push(observed / (base64 + scan));
        self.ratio_digested.push(digested / (base64 + scan));
        Ok(())
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
        line("ours: up to observation", &self.observed);
        line("ours: up to digest", &self.digested);
    }

    fn results(&self, plan: &Plan) -> Vec<Result> {
        let side =
            |sample: &Sample| Side { cpu_us_per_unit: Some(sample.median()), ..Side::default() };
        let result = |id, ratio: &Sample, ours: &Sample, goal: Option<(f64, f64)>| Result {
            id,
            kind: Kind::Ratio,
            n: plan.devices,
            value: ratio.median(),
            unit: "x floor",
            target: goal.map(|(target, _)| target),
            stretch: goal.map(|(_, stretch)| stretch),
            spread: Some(ratio.spread()),
            rounds: Some(ratio.rounds()),
            ours: Some(side(ours)),
            floor: Some(side(&self.floor)),
            verdict: goal.map_or(Verdict::Shown, |(target, stretch)| {
                Verdict::of(ratio.median(), target, stretch, ratio.spread())
            }),
        };
        vec![
            result(
                "R1 receive -> observation",
                &self.ratio,
                &self.observed,
                Some((TARGET, STRETCH)),
            ),
            result("R1 ... with digest", &self.ratio_digested, &self.digested, None),
        ]
    }
}

/// One pass, its result held against the truth.
fn timed(capture: &mut Capture, stage: Stage, truth: &Tally) -> anyhow::Result<Duration> {
    let (cost, tally) = pass(capture, stage, |observation| drop(black_box(observation)))?;
    let due = Tally {
        objects: if stage >= Stage::Messages { truth.objects } else { 0 },
        observations: if stage >= Stage::Observations { truth.observations } else { 0 },
        keys: if stage >= Stage::Observations { truth.keys } else { 0 },
        digests: if stage >= Stage::Digests { truth.digests } else { 0 },
    };
    ensure!(tally == due, "a pass up to {} saw {tally:?}, not {due:?}", stage.name());
    Ok(cost)
}

/// Goes the whole way once and holds every observation against the simulator's own state; what every
/// later pass must see comes back.
fn check(capture: &mut Capture) -> anyhow::Result<Tally> {
    let mut observed: HashMap<Uuid, EasDevice> = HashMap::new();
    let mut truth = Tally::default();
    let (_, tally) = pass(capture, Stage::Digests, |observation| {
        truth.digest(&convert::digest(&observation));
        if let Observation::Device(device) = observation {
            observed.insert(device.id.guid(), device);
        }
    })?;
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
        let mut samples = Samples::default();
        samples.round(&mut capture, &mut floor, &truth).unwrap();
        assert!(samples.ratio.median() > 0.0);

        let wrong = Tally { digests: truth.digests ^ 1, ..truth };
        assert!(samples.round(&mut capture, &mut floor, &wrong).is_err());
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
