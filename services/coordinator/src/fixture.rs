//! A real store in a temporary folder, and things to put in it. Tests only.

use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use exgate_domain::case::{Case, MailboxFacts, Management, Unmatched};
use exgate_domain::command::{Command, ListEdit};
use exgate_domain::decision::{Compliance, Decision, Reason};
use exgate_domain::ids::{
    AgentId, BundleDigest, CommandId, Generation, MailboxId, OrganizationId, PartnershipId,
    Revision, RunId, SnapshotId,
};
use exgate_domain::lease::Lease;
use exgate_domain::observation::{
    AccessLevel, AccessReason, AccessState, EasDevice, Key, Mailbox, Observation,
    OrganizationSettings, Scope,
};
use exgate_domain::organization::{Mode, Organization, Schedule};
use exgate_domain::policy::Access;
use exgate_domain::snapshot::{Begin, Commit, PAGE_ROWS_MAX, Page};
use exgate_domain::sync::{Completeness, Run, RunState, SyncMode, Tally, Trigger};
use exgate_proto::convert::{digest, page_digest, root_digest};

use crate::inventory::{Committed, Inventory, InventoryError};
use crate::store::{AppliedPolicies, CaseKey, Marked, Store};

/// A store and the folder it lies in.
pub(crate) struct Opened {
    pub(crate) store: Store,
    pub(crate) path: PathBuf,
    pub(crate) folder: tempfile::TempDir,
}

/// A new store with the organization `contoso`, whose lease has generation 1.
pub(crate) async fn opened() -> Opened {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("exgate.db");
    let store = Store::open(&path).await.unwrap();
    organization(&store, "contoso").await;
    Opened { store, path, folder }
}

/// The cases of `contoso` that are due, those that a sweep finds included.
pub(crate) async fn due_cases(store: &Store, now: Timestamp) -> Vec<Marked> {
    while store.sweep(&contoso(), 2).await.unwrap() {}
    store.due_cases(&contoso(), now, None, 1_000).await.unwrap()
}

/// Creates an organization and grants its first lease.
pub(crate) async fn organization(store: &Store, name: &str) {
    let organization = Organization {
        id: name.parse().unwrap(),
        display_name: name.to_uppercase(),
        mode: Mode::Observe,
        schedule: Schedule::default(),
    };
    let id = organization.id.clone();
    let applied = AppliedPolicies {
        files: &store.bundle_files().await.unwrap(),
        policies: &store.policies(None, 100).await.unwrap(),
        removed: &[],
        bundle: store.bundle().await.unwrap(),
        organizations: &[(organization, None)],
        actor: "test",
        now: at(0),
    };
    assert_eq!(store.put_documents(&applied).await.unwrap(), None);
    assert!(store.grant_lease(&id, None, &lease(1)).await.unwrap());
}

pub(crate) fn contoso() -> OrganizationId {
    "contoso".parse().unwrap()
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

pub(crate) fn lease(generation: u64) -> Lease {
    Lease { holder: AgentId::new(Uuid::from_u128(1)), generation: Generation::new(generation) }
}

pub(crate) fn mailbox(number: u32) -> Mailbox {
    Mailbox {
        id: MailboxId::new(Uuid::from_u128(
            0xaaaa_0000_0000_0000_0000_0000_0000_0000 + u128::from(number),
        )),
        dn: format!("CN=User {number},DC=contoso,DC=com"),
        display_name: format!("User {number}"),
        primary_smtp: format!("User{number}@contoso.com"),
        sam_account: format!("user{number}"),
        active_sync_enabled: true,
        policy: "Default".to_owned(),
        allowed_ids: Vec::new(),
        blocked_ids: Vec::new(),
        changed_at: Some(at(i64::from(number))),
    }
}

/// A device of the mailbox with the same number.
pub(crate) fn device(number: u32) -> EasDevice {
    device_of(number, number)
}

/// A device of a mailbox.
pub(crate) fn device_of(number: u32, mailbox: u32) -> EasDevice {
    EasDevice {
        id: PartnershipId::new(Uuid::from_u128(u128::from(number))),
        device_id: format!("Appl{number}").parse().unwrap(),
        mailbox_dn: format!("cn=User {mailbox},DC=contoso,DC=com"),
        access_state: AccessState::Quarantined,
        access_reason: AccessReason::Global,
        access_rule: String::new(),
        device_type: "iPhone".to_owned(),
        device_model: "iPhone15C2".to_owned(),
        device_os: "iOS 17.4".to_owned(),
        user_agent: String::new(),
        friendly_name: String::new(),
        imei: String::new(),
        phone_number: String::new(),
        client_type: "EAS".to_owned(),
        protocol_version: "16.1".to_owned(),
        first_sync_at: None,
        changed_at: Some(at(i64::from(number))),
    }
}

pub(crate) fn settings() -> OrganizationSettings {
    OrganizationSettings {
        guid: Uuid::from_u128(99),
        default_access_level: AccessLevel::Quarantine,
        user_mail_insert: String::new(),
        admin_mail_recipients: Vec::new(),
    }
}

pub(crate) fn key(number: u32) -> CaseKey {
    CaseKey { mailbox: mailbox(number).id, device_id: device(number).device_id }
}

/// Mailboxes with these numbers, each with its device, and the settings.
pub(crate) fn world(numbers: impl Iterator<Item = u32>) -> Vec<Observation> {
    let mut all = vec![Observation::Settings(settings())];
    for number in numbers {
        all.push(Observation::Mailbox(mailbox(number)));
        all.push(Observation::Device(device(number)));
    }
    all
}

/// One whole upload, made under lease generation 1.
pub(crate) struct Upload {
    pub(crate) scope: Scope,
    pub(crate) observations: Vec<Observation>,
    pub(crate) unchanged: Vec<Key>,
    pub(crate) complete: bool,
    pub(crate) newest: Option<Timestamp>,
    pub(crate) controller: &'static str,
}

impl Upload {
    pub(crate) fn everything(observations: Vec<Observation>) -> Self {
        Self {
            scope: Scope::Everything,
            observations,
            unchanged: Vec::new(),
            complete: true,
            newest: None,
            controller: "",
        }
    }

    pub(crate) fn changes(observations: Vec<Observation>) -> Self {
        Self { scope: Scope::ChangedSince(at(0)), ..Self::everything(observations) }
    }

    /// The same objects, none of them sent.
    pub(crate) fn known(observations: &[Observation]) -> Self {
        let unchanged = observations.iter().map(Observation::key).collect();
        Self { unchanged, ..Self::everything(Vec::new()) }
    }

    pub(crate) fn pages(&self) -> Vec<Page> {
        let observations = self.observations.chunks(PAGE_ROWS_MAX).map(|chunk| (chunk, &[][..]));
        let unchanged = self.unchanged.chunks(PAGE_ROWS_MAX).map(|chunk| (&[][..], chunk));
        let pages =
            observations.chain(unchanged).zip(1..).map(|((observations, unchanged), number)| {
                let digests: Vec<_> = observations.iter().map(digest).collect();
                Page {
                    number,
                    observations: observations.to_vec(),
                    unchanged: unchanged.to_vec(),
                    digest: page_digest(&digests, unchanged),
                    finished: None,
                }
            });
        pages.collect()
    }

    pub(crate) fn last(&self) -> Commit {
        let digests: Vec<_> = self.pages().iter().map(|page| page.digest).collect();
        Commit {
            pages: digests.len() as u64,
            rows: (self.observations.len() + self.unchanged.len()) as u64,
            root: root_digest(&digests),
            completeness: Completeness {
                pipelines_completed: true,
                error_records: u32::from(!self.complete),
                newest_change_at: self.newest,
                domain_controller: self.controller.to_owned(),
                filtered_by_server: matches!(self.scope, Scope::ChangedSince(_)),
                ..Completeness::default()
            },
        }
    }

    pub(crate) async fn send(
        &self,
        store: &Store,
        now: Timestamp,
    ) -> Result<Committed, InventoryError> {
        let begin = begin(self.scope.clone());
        let mut snapshot = Inventory::new(store.clone()).begin(begin, at(0)).await?;
        for page in self.pages() {
            snapshot.page(page).await?;
        }
        snapshot.commit(self.last(), now).await
    }
}

pub(crate) fn begin(scope: Scope) -> Begin {
    Begin {
        id: SnapshotId::new(Uuid::now_v7()),
        run: RunId::new(Uuid::from_u128(8)),
        organization: contoso(),
        agent: AgentId::new(Uuid::from_u128(9)),
        generation: Generation::new(1),
        scope,
        domain_controller: String::new(),
    }
}

pub(crate) fn run(number: u128, mode: SyncMode, trigger: Trigger) -> Run {
    Run {
        id: RunId::new(Uuid::from_u128(number)),
        organization: contoso(),
        mode,
        trigger,
        requested_at: at(0),
        state: RunState::Pending,
        traceparent: "00-01-02-01".to_owned(),
    }
}

/// Makes `contoso` look fully synced.
pub(crate) async fn fully_synced(store: &Store) {
    let run = run(1000, SyncMode::Full, Trigger::Schedule);
    store.create_run(&run).await.unwrap();
    let state = RunState::Succeeded { at: at(1), tally: Tally::default() };
    assert!(store.set_run_state(run.id, &state).await.unwrap());
}

/// The question about the device with this number, of which no MDM knows.
pub(crate) fn case(number: u32, now: Timestamp) -> Case {
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
        now,
    }
}

pub(crate) fn decision(number: u32, access: Access) -> Decision {
    Decision {
        mailbox: mailbox(number).id,
        device_id: device(number).device_id,
        access,
        compliance: Compliance::Compliant,
        reasons: vec![Reason::Compliant],
        policy: "mail-access".to_owned(),
        trace: Vec::new(),
        bundle: BundleDigest::of(b"bundle"),
        look_again_at: None,
    }
}

/// A command that lets the device with this number into its mailbox.
pub(crate) fn allow(id: u128, number: u32) -> Command {
    Command {
        id: CommandId::new(Uuid::from_u128(id)),
        organization: contoso(),
        generation: Generation::new(1),
        revision: Revision::new(1),
        mailbox: mailbox(number).id,
        edit: ListEdit { allowed_add: vec![device(number).device_id], ..ListEdit::default() },
        valid_for: SignedDuration::from_secs(60).unsigned_abs(),
        traceparent: String::new(),
    }
}
