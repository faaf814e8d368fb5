//! Owns signing a fresh connection in: empty requests that carry tokens back and forth ([RFC 4559] 4;
//! empty as those of pypsrp), before the first real one. A connection leaves here with both sides
//! proved, or not at all; nothing falls back to a weaker scheme, and a refused proof is not repeated.

mod binding;
mod error;
#[cfg(feature = "gssapi")]
mod gssapi;
mod kdc;
mod mechanism;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Response, StatusCode};
use hyper::body::Incoming;
use rustls_pki_types::CertificateDer;

pub use error::SignInError;
pub use kdc::{KdcAddress, KdcAddressError};
pub(crate) use mechanism::{Failure, Mechanism};

use super::seal::Seal;
use super::{Authentication, Connection, Endpoint, HttpError};
use kdc::Kdcs;
use mechanism::Step;

/// How many tokens we send: NTLM takes two ([MS-NLMP] 2.2.1), the rest is tolerance.
const TOKENS_MAX: usize = 6;
/// The longest token in a header; tickets of accounts in many groups reach tens of kilobytes
/// (unverified).
const TOKEN_BYTES_MAX: usize = 64 * 1024;

/// The word before a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// [MS-WSMV] 2.2.9.1.2.1; which words Exchange's front end offers is unverified.
    Kerberos,
    /// [RFC 4559].
    Negotiate,
    /// [MS-NTHT], where Negotiate is not offered.
    Ntlm,
}

impl Scheme {
    fn word(self) -> &'static str {
        match self {
            Self::Kerberos => "Kerberos",
            Self::Negotiate => "Negotiate",
            Self::Ntlm => "NTLM",
        }
    }

    /// The scheme to use, of those that the server offers.
    fn choose(authentication: &Authentication, headers: &HeaderMap) -> Result<Self, SignInError> {
        let offers = |scheme: Self| {
            let mut words = challenges(headers);
            words.any(|word| word.eq_ignore_ascii_case(scheme.word()))
        };
        let allowed: &[Self] = match authentication {
            Authentication::Kerberos(_) => &[Self::Kerberos, Self::Negotiate],
            Authentication::Negotiate(_) => &[Self::Negotiate],
            Authentication::Ntlm(_) => &[Self::Negotiate, Self::Ntlm],
            Authentication::Basic(_) | Authentication::Certificate(_) => &[],
        };
        allowed.iter().copied().find(|scheme| offers(*scheme)).ok_or_else(|| {
            let (scheme, offered) = (authentication.scheme(), offered(headers));
            SignInError::NotOffered { scheme, offered }
        })
    }
}

/// Who signs in, where, and through which TLS channel.
struct Parties<'p> {
    account: &'p str,
    spn: String,
    authentication: &'p Authentication,
}

impl Connection {
    /// Signs in, where the scheme belongs to the connection. `certificate` is the server's in TLS.
    pub(super) async fn sign_in(
        &mut self,
        certificate: Option<&CertificateDer<'_>>,
    ) -> Result<(), HttpError> {
        let authentication = self.authentication().clone();
        match &authentication {
            Authentication::Basic(_) | Authentication::Certificate(_) => return Ok(()),
            Authentication::Kerberos(_)
            | Authentication::Negotiate(_)
            | Authentication::Ntlm(_) => {}
        }
        let host = self.endpoint().host().to_owned();
        let failed = |source| HttpError::SignIn { host: host.clone(), source };
        // Nothing is proved to a server that offers nothing we take.
        let offer = self.say_nothing(None).await?;
        if offer.status() != StatusCode::UNAUTHORIZED {
            self.check(&offer)?;
            let reason = "it asks nobody to sign in";
            return Err(failed(SignInError::Protocol { reason, source: None }));
        }
        let scheme = Scheme::choose(&authentication, offer.headers()).map_err(failed)?;
        self.read_out(offer).await?;

        let parties = Parties {
            account: authentication.account(),
            spn: spn(&authentication, self.endpoint()),
            authentication: &authentication,
        };
        let binding = certificate.map(binding::end_point);
        let mut mechanism = parties.mechanism(binding).map_err(failed)?;
        self.exchange_tokens(&mut mechanism, scheme, &parties).await?;
        self.signed_in(Seal::new(mechanism, scheme));
        Ok(())
    }

    async fn exchange_tokens(
        &mut self,
        mechanism: &mut Mechanism,
        scheme: Scheme,
        parties: &Parties<'_>,
    ) -> Result<(), HttpError> {
        let host = self.endpoint().host().to_owned();
        let failed = |source| HttpError::SignIn { host: host.clone(), source };
        let mut kdcs = parties.kdcs();
        let first = mechanism.step(Vec::new(), &mut kdcs).await;
        let mut step = first.map_err(|failure| failed(parties.first_failed(failure, &mut kdcs)))?;
        for sent in 1..=TOKENS_MAX {
            let said = format!("{} {}", scheme.word(), STANDARD.encode(&step.token));
            let response = self.say_nothing(Some(&said)).await?;
            let token = token(response.headers(), scheme).map_err(failed)?;
            if response.status() == StatusCode::UNAUTHORIZED {
                let Some(token) = token.filter(|_| !mechanism.is_mutual()) else {
                    return Err(failed(parties.refused(sent, mechanism, response.headers())));
                };
                self.read_out(response).await?;
                let next = mechanism.step(token, &mut kdcs).await;
                step = next.map_err(|failure| failed(parties.later_failed(failure)))?;
                continue;
            }
            self.check(&response)?;
            self.read_out(response).await?;
            return finish(mechanism, &step, token, &mut kdcs, parties).await.map_err(failed);
        }
        let reason = "it goes on without an end";
        Err(failed(SignInError::Protocol { reason, source: None }))
    }

    async fn say_nothing(&mut self, said: Option<&str>) -> Result<Response<Incoming>, HttpError> {
        let value = said.and_then(|said| HeaderValue::from_str(said).ok());
        let value = value.map(|mut value| {
            value.set_sensitive(true);
            value
        });
        let request = self.request("", Bytes::new(), value)?;
        self.send(request).await
    }
}

/// The server let us in: what it said last has to complete the context (KRB_AP_REP, [RFC 4120] 3.2.4).
async fn finish(
    mechanism: &mut Mechanism,
    last: &Step,
    token: Option<Vec<u8>>,
    kdcs: &mut Kdcs<'_>,
    parties: &Parties<'_>,
) -> Result<(), SignInError> {
    let unproved = |source| {
        let spn = parties.spn.clone();
        SignInError::MutualAuthFailed { spn, source }
    };
    let Some(token) = token else {
        return if last.is_done && !mechanism.is_mutual() { Ok(()) } else { Err(unproved(None)) };
    };
    if last.is_done && !mechanism.is_mutual() {
        return Ok(());
    }
    match mechanism.step(token, kdcs).await {
        Ok(Step { is_done: true, .. }) => Ok(()),
        Ok(_) => Err(unproved(None)),
        Err(Failure::Cause(cause)) => Err(cause),
        Err(Failure::Library(source)) => Err(unproved(Some(source))),
    }
}

impl Parties<'_> {
    /// The context of the connection, tied to its TLS channel where the mechanism can.
    fn mechanism(&self, binding: Option<Vec<u8>>) -> Result<Mechanism, SignInError> {
        let wrapped = || binding.as_deref().map(binding::sec_channel_bindings);
        let made = match self.authentication {
            Authentication::Kerberos(account) => Mechanism::kerberos(account, &self.spn, binding),
            Authentication::Negotiate(credentials) => {
                Mechanism::negotiate(credentials, &self.spn, wrapped())
            }
            Authentication::Ntlm(credentials) => Mechanism::ntlm(credentials, &self.spn, wrapped()),
            Authentication::Basic(_) | Authentication::Certificate(_) => {
                let (scheme, offered) = (self.authentication.scheme(), String::new());
                return Err(SignInError::NotOffered { scheme, offered });
            }
        };
        made.map_err(|source| self.unusable(source))
    }

    fn kdcs(&self) -> Kdcs<'_> {
        match self.authentication {
            Authentication::Kerberos(account) => {
                Kdcs::new(account.principal().realm(), account.kdcs())
            }
            Authentication::Negotiate(_)
            | Authentication::Ntlm(_)
            | Authentication::Basic(_)
            | Authentication::Certificate(_) => Kdcs::new("", &[]),
        }
    }

    fn unusable(&self, source: sspi::Error) -> SignInError {
        SignInError::Unusable { account: self.account.to_owned(), source }
    }

    /// Before anything was said to the server: the directory's word counts, and then the library's.
    fn first_failed(&self, failure: Failure, kdcs: &mut Kdcs<'_>) -> SignInError {
        let (account, spn) = (self.account.to_owned(), self.spn.clone());
        let source = match failure {
            Failure::Cause(cause) => return cause,
            Failure::Library(source) => source,
        };
        if let Some(cause) = kdcs.cause(self.account, &self.spn) {
            return cause;
        }
        // In the words of sspi 0.23.
        let says = |text: &str| source.description.contains(text);
        if source.error_type == sspi::ErrorKind::NoAuthenticatingAuthority {
            SignInError::UnknownRealm { spn }
        } else if says("should not process AS_REQ") {
            SignInError::NoPreauthentication { account }
        } else if says("key length") {
            SignInError::NoAes256 { account, spn }
        } else {
            self.unusable(source)
        }
    }

    fn later_failed(&self, failure: Failure) -> SignInError {
        match failure {
            Failure::Cause(cause) => cause,
            Failure::Library(source) => {
                let reason = "its token is broken";
                SignInError::Protocol { reason, source: Some(source) }
            }
        }
    }

    /// 401 and nothing to go on with.
    fn refused(&self, sent: usize, mechanism: &Mechanism, headers: &HeaderMap) -> SignInError {
        let (account, scheme) = (self.account.to_owned(), self.authentication.scheme());
        if mechanism.is_mutual() {
            return SignInError::TicketRefused { spn: self.spn.clone(), account };
        }
        // NTLM's first message proves nothing ([MS-NLMP] 2.2.1.1): a server that stops there does not
        // want the scheme.
        if sent == 1 {
            return SignInError::NotOffered { scheme, offered: offered(headers) };
        }
        SignInError::BadCredentials { account, scheme }
    }
}

/// The service that is meant: `HTTP/` and the server's name as the address has it ([RFC 4559] 4).
fn spn(authentication: &Authentication, endpoint: &Endpoint) -> String {
    let given = match authentication {
        Authentication::Kerberos(account) => account.spn(),
        Authentication::Basic(_)
        | Authentication::Negotiate(_)
        | Authentication::Ntlm(_)
        | Authentication::Certificate(_) => None,
    };
    match given {
        Some(spn) => spn.to_owned(),
        None => format!("HTTP/{}", endpoint.bare_host().to_lowercase()),
    }
}

/// The token that an answer carries for a scheme.
fn token(headers: &HeaderMap, scheme: Scheme) -> Result<Option<Vec<u8>>, SignInError> {
    let wrong = |reason| SignInError::Protocol { reason, source: None };
    for value in headers.get_all(header::WWW_AUTHENTICATE) {
        let Some((word, token)) = value.to_str().ok().and_then(|text| text.split_once(' ')) else {
            continue;
        };
        if !word.eq_ignore_ascii_case(scheme.word()) {
            continue;
        }
        if token.len() > TOKEN_BYTES_MAX {
            return Err(wrong("its token is too long"));
        }
        let token = STANDARD.decode(token.trim());
        return token.map(Some).map_err(|_| wrong("its token is no base64"));
    }
    Ok(None)
}

/// Every scheme of the `WWW-Authenticate` headers, of which one may name several ([RFC 9110] 11.6.1).
fn challenges(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .get_all(header::WWW_AUTHENTICATE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|challenge| challenge.split_whitespace().next())
        .filter(|word| !word.contains(['=', '"']))
}

/// The same, for people.
fn offered(headers: &HeaderMap) -> String {
    super::connection::schemes(headers, header::WWW_AUTHENTICATE)
}

#[cfg(test)]
mod tests;
