//! A company of people with one phone each, in the store and in record files: what a phone is follows
//! from its number.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, ensure};
use uuid::Uuid;

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

/// So many people.
pub(super) struct Company {
    pub(super) count: u32,
}

impl Company {
    /// Its organization.
    pub(super) fn organization() -> OrganizationId {
        "contoso".parse().expect("a good name")
    }

    /// Puts everything into a new store, as a full sync does.
    pub(super) async fn move_in(&self, path: &Path) -> anyhow::Result<()> {
        let store = Store::open(path).await?;
        let now = Clock::system().now();
        let id = Self::organization();
        let lease =
            Lease { holder: AgentId::new(Uuid::from_u128(1)), generation: Generation::new(1) };
        let organization = Organization {
            id: id.clone(),
            display_name: id.to_string(),
            mode: Mode::Observe,
            schedule: Schedule::default(),
        };
        let applied = AppliedPolicies {
            files: &[],
            policies: &[],
            bundle: None,
            organizations: &[(organization, None)],
            actor: "bench",
            now,
        };
        ensure!(store.put_documents(&applied).await?.is_none(), "no organization");
        ensure!(store.grant_lease(&id, None, &lease).await?, "no lease");
        let begin = Begin {
            id: SnapshotId::new(Uuid::now_v7()),
            run: RunId::new(Uuid::now_v7()),
            organization: id,
            agent: lease.holder,
            generation: lease.generation,
            scope: Scope::Everything,
            domain_controller: String::new(),
        };
        let mut snapshot = Inventory::new(store.clone()).begin(begin, now).await?;
        let mut pages = Vec::new();
        let step = PAGE_ROWS_MAX / 2;
        for first in (0..self.count).step_by(step) {
            let last = self.count.min(first + u32::try_from(step)?);
            let mut observations = Vec::with_capacity(PAGE_ROWS_MAX);
            for number in first..last {
                observations.push(Observation::Mailbox(mailbox(number)));
                observations.push(Observation::Device(device(number)?));
            }
            let digests: Vec<_> = observations.iter().map(digest).collect();
            let digest = page_digest(&digests, &[]);
            pages.push(digest);
            let number = pages.len() as u64;
            let unchanged = Vec::new();
            snapshot.page(Page { number, observations, unchanged, digest, finished: None }).await?;
        }
        let commit = Commit {
            pages: pages.len() as u64,
            rows: u64::from(self.count) * 2,
            root: root_digest(&pages),
            completeness: Completeness { pipelines_completed: true, ..Completeness::default() },
        };
        snapshot.commit(commit, now).await?;
        store.close().await;
        Ok(())
    }

    /// Writes what the directory and the MDM say: three phones in four are enrolled, one is too old.
    pub(super) fn write_records(&self, folder: &Path) -> anyhow::Result<()> {
        let (drafts, names) = (["users.draft", "devices.draft"], ["users.csv", "devices.csv"]);
        let create = |name| File::create(folder.join(name)).map(BufWriter::new);
        let [users, devices] = drafts.map(create);
        let (mut users, mut devices) = (users?, devices?);
        writeln!(users, "userPrincipalName,mail,groups,licensed")?;
        writeln!(
            devices,
            "id,userPrincipalName,easDeviceId,operatingSystem,osVersion,isEncrypted,jailBroken,\
             complianceState"
        )?;
        for number in 0..self.count {
            let user = address(number);
            writeln!(users, "{user},{user},Mail users,true")?;
            let (system, version) = match number % 4 {
                0 => ("iOS", "18.2"),
                1 => ("iOS", "15.1"),
                2 => ("android", "14"),
                _ => continue,
            };
            let id = device_id(number);
            writeln!(devices, "m{number},{user},{id},{system},{version},true,False,compliant")?;
        }
        users.flush()?;
        devices.flush()?;
        for (draft, name) in drafts.into_iter().zip(names) {
            fs::rename(folder.join(draft), folder.join(name))?;
        }
        Ok(())
    }
}

fn address(number: u32) -> String {
    format!("user{number}@contoso.com")
}

fn device_id(number: u32) -> String {
    format!("Bench{number:08}")
}

fn dn(number: u32) -> String {
    format!("CN=User {number},OU=People,DC=contoso,DC=com")
}

fn mailbox(number: u32) -> Mailbox {
    Mailbox {
        id: MailboxId::new(Uuid::from_u128((0xaaaa << 112) | u128::from(number))),
        dn: dn(number),
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

fn device(number: u32) -> anyhow::Result<EasDevice> {
    Ok(EasDevice {
        id: PartnershipId::new(Uuid::from_u128((0xbbbb << 112) | u128::from(number))),
        device_id: device_id(number).parse().context("a device id")?,
        mailbox_dn: dn(number),
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
    })
}
