//! The settings of a mailbox policy, each with its type and with its name in either family (cmdlet
//! pages `Set-ActiveSyncMailboxPolicy` and `Set-MobileDeviceMailboxPolicy`). The same value serves to
//! read a policy and to change one: `None` is not printed, or not touched.

use std::time::Duration;

use crate::clixml::{ReadError, rows};
use crate::cmdlets::row::FromField;
use crate::cmdlets::unlimited::Bytes;
use crate::cmdlets::{DeviceFamily, Parameter, Unlimited};

macro_rules! settings {
    ($($(#[$inner:meta])* $field:ident: $kind:ty = $active_sync:literal, $mobile:literal;)+) => {
        /// What a mailbox policy asks of a device; `None` is unknown, or not touched. An enumeration
        /// member is its name.
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        pub struct PolicySettings {
            $(
                $(#[$inner])*
                #[doc = concat!("`-", $active_sync, "`, in the newer family `-", $mobile, "`.")]
                pub $field: Option<$kind>,
            )+
        }

        impl PolicySettings {
            /// The properties that are read: both names of every setting.
            pub(super) const COLUMNS: &'static [&'static str] = &[$($active_sync, $mobile,)+];

            /// Takes the properties that stand after `start` others.
            pub(super) fn from_fields(
                fields: &rows::Row<'_>,
                start: usize,
            ) -> Result<Self, ReadError> {
                let mut position = start..;
                let mut next = || position.next().and_then(|position| fields.get(position));
                Ok(Self {
                    $($field: {
                        let (active_sync, mobile) = (next(), next());
                        FromField::from_field(active_sync.or(mobile))?
                    },)+
                })
            }

            /// The names of all settings in one family.
            pub fn names(family: DeviceFamily) -> impl Iterator<Item = &'static str> {
                let names = [$(($active_sync, $mobile),)+];
                names.into_iter().map(move |(active_sync, mobile)| match family {
                    DeviceFamily::ActiveSync => active_sync,
                    DeviceFamily::Mobile => mobile,
                })
            }

            /// Whether no setting is named.
            pub fn is_empty(&self) -> bool {
                *self == Self::default()
            }

            /// The settings that are named, as one family calls them.
            pub fn into_parameters(self, family: DeviceFamily) -> Vec<Parameter> {
                let mut parameters = Vec::new();
                $(
                    if let Some(value) = self.$field {
                        let name = match family {
                            DeviceFamily::ActiveSync => $active_sync,
                            DeviceFamily::Mobile => $mobile,
                        };
                        parameters.push(Parameter { name, argument: value.into() });
                    }
                )+
                parameters
            }
        }
    };
}

settings! {
    /// Whether this is the policy of mailboxes that name none.
    is_default: bool = "IsDefaultPolicy", "IsDefault";
    /// Whether devices that cannot enforce the policy may sync.
    allow_non_provisionable_devices: bool = "AllowNonProvisionableDevices", "AllowNonProvisionableDevices";
    /// Whether another management may be the enforcer.
    allow_external_device_management: bool = "AllowExternalDeviceManagement", "AllowExternalDeviceManagement";
    /// Whether a password is needed.
    password_enabled: bool = "DevicePasswordEnabled", "PasswordEnabled";
    /// Whether digits alone do not do.
    alphanumeric_password_required: bool = "AlphanumericDevicePasswordRequired", "AlphanumericPasswordRequired";
    /// Whether `1234` does.
    allow_simple_password: bool = "AllowSimpleDevicePassword", "AllowSimplePassword";
    /// How long a password lasts.
    password_expiration: Unlimited<Duration> = "DevicePasswordExpiration", "PasswordExpiration";
    /// How many old passwords are refused.
    password_history: u32 = "DevicePasswordHistory", "PasswordHistory";
    /// How many kinds of characters it needs.
    min_password_complex_characters: u32 = "MinDevicePasswordComplexCharacters", "MinPasswordComplexCharacters";
    /// How many characters it needs, 1 to 16.
    min_password_length: u32 = "MinDevicePasswordLength", "MinPasswordLength";
    /// After how many wrong ones the device wipes itself, 4 to 16.
    max_password_failed_attempts: Unlimited<u32> = "MaxDevicePasswordFailedAttempts", "MaxPasswordFailedAttempts";
    /// After how long without a touch it locks.
    max_inactivity_time_lock: Unlimited<Duration> = "MaxInactivityTimeDeviceLock", "MaxInactivityTimeLock";
    /// Whether a recovery password is kept in the mailbox.
    password_recovery_enabled: bool = "PasswordRecoveryEnabled", "PasswordRecoveryEnabled";
    /// How often the policy is sent again.
    device_policy_refresh_interval: Unlimited<Duration> = "DevicePolicyRefreshInterval", "DevicePolicyRefreshInterval";
    /// Whether the device is encrypted; the older setting.
    device_encryption_enabled: bool = "DeviceEncryptionEnabled", "DeviceEncryptionEnabled";
    /// Whether the device must be encrypted.
    require_device_encryption: bool = "RequireDeviceEncryption", "RequireDeviceEncryption";
    /// Whether its storage card must be.
    require_storage_card_encryption: bool = "RequireStorageCardEncryption", "RequireStorageCardEncryption";
    /// Whether attachments come along.
    attachments_enabled: bool = "AttachmentsEnabled", "AttachmentsEnabled";
    /// How large one may be.
    max_attachment_size: Unlimited<Bytes> = "MaxAttachmentSize", "MaxAttachmentSize";
    /// How far back the calendar goes.
    max_calendar_age_filter: String = "MaxCalendarAgeFilter", "MaxCalendarAgeFilter";
    /// How far back mail goes.
    max_email_age_filter: String = "MaxEmailAgeFilter", "MaxEmailAgeFilter";
    /// Where a mail is cut, in kilobytes.
    max_email_body_truncation_size: Unlimited<u32> = "MaxEmailBodyTruncationSize", "MaxEmailBodyTruncationSize";
    /// Where a mail in HTML is cut, in kilobytes.
    max_email_html_body_truncation_size: Unlimited<u32> = "MaxEmailHTMLBodyTruncationSize", "MaxEmailHTMLBodyTruncationSize";
    /// `Disable`, `HandsfreeOnly` or `Allow`.
    allow_bluetooth: String = "AllowBluetooth", "AllowBluetooth";
    /// The built-in browser.
    allow_browser: bool = "AllowBrowser", "AllowBrowser";
    /// The camera.
    allow_camera: bool = "AllowCamera", "AllowCamera";
    /// Private mail accounts.
    allow_consumer_email: bool = "AllowConsumerEmail", "AllowConsumerEmail";
    /// Syncing with a computer by cable.
    allow_desktop_sync: bool = "AllowDesktopSync", "AllowDesktopSync";
    /// Mail in HTML.
    allow_html_email: bool = "AllowHTMLEmail", "AllowHTMLEmail";
    /// Being a modem.
    allow_internet_sharing: bool = "AllowInternetSharing", "AllowInternetSharing";
    /// Infrared.
    allow_ir_da: bool = "AllowIrDA", "AllowIrDA";
    /// Sending the policy over the mobile network.
    allow_mobile_ota_update: bool = "AllowMobileOTAUpdate", "AllowMobileOTAUpdate";
    /// POP3 and IMAP4 accounts.
    allow_pop_imap_email: bool = "AllowPOPIMAPEmail", "AllowPOPIMAPEmail";
    /// Remote desktops.
    allow_remote_desktop: bool = "AllowRemoteDesktop", "AllowRemoteDesktop";
    /// Whether the device may choose another S/MIME algorithm.
    allow_smime_encryption_algorithm_negotiation: String = "AllowSMIMEEncryptionAlgorithmNegotiation", "AllowSMIMEEncryptionAlgorithmNegotiation";
    /// S/MIME certificates that are files.
    allow_smime_soft_certs: bool = "AllowSMIMESoftCerts", "AllowSMIMESoftCerts";
    /// The storage card.
    allow_storage_card: bool = "AllowStorageCard", "AllowStorageCard";
    /// Text messages.
    allow_text_messaging: bool = "AllowTextMessaging", "AllowTextMessaging";
    /// Unsigned applications.
    allow_unsigned_applications: bool = "AllowUnsignedApplications", "AllowUnsignedApplications";
    /// Unsigned installers.
    allow_unsigned_installation_packages: bool = "AllowUnsignedInstallationPackages", "AllowUnsignedInstallationPackages";
    /// Wireless networks.
    allow_wi_fi: bool = "AllowWiFi", "AllowWiFi";
    /// Rights management.
    irm_enabled: bool = "IrmEnabled", "IrmEnabled";
    /// Whether mail must be encrypted.
    require_encrypted_smime_messages: bool = "RequireEncryptedSMIMEMessages", "RequireEncryptedSMIMEMessages";
    /// With which algorithm.
    require_encryption_smime_algorithm: String = "RequireEncryptionSMIMEAlgorithm", "RequireEncryptionSMIMEAlgorithm";
    /// Whether roaming devices sync only when told.
    require_manual_sync_when_roaming: bool = "RequireManualSyncWhenRoaming", "RequireManualSyncWhenRoaming";
    /// With which algorithm mail must be signed.
    require_signed_smime_algorithm: String = "RequireSignedSMIMEAlgorithm", "RequireSignedSMIMEAlgorithm";
    /// Whether mail must be signed.
    require_signed_smime_messages: bool = "RequireSignedSMIMEMessages", "RequireSignedSMIMEMessages";
    /// Files on Windows shares.
    unc_access_enabled: bool = "UNCAccessEnabled", "UNCAccessEnabled";
    /// Files on SharePoint.
    wss_access_enabled: bool = "WSSAccessEnabled", "WSSAccessEnabled";
}
