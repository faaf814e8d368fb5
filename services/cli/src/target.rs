//! What is meant by the names that people type: parsed before anything is asked. A device may be
//! named in full, by its ActiveSync id alone, or by user and id.

use std::fmt;
use std::str::FromStr;

use exgate_domain::ids::{DeviceId, OrganizationId, RunId};
use exgate_proto::names::{ConnectorName, DeviceName, OrganizationName, PolicyName, SyncRunName};

use crate::args::Kind;

/// A text that names nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct InvalidTarget(String);

/// An organization, as `contoso` or `organizations/contoso`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OrganizationRef(pub(crate) OrganizationId);

impl FromStr for OrganizationRef {
    type Err = InvalidTarget;

    fn from_str(text: &str) -> Result<Self, InvalidTarget> {
        let short = text.strip_prefix("organizations/").unwrap_or(text);
        short.parse().map(Self).map_err(|error| InvalidTarget(format!("{error}")))
    }
}

impl OrganizationRef {
    /// The resource name.
    pub(crate) fn name(&self) -> String {
        OrganizationName(self.0.clone()).to_string()
    }
}

/// A device, as precisely as it was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DeviceRef {
    /// By its resource name: exactly one.
    Name(DeviceName),
    /// By its ActiveSync id, and perhaps its user: may be several.
    Id {
        /// The user's primary address.
        user: Option<String>,
        /// The id.
        id: DeviceId,
    },
}

impl FromStr for DeviceRef {
    type Err = InvalidTarget;

    fn from_str(text: &str) -> Result<Self, InvalidTarget> {
        if text.starts_with("organizations/") {
            return text.parse().map(Self::Name).map_err(|e| InvalidTarget(format!("{e}")));
        }
        let (user, id) = match text.split_once('/') {
            Some((user, id)) if user.contains('@') => (Some(user.to_owned()), id),
            _ => (None, text),
        };
        let id = id.parse().map_err(|error| InvalidTarget(format!("{error}")))?;
        Ok(Self::Id { user, id })
    }
}

impl fmt::Display for DeviceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => name.fmt(f),
            Self::Id { user: Some(user), id } => write!(f, "{user}/{id}"),
            Self::Id { user: None, id } => id.fmt(f),
        }
    }
}

/// A sync, by its resource name or its id alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SyncRef {
    /// By its resource name.
    Name(SyncRunName),
    /// By its id, in whichever organization.
    Id(RunId),
}

impl FromStr for SyncRef {
    type Err = InvalidTarget;

    fn from_str(text: &str) -> Result<Self, InvalidTarget> {
        if text.starts_with("organizations/") {
            return text.parse().map(Self::Name).map_err(|e| InvalidTarget(format!("{e}")));
        }
        text.parse().map(Self::Id).map_err(|error| InvalidTarget(format!("{error}")))
    }
}

/// One thing to describe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// An organization.
    Organization(OrganizationRef),
    /// The connector of an organization.
    Connector(OrganizationRef),
    /// A device.
    Device(DeviceRef),
    /// A sync.
    Sync(SyncRef),
    /// A policy, by its name.
    Policy(String),
}

impl FromStr for Target {
    type Err = InvalidTarget;

    fn from_str(text: &str) -> Result<Self, InvalidTarget> {
        if let Some(target) = whole_name(text) {
            return Ok(target);
        }
        let shape = || {
            InvalidTarget(format!(
                "{text:?} is not KIND/NAME, such as org/contoso, conn/contoso, \
                 dev/ApplDNPG1234, sync/ID or policy/mail-access"
            ))
        };
        let (kind, name) = text.split_once('/').ok_or_else(shape)?;
        let kind = <Kind as clap::ValueEnum>::from_str(kind, true).map_err(|_| shape())?;
        match kind {
            Kind::Organizations => name.parse().map(Self::Organization),
            Kind::Connectors => name.parse().map(Self::Connector),
            Kind::Devices => name.parse().map(Self::Device),
            Kind::Syncs => name.parse().map(Self::Sync),
            Kind::Policies if name.is_empty() => Err(shape()),
            Kind::Policies => Ok(Self::Policy(name.to_owned())),
        }
    }
}

/// Resource names, as `-o name` prints them.
fn whole_name(text: &str) -> Option<Target> {
    if let Ok(OrganizationName(id)) = text.parse() {
        return Some(Target::Organization(OrganizationRef(id)));
    }
    if let Ok(ConnectorName(id)) = text.parse() {
        return Some(Target::Connector(OrganizationRef(id)));
    }
    if let Ok(name) = text.parse() {
        return Some(Target::Device(DeviceRef::Name(name)));
    }
    if let Ok(name) = text.parse() {
        return Some(Target::Sync(SyncRef::Name(name)));
    }
    text.parse().ok().map(|PolicyName(name)| Target::Policy(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEVICE: &str = "organizations/contoso/devices/ApplDNPG1234-3f2a91c0";
    const RUN: &str = "0198a1b2-0000-7000-8000-000000000001";

    #[test]
    fn a_device_is_named_in_three_ways() {
        let id: DeviceId = "ApplDNPG1234".parse().unwrap();
        assert_eq!(DEVICE.parse(), Ok(DeviceRef::Name(DEVICE.parse().unwrap())));
        assert_eq!("ApplDNPG1234".parse(), Ok(DeviceRef::Id { user: None, id: id.clone() }));
        let user = Some("ann@contoso.com".to_owned());
        assert_eq!("ann@contoso.com/ApplDNPG1234".parse(), Ok(DeviceRef::Id { user, id }));
    }

    #[test]
    fn an_id_with_a_slash_is_an_id_and_a_blank_is_none() {
        let id: DeviceId = "a/b".parse().unwrap();
        assert_eq!("a/b".parse(), Ok(DeviceRef::Id { user: None, id }));
        for text in ["", "a b", "ann@contoso.com/", "organizations/contoso/devices/x"] {
            assert!(text.parse::<DeviceRef>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_target_is_kind_and_name_or_a_whole_resource_name() {
        let organization = || "contoso".parse::<OrganizationRef>().unwrap();
        for text in ["org/contoso", "organizations/contoso", "organization/contoso"] {
            assert_eq!(text.parse(), Ok(Target::Organization(organization())), "{text}");
        }
        for text in ["conn/contoso", "organizations/contoso/connector"] {
            assert_eq!(text.parse(), Ok(Target::Connector(organization())), "{text}");
        }
        let device = Target::Device(DEVICE.parse().unwrap());
        assert_eq!(DEVICE.parse(), Ok(device.clone()));
        assert_eq!(format!("dev/{DEVICE}").parse(), Ok(device));
        let name = format!("organizations/contoso/syncRuns/{RUN}");
        assert_eq!(name.parse(), Ok(Target::Sync(name.parse().unwrap())));
        assert_eq!(format!("sync/{RUN}").parse(), Ok(Target::Sync(RUN.parse().unwrap())));
        for text in ["policy/mail-access", "policies/mail-access"] {
            assert_eq!(text.parse(), Ok(Target::Policy("mail-access".into())), "{text}");
        }
        for text in ["contoso", "org/", "org/Con toso", "thing/x", "policy/"] {
            assert!(text.parse::<Target>().is_err(), "{text:?}");
        }
    }
}
