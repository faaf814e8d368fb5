//! `*-ActiveSyncDeviceAccessRule`: which devices are let in, held or kept out by what they say of
//! themselves. The Get cmdlet knows no filter and no result size: it prints every rule there is. Names as
//! on the cmdlet pages.

use jiff::Timestamp;
use uuid::Uuid;

use crate::cmdlets::row::row;
use crate::cmdlets::{
    AccessLevel, Argument, Cmdlet, DomainController, Identity, NameError, Nothing, Selection,
};

row! {
    /// A device access rule.
    pub struct DeviceAccessRuleRow {
        /// The name that Exchange made of text and characteristic; read, never built.
        name: Option<String> = "Name",
        /// The whole text that a device has to show; no wildcard.
        query_string: Option<String> = "QueryString",
        /// What of a device is compared: `DeviceType`, `DeviceModel`, `DeviceOS`, `UserAgent`, or
        /// `XMSWLHeader` on later versions (which is unverified).
        characteristic: Option<String> = "Characteristic",
        /// `Allow`, `Block` or `Quarantine`.
        access_level: Option<String> = "AccessLevel",
        /// The key.
        guid: Option<Uuid> = "Guid",
        /// The name once more, or a path for people.
        identity: Option<String> = "Identity",
        /// The path in the configuration partition.
        distinguished_name: Option<String> = "DistinguishedName",
        /// The last change, as the answering domain controller stamps it.
        when_changed_utc: Option<Timestamp> = "WhenChangedUTC",
        /// The creation.
        when_created_utc: Option<Timestamp> = "WhenCreatedUTC",
        /// The domain controller that answered.
        originating_server: Option<String> = "OriginatingServer",
    }
}

/// Lists the device access rules, or reads one.
pub fn get_device_access_rule(identity: Option<Identity>) -> Cmdlet<DeviceAccessRuleRow> {
    let selection = identity.map_or(Selection::All, Selection::One);
    Cmdlet::read("Get-ActiveSyncDeviceAccessRule").select(selection)
}

/// What of a device a rule compares (`DeviceAccessCharacteristic`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Characteristic {
    /// The family.
    DeviceType,
    /// The model.
    DeviceModel,
    /// System and version.
    DeviceOs,
    /// The program that syncs.
    UserAgent,
    /// A header of later systems; not every version knows it (which do is unverified).
    XmswlHeader,
}

impl Characteristic {
    /// The word as Exchange spells it.
    pub fn word(self) -> &'static str {
        match self {
            Self::DeviceType => "DeviceType",
            Self::DeviceModel => "DeviceModel",
            Self::DeviceOs => "DeviceOS",
            Self::UserAgent => "UserAgent",
            Self::XmswlHeader => "XMSWLHeader",
        }
    }
}

impl From<Characteristic> for Argument {
    fn from(characteristic: Characteristic) -> Self {
        Self::Text(characteristic.word().to_owned())
    }
}

/// The whole text that a device has to show for a rule to match. Never blank: a rule without a text
/// would match every device that does not say what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryString(String);

impl QueryString {
    /// Takes a text that is neither blank nor holds a control character. There is no wildcard: a `*`
    /// is compared as it stands.
    pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
        let text = text.into();
        if text.trim().is_empty() {
            Err(NameError::Empty)
        } else if text.chars().any(char::is_control) {
            Err(NameError::Malformed { text })
        } else {
            Ok(Self(text))
        }
    }
}

impl From<QueryString> for Argument {
    fn from(QueryString(text): QueryString) -> Self {
        Self::Text(text)
    }
}

/// Makes a rule and prints it. What it compares can never be changed, only what it decides.
pub fn new_device_access_rule(
    characteristic: Characteristic,
    query: QueryString,
    level: AccessLevel,
    controller: Option<DomainController>,
) -> Cmdlet<DeviceAccessRuleRow> {
    Cmdlet::write("New-ActiveSyncDeviceAccessRule")
        .with("Characteristic", characteristic)
        .with("QueryString", query)
        .with("AccessLevel", level)
        .with("Confirm", false)
        .with_some("DomainController", controller)
}

/// Lets a rule decide otherwise.
pub fn set_device_access_rule(
    rule: Identity,
    level: AccessLevel,
    controller: Option<DomainController>,
) -> Cmdlet<Nothing> {
    Cmdlet::write("Set-ActiveSyncDeviceAccessRule")
        .with("Identity", rule)
        .with("AccessLevel", level)
        .with("Confirm", false)
        .with_some("DomainController", controller)
}

/// Removes a rule.
pub fn remove_device_access_rule(
    rule: Identity,
    controller: Option<DomainController>,
) -> Cmdlet<Nothing> {
    Cmdlet::write("Remove-ActiveSyncDeviceAccessRule")
        .with("Identity", rule)
        .with("Confirm", false)
        .with_some("DomainController", controller)
}
