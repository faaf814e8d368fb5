//! Who waits for whom, and for how long.

use std::sync::Mutex as Held;

use super::*;

fn limits(is_parallel: bool, cmdlets: u32, period: Duration) -> Limits {
    let quota = Some(Quota { cmdlets, period });
    Limits { is_parallel, quota, reserve_percent: 0, ..Limits::default() }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

#[tokio::test]
async fn a_change_does_not_wait_for_a_listing_and_a_listing_waits_for_a_listing() {
    let budget = Budget::new(limits(false, 100, Duration::from_secs(1)));
    let listing = budget.runspace(Urgency::Bulk).await;
    let change = budget.runspace(Urgency::Urgent).await;
    assert_eq!(budget.usage().runspaces_busy, 2);
    let second = tokio::time::timeout(Duration::from_millis(50), budget.runspace(Urgency::Bulk));
    assert!(second.await.is_err(), "two listings at once");
    drop(change);
    let second = tokio::time::timeout(Duration::from_millis(50), budget.runspace(Urgency::Bulk));
    assert!(second.await.is_err(), "the listing still runs");
    drop(listing);
    budget.runspace(Urgency::Bulk).await;
    assert_eq!(budget.usage().runspaces_busy, 0);
}

#[tokio::test]
async fn what_is_urgent_gets_the_next_turn() {
    let budget = Budget::new(limits(true, 1, Duration::from_millis(200)));
    drop(budget.turn(Urgency::Bulk, soon()).await.unwrap());
    let order = Arc::new(Held::new(Vec::new()));
    let mut waiters = tokio::task::JoinSet::new();
    for urgency in [Urgency::Bulk, Urgency::Bulk, Urgency::Urgent] {
        let (budget, order) = (budget.clone(), Arc::clone(&order));
        waiters.spawn(async move {
            let turn = budget.turn(urgency, soon()).await.unwrap();
            order.lock().unwrap().push(urgency);
            drop(turn);
        });
        tokio::task::yield_now().await;
    }
    waiters.join_all().await;
    assert_eq!(*order.lock().unwrap(), [Urgency::Urgent, Urgency::Bulk, Urgency::Bulk]);
    let usage = budget.usage();
    assert_eq!((usage.cmdlets, usage.waited), (4, 3));
}

#[tokio::test]
async fn nothing_leaves_while_the_server_asked_for_patience() {
    let budget = Budget::new(limits(true, 100, Duration::from_secs(1)));
    let wait = Duration::from_millis(150);
    let begun = Instant::now();
    budget.signal(Signal::Stopped { wait: Some(wait), quota: None });
    let late = budget.turn(Urgency::Urgent, begun + Duration::from_millis(20)).await;
    assert!(late.unwrap_err() > Duration::from_millis(20), "it says so at once");
    assert!(begun.elapsed() < wait);
    assert!(budget.shell(Duration::ZERO).await.is_err());
    let turn = budget.turn(Urgency::Urgent, soon()).await;
    assert!(begun.elapsed() >= wait);
    drop(turn);
    budget.shell(Duration::ZERO).await.unwrap();
    assert_eq!((budget.usage().stopped, budget.usage().cmdlets_permitted), (1, 50));
}

#[tokio::test]
async fn refused_shells_close_the_way_to_more_of_them_only() {
    let budget = Budget::new(limits(true, 100, Duration::from_secs(1)));
    let signal = Signal::Shells { wait: None, permitted: Some(9) };
    budget.signal(signal);
    assert!(budget.shell(Duration::from_secs(1)).await.is_err());
    drop(budget.turn(Urgency::Bulk, soon()).await.unwrap());
    for _ in 0..1000 {
        budget.went_well();
    }
    let usage = budget.usage();
    assert_eq!((usage.shells_refused, usage.runspaces_permitted), (1, 2), "held for a while");
}
