//! Owns what each cmdlet does to the world and what it prints.
//!
//! `rights` says what an account may, `catalogue` which exist and with which parameters, `binding` makes arguments of what was sent,
//! `filter` reads OPATH, `complaint` writes error records, `rendering` the value shapes that Exchange
//! prints, `writing` what all state-changing ones do alike; then one file per cmdlet family. Invariant: a terminating refusal has no effect at all, and
//! output is made one object at a time, when it is asked for.

pub mod rights;
pub mod complaint;
pub mod binding;
pub mod filter;
pub mod rendering;
pub mod directory_object;
pub mod listing;
mod writing;
pub mod catalogue;
mod commands;
pub mod view;
mod servers;
mod organization_settings;
mod access_rules;
mod access_rule_edits;
mod classes;
mod policies;
mod policy_edits;
mod devices;
mod statistics;
mod wipes;
mod throttling;
mod cas_mailboxes;
mod set_cas_mailbox;
mod recipients;

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

use exgate_exchange::clixml::Value;

use crate::live::Live;
use crate::world::World;
use crate::world::event::Event;
use crate::world::organization::Version;
use binding::Arguments;
use catalogue::Cmdlet;
use complaint::Complaint;
use rights::Rights;
use view::View;

/// One thing a pipeline writes.
#[derive(Clone, Debug)]
pub enum Record {
    /// An object.
    Output(Value),
    /// An error that does not end the pipeline.
    Error(Complaint),
    /// A warning.
    Warning(String),
}

/// What a pipeline writes, made as it is taken.
pub struct Records(Box<dyn Iterator<Item = Record> + Send>);

impl Records {
    /// Nothing.
    pub fn none() -> Self {
        Self::of(std::iter::empty())
    }

    /// Everything that `records` will yield.
    pub fn of(records: impl Iterator<Item = Record> + Send + 'static) -> Self {
        Self(Box::new(records))
    }
}

impl Iterator for Records {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        self.0.next()
    }
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Records(..)")
    }
}

/// The server whose engine runs the cmdlets of a runspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Engine {
    /// The server's name, such as `EX01`.
    pub server: String,
    /// Which Exchange it runs.
    pub version: Version,
    /// Whether somebody else runs it, and the account is a tenant's.
    pub hosted: bool,
}

/// The runspace a cmdlet runs in.
#[derive(Clone, Debug)]
pub struct Runspace {
    /// Its id, which remoting adds to every object.
    pub id: Uuid,
    /// The account that opened it.
    pub account: String,
    /// What that account may.
    pub rights: Rights,
    /// The server that runs it.
    pub engine: Engine,
    /// What `Set-ADServerSettings` said.
    pub view: Arc<std::sync::Mutex<View>>,
}

/// A cmdlet as it was sent.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// Its name.
    pub name: String,
    /// Its arguments in order; without a name they are positional.
    pub arguments: Vec<(Option<String>, Value)>,
}

/// A bound cmdlet.
#[derive(Debug)]
pub struct Call {
    /// The organization.
    pub live: Arc<Live>,
    /// The runspace.
    pub runspace: Runspace,
    /// The cmdlet.
    pub cmdlet: &'static Cmdlet,
    /// Its arguments.
    pub arguments: Arguments,
    /// The domain controller that answers.
    pub domain_controller: String,
}

impl Call {
    /// Looks at the directory, as the domain controller that answers holds it.
    pub fn read<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        self.live.read_at(&self.domain_controller, look)
    }
}

/// Finds, binds and runs a cmdlet; the error ends the pipeline.
///
/// What Exchange itself refuses is written beside the output, and the pipeline completes; what
/// PowerShell refuses (no such cmdlet, parameter or filter) ends it.
pub fn run(
    live: &Arc<Live>,
    runspace: &Runspace,
    invocation: Invocation,
) -> Result<Records, Complaint> {
    let blueprint = live.read(|world| world.blueprint.clone());
    let found = catalogue::find(&invocation.name, &runspace.engine);
    let Some(cmdlet) = found.filter(|cmdlet| runspace.rights.shows(cmdlet)) else {
        return Err(Complaint::command_not_found(&invocation.name));
    };
    let arguments = binding::bind(cmdlet, runspace, invocation.arguments)?;
    let domain_controller =
        view::domain_controller(cmdlet, &arguments, runspace, &blueprint, &live.faults())?;
    let counted = vec![Event::Invoked(cmdlet.name.to_owned())];
    live.change(|_, _| (counted, ())).map_err(|error| Complaint::journal(cmdlet, &error))?;
    let call = Call {
        live: Arc::clone(live),
        runspace: runspace.clone(),
        cmdlet,
        arguments,
        domain_controller,
    };
    match (cmdlet.run)(&call) {
        Err(complaint) if complaint.is_written_beside_output() => {
            Ok(Records::of(std::iter::once(Record::Error(complaint))))
        }
        records => records,
    }
}

#[cfg(test)]
mod tests;
