//! The servers that were found last, on disk: with them an agent that starts while its primary is down
//! still knows where else to go. A file that is missing, broken or about another primary says nothing,
//! so it may be deleted at any time.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::discovery::{Candidate, FALLBACKS_MAX};

/// The file in the spool.
const FILE: &str = "servers.json";
/// The largest file that is read: far above the most servers that are kept.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// Where the servers found last are kept.
#[derive(Debug, Clone)]
pub(super) struct Memory(PathBuf);

#[derive(Debug, Serialize, Deserialize)]
struct Remembered {
    /// The server that was configured; what was found for another one is of no use.
    primary: String,
    fallbacks: Vec<Candidate>,
}

impl Memory {
    /// In this spool folder.
    pub(super) fn in_spool(spool: &Path) -> Self {
        Self(spool.join(FILE))
    }

    /// What was found last for this primary.
    pub(super) fn load(&self, primary: &str) -> Vec<Candidate> {
        match self.read() {
            Ok(found) if found.primary.eq_ignore_ascii_case(primary) => {
                found.fallbacks.into_iter().take(FALLBACKS_MAX).collect()
            }
            Ok(_) => Vec::new(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => {
                let path = self.0.display();
                tracing::warn!(%path, error = exgate_runtime::report(&error),
                    "the servers found last cannot be read; they are looked up again");
                Vec::new()
            }
        }
    }

    /// Keeps what was found; a reader sees the old list or the new one.
    pub(super) fn save(&self, primary: &str, fallbacks: &[Candidate]) {
        let found = Remembered { primary: primary.to_owned(), fallbacks: fallbacks.to_vec() };
        let draft = self.0.with_extension("json.new");
        let saved = serde_json::to_vec_pretty(&found)
            .map_err(io::Error::from)
            .and_then(|text| fs::write(&draft, text))
            .and_then(|()| fs::rename(&draft, &self.0));
        if let Err(error) = saved {
            let path = self.0.display();
            tracing::warn!(%path, error = exgate_runtime::report(&error),
                "the servers that were found cannot be kept for the next start");
        }
    }

    fn read(&self) -> io::Result<Remembered> {
        let mut text = Vec::new();
        fs::File::open(&self.0)?.take(FILE_BYTES_MAX).read_to_end(&mut text)?;
        Ok(serde_json::from_slice(&text)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_survives_and_a_broken_one_is_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let memory = Memory::in_spool(folder.path());
        assert_eq!(memory.load("ex01"), []);
        let found = Candidate {
            host: "ex02.contoso.com".into(),
            site: "Oslo".into(),
            version: "15.2.1748.10".into(),
        };
        memory.save("ex01", std::slice::from_ref(&found));
        assert_eq!(memory.load("EX01"), [found]);
        assert_eq!(memory.load("ex09"), [], "another primary");
        fs::write(folder.path().join(FILE), "{\"primary\":").unwrap();
        assert_eq!(memory.load("ex01"), []);
    }
}
