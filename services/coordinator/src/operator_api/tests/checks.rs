//! A check that an operator asks an agent for.

use exgate_proto::agent::v1::attach_response::Message as Heard;
use exgate_proto::convert::field::to_instant;
use exgate_proto::v1::check_connector_response::Event;
use tonic::Streaming;

use super::*;

async fn ask(house: &House) -> Result<Streaming<v1::CheckConnectorResponse>, Status> {
    let name = "organizations/contoso/connector".to_owned();
    let request = v1::CheckConnectorRequest { name };
    let asked = ConnectorServiceClient::new(house.channel()).check_connector(request).await;
    asked.map(tonic::Response::into_inner)
}

async fn event(events: &mut Streaming<v1::CheckConnectorResponse>) -> Event {
    events.message().await.unwrap().expect("the check goes on").event.unwrap()
}

async fn step(events: &mut Streaming<v1::CheckConnectorResponse>) -> types::CheckStep {
    let event = event(events).await;
    let Event::Step(step) = event else { panic!("no step: {event:?}") };
    step
}

async fn told_to_check(agent: &mut Agent) -> String {
    let heard = agent.hear().await.unwrap();
    let Heard::StartCheck(start) = heard else { panic!("no check: {heard:?}") };
    start.check_id
}

fn lacking() -> types::CheckStep {
    types::CheckStep {
        name: "rights to write".to_owned(),
        outcome: types::StepOutcome::Warned.into(),
        finding: "the account may not use Set-CASMailbox".to_owned(),
        cure: "run the script".to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_come_as_they_are_known_and_the_report_holds_them() {
    let house = House::start().await;
    let mut agent = Agent::attach(&house, 1).await;
    let mut events = ask(&house).await.unwrap();
    let check_id = told_to_check(&mut agent).await;

    assert_eq!(step(&mut events).await.name, "agent");
    assert_eq!(step(&mut events).await.outcome(), types::StepOutcome::Passed, "the same version");
    let refused = ask(&house).await.err().unwrap();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::Aborted, "CHECK_ALREADY_RUNNING")
    );

    let progress = pb::CheckProgress { check_id: check_id.clone(), step: Some(lacking()) };
    agent.say(Said::CheckProgress(progress)).await;
    assert_eq!(step(&mut events).await, lacking(), "observe mode writes nothing");
    let report = types::CheckReport {
        steps: vec![lacking()],
        server: "EX01".to_owned(),
        role_script: "# script".to_owned(),
        ended_at: Some(to_instant(jiff::Timestamp::UNIX_EPOCH)),
        ..types::CheckReport::default()
    };
    let finished = pb::CheckFinished { check_id, report: Some(report), failure: String::new() };
    agent.say(Said::CheckFinished(finished)).await;

    let clock = step(&mut events).await;
    assert_eq!(clock.outcome(), types::StepOutcome::Warned, "that clock is decades behind");
    let last = event(&mut events).await;
    let Event::Report(report) = last else { panic!("no report: {last:?}") };
    let names: Vec<_> = report.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["agent", "agent version", "agent clock", "rights to write"]);
    assert_eq!((report.passed, report.warned, report.failed), (2, 2, 0));
    assert_eq!(report.role_script, "# script");
    assert!(events.message().await.unwrap().is_none());
    drop(ask(&house).await.expect("the next one may be asked for"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_without_an_agent_or_whose_agent_goes_away_is_told() {
    let house = House::start().await;
    let refused = ask(&house).await.err().unwrap();
    assert_eq!(reason(&refused), "CONNECTOR_DISCONNECTED");

    let mut agent = Agent::attach(&house, 1).await;
    let mut events = ask(&house).await.unwrap();
    told_to_check(&mut agent).await;
    step(&mut events).await;
    step(&mut events).await;
    drop(agent);
    let lost = events.message().await.unwrap_err();
    assert_eq!((lost.code(), reason(&lost).as_str()), (Code::Unavailable, "CHECK_LOST"));

    let mut agent = Agent::attach(&house, 1).await;
    let mut events = ask(&house).await.unwrap();
    let check_id = told_to_check(&mut agent).await;
    let busy = "the agent has too many checks".to_owned();
    let finished = pb::CheckFinished { check_id, report: None, failure: busy };
    agent.say(Said::CheckFinished(finished)).await;
    step(&mut events).await;
    step(&mut events).await;
    let refused = events.message().await.unwrap_err();
    assert_eq!(reason(&refused), "CHECK_REFUSED");
    assert!(refused.message().contains("too many checks"));
}
