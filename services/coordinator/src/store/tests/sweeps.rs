//! Facts about all cases of an organization becoming due.

use std::collections::BTreeMap;

use exgate_domain::policy::Access;

use crate::fixture::{
    Opened, Upload, at, case, contoso, decision, due_cases, key, opened, organization, world,
};
use crate::store::{CaseKey, Decided, Marked, Store};

const CASES: u32 = 23;

/// How often each case was marked.
type Marks = BTreeMap<CaseKey, u64>;

/// Makes cases, none of them due; gives their marks.
async fn settled(store: &Store) -> Marks {
    Upload::everything(world(1..=CASES)).send(store, at(1)).await.unwrap();
    let due = due_cases(store, at(1)).await;
    store.settle_cases(&contoso(), &due).await.unwrap();
    marks(&due)
}

async fn due(store: &Store) -> Vec<Marked> {
    store.due_cases(&contoso(), at(1_000_000), None, 1_000).await.unwrap()
}

fn marks(due: &[Marked]) -> Marks {
    due.iter().map(|marked| (marked.key.clone(), marked.mark)).collect()
}

#[tokio::test]
async fn a_sweep_marks_each_case_once_however_large_its_parts_are() {
    for (size, parts) in [(1, 23), (7, 4), (22, 2), (23, 1), (24, 1), (u32::MAX, 1)] {
        let Opened { store, folder: _folder, .. } = opened().await;
        let before = settled(&store).await;
        store.mark_all_due(None, at(5)).await.unwrap();
        assert_eq!(due(&store).await, [], "noted, and not written into every case");
        let mut steps = 0;
        while store.sweep(&contoso(), size).await.unwrap() {
            steps += 1;
            let reached = u64::from(size) * steps;
            assert_eq!(due(&store).await.len() as u64, reached.min(u64::from(CASES)));
            assert!(steps < 100, "it does not end");
        }
        assert_eq!(steps, parts, "parts of {size}");
        let all = due(&store).await;
        assert!(all.iter().all(|marked| marked.due_at == at(5)), "{all:?}");
        assert!(marks(&all).iter().all(|(key, mark)| *mark == before[key] + 1), "{all:?}");
    }
}

#[tokio::test]
async fn what_is_answered_ahead_of_a_sweep_is_asked_again() {
    let Opened { store, .. } = &opened().await;
    let before = settled(store).await;
    store.mark_all_due(Some(&contoso()), at(5)).await.unwrap();
    assert!(store.sweep(&contoso(), 10).await.unwrap());
    let known = due(store).await[3].clone();
    // Read before the sweep began.
    let (key_of_last, mark) = before.last_key_value().unwrap();
    let last = Marked { key: key_of_last.clone(), mark: *mark, due_at: at(1) };
    for marked in [&known, &last] {
        let number = (1..=CASES).find(|number| key(*number) == marked.key).unwrap();
        let (question, answer) = (case(number, at(6)), decision(number, Access::Allow));
        let decided = Decided { marked, case: &question, decision: &answer };
        store.put_decisions(&contoso(), &[decided], at(6)).await.unwrap();
    }
    let rest = due_cases(store, at(9)).await;
    assert!(!marks(&rest).contains_key(&known.key), "that was asked after the mark");
    assert_eq!(marks(&rest).get(&last.key), Some(&(mark + 1)));
    assert_eq!(rest.len(), CASES as usize - 1);
}

#[tokio::test]
async fn a_sweep_that_begins_again_marks_all_of_them_again() {
    let Opened { store, path, folder } = opened().await;
    organization(&store, "fabrikam").await;
    let before = settled(&store).await;
    store.mark_all_due(Some(&contoso()), at(5)).await.unwrap();
    assert!(store.sweep(&contoso(), 10).await.unwrap());
    store.mark_all_due(None, at(7)).await.unwrap();
    store.close().await;
    drop(store);

    // It is part of the store, not of the process.
    let store = Store::open(&path).await.unwrap();
    let named = |name: &str| name.parse().unwrap();
    let both = store.organizations_due(at(7)).await.unwrap();
    assert_eq!(both, [contoso(), named("fabrikam")]);
    while store.sweep(&contoso(), 10).await.unwrap() {}
    let all = due(&store).await;
    assert_eq!(all.len(), CASES as usize);
    assert!(all.iter().all(|marked| marked.due_at == at(5)), "they wait since the first");
    let twice = all.iter().filter(|marked| marked.mark == before[&marked.key] + 2);
    assert_eq!(twice.count(), 10);
    assert_eq!(store.organizations_due(at(7)).await.unwrap(), both);
    assert!(store.sweep(&named("fabrikam"), 10).await.unwrap(), "one without a case ends, too");
    assert_eq!(store.organizations_due(at(7)).await.unwrap(), [contoso()]);
    drop(folder);
}

#[tokio::test]
async fn who_begins_again_and_again_does_not_keep_a_sweep_from_the_last_case() {
    let Opened { store, .. } = &opened().await;
    let before = settled(store).await;
    let mut then = before.clone();
    for second in 5..25 {
        then.extend(marks(&due(store).await));
        store.mark_all_due(None, at(second)).await.unwrap();
        // Sooner than it could be through.
        store.sweep(&contoso(), 2).await.unwrap();
    }
    let now = marks(&due(store).await);
    assert_eq!(now.len(), CASES as usize, "it came to the last one");
    let mut steps = 0;
    while store.sweep(&contoso(), 2).await.unwrap() {
        steps += 1;
        assert!(steps < 100, "it does not end");
    }
    // Each was marked after it was begun for the last time.
    let now = marks(&due(store).await);
    assert!(now.iter().all(|(key, mark)| mark > &then[key]), "{then:?} {now:?}");
    let most = now.iter().map(|(key, mark)| mark - before[key]).max();
    assert!(most < Some(6), "twenty beginnings are not twenty sweeps: {most:?}");
}
