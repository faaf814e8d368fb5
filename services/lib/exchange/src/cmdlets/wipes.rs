//! `Clear-*Device` and `Remove-*Device`: erasing a device, and forgetting a partnership. Both ask
//! before they act, and nobody is there to answer, so they are told not to. As on the cmdlet pages
//! `Clear-MobileDevice` and `Remove-MobileDevice`, but where it says otherwise.

use crate::cmdlets::{Cmdlet, DeviceFamily, DomainController, Identity, Nothing};

/// What is erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wipe {
    /// The whole device, with the cmdlet of one family: a factory reset to a phone's system.
    Device(DeviceFamily),
    /// Only what it holds of the mailbox; 2016 and later, with the newer family.
    AccountOnly,
}

/// Orders a device to be erased. The order is pending until the device's next contact; `notify` are
/// told when the device has confirmed it.
pub fn clear_device(
    device: Identity,
    wipe: Wipe,
    notify: Vec<Identity>,
    controller: Option<DomainController>,
) -> Cmdlet<Nothing> {
    let (family, account_only) = match wipe {
        Wipe::Device(family) => (family, None),
        Wipe::AccountOnly => (DeviceFamily::Mobile, Some(true)),
    };
    let notify: Vec<String> = notify.into_iter().map(|address| address.to_string()).collect();
    Cmdlet::write(family.clear_device())
        .with("Identity", device)
        .with_some("AccountOnly", account_only)
        .with_some("NotificationEmailAddresses", (!notify.is_empty()).then_some(notify))
        .with("Confirm", false)
        .with_some("DomainController", controller)
}

/// Takes a pending order back.
pub fn cancel_clear_device(
    family: DeviceFamily,
    device: Identity,
    controller: Option<DomainController>,
) -> Cmdlet<Nothing> {
    Cmdlet::write(family.clear_device())
        .with("Identity", device)
        .with("Cancel", true)
        .with("Confirm", false)
        .with_some("DomainController", controller)
}

/// Removes a partnership. The device comes back as a new one with its next sync, and the personal
/// lists keep its id (in public posts; unverified).
pub fn remove_device(
    family: DeviceFamily,
    device: Identity,
    controller: Option<DomainController>,
) -> Cmdlet<Nothing> {
    Cmdlet::write(family.remove_device())
        .with("Identity", device)
        .with("Confirm", false)
        .with_some("DomainController", controller)
}
