//! Owns one call of one phone: what it may do now, and what that writes to the directory.
//!
//! A request is [`ask`]; [`call`] is all that a phone does at one visit, when it does as it is told.
//! Invariant: pure. It reads a world and returns events; the caller applies them.

use jiff::{SignedDuration, Timestamp};

use super::access::{Answer, Contact, Verdict};
use super::{autoblock, mail};
use crate::world::World;
use crate::world::device::{AccessReason, AccessState, Device};
use crate::world::event::Event;
use crate::world::mailbox::Mailbox;
use crate::world::organization::AccessLevel;

/// How long Exchange collects what an unknown phone is, at most (14 minutes).
pub const DISCOVERY_MS: u64 = 14 * 60 * 1000;
/// How long a server goes on with the lists, rules and settings it has read: `ADCacheRefreshInterval`
/// of the ActiveSync front of 2016 and 2019 is 60 seconds.
pub const CACHE_MS: u64 = 60 * 1000;

/// A point in time, twice: for stamps, and in Exchange's own time, which delays are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// What a clock shows.
    pub now: Timestamp,
    /// Exchange's time in milliseconds; faster than a clock when the simulator is.
    pub elapsed_ms: u64,
}

/// What a phone gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Mail flows: HTTP 200.
    Mail,
    /// It may connect, and gets the quarantine mail only: HTTP 200.
    QuarantineMail,
    /// HTTP 403.
    Refused,
    /// Its owner has as many phones as there may be.
    TooMany,
    /// It is to fetch its policy anew before anything else.
    Provision,
    /// It is to erase itself.
    Wipe,
    /// Autoblock: HTTP 503, and how long it lasts.
    Autoblocked {
        /// How many more milliseconds of Exchange's time.
        left_ms: u64,
    },
}

/// The outcome of a call.
#[derive(Clone, Debug)]
pub struct Called {
    /// The partnership after it.
    pub device: Device,
    /// What the phone gets.
    pub service: Service,
    /// What changed; empty when the directory is as before.
    pub events: Vec<Event>,
}

/// What a phone says about itself, of its own accord or because it was updated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// `DeviceModel`.
    pub model: Option<String>,
    /// `DeviceOS`.
    pub system: Option<String>,
    /// `DeviceUserAgent`.
    pub user_agent: Option<String>,
    /// The name its owner gave it.
    pub friendly_name: Option<String>,
    /// `DeviceImei`.
    pub imei: Option<String>,
    /// `DeviceOSLanguage`.
    pub language: Option<String>,
}

/// Answers everything that a phone asks at one visit: it fetches its policy and erases itself when told.
pub fn call(world: &World, device: &Device, moment: &Moment) -> Called {
    let provisioned = provisioned(device, moment);
    let asked = ask(world, provisioned.as_ref().unwrap_or(device), moment);
    if asked.service == Service::Wipe {
        return erases(asked, moment);
    }
    asked
}

/// Answers one request of a phone whose partnership exists.
pub fn ask(world: &World, device: &Device, moment: &Moment) -> Called {
    let mut after = device.clone();
    after.contacted = Some(moment.now);
    let nothing = |device, service| Called { device, service, events: Vec::new() };
    let Some(owner) = world.mailbox(device.mailbox) else {
        return nothing(after, Service::Refused);
    };
    let owner = &*owner;
    let verdict = match Contact::within(device, owner, world).answer() {
        Answer::NotAuthenticated | Answer::Disabled => return nothing(after, Service::Refused),
        Answer::Decided(verdict) => verdict,
    };
    if let Some((_, left_ms)) = autoblock::block_of(device, moment) {
        return nothing(after, Service::Autoblocked { left_ms });
    }
    if device.moves != owner.moves {
        let events = upgrade(owner, &mut after, moment);
        return Called { device: after, service: Service::Provision, events };
    }
    if device.reason == AccessReason::Upgrade {
        return nothing(after, Service::Provision);
    }
    let events = if stands(world, owner, device, &verdict, moment) {
        Vec::new()
    } else {
        decide(world, owner, &mut after, verdict, moment)
    };
    let mut service = service(after.state);
    if after.awaits_wipe() && service != Service::Refused {
        service = Service::Wipe;
    }
    if service == Service::Mail {
        after.succeeded = Some(moment.now);
    }
    Called { service, device: after, events }
}

/// The phone was told to erase itself, and says that it does. A refused phone is never told.
fn erases(mut called: Called, moment: &Moment) -> Called {
    if let Some(wipe) = &mut called.device.wipe {
        wipe.sent = wipe.sent.or(Some(moment.now));
        wipe.acknowledged = Some(moment.now);
    }
    called.events.push(Event::Device(Box::new(called.device.clone())));
    called
}

/// The mailbox is on another server now: until the phone has fetched its policy anew, nothing is decided.
fn upgrade(owner: &Mailbox, device: &mut Device, moment: &Moment) -> Vec<Event> {
    device.moves = owner.moves;
    device.state = AccessState::DeviceDiscovery;
    device.reason = AccessReason::Upgrade;
    device.rule = None;
    device.discovery_ends_ms = None;
    device.decided_ms = moment.elapsed_ms;
    device.changed = later(moment.now, device.changed);
    vec![Event::Device(Box::new(device.clone()))]
}

/// A phone after it fetched its policy from its mailbox's new server; nothing when there was no need.
pub fn provisioned(device: &Device, moment: &Moment) -> Option<Device> {
    (device.reason == AccessReason::Upgrade).then(|| {
        let mut after = device.clone();
        after.state = AccessState::Unknown;
        after.reason = AccessReason::Unknown;
        after.changed = later(moment.now, after.changed);
        after
    })
}

/// Notes what a phone says about itself. Nothing is decided by that: its next request is.
pub fn tell(world: &World, device: &Device, told: &Told, moment: &Moment) -> Vec<Event> {
    let mut after = device.clone();
    let changes_agent = told.user_agent.as_ref().is_some_and(|agent| *agent != device.user_agent);
    for (said, held) in [
        (&told.model, &mut after.device_model),
        (&told.system, &mut after.device_os),
        (&told.user_agent, &mut after.user_agent),
        (&told.friendly_name, &mut after.friendly_name),
        (&told.imei, &mut after.imei),
        (&told.language, &mut after.language),
    ] {
        if let Some(said) = said {
            held.clone_from(said);
        }
    }
    if after == *device {
        return Vec::new();
    }
    after.changed = later(moment.now, after.changed);
    let mut events = Vec::new();
    if changes_agent && let Some(owner) = world.mailbox(device.mailbox) {
        let behaviour = autoblock::Behaviour::UserAgentsChanges;
        events = autoblock::note(world, &owner, &mut after, behaviour, moment);
    }
    events.insert(0, Event::Device(Box::new(after)));
    events
}

/// Answers a phone that this mailbox has never seen.
pub fn connect(world: &World, owner: &Mailbox, mut device: Device, moment: &Moment) -> Called {
    let mut events = Vec::new();
    if !owner.active_sync_enabled {
        return Called { device, service: Service::Refused, events };
    }
    let count = world.devices_of(owner.guid).count();
    let max = world.settings.eas_max_devices;
    if u32::try_from(count).unwrap_or(u32::MAX) >= max {
        events.push(mail::too_many(world, owner, &device, moment));
        return Called { device, service: Service::TooMany, events };
    }
    if !owner.has_partnership {
        let mut owner = owner.clone();
        owner.has_partnership = true;
        owner.changed = later(moment.now, owner.changed);
        events.push(Event::Mailbox(Box::new(owner)));
    }
    device.moves = owner.moves;
    let decided = match Contact::within(&device, owner, world).answer() {
        Answer::NotAuthenticated | Answer::Disabled => None,
        Answer::Decided(verdict) => {
            Some(verdict).filter(|verdict| needs_no_discovery(world, verdict))
        }
    };
    if let Some(verdict) = decided {
        events.extend(decide(world, owner, &mut device, verdict, moment));
    } else {
        device.state = AccessState::DeviceDiscovery;
        device.discovery_ends_ms = Some(moment.elapsed_ms + DISCOVERY_MS);
        device.decided_ms = moment.elapsed_ms;
        events.push(Event::Device(Box::new(device.clone())));
    }
    Called { service: service(device.state), device, events }
}

/// Ends every discovery that is over: time alone does that.
pub fn pass_time(world: &World, moment: &Moment) -> Vec<Event> {
    let due = world
        .directory()
        .discovering()
        .filter(|device| device.discovery_ends_ms.is_some_and(|ends| ends <= moment.elapsed_ms));
    let mut events: Vec<Event> = Vec::new();
    for device in due {
        // No event: a fresh edit is still unread, or ActiveSync is off. It is tried again.
        events.extend(ask(world, &device, moment).events);
    }
    events
}

/// The stamp of a change: now, but never at or before the previous one.
pub fn later(now: Timestamp, previous: Timestamp) -> Timestamp {
    let next = previous.checked_add(SignedDuration::from_millis(1)).unwrap_or(previous);
    now.max(next)
}

/// Says whether the old decision stands although the questions would now be answered by `verdict`.
fn stands(
    world: &World,
    owner: &Mailbox,
    device: &Device,
    verdict: &Verdict,
    moment: &Moment,
) -> bool {
    if device.state == verdict.state
        && device.reason == verdict.reason
        && device.rule == verdict.rule
    {
        return true;
    }
    if autoblock::is_autoblock(device.reason) {
        return false;
    }
    let edited_ms = owner.access_changed_ms.max(world.settings.access_changed_ms);
    if moment.elapsed_ms < edited_ms + CACHE_MS {
        return true;
    }
    match device.state {
        AccessState::DeviceDiscovery => {
            let goes_on = device.discovery_ends_ms.is_some_and(|ends| moment.elapsed_ms < ends);
            goes_on && !is_personal(verdict)
        }
        AccessState::Blocked => held_by_rule(world, device) && !is_personal(verdict),
        AccessState::Unknown | AccessState::Allowed | AccessState::Quarantined => false,
    }
}

/// A phone that a Block rule refused stays refused although an update took it out of the rule, as long
/// as the rule exists: a refused phone's data are not looked at again.
fn held_by_rule(world: &World, device: &Device) -> bool {
    device.reason == AccessReason::DeviceRule
        && world.rules.iter().any(|rule| {
            Some(&rule.name) == device.rule.as_ref() && rule.access_level == AccessLevel::Block
        })
}

fn is_personal(verdict: &Verdict) -> bool {
    matches!(verdict.reason, AccessReason::Individual | AccessReason::Policy)
}

/// Lists and policy need nothing but the id; an organization that lets everybody in collects nothing.
fn needs_no_discovery(world: &World, verdict: &Verdict) -> bool {
    is_personal(verdict)
        || (world.rules.is_empty() && world.settings.default_access_level == AccessLevel::Allow)
}

fn decide(
    world: &World,
    owner: &Mailbox,
    device: &mut Device,
    verdict: Verdict,
    moment: &Moment,
) -> Vec<Event> {
    let entered = device.state != verdict.state;
    device.state = verdict.state;
    device.reason = verdict.reason;
    device.rule = verdict.rule;
    device.discovery_ends_ms = None;
    device.decided_ms = moment.elapsed_ms;
    device.changed = later(moment.now, device.changed);
    let mut events = vec![Event::Device(Box::new(device.clone()))];
    if entered {
        events.extend(mail::about(world, owner, device, moment));
    }
    events
}

fn service(state: AccessState) -> Service {
    match state {
        AccessState::Allowed => Service::Mail,
        AccessState::Quarantined | AccessState::DeviceDiscovery => Service::QuarantineMail,
        AccessState::Unknown | AccessState::Blocked => Service::Refused,
    }
}

#[cfg(test)]
mod tests;
