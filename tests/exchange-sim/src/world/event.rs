//! Owns everything that may happen to a world, as a value that a journal can hold.
//!
//! Invariant: an event carries whole objects, so that replaying the journal needs no rule of behaviour.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::device::Device;
use super::mailbox::Mailbox;
use super::organization::{AccessRule, AccessSettings};
use super::policy::MailboxPolicy;
use crate::ledger::LedgerEntry;
use crate::mailboxes::Mail;
use crate::time::Pace;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A partnership is now as given; a new Guid is a new partnership.
    Device(Box<Device>),
    /// A partnership is gone.
    DeviceRemoved(Uuid),
    /// A mailbox is now as given.
    Mailbox(Box<Mailbox>),
    /// The organization's settings are now as given.
    Settings(Box<AccessSettings>),
    /// The device access rules are now exactly these.
    Rules(Vec<AccessRule>),
    /// The mailbox policies are now exactly these.
    Policies(Vec<MailboxPolicy>),
    /// A mail was delivered.
    Mail(Box<Mail>),
    /// A state-changing cmdlet ran.
    Ledger(Box<LedgerEntry>),
    /// A cmdlet was called, whatever it is.
    Invoked(String),
    /// Exchange's time was moved on by hand.
    Advanced(u64),
    /// The pace of Exchange's time was changed by hand.
    Paced(Pace),
}

/// One line of the journal: what happened together, in one organization.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Occurrence {
    /// When.
    pub at: Timestamp,
    /// In which organization; empty: in all of them.
    pub organization: String,
    /// What.
    pub events: Vec<Event>,
}
