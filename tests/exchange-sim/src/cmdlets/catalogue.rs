//! Owns the list of cmdlets: which version has which, and their parameters.
//!
//! Source: the cmdlet pages of MicrosoftDocs/office-docs-powershell; the class names are those of
//! public error transcripts where known, else of the same pattern.

use super::complaint::Complaint;
use super::{
    Call, Records, access_rules, cas_mailboxes, commands, devices, organization_settings,
    recipients, servers, set_cas_mailbox, view,
};
use crate::world::organization::Version;

/// A cmdlet.
#[derive(Debug)]
pub struct Cmdlet {
    /// Its name.
    pub name: &'static str,
    /// Its class, as the error id prints it.
    pub class: &'static str,
    /// In which versions.
    pub since: Since,
    /// Its own parameters, the positional one first.
    pub parameters: &'static [Parameter],
    /// What it does.
    pub run: fn(&Call) -> Result<Records, Complaint>,
}

/// A parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// In which versions.
    pub since: Since,
    /// Whether it must be sent.
    pub mandatory: bool,
    /// Whether it is the first positional one.
    pub positional: bool,
}

/// What a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text, or anything that has one.
    Text,
    /// Present or not.
    Switch,
    /// True or false.
    Boolean,
    /// A number or `Unlimited`.
    Size,
    /// A multi-valued property: values or `@{Add;Remove}`.
    Multi,
    /// Several texts.
    Texts,
}

/// In which versions something exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// 2010 and later.
    Always,
    /// 2013 and later.
    Modern,
    /// 2010 only.
    Gone,
}

impl Since {
    fn holds(self, version: Version) -> bool {
        match self {
            Self::Always => true,
            Self::Modern => version.is_modern(),
            Self::Gone => !version.is_modern(),
        }
    }
}

impl Kind {
    /// The .NET type that it is declared with.
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Text => "System.String",
            Self::Switch => "System.Management.Automation.SwitchParameter",
            Self::Boolean => "System.Boolean",
            Self::Size => "Microsoft.Exchange.Data.Unlimited`1[System.UInt32]",
            Self::Multi => "Microsoft.Exchange.Data.MultiValuedProperty`1[System.String]",
            Self::Texts => "System.String[]",
        }
    }
}

impl Cmdlet {
    /// The parameters that a version has, the common ones excluded.
    pub fn parameters_of(&self, version: Version) -> impl Iterator<Item = &'static Parameter> {
        self.parameters.iter().filter(move |parameter| parameter.since.holds(version))
    }
}

/// A cmdlet of a version, by name without regard to case.
pub fn find(name: &str, version: Version) -> Option<&'static Cmdlet> {
    all(version).find(|cmdlet| cmdlet.name.eq_ignore_ascii_case(name))
}

/// Every cmdlet of a version.
pub fn all(version: Version) -> impl Iterator<Item = &'static Cmdlet> {
    CMDLETS.iter().filter(move |cmdlet| cmdlet.since.holds(version))
}

const fn parameter(name: &'static str, kind: Kind) -> Parameter {
    Parameter { name, kind, since: Since::Always, mandatory: false, positional: false }
}

const fn modern(name: &'static str, kind: Kind) -> Parameter {
    Parameter { since: Since::Modern, ..parameter(name, kind) }
}

const IDENTITY: Parameter = Parameter { positional: true, ..parameter("Identity", Kind::Text) };
const IDENTITY_NEEDED: Parameter = Parameter { mandatory: true, ..IDENTITY };
const CONTROLLER: Parameter = parameter("DomainController", Kind::Text);
const FILTER: Parameter = parameter("Filter", Kind::Text);
const RESULT_SIZE: Parameter = parameter("ResultSize", Kind::Size);
const SORT_BY: Parameter = parameter("SortBy", Kind::Text);
const UNIT: Parameter = parameter("OrganizationalUnit", Kind::Text);
const ANR: Parameter = parameter("Anr", Kind::Text);
const FROM_CONTROLLER: Parameter = parameter("ReadFromDomainController", Kind::Switch);
const NO_SCOPE: Parameter = parameter("IgnoreDefaultScope", Kind::Switch);
const WHAT_IF: Parameter = parameter("WhatIf", Kind::Switch);
const CONFIRM: Parameter = parameter("Confirm", Kind::Switch);
const MAILBOX: Parameter = parameter("Mailbox", Kind::Text);
const MONITORING: Parameter = modern("Monitoring", Kind::Switch);

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

const CMDLETS: &[Cmdlet] = &[
    Cmdlet {
        name: "Get-Command",
        class: "Microsoft.PowerShell.Commands.GetCommandCommand",
        since: Since::Always,
        parameters: &[
            Parameter { positional: true, ..parameter("Name", Kind::Texts) },
            parameter("CommandType", Kind::Text),
            parameter("Module", Kind::Texts),
            parameter("ArgumentList", Kind::Texts),
        ],
        run: commands::run,
    },
    Cmdlet {
        name: "Set-ADServerSettings",
        class: "Microsoft.Exchange.Management.SystemConfigurationTasks.SetADServerSettings",
        since: Since::Always,
        parameters: &[
            parameter("PreferredServer", Kind::Text),
            parameter("ViewEntireForest", Kind::Boolean),
            parameter("RecipientViewRoot", Kind::Text),
            parameter("ConfigurationDomainController", Kind::Text),
            parameter("PreferredGlobalCatalog", Kind::Text),
            parameter("SetPreferredDomainControllers", Kind::Multi),
            WHAT_IF,
            CONFIRM,
        ],
        run: view::run,
    },
    Cmdlet {
        name: "Get-ExchangeServer",
        class: "Microsoft.Exchange.Management.SystemConfigurationTasks.GetExchangeServer",
        since: Since::Always,
        parameters: &[
            IDENTITY,
            parameter("Domain", Kind::Text),
            parameter("Status", Kind::Switch),
            CONTROLLER,
        ],
        run: servers::run,
    },
    Cmdlet {
        name: "Get-ActiveSyncOrganizationSettings",
        class: "Microsoft.Exchange.Management.Tasks.GetActiveSyncOrganizationSettings",
        since: Since::Always,
        parameters: &[IDENTITY, CONTROLLER],
        run: organization_settings::run,
    },
    Cmdlet {
        name: "Get-ActiveSyncDeviceAccessRule",
        class: "Microsoft.Exchange.Management.Tasks.GetActiveSyncDeviceAccessRule",
        since: Since::Always,
        parameters: &[IDENTITY, CONTROLLER],
        run: access_rules::run,
    },
    Cmdlet {
        name: "Get-ActiveSyncDevice",
        class: "Microsoft.Exchange.Management.Tasks.GetActiveSyncDevice",
        since: Since::Always,
        parameters: &[
            IDENTITY,
            MAILBOX,
            FILTER,
            RESULT_SIZE,
            SORT_BY,
            UNIT,
            CONTROLLER,
            MONITORING,
        ],
        run: devices::active_sync,
    },
    Cmdlet {
        name: "Get-MobileDevice",
        class: "Microsoft.Exchange.Management.Tasks.GetMobileDevice",
        since: Since::Modern,
        parameters: &[
            IDENTITY,
            MAILBOX,
            FILTER,
            RESULT_SIZE,
            SORT_BY,
            UNIT,
            CONTROLLER,
            MONITORING,
            modern("ActiveSync", Kind::Switch),
            modern("OWAforDevices", Kind::Switch),
            modern("RestApi", Kind::Switch),
            modern("UniversalOutlook", Kind::Switch),
        ],
        run: devices::mobile,
    },
    Cmdlet {
        name: "Get-CASMailbox",
        class: "Microsoft.Exchange.Management.RecipientTasks.GetCASMailbox",
        since: Since::Always,
        parameters: &[
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
            modern("ActiveSyncSuppressReadReceipt", Kind::Switch),
        ],
        run: cas_mailboxes::run,
    },
    Cmdlet {
        name: "Set-CASMailbox",
        class: "Microsoft.Exchange.Management.RecipientTasks.SetCASMailbox",
        since: Since::Always,
        parameters: &[
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
        run: set_cas_mailbox::run,
    },
    Cmdlet {
        name: "Get-Recipient",
        class: "Microsoft.Exchange.Management.RecipientTasks.GetRecipient",
        since: Since::Always,
        parameters: &[
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
        run: recipients::run,
    },
];
