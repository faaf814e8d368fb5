//! The way to the Exchange servers as it is configured: a proxy, the hosts that need none, and fixed
//! addresses.

use std::net::SocketAddr;

use exgate_exchange::credentials::{Credentials, CredentialsError};
use exgate_exchange::http::{HostPatterns, PatternError, Proxy, ProxyAddressError, Route};
use exgate_runtime::config::{Invalid, SecretError};

use crate::config::Exchange;

/// The most addresses that may be fixed.
const ADDRESSES_MAX: usize = 64;

/// Why the settings make no way.
#[derive(Debug, thiserror::Error)]
pub enum RouteError {
    /// The proxy is none.
    #[error("exchange.proxy cannot be used")]
    Proxy(#[from] ProxyAddressError),
    /// A host that needs no proxy is none.
    #[error("exchange.no_proxy cannot be used")]
    NoProxy(#[source] PatternError),
    /// A host that redirects may lead to is none.
    #[error("exchange.redirect_hosts cannot be used")]
    RedirectHosts(#[source] PatternError),
    /// The proxy's password cannot be read.
    #[error("exchange.proxy_password_file cannot be used")]
    Secret(#[from] SecretError),
    /// The proxy's account is none.
    #[error("exchange.proxy_user and exchange.proxy_password_file are no account")]
    Credentials(#[from] CredentialsError),
    /// Only one of both is given.
    #[error("exchange.proxy_user and exchange.proxy_password_file go together")]
    HalfAnAccount,
    /// There is an account without a proxy that it is for.
    #[error("exchange.proxy_user is set and exchange.proxy is not")]
    AccountWithoutProxy,
    /// A fixed address is none.
    #[error(
        "exchange.addresses: '{address}' of {host} is no address with a port, such as 10.0.0.7:443"
    )]
    Address {
        /// The host.
        host: String,
        /// What it was given.
        address: String,
    },
    /// Too many addresses are fixed.
    #[error("exchange.addresses holds more than {ADDRESSES_MAX} hosts")]
    AddressesTooMany,
}

impl RouteError {
    /// The key that is wrong.
    fn key(&self) -> &'static str {
        match self {
            Self::Proxy(_) => "exchange.proxy",
            Self::NoProxy(_) => "exchange.no_proxy",
            Self::RedirectHosts(_) => "exchange.redirect_hosts",
            Self::Secret(_) | Self::HalfAnAccount => "exchange.proxy_password_file",
            Self::Credentials(_) | Self::AccountWithoutProxy => "exchange.proxy_user",
            Self::Address { .. } | Self::AddressesTooMany => "exchange.addresses",
        }
    }
}

/// Refuses what cannot become a way, without reading a secret.
pub fn check(settings: &Exchange) -> Result<(), Invalid> {
    let refused = |error: RouteError| Invalid::new(error.key(), exgate_runtime::report(&error));
    bare(settings).map_err(refused)?;
    redirect_hosts(settings).map_err(refused)?;
    match (settings.proxy_user.is_empty(), settings.proxy_password_file.is_set()) {
        (true, true) | (false, false) => Err(refused(RouteError::HalfAnAccount)),
        (false, true) if settings.proxy.is_empty() => Err(refused(RouteError::AccountWithoutProxy)),
        (true, false) | (false, true) => Ok(()),
    }
}

/// The way that the settings describe; the proxy's password is read now.
pub fn route(settings: &Exchange) -> Result<Route, RouteError> {
    let (mut route, proxy) = bare(settings)?;
    if let Some(proxy) = proxy {
        let proxy = if settings.proxy_user.is_empty() {
            proxy
        } else {
            let secret = settings.proxy_password_file.read()?;
            let user = settings.proxy_user.as_str();
            proxy.with_credentials(Credentials::new(user, secret.as_str())?)
        };
        route = route.with_proxy(proxy);
    }
    Ok(route)
}

/// The hosts that redirects may lead to.
pub fn redirect_hosts(settings: &Exchange) -> Result<HostPatterns, RouteError> {
    HostPatterns::new(&settings.redirect_hosts).map_err(RouteError::RedirectHosts)
}

/// Fixed addresses, and the proxy without its account.
fn bare(settings: &Exchange) -> Result<(Route, Option<Proxy>), RouteError> {
    if settings.addresses.len() > ADDRESSES_MAX {
        return Err(RouteError::AddressesTooMany);
    }
    let mut route = Route::default();
    for (host, text) in &settings.addresses {
        let address: SocketAddr = text
            .parse()
            .map_err(|_| RouteError::Address { host: host.clone(), address: text.clone() })?;
        route = route.with_address(host, address);
    }
    let direct = HostPatterns::new(&settings.no_proxy).map_err(RouteError::NoProxy)?;
    let proxy = match settings.proxy.as_str() {
        "" => None,
        text => Some(text.parse::<Proxy>()?.with_direct(direct)),
    };
    Ok((route, proxy))
}
