//! What a runspace can do: which names Get-Command shows and with which parameters. Asked once when a
//! runspace is opened; a role that changes later shows only in a new one (unverified).

use crate::cmdlets::{CommandRow, DeviceFamily, Families, Missing, Task, missing};

/// What Get-Command showed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    commands: Vec<CommandRow>,
}

impl Capabilities {
    /// Takes what Get-Command showed of [`asked_about`](crate::cmdlets::asked_about).
    pub fn new(commands: Vec<CommandRow>) -> Self {
        Self { commands }
    }

    /// Whether a cmdlet is shown.
    pub fn can(&self, cmdlet: &str) -> bool {
        self.commands.iter().any(|row| row.is(cmdlet))
    }

    /// Whether a cmdlet and this parameter of it are shown.
    pub fn takes(&self, cmdlet: &str, parameter: &str) -> bool {
        self.commands.iter().any(|row| row.is(cmdlet) && row.takes(parameter))
    }

    /// The newer family whose device cmdlet is shown, if either is.
    pub fn devices(&self) -> Option<DeviceFamily> {
        DeviceFamily::choose(&self.commands)
    }

    /// The newer family whose statistics can be read by mailbox, if either's can.
    pub fn statistics(&self) -> Option<DeviceFamily> {
        self.newest(|family| self.takes(family.get_device_statistics(), "Mailbox"))
    }

    /// The newer family whose mailbox policies are shown, if either's are.
    pub fn policies(&self) -> Option<DeviceFamily> {
        self.newest(|family| self.can(family.mailbox_policy().get))
    }

    /// Whether only the account's data can be erased (2016 and later).
    pub fn account_only(&self) -> bool {
        self.takes(DeviceFamily::Mobile.clear_device(), "AccountOnly")
    }

    /// Whether listings can be narrowed to one kind of client (2013 and later).
    pub fn client_switches(&self) -> bool {
        self.takes(DeviceFamily::Mobile.get_device(), "ActiveSync")
    }

    /// The families to speak. Where a group shows no name at all, the one of the devices stands in, so
    /// that what is missing is named in the words of the version.
    pub fn families(&self) -> Families {
        let devices = self.devices().unwrap_or(DeviceFamily::ActiveSync);
        Families {
            devices,
            statistics: self.statistics().unwrap_or(devices),
            policies: self.policies().unwrap_or(devices),
        }
    }

    /// What a task needs and Get-Command did not show.
    pub fn missing(&self, task: Task) -> Vec<Missing> {
        missing(&self.families().required(task), &self.commands)
    }

    fn newest(&self, shows: impl Fn(DeviceFamily) -> bool) -> Option<DeviceFamily> {
        [DeviceFamily::Mobile, DeviceFamily::ActiveSync].into_iter().find(|family| shows(*family))
    }
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
    fn families_are_chosen_group_by_group() {
        let found = Capabilities::new(vec![
            row("Get-MobileDevice", &["ActiveSync"]),
            row("Get-ActiveSyncDevice", &[]),
            row("Get-MobileDeviceStatistics", &["Identity"]),
            row("Get-ActiveSyncDeviceStatistics", &["Mailbox"]),
            row("Get-ActiveSyncMailboxPolicy", &[]),
            row("Clear-MobileDevice", &["AccountOnly"]),
        ]);
        assert_eq!(found.devices(), Some(DeviceFamily::Mobile));
        assert_eq!(found.statistics(), Some(DeviceFamily::ActiveSync), "by mailbox only there");
        assert_eq!(found.policies(), Some(DeviceFamily::ActiveSync));
        assert!(found.account_only() && found.client_switches());
    }

    #[test]
    fn nothing_shown_is_nothing_to_do_and_all_is_missing() {
        let none = Capabilities::default();
        assert_eq!((none.devices(), none.statistics(), none.policies()), (None, None, None));
        assert!(!none.account_only());
        let needed = Families::all(DeviceFamily::ActiveSync).required(Task::Read).len();
        assert_eq!(none.missing(Task::Read).len(), needed);
    }
}
