//! One of two evaluators is killed in the middle of a large evaluation: nothing is lost, nothing comes
//! twice, it is used again once it is back, and a small organization does not wait for the large one.

use std::collections::HashMap;
use std::time::Duration;

use exgate_coordinator::store::{Store, StoredDecision};
use exgate_domain::ids::BundleDigest;
use exgate_evaluator::bundles::{Bundle, PolicyFile};
use exgate_evaluator::verdict::decide;
use exgate_proto::v1 as pb;
use exgate_tests::operator::SOON;
use exgate_tests::population::Population;
use exgate_tests::setup::POLICIES;
use exgate_tests::world::{Options, Part, World};
use exgate_tests::{eventually, is, scenario};

/// Enough that a kill falls in the middle.
const PEOPLE: u32 = 20_000;
/// A few more in an organization whose turn comes after the large one's.
const FEW: u32 = 20;
/// All of them.
const ALL: u64 = PEOPLE as u64 + FEW as u64;
/// How many decisions of each evaluator have to be there before one is killed.
const BEFORE_THE_KILL: u64 = 500;
/// How many stored decisions are read at once.
const PAGE: u32 = 1000;
/// How long all of them may take on a loaded machine.
const LONG: Duration = Duration::from_secs(90);

#[test]
fn an_evaluator_that_is_killed_loses_and_doubles_nothing() {
    scenario(async {
        let options = Options {
            organizations: Vec::new(),
            is_real: true,
            has_second_evaluator: true,
            ..Options::default()
        };
        let mut world = World::empty(options).await;
        let population = Population { organization: "contoso".parse().unwrap(), count: PEOPLE };
        let small = Population { organization: "fabrikam".parse().unwrap(), count: FEW };
        let path = world.setup.path("coordinator.db");
        population.move_in(&path).await;
        small.move_in(&path).await;
        population.write_records(world.records.folder());
        for part in [Part::Evaluator, Part::SecondEvaluator, Part::Coordinator] {
            world.begin(part).await;
        }
        records_are_read(&world).await;

        let first = apply(&world, POLICIES).await;
        eventually(LONG, "both decide", async || {
            is(world.operator.server_info().await.unwrap().evaluators, |both| {
                both.len() == 2 && both.iter().all(|one| one.cases >= BEFORE_THE_KILL)
            })
        })
        .await;
        world.kill(&Part::SecondEvaluator);
        let killed_at = decisions_written(&world).await;
        assert!(killed_at < ALL, "all was decided before the kill: {killed_at}");
        decided(&world, ALL).await;
        let info = world.operator.server_info().await.unwrap();
        assert_eq!(info.evaluator_problem, "", "one of them decides");
        let [one, other] = info.evaluators.as_slice() else { panic!("{info:?}") };
        assert_eq!(one.problem, "");
        assert!(other.problem.contains("evaluator is not available"), "{other:?}");
        let status = world.exgate(&["status"]).await;
        let port = world.setup.second_evaluator_port.unwrap();
        assert!(status.out.contains(&format!("evaluator 127.0.0.1:{port}")), "{status:?}");
        let metrics = world.coordinator_metrics().await;
        assert!(metrics.contains("exgate_evaluator_questions_moved_total"), "{metrics}");

        // It is back with nothing, is given the next bundle, and takes its part.
        world.begin(Part::SecondEvaluator).await;
        eventually(SOON, "it is known to be back", async || {
            let info = world.operator.server_info().await.unwrap();
            is(info.evaluators, |both| both.iter().all(|one| one.problem.is_empty()))
        })
        .await;
        let before = cases(&world).await;
        let second = apply(&world, &POLICIES.replace("\"16.0\"", "\"15.0\"")).await;
        decided(&world, ALL * 2).await;
        let after = cases(&world).await;
        assert!(after[1] > before[1] && after[0] > before[0], "{before:?} {after:?}");
        let asked = after.iter().sum::<u64>() - before.iter().sum::<u64>();
        assert!(asked <= ALL * 5 / 4, "{asked} questions about {ALL} cases");

        let secret = std::fs::read_to_string(world.setup.path("bundle-signing.key")).unwrap();
        let secret = secret.lines().nth(1).unwrap();
        for part in [Part::Coordinator, Part::Evaluator, Part::SecondEvaluator] {
            assert!(!world.log(&part).contains(secret), "{part:?} tells the signing key");
        }
        world.end(&Part::Coordinator).await;
        let bundles = [first, second];
        let large_at = stored_once(&path, &population, &bundles).await;
        let small_at = stored_once(&path, &small, &bundles).await;
        for (large_at, small_at) in large_at.iter().zip(&small_at) {
            assert!(small_at < large_at, "{small_at} came after all of {large_at}");
        }
        world.close().await;
    });
}

/// A bundle as it was applied: its name, and its text.
type Applied = (BundleDigest, String);

async fn apply(world: &World, text: &str) -> Applied {
    let applied = world.operator.apply("policies.yaml", text).await.expect("good policies");
    (applied.bundle_digest.parse().unwrap(), text.to_owned())
}

async fn cases(world: &World) -> Vec<u64> {
    let info: pb::ServerInfo = world.operator.server_info().await.unwrap();
    info.evaluators.iter().map(|one| one.cases).collect()
}

async fn records_are_read(world: &World) {
    eventually(SOON, "the records are read", async || {
        let info = world.operator.server_info().await.unwrap();
        is(info.sources, |sources| sources.iter().any(|source| source.devices > 0))
    })
    .await;
}

/// How many decisions were stored since the coordinator's start, by its own metric.
async fn decisions_written(world: &World) -> u64 {
    let rows = |line: &str| {
        let rest = line.strip_prefix("exgate_store_rows_written_total{")?;
        let (labels, count) = rest.split_once("} ")?;
        labels.contains("kind=\"decision\"").then(|| count.parse::<f64>().ok())?
    };
    world.coordinator_metrics().await.lines().find_map(rows).unwrap_or_default() as u64
}

async fn decided(world: &World, count: u64) {
    let what = format!("{count} decisions are stored");
    eventually(LONG, &what, async || is(decisions_written(world).await, |it| *it >= count)).await;
}

/// Every case has one decision by each bundle, in order; it is what anybody gets who decides the same
/// question by the same bundle; and no case is due. Says where each bundle's last decision stands in the
/// order in which all were stored.
async fn stored_once(
    path: &std::path::Path,
    population: &Population,
    bundles: &[Applied],
) -> Vec<i64> {
    let store = Store::open(path).await.unwrap();
    let read = |(digest, text): &Applied| {
        let file = PolicyFile { path: "policies.yaml".to_owned(), content: text.clone().into() };
        let bundle = Bundle::read(&[file]).unwrap();
        assert_eq!(bundle.digest(), *digest);
        bundle
    };
    let compiled: Vec<_> = bundles.iter().map(read).collect();
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut reasons: HashMap<String, usize> = HashMap::new();
    let mut last_at = vec![0; bundles.len()];
    let mut after = 0;
    loop {
        let page = store.decisions(&population.organization, after, PAGE).await.unwrap();
        let Some((last, _)) = page.last() else { break };
        after = *last;
        for (at, StoredDecision { case, decision, .. }) in &page {
            let count = seen.entry(case.device.device_id.to_string()).or_default();
            let bundle = &compiled[*count];
            assert_eq!(decide(bundle, case), *decision);
            last_at[*count] = *at;
            *count += 1;
            *reasons.entry(format!("{:?}", decision.reasons)).or_default() += 1;
        }
    }
    assert_eq!(seen.len(), population.count as usize);
    assert!(seen.values().all(|count| *count == bundles.len()));
    assert!(reasons.len() >= 4, "the cases are no mix: {reasons:?}");
    let next = store.next_due_at().await.unwrap();
    let now = exgate_runtime::clock::Clock::system().now();
    assert!(next.is_none_or(|next| next > now), "a case is due since {next:?}");
    for (digest, _) in bundles {
        assert!(store.files_of_bundle(*digest).await.unwrap().is_some());
    }
    store.close().await;
    last_at
}
