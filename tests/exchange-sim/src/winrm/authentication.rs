//! Owns who calls: Basic over TLS, against the simulator's accounts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::settings::Account;

/// Finds the account that a request signs in with.
///
/// Account names compare without regard to case, as in a directory; `DOMAIN\user`, `user@domain` and
/// the bare user name all name the same account.
pub fn sign_in<'a>(headers: &HeaderMap, accounts: &'a [Account]) -> Option<&'a Account> {
    let header = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    let decoded = STANDARD.decode(token.trim()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (name, password) = text.split_once(':')?;
    accounts.iter().find(|account| same(&account.name, name) && account.password.is(password))
}

fn same(held: &str, sent: &str) -> bool {
    held.eq_ignore_ascii_case(sent) || user(held).eq_ignore_ascii_case(user(sent))
}

fn user(name: &str) -> &str {
    let name = name.rsplit('\\').next().unwrap_or(name);
    name.split('@').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_password_signs_in() {
        let accounts = [Account::new("CONTOSO\\svc-exgate", "pa:ss")];
        let sign = |scheme: &str, text: &str| {
            let mut headers = HeaderMap::new();
            let value = format!("{scheme} {}", STANDARD.encode(text));
            headers.insert(AUTHORIZATION, value.parse().unwrap());
            sign_in(&headers, &accounts).is_some()
        };

        assert!(sign("Basic", "contoso\\SVC-exgate:pa:ss"));
        assert!(sign("basic", "svc-exgate@contoso.com:pa:ss"));
        assert!(!sign("Basic", "CONTOSO\\svc-exgate:wrong"));
        assert!(!sign("Basic", "CONTOSO\\other:pa:ss"));
        assert!(!sign("Negotiate", "CONTOSO\\svc-exgate:pa:ss"));
        assert!(sign_in(&HeaderMap::new(), &accounts).is_none());
    }
}
