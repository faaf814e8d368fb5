//! `Get-Recipient`: who owns a mailbox, under every address. Names as on the pages `Get-Recipient` and
//! `filter-properties`.

use jiff::Timestamp;
use uuid::Uuid;

use crate::cmdlets::row::row;
use crate::cmdlets::{Cmdlet, DomainController, ResultSize, Selection};

row! {
    /// One recipient.
    pub struct RecipientRow {
        /// The object's name.
        name: Option<String> = "Name",
        /// The name shown to people.
        display_name: Option<String> = "DisplayName",
        /// The alias.
        alias: Option<String> = "Alias",
        /// The account's old name.
        sam_account_name: Option<String> = "SamAccountName",
        /// The primary address.
        primary_smtp_address: Option<String> = "PrimarySmtpAddress",
        /// All addresses with their prefixes.
        email_addresses: Vec<String> = "EmailAddresses",
        /// The kind.
        recipient_type: Option<String> = "RecipientType",
        /// The kind in detail.
        recipient_type_details: Option<String> = "RecipientTypeDetails",
        /// Whether there is a partnership.
        has_active_sync_device_partnership: Option<bool> = "HasActiveSyncDevicePartnership",
        /// The cloud directory's key.
        external_directory_object_id: Option<String> = "ExternalDirectoryObjectId",
        /// The key.
        guid: Option<Uuid> = "Guid",
        /// The path for people.
        identity: Option<String> = "Identity",
        /// The path in the directory.
        distinguished_name: Option<String> = "DistinguishedName",
        /// The last change, as the answering domain controller stamps it.
        when_changed_utc: Option<Timestamp> = "WhenChangedUTC",
        /// The domain controller that answered.
        originating_server: Option<String> = "OriginatingServer",
    }
}

/// Lists recipients.
pub fn get_recipient(
    selection: Selection,
    size: ResultSize,
    controller: Option<DomainController>,
) -> Cmdlet<RecipientRow> {
    Cmdlet::read("Get-Recipient")
        .select(selection)
        .with("ResultSize", size)
        .with_some("DomainController", controller)
}
