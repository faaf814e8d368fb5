//! Facts about bundles in force and before, and about the decisions that name them.

use sqlx::{Executor, Row as _};

use exgate_domain::case::{Case, MailboxFacts, Management, Unmatched};
use exgate_domain::decision::{Decision, Outcome, Tried};
use exgate_domain::ids::BundleDigest;
use exgate_domain::policy::Access;

use crate::fixture::{
    Opened, Upload, at, contoso, decision, device, due_cases, key, mailbox, opened, world,
};
use crate::store::{AppliedPolicies, Decided, PolicyFile, Store};

const HOUR: i64 = 3600;

fn file(path: &str, content: &str) -> PolicyFile {
    PolicyFile { path: path.to_owned(), content: content.as_bytes().to_vec() }
}

fn digest(files: &[PolicyFile]) -> BundleDigest {
    let text: Vec<u8> = files.iter().flat_map(|file| file.content.clone()).collect();
    BundleDigest::of(&text)
}

/// Puts files in force.
async fn apply(store: &Store, files: &[PolicyFile], seconds: i64) -> BundleDigest {
    let bundle = digest(files);
    let applied = AppliedPolicies {
        files,
        policies: &[],
        removed: &[],
        bundle: Some(bundle),
        organizations: &[],
        actor: "ann",
        now: at(seconds),
    };
    assert_eq!(store.put_documents(&applied).await.unwrap(), None);
    bundle
}

fn case(number: u32, seconds: i64) -> Case {
    let mailbox = mailbox(number);
    Case {
        organization: contoso(),
        mailbox: MailboxFacts {
            id: mailbox.id,
            primary_smtp: mailbox.primary_smtp,
            display_name: mailbox.display_name,
        },
        device: device(number),
        last_sync_at: None,
        siblings: Vec::new(),
        owner: None,
        management: Management::Unmanaged(Unmatched::NoRecord),
        noncompliant_since: None,
        now: at(seconds),
    }
}

/// Answers every case that is due.
async fn answer(store: &Store, answer: &Decision, seconds: i64) -> u64 {
    let due = due_cases(store, at(seconds)).await;
    let question = case(1, seconds);
    let decided: Vec<_> =
        due.iter().map(|marked| Decided { marked, case: &question, decision: answer }).collect();
    store.put_decisions(&contoso(), &decided, at(seconds)).await.unwrap().stored
}

async fn kept(store: &Store) -> Vec<BundleDigest> {
    store.bundles().await.unwrap().into_iter().map(|bundle| bundle.digest).collect()
}

#[tokio::test]
async fn a_bundle_stays_while_it_is_in_force_or_named_by_a_decision() {
    let Opened { store, .. } = &opened().await;
    Upload::everything(world(1..=1)).send(store, at(1)).await.unwrap();
    let phones = file("phones.yaml", "phones");
    let with = |text: &str| vec![file("access.yaml", text), phones.clone()];

    let first = apply(store, &with("one"), 10).await;
    let by_first = Decision { bundle: first, ..decision(1, Access::Quarantine) };
    assert_eq!(answer(store, &by_first, 11).await, 1);
    let unused = apply(store, &with("two"), 20).await;
    let third = apply(store, &with("three"), 30).await;
    assert_eq!(kept(store).await, [first, unused, third]);
    assert_eq!(store.prune_bundles(at(HOUR)).await.unwrap(), 0, "an answer may be under way");

    assert_eq!(store.prune_bundles(at(31 + HOUR)).await.unwrap(), 1);
    assert_eq!(kept(store).await, [first, third]);
    let (old, new) = (store.files_of_bundle(first), store.files_of_bundle(third));
    assert_eq!(old.await.unwrap(), Some(with("one")));
    assert_eq!(new.await.unwrap(), Some(with("three")));
    assert_eq!(store.files_of_bundle(unused).await.unwrap(), None);
    let texts = store.read.fetch_one("SELECT COUNT(*) FROM policy_texts").await.unwrap();
    assert_eq!(texts.get::<i64, _>(0), 3, "a text is stored once, and goes with its bundles");

    // The first one again: it is the same one, and the other is replaced and pruned in its turn.
    assert_eq!(apply(store, &with("one"), 40 + HOUR).await, first);
    let listed = store.bundles().await.unwrap();
    let replaced: Vec<_> = listed.iter().map(|it| (it.digest, it.replaced_at)).collect();
    assert_eq!(replaced, [(third, Some(at(40 + HOUR))), (first, None)]);
    assert_eq!(store.prune_bundles(at(50 + 2 * HOUR)).await.unwrap(), 1);
    assert_eq!(kept(store).await, [first]);
}

#[tokio::test]
async fn the_decision_in_force_at_an_instant_is_the_last_one_before_it() {
    let Opened { store, .. } = &opened().await;
    Upload::everything(world(1..=1)).send(store, at(1)).await.unwrap();
    for (seconds, access) in [(10, Access::Quarantine), (20, Access::Allow), (30, Access::Block)] {
        store.mark_all_due(None, at(seconds)).await.unwrap();
        assert_eq!(answer(store, &decision(1, access), seconds).await, 1);
    }
    let then = async |seconds| {
        let found = store.decision_at(&contoso(), &key(1), at(seconds)).await.unwrap();
        found.map(|found| (found.decision.access, found.at))
    };
    assert_eq!(then(9).await, None);
    assert_eq!(then(10).await, Some((Access::Quarantine, at(10))));
    assert_eq!(then(29).await, Some((Access::Allow, at(20))));
    assert_eq!(then(1_000_000).await, Some((Access::Block, at(30))));
    let all = store.decisions(&contoso(), 0, 2).await.unwrap();
    assert_eq!(all.len(), 2);
    let rest = store.decisions(&contoso(), all[1].0, 100).await.unwrap();
    assert_eq!(rest.iter().map(|(_, it)| it.at).collect::<Vec<_>>(), [at(30)]);
}

#[tokio::test]
async fn the_way_to_an_answer_is_not_compared_and_still_read() {
    let Opened { store, .. } = &opened().await;
    Upload::everything(world(1..=1)).send(store, at(1)).await.unwrap();
    let tried = Tried {
        policy: "mail-access".to_owned(),
        rule: "includedGroups".to_owned(),
        outcome: Outcome::Satisfied,
        detail: "owner is in \"Mail users\"".to_owned(),
    };
    let told = Decision { trace: vec![tried], ..decision(1, Access::Allow) };
    assert_eq!(answer(store, &told, 10).await, 1);
    store.mark_all_due(None, at(20)).await.unwrap();
    assert_eq!(answer(store, &decision(1, Access::Allow), 20).await, 0);
    let stored = store.last_decision(&contoso(), &key(1)).await.unwrap().unwrap();
    assert_eq!(stored.decision, told);
    assert_eq!(store.next_due_at().await.unwrap(), None);
}

#[tokio::test]
async fn a_file_of_before_gets_its_bundle_and_its_decisions_name_it() {
    let Opened { store, path, folder } = opened().await;
    Upload::everything(world(1..=2)).send(&store, at(1)).await.unwrap();
    let bundle = apply(&store, &[file("a.yaml", "one"), file("b.yaml", "two")], 5).await;
    let named = Decision { bundle, ..decision(1, Access::Allow) };
    assert_eq!(answer(&store, &named, 6).await, 2);
    store.mark_all_due(None, at(7)).await.unwrap();
    let older = Decision { bundle: BundleDigest::of(b"older"), ..decision(1, Access::Block) };
    assert_eq!(answer(&store, &older, 7).await, 2);
    // As it was before bundles were kept.
    for statement in [
        "DROP INDEX decisions_by_bundle",
        "ALTER TABLE decisions DROP COLUMN bundle",
        "DROP TABLE bundle_files",
        "DROP TABLE policy_texts",
        "DROP TABLE bundles",
        "DROP TABLE sweeps",
        "DELETE FROM _sqlx_migrations WHERE version >= 4",
    ] {
        store.write.execute(statement).await.unwrap();
    }
    store.close().await;
    drop(store);

    let store = Store::open(&path).await.unwrap();
    let files = store.files_of_bundle(bundle).await.unwrap().unwrap();
    assert_eq!(files, [file("a.yaml", "one"), file("b.yaml", "two")]);
    let row = "SELECT COUNT(*), COUNT(bundle) FROM decisions";
    let row = store.read.fetch_one(row).await.unwrap();
    assert_eq!((row.get::<i64, _>(0), row.get::<i64, _>(1)), (4, 2));
    drop(folder);
}
