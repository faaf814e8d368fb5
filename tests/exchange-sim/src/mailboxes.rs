//! Owns the mail that people received, so that a person or a test can read it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Why Exchange sent a mail by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailKind {
    /// To a user whose phone is held.
    Quarantine,
    /// The same news, to an administrator.
    QuarantineAdmin,
    /// To a user whose phone is refused.
    Blocked,
    /// To a user who has as many phones as there may be.
    TooManyDevices,
}

/// A mail as it lies in a mailbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mail {
    /// The position in its organization, from 1.
    pub number: u64,
    /// When it was delivered.
    pub at: Timestamp,
    /// Why it was sent.
    pub kind: MailKind,
    /// The recipient's mailbox, where it is one of this organization.
    pub mailbox: Option<Uuid>,
    /// The partnership it is about.
    pub device: Uuid,
    /// The sender's address.
    pub from: String,
    /// The recipient's address.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// The text.
    pub body: String,
}
