//! Owns what all state-changing cmdlets do alike: they ask before they act, rehearse with `-WhatIf`,
//! act as a whole or not at all, and are in the ledger once, whatever came of it.

use super::Call;
use super::complaint::Complaint;
use crate::behaviour::contact::Moment;
use crate::ledger::LedgerEntry;
use crate::world::World;
use crate::world::event::Event;

/// Plans a change and makes it happen. With `-WhatIf` the plan is made and nothing happens.
pub(super) fn write<T>(
    call: &Call,
    plan: impl FnOnce(&World, &Moment) -> Result<(Vec<Event>, T), Complaint>,
) -> Result<T, Complaint> {
    let rehearses = call.arguments.flag("WhatIf");
    let asks = call.arguments.boolean("Confirm").unwrap_or(call.cmdlet.confirms);
    let identity = call.arguments.text("Identity").or_else(|| call.arguments.text("Name"));
    let planned = call.live.change_at(Some(&call.domain_controller), |world, moment| {
        let outcome = if asks && !rehearses {
            Err(Complaint::nobody_to_ask(call.cmdlet))
        } else {
            plan(world, moment)
        };
        let (mut events, outcome) = match outcome {
            Ok((events, done)) => (if rehearses { Vec::new() } else { events }, Ok(done)),
            Err(complaint) => (Vec::new(), Err(complaint)),
        };
        let entry = LedgerEntry {
            sequence: 0,
            at: moment.now,
            organization: call.live.name.clone(),
            account: call.runspace.account.clone(),
            cmdlet: call.cmdlet.name.to_owned(),
            identity: identity.unwrap_or_default(),
            parameters: call.arguments.to_json(),
            changed: !events.is_empty(),
            error: outcome.as_ref().err().map(|complaint| complaint.reason().to_owned()),
        };
        events.push(Event::Ledger(Box::new(entry)));
        (events, outcome)
    });
    planned.map_err(|error| Complaint::journal(call.cmdlet, &error))?
}

/// The warning of a cmdlet that found everything as it should be.
pub(super) fn nothing_modified(what: &str) -> String {
    format!("The command completed successfully but no settings of '{what}' have been modified.")
}
