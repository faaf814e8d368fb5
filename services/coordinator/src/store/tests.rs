//! Facts about the store, each against a real file.

mod outcomes;
mod bundles;
mod devices;
mod configuration;
mod walks;
mod sweeps;

use sqlx::Executor;
use uuid::Uuid;

use exgate_domain::ids::{Generation, RunId};
use exgate_domain::observation::{Mailbox, Observation};
use exgate_domain::organization::Mode;
use exgate_domain::sync::{RunState, SyncMode, Tally as Found, Trigger};

use crate::fixture::{
    Opened, Upload, at, contoso, device, fully_synced, lease, mailbox, opened, run, world,
};

use super::columns::Named;
use super::*;

#[tokio::test]
async fn a_second_coordinator_is_refused_until_the_first_one_ends() {
    let Opened { store, path, folder } = opened().await;
    let refused = Store::open(&path).await.unwrap_err();
    assert!(matches!(refused, OpenError::InUse { .. }));
    assert!(refused.to_string().contains("in use by another coordinator"), "{refused}");

    store.close().await;
    drop(store);
    let store = Store::open(&path).await.unwrap();
    assert!(store.organization(&contoso()).await.unwrap().is_some());
    drop(folder);
}

#[tokio::test]
async fn a_store_that_cannot_be_opened_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let missing = Store::open(&folder.path().join("none/exgate.db")).await.unwrap_err();
    assert!(matches!(missing, OpenError::Lock { .. }), "{missing:?}");

    let other = folder.path().join("other.db");
    std::fs::write(&other, "this is no database, it only lies where one should be").unwrap();
    let refused = Store::open(&other).await.unwrap_err();
    assert!(matches!(refused, OpenError::Open { .. }), "{refused:?}");
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused() {
    let Opened { store, path, folder } = opened().await;
    let newer =
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 VALUES (9999, 'from the future', 1, x'00', 0)";
    store.write.execute(newer).await.unwrap();
    store.close().await;
    drop(store);
    let refused = Store::open(&path).await.unwrap_err();
    assert!(matches!(refused, OpenError::Schema { .. }), "{refused:?}");
    drop(folder);
}

#[tokio::test]
async fn what_was_not_committed_is_gone_after_a_crash() {
    let Opened { store, path, folder } = opened().await;
    Upload::everything(world(1..=3)).send(&store, at(10)).await.unwrap();
    let mut tx = store.begin().await.unwrap();
    tx.execute("DELETE FROM observed").await.unwrap();
    tx.execute("UPDATE leases SET generation = 9").await.unwrap();
    // What a crash leaves: the file and its log as they are now, with the transaction open.
    let crashed = folder.path().join("crashed.db");
    for end in ["", "-wal"] {
        let from = format!("{}{end}", path.display());
        std::fs::copy(from, format!("{}{end}", crashed.display())).unwrap();
    }
    drop(tx);
    drop(store);

    for path in [path, crashed] {
        let store = loop {
            match Store::open(&path).await {
                Ok(store) => break store,
                // The engine's thread lets go of the file a moment after the store is dropped.
                Err(OpenError::InUse { .. }) => tokio::task::yield_now().await,
                Err(other) => panic!("{other:?}"),
            }
        };
        assert_eq!(store.device_tally(&contoso()).await.unwrap().known, 3);
        assert_eq!(store.lease(&contoso()).await.unwrap(), Some(lease(1)));
    }
}

#[tokio::test]
async fn readers_cannot_write() {
    let Opened { store, .. } = &opened().await;
    assert!(store.read.execute("DELETE FROM organizations").await.is_err());
}

#[tokio::test]
async fn the_lease_is_compared_before_it_is_set() {
    let Opened { store, .. } = &opened().await;
    let organization = contoso();
    assert!(!store.grant_lease(&organization, None, &lease(2)).await.unwrap());
    assert!(!store.grant_lease(&organization, Some(&lease(7)), &lease(8)).await.unwrap());
    assert_eq!(store.lease(&organization).await.unwrap(), Some(lease(1)));
    assert!(store.renew_lease(&organization, &lease(1)).await.unwrap());

    assert!(store.grant_lease(&organization, Some(&lease(1)), &lease(2)).await.unwrap());
    assert!(!store.renew_lease(&organization, &lease(1)).await.unwrap());
    assert!(store.renew_lease(&organization, &lease(2)).await.unwrap());
}

#[tokio::test]
async fn connectors_are_kept_as_they_last_said() {
    let Opened { store, .. } = &opened().await;
    let mut connector = Connector {
        organization: contoso(),
        agent: lease(1).holder,
        host: "ex01".to_owned(),
        version: "0.1.0".to_owned(),
        exchange_server: String::new(),
        exchange_version: String::new(),
        filters_by_change: false,
        preflight: Vec::new(),
        last_heard_at: at(1),
    };
    store.put_connector(&connector).await.unwrap();
    connector.filters_by_change = true;
    connector.preflight = vec![PreflightStep {
        name: "sign-in".to_owned(),
        ok: false,
        finding: "401".to_owned(),
        cure: "check the password".to_owned(),
    }];
    store.put_connector(&connector).await.unwrap();
    store.connector_heard(&contoso(), at(5)).await.unwrap();
    connector.last_heard_at = at(5);
    assert_eq!(store.connector(&contoso()).await.unwrap(), Some(connector.clone()));
    assert_eq!(store.connectors().await.unwrap(), [connector]);
}

#[tokio::test]
async fn every_state_of_a_run_is_read_as_it_was_written() {
    let Opened { store, .. } = &opened().await;
    let found = Found { seen: 5, added: 1, changed: 2, unchanged: 2, removed: 3 };
    let running = RunState::Running { generation: Generation::new(1), since: at(2) };
    let over = [
        RunState::Succeeded { at: at(3), tally: found },
        RunState::Failed { at: at(4), reason: "the stream was cut".to_owned() },
    ];
    let mut number = 0;
    for mode in SyncMode::ALL {
        for trigger in Trigger::ALL {
            for end in &over {
                number += 1;
                let run = run(number, *mode, *trigger);
                assert_eq!(store.create_run(&run).await.unwrap(), RunCreated::Created);
                let stored = store.run(run.id).await.unwrap().unwrap();
                assert_eq!(
                    stored,
                    StoredRun { run: run.clone(), started_at: None, note: String::new() }
                );
                for state in [&running, end] {
                    assert!(store.set_run_state(run.id, state).await.unwrap());
                    let stored = store.run(run.id).await.unwrap().unwrap();
                    assert_eq!(stored.run.state, *state);
                    assert_eq!(stored.started_at, Some(at(2)));
                }
                assert!(!store.set_run_state(run.id, &running).await.unwrap());
            }
        }
    }
    let newest = store.runs(None, None, 5).await.unwrap();
    let ids: Vec<_> = newest.iter().map(|stored| stored.run.id.guid().as_u128()).collect();
    assert_eq!(ids, [12, 11, 10, 9, 8]);
    let last = RunId::new(Uuid::from_u128(8));
    let page = store.runs(Some(&contoso()), Some(last), 100).await.unwrap();
    assert_eq!(page.len(), 7);
}

#[tokio::test]
async fn one_run_and_one_read_back_may_be_open() {
    let Opened { store, .. } = &opened().await;
    let full = run(1, SyncMode::Full, Trigger::Schedule);
    store.create_run(&full).await.unwrap();
    let again = store.create_run(&run(2, SyncMode::Quick, Trigger::Manual)).await.unwrap();
    assert!(matches!(again, RunCreated::AlreadyOpen(open) if open.run == full));
    let back = run(3, SyncMode::Quick, Trigger::ReadBack);
    assert_eq!(store.create_run(&back).await.unwrap(), RunCreated::Created);
    let again = store.create_run(&run(4, SyncMode::Quick, Trigger::ReadBack)).await.unwrap();
    assert!(matches!(again, RunCreated::AlreadyOpen(open) if open.run == back));
    assert_eq!(store.open_runs(Some(&contoso())).await.unwrap().len(), 2);
    assert_eq!(store.open_runs(None).await.unwrap().len(), 2);
}

#[tokio::test]
async fn history_counts_failures_since_the_last_success_without_read_backs() {
    let Opened { store, .. } = &opened().await;
    let history = async || store.run_history(&contoso()).await.unwrap();
    assert_eq!(history().await, RunHistory::default());
    let found = Found { seen: 9, ..Found::default() };
    let good = |second| RunState::Succeeded { at: at(second), tally: found };
    let bad = |second| RunState::Failed { at: at(second), reason: "cut".to_owned() };
    let story = [
        (SyncMode::Full, Trigger::Schedule, bad(1)),
        (SyncMode::Full, Trigger::Schedule, good(2)),
        (SyncMode::Quick, Trigger::Manual, good(3)),
        (SyncMode::Quick, Trigger::Schedule, bad(4)),
        (SyncMode::Full, Trigger::Schedule, bad(5)),
        (SyncMode::Quick, Trigger::ReadBack, good(6)),
        (SyncMode::Quick, Trigger::ReadBack, bad(7)),
    ];
    for (number, (mode, trigger, end)) in story.into_iter().enumerate() {
        let run = run(number as u128, mode, trigger);
        store.create_run(&run).await.unwrap();
        assert!(store.set_run_state(run.id, &end).await.unwrap());
    }
    let expected = RunHistory {
        any_succeeded_at: Some(at(3)),
        quick_succeeded_at: Some(at(3)),
        full_succeeded_at: Some(at(2)),
        failures: 2,
        failed_at: Some(at(5)),
        last_full: Some(found),
    };
    assert_eq!(history().await, expected);
}

#[tokio::test]
async fn enforcing_needs_a_full_sync_and_takes_the_baseline_once() {
    let Opened { store, .. } = &opened().await;
    let organization = contoso();
    let set = async |mode| store.set_mode(&organization, mode, "ann", at(20)).await.unwrap();
    let rows = async |sql| sqlx::query_scalar::<_, i64>(sql).fetch_one(&store.read).await.unwrap();
    Upload::everything(world(1..=2)).send(store, at(10)).await.unwrap();
    let nobody = store.set_mode(&"fabrikam".parse().unwrap(), Mode::Enforce, "ann", at(1)).await;
    assert_eq!(nobody.unwrap(), ModeChange::UnknownOrganization);
    assert_eq!(set(Mode::Enforce).await, ModeChange::NeverFullySynced);
    assert_eq!(set(Mode::Observe).await, ModeChange::Unchanged);

    fully_synced(store).await;
    for mode in [Mode::Enforce, Mode::Observe, Mode::Enforce] {
        assert_eq!(set(mode).await, ModeChange::Changed);
        let stored = store.organization(&organization).await.unwrap().unwrap();
        assert_eq!(stored.organization.mode, mode);
    }
    assert_eq!(rows("SELECT COUNT(*) FROM baselines").await, 3);

    // The baseline is what was there before: later changes stay out of it, new mailboxes join it.
    let changed = Mailbox { allowed_ids: vec![device(1).device_id], ..mailbox(1) };
    let changes = vec![Observation::Mailbox(changed), Observation::Mailbox(mailbox(7))];
    Upload::changes(changes).send(store, at(30)).await.unwrap();
    assert_eq!(rows("SELECT COUNT(*) FROM baselines").await, 4);
    let same = "SELECT COUNT(*) FROM baselines JOIN observed USING (organization, kind, guid)
                WHERE baselines.observation = observed.observation";
    assert_eq!(rows(same).await, 3);

    let entries = store.audit_entries(None, 100).await.unwrap();
    let count = |action| entries.iter().filter(|(_, entry)| entry.action == action).count();
    assert_eq!((count(AuditAction::ModeSet), count(AuditAction::BaselineTaken)), (3, 1));
    assert!(entries.iter().any(|(_, entry)| entry.actor == "ann" && entry.detail == "enforce"));
}

#[tokio::test]
async fn audit_rows_are_only_added() {
    let Opened { store, .. } = &opened().await;
    for action in AuditAction::ALL {
        let entry = AuditEntry {
            at: at(1),
            actor: "test".to_owned(),
            action: *action,
            organization: (*action == AuditAction::ModeSet).then(contoso),
            subject: "subject".to_owned(),
            detail: String::new(),
        };
        store.audit(&entry).await.unwrap();
        let newest = store.audit_entries(None, 1).await.unwrap();
        assert_eq!(newest[0].1, entry);
        let before = store.audit_entries(Some(newest[0].0), 1).await.unwrap();
        assert!(before[0].0 < newest[0].0);
    }
    assert!(store.write.execute("DELETE FROM audit").await.is_err());
    assert!(store.write.execute("UPDATE audit SET actor = 'nobody'").await.is_err());
}

#[tokio::test]
async fn what_is_looked_at_again_and_again_goes_by_an_index() {
    let Opened { store, .. } = &opened().await;
    let plans = [
        "SELECT 1 FROM cases WHERE organization = 'contoso' AND due_at <= 1 ORDER BY due_at LIMIT 5",
        "SELECT 1 FROM cases WHERE organization = 'contoso' AND (mailbox, device_id) > (x'', '')
             AND (mailbox, device_id) <= (x'ff', '') ORDER BY mailbox, device_id LIMIT 1 OFFSET 5",
        "SELECT 1 FROM intents WHERE organization = 'contoso' AND compare > 0 LIMIT 5",
        "SELECT 1 FROM observed WHERE organization = 'contoso' AND kind = 'Device' AND dn IN
             (SELECT value FROM json_each('[]'))",
        "SELECT 1 FROM observed WHERE primary_smtp = 'x'",
        "SELECT 1 FROM observed WHERE device_id = 'x'",
        "SELECT 1 FROM observed WHERE organization = 'contoso' AND missed_full > 0",
        "SELECT 1 FROM observed WHERE organization = 'contoso' AND kind = 'Device' AND id > 5
             ORDER BY id LIMIT 5",
        "SELECT 1 FROM commands WHERE organization = 'contoso' AND state IN ('Queued', 'Lent', 'Unknown')",
        "SELECT 1 FROM runs WHERE organization = 'contoso' ORDER BY number DESC LIMIT 5",
    ];
    for sql in plans {
        let explain = format!("EXPLAIN QUERY PLAN {sql}");
        let rows = sqlx::query(sqlx::AssertSqlSafe(explain)).fetch_all(&store.read).await.unwrap();
        let plan: Vec<String> = rows.iter().map(|row| sqlx::Row::get(row, "detail")).collect();
        let scans = plan.iter().any(|step| step.starts_with("SCAN") && !step.contains("json_each"));
        let sorts = plan.iter().any(|step| step.contains("TEMP B-TREE FOR ORDER BY"));
        assert!(!scans && !sorts, "{sql}: {plan:?}");
    }
}
