//! Owns what Kerberos needs beside a server's address: who signs in, by what, and where it is asked.

use std::fmt;

use zeroize::Zeroizing;

use crate::credentials::{Credentials, CredentialsError, Key, Principal};
use crate::http::sign_in::KdcAddress;

/// An account that signs in by Kerberos.
#[derive(Debug, Clone)]
pub struct KerberosAccount {
    principal: Principal,
    name: String,
    proof: Proof,
    kdcs: Vec<KdcAddress>,
    spn: Option<String>,
}

/// What proves an account to its directory.
#[derive(Clone)]
pub(crate) enum Proof {
    /// Its password.
    Password(Zeroizing<String>),
    /// Its key, which the password need not be known for.
    Key(Key),
    /// A ticket that somebody else fetched, or a key table, as the system's library finds them.
    #[cfg(feature = "gssapi")]
    System,
}

impl KerberosAccount {
    /// Signs in with a password. `realm` is needed where the account's name holds none: a NetBIOS
    /// name (`CONTOSO\svc`) is not a realm ([RFC 4120] 6.1).
    ///
    /// # Errors
    /// When there is no realm, or no account.
    pub fn with_password(
        credentials: &Credentials,
        realm: Option<&str>,
    ) -> Result<Self, CredentialsError> {
        let principal = Principal::parse(credentials.account(), realm)?;
        Ok(Self::new(principal, Proof::Password(Zeroizing::new(credentials.secret().to_owned()))))
    }

    /// Signs in with a key.
    pub fn with_key(key: Key) -> Self {
        Self::new(key.principal().clone(), Proof::Key(key))
    }

    /// Signs in with what the system's Kerberos library finds: a ticket cache (`KRB5CCNAME`) or the
    /// key table of clients (`KRB5_CLIENT_KTNAME`). It asks the servers of its own `krb5.conf`
    /// (MIT Kerberos, "environment variables").
    ///
    /// # Errors
    /// When there is no realm, or no account.
    #[cfg(feature = "gssapi")]
    pub fn of_the_system(account: &str, realm: Option<&str>) -> Result<Self, CredentialsError> {
        Ok(Self::new(Principal::parse(account, realm)?, Proof::System))
    }

    fn new(principal: Principal, proof: Proof) -> Self {
        let kdcs = vec![KdcAddress::of_realm(principal.realm())];
        Self { name: principal.to_string(), principal, proof, kdcs, spn: None }
    }

    /// Asks these servers of the realm, in this order, in place of the domain's own name.
    #[must_use]
    pub fn at(mut self, kdcs: Vec<KdcAddress>) -> Self {
        if !kdcs.is_empty() {
            self.kdcs = kdcs;
        }
        self
    }

    /// Asks for a ticket to this service in place of `HTTP/` and the server's name.
    #[must_use]
    pub fn for_service(mut self, spn: impl Into<String>) -> Self {
        self.spn = Some(spn.into()).filter(|spn| !spn.is_empty());
        self
    }

    /// The account.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The account as it is printed.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn proof(&self) -> &Proof {
        &self.proof
    }

    pub(crate) fn kdcs(&self) -> &[KdcAddress] {
        &self.kdcs
    }

    pub(crate) fn spn(&self) -> Option<&str> {
        self.spn.as_deref()
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Password(_) => "Password(..)",
            Self::Key(_) => "Key(..)",
            #[cfg(feature = "gssapi")]
            Self::System => "System",
        })
    }
}
