//! One sync: a scope is looked at, and what has changed leaves in pages as it arrives. An object that
//! is as it was when the coordinator last acknowledged it costs one comparison and travels, at most,
//! as its key. A listing that broke off and was run again shows objects twice; they are told once.

mod digests;
mod raw;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use exgate_domain::ids::ObservationDigest;
use exgate_domain::observation::{Key, Kind, Observation, Scope};
use exgate_domain::snapshot::{Commit, Finished, PAGE_BYTES_MAX, PAGE_ROWS_MAX, Page, Resume};
use exgate_domain::sync::Completeness;
use exgate_proto::convert;

use crate::exchange::{Exchange, LookError, Seeing, Seen, Step, Wanted};

pub use digests::{DigestTable, RawDigest, Reading, SCRUB_EVERY, Seal};
pub use raw::{Skim, Skimmed};

/// How many batches of objects may wait between Exchange and the pages.
const BATCHES_WAITING_MAX: usize = 4;
/// After how many objects of a step progress is told.
const PROGRESS_EVERY: u64 = 250;
/// How long a page may wait for somebody who takes it: an upload that broke off, or a coordinator that
/// restarts. Longer than a coordinator waits for its agent.
const TELL_MAX: Duration = Duration::from_secs(15 * 60);

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
    Page(Sheet),
}

/// A page, and the bytes of its observations as they were summed up.
#[derive(Debug)]
pub struct Sheet {
    /// The page.
    pub page: Page,
    /// Its observations, encoded: what is kept of a page until it is known to have arrived.
    pub encoded: Vec<Vec<u8>>,
}

/// Looks at what is wanted and tells what it sees, after the pages of `resume`; the commit comes back
/// once all has been told. What the digest table learns counts only after
/// [`DigestTable::acknowledge`].
///
/// # Errors
/// When Exchange cannot be read to the end, or nobody listens any more.
pub async fn collect(
    exchange: Arc<dyn Exchange>,
    wanted: &Wanted,
    resume: Option<&Resume>,
    digests: &DigestTable,
    told: &mpsc::Sender<Told>,
) -> Result<Commit, LookError> {
    let (seen, mut arriving) = mpsc::channel(BATCHES_WAITING_MAX);
    let mut pages = Pages::new(&wanted.scope, resume, digests);
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
                        if let Some(sheet) = pages.add(object) {
                            tell(told, Told::Page(sheet)).await?;
                        }
                    }
                    if before / PROGRESS_EVERY != done / PROGRESS_EVERY {
                        tell_progress(told, step, done).await?;
                    }
                }
                Seen::Repeated => pages.repeat(),
                Seen::Finished(finished) => {
                    tell(told, Told::Page(pages.close(Some(finished)))).await?;
                }
            }
        }
        Ok(())
    };
    let looking = exchange.look(wanted, digests, seen);
    let (completeness, read) = futures_util::future::join(looking, reading).await;
    read?;
    let completeness = completeness?;
    if !completeness.is_complete() {
        // Some of what it did not show may be the mailbox of a device that it did.
        digests.owners_shown(false);
    }
    let (last, commit) = pages.finish(completeness);
    if let Some(sheet) = last {
        tell(told, Told::Page(sheet)).await?;
    }
    Ok(commit)
}

async fn tell(told: &mpsc::Sender<Told>, what: Told) -> Result<(), LookError> {
    let sent = tokio::time::timeout(TELL_MAX, told.send(what)).await;
    sent.map_err(|_| LookError::Abandoned)?.map_err(|_| LookError::Abandoned)
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
    encoded: Vec<Vec<u8>>,
    sums: Vec<ObservationDigest>,
    unchanged: Vec<Key>,
    bytes: usize,
    rows: u64,
    roots: Vec<ObservationDigest>,
    /// A listing began again: some of what comes was told.
    has_repeated: bool,
}

impl<'a> Pages<'a> {
    fn new(scope: &'a Scope, resume: Option<&Resume>, digests: &'a DigestTable) -> Self {
        Self {
            scope,
            digests,
            observations: Vec::new(),
            encoded: Vec::new(),
            sums: Vec::new(),
            unchanged: Vec::new(),
            bytes: 0,
            rows: resume.map_or(0, |resume| resume.rows),
            roots: resume.map(|resume| resume.pages.clone()).unwrap_or_default(),
            has_repeated: false,
        }
    }

    fn repeat(&mut self) {
        self.digests.begins_again();
        self.has_repeated = true;
    }

    /// Takes an object in, and gives back the page that it did not fit into any more.
    fn add(&mut self, seeing: Seeing) -> Option<Sheet> {
        let (object, raw) = match seeing {
            Seeing::Known(key) => return self.add_known(key),
            Seeing::Read { observation, raw } => (observation, raw),
        };
        let key = object.key();
        let encoded = convert::encode_observation(&object);
        let sum = ObservationDigest::of(&encoded);
        if self.has_repeated && self.digests.was_told(key, sum) {
            return None;
        }
        let is_known = self.digests.see(key, sum, raw);
        // A read-back is asked for because somebody wants to know: it is always told.
        let is_read_back = matches!(self.scope, Scope::Mailboxes(_));
        if is_known && !is_read_back {
            return self.add_known(key);
        }
        let sheet = self.make_room(encoded.len());
        self.bytes += encoded.len();
        self.observations.push(object);
        self.encoded.push(encoded);
        self.sums.push(sum);
        sheet
    }

    /// Takes in an object that the coordinator has.
    fn add_known(&mut self, key: Key) -> Option<Sheet> {
        match (self.scope, key.kind) {
            // Only a look at everything proves anything by what it saw of these.
            (
                Scope::ChangedSince(_),
                Kind::Device | Kind::Mailbox | Kind::DeviceClass | Kind::MailboxPolicy,
            ) => return None,
            (Scope::ChangedSince(_), Kind::Settings | Kind::Rule | Kind::Server)
            | (Scope::Everything | Scope::Mailboxes(_), _) => {}
        }
        let sheet = self.make_room(0);
        self.unchanged.push(key);
        sheet
    }

    /// The page so far, if it cannot hold one more object of so many bytes.
    fn make_room(&mut self, bytes: usize) -> Option<Sheet> {
        let is_full = self.held() >= PAGE_ROWS_MAX || self.bytes + bytes > PAGE_BYTES_MAX;
        (is_full && self.held() > 0).then(|| self.close(None))
    }

    /// How many rows wait for their page to be full.
    fn held(&self) -> usize {
        self.observations.len() + self.unchanged.len()
    }

    /// Ends the page that is being filled.
    fn close(&mut self, finished: Option<Finished>) -> Sheet {
        let rows = self.held();
        let observations = std::mem::take(&mut self.observations);
        let unchanged = std::mem::take(&mut self.unchanged);
        let digest = convert::page_digest(&std::mem::take(&mut self.sums), &unchanged);
        self.bytes = 0;
        self.rows += u64::try_from(rows).unwrap_or(u64::MAX);
        self.roots.push(digest);
        let number = u64::try_from(self.roots.len()).unwrap_or(u64::MAX);
        let encoded = std::mem::take(&mut self.encoded);
        Sheet { page: Page { number, observations, unchanged, digest, finished }, encoded }
    }

    fn finish(mut self, completeness: Completeness) -> (Option<Sheet>, Commit) {
        let last = (self.held() > 0).then(|| self.close(None));
        let pages = u64::try_from(self.roots.len()).unwrap_or(u64::MAX);
        let root = convert::root_digest(&self.roots);
        (last, Commit { pages, rows: self.rows, root, completeness })
    }
}

#[cfg(test)]
mod tests;
