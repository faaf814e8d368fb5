//! What an account needs, task by task, and what of it Get-Command did not show. A role may hide a
//! single parameter (cmdlet page `Set-ManagementRoleEntry`), and a version may not have it: both look the same.

use std::fmt;

use crate::cmdlets::{CommandRow, DeviceFamily};

/// What an account may be needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Task {
    /// Looking: everything of an organization that decisions rest on.
    Read,
    /// Changing access, settings, rules and policies.
    Write,
    /// Erasing devices and removing partnerships.
    Wipe,
}

/// A cmdlet and the parameters of it that a task cannot do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requirement {
    /// The cmdlet's name.
    pub cmdlet: &'static str,
    /// Parameter names without dashes.
    pub parameters: &'static [&'static str],
}

/// What an account may not do although a task needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// The whole cmdlet is hidden.
    Cmdlet(&'static str),
    /// The cmdlet is visible, the parameter is not.
    Parameter(&'static str, &'static str),
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cmdlet(cmdlet) => f.write_str(cmdlet),
            Self::Parameter(cmdlet, parameter) => write!(f, "{cmdlet} -{parameter}"),
        }
    }
}

/// The parameters of the two cmdlets that list devices.
const GET_DEVICE: &[&str] = &["Identity", "Mailbox", "Filter", "ResultSize", "DomainController"];
const GET_RECIPIENTS: &[&str] = &["Identity", "Filter", "ResultSize", "DomainController"];
const SET_LISTS: &[&str] = &[
    "Identity",
    "ActiveSyncAllowedDeviceIDs",
    "ActiveSyncBlockedDeviceIDs",
    "Confirm",
    "DomainController",
];
const SET_SETTINGS: &[&str] =
    &["DefaultAccessLevel", "UserMailInsert", "AdminMailRecipients", "Confirm", "DomainController"];
const NEW_RULE: &[&str] =
    &["Characteristic", "QueryString", "AccessLevel", "Confirm", "DomainController"];
const SET_RULE: &[&str] = &["Identity", "AccessLevel", "Confirm", "DomainController"];
const REMOVE: &[&str] = &["Identity", "Confirm", "DomainController"];
const NEW_POLICY: &[&str] = &["Name", "Confirm", "DomainController"];
const CLEAR: &[&str] = &["Identity", "Cancel", "Confirm", "DomainController"];

/// The families that a runspace speaks, chosen by group: a role may show the newer names of one group
/// and only the older ones of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Families {
    /// Of the cmdlets that list, erase and remove devices.
    pub devices: DeviceFamily,
    /// Of those for statistics.
    pub statistics: DeviceFamily,
    /// Of those for mailbox policies.
    pub policies: DeviceFamily,
}

impl Families {
    /// The same family for everything.
    pub fn all(family: DeviceFamily) -> Self {
        Self { devices: family, statistics: family, policies: family }
    }

    /// What a task takes, with these families.
    pub fn required(self, task: Task) -> Vec<Requirement> {
        let needs = |cmdlet, parameters| Requirement { cmdlet, parameters };
        let policies = self.policies.mailbox_policy();
        match task {
            Task::Read => vec![
                needs("Set-ADServerSettings", &["ViewEntireForest", "PreferredServer"]),
                needs("Get-ExchangeServer", &[]),
                needs("Get-ActiveSyncOrganizationSettings", &[]),
                needs("Get-ActiveSyncDeviceAccessRule", &[]),
                needs("Get-ActiveSyncDeviceClass", &[]),
                needs(policies.get, &[]),
                needs(self.devices.get_device(), GET_DEVICE),
                needs(self.statistics.get_device_statistics(), &["Mailbox", "DomainController"]),
                needs("Get-CASMailbox", GET_RECIPIENTS),
                needs("Get-Recipient", GET_RECIPIENTS),
            ],
            Task::Write => vec![
                needs("Set-CASMailbox", SET_LISTS),
                needs("Set-ActiveSyncOrganizationSettings", SET_SETTINGS),
                needs("New-ActiveSyncDeviceAccessRule", NEW_RULE),
                needs("Set-ActiveSyncDeviceAccessRule", SET_RULE),
                needs("Remove-ActiveSyncDeviceAccessRule", REMOVE),
                needs(policies.new, NEW_POLICY),
                needs(policies.set, REMOVE),
                needs(policies.remove, REMOVE),
            ],
            Task::Wipe => vec![
                needs(self.devices.clear_device(), CLEAR),
                needs(self.devices.remove_device(), REMOVE),
            ],
        }
    }
}

/// Every cmdlet name that a self-test asks Get-Command about: both families, and the two that only
/// tell about throttling.
pub fn asked_about() -> Vec<&'static str> {
    let mut names = vec!["Get-Command", "Get-ThrottlingPolicyAssociation", "Get-ThrottlingPolicy"];
    for family in [DeviceFamily::Mobile, DeviceFamily::ActiveSync] {
        for task in [Task::Read, Task::Write, Task::Wipe] {
            let required = Families::all(family).required(task);
            names.extend(required.iter().map(|requirement| requirement.cmdlet));
        }
    }
    names.sort_unstable();
    names.dedup();
    names
}

/// What of the requirements Get-Command did not show.
pub fn missing(requirements: &[Requirement], commands: &[CommandRow]) -> Vec<Missing> {
    let mut missing = Vec::new();
    for Requirement { cmdlet, parameters } in requirements {
        match commands.iter().find(|row| row.is(cmdlet)) {
            None => missing.push(Missing::Cmdlet(cmdlet)),
            Some(row) => {
                let hidden = parameters.iter().filter(|parameter| !row.takes(parameter));
                missing.extend(hidden.map(|parameter| Missing::Parameter(cmdlet, parameter)));
            }
        }
    }
    missing
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, parameters: &[&str]) -> CommandRow {
        CommandRow {
            name: name.to_owned(),
            parameters: parameters.iter().map(|&name| name.to_owned()).collect(),
        }
    }

    #[test]
    fn every_cmdlet_that_is_required_is_asked_about() {
        let asked = asked_about();
        for family in [DeviceFamily::ActiveSync, DeviceFamily::Mobile] {
            for task in [Task::Read, Task::Write, Task::Wipe] {
                for Requirement { cmdlet, .. } in Families::all(family).required(task) {
                    assert!(asked.contains(&cmdlet), "{cmdlet}");
                }
            }
        }
    }

    #[test]
    fn what_a_role_hides_is_named() {
        let families = Families::all(DeviceFamily::ActiveSync);
        let (read, write) = (families.required(Task::Read), families.required(Task::Write));
        let shown = read.iter().chain(&write);
        let mut shown: Vec<CommandRow> =
            shown.map(|needed| row(needed.cmdlet, needed.parameters)).collect();
        assert_eq!(missing(&read, &shown), []);
        assert_eq!(missing(&write, &shown), []);

        shown.retain(|row| row.name != "Get-Recipient");
        for row in &mut shown {
            row.parameters.retain(|parameter| parameter != "ActiveSyncBlockedDeviceIDs");
        }
        assert_eq!(missing(&read, &shown), [Missing::Cmdlet("Get-Recipient")]);
        let parameter = missing(&write, &shown);
        assert_eq!(
            parameter.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["Set-CASMailbox -ActiveSyncBlockedDeviceIDs"]
        );
        let newer = missing(&Families::all(DeviceFamily::Mobile).required(Task::Wipe), &shown);
        assert_eq!(
            newer,
            [Missing::Cmdlet("Clear-MobileDevice"), Missing::Cmdlet("Remove-MobileDevice")]
        );
    }
}
