//! Owns what a name given to the control surface leads to: one thing, or a refusal that says why.

use std::sync::Arc;

use uuid::Uuid;

use super::handle::ControlError;
use crate::world::device::Device;
use crate::world::mailbox::Mailbox;
use crate::world::{Found, World};

/// Says whether a DeviceId or Guid names this device.
pub(super) fn is_named(device: &Device, name: &str) -> bool {
    device.has_id(name) || Uuid::try_parse(name).is_ok_and(|guid| guid == device.guid)
}

/// The one mailbox that a text names.
pub(super) fn find_mailbox(world: &World, name: &str) -> Result<Arc<Mailbox>, ControlError> {
    match world.find_mailbox(name) {
        Found::One(mailbox) => Ok(mailbox),
        Found::None => Err(ControlError::Mailbox { identity: name.to_owned() }),
        Found::Several(held) => Err(ambiguous(name, held.iter().map(|held| held.guid))),
    }
}

/// The one device that a DeviceId or Guid names.
pub(super) fn find_device(world: &World, name: &str) -> Result<Arc<Device>, ControlError> {
    let named: Vec<_> = world.devices().iter().filter(|held| is_named(held, name)).collect();
    match named.as_slice() {
        [] => Err(ControlError::Device { identity: name.to_owned() }),
        [only] => Ok(Arc::clone(only)),
        several => Err(ambiguous(name, several.iter().map(|held| held.guid))),
    }
}

/// The refusal of a name that several things have.
pub(super) fn ambiguous(identity: &str, guids: impl Iterator<Item = Uuid>) -> ControlError {
    let guids = guids.map(|guid| guid.to_string()).collect::<Vec<_>>().join(", ");
    ControlError::Ambiguous { identity: identity.to_owned(), guids }
}
