//! Owns where a process may listen and whom it may call: plain text never leaves the machine.
//!
//! Mutual TLS is not available yet, so an address that is not loopback is refused here, at
//! start-up, with the key that says so.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use http::Uri;
use tokio::net::TcpListener;

/// Why an address in the configuration can not be used.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The text is not an address.
    #[error("{key} = {given:?} is not an address with a port, such as 127.0.0.1:7443")]
    NotAnAddress {
        /// The configuration key.
        key: String,
        /// What stands there.
        given: String,
    },
    /// The text is not an endpoint.
    #[error("{key} = {given:?} is not an endpoint, such as http://127.0.0.1:7443")]
    NotAnEndpoint {
        /// The configuration key.
        key: String,
        /// What stands there.
        given: String,
    },
    /// Plain text would leave the machine.
    #[error(
        "{key} = {given} refused: plain gRPC is for loopback only (127.0.0.1, [::1], localhost), \
         and mutual TLS is not available yet"
    )]
    NotLoopback {
        /// The configuration key.
        key: String,
        /// What stands there.
        given: String,
    },
    /// The endpoint asks for TLS.
    #[error(
        "{key} = {given} refused: TLS is not available yet; use plain http:// to a loopback address"
    )]
    Encrypted {
        /// The configuration key.
        key: String,
        /// What stands there.
        given: String,
    },
    /// The operating system refused the port.
    #[error("cannot listen on {key} = {given}")]
    Bind {
        /// The configuration key.
        key: String,
        /// What stands there.
        given: String,
        /// What the operating system says.
        source: std::io::Error,
    },
}

/// An endpoint that may be called: plain HTTP to a loopback address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    uri: Uri,
    host: String,
    port: u16,
}

impl Endpoint {
    /// Reads the endpoint that stands at `key` in the configuration.
    ///
    /// # Errors
    /// When it is not a URI, asks for TLS, or is not on loopback.
    pub fn parse(key: &str, text: &str) -> Result<Self, ListenError> {
        let (key, given) = (key.to_owned(), text.to_owned());
        let Ok(uri) = text.parse::<Uri>() else {
            return Err(ListenError::NotAnEndpoint { key, given });
        };
        let host = uri.host().map(|host| host.trim_matches(['[', ']']).to_owned());
        match (uri.scheme_str(), host) {
            (Some("https"), Some(_)) => Err(ListenError::Encrypted { key, given }),
            (Some("http"), Some(host)) if !loopback(&host) => {
                Err(ListenError::NotLoopback { key, given })
            }
            (Some("http"), Some(host)) if matches!(uri.path(), "" | "/") => {
                let port = uri.port_u16().unwrap_or(80);
                Ok(Self { uri, host, port })
            }
            _ => Err(ListenError::NotAnEndpoint { key, given }),
        }
    }

    /// The endpoint of a listener of ours.
    #[must_use]
    pub fn of(address: SocketAddr) -> Self {
        let host = address.ip().to_string();
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(http::uri::Scheme::HTTP);
        parts.authority = address.to_string().parse().ok();
        parts.path_and_query = Some(http::uri::PathAndQuery::from_static("/"));
        Self { uri: Uri::from_parts(parts).unwrap_or_default(), host, port: address.port() }
    }

    /// The endpoint as a URI.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The host, without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.uri)
    }
}

/// Reads the address that stands at `key` in the configuration.
///
/// # Errors
/// When it is not an address with a port, or is not on loopback.
pub fn address(key: &str, text: &str) -> Result<SocketAddr, ListenError> {
    let (key, given) = (key.to_owned(), text.to_owned());
    let Some(address) = parse(text) else {
        let named = text.rsplit_once(':').is_some_and(|(host, port)| {
            !host.is_empty() && !host.contains([':', '/']) && port.parse::<u16>().is_ok()
        });
        return Err(if named {
            ListenError::NotLoopback { key, given }
        } else {
            ListenError::NotAnAddress { key, given }
        });
    };
    if !address.ip().is_loopback() {
        return Err(ListenError::NotLoopback { key, given });
    }
    Ok(address)
}

/// Binds the address that stands at `key` in the configuration; port 0 takes a free one.
///
/// # Errors
/// As [`address`], and when the operating system refuses the port.
pub async fn bind(key: &str, text: &str) -> Result<TcpListener, ListenError> {
    let address = address(key, text)?;
    TcpListener::bind(address).await.map_err(|source| ListenError::Bind {
        key: key.to_owned(),
        given: text.to_owned(),
        source,
    })
}

fn parse(text: &str) -> Option<SocketAddr> {
    match text.split_once(':') {
        Some(("localhost", port)) => {
            Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port.parse().ok()?))
        }
        _ => text.parse().ok(),
    }
}

fn loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Writes bound addresses as one JSON object, name to address, in one step: whoever started this
/// process with port 0 waits for the file.
///
/// # Errors
/// When the file cannot be written.
pub fn publish(
    path: &std::path::Path,
    addresses: &[(&'static str, SocketAddr)],
) -> std::io::Result<()> {
    let addresses: std::collections::BTreeMap<_, _> =
        addresses.iter().map(|(name, address)| (*name, address.to_string())).collect();
    let draft = path.with_extension("draft");
    std::fs::write(&draft, serde_json::to_vec(&addresses)?)?;
    std::fs::rename(&draft, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_stays_on_loopback() {
        for good in ["127.0.0.1:7443", "127.8.8.8:0", "[::1]:7443", "localhost:7443"] {
            assert!(address("server.listen", good).unwrap().ip().is_loopback(), "{good}");
        }
        let cases = [
            ("0.0.0.0:7443", "plain gRPC is for loopback only"),
            ("[::]:7443", "plain gRPC is for loopback only"),
            ("192.0.2.1:7443", "plain gRPC is for loopback only"),
            ("exgate.example.net:7443", "plain gRPC is for loopback only"),
            ("7443", "not an address with a port"),
            ("127.0.0.1", "not an address with a port"),
            ("http://127.0.0.1:1", "not an address with a port"),
        ];
        for (bad, expected) in cases {
            let refusal = address("server.listen", bad).unwrap_err().to_string();
            assert!(refusal.contains("server.listen") && refusal.contains(bad), "{refusal}");
            assert!(refusal.contains(expected), "{refusal}");
        }
    }

    #[test]
    fn plain_endpoints_stay_on_loopback() {
        for good in ["http://127.0.0.1:7443", "http://[::1]:7443/", "http://localhost:7443"] {
            assert_eq!(Endpoint::parse("coordinator.endpoint", good).unwrap().port(), 7443);
        }
        let cases = [
            ("http://10.0.0.1:7443", "plain gRPC is for loopback only"),
            ("http://localhost.example.net:7443", "plain gRPC is for loopback only"),
            ("https://127.0.0.1:7443", "TLS is not available yet"),
            ("127.0.0.1:7443", "not an endpoint"),
            ("http://127.0.0.1:7443/path", "not an endpoint"),
            ("", "not an endpoint"),
        ];
        for (bad, expected) in cases {
            let refusal = Endpoint::parse("coordinator.endpoint", bad).unwrap_err().to_string();
            assert!(refusal.contains("coordinator.endpoint"), "{refusal}");
            assert!(refusal.contains(expected), "{bad}: {refusal}");
        }
    }

    #[tokio::test]
    async fn the_endpoint_of_a_listener_reads_back() {
        let listener = bind("server.listen", "[::1]:0").await;
        let listener = match listener {
            Ok(listener) => listener,
            Err(_) => bind("server.listen", "127.0.0.1:0").await.unwrap(),
        };
        let endpoint = Endpoint::of(listener.local_addr().unwrap());
        assert_eq!(Endpoint::parse("k", &endpoint.to_string()).unwrap(), endpoint);
    }
}
