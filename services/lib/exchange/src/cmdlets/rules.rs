//! `Get-ActiveSyncDeviceAccessRule`: which devices are let in, held or kept out by what they say of
//! themselves. The cmdlet knows no filter and no result size: it prints every rule there is.

use jiff::Timestamp;
use uuid::Uuid;

use crate::cmdlets::row::row;
use crate::cmdlets::{Cmdlet, Identity, Selection};

row! {
    /// A device access rule.
    pub struct DeviceAccessRuleRow {
        /// The name that Exchange made of text and characteristic; read, never built.
        name: Option<String> = "Name",
        /// The whole text that a device has to show; no wildcard.
        query_string: Option<String> = "QueryString",
        /// What of a device is compared: `DeviceType`, `DeviceModel`, `DeviceOS`, `UserAgent`, or
        /// `XMSWLHeader` on later versions.
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
