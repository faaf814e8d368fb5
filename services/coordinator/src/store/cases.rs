//! Which questions are open: one per mailbox and device id, due at an instant. Whatever may change
//! an answer marks the case in the transaction of the change.

use std::collections::HashMap;

use jiff::Timestamp;
use sqlx::{Row as _, SqliteConnection};

use exgate_domain::case::Sibling;
use exgate_domain::ids::{DeviceId, MailboxId, OrganizationId, PartnershipId};
use exgate_domain::observation::{EasDevice, Mailbox};
use exgate_proto::convert::decode_statistics;

use super::columns::{Columns, count, folded, guid_list, id_list, list};
use super::{Store, StoreError, observed};

/// What a case, a decision and an intent are about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CaseKey {
    /// The mailbox.
    pub mailbox: MailboxId,
    /// The device, in any spelling.
    pub device_id: DeviceId,
}

/// A case and how often it had been marked when it was read: an answer to it does not take off a
/// mark that came later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    /// The case.
    pub key: CaseKey,
    /// The number of its last mark.
    pub mark: u64,
    /// Since when it is due.
    pub due_at: Timestamp,
}

/// What was observed about one case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseFacts {
    /// The mailbox.
    pub mailbox: Mailbox,
    /// The device; the partnership that changed last when the id has several.
    pub device: EasDevice,
    /// When it last synchronised with success, as far as its mailbox was asked.
    pub last_sync_at: Option<Timestamp>,
    /// The mailbox's other devices.
    pub siblings: Vec<Sibling>,
    /// Since when it has been found not compliant.
    pub noncompliant_since: Option<Timestamp>,
}

impl Store {
    /// Lists the organizations that have a case due now, or one that a sweep will find.
    pub async fn organizations_due(
        &self,
        now: Timestamp,
    ) -> Result<Vec<OrganizationId>, StoreError> {
        let rows = sqlx::query(
            "SELECT name AS organization FROM organizations
             WHERE EXISTS (SELECT 1 FROM cases WHERE cases.organization = name AND due_at <= ?1)
                OR EXISTS (SELECT 1 FROM sweeps WHERE sweeps.organization = name)
             ORDER BY name",
        )
        .bind(now.as_millisecond())
        .fetch_all(&self.read)
        .await?;
        rows.iter().map(Columns::organization).collect()
    }

    /// The instant at which the next case is due, past ones and those that a sweep will find included.
    pub async fn next_due_at(&self) -> Result<Option<Timestamp>, StoreError> {
        let row = sqlx::query(
            "SELECT MIN(first) AS first FROM (
                 SELECT (SELECT MIN(due_at) FROM cases
                         WHERE cases.organization = name AND due_at IS NOT NULL) AS first
                 FROM organizations
                 UNION ALL SELECT due_at FROM sweeps)",
        )
        .fetch_one(&self.read)
        .await?;
        row.instant_or_none("first")
    }

    /// Lists cases that are due, the longest waiting first; `after` is the last one of the page
    /// before. What a sweep has not reached yet is not among them.
    pub async fn due_cases(
        &self,
        organization: &OrganizationId,
        now: Timestamp,
        after: Option<&Marked>,
        limit: u32,
    ) -> Result<Vec<Marked>, StoreError> {
        let (since, mailbox, device_id) = match after {
            Some(Marked { key, due_at, .. }) => (
                due_at.as_millisecond(),
                key.mailbox.guid().as_bytes().to_vec(),
                key.device_id.folded(),
            ),
            None => (i64::MIN, Vec::new(), String::new()),
        };
        let rows = sqlx::query(
            "SELECT mailbox, device_id, mark, due_at FROM cases
             WHERE organization = ?1 AND due_at <= ?2 AND (due_at, mailbox, device_id) > (?4, ?5, ?6)
             ORDER BY due_at, mailbox, device_id LIMIT ?3",
        )
        .bind(organization.as_str())
        .bind(now.as_millisecond())
        .bind(limit)
        .bind(since)
        .bind(mailbox)
        .bind(device_id)
        .fetch_all(&self.read)
        .await?;
        let read = |row: &sqlx::sqlite::SqliteRow| {
            let mailbox = MailboxId::new(row.guid("mailbox")?);
            let key = CaseKey { mailbox, device_id: row.device_id("device_id")? };
            Ok(Marked { key, mark: row.number("mark")?, due_at: row.instant("due_at")? })
        };
        rows.iter().map(read).collect()
    }

    /// Takes cases off the list that cannot be put: their device or mailbox is gone. Being observed
    /// again marks them again.
    pub async fn settle_cases(
        &self,
        organization: &OrganizationId,
        gone: &[Marked],
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        for Marked { key, mark, .. } in gone {
            sqlx::query(
                "UPDATE cases SET due_at = NULL
                 WHERE organization = ?1 AND mailbox = ?2 AND device_id = ?3 AND mark = ?4",
            )
            .bind(organization.as_str())
            .bind(key.mailbox.guid().as_bytes().as_slice())
            .bind(key.device_id.folded())
            .bind(count(*mark))
            .execute(&mut *tx)
            .await?;
        }
        Ok(tx.commit().await?)
    }

    /// Gets what was observed about cases; those whose device or mailbox is gone have no entry.
    pub async fn case_facts(
        &self,
        organization: &OrganizationId,
        keys: &[CaseKey],
    ) -> Result<HashMap<CaseKey, CaseFacts>, StoreError> {
        let guids = guid_list(keys.iter().map(|key| key.mailbox.guid()));
        let mut tx = self.read.begin().await?;
        let mailboxes = mailboxes(&mut tx, organization, &guids).await?;
        let dns = list(mailboxes.iter().map(|mailbox| folded(&mailbox.dn)));
        let devices = devices_of(&mut tx, organization, &dns).await?;
        let synced = last_syncs(&mut tx, organization, &dns).await?;
        let since = noncompliant(&mut tx, organization, &guids).await?;
        drop(tx);

        let by_id: HashMap<_, _> = mailboxes.iter().map(|mailbox| (mailbox.id, mailbox)).collect();
        let facts = keys.iter().filter_map(|key| {
            let mailbox = by_id.get(&key.mailbox)?;
            let all = devices.get(&folded(&mailbox.dn))?;
            let (same, others): (Vec<_>, Vec<_>) =
                all.iter().partition(|device| device.device_id == key.device_id);
            let device = same.into_iter().max_by_key(|device| device.changed_at)?;
            let facts = CaseFacts {
                mailbox: (*mailbox).clone(),
                device: device.clone(),
                last_sync_at: synced.get(&device.id).copied(),
                siblings: others.into_iter().map(|other| sibling(other, &synced)).collect(),
                noncompliant_since: since.get(key).copied(),
            };
            Some((key.clone(), facts))
        });
        Ok(facts.collect())
    }
}

/// Gets mailboxes by a list of GUIDs.
pub(super) async fn mailboxes(
    connection: &mut SqliteConnection,
    organization: &OrganizationId,
    guids: &str,
) -> Result<Vec<Mailbox>, StoreError> {
    let rows = sqlx::query(
        "SELECT observation FROM observed
         WHERE organization = ?1 AND kind = 'Mailbox'
           AND guid IN (SELECT unhex(value) FROM json_each(?2))",
    )
    .bind(organization.as_str())
    .bind(guids)
    .fetch_all(connection)
    .await?;
    rows.iter().map(observed::mailbox).collect()
}

/// Gets the devices of mailboxes by a list of folded distinguished names, by id and GUID.
pub(super) async fn devices_of(
    connection: &mut SqliteConnection,
    organization: &OrganizationId,
    dns: &str,
) -> Result<HashMap<String, Vec<EasDevice>>, StoreError> {
    let rows = sqlx::query(
        "SELECT dn, observation FROM observed
         WHERE organization = ?1 AND kind = 'Device'
           AND dn IN (SELECT value FROM json_each(?2))
         ORDER BY device_id, guid",
    )
    .bind(organization.as_str())
    .bind(dns)
    .fetch_all(connection)
    .await?;
    let mut devices: HashMap<String, Vec<EasDevice>> = HashMap::new();
    for row in &rows {
        devices.entry(row.text("dn")?).or_default().push(observed::device(row)?);
    }
    Ok(devices)
}

async fn noncompliant(
    connection: &mut SqliteConnection,
    organization: &OrganizationId,
    guids: &str,
) -> Result<HashMap<CaseKey, Timestamp>, StoreError> {
    let rows = sqlx::query(
        "SELECT mailbox, device_id, noncompliant_since FROM cases
         WHERE organization = ?1 AND noncompliant_since IS NOT NULL
           AND mailbox IN (SELECT unhex(value) FROM json_each(?2))",
    )
    .bind(organization.as_str())
    .bind(guids)
    .fetch_all(connection)
    .await?;
    let read = |row: &sqlx::sqlite::SqliteRow| {
        let mailbox = MailboxId::new(row.guid("mailbox")?);
        let key = CaseKey { mailbox, device_id: row.device_id("device_id")? };
        Ok((key, row.instant("noncompliant_since")?))
    };
    rows.iter().map(read).collect()
}

/// Gets when devices last synchronised with success, by a list of folded distinguished names.
async fn last_syncs(
    connection: &mut SqliteConnection,
    organization: &OrganizationId,
    dns: &str,
) -> Result<HashMap<PartnershipId, Timestamp>, StoreError> {
    let rows = sqlx::query(
        "SELECT device.guid AS guid, statistics FROM observed AS device
         JOIN device_statistics ON device_statistics.device = device.id
         WHERE device.organization = ?1 AND device.kind = 'Device'
           AND device.dn IN (SELECT value FROM json_each(?2))",
    )
    .bind(organization.as_str())
    .bind(dns)
    .fetch_all(connection)
    .await?;
    let mut synced = HashMap::new();
    for row in &rows {
        let said = decode_statistics(row.try_get("statistics")?)
            .map_err(|error| StoreError::damaged("statistics", error))?;
        if let Some(at) = said.last_success_sync_at {
            synced.insert(PartnershipId::new(row.guid("guid")?), at);
        }
    }
    Ok(synced)
}

fn sibling(device: &EasDevice, synced: &HashMap<PartnershipId, Timestamp>) -> Sibling {
    Sibling {
        device_id: device.device_id.clone(),
        device_type: device.device_type.clone(),
        access_state: device.access_state.clone(),
        first_sync_at: device.first_sync_at,
        last_sync_at: synced.get(&device.id).copied(),
    }
}

/// Marks the cases of observed devices, by row; makes those that are not there.
pub(super) async fn mark_devices(
    tx: &mut SqliteConnection,
    organization: &OrganizationId,
    rows: &[i64],
    now: Timestamp,
) -> Result<(), StoreError> {
    let rows = id_list(rows);
    sqlx::query(
        "INSERT INTO cases (organization, mailbox, device_id, due_at)
         SELECT DISTINCT device.organization, mailbox.guid, device.device_id, ?3
         FROM json_each(?2) AS row
         CROSS JOIN observed AS device ON device.id = row.value AND device.kind = 'Device'
         CROSS JOIN observed AS mailbox ON mailbox.organization = ?1
             AND mailbox.kind = 'Mailbox' AND mailbox.dn = device.dn
         WHERE true
         ON CONFLICT (organization, mailbox, device_id) DO UPDATE SET
             due_at = MIN(COALESCE(due_at, excluded.due_at), excluded.due_at), mark = mark + 1",
    )
    .bind(organization.as_str())
    .bind(&rows)
    .bind(now.as_millisecond())
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "INSERT INTO intents (organization, mailbox)
         SELECT DISTINCT mailbox.organization, mailbox.guid
         FROM json_each(?2) AS row
         CROSS JOIN observed AS device ON device.id = row.value AND device.kind = 'Device'
         CROSS JOIN observed AS mailbox ON mailbox.organization = ?1
             AND mailbox.kind = 'Mailbox' AND mailbox.dn = device.dn
         WHERE true
         ON CONFLICT (organization, mailbox) DO UPDATE SET compare = compare + 1",
    )
    .bind(organization.as_str())
    .bind(&rows)
    .execute(tx)
    .await?;
    Ok(())
}

/// Marks the cases of all devices of observed mailboxes, by row; makes those that are not there.
pub(super) async fn mark_mailboxes(
    tx: &mut SqliteConnection,
    organization: &OrganizationId,
    rows: &[i64],
    now: Timestamp,
) -> Result<(), StoreError> {
    let rows = id_list(rows);
    sqlx::query(
        "INSERT INTO cases (organization, mailbox, device_id, due_at)
         SELECT DISTINCT device.organization, mailbox.guid, device.device_id, ?3
         FROM json_each(?2) AS row
         CROSS JOIN observed AS mailbox ON mailbox.id = row.value AND mailbox.kind = 'Mailbox'
         CROSS JOIN observed AS device ON device.organization = ?1
             AND device.kind = 'Device' AND device.dn = mailbox.dn
         WHERE true
         ON CONFLICT (organization, mailbox, device_id) DO UPDATE SET
             due_at = MIN(COALESCE(due_at, excluded.due_at), excluded.due_at), mark = mark + 1",
    )
    .bind(organization.as_str())
    .bind(&rows)
    .bind(now.as_millisecond())
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "INSERT INTO intents (organization, mailbox)
         SELECT mailbox.organization, mailbox.guid
         FROM json_each(?2) AS row
         CROSS JOIN observed AS mailbox ON mailbox.id = row.value AND mailbox.kind = 'Mailbox'
         WHERE EXISTS (
             SELECT 1 FROM observed AS device
             WHERE device.organization = ?1 AND device.kind = 'Device' AND device.dn = mailbox.dn)
         ON CONFLICT (organization, mailbox) DO UPDATE SET compare = compare + 1",
    )
    .bind(organization.as_str())
    .bind(&rows)
    .execute(tx)
    .await?;
    Ok(())
}

/// Marks the cases of devices by folded id and of people by folded address.
pub(super) async fn mark_by(
    tx: &mut SqliteConnection,
    device_ids: impl Iterator<Item = String>,
    addresses: impl Iterator<Item = String>,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE cases SET due_at = MIN(COALESCE(due_at, ?2), ?2), mark = mark + 1
         WHERE device_id IN (SELECT value FROM json_each(?1))",
    )
    .bind(list(device_ids))
    .bind(now.as_millisecond())
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "UPDATE cases SET due_at = MIN(COALESCE(due_at, ?2), ?2), mark = mark + 1
         WHERE (organization, mailbox) IN (
             SELECT organization, guid FROM observed
             WHERE kind = 'Mailbox' AND primary_smtp IN (SELECT value FROM json_each(?1)))",
    )
    .bind(list(addresses))
    .bind(now.as_millisecond())
    .execute(tx)
    .await?;
    Ok(())
}
