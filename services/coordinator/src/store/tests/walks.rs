//! Walks: every case once, in pages of any size, and what was decided when.

use exgate_domain::decision::Decision;
use exgate_domain::policy::Access;

use crate::fixture::{
    Opened, Upload, at, case, contoso, decision, due_cases, key, opened, organization, world,
};

use super::*;

/// Decides all cases that are due.
async fn decide(store: &Store, seconds: i64, answer: impl Fn(u32) -> Decision) {
    let due = due_cases(store, at(seconds)).await;
    let numbers = due.iter().map(|due| (0..).find(|number| key(*number) == due.key).unwrap());
    let answers: Vec<_> =
        numbers.map(|number| (case(number, at(seconds)), answer(number))).collect();
    let decided: Vec<_> = due
        .iter()
        .zip(&answers)
        .map(|(marked, (case, decision))| Decided { marked, case, decision })
        .collect();
    store.put_decisions(&contoso(), &decided, at(seconds)).await.unwrap();
}

async fn walk(store: &Store, size: u32) -> Vec<CaseRow> {
    let mut all: Vec<CaseRow> = Vec::new();
    loop {
        let after = all.last().map(|row| row.key.clone());
        let page = store.cases_after(&contoso(), at(9), after.as_ref(), size).await.unwrap();
        if page.is_empty() {
            return all;
        }
        assert!(page.len() <= size as usize);
        all.extend(page);
    }
}

async fn walk_then(store: &Store, seconds: i64, size: u32) -> Vec<(CaseKey, StoredDecision)> {
    let mut all: Vec<(CaseKey, StoredDecision)> = Vec::new();
    loop {
        let after = all.last().map(|(key, _)| key.clone());
        let at = at(seconds);
        let page = store.decisions_at(&contoso(), at, after.as_ref(), size).await.unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

#[tokio::test]
async fn every_case_is_seen_once_at_any_page_size() {
    let Opened { store, folder: _folder, .. } = opened().await;
    organization(&store, "fabrikam").await;
    Upload::everything(world(1..24)).send(&store, at(1)).await.unwrap();
    assert!(walk(&store, 7).await.iter().all(|row| row.intent.is_none()));
    decide(&store, 2, |number| decision(number, Access::Allow)).await;

    let whole = walk(&store, 1000).await;

    let keys: Vec<_> = whole.iter().map(|row| row.key.clone()).collect();
    assert_eq!(keys, (1..24).map(key).collect::<Vec<_>>());
    assert!(whole.iter().all(|row| row.intent.as_ref().unwrap().access == Access::Allow));
    for size in [1, 7, 23, 24] {
        assert_eq!(walk(&store, size).await, whole, "page size {size}");
    }
    assert_eq!(store.case_count(&contoso()).await.unwrap(), 23);
    let fabrikam = "fabrikam".parse().unwrap();
    assert_eq!(store.case_count(&fabrikam).await.unwrap(), 0);
    assert_eq!(store.cases_after(&fabrikam, at(9), None, 10).await.unwrap(), []);
}

#[tokio::test]
async fn a_case_is_due_when_its_time_has_come_or_a_sweep_may_come_to_it() {
    let Opened { store, folder: _folder, .. } = opened().await;
    Upload::everything(world(1..4)).send(&store, at(1)).await.unwrap();
    let due =
        async || -> Vec<bool> { walk(&store, 10).await.iter().map(|row| row.is_due).collect() };
    assert_eq!(due().await, [true; 3], "never decided");
    decide(&store, 2, |number| {
        let again = (number < 3).then(|| at(8 + i64::from(number)));
        Decision { look_again_at: again, ..decision(number, Access::Allow) }
    })
    .await;
    assert_eq!(due().await, [true, false, false], "at 9 the time of the first has come");
    decide(&store, 9, |number| decision(number, Access::Allow)).await;
    assert_eq!(due().await, [false; 3]);
    store.mark_all_due(Some(&contoso()), at(9)).await.unwrap();
    assert_eq!(due().await, [true; 3], "a sweep");
    while store.sweep(&contoso(), 2).await.unwrap() {}
    assert_eq!(due().await, [true; 3], "what it marked");
}

#[tokio::test]
async fn an_instant_has_the_decisions_that_were_in_force_then() {
    let Opened { store, folder: _folder, .. } = opened().await;
    Upload::everything(world(1..6)).send(&store, at(1)).await.unwrap();
    decide(&store, 10, |number| decision(number, Access::Allow)).await;
    // Only the even ones change.
    store.mark_all_due(None, at(20)).await.unwrap();
    let access = |number: u32| if number.is_multiple_of(2) { Access::Block } else { Access::Allow };
    decide(&store, 20, |number| decision(number, access(number))).await;

    for (seconds, expected) in [
        (9, vec![]),
        (10, vec![Access::Allow; 5]),
        (19, vec![Access::Allow; 5]),
        (20, (1..6).map(access).collect()),
        (99, (1..6).map(access).collect()),
    ] {
        for size in [1, 2, 5, 6] {
            let found = walk_then(&store, seconds, size).await;
            let keys: Vec<_> = found.iter().map(|(key, _)| key.clone()).collect();
            let wanted: Vec<_> = (1..6).take(expected.len()).map(key).collect();
            assert_eq!(keys, wanted, "at {seconds}, page size {size}");
            let accesses: Vec<_> = found.iter().map(|(_, it)| it.decision.access).collect();
            assert_eq!(accesses, expected, "at {seconds}, page size {size}");
            for (key, stored) in found {
                assert_eq!(stored.case.mailbox.id, key.mailbox, "the question as it was put");
                assert_eq!(stored.case.now, stored.at);
            }
        }
        let count = store.decision_count_at(&contoso(), at(seconds)).await.unwrap();
        assert_eq!(count, expected.len() as u64);
    }
}
