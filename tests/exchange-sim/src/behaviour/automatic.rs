//! Owns an ordinary day: phones call again and again, and now and then somebody has a new phone.
//!
//! Invariant: it only does what a phone's owner could do; every rule of Exchange stays in `contact`. While
//! time is stepped, nobody calls.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use exgate_runtime::report;

use super::contact::{self, Moment};
use crate::control::ControlError;
use crate::control::phones::{self, NewPhone};
use crate::live::Live;
use crate::time::Mode;
use crate::world::World;
use crate::world::chance::Chance;
use crate::world::journal::JournalError;
use crate::world::platform::Platform;
use crate::world::rhythm::Rhythm;

/// How often the day is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How many phones call between two looks. Where there are more than can be heard, they call less often.
const CALLS_PER_LOOK_MAX: u64 = 500;

/// How many owners are looked at for one without a phone.
const OWNERS_LOOKED_AT_MAX: usize = 1000;

/// The phones of one organization.
#[derive(Debug)]
pub struct Day {
    live: Arc<Live>,
    chance: Chance,
    /// Up to when calls were heard, in Exchange's time.
    heard_ms: u64,
    new_device_every: Option<Duration>,
    next_device: Timestamp,
}

impl Day {
    /// Starts the day; a new phone appears about every `new_device_every` of real time.
    pub fn new(live: Arc<Live>, seed: u64, new_device_every: Option<Duration>) -> Self {
        // A restarted day goes on with other numbers, or the same people would get the same phones.
        let devices = live.read(World::device_count);
        let chance = Chance::new(seed, &format!("{} day {devices}", live.name));
        let Moment { now, elapsed_ms } = live.moment();
        let half = new_device_every.unwrap_or_default() / 2;
        let next_device = now.checked_add(half).unwrap_or(now);
        Self { live, chance, heard_ms: elapsed_ms, new_device_every, next_device }
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
        let Mode::Auto { speed } = self.live.time().mode() else {
            self.heard_ms = moment.elapsed_ms;
            return Ok(());
        };
        self.live.change(|world, moment| (contact::pass_time(world, moment), ()))?;
        self.calls(&moment, speed)?;
        if let Some(every) = self.new_device_every
            && moment.now >= self.next_device
        {
            let spread_ms = u64::try_from(every.as_millis()).unwrap_or(u64::MAX);
            let wait = every / 2 + Duration::from_millis(self.chance.below(spread_ms));
            self.next_device = moment.now.checked_add(wait).unwrap_or(moment.now);
            self.new_device()?;
        }
        Ok(())
    }

    /// Lets every phone call whose turn it is.
    fn calls(&mut self, moment: &Moment, speed: u32) -> Result<(), JournalError> {
        let live = Arc::clone(&self.live);
        for guid in self.due(moment, speed) {
            let changes = live.read(|world| {
                let device = world.device(guid)?;
                Some(!contact::call(world, &device, moment).events.is_empty())
            });
            if changes == Some(true) {
                live.change(|world, moment| {
                    let device = world.device(guid);
                    let events = device.map(|device| contact::call(world, &device, moment).events);
                    (events.unwrap_or_default(), ())
                })?;
            }
        }
        Ok(())
    }

    fn due(&mut self, moment: &Moment, speed: u32) -> Vec<Uuid> {
        let heard_ms = std::mem::replace(&mut self.heard_ms, moment.elapsed_ms);
        let look_ms = u64::try_from(LOOK_EVERY.as_millis()).unwrap_or(u64::MAX);
        let span_ms = look_ms.saturating_mul(u64::from(speed));
        let places = self.live.read(|world| world.directory().device_places());
        let most = (CALLS_PER_LOOK_MAX, span_ms);
        let rhythm = Rhythm::new(moment.now, moment.elapsed_ms, speed, places, most);
        self.live.set_rhythm(Some(rhythm));
        let turns = rhythm.since(heard_ms).take(CALLS_PER_LOOK_MAX as usize);
        self.live.read(|world| {
            let due = turns.map(|turn| world.directory().device_of_turn(rhythm.place(turn)));
            due.flatten().filter(|device| !device.is_wiped()).map(|device| device.guid).collect()
        })
    }

    /// Gives somebody a new phone, preferably somebody without one.
    fn new_device(&mut self) -> Result<(), JournalError> {
        let start = self.chance.number();
        let owner = self.live.read(|world| {
            let count = world.mailbox_count() as u64;
            let skipped = usize::try_from(start % count.max(1)).unwrap_or(0);
            let mut from =
                world.directory().mailboxes_from(skipped).filter(|held| held.active_sync_enabled);
            let mut first = None;
            let without = from.by_ref().take(OWNERS_LOOKED_AT_MAX).find(|held| {
                first.get_or_insert(held.guid);
                !held.has_partnership
            });
            without.map(|held| held.guid).or(first)
        });
        let Some(owner) = owner else { return Ok(()) };
        let platform = Platform::draw(&mut self.chance);
        let phone = NewPhone {
            platform,
            handset: platform.handset(&mut self.chance),
            guid: self.chance.guid(),
            friendly_name: String::new(),
            enforces_policy: true,
        };
        match phones::connect(&self.live, owner, phone) {
            Ok(device) => tracing::info!(
                organization = self.live.name,
                device = device.device_id,
                "new phone connected"
            ),
            Err(ControlError::Journal(error)) => return Err(error),
            Err(error) => tracing::warn!(error = report(&error), "new phone could not connect"),
        }
        Ok(())
    }
}
