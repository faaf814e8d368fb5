//! Owns Basic ([RFC 7617]): name and password in base64.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::accounts::Accounts;
use crate::settings::Account;

/// Finds the account that the credentials of a header are of.
pub(super) fn sign_in(credentials: &str, accounts: &Accounts) -> Option<Account> {
    let decoded = STANDARD.decode(credentials.trim()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (name, password) = text.split_once(':')?;
    accounts.candidates(name).into_iter().find(|account| account.password.is(password))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_password_signs_in() {
        let accounts = Accounts::only(vec![Account::new("CONTOSO\\svc-admin", "pa:ss")]);
        let sign = |text: &str| sign_in(&STANDARD.encode(text), &accounts).is_some();

        assert!(sign("contoso\\SVC-admin:pa:ss"));
        assert!(sign("svc-admin@contoso.com:pa:ss"));
        assert!(!sign("CONTOSO\\svc-admin:wrong"));
        assert!(!sign("CONTOSO\\other:pa:ss"));
        assert!(!sign("CONTOSO\\svc-admin"));
        assert!(sign_in("no base64!", &accounts).is_none());
    }
}
