//! Owns the ids of folders and items: opaque to clients, as Exchange's are.
//!
//! Invariant: an id names one thing for ever, over restarts, and in one mailbox.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use uuid::Uuid;

use super::folders::Place;
use crate::mailboxes::Mail;

/// What every id begins with.
const MARK: [u8; 4] = *b"ESim";

/// What an id names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// A folder of a mailbox.
    Folder(Uuid, Place),
    /// A mail in a mailbox, by its number.
    Item(Uuid, u64),
}

impl Named {
    /// The id as clients hold it.
    pub fn id(self) -> String {
        let (mailbox, kind, number) = match self {
            Self::Folder(mailbox, place) => (mailbox, b'F', u64::from(place.number())),
            Self::Item(mailbox, number) => (mailbox, b'I', number),
        };
        let mut bytes = MARK.to_vec();
        bytes.push(kind);
        bytes.extend(mailbox.as_bytes());
        bytes.extend(number.to_be_bytes());
        STANDARD.encode(bytes)
    }

    /// Reads an id.
    pub fn read(id: &str) -> Option<Self> {
        let bytes = STANDARD.decode(id).ok()?;
        let (kind, rest) = bytes.strip_prefix(&MARK)?.split_first()?;
        let (mailbox, number) = rest.split_first_chunk::<16>()?;
        let number = u64::from_be_bytes(number.try_into().ok()?);
        let mailbox = Uuid::from_bytes(*mailbox);
        match kind {
            b'F' => Some(Self::Folder(mailbox, Place::numbered(number)?)),
            b'I' => Some(Self::Item(mailbox, number)),
            _ => None,
        }
    }
}

/// The change key of a mail; mails never change.
pub fn change_key(mail: &Mail) -> String {
    STANDARD.encode(mail.at.as_millisecond().to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_back() {
        let mailbox = Uuid::from_u128(7);
        for named in [Named::Folder(mailbox, Place::SentItems), Named::Item(mailbox, 77)] {
            assert_eq!(Named::read(&named.id()), Some(named));
        }
        for bad in ["", "DUMMY", "RVNpbQ==", "!"] {
            assert_eq!(Named::read(bad), None, "{bad}");
        }
    }
}
