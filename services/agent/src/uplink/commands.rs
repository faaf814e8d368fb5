//! Carries commands out: in the order they came, as many at once as the settings let, and never two
//! of one mailbox.

use std::collections::{BTreeSet, VecDeque};
use std::future::Future;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;

use exgate_domain::ids::MailboxId;

use super::session::ORDERS_WAITING_MAX;
use crate::apply::Order;

/// Carries out what comes until no more does, `at_once` at most; `carry_out` is one order's way to its
/// receipt.
pub(super) async fn carry_out_all<F: Future<Output = ()>>(
    mut ordered: mpsc::Receiver<Order>,
    at_once: usize,
    carry_out: impl Fn(Order) -> F,
) {
    let mut waiting = VecDeque::new();
    let mut busy = BTreeSet::new();
    let mut running = FuturesUnordered::new();
    let mut is_open = true;
    loop {
        while running.len() < at_once.max(1)
            && let Some(order) = next(&mut waiting, &busy)
        {
            let mailbox = order.command.mailbox;
            busy.insert(mailbox);
            let carried_out = carry_out(order);
            running.push(async move {
                carried_out.await;
                mailbox
            });
        }
        tokio::select! {
            order = ordered.recv(), if is_open && waiting.len() < ORDERS_WAITING_MAX => match order {
                Some(order) => waiting.push_back(order),
                None => is_open = false,
            },
            Some(mailbox) = running.next(), if !running.is_empty() => {
                busy.remove(&mailbox);
            }
            else => break,
        }
    }
}

/// The first order whose mailbox nothing is done to, nor waits to be.
fn next(waiting: &mut VecDeque<Order>, busy: &BTreeSet<MailboxId>) -> Option<Order> {
    let place = waiting.iter().position(|order| !busy.contains(&order.command.mailbox))?;
    waiting.remove(place)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::time::{Duration, Instant};

    use uuid::Uuid;

    use exgate_domain::command::{Command, ListEdit};
    use exgate_domain::ids::{CommandId, Generation, Revision};

    use super::*;

    fn order(number: u128, mailbox: u128) -> Order {
        let command = Command {
            id: CommandId::new(Uuid::from_u128(number)),
            organization: "contoso".parse().unwrap(),
            generation: Generation::new(1),
            revision: Revision::new(1),
            mailbox: MailboxId::new(Uuid::from_u128(mailbox)),
            edit: ListEdit::default(),
            valid_for: Duration::from_secs(60),
            traceparent: String::new(),
        };
        Order { command, received: Instant::now() }
    }

    /// Begins and ends of each order, as `+1` and `-1`.
    async fn carried_out(at_once: usize, orders: Vec<Order>) -> Vec<String> {
        let (orders_in, ordered) = mpsc::channel(16);
        for order in orders {
            orders_in.try_send(order).unwrap();
        }
        drop(orders_in);
        let log = RefCell::new(Vec::new());
        let log = &log;
        carry_out_all(ordered, at_once, |order| async move {
            let number = order.command.id.to_string().split_off(35);
            log.borrow_mut().push(format!("+{number}"));
            tokio::time::sleep(Duration::from_millis(20)).await;
            log.borrow_mut().push(format!("-{number}"));
        })
        .await;
        log.take()
    }

    #[tokio::test]
    async fn one_at_a_time_keeps_the_order() {
        let orders = vec![order(1, 7), order(2, 8), order(3, 7)];
        assert_eq!(carried_out(1, orders).await, ["+1", "-1", "+2", "-2", "+3", "-3"]);
    }

    #[tokio::test]
    async fn several_at_once_are_never_two_of_one_mailbox() {
        let orders = vec![order(1, 7), order(2, 7), order(3, 8), order(4, 7)];
        let log = carried_out(8, orders).await;
        assert_eq!(log[..2], ["+1", "+3"], "{log:?}");
        let of_seven: Vec<_> =
            log.iter().filter(|said| !said.ends_with('3')).map(String::as_str).collect();
        assert_eq!(of_seven, ["+1", "-1", "+2", "-2", "+4", "-4"], "{log:?}");
    }
}
