//! Observed devices as operators ask for them: by organization, state, id and mailbox.

use jiff::Timestamp;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use exgate_domain::case::MailboxFacts;
use exgate_domain::ids::{DeviceId, OrganizationId};
use exgate_domain::observation::{AccessState, EasDevice, Observation};
use exgate_proto::convert::decode_observation;

use super::columns::{Columns, folded, list, state_name};
use super::{Intent, Store, StoreError, StoredStatistics, intents, observed, statistics};

/// Which devices to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeviceFilter {
    /// Only those of this organization; those of all when none is named.
    pub organization: Option<OrganizationId>,
    /// Only those in one of these states; those in any when empty.
    pub states: Vec<AccessState>,
    /// Only those with this ActiveSync id.
    pub device_id: Option<DeviceId>,
    /// Only those of the mailbox with this primary SMTP address.
    pub primary_smtp: Option<String>,
}

/// A device, its mailbox and what is intended for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDevice {
    /// Its row: where the next page goes on.
    pub row: i64,
    /// Whose Exchange.
    pub organization: OrganizationId,
    /// As it was observed.
    pub device: EasDevice,
    /// Its mailbox, once that was seen.
    pub mailbox: Option<MailboxFacts>,
    /// What is intended for it, once that was decided.
    pub intent: Option<Intent>,
    /// What its mailbox knows of it, once that was asked.
    pub statistics: Option<StoredStatistics>,
    /// When Exchange last showed it.
    pub seen_at: Timestamp,
    /// When it was last different.
    pub changed_at: Timestamp,
}

/// How many devices are in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeviceTally {
    /// All of them.
    pub known: u64,
    /// Full synchronisation.
    pub allowed: u64,
    /// Refused.
    pub blocked: u64,
    /// Held.
    pub quarantined: u64,
    /// First contact.
    pub discovery: u64,
    /// Anything else.
    pub other: u64,
}

/// The most devices read at once while one is looked for.
const PAGE_ROWS_MAX: u32 = 100;

macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT device.id, device.organization, device.observation, device.seen_at,
                    device.changed_at, device.missed_full, mailbox.observation AS mailbox,
                    cases.decision, cases.access, cases.compliance, cases.reasons, cases.decided_at,
                    inventories.full_seen_at, device_statistics.statistics,
                    last.asked_at AS statistics_at, last.failure AS statistics_failure
             FROM observed AS device
             LEFT JOIN observed AS mailbox ON mailbox.organization = device.organization
                 AND mailbox.kind = 'Mailbox' AND mailbox.dn = device.dn
             LEFT JOIN cases ON cases.organization = device.organization
                 AND cases.mailbox = mailbox.guid AND cases.device_id = device.device_id
             LEFT JOIN inventories ON inventories.organization = device.organization
             LEFT JOIN device_statistics ON device_statistics.device = device.id
             LEFT JOIN statistics_reads AS last ON last.mailbox = mailbox.id
             WHERE device.kind = 'Device' AND device.id > ?1
               AND (?2 IS NULL OR device.access_state IN (SELECT value FROM json_each(?2))) AND ",
            $condition,
            " ORDER BY device.id LIMIT ?3"
        )
    };
}

impl Store {
    /// Lists devices in the order in which they were first seen; `after` is the row of the last one
    /// of the page before.
    pub async fn devices(
        &self,
        filter: &DeviceFilter,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<StoredDevice>, StoreError> {
        let DeviceFilter { organization, states, device_id, primary_smtp } = filter;
        let states = (!states.is_empty())
            .then(|| list(states.iter().map(|state| state_name(state).to_owned())));
        let device_id = device_id.as_ref().map(DeviceId::folded);
        let primary_smtp = primary_smtp.as_deref().map(folded);
        // Each question goes by the index that narrows most.
        let sql = match (organization, &device_id, &primary_smtp) {
            (_, Some(_), _) => select!(
                "device.device_id = ?5 AND (?4 IS NULL OR device.organization = ?4)
                 AND (?6 IS NULL OR mailbox.primary_smtp = ?6)"
            ),
            (_, None, Some(_)) => select!(
                "(device.organization, device.kind, device.dn) IN (
                     SELECT owner.organization, 'Device', owner.dn FROM observed AS owner
                     WHERE owner.primary_smtp = ?6)
                 AND (?4 IS NULL OR device.organization = ?4) AND ?5 IS NULL"
            ),
            (Some(_), None, None) => {
                select!("device.organization = ?4 AND ?5 IS NULL AND ?6 IS NULL")
            }
            (None, None, None) => select!("?4 IS NULL AND ?5 IS NULL AND ?6 IS NULL"),
        };
        let rows = sqlx::query(sql)
            .bind(after.unwrap_or(0))
            .bind(states)
            .bind(limit)
            .bind(organization.as_ref().map(OrganizationId::as_str))
            .bind(device_id)
            .bind(primary_smtp)
            .fetch_all(&self.read)
            .await?;
        rows.iter().map(read).collect()
    }

    /// Gets the device with this id in the mailbox whose GUID starts with these hexadecimal digits;
    /// the one seen first, when the digits do not tell.
    pub async fn device(
        &self,
        organization: &OrganizationId,
        device_id: &DeviceId,
        mailbox_prefix: &str,
    ) -> Result<Option<StoredDevice>, StoreError> {
        let filter = DeviceFilter {
            organization: Some(organization.clone()),
            device_id: Some(device_id.clone()),
            ..DeviceFilter::default()
        };
        let prefix = mailbox_prefix.to_ascii_lowercase();
        let fits = |found: &StoredDevice| match &found.mailbox {
            Some(mailbox) => mailbox.id.guid().simple().to_string().starts_with(&prefix),
            None => prefix.is_empty(),
        };
        let mut after = None;
        loop {
            let page = self.devices(&filter, after, PAGE_ROWS_MAX).await?;
            let Some(last) = page.last() else { return Ok(None) };
            after = Some(last.row);
            if let Some(found) = page.into_iter().find(fits) {
                return Ok(Some(found));
            }
        }
    }

    /// Counts an organization's devices by what Exchange lets them do.
    pub async fn device_tally(
        &self,
        organization: &OrganizationId,
    ) -> Result<DeviceTally, StoreError> {
        let rows = sqlx::query(
            "SELECT access_state, COUNT(*) AS devices FROM observed
             WHERE organization = ?1 AND access_state IS NOT NULL GROUP BY access_state",
        )
        .bind(organization.as_str())
        .fetch_all(&self.read)
        .await?;
        let mut tally = DeviceTally::default();
        for row in &rows {
            let devices = row.number("devices")?;
            tally.known += devices;
            match row.try_get("access_state")? {
                "Allowed" => tally.allowed += devices,
                "Blocked" => tally.blocked += devices,
                "Quarantined" => tally.quarantined += devices,
                "DeviceDiscovery" => tally.discovery += devices,
                _ => tally.other += devices,
            }
        }
        Ok(tally)
    }
}

fn read(row: &SqliteRow) -> Result<StoredDevice, StoreError> {
    let mailbox: Option<&[u8]> = row.try_get("mailbox")?;
    let mailbox = mailbox.map(decode_observation).transpose();
    let mailbox = match mailbox.map_err(|error| StoreError::damaged("observation", error))? {
        Some(Observation::Mailbox(mailbox)) => Some(MailboxFacts {
            id: mailbox.id,
            primary_smtp: mailbox.primary_smtp,
            display_name: mailbox.display_name,
        }),
        Some(other) => return Err(StoreError::damaged("mailbox", format!("{:?}", other.key()))),
        None => None,
    };
    let written = row.instant("seen_at")?;
    // A complete look at everything saw each device that it did not miss, and wrote none of them.
    let whole = row.instant_or_none("full_seen_at")?;
    let missed: i64 = row.try_get("missed_full")?;
    let seen_at = whole.filter(|_| missed == 0).map_or(written, |whole| whole.max(written));
    Ok(StoredDevice {
        row: row.try_get("id")?,
        organization: row.organization()?,
        device: observed::device(row)?,
        mailbox,
        intent: intents::intent(row)?,
        statistics: statistics::statistics(row)?,
        seen_at,
        changed_at: row.instant("changed_at")?,
    })
}
