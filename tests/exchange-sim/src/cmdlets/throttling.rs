//! Owns `Get-ThrottlingPolicyAssociation` and `Get-ThrottlingPolicy`: nobody has a policy of their own,
//! and the one that everybody has is Exchange's.
//!
//! Source: their pages and that of `New-ThrottlingPolicy`; the numbers are Exchange's documented ones.

use std::sync::LazyLock;

use exgate_exchange::clixml::{Object, Value};

use super::complaint::Complaint;
use super::directory_object::{Entry, Printer};
use super::rendering::{self, MANAGEMENT, SYSTEM, TypeNames, configuration_container};
use super::{Call, Record, Records};
use crate::world::Found;
use crate::world::chance::Chance;

static ASSOCIATION: TypeNames = LazyLock::new(|| {
    rendering::type_names(&[&format!("{MANAGEMENT}.ThrottlingPolicyAssociation")])
});
static POLICY: TypeNames =
    LazyLock::new(|| rendering::type_names(&[&format!("{SYSTEM}.ThrottlingPolicy")]));

/// Runs `Get-ThrottlingPolicyAssociation`, for the account of the session or the owner of a mailbox.
pub(super) fn association(call: &Call) -> Result<Records, Complaint> {
    let identity = call.arguments.text("Identity").unwrap_or_else(|| call.runspace.account.clone());
    let (blueprint, owner) =
        call.live.read(|world| (world.blueprint.clone(), world.find_mailbox(&identity)));
    let is_own = identity.eq_ignore_ascii_case(&call.runspace.account);
    let name = match owner {
        Found::One(mailbox) => mailbox.name.clone(),
        _ if is_own => identity.rsplit('\\').next().unwrap_or_default().to_owned(),
        Found::None | Found::Several(_) => {
            return Err(call.not_found(&identity));
        }
    };
    let printer = Printer::of(call);
    let object =
        Object::default().with("ObjectId", Value::Nil).with("ThrottlingPolicyId", Value::Nil);
    let guid = Chance::new(blueprint.seed, &format!("{} account {name}", blueprint.name)).guid();
    let value = printer.finish(
        object,
        &Entry {
            type_names: &ASSOCIATION,
            name: &name,
            identity: &format!("{}/Users/{name}", blueprint.domain),
            distinguished_name: &format!("CN={name},CN=Users"),
            guid,
            class: &["top", "person", "user"],
            created: blueprint.epoch,
            changed: blueprint.epoch,
        },
    );
    Ok(Records::of(std::iter::once(Record::Output(value))))
}

/// Runs `Get-ThrottlingPolicy`.
pub(super) fn policy(call: &Call) -> Result<Records, Complaint> {
    let (blueprint, max_devices) =
        call.live.read(|world| (world.blueprint.clone(), world.settings.eas_max_devices));
    let printer = Printer::of(call);
    let guid = Chance::new(blueprint.seed, &format!("{} throttling", blueprint.name)).guid();
    let name = if printer.is_modern() {
        format!("GlobalThrottlingPolicy_{guid}")
    } else {
        format!("DefaultThrottlingPolicy_{guid}")
    };
    if let Some(identity) = call.arguments.text("Identity")
        && !identity.eq_ignore_ascii_case(&name)
    {
        return Err(call.not_found(&identity));
    }
    let mut object = Object::default()
        .with("PowerShellMaxConcurrency", 18_u32)
        .with("PowerShellMaxCmdlets", Value::Nil)
        .with("PowerShellMaxCmdletsTimePeriod", Value::Nil)
        .with("ExchangeMaxCmdlets", Value::Nil)
        .with("EASMaxDevices", max_devices);
    object = if printer.is_modern() {
        let scope =
            rendering::enumeration(&format!("{SYSTEM}.ThrottlingPolicyScopeType"), "Global", 2);
        object.with("ThrottlingPolicyScope", scope).with("IsServiceAccount", false)
    } else {
        object.with("IsDefault", true)
    };
    let container = configuration_container(&blueprint.name, &blueprint.domain);
    let value = printer.finish(
        object,
        &Entry {
            type_names: &POLICY,
            name: &name,
            identity: &name,
            distinguished_name: &format!("CN={name},CN=Global Settings,{container}"),
            guid,
            class: &["top", "msExchThrottlingPolicy"],
            created: blueprint.epoch,
            changed: blueprint.epoch,
        },
    );
    Ok(Records::of(std::iter::once(Record::Output(value))))
}
