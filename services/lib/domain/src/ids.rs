//! Names of things, parsed once and never empty: whoever holds one of these need not check it again.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The most characters in an [`OrganizationId`].
pub const ORGANIZATION_ID_CHARS_MAX: usize = 63;
/// The most characters in a [`DeviceId`]; [MS-ASHTTP] asks for at most 32, we take twice that.
pub const DEVICE_ID_CHARS_MAX: usize = 64;

/// Why a text is not the identifier it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// Not a lower-case DNS label.
    #[error(
        "organization {0:?} is not a name of 1 to 63 lower-case letters, digits and hyphens that starts with a letter"
    )]
    Organization(String),
    /// Empty, too long, or with a blank or control character inside.
    #[error("device id {0:?} is not 1 to 64 printable characters without blanks")]
    Device(String),
    /// Not a GUID.
    #[error("{0:?} is not a GUID")]
    Guid(String),
    /// Not the hexadecimal text of a digest of the expected length.
    #[error("{0:?} is not a digest in hexadecimal")]
    Digest(String),
}

/// The short name of one Exchange organization, such as `contoso`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OrganizationId(String);

impl OrganizationId {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for OrganizationId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let label = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let starts = text.starts_with(|c: char| c.is_ascii_lowercase());
        let fits = text.len() <= ORGANIZATION_ID_CHARS_MAX && !text.ends_with('-');
        if starts && fits && text.chars().all(label) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId::Organization(text.to_owned()))
        }
    }
}

impl fmt::Display for OrganizationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The id a device calls itself by in Exchange ActiveSync. Spelling is kept, comparison ignores
/// case, as Exchange's lists do.
#[derive(Debug, Clone)]
pub struct DeviceId(String);

impl DeviceId {
    /// The id as the device spelt it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id in the form used to compare and index it.
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl FromStr for DeviceId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let printable = |c: char| !c.is_control() && !c.is_whitespace();
        let fits = (1..=DEVICE_ID_CHARS_MAX).contains(&text.chars().count());
        if fits && text.chars().all(printable) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId::Device(text.to_owned()))
        }
    }
}

impl From<DeviceId> for String {
    /// The id as the device spelt it, without a copy.
    fn from(id: DeviceId) -> Self {
        id.0
    }
}

impl PartialEq for DeviceId {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for DeviceId {}

impl std::hash::Hash for DeviceId {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        for byte in self.0.bytes() {
            byte.to_ascii_lowercase().hash(state);
        }
    }
}

impl PartialOrd for DeviceId {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for DeviceId {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let lower = |byte: u8| byte.to_ascii_lowercase();
        self.0.bytes().map(lower).cmp(other.0.bytes().map(lower))
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! guid {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            /// Takes a GUID for this kind of thing.
            pub const fn new(guid: Uuid) -> Self {
                Self(guid)
            }

            /// The GUID itself.
            pub const fn guid(self) -> Uuid {
                self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Uuid::parse_str(text).map(Self).map_err(|_| InvalidId::Guid(text.to_owned()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

guid! {
    /// The GUID of a mailbox (`Guid` of Get-CASMailbox).
    MailboxId
}
guid! {
    /// The GUID of one device partnership (`Guid` of Get-MobileDevice): a device removed and met
    /// again has a new one.
    PartnershipId
}
guid! {
    /// One installation of the agent; made once and kept in its spool.
    AgentId
}
guid! {
    /// One sync of one organization.
    RunId
}
guid! {
    /// One upload of observations.
    SnapshotId
}
guid! {
    /// One change to make in Exchange.
    CommandId
}
guid! {
    /// One check of the way to Exchange.
    CheckId
}
guid! {
    /// One stored decision.
    DecisionId
}

macro_rules! counter {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
        pub struct $name(u64);

        impl $name {
            /// Takes a stored or received number.
            pub const fn new(number: u64) -> Self {
                Self(number)
            }

            /// The number itself.
            pub const fn get(self) -> u64 {
                self.0
            }

            /// The next higher number.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

counter! {
    /// Number of an organization's lease; it only grows, and a newer one fences the older.
    Generation
}
counter! {
    /// Number of what is intended for one mailbox, raised each time the intent changes.
    Revision
}

macro_rules! digest {
    ($(#[$doc:meta])* $name:ident, $bytes:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; $bytes]);

        impl $name {
            /// Takes the digest's bytes as they are.
            pub const fn new(bytes: [u8; $bytes]) -> Self {
                Self(bytes)
            }

            /// Takes the first bytes of SHA-256 over `content`.
            pub fn of(content: &[u8]) -> Self {
                let mut bytes = [0; $bytes];
                bytes.iter_mut().zip(Sha256::digest(content)).for_each(|(to, from)| *to = from);
                Self(bytes)
            }

            /// The digest's bytes.
            pub const fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }

            /// The first eight hexadecimal digits, for people.
            pub fn short(&self) -> String {
                self.0.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = InvalidId;

            fn try_from(bytes: &[u8]) -> Result<Self, InvalidId> {
                let odd = |_| InvalidId::Digest(format!("{} bytes", bytes.len()));
                <[u8; $bytes]>::try_from(bytes).map(Self).map_err(odd)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let refuse = || InvalidId::Digest(text.to_owned());
                if !text.is_ascii() || text.len() != 2 * $bytes {
                    return Err(refuse());
                }
                let mut bytes = [0; $bytes];
                for (to, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
                    let pair = std::str::from_utf8(pair).map_err(|_| refuse())?;
                    *to = u8::from_str_radix(pair, 16).map_err(|_| refuse())?;
                }
                Ok(Self(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    };
}

digest! {
    /// SHA-256 over all applied policy files: the name of one state of the company's policy.
    BundleDigest, 32
}
/// Raised when the same policy files would mean something else. Digests and signatures of bundles are
/// over it, too.
pub const BUNDLE_FORMAT: u32 = 1;
/// What a signature of a bundle begins with, so that one of anything else is none of a bundle.
const BUNDLE_SIGNED_AS: &[u8] = b"exgate bundle\0";

impl BundleDigest {
    /// What is signed by who vouches for a bundle: what it is, its format and its digest.
    pub fn signed_message(&self) -> Vec<u8> {
        [BUNDLE_SIGNED_AS, &BUNDLE_FORMAT.to_be_bytes(), self.as_bytes()].concat()
    }
}
digest! {
    /// The first 16 bytes of SHA-256 over an observation's protobuf bytes.
    ObservationDigest, 16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_ids_keep_their_spelling_and_compare_without_case() {
        let apple: DeviceId = "ApplDLXH1234".parse().unwrap();
        assert_eq!(apple, "APPLdlxh1234".parse().unwrap());
        assert_eq!(apple.to_string(), "ApplDLXH1234");
    }

    #[test]
    fn names_that_could_mean_everything_are_refused() {
        for text in ["", " ", "a b", "Contoso", "-a", "a-", "a_b"] {
            assert!(text.parse::<OrganizationId>().is_err(), "{text:?}");
        }
        for text in ["", "a b", "a\tb"] {
            assert!(text.parse::<DeviceId>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn digests_read_back_what_they_print() {
        let digest = BundleDigest::of(b"policy");
        assert_eq!(digest.to_string().parse::<BundleDigest>().unwrap(), digest);
        assert!("zz".parse::<BundleDigest>().is_err());
    }
}
