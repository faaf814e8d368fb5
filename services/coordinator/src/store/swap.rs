//! From one inventory to the next, in one transaction: readers see the old or the new one.
//!
//! Only objects whose digest differs are written. A mailbox that a command's receipt showed after the
//! snapshot was begun stays as the receipt showed it: the snapshot may be the older look. Only a
//! complete snapshot of everything says anything about devices and mailboxes that it does not show,
//! and they go only after two of them in a row. Settings, rules and servers are listed in every look
//! at what changed, and go with the first complete one that misses them. A snapshot of everything that
//! shows far less than the last one shows a part.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use jiff::Timestamp;
use sqlx::{Row as _, SqliteConnection};

use exgate_domain::ids::{Generation, OrganizationId};
use exgate_domain::observation::{Key, Kind};
use exgate_domain::sync::{Completeness, Tally};

use super::columns::{Columns, count, id_list};
use super::keys::{self, KeyMap, Known};
use super::observed::{Row, tally, upsert};
use super::{Staging, Store, StoreError, cases, intents, leases, sweeps};

/// How many complete snapshots of everything in a row have to miss a device or a mailbox.
const MISSED_FULL_MAX: i64 = 2;
/// So many objects may be missing in a small organization, whatever share of it that is.
const SHRINK_ALWAYS_MAX: u64 = 10;
/// The most row ids in one argument.
const IDS_PER_STATEMENT_MAX: usize = 5000;

/// A snapshot whose commit fits its pages.
#[derive(Debug)]
pub(crate) struct Swap {
    pub(crate) organization: OrganizationId,
    /// The lease under which it was made.
    pub(crate) generation: Generation,
    /// Rows that the agent sent.
    pub(crate) staging: Staging,
    /// Objects that the agent saw as they were when last acknowledged.
    pub(crate) unchanged: HashSet<Key>,
    /// What its absence of an object means.
    pub(crate) extent: Extent,
    /// What the agent proves of its look.
    pub(crate) completeness: Completeness,
    /// How much less than the last complete look may be seen, in percent.
    pub(crate) shrink_percent_max: u8,
    /// When the agent was told to look, when that is known.
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) now: Timestamp,
}

/// How much a snapshot shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All there is: what it does not show is missing.
    Whole,
    /// All that changed since some instant.
    Changes,
    /// Some of it, or not all of what it should show.
    Part,
}

/// Whether every look lists all objects of this kind: they are few, and a rule that is gone decides
/// at once.
fn is_always_listed(kind: Kind) -> bool {
    match kind {
        Kind::Settings | Kind::Rule | Kind::Server => true,
        Kind::Device | Kind::Mailbox | Kind::DeviceClass | Kind::MailboxPolicy => false,
    }
}

/// What came of a swap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Swapped {
    /// The new inventory stands. Where it shrank too much, nothing was taken as gone.
    Stored { tally: Tally, rows_changed: u64, rows_unchanged: u64, shrunk: Option<Shrunk> },
    /// The lease is not the snapshot's any more.
    LeaseLost,
    /// An object said to be unchanged is not stored.
    Unknown(Key),
}

/// A look at everything that saw far less than the one before: nobody knows whether it is true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shrunk {
    /// What there is less of.
    pub kind: Kind,
    /// How many were seen.
    pub seen: u64,
    /// How many the last complete look saw.
    pub before: u64,
}

impl Store {
    /// Puts a snapshot in the place of what is stored.
    pub(crate) async fn swap(&self, swap: Swap) -> Result<Swapped, StoreError> {
        let Swap {
            organization,
            generation,
            mut staging,
            unchanged,
            mut extent,
            completeness,
            shrink_percent_max,
            started_at,
            now,
        } = swap;
        let mut held = self.keys(&organization).await;
        let mut tx = self.begin().await?;
        let lease = leases::get(&mut tx, &organization).await?;
        if lease.is_none_or(|lease| lease.generation != generation) {
            return Ok(Swapped::LeaseLost);
        }
        let mut map = held.take(&mut tx).await?;
        if let Some(key) = keys::first_unknown(&map, &unchanged, started_at) {
            held.put_back(map);
            return Ok(Swapped::Unknown(key));
        }

        let mut changes = Changes::new(&organization, started_at, now);
        let mut after = 0;
        loop {
            let (rows, last) = staging.next(after).await?;
            if rows.is_empty() {
                break;
            }
            changes.rows(&mut tx, &map, rows).await?;
            after = last;
        }
        let known = unchanged.iter().filter_map(|key| Some((*key, map.get(key)?.row)));
        changes.seen.extend(known.map(|(_, row)| row));
        let only_seen = unchanged.iter().filter(|key| !changes.put.contains_key(key)).copied();
        changes.unchanged.extend(only_seen.collect::<Vec<_>>());
        let mut shrunk = None;
        if extent == Extent::Whole {
            shrunk = changes.shrunk(&mut tx, shrink_percent_max).await?;
            extent = if shrunk.is_some() { Extent::Part } else { Extent::Whole };
        }
        let removed = changes.absence(&mut tx, &map, extent).await?;
        changes.consequences(&mut tx, extent, &completeness).await?;
        let (tally_of_devices, written) = (changes.tally(&removed), changes.written(&removed));
        let rows_changed = changes.put.len() as u64;
        let rows_unchanged = changes.unchanged.len() as u64;
        let Changes { put, told, .. } = changes;
        self.commit(tx, written).await?;

        for key in told {
            map.entry(key).and_modify(|known| known.read_back_at = None);
        }
        for (key, (known, _)) in put {
            map.insert(key, known);
        }
        for key in removed {
            map.remove(&key);
        }
        held.put_back(map);
        staging.remove().await;
        Ok(Swapped::Stored { tally: tally_of_devices, rows_changed, rows_unchanged, shrunk })
    }
}

/// What a swap did so far, inside its transaction.
struct Changes<'a> {
    organization: &'a OrganizationId,
    started_at: Option<Timestamp>,
    now: Timestamp,
    /// Rows of objects that are as they were or were changed.
    seen: HashSet<i64>,
    /// Objects that are as they were.
    unchanged: HashSet<Key>,
    /// Objects written, and whether they are new.
    put: HashMap<Key, (Known, bool)>,
    /// Objects that a receipt had shown, and that the agent has now sent as they are stored.
    told: Vec<Key>,
    /// Rows whose count of misses was touched, by kind.
    missed: Vec<Key>,
}

impl<'a> Changes<'a> {
    fn new(
        organization: &'a OrganizationId,
        started_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Self {
        Self {
            organization,
            started_at,
            now,
            seen: HashSet::new(),
            unchanged: HashSet::new(),
            put: HashMap::new(),
            told: Vec::new(),
            missed: Vec::new(),
        }
    }

    /// Writes those of the rows that are new or different.
    async fn rows(
        &mut self,
        tx: &mut SqliteConnection,
        map: &KeyMap,
        rows: Vec<Row>,
    ) -> Result<(), StoreError> {
        let mut differing = Vec::new();
        // A key that comes twice was changed in between: the later look at it counts.
        let last: BTreeMap<Key, Row> = rows.into_iter().map(|row| (row.key, row)).collect();
        for row in last.into_values() {
            let put = self.put.get(&row.key).map(|(known, _)| known);
            match put.or_else(|| map.get(&row.key)) {
                Some(known) if put.is_some() && known.digest == row.digest => {}
                Some(known) if known.digest == row.digest => {
                    self.seen.insert(known.row);
                    self.unchanged.insert(row.key);
                    self.told.extend(known.read_back_at.map(|_| row.key));
                }
                Some(known) if known.is_newer_than(self.started_at) => {
                    self.seen.insert(known.row);
                    self.unchanged.insert(row.key);
                }
                Some(_) | None => differing.push(row),
            }
        }
        let ids = upsert(tx, self.organization, &differing, self.now).await?;
        for Row { key, digest, .. } in differing {
            let row = *ids.get(&key).ok_or_else(|| out_of_date(self.organization))?;
            let known = map.get(&key);
            if known.is_some_and(|known| known.row != row) {
                return Err(out_of_date(self.organization));
            }
            self.seen.insert(row);
            self.unchanged.remove(&key);
            self.put.insert(key, (Known::of(row, digest), known.is_none()));
        }
        Ok(())
    }

    /// Counts what is missing, forgets what came back, and removes what was missing often enough.
    async fn absence(
        &mut self,
        tx: &mut SqliteConnection,
        map: &KeyMap,
        extent: Extent,
    ) -> Result<Vec<Key>, StoreError> {
        let missed = sqlx::query(
            "SELECT id, kind, guid FROM observed WHERE organization = ?1 AND missed_full > 0",
        )
        .bind(self.organization.as_str())
        .fetch_all(&mut *tx)
        .await?;
        let mut back = Vec::new();
        for row in &missed {
            let id = row.try_get("id")?;
            if self.seen.contains(&id) {
                back.push(id);
                self.missed.push(Key { kind: row.variant("kind")?, guid: row.guid("guid")? });
            }
        }
        for ids in back.chunks(IDS_PER_STATEMENT_MAX) {
            sqlx::query(
                "UPDATE observed SET missed_full = 0, seen_at = ?2
                 WHERE id IN (SELECT value FROM json_each(?1))",
            )
            .bind(id_list(ids))
            .bind(self.now.as_millisecond())
            .execute(&mut *tx)
            .await?;
        }
        let tells_of = |kind: Kind| match extent {
            Extent::Whole => true,
            Extent::Changes => is_always_listed(kind) && self.saw_settings(map),
            Extent::Part => false,
        };
        let absent: Vec<_> = map
            .iter()
            .filter(|(key, known)| tells_of(key.kind) && !self.seen.contains(&known.row))
            .collect();
        self.missed.extend(absent.iter().map(|(key, _)| **key));
        let absent: Vec<_> = absent.into_iter().map(|(_, known)| known.row).collect();
        self.remove(tx, &absent).await
    }

    /// Whether the snapshot shows the organization's settings, and so its rules and servers too.
    fn saw_settings(&self, map: &KeyMap) -> bool {
        let settings = |(key, known): (&Key, &Known)| {
            key.kind == Kind::Settings && self.seen.contains(&known.row)
        };
        map.iter().any(settings) || self.put.keys().any(|key| key.kind == Kind::Settings)
    }

    async fn remove(
        &self,
        tx: &mut SqliteConnection,
        absent: &[i64],
    ) -> Result<Vec<Key>, StoreError> {
        let mut removed = Vec::new();
        for ids in absent.chunks(IDS_PER_STATEMENT_MAX) {
            let ids = id_list(ids);
            sqlx::query(
                "UPDATE observed SET missed_full = missed_full + 1
                 WHERE id IN (SELECT value FROM json_each(?1))",
            )
            .bind(&ids)
            .execute(&mut *tx)
            .await?;
            // The mailboxes of devices that go are compared again while they can be found.
            sqlx::query(
                "UPDATE intents SET compare = compare + 1
                 WHERE organization = ?1 AND mailbox IN (
                     SELECT mailbox.guid
                     FROM observed AS device
                     JOIN observed AS mailbox ON mailbox.organization = device.organization
                         AND mailbox.kind = 'Mailbox' AND mailbox.dn = device.dn
                     WHERE device.id IN (SELECT value FROM json_each(?2))
                       AND device.kind = 'Device')",
            )
            .bind(self.organization.as_str())
            .bind(&ids)
            .execute(&mut *tx)
            .await?;
            // Settings, rules and servers are few and listed whole: one look is enough.
            let rows = sqlx::query(
                "DELETE FROM observed
                 WHERE id IN (SELECT value FROM json_each(?1))
                   AND (missed_full >= ?2 OR kind NOT IN ('Device', 'Mailbox'))
                 RETURNING kind, guid",
            )
            .bind(&ids)
            .bind(MISSED_FULL_MAX)
            .fetch_all(&mut *tx)
            .await?;
            for row in &rows {
                removed.push(Key { kind: row.variant("kind")?, guid: row.guid("guid")? });
            }
        }
        Ok(removed)
    }

    /// Marks what has to be decided and compared again, and notes how far the snapshot reaches.
    async fn consequences(
        &self,
        tx: &mut SqliteConnection,
        extent: Extent,
        completeness: &Completeness,
    ) -> Result<(), StoreError> {
        let of = |kind| self.put.iter().filter(move |(key, _)| key.kind == kind);
        let rows = |kind| of(kind).map(|(_, (known, _))| known.row).collect::<Vec<_>>();
        for ids in rows(Kind::Device).chunks(IDS_PER_STATEMENT_MAX) {
            cases::mark_devices(tx, self.organization, ids, self.now).await?;
        }
        let mailboxes = rows(Kind::Mailbox);
        for ids in mailboxes.chunks(IDS_PER_STATEMENT_MAX) {
            cases::mark_mailboxes(tx, self.organization, ids, self.now).await?;
            self.extend_baseline(tx, ids).await?;
        }
        let order = |kind| kind == Kind::Settings || kind == Kind::Rule;
        let ruled = self.put.keys().any(|key| order(key.kind))
            || self.missed.iter().any(|key| order(key.kind));
        if ruled {
            sweeps::begin(tx, Some(self.organization), self.now).await?;
            intents::mark_all(tx, Some(self.organization)).await?;
        }
        self.reach(tx, extent, completeness).await
    }

    /// A mailbox that appears after the baseline was taken joins it as it is: nothing was written
    /// to it yet.
    async fn extend_baseline(
        &self,
        tx: &mut SqliteConnection,
        ids: &[i64],
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT OR IGNORE INTO baselines (organization, kind, guid, observation)
             SELECT organization, kind, guid, observation FROM observed
             WHERE id IN (SELECT value FROM json_each(?2)) AND EXISTS (
                 SELECT 1 FROM inventories
                 WHERE inventories.organization = ?1 AND baseline_at IS NOT NULL)",
        )
        .bind(self.organization.as_str())
        .bind(id_list(ids))
        .execute(tx)
        .await?;
        Ok(())
    }

    /// What a look at everything shows far less of than the last complete one, if it does.
    async fn shrunk(
        &self,
        tx: &mut SqliteConnection,
        percent_max: u8,
    ) -> Result<Option<Shrunk>, StoreError> {
        let row = sqlx::query(
            "SELECT full_devices, full_mailboxes FROM inventories WHERE organization = ?1",
        )
        .bind(self.organization.as_str())
        .fetch_optional(&mut *tx)
        .await?;
        let Some(row) = row else { return Ok(None) };
        for (kind, column) in [(Kind::Device, "full_devices"), (Kind::Mailbox, "full_mailboxes")] {
            let Some(before) = row.try_get::<Option<i64>, _>(column)? else { continue };
            let before = u64::try_from(before).unwrap_or_default();
            let seen = self.seen_of(kind);
            let fewer = before.saturating_sub(seen);
            let allowed = before.saturating_mul(u64::from(percent_max)) / 100;
            if fewer > allowed.max(SHRINK_ALWAYS_MAX) {
                return Ok(Some(Shrunk { kind, seen, before }));
            }
        }
        Ok(None)
    }

    /// How many objects of a kind the snapshot shows.
    fn seen_of(&self, kind: Kind) -> u64 {
        let put = self.put.keys().filter(|key| key.kind == kind).count();
        let unchanged = self.unchanged.iter().filter(|key| key.kind == kind).count();
        (put + unchanged) as u64
    }

    /// Notes how far a complete snapshot reaches. Stamps of different domain controllers are not
    /// compared: only a look that listed everything there begins anew with another one's.
    async fn reach(
        &self,
        tx: &mut SqliteConnection,
        extent: Extent,
        completeness: &Completeness,
    ) -> Result<(), StoreError> {
        let (is_full, listed_all) = match extent {
            Extent::Part => return Ok(()),
            Extent::Changes => (false, !completeness.filtered_by_server),
            Extent::Whole => (true, true),
        };
        let counted = |kind| is_full.then(|| count(self.seen_of(kind)));
        sqlx::query(
            "INSERT INTO inventories (organization, full_seen_at, full_devices, full_mailboxes,
                                      newest_change_at, newest_change_controller)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (organization) DO UPDATE SET
                 full_seen_at = COALESCE(excluded.full_seen_at, full_seen_at),
                 full_devices = COALESCE(excluded.full_devices, full_devices),
                 full_mailboxes = COALESCE(excluded.full_mailboxes, full_mailboxes),
                 newest_change_at = CASE
                     WHEN newest_change_controller = ''
                         OR newest_change_controller
                            = excluded.newest_change_controller COLLATE NOCASE
                     THEN MAX(COALESCE(excluded.newest_change_at, newest_change_at),
                              COALESCE(newest_change_at, excluded.newest_change_at))
                     WHEN ?7 THEN excluded.newest_change_at
                     ELSE newest_change_at END,
                 newest_change_controller = CASE
                     WHEN ?7 OR newest_change_controller = ''
                     THEN excluded.newest_change_controller
                     ELSE newest_change_controller END",
        )
        .bind(self.organization.as_str())
        .bind(is_full.then(|| self.now.as_millisecond()))
        .bind(counted(Kind::Device))
        .bind(counted(Kind::Mailbox))
        .bind(completeness.newest_change_at.map(Timestamp::as_millisecond))
        .bind(&completeness.domain_controller)
        .bind(listed_all)
        .execute(tx)
        .await?;
        Ok(())
    }

    fn tally(&self, removed: &[Key]) -> Tally {
        let device = |key: &Key| key.kind == Kind::Device;
        let put = || self.put.iter().filter(|(key, _)| device(key));
        let (added, changed) = (
            put().filter(|(_, (_, new))| *new).count() as u64,
            put().filter(|(_, (_, new))| !*new).count() as u64,
        );
        let unchanged = self.unchanged.iter().filter(|key| device(key)).count() as u64;
        let removed = removed.iter().filter(|key| device(key)).count() as u64;
        Tally { seen: added + changed + unchanged, added, changed, unchanged, removed }
    }

    fn written(&self, removed: &[Key]) -> super::written::Tally {
        let touched: BTreeSet<Key> = self.missed.iter().chain(removed).copied().collect();
        tally(self.put.keys().chain(&touched))
    }
}

fn out_of_date(organization: &OrganizationId) -> StoreError {
    StoreError::KeysOutOfDate(organization.to_string())
}
