//! What operators ask, over gRPC.

mod checks;
mod simulations;

use exgate_proto::types::v1 as types;
use exgate_proto::v1;
use exgate_proto::v1::connector_service_client::ConnectorServiceClient;
use exgate_proto::v1::device_service_client::DeviceServiceClient;
use exgate_proto::v1::organization_service_client::OrganizationServiceClient;
use exgate_proto::v1::policy_service_client::PolicyServiceClient;
use exgate_proto::v1::sync_service_client::SyncServiceClient;
use exgate_proto::v1::system_service_client::SystemServiceClient;

use tonic::{Code, Status};
use tonic_types::StatusExt;

use exgate_domain::ids::BundleDigest;
use exgate_domain::policy::Access;
use exgate_proto::agent::v1 as pb;
use exgate_proto::agent::v1::attach_request::Message as Said;

use super::trace_id;
use crate::agents::tests::{
    Agent, House, agent, contoso, eventually, everything, hello, mailbox, now, reason,
};
use crate::store::{AppliedPolicies, RowKind};

pub(crate) async fn run_sync(house: &House, mode: v1::SyncMode) -> Result<v1::SyncRun, Status> {
    let parent = "organizations/contoso".to_owned();
    let request = v1::RunSyncRequest { parent, mode: mode.into(), validate_only: false };
    let started = SyncServiceClient::new(house.channel()).run_sync(request).await;
    started.map(tonic::Response::into_inner)
}

pub(crate) async fn set_mode(house: &House, mode: v1::Mode) -> Result<v1::SetModeResponse, Status> {
    let request = v1::SetModeRequest {
        name: "organizations/contoso".to_owned(),
        mode: mode.into(),
        validate_only: false,
        changes_max: 10,
    };
    let set = OrganizationServiceClient::new(house.channel()).set_mode(request).await;
    set.map(tonic::Response::into_inner)
}

pub(crate) async fn explain(house: &House, id: &str, number: u8) -> v1::ExplainDeviceResponse {
    let digits = mailbox(number, &[], &[]).id.guid().simple().to_string();
    let name = format!("organizations/contoso/devices/{id}-{}", digits.split_at(8).0);
    let request = v1::ExplainDeviceRequest { name, ..v1::ExplainDeviceRequest::default() };
    let told = DeviceServiceClient::new(house.channel()).explain_device(request).await;
    told.unwrap().into_inner()
}

async fn connector(house: &House) -> v1::Connector {
    let name = "organizations/contoso/connector".to_owned();
    let request = v1::GetConnectorRequest { name };
    let found = ConnectorServiceClient::new(house.channel()).get_connector(request).await;
    found.unwrap().into_inner()
}

/// The first sync of `people` people, finished.
async fn first_sync(house: &House, agent: &mut Agent, people: u8) -> v1::SyncRun {
    let start = agent.hear_sync().await;
    agent.look(&start, &everything(people)).await;
    eventually("the sync succeeded", async || {
        let name = format!("organizations/contoso/syncRuns/{}", start.run_id);
        let request = v1::GetSyncRunRequest { name };
        let run = SyncServiceClient::new(house.channel()).get_sync_run(request).await;
        let run = run.unwrap().into_inner();
        (run.state() == v1::SyncRunState::Succeeded).then_some(run)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_enforced_before_a_full_sync() {
    let house = House::start().await;
    let refused = set_mode(&house, v1::Mode::Enforce).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::FailedPrecondition, "FULL_SYNC_NEEDED")
    );

    let mut agent = Agent::attach(&house, 1).await;
    first_sync(&house, &mut agent, 2).await;
    house.decide(|id| if id == "A1" { Access::Allow } else { Access::Quarantine }).await;

    let client = OrganizationServiceClient::new(house.channel());
    let request = v1::SetModeRequest {
        name: "organizations/contoso".to_owned(),
        mode: v1::Mode::Enforce.into(),
        validate_only: true,
        changes_max: 10,
    };
    let would = client.clone().set_mode(request).await.unwrap().into_inner();
    assert_eq!(would.organization.unwrap().mode(), v1::Mode::Observe, "only checked");
    let [change] = &would.changes[..] else { panic!("{:?}", would.changes) };
    assert_eq!(change.device, "organizations/contoso/devices/A1-00000001");
    assert_eq!(
        (change.primary_smtp.as_str(), change.access()),
        ("person1@contoso.com", types::Access::Allow)
    );

    let set = set_mode(&house, v1::Mode::Enforce).await.unwrap();
    let organization = set.organization.unwrap();
    assert_eq!(organization.mode(), v1::Mode::Enforce);
    assert_eq!(organization.devices.unwrap().quarantined, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_needs_an_agent_and_has_no_twin() {
    let house = House::start().await;
    let refused = run_sync(&house, v1::SyncMode::Quick).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::FailedPrecondition, "CONNECTOR_DISCONNECTED")
    );

    let mut agent = Agent::attach(&house, 1).await;
    let run = first_sync(&house, &mut agent, 1).await;
    assert_eq!((run.mode(), run.trigger()), (v1::SyncMode::Full, v1::SyncTrigger::Schedule));
    assert_eq!((run.devices_seen, run.devices_added, run.failure.as_str()), (1, 1, ""));

    let started = run_sync(&house, v1::SyncMode::Quick).await.unwrap();
    assert_eq!(started.trigger(), v1::SyncTrigger::Manual);
    let twin = run_sync(&house, v1::SyncMode::Full).await.unwrap_err();
    assert_eq!((twin.code(), reason(&twin).as_str()), (Code::Aborted, "SYNC_ALREADY_RUNNING"));
    let told = twin.get_details_error_info().unwrap();
    assert_eq!(told.metadata["run"], started.name);

    let start = agent.hear_sync().await;
    assert!(matches!(start.scope.unwrap().part, Some(pb::scope::Part::ChangedSinceAt(_))));
    let step = pb::RunStep::Devices.into();
    let progress = pb::RunProgress { run_id: start.run_id.clone(), step, done: 7 };
    agent.say(Said::RunProgress(progress)).await;
    eventually("its progress is shown", async || {
        let request = v1::GetSyncRunRequest { name: started.name.clone() };
        let run = SyncServiceClient::new(house.channel()).get_sync_run(request).await;
        let run = run.unwrap().into_inner();
        (run.step == "reading devices" && run.done == 7).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_shows_how_its_agent_is() {
    let house = House::start().await;
    assert_eq!(connector(&house).await.state(), v1::ConnectorState::None);

    let mut agent = Agent::greet(&house, hello(agent(1), 0)).await.unwrap();
    agent.take_lease().await;
    let pending = connector(&house).await;
    assert_eq!(pending.state(), v1::ConnectorState::ConnectionPending);
    assert_eq!((pending.connector_server.as_str(), pending.lease_generation), ("ex01", 1));

    for (ok, state) in
        [(false, v1::ConnectorState::Degraded), (true, v1::ConnectorState::Connected)]
    {
        agent.report_preflight(ok).await;
        let shown = eventually("the preflight is shown", async || {
            Some(connector(&house).await).filter(|shown| shown.state() == state)
        })
        .await;
        assert_eq!(shown.problem.is_empty(), ok, "{}", shown.problem);
        assert_eq!(shown.exchange_server, "ex01.contoso.com");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_shows_how_its_servers_stand_while_its_agent_is_there() {
    let house = House::start().await;
    let mut agent = Agent::greet(&house, hello(agent(1), 0)).await.unwrap();
    agent.take_lease().await;
    agent.report_preflight(true).await;
    let server = |host: &str, breaker: types::Breaker| types::ServerStanding {
        host: host.to_owned(),
        breaker: breaker.into(),
        problem: if breaker == types::Breaker::Closed { "" } else { "refused" }.to_owned(),
        ..Default::default()
    };
    let standing = |current: &str, breaker| types::Standing {
        primary: "ex01".to_owned(),
        current: current.to_owned(),
        servers: vec![server("ex01", breaker), server("ex02", types::Breaker::Closed)],
        ..Default::default()
    };
    for (said, state, problem) in [
        (
            standing("ex02", types::Breaker::Open),
            v1::ConnectorState::Connected,
            "on fallback ex02, primary ex01 down: refused",
        ),
        (
            standing("ex01", types::Breaker::Open),
            v1::ConnectorState::Degraded,
            "ex01 is down: refused; exchange.failover is off, so the agent waits for it",
        ),
        (standing("ex01", types::Breaker::Closed), v1::ConnectorState::Connected, ""),
    ] {
        agent.say(Said::Standing(said.clone())).await;
        let shown = eventually("the servers are shown", async || {
            Some(connector(&house).await).filter(|it| it.standing.as_ref() == Some(&said))
        })
        .await;
        assert_eq!((shown.state(), shown.problem.as_str()), (state, problem));
        assert_eq!(shown.exchange_server, said.current);
    }
    // What an agent says holds while it is there.
    drop(agent);
    eventually("the servers are forgotten", async || {
        connector(&house).await.standing.is_none().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_devices_follow_each_other_and_wrong_ones_are_refused() {
    let house = House::start().await;
    let mut agent = Agent::attach(&house, 1).await;
    first_sync(&house, &mut agent, 5).await;
    let mut client = DeviceServiceClient::new(house.channel());
    let all = v1::ListDevicesRequest {
        parent: "organizations/-".to_owned(),
        page_size: 2,
        ..Default::default()
    };

    let mut names = Vec::new();
    let mut token = String::new();
    loop {
        let request = v1::ListDevicesRequest { page_token: token, ..all.clone() };
        let page = client.list_devices(request).await.unwrap().into_inner();
        assert!(page.devices.len() <= 2);
        names.extend(page.devices.into_iter().map(|device| device.name));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
        let contoso = v1::ListDevicesRequest {
            parent: "organizations/contoso".to_owned(),
            page_token: token.clone(),
            ..all.clone()
        };
        let refused = client.list_devices(contoso).await.unwrap_err();
        assert_eq!(
            (refused.code(), reason(&refused).as_str()),
            (Code::InvalidArgument, "PAGE_TOKEN_MISMATCH")
        );
    }
    assert_eq!(names.len(), 5);
    assert_eq!(names[0], "organizations/contoso/devices/A1-00000001");

    let negative = v1::ListDevicesRequest { page_size: -1, ..all.clone() };
    assert_eq!(client.list_devices(negative).await.unwrap_err().code(), Code::InvalidArgument);
    let one = v1::ListDevicesRequest { device_id: "a3".to_owned(), ..all };
    let found = client.list_devices(one).await.unwrap().into_inner().devices;
    assert_eq!(found[0].eas.as_ref().unwrap().device_id, "A3");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_are_not_there_are_told_with_what_was_perhaps_meant() {
    let house = House::start().await;
    let mut agent = Agent::attach(&house, 1).await;
    first_sync(&house, &mut agent, 1).await;
    let mut devices = DeviceServiceClient::new(house.channel());
    let get = |name: &str| v1::GetDeviceRequest { name: name.to_owned() };

    for (name, code, told, suggestion) in [
        (
            "organizations/contoso/devices/A2-00000001",
            Code::NotFound,
            "DEVICE_NOT_FOUND",
            "organizations/contoso/devices/A1-00000001",
        ),
        (
            "organizations/contosso/devices/A1-00000001",
            Code::NotFound,
            "ORGANIZATION_NOT_FOUND",
            "contoso",
        ),
        ("organizations/contoso/devices/A1", Code::InvalidArgument, "ARGUMENT_INVALID", ""),
    ] {
        let refused = devices.get_device(get(name)).await.unwrap_err();
        let details = refused.get_details_error_info().unwrap();
        assert_eq!((refused.code(), details.reason.as_str()), (code, told), "{name}");
        let suggested = details.metadata.get("suggestion").map_or("", String::as_str);
        assert_eq!(suggested, suggestion, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_is_explained_without_an_evaluator() {
    let house = House::start().await;
    let mut agent = Agent::attach(&house, 1).await;
    first_sync(&house, &mut agent, 1).await;

    let told = explain(&house, "A1", 1).await;
    assert!(told.undecided && told.decision.is_none(), "{told:?}");
    let prediction = told.prediction.unwrap();
    assert_eq!((prediction.step, prediction.agrees), (9, true), "quarantined by default");

    house.decide(|_| Access::Allow).await;
    let told = explain(&house, "A1", 1).await;
    assert!(!told.undecided);
    assert_eq!(told.decision.unwrap().access(), types::Access::Allow);
    assert_eq!(told.held, "observe mode: it would be allowed, and nothing is changed");
    assert_eq!(told.sentences.len(), 1, "{:?}", told.sentences);
    assert!(told.sentences[0].contains("evaluator is not available"), "{:?}", told.sentences);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_evaluator_nothing_is_decided_and_a_person_sees_why() {
    let house = House::start().await;
    let bundle = Some(BundleDigest::of(b"policy"));
    let documents = AppliedPolicies {
        files: &[],
        policies: &[],
        removed: &[],
        bundle,
        organizations: &[],
        actor: "test",
        now: now(),
    };
    house.store.put_documents(&documents).await.unwrap();
    let mut agent = Agent::attach(&house, 1).await;

    let run = first_sync(&house, &mut agent, 1).await;

    assert!(run.failure.starts_with("not decided: evaluator is not available"), "{}", run.failure);
    let mut system = SystemServiceClient::new(house.channel());
    let shown = system.get_server_info(v1::GetServerInfoRequest {}).await.unwrap().into_inner();
    assert!(shown.evaluator_problem.starts_with("evaluator is not available"), "{shown:?}");
    assert_eq!(house.store.organizations_due(now()).await.unwrap(), [contoso()], "it stays due");
    assert_eq!(house.store.rows_written().get(RowKind::Decision), 0);

    let mut policies = PolicyServiceClient::new(house.channel());
    let file = types::PolicyFile {
        path: "access.yaml".to_owned(),
        content: b"apiVersion: exgate/v1\nkind: AccessPolicy\nname: a\n".to_vec(),
    };
    let request =
        v1::ApplyDocumentsRequest { files: vec![file], validate_only: false, prune: false };
    let refused = policies.apply_documents(request).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::Unavailable, "EVALUATOR_UNAVAILABLE")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organization_is_applied_as_a_document() {
    let house = House::start().await;
    let mut policies = PolicyServiceClient::new(house.channel());
    let apply = |text: &str| v1::ApplyDocumentsRequest {
        files: vec![types::PolicyFile {
            path: "fabrikam.yaml".to_owned(),
            content: text.as_bytes().to_vec(),
        }],
        validate_only: false,
        prune: false,
    };

    let good = "apiVersion: exgate/v1\nkind: Organization\nname: fabrikam\n";
    let applied = policies.apply_documents(apply(good)).await.unwrap().into_inner();
    assert_eq!(
        (applied.documents[0].name.as_str(), applied.documents[0].change.as_str()),
        ("fabrikam", "created")
    );

    let bad = "apiVersion: exgate/v1\nkind: Organization\nname: Fabrikam!\n";
    let refused = policies.apply_documents(apply(bad)).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::InvalidArgument, "POLICY_INVALID")
    );
    assert!(refused.message().starts_with("fabrikam.yaml:3"), "{}", refused.message());

    let mut organizations = OrganizationServiceClient::new(house.channel());
    let all = v1::ListOrganizationsRequest::default();
    let listed = organizations.list_organizations(all).await.unwrap().into_inner();
    let names: Vec<_> = listed.organizations.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["organizations/contoso", "organizations/fabrikam"]);
}

#[test]
fn a_trace_id_is_taken_from_its_traceparent() {
    let id = "4bf92f3577b34da6a3ce929d0e0e4736";
    assert_eq!(trace_id(&format!("00-{id}-00f067aa0ba902b7-01")), id);
    for odd in ["", "00-4bf9-00f0-01", "nothing"] {
        assert_eq!(trace_id(odd), "");
    }
}
