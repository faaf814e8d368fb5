//! Owns the facts that somebody can change, each as a change of a case and as a step that a help desk
//! can read out.

use exgate_domain::case::{Case, Management, MatchBasis};
use exgate_domain::ids::DeviceId;
use exgate_domain::record::{
    ComplianceState, ManagedDevice, ManagementAgent, OwnerType, ThreatState,
};

use super::release::Release;
use crate::bundles::fold;

/// A fact that somebody can change.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Change {
    /// The owner is in one of these groups, each of which was tried.
    JoinGroup { groups: Vec<String>, policy: String },
    /// The owner is not in this group.
    LeaveGroup { group: String, policy: String },
    /// The owner holds the licence.
    Licence,
    /// The device is enrolled, and then meets what is asked.
    Enrol { record: Box<ManagedDevice>, how: Enrolment, wants: Vec<String> },
    /// The device reports what is missing, and it is in order.
    Report { record: Box<ManagedDevice> },
    /// exgate knows when the device last synchronised mail, which only Exchange can tell.
    ReadStatistics,
    /// The threat defence, whose state is this, finds the device in order.
    Defend(ThreatState),
    /// The device talks to its MDM.
    CheckIn,
    /// The system is newer.
    Update(Release),
    /// It is another device, which has to be enrolled unless this one is.
    OtherDevice { record: Box<ManagedDevice>, is_enrolled: bool, wants: Vec<String> },
    /// Storage is encrypted.
    Encrypt,
    /// The original system is back.
    Restore,
    /// A passcode is set.
    SetPasscode,
    /// The threat is gone.
    RemoveThreat,
    /// The MDM knows whose it is.
    CorrectOwner(OwnerType),
    /// Something else manages it.
    ManageBy(ManagementAgent),
    /// The MDM calls it compliant.
    SatisfyMdm,
    /// Mail is synchronised.
    Sync,
    /// Another device of the mailbox is gone.
    RemoveDevice { id: DeviceId, kind: String },
    /// Of the mailbox's devices that come first, only so many are left.
    RemoveDevices { ids: Vec<DeviceId>, before: u32, left: u32 },
}

/// What stands in the way of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Enrolment {
    /// There is none.
    Missing,
    /// It is another person's.
    OtherUsers,
    /// There are several.
    Several,
    /// Nothing but Exchange ActiveSync manages the device.
    NotFully,
}

impl Change {
    /// Whether only an administrator can do it.
    pub(super) fn is_for_administrators(&self) -> bool {
        match self {
            Self::JoinGroup { .. }
            | Self::LeaveGroup { .. }
            | Self::Licence
            | Self::ReadStatistics
            | Self::CorrectOwner(_)
            | Self::ManageBy(_)
            | Self::Enrol { how: Enrolment::OtherUsers | Enrolment::Several, .. } => true,
            Self::Enrol { how: Enrolment::Missing | Enrolment::NotFully, .. }
            | Self::Report { .. }
            | Self::Defend(_)
            | Self::CheckIn
            | Self::Update(_)
            | Self::OtherDevice { .. }
            | Self::Encrypt
            | Self::Restore
            | Self::SetPasscode
            | Self::RemoveThreat
            | Self::SatisfyMdm
            | Self::Sync
            | Self::RemoveDevice { .. }
            | Self::RemoveDevices { .. } => false,
        }
    }

    /// Whether the MDM learns of it only when the device talks to it.
    pub(super) fn has_to_be_reported(&self) -> bool {
        match self {
            Self::Update(_)
            | Self::Defend(_)
            | Self::Encrypt
            | Self::Restore
            | Self::SetPasscode
            | Self::RemoveThreat
            | Self::SatisfyMdm => true,
            Self::JoinGroup { .. }
            | Self::LeaveGroup { .. }
            | Self::Licence
            | Self::Enrol { .. }
            | Self::Report { .. }
            | Self::ReadStatistics
            | Self::CheckIn
            | Self::OtherDevice { .. }
            | Self::CorrectOwner(_)
            | Self::ManageBy(_)
            | Self::Sync
            | Self::RemoveDevice { .. }
            | Self::RemoveDevices { .. } => false,
        }
    }

    /// Makes the change.
    pub(super) fn apply(&self, case: &mut Case) {
        match self {
            Self::JoinGroup { groups, policy: _ } => {
                if let Some(owner) = &mut case.owner {
                    owner.groups.extend(groups.first().cloned());
                }
            }
            Self::LeaveGroup { group, policy: _ } => {
                if let Some(owner) = &mut case.owner {
                    owner.groups.retain(|one| fold(one) != fold(group));
                }
            }
            Self::Licence => {
                if let Some(owner) = &mut case.owner {
                    owner.licensed = Some(true);
                }
            }
            Self::Enrol { record, .. } | Self::OtherDevice { record, .. } => {
                let (record, basis) = (record.clone(), MatchBasis::EasIdAndUser);
                case.management = Management::Managed { record, basis };
            }
            Self::Sync | Self::ReadStatistics => case.last_sync_at = Some(case.now),
            Self::RemoveDevice { id, kind: _ } => {
                case.siblings.retain(|sibling| sibling.device_id != *id);
            }
            Self::RemoveDevices { ids, .. } => {
                case.siblings.retain(|sibling| !ids.contains(&sibling.device_id));
            }
            Self::Report { .. }
            | Self::Defend(_)
            | Self::CheckIn
            | Self::Update(_)
            | Self::Encrypt
            | Self::Restore
            | Self::SetPasscode
            | Self::RemoveThreat
            | Self::CorrectOwner(_)
            | Self::ManageBy(_)
            | Self::SatisfyMdm => self.apply_to_record(case),
        }
    }

    fn apply_to_record(&self, case: &mut Case) {
        let now = case.now;
        let Management::Managed { record, basis: _ } = &mut case.management else { return };
        match self {
            Self::Report { record: ideal } => fill(record, ideal),
            Self::CheckIn => record.last_check_in_at = Some(now),
            Self::Update(release) => update(record, release),
            Self::Encrypt => record.is_encrypted = Some(true),
            Self::Restore => record.jail_broken = Some(false),
            Self::SetPasscode => record.passcode_compliant = Some(true),
            Self::RemoveThreat | Self::Defend(_) => {
                record.threat_state = Some(ThreatState::Secured);
            }
            Self::CorrectOwner(owner) => record.owner_type = Some(*owner),
            Self::ManageBy(agent) => record.management_agent = Some(*agent),
            Self::SatisfyMdm => record.compliance = ComplianceState::Compliant,
            Self::JoinGroup { .. }
            | Self::LeaveGroup { .. }
            | Self::Licence
            | Self::Enrol { .. }
            | Self::OtherDevice { .. }
            | Self::ReadStatistics
            | Self::Sync
            | Self::RemoveDevice { .. }
            | Self::RemoveDevices { .. } => {}
        }
    }
}

fn update(record: &mut ManagedDevice, release: &Release) {
    let Release { version, build, patch, .. } = release;
    // Some MDMs tell the build with the version: it has to outlive the version's change.
    let known = build.or_else(|| crate::verdict::build(record));
    if let Some(version) = version {
        record.os_version = version.to_string();
    }
    if let Some(build) = known {
        record.os_build = build.to_string();
    }
    record.security_patch_level = patch.or(record.security_patch_level);
}

/// Takes over what a record does not know.
fn fill(record: &mut ManagedDevice, ideal: &ManagedDevice) {
    if record.operating_system.trim().is_empty() {
        record.operating_system.clone_from(&ideal.operating_system);
    }
    if crate::verdict::build(record).is_none() {
        record.os_build.clone_from(&ideal.os_build);
    }
    if crate::verdict::version(record).is_none() {
        record.os_version.clone_from(&ideal.os_version);
    }
    if matches!(record.compliance, ComplianceState::Unknown | ComplianceState::ConfigManager) {
        record.compliance = ideal.compliance;
    }
    record.security_patch_level = record.security_patch_level.or(ideal.security_patch_level);
    record.is_encrypted = record.is_encrypted.or(ideal.is_encrypted);
    record.jail_broken = record.jail_broken.or(ideal.jail_broken);
    record.passcode_compliant = record.passcode_compliant.or(ideal.passcode_compliant);
    // A threat defence that is known to be silent has to be heard by itself.
    record.threat_state = record.threat_state.or(ideal.threat_state);
    record.owner_type = record.owner_type.or(ideal.owner_type);
    record.management_agent = record.management_agent.or(ideal.management_agent);
    // The report is a contact by itself, and a clock that ran ahead is set by it.
    record.last_check_in_at = ideal.last_check_in_at;
}
