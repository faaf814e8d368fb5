//! What the sources said last, record by record. A record that is as it was is not written; when the
//! source was read is one instant of its own.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection};

use exgate_domain::ids::DeviceId;
use exgate_domain::record::{ManagedDevice, Provenance, User};
use exgate_proto::convert::{
    decode_managed_device, decode_user, encode_managed_device, encode_user,
};

use super::columns::{Columns, folded, list};
use super::written::Tally;
use super::{ROWS_PER_STATEMENT_MAX, RowKind, Store, StoreError, cases, sweeps};

/// Where more records than that changed at once, all cases are decided again in a sweep: marking each case
/// that is concerned in one transaction would hold the writer up.
const MARKED_EACH_MAX: u64 = 10_000;

/// A source and how it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRow {
    /// Its name.
    pub name: String,
    /// When it was last read without a mistake.
    pub read_at: Option<Timestamp>,
    /// What was wrong at the last try; empty when nothing was.
    pub problem: String,
}

/// All that one source says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRecords {
    /// The source.
    pub source: String,
    /// Its devices.
    pub devices: Vec<ManagedDevice>,
    /// Its users.
    pub users: Vec<User>,
    /// When it was read.
    pub read_at: Timestamp,
}

/// Which cases a change of records concerns.
#[derive(Debug, Default)]
struct Concerned {
    device_ids: BTreeSet<String>,
    addresses: BTreeSet<String>,
    rows: u64,
}

impl Store {
    /// Lists what is known about the sources, by name.
    pub async fn source_rows(&self) -> Result<Vec<SourceRow>, StoreError> {
        let rows = sqlx::query("SELECT name, read_at, problem FROM sources ORDER BY name")
            .fetch_all(&self.read)
            .await?;
        let read = |row: &sqlx::sqlite::SqliteRow| {
            Ok(SourceRow {
                name: row.text("name")?,
                read_at: row.instant_or_none("read_at")?,
                problem: row.text("problem")?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// Gets all records of one source as they were read last; none when it never was.
    pub async fn source_records(&self, source: &str) -> Result<Option<SourceRecords>, StoreError> {
        let mut tx = self.read.begin().await?;
        let row = sqlx::query("SELECT read_at FROM sources WHERE name = ?1")
            .bind(source)
            .fetch_optional(&mut *tx)
            .await?;
        let read_at = row.map(|row| row.instant_or_none("read_at")).transpose()?.flatten();
        let Some(read_at) = read_at else { return Ok(None) };
        let devices =
            sqlx::query("SELECT record FROM managed_devices WHERE source = ?1 ORDER BY id")
                .bind(source)
                .fetch_all(&mut *tx)
                .await?;
        let users =
            sqlx::query("SELECT record FROM users WHERE source = ?1 ORDER BY user_principal_name")
                .bind(source)
                .fetch_all(&mut *tx)
                .await?;
        let provenance = Provenance { source: source.to_owned(), read_at };
        let devices = devices.iter().map(|row| {
            let device = decode_managed_device(row.try_get("record")?)
                .map_err(|error| StoreError::damaged("device record", error))?;
            Ok(ManagedDevice { provenance: provenance.clone(), ..device })
        });
        let users = users.iter().map(|row| {
            let user = decode_user(row.try_get("record")?)
                .map_err(|error| StoreError::damaged("user record", error))?;
            Ok(User { provenance: provenance.clone(), ..user })
        });
        Ok(Some(SourceRecords {
            source: source.to_owned(),
            devices: devices.collect::<Result<_, StoreError>>()?,
            users: users.collect::<Result<_, StoreError>>()?,
            read_at,
        }))
    }

    /// Puts what a source says now in the place of what it said, marks the cases that this concerns
    /// and says how many records differ.
    pub async fn put_records(&self, records: &SourceRecords) -> Result<u64, StoreError> {
        // What differs is found before the writer is asked for: nobody else writes a source's records.
        let mut concerned = Concerned::default();
        let devices = self.devices_that_differ(records, &mut concerned).await?;
        let users = self.users_that_differ(records, &mut concerned).await?;
        let Concerned { device_ids, addresses, rows } = concerned;
        let mut tx = self.begin().await?;
        sqlx::query(
            "INSERT INTO sources (name, read_at) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET read_at = excluded.read_at, problem = ''",
        )
        .bind(&records.source)
        .bind(records.read_at.as_millisecond())
        .execute(&mut *tx)
        .await?;
        DEVICES.change(&mut tx, &records.source, &devices).await?;
        USERS.change(&mut tx, &records.source, &users).await?;
        if rows > MARKED_EACH_MAX {
            sweeps::begin(&mut tx, None, records.read_at).await?;
        } else if rows > 0 {
            let (ids, people) = (device_ids.into_iter(), addresses.into_iter());
            cases::mark_by(&mut tx, ids, people, records.read_at).await?;
        }
        self.commit(tx, Tally::of(RowKind::Record, rows)).await?;
        Ok(rows)
    }

    /// Notes that a source was read and says what it said before.
    pub async fn source_read(&self, source: &str, at: Timestamp) -> Result<(), StoreError> {
        sqlx::query("UPDATE sources SET read_at = ?2, problem = '' WHERE name = ?1")
            .bind(source)
            .bind(at.as_millisecond())
            .execute(&self.write)
            .await?;
        Ok(())
    }

    /// Notes what was wrong with a source; what it said before stands.
    pub async fn source_problem(&self, source: &str, problem: &str) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO sources (name, problem) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET problem = excluded.problem",
        )
        .bind(source)
        .bind(problem)
        .execute(&self.write)
        .await?;
        Ok(())
    }

    /// Forgets sources that are not configured any more; says whether there were any.
    pub async fn keep_sources(
        &self,
        configured: impl Iterator<Item = &str>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let kept = list(configured.map(str::to_owned));
        let mut tx = self.begin().await?;
        for sql in [
            "DELETE FROM managed_devices WHERE source NOT IN (SELECT value FROM json_each(?1))",
            "DELETE FROM users WHERE source NOT IN (SELECT value FROM json_each(?1))",
        ] {
            sqlx::query(sql).bind(&kept).execute(&mut *tx).await?;
        }
        let gone =
            sqlx::query("DELETE FROM sources WHERE name NOT IN (SELECT value FROM json_each(?1))")
                .bind(&kept)
                .execute(&mut *tx)
                .await?
                .rows_affected();
        if gone > 0 {
            sweeps::begin(&mut tx, None, now).await?;
        }
        tx.commit().await?;
        Ok(gone > 0)
    }
}

impl Concerned {
    fn device(&mut self, device: &ManagedDevice) {
        self.device_ids.extend(device.eas_device_id.as_ref().map(DeviceId::folded));
        for address in [&device.user_principal_name, &device.email_address] {
            self.address(address);
        }
    }

    fn user(&mut self, user: &User) {
        for address in [&user.user_principal_name, &user.mail].into_iter().chain(&user.other_mails)
        {
            self.address(address);
        }
    }

    fn address(&mut self, address: &str) {
        if !address.is_empty() {
            self.addresses.insert(folded(address));
        }
    }
}

/// A record without what changes at every read.
fn undated() -> Provenance {
    Provenance { source: String::new(), read_at: Timestamp::UNIX_EPOCH }
}

/// What is to be written of one table.
#[derive(Debug, Default)]
struct Changes {
    /// New records and those that differ, by key.
    put: Vec<(String, Vec<u8>)>,
    /// Keys of those that are gone.
    gone: Vec<String>,
}

/// A table of records: how they are put, and how they are taken out.
struct Table {
    put: &'static str,
    take_out: &'static str,
}

const DEVICES: Table = Table {
    put: "INSERT OR REPLACE INTO managed_devices (source, id, record) ",
    take_out: "DELETE FROM managed_devices
               WHERE source = ?1 AND id IN (SELECT value FROM json_each(?2))",
};
const USERS: Table = Table {
    put: "INSERT OR REPLACE INTO users (source, user_principal_name, record) ",
    take_out: "DELETE FROM users
               WHERE source = ?1 AND user_principal_name IN (SELECT value FROM json_each(?2))",
};

impl Table {
    async fn change(
        &self,
        tx: &mut SqliteConnection,
        source: &str,
        changes: &Changes,
    ) -> Result<(), StoreError> {
        for rows in changes.put.chunks(ROWS_PER_STATEMENT_MAX) {
            let mut statement = QueryBuilder::<Sqlite>::new(self.put);
            statement.push_values(rows, |mut values, (key, record)| {
                values.push_bind(source).push_bind(key).push_bind(record);
            });
            let is_full = rows.len() == ROWS_PER_STATEMENT_MAX;
            statement.build().persistent(is_full).execute(&mut *tx).await?;
        }
        if !changes.gone.is_empty() {
            sqlx::query(self.take_out)
                .bind(source)
                .bind(list(changes.gone.iter().cloned()))
                .execute(tx)
                .await?;
        }
        Ok(())
    }
}

impl Store {
    async fn devices_that_differ(
        &self,
        records: &SourceRecords,
        concerned: &mut Concerned,
    ) -> Result<Changes, StoreError> {
        let rows = sqlx::query("SELECT id, record FROM managed_devices WHERE source = ?1")
            .bind(&records.source)
            .fetch_all(&self.read)
            .await?;
        let mut before: HashMap<String, Vec<u8>> = HashMap::with_capacity(rows.len());
        for row in &rows {
            before.insert(row.text("id")?, row.bytes("record")?);
        }
        let old = |bytes: &[u8]| {
            decode_managed_device(bytes)
                .map_err(|error| StoreError::damaged("device record", error))
        };
        let mut changes = Changes::default();
        for device in &records.devices {
            let bytes =
                encode_managed_device(&ManagedDevice { provenance: undated(), ..device.clone() });
            let found = before.remove(&device.id);
            if found.as_ref() == Some(&bytes) {
                continue;
            }
            if let Some(found) = found {
                concerned.device(&old(&found)?);
            }
            concerned.device(device);
            concerned.rows += 1;
            changes.put.push((device.id.clone(), bytes));
        }
        for (id, bytes) in before {
            concerned.device(&old(&bytes)?);
            concerned.rows += 1;
            changes.gone.push(id);
        }
        Ok(changes)
    }

    async fn users_that_differ(
        &self,
        records: &SourceRecords,
        concerned: &mut Concerned,
    ) -> Result<Changes, StoreError> {
        let rows = sqlx::query("SELECT user_principal_name, record FROM users WHERE source = ?1")
            .bind(&records.source)
            .fetch_all(&self.read)
            .await?;
        let mut before: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for row in &rows {
            before.insert(row.text("user_principal_name")?, row.bytes("record")?);
        }
        let old = |bytes: &[u8]| {
            decode_user(bytes).map_err(|error| StoreError::damaged("user record", error))
        };
        let mut changes = Changes::default();
        for user in &records.users {
            let name = folded(&user.user_principal_name);
            let bytes = encode_user(&User { provenance: undated(), ..user.clone() });
            let found = before.remove(&name);
            if found.as_ref() == Some(&bytes) {
                continue;
            }
            if let Some(found) = found {
                concerned.user(&old(&found)?);
            }
            concerned.user(user);
            concerned.rows += 1;
            changes.put.push((name, bytes));
        }
        for (name, bytes) in before {
            concerned.user(&old(&bytes)?);
            concerned.rows += 1;
            changes.gone.push(name);
        }
        Ok(changes)
    }
}
