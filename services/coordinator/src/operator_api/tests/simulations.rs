//! Simulations that cannot be: each refusal has its code, and leaves a place for the next one.

use exgate_proto::convert::field::to_instant;
use exgate_proto::types::v1 as types;
use exgate_proto::v1;
use exgate_proto::v1::policy_service_client::PolicyServiceClient;
use jiff::SignedDuration;
use tonic::Code;

use crate::agents::tests::{House, now, reason};

fn request() -> v1::SimulatePoliciesRequest {
    let content = b"apiVersion: exgate/v1\nkind: AccessPolicy\nname: a\n".to_vec();
    v1::SimulatePoliciesRequest {
        parent: "organizations/-".to_owned(),
        files: vec![types::PolicyFile { path: "a.yaml".to_owned(), content }],
        replay_at: None,
        changes_max: 10,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_simulated_is_refused_before_it_begins() {
    let house = House::start().await;
    let mut policies = PolicyServiceClient::new(house.channel());
    let tomorrow = now().checked_add(SignedDuration::from_hours(24)).unwrap();
    let organization = b"apiVersion: exgate/v1\nkind: Organization\nname: adatum\n".to_vec();
    let no_policy = types::PolicyFile { path: "adatum.yaml".to_owned(), content: organization };
    let with = |change: fn(&mut v1::SimulatePoliciesRequest)| {
        let mut request = request();
        change(&mut request);
        request
    };
    let future = v1::SimulatePoliciesRequest { replay_at: Some(to_instant(tomorrow)), ..request() };
    let no_policy = v1::SimulatePoliciesRequest { files: vec![no_policy], ..request() };
    for (request, code, told) in [
        (with(|it| it.changes_max = -1), Code::InvalidArgument, "ARGUMENT_INVALID"),
        (with(|it| it.parent.clear()), Code::InvalidArgument, "ARGUMENT_INVALID"),
        (with(|it| it.files.clear()), Code::InvalidArgument, "ARGUMENT_INVALID"),
        (future, Code::InvalidArgument, "ARGUMENT_INVALID"),
        (no_policy, Code::InvalidArgument, "ARGUMENT_INVALID"),
        (
            with(|it| it.parent = "organizations/contosso".to_owned()),
            Code::NotFound,
            "ORGANIZATION_NOT_FOUND",
        ),
        (with(|it| it.files[0].content.clear()), Code::InvalidArgument, "ARGUMENT_INVALID"),
        (with(|it| it.files[0].content = vec![0xff]), Code::InvalidArgument, "POLICY_INVALID"),
        (with(|_| ()), Code::Unavailable, "EVALUATOR_UNAVAILABLE"),
        (with(|_| ()), Code::Unavailable, "EVALUATOR_UNAVAILABLE"),
        (with(|_| ()), Code::Unavailable, "EVALUATOR_UNAVAILABLE"),
    ] {
        let refused = policies.simulate_policies(request.clone()).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused).as_str()), (code, told), "{request:?}");
    }
}
