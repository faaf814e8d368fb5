//! Facts about snapshots: what counts, what is written, and what is never concluded.

use std::time::Duration;

use uuid::Uuid;

use exgate_domain::command::{CommandState, Receipt, ReceiptOutcome};
use exgate_domain::lease::Lease;
use exgate_domain::observation::{
    AccessLevel, AccessRule, AccessState, Characteristic, Kind, Mailbox, Observation,
};
use exgate_domain::snapshot::{Finished, Step};
use exgate_domain::sync::{Run, RunState, SyncMode, Trigger};

use crate::fixture::{
    Opened, Upload, allow, at, begin, contoso, device, device_of, due_cases, key, lease, mailbox,
    opened, run, settings, world,
};
use crate::store::{Answer, DeviceFilter, RowKind, Store};

use super::*;

async fn devices(store: &Store) -> Vec<String> {
    let found = store.devices(&DeviceFilter::default(), None, 1000).await.unwrap();
    found.into_iter().map(|found| found.device.device_id.to_string()).collect()
}

fn tally(seen: u64, added: u64, changed: u64, unchanged: u64, removed: u64) -> Tally {
    Tally { seen, added, changed, unchanged, removed }
}

#[tokio::test]
async fn only_what_differs_is_written() {
    let Opened { store, .. } = &opened().await;
    let all = world(1..=3);

    let first = Upload::everything(all.clone()).send(store, at(10)).await.unwrap();
    assert_eq!(first.tally, tally(3, 3, 0, 0, 0));
    assert_eq!((first.rows_changed, first.rows_unchanged), (7, 0));
    assert_eq!(store.rows_written().get(RowKind::Device), 3);
    let before = store.rows_written().snapshot();

    let again = Upload::everything(all.clone()).send(store, at(20)).await.unwrap();
    let known = Upload::known(&all).send(store, at(30)).await.unwrap();
    assert_eq!(again.tally, tally(3, 0, 0, 3, 0));
    assert_eq!(known.tally, tally(3, 0, 0, 3, 0));
    assert_eq!((known.rows_changed, known.rows_unchanged), (0, 7));
    assert_eq!(store.rows_written().snapshot(), before);

    let allowed = EasDeviceIn(2, AccessState::Allowed).observation();
    let changed = Upload::changes(vec![allowed]).send(store, at(40)).await.unwrap();
    assert_eq!(changed.tally, tally(1, 0, 1, 0, 0));
    assert_eq!(store.rows_written().get(RowKind::Device), 4);
    let tally = store.device_tally(&contoso()).await.unwrap();
    assert_eq!((tally.known, tally.allowed, tally.quarantined), (3, 1, 2));
}

struct EasDeviceIn(u32, AccessState);

impl EasDeviceIn {
    fn observation(self) -> Observation {
        let mut device = device(self.0);
        device.access_state = self.1;
        Observation::Device(device)
    }
}

#[tokio::test]
async fn a_device_is_seen_by_every_complete_look_that_does_not_miss_it() {
    let Opened { store, .. } = &opened().await;
    let all = world(1..=2);
    Upload::everything(all.clone()).send(store, at(10)).await.unwrap();
    Upload::known(&all[..3]).send(store, at(20)).await.unwrap();

    let found = store.devices(&DeviceFilter::default(), None, 10).await.unwrap();
    let seen: Vec<_> = found.iter().map(|found| (found.seen_at, found.changed_at)).collect();
    assert_eq!(seen, [(at(20), at(10)), (at(10), at(10))]);
}

#[tokio::test]
async fn an_upload_that_is_cut_changes_nothing() {
    let Opened { store, .. } = &opened().await;
    Upload::everything(world(1..=2)).send(store, at(10)).await.unwrap();
    let before = store.rows_written().snapshot();

    let upload = Upload::everything(world(3..=1200));
    let pages = upload.pages();
    assert!(pages.len() > 3);
    for cut in 0..=pages.len() {
        let inventory = Inventory::new(store.clone());
        let mut snapshot = inventory.begin(begin(Scope::Everything), at(0)).await.unwrap();
        for page in pages.iter().take(cut).cloned() {
            snapshot.page(page).await.unwrap();
        }
        drop(snapshot);
        assert_eq!(devices(store).await, ["Appl1", "Appl2"], "cut after page {cut}");
    }
    assert_eq!(store.rows_written().snapshot(), before);
}

#[tokio::test]
async fn a_commit_that_is_given_up_leaves_the_old_or_the_new_inventory() {
    let Opened { store, .. } = &opened().await;
    Upload::everything(world(1..=2)).send(store, at(10)).await.unwrap();
    let upload = Upload::everything(world(1..=800));
    let mut outcomes = [0, 0];
    for wait in [0, 1, 2, 4, 8, 16, 32, 64, 128, 60_000] {
        let inventory = Inventory::new(store.clone());
        let mut snapshot = inventory.begin(begin(Scope::Everything), at(0)).await.unwrap();
        for page in upload.pages() {
            snapshot.page(page).await.unwrap();
        }
        let commit = snapshot.commit(upload.last(), at(20));
        drop(tokio::time::timeout(Duration::from_millis(wait), commit).await);

        let known = store.device_tally(&contoso()).await.unwrap().known;
        assert!(known == 2 || known == 800, "{known} devices after {wait} ms");
        outcomes[usize::from(known == 800)] += 1;
    }
    assert!(outcomes[0] > 0 && outcomes[1] > 0, "{outcomes:?}");
    let known = Upload::known(&world(1..=800)).send(store, at(30)).await.unwrap();
    assert_eq!(known.tally, tally(800, 0, 0, 800, 0));
}

#[tokio::test]
async fn what_does_not_fit_is_refused_and_changes_nothing() {
    let Opened { store, .. } = &opened().await;
    let upload = Upload::everything(world(1..=400));
    let odd = ObservationDigest::of(b"something else");
    type Spoil = fn(&mut Vec<Page>, &mut Commit, ObservationDigest);
    let cases: [(&str, Spoil); 8] = [
        ("page digest", |pages, _, odd| pages[1].digest = odd),
        ("missing page", |pages, _, _| drop(pages.remove(0))),
        ("page twice", |pages, _, _| pages.insert(0, pages[0].clone())),
        ("a row lost on the way", |pages, _, _| drop(pages[0].observations.pop())),
        ("too many rows", |pages, _, _| {
            let moved = pages.remove(1).observations;
            pages[0].observations.extend(moved);
        }),
        ("count of pages", |_, commit, _| commit.pages += 1),
        ("count of rows", |_, commit, _| commit.rows -= 1),
        ("root digest", |_, commit, odd| commit.root = odd),
    ];
    for (case, spoil) in cases {
        let (mut pages, mut last) = (upload.pages(), upload.last());
        spoil(&mut pages, &mut last, odd);
        let inventory = Inventory::new(store.clone());
        let mut snapshot = inventory.begin(begin(Scope::Everything), at(0)).await.unwrap();
        let mut refused = None;
        for page in pages {
            refused = refused.or(snapshot.page(page).await.err());
        }
        let refused = match refused {
            Some(refused) => refused,
            None => snapshot.commit(last, at(10)).await.unwrap_err(),
        };
        assert_eq!(refused.refusal(), Refusal::Malformed, "{case}: {refused}");
        assert_eq!(devices(store).await, Vec::<String>::new(), "{case}");
    }
}

#[tokio::test]
async fn a_page_of_large_observations_is_refused() {
    let Opened { store, .. } = &opened().await;
    let mut large = mailbox(1);
    large.display_name = "x".repeat(PAGE_BYTES_MAX);
    let refused = Upload::everything(vec![Observation::Mailbox(large)]).send(store, at(1)).await;
    assert!(matches!(refused.unwrap_err(), InventoryError::PageSize { page: 1, rows: 1, .. }));
}

#[tokio::test]
async fn an_older_lease_takes_no_effect() {
    let Opened { store, .. } = &opened().await;
    let upload = Upload::everything(world(1..=1));
    let inventory = Inventory::new(store.clone());
    let mut snapshot = inventory.begin(begin(Scope::Everything), at(0)).await.unwrap();
    for page in upload.pages() {
        snapshot.page(page).await.unwrap();
    }

    let next = Lease { ..lease(2) };
    assert!(store.grant_lease(&contoso(), Some(&lease(1)), &next).await.unwrap());

    let refused = snapshot.commit(upload.last(), at(10)).await.unwrap_err();
    assert_eq!(refused.refusal(), Refusal::LeaseLost);
    let refused = inventory.begin(begin(Scope::Everything), at(0)).await.unwrap_err();
    assert_eq!(refused.refusal(), Refusal::LeaseLost);
    assert_eq!(devices(store).await, Vec::<String>::new());
}

#[tokio::test]
async fn another_organization_and_an_unknown_object_are_refused_by_name() {
    let Opened { store, .. } = &opened().await;
    let inventory = Inventory::new(store.clone());
    let fabrikam = Begin { organization: "fabrikam".parse().unwrap(), ..begin(Scope::Everything) };
    let refused = inventory.begin(fabrikam, at(0)).await.unwrap_err();
    assert_eq!(refused.refusal(), Refusal::NotFound);
    assert!(refused.to_string().contains("fabrikam"));

    let all = world(1..=2);
    Upload::everything(all.clone()).send(store, at(10)).await.unwrap();
    let mut upload = Upload::known(&all);
    upload.unchanged.push(Key { kind: Kind::Device, guid: Uuid::from_u128(77) });
    let refused = upload.send(store, at(20)).await.unwrap_err();
    assert_eq!(refused.refusal(), Refusal::DigestsUnknown);
}

#[tokio::test]
async fn removal_needs_two_complete_looks_at_everything_in_a_row() {
    let Opened { store, .. } = &opened().await;
    let all = world(1..=2);
    let fewer = world(1..=1);
    let both = ["Appl1", "Appl2"];
    Upload::everything(all.clone()).send(store, at(1)).await.unwrap();

    // Neither a quick sync, nor a read-back, nor an incomplete look says that something is gone.
    let quick = Upload { scope: Scope::ChangedSince(at(0)), ..Upload::known(&fewer) };
    let back = Upload { scope: Scope::Mailboxes(vec![mailbox(2).id]), ..Upload::known(&[]) };
    let broken = Upload { complete: false, ..Upload::known(&fewer) };
    for upload in [quick, back, broken] {
        for _ in 0..3 {
            assert_eq!(upload.send(store, at(2)).await.unwrap().tally.removed, 0);
        }
    }
    assert_eq!(devices(store).await, both);

    // One miss, then it is there again: the count starts anew.
    Upload::known(&fewer).send(store, at(3)).await.unwrap();
    Upload::known(&all).send(store, at(4)).await.unwrap();
    Upload::known(&fewer).send(store, at(5)).await.unwrap();
    assert_eq!(devices(store).await, both);
    // Seen by a quick sync in between: it is there.
    let seen = Upload { scope: Scope::ChangedSince(at(0)), ..Upload::known(&all[3..]) };
    seen.send(store, at(6)).await.unwrap();
    Upload::known(&fewer).send(store, at(7)).await.unwrap();
    assert_eq!(devices(store).await, both);

    let gone = Upload::known(&fewer).send(store, at(8)).await.unwrap();
    assert_eq!(gone.tally, tally(1, 0, 0, 1, 1));
    assert_eq!(devices(store).await, ["Appl1"]);
    let refused = Upload::known(&all).send(store, at(9)).await.unwrap_err();
    assert_eq!(refused.refusal(), Refusal::DigestsUnknown);
    let back = Upload::everything(all).send(store, at(10)).await.unwrap();
    assert_eq!(back.tally, tally(2, 1, 0, 1, 0));
}

#[tokio::test]
async fn a_rule_goes_with_the_first_complete_look_that_misses_it() {
    let Opened { store, .. } = &opened().await;
    let all = world(1..=1);
    Upload::everything(all.clone()).send(store, at(1)).await.unwrap();
    assert_eq!(store.observed_order(&contoso()).await.unwrap().settings, Some(settings()));
    Upload::known(&all[1..]).send(store, at(2)).await.unwrap();
    assert_eq!(store.observed_order(&contoso()).await.unwrap().settings, None);
}

#[tokio::test]
async fn a_rule_goes_with_the_first_look_at_changes_that_lists_the_settings_without_it() {
    let Opened { store, .. } = &opened().await;
    let rule = Observation::Rule(AccessRule {
        guid: Uuid::from_u128(98),
        name: "iPhone (DeviceType)".into(),
        characteristic: Characteristic::DeviceType,
        query: "iPhone".into(),
        level: AccessLevel::Block,
    });
    let mut all = world(1..=1);
    all.push(rule.clone());
    Upload::everything(all).send(store, at(1)).await.unwrap();
    let rules = async || store.observed_order(&contoso()).await.unwrap().rules.len();
    assert_eq!(rules().await, 1);

    Upload::changes(vec![]).send(store, at(2)).await.unwrap();
    assert_eq!(rules().await, 1, "a look that shows no settings says nothing about rules");
    let listed = vec![Observation::Settings(settings()), rule];
    Upload::changes(listed).send(store, at(3)).await.unwrap();
    assert_eq!(rules().await, 1);
    let gone = vec![Observation::Settings(settings())];
    Upload::changes(gone).send(store, at(4)).await.unwrap();
    assert_eq!(rules().await, 0);
    let page = store.devices(&DeviceFilter::default(), None, 10).await.unwrap();
    assert_eq!(page.len(), 1, "the device that changed nothing stands");
}

#[tokio::test]
async fn what_changed_is_due_and_nothing_else() {
    let Opened { store, .. } = &opened().await;
    let organization = contoso();
    let mut all = world(1..=2);
    all.push(Observation::Device(device_of(3, 1)));
    let due = async |now| {
        let mut due = due_cases(store, now).await;
        due.sort_by(|one, other| one.key.cmp(&other.key));
        store.settle_cases(&organization, &due).await.unwrap();
        let ids = due.into_iter().map(|marked| marked.key.device_id.to_string());
        ids.collect::<Vec<_>>()
    };
    Upload::everything(all.clone()).send(store, at(10)).await.unwrap();
    assert_eq!(due(at(9)).await, Vec::<String>::new());
    assert_eq!(due(at(10)).await, ["appl1", "appl3", "appl2"]);
    Upload::known(&all).send(store, at(20)).await.unwrap();
    assert_eq!(due(at(20)).await, Vec::<String>::new());

    let device = EasDeviceIn(2, AccessState::Allowed).observation();
    Upload::changes(vec![device]).send(store, at(30)).await.unwrap();
    assert_eq!(due(at(30)).await, ["appl2"]);

    let renamed = Mailbox { display_name: "Ann".to_owned(), ..mailbox(1) };
    Upload::changes(vec![Observation::Mailbox(renamed)]).send(store, at(40)).await.unwrap();
    assert_eq!(due(at(40)).await, ["appl1", "appl3"]);

    let mut stricter = settings();
    stricter.default_access_level = AccessLevel::Block;
    Upload::changes(vec![Observation::Settings(stricter)]).send(store, at(50)).await.unwrap();
    assert_eq!(due(at(50)).await, ["appl1", "appl3", "appl2"]);
}

#[tokio::test]
async fn a_device_finds_its_mailbox_whichever_comes_first() {
    let Opened { store, .. } = &opened().await;
    let all = world(1..=1);
    let (mailbox_row, device_row) = (all[1].clone(), all[2].clone());
    Upload::changes(vec![device_row]).send(store, at(10)).await.unwrap();
    assert_eq!(store.due_cases(&contoso(), at(10), None, 10).await.unwrap(), []);
    let found = store.device(&contoso(), &device(1).device_id, "").await.unwrap().unwrap();
    assert_eq!(found.mailbox, None);

    Upload::changes(vec![mailbox_row]).send(store, at(20)).await.unwrap();
    let due = store.due_cases(&contoso(), at(20), None, 10).await.unwrap();
    assert_eq!(due.len(), 1);
    let facts = store.case_facts(&contoso(), &[key(1)]).await.unwrap();
    assert_eq!(facts[&key(1)].mailbox, mailbox(1));
    assert_eq!(facts[&key(1)].device, device(1));
}

/// The newest change that is stored, and whose stamp it is.
async fn newest(store: &Store) -> (Option<Timestamp>, String) {
    let watermark = store.watermark(&contoso()).await.unwrap();
    (watermark.newest_change_at, watermark.controller)
}

#[tokio::test]
async fn the_newest_change_comes_from_complete_looks_only() {
    let Opened { store, .. } = &opened().await;
    let by = |seconds, upload| Upload { newest: Some(at(seconds)), controller: "dc01", ..upload };
    let stored = |seconds| (Some(at(seconds)), "dc01".to_owned());
    let broken = Upload { complete: false, ..Upload::everything(world(1..=5)) };
    by(5, broken).send(store, at(10)).await.unwrap();
    assert_eq!(newest(store).await, (None, String::new()));

    let back = vec![Observation::Mailbox(mailbox(9))];
    let back = Upload { scope: Scope::Mailboxes(vec![mailbox(9).id]), ..Upload::everything(back) };
    by(9, back).send(store, at(10)).await.unwrap();
    assert_eq!(newest(store).await, (None, String::new()));

    by(6, Upload::known(&world(1..=5))).send(store, at(10)).await.unwrap();
    assert_eq!(newest(store).await, stored(6));
    let changes = |number| Upload::changes(vec![Observation::Device(device(number))]);
    by(5, changes(5)).send(store, at(10)).await.unwrap();
    assert_eq!(newest(store).await, stored(6));
    by(12, changes(12)).send(store, at(10)).await.unwrap();
    assert_eq!(newest(store).await, stored(12));
    Upload { controller: "dc01", ..Upload::changes(Vec::new()) }.send(store, at(10)).await.unwrap();
    assert_eq!(newest(store).await, stored(12));
}

#[tokio::test]
async fn stamps_of_two_domain_controllers_are_not_compared() {
    let Opened { store, .. } = &opened().await;
    let by =
        |controller, seconds, upload| Upload { newest: Some(at(seconds)), controller, ..upload };
    by("dc01", 20, Upload::everything(world(1..=5))).send(store, at(10)).await.unwrap();

    // A look at changes by another one says nothing about what that one showed before.
    by("dc02", 30, Upload::changes(Vec::new())).send(store, at(11)).await.unwrap();
    assert_eq!(newest(store).await, (Some(at(20)), "dc01".to_owned()));

    // One that listed everything begins anew with it, even where its stamps are older.
    by("dc02", 15, Upload::known(&world(1..=5))).send(store, at(12)).await.unwrap();
    assert_eq!(newest(store).await, (Some(at(15)), "dc02".to_owned()));
}

/// X12.
#[tokio::test]
async fn a_look_that_sees_far_less_takes_nothing_as_gone() {
    let Opened { store, .. } = &opened().await;
    Upload::everything(world(1..=100)).send(store, at(10)).await.unwrap();
    let before = newest(store).await;

    for seconds in [20, 30] {
        let few = Upload { newest: Some(at(99)), ..Upload::known(&world(1..=79)) };
        let held = few.send(store, at(seconds)).await.unwrap();
        let shrunk = Shrunk { kind: Kind::Device, seen: 79, before: 100 };
        assert_eq!((held.shrunk, held.tally.removed, held.complete), (Some(shrunk), 0, true));
    }
    assert_eq!(devices(store).await.len(), 100, "two looks without them, and neither is believed");
    assert_eq!(newest(store).await, before);

    // 20 percent less, and twice so: gone.
    for seconds in [40, 50] {
        let fewer = Upload::known(&world(1..=80)).send(store, at(seconds)).await.unwrap();
        assert_eq!(fewer.shrunk, None);
    }
    assert_eq!(devices(store).await.len(), 80);

    // The operator believes anything.
    for seconds in [60, 70] {
        let inventory = Inventory::new(store.clone()).with_shrink_max(100);
        let few = Upload::known(&world(1..=1));
        let mut snapshot = inventory.begin(begin(Scope::Everything), at(0)).await.unwrap();
        for page in few.pages() {
            snapshot.page(page).await.unwrap();
        }
        let believed = snapshot.commit(few.last(), at(seconds)).await.unwrap();
        assert_eq!(believed.shrunk, None);
    }
    assert_eq!(devices(store).await, ["Appl1"]);
}

/// P3, G-18, G-20: at every page boundary, over a store that was closed and opened again.
#[tokio::test]
async fn an_upload_that_broke_off_goes_on_after_its_last_page() {
    let Opened { store, path, folder: _folder } = opened().await;
    let mut store = store;
    let upload = Upload::everything(world(1..=1200));
    let pages = upload.pages();
    let begin = begin(Scope::Everything);
    for (arrived, page) in pages.iter().enumerate() {
        let inventory = Inventory::new(store.clone());
        let mut snapshot = inventory.begin(begin.clone(), at(0)).await.unwrap();
        assert_eq!(snapshot.pages(), arrived);
        snapshot.page(page.clone()).await.unwrap();
        drop(snapshot);
        let resume = store.resume(begin.run, at(0)).await.unwrap();
        let digests: Vec<_> = pages.iter().take(arrived + 1).map(|page| page.digest).collect();
        assert_eq!((resume.id, resume.pages), (begin.id, digests));
        assert_eq!(devices(&store).await.len(), 0, "nothing counts before the commit");

        store.close().await;
        drop((inventory, store));
        store = Store::open(&path).await.unwrap();
    }
    let inventory = Inventory::new(store.clone());
    let snapshot = inventory.begin(begin.clone(), at(0)).await.unwrap();
    let committed = snapshot.commit(upload.last(), at(10)).await.unwrap();
    assert_eq!(committed.tally, tally(1200, 1200, 0, 0, 0));
    assert!(store.resume(begin.run, at(0)).await.is_none(), "nothing is left of it");
}

#[tokio::test]
async fn of_two_uploads_only_the_newer_one_is_listened_to() {
    let Opened { store, .. } = &opened().await;
    let upload = Upload::everything(world(1..=1200));
    let pages = upload.pages();
    let begin = begin(Scope::Everything);
    let inventory = Inventory::new(store.clone());
    let mut older = inventory.begin(begin.clone(), at(0)).await.unwrap();
    older.page(pages[0].clone()).await.unwrap();
    let overtaken = older.overtaken();
    let listening = async move {
        overtaken.await;
        drop(older);
    };

    let newer = inventory.begin(begin.clone(), at(0));
    let (newer, ()) = futures_util::future::join(newer, listening).await;

    let mut newer = newer.unwrap();
    assert_eq!(newer.pages(), 1);
    for page in pages.into_iter().skip(1) {
        newer.page(page).await.unwrap();
    }
    let committed = newer.commit(upload.last(), at(10)).await.unwrap();
    assert_eq!(committed.tally.added, 1200);
}

#[tokio::test]
async fn a_key_that_comes_twice_counts_once_as_it_came_last() {
    let Opened { store, .. } = &opened().await;
    let all = world(1..=300);
    Upload::everything(all.clone()).send(store, at(10)).await.unwrap();
    // Broken off and listed again: seen as it was, changed, and changed back.
    let changed = EasDeviceIn(1, AccessState::Allowed).observation();
    let mut observations = vec![changed.clone()];
    observations.extend(all.iter().skip(3).cloned());
    observations.push(Observation::Device(device(1)));
    observations.push(EasDeviceIn(2, AccessState::Blocked).observation());
    let upload = Upload { observations, ..Upload::known(&all[..3]) };

    let committed = upload.send(store, at(20)).await.unwrap();

    assert_eq!(committed.tally, tally(300, 0, 2, 298, 0));
    let facts = store.case_facts(&contoso(), &[key(1), key(2)]).await.unwrap();
    assert_eq!(facts[&key(1)].device, device(1));
    assert_eq!(facts[&key(2)].device.access_state, AccessState::Blocked);
}

#[tokio::test]
async fn a_step_that_was_listed_long_ago_is_listed_again() {
    let Opened { store, .. } = &opened().await;
    let begin = begin(Scope::Everything);
    let inventory = Inventory::new(store.clone());
    let mut snapshot = inventory.begin(begin.clone(), at(0)).await.unwrap();
    let proof = Upload::everything(Vec::new()).last().completeness;
    let finished = Some(Finished { step: Step::Mailboxes, proof });
    let page = Upload::everything(world(1..=1)).pages().remove(0);
    snapshot.page(Page { finished: finished.clone(), ..page }).await.unwrap();
    drop(snapshot);

    let resume = async |seconds| store.resume(begin.run, at(seconds)).await.unwrap();
    assert_eq!(resume(60).await.finished, finished);
    let late = resume(3600).await;
    assert_eq!((late.finished, late.pages.len()), (None, 1));
}

/// A store with one mailbox and its device, a sync that was started at 10, and a receipt that came at
/// `shown` and shows the device allowed.
async fn shown_by_a_receipt(shown: i64) -> (Opened, Mailbox) {
    let opened = opened().await;
    let store = &opened.store;
    Upload::everything(world(1..=1)).send(store, at(1)).await.unwrap();
    let run = Run { id: begin(Scope::Everything).run, ..run(1, SyncMode::Full, Trigger::Manual) };
    store.create_run(&run).await.unwrap();
    let running = RunState::Running { generation: Generation::new(1), since: at(10) };
    store.set_run_state(run.id, &running).await.unwrap();

    let command = allow(1, 1);
    store.create_commands(std::slice::from_ref(&command), at(2)).await.unwrap();
    let after = Mailbox { allowed_ids: vec![device(1).device_id], ..mailbox(1) };
    let receipt = Receipt {
        command: command.id,
        generation: Generation::new(1),
        outcome: ReceiptOutcome::Done,
        read_back: Some(after.clone()),
        cmdlet: String::new(),
        server: String::new(),
        took: Duration::ZERO,
        traceparent: String::new(),
    };
    let answer = Answer {
        receipt: &receipt,
        state: CommandState::Done { at: at(shown) },
        observed: receipt.read_back.as_ref(),
        retry_at: None,
        traceparent: "",
        at: at(shown),
    };
    store.answer_command(&answer).await.unwrap();
    (opened, after)
}

#[tokio::test]
async fn a_look_that_began_before_a_receipt_came_does_not_undo_it() {
    for upload in [Upload::known(&world(1..=1)), Upload::everything(world(1..=1))] {
        let (Opened { store, .. }, after) = &shown_by_a_receipt(11).await;
        upload.send(store, at(20)).await.unwrap();
        let view = store.mailbox_view(&contoso(), after.id).await.unwrap().unwrap();
        assert_eq!(view.mailbox, *after);
    }
}

#[tokio::test]
async fn a_look_after_a_receipt_has_to_send_what_the_receipt_showed() {
    let (Opened { store, .. }, after) = &shown_by_a_receipt(9).await;
    let refused = Upload::known(&world(1..=1)).send(store, at(20)).await.unwrap_err();
    assert_eq!(refused.refusal(), Refusal::DigestsUnknown);
    let shown = vec![Observation::Mailbox(after.clone())];
    let sent = Upload::changes(shown.clone()).send(store, at(30)).await.unwrap();
    assert_eq!((sent.rows_changed, sent.rows_unchanged), (0, 1));
    Upload::known(&shown).send(store, at(40)).await.unwrap();

    // Somebody else took the entry off: the later look wins.
    Upload::everything(world(1..=1)).send(store, at(50)).await.unwrap();
    let view = store.mailbox_view(&contoso(), after.id).await.unwrap().unwrap();
    assert_eq!(view.mailbox, mailbox(1));
}
