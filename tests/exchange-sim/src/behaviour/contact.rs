//! Owns one call of one phone: what it may do now, and what that writes to the directory.
//!
//! Invariant: pure. It reads a world and returns events; the caller applies them.

use jiff::{SignedDuration, Timestamp};

use super::access::{Answer, Contact, Verdict};
use super::mail;
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

/// Answers a phone whose partnership exists.
pub fn call(world: &World, device: &Device, moment: &Moment) -> Called {
    let mut after = device.clone();
    after.contacted = Some(moment.now);
    let Some(owner) = world.mailbox(device.mailbox) else {
        return Called { device: after, service: Service::Refused, events: Vec::new() };
    };
    let owner = &*owner;
    let contact = Contact::of(device, owner, &world.settings, &world.rules);
    let verdict = match contact.answer() {
        Answer::NotAuthenticated | Answer::Disabled => {
            return Called { device: after, service: Service::Refused, events: Vec::new() };
        }
        Answer::Decided(verdict) => verdict,
    };
    let mut events = if stands(world, owner, device, &verdict, moment) {
        Vec::new()
    } else {
        decide(world, owner, &mut after, verdict, moment)
    };
    if obeys_wipe(&mut after, moment) {
        events.push(Event::Device(Box::new(after.clone())));
        return Called { service: Service::Refused, device: after, events };
    }
    if after.state == AccessState::Allowed {
        after.succeeded = Some(moment.now);
    }
    Called { service: service(after.state), device: after, events }
}

/// A pending wipe is told and acknowledged in one contact, whatever the phone may do otherwise; nothing
/// else flows then.
fn obeys_wipe(device: &mut Device, moment: &Moment) -> bool {
    match &mut device.wipe {
        Some(wipe) if wipe.acknowledged.is_none() => {
            wipe.acknowledged = Some(moment.now);
            true
        }
        Some(_) | None => false,
    }
}

/// Answers a phone that this mailbox has never seen.
pub fn connect(world: &World, owner: &Mailbox, mut device: Device, moment: &Moment) -> Called {
    let mut events = Vec::new();
    if !owner.active_sync_enabled {
        return Called { device, service: Service::Refused, events };
    }
    if !owner.has_partnership {
        let mut owner = owner.clone();
        owner.has_partnership = true;
        owner.changed = later(moment.now, owner.changed);
        events.push(Event::Mailbox(Box::new(owner)));
    }
    let contact = Contact::of(&device, owner, &world.settings, &world.rules);
    let decided = match contact.answer() {
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
        events.extend(call(world, &device, moment).events);
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
