//! Observations become the inventory: pages are staged, and only a commit that fits them puts the
//! snapshot in the place of what is stored, in one transaction.
//!
//! A snapshot that is cut, does not fit, or comes under an older lease changes nothing. One that is
//! whole but not complete (an error beside the output, a truncated answer) stores what it shows and
//! says nothing about what it does not show. Rows that were sent wait in a file of their run; in memory
//! are only the keys of the rows that were not. An upload that broke off may go on after the last page
//! that is staged; of one run, only the newest upload is listened to.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use exgate_domain::ids::{Generation, ObservationDigest, OrganizationId, RunId, SnapshotId};
use exgate_domain::observation::{Key, Scope};
use exgate_domain::snapshot::{Begin, Commit, PAGE_BYTES_MAX, PAGE_ROWS_MAX, Page};
use exgate_domain::sync::Tally;
use exgate_proto::convert::{page_digest, root_digest};

use crate::store::{
    Extent, ObservedRow, Shrunk, StagedPage, Staging, Store, StoreError, Swap, Swapped,
};

/// The most pages of one snapshot: ten million rows in full pages, and as many again in small ones.
const PAGES_MAX: usize = 40_000;
/// How much less than the last complete look at everything the next one may see, in percent, unless
/// the operator says otherwise. A listing that lacks more is likelier to be cut than to be true.
pub const SHRINK_PERCENT_MAX: u8 = 20;

/// A snapshot that stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// What it found, in devices.
    pub tally: Tally,
    /// Objects that were new or different.
    pub rows_changed: u64,
    /// Objects that were as they were.
    pub rows_unchanged: u64,
    /// Whether nothing speaks against its having shown all that its scope asks for.
    pub complete: bool,
    /// What it saw too little of to be believed.
    pub shrunk: Option<Shrunk>,
}

/// Why a snapshot is refused. Nothing of it is stored.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    /// There is no such organization.
    #[error("there is no organization {0:?}")]
    UnknownOrganization(String),
    /// The lease is not the snapshot's.
    #[error("the snapshot was made under lease {generation}, which is not the organization's now")]
    LeaseLost {
        /// The snapshot's lease.
        generation: Generation,
    },
    /// The agent remembers an object that is not stored: it has to send every row again.
    #[error("object {guid} is said to be unchanged and is not stored")]
    DigestsUnknown {
        /// One such object.
        guid: uuid::Uuid,
    },
    /// A page is missing or comes twice.
    #[error("page {actual} came where page {expected} has to")]
    PageOrder {
        /// The number it has to have.
        expected: u64,
        /// The number it has.
        actual: u64,
    },
    /// A page holds too much.
    #[error(
        "page {page} has {rows} rows and {bytes} bytes; {PAGE_ROWS_MAX} rows and {PAGE_BYTES_MAX} bytes are the most"
    )]
    PageSize {
        /// Its number.
        page: u64,
        /// Its rows.
        rows: usize,
        /// The bytes of its observations.
        bytes: usize,
    },
    /// There are too many pages.
    #[error("a snapshot has at most {PAGES_MAX} pages")]
    TooManyPages,
    /// What arrived is not what was sent.
    #[error("page {page} does not have the digest that it names")]
    PageDigest {
        /// Its number.
        page: u64,
    },
    /// The commit counts something else than what arrived.
    #[error(
        "the commit counts {pages} pages and {rows} rows, and {pages_seen} pages and {rows_seen} rows arrived"
    )]
    Count {
        /// Pages that the commit counts.
        pages: u64,
        /// Rows that the commit counts.
        rows: u64,
        /// Pages that arrived.
        pages_seen: u64,
        /// Rows that arrived.
        rows_seen: u64,
    },
    /// The commit is for other pages.
    #[error("the commit does not have the digest of the pages that arrived")]
    RootDigest,
    /// The store refused.
    #[error("the snapshot could not be stored")]
    Store(#[from] StoreError),
}

/// What a refusal means to the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It is not the writer any more.
    LeaseLost,
    /// It has to send every row again.
    DigestsUnknown,
    /// It serves an organization that is not there.
    NotFound,
    /// What it sent does not fit together.
    Malformed,
    /// The fault is ours.
    Internal,
}

impl InventoryError {
    /// What it means to the agent.
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::UnknownOrganization(_) => Refusal::NotFound,
            Self::LeaseLost { .. } => Refusal::LeaseLost,
            Self::DigestsUnknown { .. } => Refusal::DigestsUnknown,
            Self::PageOrder { .. }
            | Self::PageSize { .. }
            | Self::TooManyPages
            | Self::PageDigest { .. }
            | Self::Count { .. }
            | Self::RootDigest => Refusal::Malformed,
            Self::Store(_) => Refusal::Internal,
        }
    }
}

/// Takes snapshots; cheap to clone.
#[derive(Debug, Clone)]
pub struct Inventory {
    store: Store,
    shrink_percent_max: u8,
    turns: Arc<Mutex<HashMap<OrganizationId, Turn>>>,
}

/// Whose upload an organization's is.
#[derive(Debug, Clone, Default)]
struct Turn {
    overtaken: CancellationToken,
    taken: Arc<AsyncMutex<()>>,
}

impl Inventory {
    /// Keeps the inventory in `store`.
    pub fn new(store: Store) -> Self {
        Self { store, shrink_percent_max: SHRINK_PERCENT_MAX, turns: Arc::default() }
    }

    /// Believes a look at everything that sees up to so much less than the one before, in percent.
    #[must_use]
    pub fn with_shrink_max(self, percent: u8) -> Self {
        Self { shrink_percent_max: percent, ..self }
    }

    /// Tells the upload before that it was overtaken, and waits until it has let go.
    async fn turn(
        &self,
        organization: &OrganizationId,
    ) -> (CancellationToken, OwnedMutexGuard<()>) {
        let (overtaken, taken) = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            let turn = turns.entry(organization.clone()).or_default();
            turn.overtaken.cancel();
            turn.overtaken = CancellationToken::new();
            (turn.overtaken.clone(), Arc::clone(&turn.taken))
        };
        (overtaken, taken.lock_owned().await)
    }

    /// Opens a snapshot, or goes on with one whose upload broke off. Nothing of it counts before its
    /// commit.
    pub async fn begin(&self, begin: Begin, now: Timestamp) -> Result<Snapshot, InventoryError> {
        let Begin {
            id: snapshot,
            run,
            organization,
            generation,
            scope,
            agent: _,
            domain_controller: _,
        } = begin;
        if self.store.organization(&organization).await?.is_none() {
            return Err(InventoryError::UnknownOrganization(organization.to_string()));
        }
        let lease = self.store.lease(&organization).await?;
        if lease.is_none_or(|lease| lease.generation != generation) {
            return Err(InventoryError::LeaseLost { generation });
        }
        let started_at = self.store.run(run).await?.and_then(|stored| stored.started_at);
        let (overtaken, turn) = self.turn(&organization).await;
        let (staging, staged) = self.store.staging(run, snapshot).await?;
        if !staged.pages.is_empty() {
            let pages = staged.pages.len();
            tracing::info!(%organization, %run, pages, "an upload goes on");
        }
        Ok(Snapshot {
            store: self.store.clone(),
            id: snapshot,
            run,
            organization,
            generation,
            scope,
            started_at,
            staging,
            unchanged: staged.unchanged,
            pages: staged.pages,
            rows: staged.rows,
            begun: (now, Instant::now()),
            shrink_percent_max: self.shrink_percent_max,
            overtaken,
            _turn: turn,
        })
    }
}

/// A snapshot that is being received.
#[derive(Debug)]
pub struct Snapshot {
    store: Store,
    id: SnapshotId,
    run: RunId,
    organization: OrganizationId,
    generation: Generation,
    scope: Scope,
    /// When its run was handed to the agent.
    started_at: Option<Timestamp>,
    staging: Staging,
    unchanged: HashSet<Key>,
    pages: Vec<ObservationDigest>,
    rows: u64,
    begun: (Timestamp, Instant),
    shrink_percent_max: u8,
    overtaken: CancellationToken,
    _turn: OwnedMutexGuard<()>,
}

impl Snapshot {
    /// Its id.
    pub fn id(&self) -> SnapshotId {
        self.id
    }

    /// The run it belongs to.
    pub fn run(&self) -> RunId {
        self.run
    }

    /// How many pages are staged.
    pub fn pages(&self) -> usize {
        self.pages.len()
    }

    /// Waits until another upload for the organization has begun.
    pub fn overtaken(&self) -> impl Future<Output = ()> + use<> {
        self.overtaken.clone().cancelled_owned()
    }

    /// Takes the next page.
    pub async fn page(&mut self, page: Page) -> Result<(), InventoryError> {
        let Page { number, observations, unchanged, digest, finished } = page;
        let expected = self.pages.len() as u64 + 1;
        if number != expected {
            return Err(InventoryError::PageOrder { expected, actual: number });
        }
        if self.pages.len() >= PAGES_MAX {
            return Err(InventoryError::TooManyPages);
        }
        let rows: Vec<_> = observations.iter().map(ObservedRow::of).collect();
        drop(observations);
        let count = rows.len() + unchanged.len();
        let bytes = rows.iter().map(|row| row.observation.len()).sum();
        if count > PAGE_ROWS_MAX || bytes > PAGE_BYTES_MAX {
            return Err(InventoryError::PageSize { page: number, rows: count, bytes });
        }
        let digests: Vec<_> = rows.iter().map(|row| row.digest).collect();
        if page_digest(&digests, &unchanged) != digest {
            return Err(InventoryError::PageDigest { page: number });
        }
        if let Some(key) =
            self.store.first_unknown(&self.organization, &unchanged, self.started_at).await?
        {
            return Err(InventoryError::DigestsUnknown { guid: key.guid });
        }
        let staged = StagedPage {
            number,
            digest,
            unchanged: &unchanged,
            finished: finished.as_ref(),
            now: self.now(),
        };
        self.staging.put(staged, &rows).await?;
        self.unchanged.extend(unchanged);
        self.pages.push(digest);
        self.rows += count as u64;
        Ok(())
    }

    fn now(&self) -> Timestamp {
        let (at, since) = self.begun;
        at.checked_add(since.elapsed()).unwrap_or(at)
    }

    /// Puts the snapshot in the place of what is stored, if `commit` fits what arrived.
    pub async fn commit(self, commit: Commit, now: Timestamp) -> Result<Committed, InventoryError> {
        let Commit { pages, rows, root, completeness } = commit;
        let (pages_seen, rows_seen) = (self.pages.len() as u64, self.rows);
        if (pages, rows) != (pages_seen, rows_seen) {
            return Err(InventoryError::Count { pages, rows, pages_seen, rows_seen });
        }
        if root_digest(&self.pages) != root {
            return Err(InventoryError::RootDigest);
        }
        let complete = completeness.is_complete();
        let extent = match (&self.scope, complete) {
            (Scope::Everything, true) => Extent::Whole,
            (Scope::ChangedSince(_), true) => Extent::Changes,
            (Scope::Everything | Scope::ChangedSince(_), false) | (Scope::Mailboxes(_), _) => {
                Extent::Part
            }
        };
        let swap = Swap {
            organization: self.organization,
            generation: self.generation,
            staging: self.staging,
            unchanged: self.unchanged,
            extent,
            completeness,
            shrink_percent_max: self.shrink_percent_max,
            started_at: self.started_at,
            now,
        };
        match self.store.swap(swap).await? {
            Swapped::Stored { tally, rows_changed, rows_unchanged, shrunk } => {
                Ok(Committed { tally, rows_changed, rows_unchanged, complete, shrunk })
            }
            Swapped::LeaseLost => Err(InventoryError::LeaseLost { generation: self.generation }),
            Swapped::Unknown(key) => Err(InventoryError::DigestsUnknown { guid: key.guid }),
        }
    }
}

#[cfg(test)]
mod tests;
