//! Commands: handed out in time, once, and never on top of an unknown outcome.

use exgate_domain::command::{CommandState, ListEdit};
use exgate_domain::ids::DeviceId;
use exgate_domain::organization::Mode;

use super::*;
use crate::operator_api::tests as operating;
use crate::reconcile::edited;
use crate::store::StoredCommand;

/// A house whose agent has made its first sync of `people` people.
async fn synced(people: u8) -> (House, Agent) {
    let house = House::start().await;
    let mut agent = Agent::attach(&house, 1).await;
    let start = agent.hear_sync().await;
    agent.look(&start, &everything(people)).await;
    eventually("a full sync succeeded", async || {
        let history = house.store.run_history(&contoso()).await.unwrap();
        history.full_succeeded_at
    })
    .await;
    (house, agent)
}

async fn enforce(house: &House) {
    operating::set_mode(house, exgate_proto::v1::Mode::Enforce).await.unwrap();
}

async fn commands(house: &House, number: u8) -> Vec<StoredCommand> {
    let device: DeviceId = format!("A{number}").parse().unwrap();
    let mailbox = mailbox(number, &[], &[]).id;
    house.store.commands_of_device(&contoso(), mailbox, &device, 20).await.unwrap()
}

fn done(command: &pb::Command, mailbox: &Mailbox) -> pb::Receipt {
    let edit = ListEdit::try_from(command.edit.clone().unwrap()).unwrap();
    let read_back = edited(mailbox, &edit);
    pb::Receipt { read_back: Some(read_back.into()), ..receipt(command, pb::ReceiptOutcome::Done) }
}

#[tokio::test(flavor = "multi_thread")]
async fn observing_counts_what_enforcing_hands_out() {
    let (house, mut agent) = synced(1).await;
    house.decide(|_| Access::Allow).await;
    eventually("the change is counted", async || {
        let pending = house.store.pending(&contoso()).await.unwrap();
        (pending.allow == 1 && pending.mailboxes == 1).then_some(())
    })
    .await;
    assert!(agent.hears_nothing().await, "observe mode hands nothing out");

    enforce(&house).await;

    let command = agent.hear_command().await;
    assert_eq!((command.generation, command.revision), (agent.generation, 1));
    let edit = command.edit.clone().unwrap();
    assert_eq!(edit.allowed_add, ["A1"]);
    assert!(edit.allowed_remove.is_empty() && edit.blocked_add.is_empty());
    let lent = &commands(&house, 1).await[0];
    assert!(matches!(lent.state, CommandState::Lent { .. }), "it is stored before it is sent");

    agent.answer(done(&command, &mailbox(1, &[], &[]))).await;

    let stored = commands(&house, 1).await;
    assert!(matches!(stored[0].state, CommandState::Done { .. }), "{stored:?}");
    assert_eq!(stored[0].answer.as_ref().unwrap().cmdlet, "Set-CASMailbox ann");
    let view =
        house.store.mailbox_view(&contoso(), mailbox(1, &[], &[]).id).await.unwrap().unwrap();
    assert_eq!(view.mailbox.allowed_ids, ["A1".parse().unwrap()], "the read-back is observed");
    assert_eq!(view.owned.len(), 1, "the entry is exgate's");
    assert!(agent.hears_nothing().await, "what is done is not done again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_few_at_a_time_and_loosening_first() {
    let (house, mut agent) = synced(12).await;
    house.decide(|id| if matches!(id, "A1" | "A2") { Access::Block } else { Access::Allow }).await;
    enforce(&house).await;

    let mut first = Vec::new();
    for _ in 0..8 {
        first.push(agent.hear_command().await);
    }
    assert!(agent.hears_nothing().await, "no more than eight are in flight");
    for command in &first {
        let edit = command.edit.clone().unwrap();
        assert!(edit.blocked_add.is_empty(), "{edit:?} before all loosening");
    }

    let number = |command: &pb::Command| command.mailbox_guid[3];
    agent.say(Said::Receipt(done(&first[0], &mailbox(number(&first[0]), &[], &[])))).await;
    let heard = [agent.hear().await.unwrap(), agent.hear().await.unwrap()];
    assert!(matches!(heard, [Heard::ReceiptStored(_), Heard::Command(_)]), "{heard:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_outcome_is_read_back_before_anything_else() {
    let (house, mut agent) = synced(1).await;
    house.decide(|_| Access::Allow).await;
    enforce(&house).await;
    let command = agent.hear_command().await;

    let unknown = pb::Receipt {
        message: "timed out".to_owned(),
        ..receipt(&command, pb::ReceiptOutcome::Unknown)
    };
    agent.answer(unknown).await;

    let start = agent.hear_sync().await;
    let Some(pb::scope::Part::Mailboxes(scope)) = start.scope.clone().unwrap().part else {
        panic!("{start:?}")
    };
    assert_eq!(scope.mailbox_guids, std::slice::from_ref(&command.mailbox_guid));
    let seen = [
        Observation::Mailbox(mailbox(1, &["A1"], &[])),
        Observation::Device(device(1, "A1", AccessState::Quarantined)),
    ];
    agent.look(&start, &seen).await;

    eventually("the command is settled", async || {
        let stored = commands(&house, 1).await;
        assert_eq!(stored.len(), 1, "nothing else touched the mailbox: {stored:?}");
        matches!(stored[0].state, CommandState::Done { .. }).then_some(())
    })
    .await;
    assert!(agent.hears_nothing().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_agent_does_not_answer_for_is_unknown_to_the_next() {
    let (house, mut agent) = synced(1).await;
    house.decide(|_| Access::Allow).await;
    enforce(&house).await;
    let command = agent.hear_command().await;
    drop(agent);

    let mut next = Agent::attach(&house, 1).await;
    let start = next.hear_sync().await;
    assert!(matches!(start.scope.clone().unwrap().part, Some(pb::scope::Part::Mailboxes(_))));
    // That was a minute ago, so the cmdlet has ended, too.
    let minute_ago = now().checked_sub(jiff::SignedDuration::from_mins(1)).unwrap();
    let long_unknown = CommandState::Unknown { since: minute_ago, reason: "cut off".to_owned() };
    let id = commands(&house, 1).await[0].command.id;
    assert!(house.store.set_command_state(id, &long_unknown).await.unwrap());
    let seen = [
        Observation::Mailbox(mailbox(1, &[], &[])),
        Observation::Device(device(1, "A1", AccessState::Quarantined)),
    ];
    next.look(&start, &seen).await;

    let again = next.hear_command().await;
    assert_ne!(again.command_id, command.command_id);
    assert_eq!((again.generation, again.edit), (next.generation, command.edit));
    let stored = commands(&house, 1).await;
    let CommandState::Refused { reason, .. } = &stored[1].state else { panic!("{stored:?}") };
    assert_eq!(reason, "read back: the change was not made");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_may_still_come_is_waited_for() {
    let (house, mut agent) = synced(1).await;
    house.decide(|_| Access::Allow).await;
    enforce(&house).await;
    agent.hear_command().await;
    drop(agent);

    let mut next = Agent::attach(&house, 1).await;
    let device = Observation::Device(device(1, "A1", AccessState::Quarantined));
    for allowed in [&[][..], &["A1"]] {
        // The cmdlet of the agent that is gone takes effect between two looks.
        let start = next.hear_sync().await;
        let mailbox = Observation::Mailbox(mailbox(1, allowed, &[]));
        next.look(&start, &[mailbox, device.clone()]).await;
    }

    eventually("the command is settled", async || {
        let stored = commands(&house, 1).await;
        assert_eq!(stored.len(), 1, "nothing else touched the mailbox: {stored:?}");
        matches!(stored[0].state, CommandState::Done { .. }).then_some(())
    })
    .await;
    assert!(next.hears_nothing().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_of_earlier_times_come_before_the_lease() {
    let (house, mut agent) = synced(1).await;
    house.decide(|_| Access::Allow).await;
    enforce(&house).await;
    let command = agent.hear_command().await;
    drop(agent);

    let mut back = Agent::greet(&house, hello(self::agent(1), 1)).await.unwrap();
    assert!(back.hears_nothing().await, "no lease before the receipt");
    back.answer(done(&command, &mailbox(1, &[], &[]))).await;
    back.take_lease().await;
    back.report_preflight(true).await;

    let stored = commands(&house, 1).await;
    assert!(matches!(stored[0].state, CommandState::Done { .. }), "{stored:?}");
    assert!(back.hears_nothing().await, "neither a read-back nor a second command");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_of_an_older_lease_is_recorded_and_changes_nothing() {
    let (house, mut agent) = synced(1).await;
    house.decide(|_| Access::Allow).await;
    enforce(&house).await;
    let command = agent.hear_command().await;

    let older =
        pb::Receipt { generation: command.generation - 1, ..done(&command, &mailbox(1, &[], &[])) };
    agent.answer(older).await;

    let stored = commands(&house, 1).await;
    assert!(matches!(stored[0].state, CommandState::Lent { .. }), "{stored:?}");
    assert!(stored[0].answer.is_some(), "it is recorded");
    let view =
        house.store.mailbox_view(&contoso(), mailbox(1, &[], &[]).id).await.unwrap().unwrap();
    assert!(view.mailbox.allowed_ids.is_empty(), "its read-back is not observed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_tried_again_later_and_a_person_sees_when() {
    let (house, mut agent) = synced(1).await;
    house.decide(|_| Access::Allow).await;
    enforce(&house).await;
    let command = agent.hear_command().await;

    let refused = pb::Receipt {
        refusal_class: "ManagementObjectNotFoundException".to_owned(),
        message: "no such mailbox".to_owned(),
        ..receipt(&command, pb::ReceiptOutcome::Refused)
    };
    agent.answer(refused).await;

    assert!(agent.hears_nothing().await, "not at once");
    let told = operating::explain(&house, "A1", 1).await;
    assert!(told.held.starts_with("the last attempt was refused (ManagementObjectNotFoundException: no such mailbox); the next is made at "), "{}", told.held);
    assert_eq!(told.commands[0].state, "refused");
    let view =
        house.store.mailbox_view(&contoso(), mailbox(1, &[], &[]).id).await.unwrap().unwrap();
    let wait = view.next_try_at.unwrap().duration_since(now()).as_secs();
    assert!((50..=60).contains(&wait), "{wait}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_has_not_reached_its_exchange_gets_nothing_to_do() {
    let (house, agent) = synced(1).await;
    house.decide(|_| Access::Allow).await;
    drop(agent);
    let mut agent = Agent::greet(&house, hello(self::agent(1), 0)).await.unwrap();
    agent.take_lease().await;
    agent.report_preflight(false).await;
    enforce(&house).await;
    assert!(agent.hears_nothing().await);

    agent.report_preflight(true).await;

    agent.hear_command().await;
    let stored = house.store.organization(&contoso()).await.unwrap().unwrap();
    assert_eq!(stored.organization.mode, Mode::Enforce);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_look_does_not_undo_what_a_receipt_showed() {
    let (house, mut agent) = synced(1).await;
    house.decide(|_| Access::Allow).await;
    enforce(&house).await;
    let command = agent.hear_command().await;
    operating::run_sync(&house, exgate_proto::v1::SyncMode::Full).await.unwrap();
    let start = agent.hear_sync().await;

    agent.answer(done(&command, &mailbox(1, &[], &[]))).await;
    agent.look(&start, &everything(1)).await;

    let view = async || {
        let mailbox = mailbox(1, &[], &[]).id;
        house.store.mailbox_view(&contoso(), mailbox).await.unwrap().unwrap()
    };
    eventually("the older look is stored", async || {
        house.store.open_runs(None).await.unwrap().is_empty().then_some(())
    })
    .await;
    assert_eq!(view().await.mailbox.allowed_ids, ["A1".parse().unwrap()]);
    assert!(agent.hears_nothing().await, "the command is not repeated");

    // Somebody takes the entry off, and the agent sees what it was last told is stored.
    operating::run_sync(&house, exgate_proto::v1::SyncMode::Full).await.unwrap();
    let start = agent.hear_sync().await;
    let unchanged = [Observation::Mailbox(mailbox(1, &[], &[])).key()];
    let refused = agent.upload(agent.parts_of(&start, &[], &unchanged)).await.unwrap_err();
    assert_eq!(reason(&refused), "DIGESTS_UNKNOWN");
    agent.finish(&start, "the coordinator did not take the snapshot").await;
    let again = agent.hear_sync().await;
    agent.look(&again, &everything(1)).await;

    let repair = agent.hear_command().await;
    assert_eq!(repair.edit, command.edit, "the drift is seen and repaired");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_exchange_is_gone_one_command_finds_out_whether_it_is_back() {
    let (house, mut agent) = synced(12).await;
    house.decide(|_| Access::Allow).await;
    enforce(&house).await;
    let mut commands = Vec::new();
    for _ in 0..8 {
        commands.push(agent.hear_command().await);
    }
    for command in &commands {
        let unreachable = pb::Receipt {
            refusal_class: "unreachable".to_owned(),
            message: "connection refused".to_owned(),
            ..receipt(command, pb::ReceiptOutcome::Refused)
        };
        agent.say(Said::Receipt(unreachable)).await;
    }
    for _ in 0..8 {
        let heard = agent.hear().await.unwrap();
        assert!(matches!(heard, Heard::ReceiptStored(_)), "handed out into the void: {heard:?}");
    }

    let scout = agent.hear_command().await;
    assert!(agent.hears_nothing().await, "one at a time until it is back");
    let number = scout.mailbox_guid[3];
    agent.say(Said::Receipt(done(&scout, &mailbox(number, &[], &[])))).await;

    let heard = agent.hear().await.unwrap();
    assert!(matches!(heard, Heard::ReceiptStored(_)), "{heard:?}");
    for _ in 0..8 {
        agent.hear_command().await;
    }
}
