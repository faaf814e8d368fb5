//! What mailboxes said of their devices, beside what is observed of them: a fact with an age. Where a
//! mailbox could not say, what it said before is forgotten.

use jiff::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite};
use uuid::Uuid;

use exgate_domain::ids::{MailboxId, OrganizationId};
use exgate_domain::statistics::DeviceStatistics;
use exgate_proto::convert::{decode_statistics, encode_statistics};

use super::columns::{Columns, id_list};
use super::written::Tally;
use super::{ROWS_PER_STATEMENT_MAX, RowKind, Store, StoreError};

/// What is known of one device since its mailbox was last asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredStatistics {
    /// When it was asked.
    pub asked_at: Timestamp,
    /// What it said; none when it did not know the device, or could not say.
    pub said: Option<DeviceStatistics>,
    /// Why it could not say, in one line; empty when it could.
    pub failure: String,
}

/// Which mailboxes are due to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Overdue {
    /// Those asked by then.
    pub(crate) asked_by: Timestamp,
    /// Those asked by then that could not say.
    pub(crate) failed_by: Timestamp,
}

impl Store {
    /// Lists mailboxes with devices whose statistics are older than asked for, or that have a device that
    /// was different since: with their rows, from the one after `after` on.
    pub(crate) async fn statistics_due(
        &self,
        organization: &OrganizationId,
        overdue: Overdue,
        after: i64,
        limit: u32,
    ) -> Result<Vec<(i64, MailboxId)>, StoreError> {
        let rows = sqlx::query(
            "SELECT mailbox.id, mailbox.guid FROM observed AS mailbox
             LEFT JOIN statistics_reads AS last ON last.mailbox = mailbox.id
             WHERE mailbox.organization = ?1 AND mailbox.kind = 'Mailbox' AND mailbox.id > ?2
               AND EXISTS (
                   SELECT 1 FROM observed AS device
                   WHERE device.organization = ?1 AND device.kind = 'Device'
                     AND device.dn = mailbox.dn
                     AND CASE
                         WHEN last.mailbox IS NULL THEN TRUE
                         WHEN last.failure != '' THEN last.asked_at <= ?4
                         ELSE last.asked_at <= ?3 OR device.changed_at > last.asked_at END)
             ORDER BY mailbox.id LIMIT ?5",
        )
        .bind(organization.as_str())
        .bind(after)
        .bind(overdue.asked_by.as_millisecond())
        .bind(overdue.failed_by.as_millisecond())
        .bind(limit)
        .fetch_all(&self.read)
        .await?;
        let read = |row: &SqliteRow| Ok((row.try_get("id")?, MailboxId::new(row.guid("guid")?)));
        rows.iter().map(read).collect()
    }

    /// Puts what a mailbox said of its devices, or why it could not, in the place of what it said before.
    pub(crate) async fn put_statistics(
        &self,
        organization: &OrganizationId,
        mailbox: MailboxId,
        said: Result<Vec<DeviceStatistics>, String>,
        asked_at: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let found = sqlx::query(
            "SELECT id, dn FROM observed
             WHERE organization = ?1 AND kind = 'Mailbox' AND guid = ?2",
        )
        .bind(organization.as_str())
        .bind(mailbox.guid().as_bytes().as_slice())
        .fetch_optional(&mut *tx)
        .await?;
        // It may be gone since.
        let Some(found) = found else { return Ok(()) };
        let row: i64 = found.try_get("id")?;
        let devices = sqlx::query(
            "SELECT id, guid, device_id FROM observed
             WHERE organization = ?1 AND kind = 'Device' AND dn = ?2",
        )
        .bind(organization.as_str())
        .bind(found.text("dn")?)
        .fetch_all(&mut *tx)
        .await?;
        let devices = devices.iter().map(|row| {
            Ok(Owned {
                row: row.try_get("id")?,
                guid: row.guid("guid")?,
                id: row.text("device_id")?,
            })
        });
        let devices: Vec<Owned> = devices.collect::<Result<_, StoreError>>()?;
        let rows: Vec<i64> = devices.iter().map(|device| device.row).collect();
        sqlx::query(
            "DELETE FROM device_statistics
             WHERE device IN (SELECT value FROM json_each(?1))",
        )
        .bind(id_list(&rows))
        .execute(&mut *tx)
        .await?;
        let (said, failure) = match said {
            Ok(said) => (said, String::new()),
            Err(failure) => (Vec::new(), failure),
        };
        let matched = matched(&devices, &said);
        for chunk in matched.chunks(ROWS_PER_STATEMENT_MAX) {
            let mut statement = QueryBuilder::<Sqlite>::new(
                "INSERT OR REPLACE INTO device_statistics (device, statistics) ",
            );
            statement.push_values(chunk, |mut values, (row, statistics)| {
                values.push_bind(*row).push_bind(encode_statistics(statistics));
            });
            statement.build().persistent(false).execute(&mut *tx).await?;
        }
        sqlx::query(
            "INSERT OR REPLACE INTO statistics_reads (mailbox, asked_at, failure)
             VALUES (?1, ?2, ?3)",
        )
        .bind(row)
        .bind(asked_at.as_millisecond())
        .bind(failure)
        .execute(&mut *tx)
        .await?;
        // How long a device was idle may decide about it.
        super::cases::mark_devices(&mut tx, organization, &rows, asked_at).await?;
        let written = Tally::of(RowKind::Statistics, matched.len() as u64 + 1);
        self.commit(tx, written).await
    }
}

/// Reads the columns `statistics`, `statistics_at` and `statistics_failure` of a device.
pub(super) fn statistics(row: &SqliteRow) -> Result<Option<StoredStatistics>, StoreError> {
    let Some(asked_at) = row.instant_or_none("statistics_at")? else { return Ok(None) };
    let said: Option<&[u8]> = row.try_get("statistics")?;
    let said = said.map(decode_statistics).transpose();
    let said = said.map_err(|error| StoreError::damaged("statistics", error))?;
    let failure: Option<String> = row.try_get("statistics_failure")?;
    Ok(Some(StoredStatistics { asked_at, said, failure: failure.unwrap_or_default() }))
}

/// A device of the mailbox that was asked.
#[derive(Debug)]
struct Owned {
    row: i64,
    guid: Uuid,
    /// Without case.
    id: String,
}

/// Whose statistics these are: by the partnership's GUID where it is given, else by the device's id in
/// this mailbox, compared without case. Two devices with one id are not told apart by it.
fn matched<'s>(
    devices: &[Owned],
    said: &'s [DeviceStatistics],
) -> Vec<(i64, &'s DeviceStatistics)> {
    let whose = |statistics: &DeviceStatistics| {
        if let Some(partnership) = statistics.partnership {
            let is_it = |device: &&Owned| device.guid == partnership.guid();
            if let Some(device) = devices.iter().find(is_it) {
                return Some(device.row);
            }
        }
        let id = statistics.device_id.as_ref()?.folded();
        let mut named = devices.iter().filter(|device| device.id == id);
        named.next().filter(|_| named.next().is_none()).map(|device| device.row)
    };
    said.iter().filter_map(|statistics| Some((whose(statistics)?, statistics))).collect()
}

#[cfg(test)]
mod tests {
    use exgate_domain::ids::PartnershipId;
    use exgate_domain::observation::Observation;

    use super::*;
    use crate::fixture::{Opened, Upload, at, contoso, device_of, mailbox, opened};
    use crate::store::DeviceFilter;

    fn owned(row: i64, guid: u128, id: &str) -> Owned {
        Owned { row, guid: Uuid::from_u128(guid), id: id.to_owned() }
    }

    fn said(guid: Option<u128>, id: Option<&str>) -> DeviceStatistics {
        DeviceStatistics {
            partnership: guid.map(|guid| PartnershipId::new(Uuid::from_u128(guid))),
            device_id: id.map(|id| id.parse().unwrap()),
            ..DeviceStatistics::default()
        }
    }

    #[test]
    fn statistics_are_matched_by_guid_and_else_by_id_without_case() {
        let devices = [owned(1, 11, "appl1"), owned(2, 12, "appl2"), owned(3, 13, "appl2")];
        let rows = |said: DeviceStatistics| {
            matched(&devices, &[said]).into_iter().map(|(row, _)| row).collect::<Vec<_>>()
        };
        assert_eq!(rows(said(Some(12), Some("APPL1"))), [2], "the GUID is surer than the id");
        assert_eq!(rows(said(None, Some("APPL1"))), [1]);
        assert_eq!(rows(said(Some(99), Some("Appl1"))), [1], "the GUID may be of another object");
        assert!(rows(said(None, Some("appl2"))).is_empty(), "two devices have this id");
        assert!(rows(said(Some(99), None)).is_empty());
    }

    /// When mailboxes are due: one hour after they said something, ten minutes after they could not.
    fn overdue(now: i64) -> Overdue {
        Overdue { asked_by: at(now - 3600), failed_by: at(now - 600) }
    }

    async fn due(store: &Store, now: i64) -> usize {
        store.statistics_due(&contoso(), overdue(now), 0, 100).await.unwrap().len()
    }

    #[tokio::test]
    async fn a_mailbox_is_due_when_never_asked_when_old_and_when_a_device_of_it_was_different() {
        let Opened { store, .. } = &opened().await;
        let seen = vec![
            Observation::Mailbox(mailbox(1)),
            Observation::Mailbox(mailbox(2)),
            Observation::Device(device_of(1, 1)),
        ];
        Upload::everything(seen).send(store, at(1000)).await.unwrap();
        assert_eq!(due(store, 1010).await, 1, "a mailbox without devices is never asked");

        let device = device_of(1, 1);
        let statistics = DeviceStatistics {
            device_id: Some(device.device_id.clone()),
            last_success_sync_at: Some(at(900)),
            ..DeviceStatistics::default()
        };
        let id = mailbox(1).id;
        store.put_statistics(&contoso(), id, Ok(vec![statistics.clone()]), at(1010)).await.unwrap();
        let shown = async || {
            let found = store.devices(&DeviceFilter::default(), None, 10).await.unwrap();
            found.into_iter().next().unwrap().statistics
        };
        let failure = String::new();
        let expected = StoredStatistics { asked_at: at(1010), said: Some(statistics), failure };
        assert_eq!(shown().await, Some(expected));
        assert_eq!(due(store, 1020).await, 0);
        assert_eq!(due(store, 1010 + 3600).await, 1, "they are as old as that");

        let mut changed = device;
        changed.device_os = "iOS 99".into();
        let upload = Upload::changes(vec![Observation::Device(changed)]);
        upload.send(store, at(1100)).await.unwrap();
        assert_eq!(due(store, 1110).await, 1);

        let offline = Err("the database is offline".to_owned());
        store.put_statistics(&contoso(), id, offline, at(1120)).await.unwrap();
        let now_unknown = shown().await.unwrap();
        assert_eq!(
            (now_unknown.said, now_unknown.failure.as_str()),
            (None, "the database is offline")
        );
        assert_eq!(due(store, 1200).await, 0, "not again at once");
        assert_eq!(due(store, 1120 + 600).await, 1);
    }
}
