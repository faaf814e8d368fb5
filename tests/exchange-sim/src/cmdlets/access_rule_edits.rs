//! Owns `New-`, `Set-` and `Remove-ActiveSyncDeviceAccessRule`.
//!
//! Source: their pages. What a rule compares can not be changed afterwards, only what it decides. The
//! text of the refusal of a second rule of the same name is assumed.

use super::access_rules::{is_named, print};
use super::complaint::Complaint;
use super::directory_object::Printer;
use super::writing::{nothing_modified, write};
use super::{Call, Record, Records};
use crate::behaviour::contact::{Moment, later};
use crate::world::World;
use crate::world::event::Event;
use crate::world::organization::{AccessLevel, AccessRule, Characteristic};

/// Runs `New-ActiveSyncDeviceAccessRule`, which prints the rule.
pub(super) fn new(call: &Call) -> Result<Records, Complaint> {
    let text = |parameter| call.arguments.text(parameter).unwrap_or_default();
    let query_string = text("QueryString");
    let characteristic = Characteristic::parse(&text("Characteristic"));
    let level = AccessLevel::parse(&text("AccessLevel"));
    let (Some(characteristic), Some(access_level)) = (characteristic, level) else {
        return Ok(Records::none());
    };
    let (word, _) = characteristic.word();
    let name = format!("{query_string} ({word})");
    let rule = AccessRule { name, characteristic, query_string, access_level };
    let printer = Printer::of(call);
    let (blueprint, settings) = write(call, |world, moment| {
        let mut rules = world.rules.clone();
        rules.push(rule.clone());
        if AccessRule::problem(&rules).is_some() {
            return Err(call.already_exists(&rule.name));
        }
        Ok((changed(world, moment, rules), (world.blueprint.clone(), world.settings.clone())))
    })?;
    if call.arguments.flag("WhatIf") {
        return Ok(Records::none());
    }
    Ok(Records::of(std::iter::once(print(&rule, &printer, &blueprint, &settings))))
}

/// Runs `Set-ActiveSyncDeviceAccessRule`.
pub(super) fn set(call: &Call) -> Result<Records, Complaint> {
    let level = call.arguments.text("AccessLevel").and_then(|text| AccessLevel::parse(&text));
    let warning = write(call, |world, moment| {
        let place = place(call, world)?;
        let mut rules = world.rules.clone();
        if let (Some(rule), Some(level)) = (rules.get_mut(place), level) {
            rule.access_level = level;
        }
        if rules == world.rules {
            let identity = call.arguments.text("Identity").unwrap_or_default();
            return Ok((Vec::new(), Some(nothing_modified(&identity))));
        }
        Ok((changed(world, moment, rules), None))
    })?;
    Ok(Records::of(warning.map(Record::Warning).into_iter()))
}

/// Runs `Remove-ActiveSyncDeviceAccessRule`.
pub(super) fn remove(call: &Call) -> Result<Records, Complaint> {
    write(call, |world, moment| {
        let place = place(call, world)?;
        let mut rules = world.rules.clone();
        rules.remove(place);
        Ok((changed(world, moment, rules), ()))
    })?;
    Ok(Records::none())
}

/// Where the rule of `-Identity` stands.
fn place(call: &Call, world: &World) -> Result<usize, Complaint> {
    let identity = call.arguments.text("Identity").unwrap_or_default();
    let found = world.rules.iter().position(|rule| is_named(rule, &world.blueprint, &identity));
    found.ok_or_else(|| call.not_found(&identity))
}

fn changed(world: &World, moment: &Moment, rules: Vec<AccessRule>) -> Vec<Event> {
    let mut settings = world.settings.clone();
    settings.changed = later(moment.now, settings.changed);
    settings.access_changed_ms = moment.elapsed_ms;
    vec![Event::Settings(Box::new(settings)), Event::Rules(rules)]
}
