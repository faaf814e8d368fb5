//! Owns which domain controller answers: `Set-ADServerSettings`, and `-DomainController`.
//!
//! `-ViewEntireForest` is taken and has no effect: every organization here has one domain.

use std::sync::PoisonError;

use super::binding::Arguments;
use super::catalogue::Cmdlet;
use super::complaint::Complaint;
use super::{Call, Records, Runspace};
use crate::world::blueprint::Blueprint;

/// Runs `Set-ADServerSettings`: it concerns this runspace only.
pub(super) fn run(call: &Call) -> Result<Records, Complaint> {
    if let Some(server) = call.arguments.text("PreferredServer")
        && !call.arguments.flag("WhatIf")
    {
        let blueprint = call.live.read(|world| world.blueprint.clone());
        let server = existing(call.cmdlet, &blueprint, &server)?;
        *call.runspace.preferred_server.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(server);
    }
    Ok(Records::none())
}

/// The domain controller that answers a call.
pub(super) fn domain_controller(
    cmdlet: &Cmdlet,
    arguments: &Arguments,
    runspace: &Runspace,
    blueprint: &Blueprint,
) -> Result<String, Complaint> {
    if let Some(asked) = arguments.text("DomainController") {
        return existing(cmdlet, blueprint, &asked);
    }
    let preferred = runspace.preferred_server.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(preferred.clone().unwrap_or_else(|| format!("dc01.{}", blueprint.domain)))
}

/// There are two controllers, by short or full name.
fn existing(cmdlet: &Cmdlet, blueprint: &Blueprint, asked: &str) -> Result<String, Complaint> {
    for host in ["dc01", "dc02"] {
        let full = format!("{host}.{}", blueprint.domain);
        if asked.eq_ignore_ascii_case(host) || asked.eq_ignore_ascii_case(&full) {
            return Ok(full);
        }
    }
    Err(Complaint::exchange(
        cmdlet,
        blueprint.version,
        "ManagementObjectNotFoundException",
        format!("The domain controller '{asked}' isn't available for use at the moment."),
    ))
}
