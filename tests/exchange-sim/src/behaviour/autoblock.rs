//! Owns autoblock: a phone whose behaviour harms the server is refused for a while.
//!
//! Sources: Set-ActiveSyncDeviceAutoblockThreshold (2013 and later: limit, interval, how long, text of
//! the user's mail); [MS-ASHTTP] 3.2.5.1.1 (changes of the user agent beyond a limit within a time).
//! Only for those is it documented what counts; everything else counts when the experimenter says so.
//! That a threshold is off until somebody sets it, and that a personal allow entry does not help against
//! it, are *unverified*. Invariant: pure, like `contact`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::contact::{Moment, later};
use super::mail;
use crate::world::World;
use crate::world::device::{AccessReason, AccessState, Device};
use crate::world::event::Event;
use crate::world::mailbox::Mailbox;

/// How many incidents of one kind a phone's record holds.
const INCIDENTS_MAX: usize = 1000;
const MINUTE_MS: u64 = 60 * 1000;

/// What harms a server: the names of the threshold rules, which are also reasons of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Behaviour {
    /// The user agent changes.
    UserAgentsChanges,
    /// Commands of late.
    RecentCommands,
    /// Crash reports.
    Watsons,
    /// Budgets used up.
    OutOfBudgets,
    /// Sync commands.
    SyncCommands,
    /// Orders of the mail that announces a notification.
    EnableNotificationEmail,
    /// Commands in quick sequence.
    CommandFrequency,
}

/// An autoblock threshold rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// `BehaviorTypeIncidenceLimit`: how many incidents are accepted.
    pub limit: u32,
    /// `BehaviorTypeIncidenceDuration`: within how many minutes.
    pub within_minutes: u64,
    /// `DeviceBlockDuration`: for how many minutes a phone beyond the limit is refused.
    pub block_minutes: u64,
    /// `AdminEmailInsert`: what the mail to the user says.
    #[serde(default)]
    pub admin_email_insert: String,
}

/// What is noted of one phone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Conduct {
    /// The moments, in Exchange's time, of the incidents that may still count.
    pub incidents_ms: BTreeMap<Behaviour, Vec<u64>>,
    /// The block that is on: why, and until when in Exchange's time.
    pub block: Option<(Behaviour, u64)>,
}

impl Behaviour {
    /// Why a phone with this behaviour is refused.
    pub fn reason(self) -> AccessReason {
        match self {
            Self::UserAgentsChanges => AccessReason::UserAgentsChanges,
            Self::RecentCommands => AccessReason::RecentCommands,
            Self::Watsons => AccessReason::Watsons,
            Self::OutOfBudgets => AccessReason::OutOfBudgets,
            Self::SyncCommands => AccessReason::SyncCommands,
            Self::EnableNotificationEmail => AccessReason::EnableNotificationEmail,
            Self::CommandFrequency => AccessReason::CommandFrequency,
        }
    }
}

/// The autoblock that a phone is under: why, and for how many more milliseconds.
pub fn block_of(device: &Device, moment: &Moment) -> Option<(Behaviour, u64)> {
    let (behaviour, until_ms) = device.conduct.as_ref()?.block?;
    (moment.elapsed_ms < until_ms).then(|| (behaviour, until_ms - moment.elapsed_ms))
}

/// Says whether a reason is one of autoblock's.
pub fn is_autoblock(reason: AccessReason) -> bool {
    match reason {
        AccessReason::UserAgentsChanges
        | AccessReason::RecentCommands
        | AccessReason::Watsons
        | AccessReason::OutOfBudgets
        | AccessReason::SyncCommands
        | AccessReason::EnableNotificationEmail
        | AccessReason::CommandFrequency => true,
        AccessReason::Unknown
        | AccessReason::Global
        | AccessReason::Individual
        | AccessReason::DeviceRule
        | AccessReason::Upgrade
        | AccessReason::Policy => false,
    }
}

/// Notes an incident on `device`, and the block that follows from it; returns what else happens.
/// Without a threshold, and before 2013, nobody counts.
pub fn note(
    world: &World,
    owner: &Mailbox,
    device: &mut Device,
    behaviour: Behaviour,
    moment: &Moment,
) -> Vec<Event> {
    let Some(threshold) = world.settings.autoblock.get(&behaviour) else { return Vec::new() };
    if !world.blueprint.version.is_modern() || block_of(device, moment).is_some() {
        return Vec::new();
    }
    let conduct = device.conduct.get_or_insert_default();
    let incidents = conduct.incidents_ms.entry(behaviour).or_default();
    let within_ms = threshold.within_minutes.saturating_mul(MINUTE_MS);
    incidents.retain(|at| moment.elapsed_ms.saturating_sub(*at) < within_ms);
    incidents.push(moment.elapsed_ms);
    if incidents.len() > INCIDENTS_MAX {
        incidents.remove(0);
    }
    if u32::try_from(incidents.len()).unwrap_or(u32::MAX) <= threshold.limit {
        return Vec::new();
    }
    incidents.clear();
    let block_ms = threshold.block_minutes.saturating_mul(MINUTE_MS);
    conduct.block = Some((behaviour, moment.elapsed_ms.saturating_add(block_ms)));
    device.state = AccessState::Blocked;
    device.reason = behaviour.reason();
    device.rule = None;
    device.discovery_ends_ms = None;
    device.decided_ms = moment.elapsed_ms;
    device.changed = later(moment.now, device.changed);
    mail::about(world, owner, device, moment)
}

#[cfg(test)]
mod tests;
