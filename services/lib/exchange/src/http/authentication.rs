//! How a connection proves who it speaks for. Only variants that work are listed.
//!
//! Negotiate and Kerberos join here as further variants: they sign in once per connection, with an
//! *empty* POST that carries the first token, and everything after it belongs to that connection
//! alone (no header, sealed bodies over plain http). `Connection::open` is where that exchange
//! happens, before the connection is handed out, and `Authentication::allows_plain_http` is where
//! it says that it seals.

use http::HeaderValue;

use crate::credentials::Credentials;

/// How a connection proves who it speaks for.
#[derive(Debug, Clone)]
pub enum Authentication {
    /// The password itself in every request ([RFC 7617]); only ever inside TLS.
    Basic(Credentials),
}

impl Authentication {
    /// The account that signs in.
    pub fn account(&self) -> &str {
        match self {
            Self::Basic(credentials) => credentials.account(),
        }
    }

    /// The scheme as `WWW-Authenticate` names it.
    pub fn scheme(&self) -> &'static str {
        match self {
            Self::Basic(_) => "Basic",
        }
    }

    /// Whether the scheme protects what it carries without TLS.
    pub(crate) fn allows_plain_http(&self) -> bool {
        match self {
            Self::Basic(_) => false,
        }
    }

    /// The `Authorization` header of one request, where the scheme has one in every request.
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        match self {
            Self::Basic(credentials) => {
                let mut value = HeaderValue::from_str(&credentials.basic()).ok()?;
                value.set_sensitive(true);
                Some(value)
            }
        }
    }
}
