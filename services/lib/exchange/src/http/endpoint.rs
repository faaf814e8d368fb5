//! The address of one server's remote PowerShell. The name in it is the name that goes out in
//! `Host` and that the certificate must carry: Exchange's front end may refuse an unknown alias
//! before it looks at the account (`HostHeaderValidationModule` in the configuration of 2016 and
//! 2019 servers; when it refuses is unverified).

use std::fmt;
use std::str::FromStr;

use http::Uri;

/// The address of one server's remote PowerShell, such as `https://cas01.example.com/PowerShell/`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    secure: bool,
    host: String,
    port: u16,
    path: String,
}

/// Why a text is not the address of a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// It is not a URL.
    #[error("'{text}' is not a URL")]
    Malformed {
        /// The text as it was given.
        text: String,
    },
    /// The scheme is neither `https` nor `http`.
    #[error("'{text}' begins with neither https:// nor http://")]
    Scheme {
        /// The text as it was given.
        text: String,
    },
    /// It names an account or a query, which are settings of their own.
    #[error("'{text}' holds an account or a query; give scheme, host, port and path only")]
    Superfluous {
        /// The text, without what stands before an `@`.
        text: String,
    },
}

impl Endpoint {
    /// Whether the connection is encrypted by TLS.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The server's name (or address) as it was configured.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The path, usually `/PowerShell/` (page "Connect to Exchange servers using remote PowerShell").
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The host without the brackets of an IPv6 literal, as resolver and certificate check want it.
    pub(crate) fn bare_host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    /// The same port and path at another host.
    pub(crate) fn at_host(&self, host: &str) -> Result<Self, EndpointError> {
        let scheme = if self.secure { "https" } else { "http" };
        let other: Self = format!("{scheme}://{host}:{}{}", self.port, self.path).parse()?;
        // A text that is more than a host would lead elsewhere.
        if other.host.eq_ignore_ascii_case(host) && other.path == self.path {
            return Ok(other);
        }
        Err(EndpointError::Malformed { text: host.to_owned() })
    }

    /// The `Host` header: the port only where it is not the scheme's own ([RFC 9110] 4.2, 7.2).
    pub(crate) fn authority(&self) -> String {
        let usual = if self.secure { 443 } else { 80 };
        if self.port == usual { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || EndpointError::Malformed { text: text.to_owned() };
        let uri: Uri = text.parse().map_err(|_| malformed())?;
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            Some(_) | None => return Err(EndpointError::Scheme { text: text.to_owned() }),
        };
        let authority = uri.authority().ok_or_else(malformed)?;
        if authority.as_str().contains('@') || uri.query().is_some() {
            let text = text.rsplit('@').next().unwrap_or_default().to_owned();
            return Err(EndpointError::Superfluous { text });
        }
        let host = authority.host();
        if host.is_empty() {
            return Err(malformed());
        }
        Ok(Self {
            secure,
            host: host.to_owned(),
            port: authority.port_u16().unwrap_or(if secure { 443 } else { 80 }),
            path: match uri.path() {
                "" | "/" => "/PowerShell/".to_owned(),
                path => path.to_owned(),
            },
        })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_printed() {
        for (text, printed) in [
            ("https://cas01.example.com/PowerShell/", "https://cas01.example.com/PowerShell/"),
            ("https://cas01.example.com", "https://cas01.example.com/PowerShell/"),
            ("https://cas01.example.com:443/x", "https://cas01.example.com/x"),
            ("https://localhost:8443/PowerShell", "https://localhost:8443/PowerShell"),
            ("http://[::1]:81/", "http://[::1]:81/PowerShell/"),
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), printed);
        }
        assert_eq!("http://[::1]:81/".parse::<Endpoint>().unwrap().bare_host(), "::1");
    }

    #[test]
    fn a_wrong_address_says_what_is_wrong() {
        let wrong = |text: &str| text.parse::<Endpoint>().unwrap_err();
        assert!(matches!(wrong("cas01"), EndpointError::Scheme { .. }));
        assert!(matches!(wrong("ftp://cas01/"), EndpointError::Scheme { .. }));
        assert!(matches!(wrong("https:// /"), EndpointError::Malformed { .. }));
        let secret = wrong("https://svc:secret@cas01/");
        assert!(matches!(secret, EndpointError::Superfluous { .. }));
        assert!(!secret.to_string().contains("secret"));
        assert!(matches!(wrong("https://cas01/?a=b"), EndpointError::Superfluous { .. }));
    }
}
