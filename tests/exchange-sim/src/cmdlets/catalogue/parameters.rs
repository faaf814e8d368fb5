//! Owns the parameters that many cmdlets share, and the settings of mailbox policies, which are
//! parameters of four cmdlets and properties of two objects.
//!
//! Source: the cmdlet pages, `Set-ActiveSyncMailboxPolicy` and `Set-MobileDeviceMailboxPolicy` for the
//! settings and their first values; values that no page gives are assumed.

use super::{Kind, Parameter, Since};

pub(super) const fn parameter(name: &'static str, kind: Kind) -> Parameter {
    Parameter {
        name,
        kind,
        since: Since::Always,
        mandatory: false,
        positional: false,
        nullable: false,
        on_premises: false,
    }
}

pub(super) const fn modern(name: &'static str, kind: Kind) -> Parameter {
    Parameter { since: Since::Modern, ..parameter(name, kind) }
}

pub(super) const fn since_2016(name: &'static str, kind: Kind) -> Parameter {
    Parameter { since: Since::Since2016, ..parameter(name, kind) }
}

pub(super) const fn on_premises(name: &'static str, kind: Kind) -> Parameter {
    Parameter { on_premises: true, ..parameter(name, kind) }
}

const fn nullable(name: &'static str, kind: Kind) -> Parameter {
    Parameter { nullable: true, ..parameter(name, kind) }
}

pub(super) const fn needed(name: &'static str, kind: Kind) -> Parameter {
    Parameter { mandatory: true, ..parameter(name, kind) }
}

pub(super) const IDENTITY: Parameter =
    Parameter { positional: true, ..parameter("Identity", Kind::Text) };
pub(super) const IDENTITY_NEEDED: Parameter = Parameter { mandatory: true, ..IDENTITY };
pub(super) const NAME_NEEDED: Parameter =
    Parameter { positional: true, ..needed("Name", Kind::Text) };
pub(super) const CONTROLLER: Parameter = on_premises("DomainController", Kind::Text);
pub(super) const FILTER: Parameter = parameter("Filter", Kind::Text);
pub(super) const RESULT_SIZE: Parameter = parameter("ResultSize", Kind::Size);
pub(super) const SORT_BY: Parameter = parameter("SortBy", Kind::Text);
pub(super) const UNIT: Parameter = parameter("OrganizationalUnit", Kind::Text);
pub(super) const ANR: Parameter = parameter("Anr", Kind::Text);
pub(super) const FROM_CONTROLLER: Parameter = on_premises("ReadFromDomainController", Kind::Switch);
pub(super) const NO_SCOPE: Parameter = on_premises("IgnoreDefaultScope", Kind::Switch);
pub(super) const WHAT_IF: Parameter = parameter("WhatIf", Kind::Switch);
pub(super) const CONFIRM: Parameter = parameter("Confirm", Kind::Switch);
pub(super) const FORCE: Parameter = parameter("Force", Kind::Switch);
pub(super) const MAILBOX: Parameter = parameter("Mailbox", Kind::Text);
pub(super) const MONITORING: Parameter =
    Parameter { since: Since::Modern, ..on_premises("Monitoring", Kind::Switch) };
pub(super) const ACCESS_LEVELS: &[&str] = &["Allow", "Block", "Quarantine"];

pub(super) const READ_ONE: &[Parameter] = &[IDENTITY, CONTROLLER];
pub(super) const REMOVE: &[Parameter] = &[IDENTITY_NEEDED, CONTROLLER, WHAT_IF, CONFIRM];

/// Settings of a mailbox's protocols, which are parameters of `Set-CASMailbox` and properties of what
/// `Get-CASMailbox` prints, and which nothing here acts on.
pub const PROTOCOLS: &[Parameter] = &[
    parameter("ActiveSyncDebugLogging", FLAG),
    since_2016("ActiveSyncSuppressReadReceipt", FLAG),
    parameter("ECPEnabled", FLAG),
    nullable("EwsEnabled", FLAG),
    nullable("EwsApplicationAccessPolicy", Kind::Word(&["EnforceAllowList", "EnforceBlockList"])),
    parameter("EwsAllowList", Kind::Multi),
    parameter("EwsBlockList", Kind::Multi),
    parameter("ImapEnabled", FLAG),
    parameter("MAPIEnabled", FLAG),
    parameter("OWAEnabled", FLAG),
    modern("OWAforDevicesEnabled", FLAG),
    parameter("PopEnabled", FLAG),
];

/// What PowerShell itself gives every cmdlet.
pub const COMMON: &[Parameter] = &[
    parameter("Verbose", Kind::Switch),
    parameter("Debug", Kind::Switch),
    parameter("ErrorAction", Kind::Text),
    parameter("WarningAction", Kind::Text),
    parameter("ErrorVariable", Kind::Text),
    parameter("WarningVariable", Kind::Text),
    parameter("OutVariable", Kind::Text),
    parameter("OutBuffer", Kind::Text),
];

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Things.
    Number,
    /// Time, as `d.hh:mm:ss`.
    Span,
    /// Bytes.
    Size,
}

/// A setting of a mailbox policy.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its name in the older family.
    pub active_sync: &'static str,
    /// Its name in the newer family.
    pub mobile: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// What a new policy has.
    pub initial: &'static str,
}

macro_rules! settings {
    ($(($active_sync:literal, $mobile:literal, $kind:expr, $initial:literal),)+) => {
        /// Every setting of a mailbox policy.
        pub const SETTINGS: &[Setting] = &[$(Setting {
            active_sync: $active_sync,
            mobile: $mobile,
            kind: $kind,
            initial: $initial,
        },)+];
        /// The settings as parameters of the older family.
        pub(super) const ACTIVE_SYNC_SETTINGS: &[Parameter] =
            &[$(parameter($active_sync, $kind),)+];
        /// The settings as parameters of the newer family.
        pub(super) const MOBILE_SETTINGS: &[Parameter] = &[$(parameter($mobile, $kind),)+];
    };
}

const FLAG: Kind = Kind::Boolean;
const COUNT: Kind = Kind::Limit(Limit::Number);
const SPAN: Kind = Kind::Limit(Limit::Span);
const SIZE: Kind = Kind::Limit(Limit::Size);
const BLUETOOTH: Kind = Kind::Word(&["Disable", "HandsfreeOnly", "Allow"]);
const MAIL_AGE: Kind =
    Kind::Word(&["All", "OneDay", "ThreeDays", "OneWeek", "TwoWeeks", "OneMonth"]);
const CALENDAR_AGE: Kind = Kind::Word(&["All", "TwoWeeks", "OneMonth", "ThreeMonths", "SixMonths"]);
const NEGOTIATION: Kind = Kind::Word(&[
    "BlockNegotiation",
    "OnlyStrongAlgorithmNegotiation",
    "AllowAnyAlgorithmNegotiation",
]);
const ENCRYPTION: Kind = Kind::Word(&["TripleDES", "DES", "RC2128bit", "RC264bit", "RC240bit"]);
const SIGNATURE: Kind = Kind::Word(&["SHA1", "MD5"]);

settings! {
    ("AllowNonProvisionableDevices", "AllowNonProvisionableDevices", FLAG, "false"),
    ("AllowExternalDeviceManagement", "AllowExternalDeviceManagement", FLAG, "false"),
    ("DevicePasswordEnabled", "PasswordEnabled", FLAG, "false"),
    ("AlphanumericDevicePasswordRequired", "AlphanumericPasswordRequired", FLAG, "false"),
    ("AllowSimpleDevicePassword", "AllowSimplePassword", FLAG, "true"),
    ("DevicePasswordExpiration", "PasswordExpiration", SPAN, "Unlimited"),
    ("DevicePasswordHistory", "PasswordHistory", Kind::Number, "0"),
    ("MinDevicePasswordComplexCharacters", "MinPasswordComplexCharacters", Kind::Number, "1"),
    ("MinDevicePasswordLength", "MinPasswordLength", Kind::Number, "4"),
    ("MaxDevicePasswordFailedAttempts", "MaxPasswordFailedAttempts", COUNT, "Unlimited"),
    ("MaxInactivityTimeDeviceLock", "MaxInactivityTimeLock", SPAN, "Unlimited"),
    ("PasswordRecoveryEnabled", "PasswordRecoveryEnabled", FLAG, "false"),
    ("DevicePolicyRefreshInterval", "DevicePolicyRefreshInterval", SPAN, "Unlimited"),
    ("DeviceEncryptionEnabled", "DeviceEncryptionEnabled", FLAG, "false"),
    ("RequireDeviceEncryption", "RequireDeviceEncryption", FLAG, "false"),
    ("RequireStorageCardEncryption", "RequireStorageCardEncryption", FLAG, "false"),
    ("AttachmentsEnabled", "AttachmentsEnabled", FLAG, "true"),
    ("MaxAttachmentSize", "MaxAttachmentSize", SIZE, "Unlimited"),
    ("MaxCalendarAgeFilter", "MaxCalendarAgeFilter", CALENDAR_AGE, "All"),
    ("MaxEmailAgeFilter", "MaxEmailAgeFilter", MAIL_AGE, "All"),
    ("MaxEmailBodyTruncationSize", "MaxEmailBodyTruncationSize", COUNT, "Unlimited"),
    ("MaxEmailHTMLBodyTruncationSize", "MaxEmailHTMLBodyTruncationSize", COUNT, "Unlimited"),
    ("AllowBluetooth", "AllowBluetooth", BLUETOOTH, "Allow"),
    ("AllowBrowser", "AllowBrowser", FLAG, "true"),
    ("AllowCamera", "AllowCamera", FLAG, "true"),
    ("AllowConsumerEmail", "AllowConsumerEmail", FLAG, "true"),
    ("AllowDesktopSync", "AllowDesktopSync", FLAG, "true"),
    ("AllowHTMLEmail", "AllowHTMLEmail", FLAG, "true"),
    ("AllowInternetSharing", "AllowInternetSharing", FLAG, "true"),
    ("AllowIrDA", "AllowIrDA", FLAG, "true"),
    ("AllowMobileOTAUpdate", "AllowMobileOTAUpdate", FLAG, "true"),
    ("AllowPOPIMAPEmail", "AllowPOPIMAPEmail", FLAG, "true"),
    ("AllowRemoteDesktop", "AllowRemoteDesktop", FLAG, "true"),
    (
        "AllowSMIMEEncryptionAlgorithmNegotiation",
        "AllowSMIMEEncryptionAlgorithmNegotiation",
        NEGOTIATION,
        "AllowAnyAlgorithmNegotiation"
    ),
    ("AllowSMIMESoftCerts", "AllowSMIMESoftCerts", FLAG, "true"),
    ("AllowStorageCard", "AllowStorageCard", FLAG, "true"),
    ("AllowTextMessaging", "AllowTextMessaging", FLAG, "true"),
    ("AllowUnsignedApplications", "AllowUnsignedApplications", FLAG, "true"),
    ("AllowUnsignedInstallationPackages", "AllowUnsignedInstallationPackages", FLAG, "true"),
    ("AllowWiFi", "AllowWiFi", FLAG, "true"),
    ("IrmEnabled", "IrmEnabled", FLAG, "true"),
    ("RequireEncryptedSMIMEMessages", "RequireEncryptedSMIMEMessages", FLAG, "false"),
    ("RequireEncryptionSMIMEAlgorithm", "RequireEncryptionSMIMEAlgorithm", ENCRYPTION, "TripleDES"),
    ("RequireManualSyncWhenRoaming", "RequireManualSyncWhenRoaming", FLAG, "false"),
    ("RequireSignedSMIMEAlgorithm", "RequireSignedSMIMEAlgorithm", SIGNATURE, "SHA1"),
    ("RequireSignedSMIMEMessages", "RequireSignedSMIMEMessages", FLAG, "false"),
    ("UNCAccessEnabled", "UNCAccessEnabled", FLAG, "true"),
    ("WSSAccessEnabled", "WSSAccessEnabled", FLAG, "true"),
}
