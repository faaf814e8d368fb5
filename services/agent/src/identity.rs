//! Who this agent is: a GUID made once and kept in its spool. A new one is a new agent.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use exgate_domain::ids::AgentId;

use crate::journal::write_durably;

/// Name of the file that holds the id.
const FILE: &str = "agent-id";

/// Why the agent's id could not be read or made.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The spool cannot be used.
    #[error("cannot keep the agent's id in {}; give the agent's user a writable spool.path", path.display())]
    Spool {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("{} holds no agent id; remove the file to become a new agent", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
}

/// Reads the agent's id from its spool, and makes one when there is none.
///
/// # Errors
/// When the spool cannot be written, or the file holds something else.
pub fn establish(spool: &Path) -> Result<AgentId, IdentityError> {
    let path = spool.join(FILE);
    let refuse = |source| IdentityError::Spool { path: path.clone(), source };
    match fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().map_err(|_| IdentityError::Damaged { path: path.clone() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(spool).map_err(refuse)?;
            let id = AgentId::new(Uuid::new_v4());
            write_durably(&path, id.to_string().as_bytes()).map_err(refuse)?;
            Ok(id)
        }
        Err(error) => Err(refuse(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let spool = folder.path().join("spool");
        let first = establish(&spool).unwrap();
        assert_eq!(establish(&spool).unwrap(), first);
    }

    #[test]
    fn a_damaged_id_is_not_replaced_silently() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), "not an id").unwrap();
        assert!(matches!(establish(folder.path()), Err(IdentityError::Damaged { .. })));
    }
}
