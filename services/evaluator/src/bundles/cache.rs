//! Owns the bundles that are at hand. Old ones go first when there are too many; whoever still
//! decides by one keeps it alive. However many calls bring the same one, it is compiled once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Mutex as AsyncMutex;

use exgate_domain::ids::BundleDigest;

use crate::bundles::{Bundle, Diagnostic, PolicyFile, digest};

/// How much a [`Cache`] holds.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most bundles.
    pub bundles_max: usize,
    /// The most bytes of policy files in all of them.
    pub bytes_max: usize,
}

/// Checked bundles by their digest. Cheap to clone; clones share.
#[derive(Debug, Clone)]
pub struct Cache {
    limits: Limits,
    kept: Arc<Mutex<Kept>>,
    /// Held while a bundle is compiled: who waited finds it at hand.
    compiling: Arc<AsyncMutex<()>>,
}

/// A bundle that was brought.
#[derive(Debug)]
pub struct Loaded {
    /// The bundle.
    pub bundle: Arc<Bundle>,
    /// Whether it was compiled for this call; otherwise it was at hand.
    pub is_new: bool,
    /// Which ones had to go for it.
    pub gone: Vec<BundleDigest>,
}

#[derive(Debug, Default)]
struct Kept {
    bundles: HashMap<BundleDigest, Entry>,
    /// Counts uses: the entry with the lowest number is the oldest.
    uses: u64,
}

#[derive(Debug)]
struct Entry {
    bundle: Arc<Bundle>,
    used: u64,
}

impl Cache {
    /// An empty cache.
    pub fn new(limits: Limits) -> Self {
        Self { limits, kept: Arc::default(), compiling: Arc::default() }
    }

    /// Takes a bundle in, unless it is at hand.
    ///
    /// # Errors
    /// When something is wrong with its files: the bundles at hand stay.
    pub async fn load(&self, files: &[PolicyFile]) -> Result<Loaded, Vec<Diagnostic>> {
        let digest = digest(files);
        let _turn = self.compiling.lock().await;
        if let Some(bundle) = self.get(digest) {
            return Ok(Loaded { bundle, is_new: false, gone: Vec::new() });
        }
        let bundle = Arc::new(Bundle::read(files)?);
        let gone = self.put(Arc::clone(&bundle));
        Ok(Loaded { bundle, is_new: true, gone })
    }

    /// The bundle with this digest, if it is at hand.
    pub fn get(&self, digest: BundleDigest) -> Option<Arc<Bundle>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let used = kept.next_use();
        let entry = kept.bundles.get_mut(&digest)?;
        entry.used = used;
        Some(Arc::clone(&entry.bundle))
    }

    /// Keeps a bundle, and says which ones had to go for it. The newest always stays.
    pub fn keep(&self, bundle: Bundle) -> Vec<BundleDigest> {
        self.put(Arc::new(bundle))
    }

    fn put(&self, bundle: Arc<Bundle>) -> Vec<BundleDigest> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let used = kept.next_use();
        kept.bundles.insert(bundle.digest(), Entry { bundle, used });
        let mut gone = Vec::new();
        while kept.bundles.len() > self.limits.bundles_max || kept.bytes() > self.limits.bytes_max {
            let oldest = kept.bundles.iter().min_by_key(|(_, entry)| entry.used);
            let Some(oldest) = oldest.filter(|(_, entry)| entry.used != used) else { break };
            let oldest = *oldest.0;
            kept.bundles.remove(&oldest);
            gone.push(oldest);
        }
        gone
    }

    /// How many bundles are at hand.
    pub fn len(&self) -> usize {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).bundles.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Kept {
    fn next_use(&mut self) -> u64 {
        self.uses += 1;
        self.uses
    }

    fn bytes(&self) -> usize {
        self.bundles.values().map(|entry| entry.bundle.bytes()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(name: &str) -> Vec<PolicyFile> {
        let content = format!(
            "apiVersion: exgate/v1\nkind: CompliancePolicy\nname: {name}\nplatforms: {{ iOS: {{}} }}\n"
        );
        vec![PolicyFile { path: "a.yaml".to_owned(), content: content.into_bytes() }]
    }

    fn bundle(name: &str) -> Bundle {
        Bundle::read(&files(name)).unwrap()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_bundle_that_many_bring_at_once_is_compiled_once_and_shared() {
        let cache = Cache::new(Limits { bundles_max: 2, bytes_max: usize::MAX });
        let files = files("a");
        let loads = (0..8).map(|_| cache.load(&files));
        let loaded = futures_util::future::join_all(loads).await;
        let loaded: Vec<_> = loaded.into_iter().map(Result::unwrap).collect();
        assert_eq!(loaded.iter().filter(|it| it.is_new).count(), 1);
        assert!(loaded.iter().all(|it| Arc::ptr_eq(&it.bundle, &loaded[0].bundle)));
    }

    #[tokio::test]
    async fn a_bundle_that_had_to_go_lives_while_somebody_decides_by_it() {
        let cache = Cache::new(Limits { bundles_max: 1, bytes_max: usize::MAX });
        let old = cache.load(&files("a")).await.unwrap().bundle;
        let new = cache.load(&files("b")).await.unwrap();
        assert_eq!(new.gone, [old.digest()]);
        assert!(cache.get(old.digest()).is_none());
        assert_eq!(old.summaries().len(), 1);

        let bad = [PolicyFile { path: "a.yaml".to_owned(), content: b"kind: None".to_vec() }];
        assert!(!cache.load(&bad).await.unwrap_err().is_empty());
        assert!(cache.get(new.bundle.digest()).is_some(), "what is at hand stays");
    }

    #[test]
    fn the_least_recently_used_bundle_goes_first() {
        let cache = Cache::new(Limits { bundles_max: 2, bytes_max: usize::MAX });
        let [a, b, c] = ["a", "b", "c"].map(bundle);
        let [first, second, third] = [a.digest(), b.digest(), c.digest()];
        assert!(cache.keep(a).is_empty());
        assert!(cache.keep(b).is_empty());
        assert!(cache.get(first).is_some());

        assert_eq!(cache.keep(c), [second]);

        assert!(cache.get(second).is_none());
        assert!(cache.get(first).is_some() && cache.get(third).is_some());
        assert_eq!(cache.len(), 2);
    }

    #[test]
    fn the_newest_bundle_stays_even_when_it_alone_is_too_large() {
        let cache = Cache::new(Limits { bundles_max: 2, bytes_max: 1 });
        let [a, b] = ["a", "b"].map(bundle);
        let [first, second] = [a.digest(), b.digest()];
        assert!(cache.keep(a).is_empty());
        assert_eq!(cache.keep(b), [first]);
        assert!(cache.get(second).is_some());
    }

    #[test]
    fn keeping_a_bundle_twice_keeps_it_once() {
        let cache = Cache::new(Limits { bundles_max: 2, bytes_max: usize::MAX });
        cache.keep(bundle("a"));
        assert!(cache.keep(bundle("a")).is_empty());
        assert_eq!(cache.len(), 1);
    }
}
