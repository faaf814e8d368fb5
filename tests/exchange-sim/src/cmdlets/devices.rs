//! Owns `Get-ActiveSyncDevice` and `Get-MobileDevice`.
//!
//! Source: their pages of MicrosoftDocs/office-docs-powershell (sets, filterable properties), and public
//! transcripts for the names printed. Every partnership here is an Exchange ActiveSync one.

use std::sync::{Arc, LazyLock};

use uuid::Uuid;

use exgate_exchange::clixml::{Object, Value};

use super::cas_mailboxes::containers;
use super::complaint::Complaint;
use super::directory_object::{Entry, Printer};
use super::filter::Held;
use super::listing::{self, Choice, Scene};
use super::rendering::{self, SYSTEM, TypeNames};
use super::{Call, Records};
use crate::world::device::Device;
use crate::world::mailbox::Mailbox;
use crate::world::{Found, World};

/// The documented filterable properties, the same for both cmdlets.
const FILTERABLE: &[&str] = &[
    "ClientType",
    "DeviceAccessControlRule",
    "DeviceAccessState",
    "DeviceAccessStateReason",
    "DeviceActiveSyncVersion",
    "DeviceId",
    "DeviceImei",
    "DeviceMobileOperator",
    "DeviceModel",
    "DeviceOS",
    "DeviceOSLanguage",
    "DeviceTelephoneNumber",
    "DeviceType",
    "DeviceUserAgent",
    "FirstSyncTime",
    "FriendlyName",
    "ProvisioningFlags",
    "UserDisplayName",
];
/// The documented properties to order by.
const SORTABLE: &[&str] = &[
    "DeviceAccessControlRule",
    "DeviceAccessState",
    "DeviceAccessStateReason",
    "DeviceId",
    "DeviceImei",
    "DeviceMobileOperator",
    "DeviceModel",
    "DeviceOS",
    "DeviceOSLanguage",
    "DeviceTelephoneNumber",
    "DeviceType",
    "DeviceUserAgent",
    "FirstSyncTime",
    "FriendlyName",
    "UserDisplayName",
];
/// Not documented as filterable; some servers take them (a switch of the organization).
const FILTERABLE_BY_CHANGE: &[&str] = &["WhenChanged", "WhenChangedUTC"];

static MOBILE: TypeNames = LazyLock::new(|| names("MobileDevice"));
static ACTIVE_SYNC: TypeNames = LazyLock::new(|| names("ActiveSyncDevice"));

/// A partnership with its owner, as they were when the listing began.
#[derive(Debug)]
struct Partnership {
    device: Arc<Device>,
    owner: Arc<Mailbox>,
}

/// Runs `Get-MobileDevice`.
pub(super) fn mobile(call: &Call) -> Result<Records, Complaint> {
    // A switch narrows to one kind of client, and there is one kind here.
    let narrowed = ["OWAforDevices", "RestApi", "UniversalOutlook"];
    let other = narrowed.iter().any(|switch| call.arguments.flag(switch));
    if other && !call.arguments.flag("ActiveSync") {
        return Ok(Records::none());
    }
    list(call, true)
}

/// Runs `Get-ActiveSyncDevice`.
pub(super) fn active_sync(call: &Call) -> Result<Records, Complaint> {
    list(call, false)
}

/// Lists partnerships, under the newer names or the older ones.
fn list(call: &Call, newer: bool) -> Result<Records, Complaint> {
    let (scene, chosen, by_change) = call.read(|world| {
        let scene = Scene::of(world);
        let chosen = choose(call, world, &scene);
        (scene, chosen, world.blueprint.filters_devices_by_change)
    });
    let mut filterable = FILTERABLE.to_vec();
    if by_change {
        filterable.extend(FILTERABLE_BY_CHANGE);
    }
    let chosen = listing::narrow(call, &scene, chosen?, (&filterable, SORTABLE), property)?;
    let printer = Printer::of(call);
    Ok(listing::print(call, chosen, move |held| Some(render(held, &printer, newer))))
}

fn choose(call: &Call, world: &World, scene: &Scene) -> Result<Choice<Partnership>, Complaint> {
    let identity = call.arguments.text("Identity");
    let mailbox = call.arguments.text("Mailbox");
    let devices: Choice<Device> = match (&identity, &mailbox) {
        (Some(identity), _) => {
            let held = one(call, identity, world.find_device(identity))?;
            Box::new(std::iter::once(held))
        }
        (None, Some(mailbox)) => {
            let owner = one(call, mailbox, world.find_mailbox(mailbox))?;
            let devices: Vec<_> = world.devices_of(owner.guid).collect();
            Box::new(devices.into_iter())
        }
        (None, None) => Box::new(world.devices()),
    };
    let (directory, domain) = (world.directory().clone(), world.blueprint.domain.clone());
    let (containers, scene) = (containers(call), scene.clone());
    let engine = call.runspace.engine.clone();
    Ok(Box::new(devices.filter_map(move |device| {
        let owner = directory.mailbox(device.mailbox)?;
        let inside = containers.iter().all(|unit| listing::lies_in(&owner, &domain, unit));
        let shown = inside && scene.shows_phones(&engine, &owner);
        shown.then(|| Arc::new(Partnership { device, owner }))
    })))
}

/// Exactly one object, or the refusal.
pub(super) fn one<T>(call: &Call, identity: &str, found: Found<T>) -> Result<Arc<T>, Complaint> {
    match found {
        Found::One(held) => Ok(held),
        Found::None => Err(call.not_found(identity)),
        Found::Several(_) => Err(call.ambiguous(identity)),
    }
}

fn render(held: &Partnership, printer: &Printer, newer: bool) -> Value {
    let type_names = if newer { &MOBILE } else { &ACTIVE_SYNC };
    let (device, domain) = (&held.device, printer.domain.as_str());
    let mut object = Object::default()
        .with("FriendlyName", device.friendly_name.as_str())
        .with("DeviceId", device.device_id.as_str())
        .with("DeviceImei", device.imei.as_str())
        .with("DeviceMobileOperator", device.operator.as_str())
        .with("DeviceOS", device.device_os.as_str())
        .with("DeviceOSLanguage", device.language.as_str())
        .with("DeviceTelephoneNumber", device.telephone.as_str())
        .with("DeviceType", device.device_type.as_str())
        .with("DeviceUserAgent", device.user_agent.as_str())
        .with("DeviceModel", device.device_model.as_str())
        .with("FirstSyncTime", device.first_sync)
        .with("UserDisplayName", held.owner.canonical_name(domain))
        .with("DeviceAccessState", rendering::access_state(device.state))
        .with("DeviceAccessStateReason", rendering::access_reason(device.reason))
        .with("DeviceAccessControlRule", rule(device, printer));
    let protocol = if newer { "ClientVersion" } else { "DeviceActiveSyncVersion" };
    object = object.with(protocol, device.protocol.as_str());
    if printer.is_modern() {
        object = object
            .with(
                "ClientType",
                rendering::enumeration(&format!("{SYSTEM}.MobileClientType"), "EAS", 0),
            )
            .with("IsManaged", false)
            .with("IsCompliant", false)
            .with("IsDisabled", false);
    }
    let (name, identity) = (device.name(), device.identity(&held.owner, domain));
    printer.finish(
        object,
        &Entry {
            type_names,
            name: &name,
            identity: &identity,
            distinguished_name: &device.distinguished_name(&held.owner, domain),
            guid: device.guid,
            class: &["top", "msExchActiveSyncDevice"],
            created: device.created,
            changed: device.changed,
        },
    )
}

/// The id of the rule that decided, if one did.
pub(super) fn rule(device: &Device, printer: &Printer) -> Value {
    device.rule.as_ref().map_or(Value::Nil, |rule| {
        let container = "CN=Mobile Mailbox Settings,CN=Services";
        printer.configuration_id(rule, container, rule_guid(rule))
    })
}

/// Rules hold no Guid of their own here: the name stands for it.
fn rule_guid(name: &str) -> Uuid {
    let number = name.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    });
    Uuid::from_u64_pair(number, number.rotate_left(32))
}

fn property(held: &Partnership, scene: &Scene, name: &str) -> Option<Held> {
    let device = &held.device;
    Some(match name {
        "deviceid" => Held::Text(device.device_id.clone()),
        "devicetype" => Held::Text(device.device_type.clone()),
        "devicemodel" => Held::Text(device.device_model.clone()),
        "deviceos" => Held::Text(device.device_os.clone()),
        "deviceoslanguage" => Held::Text(device.language.clone()),
        "deviceuseragent" => Held::Text(device.user_agent.clone()),
        "deviceimei" => Held::Text(device.imei.clone()),
        "devicemobileoperator" => Held::Text(device.operator.clone()),
        "devicetelephonenumber" => Held::Text(device.telephone.clone()),
        "deviceactivesyncversion" => Held::Text(device.protocol.clone()),
        "friendlyname" => Held::Text(device.friendly_name.clone()),
        "clienttype" => Held::Text("EAS".to_owned()),
        "provisioningflags" => Held::Text("0".to_owned()),
        "deviceaccessstate" => Held::Text(format!("{:?}", device.state)),
        "deviceaccessstatereason" => Held::Text(format!("{:?}", device.reason)),
        "deviceaccesscontrolrule" => Held::Text(device.rule.clone().unwrap_or_default()),
        "userdisplayname" => Held::Text(held.owner.canonical_name(&scene.domain)),
        "guid" => Held::Guid(device.guid),
        "firstsynctime" => Held::Time(device.first_sync),
        "whenchanged" | "whenchangedutc" => Held::Time(device.changed),
        _ => return None,
    })
}

fn names(own: &str) -> Arc<[String]> {
    rendering::type_names(&[
        &format!("{SYSTEM}.{own}"),
        &format!("{SYSTEM}.ADConfigurationObject"),
        &format!("{SYSTEM}.ADLegacyVersionableObject"),
    ])
}
