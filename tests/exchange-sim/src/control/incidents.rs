//! Owns what the control surface does to phones and their mailboxes beyond a call: a reset, a move to
//! another server, misbehaviour.

use super::handle::Control;
use super::lookup::{find_device, find_mailbox};
use super::phones::{self, NewPhone};
use super::refusal::ControlError;
use super::views::{self, DeviceView, MailboxView, Misbehaviour};
use crate::behaviour::autoblock;
use crate::behaviour::contact::later;
use crate::world::chance::Chance;
use crate::world::device::Device;
use crate::world::event::Event;
use crate::world::mailbox::Mailbox;

/// How often a phone may misbehave at one request.
const TIMES_MAX: u32 = 10_000;

impl Control {
    /// A phone is reset to its factory settings and set up again by its owner: it has a new DeviceId, so
    /// Exchange does not know it. The old partnership stays until somebody removes it (KB 3013802).
    pub fn reset(&self, organization: &str, device: &str) -> Result<DeviceView, ControlError> {
        let live = self.live(organization)?;
        let (old, mut chance) = live.read(|world| {
            let old = find_device(world, device)?;
            let topic = format!("{organization} reset {} {}", old.guid, world.device_count());
            Ok::<_, ControlError>((old, Chance::new(world.blueprint.seed, &topic)))
        })?;
        let mut handset = old.platform.handset(&mut chance);
        for (held, fresh) in [
            (&old.device_type, &mut handset.kind),
            (&old.device_model, &mut handset.model),
            (&old.device_os, &mut handset.system),
            (&old.user_agent, &mut handset.user_agent),
            (&old.imei, &mut handset.imei),
            (&old.telephone, &mut handset.telephone),
        ] {
            fresh.clone_from(held);
        }
        let phone = NewPhone {
            guid: chance.guid(),
            platform: old.platform,
            handset,
            friendly_name: old.friendly_name.clone(),
            enforces_policy: old.enforces_policy,
        };
        phones::connect(live, old.mailbox, phone)
    }

    /// A mailbox moves to a newer server: its phones must fetch their policies anew before anything is
    /// decided about them again.
    pub fn move_mailbox(
        &self,
        organization: &str,
        mailbox: &str,
    ) -> Result<MailboxView, ControlError> {
        self.live(organization)?.change(|world, moment| {
            let mut moved = match find_mailbox(world, mailbox) {
                Ok(held) => Mailbox::clone(&held),
                Err(error) => return (Vec::new(), Err(error)),
            };
            moved.moves = moved.moves.saturating_add(1);
            moved.changed = later(moment.now, moved.changed);
            (vec![Event::Mailbox(Box::new(moved))], Ok(()))
        })??;
        self.mailbox(organization, mailbox)
    }

    /// A phone does what autoblock watches for.
    pub fn misbehave(
        &self,
        organization: &str,
        device: &str,
        misbehaviour: &Misbehaviour,
    ) -> Result<DeviceView, ControlError> {
        let times = misbehaviour.times.unwrap_or(1);
        if times > TIMES_MAX {
            let problem = format!("must be at most {TIMES_MAX}");
            return Err(ControlError::Invalid { field: "times", problem });
        }
        let live = self.live(organization)?;
        let device = live.change(|world, moment| {
            let held = match find_device(world, device) {
                Ok(held) => held,
                Err(error) => return (Vec::new(), Err(error)),
            };
            let mut after = Device::clone(&held);
            let Some(owner) = world.mailbox(held.mailbox) else {
                return (Vec::new(), Ok(after));
            };
            let mut events = Vec::new();
            for _ in 0..times {
                let behaviour = misbehaviour.behaviour;
                events.extend(autoblock::note(world, &owner, &mut after, behaviour, moment));
            }
            if after != *held {
                events.insert(0, Event::Device(Box::new(after.clone())));
            }
            (events, Ok(after))
        })??;
        Ok(live.read(|world| views::device(world.directory(), &device)))
    }
}
