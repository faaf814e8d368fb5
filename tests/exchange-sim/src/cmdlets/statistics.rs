//! Owns `Get-ActiveSyncDeviceStatistics` and `Get-MobileDeviceStatistics`: what the mailbox store knows
//! of a partnership.
//!
//! Source: their pages for parameters; names of properties from public transcripts. The words and
//! properties of an account-only wipe are assumed.

use std::sync::{Arc, LazyLock};

use exgate_exchange::clixml::{Object, Value};

use super::complaint::Complaint;
use super::devices::{one, rule};
use super::directory_object::Printer;
use super::listing::Scene;
use super::policies;
use super::rendering::{self, SYSTEM, TypeNames};
use super::{Call, Record, Records};
use crate::world::World;
use crate::world::device::{AccessState, Device, Wipe};
use crate::world::mailbox::Mailbox;
use crate::world::organization::Version;

const TASKS: &str = "Microsoft.Exchange.Management.Tasks";

static MOBILE: TypeNames = LazyLock::new(|| names("MobileDeviceConfiguration"));
static ACTIVE_SYNC: TypeNames = LazyLock::new(|| names("ActiveSyncDeviceConfiguration"));

/// Runs `Get-MobileDeviceStatistics`.
pub(super) fn mobile(call: &Call) -> Result<Records, Complaint> {
    let narrowed = ["OWAforDevices", "RestApi", "UniversalOutlook"];
    let other = narrowed.iter().any(|switch| call.arguments.flag(switch));
    if other && !call.arguments.flag("ActiveSync") {
        return Ok(Records::none());
    }
    list(call, &MOBILE)
}

/// Runs `Get-ActiveSyncDeviceStatistics`.
pub(super) fn active_sync(call: &Call) -> Result<Records, Complaint> {
    list(call, &ACTIVE_SYNC)
}

fn list(call: &Call, type_names: &'static TypeNames) -> Result<Records, Complaint> {
    let (scene, chosen) = call.live.read(|world| (Scene::of(world), choose(call, world)));
    let printer = Printer::of(call);
    let mut chosen = chosen?;
    chosen.retain(|(_, owner)| scene.shows_phones(&call.runspace.engine, owner));
    let print = move |(device, owner): Owned| {
        Record::Output(render(&device, &owner, &printer, &scene, type_names))
    };
    Ok(Records::of(chosen.into_iter().map(print)))
}

/// A partnership and its owner.
type Owned = (Arc<Device>, Arc<Mailbox>);

fn choose(call: &Call, world: &World) -> Result<Vec<Owned>, Complaint> {
    let (identity, mailbox) = (call.arguments.text("Identity"), call.arguments.text("Mailbox"));
    let devices: Vec<_> = match (&identity, &mailbox) {
        (None, None) => {
            let message = "Cannot process command because of one or more missing mandatory \
                           parameters: Identity.";
            let id = "MissingMandatoryParameter";
            return Err(Complaint::binding(call.cmdlet, id, "Identity", message.to_owned()));
        }
        (Some(identity), _) => vec![one(call, identity, world.find_device(identity))?],
        (None, Some(mailbox)) => {
            let owner = one(call, mailbox, world.find_mailbox(mailbox))?;
            world.devices_of(owner.guid).collect()
        }
    };
    let owned = |device: Arc<Device>| {
        let owner = world.mailbox(device.mailbox)?;
        Some((device, owner))
    };
    let owned: Vec<Owned> = devices.into_iter().filter_map(owned).collect();
    let faults = call.live.faults();
    match owned.iter().find(|(_, owner)| faults.is_offline(&owner.primary_smtp_address)) {
        Some((_, owner)) => Err(call.mailbox_unavailable(&owner.name)),
        None => Ok(owned),
    }
}

fn render(
    device: &Device,
    owner: &Mailbox,
    printer: &Printer,
    scene: &Scene,
    type_names: &Arc<[String]>,
) -> Value {
    let identity = device.identity(owner, &printer.domain);
    let policy = owner.policy.as_deref().unwrap_or(&scene.default_policy);
    let applied = if device.enforces_policy { ("AppliedInFull", 2) } else { ("NotApplied", 1) };
    let mut object = Object::default()
        .with("DeviceType", device.device_type.as_str())
        .with("DeviceID", device.device_id.as_str())
        .with("DeviceUserAgent", device.user_agent.as_str())
        .with("DeviceModel", device.device_model.as_str())
        .with("DeviceImei", device.imei.as_str())
        .with("DeviceFriendlyName", device.friendly_name.as_str())
        .with("DeviceOS", device.device_os.as_str())
        .with("DeviceOSLanguage", device.language.as_str())
        .with("DevicePhoneNumber", device.telephone.as_str())
        .with("DeviceMobileOperator", device.operator.as_str())
        .with("MailboxLogReport", "")
        .with("DeviceEnableOutboundSMS", false)
        .with("DeviceAccessState", rendering::access_state(device.state))
        .with("DeviceAccessStateReason", rendering::access_reason(device.reason))
        .with("DeviceAccessControlRule", rule(device, printer))
        .with("DevicePolicyApplied", policies::id(policy, printer, &scene.organization))
        .with(
            "DevicePolicyApplicationStatus",
            rendering::enumeration(
                &format!("{TASKS}.DevicePolicyApplicationStatus"),
                applied.0,
                applied.1,
            ),
        )
        .with("IsRemoteWipeSupported", true)
        .with("RecoveryPassword", "********")
        .with("LastPingHeartbeat", 470_u32)
        .with("NumberOfFoldersSynced", 8_i32)
        .with("SyncStateUpgradeTime", Value::Nil)
        .with("Guid", device.guid)
        .with("Identity", identity.as_str());
    object = times(object, device);
    object = wipe(object, device.wipe.as_ref(), printer.version());
    object = object.with("Status", status(device)).with("StatusNote", Value::Nil);
    object = if printer.is_modern() {
        let kind = rendering::enumeration(&format!("{SYSTEM}.MobileClientType"), "EAS", 0);
        object.with("ClientVersion", device.protocol.as_str()).with("ClientType", kind)
    } else {
        object.with("DeviceActiveSyncVersion", device.protocol.as_str())
    };
    printer.remoted(object, type_names, &identity)
}

/// A phone that has not called since the world was made called last when it was last decided about.
fn times(object: Object, device: &Device) -> Object {
    let last = device.contacted.unwrap_or(device.changed);
    let success = device.succeeded.or_else(|| {
        (device.state == AccessState::Allowed && device.contacted.is_none())
            .then_some(device.changed)
    });
    object
        .with("FirstSyncTime", device.first_sync)
        .with("LastPolicyUpdateTime", device.first_sync)
        .with("LastSyncAttemptTime", last)
        .with("LastSuccessSync", success.map_or(Value::Nil, Value::from))
}

fn wipe(object: Object, wipe: Option<&Wipe>, version: Version) -> Object {
    let of = |account_only: bool| wipe.filter(|wipe| wipe.account_only == account_only);
    let requested = |wipe: Option<&Wipe>| wipe.map_or(Value::Nil, |it| it.requested.into());
    let sent = |wipe: Option<&Wipe>| wipe.and_then(|it| it.sent).map_or(Value::Nil, Value::from);
    let done =
        |wipe: Option<&Wipe>| wipe.and_then(|it| it.acknowledged).map_or(Value::Nil, Value::from);
    let requestor =
        |wipe: Option<&Wipe>| wipe.map_or(Value::Nil, |it| it.requestor.as_str().into());
    let object = object
        .with("DeviceWipeRequestTime", requested(of(false)))
        .with("DeviceWipeSentTime", sent(of(false)))
        .with("DeviceWipeAckTime", done(of(false)))
        .with("LastDeviceWipeRequestor", requestor(of(false)));
    if !version.is_since_2016() {
        return object;
    }
    object
        .with("AccountOnlyDeviceWipeRequestTime", requested(of(true)))
        .with("AccountOnlyDeviceWipeSentTime", sent(of(true)))
        .with("AccountOnlyDeviceWipeAckTime", done(of(true)))
        .with("LastAccountOnlyDeviceWipeRequestor", requestor(of(true)))
}

fn status(device: &Device) -> Value {
    let (word, number) = match &device.wipe {
        Some(Wipe { account_only: false, acknowledged: None, .. }) => ("DeviceWipePending", 2),
        Some(Wipe { account_only: false, acknowledged: Some(_), .. }) => ("DeviceWipeSucceeded", 3),
        Some(Wipe { account_only: true, acknowledged: None, .. }) => {
            ("AccountOnlyDeviceWipePending", 4)
        }
        Some(Wipe { account_only: true, acknowledged: Some(_), .. }) => {
            ("AccountOnlyDeviceWipeSucceeded", 5)
        }
        None if device.state == AccessState::Blocked => ("DeviceBlocked", 1),
        None => ("DeviceOk", 0),
    };
    rendering::enumeration(&format!("{TASKS}.DeviceRemoteWipeStatus"), word, number)
}

fn names(own: &str) -> Arc<[String]> {
    [&format!("{TASKS}.{own}"), "Microsoft.Exchange.Data.ConfigurableObject", "System.Object"]
        .map(str::to_owned)
        .into()
}
