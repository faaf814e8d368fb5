//! `Get-ActiveSyncDeviceClass`: every family and model that the organization has seen, the values
//! that device access rules can name. Exchange brings it up to date only every few hours (10,800 s in
//! the configuration of 2016 and 2019 servers), so nothing is decided by it. Names as on the cmdlet page.

use jiff::Timestamp;
use uuid::Uuid;

use crate::cmdlets::row::row;
use crate::cmdlets::{Cmdlet, DomainController, Selection};

row! {
    /// A kind of device that the organization has seen.
    pub struct DeviceClassRow {
        /// The object's name.
        name: Option<String> = "Name",
        /// The family, such as `iPhone`.
        device_type: Option<String> = "DeviceType",
        /// The model, on Apple's devices the hardware's id.
        device_model: Option<String> = "DeviceModel",
        /// When a device of it was last seen.
        last_update_time: Option<Timestamp> = "LastUpdateTime",
        /// The key.
        guid: Option<Uuid> = "Guid",
        /// The path for people.
        identity: Option<String> = "Identity",
        /// The path in the configuration partition.
        distinguished_name: Option<String> = "DistinguishedName",
        /// The last change, as the answering domain controller stamps it.
        when_changed_utc: Option<Timestamp> = "WhenChangedUTC",
        /// The domain controller that answered.
        originating_server: Option<String> = "OriginatingServer",
    }
}

/// Lists the kinds of devices. The cmdlet knows no result size; it filters by `DeviceType`,
/// `DeviceModel` and `LastUpdateTime`.
pub fn get_device_class(
    selection: Selection,
    controller: Option<DomainController>,
) -> Cmdlet<DeviceClassRow> {
    Cmdlet::read("Get-ActiveSyncDeviceClass")
        .select(selection)
        .with_some("DomainController", controller)
}
