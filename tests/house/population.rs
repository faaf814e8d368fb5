//! A company larger than any Exchange here can be asked about: put into the coordinator's store as an
//! agent's full sync would have put it, with records of its own. Each mailbox has one device; what a
//! device is follows from its number.

use std::fmt::Write as _;
use std::path::Path;

use exgate_coordinator::inventory::Inventory;
use exgate_coordinator::store::{AppliedPolicies, Store};
use exgate_domain::ids::{
    AgentId, Generation, MailboxId, OrganizationId, PartnershipId, RunId, SnapshotId,
};
use exgate_domain::lease::Lease;
use exgate_domain::observation::{
    AccessReason, AccessState, EasDevice, Mailbox, Observation, Scope,
};
use exgate_domain::organization::{Mode, Organization, Schedule};
use exgate_domain::snapshot::{Begin, Commit, PAGE_ROWS_MAX, Page};
use exgate_domain::sync::Completeness;
use exgate_proto::convert::{digest, page_digest, root_digest};
use exgate_runtime::clock::Clock;
use uuid::Uuid;

use crate::records::{GROUP, replace};

/// One device in so many belongs to somebody whom the directory does not know.
const STRANGERS_EVERY: u32 = 10;

/// So many people with one phone each.
#[derive(Debug, Clone)]
pub struct Population {
    /// Their organization.
    pub organization: OrganizationId,
    /// How many.
    pub count: u32,
}

impl Population {
    /// Puts them into the store in `path`, which no coordinator has open.
    ///
    /// # Panics
    /// When the store does not take them.
    pub async fn move_in(&self, path: &Path) {
        let store = Store::open(path).await.expect("a store");
        let now = Clock::system().now();
        let organization = Organization {
            id: self.organization.clone(),
            display_name: self.organization.to_string(),
            mode: Mode::Observe,
            schedule: Schedule::default(),
        };
        let applied = AppliedPolicies {
            files: &[],
            policies: &[],
            removed: &[],
            bundle: None,
            organizations: &[(organization, None)],
            actor: "population",
            now,
        };
        assert_eq!(store.put_documents(&applied).await.expect("an organization"), None);
        let lease =
            Lease { holder: AgentId::new(Uuid::from_u128(1)), generation: Generation::new(1) };
        assert!(store.grant_lease(&self.organization, None, &lease).await.expect("a lease"));

        let begin = Begin {
            id: SnapshotId::new(Uuid::now_v7()),
            run: RunId::new(Uuid::now_v7()),
            organization: self.organization.clone(),
            agent: lease.holder,
            generation: lease.generation,
            scope: Scope::Everything,
            domain_controller: String::new(),
        };
        let mut snapshot = Inventory::new(store.clone()).begin(begin, now).await.expect("a begin");
        let mut pages = Vec::new();
        let per_page = u32::try_from(PAGE_ROWS_MAX / 2).expect("a number");
        for first in (0..self.count).step_by(per_page as usize) {
            let last = self.count.min(first + per_page);
            let of = |number| {
                [Observation::Mailbox(mailbox(number)), Observation::Device(device(number))]
            };
            let observations: Vec<_> = (first..last).flat_map(of).collect();
            let digests: Vec<_> = observations.iter().map(digest).collect();
            let page_digest = page_digest(&digests, &[]);
            pages.push(page_digest);
            let page = Page {
                number: pages.len() as u64,
                observations,
                unchanged: Vec::new(),
                digest: page_digest,
                finished: None,
            };
            snapshot.page(page).await.expect("a page");
        }
        let commit = Commit {
            pages: pages.len() as u64,
            rows: u64::from(self.count) * 2,
            root: root_digest(&pages),
            completeness: Completeness { pipelines_completed: true, ..Completeness::default() },
        };
        let committed = snapshot.commit(commit, now).await.expect("a commit");
        assert_eq!(committed.rows_changed, u64::from(self.count) * 2);
        store.close().await;
    }

    /// Writes what the directory and the MDM say of them: a phone in two is good, one in four is too
    /// old, the rest are not enrolled.
    pub fn write_records(&self, folder: &Path) {
        let mut users = String::from("userPrincipalName,mail,displayName,groups,licensed\n");
        let mut devices = String::from(
            "id,userPrincipalName,easDeviceId,operatingSystem,osVersion,isEncrypted,jailBroken,\
             complianceState\n",
        );
        for number in (0..self.count).filter(|number| number % STRANGERS_EVERY != 0) {
            let user = address(number);
            writeln!(users, "{user},{user},User {number},{GROUP},true").expect("a text");
            let (system, version) = match number % 4 {
                0 => ("iOS", "18.2"),
                1 => ("iOS", "15.1"),
                2 => ("android", "14"),
                _ => continue,
            };
            writeln!(
                devices,
                "mdm-{number},{user},{},{system},{version},true,False,compliant",
                device_id(number)
            )
            .expect("a text");
        }
        for other in ["users.json", "devices.json"] {
            drop(std::fs::remove_file(folder.join(other)));
        }
        replace(&folder.join("users.csv"), &users);
        replace(&folder.join("devices.csv"), &devices);
    }
}

fn address(number: u32) -> String {
    format!("user{number}@contoso.com")
}

fn device_id(number: u32) -> String {
    format!("Pop{number:08}")
}

fn mailbox(number: u32) -> Mailbox {
    Mailbox {
        id: MailboxId::new(Uuid::from_u128((0xaaaa << 112) | u128::from(number))),
        dn: format!("CN=User {number},OU=People,DC=contoso,DC=com"),
        display_name: format!("User {number}"),
        primary_smtp: address(number),
        sam_account: format!("user{number}"),
        active_sync_enabled: true,
        policy: "Default".to_owned(),
        allowed_ids: Vec::new(),
        blocked_ids: Vec::new(),
        changed_at: None,
    }
}

fn device(number: u32) -> EasDevice {
    EasDevice {
        id: PartnershipId::new(Uuid::from_u128((0xbbbb << 112) | u128::from(number))),
        device_id: device_id(number).parse().expect("a device id"),
        mailbox_dn: format!("CN=User {number},OU=People,DC=contoso,DC=com"),
        access_state: AccessState::Quarantined,
        access_reason: AccessReason::Global,
        access_rule: String::new(),
        device_type: "iPhone".to_owned(),
        device_model: "iPhone15C2".to_owned(),
        device_os: "iOS 18.2".to_owned(),
        user_agent: "Apple-iPhone15C2/2202.152".to_owned(),
        friendly_name: String::new(),
        imei: String::new(),
        phone_number: String::new(),
        client_type: "EAS".to_owned(),
        protocol_version: "16.1".to_owned(),
        first_sync_at: None,
        changed_at: None,
    }
}
