//! Owns which domain controller answers: `Set-ADServerSettings`, and `-DomainController`.
//!
//! `-ViewEntireForest` is taken and has no effect: every organization here has one domain.

use std::sync::PoisonError;

use super::binding::Arguments;
use super::catalogue::Cmdlet;
use super::complaint::Complaint;
use super::{Call, Records, Runspace};
use crate::faults::Faults;
use crate::world::blueprint::Blueprint;
use crate::world::replication::controllers;

/// Runs `Set-ADServerSettings`: it concerns this runspace only.
pub(super) fn run(call: &Call) -> Result<Records, Complaint> {
    if let Some(server) = call.arguments.text("PreferredServer")
        && !call.arguments.flag("WhatIf")
    {
        let blueprint = call.live.read(|world| world.blueprint.clone());
        let server = existing(call.cmdlet, &blueprint, &call.live.faults(), &server)?;
        *call.runspace.preferred_server.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(server);
    }
    Ok(Records::none())
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
        return existing(cmdlet, blueprint, faults, &asked);
    }
    let preferred = runspace.preferred_server.lock().unwrap_or_else(PoisonError::into_inner);
    let mut all = preferred.iter().cloned().chain(controllers(&blueprint.domain));
    all.find(|controller| !faults.stops_controller(controller))
        .ok_or_else(|| unavailable(cmdlet, blueprint, &blueprint.domain))
}

/// A controller by short or full name, when it is up.
fn existing(
    cmdlet: &Cmdlet,
    blueprint: &Blueprint,
    faults: &Faults,
    asked: &str,
) -> Result<String, Complaint> {
    let named = controllers(&blueprint.domain).into_iter().find(|full| {
        let host = full.split('.').next().unwrap_or(full);
        asked.eq_ignore_ascii_case(host) || asked.eq_ignore_ascii_case(full)
    });
    match named {
        Some(full) if faults.stops_controller(&full) => Err(unavailable(cmdlet, blueprint, &full)),
        Some(full) => Ok(full),
        None => Err(Complaint::exchange(
            cmdlet,
            blueprint.version,
            "ManagementObjectNotFoundException",
            format!("The domain controller '{asked}' isn't available for use at the moment."),
        )),
    }
}

/// A controller that does not answer. Class and text are *unverified*; that the name stands in it is
/// all that a client should use.
fn unavailable(cmdlet: &Cmdlet, blueprint: &Blueprint, controller: &str) -> Complaint {
    let text = format!(
        "The domain controller '{controller}' isn't available for use at the moment. The LDAP server \
         is unavailable."
    );
    Complaint::exchange(cmdlet, blueprint.version, "ADTransientException", text)
}
