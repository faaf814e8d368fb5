//! One mailbox's device as it was observed, its owner and its matched record, at one instant: all
//! that a decision may depend on.

use jiff::Timestamp;

use crate::ids::{DeviceId, MailboxId, OrganizationId};
use crate::observation::{AccessState, EasDevice};
use crate::record::{ManagedDevice, User};

/// How a device and a record were found to be the same thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MatchBasis {
    /// The record names the device's ActiveSync id, and both belong to the same person.
    EasIdAndUser,
}

/// Why no record matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unmatched {
    /// No record names the device's ActiveSync id.
    NoRecord,
    /// A record names the id, but for somebody else.
    OtherUser,
    /// Several records fit equally well.
    Ambiguous,
}

/// What the MDMs say about the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Management {
    /// This record is the device.
    Managed {
        /// The record.
        record: Box<ManagedDevice>,
        /// How it was matched.
        basis: MatchBasis,
    },
    /// No record is the device.
    Unmanaged(Unmatched),
    /// Nobody could be asked, or the answer is too old to rely on.
    Unavailable {
        /// Why, for people.
        why: String,
    },
}

/// The mailbox as far as a decision needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailboxFacts {
    /// Exchange's GUID of it.
    pub id: MailboxId,
    /// Primary SMTP address.
    pub primary_smtp: String,
    /// Name for people.
    pub display_name: String,
}

/// Another device of the same mailbox, in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sibling {
    /// Its id.
    pub device_id: DeviceId,
    /// Its type.
    pub device_type: String,
    /// Its state.
    pub access_state: AccessState,
    /// First synchronisation of its partnership.
    pub first_sync_at: Option<Timestamp>,
    /// Last synchronisation that succeeded, when it is known.
    pub last_sync_at: Option<Timestamp>,
}

/// The question put to the evaluator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Whose Exchange.
    pub organization: OrganizationId,
    /// The mailbox.
    pub mailbox: MailboxFacts,
    /// The device.
    pub device: EasDevice,
    /// When the device last synchronised mail with success, when it is known.
    pub last_sync_at: Option<Timestamp>,
    /// The mailbox's other devices.
    pub siblings: Vec<Sibling>,
    /// The person, when the directory knows them.
    pub owner: Option<User>,
    /// What the MDMs say.
    pub management: Management,
    /// Since when the device has been found not compliant without a break, if it is: the start of a
    /// grace period.
    pub noncompliant_since: Option<Timestamp>,
    /// The instant the question is about.
    pub now: Timestamp,
}
