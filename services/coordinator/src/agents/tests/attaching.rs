//! Who may attach, and who may write.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_organization_is_told_its_nearest_name() {
    let house = House::start().await;
    let unknown = pb::Hello { organization: "contso".to_owned(), ..hello(agent(1), 0) };

    let refused = Agent::greet(&house, unknown).await.err().unwrap();

    assert_eq!(refused.code(), Code::NotFound);
    let told = refused.get_details_error_info().unwrap();
    assert_eq!(told.reason, "ORGANIZATION_NOT_FOUND");
    assert_eq!(told.metadata["suggestion"], "contoso");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_does_not_begin_with_hello_is_refused() {
    let house = House::start().await;
    let (said, saying) = mpsc::channel(1);
    let renew = Said::RenewLease(pb::RenewLease { generation: 1 });
    said.send(pb::AttachRequest { message: Some(renew) }).await.unwrap();

    let mut client = AgentServiceClient::new(house.channel());
    let refused = client.attach(ReceiverStream::new(saying)).await.err().unwrap();

    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::InvalidArgument, "PROTOCOL_VIOLATED")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_agent_waits_while_the_lease_runs() {
    let house = House::start().await;
    let one = Agent::attach(&house, 1).await;

    let mut two = Agent::greet(&house, hello(agent(2), 0)).await.unwrap();

    let heard = two.hear().await.unwrap();
    let Heard::LeaseRefused(refused) = heard else { panic!("{heard:?}") };
    assert_eq!(refused.holder_agent_id, one.id.to_string());
    let wait = refused.retry_after.unwrap().seconds;
    assert!((30..=35).contains(&wait), "{wait}");
    let stored = house.store.connector(&contoso()).await.unwrap().unwrap();
    assert_eq!(stored.agent, one.id, "a refused agent is not the connector");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_agent_takes_over_at_once_and_its_old_session_is_cut() {
    let house = House::start().await;
    let mut old = Agent::attach(&house, 1).await;

    let new = Agent::attach(&house, 1).await;

    assert_eq!(new.generation, old.generation + 1);
    let cut = loop {
        match old.hear().await {
            Ok(_) => {}
            Err(status) => break status,
        }
    };
    assert_eq!((cut.code(), reason(&cut).as_str()), (Code::Aborted, "SESSION_REPLACED"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_question_for_the_lease_has_one_answer() {
    let house = House::start().await;
    let mut agent = Agent::greet(&house, hello(agent(1), 0)).await.unwrap();
    agent.take_lease().await;
    let generation = agent.generation;

    for asked in [generation, 0, generation] {
        agent.say(Said::RenewLease(pb::RenewLease { generation: asked })).await;
        agent.take_lease().await;
        assert_eq!(agent.generation, generation);
    }

    assert!(agent.hears_nothing().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_coordinator_still_keeps_others_out() {
    let house = House::start().await;
    let one = Agent::attach(&house, 1).await;
    let held = one.generation;
    drop(one);
    let house = house.restart().await;

    let mut two = Agent::greet(&house, hello(agent(2), 0)).await.unwrap();

    let heard = two.hear().await.unwrap();
    assert!(matches!(heard, Heard::LeaseRefused(_)), "{heard:?}");
    let back = Agent::attach(&house, 1).await;
    assert_eq!(back.generation, held + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_behind_catches_up_with_what_the_agent_has_seen() {
    let house = House::start().await;
    let seen = pb::Hello { generation_seen: 41, ..hello(agent(1), 0) };
    let mut ahead = Agent::greet(&house, seen).await.unwrap();
    ahead.take_lease().await;
    assert_eq!(ahead.generation, 42);

    let mad = pb::Hello { generation_seen: u64::MAX, ..hello(agent(1), 0) };
    let mut mad = Agent::greet(&house, mad).await.unwrap();
    assert_eq!(mad.hear().await.unwrap_err().code(), Code::InvalidArgument);
}
