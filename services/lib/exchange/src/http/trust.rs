//! Which certificate authorities may vouch for an Exchange server: a file of the operator's, or the
//! platform's own list. There is no way to switch the check off.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

/// Where the certificate authorities are listed that may vouch for a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrustAnchors {
    /// The operating system's list.
    Platform,
    /// A PEM file with one or more certificates; nothing else is trusted.
    File(PathBuf),
}

/// Why there is nothing to check a server's certificate against.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The file could not be read as PEM.
    #[error("cannot read certificates from {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What was wrong with it.
        source: rustls_pki_types::pem::Error,
    },
    /// The file holds no certificate that can vouch for another.
    #[error("{} holds no usable certificate", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The operating system lists no authority.
    #[error("this machine lists no certificate authority; name the one of Exchange in ca_file")]
    PlatformEmpty,
    /// The TLS library refused its own defaults.
    #[error("cannot set up TLS")]
    Protocol {
        /// What it said.
        source: rustls::Error,
    },
}

impl TrustAnchors {
    /// Builds the client side of TLS on these anchors, on the one cryptography provider that this
    /// project uses.
    pub(crate) fn client_config(&self) -> Result<Arc<ClientConfig>, TrustError> {
        let roots = self.roots()?;
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|source| TrustError::Protocol { source })?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Arc::new(config))
    }

    fn roots(&self) -> Result<RootCertStore, TrustError> {
        let mut roots = RootCertStore::empty();
        match self {
            Self::Platform => {
                let found = rustls_native_certs::load_native_certs();
                roots.add_parsable_certificates(found.certs);
                if roots.is_empty() {
                    return Err(TrustError::PlatformEmpty);
                }
            }
            Self::File(path) => {
                let unreadable = |source| TrustError::Unreadable { path: path.clone(), source };
                let listed = CertificateDer::pem_file_iter(path)
                    .map_err(unreadable)?
                    .collect::<Result<Vec<_>, _>>()
                    .map_err(unreadable)?;
                roots.add_parsable_certificates(listed);
                if roots.is_empty() {
                    return Err(TrustError::Empty { path: path.clone() });
                }
            }
        }
        Ok(roots)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_certificate_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        let missing = TrustAnchors::File(path.clone()).client_config().unwrap_err();
        assert!(matches!(missing, TrustError::Unreadable { .. }), "{missing:?}");
        std::fs::write(&path, "no certificate here\n").unwrap();
        let empty = TrustAnchors::File(path).client_config().unwrap_err();
        assert!(matches!(empty, TrustError::Empty { .. }), "{empty:?}");
    }
}
