//! Owns the search for the smallest sets of changes that reach a goal. Every set is judged as a case of
//! its own: what is told is what the policies would say, not a guess at it.

use exgate_domain::case::Case;

use super::candidates::Candidates;
use super::changes::Change;
use super::notes::Notes;
use super::wants::Wants;
use super::{Language, targeting};
use crate::bundles::Bundle;
use crate::verdict::{Silence, Verdict, judge};

/// How often further facts are looked for that fail only when others were changed.
const ROUNDS_MAX: usize = 6;
/// The most facts whose sets are tried: each doubles the number of sets.
const CHANGES_MAX: usize = 10;
/// The most sets of the smallest size that are told.
const SETS_MAX: usize = 3;

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

impl Search<'_> {
    /// The smallest sets of changes with which the verdict is as wanted.
    pub(super) fn smallest(&self, is_goal: impl Fn(&Verdict<'_>) -> bool) -> Found {
        let changes = self.discover(&is_goal);
        // All of them together may do harm where some do not: every set is tried.
        for size in 1..=changes.len() {
            let sets = self.sets(&changes, size, &is_goal);
            if !sets.is_empty() {
                return Found::Sets(sets);
            }
        }
        let expressions = self.expressions(&changes);
        Found::Nothing { needed: changes, expressions }
    }

    /// The first sets of a size that reach the goal.
    fn sets(
        &self,
        changes: &[Change],
        size: usize,
        is_goal: impl Fn(&Verdict<'_>) -> bool,
    ) -> Vec<Vec<Change>> {
        let mut sets = Vec::new();
        for members in 1_u32..1 << changes.len().min(CHANGES_MAX) {
            if usize::try_from(members.count_ones()) != Ok(size) {
                continue;
            }
            let is_in = |place: &usize| members & (1 << place) != 0;
            let set = changes.iter().enumerate().filter(|(place, _)| is_in(place));
            let set: Vec<_> = set.map(|(_, change)| change.clone()).collect();
            if self.reaches(&set, &is_goal) {
                sets.push(set);
            }
            if sets.len() == SETS_MAX {
                break;
            }
        }
        sets
    }

    /// The changes that may matter. What fails only after other facts were changed is found by changing
    /// them.
    fn discover(&self, is_goal: impl Fn(&Verdict<'_>) -> bool) -> Vec<Change> {
        let mut changes: Vec<Change> = Vec::new();
        for _ in 0..ROUNDS_MAX {
            let case = self.changed(&changes);
            let verdict = judge(self.bundle, &case, &mut Silence);
            if is_goal(&verdict) {
                break;
            }
            let room = CHANGES_MAX.saturating_sub(changes.len());
            let further = self.candidates(&verdict, &case).into_iter();
            let further: Vec<_> =
                further.filter(|change| !changes.contains(change)).take(room).collect();
            if further.is_empty() {
                break;
            }
            changes.extend(further);
        }
        changes
    }

    /// The case with these facts changed.
    fn changed(&self, changes: &[Change]) -> Case {
        let mut case = self.case.clone();
        changes.iter().for_each(|change| change.apply(&mut case));
        case
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
    fn candidates(&self, verdict: &Verdict<'_>, case: &Case) -> Vec<Change> {
        let targeting = targeting(self.bundle, *verdict);
        let wants = targeting.map(|targeting| Wants::of(self.bundle, targeting));
        let about = Candidates { search: *self, case, wants };
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

#[cfg(test)]
mod tests;
