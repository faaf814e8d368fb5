//! Accounts and their secrets. A secret is wiped when it is dropped, never printed, and leaves this
//! module only as the bytes that an authentication scheme needs.

mod principal;
mod keytab;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

pub use keytab::{Key, KeytabError};
pub use principal::Principal;

/// The largest secret file that is read; a larger one is a wrong path, not a password.
const SECRET_BYTES_MAX: u64 = 4096;

/// An account of Exchange's directory and its secret.
#[derive(Clone)]
pub struct Credentials {
    account: String,
    secret: Zeroizing<String>,
}

/// Why credentials could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// The account name is empty.
    #[error("the account name is empty")]
    AccountEmpty,
    /// The account name holds a character that Basic authentication cannot carry ([RFC 7617] 2).
    #[error("the account name '{account}' holds a colon or a control character")]
    AccountMalformed {
        /// The name as it was given.
        account: String,
    },
    /// The secret is empty after its trailing newline is cut off.
    #[error("the secret of '{account}' is empty")]
    SecretEmpty {
        /// Whose secret it is.
        account: String,
    },
    /// The secret holds a control character, most likely a second line.
    #[error(
        "the secret of '{account}' holds a control character; give the password alone, in UTF-8"
    )]
    SecretMalformed {
        /// Whose secret it is.
        account: String,
    },
    /// The name holds no Kerberos realm and none is given beside it.
    #[error(
        "the account '{account}' names no Kerberos realm; give it as NAME@REALM, or the realm apart"
    )]
    RealmMissing {
        /// The name as it was given.
        account: String,
    },
    /// The key table holds no key to sign in with.
    #[error("the key table cannot be used")]
    Keytab {
        /// Why not.
        source: KeytabError,
    },
    /// The secret's file could not be read.
    #[error("cannot read the secret of '{account}' from {}", path.display())]
    Unreadable {
        /// Whose secret it is.
        account: String,
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl Credentials {
    /// Takes an account (`DOMAIN\name`, a user principal name, or a plain name) and its password.
    pub fn new(
        account: impl Into<String>,
        secret: impl Into<String>,
    ) -> Result<Self, CredentialsError> {
        let account = account.into();
        let secret = Zeroizing::new(secret.into());
        if account.trim().is_empty() {
            return Err(CredentialsError::AccountEmpty);
        }
        if account.contains(':') || account.chars().any(char::is_control) {
            return Err(CredentialsError::AccountMalformed { account });
        }
        if secret.is_empty() {
            return Err(CredentialsError::SecretEmpty { account });
        }
        if secret.chars().any(char::is_control) {
            return Err(CredentialsError::SecretMalformed { account });
        }
        Ok(Self { account, secret })
    }

    /// Reads the password from a file; one trailing line end is not part of it.
    pub fn from_file(account: impl Into<String>, path: &Path) -> Result<Self, CredentialsError> {
        let account = account.into();
        match read_secret(path) {
            Ok(text) => {
                let secret = text.strip_suffix('\n').unwrap_or(&text);
                Self::new(account, secret.strip_suffix('\r').unwrap_or(secret))
            }
            Err(source) => {
                Err(CredentialsError::Unreadable { account, path: path.to_owned(), source })
            }
        }
    }

    /// The account's name; not a secret, though not for logs above debug either.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// The password itself, for the library that proves it to a server.
    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }

    /// The value of an `Authorization` header for Basic ([RFC 7617]).
    pub(crate) fn basic(&self) -> Zeroizing<String> {
        let pair = Zeroizing::new(format!("{}:{}", self.account, self.secret.as_str()));
        let mut value = Zeroizing::new(String::with_capacity(8 + pair.len() * 4 / 3 + 4));
        value.push_str("Basic ");
        STANDARD.encode_string(pair.as_bytes(), &mut value);
        value
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("account", &self.account).finish_non_exhaustive()
    }
}

fn read_secret(path: &Path) -> io::Result<Zeroizing<String>> {
    if std::fs::metadata(path)?.len() > SECRET_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than any password"));
    }
    std::fs::read_to_string(path).map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_file_loses_one_line_end_and_nothing_else() {
        for (bytes, expected) in
            [("pass word \n", "pass word "), ("p\r\n", "p"), ("p", "p"), ("ünï\n", "ünï")]
        {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), bytes).unwrap();
            let credentials = Credentials::from_file("EXAMPLE\\svc", file.path()).unwrap();
            assert_eq!(*credentials.secret, expected);
        }
    }

    #[test]
    fn a_secret_is_never_printed() {
        let credentials = Credentials::new("svc", "correct horse").unwrap();
        assert_eq!(format!("{credentials:?}"), "Credentials { account: \"svc\", .. }");
    }

    #[test]
    fn what_basic_cannot_carry_is_refused() {
        assert!(matches!(Credentials::new("", "x"), Err(CredentialsError::AccountEmpty)));
        assert!(matches!(
            Credentials::new("a:b", "x"),
            Err(CredentialsError::AccountMalformed { .. })
        ));
        assert!(matches!(Credentials::new("a", ""), Err(CredentialsError::SecretEmpty { .. })));
        assert!(matches!(
            Credentials::new("a", "one\ntwo"),
            Err(CredentialsError::SecretMalformed { .. })
        ));
    }

    #[test]
    fn a_missing_or_huge_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let missing = Credentials::from_file("svc", &folder.path().join("none")).unwrap_err();
        assert!(missing.to_string().contains("none"), "{missing}");
        let huge = folder.path().join("huge");
        std::fs::write(&huge, vec![b'x'; 5000]).unwrap();
        assert!(matches!(
            Credentials::from_file("svc", &huge),
            Err(CredentialsError::Unreadable { .. })
        ));
    }

    #[test]
    fn basic_follows_the_example_of_rfc_7617() {
        let credentials = Credentials::new("Aladdin", "open sesame").unwrap();
        assert_eq!(*credentials.basic(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    }
}
