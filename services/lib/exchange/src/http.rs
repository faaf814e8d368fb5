//! One authenticated TLS connection to one Exchange server. A connection is owned by who opened it:
//! requests go out one at a time, nothing is pooled behind the owner's back, no redirect is
//! followed, and a refused password is never sent twice.

mod endpoint;
mod trust;
mod authentication;
mod cookies;
mod connection;
mod error;

pub use authentication::Authentication;
pub use connection::{Answer, Connection, Transport, TransportError};
pub use cookies::Cookies;
pub use endpoint::{Endpoint, EndpointError};
pub use error::HttpError;
pub use trust::{TrustAnchors, TrustError};
