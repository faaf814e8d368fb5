//! R7: what a million decisions cost by a policy of ten rules, inside the evaluator, on one core, and what
//! other engines ask for the same rules over the same devices. R8: the same after one rule was changed,
//! with the reading of the changed policy. All engines have to agree on every device.

mod fleet;
mod asked;
mod engines;
#[cfg(feature = "peers")]
mod peers;

use std::time::Duration;

use anyhow::{Context, ensure};

use exgate_domain::case::Case;

use crate::arguments::Plan;
use crate::report::{Kind, Result, Side, Verdict};
use crate::statistics::{Sample, cost_of};

use engines::Typed;
pub(crate) use engines::bundle;
pub(crate) use fleet::{Fleet, POLICY, policy_text};

/// How many decisions a round takes.
pub(crate) const DECISIONS: usize = 1_000_000;
/// How many different devices they are about: more than the caches hold.
const DEVICES: usize = 20_000;
/// How often another engine goes through them before and after ours.
const LANE_PASSES: u32 = 2;
/// How many of a hundred devices have to pass every rule, or the inputs are not what they should be.
const PASSING_PERCENT_MIN: usize = 85;
/// How long a million may take, and what of another engine's time.
const SECONDS: (f64, f64) = (2.0, 0.5);
const OVER_CEL: (f64, f64) = (1.0, 0.25);
/// How much more than R7 they may take after a change.
const AGAIN: (f64, f64) = (1.2, 0.2);

/// Whoever says which devices have access.
pub(crate) trait Engine {
    /// What it is called in print.
    fn name(&self) -> &'static str;

    /// Whether a device has access.
    fn allows(&mut self, case: &Case) -> anyhow::Result<bool>;
}

/// A lane of the comparison.
struct Lane {
    engine: Box<dyn Engine>,
    /// Microseconds a decision.
    costs: Sample,
    /// How many times ours.
    ratios: Sample,
}

/// Measures R7 and R8; engines that do not agree are an error.
pub(crate) fn measure(plan: &Plan) -> anyhow::Result<Vec<Result>> {
    let fleet = Fleet::make(DEVICES, plan.seed);
    let truth = fleet.truth();
    let passing = truth.iter().filter(|allows| **allows).count();
    ensure!(
        passing * 100 >= PASSING_PERCENT_MIN * DEVICES,
        "R7: only {passing} of {DEVICES} devices pass every rule"
    );
    let mut ours = Typed::new(POLICY)?;
    let mut lanes: Vec<Lane> = engines::others()?.into_iter().map(Lane::new).collect();
    let (mut costs, mut again) = (Sample::default(), Again::default());
    // One round to warm up.
    for round in 0..=plan.rounds {
        let before: Vec<_> = lanes.iter_mut().map(|lane| lane.turn(&fleet.cases, &truth)).collect();
        let (mine, theirs) = ours_and_changed(&mut ours, &fleet, &truth).context("R7, R8")?;
        for (lane, before) in lanes.iter_mut().zip(before) {
            let cost = (before? + lane.turn(&fleet.cases, &truth)?) / 2;
            if round > 0 {
                lane.push(cost, mine / passes());
            }
        }
        if round > 0 {
            costs.push(mine.as_secs_f64());
            again.ratio.push(theirs.as_secs_f64() / mine.as_secs_f64());
            again.cost.push(theirs.as_secs_f64());
        }
    }
    print(&costs, &lanes, passing);
    Ok(results(plan, &costs, &lanes, &again))
}

/// R8's samples.
#[derive(Default)]
struct Again {
    cost: Sample,
    ratio: Sample,
}

fn passes() -> u32 {
    u32::try_from(DECISIONS / DEVICES).unwrap_or(u32::MAX)
}

/// A million decisions by the policy, and a million by the changed one, in turn over the same devices.
fn ours_and_changed(
    ours: &mut Typed,
    fleet: &Fleet,
    truth: &[bool],
) -> anyhow::Result<(Duration, Duration)> {
    let (reading, changed) = cost_of(|| Typed::new(&fleet::changed_policy()));
    let (mut changed, mut mine, mut theirs) = (changed?, Duration::ZERO, reading);
    for pass in 0..passes() {
        let mut turn = |is_changed: bool| -> anyhow::Result<()> {
            let engine = if is_changed { &mut changed } else { &mut *ours };
            let (cost, allowed) = all(engine, &fleet.cases);
            let allowed = allowed?;
            if is_changed {
                theirs += cost;
                let differ = allowed.iter().zip(truth).filter(|(one, other)| one != other).count();
                let due = fleet.hit_by_the_change(truth);
                ensure!(differ == due, "{differ} devices are decided otherwise, not {due}");
            } else {
                mine += cost;
                agree(&allowed, truth, "ours")?;
            }
            Ok(())
        };
        let order = if pass % 2 == 0 { [false, true] } else { [true, false] };
        order.into_iter().try_for_each(&mut turn)?;
    }
    Ok((mine, theirs))
}

/// What it costs to decide about all of them.
fn all(engine: &mut dyn Engine, cases: &[Case]) -> (Duration, anyhow::Result<Vec<bool>>) {
    let mut allowed = Vec::with_capacity(cases.len());
    let (cost, done) = cost_of(|| {
        cases.iter().try_for_each(|case| {
            allowed.push(engine.allows(case)?);
            anyhow::Ok(())
        })
    });
    (cost, done.map(|()| allowed))
}

fn agree(allowed: &[bool], truth: &[bool], name: &str) -> anyhow::Result<()> {
    let first = allowed.iter().zip(truth).position(|(one, other)| one != other);
    ensure!(first.is_none(), "{name} decides otherwise about device {first:?}");
    Ok(())
}

impl Lane {
    fn new(engine: Box<dyn Engine>) -> Self {
        Self { engine, costs: Sample::default(), ratios: Sample::default() }
    }

    /// What one pass costs, of several.
    fn turn(&mut self, cases: &[Case], truth: &[bool]) -> anyhow::Result<Duration> {
        let mut sum = Duration::ZERO;
        for _ in 0..LANE_PASSES {
            let (cost, allowed) = all(&mut *self.engine, cases);
            let name = self.engine.name();
            agree(&allowed.context(name)?, truth, name)?;
            sum += cost;
        }
        Ok(sum / LANE_PASSES)
    }

    fn push(&mut self, cost: Duration, ours: Duration) {
        self.costs.push(cost.as_secs_f64() * 1e6 / DEVICES as f64);
        self.ratios.push(cost.as_secs_f64() / ours.as_secs_f64());
    }
}

fn print(costs: &Sample, lanes: &[Lane], passing: usize) {
    println!(
        "R7: {DECISIONS} decisions by ten rules over {DEVICES} devices, of which {passing} pass every rule"
    );
    let line = |name: &str, micros: f64, spread: f64| {
        println!("  {name:<26} {micros:>7.2} µs/decision  ± {:>3.0} %", spread * 50.0);
    };
    line("ours: typed fields", costs.median() * 1e6 / DECISIONS as f64, costs.spread());
    for lane in lanes {
        line(lane.engine.name(), lane.costs.median(), lane.costs.spread());
    }
}

fn results(plan: &Plan, costs: &Sample, lanes: &[Lane], again: &Again) -> Vec<Result> {
    let micros = |seconds: f64| seconds * 1e6 / DECISIONS as f64;
    let side = |micros: f64| Side { cpu_us_per_unit: Some(micros), ..Side::default() };
    let ours = side(micros(costs.median()));
    let line = |id, unit, value: f64, sample: &Sample, goal: Option<(f64, f64)>| Result {
        id,
        kind: Kind::Ratio,
        n: DECISIONS,
        value,
        unit,
        target: goal.map(|(target, _)| target),
        stretch: goal.map(|(_, stretch)| stretch),
        spread: Some(sample.spread()),
        rounds: Some(plan.rounds),
        ours: Some(ours),
        floor: None,
        verdict: goal.map_or(Verdict::Shown, |(target, stretch)| {
            Verdict::of(value, target, stretch, sample.spread())
        }),
    };
    let mut results = vec![Result {
        kind: Kind::Count,
        ..line("R7 1M decisions, ten rules", "s", costs.median(), costs, Some(SECONDS))
    }];
    let cel = lanes.iter().find(|lane| lane.engine.name() == engines::CEL);
    results.push(match cel {
        Some(lane) => Result {
            floor: Some(side(lane.costs.median())),
            ..line(
                "R7 ... over cel's",
                "x",
                1.0 / lane.ratios.median(),
                &lane.ratios,
                Some(OVER_CEL),
            )
        },
        // Built without the feature `peers`.
        None => Result {
            verdict: Verdict::Skipped,
            spread: None,
            rounds: None,
            ..line("R7 ... over cel's", "x", 0.0, costs, Some(OVER_CEL))
        },
    });
    for lane in lanes.iter().filter(|lane| lane.engine.name() != engines::CEL) {
        let id = match lane.engine.name() {
            engines::REGORUS => "R7 regorus over ours",
            engines::BY_HAND => "R7 ours over by hand",
            _ => "R7 the ten as rules: over ours",
        };
        let floor = Some(side(lane.costs.median()));
        let theirs = lane.ratios.median();
        let value = if lane.engine.name() == engines::BY_HAND { 1.0 / theirs } else { theirs };
        results.push(Result { floor, ..line(id, "x", value, &lane.ratios, None) });
    }
    results.push(Result {
        ours: Some(side(micros(again.cost.median()))),
        floor: Some(ours),
        ..line(
            "R8 again, one rule changed",
            "x R7",
            again.ratio.median(),
            &again.ratio,
            Some(AGAIN),
        )
    });
    results
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_engine_decides_as_the_truth_does() {
        let fleet = Fleet::make(400, 3);
        let truth = fleet.truth();
        let mut engines = engines::others().unwrap();
        engines.push(Box::new(Typed::new(POLICY).unwrap()));
        assert!(engines.len() >= 2);
        for engine in &mut engines {
            let name = engine.name();
            let allowed = all(&mut **engine, &fleet.cases).1.unwrap();
            agree(&allowed, &truth, name).unwrap();
            let wrong: Vec<_> = truth.iter().map(|allows| !allows).collect();
            assert!(agree(&allowed, &wrong, name).is_err());
        }
    }

    #[test]
    fn the_change_hits_some_and_not_many() {
        let fleet = Fleet::make(4_000, 3);
        let truth = fleet.truth();
        let mut changed = Typed::new(&fleet::changed_policy()).unwrap();
        let allowed = all(&mut changed, &fleet.cases).1.unwrap();
        let differ = allowed.iter().zip(&truth).filter(|(one, other)| one != other).count();
        assert_eq!(differ, fleet.hit_by_the_change(&truth));
        assert!(differ > 0 && differ < 1_000, "{differ}");
    }
}
