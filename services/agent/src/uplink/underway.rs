//! A look whose upload may break off and go on: it reads in a task of its own and waits while nobody
//! takes its pages, and the newest pages are kept until they must have arrived. It outlives the
//! attachment it was ordered in.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard, mpsc, oneshot};
use tracing::Instrument;
use uuid::Uuid;

use exgate_domain::ids::{Generation, ObservationDigest, RunId, SnapshotId};
use exgate_domain::observation::{Key, Scope};
use exgate_domain::snapshot::{Commit, Finished, Page, Resume};
use exgate_proto::convert;
use exgate_runtime::Tasks;

use super::sync::Ordered;
use crate::collect::{DigestTable, Seal, Sheet, Told, collect};
use crate::exchange::{Exchange, LookError, Wanted};

/// How many pages may wait to be sent.
const PAGES_WAITING_MAX: usize = 2;
/// The encoded bytes of pages that are kept after they were sent: more than lies in the buffers of one
/// stream at any time, so that the page that the coordinator wants next is among them.
const KEPT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What came of a look, and the digests it worked with.
type Looked = (Result<Commit, LookError>, OwnedMutexGuard<DigestTable>);

/// A look under way.
#[derive(Debug)]
pub(super) struct Underway {
    pub(super) run: RunId,
    pub(super) snapshot: SnapshotId,
    pub(super) wanted: Wanted,
    generation: Generation,
    told: mpsc::Receiver<Told>,
    looked: Option<oneshot::Receiver<Looked>>,
    /// What came of it, once it is over.
    over: Option<Looked>,
    kept: Kept,
    tasks: Tasks,
}

/// What is sent next.
#[derive(Debug)]
pub(super) enum Next {
    /// Something that was told.
    Told(Told),
    /// All was told.
    Over(Result<Commit, LookError>),
}

impl Underway {
    /// Starts the look that is ordered, after the step that need not be listed again.
    pub(super) fn begin(
        order: &Ordered,
        exchange: Arc<dyn Exchange>,
        mut digests: OwnedMutexGuard<DigestTable>,
        tasks: &Tasks,
    ) -> Self {
        let resume = order.resume.clone().filter(|resume| resume.finished.is_some());
        let wanted = Wanted {
            scope: order.scope.clone(),
            controller: order.domain_controller.clone(),
            after: resume.as_ref().and_then(|resume| resume.finished.clone()),
        };
        let snapshot =
            resume.as_ref().map_or_else(|| SnapshotId::new(Uuid::new_v4()), |resume| resume.id);
        let kept = Kept::after(resume.as_ref());
        digests.begin(order.generation, order.forget_digests, seal(&order.scope));
        let (telling, told) = mpsc::channel(PAGES_WAITING_MAX);
        let (ended, looked) = oneshot::channel();
        let tasks = tasks.child("look");
        let stopped = tasks.stopped();
        let asked = wanted.clone();
        let look = async move {
            let looking = collect(exchange, &asked, resume.as_ref(), &digests, &telling);
            let looked = tokio::select! {
                looked = looking => looked,
                () = stopped => Err(LookError::Abandoned),
            };
            drop(telling);
            // Nobody wants to know any more.
            drop(ended.send((looked, digests)));
        };
        tasks.spawn("look", look.in_current_span());
        Self {
            run: order.run,
            snapshot,
            wanted,
            generation: order.generation,
            told,
            looked: Some(looked),
            over: None,
            kept,
            tasks,
        }
    }

    /// Takes up an order to go on where the coordinator stands; `false` when this is another look, or
    /// one that cannot go on there.
    pub(super) fn goes_on(&mut self, order: &Ordered) -> bool {
        let Some(resume) = &order.resume else { return false };
        // A lease between the two would be another agent's: what it told meanwhile is not known here.
        let next = self.generation.get().saturating_add(1);
        let follows = order.generation == self.generation || order.generation.get() == next;
        let is_it = self.run == order.run && self.snapshot == resume.id && follows;
        if !is_it || !self.kept.begin_after(&resume.pages) {
            return false;
        }
        self.generation = order.generation;
        true
    }

    /// The next page to send, or what comes after the last one. Nothing is lost when the caller goes
    /// away while it waits.
    pub(super) async fn next(&mut self) -> Next {
        if let Some(page) = self.kept.next() {
            return Next::Told(Told::Page(page));
        }
        if self.over.is_none() {
            match self.told.recv().await {
                Some(Told::Page(sheet)) => {
                    return Next::Told(Told::Page(self.kept.keep(sheet)));
                }
                Some(told) => return Next::Told(told),
                None => self.end().await,
            }
        }
        match &self.over {
            Some((commit, _)) => Next::Over(commit.clone()),
            None => Next::Over(Err(LookError::Abandoned)),
        }
    }

    async fn end(&mut self) {
        if let Some(looked) = &mut self.looked {
            self.over = looked.await.ok();
            self.looked = None;
        }
    }

    /// Whether it is over everything.
    pub(super) fn seal(&self) -> Seal {
        seal(&self.wanted.scope)
    }

    /// The digests, once all was told and stored.
    pub(super) fn into_digests(mut self) -> Option<OwnedMutexGuard<DigestTable>> {
        let (_, mut digests) = self.over.take()?;
        digests.go_on(self.generation);
        Some(digests)
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.tasks.cancel();
    }
}

/// The newest pages of a look.
#[derive(Debug, Default)]
struct Kept {
    /// Digests of all pages so far.
    digests: Vec<ObservationDigest>,
    pages: VecDeque<KeptPage>,
    bytes: usize,
    /// Number of the last page that was given out.
    given: u64,
}

/// A page as it is kept: its observations encoded.
#[derive(Debug)]
struct KeptPage {
    number: u64,
    encoded: Vec<Vec<u8>>,
    unchanged: Vec<Key>,
    digest: ObservationDigest,
    finished: Option<Finished>,
}

impl Kept {
    /// Nothing yet, after the pages that are staged.
    fn after(resume: Option<&Resume>) -> Self {
        let digests = resume.map(|resume| resume.pages.clone()).unwrap_or_default();
        Self { given: count(digests.len()), digests, ..Self::default() }
    }

    /// Keeps a page that is being given out.
    fn keep(&mut self, sheet: Sheet) -> Sheet {
        let Sheet { page, encoded } = sheet;
        let kept = KeptPage {
            number: page.number,
            unchanged: page.unchanged.clone(),
            digest: page.digest,
            finished: page.finished.clone(),
            encoded,
        };
        self.digests.push(page.digest);
        self.given = page.number;
        self.bytes += kept.bytes();
        self.pages.push_back(kept);
        while self.bytes > KEPT_BYTES_MAX && self.pages.len() > 1 {
            self.bytes -= self.pages.pop_front().map_or(0, |oldest| oldest.bytes());
        }
        Sheet { page, encoded: Vec::new() }
    }

    /// Goes back to where these pages end; `false` when that cannot be.
    fn begin_after(&mut self, staged: &[ObservationDigest]) -> bool {
        let next = count(staged.len()).saturating_add(1);
        let is_kept = self.pages.front().is_some_and(|oldest| oldest.number <= next);
        let all_arrived = staged.len() == self.digests.len();
        if !self.digests.starts_with(staged) || !(is_kept || all_arrived) {
            return false;
        }
        self.given = count(staged.len());
        true
    }

    /// The page after the last one that was given out, if it was read already.
    fn next(&mut self) -> Option<Sheet> {
        let number = self.given.saturating_add(1);
        let kept = self.pages.iter().find(|kept| kept.number == number)?;
        let read = |bytes: &Vec<u8>| convert::decode_observation(bytes);
        // What was encoded here is read here.
        let observations = kept.encoded.iter().map(read).collect::<Result<_, _>>().ok()?;
        let page = Page {
            number,
            observations,
            unchanged: kept.unchanged.clone(),
            digest: kept.digest,
            finished: kept.finished.clone(),
        };
        self.given = number;
        Some(Sheet { page, encoded: Vec::new() })
    }
}

impl KeptPage {
    fn bytes(&self) -> usize {
        let observations: usize = self.encoded.iter().map(Vec::len).sum();
        observations + self.unchanged.len() * size_of::<Key>()
    }
}

fn seal(scope: &Scope) -> Seal {
    if *scope == Scope::Everything { Seal::Whole } else { Seal::Part }
}

fn count(pages: usize) -> u64 {
    u64::try_from(pages).unwrap_or(u64::MAX)
}

/// Where a look waits for its upload to go on.
pub(super) type Slot = Arc<Mutex<Option<Underway>>>;

#[cfg(test)]
mod tests {
    use exgate_domain::observation::{Observation, Server};

    use super::*;

    /// A page with one server of this many bytes.
    fn sheet(number: u64, bytes: usize) -> Sheet {
        let observation = Observation::Server(Server {
            guid: Uuid::from_u128(number.into()),
            name: "x".repeat(bytes),
            fqdn: String::new(),
            version: String::new(),
            is_client_access: true,
        });
        let encoded = vec![convert::encode_observation(&observation)];
        let digest = convert::page_digest(&[convert::digest(&observation)], &[]);
        let (observations, unchanged) = (vec![observation], Vec::new());
        Sheet { page: Page { number, observations, unchanged, digest, finished: None }, encoded }
    }

    #[test]
    fn an_upload_goes_on_with_the_page_that_is_wanted_and_no_other() {
        let mut kept = Kept::default();
        let digests: Vec<_> =
            (1..=5).map(|number| kept.keep(sheet(number, 10)).page.digest).collect();
        assert!(kept.next().is_none());

        for staged in 0..=5 {
            assert!(kept.begin_after(&digests[..staged]), "after {staged}");
            let again: Vec<_> =
                std::iter::from_fn(|| kept.next()).map(|sheet| sheet.page.digest).collect();
            assert_eq!(again, digests[staged..]);
        }
        let strange = ObservationDigest::of(b"of another look");
        assert!(!kept.begin_after(&[strange]));
        assert!(!kept.begin_after(&[&digests[..], &[strange]].concat()));
    }

    #[test]
    fn what_is_kept_is_bounded_and_what_is_gone_cannot_be_sent_again() {
        let mut kept = Kept::default();
        let digests: Vec<_> =
            (1..=20).map(|number| kept.keep(sheet(number, 500_000)).page.digest).collect();
        assert!(kept.bytes <= KEPT_BYTES_MAX);
        assert!(!kept.begin_after(&digests[..2]));
        assert!(kept.begin_after(&digests[..18]));
        assert_eq!(kept.next().unwrap().page.number, 19);
        assert!(kept.begin_after(&digests), "all had arrived");
        assert!(kept.next().is_none());
    }
}
