//! Owns which facts could be changed about the reasons of a verdict.

use exgate_domain::case::{Case, Management, Sibling, Unmatched};
use exgate_domain::decision::Reason;

use super::changes::{Change, Enrolment};
use super::platforms::Platform;
use super::search::Search;
use super::wants::Wants;
use crate::bundles::Targeting;
use crate::verdict::is_managed;

/// One state of the case, whose reasons are looked at.
pub(super) struct Candidates<'a> {
    pub(super) search: Search<'a>,
    pub(super) case: &'a Case,
    pub(super) wants: Option<Wants<'a>>,
}

impl Candidates<'_> {
    pub(super) fn change(&self, reason: Reason) -> Vec<Change> {
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

    fn report(&self) -> Option<Change> {
        let Management::Managed { record, basis: _ } = &self.case.management else { return None };
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
