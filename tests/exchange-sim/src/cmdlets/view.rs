//! Owns what a runspace sees of the directory, and by which domain controller: `Set-ADServerSettings`,
//! `Get-ADServerSettings` and `-DomainController`.
//!
//! Every organization here has one domain, so `-ViewEntireForest` shows nothing more; it takes a view
//! root away, as its page says. Names that `Get-ADServerSettings` prints are from public transcripts.

use std::sync::{LazyLock, PoisonError};

use exgate_exchange::clixml::{Object, Value};

use super::binding::Arguments;
use super::catalogue::Cmdlet;
use super::complaint::Complaint;
use super::directory_object::Printer;
use super::rendering::{self, TypeNames};
use super::{Call, Record, Records, Runspace};
use crate::faults::Faults;
use crate::world::blueprint::Blueprint;
use crate::world::replication::controllers;

/// What `Set-ADServerSettings` said; it lives as long as its runspace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// The domain controller for everything.
    pub preferred: Option<String>,
    /// The container whose recipients alone are seen, such as `contoso.com/Sales`.
    pub root: Option<String>,
    /// Whether recipients of every domain are seen.
    pub entire_forest: bool,
}

static TYPE_NAMES: TypeNames = LazyLock::new(|| {
    let own = "Microsoft.Exchange.Data.Directory.RunspaceServerSettingsPresentationObject";
    let above = ["Microsoft.Exchange.Data.ConfigurableObject", "System.Object"];
    [own].into_iter().chain(above).map(str::to_owned).collect()
});

/// Runs `Set-ADServerSettings`: it concerns this runspace only.
pub(super) fn set(call: &Call) -> Result<Records, Complaint> {
    let blueprint = call.live.read(|world| world.blueprint.clone());
    let faults = call.live.faults();
    let mut view = view(&call.runspace);
    if let Some(server) = call.arguments.text("PreferredServer") {
        view.preferred =
            Some(existing(call.cmdlet, &call.runspace, (&blueprint, &faults), &server)?);
    }
    if let Some(root) = call.arguments.text("RecipientViewRoot") {
        view.root = Some(root);
    }
    if let Some(entire) = call.arguments.boolean("ViewEntireForest") {
        view.entire_forest = entire;
        view.root = view.root.filter(|_| !entire);
    }
    if !call.arguments.flag("WhatIf") {
        *call.runspace.view.lock().unwrap_or_else(PoisonError::into_inner) = view;
    }
    Ok(Records::none())
}

/// Runs `Get-ADServerSettings`.
pub(super) fn get(call: &Call) -> Result<Records, Complaint> {
    let View { preferred, root, entire_forest } = view(&call.runspace);
    let printer = Printer::of(call);
    let text = |held: Option<&String>| held.map_or(Value::Nil, |text| text.as_str().into());
    let controller = call.domain_controller.as_str();
    let root = root.unwrap_or_else(|| if entire_forest { "" } else { &printer.domain }.to_owned());
    let object = Object::default()
        .with("DefaultGlobalCatalog", controller)
        .with("PreferredDomainControllerForDomain", rendering::multi(&[]))
        .with("DefaultConfigurationDomainController", controller)
        .with("DefaultPreferredDomainControllers", rendering::multi(&[controller.to_owned()]))
        .with("UserPreferredGlobalCatalog", text(preferred.as_ref()))
        .with("UserPreferredConfigurationDomainController", text(preferred.as_ref()))
        .with("UserPreferredDomainControllers", rendering::multi(preferred.as_slice()))
        .with("RecipientViewRoot", root)
        .with("ViewEntireForest", entire_forest)
        .with("Identity", Value::Nil);
    let value = printer.remoted(object, &TYPE_NAMES, "");
    Ok(Records::of(std::iter::once(Record::Output(value))))
}

/// What a runspace sees now.
pub(super) fn view(runspace: &Runspace) -> View {
    runspace.view.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// The domain controller that answers a call: the one that is asked for, else the runspace's, else
/// the first that is up. That a runspace whose own is down takes another one is *unverified*.
pub(super) fn domain_controller(
    cmdlet: &Cmdlet,
    arguments: &Arguments,
    runspace: &Runspace,
    blueprint: &Blueprint,
    faults: &Faults,
) -> Result<String, Complaint> {
    if let Some(asked) = arguments.text("DomainController") {
        return existing(cmdlet, runspace, (blueprint, faults), &asked);
    }
    let mut all = view(runspace).preferred.into_iter().chain(controllers(&blueprint.domain));
    all.find(|controller| !faults.stops_controller(controller))
        .ok_or_else(|| unavailable(cmdlet, runspace, &blueprint.domain))
}

/// A controller by short or full name, when it is up.
fn existing(
    cmdlet: &Cmdlet,
    runspace: &Runspace,
    (blueprint, faults): (&Blueprint, &Faults),
    asked: &str,
) -> Result<String, Complaint> {
    let named = controllers(&blueprint.domain).into_iter().find(|full| {
        let host = full.split('.').next().unwrap_or(full);
        asked.eq_ignore_ascii_case(host) || asked.eq_ignore_ascii_case(full)
    });
    match named {
        Some(full) if faults.stops_controller(&full) => Err(unavailable(cmdlet, runspace, &full)),
        Some(full) => Ok(full),
        None => Err(Complaint::exchange(
            cmdlet,
            &runspace.engine,
            "ManagementObjectNotFoundException",
            format!("The domain controller '{asked}' isn't available for use at the moment."),
        )),
    }
}

/// A controller that does not answer. Class and text are *unverified*; that the name stands in it is
/// all that a client should use.
fn unavailable(cmdlet: &Cmdlet, runspace: &Runspace, controller: &str) -> Complaint {
    let text = format!(
        "The domain controller '{controller}' isn't available for use at the moment. The LDAP server \
         is unavailable."
    );
    Complaint::exchange(cmdlet, &runspace.engine, "ADTransientException", text)
}
