//! Turns the settings of `[exchange]` into a way to sign in. What can be wrong without a look at a
//! file is said when the settings are checked.

use std::path::PathBuf;

use exgate_exchange::credentials::{Credentials, CredentialsError, Key, Principal};
use exgate_exchange::http::{
    Authentication, CertificateError, ClientCertificate, Endpoint, EndpointError, KdcAddress,
    KdcAddressError, KerberosAccount,
};
use exgate_runtime::config::{Invalid, SecretError};

use crate::config::{Auth, Exchange, Scheme};

/// Why the settings lead to no account.
#[derive(Debug, thiserror::Error)]
pub enum SignInSettingsError {
    /// A secret cannot be read.
    #[error("exchange.{key} cannot be used")]
    Secret {
        /// The setting.
        key: &'static str,
        /// Why not.
        source: SecretError,
    },
    /// The account is none.
    #[error("exchange.user and its secret are no account")]
    Account(#[from] CredentialsError),
    /// A Kerberos server is none.
    #[error("exchange.kerberos.kdcs names no server")]
    Kdc(#[from] KdcAddressError),
    /// The certificate's file cannot be read.
    #[error("cannot read exchange.certificate_file {}", path.display())]
    CertificateFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The certificate or its key is none.
    #[error("exchange.certificate_file and certificate_key_file are no certificate")]
    Certificate(#[from] CertificateError),
}

/// Whether what the way to sign in needs is there.
///
/// # Errors
/// With the setting that is missing or does not fit.
pub fn check(settings: &Exchange) -> Result<(), Invalid> {
    let seals = match settings.auth {
        Auth::Kerberos | Auth::Negotiate | Auth::Ntlm => true,
        Auth::Basic | Auth::Certificate => false,
    };
    if settings.scheme == Scheme::Http && !seals {
        let problem =
            "plain http shows everything to the network; use https, or an auth that seals";
        return Err(Invalid::new("exchange.scheme", problem));
    }
    if settings.auth == Auth::Certificate {
        if settings.certificate_file.as_os_str().is_empty() {
            return Err(Invalid::missing("exchange.certificate_file"));
        }
        if !settings.certificate_key_file.is_set() {
            return Err(Invalid::missing("exchange.certificate_key_file"));
        }
        return Ok(());
    }
    if settings.user.trim().is_empty() {
        return Err(Invalid::missing("exchange.user"));
    }
    let kerberos = &settings.kerberos;
    let is_of_the_system = settings.auth == Auth::Kerberos && kerberos.system;
    if is_of_the_system && !cfg!(feature = "gssapi") {
        let problem = "this agent is built without gssapi, so it cannot use the system's library";
        return Err(Invalid::new("exchange.kerberos.system", problem));
    }
    let has_key = settings.auth == Auth::Kerberos && kerberos.keytab_file.is_set();
    match (settings.password_file.is_set(), has_key) {
        (false, false) if is_of_the_system => {}
        (false, false) => return Err(Invalid::missing("exchange.password_file")),
        (true, true) => {
            let problem = "give this or exchange.kerberos.keytab_file, not both";
            return Err(Invalid::new("exchange.password_file", problem));
        }
        (true, false) | (false, true) => {}
    }
    if settings.auth == Auth::Kerberos {
        Principal::parse(&settings.user, Some(&kerberos.realm))
            .map_err(|error| Invalid::new("exchange.kerberos.realm", error))?;
        kdcs(settings).map_err(|error| Invalid::new("exchange.kerberos.kdcs", error))?;
        if !kerberos.spn.is_empty() && !kerberos.spn.contains('/') {
            let problem = "a service is named HTTP/HOST";
            return Err(Invalid::new("exchange.kerberos.spn", problem));
        }
    }
    Ok(())
}

/// Reads the secret and puts the account together.
///
/// # Errors
/// When a file cannot be used.
pub fn authentication(settings: &Exchange) -> Result<Authentication, SignInSettingsError> {
    let secret = |key, source| SignInSettingsError::Secret { key, source };
    let password = || {
        let read = settings.password_file.read();
        let read = read.map_err(|source| secret("password_file", source))?;
        Ok::<_, SignInSettingsError>(Credentials::new(settings.user.as_str(), read.as_str())?)
    };
    Ok(match settings.auth {
        Auth::Basic => Authentication::Basic(password()?),
        Auth::Ntlm => Authentication::Ntlm(password()?),
        Auth::Negotiate => Authentication::Negotiate(password()?),
        Auth::Kerberos => {
            let kerberos = &settings.kerberos;
            let realm = Some(kerberos.realm.as_str());
            #[cfg(feature = "gssapi")]
            if kerberos.system {
                let account = KerberosAccount::of_the_system(&settings.user, realm)?;
                return Ok(Authentication::Kerberos(account.for_service(&kerberos.spn)));
            }
            let account = if kerberos.keytab_file.is_set() {
                let table = kerberos.keytab_file.read_bytes();
                let table = table.map_err(|source| secret("kerberos.keytab_file", source))?;
                let principal = Principal::parse(&settings.user, realm)?;
                KerberosAccount::with_key(Key::find(&table, &principal)?)
            } else {
                KerberosAccount::with_password(&password()?, realm)?
            };
            Authentication::Kerberos(account.at(kdcs(settings)?).for_service(&kerberos.spn))
        }
        Auth::Certificate => {
            let path = &settings.certificate_file;
            let chain = std::fs::read(path).map_err(|source| {
                SignInSettingsError::CertificateFile { path: path.clone(), source }
            })?;
            let key = settings.certificate_key_file.read();
            let key = key.map_err(|source| secret("certificate_key_file", source))?;
            let name = path.display().to_string();
            Authentication::Certificate(ClientCertificate::from_pem(name, &chain, key.as_bytes())?)
        }
    })
}

/// The address of the server.
///
/// # Errors
/// When the settings are none.
pub fn endpoint(settings: &Exchange) -> Result<Endpoint, EndpointError> {
    let (scheme, usual) = match settings.scheme {
        Scheme::Https => ("https", 443),
        Scheme::Http => ("http", 80),
    };
    let port = if settings.port == 0 { usual } else { settings.port };
    format!("{scheme}://{}:{port}{}", settings.server, settings.url_path).parse()
}

fn kdcs(settings: &Exchange) -> Result<Vec<KdcAddress>, KdcAddressError> {
    settings.kerberos.kdcs.iter().map(|text| text.parse()).collect()
}
