//! Runs, from StartSync to the stored snapshot.

use exgate_domain::sync::{RunState, Trigger};

use super::*;
use crate::operator_api::tests as operating;
use crate::store::{DeviceFilter, RowKind, StoredRun};

async fn devices(house: &House) -> usize {
    house.store.devices(&DeviceFilter::default(), None, 1000).await.unwrap().len()
}

/// The newest run, once it is over.
async fn over(house: &House) -> StoredRun {
    eventually("the run is over", async || {
        let runs = house.store.runs(Some(&contoso()), None, 1).await.unwrap();
        runs.into_iter().next().filter(|stored| stored.run.state.is_over())
    })
    .await
}

fn failure(stored: &StoredRun) -> &str {
    let RunState::Failed { reason, .. } = &stored.run.state else { panic!("{stored:?}") };
    reason
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_sync_is_a_full_one_and_what_it_sees_is_stored() {
    let house = House::start().await;
    let mut agent = Agent::attach(&house, 1).await;

    let start = agent.hear_sync().await;
    let everything_asked = pb::scope::Part::Everything(pb::Everything {});
    assert_eq!(start.scope.clone().unwrap().part, Some(everything_asked));
    assert!(!start.forget_digests);
    agent.look(&start, &everything(3)).await;

    let run = over(&house).await;
    let RunState::Succeeded { tally, .. } = run.run.state else { panic!("{run:?}") };
    assert_eq!((tally.seen, tally.added, tally.removed), (3, 3, 0));
    assert_eq!(run.run.trigger, Trigger::Schedule);
    assert_eq!(devices(&house).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_cut_leaves_the_old_inventory() {
    let house = House::start().await;
    let mut agent = Agent::attach(&house, 1).await;
    let start = agent.hear_sync().await;

    let mut parts = agent.parts(&start, &everything(3));
    parts.pop();
    let refused = agent.upload(parts).await.unwrap_err();
    agent.finish(&start, "the line broke").await;

    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(failure(&over(&house).await), "the line broke");
    assert_eq!(devices(&house).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_counts_something_else_is_refused() {
    let house = House::start().await;
    let mut agent = Agent::attach(&house, 1).await;
    let start = agent.hear_sync().await;

    let mut parts = agent.parts(&start, &everything(3));
    if let Some(Part::Commit(commit)) = parts.last_mut() {
        commit.rows += 1;
    }
    let refused = agent.upload(parts).await.unwrap_err();

    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::InvalidArgument, "SNAPSHOT_UNFIT")
    );
    assert_eq!(devices(&house).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_holder_may_upload_and_only_for_its_run() {
    let house = House::start().await;
    let mut agent = Agent::attach(&house, 1).await;
    let start = agent.hear_sync().await;

    let mut older = agent.parts(&start, &everything(1));
    if let Some(Part::Begin(begin)) = older.first_mut() {
        begin.generation -= 1;
    }
    let refused = agent.upload(older).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Aborted, "LEASE_LOST"));

    let other = pb::StartSync { run_id: Uuid::new_v4().to_string(), ..start };
    let refused = agent.upload(agent.parts(&other, &everything(1))).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Aborted, "RUN_NOT_RUNNING"));
    assert_eq!(devices(&house).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_remembers_too_much_sends_every_row_again() {
    let house = House::start().await;
    let mut agent = Agent::attach(&house, 1).await;
    let start = agent.hear_sync().await;

    let unchanged = [Observation::Mailbox(mailbox(1, &[], &[])).key()];
    let refused = agent.upload(agent.parts_of(&start, &[], &unchanged)).await.unwrap_err();
    agent.finish(&start, "the coordinator did not take the snapshot").await;
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::FailedPrecondition, "DIGESTS_UNKNOWN")
    );

    let again = agent.hear_sync().await;
    assert_eq!((again.run_id.as_str(), again.forget_digests), (start.run_id.as_str(), true));
    agent.look(&again, &everything(2)).await;
    let run = over(&house).await;
    assert!(matches!(run.run.state, RunState::Succeeded { .. }), "{run:?}");
}

/// The parts of an upload that goes on with `resume`, whose one page is staged.
fn rest(agent: &Agent, start: &pb::StartSync, seen: &[Observation]) -> Vec<Part> {
    let resume = start.resume.clone().expect("something to go on from");
    let mut parts = agent.parts(start, seen);
    if let Some(Part::Begin(begin)) = parts.first_mut() {
        begin.snapshot_id = resume.snapshot_id;
    }
    let Some(Part::Page(page)) = parts.get(1) else { panic!("no page") };
    assert_eq!(resume.page_digests, page.page_digest);
    parts.remove(1);
    parts
}

/// P3: the agent is gone in the middle of its upload.
#[tokio::test(flavor = "multi_thread")]
async fn the_run_of_a_lost_agent_goes_on_when_it_is_back() {
    let house = House::start().await;
    let mut agent = Agent::attach(&house, 1).await;
    let start = agent.hear_sync().await;
    assert_eq!(start.resume, None);
    let mut parts = agent.parts(&start, &everything(3));
    parts.pop();
    agent.upload(parts).await.unwrap_err();
    drop(agent);

    let mut back = Agent::attach(&house, 1).await;
    let again = back.hear_sync().await;

    assert_eq!(again.run_id, start.run_id);
    back.upload(rest(&back, &again, &everything(3))).await.unwrap();
    let RunState::Succeeded { tally, .. } = over(&house).await.run.state else { panic!() };
    assert_eq!(tally.added, 3);
    assert_eq!(devices(&house).await, 3);
}

/// The lease of before says nothing any more, even about what is staged.
#[tokio::test(flavor = "multi_thread")]
async fn an_upload_of_an_older_lease_cannot_end_a_run_that_goes_on() {
    let house = House::start().await;
    let mut agent = Agent::attach(&house, 1).await;
    let start = agent.hear_sync().await;
    let parts = agent.parts(&start, &everything(3));
    let (client, rest) = (agent.client.clone(), parts.clone());
    drop(agent);
    let mut back = Agent::attach(&house, 1).await;
    let again = back.hear_sync().await;
    assert_eq!((again.run_id, again.resume), (start.run_id, None));

    let parts = rest.into_iter().map(|part| pb::UploadObservationsRequest { part: Some(part) });
    let stream = tokio_stream::iter(parts.collect::<Vec<_>>());
    let refused = client.clone().upload_observations(stream).await.unwrap_err();

    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Aborted, "LEASE_LOST"));
    assert_eq!(devices(&house).await, 0);
}

/// P3: the agent lives, and only its upload broke.
#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_can_go_on_is_asked_to() {
    let house = House::start().await;
    let mut agent = Agent::attach(&house, 1).await;
    let start = agent.hear_sync().await;
    let mut parts = agent.parts(&start, &everything(3));
    parts.pop();
    agent.upload(parts).await.unwrap_err();
    let finished = pb::RunFinished {
        run_id: start.run_id.clone(),
        failure: "the line broke".to_owned(),
        can_resume: true,
    };
    agent.say(Said::RunFinished(finished)).await;

    let again = agent.hear_sync().await;

    agent.upload(rest(&agent, &again, &everything(3))).await.unwrap();
    assert!(matches!(over(&house).await.run.state, RunState::Succeeded { .. }));
}

/// P3: the coordinator is gone in the middle of an upload.
#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_coordinator_goes_on_with_the_run() {
    let house = House::start().await;
    let mut agent = Agent::attach(&house, 1).await;
    let start = agent.hear_sync().await;
    let mut parts = agent.parts(&start, &everything(3));
    parts.pop();
    agent.upload(parts).await.unwrap_err();
    let house = house.restart().await;

    let mut agent = Agent::attach(&house, 1).await;
    let again = agent.hear_sync().await;

    assert_eq!(again.run_id, start.run_id);
    agent.upload(rest(&agent, &again, &everything(3))).await.unwrap();
    assert!(matches!(over(&house).await.run.state, RunState::Succeeded { .. }));
    assert_eq!(devices(&house).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_finds_nothing_new_writes_no_row() {
    let house = House::start().await;
    let mut agent = Agent::attach(&house, 1).await;
    let start = agent.hear_sync().await;
    agent.look(&start, &everything(3)).await;
    over(&house).await;
    let written = house.store.rows_written().clone();
    let kinds = [RowKind::Device, RowKind::Mailbox, RowKind::Settings, RowKind::Decision];
    let before = kinds.map(|kind| written.get(kind));

    operating::run_sync(&house, exgate_proto::v1::SyncMode::Full).await.unwrap();
    let start = agent.hear_sync().await;
    agent.look(&start, &everything(3)).await;

    let run = eventually("the second run is over", async || {
        let run = over(&house).await;
        (run.run.id.to_string() == start.run_id).then_some(run)
    })
    .await;
    let RunState::Succeeded { tally, .. } = run.run.state else { panic!("{run:?}") };
    assert_eq!((tally.unchanged, tally.changed), (3, 0));
    assert_eq!(kinds.map(|kind| written.get(kind)), before);
}
