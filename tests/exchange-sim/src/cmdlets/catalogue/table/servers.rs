//! Owns the cmdlets of the session itself, of the servers and of throttling.

use super::super::super::{commands, servers, throttling, view};
use super::super::parameters::{
    ANR, CONFIRM, CONTROLLER, IDENTITY, RESULT_SIZE, WHAT_IF, modern, parameter,
};
use super::super::{Cmdlet, Kind, Parameter};

/// `Set-ADServerSettings`: one controller for everything, each of its own, or an object.
const SETS: &[&[&str]] = &[
    &["PreferredServer"],
    &["ConfigurationDomainController", "PreferredGlobalCatalog", "SetPreferredDomainControllers"],
    &["RunspaceServerSettings"],
];

pub(super) const CMDLETS: &[Cmdlet] = &[
    Cmdlet::new(
        "Get-ThrottlingPolicyAssociation",
        "Microsoft.Exchange.Management.SystemConfigurationTasks.GetThrottlingPolicyAssociation",
        &[IDENTITY, ANR, RESULT_SIZE, CONTROLLER, modern("ThrottlingPolicy", Kind::Text)],
        throttling::association,
    )
    .on_premises(),
    Cmdlet::new(
        "Get-ThrottlingPolicy",
        "Microsoft.Exchange.Management.SystemConfigurationTasks.GetThrottlingPolicy",
        &[
            IDENTITY,
            CONTROLLER,
            modern("Explicit", Kind::Switch),
            modern("ThrottlingPolicyScope", Kind::Word(&["Regular", "Organization", "Global"])),
        ],
        throttling::policy,
    )
    .on_premises(),
    Cmdlet::new(
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
    Cmdlet::new(
        "Get-ADServerSettings",
        "Microsoft.Exchange.Management.SystemConfigurationTasks.GetADServerSettings",
        &[],
        view::get,
    )
    .on_premises(),
    Cmdlet::new(
        "Set-ADServerSettings",
        "Microsoft.Exchange.Management.SystemConfigurationTasks.SetADServerSettings",
        &[
            parameter("PreferredServer", Kind::Text),
            parameter("ViewEntireForest", Kind::Boolean),
            parameter("RecipientViewRoot", Kind::Text),
            parameter("ConfigurationDomainController", Kind::Text),
            parameter("PreferredGlobalCatalog", Kind::Text),
            parameter("SetPreferredDomainControllers", Kind::Multi),
            parameter("RunspaceServerSettings", Kind::Text),
            WHAT_IF,
            CONFIRM,
        ],
        view::set,
    )
    .on_premises()
    .of_sets(SETS),
    Cmdlet::new(
        "Get-ExchangeServer",
        "Microsoft.Exchange.Management.SystemConfigurationTasks.GetExchangeServer",
        &[IDENTITY, parameter("Domain", Kind::Text), parameter("Status", Kind::Switch), CONTROLLER],
        servers::run,
    )
    .on_premises()
    .of_sets(&[&["Identity"], &["Domain"]]),
];
