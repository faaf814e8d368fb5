//! Every pair leads back to where it began, and what is not whole stays outside.

mod strategies;

use std::fmt::Debug;
use std::time::Duration;

use exgate_domain::ids::InvalidId;
use exgate_domain::observation::{Kind, Observation};
use jiff::Timestamp;
use proptest::prelude::*;
use tonic_types::StatusExt;
use uuid::Uuid;

use super::*;
use crate::{agent::v1 as agent, types::v1 as pb, v1};

/// Out through the gate, over bytes, and in again.
fn there_and_back<Wire, Domain>(value: Domain)
where
    Domain: Clone + Debug + PartialEq + TryFrom<Wire>,
    <Domain as TryFrom<Wire>>::Error: Debug,
    Wire: From<Domain> + prost::Message + Default + PartialEq + Debug,
{
    let wire = Wire::from(value.clone());
    let read = Wire::decode(wire.encode_to_vec().as_slice()).unwrap();
    assert_eq!(read, wire);
    assert_eq!(Domain::try_from(read).unwrap(), value);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn observations_survive(value in strategies::observation()) {
        there_and_back::<pb::Observation, _>(value);
    }

    #[test]
    fn statistics_survive(value in strategies::mailbox_statistics()) {
        there_and_back::<agent::StatisticsRead, _>(value);
    }

    #[test]
    fn keys_survive(value in strategies::key()) {
        there_and_back::<pb::ObservationKey, _>(value);
    }

    #[test]
    fn managed_devices_survive(value in strategies::managed_device()) {
        there_and_back::<pb::ManagedDevice, _>(value);
    }

    #[test]
    fn users_survive(value in strategies::user()) {
        there_and_back::<pb::User, _>(value);
    }

    #[test]
    fn cases_survive(value in strategies::case()) {
        there_and_back::<pb::Case, _>(value.clone());
        prop_assert_eq!(decode_case(&encode_case(&value)).unwrap(), value);
    }

    #[test]
    fn decisions_survive(value in strategies::decision()) {
        there_and_back::<pb::Decision, _>(value);
    }

    #[test]
    fn commands_survive(value in strategies::command()) {
        there_and_back::<agent::Command, _>(value);
    }

    #[test]
    fn receipts_survive(value in strategies::receipt()) {
        there_and_back::<agent::Receipt, _>(value.clone());
        prop_assert_eq!(decode_receipt(&encode_receipt(&value)).unwrap(), value);
    }

    #[test]
    fn checks_survive(report in strategies::check_report()) {
        there_and_back::<pb::CheckReport, _>(report);
    }

    #[test]
    fn standings_survive(value in strategies::standing()) {
        there_and_back::<pb::Standing, _>(value);
    }

    #[test]
    fn snapshot_parts_survive(
        begin in strategies::begin(),
        page in strategies::page(),
        commit in strategies::commit(),
        resume in strategies::resume(),
    ) {
        there_and_back::<agent::SnapshotBegin, _>(begin);
        there_and_back::<agent::SnapshotPage, _>(page);
        there_and_back::<agent::SnapshotCommit, _>(commit);
        there_and_back::<agent::SnapshotResume, _>(resume);
    }

    #[test]
    fn operator_enums_survive(
        mode in strategies::mode(),
        sync_mode in strategies::sync_mode(),
        trigger in strategies::trigger(),
    ) {
        prop_assert_eq!(v1::Mode::from(mode).try_into(), Ok(mode));
        prop_assert_eq!(v1::SyncMode::from(sync_mode).try_into(), Ok(sync_mode));
        prop_assert_eq!(v1::SyncTrigger::from(trigger).try_into(), Ok(trigger));
    }

    #[test]
    fn instants_are_exact_to_the_nanosecond(at in strategies::instant()) {
        let wire = field::to_instant(at);
        prop_assert!((0..1_000_000_000).contains(&wire.nanos));
        prop_assert_eq!(field::instant("at", wire), Ok(at));
    }

    #[test]
    fn any_bytes_are_an_observation_or_malformed(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        if let Ok(observation) = decode_observation(&bytes) {
            prop_assert_eq!(
                decode_observation(&encode_observation(&observation)).unwrap(),
                observation
            );
        }
    }
}

#[test]
fn an_instant_before_the_epoch_counts_its_nanoseconds_forward() {
    let at: Timestamp = "1969-12-31T23:59:59.75Z".parse().unwrap();
    let wire = prost_types::Timestamp { seconds: -1, nanos: 750_000_000 };
    assert_eq!(field::to_instant(at), wire);
}

#[test]
fn spans_that_cannot_be_are_refused_and_endless_ones_are_cut() {
    let span = |seconds, nanos| field::span("ttl", prost_types::Duration { seconds, nanos });
    assert!(span(-1, 0).is_err());
    assert!(span(0, -1).is_err());
    assert!(span(1, 1_000_000_000).is_err());
    assert_eq!(span(30, 5), Ok(Duration::new(30, 5)));
    assert!(field::span("ttl", field::to_span(Duration::MAX)).is_ok());
}

fn mailbox() -> pb::Mailbox {
    pb::Mailbox { guid: vec![7; 16], active_sync_enabled: true, ..pb::Mailbox::default() }
}

fn device() -> pb::EasDevice {
    pb::EasDevice {
        guid: vec![9; 16],
        device_id: "ApplDLXH1234".into(),
        access_state: pb::AccessState::Allowed.into(),
        access_reason: pb::AccessReason::Global.into(),
        ..pb::EasDevice::default()
    }
}

fn observed(subject: pb::observation::Subject) -> Result<Observation, Malformed> {
    pb::Observation { subject: Some(subject) }.try_into()
}

#[test]
fn what_is_not_whole_is_named_by_its_path() {
    use pb::observation::Subject::{Device, Mailbox};
    let fault = |result: Result<Observation, Malformed>| {
        let Malformed { field, source } = result.unwrap_err();
        (field, source)
    };

    assert_eq!(
        fault(pb::Observation { subject: None }.try_into()),
        ("subject".into(), Fault::Missing)
    );
    assert_eq!(
        fault(observed(Mailbox(pb::Mailbox { guid: vec![1; 3], ..mailbox() }))),
        ("mailbox.guid".into(), Fault::Length { expected: 16, actual: 3 })
    );
    assert_eq!(
        fault(observed(Mailbox(pb::Mailbox {
            blocked_ids: vec!["a".into(), "".into()],
            ..mailbox()
        }))),
        ("mailbox.blocked_ids[1]".into(), Fault::Id(InvalidId::Device(String::new())))
    );
    assert_eq!(
        fault(observed(Device(pb::EasDevice { access_state: 0, ..device() }))),
        ("device.access_state".into(), Fault::Unspecified)
    );
    assert_eq!(
        fault(observed(Device(pb::EasDevice { access_reason: 99, ..device() }))),
        ("device.access_reason".into(), Fault::UnknownNumber(99))
    );
    assert_eq!(
        fault(observed(Device(pb::EasDevice { access_state_text: "x".into(), ..device() }))),
        ("device.access_state_text".into(), Fault::Unexpected)
    );
    assert!(observed(Device(device())).is_ok());
    assert!(observed(Mailbox(mailbox())).is_ok());
}

#[test]
fn a_row_deep_in_a_page_is_named_by_its_index() {
    let row = |device| pb::Observation { subject: Some(pb::observation::Subject::Device(device)) };
    let page = agent::SnapshotPage {
        number: 1,
        observations: vec![row(device()), row(pb::EasDevice { guid: vec![], ..device() })],
        unchanged_keys: vec![],
        page_digest: vec![0; 16],
        finished: None,
    };

    let malformed = exgate_domain::snapshot::Page::try_from(page).unwrap_err();

    assert_eq!(malformed.field, "observations[1].device.guid");
}

#[test]
fn a_decision_without_a_reason_is_refused() {
    let decision = pb::Decision {
        mailbox_guid: vec![1; 16],
        device_id: "a".into(),
        access: pb::Access::Allow.into(),
        compliance: pb::Compliance::Compliant.into(),
        bundle_digest: vec![2; 32],
        ..pb::Decision::default()
    };

    let malformed = exgate_domain::decision::Decision::try_from(decision).unwrap_err();

    assert_eq!(malformed, Malformed::new("reasons", Fault::Missing));
}

#[test]
fn the_sender_is_told_the_field_in_the_details() {
    let status = tonic::Status::from(Malformed::new("hello.agent_id", Fault::Missing));

    assert_eq!(status.code(), tonic::Code::InvalidArgument);
    assert_eq!(
        status.message(),
        "field \"hello.agent_id\" of a message is malformed: it is missing"
    );
    let info = status.get_details_error_info().unwrap();
    assert_eq!((info.reason.as_str(), info.domain.as_str()), ("MALFORMED", "exgate.dev"));
    let request = status.get_details_bad_request().unwrap();
    assert_eq!(request.field_violations[0].field, "hello.agent_id");
}

#[test]
fn digests_are_over_the_bytes_that_the_protocol_names() {
    let observation = observed(pb::observation::Subject::Device(device())).unwrap();
    let bytes = encode_observation(&observation);
    assert_eq!(digest(&observation), exgate_domain::ids::ObservationDigest::of(&bytes));
    assert_eq!(wire_digest(&(&observation).into()), digest(&observation));

    let key = exgate_domain::observation::Key { kind: Kind::Mailbox, guid: Uuid::from_u128(5) };
    let mut content = digest(&observation).as_bytes().to_vec();
    content.push(2);
    content.extend_from_slice(Uuid::from_u128(5).as_bytes());
    let page = page_digest(&[digest(&observation)], &[key]);
    assert_eq!(page, exgate_domain::ids::ObservationDigest::of(&content));

    let two = [page.as_bytes().as_slice(), page.as_bytes().as_slice()].concat();
    assert_eq!(root_digest(&[page, page]), exgate_domain::ids::ObservationDigest::of(&two));
}

#[test]
fn a_step_without_an_outcome_is_refused() {
    let step = |outcome| pb::CheckStep { outcome, ..pb::CheckStep::default() };
    let read = |outcome| exgate_domain::check::Step::try_from(step(outcome));
    assert_eq!(read(0).unwrap_err().source, Fault::Unspecified);
    assert_eq!(read(99).unwrap_err().source, Fault::UnknownNumber(99));
    let report = pb::CheckReport { steps: vec![step(1), step(0)], ..pb::CheckReport::default() };
    let refused = exgate_domain::check::Report::try_from(report).unwrap_err();
    assert_eq!(refused.field, "steps[1].outcome");
}
