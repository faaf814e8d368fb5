//! Owns whose bundles are taken: where keys are trusted, only what one of them signed.
//!
//! The keys are read at each bundle, so that a rotation needs no restart; a file that cannot be read
//! trusts nobody.

use std::path::{Path, PathBuf};

use exgate_domain::ids::BundleDigest;
use exgate_runtime::signing::{SignatureError, TrustedKeys, TrustedKeysError};

/// Whose bundles are taken; cheap to clone.
#[derive(Debug, Clone)]
pub struct Trust {
    /// None takes anybody's.
    keys: Option<PathBuf>,
}

/// Why a bundle is not taken.
#[derive(Debug, thiserror::Error)]
pub enum Distrust {
    /// Nobody signed it.
    #[error(
        "the bundle is not signed, and [bundles] trusted_keys_file of this evaluator names {}; load it by a coordinator, which signs what it loads",
        keys.display()
    )]
    Unsigned {
        /// The file of trusted keys.
        keys: PathBuf,
    },
    /// No trusted key signed it.
    #[error(
        "the bundle's signature is not taken: {problem}; put the public half of the coordinator's key, bundle-signing.pub beside its store, into {}",
        keys.display()
    )]
    Signature {
        /// The file of trusted keys.
        keys: PathBuf,
        /// What is wrong with the signature.
        problem: SignatureError,
    },
    /// Nobody knows who is trusted.
    #[error(
        "bundles are not taken while it is not known whose: {}",
        exgate_runtime::report(problem)
    )]
    Keys {
        /// What is wrong with the file.
        problem: TrustedKeysError,
    },
}

impl Trust {
    /// Trusts the keys in a file; with an empty path, anybody.
    pub fn new(keys: &Path) -> Self {
        Self { keys: (!keys.as_os_str().is_empty()).then(|| keys.to_owned()) }
    }

    /// Whether a bundle is taken, given the name of a key and its signature.
    ///
    /// # Errors
    /// When it is not.
    pub fn accept(
        &self,
        bundle: BundleDigest,
        key: &str,
        signature: &[u8],
    ) -> Result<(), Distrust> {
        let Some(file) = &self.keys else { return Ok(()) };
        if key.is_empty() && signature.is_empty() {
            return Err(Distrust::Unsigned { keys: file.clone() });
        }
        let keys = TrustedKeys::read(file).map_err(|problem| Distrust::Keys { problem })?;
        keys.verify(key, &bundle.signed_message(), signature)
            .map_err(|problem| Distrust::Signature { keys: file.clone(), problem })
    }
}

#[cfg(test)]
mod tests {
    use exgate_runtime::signing::SigningKey;

    use super::*;

    #[test]
    fn only_what_a_trusted_key_signed_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let (bundle, other) = (BundleDigest::of(b"a"), BundleDigest::of(b"b"));
        let key = SigningKey::load_or_make(&at("key")).unwrap();
        let sign = |bundle: BundleDigest| key.sign(&bundle.signed_message());
        let id = key.id().as_str();

        let anybody = Trust::new(Path::new(""));
        assert!(anybody.accept(bundle, "", &[]).is_ok());
        let trust = Trust::new(key.public_file());
        assert!(trust.accept(bundle, id, &sign(bundle)).is_ok());

        assert!(matches!(trust.accept(bundle, "", &[]), Err(Distrust::Unsigned { .. })));
        let wrong = [(id, sign(other)), (id, key.sign(bundle.as_bytes())), ("aa", sign(bundle))];
        for (id, signature) in wrong {
            let refused = trust.accept(bundle, id, &signature).unwrap_err();
            assert!(matches!(refused, Distrust::Signature { .. }), "{refused}");
            assert!(refused.to_string().contains("bundle-signing.pub"), "{refused}");
        }
        let nobody = Trust::new(&at("missing.pub")).accept(bundle, id, &sign(bundle));
        let said = nobody.unwrap_err().to_string();
        assert!(said.contains("cannot read the trusted keys"), "{said}");
    }
}
