//! Owns `Clear-ActiveSyncDevice`, `Clear-MobileDevice`, `Remove-ActiveSyncDevice` and
//! `Remove-MobileDevice`.
//!
//! Source: their pages. An order to erase is pending until the phone's next contact; `-Cancel` takes a
//! pending one back. What a server says to a `-Cancel` without one is not documented: here it is taken.

use super::complaint::Complaint;
use super::devices::one;
use super::writing::write;
use super::{Call, Records};
use crate::behaviour::contact::later;
use crate::world::World;
use crate::world::device::{Device, Wipe};
use crate::world::event::Event;

/// Runs `Clear-*Device`.
pub(super) fn clear(call: &Call) -> Result<Records, Complaint> {
    let identity = call.arguments.text("Identity").unwrap_or_default();
    write(call, |world, moment| {
        let held = one(call, &identity, world.find_device(&identity))?;
        check_scope(call, world, &held)?;
        let mut device = Device::clone(&held);
        if call.arguments.flag("Cancel") {
            device.wipe = device.wipe.filter(|wipe| wipe.acknowledged.is_some());
        } else {
            device.wipe = Some(Wipe {
                account_only: call.arguments.flag("AccountOnly"),
                requested: moment.now,
                requestor: call.runspace.account.clone(),
                sent: None,
                acknowledged: None,
            });
        }
        if device == *held {
            return Ok((Vec::new(), ()));
        }
        device.changed = later(moment.now, device.changed);
        Ok((vec![Event::Device(Box::new(device))], ()))
    })?;
    Ok(Records::none())
}

/// Runs `Remove-*Device`: the partnership only. The personal lists keep the phone's id, and the phone
/// comes back as a new one with its next sync.
pub(super) fn remove(call: &Call) -> Result<Records, Complaint> {
    let identity = call.arguments.text("Identity").unwrap_or_default();
    write(call, |world, _| {
        let held = one(call, &identity, world.find_device(&identity))?;
        check_scope(call, world, &held)?;
        Ok((vec![Event::DeviceRemoved(held.guid)], ()))
    })?;
    Ok(Records::none())
}

/// A phone lies below its owner, and so does its scope.
fn check_scope(call: &Call, world: &World, device: &Device) -> Result<(), Complaint> {
    let domain = &world.blueprint.domain;
    match world.mailbox(device.mailbox) {
        Some(owner) if !call.runspace.rights.may_write(&owner, domain) => {
            Err(call.out_of_scope(&device.identity(&owner, domain)))
        }
        Some(_) | None => Ok(()),
    }
}
