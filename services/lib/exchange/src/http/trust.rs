//! Which certificate authorities may vouch for an Exchange server: a file of the operator's, or the
//! platform's own list. There is no way to switch the check off. A certificate that is refused is
//! named, because what presents it is often not the server.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::server::VerifierBuilderError;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore,
    SignatureScheme,
};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

use crate::http::{ClientCertificate, HttpError, SharedRoute};

/// The longest name of a certificate that is shown.
const NAME_CHARS_MAX: usize = 200;

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
    /// The certificate that we show does not fit its key, or is none that TLS can use.
    #[error("the client certificate cannot be used")]
    ClientCertificate {
        /// What the TLS library said.
        source: Box<rustls::Error>,
    },
    /// The TLS library refused its own defaults.
    #[error("cannot set up TLS")]
    Protocol {
        /// What it said.
        source: rustls::Error,
    },
    /// The authorities cannot be used.
    #[error("cannot check certificates against the authorities listed")]
    Verifier {
        /// What the TLS library said.
        source: VerifierBuilderError,
    },
}

/// A certificate that was presented and refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("it is for '{subject}', issued by '{issuer}': {reason}")]
pub struct Presented {
    /// Whom it says it is for.
    pub subject: String,
    /// Who says so.
    pub issuer: String,
    /// What is wrong with it.
    pub reason: CertificateError,
}

impl Presented {
    /// Whether nobody whom we trust vouches for it, as when something on the way to the server
    /// answers in its place.
    pub fn is_of_stranger(&self) -> bool {
        // An authority of the same name as one of ours signs with another key.
        matches!(self.reason, CertificateError::UnknownIssuer | CertificateError::BadSignature)
    }

    fn new(certificate: &[u8], reason: CertificateError) -> Self {
        let parsed = X509Certificate::from_der(certificate).ok().map(|(_, parsed)| parsed);
        let name = |name: Option<String>| {
            let name = name.unwrap_or_else(|| "unreadable".to_owned());
            name.chars().filter(|char| !char.is_control()).take(NAME_CHARS_MAX).collect()
        };
        Self {
            subject: name(parsed.as_ref().map(|parsed| parsed.subject().to_string())),
            issuer: name(parsed.as_ref().map(|parsed| parsed.issuer().to_string())),
            reason,
        }
    }
}

/// Why a handshake failed; what was presented is named where that is why.
pub(super) fn failure(host: &str, route: &SharedRoute, source: io::Error) -> HttpError {
    let host = host.to_owned();
    let error = source.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let presented = match error {
        Some(rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(other)))) => {
            other.downcast_ref::<Presented>().cloned()
        }
        Some(_) | None => None,
    };
    match presented {
        Some(source) => {
            let proxy = route.get().proxy_to(&host).map(ToString::to_string);
            HttpError::Certificate { host, proxy, source: Box::new(source) }
        }
        None => HttpError::Tls { host, source },
    }
}

/// Checks as the TLS library does, and names what it refuses.
#[derive(Debug)]
struct Naming(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for Naming {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Self(inner) = self;
        let checked =
            inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        checked.map_err(|error| {
            let rustls::Error::InvalidCertificate(reason) = error else { return error };
            let presented = Presented::new(end_entity, reason);
            CertificateError::Other(OtherError(Arc::new(presented))).into()
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

impl TrustAnchors {
    /// Builds the client side of TLS on these anchors, on the one cryptography provider that this
    /// project uses. `certificate` is shown to a server that asks for one.
    pub(crate) fn client_config(
        &self,
        certificate: Option<&ClientCertificate>,
    ) -> Result<Arc<ClientConfig>, TrustError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let roots = Arc::new(self.roots()?);
        let checker = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider))
            .build()
            .map_err(|source| TrustError::Verifier { source })?;
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|source| TrustError::Protocol { source })?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Naming(checker)));
        let config = match certificate {
            Some(own) => config
                .with_client_auth_cert(own.chain(), own.key())
                .map_err(|source| TrustError::ClientCertificate { source: Box::new(source) })?,
            None => config.with_no_client_auth(),
        };
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
        let missing = TrustAnchors::File(path.clone()).client_config(None).unwrap_err();
        assert!(matches!(missing, TrustError::Unreadable { .. }), "{missing:?}");
        std::fs::write(&path, "no certificate here\n").unwrap();
        let empty = TrustAnchors::File(path).client_config(None).unwrap_err();
        assert!(matches!(empty, TrustError::Empty { .. }), "{empty:?}");
    }
}
