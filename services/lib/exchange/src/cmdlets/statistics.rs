//! `Get-ActiveSyncDeviceStatistics` and `Get-MobileDeviceStatistics`: what only the mailbox store
//! knows of a partnership. Each call opens a mailbox, so one call takes all devices of a mailbox; a
//! recovery password is neither asked for nor read. Parameters as on the cmdlet pages, properties as in
//! public scripts: their types, and the names for account-only wipes, are unverified.

use jiff::Timestamp;
use uuid::Uuid;

use crate::cmdlets::row::row;
use crate::cmdlets::{Cmdlet, DeviceFamily, DomainController, Identity};

row! {
    /// What the mailbox store knows of one partnership.
    pub struct DeviceStatisticsRow {
        /// What the device calls itself.
        device_id: Option<String> = "DeviceID",
        /// The family.
        device_type: Option<String> = "DeviceType",
        /// The model.
        device_model: Option<String> = "DeviceModel",
        /// System and version.
        device_os: Option<String> = "DeviceOS",
        /// The program that syncs.
        device_user_agent: Option<String> = "DeviceUserAgent",
        /// The first sync of the partnership.
        first_sync_time: Option<Timestamp> = "FirstSyncTime",
        /// The last time the device tried.
        last_sync_attempt_time: Option<Timestamp> = "LastSyncAttemptTime",
        /// The last time it got what it wanted; what inactivity is counted from.
        last_success_sync: Option<Timestamp> = "LastSuccessSync",
        /// When the mailbox policy was last taken over.
        last_policy_update_time: Option<Timestamp> = "LastPolicyUpdateTime",
        /// When a wipe was asked for.
        device_wipe_request_time: Option<Timestamp> = "DeviceWipeRequestTime",
        /// When the device was told.
        device_wipe_sent_time: Option<Timestamp> = "DeviceWipeSentTime",
        /// When the device said that it does it.
        device_wipe_ack_time: Option<Timestamp> = "DeviceWipeAckTime",
        /// When an account-only wipe was asked for; 2016 and later.
        account_only_wipe_request_time: Option<Timestamp> = "AccountOnlyDeviceWipeRequestTime",
        /// When the device was told to give up the account.
        account_only_wipe_sent_time: Option<Timestamp> = "AccountOnlyDeviceWipeSentTime",
        /// When the device said that it gives up the account.
        account_only_wipe_ack_time: Option<Timestamp> = "AccountOnlyDeviceWipeAckTime",
        /// Who asked for the wipe.
        last_device_wipe_requestor: Option<String> = "LastDeviceWipeRequestor",
        /// `DeviceOk`, `DeviceBlocked`, `DeviceWipePending`, `DeviceWipeSucceeded`, or a later word.
        status: Option<String> = "Status",
        /// A note on the status.
        status_note: Option<String> = "StatusNote",
        /// Whether the device can be wiped.
        is_remote_wipe_supported: Option<bool> = "IsRemoteWipeSupported",
        /// Seconds between two pings.
        last_ping_heartbeat: Option<u32> = "LastPingHeartbeat",
        /// How many folders it syncs.
        number_of_folders_synced: Option<u32> = "NumberOfFoldersSynced",
        /// What Exchange does with the device.
        device_access_state: Option<String> = "DeviceAccessState",
        /// Why it does so.
        device_access_state_reason: Option<String> = "DeviceAccessStateReason",
        /// The policy the device took over.
        device_policy_applied: Option<String> = "DevicePolicyApplied",
        /// `AppliedInFull`, `PartiallyApplied`, `NotApplied` and others.
        device_policy_application_status: Option<String> = "DevicePolicyApplicationStatus",
        /// The protocol's version; 2013 and later call it the client's.
        protocol_version: Option<String> = "DeviceActiveSyncVersion" | "ClientVersion",
        /// The kind of client; 2013 and later.
        client_type: Option<String> = "ClientType",
        /// The key of the partnership, the same as that of the directory's object.
        guid: Option<Uuid> = "Guid",
        /// The path for people.
        identity: Option<String> = "Identity",
    }
}

/// Whose statistics are read. There is no way to ask for everybody's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatisticsSelection {
    /// Every partnership of one mailbox, in one call.
    OfMailbox(Identity),
    /// One partnership.
    One(Identity),
}

/// Reads statistics with the cmdlet of one family.
pub fn get_device_statistics(
    family: DeviceFamily,
    selection: StatisticsSelection,
    controller: Option<DomainController>,
) -> Cmdlet<DeviceStatisticsRow> {
    let cmdlet = Cmdlet::read(family.get_device_statistics());
    let cmdlet = match selection {
        StatisticsSelection::OfMailbox(mailbox) => cmdlet.with("Mailbox", mailbox),
        StatisticsSelection::One(identity) => cmdlet.with("Identity", identity),
    };
    cmdlet.with_some("DomainController", controller)
}
