//! Owns the certificates: an authority of the simulator's own, made once per state directory, and a
//! server certificate per start.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use thiserror::Error;

/// The authority's certificate in the state directory, for clients.
pub const CA_FILE: &str = "ca.pem";
const CA_KEY_FILE: &str = "ca.key";

/// The authority and its certificate as clients trust it.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// Why there is no certificate.
#[derive(Debug, Error)]
pub enum CertificateError {
    /// The file system refused.
    #[error("certificate file {path} could not be used")]
    File {
        /// The file.
        path: PathBuf,
        /// What it said.
        #[source]
        source: std::io::Error,
    },
    /// A certificate or key could not be made or read.
    #[error("certificate could not be made")]
    Certificate(#[from] rcgen::Error),
    /// TLS does not take it.
    #[error("certificate is not usable for TLS")]
    Tls(#[from] rustls::Error),
}

impl Authority {
    /// Takes the authority of a state directory, or makes it; without one it is made in memory.
    pub fn open(directory: Option<&Path>) -> Result<Self, CertificateError> {
        let Some(directory) = directory else { return Self::with_key(KeyPair::generate()?, None) };
        let (key_path, pem_path) = (directory.join(CA_KEY_FILE), directory.join(CA_FILE));
        let failed = |path: &Path, source| CertificateError::File { path: path.to_owned(), source };
        let known = match std::fs::read_to_string(&key_path) {
            Ok(key) => Some(KeyPair::from_pem(&key)?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(source) => return Err(failed(&key_path, source)),
        };
        if let Some(key) = known {
            let pem =
                std::fs::read_to_string(&pem_path).map_err(|source| failed(&pem_path, source))?;
            return Self::with_key(key, Some(pem));
        }
        let key = KeyPair::generate()?;
        let private = key.serialize_pem();
        let authority = Self::with_key(key, None)?;
        std::fs::write(&pem_path, &authority.pem).map_err(|source| failed(&pem_path, source))?;
        write_private(&key_path, &private).map_err(|source| failed(&key_path, source))?;
        Ok(authority)
    }

    /// The certificate that clients trust.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Makes a server's TLS configuration for these names.
    pub fn server(&self, names: Vec<String>) -> Result<Arc<ServerConfig>, CertificateError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(names.clone())?;
        let name = names.into_iter().next().unwrap_or_default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_before = date_time_ymd(2024, 1, 1);
        params.not_after = date_time_ymd(2044, 1, 1);
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.signed_by(&key, &self.issuer)?;
        let chain = vec![CertificateDer::from(certificate)];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    fn with_key(key: KeyPair, pem: Option<String>) -> Result<Self, CertificateError> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name.push(DnType::CommonName, "Exchange simulator authority");
        params.not_before = date_time_ymd(2024, 1, 1);
        params.not_after = date_time_ymd(2044, 1, 1);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = match pem {
            Some(pem) => pem,
            None => params.self_signed(&key)?.pem(),
        };
        Ok(Self { issuer: Issuer::new(params, key), pem })
    }
}

/// Writes a file that only its owner may read.
pub fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    options.create(true).write(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)?.write_all(text.as_bytes())
}
