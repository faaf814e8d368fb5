//! Owns `Get-ActiveSyncDeviceAccessRule`.
//!
//! Source of the parameters and properties: the cmdlet's page. Where the objects lie in the directory
//! is assumed, and when a single rule changed is not kept: it shows the last edit of settings or rules.

use std::sync::LazyLock;

use exgate_exchange::clixml::Object;

use super::complaint::Complaint;
use super::directory_object::{Entry, Printer};
use super::rendering::{self, SYSTEM, TypeNames, configuration_container};
use super::{Call, Record, Records, organization_settings};
use crate::world::blueprint::Blueprint;
use crate::world::mailbox::escaped;
use crate::world::organization::{AccessRule, AccessSettings};

static TYPE_NAMES: TypeNames = LazyLock::new(|| {
    rendering::type_names(&[
        &format!("{SYSTEM}.ActiveSyncDeviceAccessRule"),
        &format!("{SYSTEM}.ADConfigurationObject"),
    ])
});

/// Runs `Get-ActiveSyncDeviceAccessRule`.
pub(super) fn run(call: &Call) -> Result<Records, Complaint> {
    let (blueprint, settings, rules) =
        call.read(|world| (world.blueprint.clone(), world.settings.clone(), world.rules.clone()));
    let identity = call.arguments.text("Identity");
    let chosen: Vec<AccessRule> = rules
        .into_iter()
        .filter(|rule| {
            identity.as_ref().is_none_or(|identity| is_named(rule, &blueprint, identity))
        })
        .collect();
    if let (Some(identity), true) = (&identity, chosen.is_empty()) {
        return Err(call.not_found(identity));
    }
    let printer = Printer::of(call);
    let each = move |rule: AccessRule| print(&rule, &printer, &blueprint, &settings);
    Ok(Records::of(chosen.into_iter().map(each)))
}

/// Says whether a text names a rule: its name, Guid or distinguished name.
pub(super) fn is_named(rule: &AccessRule, blueprint: &Blueprint, identity: &str) -> bool {
    let guid = rule.guid(blueprint).to_string();
    [rule.name.as_str(), &guid, &distinguished_name(rule, blueprint)]
        .iter()
        .any(|held| held.eq_ignore_ascii_case(identity))
}

fn distinguished_name(rule: &AccessRule, blueprint: &Blueprint) -> String {
    let container = configuration_container(&blueprint.name, &blueprint.domain);
    format!("CN={},CN={},{container}", escaped(&rule.name), organization_settings::NAME)
}

/// Prints a rule.
pub(super) fn print(
    rule: &AccessRule,
    printer: &Printer,
    blueprint: &Blueprint,
    settings: &AccessSettings,
) -> Record {
    let object = Object::default()
        .with("QueryString", rule.query_string.as_str())
        .with("Characteristic", rendering::characteristic(rule.characteristic))
        .with("AccessLevel", rendering::access_level(rule.access_level));
    Record::Output(printer.finish(
        object,
        &Entry {
            type_names: &TYPE_NAMES,
            name: &rule.name,
            identity: &rule.name,
            distinguished_name: &distinguished_name(rule, blueprint),
            guid: rule.guid(blueprint),
            class: &["top", "msExchDeviceAccessRule"],
            created: blueprint.epoch,
            changed: settings.changed,
        },
    ))
}
