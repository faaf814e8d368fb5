//! Owns reading key tables: the keys of accounts in a file, format 0x0502 (MIT Kerberos, "keytab
//! file format"). Only the AES256 key of the wanted account leaves this module.

use std::fmt;

use zeroize::Zeroizing;

use super::{CredentialsError, Principal};

/// The first bytes of a key table.
const MAGIC: [u8; 2] = [5, 2];
/// `aes256-cts-hmac-sha1-96` ([RFC 3962] 7), the only encryption type that sign-in uses.
pub(crate) const AES256: u16 = 18;
/// The length of its keys.
const AES256_BYTES: usize = 32;
/// How many entries are looked at; a table with more is not one account's.
const ENTRIES_MAX: usize = 10_000;

/// One account's key.
#[derive(Clone)]
pub struct Key {
    principal: Principal,
    version: u32,
    secret: Zeroizing<Vec<u8>>,
}

/// Why a key table holds no key to sign in with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeytabError {
    /// It does not begin as a key table of the current format does.
    #[error("the file is no key table of format 5.2")]
    Format,
    /// An entry says that it is longer than the file.
    #[error("the key table ends in the middle of an entry")]
    Cut,
    /// It holds more entries than we look at.
    #[error("the key table holds more than {ENTRIES_MAX} entries")]
    TooMany,
    /// The account is not in it.
    #[error("the key table holds no key of '{account}' (it holds: {found})")]
    Missing {
        /// Who was looked for.
        account: String,
        /// Who is in it.
        found: String,
    },
    /// The account is in it, with keys of other types only.
    #[error("the key table holds no AES256 key of '{account}' (it holds types {found})")]
    Type {
        /// Who was looked for.
        account: String,
        /// The encryption types that are there ([RFC 3961] 8).
        found: String,
    },
}

impl Key {
    /// Finds the newest AES256 key of an account in the bytes of a key table.
    ///
    /// # Errors
    /// When there is none.
    pub fn find(table: &[u8], principal: &Principal) -> Result<Self, CredentialsError> {
        Self::newest(table, principal).map_err(|source| CredentialsError::Keytab { source })
    }

    fn newest(table: &[u8], principal: &Principal) -> Result<Self, KeytabError> {
        let (mut newest, mut names, mut types) = (None::<Self>, Vec::new(), Vec::new());
        for entry in entries(table)? {
            let name = format!("{}@{}", entry.components.join("/"), entry.realm);
            if !is(&entry, principal) {
                if !names.contains(&name) {
                    names.push(name);
                }
                continue;
            }
            if entry.enctype != AES256 || entry.key.len() != AES256_BYTES {
                types.push(entry.enctype.to_string());
            } else if newest.as_ref().is_none_or(|newest| newest.version <= entry.version) {
                newest = Some(Self {
                    principal: principal.clone(),
                    version: entry.version,
                    secret: Zeroizing::new(entry.key.to_vec()),
                });
            }
        }
        let account = principal.to_string();
        let listed =
            |list: Vec<String>| if list.is_empty() { "nothing".into() } else { list.join(", ") };
        match newest {
            Some(key) => Ok(key),
            None if types.is_empty() => Err(KeytabError::Missing { account, found: listed(names) }),
            None => Err(KeytabError::Type { account, found: listed(types) }),
        }
    }

    /// Whose key it is.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// Its version, which grows with every change of the password.
    pub fn version(&self) -> u32 {
        self.version
    }

    pub(crate) fn secret(&self) -> &[u8] {
        &self.secret
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { principal, version, .. } = self;
        f.debug_struct("Key")
            .field("principal", principal)
            .field("version", version)
            .finish_non_exhaustive()
    }
}

/// Active Directory compares account and realm without case ([MS-KILE] 3.1.5.7); `ktpass` writes what it
/// was given.
fn is(entry: &Entry<'_>, principal: &Principal) -> bool {
    let [name] = entry.components.as_slice() else { return false };
    name.eq_ignore_ascii_case(principal.name())
        && entry.realm.eq_ignore_ascii_case(principal.realm())
}

/// One entry as it stands in the file.
struct Entry<'t> {
    realm: &'t str,
    components: Vec<&'t str>,
    version: u32,
    enctype: u16,
    key: &'t [u8],
}

fn entries(table: &[u8]) -> Result<Vec<Entry<'_>>, KeytabError> {
    let mut rest = Bytes(table.strip_prefix(&MAGIC).ok_or(KeytabError::Format)?);
    let mut found = Vec::new();
    while !rest.0.is_empty() {
        let size = i32::from_be_bytes(rest.array()?);
        let length = usize::try_from(size.unsigned_abs()).map_err(|_| KeytabError::Cut)?;
        // A hole that a deleted entry left behind; a zero ends the table.
        if size == 0 {
            break;
        }
        let bytes = rest.take(length)?;
        if size < 0 {
            continue;
        }
        if found.len() >= ENTRIES_MAX {
            return Err(KeytabError::TooMany);
        }
        found.push(entry(Bytes(bytes))?);
    }
    Ok(found)
}

fn entry(mut bytes: Bytes<'_>) -> Result<Entry<'_>, KeytabError> {
    let count = u16::from_be_bytes(bytes.array()?);
    let realm = bytes.text()?;
    let components = (0..count).map(|_| bytes.text()).collect::<Result<Vec<_>, _>>()?;
    // The type of the name, and when the key was written.
    bytes.take(8)?;
    let [short_version] = bytes.array()?;
    let enctype = u16::from_be_bytes(bytes.array()?);
    let key = bytes.counted()?;
    // The version in full, where the writer put it.
    let version = match bytes.array() {
        Ok(long) if long != [0; 4] => u32::from_be_bytes(long),
        Ok(_) | Err(_) => u32::from(short_version),
    };
    Ok(Entry { realm, components, version, enctype, key })
}

/// What is left of the table.
struct Bytes<'t>(&'t [u8]);

impl<'t> Bytes<'t> {
    fn take(&mut self, length: usize) -> Result<&'t [u8], KeytabError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(KeytabError::Cut)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], KeytabError> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(KeytabError::Cut)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn counted(&mut self) -> Result<&'t [u8], KeytabError> {
        let length = u16::from_be_bytes(self.array()?);
        self.take(usize::from(length))
    }

    fn text(&mut self) -> Result<&'t str, KeytabError> {
        std::str::from_utf8(self.counted()?).map_err(|_| KeytabError::Format)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(bytes: &[u8]) -> Vec<u8> {
        [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
    }

    fn written(name: &str, enctype: u16, short: u8, long: Option<u32>, key: &[u8]) -> Vec<u8> {
        let mut entry = [
            &1_u16.to_be_bytes()[..],
            &counted(b"CONTOSO.TEST"),
            &counted(name.as_bytes()),
            &[0, 0, 0, 1, 0, 0, 0, 9, short],
            &enctype.to_be_bytes(),
            &counted(key),
        ]
        .concat();
        entry.extend(long.map(u32::to_be_bytes).into_iter().flatten());
        [&i32::try_from(entry.len()).unwrap().to_be_bytes()[..], &entry].concat()
    }

    fn table(entries: &[Vec<u8>]) -> Vec<u8> {
        [&MAGIC[..], &entries.concat()].concat()
    }

    fn svc() -> Principal {
        Principal::parse("svc@contoso.test", None).unwrap()
    }

    #[test]
    fn the_newest_aes256_key_of_the_account_is_found() {
        let hole = [&(-6_i32).to_be_bytes()[..], &[0; 6]].concat();
        let table = table(&[
            written("svc", 17, 9, None, &[9; 16]),
            written("svc", AES256, 2, Some(2), &[2; 32]),
            hole,
            written("other", AES256, 7, None, &[7; 32]),
            written("SVC", AES256, 44, Some(300), &[3; 32]),
            written("svc", AES256, 4, Some(0), &[4; 32]),
        ]);
        let key = Key::find(&table, &svc()).unwrap();
        assert_eq!((key.version(), key.secret()), (300, &[3; 32][..]));
        let said = format!("{key:?}");
        assert!(said.contains("svc") && !said.contains("3, 3"), "{said}");
    }

    #[test]
    fn what_is_missing_is_named() {
        let other = table(&[written("other", AES256, 1, None, &[1; 32])]);
        assert_eq!(
            Key::newest(&other, &svc()).unwrap_err().to_string(),
            "the key table holds no key of 'svc@CONTOSO.TEST' (it holds: other@CONTOSO.TEST)"
        );
        let old =
            table(&[written("svc", 23, 1, None, &[1; 16]), written("svc", 17, 1, None, &[1; 16])]);
        assert_eq!(
            Key::newest(&old, &svc()).unwrap_err().to_string(),
            "the key table holds no AES256 key of 'svc@CONTOSO.TEST' (it holds types 23, 17)"
        );
        let empty = Key::newest(&table(&[]), &svc()).unwrap_err();
        assert!(matches!(empty, KeytabError::Missing { .. }));
    }

    #[test]
    fn a_broken_table_is_refused_at_every_byte() {
        assert_eq!(Key::newest(b"", &svc()).unwrap_err(), KeytabError::Format);
        assert_eq!(Key::newest(&[5, 1, 0], &svc()).unwrap_err(), KeytabError::Format);
        let whole = table(&[written("svc", AES256, 1, Some(1), &[1; 32])]);
        for length in MAGIC.len() + 1..whole.len() {
            assert_eq!(Key::newest(&whole[..length], &svc()).unwrap_err(), KeytabError::Cut);
        }
    }
}
