//! One change to make in one organization, and what Exchange answered. A Receipt says that the
//! cmdlet ran; only the next Observation says that it is true.

use std::time::Duration;

use jiff::Timestamp;

use crate::ids::{CommandId, DeviceId, Generation, MailboxId, OrganizationId, Revision};
use crate::observation::Mailbox;

/// Ids to put on and take off one mailbox's two lists, in one cmdlet. Only these ids are touched.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListEdit {
    /// Put on the allowed list.
    pub allowed_add: Vec<DeviceId>,
    /// Take off the allowed list.
    pub allowed_remove: Vec<DeviceId>,
    /// Put on the blocked list.
    pub blocked_add: Vec<DeviceId>,
    /// Take off the blocked list.
    pub blocked_remove: Vec<DeviceId>,
}

impl ListEdit {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.allowed_add.is_empty()
            && self.allowed_remove.is_empty()
            && self.blocked_add.is_empty()
            && self.blocked_remove.is_empty()
    }

    /// Whether `mailbox` already shows what this edit is for.
    pub fn is_done(&self, mailbox: &Mailbox) -> bool {
        let on = |list: &[DeviceId], ids: &[DeviceId]| ids.iter().all(|id| list.contains(id));
        let off = |list: &[DeviceId], ids: &[DeviceId]| !ids.iter().any(|id| list.contains(id));
        on(&mailbox.allowed_ids, &self.allowed_add)
            && off(&mailbox.allowed_ids, &self.allowed_remove)
            && on(&mailbox.blocked_ids, &self.blocked_add)
            && off(&mailbox.blocked_ids, &self.blocked_remove)
    }
}

/// One change to make in one mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Its id.
    pub id: CommandId,
    /// Whose Exchange.
    pub organization: OrganizationId,
    /// The lease under which it is handed out.
    pub generation: Generation,
    /// The mailbox's intent that it carries out.
    pub revision: Revision,
    /// The mailbox.
    pub mailbox: MailboxId,
    /// What to change.
    pub edit: ListEdit,
    /// How long after it was received it may still be started.
    pub valid_for: Duration,
    /// The W3C `traceparent` it runs under; empty when nobody traces.
    pub traceparent: String,
}

/// Where a command stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandState {
    /// Waiting to be handed out.
    Queued,
    /// Handed to the agent that holds this generation.
    Lent {
        /// The lease it was handed out under.
        generation: Generation,
        /// When it expires, should no receipt come.
        until: Timestamp,
    },
    /// The cmdlet ran.
    Done {
        /// When the receipt came.
        at: Timestamp,
    },
    /// Exchange, or the agent, refused it: nothing was changed.
    Refused {
        /// When the receipt came.
        at: Timestamp,
        /// Why, in one line.
        reason: String,
    },
    /// Nobody knows whether it ran: the mailbox is read back before anything else touches it.
    Unknown {
        /// Since when.
        since: Timestamp,
        /// Why, in one line.
        reason: String,
    },
    /// A newer intent or lease took its place before it was handed out.
    Superseded {
        /// When.
        at: Timestamp,
    },
}

/// What Exchange answered to one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReceiptOutcome {
    /// The cmdlet ran without an error.
    Done,
    /// Refused; nothing was changed.
    Refused {
        /// Exchange's class of error, or the agent's own reason.
        class: String,
        /// One line for people.
        message: String,
    },
    /// The cmdlet may or may not have run.
    Unknown {
        /// One line for people.
        message: String,
    },
}

/// The agent's report on one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Which command.
    pub command: CommandId,
    /// The lease under which it ran.
    pub generation: Generation,
    /// What came of it.
    pub outcome: ReceiptOutcome,
    /// The mailbox as read back right after, from the same domain controller.
    pub read_back: Option<Mailbox>,
    /// The cmdlet as sent, for the audit; empty when none was sent.
    pub cmdlet: String,
    /// The Exchange server that answered; empty when none did.
    pub server: String,
    /// How long Exchange took.
    pub took: Duration,
    /// The W3C `traceparent` of the span it ran in; empty when nobody traces.
    pub traceparent: String,
}
