//! Owns the search for the smallest sets of changes that reach a goal. Every set is judged as a case of
//! its own: what is told is what the policies would say, not a guess at it.

use exgate_domain::case::Case;
use exgate_domain::decision::Reason;

use super::candidates::Candidates;
use super::changes::Change;
use super::notes::Notes;
use super::wants::Wants;
use super::{Language, targeting};
use crate::bundles::{Bundle, Membership, Targeting};
use crate::verdict::{Silence, Verdict, judge};

/// How often further facts are looked for that fail only when others were changed.
const ROUNDS_MAX: usize = 6;
/// The most facts of which every set is tried: each doubles the number of sets.
const CHANGES_MAX: usize = 10;
/// The most facts that are looked at. Of more than [`CHANGES_MAX`] one set is told that nothing can be
/// left out of, which is no longer sure to be the smallest.
const DISCOVERED_MAX: usize = 32;
/// The most sets of the smallest size that are told.
const SETS_MAX: usize = 3;
/// The most groups of a policy that are tried.
const GROUPS_MAX: usize = 8;
/// The most groups of all policies that are tried. With twelve flaws and a rule that nothing meets, all
/// their sets take 1.4 s where nothing is optimized.
const WAYS_MAX: usize = 32;

/// What would reach the goal.
#[derive(Debug)]
pub(super) enum Found {
    /// The smallest sets of changes; each is enough.
    Sets(Vec<Vec<Change>>),
    /// Nothing does. These changes are needed all the same, and what still stands in the way are these
    /// expressions.
    Nothing { needed: Vec<Change>, expressions: Vec<String> },
}

/// A case whose facts may be changed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Search<'a> {
    pub(super) bundle: &'a Bundle,
    pub(super) case: &'a Case,
    pub(super) language: Language,
}

/// What is set out from. Groups are no facts among others: who is in two of them may be the business of
/// a policy that was not meant.
#[derive(Debug, Default)]
struct Way<'a> {
    /// The policy that is to decide; any where one does already.
    policy: Option<&'a Targeting>,
    changes: Vec<Change>,
}

impl<'a> Search<'a> {
    /// The smallest sets of changes with which the verdict is as wanted.
    pub(super) fn smallest(&self, is_goal: impl Fn(&Verdict<'_>) -> bool) -> Found {
        let ways: Vec<_> =
            self.ways().into_iter().map(|way| self.discovered(way, &is_goal)).collect();
        let longest = ways.iter().map(|way| way.changes.len()).max().unwrap_or_default();
        // All of them together may do harm where some do not: every set is tried.
        for size in 1..=longest.min(CHANGES_MAX) {
            let mut sets = Vec::new();
            for set in ways.iter().flat_map(|way| self.sets(way, size, &is_goal)) {
                merge(&mut sets, set);
            }
            sets.truncate(SETS_MAX);
            if !sets.is_empty() {
                return Found::Sets(sets);
            }
        }
        if let Some(set) = ways.iter().find_map(|way| self.reduced(way, &is_goal)) {
            return Found::Sets(vec![set]);
        }
        let mut stuck = ways.into_iter().map(|way| (self.expressions(&way.changes), way.changes));
        let (expressions, needed) =
            stuck.find(|(expressions, _)| !expressions.is_empty()).unwrap_or_default();
        Found::Nothing { needed, expressions }
    }

    /// The ways that there are: one, or those into each policy where none is meant for the owner.
    fn ways(&self) -> Vec<Way<'a>> {
        let verdict = judge(self.bundle, self.case, &mut Silence);
        let owner = self.case.owner.as_ref();
        let is_nobodys = verdict.reasons.as_slice().contains(&Reason::NotTargeted);
        let Some(owner) = owner.filter(|_| is_nobodys) else { return vec![Way::default()] };
        let groups = self.bundle.membership(&owner.groups);
        let organization = self.case.organization.as_str();
        let asked = |one: &&Targeting| one.policy.enabled && one.is_for(organization);
        let into = |targeting| into(targeting, &groups);
        self.bundle.access().iter().filter(asked).flat_map(into).take(WAYS_MAX).collect()
    }

    /// The first sets of a size that reach the goal.
    fn sets(
        &self,
        way: &Way<'_>,
        size: usize,
        is_goal: impl Fn(&Verdict<'_>) -> bool,
    ) -> Vec<Vec<Change>> {
        let mut sets = Vec::new();
        for members in 1_u32..1 << way.changes.len().min(CHANGES_MAX) {
            if usize::try_from(members.count_ones()) != Ok(size) {
                continue;
            }
            let is_in = |place: &usize| members & (1 << place) != 0;
            let set = way.changes.iter().enumerate().filter(|(place, _)| is_in(place));
            let set: Vec<_> = set.map(|(_, change)| change.clone()).collect();
            if self.arrives(way, &set, &is_goal) {
                sets.push(set);
            }
            if sets.len() == SETS_MAX {
                break;
            }
        }
        sets
    }

    /// What is left of more changes than all sets can be tried of: without any one of them the goal is
    /// missed. None where all of them together do not reach it.
    fn reduced(
        &self,
        way: &Way<'_>,
        is_goal: impl Fn(&Verdict<'_>) -> bool,
    ) -> Option<Vec<Change>> {
        let mut set = way.changes.clone();
        if set.len() <= CHANGES_MAX || !self.arrives(way, &set, &is_goal) {
            return None;
        }
        for place in (0..set.len()).rev() {
            let left_out = set.remove(place);
            if !self.arrives(way, &set, &is_goal) {
                set.insert(place, left_out);
            }
        }
        Some(set)
    }

    /// Adds the changes that may matter. What fails only after other facts were changed is found by
    /// changing them.
    fn discovered(&self, way: Way<'a>, is_goal: impl Fn(&Verdict<'_>) -> bool) -> Way<'a> {
        let Way { policy, mut changes } = way;
        for _ in 0..ROUNDS_MAX {
            let case = self.changed(&changes);
            let verdict = judge(self.bundle, &case, &mut Silence);
            if is_goal(&verdict) {
                break;
            }
            let room = DISCOVERED_MAX.saturating_sub(changes.len());
            let further = self.candidates(&verdict, &case, policy).into_iter();
            let further: Vec<_> =
                further.filter(|change| !changes.contains(change)).take(room).collect();
            if further.is_empty() {
                break;
            }
            changes.extend(further);
        }
        Way { policy, changes }
    }

    /// The case with these facts changed.
    fn changed(&self, changes: &[Change]) -> Case {
        let mut case = self.case.clone();
        changes.iter().for_each(|change| change.apply(&mut case));
        case
    }

    /// Whether these changes reach the goal by the policy of their way.
    fn arrives(
        &self,
        way: &Way<'_>,
        changes: &[Change],
        is_goal: impl Fn(&Verdict<'_>) -> bool,
    ) -> bool {
        let decides =
            |verdict: &Verdict<'_>| way.policy.is_none_or(|it| it.policy.name == verdict.policy);
        self.reaches(changes, |verdict| is_goal(verdict) && decides(verdict))
    }

    fn reaches(&self, changes: &[Change], is_goal: impl Fn(&Verdict<'_>) -> bool) -> bool {
        is_goal(&judge(self.bundle, &self.changed(changes), &mut Silence))
    }

    /// The expressions that do not hold when all these changes were made.
    fn expressions(&self, changes: &[Change]) -> Vec<String> {
        let mut notes = Notes::new(self.language);
        judge(self.bundle, &self.changed(changes), &mut notes);
        let (_, _, seen) = notes.into_parts(false);
        seen.expressions
    }

    /// What could be changed about the reasons of a verdict.
    fn candidates(
        &self,
        verdict: &Verdict<'_>,
        case: &Case,
        way: Option<&Targeting>,
    ) -> Vec<Change> {
        let targeting = targeting(self.bundle, *verdict);
        let wants = targeting.map(|targeting| Wants::of(self.bundle, targeting));
        let about = Candidates { search: *self, case, way, wants };
        let reasons = verdict.reasons.as_slice().iter();
        let mut changes: Vec<Change> = Vec::new();
        for change in reasons.flat_map(|reason| about.change(*reason)) {
            if !changes.contains(&change) {
                changes.push(change);
            }
        }
        changes
    }
}

/// The ways into a policy: by each of its groups, or by leaving one that is excluded.
fn into<'a>(targeting: &'a Targeting, groups: &Membership) -> Vec<Way<'a>> {
    let written = &targeting.policy;
    let policy = Some(targeting);
    if targeting.included(groups).is_some() {
        return vec![Way { policy, changes: Vec::new() }];
    }
    let join = |group: &String| {
        let (groups, policy_name) = (vec![group.clone()], written.name.clone());
        Way { policy, changes: vec![Change::JoinGroup { groups, policy: policy_name }] }
    };
    written.included_groups.iter().take(GROUPS_MAX).map(join).collect()
}

/// Adds a set; those that differ by the group alone are told as one.
fn merge(sets: &mut Vec<Vec<Change>>, set: Vec<Change>) {
    if let Some((Change::JoinGroup { groups: further, policy: into }, rest)) = set.split_first() {
        for known in &mut *sets {
            if let Some((Change::JoinGroup { groups, policy }, others)) = known.split_first_mut()
                && policy == into
                && others == rest
            {
                groups.extend_from_slice(further);
                return;
            }
        }
    }
    sets.push(set);
}

#[cfg(test)]
mod tests;
