//! Owns who calls, for every HTTP front of an organization: Basic, NTLM and Kerberos, bare or wrapped in
//! SPNEGO, and client certificates.
//!
//! A server has one [`Gate`], a connection one [`Caller`]. For each request, `gate.step(&mut caller,
//! headers)` says what to do: serve it for an account, and add the proof to the answer; or answer 401 with
//! the challenges given. As IIS does it, a connection that signed in by NTLM or Kerberos stays signed in
//! until another `Authorization` header comes; Basic and certificates are looked at on each request. Over
//! plain http, the caller's [`Sealer`] seals what follows.
//!
//! Invariant: a `Step::SignedIn` has seen a password's proof, a ticket for one of our services, or a
//! certificate that TLS checked; whatever went wrong starts that connection from nothing.

mod gate;
mod basic;
mod certificate;
pub mod kerberos;
pub mod keytab;
pub mod names;
pub mod ntlm;
pub mod sealing;
mod spnego;

use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::HeaderValue;
use rustls_pki_types::CertificateDer;

use crate::settings::Account;
pub use gate::Gate;
use ntlm::Handshake;
use sealing::Sealer;

/// A way to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Method {
    /// Name and password in clear, inside TLS only.
    Basic,
    /// NTLM, bare or in SPNEGO.
    Ntlm,
    /// Kerberos, bare or in SPNEGO; needs a keytab.
    Kerberos,
    /// A client certificate, inside TLS only.
    Certificate,
}

/// Whether NTLM has to be bound to the TLS channel (`ExtendedProtectionTokenChecking`). Kerberos' own
/// binding is not looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Protection {
    /// Nothing is looked at.
    #[default]
    None,
    /// A binding that is there has to be right.
    Allow,
    /// It has to be there.
    Require,
}

/// Which ways a server offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// The ways.
    pub methods: Vec<Method>,
    /// The keys for Kerberos.
    pub keytab: Option<PathBuf>,
    /// The only service of the keytab that is served, such as `HTTP/ex01.contoso.com`.
    pub spn: Option<String>,
    /// The binding of NTLM.
    pub protection: Protection,
}

/// The header scheme that a connection signed in with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Any mechanism.
    Negotiate,
    /// Kerberos alone.
    Kerberos,
    /// NTLM alone.
    Ntlm,
}

/// What one connection is made of.
#[derive(Clone, Debug)]
pub enum Channel {
    /// Plain http.
    Plain,
    /// Https.
    Tls {
        /// The `tls-server-end-point` of the certificate that the server showed ([RFC 5929] 4).
        end_point: Arc<[u8]>,
        /// The certificate that the client showed; TLS has checked it.
        client: Option<CertificateDer<'static>>,
    },
}

/// What one connection has shown so far.
#[derive(Debug)]
pub struct Caller {
    channel: Channel,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Unknown,
    Shaking(Shaking),
    Known(Known),
}

#[derive(Debug)]
struct Shaking {
    handshake: Option<Handshake>,
    wrapping: Option<Wrapping>,
}

/// The SPNEGO around a handshake.
#[derive(Debug)]
struct Wrapping {
    list: Vec<u8>,
    has_to_be_signed: bool,
}

#[derive(Debug)]
struct Known {
    account: Account,
    scheme: Scheme,
    sealer: Sealer,
}

/// What to do with a request.
#[derive(Debug)]
pub enum Step {
    /// Serve it.
    SignedIn {
        /// For this account.
        account: Account,
        /// With this `WWW-Authenticate` in the answer.
        proof: Option<HeaderValue>,
    },
    /// Answer 401 with each of these as `WWW-Authenticate`; no harm done yet.
    Challenge(Vec<HeaderValue>),
    /// The same, after credentials that were wrong.
    Refused(Vec<HeaderValue>),
}

impl Default for SignIn {
    fn default() -> Self {
        Self {
            methods: vec![Method::Basic],
            keytab: None,
            spn: None,
            protection: Protection::default(),
        }
    }
}

impl Caller {
    /// A new connection.
    pub fn new(channel: Channel) -> Self {
        Self { channel, stage: Stage::Unknown }
    }

    /// The keys of a connection that signed in by NTLM or Kerberos, and the scheme that it used.
    pub fn sealer(&mut self) -> Option<(&mut Sealer, Scheme)> {
        match &mut self.stage {
            Stage::Known(known) => Some((&mut known.sealer, known.scheme)),
            Stage::Unknown | Stage::Shaking(_) => None,
        }
    }

    /// Starts from nothing, as after a sealed message that did not fit.
    pub fn forget(&mut self) {
        self.stage = Stage::Unknown;
    }

    fn is_secure(&self) -> bool {
        match &self.channel {
            Channel::Tls { .. } => true,
            Channel::Plain => false,
        }
    }
}

impl Scheme {
    fn header(self, token: &[u8]) -> HeaderValue {
        let name = match self {
            Self::Negotiate => "Negotiate",
            Self::Kerberos => "Kerberos",
            Self::Ntlm => "NTLM",
        };
        let text = format!("{name} {}", STANDARD.encode(token));
        // Base64 fits into a header whatever the token.
        HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(name))
    }
}

#[cfg(test)]
mod tests;
