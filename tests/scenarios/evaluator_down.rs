//! Nobody decides: the last state stands, and nothing is written. Then the story goes on. Or nobody
//! decides one case: the others do not wait for it.

use exgate_proto::types::v1::Access;
use exgate_runtime::grpc::MESSAGE_BYTES_MAX;
use exgate_tests::exchange::iphone;
use exgate_tests::operator::SOON;
use exgate_tests::world::{List, Options, Part, World};
use exgate_tests::{eventually, is, scenario};

/// More than fits into one message.
const GROUP_CHARS: usize = MESSAGE_BYTES_MAX + 1;

const ORGANIZATION: &str = "contoso";

#[test]
fn without_an_evaluator_nothing_is_written_until_it_is_back() {
    scenario(async {
        let mut world = World::start(Options::default()).await;
        world.enforce(ORGANIZATION).await;
        let (ann, bob) = (world.person(ORGANIZATION, 0).await, world.person(ORGANIZATION, 1).await);
        world.records.person(&ann);
        world.records.person(&bob);
        let allowed =
            world.exchange.connect_and_decide(ORGANIZATION, iphone(&ann, "APPLDOWN001")).await;
        world.records.enrol(&allowed, true);
        world.write_records().await;
        world.operator.quick(ORGANIZATION).await;
        world.listed(&allowed, List::Allowed).await;
        world.settled(ORGANIZATION).await;

        // Ann's phone falls out of compliance and Bob's new one is good, while nobody decides.
        world.end(&Part::Evaluator).await;
        let held =
            world.exchange.connect_and_decide(ORGANIZATION, iphone(&bob, "APPLDOWN002")).await;
        world.records.enrol(&allowed, false);
        world.records.enrol(&held, true);
        world.write_records().await;
        let run = world.operator.full(ORGANIZATION).await;
        assert_eq!(run.devices_added, 1, "{run:?}");
        eventually(SOON, "the operator is told", async || {
            let info = world.operator.server_info().await.unwrap();
            is(info.evaluator_problem, |problem| !problem.is_empty())
        })
        .await;
        world.operator.quick(ORGANIZATION).await;

        let known = world.operator.device(ORGANIZATION, "APPLDOWN001").await.unwrap();
        assert_eq!(known.intended(), Access::Allow, "the last decision stands");
        let unknown = world.operator.device(ORGANIZATION, "APPLDOWN002").await.unwrap();
        assert_eq!(unknown.intended(), Access::Leave, "nothing was decided about a new one");
        assert_eq!(world.exchange.ledger(ORGANIZATION).await.len(), 1);

        // Back, it knows no policy, is told, and catches up by itself.
        world.begin(Part::Evaluator).await;
        world.listed(&allowed, List::Neither).await;
        world.listed(&held, List::Allowed).await;
        world.settled(ORGANIZATION).await;
        assert_eq!(world.exchange.ledger(ORGANIZATION).await.len(), 3);
        let info = world.operator.server_info().await.unwrap();
        assert_eq!(info.evaluator_problem, "");
        world.close().await;
    });
}

#[test]
fn a_case_that_no_evaluator_answers_keeps_no_other_from_its_answer() {
    scenario(async {
        let options = Options { has_second_evaluator: true, ..Options::default() };
        let mut world = World::start(options).await;
        let mut phones = Vec::new();
        for number in 0..3 {
            let person = world.person(ORGANIZATION, number).await;
            world.records.person(&person);
            let new = iphone(&person, &format!("APPLHUGE00{number}"));
            let phone = world.exchange.connect_and_decide(ORGANIZATION, new).await;
            world.records.enrol(&phone, true);
            phones.push((person, phone));
        }
        let (ann, first) = phones[0].clone();
        let huge = "x".repeat(GROUP_CHARS);
        world.records.groups(&ann, &["Mail users", &huge]);
        world.write_records().await;
        world.operator.quick(ORGANIZATION).await;
        for (_, phone) in &phones[1..] {
            world.decided(phone, Access::Allow).await;
        }
        let named = format!("device {} of {}", first.device_id, ann.primary_smtp_address);
        eventually(SOON, "the operator is told which one", async || {
            let info = world.operator.server_info().await.unwrap();
            is(info.evaluator_problem, |problem| problem.contains(&named))
        })
        .await;
        let both = world.operator.server_info().await.unwrap().evaluators;
        assert!(both.iter().all(|one| one.problem.is_empty()), "{both:?}");

        world.records.groups(&ann, &["Mail users"]);
        world.write_records().await;
        world.decided(&first, Access::Allow).await;
        eventually(SOON, "nothing is wrong any more", async || {
            let info = world.operator.server_info().await.unwrap();
            is(info.evaluator_problem, |problem| problem.is_empty())
        })
        .await;
        world.close().await;
    });
}
