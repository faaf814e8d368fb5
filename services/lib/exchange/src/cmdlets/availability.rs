//! Which version has which cmdlet and which parameter, as the cmdlet pages say under *Applicable*.
//! What a server really shows is asked (Get-Command); this table is what may be expected of it, and
//! what every cmdlet that this crate can build is held against.

use crate::cmdlets::{DeviceFamily, PolicySettings, Product};

/// A cmdlet: since when, with which parameters, and with which later ones.
struct Entry {
    cmdlet: &'static str,
    since: Product,
    parameters: &'static [&'static str],
    later: &'static [(&'static str, Product)],
}

const fn entry(cmdlet: &'static str, parameters: &'static [&'static str]) -> Entry {
    Entry { cmdlet, since: Product::Exchange2010, parameters, later: &[] }
}

const fn newer(cmdlet: &'static str, parameters: &'static [&'static str]) -> Entry {
    Entry { since: Product::Exchange2013, ..entry(cmdlet, parameters) }
}

const fn with(entry: Entry, later: &'static [(&'static str, Product)]) -> Entry {
    Entry { later, ..entry }
}

const ONE: &[&str] = &["Identity", "DomainController"];
const REMOVE: &[&str] = &["Identity", "Confirm", "WhatIf", "DomainController"];
const DEVICES: &[&str] = &[
    "Identity",
    "Mailbox",
    "Filter",
    "ResultSize",
    "SortBy",
    "OrganizationalUnit",
    "DomainController",
];
const STATISTICS: &[&str] = &["Identity", "Mailbox", "DomainController"];
const RECIPIENTS: &[&str] =
    &["Identity", "Filter", "ResultSize", "SortBy", "OrganizationalUnit", "DomainController"];
const CLEAR: &[&str] =
    &["Identity", "Cancel", "NotificationEmailAddresses", "Confirm", "WhatIf", "DomainController"];
const NEW_POLICY: &[&str] = &[
    "Name",
    "ApprovedApplicationList",
    "UnapprovedInROMApplicationList",
    "Confirm",
    "WhatIf",
    "DomainController",
];
const SET_POLICY: &[&str] = &[
    "Identity",
    "Name",
    "ApprovedApplicationList",
    "UnapprovedInROMApplicationList",
    "Confirm",
    "WhatIf",
    "DomainController",
];
const REMOVE_POLICY: &[&str] = &["Identity", "Force", "Confirm", "WhatIf", "DomainController"];
const CLIENTS: &[(&str, Product)] = &[
    ("ActiveSync", Product::Exchange2013),
    ("OWAforDevices", Product::Exchange2013),
    ("RestApi", Product::Exchange2016),
    ("UniversalOutlook", Product::Exchange2016),
];

const ENTRIES: &[Entry] = &[
    entry("Get-Command", &["Name"]),
    entry(
        "Set-ADServerSettings",
        &["PreferredServer", "ViewEntireForest", "RecipientViewRoot", "Confirm", "WhatIf"],
    ),
    entry("Get-ExchangeServer", &["Identity", "Domain", "Status", "DomainController"]),
    entry("Get-ActiveSyncOrganizationSettings", ONE),
    with(
        entry(
            "Set-ActiveSyncOrganizationSettings",
            &[
                "Identity",
                "DefaultAccessLevel",
                "UserMailInsert",
                "AdminMailRecipients",
                "OtaNotificationMailInsert",
                "Confirm",
                "WhatIf",
                "DomainController",
            ],
        ),
        &[("AllowAccessForUnSupportedPlatform", Product::Exchange2013)],
    ),
    entry("Get-ActiveSyncDeviceAccessRule", ONE),
    entry(
        "New-ActiveSyncDeviceAccessRule",
        &["Characteristic", "QueryString", "AccessLevel", "Confirm", "WhatIf", "DomainController"],
    ),
    entry(
        "Set-ActiveSyncDeviceAccessRule",
        &["Identity", "AccessLevel", "Confirm", "WhatIf", "DomainController"],
    ),
    entry("Remove-ActiveSyncDeviceAccessRule", REMOVE),
    entry("Get-ActiveSyncDeviceClass", &["Identity", "Filter", "SortBy", "DomainController"]),
    entry("Get-ActiveSyncMailboxPolicy", ONE),
    entry("New-ActiveSyncMailboxPolicy", NEW_POLICY),
    entry("Set-ActiveSyncMailboxPolicy", SET_POLICY),
    entry("Remove-ActiveSyncMailboxPolicy", REMOVE_POLICY),
    newer("Get-MobileDeviceMailboxPolicy", ONE),
    newer("New-MobileDeviceMailboxPolicy", NEW_POLICY),
    newer("Set-MobileDeviceMailboxPolicy", SET_POLICY),
    newer("Remove-MobileDeviceMailboxPolicy", REMOVE_POLICY),
    with(entry("Get-ActiveSyncDevice", DEVICES), &[("Monitoring", Product::Exchange2013)]),
    with(newer("Get-MobileDevice", DEVICES), CLIENTS),
    entry("Get-ActiveSyncDeviceStatistics", STATISTICS),
    with(newer("Get-MobileDeviceStatistics", STATISTICS), CLIENTS),
    entry("Clear-ActiveSyncDevice", CLEAR),
    with(newer("Clear-MobileDevice", CLEAR), &[("AccountOnly", Product::Exchange2016)]),
    entry("Remove-ActiveSyncDevice", REMOVE),
    newer("Remove-MobileDevice", REMOVE),
    entry("Get-CASMailbox", RECIPIENTS),
    entry(
        "Set-CASMailbox",
        &[
            "Identity",
            "ActiveSyncAllowedDeviceIDs",
            "ActiveSyncBlockedDeviceIDs",
            "ActiveSyncEnabled",
            "ActiveSyncMailboxPolicy",
            "Confirm",
            "WhatIf",
            "DomainController",
        ],
    ),
    entry("Get-Recipient", RECIPIENTS),
    entry("Get-ThrottlingPolicyAssociation", ONE),
    entry("Get-ThrottlingPolicy", ONE),
];

/// Whether a version has a cmdlet of this name.
pub fn has_cmdlet(product: Product, cmdlet: &str) -> bool {
    find(product, cmdlet).is_some()
}

/// Whether a version's cmdlet has this parameter.
pub fn has_parameter(product: Product, cmdlet: &str, parameter: &str) -> bool {
    let Some(entry) = find(product, cmdlet) else { return false };
    entry.parameters.iter().any(|held| held.eq_ignore_ascii_case(parameter))
        || entry
            .later
            .iter()
            .any(|(held, since)| held.eq_ignore_ascii_case(parameter) && product >= *since)
        || is_setting(cmdlet, parameter)
}

/// Whether this is a setting of the mailbox policies that a cmdlet makes or changes.
fn is_setting(cmdlet: &str, parameter: &str) -> bool {
    [DeviceFamily::ActiveSync, DeviceFamily::Mobile].into_iter().any(|family| {
        let cmdlets = family.mailbox_policy();
        [cmdlets.new, cmdlets.set].iter().any(|held| held.eq_ignore_ascii_case(cmdlet))
            && PolicySettings::names(family).any(|held| held.eq_ignore_ascii_case(parameter))
    })
}

fn find(product: Product, cmdlet: &str) -> Option<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.cmdlet.eq_ignore_ascii_case(cmdlet) && product >= entry.since)
}
