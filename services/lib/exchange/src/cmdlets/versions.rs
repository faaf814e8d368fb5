//! Which names a server knows. Exchange 2010 says `ActiveSyncDevice`, 2013 and later also
//! `MobileDevice`; the family is chosen once per runspace from what Get-Command shows, because
//! roles hide cmdlets that the version would have. Builds are compared by `>=` only; they are those of
//! the page "Exchange Server build numbers and release dates".

use std::fmt;
use std::str::FromStr;

use crate::cmdlets::CommandRow;

/// The set of device cmdlets that a runspace speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeviceFamily {
    /// `*-ActiveSyncDevice`, from 2010 on.
    ActiveSync,
    /// `*-MobileDevice`, from 2013 on; knows every kind of client.
    Mobile,
}

impl DeviceFamily {
    /// The newer family whose Get cmdlet the account may see, if it may see any.
    pub fn choose(commands: &[CommandRow]) -> Option<Self> {
        [Self::Mobile, Self::ActiveSync]
            .into_iter()
            .find(|family| commands.iter().any(|row| row.is(family.get_device())))
    }

    /// The cmdlet that lists devices.
    pub fn get_device(self) -> &'static str {
        match self {
            Self::ActiveSync => "Get-ActiveSyncDevice",
            Self::Mobile => "Get-MobileDevice",
        }
    }

    /// The cmdlet that reads what the mailbox store knows of devices.
    pub fn get_device_statistics(self) -> &'static str {
        match self {
            Self::ActiveSync => "Get-ActiveSyncDeviceStatistics",
            Self::Mobile => "Get-MobileDeviceStatistics",
        }
    }

    /// The cmdlet that erases devices.
    pub fn clear_device(self) -> &'static str {
        match self {
            Self::ActiveSync => "Clear-ActiveSyncDevice",
            Self::Mobile => "Clear-MobileDevice",
        }
    }

    /// The cmdlet that removes partnerships.
    pub fn remove_device(self) -> &'static str {
        match self {
            Self::ActiveSync => "Remove-ActiveSyncDevice",
            Self::Mobile => "Remove-MobileDevice",
        }
    }

    /// The cmdlets of the family's mailbox policies.
    pub fn mailbox_policy(self) -> PolicyCmdlets {
        match self {
            Self::ActiveSync => PolicyCmdlets {
                get: "Get-ActiveSyncMailboxPolicy",
                set: "Set-ActiveSyncMailboxPolicy",
                new: "New-ActiveSyncMailboxPolicy",
                remove: "Remove-ActiveSyncMailboxPolicy",
            },
            Self::Mobile => PolicyCmdlets {
                get: "Get-MobileDeviceMailboxPolicy",
                set: "Set-MobileDeviceMailboxPolicy",
                new: "New-MobileDeviceMailboxPolicy",
                remove: "Remove-MobileDeviceMailboxPolicy",
            },
        }
    }
}

/// The names of the cmdlets for mailbox policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolicyCmdlets {
    /// Lists or reads.
    pub get: &'static str,
    /// Changes.
    pub set: &'static str,
    /// Makes.
    pub new: &'static str,
    /// Removes.
    pub remove: &'static str,
}

/// The build of a server, as `AdminDisplayVersion` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerVersion {
    /// 14 for 2010, 15 since.
    pub major: u32,
    /// 0, 1, 2 for 2013, 2016, 2019 and SE.
    pub minor: u32,
    /// The build.
    pub build: u32,
    /// The revision; security updates need not show in it (unverified).
    pub revision: u32,
}

/// A text that is no server version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not of the form 'Version 15.2 (Build 986.5)'")]
pub struct VersionError {
    /// The text as it was read.
    pub text: String,
}

/// A product name, derived from a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Product {
    /// Anything before 2010.
    Older,
    /// Exchange Server 2010.
    Exchange2010,
    /// Exchange Server 2013.
    Exchange2013,
    /// Exchange Server 2016.
    Exchange2016,
    /// Exchange Server 2019.
    Exchange2019,
    /// Exchange Server Subscription Edition, or whatever comes after it.
    SubscriptionEdition,
}

/// 2019 and Subscription Edition are both 15.2; the first build of the latter parts them
/// (CSS-Exchange, `Get-ExchangeBuildVersionInformation`).
const SUBSCRIPTION_EDITION_BUILD_MIN: u32 = 2562;

impl ServerVersion {
    /// The product this build belongs to.
    pub fn product(self) -> Product {
        match (self.major, self.minor) {
            (0..14, _) => Product::Older,
            (14, _) => Product::Exchange2010,
            (15, 0) => Product::Exchange2013,
            (15, 1) => Product::Exchange2016,
            (15, 2) if self.build < SUBSCRIPTION_EDITION_BUILD_MIN => Product::Exchange2019,
            (15.., _) => Product::SubscriptionEdition,
        }
    }
}

impl Product {
    /// The name as people say it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Older => "an Exchange before 2010",
            Self::Exchange2010 => "Exchange 2010",
            Self::Exchange2013 => "Exchange 2013",
            Self::Exchange2016 => "Exchange 2016",
            Self::Exchange2019 => "Exchange 2019",
            Self::SubscriptionEdition => "Exchange Subscription Edition",
        }
    }

    /// The day on which Microsoft's support ended or will end: the table of
    /// [lifecycle dates](https://learn.microsoft.com/lifecycle/products/?terms=Exchange%20Server).
    pub fn support_ends(self) -> Option<jiff::civil::Date> {
        let date = |year, month, day| Some(jiff::civil::date(year, month, day));
        match self {
            Self::Older => None,
            Self::Exchange2010 => date(2020, 10, 13),
            Self::Exchange2013 => date(2023, 4, 11),
            Self::Exchange2016 | Self::Exchange2019 => date(2025, 10, 14),
            Self::SubscriptionEdition => date(2035, 12, 31),
        }
    }
}

/// Exchange 2010 with Service Pack 3, the oldest that is spoken to.
pub const VERSION_MIN: ServerVersion =
    ServerVersion { major: 14, minor: 3, build: 123, revision: 0 };

impl fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { major, minor, build, revision } = self;
        write!(f, "{major}.{minor}.{build}.{revision}")
    }
}

impl FromStr for ServerVersion {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text.trim()).ok_or_else(|| VersionError { text: text.to_owned() })
    }
}

/// `Version 15.2 (Build 986.5)`, or the short form `15.2.986.5` with or without leading zeros.
fn parse(text: &str) -> Option<ServerVersion> {
    let numbers: Vec<u32> = match text.strip_prefix("Version ") {
        Some(rest) => {
            let (version, build) = rest.strip_suffix(')')?.split_once(" (Build ")?;
            format!("{version}.{build}")
                .split('.')
                .map(str::parse)
                .collect::<Result<_, _>>()
                .ok()?
        }
        None => text.split('.').map(str::parse).collect::<Result<_, _>>().ok()?,
    };
    match *numbers.as_slice() {
        [major, minor, build, revision] => Some(ServerVersion { major, minor, build, revision }),
        _ => None,
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
    fn versions_are_read_and_named() {
        for (text, product) in [
            ("Version 14.3 (Build 123.4)", Product::Exchange2010),
            ("Version 15.0 (Build 1497.2)", Product::Exchange2013),
            ("Version 15.1 (Build 2507.6)", Product::Exchange2016),
            ("Version 15.2 (Build 986.5)", Product::Exchange2019),
            ("15.02.0986.005", Product::Exchange2019),
            ("Version 15.2 (Build 2562.17)", Product::SubscriptionEdition),
            ("Version 8.3 (Build 83.6)", Product::Older),
        ] {
            assert_eq!(text.parse::<ServerVersion>().unwrap().product(), product, "{text}");
        }
        for text in ["", "Version 15.2", "Version 15.2 (Build 986)", "15.2.x.1"] {
            assert!(text.parse::<ServerVersion>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_newer_family_is_chosen_only_where_it_is_visible() {
        let both = [row("Get-ActiveSyncDevice", &[]), row("get-mobiledevice", &[])];
        assert_eq!(DeviceFamily::choose(&both), Some(DeviceFamily::Mobile));
        assert_eq!(DeviceFamily::choose(&both[..1]), Some(DeviceFamily::ActiveSync));
        assert_eq!(DeviceFamily::choose(&[]), None);
    }
}
