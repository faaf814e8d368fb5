//! What is intended for each mailbox and how far it is carried out. Whatever may make a difference
//! marks the mailbox; who compares takes off the mark that it saw, so none is lost.

use std::collections::HashMap;

use jiff::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use exgate_domain::decision::{Compliance, Reason};
use exgate_domain::ids::{DecisionId, DeviceId, MailboxId, OrganizationId, Revision};
use exgate_domain::observation::{EasDevice, Mailbox};
use exgate_domain::policy::Access;

use super::cases::{CaseKey, devices_of, mailboxes};
use super::columns::{Columns, count, folded, guid_list, list, named, part_reasons};
use super::commands::{self, StoredCommand};
use super::{Store, StoreError};

/// What the last answer says about one device of one mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// The decision it comes from.
    pub decision: DecisionId,
    /// What should be.
    pub access: Access,
    /// Whether the device is compliant.
    pub compliance: Compliance,
    /// Why, the weightiest first.
    pub reasons: Vec<Reason>,
    /// Since when that is decided, by whichever policies.
    pub decided_at: Timestamp,
}

/// One of a mailbox's two lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ListName {
    /// Ids that are let in.
    Allowed,
    /// Ids that are kept out.
    Blocked,
}

named!(ListName, "list", Allowed, Blocked);

/// An entry that exgate put on a list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OwnedEntry {
    /// The list.
    pub list: ListName,
    /// The id on it.
    pub device_id: DeviceId,
}

/// A device and what is intended for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceView {
    /// As it was observed.
    pub device: EasDevice,
    /// The intent, once it was decided.
    pub intent: Option<Intent>,
}

/// All about one mailbox that intent and observed are compared by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailboxView {
    /// As it was observed.
    pub mailbox: Mailbox,
    /// Its devices, by id.
    pub devices: Vec<DeviceView>,
    /// The number of its intent.
    pub revision: Revision,
    /// How often it was marked since it was last compared.
    pub mark: u64,
    /// How many attempts to change it were refused in a row.
    pub attempts: u32,
    /// When the next attempt may be made.
    pub next_try_at: Option<Timestamp>,
    /// The command that is queued, lent or of unknown outcome.
    pub open: Option<StoredCommand>,
    /// What exgate put on its lists.
    pub owned: Vec<OwnedEntry>,
}

/// What came of comparing one mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compared {
    /// The mailbox.
    pub mailbox: MailboxId,
    /// The mark of the view that was compared.
    pub mark: u64,
    /// Devices to be let in.
    pub allow: u32,
    /// Devices to be held.
    pub quarantine: u32,
    /// Devices to be kept out.
    pub block: u32,
}

/// Changes that intent asks for and Exchange does not show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pending {
    /// Devices to be let in.
    pub allow: u64,
    /// Devices to be held.
    pub quarantine: u64,
    /// Devices to be kept out.
    pub block: u64,
    /// Mailboxes to change.
    pub mailboxes: u64,
    /// Commands handed out and not answered.
    pub in_flight: u64,
    /// Commands whose outcome nobody knows yet.
    pub unknown: u64,
}

impl Store {
    /// Lists mailboxes that are marked for comparison.
    pub async fn mailboxes_to_compare(
        &self,
        organization: &OrganizationId,
        limit: u32,
    ) -> Result<Vec<MailboxView>, StoreError> {
        loop {
            let rows = sqlx::query(
                "SELECT mailbox FROM intents WHERE organization = ?1 AND compare > 0 LIMIT ?2",
            )
            .bind(organization.as_str())
            .bind(limit)
            .fetch_all(&self.read)
            .await?;
            let guids = ids(&rows)?;
            let views = self.views(organization, &guids).await?;
            let is_any_gone = views.len() < guids.len();
            if is_any_gone {
                let gone = guids.into_iter();
                let gone = gone.filter(|id| !views.iter().any(|it| it.mailbox.id == *id));
                self.forget_intents(organization, guid_list(gone.map(MailboxId::guid))).await?;
            }
            // Where all of them are gone, others may be marked.
            if !views.is_empty() || !is_any_gone {
                return Ok(views);
            }
        }
    }

    /// Lists mailboxes that need a change, have no open command and may be tried now; those that
    /// let a device in come first.
    pub async fn mailboxes_to_change(
        &self,
        organization: &OrganizationId,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<MailboxView>, StoreError> {
        let rows = sqlx::query(
            "SELECT mailbox FROM intents
             WHERE organization = ?1 AND pending_allow + pending_quarantine + pending_block > 0
               AND (next_try_at IS NULL OR next_try_at <= ?2)
               AND NOT EXISTS (
                   SELECT 1 FROM commands
                   WHERE commands.organization = intents.organization
                     AND commands.mailbox = intents.mailbox
                     AND state IN ('Queued', 'Lent', 'Unknown'))
             ORDER BY pending_allow = 0, mailbox LIMIT ?3",
        )
        .bind(organization.as_str())
        .bind(now.as_millisecond())
        .bind(limit)
        .fetch_all(&self.read)
        .await?;
        self.views(organization, &ids(&rows)?).await
    }

    /// Lists mailboxes that differ from what is intended, whether or not they may be tried now.
    pub async fn pending_mailboxes(
        &self,
        organization: &OrganizationId,
        limit: u32,
    ) -> Result<Vec<MailboxView>, StoreError> {
        let rows = sqlx::query(
            "SELECT mailbox FROM intents
             WHERE organization = ?1 AND pending_allow + pending_quarantine + pending_block > 0
             ORDER BY mailbox LIMIT ?2",
        )
        .bind(organization.as_str())
        .bind(limit)
        .fetch_all(&self.read)
        .await?;
        self.views(organization, &ids(&rows)?).await
    }

    /// The first instant after `now` at which a mailbox may be tried again.
    pub async fn next_try_at(
        &self,
        organization: &OrganizationId,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let row = sqlx::query(
            "SELECT MIN(next_try_at) AS first FROM intents
             WHERE organization = ?1 AND next_try_at > ?2",
        )
        .bind(organization.as_str())
        .bind(now.as_millisecond())
        .fetch_one(&self.read)
        .await?;
        row.instant_or_none("first")
    }

    /// Gets one mailbox.
    pub async fn mailbox_view(
        &self,
        organization: &OrganizationId,
        mailbox: MailboxId,
    ) -> Result<Option<MailboxView>, StoreError> {
        Ok(self.views(organization, &[mailbox]).await?.pop())
    }

    /// Gets some mailboxes; those that are not observed are left out.
    pub async fn mailbox_views(
        &self,
        organization: &OrganizationId,
        mailboxes: &[MailboxId],
    ) -> Result<Vec<MailboxView>, StoreError> {
        self.views(organization, mailboxes).await
    }

    /// Notes what mailboxes need, and takes off the marks that were seen.
    pub async fn put_compared(
        &self,
        organization: &OrganizationId,
        compared: &[Compared],
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        for one in compared {
            sqlx::query(
                "UPDATE intents SET
                     compare = CASE WHEN compare = ?3 THEN 0 ELSE compare END,
                     pending_allow = ?4, pending_quarantine = ?5, pending_block = ?6
                 WHERE organization = ?1 AND mailbox = ?2",
            )
            .bind(organization.as_str())
            .bind(one.mailbox.guid().as_bytes().as_slice())
            .bind(count(one.mark))
            .bind(one.allow)
            .bind(one.quarantine)
            .bind(one.block)
            .execute(&mut *tx)
            .await?;
        }
        Ok(tx.commit().await?)
    }

    /// Has every mailbox of one or of all organizations compared again.
    pub async fn mark_all_for_comparison(
        &self,
        organization: Option<&OrganizationId>,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        mark_all(&mut tx, organization).await?;
        Ok(tx.commit().await?)
    }

    /// Counts what intent asks for and Exchange does not show.
    pub async fn pending(&self, organization: &OrganizationId) -> Result<Pending, StoreError> {
        let row = sqlx::query(
            "SELECT COALESCE(SUM(pending_allow), 0) AS allow,
                    COALESCE(SUM(pending_quarantine), 0) AS quarantine,
                    COALESCE(SUM(pending_block), 0) AS block,
                    COUNT(*) AS mailboxes,
                    (SELECT COUNT(*) FROM commands
                     WHERE organization = ?1 AND state = 'Lent') AS in_flight,
                    (SELECT COUNT(*) FROM commands
                     WHERE organization = ?1 AND state = 'Unknown') AS unknown
             FROM intents
             WHERE organization = ?1 AND pending_allow + pending_quarantine + pending_block > 0",
        )
        .bind(organization.as_str())
        .fetch_one(&self.read)
        .await?;
        Ok(Pending {
            allow: row.number("allow")?,
            quarantine: row.number("quarantine")?,
            block: row.number("block")?,
            mailboxes: row.number("mailboxes")?,
            in_flight: row.number("in_flight")?,
            unknown: row.number("unknown")?,
        })
    }

    /// Views of mailboxes in the order asked for; those that are not observed are left out.
    async fn views(
        &self,
        organization: &OrganizationId,
        wanted: &[MailboxId],
    ) -> Result<Vec<MailboxView>, StoreError> {
        let guids = guid_list(wanted.iter().map(|id| id.guid()));
        let mut tx = self.read.begin().await?;
        let observed = mailboxes(&mut tx, organization, &guids).await?;
        let dns = list(observed.iter().map(|mailbox| folded(&mailbox.dn)));
        let devices = devices_of(&mut tx, organization, &dns).await?;
        let mut intents = intents(&mut tx, organization, &guids).await?;
        let progress = progress(&mut tx, organization, &guids).await?;
        let mut open = commands::open_by_mailbox(&mut tx, organization, &guids).await?;
        let mut owned = owned(&mut tx, organization, &guids).await?;
        drop(tx);

        let mut observed: HashMap<_, _> = observed.into_iter().map(|it| (it.id, it)).collect();
        let views = wanted.iter().filter_map(|id| {
            let mailbox = observed.remove(id)?;
            let devices = devices.get(&folded(&mailbox.dn)).cloned().unwrap_or_default();
            let devices = devices.into_iter().map(|device| {
                let key = CaseKey { mailbox: *id, device_id: device.device_id.clone() };
                // Two partnerships may share an id, and then they share its intent.
                let intent = intents.get_mut(&key).cloned();
                DeviceView { device, intent }
            });
            let progress = progress.get(id).copied().unwrap_or_default();
            Some(MailboxView {
                devices: devices.collect(),
                mailbox,
                revision: progress.revision,
                mark: progress.mark,
                attempts: progress.attempts,
                next_try_at: progress.next_try_at,
                open: open.remove(id),
                owned: owned.remove(id).unwrap_or_default(),
            })
        });
        Ok(views.collect())
    }

    /// Nothing is pending for mailboxes that are not observed any more.
    async fn forget_intents(
        &self,
        organization: &OrganizationId,
        guids: String,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE intents SET compare = 0, next_try_at = NULL,
                 pending_allow = 0, pending_quarantine = 0, pending_block = 0
             WHERE organization = ?1 AND mailbox IN (SELECT unhex(value) FROM json_each(?2))",
        )
        .bind(organization.as_str())
        .bind(guids)
        .execute(&self.write)
        .await?;
        Ok(())
    }
}

/// Marks every mailbox of one or of all organizations.
pub(super) async fn mark_all(
    tx: &mut SqliteConnection,
    organization: Option<&OrganizationId>,
) -> Result<(), StoreError> {
    // Two statements, so that one organization's is found by the index.
    let marked = match organization {
        Some(organization) => {
            sqlx::query("UPDATE intents SET compare = compare + 1 WHERE organization = ?1")
                .bind(organization.as_str())
        }
        None => sqlx::query("UPDATE intents SET compare = compare + 1"),
    };
    marked.execute(tx).await?;
    Ok(())
}

/// Marks one mailbox.
pub(super) async fn mark(
    tx: &mut SqliteConnection,
    organization: &OrganizationId,
    mailbox: MailboxId,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE intents SET compare = compare + 1 WHERE organization = ?1 AND mailbox = ?2",
    )
    .bind(organization.as_str())
    .bind(mailbox.guid().as_bytes().as_slice())
    .execute(tx)
    .await?;
    Ok(())
}

/// Reads an intent from the columns of a case; none when it was never decided.
pub(super) fn intent(row: &SqliteRow) -> Result<Option<Intent>, StoreError> {
    let Some(decision) = row.guid_or_none("decision")? else { return Ok(None) };
    Ok(Some(Intent {
        decision: DecisionId::new(decision),
        access: row.variant("access")?,
        compliance: row.variant("compliance")?,
        reasons: part_reasons(row.try_get("reasons")?)?,
        decided_at: row.instant("decided_at")?,
    }))
}

#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    revision: Revision,
    mark: u64,
    attempts: u32,
    next_try_at: Option<Timestamp>,
}

async fn progress(
    connection: &mut SqliteConnection,
    organization: &OrganizationId,
    guids: &str,
) -> Result<HashMap<MailboxId, Progress>, StoreError> {
    let rows = sqlx::query(
        "SELECT mailbox, revision, compare, attempts, next_try_at FROM intents
         WHERE organization = ?1 AND mailbox IN (SELECT unhex(value) FROM json_each(?2))",
    )
    .bind(organization.as_str())
    .bind(guids)
    .fetch_all(connection)
    .await?;
    let read = |row: &SqliteRow| {
        let progress = Progress {
            revision: Revision::new(row.number("revision")?),
            mark: row.number("compare")?,
            attempts: row.try_get("attempts")?,
            next_try_at: row.instant_or_none("next_try_at")?,
        };
        Ok((MailboxId::new(row.guid("mailbox")?), progress))
    };
    rows.iter().map(read).collect()
}

async fn intents(
    connection: &mut SqliteConnection,
    organization: &OrganizationId,
    guids: &str,
) -> Result<HashMap<CaseKey, Intent>, StoreError> {
    let rows = sqlx::query(
        "SELECT mailbox, device_id, decision, access, compliance, reasons, decided_at FROM cases
         WHERE organization = ?1 AND decision IS NOT NULL
           AND mailbox IN (SELECT unhex(value) FROM json_each(?2))",
    )
    .bind(organization.as_str())
    .bind(guids)
    .fetch_all(connection)
    .await?;
    let mut intents = HashMap::with_capacity(rows.len());
    for row in &rows {
        let mailbox = MailboxId::new(row.guid("mailbox")?);
        let key = CaseKey { mailbox, device_id: row.device_id("device_id")? };
        intents.extend(intent(row)?.map(|intent| (key, intent)));
    }
    Ok(intents)
}

async fn owned(
    connection: &mut SqliteConnection,
    organization: &OrganizationId,
    guids: &str,
) -> Result<HashMap<MailboxId, Vec<OwnedEntry>>, StoreError> {
    let rows = sqlx::query(
        "SELECT mailbox, list, device_id FROM owned_entries
         WHERE organization = ?1 AND mailbox IN (SELECT unhex(value) FROM json_each(?2))",
    )
    .bind(organization.as_str())
    .bind(guids)
    .fetch_all(connection)
    .await?;
    let mut owned: HashMap<MailboxId, Vec<OwnedEntry>> = HashMap::new();
    for row in &rows {
        let entry =
            OwnedEntry { list: row.variant("list")?, device_id: row.device_id("device_id")? };
        owned.entry(MailboxId::new(row.guid("mailbox")?)).or_default().push(entry);
    }
    Ok(owned)
}

fn ids(rows: &[SqliteRow]) -> Result<Vec<MailboxId>, StoreError> {
    rows.iter().map(|row| Ok(MailboxId::new(row.guid("mailbox")?))).collect()
}
