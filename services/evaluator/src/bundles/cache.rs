//! Owns the bundles that are at hand. Old ones go first when there are too many; whoever still
//! decides by one keeps it alive.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use exgate_domain::ids::BundleDigest;

use crate::bundles::Bundle;

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
        Self { limits, kept: Arc::default() }
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
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let used = kept.next_use();
        kept.bundles.insert(bundle.digest(), Entry { bundle: Arc::new(bundle), used });
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
    use crate::bundles::PolicyFile;

    fn bundle(name: &str) -> Bundle {
        let content = format!(
            "apiVersion: exgate/v1\nkind: CompliancePolicy\nname: {name}\nplatforms: {{ iOS: {{}} }}\n"
        );
        Bundle::read(&[PolicyFile { path: "a.yaml".to_owned(), content: content.into_bytes() }])
            .unwrap()
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
