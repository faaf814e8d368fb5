//! Owns which facts could be changed about the reasons of a verdict.

use exgate_domain::case::{Case, Management, Sibling, Unmatched};
use exgate_domain::decision::Reason;
use exgate_domain::record::ManagedDevice;

use super::changes::{Change, Enrolment};
use super::notes::Notes;
use super::platforms::Platform;
use super::search::Search;
use super::wants::Wants;
use crate::bundles::Targeting;
use crate::verdict::{is_managed, judge};

/// The most devices that each are a fact of their own; of more, only how many have to go is told.
const SIBLINGS_MAX: usize = 4;

/// One state of the case, whose reasons are looked at.
pub(super) struct Candidates<'a> {
    pub(super) search: Search<'a>,
    pub(super) case: &'a Case,
    /// The policy that is to decide, where none does.
    pub(super) way: Option<&'a Targeting>,
    pub(super) wants: Option<Wants<'a>>,
}

impl Candidates<'_> {
    pub(super) fn change(&self, reason: Reason) -> Vec<Change> {
        let one = |change: Change| vec![change];
        match reason {
            Reason::NotTargeted => self.excluded().into_iter().collect(),
            Reason::NotLicensed => one(Change::Licence),
            Reason::NotEnrolled => self.enrol().into_iter().collect(),
            Reason::ComplianceUnknown => self.missing(),
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

    /// The group that keeps the owner out of the policy that is to decide.
    fn excluded(&self) -> Option<Change> {
        let (targeting, owner) = (self.way?, self.case.owner.as_ref()?);
        let groups = self.search.bundle.membership(&owner.groups);
        let group = targeting.excluded(&groups)?.to_owned();
        Some(Change::LeaveGroup { group, policy: targeting.policy.name.clone() })
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
            // Enrolled, it would be refused for what it is.
            Some(Platform::Foreign(_)) => return self.other_device(),
            Some(Platform::Named(platform) | Platform::Untold(platform)) => {
                (platform, wants.in_words(platform, self.search.language))
            }
            // No compliance policy applies, and nothing is asked of the system.
            None => (device.device_os.as_str(), Vec::new()),
        };
        let record = Box::new(wants.ideal(self.case, platform));
        Some(Change::Enrol { record, how, wants: asked })
    }

    /// What could be found out, each from whoever owns it.
    fn missing(&self) -> Vec<Change> {
        let Management::Managed { record, basis: _ } = &self.case.management else {
            return Vec::new();
        };
        let statistics = self.case.last_sync_at.is_none().then_some(Change::ReadStatistics);
        let silent = record.threat_state.filter(|state| state.level().is_none());
        let defend = silent.map(Change::Defend);
        self.report(record).into_iter().chain(statistics).chain(defend).collect()
    }

    fn report(&self, record: &ManagedDevice) -> Option<Change> {
        let wants = self.wants.as_ref()?;
        let words = [record.operating_system.as_str(), &self.case.device.device_os];
        let platform = match wants.platform(&words) {
            // What it would report is that it is refused.
            Some(Platform::Foreign(_)) if record.operating_system.trim().is_empty() => {
                return self.other_device();
            }
            Some(platform) => platform.name(),
            None => &record.operating_system,
        };
        Some(Change::Report { record: Box::new(wants.ideal(self.case, platform)) })
    }

    fn update(&self) -> Option<Change> {
        let Management::Managed { record, basis: _ } = &self.case.management else { return None };
        self.wants.as_ref()?.update(record).map(Change::Update)
    }

    /// One of the same platform where that is allowed. What is asked of its system is told; all of it
    /// where it has to be enrolled first.
    fn other_device(&self) -> Option<Change> {
        let wants = self.wants.as_ref()?;
        let device = &self.case.device;
        let (system, is_enrolled) = match &self.case.management {
            Management::Managed { record, basis: _ } => {
                (record.operating_system.as_str(), is_managed(record))
            }
            Management::Unmanaged(_) | Management::Unavailable { .. } => {
                (device.device_os.as_str(), false)
            }
        };
        let platform = wants.platform(&[system])?.name();
        let record = Box::new(wants.ideal(self.case, platform));
        let language = self.search.language;
        let mut asked = wants.system(platform, language);
        if !is_enrolled {
            asked.extend(wants.state(platform, language));
        }
        Some(Change::OtherDevice { record, is_enrolled, wants: asked })
    }

    /// The mailbox's devices that come before this one, those first that were silent for longest.
    fn other_devices(&self) -> Vec<Change> {
        let Some((before, maximum)) = self.counted(self.case) else { return Vec::new() };
        let comes_first = |sibling: &&Sibling| {
            let mut without = self.case.clone();
            without.siblings.retain(|other| other.device_id != sibling.device_id);
            self.counted(&without).is_none_or(|(left, _)| left < before)
        };
        let mut siblings: Vec<&Sibling> = self.case.siblings.iter().filter(comes_first).collect();
        siblings.sort_by_key(|sibling| sibling.last_sync_at);
        if siblings.len() > SIBLINGS_MAX {
            let left = maximum.saturating_sub(1);
            let kept = usize::try_from(left).unwrap_or(usize::MAX);
            let ids = siblings.iter().take(siblings.len().saturating_sub(kept));
            let ids = ids.map(|sibling| sibling.device_id.clone()).collect();
            return vec![Change::RemoveDevices { ids, before, left }];
        }
        let remove = |sibling: &Sibling| {
            let (id, kind) = (sibling.device_id.clone(), sibling.device_type.clone());
            Change::RemoveDevice { id, kind }
        };
        siblings.into_iter().map(remove).collect()
    }

    /// How many devices come first and how many there may be, where those are too many.
    fn counted(&self, case: &Case) -> Option<(u32, u32)> {
        let mut notes = Notes::new(self.search.language);
        judge(self.search.bundle, case, &mut notes);
        let (_, _, seen) = notes.into_parts(false);
        seen.devices
    }
}
