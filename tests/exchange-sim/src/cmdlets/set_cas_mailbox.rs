//! Owns `Set-CASMailbox`: the two personal lists, whether ActiveSync is on, and the policy.
//!
//! Source: its page of MicrosoftDocs/office-docs-powershell. Invariant: one call is one atomic change
//! of one mailbox, and every call is in the ledger, whether it changed anything or not.

use super::binding::Edit;
use super::complaint::Complaint;
use super::{Call, Record, Records};
use crate::behaviour::contact::{Moment, later};
use crate::ledger::LedgerEntry;
use crate::world::event::Event;
use crate::world::mailbox::{DEFAULT_POLICY, Mailbox};
use crate::world::{Found, World};

/// Runs `Set-CASMailbox`.
pub(super) fn run(call: &Call) -> Result<Records, Complaint> {
    let identity = call.arguments.text("Identity").unwrap_or_default();
    let planned = call.live.change(|world, moment| {
        let outcome = plan(call, world, &identity, moment);
        let mut events = Vec::new();
        let changed = matches!(&outcome, Ok(Outcome { after: Some(_), .. }));
        if let Ok(Outcome { after: Some(after), .. }) = &outcome {
            events.push(Event::Mailbox(Box::new(after.clone())));
        }
        let error = outcome.as_ref().err().map(|complaint| complaint.reason().to_owned());
        events.push(entry(call, &identity, moment, changed, error));
        (events, outcome)
    });
    let outcome = planned.map_err(|error| Complaint::journal(call.cmdlet, &error))?;
    outcome.map(|done| Records::of(done.warning.map(Record::Warning).into_iter()))
}

struct Outcome {
    after: Option<Mailbox>,
    warning: Option<String>,
}

fn plan(call: &Call, world: &World, identity: &str, moment: &Moment) -> Result<Outcome, Complaint> {
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
            apply(edit, list);
        }
    }
    if let Some(enabled) = call.arguments.boolean("ActiveSyncEnabled") {
        after.active_sync_enabled = enabled;
    }
    if let Some(value) = call.arguments.value("ActiveSyncMailboxPolicy") {
        match value.to_text().filter(|text| !text.is_empty()) {
            None => after.policy = None,
            Some(text) if text.eq_ignore_ascii_case(DEFAULT_POLICY) => {
                after.policy = Some(DEFAULT_POLICY.to_owned());
            }
            Some(text) => {
                let controller = &call.domain_controller;
                return Err(Complaint::not_found(call.cmdlet, version, &text, controller));
            }
        }
    }
    if call.arguments.flag("WhatIf") {
        return Ok(Outcome { after: None, warning: None });
    }
    if after == *before {
        let warning = format!(
            "The command completed successfully but no settings of '{}' have been modified.",
            before.canonical_name(&world.blueprint.domain)
        );
        return Ok(Outcome { after: None, warning: Some(warning) });
    }
    after.changed = later(moment.now, before.changed);
    after.access_changed_ms = moment.elapsed_ms;
    Ok(Outcome { after: Some(after), warning: None })
}

/// Edits a list of ids, which are compared without regard to case; the spelling sent is kept.
fn apply(edit: Edit, list: &mut Vec<String>) {
    match edit {
        Edit::Clear => list.clear(),
        Edit::Overwrite(ids) => {
            let mut fresh: Vec<String> = Vec::with_capacity(ids.len());
            for id in ids {
                if !Mailbox::lists(&fresh, &id) {
                    fresh.push(id);
                }
            }
            *list = fresh;
        }
        Edit::InPlace { add, remove } => {
            list.retain(|held| !Mailbox::lists(&remove, held));
            for id in add {
                if !Mailbox::lists(list, &id) {
                    list.push(id);
                }
            }
        }
    }
}

fn entry(
    call: &Call,
    identity: &str,
    moment: &Moment,
    changed: bool,
    error: Option<String>,
) -> Event {
    Event::Ledger(Box::new(LedgerEntry {
        sequence: 0,
        at: moment.now,
        organization: call.live.name.clone(),
        account: call.runspace.account.clone(),
        cmdlet: call.cmdlet.name.to_owned(),
        identity: identity.to_owned(),
        parameters: call.arguments.to_json(),
        changed,
        error,
    }))
}
