//! Owns keys that sign and keys that are trusted: Ed25519 (RFC 8032) in PEM files (RFC 8410) that
//! `openssl pkey` reads.
//!
//! Invariant: a private key is nowhere but in its file, which only its owner may read, and in a
//! [`SigningKey`], which has no way to print it.

use std::{
    fmt, fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use aws_lc_rs::{
    digest,
    encoding::{AsDer, PublicKeyX509Der},
    rand::SystemRandom,
    signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use rustls_pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer, pem::PemObject};
use zeroize::{Zeroize, Zeroizing};

use crate::config::{SecretError, SecretFile};

/// What a file name of the public half ends with.
const PUBLIC_EXTENSION: &str = "pub";
/// How many bytes of its digest name a key.
const ID_BYTES: usize = 8;
/// The longest line of base64 in a PEM file (RFC 7468, section 2).
const PEM_LINE_LETTERS: usize = 64;
/// The most trusted keys in one file: those of one rotation and some to spare.
const TRUSTED_KEYS_MAX: usize = 16;
/// The longest file of trusted keys.
const TRUSTED_BYTES_MAX: u64 = 64 * 1024;
/// What stands before the 32 bytes of an Ed25519 key in a SubjectPublicKeyInfo (RFC 8410, section 10.1).
const ED25519_PREFIX: [u8; 12] =
    [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The name of a key: the start of the SHA-256 of its public half, in hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyId(String);

impl KeyId {
    fn of(public: &[u8]) -> Self {
        let digest = digest::digest(&digest::SHA256, public);
        let bytes = digest.as_ref().iter().take(ID_BYTES);
        Self(bytes.map(|byte| format!("{byte:02x}")).collect())
    }

    /// As it is sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A key that signs.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    id: KeyId,
    public_file: PathBuf,
}

/// Why there is no key to sign with.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeyError {
    /// The file cannot be read, or others can read it.
    #[error("the signing key cannot be read")]
    Read(#[from] SecretError),
    /// The file holds something else.
    #[error(
        "{} holds no Ed25519 private key in PKCS#8 PEM; move it away, and a new key is made there",
        path.display()
    )]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// The public half would be written over the private one.
    #[error("{} ends in .{PUBLIC_EXTENSION}, as the public half beside it will; choose another name", path.display())]
    Name {
        /// The file.
        path: PathBuf,
    },
    /// The system gives no randomness.
    #[error("no key could be made")]
    Generate,
    /// A half of the key cannot be written.
    #[error("cannot write {}: its folder must exist and be writable", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
}

impl SigningKey {
    /// Reads the key in `path`, or makes one there when nothing is. Its public half lies beside it
    /// under the same name with the extension `pub`.
    ///
    /// # Errors
    /// When what is there is no key or can be read by others, or nothing can be written.
    pub fn load_or_make(path: &Path) -> Result<Self, SigningKeyError> {
        let public_file = path.with_extension(PUBLIC_EXTENSION);
        if public_file == path {
            return Err(SigningKeyError::Name { path: path.to_owned() });
        }
        let is_there = path.try_exists();
        if !is_there.map_err(|source| SigningKeyError::Write { path: path.to_owned(), source })? {
            make(path)?;
        }
        let pair = read(path)?;
        let public = pair.public_key();
        let der: PublicKeyX509Der<'_> = public.as_der().map_err(|_| SigningKeyError::Generate)?;
        let text = pem("PUBLIC KEY", der.as_ref());
        // Written again when it is another's, so that whoever copies it gets the right one.
        if fs::read(&public_file).ok().as_deref() != Some(text.as_bytes()) {
            write(&public_file, text.as_bytes(), 0o644)?;
        }
        let id = KeyId::of(public.as_ref());
        Ok(Self { pair, id, public_file })
    }

    /// The name of the key.
    #[must_use]
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// Where its public half lies, for those who are to trust it.
    #[must_use]
    pub fn public_file(&self) -> &Path {
        &self.public_file
    }

    /// Signs a message.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.id)
    }
}

/// The public keys that a file names as trusted.
#[derive(Clone, Debug)]
pub struct TrustedKeys {
    keys: Vec<(KeyId, Vec<u8>)>,
}

/// Why a file of trusted keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustedKeysError {
    /// It cannot be read.
    #[error("cannot read the trusted keys in {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// It holds no keys, or something else.
    #[error("{} holds no usable trusted keys: {problem}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
    },
}

/// Why a signature is not taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// No trusted key has that name.
    #[error("key {key:?} is not among the trusted ones ({known})")]
    Unknown {
        /// The name that was given, cut to the length of one.
        key: String,
        /// The names of those that are trusted.
        known: String,
    },
    /// The key did not sign this.
    #[error("the signature is not one of key {0} over this message")]
    Wrong(KeyId),
}

impl TrustedKeys {
    /// Reads one or more public keys from a file.
    ///
    /// # Errors
    /// When the file cannot be read, or anything in it is no Ed25519 key.
    pub fn read(path: &Path) -> Result<Self, TrustedKeysError> {
        let unusable = |problem| TrustedKeysError::Unusable { path: path.to_owned(), problem };
        let mut text = Vec::new();
        fs::File::open(path)
            .and_then(|file| file.take(TRUSTED_BYTES_MAX + 1).read_to_end(&mut text))
            .map_err(|source| TrustedKeysError::Unreadable { path: path.to_owned(), source })?;
        if text.len() as u64 > TRUSTED_BYTES_MAX {
            return Err(unusable("it is longer than 64 KiB"));
        }
        if text.windows(b"PRIVATE KEY".len()).any(|part| part == b"PRIVATE KEY") {
            return Err(unusable("a private key stands in it; put the public half there"));
        }
        let mut keys = Vec::new();
        for der in SubjectPublicKeyInfoDer::pem_slice_iter(&text) {
            let der = der.map_err(|_| unusable("it is no PEM with PUBLIC KEY sections"))?;
            let public = der.as_ref().strip_prefix(&ED25519_PREFIX);
            let public = public.ok_or_else(|| unusable("one of its keys is not of Ed25519"))?;
            keys.push((KeyId::of(public), public.to_vec()));
        }
        match keys.len() {
            0 => Err(unusable("no PUBLIC KEY section stands in it")),
            1..=TRUSTED_KEYS_MAX => Ok(Self { keys }),
            _ => Err(unusable("more than 16 keys stand in it")),
        }
    }

    /// Whether the key of that name is trusted and signed this message.
    ///
    /// # Errors
    /// When it is not, or did not.
    pub fn verify(
        &self,
        key: &str,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        let Some((id, public)) = self.keys.iter().find(|(id, _)| id.as_str() == key) else {
            let known: Vec<_> = self.keys.iter().map(|(id, _)| id.as_str()).collect();
            let key = key.chars().take(ID_BYTES * 2).collect();
            return Err(SignatureError::Unknown { key, known: known.join(", ") });
        };
        UnparsedPublicKey::new(&ED25519, public)
            .verify(message, signature)
            .map_err(|_| SignatureError::Wrong(id.clone()))
    }
}

/// Makes a new private key.
fn make(path: &Path) -> Result<(), SigningKeyError> {
    let document = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new())
        .map_err(|_| SigningKeyError::Generate)?;
    let text = Zeroizing::new(pem("PRIVATE KEY", document.as_ref()));
    write(path, text.as_bytes(), 0o600)
}

fn read(path: &Path) -> Result<Ed25519KeyPair, SigningKeyError> {
    let malformed = || SigningKeyError::Malformed { path: path.to_owned() };
    let text = SecretFile::new(path).read_bytes()?;
    let mut der = PrivatePkcs8KeyDer::from_pem_slice(&text).map_err(|_| malformed())?;
    let pair = Ed25519KeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|_| malformed());
    der.zeroize();
    pair
}

/// A section of a PEM file (RFC 7468).
fn pem(label: &str, der: &[u8]) -> String {
    let letters = Zeroizing::new(STANDARD.encode(der));
    // Room for all of it at once: a text that grows leaves copies behind.
    let mut text = String::with_capacity(2 * letters.len() + 4 * PEM_LINE_LETTERS);
    text.push_str(&format!("-----BEGIN {label}-----\n"));
    for (index, letter) in letters.chars().enumerate() {
        if index > 0 && index % PEM_LINE_LETTERS == 0 {
            text.push('\n');
        }
        text.push(letter);
    }
    text.push_str(&format!("\n-----END {label}-----\n"));
    text
}

/// Writes a file in one step, with its rights from the first byte on.
fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), SigningKeyError> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".draft");
    let draft = PathBuf::from(draft);
    let written = (|| {
        // What a start that was cut left behind.
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut file = create(&draft, mode)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&draft, path)
    })();
    written.map_err(|source| SigningKeyError::Write { path: path.to_owned(), source })
}

#[cfg(unix)]
fn create(path: &Path, mode: u32) -> io::Result<fs::File> {
    use std::os::unix::fs::OpenOptionsExt;

    fs::File::options().write(true).create_new(true).mode(mode).open(path)
}

/// Windows guards the folder by access control lists, which the installer sets.
#[cfg(not(unix))]
fn create(path: &Path, _mode: u32) -> io::Result<fs::File> {
    fs::File::options().write(true).create_new(true).open(path)
}

#[cfg(unix)]
#[cfg(test)]
mod tests;
