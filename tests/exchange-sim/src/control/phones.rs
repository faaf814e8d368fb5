//! Owns what people do with their phones, told over the control surface.
//!
//! Invariant: it only does what a phone's owner could do; every rule of Exchange stays in `behaviour`.

use uuid::Uuid;

use super::handle::Control;
use super::lookup::{find_device, find_mailbox};
use super::refusal::ControlError;
use super::views::{self, DeviceView, NewDevice, OsUpdate, SyncView};
use crate::behaviour::contact::{self, Service, Told};
use crate::live::Live;
use crate::world::chance::Chance;
use crate::world::device::Device;
use crate::world::platform::{Handset, Platform};

impl Control {
    /// A user connects a new phone.
    pub fn new_device(
        &self,
        organization: &str,
        new: &NewDevice,
    ) -> Result<DeviceView, ControlError> {
        let live = self.live(organization)?;
        let (owner, seed, number) = live.read(|world| {
            let owner = find_mailbox(world, &new.mailbox)?;
            Ok::<_, ControlError>((owner.guid, world.blueprint.seed, world.device_count()))
        })?;
        let mut chance = Chance::new(seed, &format!("{organization} phone {number}"));
        let platform = new.platform.unwrap_or_else(|| Platform::draw(&mut chance));
        let mut handset = platform.handset(&mut chance);
        for (given, held) in [
            (&new.device_id, &mut handset.id),
            (&new.device_type, &mut handset.kind),
            (&new.device_model, &mut handset.model),
            (&new.device_os, &mut handset.system),
            (&new.user_agent, &mut handset.user_agent),
        ] {
            if let Some(given) = given {
                held.clone_from(given);
            }
        }
        if handset.id.is_empty() || !handset.id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            let problem = "must be letters and digits".to_owned();
            return Err(ControlError::Invalid { field: "device_id", problem });
        }
        let phone = NewPhone {
            guid: chance.guid(),
            platform,
            handset,
            friendly_name: new.friendly_name.clone().unwrap_or_default(),
            enforces_policy: new.enforces_policy.unwrap_or(true),
        };
        connect(live, owner, phone)
    }

    /// A phone calls now.
    pub fn sync(&self, organization: &str, device: &str) -> Result<SyncView, ControlError> {
        let live = self.live(organization)?;
        let called = live.change(|world, moment| {
            let called = find_device(world, device).map(|held| contact::call(world, &held, moment));
            let events = called.as_ref().map(|called| called.events.clone()).unwrap_or_default();
            (events, called)
        })??;
        if let Some(at) = called.device.contacted {
            live.touch(vec![(called.device.guid, at)]);
        }
        let view = live.read(|world| views::device(world.directory(), &called.device));
        Ok(views::sync(called.service, &called.device.protocol, view))
    }

    /// A phone got a new system version; Exchange hears of it with this call.
    pub fn os_update(
        &self,
        organization: &str,
        device: &str,
        update: &OsUpdate,
    ) -> Result<SyncView, ControlError> {
        self.live(organization)?.change(|world, moment| match find_device(world, device) {
            Err(error) => (Vec::new(), Err(error)),
            Ok(held) => {
                let told = Told {
                    system: Some(held.platform.system(&update.version)),
                    user_agent: update.user_agent.clone(),
                    ..Told::default()
                };
                (contact::tell(world, &held, &told, moment), Ok(()))
            }
        })??;
        self.sync(organization, device)
    }
}

/// A phone in its owner's hand.
#[derive(Clone, Debug)]
pub struct NewPhone {
    /// The Guid that its directory object will have.
    pub guid: Uuid,
    /// What kind it is.
    pub platform: Platform,
    /// What it says about itself.
    pub handset: Handset,
    /// The name its owner gave it.
    pub friendly_name: String,
    /// Whether it enforces its policy.
    pub enforces_policy: bool,
}

/// Connects a new phone to a mailbox.
pub fn connect(live: &Live, owner: Uuid, phone: NewPhone) -> Result<DeviceView, ControlError> {
    let called = live.change(|world, moment| {
        let Some(owner) = world.mailbox(owner) else {
            return (Vec::new(), Err(ControlError::Mailbox { identity: owner.to_string() }));
        };
        let mailbox = owner.user_principal_name.clone();
        if world.devices_of(owner.guid).any(|held| held.has_id(&phone.handset.id)) {
            let device_id = phone.handset.id;
            return (Vec::new(), Err(ControlError::Known { mailbox, device_id }));
        }
        let NewPhone { guid, platform, handset, friendly_name, enforces_policy } = phone;
        let mut device = Device::first_contact(guid, owner.guid, platform, handset, moment.now);
        device.friendly_name = friendly_name;
        device.enforces_policy = enforces_policy;
        let called = contact::connect(world, &owner, device, moment);
        if called.service == Service::TooMany {
            return (called.events, Err(ControlError::TooMany { mailbox }));
        }
        if called.events.is_empty() && called.service == Service::Refused {
            return (Vec::new(), Err(ControlError::Disabled { mailbox }));
        }
        (called.events.clone(), Ok(called))
    })??;
    Ok(live.read(|world| views::device(world.directory(), &called.device)))
}
