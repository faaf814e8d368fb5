//! Owns what a name given to the control surface leads to: one thing, or a refusal that says why.

use std::sync::Arc;

use uuid::Uuid;

use super::refusal::ControlError;
use crate::world::device::Device;
use crate::world::directory::Directory;
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

/// The devices that a DeviceId or Guid names.
pub(super) fn named(directory: &Directory, name: &str) -> Vec<Arc<Device>> {
    let mut named = directory.devices_with_id(name);
    named.extend(Uuid::try_parse(name).ok().and_then(|guid| directory.device(guid)));
    named
}

/// The one device that a DeviceId or Guid names.
pub(super) fn find_device(world: &World, name: &str) -> Result<Arc<Device>, ControlError> {
    match named(world.directory(), name).as_slice() {
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
