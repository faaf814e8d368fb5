//! Where a server may send us. The account's secret goes only to hosts that the operator named: a
//! redirect is followed to those, over TLS if we came over TLS, and not for ever.

use crate::http::{Endpoint, EndpointError, HostPatterns, Transport};

/// How many redirects in a row are followed; what Windows' own client does is not documented.
pub const REDIRECTS_MAX: u32 = 5;

/// Why a redirect is not followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RedirectError {
    /// The operator did not allow the host.
    #[error("'{host}' is not among the hosts that redirects may lead to")]
    NotAllowed {
        /// The host.
        host: String,
    },
    /// It leads from TLS to plain text.
    #[error("it leads from https to http")]
    PlainText,
    /// One redirect after the other.
    #[error("it is number {} in a row", REDIRECTS_MAX + 1)]
    TooMany,
    /// It leads to no address.
    #[error("it leads to no address of a server")]
    Malformed(#[from] EndpointError),
}

/// The transport to where the redirect number `hops` of a row leads.
pub(crate) fn follow(
    transport: &Transport,
    location: &str,
    hops: u32,
) -> Result<Transport, RedirectError> {
    if hops > REDIRECTS_MAX {
        return Err(RedirectError::TooMany);
    }
    transport.redirected(location)
}

/// The address that a `Location` header names ([RFC 9110] 10.2.2), if it may be gone to. A path alone
/// stays at the server; a query is dropped, because every request brings its own.
pub(super) fn target(
    from: &Endpoint,
    location: &str,
    allowed: &HostPatterns,
) -> Result<Endpoint, RedirectError> {
    let address = location.split(['?', '#']).next().unwrap_or_default().trim();
    let is_path = address.starts_with('/') && !address.starts_with("//");
    let to: Endpoint = if is_path {
        let scheme = if from.is_secure() { "https" } else { "http" };
        format!("{scheme}://{}{address}", from.authority()).parse()?
    } else {
        address.parse()?
    };
    if from.is_secure() && !to.is_secure() {
        return Err(RedirectError::PlainText);
    }
    let is_same = to.port() == from.port() && to.host().eq_ignore_ascii_case(from.host());
    if is_same || allowed.lists(to.host()) {
        return Ok(to);
    }
    Err(RedirectError::NotAllowed { host: to.host().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_leads_only_where_the_operator_allows() {
        let from: Endpoint = "https://ex01.contoso.com/PowerShell/".parse().unwrap();
        let allowed = HostPatterns::new(["*.contoso.com", "mail.fabrikam.com"]).unwrap();
        let to = |location: &str| target(&from, location, &allowed);
        for (location, address) in [
            ("https://ex02.contoso.com/PowerShell/?a=b", "https://ex02.contoso.com/PowerShell/"),
            ("https://mail.fabrikam.com:8443/ps", "https://mail.fabrikam.com:8443/ps"),
            ("/PowerShell-LiveID?x", "https://ex01.contoso.com/PowerShell-LiveID"),
            ("https://EX01.contoso.com/x", "https://EX01.contoso.com/x"),
        ] {
            assert_eq!(to(location).unwrap().to_string(), address);
        }
        let refused = |location: &str| to(location).unwrap_err();
        for other in
            ["https://evil.test/", "https://contoso.com.evil.test/", "https://contoso.com/"]
        {
            assert!(matches!(refused(other), RedirectError::NotAllowed { .. }), "{other}");
        }
        assert_eq!(refused("http://ex02.contoso.com/"), RedirectError::PlainText);
        for bad in ["", "//evil.test/", "ex02", "https://a@ex02.contoso.com/", "ftp://ex02"] {
            assert!(matches!(refused(bad), RedirectError::Malformed(_)), "{bad}");
        }
    }
}
