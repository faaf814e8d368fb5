//! Owns `Set-CASMailbox`: the two personal lists, whether ActiveSync is on, and the policy.
//!
//! Source: its page of MicrosoftDocs/office-docs-powershell. Invariant: one call is one atomic change
//! of one mailbox.

use super::complaint::Complaint;
use super::writing::{nothing_modified, write};
use super::{Call, Record, Records};
use crate::behaviour::contact::{Moment, later};
use crate::world::event::Event;
use crate::world::mailbox::Mailbox;
use crate::world::{Found, World};

/// Runs `Set-CASMailbox`.
pub(super) fn run(call: &Call) -> Result<Records, Complaint> {
    let identity = call.arguments.text("Identity").unwrap_or_default();
    let warning = write(call, |world, moment| plan(call, world, &identity, moment))?;
    Ok(Records::of(warning.map(Record::Warning).into_iter()))
}

fn plan(
    call: &Call,
    world: &World,
    identity: &str,
    moment: &Moment,
) -> Result<(Vec<Event>, Option<String>), Complaint> {
    let version = world.blueprint.version;
    let before = match world.find_mailbox(identity) {
        Found::One(mailbox) => mailbox,
        Found::None => {
            let controller = &call.domain_controller;
            return Err(Complaint::not_found(call.cmdlet, version, identity, controller));
        }
        Found::Several(_) => return Err(Complaint::ambiguous(call.cmdlet, version, identity)),
    };
    let mut after = Mailbox::clone(&before);
    for (parameter, list) in [
        ("ActiveSyncAllowedDeviceIDs", &mut after.allowed_device_ids),
        ("ActiveSyncBlockedDeviceIDs", &mut after.blocked_device_ids),
    ] {
        if let Some(edit) = call.arguments.edit(parameter) {
            edit.apply(list);
        }
    }
    if let Some(enabled) = call.arguments.boolean("ActiveSyncEnabled") {
        after.active_sync_enabled = enabled;
    }
    if let Some(value) = call.arguments.value("ActiveSyncMailboxPolicy") {
        after.policy = match value.to_text().filter(|text| !text.is_empty()) {
            None => None,
            Some(text) => Some(policy(call, world, &text)?),
        };
    }
    if after == *before {
        let warning = nothing_modified(&before.canonical_name(&world.blueprint.domain));
        return Ok((Vec::new(), Some(warning)));
    }
    after.changed = later(moment.now, before.changed);
    after.access_changed_ms = moment.elapsed_ms;
    Ok((vec![Event::Mailbox(Box::new(after))], None))
}

fn policy(call: &Call, world: &World, text: &str) -> Result<String, Complaint> {
    let (version, controller) = (world.blueprint.version, &call.domain_controller);
    let named = world.policies.iter().find(|policy| policy.is_named(text));
    let missing = || Complaint::not_found(call.cmdlet, version, text, controller);
    named.map(|policy| policy.name.clone()).ok_or_else(missing)
}
