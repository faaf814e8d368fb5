//! `Get-ActiveSyncDevice` and `Get-MobileDevice`: the partnerships, as the directory holds them.
//! Parameters are those of the cmdlet pages; names of properties are theirs and those of public scripts.
//! Unverified are the properties' types, what the cloud's and the client's fields say on premises, and
//! the forms of `Name`, `DistinguishedName` and `UserDisplayName`.

use jiff::Timestamp;
use uuid::Uuid;

use crate::cmdlets::row::row;
use crate::cmdlets::{Cmdlet, DeviceFamily, DomainController, Filter, Identity, ResultSize};

row! {
    /// One partnership of a mailbox with a device.
    pub struct DeviceRow {
        /// The owner's name for the device, often empty.
        friendly_name: Option<String> = "FriendlyName",
        /// What the device calls itself to Exchange; what the personal lists hold.
        device_id: Option<String> = "DeviceId",
        /// The phone's own number.
        device_imei: Option<String> = "DeviceImei",
        /// The network it last named.
        device_mobile_operator: Option<String> = "DeviceMobileOperator",
        /// System and version in one text, such as `iOS 6.1 10B145`.
        device_os: Option<String> = "DeviceOS",
        /// The language of the system.
        device_os_language: Option<String> = "DeviceOSLanguage",
        /// The telephone number, mostly masked.
        device_telephone_number: Option<String> = "DeviceTelephoneNumber",
        /// The family, such as `iPhone`.
        device_type: Option<String> = "DeviceType",
        /// The program that syncs.
        device_user_agent: Option<String> = "DeviceUserAgent",
        /// The model, on Apple's devices the hardware's id.
        device_model: Option<String> = "DeviceModel",
        /// The first sync.
        first_sync_time: Option<Timestamp> = "FirstSyncTime",
        /// The owner's path in the directory, in spite of its name.
        user_display_name: Option<String> = "UserDisplayName",
        /// What Exchange does with the device.
        device_access_state: Option<String> = "DeviceAccessState",
        /// Why it does so.
        device_access_state_reason: Option<String> = "DeviceAccessStateReason",
        /// The device access rule that matched.
        device_access_control_rule: Option<String> = "DeviceAccessControlRule",
        /// The protocol's version.
        device_active_sync_version: Option<String> = "DeviceActiveSyncVersion",
        /// The kind of client, 2013 and later.
        client_type: Option<String> = "ClientType",
        /// The client's version, 2013 and later.
        client_version: Option<String> = "ClientVersion",
        /// A cloud field; says nothing on premises.
        is_managed: Option<bool> = "IsManaged",
        /// A cloud field; says nothing on premises.
        is_compliant: Option<bool> = "IsCompliant",
        /// A cloud field; says nothing on premises.
        is_disabled: Option<bool> = "IsDisabled",
        /// The object's name, `<DeviceType>§<DeviceId>`.
        name: Option<String> = "Name",
        /// An administrator's name for it.
        admin_display_name: Option<String> = "AdminDisplayName",
        /// The version of the object's form.
        exchange_version: Option<String> = "ExchangeVersion",
        /// The path for people.
        identity: Option<String> = "Identity",
        /// The path in the directory; its third part from the left is the owner.
        distinguished_name: Option<String> = "DistinguishedName",
        /// The key of the partnership.
        guid: Option<Uuid> = "Guid",
        /// The schema's class.
        object_category: Option<String> = "ObjectCategory",
        /// The schema's classes.
        object_class: Vec<String> = "ObjectClass",
        /// The last change in the server's own zone.
        when_changed: Option<Timestamp> = "WhenChanged",
        /// The creation in the server's own zone.
        when_created: Option<Timestamp> = "WhenCreated",
        /// The last change, as the answering domain controller stamps it.
        when_changed_utc: Option<Timestamp> = "WhenChangedUTC",
        /// The creation.
        when_created_utc: Option<Timestamp> = "WhenCreatedUTC",
        /// The organization, empty on premises.
        organization_id: Option<String> = "OrganizationId",
        /// The domain controller that answered.
        originating_server: Option<String> = "OriginatingServer",
        /// Whether the object obeys its schema.
        is_valid: Option<bool> = "IsValid",
        /// Of the object in memory; always `Unchanged` here.
        object_state: Option<String> = "ObjectState",
    }
}

/// Which partnerships are listed; `-Identity` and `-Mailbox` exclude each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceSelection {
    /// Every partnership.
    All,
    /// Those a filter holds for.
    Filtered(Filter),
    /// One partnership.
    One(Identity),
    /// Those of one mailbox.
    OfMailbox(Identity),
}

/// A kind of client that `Get-MobileDevice` can narrow a listing to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// Exchange ActiveSync.
    ActiveSync,
    /// Outlook on the web for devices.
    OwaForDevices,
    /// The REST interface; 2016 and later.
    RestApi,
    /// Windows' own mail and calendar; 2016 and later.
    Outlook,
}

impl Client {
    fn switch(self) -> &'static str {
        match self {
            Self::ActiveSync => "ActiveSync",
            Self::OwaForDevices => "OWAforDevices",
            Self::RestApi => "RestApi",
            Self::Outlook => "UniversalOutlook",
        }
    }
}

/// Lists the partnerships of one kind of client; 2013 and later.
pub fn get_mobile_device_of(
    client: Client,
    selection: DeviceSelection,
    size: ResultSize,
    controller: Option<DomainController>,
) -> Cmdlet<DeviceRow> {
    get_device(DeviceFamily::Mobile, selection, size, controller).with(client.switch(), true)
}

/// Lists partnerships with the cmdlet of one family.
pub fn get_device(
    family: DeviceFamily,
    selection: DeviceSelection,
    size: ResultSize,
    controller: Option<DomainController>,
) -> Cmdlet<DeviceRow> {
    let cmdlet = Cmdlet::read(family.get_device());
    let cmdlet = match selection {
        DeviceSelection::All => cmdlet,
        DeviceSelection::Filtered(filter) => cmdlet.with("Filter", filter.to_string()),
        DeviceSelection::One(identity) => cmdlet.with("Identity", identity),
        DeviceSelection::OfMailbox(mailbox) => cmdlet.with("Mailbox", mailbox),
    };
    cmdlet.with("ResultSize", size).with_some("DomainController", controller)
}
