//! Observed objects: one row each, written only when its digest differs, and the columns by which
//! rows are found.

use std::collections::HashMap;

use jiff::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection};

use exgate_domain::ids::{ObservationDigest, OrganizationId};
use exgate_domain::observation::{
    AccessRule, EasDevice, Key, Kind, Mailbox, Observation, OrganizationSettings,
};
use exgate_proto::convert::{decode_observation, encode_observation};

use super::columns::{Columns, Named, folded, state_name};
use super::written::Tally;
use super::{ROWS_PER_STATEMENT_MAX, RowKind, Store, StoreError};

/// What an organization itself says about access, beside its mailboxes' lists.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObservedOrder {
    /// Its settings, once they were seen.
    pub settings: Option<OrganizationSettings>,
    /// Its device access rules, by name.
    pub rules: Vec<AccessRule>,
}

/// How far complete snapshots reach.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Watermark {
    /// The newest change they showed.
    pub(crate) newest_change_at: Option<Timestamp>,
    /// The domain controller whose stamp that is; empty when unknown.
    pub(crate) controller: String,
}

/// An observation as a row.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) key: Key,
    pub(crate) digest: ObservationDigest,
    pub(crate) observation: Vec<u8>,
    pub(super) dn: Option<String>,
    pub(super) device_id: Option<String>,
    pub(super) primary_smtp: Option<String>,
    pub(super) access_state: Option<String>,
    pub(super) directory_changed_at: Option<i64>,
}

impl Row {
    /// Takes an observation apart.
    pub(crate) fn of(observation: &Observation) -> Self {
        let bytes = encode_observation(observation);
        let ms = |at: Option<Timestamp>| at.map(Timestamp::as_millisecond);
        let plain = Self {
            key: observation.key(),
            digest: ObservationDigest::of(&bytes),
            observation: bytes,
            dn: None,
            device_id: None,
            primary_smtp: None,
            access_state: None,
            directory_changed_at: None,
        };
        match observation {
            Observation::Device(device) => Self {
                dn: Some(folded(&device.mailbox_dn)),
                device_id: Some(device.device_id.folded()),
                access_state: Some(state_name(&device.access_state).to_owned()),
                directory_changed_at: ms(device.changed_at),
                ..plain
            },
            Observation::Mailbox(mailbox) => Self {
                dn: Some(folded(&mailbox.dn)),
                primary_smtp: Some(folded(&mailbox.primary_smtp)),
                directory_changed_at: ms(mailbox.changed_at),
                ..plain
            },
            Observation::Settings(_)
            | Observation::Rule(_)
            | Observation::Server(_)
            | Observation::DeviceClass(_)
            | Observation::MailboxPolicy(_) => plain,
        }
    }
}

impl Store {
    /// Gets an organization's settings and rules as they were last seen.
    pub async fn observed_order(
        &self,
        organization: &OrganizationId,
    ) -> Result<ObservedOrder, StoreError> {
        let rows = sqlx::query(
            "SELECT observation FROM observed
             WHERE organization = ?1 AND kind IN ('Settings', 'Rule')",
        )
        .bind(organization.as_str())
        .fetch_all(&self.read)
        .await?;
        let mut order = ObservedOrder::default();
        for row in &rows {
            match observation(row)? {
                Observation::Settings(settings) => order.settings = Some(settings),
                Observation::Rule(rule) => order.rules.push(rule),
                Observation::Device(_)
                | Observation::Mailbox(_)
                | Observation::Server(_)
                | Observation::DeviceClass(_)
                | Observation::MailboxPolicy(_) => {}
            }
        }
        order.rules.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(order)
    }

    /// Gets the newest change that complete snapshots showed.
    pub(crate) async fn watermark(
        &self,
        organization: &OrganizationId,
    ) -> Result<Watermark, StoreError> {
        let row = sqlx::query(
            "SELECT newest_change_at, newest_change_controller FROM inventories
             WHERE organization = ?1",
        )
        .bind(organization.as_str())
        .fetch_optional(&self.read)
        .await?;
        let Some(row) = row else { return Ok(Watermark::default()) };
        Ok(Watermark {
            newest_change_at: row.instant_or_none("newest_change_at")?,
            controller: row.text("newest_change_controller")?,
        })
    }
}

/// Writes rows that are new or different and says which ids they have.
pub(super) async fn upsert(
    tx: &mut SqliteConnection,
    organization: &OrganizationId,
    rows: &[Row],
    now: Timestamp,
) -> Result<HashMap<Key, i64>, StoreError> {
    let mut ids = HashMap::with_capacity(rows.len());
    for chunk in rows.chunks(ROWS_PER_STATEMENT_MAX) {
        let mut statement = QueryBuilder::<Sqlite>::new(
            "INSERT INTO observed (organization, kind, guid, digest, observation, dn, device_id,
                                   primary_smtp, access_state, directory_changed_at, seen_at,
                                   changed_at) ",
        );
        statement.push_values(chunk, |mut values, row| {
            values
                .push_bind(organization.as_str().to_owned())
                .push_bind(row.key.kind.name())
                .push_bind(row.key.guid.as_bytes().to_vec())
                .push_bind(row.digest.as_bytes().to_vec())
                .push_bind(row.observation.clone())
                .push_bind(row.dn.clone())
                .push_bind(row.device_id.clone())
                .push_bind(row.primary_smtp.clone())
                .push_bind(row.access_state.clone())
                .push_bind(row.directory_changed_at)
                .push_bind(now.as_millisecond())
                .push_bind(now.as_millisecond());
        });
        statement.push(
            " ON CONFLICT (organization, kind, guid) DO UPDATE SET
                  digest = excluded.digest, observation = excluded.observation,
                  dn = excluded.dn, device_id = excluded.device_id,
                  primary_smtp = excluded.primary_smtp, access_state = excluded.access_state,
                  directory_changed_at = excluded.directory_changed_at, missed_full = 0,
                  seen_at = excluded.seen_at, changed_at = excluded.changed_at
              RETURNING id, kind, guid",
        );
        // Only statements of the full length are worth keeping prepared.
        let full = chunk.len() == ROWS_PER_STATEMENT_MAX;
        for row in statement.build().persistent(full).fetch_all(&mut *tx).await? {
            let key = Key { kind: row.variant("kind")?, guid: row.guid("guid")? };
            ids.insert(key, row.try_get("id")?);
        }
    }
    Ok(ids)
}

/// Counts rows by kind.
pub(super) fn tally<'a>(keys: impl Iterator<Item = &'a Key>) -> Tally {
    let mut tally = Tally::default();
    for key in keys {
        tally.add(RowKind::from(key.kind), 1);
    }
    tally
}

/// Reads the column `observation`.
pub(super) fn observation(row: &SqliteRow) -> Result<Observation, StoreError> {
    decode_observation(row.try_get("observation")?)
        .map_err(|error| StoreError::damaged("observation", error))
}

/// Reads the column `observation` of a device.
pub(super) fn device(row: &SqliteRow) -> Result<EasDevice, StoreError> {
    let observation = observation(row)?;
    let found = observation.key().kind;
    let Observation::Device(device) = observation else {
        return Err(StoreError::damaged(Kind::Device.name(), found.name()));
    };
    Ok(device)
}

/// Reads the column `observation` of a mailbox.
pub(super) fn mailbox(row: &SqliteRow) -> Result<Mailbox, StoreError> {
    let observation = observation(row)?;
    let found = observation.key().kind;
    let Observation::Mailbox(mailbox) = observation else {
        return Err(StoreError::damaged(Kind::Mailbox.name(), found.name()));
    };
    Ok(mailbox)
}
