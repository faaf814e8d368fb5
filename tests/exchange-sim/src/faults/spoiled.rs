//! Owns cmdlets whose result is spoiled: cut short, empty, or failing for one mailbox.
//!
//! Invariant: a cmdlet that fails for its one mailbox has no effect; one whose listing is spoiled had all
//! of it. The text of the failure is unverified.

use std::collections::HashSet;
use std::sync::Arc;

use uuid::Uuid;

use exgate_exchange::clixml::Value;

use super::{Kind, Site};
use crate::cmdlets::complaint::Complaint;
use crate::cmdlets::{self, Engine, Invocation, Record, Records, Runspace, catalogue};
use crate::live::Live;
use crate::world::mailbox::Mailbox;
use crate::world::{Found, World};

/// What fails, and with which words.
struct Failing {
    guids: HashSet<Uuid>,
    complaint: Complaint,
}

/// Runs a cmdlet, and spoils what it writes as the faults say.
pub fn run(
    live: &Arc<Live>,
    runspace: &Runspace,
    invocation: Invocation,
    server: &str,
) -> Result<Records, Complaint> {
    let name = invocation.name.clone();
    let site = Site { cmdlet: &name, server };
    let failing = match failing(live, &invocation, &site, &runspace.engine) {
        Some((failing, true)) => {
            return Ok(Records::of(std::iter::once(Record::Error(failing.complaint))));
        }
        Some((failing, false)) => Some(failing),
        None => None,
    };
    let records = cmdlets::run(live, runspace, invocation)?;
    if !is_listing(&name) {
        return Ok(records);
    }
    let cut = live.strikes(&site, |kind| matches!(kind, Kind::Truncate { .. } | Kind::Empty));
    let objects_max = match cut {
        Some(Kind::Truncate { objects }) => usize::try_from(objects).unwrap_or(usize::MAX),
        Some(_) => 0,
        None => return Ok(spared(records, failing)),
    };
    let output = records.filter(|record| matches!(record, Record::Output(_)));
    Ok(spared(Records::of(output.take(objects_max)), failing))
}

/// Puts an error in the place of every object of the failing mailbox.
fn spared(records: Records, failing: Option<Failing>) -> Records {
    let Some(Failing { guids, complaint }) = failing else { return records };
    Records::of(records.map(move |record| match &record {
        Record::Output(value) if guid(value).is_some_and(|guid| guids.contains(&guid)) => {
            Record::Error(complaint.clone())
        }
        Record::Output(_) | Record::Error(_) | Record::Warning(_) => record,
    }))
}

fn is_listing(cmdlet: &str) -> bool {
    cmdlet.get(..4).is_some_and(|verb| verb.eq_ignore_ascii_case("Get-"))
}

/// The mailbox that fails for this cmdlet, if one does, and whether the cmdlet is about it alone.
fn failing(
    live: &Live,
    invocation: &Invocation,
    site: &Site<'_>,
    engine: &Engine,
) -> Option<(Failing, bool)> {
    let faults = live.faults();
    faults.script.iter().filter(|held| held.concerns(site)).find_map(|held| {
        let Kind::FailMailbox { mailbox } = &held.fault else { return None };
        let failing = live.read(|world| prepared(world, invocation, mailbox, engine))?;
        let about = live.read(|world| is_about(world, invocation, &failing.guids));
        // A listing that names nothing may contain it.
        let is_occasion = about.unwrap_or_else(|| is_listing(&invocation.name));
        (is_occasion && live.strikes(site, |kind| *kind == held.fault).is_some())
            .then_some((failing, about == Some(true)))
    })
}

fn prepared(
    world: &World,
    invocation: &Invocation,
    mailbox: &str,
    engine: &Engine,
) -> Option<Failing> {
    let cmdlet = catalogue::find(&invocation.name, engine)?;
    let Found::One(owner) = world.find_mailbox(mailbox) else { return None };
    let text = format!("Cannot open mailbox {}.", owner.legacy_dn(&world.blueprint.name));
    let complaint = Complaint::exchange(cmdlet, engine, "StorageTransientException", text);
    Some(Failing { guids: concerned(world, &owner), complaint })
}

fn concerned(world: &World, owner: &Mailbox) -> HashSet<Uuid> {
    let devices = world.devices_of(owner.guid).map(|device| device.guid);
    std::iter::once(owner.guid).chain(devices).collect()
}

/// Says whether a cmdlet is about one of these objects alone; none when it names no object.
fn is_about(world: &World, invocation: &Invocation, guids: &HashSet<Uuid>) -> Option<bool> {
    let mut named = invocation.arguments.iter().filter(|(name, _)| {
        let name = name.as_deref().unwrap_or("Identity");
        ["Identity", "Mailbox"].iter().any(|held| held.eq_ignore_ascii_case(name))
    });
    let text = named.find_map(|(_, value)| value.to_text())?;
    let mailbox = match world.find_mailbox(&text) {
        Found::One(held) => Some(held.guid),
        Found::None | Found::Several(_) => None,
    };
    let device = match world.find_device(&text) {
        Found::One(held) => Some(held.guid),
        Found::None | Found::Several(_) => None,
    };
    Some(mailbox.or(device).is_some_and(|guid| guids.contains(&guid)))
}

fn guid(value: &Value) -> Option<Uuid> {
    Uuid::try_parse(&value.property("Guid")?.to_text()?).ok()
}
