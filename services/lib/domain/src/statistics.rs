//! What only the mailbox store knows of a partnership: when the device last synced, which policy it took
//! over, how a wipe stands. It changes at every sync of the device, so it is no [`observation`] and in no
//! digest. It has an age, and may be unknown: what is decided by the last sync says so.
//!
//! [`observation`]: crate::observation

use jiff::Timestamp;

use crate::ids::{DeviceId, Generation, MailboxId, PartnershipId};

/// The most devices of one mailbox whose statistics are taken over; Exchange's own limit of partnerships
/// per mailbox (`EASMaxDevices`) is 100 unless somebody raised it.
pub const DEVICES_PER_MAILBOX_MAX: usize = 1000;

/// What was read of one partnership. What Exchange does not say is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeviceStatistics {
    /// Exchange's GUID of the partnership, where it is given.
    pub partnership: Option<PartnershipId>,
    /// The device's own id.
    pub device_id: Option<DeviceId>,
    /// `LastSuccessSync`: the last time the device got what it wanted.
    pub last_success_sync_at: Option<Timestamp>,
    /// `LastSyncAttemptTime`: the last time it tried.
    pub last_sync_attempt_at: Option<Timestamp>,
    /// `LastPolicyUpdateTime`: when it last took over the mailbox policy.
    pub last_policy_update_at: Option<Timestamp>,
    /// `NumberOfFoldersSynced`.
    pub folders_synced: Option<u32>,
    /// `Status`, in Exchange's word, such as `DeviceOk` or `DeviceWipePending`.
    pub status: String,
    /// `StatusNote`.
    pub status_note: String,
    /// `DevicePolicyApplied`: the policy it took over.
    pub policy_applied: String,
    /// `DevicePolicyApplicationStatus`, in Exchange's word, such as `AppliedInFull`.
    pub policy_status: String,
    /// `IsRemoteWipeSupported`.
    pub can_be_wiped: Option<bool>,
    /// A wipe of the whole device.
    pub wipe: Wipe,
    /// A wipe of the account on it only.
    pub account_wipe: Wipe,
    /// `LastDeviceWipeRequestor`: who asked for the last wipe.
    pub wipe_requestor: String,
}

/// How far a wipe has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wipe {
    /// When it was asked for.
    pub requested_at: Option<Timestamp>,
    /// When the device was told.
    pub sent_at: Option<Timestamp>,
    /// When the device said that it does it.
    pub acknowledged_at: Option<Timestamp>,
}

/// What came of asking one mailbox for the statistics of its devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailboxStatistics {
    /// The mailbox.
    pub mailbox: MailboxId,
    /// The lease under which it was asked.
    pub generation: Generation,
    /// What came of it.
    pub outcome: StatisticsOutcome,
}

/// How a mailbox answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatisticsOutcome {
    /// It told of these devices; of any other nothing is known.
    Read(Vec<DeviceStatistics>),
    /// Exchange could not say, in one line: the mailbox is being moved, or its database is offline.
    Unknown(String),
    /// Nobody could ask, in one line: the way to Exchange, or the account, is to blame.
    NotAsked(String),
}
