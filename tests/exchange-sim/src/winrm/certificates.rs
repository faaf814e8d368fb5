//! Owns the certificates: an authority of the simulator's own, made once per state directory, and a
//! server certificate per start.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, OtherNameValue, SanType, date_time_ymd,
};
use rustls::crypto::CryptoProvider;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::settings::Account;
use crate::sign_in::names;

/// The authority's certificate in the state directory, for clients.
pub const CA_FILE: &str = "ca.pem";
/// The folder in the state directory with client certificates, where sign-in by them is offered.
pub const CLIENTS_FOLDER: &str = "clients";
const CA_KEY_FILE: &str = "ca.key";
/// `szOID_NT_PRINCIPAL_NAME`.
const PRINCIPAL_NAME: [u64; 10] = [1, 3, 6, 1, 4, 1, 311, 20, 2, 3];

/// The authority and its certificate as clients trust it.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// What a server shows and asks for in TLS.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The configuration.
    pub config: Arc<ServerConfig>,
    /// The channel binding of its certificate: `tls-server-end-point` ([RFC 5929] 4.1).
    pub end_point: Arc<[u8]>,
}

/// A client certificate of the simulator's own authority.
#[derive(Debug)]
pub struct ClientCertificate {
    /// The certificate, in PEM.
    pub certificate: String,
    /// Its key, in PEM.
    pub key: String,
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
    /// The authority's own certificate is unreadable.
    #[error("authority could not be read")]
    Pem(#[from] rustls_pki_types::pem::Error),
    /// Client certificates cannot be checked.
    #[error("client certificates could not be asked for")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
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
        Ok(self.tls(names, false)?.config)
    }

    /// Makes what a server of these names shows; with `asks_clients`, clients may show a certificate of
    /// this authority, and need not, as IIS' `SslNegotiateCert` has it.
    pub fn tls(&self, names: Vec<String>, asks_clients: bool) -> Result<Tls, CertificateError> {
        let key = KeyPair::generate()?;
        let mut params = Self::params(names.clone(), ExtendedKeyUsagePurpose::ServerAuth)?;
        let name = names.into_iter().next().unwrap_or_default();
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.signed_by(&key, &self.issuer)?;
        let leaf = CertificateDer::from(certificate);
        // Keys made here are of P-256, so certificates are signed with SHA-256.
        let end_point = [b"tls-server-end-point:".as_slice(), &Sha256::digest(&leaf)].concat();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?;
        let builder = if asks_clients {
            builder.with_client_cert_verifier(self.verifier(provider)?)
        } else {
            builder.with_no_client_auth()
        };
        let mut config = builder.with_single_cert(vec![leaf], key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Tls { config: Arc::new(config), end_point: end_point.into() })
    }

    /// Makes a client certificate for an account: `principal`, such as `svc@contoso.com`, is its user
    /// principal name.
    pub fn client(&self, principal: &str) -> Result<ClientCertificate, CertificateError> {
        let key = KeyPair::generate()?;
        let mut params = Self::params(Vec::new(), ExtendedKeyUsagePurpose::ClientAuth)?;
        params.distinguished_name.push(DnType::CommonName, principal);
        let name = OtherNameValue::Utf8String(principal.to_owned());
        params.subject_alt_names.push(SanType::OtherName((PRINCIPAL_NAME.to_vec(), name)));
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(ClientCertificate { certificate: certificate.pem(), key: key.serialize_pem() })
    }

    /// Writes a client certificate and its key for each account: `USER.pem` and `USER.key`.
    pub fn write_clients(
        &self,
        directory: &Path,
        accounts: &[Account],
        domain: &str,
    ) -> Result<(), CertificateError> {
        std::fs::create_dir_all(directory)
            .map_err(|source| CertificateError::File { path: directory.to_owned(), source })?;
        for account in accounts {
            let user = names::user(&account.name);
            let made = self.client(&format!("{user}@{domain}"))?;
            let is_safe = |it: char| it.is_alphanumeric() || matches!(it, '-' | '_' | '.');
            let file = user.replace(|it| !is_safe(it), "_");
            for (ending, text) in [("pem", &made.certificate), ("key", &made.key)] {
                let path = directory.join(format!("{file}.{ending}"));
                write_private(&path, text)
                    .map_err(|source| CertificateError::File { path: path.clone(), source })?;
            }
        }
        Ok(())
    }

    fn params(
        names: Vec<String>,
        purpose: ExtendedKeyUsagePurpose,
    ) -> Result<CertificateParams, CertificateError> {
        let mut params = CertificateParams::new(names)?;
        params.not_before = date_time_ymd(2024, 1, 1);
        params.not_after = date_time_ymd(2044, 1, 1);
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![purpose];
        Ok(params)
    }

    fn verifier(
        &self,
        provider: Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ClientCertVerifier>, CertificateError> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem.as_bytes())?)?;
        let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        Ok(builder.allow_unauthenticated().build()?)
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
