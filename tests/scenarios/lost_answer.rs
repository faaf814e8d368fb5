//! A cmdlet takes effect and its answer is lost: the mailbox is read back, nothing is said twice.

use exchange_sim::faults::{Faults, LostAnswer};
use exgate_proto::types::v1::Access;
use exgate_proto::v1::SyncTrigger;
use exgate_tests::exchange::iphone;
use exgate_tests::scenario;
use exgate_tests::world::{List, Options, World};

const ORGANIZATION: &str = "contoso";

#[test]
fn a_lost_answer_is_read_back_and_never_repeated() {
    scenario(async {
        let mut world = World::start(Options::default()).await;
        world.enforce(ORGANIZATION).await;
        let ann = world.person(ORGANIZATION, 0).await;
        world.records.person(&ann);
        let phone =
            world.exchange.connect_and_decide(ORGANIZATION, iphone(&ann, "APPLLOST001")).await;
        world.records.enrol(&phone, true);
        let lost = LostAnswer { cmdlet: "Set-CASMailbox".into(), times: 1 };
        let faults = Faults { lose_answer: Some(lost), ..Faults::default() };
        world.exchange.set_faults(ORGANIZATION, &faults).await;

        world.write_records().await;
        world.operator.quick(ORGANIZATION).await;

        world.listed(&phone, List::Allowed).await;
        let lost = world.exchange.faults(ORGANIZATION).await.lose_answer;
        assert_eq!(lost.unwrap().times, 0, "no answer was lost");
        world.settled(ORGANIZATION).await;
        let syncs = world.operator.syncs(ORGANIZATION).await;
        let is_read_back = |trigger| trigger == SyncTrigger::ReadBack;
        assert!(syncs.iter().any(|run| is_read_back(run.trigger())), "{syncs:#?}");
        let ledger = world.exchange.ledger(ORGANIZATION).await;
        assert_eq!(ledger.len(), 1, "{ledger:#?}");
        let device = world.decided(&phone, Access::Allow).await;
        let explained = world.operator.explain(&device).await;
        let states: Vec<_> = explained.commands.iter().map(|it| it.state.as_str()).collect();
        assert_eq!(states, ["done"], "{:#?}", explained.commands);

        // The writer has a new session, and goes on.
        world.records.enrol(&phone, false);
        world.write_records().await;
        world.listed(&phone, List::Neither).await;
        world.settled(ORGANIZATION).await;
        assert_eq!(world.exchange.ledger(ORGANIZATION).await.len(), 2);
        world.close().await;
    });
}
