//! Owns the forms in which an account is named, and which of its parts are a Kerberos realm.

use std::fmt;

use super::CredentialsError;

/// An account in a Kerberos realm ([RFC 4120] 6.2): `svc-exgate@CONTOSO.COM`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Principal {
    name: String,
    realm: String,
}

impl Principal {
    /// Reads `name`, `name@realm`, `REALM\name` or `NETBIOS\name`. A given realm beats the one in
    /// the name; without it the name has to hold one: a NetBIOS name has no dot and is none.
    ///
    /// # Errors
    /// When there is no name, or no realm.
    pub fn parse(account: &str, realm: Option<&str>) -> Result<Self, CredentialsError> {
        let (name, within) = match (account.split_once('\\'), account.rsplit_once('@')) {
            (Some((domain, name)), _) => (name, Some(domain).filter(|domain| domain.contains('.'))),
            (None, Some((name, suffix))) => (name, Some(suffix)),
            (None, None) => (account, None),
        };
        let malformed = |text: &str| {
            text.is_empty() || text.contains(['\\', '/']) || text.chars().any(char::is_whitespace)
        };
        if malformed(name) || name.contains('@') {
            return Err(CredentialsError::AccountMalformed { account: account.to_owned() });
        }
        let realm = realm.filter(|realm| !realm.is_empty()).or(within);
        match realm {
            Some(realm) if !malformed(realm) && !realm.contains('@') => {
                Ok(Self { name: name.to_owned(), realm: realm.to_uppercase() })
            }
            Some(_) | None => Err(CredentialsError::RealmMissing { account: account.to_owned() }),
        }
    }

    /// The account without its realm.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The realm, in capitals as Active Directory names it ([RFC 4120] 6.1 advises it).
    pub fn realm(&self) -> &str {
        &self.realm
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.realm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_name_leads_to_its_realm() {
        let cases = [
            (r"CONTOSO\svc", Some("contoso.com"), "svc@CONTOSO.COM"),
            (r"contoso.com\svc", None, "svc@CONTOSO.COM"),
            (r"contoso.com\svc", Some("child.contoso.com"), "svc@CHILD.CONTOSO.COM"),
            ("svc@contoso.com", None, "svc@CONTOSO.COM"),
            ("svc@mail.example", Some("CONTOSO.COM"), "svc@CONTOSO.COM"),
            ("svc", Some("contoso.com"), "svc@CONTOSO.COM"),
        ];
        for (account, realm, expected) in cases {
            assert_eq!(Principal::parse(account, realm).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn a_netbios_name_is_no_realm() {
        for account in [r"CONTOSO\svc", "svc"] {
            let error = Principal::parse(account, None).unwrap_err();
            assert!(matches!(error, CredentialsError::RealmMissing { .. }), "{error:?}");
        }
        let empty = Principal::parse("svc", Some("")).unwrap_err();
        assert!(matches!(empty, CredentialsError::RealmMissing { .. }), "{empty:?}");
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for account in [r"CONTOSO\", "@contoso.com", r"a\b\c", "two words@contoso.com", "a/b@c.d"] {
            let error = Principal::parse(account, Some("CONTOSO.COM")).unwrap_err();
            assert!(matches!(error, CredentialsError::AccountMalformed { .. }), "{error:?}");
        }
    }
}
