//! How a TCP connection to a server comes about: straight, to an address that the operator fixed,
//! or through a proxy. The way can be changed while connections are open; it counts from the next
//! one on, and whoever opens a connection keeps its own copy until it stands.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::http::proxy::{Proxy, ProxyError};
use crate::http::{Endpoint, HttpError};

/// How long a proxy may take to accept a connection and to open a tunnel.
const PROXY_LIMIT: Duration = Duration::from_secs(10);

/// The way from this machine to servers.
#[derive(Debug, Clone, Default)]
pub struct Route {
    proxy: Option<Proxy>,
    addresses: BTreeMap<String, SocketAddr>,
}

/// A route that all connections of a transport, and of those made from it, share; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct SharedRoute(Arc<RwLock<Arc<Route>>>);

impl Route {
    /// Reaches servers through a proxy.
    #[must_use]
    pub fn with_proxy(mut self, proxy: Proxy) -> Self {
        self.proxy = Some(proxy);
        self
    }

    /// Fixes the address of a host, as a line in a hosts file does. Name, certificate and `Host`
    /// header stay the host's own. A proxy is asked for the fixed address, too.
    #[must_use]
    pub fn with_address(mut self, host: &str, address: SocketAddr) -> Self {
        self.addresses.insert(host.to_ascii_lowercase(), address);
        self
    }

    /// The proxy on the way to a host.
    pub fn proxy_to(&self, host: &str) -> Option<&Proxy> {
        self.proxy.as_ref().filter(|proxy| proxy.serves(host))
    }

    fn address(&self, host: &str) -> Option<SocketAddr> {
        self.addresses.get(&host.to_ascii_lowercase()).copied()
    }

    /// Opens a TCP connection to a server.
    async fn connect(&self, endpoint: &Endpoint) -> Result<TcpStream, HttpError> {
        let (host, port) = (endpoint.bare_host(), endpoint.port());
        let fixed = self.address(host);
        if let Some(proxy) = self.proxy_to(host) {
            let target = match fixed {
                Some(address) => address.to_string(),
                None => format!("{}:{port}", endpoint.host()),
            };
            let tunnel = timeout(PROXY_LIMIT, through(proxy, &target)).await;
            let tunnel = tunnel.unwrap_or(Err(ProxyError::TimedOut { limit: PROXY_LIMIT }));
            return tunnel.map_err(|source| HttpError::Proxy {
                proxy: proxy.to_string(),
                source: Box::new(source),
            });
        }
        let failed = |source| HttpError::Connect { host: host.to_owned(), port, source };
        if let Some(address) = fixed {
            return reach([address]).await.map_err(failed);
        }
        let addresses = tokio::net::lookup_host((host, port))
            .await
            .map_err(|source| HttpError::Resolve { host: host.to_owned(), source })?;
        reach(addresses).await.map_err(failed)
    }
}

impl SharedRoute {
    /// Shares a route.
    pub fn new(route: Route) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(route))))
    }

    /// The route now.
    pub fn get(&self) -> Arc<Route> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the route for every connection that is opened from now on.
    pub fn set(&self, route: Route) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(route);
    }

    /// Opens a TCP connection to a server.
    pub(super) async fn connect(&self, endpoint: &Endpoint) -> Result<TcpStream, HttpError> {
        self.get().connect(endpoint).await
    }
}

async fn through(proxy: &Proxy, target: &str) -> Result<TcpStream, ProxyError> {
    let addresses = tokio::net::lookup_host((proxy.bare_host(), proxy.port()))
        .await
        .map_err(|source| ProxyError::Resolve { source })?;
    let stream = reach(addresses).await.map_err(|source| ProxyError::Connect { source })?;
    proxy.tunnel(stream, target).await
}

/// Connects to the first address that accepts.
async fn reach(addresses: impl IntoIterator<Item = SocketAddr>) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        let connected = TcpStream::connect(address).await;
        match connected.and_then(|stream| stream.set_nodelay(true).map(|()| stream)) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_counts_for_everybody_who_shares_the_route() {
        let shared = SharedRoute::default();
        let other = shared.clone();
        assert!(other.get().proxy_to("ex01").is_none());
        shared.set(Route::default().with_proxy("http://proxy:1".parse().unwrap()));
        assert_eq!(other.get().proxy_to("ex01").unwrap().to_string(), "http://proxy:1");
    }

    #[tokio::test]
    async fn a_fixed_address_is_used_whatever_the_name() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let route = Route::default().with_address("EX01.contoso.test", address);
        let endpoint = "https://ex01.Contoso.test/".parse().unwrap();
        let stream = route.connect(&endpoint).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), address);
    }

    #[tokio::test]
    async fn a_proxy_that_is_not_there_is_told_from_a_server_that_is_not() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gone = listener.local_addr().unwrap();
        drop(listener);
        let endpoint: Endpoint = format!("https://{gone}/").parse().unwrap();
        let straight = Route::default().connect(&endpoint).await.unwrap_err();
        assert!(matches!(straight, HttpError::Connect { .. }), "{straight:?}");
        let proxy = format!("http://{gone}").parse().unwrap();
        let proxied = Route::default().with_proxy(proxy).connect(&endpoint).await.unwrap_err();
        let HttpError::Proxy { source, .. } = proxied else { panic!("{proxied:?}") };
        assert!(matches!(*source, ProxyError::Connect { .. }), "{source:?}");
        let proxy = "http://no-such-name.invalid:1".parse().unwrap();
        let unknown = Route::default().with_proxy(proxy).connect(&endpoint).await.unwrap_err();
        let HttpError::Proxy { source, .. } = unknown else { panic!("{unknown:?}") };
        assert!(matches!(*source, ProxyError::Resolve { .. }), "{source:?}");
    }
}
