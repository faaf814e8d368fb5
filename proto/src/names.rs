//! Resource names of `exgate.v1`, such as `organizations/contoso/devices/ApplDLXH1234-3f2a91c0`:
//! written and parsed in one place, so that what one side prints the other side takes.

use std::fmt;
use std::str::FromStr;

use exgate_domain::ids::{CommandId, DeviceId, MailboxId, OrganizationId, RunId};

/// The digits of a mailbox's GUID that a device's name ends in.
const MAILBOX_DIGITS: usize = 8;
/// Stands for every organization in the parent of a list.
const ALL: &str = "-";

/// A text that is not the resource name it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a name like {pattern}")]
pub struct InvalidName {
    /// The text.
    pub text: String,
    /// What it should look like.
    pub pattern: &'static str,
}

/// `organizations/{organization}`
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OrganizationName(pub OrganizationId);

/// `organizations/{organization}`, or `organizations/-` for all: the parent of a list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Parent(pub Option<OrganizationId>);

/// `organizations/{organization}/connector`
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectorName(pub OrganizationId);

/// `organizations/{organization}/devices/{ActiveSync id}-{first 8 digits of the mailbox's GUID}`
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceName {
    /// The organization.
    pub organization: OrganizationId,
    /// The device's own id.
    pub device_id: DeviceId,
    /// The first eight hexadecimal digits of the mailbox's GUID, in lower case.
    pub mailbox_digits: String,
}

/// `organizations/{organization}/syncRuns/{run}`
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SyncRunName {
    /// The organization.
    pub organization: OrganizationId,
    /// The run.
    pub run: RunId,
}

/// `organizations/{organization}/commands/{command}`
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CommandName {
    /// The organization.
    pub organization: OrganizationId,
    /// The command.
    pub command: CommandId,
}

/// `policies/{policy}`
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PolicyName(pub String);

impl DeviceName {
    /// Names the device of one mailbox.
    pub fn new(organization: OrganizationId, device_id: DeviceId, mailbox: MailboxId) -> Self {
        let mailbox_digits = mailbox_digits(mailbox);
        Self { organization, device_id, mailbox_digits }
    }

    /// Whether this names the device with this id in this mailbox.
    pub fn is_of(&self, device_id: &DeviceId, mailbox: MailboxId) -> bool {
        self.device_id == *device_id && self.mailbox_digits == mailbox_digits(mailbox)
    }
}

fn mailbox_digits(mailbox: MailboxId) -> String {
    mailbox.guid().simple().to_string().chars().take(MAILBOX_DIGITS).collect()
}

/// Takes `organizations/{id}{rest}` apart.
fn organization_and_rest(text: &str) -> Option<(&str, &str)> {
    let after = text.strip_prefix("organizations/")?;
    Some(after.split_once('/').unwrap_or((after, "")))
}

fn child<'a>(text: &'a str, collection: &str) -> Option<(OrganizationId, &'a str)> {
    let (organization, rest) = organization_and_rest(text)?;
    let last = rest.strip_prefix(collection)?.strip_prefix('/')?;
    Some((organization.parse().ok()?, last))
}

fn device(text: &str) -> Option<DeviceName> {
    let (organization, last) = child(text, "devices")?;
    let (device_id, digits) = last.rsplit_once('-')?;
    let is_digit = |c: char| c.is_ascii_hexdigit();
    if digits.len() != MAILBOX_DIGITS || !digits.chars().all(is_digit) {
        return None;
    }
    let device_id = device_id.parse().ok()?;
    Some(DeviceName { organization, device_id, mailbox_digits: digits.to_ascii_lowercase() })
}

macro_rules! name {
    ($name:ident, $pattern:literal, $parse:expr, $write:expr) => {
        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                let parse: fn(&str) -> Option<Self> = $parse;
                parse(text).ok_or_else(|| InvalidName { text: text.to_owned(), pattern: $pattern })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let write: fn(&Self, &mut fmt::Formatter<'_>) -> fmt::Result = $write;
                write(self, f)
            }
        }
    };
}

name!(
    OrganizationName,
    "organizations/{organization}",
    |text| Some(Self(text.strip_prefix("organizations/")?.parse().ok()?)),
    |name, f| write!(f, "organizations/{}", name.0)
);
name!(
    Parent,
    "organizations/{organization} or organizations/-",
    |text| match text.strip_prefix("organizations/")? {
        ALL => Some(Self(None)),
        organization => Some(Self(Some(organization.parse().ok()?))),
    },
    |name, f| write!(f, "organizations/{}", name.0.as_ref().map_or(ALL, OrganizationId::as_str))
);
name!(
    ConnectorName,
    "organizations/{organization}/connector",
    |text| match organization_and_rest(text)? {
        (organization, "connector") => Some(Self(organization.parse().ok()?)),
        _ => None,
    },
    |name, f| write!(f, "organizations/{}/connector", name.0)
);
name!(
    DeviceName,
    "organizations/{organization}/devices/{ActiveSync id}-{8 digits of the mailbox}",
    device,
    |name, f| {
        let DeviceName { organization, device_id, mailbox_digits } = name;
        write!(f, "organizations/{organization}/devices/{device_id}-{mailbox_digits}")
    }
);
name!(
    SyncRunName,
    "organizations/{organization}/syncRuns/{run}",
    |text| {
        let (organization, run) = child(text, "syncRuns")?;
        Some(Self { organization, run: run.parse().ok()? })
    },
    |name, f| write!(f, "organizations/{}/syncRuns/{}", name.organization, name.run)
);
name!(
    CommandName,
    "organizations/{organization}/commands/{command}",
    |text| {
        let (organization, command) = child(text, "commands")?;
        Some(Self { organization, command: command.parse().ok()? })
    },
    |name, f| write!(f, "organizations/{}/commands/{}", name.organization, name.command)
);
name!(
    PolicyName,
    "policies/{policy}",
    |text| {
        let policy = text.strip_prefix("policies/")?;
        (!policy.is_empty()).then(|| Self(policy.to_owned()))
    },
    |name, f| write!(f, "policies/{}", name.0)
);

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn names_read_back_what_they_print() {
        let organization: OrganizationId = "contoso".parse().unwrap();
        let mailbox = MailboxId::new(Uuid::from_u128(0x3f2a_91c0_0000_4000_8000_0000_0000_0001));
        let odd: DeviceId = "a-b/c-3f2a91c0".parse().unwrap();
        let device = DeviceName::new(organization.clone(), odd.clone(), mailbox);

        assert_eq!(device.to_string(), "organizations/contoso/devices/a-b/c-3f2a91c0-3f2a91c0");
        let read: DeviceName = device.to_string().parse().unwrap();
        assert_eq!(read, device);
        assert!(read.is_of(&odd, mailbox));

        let run = SyncRunName { organization: organization.clone(), run: RunId::new(Uuid::nil()) };
        assert_eq!(run.to_string().parse(), Ok(run));
        let command = CommandName {
            organization: organization.clone(),
            command: CommandId::new(Uuid::nil()),
        };
        assert_eq!(command.to_string().parse(), Ok(command));
        let connector = ConnectorName(organization.clone());
        assert_eq!(connector.to_string().parse(), Ok(connector));
        let name = OrganizationName(organization.clone());
        assert_eq!(name.to_string().parse(), Ok(name));
        for parent in [Parent(None), Parent(Some(organization))] {
            assert_eq!(parent.to_string().parse(), Ok(parent));
        }
    }

    #[test]
    fn names_that_are_almost_right_are_refused() {
        for text in ["", "organizations/", "organizations/a/b", "contoso", "organizations/-"] {
            assert!(text.parse::<OrganizationName>().is_err(), "{text:?}");
        }
        for text in [
            "organizations/contoso/devices/Appl",
            "organizations/contoso/devices/Appl-3f2a91c",
            "organizations/contoso/devices/-3f2a91c0",
            "organizations/-/devices/Appl-3f2a91c0",
            "organizations/contoso/device/Appl-3f2a91c0",
        ] {
            assert!(text.parse::<DeviceName>().is_err(), "{text:?}");
        }
    }
}
