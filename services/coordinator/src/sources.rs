//! What the MDMs and directories say, and how old it is. Sources are read again and again; a reading
//! with a mistake is refused as a whole, and what was said before stands and ages.
//!
//! Records change in the store and in memory together, and the cases they concern are due in the
//! same transaction.

mod fields;
mod cells;
mod problem;
mod json;
mod table;
mod folder;
mod records;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use exgate_domain::ids::BundleDigest;
use exgate_domain::record::Provenance;
use exgate_runtime::clock::Clock;

use crate::config::{SourceKind, SourceSettings};
use crate::directory::Directory;
use crate::matching::Devices;
use crate::store::{AuditAction, AuditEntry, SourceRecords, Store, StoreError};

pub use problem::Problem;
pub use records::{Records, Said, SourceState};

use folder::{Reading, Stamp};
use records::{Source, Trust};

/// Reads all sources, for as long as it runs.
#[derive(Debug)]
pub struct Sources {
    store: Store,
    clock: Clock,
    reads: Vec<Read>,
    records: watch::Sender<Arc<Records>>,
    /// Whether every source was looked at since this start.
    looked: watch::Sender<bool>,
    /// Which sources could be relied on when the cases were last marked.
    trusted: Vec<bool>,
}

/// Gives the records in force; cheap to clone.
#[derive(Debug, Clone)]
pub struct RecordsHandle {
    records: watch::Receiver<Arc<Records>>,
    looked: watch::Receiver<bool>,
}

/// How one source is read.
#[derive(Debug)]
struct Read {
    name: String,
    folder: PathBuf,
    refresh: Duration,
    /// How old the newest file may be by its own date; none for any age.
    written_max_age: Option<Duration>,
    allow_empty: bool,
    next_at: Timestamp,
    /// What the folder looked like when it was last read without a mistake.
    last: Option<(Stamp, Option<BundleDigest>)>,
}

/// What came of looking at one source.
enum Look {
    /// It says what it said.
    Same(Stamp),
    /// It was read.
    New(Stamp, Reading),
    /// It cannot be read, or is not believed.
    Refused(String),
}

impl RecordsHandle {
    /// The records in force.
    pub fn records(&self) -> Arc<Records> {
        Arc::clone(&self.records.borrow())
    }

    /// How the sources are, by name.
    pub fn states(&self) -> Vec<SourceState> {
        self.records().states()
    }

    /// Tells when records changed; the cases they concern are due by the last time it tells.
    pub fn changed(&self) -> watch::Receiver<Arc<Records>> {
        self.records.clone()
    }

    /// Waits until every source was looked at since this start, well or not. What the store has of them
    /// is as old as the last process, and may only look too old.
    pub async fn looked(&self) {
        // Who reads no more has nothing newer either.
        drop(self.looked.clone().wait_for(|looked| *looked).await);
    }
}

impl Sources {
    /// Takes up what the store has of the configured sources, and forgets the others. Every case is
    /// due once: settings may have changed since the last start.
    pub async fn new(
        store: Store,
        settings: &BTreeMap<String, SourceSettings>,
        max_age: Duration,
        clock: Clock,
    ) -> Result<Self, StoreError> {
        let now = clock.now();
        store.keep_sources(settings.keys().map(String::as_str), now).await?;
        store.mark_all_due(None, now).await?;
        let max_age = SignedDuration::try_from(max_age).unwrap_or(SignedDuration::MAX);
        let rows: BTreeMap<_, _> =
            store.source_rows().await?.into_iter().map(|row| (row.name.clone(), row)).collect();
        let mut records = Records { sources: Vec::new(), max_age };
        let mut reads = Vec::new();
        for (name, settings) in settings {
            let stored = store.source_records(name).await?;
            let problem = rows.get(name).map(|row| row.problem.clone()).unwrap_or_default();
            let read_at = stored.as_ref().map(|stored| stored.read_at);
            let (devices, users) =
                stored.map(|stored| (stored.devices, stored.users)).unwrap_or_default();
            records.sources.push(Source {
                name: name.clone(),
                precedence: settings.precedence,
                only_for: settings.only_for(),
                allow_empty: settings.allow_empty,
                devices: Arc::new(Devices::new(devices)),
                users: Arc::new(Directory::new(users)),
                read_at,
                problem,
            });
            reads.push(Read::new(name, settings, now));
        }
        records.sources.sort_by(|one, other| {
            (one.precedence, &one.name).cmp(&(other.precedence, &other.name))
        });
        let trusted = trusted(&records, now);
        let (sender, _) = watch::channel(Arc::new(records));
        let (looked, _) = watch::channel(false);
        Ok(Self { store, clock, reads, records: sender, looked, trusted })
    }

    /// Gives access to the records.
    pub fn handle(&self) -> RecordsHandle {
        RecordsHandle { records: self.records.subscribe(), looked: self.looked.subscribe() }
    }

    /// Reads the sources whenever they are due, without end.
    pub async fn run(mut self) {
        loop {
            self.look().await;
            self.clock.until(self.next_look()).await;
        }
    }

    /// Reads every source that is due now. What fails is tried again at its next time.
    pub async fn look(&mut self) {
        let now = self.clock.now();
        for index in 0..self.reads.len() {
            let Some(read) = self.reads.get_mut(index).filter(|read| read.next_at <= now) else {
                continue;
            };
            let refresh = SignedDuration::try_from(read.refresh).unwrap_or(SignedDuration::MAX);
            read.next_at = now.checked_add(refresh).unwrap_or(Timestamp::MAX);
            let name = read.name.clone();
            if let Err(error) = self.refresh(index, now).await {
                let error = exgate_runtime::report(&error);
                tracing::error!(source = name, error, "records not stored");
            }
        }
        let records = Arc::clone(&self.records.borrow());
        let trusted = trusted(&records, now);
        if trusted != self.trusted {
            match self.store.mark_all_due(None, now).await {
                Ok(()) => {
                    self.trusted = trusted;
                    self.records.send_replace(records);
                }
                Err(error) => {
                    let error = exgate_runtime::report(&error);
                    tracing::error!(error, "cases not marked");
                }
            }
        }
        self.looked.send_replace(true);
    }

    /// When to look again: at the next reading, or when a source becomes too old.
    fn next_look(&self) -> Timestamp {
        let now = self.clock.now();
        let records = self.records.borrow();
        let reads = self.reads.iter().map(|read| read.next_at);
        let ends = records.sources.iter().zip(&self.trusted).filter(|(_, trusted)| **trusted);
        let ends = ends.filter_map(|(source, _)| {
            let limit = records.max_age.checked_add(SignedDuration::from_millis(1))?;
            source.read_at?.checked_add(limit).ok()
        });
        let ends = ends.filter(|end| *end > now);
        reads.chain(ends).min().unwrap_or(Timestamp::MAX)
    }

    async fn refresh(&mut self, index: usize, now: Timestamp) -> Result<(), StoreError> {
        let Some(read) = self.reads.get(index) else { return Ok(()) };
        let name = read.name.clone();
        let had = self.source(&name).is_some_and(|source| !source.devices.is_empty());
        match read.look(had, now).await {
            Look::Same(stamp) => {
                self.store.source_read(&name, now).await?;
                self.change(&name, |source| {
                    source.read_at = Some(now);
                    source.problem.clear();
                });
                self.keep(index, stamp, None);
            }
            Look::New(stamp, reading) => {
                let Reading { devices, users, digest } = reading;
                // Memory first: a case that is marked after that is answered by what is new.
                self.change(&name, |source| {
                    source.devices = Arc::new(Devices::new(devices.clone()));
                    source.users = Arc::new(Directory::new(users.clone()));
                    source.read_at = Some(now);
                    source.problem.clear();
                });
                let source = name.clone();
                let records = SourceRecords { source, devices, users, read_at: now };
                let changed = self.store.put_records(&records).await?;
                tracing::info!(
                    source = name,
                    devices = records.devices.len(),
                    users = records.users.len(),
                    changed,
                    "records read"
                );
                // Whoever waits for a change looks for due cases, which are there only now.
                self.change(&name, |_| {});
                self.keep(index, stamp, digest);
            }
            Look::Refused(problem) => self.refused(&name, problem, now).await?,
        }
        Ok(())
    }

    async fn refused(
        &mut self,
        name: &str,
        problem: String,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if self.source(name).is_some_and(|source| source.problem == problem) {
            return Ok(());
        }
        tracing::warn!(source = name, problem, "records refused; the last good ones stand");
        self.store.source_problem(name, &problem).await?;
        let entry = AuditEntry {
            at: now,
            actor: "sources".to_owned(),
            action: AuditAction::SourceHeld,
            organization: None,
            subject: name.to_owned(),
            detail: problem.clone(),
        };
        self.store.audit(&entry).await?;
        self.change(name, |source| source.problem = problem);
        Ok(())
    }

    fn keep(&mut self, index: usize, stamp: Stamp, digest: Option<BundleDigest>) {
        if let Some(read) = self.reads.get_mut(index) {
            let digest = digest.or_else(|| read.last.take().and_then(|(_, digest)| digest));
            read.last = Some((stamp, digest));
        }
    }

    fn source(&self, name: &str) -> Option<Source> {
        self.records.borrow().sources.iter().find(|source| source.name == name).cloned()
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Source)) {
        self.records.send_modify(|records| {
            let mut next = Records::clone(records);
            if let Some(source) = next.sources.iter_mut().find(|source| source.name == name) {
                change(source);
            }
            *records = Arc::new(next);
        });
    }
}

impl Read {
    fn new(name: &str, settings: &SourceSettings, now: Timestamp) -> Self {
        let SourceSettings { kind, path, refresh, written_max_age, allow_empty, .. } = settings;
        let written_max_age = written_max_age.duration();
        match kind {
            SourceKind::File => Self {
                name: name.to_owned(),
                folder: path.clone(),
                refresh: refresh.duration(),
                written_max_age: (!written_max_age.is_zero()).then_some(written_max_age),
                allow_empty: *allow_empty,
                next_at: now,
                last: None,
            },
        }
    }

    /// Looks at the folder, and reads it when it looks different. `had` says whether it listed
    /// devices before.
    async fn look(&self, had: bool, now: Timestamp) -> Look {
        let folder = self.folder.clone();
        let last = self.last.clone();
        let provenance = Provenance { source: self.name.clone(), read_at: now };
        let reading = tokio::task::spawn_blocking(move || {
            let stamp = folder::stamp(&folder);
            if last.as_ref().is_some_and(|(last, _)| *last == stamp) {
                return Ok((stamp, None));
            }
            folder::read(&folder, &provenance).map(|reading| (stamp, Some(reading)))
        });
        let reading = match reading.await {
            Ok(Ok(reading)) => reading,
            Ok(Err(problems)) => {
                let problems: Vec<_> = problems.iter().map(Problem::to_string).collect();
                return Look::Refused(problems.join("; "));
            }
            Err(error) => return Look::Refused(format!("the reader ended early: {error}")),
        };
        if let Some(problem) = self.too_old(&reading.0, now) {
            return Look::Refused(problem);
        }
        let digest = self.last.as_ref().and_then(|(_, digest)| *digest);
        match reading {
            (stamp, None) => Look::Same(stamp),
            (stamp, Some(reading)) if reading.digest == digest => Look::Same(stamp),
            (_, Some(reading)) if reading.devices.is_empty() && had && !self.allow_empty => {
                let (name, folder) = (&self.name, self.folder.display());
                Look::Refused(format!(
                    "{folder}: no device is listed any more, so the last list is kept (if that is so, set sources.{name}.allow_empty = true)"
                ))
            }
            (stamp, Some(reading)) => Look::New(stamp, reading),
        }
    }
}

impl Read {
    /// Says which file was written last, if that is too long ago. One of the two may rest for longer: staff
    /// changes less often than phones.
    fn too_old(&self, stamp: &Stamp, now: Timestamp) -> Option<String> {
        let limit = SignedDuration::try_from(self.written_max_age?).ok()?;
        let written = stamp
            .iter()
            .filter_map(|(file, at, _)| Some((Timestamp::try_from((*at)?).ok()?, file)));
        let (at, file) = written.max().filter(|(at, _)| now.duration_since(*at) > limit)?;
        let (name, path) = (&self.name, self.folder.join(file));
        Some(format!(
            "{}: it was written at {at:.0}, longer than {limit:#} ago, so the export may have stopped (write it again, or set sources.{name}.written_max_age)",
            path.display()
        ))
    }
}

/// Which sources can be relied on, in their order.
fn trusted(records: &Records, now: Timestamp) -> Vec<bool> {
    let trust = |source: &Source| {
        source.trust(records.max_age, now) == Trust::Fresh && source.lists_devices()
    };
    records.sources.iter().map(trust).collect()
}

/// Checks a folder of record files: one line per problem, none when all is well.
pub fn check(folder: &Path) -> Vec<String> {
    let provenance = Provenance { source: String::new(), read_at: Timestamp::UNIX_EPOCH };
    let problems = folder::read(folder, &provenance).err().unwrap_or_default();
    problems.iter().map(Problem::to_string).collect()
}

#[cfg(test)]
mod tests;
