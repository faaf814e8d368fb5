//! Owns the name of a bundle: SHA-256 over a format number and, per file sorted by path,
//! length-prefixed path and bytes. The order in which files come makes no difference.

use sha2::{Digest, Sha256};

use exgate_domain::ids::{BUNDLE_FORMAT, BundleDigest};

use crate::bundles::PolicyFile;

/// The digest of a set of policy files.
pub fn digest(files: &[PolicyFile]) -> BundleDigest {
    let mut sorted: Vec<_> = files.iter().collect();
    sorted.sort_by(|a, b| (&a.path, &a.content).cmp(&(&b.path, &b.content)));
    let mut hash = Sha256::new();
    hash.update(BUNDLE_FORMAT.to_be_bytes());
    for file in sorted {
        for part in [file.path.as_bytes(), &file.content] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
    }
    BundleDigest::new(hash.finalize().into())
}
