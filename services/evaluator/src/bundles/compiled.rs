//! Owns policies in the form they are decided by: names resolved, groups numbered, expressions compiled.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use exgate_domain::policy::{
    AccessPolicy, CompliancePolicy, ExpressionRule, LocalRule, Pattern, Selection, trimmed,
};

use crate::bundles::diagnostic::Position;
use crate::bundles::fold;
use crate::expressions::Expression;
use crate::verdict::lies_under;

/// Where something stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Where {
    pub(crate) path: String,
    pub(crate) at: Position,
}

/// A rule of a compliance policy that is written as an expression.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) written: ExpressionRule,
    pub(crate) expression: Expression,
}

/// A compliance policy.
#[derive(Debug, Clone)]
pub(crate) struct Compliance {
    pub(crate) policy: CompliancePolicy,
    pub(crate) rules: Vec<Rule>,
}

impl Compliance {
    pub(crate) fn new(policy: CompliancePolicy, rules: Vec<Rule>) -> Self {
        Self { policy, rules }
    }
}

/// A local rule of an access policy.
#[derive(Debug, Clone)]
pub(crate) struct Local {
    pub(crate) written: LocalRule,
    pub(crate) when: Option<Expression>,
}

impl Local {
    /// Whether every device is meant.
    pub(crate) fn matches_all(&self) -> bool {
        self.when.is_none() && self.written.selection == Selection::default()
    }

    /// Whether a rule after this one can never match.
    pub(crate) fn shadows(&self, later: &Self) -> bool {
        let (mine, theirs) = (&self.written.selection, &later.written.selection);
        let patterns = |mine: &[Pattern], theirs: &[Pattern]| {
            mine.is_empty()
                || !theirs.is_empty()
                    && theirs.iter().all(|it| mine.iter().any(|wider| wider.covers(it)))
        };
        let names = |mine: &[String], theirs: &[String]| {
            let has = |it: &String| mine.iter().any(|wider| fold(wider) == fold(it));
            mine.is_empty() || !theirs.is_empty() && theirs.iter().all(has)
        };
        let units = |mine: &[String], theirs: &[String]| {
            // What is covered is every mailbox that lies under it.
            let has =
                |it: &String| mine.iter().any(|wider| lies_under(&format!("CN=x,{it}"), wider));
            mine.is_empty() || !theirs.is_empty() && theirs.iter().all(has)
        };
        let (mine_asks, theirs_ask) = (self.written.when.as_deref(), later.written.when.as_deref());
        (mine_asks.is_none() || mine_asks.map(str::trim) == theirs_ask.map(str::trim))
            && patterns(&mine.device_ids, &theirs.device_ids)
            && patterns(&mine.device_types, &theirs.device_types)
            && patterns(&mine.device_models, &theirs.device_models)
            && patterns(&mine.device_oses, &theirs.device_oses)
            && patterns(&mine.user_agents, &theirs.user_agents)
            && patterns(&mine.protocol_versions, &theirs.protocol_versions)
            && patterns(&mine.users, &theirs.users)
            && names(&mine.groups, &theirs.groups)
            && units(&mine.organizational_units, &theirs.organizational_units)
    }
}

/// An access policy as it is written, or as an overlay makes it.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    pub(crate) policy: AccessPolicy,
    pub(crate) local: Vec<Local>,
    pub(crate) origin: Origin,
}

/// Where an access policy comes from.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    /// Where its name stands.
    pub(crate) place: Where,
    /// What an overlay made of it; none for a policy as it is written.
    pub(crate) overlaid: Option<Overlaid>,
}

/// What of a policy comes from an overlay; all else comes from its base.
#[derive(Debug, Clone)]
pub(crate) struct Overlaid {
    /// Name of the base.
    pub(crate) base: String,
    /// Where the base's name stands.
    pub(crate) base_place: Where,
    /// The keys that the overlay writes, such as `access.unmanaged`.
    pub(crate) keys: Vec<&'static str>,
    /// How many of the first local rules are the overlay's.
    pub(crate) local_rules: usize,
    /// How many of the first protected users and groups are the overlay's.
    pub(crate) protected: (usize, usize),
}

/// The groups that any policy names, numbered.
///
/// Owners are in dozens of groups that no policy names, and every decision asks for all of them: those
/// are passed over by their length, and the others looked up without memory of their own, as long as they
/// are ASCII.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    count: usize,
    /// Folded names and their numbers, by the hash of the name.
    named: HashMap<u64, Vec<(String, usize)>, BuildHasherDefault<AsItIs>>,
    /// Bit n: a name of n bytes is there; the last bit stands for all longer ones.
    lengths: u128,
}

/// The hasher of what is a hash already.
#[derive(Debug, Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = hash(bytes);
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// FNV-1a over the letters without case, as far as they are ASCII.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01b3)
    })
}

fn length_bit(name: &str) -> u128 {
    1 << name.len().min(127)
}

impl Groups {
    /// The number of a group, new ones included.
    fn number(&mut self, group: &str) -> usize {
        let name = fold(group);
        if let Some(number) = self.folded(&name) {
            return number;
        }
        let number = self.count;
        self.count += 1;
        self.lengths |= length_bit(&name);
        self.named.entry(hash(name.as_bytes())).or_default().push((name, number));
        number
    }

    fn all(&mut self, groups: &[String]) -> Vec<usize> {
        groups.iter().map(|group| self.number(group)).collect()
    }

    /// Which of them somebody is in.
    pub(crate) fn membership(&self, groups: &[String]) -> Membership {
        let mut membership = Membership::default();
        for group in groups {
            if let Some(number) = self.find(trimmed(group)) {
                membership.add(number);
            }
        }
        membership
    }

    fn find(&self, group: &str) -> Option<usize> {
        // What is not ASCII may change its length with its case.
        if group.is_ascii() { self.folded(group) } else { self.folded(&fold(group)) }
    }

    /// The number of a name in which no letter but an ASCII one has a case.
    fn folded(&self, name: &str) -> Option<usize> {
        if self.lengths & length_bit(name) == 0 {
            return None;
        }
        let mut alike = self.named.get(&hash(name.as_bytes()))?.iter();
        alike.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, number)| *number)
    }
}

/// Some groups by number. The first 64 need no memory of their own.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Membership {
    first: u64,
    rest: Vec<u64>,
}

impl Membership {
    fn add(&mut self, number: usize) {
        let bit = 1_u64 << (number % 64);
        let Some(index) = (number / 64).checked_sub(1) else {
            self.first |= bit;
            return;
        };
        if self.rest.len() <= index {
            self.rest.resize(index + 1, 0);
        }
        if let Some(word) = self.rest.get_mut(index) {
            *word |= bit;
        }
    }

    /// Whether a group is one of them.
    pub(crate) fn has(&self, number: usize) -> bool {
        let word = match (number / 64).checked_sub(1) {
            None => Some(&self.first),
            Some(index) => self.rest.get(index),
        };
        word.is_some_and(|word| word & (1_u64 << (number % 64)) != 0)
    }
}

/// An access policy with its names resolved.
#[derive(Debug)]
pub(crate) struct Targeting {
    pub(crate) policy: AccessPolicy,
    pub(crate) local: Vec<TargetedLocal>,
    /// Numbers of its groups, in the order in which they are written.
    included: Vec<usize>,
    excluded: Vec<usize>,
    protected: Vec<usize>,
    pub(crate) origin: Origin,
    /// Places of its compliance policies in the bundle.
    pub(crate) compliance: Vec<usize>,
}

/// A local rule with its groups numbered.
#[derive(Debug)]
pub(crate) struct TargetedLocal {
    pub(crate) rule: Local,
    groups: Vec<usize>,
}

impl TargetedLocal {
    /// Whether a person with these groups is meant.
    pub(crate) fn is_for(&self, groups: &Membership) -> bool {
        self.groups.is_empty() || self.groups.iter().any(|group| groups.has(*group))
    }
}

impl Targeting {
    pub(crate) fn new(written: Written, groups: &mut Groups, compliance: &[Compliance]) -> Self {
        let Written { policy, local, origin } = written;
        let place = |name: &String| compliance.iter().position(|it| it.policy.name == *name);
        let local = local
            .into_iter()
            .map(|rule| TargetedLocal { groups: groups.all(&rule.written.selection.groups), rule });
        let local = local.collect();
        Self {
            local,
            included: groups.all(&policy.included_groups),
            excluded: groups.all(&policy.excluded_groups),
            protected: groups.all(&policy.protected_groups),
            compliance: policy.compliance_policies.iter().filter_map(place).collect(),
            policy,
            origin,
        }
    }

    /// Whether the policy is for this organization.
    pub(crate) fn is_for(&self, organization: &str) -> bool {
        self.policy.organizations.include(organization)
    }

    /// The first of the policy's included groups among these, as the policy spells it.
    pub(crate) fn included(&self, groups: &Membership) -> Option<&str> {
        first(&self.policy.included_groups, &self.included, groups)
    }

    /// The first of the policy's excluded groups among these, as the policy spells it.
    pub(crate) fn excluded(&self, groups: &Membership) -> Option<&str> {
        first(&self.policy.excluded_groups, &self.excluded, groups)
    }

    /// The first of the policy's protected groups among these, as the policy spells it.
    pub(crate) fn protected(&self, groups: &Membership) -> Option<&str> {
        first(&self.policy.protected_groups, &self.protected, groups)
    }
}

fn first<'a>(written: &'a [String], numbers: &[usize], groups: &Membership) -> Option<&'a str> {
    let mut pairs = numbers.iter().zip(written);
    pairs.find(|(number, _)| groups.has(**number)).map(|(_, written)| written.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_found_without_case_however_many_there_are() {
        let mut groups = Groups::default();
        let names: Vec<_> = (0..200).map(|number| format!("Gruppe Ä {number}")).collect();
        let numbers = groups.all(&names);
        let mut mine = vec![" gruppe ä 3 ".to_owned(), "GRUPPE Ä 170".to_owned()];
        mine.push("Mail users".to_owned());
        let membership = groups.membership(&mine);
        let found: Vec<_> = numbers.iter().filter(|number| membership.has(**number)).collect();
        assert_eq!(found, [&3, &170]);
        assert_eq!(groups.number(&"x".repeat(200)), 200);
        assert!(groups.membership(&["X".repeat(200)]).has(200));
    }
}
