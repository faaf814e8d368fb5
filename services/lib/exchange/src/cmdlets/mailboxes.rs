//! `Get-CASMailbox` and `Set-CASMailbox`: a mailbox's personal allow and block lists, which are the
//! only thing exgate writes to grant or take access. Lists are edited in place, never replaced, and
//! both in one call, so that an allow is one atomic cmdlet. Parameters are those of the cmdlet pages; of
//! the properties that are no parameters some names are unverified.

use jiff::Timestamp;
use uuid::Uuid;

use crate::cmdlets::row::row;
use crate::cmdlets::{
    Argument, Cmdlet, DomainController, Edit, Identity, Nothing, ResultSize, Selection,
};

row! {
    /// A mailbox as its clients see it.
    pub struct CasMailboxRow {
        /// The object's name.
        name: Option<String> = "Name",
        /// The name shown to people.
        display_name: Option<String> = "DisplayName",
        /// The account's old name.
        sam_account_name: Option<String> = "SamAccountName",
        /// The primary address.
        primary_smtp_address: Option<String> = "PrimarySmtpAddress",
        /// All addresses with their prefixes.
        email_addresses: Vec<String> = "EmailAddresses",
        /// The personal allow list.
        active_sync_allowed_device_ids: Vec<String> = "ActiveSyncAllowedDeviceIDs",
        /// The personal block list.
        active_sync_blocked_device_ids: Vec<String> = "ActiveSyncBlockedDeviceIDs",
        /// Whether ActiveSync is on at all.
        active_sync_enabled: Option<bool> = "ActiveSyncEnabled",
        /// The mailbox policy.
        active_sync_mailbox_policy: Option<String> = "ActiveSyncMailboxPolicy",
        /// Whether the policy is the organization's default.
        active_sync_mailbox_policy_is_defaulted: Option<bool> = "ActiveSyncMailboxPolicyIsDefaulted",
        /// Whether there is a partnership.
        has_active_sync_device_partnership: Option<bool> = "HasActiveSyncDevicePartnership",
        /// Whether Exchange Web Services are on.
        ews_enabled: Option<bool> = "EwsEnabled",
        /// The server that holds the mailbox.
        server_name: Option<String> = "ServerName",
        /// The account of another forest that uses the mailbox.
        linked_master_account: Option<String> = "LinkedMasterAccount",
        /// The cloud directory's key.
        external_directory_object_id: Option<String> = "ExternalDirectoryObjectId",
        /// The key.
        guid: Option<Uuid> = "Guid",
        /// The path for people.
        identity: Option<String> = "Identity",
        /// The path in the directory.
        distinguished_name: Option<String> = "DistinguishedName",
        /// The legacy name.
        legacy_exchange_dn: Option<String> = "LegacyExchangeDN",
        /// The last change, as the answering domain controller stamps it.
        when_changed_utc: Option<Timestamp> = "WhenChangedUTC",
        /// The domain controller that answered.
        originating_server: Option<String> = "OriginatingServer",
    }
}

/// A change of a mailbox's two personal lists that changes something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListEdit {
    allowed: Edit,
    blocked: Edit,
}

/// A change that would change nothing, or that names a blank device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an edit of the personal lists names no device, or a blank one")]
pub struct EditEmpty;

impl ListEdit {
    /// Takes what to add to and remove from each list; at least one device must be named, and none
    /// may be blank.
    pub fn new(allowed: Edit, blocked: Edit) -> Result<Self, EditEmpty> {
        let devices: Vec<&String> = [&allowed, &blocked]
            .into_iter()
            .flat_map(|edit| edit.add.iter().chain(&edit.remove))
            .collect();
        if devices.is_empty() || devices.iter().any(|device| device.trim().is_empty()) {
            return Err(EditEmpty);
        }
        Ok(Self { allowed, blocked })
    }

    /// Lets a device in: onto the allow list, off the block list.
    pub fn allow(device: impl Into<String>) -> Result<Self, EditEmpty> {
        let device = vec![device.into()];
        Self::new(
            Edit { add: device.clone(), remove: Vec::new() },
            Edit { add: Vec::new(), remove: device },
        )
    }

    /// Shuts a device out: onto the block list, off the allow list.
    pub fn block(device: impl Into<String>) -> Result<Self, EditEmpty> {
        let Self { allowed, blocked } = Self::allow(device)?;
        Ok(Self { allowed: blocked, blocked: allowed })
    }

    /// Takes a device off both lists, so that rules and the default level decide.
    pub fn forget(device: impl Into<String>) -> Result<Self, EditEmpty> {
        let Self { blocked, .. } = Self::allow(device)?;
        Ok(Self { allowed: blocked.clone(), blocked })
    }
}

/// Lists mailboxes.
pub fn get_cas_mailbox(
    selection: Selection,
    size: ResultSize,
    controller: Option<DomainController>,
) -> Cmdlet<CasMailboxRow> {
    Cmdlet::read("Get-CASMailbox")
        .select(selection)
        .with("ResultSize", size)
        .with_some("DomainController", controller)
}

/// Edits the personal lists of one mailbox. A prompt would hang in a remote runspace, so it is
/// always answered beforehand.
pub fn set_cas_mailbox(
    mailbox: Identity,
    edit: ListEdit,
    controller: Option<DomainController>,
) -> Cmdlet<Nothing> {
    let ListEdit { allowed, blocked } = edit;
    Cmdlet::write("Set-CASMailbox")
        .with("Identity", mailbox)
        .with_edit("ActiveSyncAllowedDeviceIDs", allowed)
        .with_edit("ActiveSyncBlockedDeviceIDs", blocked)
        .with("Confirm", false)
        .with_some("DomainController", controller)
}

/// Gives one mailbox a policy; `None` gives it back to the organization's default.
pub fn set_cas_mailbox_policy(
    mailbox: Identity,
    policy: Option<Identity>,
    controller: Option<DomainController>,
) -> Cmdlet<Nothing> {
    Cmdlet::write("Set-CASMailbox")
        .with("Identity", mailbox)
        .with("ActiveSyncMailboxPolicy", policy.map_or(Argument::Null, Argument::from))
        .with("Confirm", false)
        .with_some("DomainController", controller)
}

/// Switches ActiveSync on or off for one mailbox. While it is off, Exchange looks at none of the
/// other settings.
pub fn set_cas_mailbox_active_sync(
    mailbox: Identity,
    enabled: bool,
    controller: Option<DomainController>,
) -> Cmdlet<Nothing> {
    Cmdlet::write("Set-CASMailbox")
        .with("Identity", mailbox)
        .with("ActiveSyncEnabled", enabled)
        .with("Confirm", false)
        .with_some("DomainController", controller)
}
