//! Records that cannot be read for longer than they may be old: what was held stays held when they are
//! back, policies say what becomes of devices meanwhile, and a restart is no reason to doubt them.

use std::time::Duration;

use exgate_coordinator::store::{Store, StoredDecision};
use exgate_domain::decision::Reason;
use exgate_proto::types::v1::{Access, Compliance};
use exgate_tests::exchange::iphone;
use exgate_tests::operator::SOON;
use exgate_tests::records::replace;
use exgate_tests::setup::POLICIES;
use exgate_tests::world::{Options, Part, World};
use exgate_tests::{eventually, is, scenario};

const ORGANIZATION: &str = "contoso";
/// So many others that reading them takes longer than deciding.
const OTHERS: u32 = 30_000;
/// How old the records may become.
const AGE_MAX: Duration = Duration::from_secs(8);

#[test]
fn a_grace_period_does_not_begin_anew_when_records_are_back() {
    scenario(async {
        let sync = Options::default().sync;
        let seconds = AGE_MAX.as_secs();
        let sync = format!("{sync}\n[stale]\nrecord_max_age = \"{seconds}s\"\n");
        let mut world = World::start(Options { sync, ..Options::default() }).await;
        let text = POLICIES
            .replace("platforms:", "gracePeriod: 3s\nplatforms:")
            .replace("access: {", "access: { stale: quarantine,");
        world.operator.apply("policies.yaml", &text).await.expect("good policies");
        let ann = world.person(ORGANIZATION, 0).await;
        world.records.person(&ann);
        let phone =
            world.exchange.connect_and_decide(ORGANIZATION, iphone(&ann, "APPLSTALE01")).await;
        world.records.enrol(&phone, false);
        world.write_records().await;
        world.operator.quick(ORGANIZATION).await;
        world.judged(&phone, Compliance::InGracePeriod).await;
        world.judged(&phone, Compliance::NotCompliant).await;

        // Nobody can read the records, and what was read becomes too old.
        replace(&world.records.folder().join("devices.json"), "[");
        let stale = world.judged(&phone, Compliance::NotEvaluated).await;
        assert_eq!(stale.intended(), Access::Quarantine, "the policy says so: {stale:?}");
        let why = world.exgate(&["why", "APPLSTALE01", "-O", ORGANIZATION]).await.well();
        assert!(why.contains("RECORDS_UNAVAILABLE"), "{why}");
        world.records.write();
        world.judged(&phone, Compliance::NotCompliant).await;

        // The coordinator is away for so long that what it has stored is too old.
        world.end(&Part::Coordinator).await;
        let away = std::time::Instant::now();
        eventually(SOON, "what is stored is too old", async || {
            is(away.elapsed(), |elapsed| *elapsed > AGE_MAX)
        })
        .await;
        world.records.crowd(OTHERS);
        world.records.write();
        world.begin(Part::Coordinator).await;
        // The sync decides all that is due.
        world.operator.quick(ORGANIZATION).await;
        world.judged(&phone, Compliance::NotCompliant).await;
        world.end(&Part::Coordinator).await;
        let reasons = reasons(&world).await;
        let first = reasons.iter().position(|it| *it == Reason::InGracePeriod).unwrap();
        let expected = [
            Reason::InGracePeriod,
            Reason::NotCompliant,
            Reason::RecordsUnavailable,
            Reason::NotCompliant,
        ];
        assert_eq!(reasons[first..], expected);
        world.close().await;
    });
}

/// The first reason of each decision about the phone, in their order.
async fn reasons(world: &World) -> Vec<Reason> {
    let store = Store::open(&world.setup.path("coordinator.db")).await.unwrap();
    let all = store.decisions(&ORGANIZATION.parse().unwrap(), 0, 1000).await.unwrap();
    store.close().await;
    let mine = all.iter().map(|(_, stored)| stored);
    mine.filter(|StoredDecision { case, .. }| case.device.device_id.as_str() == "APPLSTALE01")
        .map(|StoredDecision { decision, .. }| decision.reasons[0])
        .collect()
}
