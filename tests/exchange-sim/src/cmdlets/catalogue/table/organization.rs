//! Owns the cmdlets of what an organization decides for all its phones.

use super::super::super::{access_rule_edits, access_rules, classes, organization_settings};
use super::super::parameters::{
    ACCESS_LEVELS, CONFIRM, CONTROLLER, FILTER, IDENTITY, IDENTITY_NEEDED, READ_ONE, REMOVE,
    SORT_BY, WHAT_IF, modern, needed, parameter, since_2016,
};
use super::super::{Cmdlet, Kind, Parameter, Since};

/// That 2010 does not know the header is unverified.
const CHARACTERISTICS: &[&str] =
    &["DeviceType", "DeviceModel", "DeviceOS", "UserAgent", "XMSWLHeader"];
const OLDER_CHARACTERISTICS: &[&str] = &["DeviceType", "DeviceModel", "DeviceOS", "UserAgent"];

pub(super) const CMDLETS: &[Cmdlet] = &[
    Cmdlet::new(
        "Get-ActiveSyncOrganizationSettings",
        "Microsoft.Exchange.Management.Tasks.GetActiveSyncOrganizationSettings",
        READ_ONE,
        organization_settings::run,
    ),
    Cmdlet::new(
        "Set-ActiveSyncOrganizationSettings",
        "Microsoft.Exchange.Management.Tasks.SetActiveSyncOrganizationSettings",
        &[
            IDENTITY,
            parameter("DefaultAccessLevel", Kind::Word(ACCESS_LEVELS)),
            parameter("UserMailInsert", Kind::Text),
            parameter("AdminMailRecipients", Kind::Addresses),
            parameter("OtaNotificationMailInsert", Kind::Text),
            modern("AllowAccessForUnSupportedPlatform", Kind::Boolean),
            since_2016("AllowRMSSupportForUnenlightenedApps", Kind::Boolean),
            CONTROLLER,
            WHAT_IF,
            CONFIRM,
        ],
        organization_settings::set,
    ),
    Cmdlet::new(
        "Get-ActiveSyncDeviceAccessRule",
        "Microsoft.Exchange.Management.Tasks.GetActiveSyncDeviceAccessRule",
        READ_ONE,
        access_rules::run,
    ),
    Cmdlet::new(
        "New-ActiveSyncDeviceAccessRule",
        "Microsoft.Exchange.Management.Tasks.NewActiveSyncDeviceAccessRule",
        &[
            needed("QueryString", Kind::Text),
            Parameter {
                since: Since::Modern,
                ..needed("Characteristic", Kind::Word(CHARACTERISTICS))
            },
            Parameter {
                since: Since::Gone,
                ..needed("Characteristic", Kind::Word(OLDER_CHARACTERISTICS))
            },
            needed("AccessLevel", Kind::Word(ACCESS_LEVELS)),
            CONTROLLER,
            WHAT_IF,
            CONFIRM,
        ],
        access_rule_edits::new,
    ),
    Cmdlet::new(
        "Set-ActiveSyncDeviceAccessRule",
        "Microsoft.Exchange.Management.Tasks.SetActiveSyncDeviceAccessRule",
        &[
            IDENTITY_NEEDED,
            parameter("AccessLevel", Kind::Word(ACCESS_LEVELS)),
            CONTROLLER,
            WHAT_IF,
            CONFIRM,
        ],
        access_rule_edits::set,
    ),
    Cmdlet::new(
        "Remove-ActiveSyncDeviceAccessRule",
        "Microsoft.Exchange.Management.Tasks.RemoveActiveSyncDeviceAccessRule",
        REMOVE,
        access_rule_edits::remove,
    )
    .asking(),
    Cmdlet::new(
        "Get-ActiveSyncDeviceClass",
        "Microsoft.Exchange.Management.Tasks.GetActiveSyncDeviceClass",
        &[IDENTITY, FILTER, SORT_BY, CONTROLLER],
        classes::run,
    ),
];
