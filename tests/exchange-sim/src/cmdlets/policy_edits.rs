//! Owns `Set-`, `New-` and `Remove-` of `ActiveSyncMailboxPolicy` and `MobileDeviceMailboxPolicy`.
//!
//! Source: the cmdlet pages: the ranges of two settings, that one default policy unseats the other, that
//! `-Force` takes a question away. Which question is assumed: whether a policy in use may go.

use super::catalogue::SETTINGS;
use super::complaint::Complaint;
use super::directory_object::Printer;
use super::policies::{Names, is_named, print};
use super::writing::{nothing_modified, write};
use super::{Call, Record, Records};
use crate::behaviour::contact::{Moment, later};
use crate::world::World;
use crate::world::event::Event;
use crate::world::policy::MailboxPolicy;

/// Runs `Set-ActiveSyncMailboxPolicy`.
pub(super) fn set_active_sync(call: &Call) -> Result<Records, Complaint> {
    set(call, Names::ActiveSync)
}

/// Runs `Set-MobileDeviceMailboxPolicy`.
pub(super) fn set_mobile(call: &Call) -> Result<Records, Complaint> {
    set(call, Names::Mobile)
}

/// Runs `New-ActiveSyncMailboxPolicy`.
pub(super) fn new_active_sync(call: &Call) -> Result<Records, Complaint> {
    new(call, Names::ActiveSync)
}

/// Runs `New-MobileDeviceMailboxPolicy`.
pub(super) fn new_mobile(call: &Call) -> Result<Records, Complaint> {
    new(call, Names::Mobile)
}

fn set(call: &Call, names: Names) -> Result<Records, Complaint> {
    let warning = write(call, |world, moment| {
        let place = place(call, world)?;
        let mut policies = world.policies.clone();
        let Some(policy) = policies.get_mut(place) else { return Ok((Vec::new(), None)) };
        let before = policy.clone();
        take_over(call, names, policy)?;
        if let Some(name) = call.arguments.text("Name") {
            if is_taken(world, &name, &before) {
                return Err(call.already_exists(&name));
            }
            policy.name = name;
        }
        if *policy == before {
            return Ok((Vec::new(), Some(nothing_modified(&before.name))));
        }
        policy.changed = later(moment.now, before.changed);
        let mut events = renamed(world, &before.name, &policy.name);
        unseat(&mut policies, place, moment);
        events.push(Event::Policies(policies));
        Ok((events, None))
    })?;
    Ok(Records::of(warning.map(Record::Warning).into_iter()))
}

fn is_taken(world: &World, name: &str, but_for: &MailboxPolicy) -> bool {
    let mut others = world.policies.iter().filter(|held| held.guid != but_for.guid);
    others.any(|held| held.name.eq_ignore_ascii_case(name))
}

fn new(call: &Call, names: Names) -> Result<Records, Complaint> {
    let printer = Printer::of(call);
    let name = call.arguments.text("Name").unwrap_or_default();
    let (policy, blueprint) = write(call, |world, moment| {
        let mut policies = world.policies.clone();
        if policies.iter().any(|held| held.name.eq_ignore_ascii_case(&name)) {
            return Err(call.already_exists(&name));
        }
        let mut policy = MailboxPolicy::new(&name, &world.blueprint, moment.now);
        take_over(call, names, &mut policy)?;
        policies.push(policy.clone());
        let place = policies.len().saturating_sub(1);
        unseat(&mut policies, place, moment);
        Ok((vec![Event::Policies(policies)], (policy, world.blueprint.clone())))
    })?;
    if call.arguments.flag("WhatIf") {
        return Ok(Records::none());
    }
    Ok(Records::of(std::iter::once(print(&policy, names, &printer, &blueprint))))
}

/// Runs `Remove-*MailboxPolicy`: a policy that mailboxes have is asked about, whatever `-Confirm` says.
pub(super) fn remove(call: &Call) -> Result<Records, Complaint> {
    write(call, |world, _| {
        let place = place(call, world)?;
        let mut policies = world.policies.clone();
        let policy = policies.remove(place);
        let in_use = policy.is_default
            || world.mailboxes().any(|held| held.policy.as_ref() == Some(&policy.name));
        if in_use && !call.arguments.flag("Force") {
            return Err(Complaint::nobody_to_ask(call.cmdlet));
        }
        Ok((vec![Event::Policies(policies)], ()))
    })?;
    Ok(Records::none())
}

/// Where the policy of `-Identity` stands.
fn place(call: &Call, world: &World) -> Result<usize, Complaint> {
    let identity = call.arguments.text("Identity").unwrap_or_default();
    let named = |policy: &MailboxPolicy| is_named(policy, &world.blueprint, &identity);
    let missing = || call.not_found(&identity);
    world.policies.iter().position(named).ok_or_else(missing)
}

/// Takes the settings that were sent.
fn take_over(call: &Call, names: Names, policy: &mut MailboxPolicy) -> Result<(), Complaint> {
    for setting in SETTINGS {
        let Some(value) = call.arguments.value(names.of(setting)) else { continue };
        let text = match call.arguments.boolean(names.of(setting)) {
            Some(flag) if setting.kind == super::catalogue::Kind::Boolean => flag.to_string(),
            Some(_) | None => value.to_text().unwrap_or_default().into_owned(),
        };
        if let Some((least, most)) = range(setting.active_sync)
            && text.parse::<u32>().is_ok_and(|number| !(least..=most).contains(&number))
        {
            let problem = format!(
                "The property value is invalid. The value can't be lower than {least} or higher \
                 than {most}. Property name: {}",
                names.of(setting)
            );
            return Err(call.invalid(problem));
        }
        policy.settings.insert(setting.active_sync.to_owned(), text);
    }
    for flag in ["IsDefault", "IsDefaultPolicy"] {
        if let Some(is_default) = call.arguments.boolean(flag) {
            policy.is_default = is_default;
        }
    }
    for (parameter, list) in [
        ("ApprovedApplicationList", &mut policy.approved_applications),
        ("UnapprovedInROMApplicationList", &mut policy.unapproved_applications),
    ] {
        if let Some(edit) = call.arguments.edit(parameter) {
            edit.apply(list);
        }
    }
    Ok(())
}

/// The documented range of a setting.
fn range(setting: &str) -> Option<(u32, u32)> {
    match setting {
        "MinDevicePasswordLength" => Some((1, 16)),
        "MaxDevicePasswordFailedAttempts" => Some((4, 16)),
        "MinDevicePasswordComplexCharacters" => Some((1, 4)),
        "DevicePasswordHistory" => Some((0, 50)),
        _ => None,
    }
}

/// There is one default policy: the newest to be made it.
fn unseat(policies: &mut [MailboxPolicy], place: usize, moment: &Moment) {
    if !policies.get(place).is_some_and(|policy| policy.is_default) {
        return;
    }
    for (other, policy) in policies.iter_mut().enumerate() {
        if other != place && policy.is_default {
            policy.is_default = false;
            policy.changed = later(moment.now, policy.changed);
        }
    }
}

/// The mailboxes that have a policy go along with its name.
fn renamed(world: &World, before: &str, after: &str) -> Vec<Event> {
    if before == after {
        return Vec::new();
    }
    let having = world.mailboxes().filter(|held| held.policy.as_deref() == Some(before));
    let rename = |held: std::sync::Arc<crate::world::mailbox::Mailbox>| {
        let mut mailbox = std::sync::Arc::unwrap_or_clone(held);
        mailbox.policy = Some(after.to_owned());
        Event::Mailbox(Box::new(mailbox))
    };
    having.map(rename).collect()
}
