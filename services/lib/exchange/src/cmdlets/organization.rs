//! `Get-ActiveSyncOrganizationSettings`: what happens to a device that no rule and no list speaks
//! of.

use jiff::Timestamp;
use uuid::Uuid;

use crate::cmdlets::Cmdlet;
use crate::cmdlets::row::row;

row! {
    /// The organization's settings for mobile devices.
    pub struct OrganizationSettingsRow {
        /// Usually `Mobile Mailbox Settings`.
        name: Option<String> = "Name",
        /// `Allow`, `Block` or `Quarantine`.
        default_access_level: Option<String> = "DefaultAccessLevel",
        /// The footer of Exchange's own quarantine mail, at most 256 characters.
        user_mail_insert: Option<String> = "UserMailInsert",
        /// Who is told of quarantined devices.
        admin_mail_recipients: Vec<String> = "AdminMailRecipients",
        /// The footer for users who must update an old device.
        ota_notification_mail_insert: Option<String> = "OtaNotificationMailInsert",
        /// For internal use, says the reference; 2013 and later.
        allow_access_for_unsupported_platform: Option<bool> = "AllowAccessForUnSupportedPlatform",
        /// The key.
        guid: Option<Uuid> = "Guid",
        /// Names the organization and the configuration partition.
        distinguished_name: Option<String> = "DistinguishedName",
        /// The last change, as the answering domain controller stamps it.
        when_changed_utc: Option<Timestamp> = "WhenChangedUTC",
        /// The domain controller that answered.
        originating_server: Option<String> = "OriginatingServer",
    }
}

/// Reads the organization's settings.
pub fn get_organization_settings() -> Cmdlet<OrganizationSettingsRow> {
    Cmdlet::read("Get-ActiveSyncOrganizationSettings")
}
