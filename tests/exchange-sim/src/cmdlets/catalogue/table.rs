//! Owns the cmdlets themselves, each with its class and its parameters.

use super::super::{
    access_rule_edits, access_rules, cas_mailboxes, classes, commands, devices,
    organization_settings, policies, policy_edits, recipients, servers, set_cas_mailbox,
    statistics, throttling, view, wipes,
};
use super::parameters::{
    ACCESS_LEVELS, ACTIVE_SYNC_SETTINGS, ANR, CONFIRM, CONTROLLER, FILTER, FORCE, FROM_CONTROLLER,
    IDENTITY, IDENTITY_NEEDED, MAILBOX, MOBILE_SETTINGS, MONITORING, NAME_NEEDED, NO_SCOPE,
    RESULT_SIZE, SORT_BY, UNIT, WHAT_IF, modern, needed, parameter,
    since_2016,
};
use super::{Cmdlet, Kind, Parameter, Run, Since};

const fn cmdlet(
    name: &'static str,
    class: &'static str,
    parameters: &'static [Parameter],
    run: Run,
) -> Cmdlet {
    Cmdlet { name, class, since: Since::Always, parameters, more: &[], confirms: false, run }
}

/// One that 2013 brought.
const fn newer(
    name: &'static str,
    class: &'static str,
    parameters: &'static [Parameter],
    run: Run,
) -> Cmdlet {
    Cmdlet { since: Since::Modern, ..cmdlet(name, class, parameters, run) }
}

/// One that asks before it acts.
const fn asking(cmdlet: Cmdlet) -> Cmdlet {
    Cmdlet { confirms: true, ..cmdlet }
}

const fn with(cmdlet: Cmdlet, more: &'static [Parameter]) -> Cmdlet {
    Cmdlet { more, ..cmdlet }
}

const DEVICES: &[Parameter] =
    &[IDENTITY, MAILBOX, FILTER, RESULT_SIZE, SORT_BY, UNIT, CONTROLLER, MONITORING];
const CLIENTS: &[Parameter] = &[
    modern("ActiveSync", Kind::Switch),
    modern("OWAforDevices", Kind::Switch),
    since_2016("RestApi", Kind::Switch),
    since_2016("UniversalOutlook", Kind::Switch),
];
const STATISTICS: &[Parameter] = &[
    IDENTITY,
    MAILBOX,
    parameter("GetMailboxLog", Kind::Switch),
    parameter("NotificationEmailAddresses", Kind::Multi),
    parameter("ShowRecoveryPassword", Kind::Switch),
    CONTROLLER,
];
const CLEAR: &[Parameter] = &[
    IDENTITY_NEEDED,
    parameter("Cancel", Kind::Switch),
    parameter("NotificationEmailAddresses", Kind::Multi),
    CONTROLLER,
    WHAT_IF,
    CONFIRM,
];
const REMOVE: &[Parameter] = &[IDENTITY_NEEDED, CONTROLLER, WHAT_IF, CONFIRM];
const READ_ONE: &[Parameter] = &[IDENTITY, CONTROLLER];
const APPROVED: Parameter = parameter("ApprovedApplicationList", Kind::Multi);
const UNAPPROVED: Parameter = parameter("UnapprovedInROMApplicationList", Kind::Multi);
const DEFAULT: Parameter = parameter("IsDefault", Kind::Boolean);
const DEFAULT_ALSO: Parameter = modern("IsDefault", Kind::Boolean);
const DEFAULT_OLD: Parameter = parameter("IsDefaultPolicy", Kind::Boolean);
const RENAME: Parameter = parameter("Name", Kind::Text);

pub(super) const CMDLETS: &[Cmdlet] = &[
    cmdlet(
        "Get-ThrottlingPolicyAssociation",
        "Microsoft.Exchange.Management.SystemConfigurationTasks.GetThrottlingPolicyAssociation",
        &[IDENTITY, ANR, RESULT_SIZE, CONTROLLER, modern("ThrottlingPolicy", Kind::Text)],
        throttling::association,
    ),
    cmdlet(
        "Get-ThrottlingPolicy",
        "Microsoft.Exchange.Management.SystemConfigurationTasks.GetThrottlingPolicy",
        &[
            IDENTITY,
            CONTROLLER,
            modern("Explicit", Kind::Switch),
            modern("ThrottlingPolicyScope", Kind::Word(&["Regular", "Organization", "Global"])),
        ],
        throttling::policy,
    ),
    cmdlet(
        "Get-Command",
        "Microsoft.PowerShell.Commands.GetCommandCommand",
        &[
            Parameter { positional: true, ..parameter("Name", Kind::Texts) },
            parameter("CommandType", Kind::Text),
            parameter("Module", Kind::Texts),
            parameter("ArgumentList", Kind::Texts),
        ],
        commands::run,
    ),
    cmdlet(
        "Set-ADServerSettings",
        "Microsoft.Exchange.Management.SystemConfigurationTasks.SetADServerSettings",
        &[
            parameter("PreferredServer", Kind::Text),
            parameter("ViewEntireForest", Kind::Boolean),
            parameter("RecipientViewRoot", Kind::Text),
            parameter("ConfigurationDomainController", Kind::Text),
            parameter("PreferredGlobalCatalog", Kind::Text),
            parameter("SetPreferredDomainControllers", Kind::Multi),
            WHAT_IF,
            CONFIRM,
        ],
        view::run,
    ),
    cmdlet(
        "Get-ExchangeServer",
        "Microsoft.Exchange.Management.SystemConfigurationTasks.GetExchangeServer",
        &[IDENTITY, parameter("Domain", Kind::Text), parameter("Status", Kind::Switch), CONTROLLER],
        servers::run,
    ),
    cmdlet(
        "Get-ActiveSyncOrganizationSettings",
        "Microsoft.Exchange.Management.Tasks.GetActiveSyncOrganizationSettings",
        READ_ONE,
        organization_settings::run,
    ),
    cmdlet(
        "Set-ActiveSyncOrganizationSettings",
        "Microsoft.Exchange.Management.Tasks.SetActiveSyncOrganizationSettings",
        &[
            IDENTITY,
            parameter("DefaultAccessLevel", Kind::Word(ACCESS_LEVELS)),
            parameter("UserMailInsert", Kind::Text),
            parameter("AdminMailRecipients", Kind::Multi),
            parameter("OtaNotificationMailInsert", Kind::Text),
            modern("AllowAccessForUnSupportedPlatform", Kind::Boolean),
            since_2016("AllowRMSSupportForUnenlightenedApps", Kind::Boolean),
            CONTROLLER,
            WHAT_IF,
            CONFIRM,
        ],
        organization_settings::set,
    ),
    cmdlet(
        "Get-ActiveSyncDeviceAccessRule",
        "Microsoft.Exchange.Management.Tasks.GetActiveSyncDeviceAccessRule",
        READ_ONE,
        access_rules::run,
    ),
    cmdlet(
        "New-ActiveSyncDeviceAccessRule",
        "Microsoft.Exchange.Management.Tasks.NewActiveSyncDeviceAccessRule",
        &[
            needed("QueryString", Kind::Text),
            needed(
                "Characteristic",
                Kind::Word(&["DeviceType", "DeviceModel", "DeviceOS", "UserAgent", "XMSWLHeader"]),
            ),
            needed("AccessLevel", Kind::Word(ACCESS_LEVELS)),
            CONTROLLER,
            WHAT_IF,
            CONFIRM,
        ],
        access_rule_edits::new,
    ),
    cmdlet(
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
    asking(cmdlet(
        "Remove-ActiveSyncDeviceAccessRule",
        "Microsoft.Exchange.Management.Tasks.RemoveActiveSyncDeviceAccessRule",
        REMOVE,
        access_rule_edits::remove,
    )),
    cmdlet(
        "Get-ActiveSyncDeviceClass",
        "Microsoft.Exchange.Management.Tasks.GetActiveSyncDeviceClass",
        &[IDENTITY, FILTER, SORT_BY, CONTROLLER],
        classes::run,
    ),
    cmdlet(
        "Get-ActiveSyncMailboxPolicy",
        "Microsoft.Exchange.Management.Tasks.GetActiveSyncMailboxPolicy",
        READ_ONE,
        policies::active_sync,
    ),
    newer(
        "Get-MobileDeviceMailboxPolicy",
        "Microsoft.Exchange.Management.Tasks.GetMobileMailboxPolicy",
        READ_ONE,
        policies::mobile,
    ),
    with(
        cmdlet(
            "Set-ActiveSyncMailboxPolicy",
            "Microsoft.Exchange.Management.Tasks.SetActiveSyncMailboxPolicy",
            &[
                IDENTITY_NEEDED,
                RENAME,
                APPROVED,
                UNAPPROVED,
                DEFAULT_OLD,
                DEFAULT_ALSO,
                CONTROLLER,
                WHAT_IF,
                CONFIRM,
            ],
            policy_edits::set_active_sync,
        ),
        ACTIVE_SYNC_SETTINGS,
    ),
    with(
        newer(
            "Set-MobileDeviceMailboxPolicy",
            "Microsoft.Exchange.Management.Tasks.SetMobileMailboxPolicy",
            &[IDENTITY_NEEDED, RENAME, APPROVED, UNAPPROVED, DEFAULT, CONTROLLER, WHAT_IF, CONFIRM],
            policy_edits::set_mobile,
        ),
        MOBILE_SETTINGS,
    ),
    with(
        cmdlet(
            "New-ActiveSyncMailboxPolicy",
            "Microsoft.Exchange.Management.Tasks.NewActiveSyncMailboxPolicy",
            &[
                NAME_NEEDED,
                APPROVED,
                UNAPPROVED,
                DEFAULT_OLD,
                DEFAULT_ALSO,
                CONTROLLER,
                WHAT_IF,
                CONFIRM,
            ],
            policy_edits::new_active_sync,
        ),
        ACTIVE_SYNC_SETTINGS,
    ),
    with(
        newer(
            "New-MobileDeviceMailboxPolicy",
            "Microsoft.Exchange.Management.Tasks.NewMobileMailboxPolicy",
            &[NAME_NEEDED, APPROVED, UNAPPROVED, DEFAULT, CONTROLLER, WHAT_IF, CONFIRM],
            policy_edits::new_mobile,
        ),
        MOBILE_SETTINGS,
    ),
    asking(cmdlet(
        "Remove-ActiveSyncMailboxPolicy",
        "Microsoft.Exchange.Management.Tasks.RemoveActiveSyncMailboxPolicy",
        &[IDENTITY_NEEDED, FORCE, CONTROLLER, WHAT_IF, CONFIRM],
        policy_edits::remove,
    )),
    asking(newer(
        "Remove-MobileDeviceMailboxPolicy",
        "Microsoft.Exchange.Management.Tasks.RemoveMobileMailboxPolicy",
        &[IDENTITY_NEEDED, FORCE, CONTROLLER, WHAT_IF, CONFIRM],
        policy_edits::remove,
    )),
    cmdlet(
        "Get-ActiveSyncDevice",
        "Microsoft.Exchange.Management.Tasks.GetActiveSyncDevice",
        DEVICES,
        devices::active_sync,
    ),
    with(
        newer(
            "Get-MobileDevice",
            "Microsoft.Exchange.Management.Tasks.GetMobileDevice",
            DEVICES,
            devices::mobile,
        ),
        CLIENTS,
    ),
    cmdlet(
        "Get-ActiveSyncDeviceStatistics",
        "Microsoft.Exchange.Management.Tasks.GetActiveSyncDeviceStatistics",
        STATISTICS,
        statistics::active_sync,
    ),
    with(
        newer(
            "Get-MobileDeviceStatistics",
            "Microsoft.Exchange.Management.Tasks.GetMobileDeviceStatistics",
            STATISTICS,
            statistics::mobile,
        ),
        CLIENTS,
    ),
    asking(cmdlet(
        "Clear-ActiveSyncDevice",
        "Microsoft.Exchange.Management.Tasks.ClearActiveSyncDevice",
        CLEAR,
        wipes::clear,
    )),
    asking(with(
        newer(
            "Clear-MobileDevice",
            "Microsoft.Exchange.Management.Tasks.ClearMobileDevice",
            CLEAR,
            wipes::clear,
        ),
        &[since_2016("AccountOnly", Kind::Switch)],
    )),
    asking(cmdlet(
        "Remove-ActiveSyncDevice",
        "Microsoft.Exchange.Management.Tasks.RemoveActiveSyncDevice",
        REMOVE,
        wipes::remove,
    )),
    asking(newer(
        "Remove-MobileDevice",
        "Microsoft.Exchange.Management.Tasks.RemoveMobileDevice",
        REMOVE,
        wipes::remove,
    )),
    cmdlet(
        "Get-CASMailbox",
        "Microsoft.Exchange.Management.RecipientTasks.GetCASMailbox",
        &[
            IDENTITY,
            ANR,
            FILTER,
            RESULT_SIZE,
            SORT_BY,
            UNIT,
            CONTROLLER,
            FROM_CONTROLLER,
            NO_SCOPE,
            parameter("Credential", Kind::Text),
            parameter("ProtocolSettings", Kind::Switch),
            parameter("ActiveSyncDebugLogging", Kind::Switch),
            MONITORING,
            modern("RecalculateHasActiveSyncDevicePartnership", Kind::Switch),
            since_2016("ActiveSyncSuppressReadReceipt", Kind::Switch),
        ],
        cas_mailboxes::run,
    ),
    cmdlet(
        "Set-CASMailbox",
        "Microsoft.Exchange.Management.RecipientTasks.SetCASMailbox",
        &[
            IDENTITY_NEEDED,
            parameter("ActiveSyncAllowedDeviceIDs", Kind::Multi),
            parameter("ActiveSyncBlockedDeviceIDs", Kind::Multi),
            parameter("ActiveSyncEnabled", Kind::Boolean),
            parameter("ActiveSyncMailboxPolicy", Kind::Text),
            parameter("ActiveSyncDebugLogging", Kind::Boolean),
            Parameter {
                since: Since::Gone,
                ..parameter("HasActiveSyncDevicePartnership", Kind::Boolean)
            },
            CONTROLLER,
            NO_SCOPE,
            WHAT_IF,
            CONFIRM,
        ],
        set_cas_mailbox::run,
    ),
    cmdlet(
        "Get-Recipient",
        "Microsoft.Exchange.Management.RecipientTasks.GetRecipient",
        &[
            IDENTITY,
            ANR,
            FILTER,
            RESULT_SIZE,
            SORT_BY,
            UNIT,
            CONTROLLER,
            FROM_CONTROLLER,
            NO_SCOPE,
            parameter("RecipientType", Kind::Texts),
            parameter("RecipientTypeDetails", Kind::Texts),
            modern("Properties", Kind::Texts),
        ],
        recipients::run,
    ),
];
