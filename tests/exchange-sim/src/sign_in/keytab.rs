//! Owns the keys of a keytab file (MIT's format 0x0502): which services a server can be signed in to.
//!
//! Invariant: of each service the newest key of the strongest kind that can be used is kept; keys do not
//! print.

use std::fmt;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// `aes128-cts-hmac-sha1-96` and `aes256-cts-hmac-sha1-96` ([RFC 3962] 7).
const AES: [(u16, usize); 2] = [(17, 16), (18, 32)];
/// The most entries that are read.
const ENTRIES_MAX: usize = 1000;
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// The services of a file.
#[derive(Clone, Debug)]
pub struct Keytab {
    services: Vec<Service>,
}

/// A service and its key.
#[derive(Clone)]
pub struct Service {
    /// The components of its name, such as `HTTP` and `ex01.contoso.com`.
    pub name: Vec<String>,
    /// Its realm.
    pub realm: String,
    /// Kind and version of the key; the greatest wins.
    rank: (u16, u32),
    pub(super) key: Vec<u8>,
}

/// Why there are no keys.
#[derive(Debug, Error)]
pub enum KeytabError {
    /// Kerberos is offered without keys.
    #[error("Kerberos needs a keytab with the keys of its service")]
    None,
    /// The file system refused.
    #[error("keytab {path} could not be read")]
    File {
        /// The file.
        path: PathBuf,
        /// What it said.
        #[source]
        source: std::io::Error,
    },
    /// It is none, or cut.
    #[error("{path} is no keytab of format 0x0502")]
    Unreadable {
        /// The file.
        path: PathBuf,
    },
    /// No AES key for the service.
    #[error("keytab {path} has no AES key for {wanted}")]
    NoKey {
        /// The file.
        path: PathBuf,
        /// Which service.
        wanted: String,
    },
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name.join("/"), self.realm)
    }
}

impl Keytab {
    /// Reads a file; with `spn`, such as `HTTP/ex01.contoso.com`, only that service's keys.
    pub fn open(path: &Path, spn: Option<&str>) -> Result<Self, KeytabError> {
        let failed = |source| KeytabError::File { path: path.to_owned(), source };
        if std::fs::metadata(path).map_err(failed)?.len() > FILE_BYTES_MAX {
            return Err(KeytabError::Unreadable { path: path.to_owned() });
        }
        let bytes = std::fs::read(path).map_err(failed)?;
        let mut services =
            read(&bytes).ok_or_else(|| KeytabError::Unreadable { path: path.to_owned() })?;
        if let Some(spn) = spn {
            services.retain(|service| service.name.join("/").eq_ignore_ascii_case(spn));
        }
        if services.is_empty() {
            let wanted = spn.unwrap_or("any service").to_owned();
            return Err(KeytabError::NoKey { path: path.to_owned(), wanted });
        }
        Ok(Self { services })
    }

    /// The services.
    pub fn services(&self) -> &[Service] {
        &self.services
    }
}

fn read(bytes: &[u8]) -> Option<Vec<Service>> {
    let mut rest = bytes.strip_prefix(&[5, 2])?;
    let mut services: Vec<Service> = Vec::new();
    for _ in 0..ENTRIES_MAX {
        if rest.is_empty() {
            break;
        }
        let (size, after) = rest.split_first_chunk::<4>()?;
        let size = i32::from_be_bytes(*size);
        let length = usize::try_from(size.unsigned_abs()).ok()?;
        let (entry, after) = after.split_at_checked(length)?;
        rest = after;
        // A negative size is a hole.
        if size <= 0 {
            continue;
        }
        let Some(service) = Fields(entry).service()? else { continue };
        match services.iter_mut().find(|it| it.name == service.name && it.realm == service.realm) {
            Some(held) if held.rank < service.rank => *held = service,
            Some(_) => {}
            None => services.push(service),
        }
    }
    Some(services)
}

struct Fields<'b>(&'b [u8]);

impl Fields<'_> {
    /// The service of an entry; `Some(None)` when its key is of no kind that can be used.
    fn service(mut self) -> Option<Option<Service>> {
        let components = self.short()?;
        let realm = self.text()?;
        let name = (0..components).map(|_| self.text()).collect::<Option<Vec<_>>>()?;
        let (_name_type, _stamp) = (self.long()?, self.long()?);
        let [version] = self.take()?;
        let kind = self.short()?;
        let key = self.counted()?.to_vec();
        let version = self.long().filter(|it| *it != 0).unwrap_or_else(|| version.into());
        let usable = AES.contains(&(kind, key.len()));
        Some(usable.then_some(Service { name, realm, rank: (kind, version), key }))
    }

    fn take<const LENGTH: usize>(&mut self) -> Option<[u8; LENGTH]> {
        let (taken, rest) = self.0.split_first_chunk::<LENGTH>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn short(&mut self) -> Option<u16> {
        self.take().map(u16::from_be_bytes)
    }

    fn long(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }

    fn counted(&mut self) -> Option<&[u8]> {
        let length = self.short()?.into();
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn text(&mut self) -> Option<String> {
        String::from_utf8(self.counted()?.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(host: &str, kind: u16, key: &[u8], version: u32) -> Vec<u8> {
        let counted = |bytes: &[u8]| {
            let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
            [length.as_slice(), bytes].concat()
        };
        let mut bytes = 2_u16.to_be_bytes().to_vec();
        for text in ["CONTOSO.TEST", "HTTP", host] {
            bytes.extend(counted(text.as_bytes()));
        }
        bytes.extend([0; 8]);
        bytes.push(u8::try_from(version & 0xff).unwrap());
        bytes.extend(kind.to_be_bytes());
        bytes.extend(counted(key));
        bytes.extend(version.to_be_bytes());
        [i32::try_from(bytes.len()).unwrap().to_be_bytes().as_slice(), &bytes].concat()
    }

    #[test]
    fn the_newest_of_the_strongest_key_of_each_service_is_kept() {
        let hole = [(-3_i32).to_be_bytes().as_slice(), &[9; 3]].concat();
        let file = [
            vec![5, 2],
            entry("one", 18, &[1; 32], 300),
            hole,
            entry("one", 18, &[2; 32], 301),
            entry("one", 17, &[3; 16], 302),
            entry("two", 23, &[4; 16], 1),
            entry("three", 17, &[5; 16], 1),
        ]
        .concat();
        let services = read(&file).unwrap();
        let found: Vec<_> =
            services.iter().map(|it| (it.name[1].as_str(), it.key.as_slice())).collect();
        assert_eq!(found, [("one", [2; 32].as_slice()), ("three", &[5; 16])]);
        assert_eq!(format!("{:?}", services[0]), "HTTP/one@CONTOSO.TEST");
        for length in 3..file.len() {
            drop(read(&file[..length]));
        }
        assert!(read(b"\x05\x01").is_none());
        assert!(read(&file[..20]).is_none());
    }
}
