//! Owns certificates that we show to a server: read once, and their key never printed.

use std::fmt;
use std::sync::Arc;

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// The longest chain that is sent.
const CERTIFICATES_MAX: usize = 10;

/// A certificate that signs in, and its key.
#[derive(Clone)]
pub struct ClientCertificate {
    name: String,
    chain: Vec<CertificateDer<'static>>,
    key: Arc<PrivateKeyDer<'static>>,
}

/// Why a certificate cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A text could not be read as PEM.
    #[error("cannot read {what} of '{name}' as PEM")]
    Unreadable {
        /// What should be in it.
        what: &'static str,
        /// What the certificate is called.
        name: String,
        /// What was wrong with it.
        source: rustls_pki_types::pem::Error,
    },
    /// There is no certificate, or far too many.
    #[error("'{name}' holds {found} certificates, not one chain")]
    NoChain {
        /// What the certificate is called.
        name: String,
        /// How many there are.
        found: usize,
    },
}

impl ClientCertificate {
    /// Reads the chain, the account's own certificate first, and its unencrypted key; both PEM
    /// ([RFC 7468]).
    /// `name` is what the certificate is called in messages.
    ///
    /// # Errors
    /// When one of them holds none.
    pub fn from_pem(
        name: impl Into<String>,
        chain: &[u8],
        key: &[u8],
    ) -> Result<Self, CertificateError> {
        let name = name.into();
        let unreadable =
            |what, source| CertificateError::Unreadable { what, name: name.clone(), source };
        let certificates = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|source| unreadable("the certificates", source))?;
        let found = certificates.len();
        if found == 0 || found > CERTIFICATES_MAX {
            return Err(CertificateError::NoChain { name, found });
        }
        let private = PrivateKeyDer::from_pem_slice(key)
            .map_err(|source| unreadable("the private key", source))?;
        Ok(Self { name, chain: certificates, key: Arc::new(private) })
    }

    /// What it is called in messages.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn chain(&self) -> Vec<CertificateDer<'static>> {
        self.chain.clone()
    }

    pub(crate) fn key(&self) -> PrivateKeyDer<'static> {
        self.key.clone_key()
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificate").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertifiedKey, generate_simple_self_signed};

    use super::*;

    #[test]
    fn a_chain_and_its_key_are_read_and_not_printed() {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(vec!["svc".to_owned()]).unwrap();
        let (chain, key) = (cert.pem(), signing_key.serialize_pem());
        let read = |chain: &str, key: &str| {
            ClientCertificate::from_pem("svc", chain.as_bytes(), key.as_bytes())
        };
        let certificate = read(&chain, &key).unwrap();
        assert_eq!(certificate.chain().len(), 1);
        assert_eq!(format!("{certificate:?}"), "ClientCertificate { name: \"svc\", .. }");

        let swapped = read(&key, &chain).unwrap_err();
        assert!(matches!(swapped, CertificateError::NoChain { found: 0, .. }), "{swapped:?}");
        let missing = read(&chain, &chain).unwrap_err();
        assert_eq!(missing.to_string(), "cannot read the private key of 'svc' as PEM");
    }
}
