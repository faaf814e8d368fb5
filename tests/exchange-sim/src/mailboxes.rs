//! Owns the mail that lies in mailboxes or left the organization, so that a person, a test, or its
//! recipient can read it.
//!
//! Invariant: a mail is never changed or thrown away, and each recipient has one of its own; `delivery`
//! makes them, `mime` reads what came as an internet message.

pub mod delivery;
pub mod mime;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Why a mail was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// A person or a program wrote it.
    #[default]
    Message,
    /// A mail could not be delivered: to its sender.
    NonDelivery,
}

/// Where a mail lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Folder {
    /// Where mail arrives. Mail that left the organization says so as well.
    #[default]
    Inbox,
    /// The sender's copy.
    SentItems,
}

/// How a mail came into the organization.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Exchange wrote it.
    #[default]
    Exchange,
    /// Through Exchange Web Services.
    Ews,
    /// Through the submission port.
    Smtp,
}

/// What a body is written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyType {
    /// Plain text.
    #[default]
    Text,
    /// HTML.
    Html,
}

/// A mail as one recipient, or the sender's own folder, has it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mail {
    /// The position in its organization, from 1.
    pub number: u64,
    /// When it was delivered.
    pub at: Timestamp,
    /// Why it was sent.
    pub kind: MailKind,
    /// The mailbox it lies in, where it is one of this organization.
    pub mailbox: Option<Uuid>,
    /// The folder there.
    #[serde(default)]
    pub folder: Folder,
    /// How it came.
    #[serde(default)]
    pub origin: Origin,
    /// The partnership it is about.
    #[serde(default)]
    pub device: Option<Uuid>,
    /// The sender's address.
    pub from: String,
    /// The address that this one was delivered to; in the sender's folder, the first recipient's.
    pub to: String,
    /// Whom it names as recipients; empty: the one of `to`.
    #[serde(default)]
    pub to_recipients: Vec<String>,
    /// Whom it names as recipients of a copy.
    #[serde(default)]
    pub cc_recipients: Vec<String>,
    /// The subject.
    pub subject: String,
    /// The text.
    pub body: String,
    /// What the text is written in.
    #[serde(default)]
    pub body_type: BodyType,
    /// The Message-ID (RFC 5322, 3.6.4), in its brackets; empty where none was kept.
    #[serde(default)]
    pub message_id: String,
    /// Further header fields of its sender's, such as `X-Ticket`.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
}

impl Mail {
    /// Whom it names as recipients.
    pub fn named_recipients(&self) -> Vec<&str> {
        if self.to_recipients.is_empty() {
            return vec![self.to.as_str()];
        }
        self.to_recipients.iter().map(String::as_str).collect()
    }
}
