//! Owns secrets: a setting names a file, the file holds the secret, and only its owner may read it.

use std::{
    fmt, fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The longest secret; a longer file is not one.
const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// Where systemd puts the credentials of a unit (`LoadCredential=`, systemd.exec(5)).
const CREDENTIAL_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";

/// What stands before the name of such a credential in a setting.
const CREDENTIAL_PREFIX: &str = "credential:";

/// The path of a file that holds a secret, or `credential:NAME` for one that systemd gives the unit;
/// empty when none is given. It never holds the secret.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretFile(PathBuf);

/// Why a secret could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// No file is named.
    #[error("no file named")]
    Unset,
    /// The file can not be read.
    #[error("cannot read secret file {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Others than its owner can read the file.
    #[error(
        "secret file {} refused: mode {mode:04o} lets others read it; run chmod 600 {}",
        path.display(), path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The service manager gives this process no credentials.
    #[error("{} needs ${CREDENTIAL_DIRECTORY}, which systemd sets for LoadCredential=", setting.display())]
    NoCredentials {
        /// What stands in the setting.
        setting: PathBuf,
    },
    /// The file is empty, too long, or no text.
    #[error("secret file {} holds no usable secret: {problem}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl SecretFile {
    /// A secret in the file at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Whether a file is named.
    #[must_use]
    pub fn is_set(&self) -> bool {
        !self.0.as_os_str().is_empty()
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Reads the secret, without the line end that editors add. The text is wiped when dropped.
    ///
    /// # Errors
    /// When the file can not be read, is readable by others, or holds no text.
    pub fn read(&self) -> Result<Zeroizing<String>, SecretError> {
        let bytes = self.read_bytes()?;
        let unusable = |problem| SecretError::Unusable { path: self.0.clone(), problem };
        let text = std::str::from_utf8(&bytes).map_err(|_| unusable("not UTF-8 text"))?;
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if text.is_empty() {
            return Err(unusable("empty"));
        }
        Ok(Zeroizing::new(text.to_owned()))
    }

    /// Reads the secret as it is, such as a key table. The bytes are wiped when dropped.
    ///
    /// # Errors
    /// When the file can not be read, is readable by others, or is too long.
    pub fn read_bytes(&self) -> Result<Zeroizing<Vec<u8>>, SecretError> {
        self.read_within(std::env::var_os(CREDENTIAL_DIRECTORY).map(PathBuf::from))
    }

    fn read_within(&self, credentials: Option<PathBuf>) -> Result<Zeroizing<Vec<u8>>, SecretError> {
        if !self.is_set() {
            return Err(SecretError::Unset);
        }
        let name = self.0.to_str().and_then(|setting| setting.strip_prefix(CREDENTIAL_PREFIX));
        let path = match (name, credentials) {
            (None, _) => self.0.clone(),
            (Some(name), Some(folder)) => folder.join(name),
            (Some(_), None) => {
                return Err(SecretError::NoCredentials { setting: self.0.clone() });
            }
        };
        let unreadable = |source| SecretError::Unreadable { path: path.clone(), source };
        let file = fs::File::open(&path).map_err(unreadable)?;
        // systemd guards its folder by an access control list, whose mask looks like a group's right.
        if name.is_none() {
            self.guard(&file.metadata().map_err(unreadable)?)?;
        }
        // Room for all of it at once: a buffer that grows leaves copies behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(SECRET_BYTES_MAX as usize + 1));
        file.take(SECRET_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > SECRET_BYTES_MAX {
            return Err(SecretError::Unusable { path, problem: "longer than 64 KiB" });
        }
        Ok(bytes)
    }

    #[cfg(unix)]
    fn guard(&self, metadata: &fs::Metadata) -> Result<(), SecretError> {
        use std::os::unix::fs::PermissionsExt;

        let mode = metadata.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(SecretError::Exposed { path: self.0.clone(), mode });
        }
        Ok(())
    }

    /// Windows guards secrets by access control lists, which the installer sets.
    #[cfg(not(unix))]
    fn guard(&self, _metadata: &fs::Metadata) -> Result<(), SecretError> {
        Ok(())
    }
}

impl fmt::Debug for SecretFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretFile({})", self.0.display())
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn secret(bytes: &[u8], mode: u32) -> (tempfile::TempDir, SecretFile) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        (folder, SecretFile::new(path))
    }

    #[test]
    fn a_secret_is_its_file_without_the_line_end() {
        for (bytes, text) in [("s3 cret\n", "s3 cret"), ("007", "007"), ("a\r\n", "a")] {
            let (_folder, file) = secret(bytes.as_bytes(), 0o600);
            assert_eq!(*file.read().unwrap(), text);
        }
    }

    #[test]
    fn a_secret_that_others_can_read_is_refused_with_the_cure() {
        for mode in [0o640, 0o604, 0o644, 0o660] {
            let (_folder, file) = secret(b"x", mode);
            let error = file.read().unwrap_err().to_string();
            assert!(error.contains("chmod 600"), "{error}");
        }
    }

    #[test]
    fn a_credential_lies_where_systemd_put_it() {
        let (folder, _) = secret(b"s3 cret", 0o440);
        let file = SecretFile::new("credential:password");
        let read = file.read_within(Some(folder.path().to_owned())).unwrap();
        assert_eq!(&**read, b"s3 cret");
        let error = file.read_within(None).unwrap_err().to_string();
        assert!(error.contains("credential:password needs $CREDENTIALS_DIRECTORY"), "{error}");
    }

    #[test]
    fn what_is_no_secret_says_why_and_never_what() {
        let cases: [(&[u8], &str); 3] = [
            (b"", "empty"),
            (b"\xff\xfe", "not UTF-8"),
            (&[b'x'; SECRET_BYTES_MAX as usize + 1], "longer than 64 KiB"),
        ];
        for (bytes, expected) in cases {
            let (_folder, file) = secret(bytes, 0o400);
            assert!(file.read().unwrap_err().to_string().contains(expected));
        }
        assert!(matches!(SecretFile::default().read(), Err(SecretError::Unset)));
        let missing = SecretFile::new("/nowhere/password").read().unwrap_err();
        assert!(crate::report(&missing).contains("No such file"));
    }
}
