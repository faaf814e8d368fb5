//! Owns the way to the Kerberos servers (KDCs) of a realm: TCP only, because tickets outgrow datagrams
//! ([RFC 4120] 7.2.1); each server in turn; and the exact code of a refusal, which the library flattens.

use std::fmt;
use std::io;
use std::str::FromStr;
use std::time::Duration;

use picky_krb::messages::{AsReq, KrbError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::error::SignInError;

/// How long one server may take for one answer, connecting included.
const KDC_LIMIT: Duration = Duration::from_secs(5);
/// The port of Kerberos ([RFC 4120] 7.2.2).
const KDC_PORT: u16 = 88;
/// The largest answer; tickets of accounts in a thousand groups stay below 64 kB (unverified).
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// The host that stands for "the account's own realm" in the library's requests.
pub(crate) const OWN_REALM: &str = "kdc.invalid";

/// First byte of an AS-REQ and of a KRB-ERROR: application tags 10 and 30 ([RFC 4120] 5.4.1, 5.9.1).
const AS_REQ: u8 = 0x6a;
const KRB_ERROR: u8 = 0x7e;

/// Codes of [RFC 4120] 7.5.9.
const NAME_EXPIRED: u32 = 1;
const CLIENT_UNKNOWN: u32 = 6;
const SERVER_UNKNOWN: u32 = 7;
const TYPE_UNSUPPORTED: u32 = 14;
const CLIENT_REVOKED: u32 = 18;
const KEY_EXPIRED: u32 = 23;
const PREAUTH_FAILED: u32 = 24;
/// The usual first answer: say it again with proof.
const PREAUTH_REQUIRED: u32 = 25;
/// The server is there, its database is not: the next one may do better.
const UNAVAILABLE: u32 = 29;
const SKEW: u32 = 37;

/// The address of a Kerberos server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KdcAddress {
    host: String,
    port: u16,
}

/// A text is no address of a Kerberos server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is no HOST or HOST:PORT of a Kerberos server")]
pub struct KdcAddressError {
    text: String,
}

impl KdcAddress {
    /// The domain's own name, at which every domain controller of Active Directory registers itself
    /// ("same as parent folder" records of the Netlogon service; unverified).
    pub(crate) fn of_realm(realm: &str) -> Self {
        Self { host: realm.to_lowercase(), port: KDC_PORT }
    }
}

impl FromStr for KdcAddress {
    type Err = KdcAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || KdcAddressError { text: text.to_owned() };
        let (host, port) = match text.rsplit_once(':') {
            // More than one colon without brackets is an IPv6 address alone.
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                (host, port.parse().map_err(|_| wrong())?)
            }
            Some(_) | None => (text, KDC_PORT),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
        if host.is_empty() || !host.chars().all(is_name) || port == 0 {
            return Err(wrong());
        }
        Ok(Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for KdcAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

/// The KDCs during one sign-in.
#[derive(Debug)]
pub(crate) struct Kdcs<'k> {
    realm: &'k str,
    own: &'k [KdcAddress],
    /// The code of the last refusal.
    refused: Option<u32>,
    /// Why nobody could be asked.
    failed: Option<SignInError>,
}

impl<'k> Kdcs<'k> {
    /// The servers of the account's realm, in the order in which they are asked.
    pub(crate) fn new(realm: &'k str, own: &'k [KdcAddress]) -> Self {
        Self { realm, own, refused: None, failed: None }
    }

    /// Asks a server of the realm that the request is for. The bytes of request and answer both begin
    /// with their length ([RFC 4120] 7.2.2).
    pub(crate) async fn ask(&mut self, request: &sspi::NetworkRequest) -> sspi::Result<Vec<u8>> {
        match self.asked(request).await {
            Ok(answer) => {
                self.refused = refusal(&answer);
                Ok(answer)
            }
            Err(error) => {
                let (kind, text) = (sspi::ErrorKind::NoAuthenticatingAuthority, error.to_string());
                self.failed = Some(error);
                Err(sspi::Error::new(kind, text))
            }
        }
    }

    async fn asked(&self, request: &sspi::NetworkRequest) -> Result<Vec<u8>, SignInError> {
        self.check_realm(&request.data)?;
        let host = request.url.host_str().unwrap_or_default();
        // A referral: the library (sspi) took the next realm's server from `[realms]` of krb5.conf.
        let referred = [KdcAddress {
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: request.url.port().unwrap_or(KDC_PORT),
        }];
        let servers = if host == OWN_REALM { self.own } else { &referred };
        let mut last = io::Error::new(io::ErrorKind::NotFound, "no server is known");
        for server in servers {
            match timeout(KDC_LIMIT, exchange(server, &request.data)).await {
                Ok(Ok(answer)) if refusal(&answer) == Some(UNAVAILABLE) => {
                    last = io::Error::new(io::ErrorKind::HostUnreachable, "it is out of service");
                }
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => last = error,
                Err(_) => last = io::ErrorKind::TimedOut.into(),
            }
            tracing::debug!(kdc = %server, error = %last, "kerberos server does not answer");
        }
        let tried = servers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        Err(SignInError::KdcUnreachable { realm: self.realm.to_owned(), tried, source: last })
    }

    /// The library lets `[domain_realm]` of krb5.conf rewrite the account's realm. A proof made for
    /// another realm could count against an account of the same name there.
    fn check_realm(&self, request: &[u8]) -> Result<(), SignInError> {
        let Some(message) = request.get(4..).filter(|it| it.first() == Some(&AS_REQ)) else {
            return Ok(());
        };
        let Ok(request) = picky_asn1_der::from_bytes::<AsReq>(message) else { return Ok(()) };
        let found = request.0.req_body.realm.0.to_string();
        if found == self.realm {
            return Ok(());
        }
        Err(SignInError::RealmRewritten { wanted: self.realm.to_owned(), found })
    }

    /// What the servers said or why they were not heard, as the cause of a failed sign-in.
    pub(crate) fn cause(&mut self, account: &str, spn: &str) -> Option<SignInError> {
        self.failed.take().or_else(|| cause(self.refused?, account, spn))
    }
}

/// What a code of a refusal means for an account that asks for a service.
pub(crate) fn cause(code: u32, account: &str, spn: &str) -> Option<SignInError> {
    let (account, spn) = (account.to_owned(), spn.to_owned());
    Some(match code {
        NAME_EXPIRED => SignInError::AccountExpired { account },
        CLIENT_UNKNOWN => SignInError::UnknownAccount { account },
        SERVER_UNKNOWN => SignInError::WrongSpn { spn },
        TYPE_UNSUPPORTED => SignInError::NoAes256 { account, spn },
        CLIENT_REVOKED => SignInError::AccountLocked { account },
        KEY_EXPIRED => SignInError::PasswordExpired { account },
        PREAUTH_FAILED => SignInError::BadCredentials { account, scheme: "Kerberos" },
        SKEW => SignInError::ClockSkew,
        PREAUTH_REQUIRED => return None,
        code => SignInError::Kdc { code },
    })
}

/// The code of an answer that is a KRB-ERROR.
fn refusal(answer: &[u8]) -> Option<u32> {
    let message = answer.get(4..).filter(|message| message.first() == Some(&KRB_ERROR))?;
    let error = picky_asn1_der::from_bytes::<KrbError>(message).ok()?;
    Some(error.0.error_code.0)
}

async fn exchange(server: &KdcAddress, request: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect((server.host.as_str(), server.port)).await?;
    stream.set_nodelay(true)?;
    stream.write_all(request).await?;
    let mut prefix = [0; 4];
    stream.read_exact(&mut prefix).await?;
    let length = usize::try_from(u32::from_be_bytes(prefix)).unwrap_or(usize::MAX);
    if length > ANSWER_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the answer is too large"));
    }
    let mut answer = prefix.to_vec();
    let read = stream.take(length as u64).read_to_end(&mut answer).await?;
    if read < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_kerberos_own_port_unless_it_names_another() {
        for (text, printed) in [
            ("dc01.contoso.com", "dc01.contoso.com:88"),
            ("dc01:8888", "dc01:8888"),
            ("127.0.0.1:1", "127.0.0.1:1"),
            ("::1", "[::1]:88"),
            ("[::1]:88", "[::1]:88"),
            ("[fe80::1]", "[fe80::1]:88"),
        ] {
            assert_eq!(text.parse::<KdcAddress>().unwrap().to_string(), printed);
        }
        for text in ["", ":88", "dc01:", "dc01:0", "dc01:88888", "tcp://dc01:88", "a b"] {
            assert!(text.parse::<KdcAddress>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_stand_in_for_our_own_realm_is_an_address_to_the_library() {
        let url = sspi::kerberos::config::parse_kdc_url(&format!("tcp://{OWN_REALM}:88")).unwrap();
        assert_eq!(url.host_str(), Some(OWN_REALM));
    }

    #[test]
    fn a_refusal_is_read_exactly() {
        assert_eq!(refusal(b""), None);
        assert_eq!(refusal(&[0, 0, 0, 2, KRB_ERROR, 0]), None);
        let mut kdcs = Kdcs::new("CONTOSO.TEST", &[]);
        kdcs.refused = Some(60);
        let cause = kdcs.cause("svc", "HTTP/cas01").unwrap();
        assert!(matches!(cause, SignInError::Kdc { code: 60 }), "{cause:?}");
        kdcs.refused = Some(PREAUTH_REQUIRED);
        assert!(kdcs.cause("svc", "HTTP/cas01").is_none());
    }
}
