//! One authenticated connection to one Exchange server, inside TLS or sealed. A connection is owned by
//! who opened it: requests go out one at a time, nothing is pooled behind the owner's back, a redirect
//! is followed only while a session opens and only to hosts that the operator allows, and a refused
//! password is never sent twice.

mod endpoint;
mod hosts;
mod proxy;
mod dial;
pub(crate) mod redirect;
mod trust;
mod authentication;
mod sign_in;
mod seal;
mod cookies;
mod connection;
mod probe;
mod error;

pub use authentication::{Authentication, CertificateError, ClientCertificate, KerberosAccount};
pub use connection::{Answer, Connection, Transport, TransportError};
pub use cookies::Cookies;
pub use dial::{Route, SharedRoute};
pub use endpoint::{Endpoint, EndpointError};
pub use error::HttpError;
pub use hosts::{HostPatterns, PatternError};
pub use probe::{ServerCertificate, Shown};
pub use proxy::{Proxy, ProxyAddressError, ProxyError};
pub use redirect::{REDIRECTS_MAX, RedirectError};
pub use sign_in::{KdcAddress, KdcAddressError, SignInError};
pub use trust::{Presented, TrustAnchors, TrustError};
