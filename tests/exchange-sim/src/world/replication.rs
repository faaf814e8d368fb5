//! Owns the copies of the directory on its domain controllers, while changes take their time from one to
//! another.
//!
//! A change is in the copy of the controller it was made on at once, and in the others after the lag,
//! attribute by attribute as Active Directory replicates ([MS-DRSR] 4.1.10). `whenChanged` is not
//! replicated (Active Directory schema, attribute When-Changed): each copy stamps its own. What differs
//! from life: of two changes of one attribute the one that arrives last wins, whatever their versions.
//!
//! Invariant: without a lag there are no copies, and everybody reads the world itself. Copies are not
//! journaled: after a restart everything has arrived.

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use super::World;
use super::device::Device;
use super::event::Event;
use super::mailbox::Mailbox;
use super::organization::AccessSettings;
use crate::behaviour::contact::{Moment, later};

/// The host names of the domain controllers; the first one is where phones and their server write.
pub const HOSTS: [&str; 2] = ["dc01", "dc02"];
/// How many changes may be on their way to one controller; beyond that the oldest arrive at once.
const PENDING_MAX: usize = 100_000;

/// The domain controllers of a domain, by full name.
pub fn controllers(domain: &str) -> [String; 2] {
    HOSTS.map(|host| format!("{host}.{domain}"))
}

/// The copies.
#[derive(Debug, Default)]
pub struct Replication {
    copies: BTreeMap<String, Replica>,
}

/// One controller's copy.
#[derive(Debug)]
struct Replica {
    world: World,
    pending: VecDeque<Arriving>,
}

/// A change on its way.
#[derive(Clone, Debug)]
struct Arriving {
    due_ms: u64,
    /// When it would be there if Exchange's time passed as a clock does.
    at_latest: Timestamp,
    change: Change,
}

/// What a change changes.
#[derive(Clone, Debug)]
enum Change {
    Device(Option<Box<Device>>, Box<Device>),
    Mailbox(Option<Box<Mailbox>>, Box<Mailbox>),
    Settings(Box<AccessSettings>, Box<AccessSettings>),
    /// Something that comes as a whole.
    Whole(Event),
}

impl Replication {
    /// Begins or ends the copies, as the lag asks; `world` holds everything that happened so far.
    pub fn follow(&mut self, lag_ms: u64, world: &World) {
        if lag_ms == 0 {
            self.copies.clear();
        } else if self.copies.is_empty() {
            for controller in controllers(&world.blueprint.domain) {
                let replica = Replica { world: world.clone(), pending: VecDeque::new() };
                self.copies.insert(controller, replica);
            }
        }
    }

    /// Takes note of what is about to happen to `world`, on the controller `origin`.
    pub fn note(
        &mut self,
        world: &World,
        event: &Event,
        origin: &str,
        lag_ms: u64,
        moment: &Moment,
    ) {
        if self.copies.is_empty() {
            return;
        }
        let Some(change) = Change::of(world, event) else { return };
        let span = SignedDuration::from_millis(i64::try_from(lag_ms).unwrap_or(i64::MAX));
        let at_latest = moment.now.checked_add(span).unwrap_or(moment.now);
        for (controller, replica) in &mut self.copies {
            let change = change.clone();
            if controller.eq_ignore_ascii_case(origin) {
                if let Event::DeviceRemoved(guid) = event {
                    replica.pending.retain(|it| !it.change.is_about(*guid));
                }
                change.arrive(&mut replica.world, None);
                continue;
            }
            let due_ms = moment.elapsed_ms.saturating_add(lag_ms);
            replica.pending.push_back(Arriving { due_ms, at_latest, change });
            if replica.pending.len() > PENDING_MAX {
                tracing::warn!(controller, limit = PENDING_MAX, "changes arrive before their time");
                replica.arrive(1, moment.now);
            }
        }
    }

    /// What a controller holds now; none: what the world itself does.
    pub fn copy(&mut self, controller: &str, moment: &Moment) -> Option<&World> {
        let replica = self.copies.get_mut(controller)?;
        let due = replica.pending.iter().take_while(|it| it.due_ms <= moment.elapsed_ms).count();
        replica.arrive(due, moment.now);
        Some(&replica.world)
    }
}

impl Replica {
    fn arrive(&mut self, count: usize, now: Timestamp) {
        for arriving in self.pending.drain(..count.min(self.pending.len())) {
            // Nobody looked in between: the stamp is the arrival's, not that of this look.
            arriving.change.arrive(&mut self.world, Some(now.min(arriving.at_latest)));
        }
    }
}

impl Change {
    fn of(world: &World, event: &Event) -> Option<Self> {
        Some(match event {
            Event::Device(after) => {
                let before = world.device(after.guid).map(|held| Box::new(Device::clone(&held)));
                Self::Device(before, after.clone())
            }
            Event::Mailbox(after) => {
                let before = world.mailbox(after.guid).map(|held| Box::new(Mailbox::clone(&held)));
                Self::Mailbox(before, after.clone())
            }
            Event::Settings(after) => {
                Self::Settings(Box::new(world.settings.clone()), after.clone())
            }
            Event::DeviceRemoved(_) | Event::Rules(_) | Event::Policies(_) => {
                Self::Whole(event.clone())
            }
            // Mail lies in mailboxes, and the rest is the simulator's own.
            Event::Mail(_)
            | Event::Ledger(_)
            | Event::Invoked(_)
            | Event::Advanced(_)
            | Event::Paced(_) => {
                return None;
            }
        })
    }

    fn is_about(&self, guid: Uuid) -> bool {
        matches!(self, Self::Device(_, device) if device.guid == guid)
    }

    /// Makes it in a copy; `stamp` is the moment of arrival where it came from elsewhere.
    fn arrive(self, copy: &mut World, stamp: Option<Timestamp>) {
        let stamped = |after: Timestamp, held: Timestamp| later(stamp.unwrap_or(after), held);
        match self {
            Self::Device(before, after) => match (before, copy.device(after.guid)) {
                (Some(before), Some(held)) => {
                    let mut merged = merged(&*before, &*after, &*held);
                    merged.changed = stamped(after.changed, held.changed);
                    (merged.contacted, merged.succeeded) = (after.contacted, after.succeeded);
                    copy.apply(Event::Device(Box::new(merged)));
                }
                (None, _) => {
                    let mut after = after;
                    after.changed = stamp.unwrap_or(after.changed);
                    copy.apply(Event::Device(after));
                }
                // It was removed here meanwhile.
                (Some(_), None) => {}
            },
            Self::Mailbox(before, after) => {
                let held = copy.mailbox(after.guid);
                if let (Some(before), Some(held)) = (before, held) {
                    let mut merged = merged(&*before, &*after, &*held);
                    merged.changed = stamped(after.changed, held.changed);
                    copy.apply(Event::Mailbox(Box::new(merged)));
                } else {
                    copy.apply(Event::Mailbox(after));
                }
            }
            Self::Settings(before, after) => {
                let mut merged = merged(&*before, &*after, &copy.settings);
                merged.changed = stamped(after.changed, copy.settings.changed);
                copy.apply(Event::Settings(Box::new(merged)));
            }
            Self::Whole(event) => copy.apply(event),
        }
    }
}

/// `held` with every attribute that differs between `before` and `after` as it is in `after`.
fn merged<T: Serialize + DeserializeOwned + Clone>(before: &T, after: &T, held: &T) -> T {
    let attributes = |object: &T| match serde_json::to_value(object) {
        Ok(Value::Object(attributes)) => attributes,
        Ok(_) | Err(_) => serde_json::Map::new(),
    };
    let (before, after_all, mut merged) = (attributes(before), attributes(after), attributes(held));
    for (name, value) in &after_all {
        if before.get(name) != Some(value) {
            merged.insert(name.clone(), value.clone());
        }
    }
    for name in before.keys().filter(|name| !after_all.contains_key(*name)) {
        merged.remove(name);
    }
    serde_json::from_value(Value::Object(merged)).unwrap_or_else(|_| after.clone())
}

#[cfg(test)]
mod tests;
