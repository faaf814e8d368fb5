//! What is stored of each organization's objects, in short: row and digest by key. A cache of the
//! file: loaded at first use, changed only after a commit, and dropped when anything went wrong.
//!
//! Whoever changes observed rows holds the organization's lock from before its transaction until
//! after it. The map is taken out meanwhile, so that a caller that goes away leaves none behind.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as SyncMutex, PoisonError};

use jiff::Timestamp;
use sqlx::{Row, SqliteConnection};
use tokio::sync::{Mutex, OwnedMutexGuard};

use exgate_domain::ids::{ObservationDigest, OrganizationId};
use exgate_domain::observation::Key;

use super::columns::Columns;
use super::{Store, StoreError};

/// What is stored of one object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    pub(super) row: i64,
    pub(super) digest: ObservationDigest,
    /// When a receipt's read-back put it there: the agent was never told that this is stored. In the
    /// file it is told from what a look put there only while a run is open that may be resumed.
    pub(super) read_back_at: Option<Timestamp>,
}

impl Known {
    /// What an upload put there, or what is read from the file.
    pub(super) fn of(row: i64, digest: ObservationDigest) -> Self {
        Self { row, digest, read_back_at: None }
    }

    /// Whether a receipt showed the object after a look began: that look may be the older one.
    pub(super) fn is_newer_than(&self, look_began_at: Option<Timestamp>) -> bool {
        self.read_back_at.zip(look_began_at).is_some_and(|(shown, began)| shown >= began)
    }
}

/// The objects of one organization.
pub(super) type KeyMap = HashMap<Key, Known>;

type Slot = Arc<Mutex<Option<KeyMap>>>;

/// The key maps of all organizations.
#[derive(Debug, Default)]
pub(super) struct KeyMaps(SyncMutex<HashMap<OrganizationId, Slot>>);

/// The right to change one organization's observed rows.
#[derive(Debug)]
pub(super) struct Keys {
    organization: OrganizationId,
    slot: OwnedMutexGuard<Option<KeyMap>>,
}

impl KeyMaps {
    fn slot(&self, organization: &OrganizationId) -> Slot {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(organization.clone()).or_default())
    }
}

impl Store {
    /// Waits for the right to change an organization's observed rows.
    pub(super) async fn keys(&self, organization: &OrganizationId) -> Keys {
        let slot = self.keys.slot(organization).lock_owned().await;
        Keys { organization: organization.clone(), slot }
    }

    /// The first of these keys that is not stored as the agent was last told.
    pub(crate) async fn first_unknown(
        &self,
        organization: &OrganizationId,
        keys: &[Key],
        look_began_at: Option<Timestamp>,
    ) -> Result<Option<Key>, StoreError> {
        let mut stored = self.keys(organization).await;
        let mut connection = self.read.acquire().await?;
        let map = stored.take(&mut connection).await?;
        let unknown = first_unknown(&map, keys, look_began_at);
        stored.put_back(map);
        Ok(unknown)
    }
}

/// The first of these keys that is not stored as the agent was last told, those left out that a
/// receipt showed after the look began: what the receipt showed stands.
pub(super) fn first_unknown<'a>(
    map: &KeyMap,
    keys: impl IntoIterator<Item = &'a Key>,
    look_began_at: Option<Timestamp>,
) -> Option<Key> {
    let stands = |known: &Known| known.read_back_at.is_none() || known.is_newer_than(look_began_at);
    keys.into_iter().find(|key| !map.get(key).is_some_and(stands)).copied()
}

impl Keys {
    /// Takes the map out, reading it from the file when it is not in memory.
    pub(super) async fn take(
        &mut self,
        connection: &mut SqliteConnection,
    ) -> Result<KeyMap, StoreError> {
        if let Some(map) = self.slot.take() {
            return Ok(map);
        }
        // What was written since the run that is open began can only have come from receipts.
        let rows = sqlx::query(
            "SELECT id, kind, guid, digest,
                    CASE WHEN changed_at >= (SELECT MIN(started_at) FROM runs
                                             WHERE organization = ?1 AND state = 'Running')
                         THEN changed_at END AS read_back_at
             FROM observed WHERE organization = ?1",
        )
        .bind(self.organization.as_str())
        .fetch_all(connection)
        .await?;
        rows.iter()
            .map(|row| {
                let key = Key { kind: row.variant("kind")?, guid: row.guid("guid")? };
                let digest: &[u8] = row.try_get("digest")?;
                let digest = ObservationDigest::try_from(digest)
                    .map_err(|error| StoreError::damaged("digest", error))?;
                let read_back_at = row.instant_or_none("read_back_at")?;
                Ok((key, Known { read_back_at, ..Known::of(row.try_get("id")?, digest) }))
            })
            .collect()
    }

    /// Keeps the map for the next one.
    pub(super) fn put_back(mut self, map: KeyMap) {
        *self.slot = Some(map);
    }
}
