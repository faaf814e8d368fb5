//! One authenticated TLS connection to one Exchange server. A connection is owned by who opened it:
//! requests go out one at a time, nothing is pooled behind the owner's back, a redirect is followed
//! only while a session opens and only to hosts that the operator allows, and a refused password is
//! never sent twice.

mod endpoint;
mod hosts;
mod proxy;
mod dial;
pub(crate) mod redirect;
mod trust;
mod authentication;
mod cookies;
mod connection;
mod probe;
mod error;

pub use authentication::Authentication;
pub use connection::{Answer, Connection, Transport, TransportError};
pub use cookies::Cookies;
pub use dial::{Route, SharedRoute};
pub use endpoint::{Endpoint, EndpointError};
pub use error::HttpError;
pub use hosts::{HostPatterns, PatternError};
pub use proxy::{Proxy, ProxyAddressError, ProxyError};
pub use redirect::{REDIRECTS_MAX, RedirectError};
pub use trust::{Presented, TrustAnchors, TrustError};
