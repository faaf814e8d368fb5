//! Owns the front that phones call: `/Microsoft-Server-ActiveSync` on every server.
//!
//! It answers the question which answer this phone gets now, in the protocol's own terms: sign-in,
//! OPTIONS, and the commands Provision, FolderSync, Sync, Ping and Settings in WBXML. `request` reads what
//! a phone sends, `wbxml` is its encoding, `front` finds the phone and the decision about it, `provision`
//! and `mailbox` are the commands, `status` is how a refusal looks in each version of the protocol.
//!
//! What is real: statuses, policy keys, the two phases of Provision, the steps of a remote wipe, sync
//! keys, the mail that the simulator's mailboxes hold. What is not: a phone can change nothing but its
//! own partnership, and folders other than the inbox are empty.

pub mod wbxml;
pub mod request;
mod status;
mod provision;
mod mailbox;
pub mod front;

pub use front::Front;
