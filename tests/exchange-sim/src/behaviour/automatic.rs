//! Owns an ordinary day: phones call again and again, and now and then somebody has a new phone.
//!
//! Invariant: it only does what a phone's owner could do; every rule of Exchange stays in `contact`.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use exgate_runtime::report;

use super::contact::{self, Moment};
use crate::control::handle::{self, NewPhone};
use crate::live::Live;
use crate::world::chance::Chance;
use crate::world::journal::JournalError;
use crate::world::platform::Platform;

/// How often the day is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// The shortest time between two calls of a phone, in Exchange's time.
const CALL_MS_MIN: u64 = 4 * 60 * 1000;
/// By how much longer it may be.
const CALL_MS_SPREAD: u64 = 20 * 60 * 1000;

/// The phones of one organization.
#[derive(Debug)]
pub struct Day {
    live: Arc<Live>,
    chance: Chance,
    /// When each phone calls next, in Exchange's time, in the world's order.
    calls_ms: Vec<u64>,
    new_device_every_ms: Option<u64>,
    next_device_ms: u64,
}

impl Day {
    /// Starts the day; a new phone appears about every `new_device_every` of real time.
    pub fn new(live: Arc<Live>, seed: u64, new_device_every: Option<Duration>, speed: u32) -> Self {
        // A restarted day goes on with other numbers, or the same people would get the same phones.
        let devices = live.read(|world| world.devices().len());
        let chance = Chance::new(seed, &format!("{} day {devices}", live.name));
        let every_ms = new_device_every.map(|every| {
            u64::try_from(every.as_millis()).unwrap_or(u64::MAX).saturating_mul(u64::from(speed))
        });
        let next_device_ms = live.moment().elapsed_ms + every_ms.unwrap_or(0) / 2;
        Self { live, chance, calls_ms: Vec::new(), new_device_every_ms: every_ms, next_device_ms }
    }

    /// Lives until told to stop.
    pub async fn run(mut self, stopped: impl Future<Output = ()>) -> Result<(), JournalError> {
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut stopped = std::pin::pin!(stopped);
        loop {
            tokio::select! {
                () = &mut stopped => return Ok(()),
                _ = look.tick() => self.look()?,
            }
        }
    }

    fn look(&mut self) -> Result<(), JournalError> {
        let moment = self.live.moment();
        let live = Arc::clone(&self.live);
        live.change(|world, moment| (contact::pass_time(world, moment), ()))?;
        self.calls(&moment)?;
        if let Some(every_ms) = self.new_device_every_ms
            && moment.elapsed_ms >= self.next_device_ms
        {
            self.next_device_ms = moment.elapsed_ms + every_ms / 2 + self.chance.below(every_ms);
            self.new_device()?;
        }
        Ok(())
    }

    /// Lets every phone call whose time has come.
    fn calls(&mut self, moment: &Moment) -> Result<(), JournalError> {
        let due = self.due(moment);
        let live = Arc::clone(&self.live);
        let mut quiet = Vec::new();
        for guid in due {
            let changed = live.read(|world| {
                let device = world.device(guid)?;
                Some(!contact::call(world, device, moment).events.is_empty())
            });
            if changed == Some(true) {
                live.change(|world, moment| {
                    let device = world.device(guid);
                    let events = device.map(|device| contact::call(world, device, moment).events);
                    (events.unwrap_or_default(), ())
                })?;
            } else {
                quiet.push((guid, moment.now));
            }
        }
        live.touch(quiet);
        Ok(())
    }

    fn due(&mut self, moment: &Moment) -> Vec<Uuid> {
        let live = Arc::clone(&self.live);
        live.read(|world| {
            for _ in self.calls_ms.len()..world.devices().len() {
                let first = moment.elapsed_ms + self.chance.below(CALL_MS_SPREAD);
                self.calls_ms.push(first);
            }
            let phones = world.devices().iter().zip(&mut self.calls_ms);
            let mut due = Vec::new();
            for (device, next) in phones.filter(|(_, next)| **next <= moment.elapsed_ms) {
                *next = moment.elapsed_ms + CALL_MS_MIN + self.chance.below(CALL_MS_SPREAD);
                due.push(device.guid);
            }
            due
        })
    }

    /// Gives somebody a new phone, preferably somebody without one.
    fn new_device(&mut self) -> Result<(), JournalError> {
        let start = self.chance.number();
        let owner = self.live.read(|world| {
            let count = world.mailboxes().len() as u64;
            let at = |step: u64| {
                let place = usize::try_from(start.wrapping_add(step) % count.max(1)).ok()?;
                world.mailboxes().get(place).filter(|held| held.active_sync_enabled)
            };
            let without = (0..count).filter_map(at).find(|held| !held.has_partnership);
            without.or_else(|| (0..count).find_map(at)).map(|held| held.guid)
        });
        let Some(owner) = owner else { return Ok(()) };
        let platform = Platform::draw(&mut self.chance);
        let phone = NewPhone {
            platform,
            handset: platform.handset(&mut self.chance),
            guid: self.chance.guid(),
            friendly_name: String::new(),
        };
        match handle::connect(&self.live, owner, phone) {
            Ok(device) => tracing::info!(
                organization = self.live.name,
                device = device.device_id,
                "new phone connected"
            ),
            Err(handle::ControlError::Journal(error)) => return Err(error),
            Err(error) => tracing::warn!(error = report(&error), "new phone could not connect"),
        }
        Ok(())
    }
}
