//! One sync: a scope is looked at, and what has changed leaves in pages as it arrives. An object that
//! is as it was when the coordinator last acknowledged it costs one comparison and travels, at most,
//! as its key.

mod digests;
mod raw;

use std::sync::Arc;

use tokio::sync::mpsc;

use exgate_domain::ids::ObservationDigest;
use exgate_domain::observation::{Key, Kind, Observation, Scope};
use exgate_domain::snapshot::{Commit, PAGE_BYTES_MAX, PAGE_ROWS_MAX, Page};
use exgate_domain::sync::Completeness;
use exgate_proto::convert;

use crate::exchange::{Exchange, LookError, Seeing, Seen, Step};

pub use digests::{DigestTable, RawDigest, Reading, SCRUB_EVERY, Seal};
pub use raw::{Skim, Skimmed};

/// How many batches of objects may wait between Exchange and the pages.
const BATCHES_WAITING_MAX: usize = 4;
/// After how many objects of a step progress is told.
const PROGRESS_EVERY: u64 = 250;

/// What a sync says while it runs.
#[derive(Debug)]
pub enum Told {
    /// How far it is.
    Progress {
        /// What is being read.
        step: Step,
        /// Objects seen in this step.
        done: u64,
    },
    /// A page is full.
    Page(Page),
}

/// Looks at `scope` and tells what it sees; the commit comes back once all has been told. What the
/// digest table learns counts only after [`DigestTable::acknowledge`].
///
/// # Errors
/// When Exchange cannot be read to the end, or nobody listens any more.
pub async fn collect(
    exchange: Arc<dyn Exchange>,
    scope: &Scope,
    digests: &DigestTable,
    told: &mpsc::Sender<Told>,
) -> Result<Commit, LookError> {
    let (seen, mut arriving) = mpsc::channel(BATCHES_WAITING_MAX);
    let mut pages = Pages::new(scope, digests);
    let reading = async {
        let mut step = None;
        let mut done = 0_u64;
        while let Some(seen) = arriving.recv().await {
            match seen {
                Seen::Step(next) => {
                    (step, done) = (Some(next), 0);
                    tell_progress(told, step, done).await?;
                }
                Seen::Objects(objects) => {
                    let before = done;
                    for object in objects {
                        done += 1;
                        if let Some(page) = pages.add(object) {
                            tell(told, Told::Page(page)).await?;
                        }
                    }
                    if before / PROGRESS_EVERY != done / PROGRESS_EVERY {
                        tell_progress(told, step, done).await?;
                    }
                }
            }
        }
        Ok(())
    };
    let looking = exchange.look(scope, digests, seen);
    let (completeness, read) = futures_util::future::join(looking, reading).await;
    read?;
    let (last, commit) = pages.finish(completeness?);
    if let Some(page) = last {
        tell(told, Told::Page(page)).await?;
    }
    Ok(commit)
}

async fn tell(told: &mpsc::Sender<Told>, what: Told) -> Result<(), LookError> {
    told.send(what).await.map_err(|_| LookError::Abandoned)
}

async fn tell_progress(
    told: &mpsc::Sender<Told>,
    step: Option<Step>,
    done: u64,
) -> Result<(), LookError> {
    match step {
        Some(step) => tell(told, Told::Progress { step, done }).await,
        None => Ok(()),
    }
}

/// Fills pages and keeps count.
struct Pages<'a> {
    scope: &'a Scope,
    digests: &'a DigestTable,
    observations: Vec<Observation>,
    sums: Vec<ObservationDigest>,
    unchanged: Vec<Key>,
    bytes: usize,
    rows: u64,
    roots: Vec<ObservationDigest>,
}

impl<'a> Pages<'a> {
    fn new(scope: &'a Scope, digests: &'a DigestTable) -> Self {
        Self {
            scope,
            digests,
            observations: Vec::new(),
            sums: Vec::new(),
            unchanged: Vec::new(),
            bytes: 0,
            rows: 0,
            roots: Vec::new(),
        }
    }

    /// Takes an object in, and gives back the page that it did not fit into any more.
    fn add(&mut self, seeing: Seeing) -> Option<Page> {
        let (object, raw) = match seeing {
            Seeing::Known(key) => return self.add_known(key),
            Seeing::Read { observation, raw } => (observation, raw),
        };
        let key = object.key();
        let encoded = convert::encode_observation(&object);
        let sum = ObservationDigest::of(&encoded);
        let is_known = self.digests.see(key, sum, raw);
        // A read-back is asked for because somebody wants to know: it is always told.
        let is_read_back = matches!(self.scope, Scope::Mailboxes(_));
        if is_known && !is_read_back {
            return self.add_known(key);
        }
        let page = self.make_room(encoded.len());
        self.observations.push(object);
        self.sums.push(sum);
        self.bytes += encoded.len();
        page
    }

    /// Takes in an object that the coordinator has.
    fn add_known(&mut self, key: Key) -> Option<Page> {
        match (self.scope, key.kind) {
            // Only a look at everything proves anything by the devices and mailboxes that it saw.
            (Scope::ChangedSince(_), Kind::Device | Kind::Mailbox) => return None,
            (Scope::ChangedSince(_), Kind::Settings | Kind::Rule | Kind::Server)
            | (Scope::Everything | Scope::Mailboxes(_), _) => {}
        }
        let page = self.make_room(0);
        self.unchanged.push(key);
        page
    }

    /// The page so far, if it cannot hold one more object of so many bytes.
    fn make_room(&mut self, bytes: usize) -> Option<Page> {
        let is_full = self.observations.len() + self.unchanged.len() >= PAGE_ROWS_MAX
            || self.bytes + bytes > PAGE_BYTES_MAX;
        if is_full { self.take() } else { None }
    }

    fn take(&mut self) -> Option<Page> {
        let observations = std::mem::take(&mut self.observations);
        let unchanged = std::mem::take(&mut self.unchanged);
        let rows = observations.len() + unchanged.len();
        if rows == 0 {
            return None;
        }
        let digest = convert::page_digest(&std::mem::take(&mut self.sums), &unchanged);
        self.bytes = 0;
        self.rows += u64::try_from(rows).unwrap_or(u64::MAX);
        self.roots.push(digest);
        let number = u64::try_from(self.roots.len()).unwrap_or(u64::MAX);
        Some(Page { number, observations, unchanged, digest })
    }

    fn finish(mut self, completeness: Completeness) -> (Option<Page>, Commit) {
        let last = self.take();
        let pages = u64::try_from(self.roots.len()).unwrap_or(u64::MAX);
        let root = convert::root_digest(&self.roots);
        (last, Commit { pages, rows: self.rows, root, completeness })
    }
}

#[cfg(test)]
mod tests;
