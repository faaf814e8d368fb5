//! Owns the search for the smallest sets of changes that reach a goal. Every set is judged as a case of
//! its own: what is told is what the policies would say, not a guess at it.

use exgate_domain::case::{Case, Management, Sibling, Unmatched};
use exgate_domain::decision::Reason;

use super::changes::{Change, Enrolment};
use super::notes::Notes;
use super::wants::Wants;
use super::{Language, targeting};
use crate::bundles::{Bundle, Targeting};
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

/// One state of the case, whose reasons are looked at.
struct Candidates<'a> {
    search: Search<'a>,
    case: &'a Case,
    wants: Option<Wants<'a>>,
}

impl Candidates<'_> {
    fn change(&self, reason: Reason) -> Vec<Change> {
        let one = |change: Change| vec![change];
        match reason {
            Reason::NotTargeted => self.groups(),
            Reason::NotLicensed => one(Change::Licence),
            Reason::NotEnrolled => self.enrol().into_iter().collect(),
            Reason::ComplianceUnknown => self.report().into_iter().collect(),
            Reason::OsVersionTooOld
            | Reason::OsBuildTooOld
            | Reason::OsVersionNotInRange
            | Reason::SecurityPatchTooOld
            | Reason::OsVersionTooNew
            | Reason::OsBuildTooNew => {
                let update = self.update().or_else(|| self.other_device());
                update.into_iter().collect()
            }
            Reason::PlatformNotAllowed => self.other_device().into_iter().collect(),
            Reason::NotEncrypted => one(Change::Encrypt),
            Reason::JailBroken => one(Change::Restore),
            Reason::PasscodeMissing => one(Change::SetPasscode),
            Reason::ThreatLevelTooHigh => one(Change::RemoveThreat),
            Reason::CheckInTooOld => one(Change::CheckIn),
            Reason::MdmNotCompliant => one(Change::SatisfyMdm),
            Reason::OwnerTypeNotAllowed => {
                let owner = self.wants.as_ref().and_then(Wants::owner_type);
                owner.map(Change::CorrectOwner).into_iter().collect()
            }
            Reason::ManagementAgentNotAllowed => {
                let agent = self.wants.as_ref().and_then(Wants::agent);
                agent.map(Change::ManageBy).into_iter().collect()
            }
            Reason::Inactive => one(Change::Sync),
            Reason::TooManyDevices => self.other_devices(),
            // Nobody changes these by a fact of the case.
            Reason::Compliant
            | Reason::NotCompliant
            | Reason::InGracePeriod
            | Reason::OwnerUnknown
            | Reason::RecordsUnavailable
            | Reason::RuleNotMet
            | Reason::Escalated
            | Reason::LocalRule
            | Reason::PlatformException
            | Reason::Protected => Vec::new(),
        }
    }

    /// The changes of groups that each policy of the organization would need.
    fn groups(&self) -> Vec<Change> {
        let Some(owner) = &self.case.owner else { return Vec::new() };
        let bundle = self.search.bundle;
        let groups = bundle.membership(&owner.groups);
        let organization = self.case.organization.as_str();
        let asked = |one: &&Targeting| one.policy.enabled && one.is_for(organization);
        let mut changes = Vec::new();
        for targeting in bundle.access().iter().filter(asked) {
            let policy = &targeting.policy;
            if targeting.included(&groups).is_none() {
                let groups = policy.included_groups.clone();
                changes.push(Change::JoinGroup { groups, policy: policy.name.clone() });
            }
            if let Some(group) = targeting.excluded(&groups) {
                let group = group.to_owned();
                changes.push(Change::LeaveGroup { group, policy: policy.name.clone() });
            }
        }
        changes
    }

    fn enrol(&self) -> Option<Change> {
        let how = match &self.case.management {
            Management::Unmanaged(Unmatched::NoRecord) => Enrolment::Missing,
            Management::Unmanaged(Unmatched::OtherUser) => Enrolment::OtherUsers,
            Management::Unmanaged(Unmatched::Ambiguous) => Enrolment::Several,
            Management::Managed { .. } => Enrolment::NotFully,
            Management::Unavailable { .. } => return None,
        };
        let wants = self.wants.as_ref()?;
        let device = &self.case.device;
        let words = [device.device_os.as_str(), &device.device_type, &device.device_model];
        let (platform, asked) = match wants.platform(&words) {
            Some(platform) => (platform, wants.in_words(platform, self.search.language)),
            // No compliance policy applies, and nothing is asked of the system.
            None => (device.device_os.as_str(), Vec::new()),
        };
        let record = Box::new(wants.ideal(self.case, platform));
        Some(Change::Enrol { record, how, wants: asked })
    }

    fn report(&self) -> Option<Change> {
        let Management::Managed { record, basis: _ } = &self.case.management else { return None };
        let wants = self.wants.as_ref()?;
        let words = [record.operating_system.as_str(), &self.case.device.device_os];
        let platform = wants.platform(&words).unwrap_or(&record.operating_system);
        Some(Change::Report { record: Box::new(wants.ideal(self.case, platform)) })
    }

    fn update(&self) -> Option<Change> {
        let Management::Managed { record, basis: _ } = &self.case.management else { return None };
        self.wants.as_ref()?.update(record).map(Change::Update)
    }

    fn other_device(&self) -> Option<Change> {
        let Management::Managed { record, basis: _ } = &self.case.management else { return None };
        let wants = self.wants.as_ref()?;
        let platform = wants.platform(&[&record.operating_system])?;
        let record = Box::new(wants.ideal(self.case, platform));
        let wants = wants.system(platform, self.search.language);
        Some(Change::OtherDevice { record, wants })
    }

    /// The mailbox's other devices, those first that were silent for longest.
    fn other_devices(&self) -> Vec<Change> {
        let mut siblings: Vec<&Sibling> = self.case.siblings.iter().collect();
        siblings.sort_by_key(|sibling| sibling.last_sync_at);
        let remove = |sibling: &Sibling| {
            let (id, kind) = (sibling.device_id.clone(), sibling.device_type.clone());
            Change::RemoveDevice { id, kind }
        };
        siblings.into_iter().map(remove).collect()
    }
}

#[cfg(test)]
mod tests;
