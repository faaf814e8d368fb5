//! The story that exgate exists for, from a phone's first call to its first mail.

use exchange_sim::control::views::SyncAnswer;
use exchange_sim::mailboxes::MailKind;
use exchange_sim::world::device::{AccessReason, AccessState};
use exgate_proto::types::v1 as types;
use exgate_proto::types::v1::{Access, Compliance, Reason};
use exgate_tests::exchange::{DISCOVERY_SECONDS, iphone};
use exgate_tests::scenario;
use exgate_tests::setup::ENROLMENT;
use exgate_tests::world::{List, Options, World};

/// S6, each step in the simulator's own state, on Exchange 2010 and 2019 under one coordinator.
#[test]
fn a_phone_is_held_until_it_is_enrolled_and_compliant() {
    scenario(async {
        let organizations = vec![("contoso", "2019"), ("fabrikam", "2010")];
        let options = Options { organizations: organizations.clone(), ..Options::default() };
        let mut world = World::start(options).await;

        for (organization, _) in organizations {
            ten_steps(&mut world, organization).await;
        }
        world.close().await;
    });
}

async fn ten_steps(world: &mut World, organization: &str) {
    world.enforce(organization).await;
    let ann = world.person(organization, 0).await;
    let bob = world.person(organization, 1).await;
    world.records.person(&ann);
    world.records.person(&bob);
    world.write_records().await;

    // 1. Ann connects; so does Bob, who will never enrol.
    let phone = world.exchange.connect(organization, iphone(&ann, "APPLANN0001")).await;
    let other = world.exchange.connect(organization, iphone(&bob, "APPLBOB0001")).await;
    assert_eq!(phone.access_state, AccessState::DeviceDiscovery);
    assert_eq!(world.exchange.call(organization, &phone).await.answer, SyncAnswer::Quarantine);

    // 2. exgate discovers the phone, which nobody manages.
    world.operator.quick(organization).await;
    let seen = world.decided(&phone, Access::Quarantine).await;
    assert_eq!(seen.eas.as_ref().unwrap().access_state(), types::AccessState::DeviceDiscovery);
    assert!(seen.reasons().any(|reason| reason == Reason::NotEnrolled), "{seen:?}");

    // 3. Exchange has found out what it is, and holds it.
    world.exchange.advance(DISCOVERY_SECONDS).await;
    let held = world.exchange.device(organization, "APPLANN0001").await;
    assert_eq!(held.access_state, AccessState::Quarantined);
    assert_eq!(held.access_state_reason, AccessReason::Global);
    let refused = world.exchange.call(organization, &phone).await;
    assert_eq!(refused.answer, SyncAnswer::Quarantine);

    // 4. Exchange's own mail tells Ann, with the way to enrol.
    let mails = world.exchange.mails(organization, &ann.primary_smtp_address).await;
    assert_eq!(mails.len(), 1, "{mails:#?}");
    assert_eq!((mails[0].kind, mails[0].device), (MailKind::Quarantine, Some(phone.guid)));
    assert!(mails[0].body.contains(ENROLMENT), "{}", mails[0].body);
    assert!(mails[0].body.contains("APPLANN0001"), "{}", mails[0].body);
    world.operator.quick(organization).await;
    world.settled(organization).await;
    assert_eq!(world.exchange.ledger(organization).await, []);

    // 5. She enrols; the phone is not compliant yet, and stays where it is.
    world.records.enrol(&phone, false);
    world.write_records().await;
    let judged = world.judged(&phone, Compliance::NotCompliant).await;
    assert_eq!(judged.intended(), Access::Quarantine);
    world.settled(organization).await;
    assert_eq!(world.exchange.ledger(organization).await, []);
    let refused = world.exchange.call_later(organization, &phone).await;
    assert_eq!(refused.answer, SyncAnswer::Quarantine);

    // 6. and 7. It becomes compliant, and its record, which carries the EAS id, says so.
    world.records.enrol(&phone, true);
    world.write_records().await;
    world.judged(&phone, Compliance::Compliant).await;

    // 8. The policy is met.
    let decided = world.decided(&phone, Access::Allow).await;
    assert!(decided.reasons().any(|reason| reason == Reason::Compliant), "{decided:?}");

    // 9. One cmdlet allows it, for her mailbox only.
    let mailbox = world.listed(&phone, List::Allowed).await;
    assert_eq!(mailbox.guid, ann.guid);
    assert_eq!(mailbox.allowed_device_ids, ["APPLANN0001"]);
    let ledger = world.exchange.ledger(organization).await;
    let [entry] = ledger.as_slice() else { panic!("{ledger:#?}") };
    assert_eq!((entry.cmdlet.as_str(), entry.changed), ("Set-CASMailbox", true));
    assert_eq!(entry.error, None);
    assert!(entry.identity.contains(&ann.guid.to_string()), "{entry:?}");

    // 10. Mail flows.
    let served = world.exchange.call_later(organization, &phone).await;
    assert_eq!((served.answer, served.http_status), (SyncAnswer::Mail, 200));
    assert_eq!(served.device.access_state, AccessState::Allowed);
    assert_eq!(served.device.access_state_reason, AccessReason::Individual);
    world.operator.quick(organization).await;
    let seen = world.decided(&phone, Access::Allow).await;
    assert_eq!(seen.eas.as_ref().unwrap().access_state(), types::AccessState::Allowed);

    // Bob's phone is where it was, and nothing more was written.
    let held = world.exchange.call(organization, &other).await;
    assert_eq!(held.answer, SyncAnswer::Quarantine);
    assert_eq!(held.device.access_state, AccessState::Quarantined);
    world.listed(&other, List::Neither).await;
    world.operator.full(organization).await;
    world.settled(organization).await;
    assert_eq!(world.exchange.ledger(organization).await.len(), 1);
}
