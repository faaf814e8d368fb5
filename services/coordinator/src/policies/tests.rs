//! Facts about applied documents. The evaluator's check is a function here that finds the headers.

use std::convert::Infallible;

use crate::fixture::{Opened, Upload, at, contoso, due_cases, fully_synced, opened, world};
use crate::store::AuditAction;

use super::*;

const PHONES: &str =
    "apiVersion: exgate/v1\nkind: CompliancePolicy\nname: phones\nplatforms:\n  iOS: {}\n";
const ACCESS: &str =
    "apiVersion: exgate/v1\nkind: AccessPolicy\nname: mail-access\nprecedence: 10\n";

fn file(path: &str, content: &str) -> PolicyFile {
    PolicyFile { path: path.to_owned(), content: content.as_bytes().to_vec() }
}

async fn check(files: Vec<PolicyFile>) -> Result<Checked, Infallible> {
    let mut content = Vec::new();
    for file in &files {
        content.extend_from_slice(&file.content);
    }
    let summary = |path: &str, policy: documents::PolicyText| PolicySummary {
        kind: policy.kind,
        name: policy.name,
        path: path.to_owned(),
        line: 1,
    };
    let policies = files.iter().flat_map(|file| {
        let found = documents::policies(std::slice::from_ref(file)).into_iter();
        found.map(|policy| summary(&file.path, policy))
    });
    let policies: Vec<_> = policies.collect();
    let names: BTreeSet<_> = policies.iter().map(|policy| (&policy.kind, &policy.name)).collect();
    if names.len() < policies.len() {
        let path = files.last().map(|file| file.path.clone()).unwrap_or_default();
        let twice = Diagnostic { path, message: "the name is taken".to_owned(), ..nothing() };
        return Ok(Err(vec![twice]));
    }
    let digest = BundleDigest::of(&content);
    let last_sync_keys = Vec::new();
    Ok(Ok(Accepted { digest, policies, warnings: Vec::new(), groups: Vec::new(), last_sync_keys }))
}

fn nothing() -> Diagnostic {
    Diagnostic {
        path: String::new(),
        line: 0,
        column: 0,
        key: String::new(),
        message: String::new(),
        suggestion: String::new(),
        severity: Severity::Error,
    }
}

async fn apply(store: &Store, files: &[(&str, &str)]) -> Result<Applied, Vec<String>> {
    apply_as(store, files, false, false).await
}

async fn apply_as(
    store: &Store,
    files: &[(&str, &str)],
    validate_only: bool,
    prune: bool,
) -> Result<Applied, Vec<String>> {
    let files = files.iter().map(|(path, content)| file(path, content)).collect();
    let apply = Apply { files, validate_only, prune, actor: "ann", now: at(5) };
    let policies = Policies::new(store.clone(), Schedule::default());
    policies.apply(apply, check).await.map_err(|error| {
        let names = |policies: Vec<StoredPolicy>| policies.into_iter().map(|policy| policy.name);
        match error {
            ApplyError::Invalid(wrong) => wrong.iter().map(Diagnostic::to_string).collect(),
            ApplyError::PruneNeeded(policies) => names(policies).collect(),
            ApplyError::Check(_) | ApplyError::Store(_) => panic!("{error:?}"),
        }
    })
}

fn changes(applied: &Applied) -> Vec<(&str, Change)> {
    applied.documents.iter().map(|document| (document.name.as_str(), document.change)).collect()
}

#[tokio::test]
async fn policies_are_created_configured_and_left() {
    let Opened { store, .. } = &opened().await;
    let both = format!("{PHONES}---\n{ACCESS}");
    let first = apply(store, &[("a.yaml", &both)]).await.unwrap();
    assert_eq!(changes(&first), [("phones", Change::Created), ("mail-access", Change::Created)]);
    assert_eq!(store.bundle().await.unwrap(), first.bundle);
    assert!(first.bundle.is_some());

    let again = apply(store, &[("a.yaml", &both)]).await.unwrap();
    assert_eq!(
        changes(&again),
        [("phones", Change::Unchanged), ("mail-access", Change::Unchanged)]
    );
    assert_eq!(again.bundle, first.bundle);

    let changed = both.replace("10", "20");
    let third = apply(store, &[("a.yaml", &changed)]).await.unwrap();
    assert_eq!(
        changes(&third),
        [("phones", Change::Unchanged), ("mail-access", Change::Configured)]
    );
    assert_ne!(third.bundle, first.bundle);
    let listed = store.policies(None, 10).await.unwrap();
    let names: Vec<_> = listed.iter().map(|policy| policy.name.as_str()).collect();
    assert_eq!(names, ["mail-access", "phones"]);
    let after = store.policies(Some(("mail-access", "AccessPolicy")), 10).await.unwrap();
    assert_eq!(after.len(), 1);
    let (policy, source) = store.policy("phones").await.unwrap().unwrap();
    assert_eq!((policy.path.as_str(), source), ("a.yaml", changed.into_bytes()));
    let audit = store.audit_entries(None, 100).await.unwrap();
    let applied = audit.iter().filter(|(_, entry)| entry.action == AuditAction::DocumentApplied);
    assert_eq!(applied.count(), 2);
}

#[tokio::test]
async fn a_policy_that_moved_to_another_file_leaves_the_old_one() {
    let Opened { store, .. } = &opened().await;
    apply(store, &[("a.yaml", PHONES), ("b.yaml", ACCESS)]).await.unwrap();
    let moved = apply(store, &[("policies/a.yaml", PHONES)]).await.unwrap();
    assert_eq!(changes(&moved), [("phones", Change::Unchanged)]);
    let paths = async || {
        let files = store.bundle_files().await.unwrap();
        files.into_iter().map(|file| file.path).collect::<Vec<_>>()
    };
    assert_eq!(paths().await, ["b.yaml", "policies/a.yaml"]);

    // Only half of what the old file holds: that is a name given twice.
    apply(store, &[("both.yaml", &format!("{PHONES}---\n{ACCESS}"))]).await.unwrap();
    assert_eq!(paths().await, ["both.yaml"]);
    let refused = apply(store, &[("a.yaml", PHONES)]).await.unwrap_err();
    assert_eq!(refused, ["both.yaml: the name is taken"]);
    assert_eq!(paths().await, ["both.yaml"]);
}

#[tokio::test]
async fn a_policy_that_is_left_out_is_removed_only_when_that_is_asked_for() {
    let Opened { store, .. } = &opened().await;
    let both = format!("{PHONES}---\n{ACCESS}");
    apply(store, &[("a.yaml", &both)]).await.unwrap();
    let in_force = store.bundle().await.unwrap();
    let half = [("a.yaml", PHONES)];
    let removed = [("phones", Change::Unchanged), ("mail-access", Change::Removed)];

    for validate_only in [true, false] {
        let refused = apply_as(store, &half, validate_only, false).await.unwrap_err();
        assert_eq!(refused, ["mail-access"]);
    }
    let dry = apply_as(store, &half, true, true).await.unwrap();
    assert_eq!(changes(&dry), removed);
    assert_eq!(store.bundle().await.unwrap(), in_force);

    let policies = Policies::new(store.clone(), Schedule::default());
    let tried = policies.candidate(&[file("a.yaml", PHONES)], check).await.unwrap().unwrap();
    assert_eq!(
        tried.removed.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(),
        ["mail-access"]
    );

    let pruned = apply_as(store, &half, false, true).await.unwrap();
    assert_eq!(changes(&pruned), removed);
    assert_ne!(store.bundle().await.unwrap(), in_force);
    let audit = store.audit_entries(None, 100).await.unwrap();
    let told: Vec<_> =
        audit.iter().filter(|(_, it)| it.subject == "policies/mail-access").collect();
    assert_eq!(told.len(), 1, "{audit:?}");
    assert!(told[0].1.detail.starts_with("AccessPolicy removed from a.yaml   bundle "), "{told:?}");
}

#[tokio::test]
async fn what_another_file_of_the_same_call_holds_is_not_left_out() {
    let Opened { store, .. } = &opened().await;
    apply(store, &[("a.yaml", &format!("{PHONES}---\n{ACCESS}"))]).await.unwrap();
    let moved = apply(store, &[("a.yaml", PHONES), ("b.yaml", ACCESS)]).await.unwrap();
    assert_eq!(
        changes(&moved),
        [("phones", Change::Unchanged), ("mail-access", Change::Unchanged)]
    );
    assert_eq!(store.bundle_files().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_file_that_holds_organizations_only_has_left_its_policies_out() {
    let Opened { store, .. } = &opened().await;
    let organization = "apiVersion: exgate/v1\nkind: Organization\nname: fabrikam\n";
    apply(store, &[("a.yaml", &format!("{organization}---\n{PHONES}"))]).await.unwrap();
    assert_eq!(apply(store, &[("a.yaml", organization)]).await.unwrap_err(), ["phones"]);
    let pruned = apply_as(store, &[("a.yaml", organization)], true, true).await.unwrap();
    assert_eq!(changes(&pruned), [("phones", Change::Removed), ("fabrikam", Change::Unchanged)]);
    // A file that nothing stands in any more.
    let refused = apply(store, &[("a.yaml", "# gone\n")]).await.unwrap_err();
    assert!(refused[0].contains("remove what it held with --prune"), "{refused:?}");
    let pruned = apply_as(store, &[("a.yaml", "# gone\n")], false, true).await.unwrap();
    assert_eq!(changes(&pruned), [("phones", Change::Removed)]);
    assert_eq!(store.bundle().await.unwrap(), None);
}

#[tokio::test]
async fn documents_that_are_wrong_also_say_what_they_leave_out() {
    let Opened { store, .. } = &opened().await;
    apply(store, &[("a.yaml", &format!("{PHONES}---\n{ACCESS}"))]).await.unwrap();
    let refused = apply(store, &[("a.yaml", PHONES), ("b.yaml", PHONES)]).await.unwrap_err();
    let left_out = "a.yaml: policies/mail-access (AccessPolicy) would be removed \
        (add --prune, or give it again)";
    assert_eq!(refused, [left_out, "b.yaml: the name is taken"]);
}

#[tokio::test]
async fn a_new_bundle_makes_every_case_due() {
    let Opened { store, .. } = &opened().await;
    Upload::everything(world(1..=2)).send(store, at(1)).await.unwrap();
    let due = async || due_cases(store, at(9)).await;
    let settled = due().await;
    store.settle_cases(&contoso(), &settled).await.unwrap();
    assert_eq!(due().await, []);
    apply(store, &[("a.yaml", PHONES)]).await.unwrap();
    let settled = due().await;
    assert_eq!(settled.len(), 2);
    store.settle_cases(&contoso(), &settled).await.unwrap();
    apply(store, &[("a.yaml", PHONES)]).await.unwrap();
    assert_eq!(due().await, []);
}

#[tokio::test]
async fn organizations_stand_beside_policies_and_keep_their_lines_out_of_the_bundle() {
    let Opened { store, .. } = &opened().await;
    let organization = "# ours\napiVersion: exgate/v1\nkind: Organization\nname: fabrikam\n\
        displayName: Fabrikam GmbH\nschedule: { quickInterval: 1m, fullInterval: 12h }\n";
    let mixed = format!("{organization}---\n{PHONES}");
    let applied = apply(store, &[("mixed.yaml", &mixed)]).await.unwrap();
    assert_eq!(changes(&applied), [("phones", Change::Created), ("fabrikam", Change::Created)]);

    let fabrikam = "fabrikam".parse().unwrap();
    let stored = store.organization(&fabrikam).await.unwrap().unwrap().organization;
    assert_eq!((stored.display_name.as_str(), stored.mode), ("Fabrikam GmbH", Mode::Observe));
    assert_eq!(stored.schedule.quick_interval, jiff::SignedDuration::from_mins(1));
    assert_eq!(stored.schedule.quick_interval_scan, Schedule::default().quick_interval_scan);
    let files = store.bundle_files().await.unwrap();
    let content = String::from_utf8(files[0].content.clone()).unwrap();
    assert_eq!(content, format!("\n\n\n\n\n\n---\n{PHONES}"));

    let alone = apply(store, &[("o.yaml", organization)]).await.unwrap();
    assert_eq!(changes(&alone), [("fabrikam", Change::Unchanged)]);
    let changed = organization.replace("1m", "2m");
    let changed = apply(store, &[("o.yaml", &changed)]).await.unwrap();
    assert_eq!(changes(&changed), [("fabrikam", Change::Configured)]);
    assert_eq!(store.bundle_files().await.unwrap().len(), 1);
    assert_eq!(changed.bundle, applied.bundle);
}

#[tokio::test]
async fn a_document_sets_the_mode_only_when_it_may() {
    let Opened { store, .. } = &opened().await;
    let enforce = "apiVersion: exgate/v1\nkind: Organization\nname: contoso\nmode: enforce\n";
    let refused = apply(store, &[("o.yaml", enforce), ("a.yaml", PHONES)]).await.unwrap_err();
    let expected = "o.yaml:1: mode: organization \"contoso\" was never fully synced, so it cannot \
        enforce (leave mode out, wait for its first full sync, then run: exgate mode contoso enforce)";
    assert_eq!(refused, [expected]);
    assert_eq!(store.bundle_files().await.unwrap(), []);

    fully_synced(store).await;
    apply(store, &[("o.yaml", enforce)]).await.unwrap();
    let mode = async || store.organization(&contoso()).await.unwrap().unwrap().organization.mode;
    assert_eq!(mode().await, Mode::Enforce);
    let silent = enforce.replace("mode: enforce\n", "");
    apply(store, &[("o.yaml", &silent)]).await.unwrap();
    assert_eq!(mode().await, Mode::Enforce);
    apply(store, &[("o.yaml", &enforce.replace("enforce", "observe"))]).await.unwrap();
    assert_eq!(mode().await, Mode::Observe);
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let Opened { store, .. } = &opened().await;
    let organization = "apiVersion: exgate/v1\nkind: Organization\nname: fabrikam\n";
    let files = vec![file("a.yaml", PHONES), file("o.yaml", organization)];
    let apply = Apply { files, validate_only: true, prune: false, actor: "ann", now: at(5) };
    let policies = Policies::new(store.clone(), Schedule::default());
    let applied = policies.apply(apply, check).await.unwrap();
    assert_eq!(changes(&applied), [("phones", Change::Created), ("fabrikam", Change::Created)]);
    assert!(applied.bundle.is_some());
    assert_eq!(store.bundle().await.unwrap(), None);
    assert_eq!(store.organizations(None, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn mistakes_in_organizations_are_named_with_place_and_cure() {
    let Opened { store, .. } = &opened().await;
    let head = "apiVersion: exgate/v1\nkind: Organization\n";
    let cases = [
        (
            format!("{head}name: Fabrikam\n"),
            "o.yaml:3:7: name: organization \"Fabrikam\" is not a name",
        ),
        (
            format!("{head}name: f\nschedule:\n  quickIntervall: 5m\n"),
            "o.yaml:5:3: schedule.quickIntervall: unknown key \"quickIntervall\"; known: quickInterval, \
             quickIntervalScan, fullInterval (write quickInterval)",
        ),
        (
            format!("{head}name: f\nschedule: {{ fullInterval: tomorrow }}\n"),
            "o.yaml:4:27: schedule.fullInterval: \"tomorrow\" is not a span of 1s to 365d (write a span",
        ),
        (
            format!("{head}name: f\nmode: enforced\n"),
            "o.yaml:4:7: mode: unknown value \"enforced\"; known: observe, enforce (write enforce)",
        ),
        (format!("---\n# x\n{head}"), "o.yaml:3: name: the key is missing"),
        (
            format!("{head}name: f\n---\n{head}name: g\nname: h\n"),
            "o.yaml:8:1: name: the key stands here twice (take one of them out)",
        ),
        (
            format!("{head}name: f\n---\n{head}name: f\n"),
            "o.yaml:5: name: organization \"f\" comes twice (take one of them out)",
        ),
        (
            head.replace("v1", "v2") + "name: f\n",
            "o.yaml:1:13: apiVersion: unknown version \"exgate/v2\" (write exgate/v1)",
        ),
        ("# nothing\n---\n".to_owned(), "o.yaml: the file holds no document (write one"),
    ];
    for (content, expected) in cases {
        let refused = apply(store, &[("o.yaml", &content)]).await.unwrap_err();
        assert_eq!(refused.len(), 1, "{content}: {refused:?}");
        assert!(refused[0].starts_with(expected), "{content}\n{}\n{expected}", refused[0]);
    }
    let twice = apply(store, &[("o.yaml", PHONES), ("o.yaml", PHONES)]).await.unwrap_err();
    assert_eq!(twice, ["o.yaml: the file comes twice (give it once)"]);
    assert_eq!(store.organizations(None, 10).await.unwrap().len(), 1);
}
