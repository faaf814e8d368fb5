//! How a connection proves who it speaks for. Only variants that work are listed.
//!
//! Basic says the password in every request. Kerberos, Negotiate and NTLM sign in once per connection
//! and give it a seal, so that it may go over plain http. A certificate signs in inside the TLS
//! handshake. None falls back to another.

mod certificate;
mod kerberos;

use http::HeaderValue;

pub use certificate::{CertificateError, ClientCertificate};
pub use kerberos::KerberosAccount;
pub(crate) use kerberos::Proof;

use crate::credentials::Credentials;

/// How a connection proves who it speaks for.
#[derive(Debug, Clone)]
pub enum Authentication {
    /// The password itself in every request ([RFC 7617]); only ever inside TLS.
    Basic(Credentials),
    /// A ticket of the directory ([RFC 4559]): the default of Exchange (every other method is off in
    /// the configuration of 2016 and 2019 servers), and the only scheme in which the server proves
    /// itself too.
    Kerberos(KerberosAccount),
    /// NTLM wrapped in SPNEGO, as Windows sends it ([RFC 4178], [MS-SPNG]).
    Negotiate(Credentials),
    /// NTLM in its own messages ([MS-NLMP], [MS-NTHT]).
    Ntlm(Credentials),
    /// A certificate in the TLS handshake; only ever over https (cmdlet page
    /// `Set-PowerShellVirtualDirectory`, `-CertificateAuthentication`).
    Certificate(ClientCertificate),
}

impl Authentication {
    /// The account that signs in.
    pub fn account(&self) -> &str {
        match self {
            Self::Basic(credentials) | Self::Negotiate(credentials) | Self::Ntlm(credentials) => {
                credentials.account()
            }
            Self::Kerberos(account) => account.name(),
            Self::Certificate(certificate) => certificate.name(),
        }
    }

    /// The scheme as `WWW-Authenticate` names it ([RFC 9110] 11.6.1; [MS-WSMV] 2.2.9.1.2.1 for
    /// `Kerberos`).
    pub fn scheme(&self) -> &'static str {
        match self {
            Self::Basic(_) => "Basic",
            Self::Kerberos(_) => "Kerberos",
            Self::Negotiate(_) => "Negotiate",
            Self::Ntlm(_) => "NTLM",
            Self::Certificate(_) => "certificate",
        }
    }

    /// Whether the scheme protects what it carries without TLS.
    pub(crate) fn allows_plain_http(&self) -> bool {
        match self {
            Self::Basic(_) | Self::Certificate(_) => false,
            Self::Kerberos(_) | Self::Negotiate(_) | Self::Ntlm(_) => true,
        }
    }

    /// The certificate to show in the TLS handshake.
    pub(crate) fn certificate(&self) -> Option<&ClientCertificate> {
        match self {
            Self::Certificate(certificate) => Some(certificate),
            Self::Basic(_) | Self::Kerberos(_) | Self::Negotiate(_) | Self::Ntlm(_) => None,
        }
    }

    /// The `Authorization` header of one request, where the scheme has one in every request.
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        match self {
            Self::Basic(credentials) => {
                let mut value = HeaderValue::from_str(&credentials.basic()).ok()?;
                value.set_sensitive(true);
                Some(value)
            }
            Self::Kerberos(_) | Self::Negotiate(_) | Self::Ntlm(_) | Self::Certificate(_) => None,
        }
    }
}
