//! Observing changes nothing and shows what would change; enforcing changes just that, both ways.

use exchange_sim::control::views::SyncAnswer;
use exgate_proto::types::v1::Access;
use exgate_proto::v1::Mode;
use exgate_tests::exchange::iphone;
use exgate_tests::operator::SOON;
use exgate_tests::world::{List, Options, World};
use exgate_tests::{eventually, is, scenario};

const ORGANIZATION: &str = "contoso";

#[test]
fn an_observed_organization_is_only_looked_at_until_it_is_enforced() {
    scenario(async {
        let mut world = World::start(Options::default()).await;
        let ann = world.person(ORGANIZATION, 0).await;
        world.records.person(&ann);
        let phone =
            world.exchange.connect_and_decide(ORGANIZATION, iphone(&ann, "APPLOBS0001")).await;
        world.records.enrol(&phone, true);
        world.write_records().await;

        // Observed: decided and pending, nothing written.
        world.operator.quick(ORGANIZATION).await;
        world.decided(&phone, Access::Allow).await;
        pending(&world, 1).await;
        world.operator.full(ORGANIZATION).await;
        pending(&world, 1).await;
        assert_eq!(world.operator.organization(ORGANIZATION).await.mode(), Mode::Observe);
        assert_eq!(world.exchange.ledger(ORGANIZATION).await, []);
        let shown = world.exgate(&["mode", ORGANIZATION, "enforce", "--dry-run"]).await.well();
        assert!(shown.contains("APPLOBS0001"), "{shown}");
        assert_eq!(world.exchange.ledger(ORGANIZATION).await, []);

        // Enforced: just that is written.
        world.exgate(&["mode", ORGANIZATION, "enforce"]).await.well();
        world.listed(&phone, List::Allowed).await;
        world.settled(ORGANIZATION).await;
        assert_eq!(world.exchange.ledger(ORGANIZATION).await.len(), 1);

        // Observed again: what changes meanwhile is pending only.
        world.exgate(&["mode", ORGANIZATION, "observe"]).await.well();
        world.records.enrol(&phone, false);
        world.write_records().await;
        world.decided(&phone, Access::Quarantine).await;
        pending(&world, 1).await;
        world.operator.full(ORGANIZATION).await;
        assert_eq!(world.exchange.ledger(ORGANIZATION).await.len(), 1);
        world.listed(&phone, List::Allowed).await;
        world.close().await;
    });
}

#[test]
fn a_phone_that_falls_out_of_compliance_loses_access_and_gets_it_back() {
    scenario(async {
        let mut world = World::start(Options::default()).await;
        world.enforce(ORGANIZATION).await;
        let ann = world.person(ORGANIZATION, 0).await;
        world.records.person(&ann);
        let phone =
            world.exchange.connect_and_decide(ORGANIZATION, iphone(&ann, "APPLOUT0001")).await;

        // (compliant, list, what the phone gets)
        let turns = [
            (true, List::Allowed, SyncAnswer::Mail),
            (false, List::Neither, SyncAnswer::Quarantine),
            (true, List::Allowed, SyncAnswer::Mail),
        ];
        for (number, (is_compliant, list, answer)) in (1..).zip(turns) {
            world.records.enrol(&phone, is_compliant);
            world.write_records().await;
            world.operator.quick(ORGANIZATION).await;

            world.listed(&phone, list).await;
            let called = world.exchange.call_later(ORGANIZATION, &phone).await;
            assert_eq!(called.answer, answer, "turn {number}");
            world.operator.quick(ORGANIZATION).await;
            world.settled(ORGANIZATION).await;
            assert_eq!(world.exchange.ledger(ORGANIZATION).await.len(), number);
        }
        world.close().await;
    });
}

/// Exchange's own default lets everybody in here, so only the blocked list can hold a phone.
#[test]
fn a_phone_that_exchange_would_let_in_is_held_by_the_blocked_list() {
    scenario(async {
        let mut world = World::start(Options::default()).await;
        let open = exchange_sim::control::views::NewSettings {
            default_access_level: Some(exchange_sim::world::organization::AccessLevel::Allow),
            ..Default::default()
        };
        world.exchange.set_settings(ORGANIZATION, &open).await;
        world.enforce(ORGANIZATION).await;
        let ann = world.person(ORGANIZATION, 0).await;
        world.records.person(&ann);
        let phone =
            world.exchange.connect_and_decide(ORGANIZATION, iphone(&ann, "APPLOPEN001")).await;
        assert_eq!(world.exchange.call(ORGANIZATION, &phone).await.answer, SyncAnswer::Mail);
        world.write_records().await;

        world.operator.full(ORGANIZATION).await;
        world.listed(&phone, List::Blocked).await;
        let refused = world.exchange.call_later(ORGANIZATION, &phone).await;
        assert_eq!(refused.answer, SyncAnswer::Blocked);

        // And both lists change in one cmdlet when it is let in.
        world.records.enrol(&phone, true);
        world.write_records().await;
        world.operator.quick(ORGANIZATION).await;
        world.listed(&phone, List::Allowed).await;
        let served = world.exchange.call_later(ORGANIZATION, &phone).await;
        assert_eq!(served.answer, SyncAnswer::Mail);
        assert_eq!(world.exchange.ledger(ORGANIZATION).await.len(), 2);
        world.close().await;
    });
}

async fn pending(world: &World, mailboxes: u64) {
    eventually(SOON, "changes are pending", async || {
        let found = world.operator.organization(ORGANIZATION).await;
        is(found.pending.unwrap_or_default(), |pending| pending.mailboxes == mailboxes)
    })
    .await;
}
