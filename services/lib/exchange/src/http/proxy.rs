//! An HTTP proxy on the way: the request for a tunnel ([RFC 9110] 9.3.6, CONNECT) and what can be
//! wrong with it. Only the tunnel is the proxy's: what is signed in and said goes end to end. The
//! proxy's password goes to the proxy alone, and never into a log.

use std::fmt;
use std::io;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Method, Request, StatusCode, Uri};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_util::task::AbortOnDropHandle;

use crate::credentials::Credentials;
use crate::http::HostPatterns;
use crate::http::hosts::bare;

/// The port of a proxy whose address names none: Squid's.
const PORT: u16 = 3128;

/// An HTTP proxy that tunnels to servers.
#[derive(Debug, Clone)]
pub struct Proxy {
    host: String,
    port: u16,
    credentials: Option<Credentials>,
    direct: HostPatterns,
}

/// Why a text is not the address of a proxy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProxyAddressError {
    /// It is not `http://host:port`.
    #[error("'{text}' is no proxy: give http://host:port")]
    Malformed {
        /// The text, without what stands before an `@`.
        text: String,
    },
    /// It holds an account, which would be printed with it.
    #[error("the address of a proxy holds an account; give it in settings of its own")]
    Account,
}

/// Why there is no tunnel through the proxy.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// The proxy's name has no address.
    #[error("cannot resolve the proxy's name")]
    Resolve {
        /// What the resolver said.
        source: io::Error,
    },
    /// Nothing accepts connections where the proxy should be.
    #[error("cannot connect to the proxy")]
    Connect {
        /// What the operating system said about the last address tried.
        source: io::Error,
    },
    /// 407: the proxy wants an account, or another one ([RFC 9110] 15.5.8).
    #[error("the proxy {} (it offers: {offered})", if *was_given { "refused the account" } else { "wants an account" })]
    Authentication {
        /// Whether we gave one.
        was_given: bool,
        /// The schemes that it names.
        offered: String,
    },
    /// The proxy does not let us through, or does not reach the server.
    #[error("the proxy refused a tunnel to {target} with status {status}")]
    Refused {
        /// Host and port of the server.
        target: String,
        /// The status code.
        status: u16,
    },
    /// What answered is no proxy, or it broke off.
    #[error("the proxy broke off")]
    Broken {
        /// The HTTP library's reason.
        source: hyper::Error,
    },
    /// The proxy did not answer in time.
    #[error("the proxy opened no tunnel within {} s", limit.as_secs())]
    TimedOut {
        /// How long we waited.
        limit: Duration,
    },
    /// The request could not be formed.
    #[error("cannot ask for a tunnel to {target}")]
    Request {
        /// Host and port of the server.
        target: String,
        /// What was wrong.
        source: http::Error,
    },
}

impl ProxyError {
    /// Whether the proxy says that it cannot reach the server (502, 503, 504; [RFC 9110] 15.6):
    /// another server may be reachable through the same proxy.
    pub fn blames_server(&self) -> bool {
        match self {
            Self::Refused { status, .. } => matches!(status, 502..=504),
            Self::Resolve { .. }
            | Self::Connect { .. }
            | Self::Authentication { .. }
            | Self::Broken { .. }
            | Self::TimedOut { .. }
            | Self::Request { .. } => false,
        }
    }
}

impl Proxy {
    /// The proxy's host.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The proxy's port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Signs in to the proxy by Basic ([RFC 7617]).
    #[must_use]
    pub fn with_credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// Leaves these hosts to a direct connection.
    #[must_use]
    pub fn with_direct(mut self, direct: HostPatterns) -> Self {
        self.direct = direct;
        self
    }

    /// Whether a host is reached through this proxy.
    pub fn serves(&self, host: &str) -> bool {
        !self.direct.lists(host)
    }

    /// The proxy's host as a resolver wants it.
    pub(super) fn bare_host(&self) -> &str {
        bare(&self.host)
    }

    /// Turns a connection to the proxy into one to `target` (`host:port`).
    pub(super) async fn tunnel(
        &self,
        stream: TcpStream,
        target: &str,
    ) -> Result<TcpStream, ProxyError> {
        let request = self.request(target)?;
        let broken = |source| ProxyError::Broken { source };
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        #[expect(
            clippy::disallowed_methods,
            reason = "the library knows no Tasks; the handle is owned by this call and aborts on drop"
        )]
        let _driver = AbortOnDropHandle::new(tokio::spawn(async move {
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(error = %error, "connection to the proxy ended");
            }
        }));
        let response = sender.send_request(request).await.map_err(broken)?;
        match response.status() {
            status if status.is_success() => {
                let upgraded = hyper::upgrade::on(response).await.map_err(broken)?;
                match upgraded.downcast::<TokioIo<TcpStream>>() {
                    // A server says nothing before it is spoken to.
                    Ok(parts) if parts.read_buf.is_empty() => Ok(parts.io.into_inner()),
                    Ok(_) | Err(_) => {
                        let status = status.as_u16();
                        Err(ProxyError::Refused { target: target.to_owned(), status })
                    }
                }
            }
            StatusCode::PROXY_AUTHENTICATION_REQUIRED => Err(ProxyError::Authentication {
                was_given: self.credentials.is_some(),
                offered: super::connection::schemes(response.headers(), header::PROXY_AUTHENTICATE),
            }),
            status => {
                Err(ProxyError::Refused { target: target.to_owned(), status: status.as_u16() })
            }
        }
    }

    fn request(&self, target: &str) -> Result<Request<Empty<Bytes>>, ProxyError> {
        let failed = |source| ProxyError::Request { target: target.to_owned(), source };
        let mut request = Request::builder()
            .method(Method::CONNECT)
            .uri(target)
            .header(header::HOST, target)
            .header(header::USER_AGENT, super::connection::USER_AGENT);
        if let Some(credentials) = &self.credentials {
            let mut value = HeaderValue::from_str(&credentials.basic())
                .map_err(|error| failed(error.into()))?;
            value.set_sensitive(true);
            request = request.header(header::PROXY_AUTHORIZATION, value);
        }
        request.body(Empty::new()).map_err(failed)
    }
}

impl FromStr for Proxy {
    type Err = ProxyAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.contains('@') {
            return Err(ProxyAddressError::Account);
        }
        let malformed = || ProxyAddressError::Malformed { text: text.to_owned() };
        let uri: Uri = text.trim().parse().map_err(|_| malformed())?;
        let is_bare = uri.query().is_none() && matches!(uri.path(), "" | "/");
        let authority = uri.authority().filter(|_| uri.scheme_str() == Some("http") && is_bare);
        let authority = authority.filter(|it| !it.host().is_empty()).ok_or_else(malformed)?;
        Ok(Self {
            host: authority.host().to_owned(),
            port: authority.port_u16().unwrap_or(PORT),
            credentials: None,
            direct: HostPatterns::default(),
        })
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_read_printed_and_never_with_an_account() {
        for (text, printed) in [
            ("http://proxy.example.com:8080", "http://proxy.example.com:8080"),
            ("http://proxy.example.com/", "http://proxy.example.com:3128"),
            ("http://[::1]:3128", "http://[::1]:3128"),
        ] {
            assert_eq!(text.parse::<Proxy>().unwrap().to_string(), printed);
        }
        let wrong = |text: &str| text.parse::<Proxy>().unwrap_err();
        for text in ["", "proxy:3128", "https://proxy:1", "http://proxy/x", "http://proxy?x=1"] {
            assert!(matches!(wrong(text), ProxyAddressError::Malformed { .. }), "{text:?}");
        }
        let secret = wrong("http://user:secret@proxy:1");
        assert_eq!(secret, ProxyAddressError::Account);
        assert!(!secret.to_string().contains("secret"));
    }

    #[test]
    fn a_request_for_a_tunnel_hides_its_password() {
        let proxy: Proxy = "http://proxy:1".parse().unwrap();
        let plain = proxy.request("ex01.example.com:443").unwrap();
        assert_eq!(plain.uri(), "ex01.example.com:443");
        assert!(plain.headers().get(header::PROXY_AUTHORIZATION).is_none());
        let proxy = proxy.with_credentials(Credentials::new("svc", "s3cret").unwrap());
        let signed = proxy.request("ex01.example.com:443").unwrap();
        let value = signed.headers().get(header::PROXY_AUTHORIZATION).unwrap();
        assert_eq!(value.to_str().unwrap(), "Basic c3ZjOnMzY3JldA==");
        let printed = format!("{proxy:?} {signed:?}");
        assert!(!printed.contains("s3cret") && !printed.contains("czNjcmV0"), "{printed}");
    }

    #[test]
    fn named_hosts_are_left_out() {
        let direct = HostPatterns::new(["*.example.com"]).unwrap();
        let proxy = "http://proxy:1".parse::<Proxy>().unwrap().with_direct(direct);
        assert!(proxy.serves("ex01.contoso.com") && !proxy.serves("ex01.example.com"));
    }
}
