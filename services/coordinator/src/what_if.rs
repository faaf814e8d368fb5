//! What other policies change, case by case and in sum: by organization, group, platform and reason.
//! Pure. The sums count every case once in each table but that of groups, and take no more memory the
//! more cases there are.

use std::collections::{BTreeMap, HashMap};

use exgate_domain::case::{Case, Management};
use exgate_domain::decision::{Decision, Reason};
use exgate_domain::ids::OrganizationId;
use exgate_domain::observation::AccessState;
use exgate_domain::policy::Access;

use crate::store::folded;

/// The most platforms with a row of their own; anybody can make up a device type.
const PLATFORMS_MAX: usize = 100;
/// The row of the platforms beyond.
const OTHER_PLATFORMS: &str = "(others)";
/// The platform of a device that says nothing of itself.
const UNKNOWN_PLATFORM: &str = "(unknown)";

/// What is decided about a device, in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What to do.
    pub access: Access,
    /// Why, the weightiest first; empty where there is no policy.
    pub reasons: Vec<Reason>,
}

impl Answer {
    /// What holds where there is no policy.
    pub const NO_POLICY: Self = Self { access: Access::Leave, reasons: Vec::new() };
}

impl From<Decision> for Answer {
    fn from(decision: Decision) -> Self {
        let Decision { access, reasons, .. } = decision;
        Self { access, reasons }
    }
}

/// Which way the access of a device changes. It has mail when it is allowed, and when it is left as it
/// is and Exchange lets it in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Turn {
    /// It loses mail.
    LoseMail,
    /// It gains mail.
    GainMail,
    /// It is blocked instead of quarantined.
    Stricter,
    /// It is quarantined instead of blocked.
    Looser,
    /// It is no longer left as it is, with no change of mail.
    TakenOver,
    /// It is left as it is, with no change of mail.
    LeftAlone,
}

impl Turn {
    /// All of them, the gravest first.
    pub const ALL: [Self; 6] = [
        Self::LoseMail,
        Self::GainMail,
        Self::Stricter,
        Self::Looser,
        Self::TakenOver,
        Self::LeftAlone,
    ];
}

/// Which way a device that Exchange shows in `state` goes from one access to another; none when it is
/// the same.
pub fn turn(before: Access, after: Access, state: &AccessState) -> Option<Turn> {
    if before == after {
        return None;
    }
    Some(match (has_mail(before, state), has_mail(after, state)) {
        (true, false) => Turn::LoseMail,
        (false, true) => Turn::GainMail,
        (true, true) | (false, false) if after == Access::Leave => Turn::LeftAlone,
        (true, true) | (false, false) if before == Access::Leave => Turn::TakenOver,
        (true, true) | (false, false) if after > before => Turn::Stricter,
        (true, true) | (false, false) => Turn::Looser,
    })
}

fn has_mail(access: Access, state: &AccessState) -> bool {
    match access {
        Access::Allow => true,
        Access::Quarantine | Access::Block => false,
        Access::Leave => *state == AccessState::Allowed,
    }
}

/// How many cases change which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// All of them.
    pub cases: u64,
    /// Those with the same access.
    pub unchanged: u64,
    /// Those that lose mail.
    pub lose_mail: u64,
    /// Those that gain mail.
    pub gain_mail: u64,
    /// Those that are blocked instead of quarantined.
    pub stricter: u64,
    /// Those that are quarantined instead of blocked.
    pub looser: u64,
    /// Those that are no longer left as they are.
    pub taken_over: u64,
    /// Those that are left as they are.
    pub left_alone: u64,
}

impl Tally {
    fn add(&mut self, turn: Option<Turn>) {
        self.cases += 1;
        *match turn {
            None => &mut self.unchanged,
            Some(Turn::LoseMail) => &mut self.lose_mail,
            Some(Turn::GainMail) => &mut self.gain_mail,
            Some(Turn::Stricter) => &mut self.stricter,
            Some(Turn::Looser) => &mut self.looser,
            Some(Turn::TakenOver) => &mut self.taken_over,
            Some(Turn::LeftAlone) => &mut self.left_alone,
        } += 1;
    }

    /// How many change.
    pub fn changed(&self) -> u64 {
        self.cases - self.unchanged
    }
}

/// The cases of one platform or group, under its name as it was first spelled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The name.
    pub name: String,
    /// How its cases change.
    pub tally: Tally,
}

impl Row {
    fn named(name: &str) -> Self {
        Self { name: name.to_owned(), tally: Tally::default() }
    }
}

/// All sums.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sums {
    /// All cases.
    pub total: Tally,
    /// By organization.
    pub organizations: BTreeMap<OrganizationId, Tally>,
    /// By group, in the order in which they were named.
    pub groups: Vec<Row>,
    /// By the weightiest reason of the new answer.
    pub reasons: HashMap<Reason, Tally>,
    /// By platform, by its folded name.
    platforms: BTreeMap<String, Row>,
    /// Where the row of each folded group is.
    group_places: HashMap<String, usize>,
}

impl Sums {
    /// Nothing is counted yet; each of `groups` will have a row.
    pub fn of_groups(groups: &[String]) -> Self {
        let places = groups.iter().enumerate();
        Self {
            groups: groups.iter().map(|name| Row::named(name)).collect(),
            group_places: places.map(|(place, group)| (folded(group), place)).collect(),
            ..Self::default()
        }
    }

    /// Counts one case, and says which way it changes.
    pub fn add(&mut self, case: &Case, before: &Answer, after: &Answer) -> Option<Turn> {
        let turn = turn(before.access, after.access, &case.device.access_state);
        self.total.add(turn);
        self.organizations.entry(case.organization.clone()).or_default().add(turn);
        for place in self.groups_of(case) {
            if let Some(row) = self.groups.get_mut(place) {
                row.tally.add(turn);
            }
        }
        self.platform(platform(case)).tally.add(turn);
        if let Some(reason) = after.reasons.first() {
            self.reasons.entry(*reason).or_default().add(turn);
        }
        turn
    }

    /// By platform.
    pub fn platforms(&self) -> impl Iterator<Item = &Row> {
        self.platforms.values()
    }

    /// The rows of the groups that the owner is in, each once however often it is named.
    fn groups_of(&self, case: &Case) -> Vec<usize> {
        let Some(owner) = case.owner.as_ref().filter(|_| !self.groups.is_empty()) else {
            return Vec::new();
        };
        let place = |group: &String| self.group_places.get(&folded(group)).copied();
        let mut places: Vec<_> = owner.groups.iter().filter_map(place).collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    fn platform(&mut self, name: &str) -> &mut Row {
        let is_full = self.platforms.len() >= PLATFORMS_MAX;
        let name = match is_full && !self.platforms.contains_key(&folded(name)) {
            true => OTHER_PLATFORMS,
            false => name,
        };
        self.platforms.entry(folded(name)).or_insert_with(|| Row::named(name))
    }
}

/// A device's platform: the record's operating system, without a record Exchange's device type.
pub fn platform(case: &Case) -> &str {
    let recorded = match &case.management {
        Management::Managed { record, .. } => record.operating_system.trim(),
        Management::Unmanaged(_) | Management::Unavailable { .. } => "",
    };
    let known = if recorded.is_empty() { case.device.device_type.trim() } else { recorded };
    if known.is_empty() { UNKNOWN_PLATFORM } else { known }
}

#[cfg(test)]
mod tests;
