//! All records in memory, by source, and what they say about one device of one mailbox.
//!
//! A source that is too old, was never read, or lists no device at all is not believed: as long as
//! the answer hangs on it, nobody can be asked, and nothing is tightened. Whose a mailbox was stays known,
//! so that it is still known which policy says what then happens.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use exgate_domain::case::{Management, Unmatched};
use exgate_domain::ids::{DeviceId, OrganizationId};
use exgate_domain::record::{ManagedDevice, Provenance, User};

use crate::directory::{Directory, addresses};
use crate::matching::Devices;

/// One source's records.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) name: String,
    pub(super) precedence: u32,
    pub(super) only_for: Option<BTreeSet<OrganizationId>>,
    pub(super) allow_empty: bool,
    pub(super) devices: Arc<Devices>,
    pub(super) users: Arc<Directory>,
    pub(super) read_at: Option<Timestamp>,
    pub(super) problem: String,
}

/// How a source is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceState {
    /// Its name.
    pub name: String,
    /// Devices it gave last.
    pub devices: u64,
    /// Users it gave last.
    pub users: u64,
    /// When it was last read without a mistake.
    pub read_at: Option<Timestamp>,
    /// What was wrong at the last try; empty when nothing was.
    pub problem: String,
}

/// What the records say about one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The person whose mailbox it is.
    pub owner: Option<User>,
    /// The record that is the device, or why there is none.
    pub management: Management,
}

/// The records of all sources at one instant.
#[derive(Debug, Clone, Default)]
pub struct Records {
    pub(super) sources: Vec<Source>,
    pub(super) max_age: SignedDuration,
}

/// Whether a source can be relied on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trust {
    /// It was read lately.
    Fresh,
    /// It was not; why, for people.
    Stale(String),
}

impl Source {
    pub(super) fn provenance(&self, read_at: Timestamp) -> Provenance {
        Provenance { source: self.name.clone(), read_at }
    }

    pub(super) fn trust(&self, max_age: SignedDuration, now: Timestamp) -> Trust {
        let Some(read_at) = self.read_at else {
            return Trust::Stale(format!("source {} was never read", self.name));
        };
        if now.duration_since(read_at) <= max_age {
            return Trust::Fresh;
        }
        let limit = match (max_age.as_mins(), max_age.as_secs()) {
            (minutes, seconds) if minutes * 60 == seconds => format!("{minutes} minutes"),
            (_, seconds) => format!("{seconds} seconds"),
        };
        Trust::Stale(format!(
            "source {} was last read at {read_at:.0}, and {limit} is the limit",
            self.name
        ))
    }

    /// The user with this address.
    fn user(&self, address: &str, read_at: Timestamp) -> Option<User> {
        let user = self.users.find(address)?;
        Some(User { provenance: self.provenance(read_at), ..user.clone() })
    }

    /// Whether its list of devices is believed when a device is not on it.
    pub(super) fn lists_devices(&self) -> bool {
        self.allow_empty || !self.devices.is_empty()
    }

    fn state(&self) -> SourceState {
        SourceState {
            name: self.name.clone(),
            devices: self.devices.len() as u64,
            users: self.users.len() as u64,
            read_at: self.read_at,
            problem: self.problem.clone(),
        }
    }
}

impl Records {
    /// How the sources are, by name.
    pub fn states(&self) -> Vec<SourceState> {
        let mut states: Vec<_> = self.sources.iter().map(Source::state).collect();
        states.sort_by(|one, other| one.name.cmp(&other.name));
        states
    }

    /// Every group that somebody is in, as often as somebody is.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        self.sources.iter().flat_map(|source| source.users.groups())
    }

    /// Says what is known about a device of the mailbox with this address.
    pub fn say(
        &self,
        organization: &OrganizationId,
        address: &str,
        device: &DeviceId,
        now: Timestamp,
    ) -> Said {
        let mine = |source: &&Source| {
            source.only_for.as_ref().is_none_or(|only_for| only_for.contains(organization))
        };
        let (mut fresh, mut stale) = (Vec::new(), Vec::new());
        let mut doubt = None;
        for source in self.sources.iter().filter(mine) {
            match (source.trust(self.max_age, now), source.read_at) {
                (Trust::Fresh, Some(read_at)) => fresh.push((source, read_at)),
                (Trust::Fresh, None) => {}
                (Trust::Stale(why), read_at) => {
                    stale.extend(read_at.map(|read_at| (source, read_at, why.clone())));
                    doubt = doubt.or(Some(why));
                }
            }
        }
        let unavailable = |why| Management::Unavailable { why };
        let owner = fresh.iter().find_map(|(source, read_at)| source.user(address, *read_at));
        if owner.is_none() {
            let known = stale
                .into_iter()
                .find_map(|(source, read_at, why)| Some((source.user(address, read_at)?, why)));
            if let Some((owner, why)) = known {
                return Said { owner: Some(owner), management: unavailable(why) };
            }
        }
        let management = match (matched(&fresh, owner.as_ref(), address, device), doubt) {
            (Ok(_), Some(why)) if owner.is_none() => unavailable(why),
            (Ok(managed), _) => managed,
            (Err(_), Some(why)) => unavailable(why),
            (Err(_), None) if !fresh.iter().any(|(source, _)| source.lists_devices()) => {
                unavailable(nobody(&fresh, organization))
            }
            (Err(unmatched), None) => Management::Unmanaged(unmatched),
        };
        Said { owner, management }
    }
}

/// The first source's answer that is a record, else the most telling reason.
fn matched(
    fresh: &[(&Source, Timestamp)],
    owner: Option<&User>,
    address: &str,
    device: &DeviceId,
) -> Result<Management, Unmatched> {
    let mut known: Vec<&str> = owner.map(|owner| addresses(owner).collect()).unwrap_or_default();
    known.push(address);
    let mut reason = Unmatched::NoRecord;
    for (source, read_at) in fresh {
        match source.devices.matching(device, &known) {
            Ok(found) => {
                let provenance = source.provenance(*read_at);
                let record = ManagedDevice { provenance, ..found.record.clone() };
                return Ok(Management::Managed { record: Box::new(record), basis: found.basis });
            }
            Err(Unmatched::NoRecord) => {}
            Err(Unmatched::OtherUser) if reason == Unmatched::Ambiguous => {}
            Err(why) => reason = why,
        }
    }
    Err(reason)
}

fn nobody(fresh: &[(&Source, Timestamp)], organization: &OrganizationId) -> String {
    match fresh.first() {
        None => format!("no source of records is configured for organization {organization}"),
        Some((source, _)) => {
            let name = &source.name;
            format!(
                "source {name} lists no device at all (set sources.{name}.allow_empty = true if that is so)"
            )
        }
    }
}

#[cfg(test)]
mod tests;
