//! Facts about answers, intents, commands and receipts.

use std::time::Duration;

use jiff::Timestamp;

use exgate_domain::command::{Command, CommandState, Receipt, ReceiptOutcome};
use exgate_domain::decision::{Compliance, Decision, Reason};
use exgate_domain::ids::{Generation, Revision};
use exgate_domain::observation::{Mailbox, Observation};
use exgate_domain::organization::Mode;
use exgate_domain::policy::Access;

use crate::fixture::{
    Opened, Upload, allow, at, case, contoso, decision, device, due_cases, fully_synced, key,
    mailbox, opened, world,
};
use crate::store::columns::Named;
use crate::store::{
    Answer, Answered, Compared, Decided, DecisionsStored, ListName, MailboxView, ModeChange,
    OwnedEntry, RowKind, Store, commands, noncompliant_since,
};

/// Answers the case with this number, as it is marked now.
async fn decide(
    store: &Store,
    decision: &Decision,
    number: u32,
    now: Timestamp,
) -> DecisionsStored {
    let due = due_cases(store, at(1_000_000)).await;
    let marked = due.into_iter().find(|marked| marked.key == key(number)).unwrap();
    let case = case(number, now);
    let decided = Decided { marked: &marked, case: &case, decision };
    store.put_decisions(&contoso(), &[decided], now).await.unwrap()
}

#[tokio::test]
async fn every_answer_is_read_as_it_was_written() {
    let Opened { store, .. } = &opened().await;
    Upload::everything(world(1..=1)).send(store, at(1)).await.unwrap();
    for access in Access::ALL {
        for compliance in Compliance::ALL {
            for reason in Reason::ALL {
                let decision = Decision {
                    compliance,
                    reasons: vec![reason, Reason::OwnerUnknown],
                    look_again_at: Some(at(50)),
                    ..decision(1, access)
                };
                decide(store, &decision, 1, at(2)).await;
                let view = store.mailbox_view(&contoso(), mailbox(1).id).await.unwrap().unwrap();
                let intent = view.devices[0].intent.clone().unwrap();
                assert_eq!((intent.access, intent.compliance), (access, compliance));
                assert_eq!(intent.reasons, decision.reasons);
                let last = store.last_decision(&contoso(), &key(1)).await.unwrap().unwrap();
                assert_eq!((last.id, last.at), (intent.decision, at(2)));
                assert_eq!((last.case, last.decision), (case(1, at(2)), decision));
            }
        }
    }
}

#[tokio::test]
async fn an_answer_is_a_row_only_when_it_differs() {
    let Opened { store, .. } = &opened().await;
    Upload::everything(world(1..=2)).send(store, at(1)).await.unwrap();
    let revision = async || {
        let view = store.mailbox_view(&contoso(), mailbox(1).id).await.unwrap().unwrap();
        (view.revision, view.mark > 0)
    };
    let compare = async || {
        for view in store.mailboxes_to_compare(&contoso(), 10).await.unwrap() {
            let MailboxView { mailbox, mark, .. } = view;
            let compared =
                Compared { mailbox: mailbox.id, mark, allow: 0, quarantine: 0, block: 0 };
            store.put_compared(&contoso(), &[compared]).await.unwrap();
        }
    };
    compare().await;
    assert_eq!(revision().await, (Revision::new(0), false));

    let allow = Decision { look_again_at: Some(at(100)), ..decision(1, Access::Allow) };
    let first = decide(store, &allow, 1, at(2)).await;
    assert_eq!(first, DecisionsStored { stored: 1, access_changed: vec![mailbox(1).id] });
    assert_eq!(revision().await, (Revision::new(1), true));
    compare().await;

    let later = Decision { look_again_at: Some(at(200)), ..allow.clone() };
    assert_eq!(decide(store, &later, 1, at(3)).await, DecisionsStored::default());
    assert_eq!(revision().await, (Revision::new(1), false));

    let reworded = Decision { policy: "other".to_owned(), ..later };
    let third = decide(store, &reworded, 1, at(4)).await;
    assert_eq!(third, DecisionsStored { stored: 1, access_changed: Vec::new() });
    assert_eq!(revision().await, (Revision::new(1), true));
    let since = async || {
        let view = store.mailbox_view(&contoso(), mailbox(1).id).await.unwrap().unwrap();
        view.devices[0].intent.as_ref().unwrap().decided_at
    };
    assert_eq!(since().await, at(2), "another policy says the same");

    let fourth = decide(store, &decision(1, Access::Block), 1, at(5)).await;
    assert_eq!(fourth.access_changed, [mailbox(1).id]);
    assert_eq!(since().await, at(5));
    assert_eq!(revision().await.0, Revision::new(2));
    assert_eq!(store.rows_written().get(RowKind::Decision), 3);
    assert_eq!(store.next_due_at().await.unwrap(), Some(at(1)), "the other case was never decided");
}

#[tokio::test]
async fn an_answer_does_not_take_off_a_mark_that_came_later() {
    let Opened { store, .. } = &opened().await;
    Upload::everything(world(1..=1)).send(store, at(1)).await.unwrap();
    let due = store.due_cases(&contoso(), at(1), None, 10).await.unwrap();
    store.mark_all_due(Some(&contoso()), at(2)).await.unwrap();

    let (question, answer) = (case(1, at(1)), decision(1, Access::Allow));
    let decided = Decided { marked: &due[0], case: &question, decision: &answer };
    store.put_decisions(&contoso(), &[decided], at(3)).await.unwrap();
    assert_eq!(store.next_due_at().await.unwrap(), Some(at(1)));
    assert_eq!(store.organizations_due(at(3)).await.unwrap(), [contoso()]);

    decide(store, &answer, 1, at(4)).await;
    assert_eq!(store.next_due_at().await.unwrap(), None);
    assert_eq!(store.organizations_due(at(9)).await.unwrap(), []);
}

#[test]
fn silence_neither_starts_nor_ends_a_grace_period() {
    use Compliance::{Compliant, InGracePeriod, NotCompliant, NotEvaluated, Unknown};
    let (old, now) = (Some(at(1)), at(9));
    let cases = [
        (None, Compliant, Reason::Compliant, None),
        (old, Compliant, Reason::Compliant, None),
        (None, NotCompliant, Reason::NotEncrypted, Some(now)),
        (old, NotCompliant, Reason::NotEncrypted, old),
        (None, InGracePeriod, Reason::InGracePeriod, Some(now)),
        (old, InGracePeriod, Reason::InGracePeriod, old),
        (old, Unknown, Reason::ComplianceUnknown, old),
        (None, Unknown, Reason::ComplianceUnknown, None),
        (old, NotEvaluated, Reason::RecordsUnavailable, old),
        (old, NotEvaluated, Reason::OwnerUnknown, old),
        (old, NotEvaluated, Reason::NotTargeted, None),
        (old, NotEvaluated, Reason::LocalRule, None),
        (None, NotEvaluated, Reason::OwnerUnknown, None),
        (old, NotEvaluated, Reason::NotEnrolled, None),
        (None, NotEvaluated, Reason::RecordsUnavailable, None),
    ];
    for (before, compliance, reason, expected) in cases {
        let decision = Decision { compliance, reasons: vec![reason], ..decision(1, Access::Leave) };
        let since = noncompliant_since(before, &decision, now);
        assert_eq!(since, expected, "{before:?} {compliance:?} {reason:?}");
    }
}

#[tokio::test]
async fn every_state_of_a_command_is_read_as_it_was_written() {
    let Opened { store, .. } = &opened().await;
    let states = [
        CommandState::Lent { generation: Generation::new(1), until: at(60) },
        CommandState::Unknown { since: at(2), reason: "the stream was cut".to_owned() },
        CommandState::Queued,
        CommandState::Done { at: at(3) },
    ];
    let other_ends = [
        CommandState::Refused { at: at(4), reason: "not found".to_owned() },
        CommandState::Superseded { at: at(5) },
    ];
    let commands: Vec<_> = (0..3).map(|number| allow(number, 1)).collect();
    store.create_commands(&commands, at(1)).await.unwrap();
    for state in &states {
        assert!(store.set_command_state(commands[0].id, state).await.unwrap());
        let stored = store.command(commands[0].id).await.unwrap().unwrap();
        assert_eq!((&stored.command, &stored.state), (&commands[0], state));
    }
    for (command, end) in commands[1..].iter().zip(&other_ends) {
        assert!(store.set_command_state(command.id, end).await.unwrap());
        assert_eq!(store.command(command.id).await.unwrap().unwrap().state, *end);
    }
    for command in &commands {
        assert!(!store.set_command_state(command.id, &CommandState::Queued).await.unwrap());
    }
    let names: Vec<_> =
        states.iter().chain(&other_ends).map(|it| commands::state_name(it).name()).collect();
    assert_eq!(names.len(), commands::StateName::ALL.len());
    assert_eq!(store.open_commands(&contoso()).await.unwrap(), []);
}

#[tokio::test]
async fn nothing_is_lent_once_the_mode_is_observe() {
    let Opened { store, .. } = &opened().await;
    fully_synced(store).await;
    let commands: Vec<_> = (0..2).map(|number| allow(number, 1)).collect();
    store.create_commands(&commands, at(1)).await.unwrap();
    let lend = async |number: usize| {
        let generation = Generation::new(1);
        store.lend_command(&contoso(), commands[number].id, generation, at(60)).await.unwrap()
    };
    let set = async |mode| store.set_mode(&contoso(), mode, "ann", at(20)).await.unwrap();
    assert_eq!(set(Mode::Enforce).await, ModeChange::Changed);
    assert!(lend(0).await);
    assert_eq!(set(Mode::Observe).await, ModeChange::Changed);
    assert!(!lend(1).await);
    let stored = store.command(commands[1].id).await.unwrap().unwrap();
    assert_eq!(stored.state, CommandState::Queued);
}

fn receipt(command: &Command, outcome: ReceiptOutcome, read_back: Option<Mailbox>) -> Receipt {
    Receipt {
        command: command.id,
        generation: Generation::new(1),
        outcome,
        read_back,
        cmdlet: "Set-CASMailbox -Identity ...".to_owned(),
        server: "ex01".to_owned(),
        took: Duration::from_millis(120),
        traceparent: "00-0a-0b-01".to_owned(),
    }
}

#[tokio::test]
async fn a_done_receipt_shows_the_mailbox_as_it_is_and_whose_the_entry_is() {
    let Opened { store, .. } = &opened().await;
    let organization = contoso();
    let all = world(1..=1);
    Upload::everything(all.clone()).send(store, at(1)).await.unwrap();
    let pending = Compared { mailbox: mailbox(1).id, mark: 1, allow: 1, quarantine: 0, block: 0 };
    store.put_compared(&organization, &[pending]).await.unwrap();
    assert_eq!(store.mailboxes_to_change(&organization, at(2), 10).await.unwrap().len(), 1);

    let command = allow(1, 1);
    store.create_commands(std::slice::from_ref(&command), at(2)).await.unwrap();
    assert_eq!(store.mailboxes_to_change(&organization, at(2), 10).await.unwrap(), []);
    let lent = CommandState::Lent { generation: Generation::new(1), until: at(60) };
    store.set_command_state(command.id, &lent).await.unwrap();
    assert_eq!(store.pending(&organization).await.unwrap().in_flight, 1);

    let after = Mailbox { allowed_ids: vec![device(1).device_id], ..mailbox(1) };
    let receipt = receipt(&command, ReceiptOutcome::Done, Some(after.clone()));
    let answer = Answer {
        receipt: &receipt,
        state: CommandState::Done { at: at(3) },
        observed: receipt.read_back.as_ref(),
        retry_at: None,
        traceparent: &receipt.traceparent,
        at: at(3),
    };
    assert_eq!(store.answer_command(&answer).await.unwrap(), Answered::Stored);
    assert_eq!(store.answer_command(&answer).await.unwrap(), Answered::Repeated);

    let view = store.mailbox_view(&organization, after.id).await.unwrap().unwrap();
    assert_eq!(view.mailbox, after);
    assert_eq!(view.open, None);
    assert!(view.mark > 0);
    let owned = OwnedEntry { list: ListName::Allowed, device_id: device(1).device_id };
    assert_eq!(view.owned, [owned]);
    let stored = store.commands_of_device(&organization, after.id, &device(1).device_id, 20).await;
    let stored = stored.unwrap();
    assert_eq!(stored.len(), 1);
    let said = stored[0].answer.clone().unwrap();
    assert_eq!((said.server.as_str(), said.took), ("ex01", Duration::from_millis(120)));
    assert_eq!((said.traceparent.as_str(), said.at), ("00-0a-0b-01", at(3)));

    // The key map knows the read-back: sent again it is no change.
    let again =
        Upload::changes(vec![Observation::Mailbox(after)]).send(store, at(4)).await.unwrap();
    assert_eq!((again.rows_changed, again.rows_unchanged), (0, 1));
}

#[tokio::test]
async fn a_refused_receipt_waits_and_counts_and_a_done_one_forgets() {
    let Opened { store, .. } = &opened().await;
    let organization = contoso();
    Upload::everything(world(1..=1)).send(store, at(1)).await.unwrap();
    let pending = Compared { mailbox: mailbox(1).id, mark: 1, allow: 0, quarantine: 0, block: 1 };
    store.put_compared(&organization, &[pending]).await.unwrap();
    let why = ReceiptOutcome::Refused { class: "NotFound".to_owned(), message: "gone".to_owned() };
    for number in 1..=2 {
        let command = allow(u128::from(number), 1);
        store.create_commands(std::slice::from_ref(&command), at(2)).await.unwrap();
        let receipt = receipt(&command, why.clone(), None);
        let answer = Answer {
            receipt: &receipt,
            state: CommandState::Refused { at: at(3), reason: "gone".to_owned() },
            observed: None,
            retry_at: Some(at(100)),
            traceparent: "",
            at: at(3),
        };
        store.answer_command(&answer).await.unwrap();
        let view = store.mailbox_view(&organization, mailbox(1).id).await.unwrap().unwrap();
        assert_eq!((view.attempts, view.next_try_at), (number, Some(at(100))));
    }
    assert_eq!(store.mailboxes_to_change(&organization, at(99), 10).await.unwrap(), []);
    assert_eq!(store.mailboxes_to_change(&organization, at(100), 10).await.unwrap().len(), 1);
    assert_eq!(store.pending_mailboxes(&organization, 10).await.unwrap().len(), 1);
    assert_eq!(store.next_try_at(&organization, at(3)).await.unwrap(), Some(at(100)));

    // Of unknown outcome, read back, and found done.
    let command = allow(9, 1);
    store.create_commands(std::slice::from_ref(&command), at(4)).await.unwrap();
    let lent = CommandState::Lent { generation: Generation::new(1), until: at(60) };
    store.set_command_state(command.id, &lent).await.unwrap();
    assert_eq!(store.lent_to_unknown(&organization, "the agent is gone", at(5)).await.unwrap(), 1);
    assert_eq!(store.pending(&organization).await.unwrap().unknown, 1);
    let done = CommandState::Done { at: at(6) };
    assert!(store.settle_command(command.id, &done, None, at(6)).await.unwrap());
    assert!(!store.settle_command(command.id, &done, None, at(7)).await.unwrap());
    let view = store.mailbox_view(&organization, mailbox(1).id).await.unwrap().unwrap();
    assert_eq!((view.attempts, view.next_try_at, view.owned.len()), (0, None, 1));
}

#[tokio::test]
async fn queued_commands_are_dropped_without_a_trace_of_doubt() {
    let Opened { store, .. } = &opened().await;
    let commands = [allow(1, 1), allow(2, 2)];
    store.create_commands(&commands, at(1)).await.unwrap();
    let lent = CommandState::Lent { generation: Generation::new(1), until: at(60) };
    store.set_command_state(commands[1].id, &lent).await.unwrap();
    assert_eq!(store.supersede_queued(&contoso(), at(2)).await.unwrap(), 1);
    let open = store.open_commands(&contoso()).await.unwrap();
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].state, lent);
}

#[tokio::test]
async fn a_mark_that_comes_while_comparing_is_kept() {
    let Opened { store, .. } = &opened().await;
    Upload::everything(world(1..=1)).send(store, at(1)).await.unwrap();
    let views = store.mailboxes_to_compare(&contoso(), 10).await.unwrap();
    store.mark_all_for_comparison(None).await.unwrap();
    let compared =
        Compared { mailbox: mailbox(1).id, mark: views[0].mark, allow: 1, quarantine: 2, block: 3 };
    store.put_compared(&contoso(), &[compared]).await.unwrap();
    assert_eq!(store.mailboxes_to_compare(&contoso(), 10).await.unwrap().len(), 1);
    let pending = store.pending(&contoso()).await.unwrap();
    let counted = (pending.allow, pending.quarantine, pending.block, pending.mailboxes);
    assert_eq!(counted, (1, 2, 3, 1));
}
