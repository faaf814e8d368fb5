//! Owns which server holds which mailbox.
//!
//! Invariant: it follows from the mailbox's Guid and the servers alone, so it needs no room and never
//! changes while the servers stay.

use super::mailbox::Mailbox;
use super::organization::Server;

/// The servers that hold mailboxes: the first of each version. Those beside them serve clients.
#[derive(Clone, Debug)]
pub struct Homes(Vec<Server>);

impl Homes {
    /// Takes them from an organization's servers.
    pub fn of(servers: &[Server]) -> Self {
        let mut homes: Vec<Server> = Vec::new();
        for server in servers {
            if homes.iter().all(|home| home.version != server.version) {
                homes.push(server.clone());
            }
        }
        Self(homes)
    }

    /// The server that holds a mailbox; `None` only where there is no server at all.
    pub fn of_mailbox(&self, mailbox: &Mailbox) -> Option<&Server> {
        let count = u128::try_from(self.0.len()).unwrap_or(1).max(1);
        let place = usize::try_from(mailbox.guid.as_u128() % count).unwrap_or(0);
        self.0.get(place)
    }
}
