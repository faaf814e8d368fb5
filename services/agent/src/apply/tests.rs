//! What the applier refuses, and what it leaves on disk, against a scripted Exchange.

use std::sync::Mutex as StdMutex;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use uuid::Uuid;

use exgate_domain::command::ListEdit;
use exgate_domain::ids::{CommandId, Generation};
use exgate_domain::statistics::StatisticsOutcome;
use exgate_domain::sync::Completeness;

use super::*;
use crate::collect::DigestTable;
use crate::exchange::{LookError, Preflight, Seen, Wanted};
use crate::lease::Held;

/// An Exchange that answers every write alike, and notes what lay in the journal meanwhile.
#[derive(Debug)]
struct Scripted {
    answer: ReceiptOutcome,
    journal: Journal,
    journalled: StdMutex<Vec<ReceiptOutcome>>,
    start_by: StdMutex<Vec<Instant>>,
}

impl Exchange for Scripted {
    fn preflight(&self) -> BoxFuture<'_, Preflight> {
        async { Preflight::default() }.boxed()
    }

    fn doctor(&self, _: mpsc::Sender<exgate_domain::check::Step>) -> BoxFuture<'_, Preflight> {
        self.preflight()
    }

    fn look<'a>(
        &'a self,
        _: &'a Wanted,
        _: &'a DigestTable,
        _: mpsc::Sender<Seen>,
    ) -> BoxFuture<'a, Result<Completeness, LookError>> {
        async { Err(LookError::Abandoned) }.boxed()
    }

    fn statistics(&self, _: MailboxId) -> BoxFuture<'_, StatisticsOutcome> {
        unreachable!("apply never asks a mailbox")
    }

    fn edit_lists<'a>(
        &'a self,
        _: MailboxId,
        _: &'a ListEdit,
        start_by: Instant,
    ) -> BoxFuture<'a, Attempt> {
        async move {
            self.start_by.lock().unwrap().push(start_by);
            let unsent = self.journal.unsent().unwrap().into_iter().map(|unsent| unsent.outcome);
            self.journalled.lock().unwrap().extend(unsent);
            attempt(self.answer.clone())
        }
        .boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        async {}.boxed()
    }
}

struct Bench {
    _folder: tempfile::TempDir,
    exchange: Arc<Scripted>,
    journal: Journal,
    lease: Lease,
    applier: Applier,
}

fn bench(answer: ReceiptOutcome) -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path()).unwrap();
    let exchange = Arc::new(Scripted {
        answer,
        journal: journal.clone(),
        journalled: StdMutex::default(),
        start_by: StdMutex::default(),
    });
    let lease = Lease::none();
    let ttl = Duration::from_secs(30);
    lease.set(Some(Held::granted(Generation::new(5), ttl, Instant::now())));
    let applier =
        Applier::new(exchange.clone(), journal.clone(), lease.clone(), Duration::from_secs(15));
    Bench { _folder: folder, exchange, journal, lease, applier }
}

fn command(number: u128) -> Command {
    Command {
        id: CommandId::new(Uuid::from_u128(number)),
        organization: "contoso".parse().unwrap(),
        generation: Generation::new(5),
        revision: Revision::new(2),
        mailbox: MailboxId::new(Uuid::from_u128(9)),
        edit: ListEdit { allowed_add: vec!["ApplX".parse().unwrap()], ..ListEdit::default() },
        valid_for: Duration::from_secs(60),
        traceparent: String::new(),
    }
}

fn order(command: Command) -> Order {
    Order { command, received: Instant::now() }
}

fn class(receipt: &Receipt) -> &str {
    match &receipt.outcome {
        ReceiptOutcome::Refused { class, .. } => class,
        ReceiptOutcome::Done => "done",
        ReceiptOutcome::Unknown { .. } => "unknown",
    }
}

#[tokio::test]
async fn unknown_lies_on_disk_while_the_cmdlet_runs_and_the_outcome_after_it() {
    let bench = bench(ReceiptOutcome::Done);

    let receipt = bench.applier.apply(order(command(1))).await;

    assert_eq!(class(&receipt), "done");
    let during = bench.exchange.journalled.lock().unwrap().clone();
    assert!(matches!(during.as_slice(), [ReceiptOutcome::Unknown { .. }]), "{during:?}");
    assert_eq!(bench.journal.unsent().unwrap(), [receipt]);
}

#[tokio::test]
async fn a_command_is_refused_without_a_lease_that_covers_it() {
    let bench = bench(ReceiptOutcome::Done);

    let older = Command { generation: Generation::new(4), ..command(1) };
    assert_eq!(class(&bench.applier.apply(order(older)).await), "LeaseLost");

    let almost_over = Instant::now() - Duration::from_secs(16);
    bench.lease.set(Some(Held::granted(Generation::new(5), Duration::from_secs(30), almost_over)));
    assert_eq!(class(&bench.applier.apply(order(command(2))).await), "LeaseEnding");

    bench.lease.set(None);
    assert_eq!(class(&bench.applier.apply(order(command(3))).await), "LeaseLost");

    assert!(bench.exchange.journalled.lock().unwrap().is_empty(), "a cmdlet ran");
    assert!(bench.journal.unsent().unwrap().is_empty(), "a refusal needs no journal");
}

#[tokio::test]
async fn a_cmdlet_has_to_leave_while_a_write_fits_into_the_lease_and_the_command_is_young() {
    let bench = bench(ReceiptOutcome::Done);
    let until = bench.lease.get().unwrap().until;
    let order = order(command(1));
    let received = order.received;
    let short = Command { valid_for: Duration::from_secs(5), ..command(2) };
    bench.applier.apply(order).await;
    bench.applier.apply(Order { command: short, received }).await;
    let start_by = bench.exchange.start_by.lock().unwrap().clone();
    assert_eq!(start_by, [until - Duration::from_secs(15), received + Duration::from_secs(5)]);
}

#[tokio::test]
async fn old_overtaken_and_empty_commands_are_refused() {
    let bench = bench(ReceiptOutcome::Done);

    let received = Instant::now() - Duration::from_secs(61);
    let expired = Order { command: command(1), received };
    assert_eq!(class(&bench.applier.apply(expired).await), "Expired");

    let empty = Command { edit: ListEdit::default(), ..command(2) };
    assert_eq!(class(&bench.applier.apply(order(empty)).await), "Empty");

    assert_eq!(class(&bench.applier.apply(order(command(3))).await), "done");
    let overtaken = Command { revision: Revision::new(1), ..command(4) };
    assert_eq!(class(&bench.applier.apply(order(overtaken)).await), "Overtaken");

    bench.applier.start_over().await;
    let after = Command { revision: Revision::new(1), ..command(5) };
    assert_eq!(class(&bench.applier.apply(order(after)).await), "done");
}

#[tokio::test]
async fn nothing_is_written_when_the_journal_cannot_be() {
    let bench = bench(ReceiptOutcome::Done);
    std::fs::remove_dir_all(bench._folder.path()).unwrap();

    let receipt = bench.applier.apply(order(command(1))).await;

    assert_eq!(class(&receipt), "JournalUnavailable");
    assert!(bench.exchange.journalled.lock().unwrap().is_empty(), "a cmdlet ran");
}
