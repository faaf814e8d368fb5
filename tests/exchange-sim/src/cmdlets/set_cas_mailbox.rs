//! Owns `Set-CASMailbox`: the two personal lists, whether ActiveSync is on, the policy, and settings of
//! other protocols, which are kept and shown.
//!
//! Source: its page of MicrosoftDocs/office-docs-powershell. Invariant: one call is one atomic change
//! of one mailbox.

use std::borrow::Cow;

use super::catalogue::{Kind, PROTOCOLS};
use super::complaint::Complaint;
use super::listing::Scene;
use super::policies::is_named;
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
    let before = match world.find_mailbox(identity) {
        Found::One(mailbox) => mailbox,
        Found::None => {
            return Err(call.not_found(identity));
        }
        Found::Several(_) => return Err(call.ambiguous(identity)),
    };
    let domain = &world.blueprint.domain;
    let scene = Scene::of(world);
    if !scene.shows_phones(&call.runspace.engine, &before) {
        return Err(call.newer(&before.canonical_name(domain)));
    }
    if !call.runspace.rights.may_write(&before, domain) {
        return Err(call.out_of_scope(&before.canonical_name(domain)));
    }
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
    if let Some(has_partnership) = call.arguments.boolean("HasActiveSyncDevicePartnership") {
        after.has_partnership = has_partnership;
    }
    if let Some(name) = call.arguments.text("DisplayName") {
        after.display_name = name;
    }
    take_over(call, &mut after);
    if after == *before {
        let warning = nothing_modified(&before.canonical_name(&world.blueprint.domain));
        return Ok((Vec::new(), Some(warning)));
    }
    after.changed = later(moment.now, before.changed);
    after.access_changed_ms = moment.elapsed_ms;
    Ok((vec![Event::Mailbox(Box::new(after))], None))
}

/// Takes the settings that nothing here acts on.
fn take_over(call: &Call, mailbox: &mut Mailbox) {
    for setting in PROTOCOLS {
        let Some(value) = call.arguments.value(setting.name) else { continue };
        let held = mailbox.protocols.entry(setting.name.to_owned()).or_default();
        match (setting.kind, call.arguments.edit(setting.name)) {
            (Kind::Multi, Some(edit)) => edit.apply(held),
            (Kind::Boolean, _) if !value.is_nil() => {
                let flag = call.arguments.boolean(setting.name).unwrap_or_default();
                *held = vec![flag.to_string()];
            }
            (Kind::Word(words), _) => {
                let text = value.to_text().unwrap_or_default();
                let word = words.iter().filter(|word| word.eq_ignore_ascii_case(&text));
                *held = word.map(|word| (*word).to_owned()).collect();
            }
            (_, _) => *held = value.to_text().into_iter().map(Cow::into_owned).collect(),
        }
        mailbox.protocols.retain(|_, held| !held.is_empty());
    }
}

fn policy(call: &Call, world: &World, text: &str) -> Result<String, Complaint> {
    let named = world.policies.iter().find(|policy| is_named(policy, &world.blueprint, text));
    let missing = || call.not_found(text);
    named.map(|policy| policy.name.clone()).ok_or_else(missing)
}
