//! Statistics that the coordinator asks for: each mailbox is told as it is read. What keeps one from
//! being asked keeps the rest of an order from being tried.

use std::sync::{Arc, OnceLock};

use futures_util::StreamExt;
use futures_util::stream;
use tokio::sync::mpsc;
use tracing::Instrument;

use exgate_domain::ids::{Generation, MailboxId};
use exgate_domain::statistics::{MailboxStatistics, StatisticsOutcome};
use exgate_proto::agent::v1 as pb;
use exgate_proto::convert::{Malformed, field};
use exgate_runtime::telemetry;

use super::message;
use crate::exchange::Exchange;

/// How many orders may wait for the one that runs; the coordinator gives one at a time.
pub(super) const ORDERS_WAITING_MAX: usize = 4;

/// Some mailboxes to ask.
#[derive(Debug)]
pub(super) struct Asked {
    mailboxes: Vec<MailboxId>,
    generation: Generation,
    traceparent: String,
}

impl Asked {
    /// Reads an order.
    pub(super) fn of(order: pb::ReadStatistics, generation: Generation) -> Result<Self, Malformed> {
        let pb::ReadStatistics { mailbox_guids, traceparent } = order;
        let guid = |guid: &Vec<u8>| field::guid("mailbox_guids", guid).map(MailboxId::new);
        let mailboxes = mailbox_guids.iter().map(guid).collect::<Result<_, _>>()?;
        Ok(Self { mailboxes, generation, traceparent })
    }
}

/// Asks mailboxes as ordered, some at once, until the attachment ends.
pub(super) async fn run(
    exchange: Arc<dyn Exchange>,
    at_once: usize,
    mut asked: mpsc::Receiver<Asked>,
    said: mpsc::Sender<pb::AttachRequest>,
) {
    while let Some(Asked { mailboxes, generation, traceparent }) = asked.recv().await {
        let span = tracing::info_span!("statistics", mailboxes = mailboxes.len());
        telemetry::adopt(&span, &traceparent);
        let blocked = Arc::new(OnceLock::new());
        let ask = |mailbox: MailboxId| {
            let (exchange, said, blocked) = (exchange.clone(), said.clone(), blocked.clone());
            async move {
                let outcome = ask_one(&*exchange, mailbox, &blocked).await;
                let read = MailboxStatistics { mailbox, generation, outcome };
                said.send(message::statistics(read)).await.is_ok()
            }
        };
        let asking = stream::iter(mailboxes).map(ask).buffer_unordered(at_once.max(1));
        let all_told = asking.all(|told| async move { told }).instrument(span).await;
        if !all_told {
            return;
        }
    }
}

/// Asks one mailbox, unless another one could not be asked.
async fn ask_one(
    exchange: &dyn Exchange,
    mailbox: MailboxId,
    blocked: &OnceLock<String>,
) -> StatisticsOutcome {
    let outcome = match blocked.get() {
        Some(why) => StatisticsOutcome::NotAsked(why.clone()),
        None => exchange.statistics(mailbox).await,
    };
    if let StatisticsOutcome::NotAsked(why) = &outcome {
        blocked.get_or_init(|| why.clone());
    }
    outcome
}
