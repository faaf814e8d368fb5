//! Intent x observed -> the difference, as an edit of one mailbox's two lists. Pure.
//!
//! It takes no hint about what changed: run again after its edit was made it finds nothing to do.
//! Only ids of devices that a decision covers are put on or taken off a list; every other entry is
//! somebody else's and stays.

use std::collections::BTreeMap;

use exgate_domain::command::ListEdit;
use exgate_domain::ids::DeviceId;
use exgate_domain::observation::{
    AccessRule, AccessState, EasDevice, Mailbox, OrganizationSettings,
};
use exgate_domain::policy::Access;
use exgate_domain::precedence::{Prediction, Situation, Step, predict};

/// What the organization itself says, beside the mailbox's lists.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// Its device access rules.
    pub rules: &'a [AccessRule],
    /// Its settings.
    pub settings: &'a OrganizationSettings,
}

/// One device of the mailbox and what should become of it.
#[derive(Debug, Clone, Copy)]
pub struct Intended<'a> {
    /// The device as it was observed.
    pub device: &'a EasDevice,
    /// What the last decision says; leave when there is none.
    pub access: Access,
}

/// What one mailbox needs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference {
    /// The change to its lists; empty when it is as it should be.
    pub edit: ListEdit,
    /// What that means for each device id, in the order of the ids.
    pub effects: Vec<Effect>,
}

impl Difference {
    /// Whether the edit lets any device do more than now.
    pub fn loosens(&self) -> bool {
        self.effects.iter().any(|effect| effect.turn == Turn::Loosen)
    }

    /// What it means for one device.
    pub fn effect(&self, device: &DeviceId) -> Option<&Effect> {
        self.effects.iter().find(|effect| effect.device == *device)
    }
}

/// What an edit means for one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// The device.
    pub device: DeviceId,
    /// What should become of it.
    pub access: Access,
    /// Whether the edit names it.
    pub pending: bool,
    /// Which way the edit moves it.
    pub turn: Turn,
    /// What Exchange does with it once the edit is made.
    pub after: Prediction,
    /// What a person should know about how this is done, in one line; empty when it is plain.
    pub note: String,
}

/// Which way an edit moves a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Turn {
    /// It may do more.
    Loosen,
    /// It may do as much as before.
    Keep,
    /// It may do less.
    Tighten,
}

/// Where an id has to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// On neither list.
    Neither,
    /// On the allowed list only.
    Allowed,
    /// On the blocked list only.
    Blocked,
    /// Where it is.
    AsItIs,
}

/// Compares what should be with what was seen in one mailbox.
pub fn reconcile(mailbox: &Mailbox, devices: &[Intended<'_>], order: Order<'_>) -> Difference {
    // Two partnerships may carry one id; the lists know only the id.
    let mut by_id: BTreeMap<&DeviceId, Vec<Intended<'_>>> = BTreeMap::new();
    for intended in devices {
        by_id.entry(&intended.device.device_id).or_default().push(*intended);
    }
    let mut difference = Difference::default();
    for (id, same) in by_id {
        let (place, note) = place(mailbox, &same, order);
        let pending = put(&mut difference.edit, mailbox, id, place);
        difference.effects.extend(same.first().map(|first| {
            let before = predict(at(mailbox, first.device, order));
            let moved = moved(mailbox, id, place);
            let after = predict(at(&moved, first.device, order));
            let note = if note.is_empty() { unreached(first.access, &after) } else { note };
            let turn = if pending { turn(&before, &after) } else { Turn::Keep };
            Effect { device: id.clone(), access: first.access, pending, turn, after, note }
        }));
    }
    difference
}

/// The mailbox as it is once `edit` was made.
pub fn edited(mailbox: &Mailbox, edit: &ListEdit) -> Mailbox {
    let change = |list: &[DeviceId], add: &[DeviceId], remove: &[DeviceId]| {
        let mut ids: Vec<_> = list.iter().filter(|id| !remove.contains(id)).cloned().collect();
        ids.extend(add.iter().filter(|id| !list.contains(id)).cloned());
        ids.sort();
        ids
    };
    Mailbox {
        allowed_ids: change(&mailbox.allowed_ids, &edit.allowed_add, &edit.allowed_remove),
        blocked_ids: change(&mailbox.blocked_ids, &edit.blocked_add, &edit.blocked_remove),
        ..mailbox.clone()
    }
}

/// Where an id has to stand for its intent, and what a person should know about it.
fn place(mailbox: &Mailbox, same: &[Intended<'_>], order: Order<'_>) -> (Place, String) {
    let access = same.iter().map(|intended| intended.access).max().unwrap_or(Access::Leave);
    let discovery =
        same.iter().any(|intended| intended.device.access_state == AccessState::DeviceDiscovery);
    match access {
        Access::Leave => (Place::AsItIs, String::new()),
        Access::Allow => (Place::Allowed, String::new()),
        Access::Quarantine | Access::Block if discovery => {
            let note = "waits while Exchange finds out what the device is (device discovery)";
            (Place::AsItIs, note.to_owned())
        }
        Access::Block => (Place::Blocked, String::new()),
        Access::Quarantine => {
            let let_in = same.iter().find_map(|intended| {
                let bare = moved(mailbox, &intended.device.device_id, Place::Neither);
                let outcome = predict(at(&bare, intended.device, order));
                (!is_kept_out(&outcome.state)).then_some(outcome)
            });
            match let_in {
                None => (Place::Neither, String::new()),
                Some(outcome) => (Place::Blocked, held_by_block(&outcome)),
            }
        }
    }
}

/// Why a device that should be quarantined stands on the blocked list.
fn held_by_block(outcome: &Prediction) -> String {
    let because = match outcome.step {
        Step::AllowRule => format!("device access rule {:?} would let it in", outcome.rule),
        Step::Authentication
        | Step::ActiveSyncDisabled
        | Step::MailboxPolicy
        | Step::PersonalBlock
        | Step::PersonalAllow
        | Step::BlockRule
        | Step::QuarantineRule
        | Step::DefaultLevel => {
            "the organization's default access level would let it in".to_owned()
        }
    };
    format!("held by the mailbox's blocked list, because {because}")
}

/// What keeps an intent from coming true although the lists are right; empty when nothing does.
fn unreached(access: Access, after: &Prediction) -> String {
    match access {
        Access::Allow if after.state != AccessState::Allowed => {
            format!("on the allowed list, but kept out: {}", after.step.title())
        }
        Access::Leave | Access::Allow | Access::Quarantine | Access::Block => String::new(),
    }
}

/// Whether a device in this state gets no mail.
fn is_kept_out(state: &AccessState) -> bool {
    match state {
        AccessState::Blocked | AccessState::Quarantined => true,
        AccessState::Allowed
        | AccessState::Unknown
        | AccessState::DeviceDiscovery
        | AccessState::Unrecognised(_) => false,
    }
}

/// Adds to `edit` what brings `id` to its place; says whether that is anything.
fn put(edit: &mut ListEdit, mailbox: &Mailbox, id: &DeviceId, place: Place) -> bool {
    let (allowed, blocked) = match place {
        Place::AsItIs => return false,
        Place::Neither => (false, false),
        Place::Allowed => (true, false),
        Place::Blocked => (false, true),
    };
    let one = |list: &[DeviceId], want, add: &mut Vec<DeviceId>, remove: &mut Vec<DeviceId>| {
        // An entry is taken off in the spelling in which it stands on the list.
        match (list.iter().find(|entry| *entry == id), want) {
            (None, true) => add.push(id.clone()),
            (Some(entry), false) => remove.push(entry.clone()),
            (None, false) | (Some(_), true) => return false,
        }
        true
    };
    let on_allowed =
        one(&mailbox.allowed_ids, allowed, &mut edit.allowed_add, &mut edit.allowed_remove);
    let on_blocked =
        one(&mailbox.blocked_ids, blocked, &mut edit.blocked_add, &mut edit.blocked_remove);
    on_allowed || on_blocked
}

/// The mailbox with one id at its place.
fn moved(mailbox: &Mailbox, id: &DeviceId, place: Place) -> Mailbox {
    let mut edit = ListEdit::default();
    put(&mut edit, mailbox, id, place);
    edited(mailbox, &edit)
}

fn turn(before: &Prediction, after: &Prediction) -> Turn {
    let strictness = |state: &AccessState| match state {
        AccessState::Allowed => 0,
        AccessState::Unknown | AccessState::DeviceDiscovery | AccessState::Unrecognised(_) => 1,
        AccessState::Quarantined => 2,
        AccessState::Blocked => 3,
    };
    match strictness(&after.state).cmp(&strictness(&before.state)) {
        std::cmp::Ordering::Less => Turn::Loosen,
        std::cmp::Ordering::Equal => Turn::Keep,
        std::cmp::Ordering::Greater => Turn::Tighten,
    }
}

fn at<'a>(mailbox: &'a Mailbox, device: &'a EasDevice, order: Order<'a>) -> Situation<'a> {
    Situation { device, mailbox, rules: order.rules, settings: order.settings }
}

#[cfg(test)]
mod tests;
