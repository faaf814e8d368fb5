//! Owns what would make a device allowed, reason by reason.

use exgate_domain::case::{Management, Unmatched};
use exgate_domain::decision::{Outcome, Reason};
use exgate_domain::policy::{CompliancePolicy, PlatformRequirements};
use exgate_domain::record::ManagedDevice;

use super::About;

impl About<'_> {
    /// One cure a reason, in the same order.
    pub(super) fn cures(&self) -> Vec<String> {
        let reasons = self.decision.reasons.iter();
        reasons.flat_map(|reason| self.cure(*reason)).filter(|cure| !cure.is_empty()).collect()
    }

    fn cure(&self, reason: Reason) -> Vec<String> {
        let one = |text: &str| vec![text.to_owned()];
        match reason {
            Reason::Compliant | Reason::NotCompliant | Reason::InGracePeriod => Vec::new(),
            Reason::NotEnrolled => vec![self.enrol()],
            Reason::NotTargeted => self.target(),
            Reason::OwnerUnknown => vec![format!(
                "add {} to the directory, or correct the address there",
                self.case.mailbox.primary_smtp
            )],
            Reason::NotLicensed => vec![self.license()],
            Reason::RecordsUnavailable => vec![match &self.case.management {
                Management::Unavailable { why } => {
                    format!("make the records readable again: {why}")
                }
                Management::Managed { .. } | Management::Unmanaged(_) => String::new(),
            }],
            Reason::ComplianceUnknown => vec![format!(
                "check in, so that {} reports what is missing",
                self.record().map_or("the MDM", |record| record.provenance.source.as_str())
            )],
            Reason::OsVersionTooOld => vec![self.older()],
            Reason::OsVersionTooNew => vec![self.newer()],
            Reason::PlatformNotAllowed => self.platforms(),
            Reason::NotEncrypted => one("switch on the encryption of the storage and check in"),
            Reason::JailBroken => one("restore the original system, enrol again and check in"),
            Reason::CheckInTooOld => one("open the MDM's app on the device and check in"),
            Reason::OsBuildTooOld | Reason::SecurityPatchTooOld | Reason::OsVersionNotInRange => {
                one("install the latest update of the system and check in")
            }
            Reason::OsBuildTooNew => one("use a device with an older build"),
            Reason::PasscodeMissing => one("set a passcode that the MDM accepts and check in"),
            Reason::ThreatLevelTooHigh => {
                one("remove the threat that the threat defence app shows and check in")
            }
            Reason::OwnerTypeNotAllowed => one("use a device of an owner that is allowed"),
            Reason::ManagementAgentNotAllowed => one("enrol the device in an MDM that is allowed"),
            Reason::RuleNotMet => one("meet the rule that is named above"),
            Reason::Escalated | Reason::PlatformException | Reason::Protected => Vec::new(),
            Reason::Inactive => one("open mail on the device"),
            Reason::TooManyDevices => one("remove a device that is no longer used"),
            Reason::LocalRule => one("have the local rule changed that is named above"),
            Reason::MdmNotCompliant => vec![format!(
                "cure what {} shows as not compliant and check in",
                self.record().map_or("the MDM", |record| record.provenance.source.as_str())
            )],
        }
    }

    fn record(&self) -> Option<&ManagedDevice> {
        match &self.case.management {
            Management::Managed { record, basis: _ } => Some(record),
            Management::Unmanaged(_) | Management::Unavailable { .. } => None,
        }
    }

    fn enrol(&self) -> String {
        let (person, id) = (self.person(), &self.case.device.device_id);
        match &self.case.management {
            Management::Unmanaged(Unmatched::OtherUser) => {
                format!("enrol the device for {person}: its record is another person's")
            }
            Management::Unmanaged(Unmatched::Ambiguous) => {
                format!("remove the records in the MDM that are too many for {id}")
            }
            Management::Unmanaged(Unmatched::NoRecord)
            | Management::Managed { .. }
            | Management::Unavailable { .. } => {
                format!("enrol the device in the MDM for {person} and check in")
            }
        }
    }

    /// The change of group that each policy of the organization would need.
    fn target(&self) -> Vec<String> {
        let Some(owner) = &self.case.owner else { return Vec::new() };
        let groups = self.bundle.membership(&owner.groups);
        let asked =
            self.bundle.access().iter().filter(|one| one.is_for(self.case.organization.as_str()));
        asked
            .map(|targeting| {
                let policy = &targeting.policy;
                let person = self.person();
                match targeting.excluded(&groups) {
                    Some(group) if targeting.included(&groups).is_some() => {
                        format!("take {person} out of {group}, which {} excludes", policy.name)
                    }
                    Some(_) | None => format!(
                        "put {person} into {}, which {} includes",
                        policy.included_groups.join(" or "),
                        policy.name
                    ),
                }
            })
            .collect()
    }

    fn license(&self) -> String {
        let mut tried = self.decision.trace.iter().filter(|one| one.rule == "licenseRequired");
        if tried.any(|one| one.outcome == Outcome::Unknown) {
            format!("let the directory say whether {} holds the licence", self.person())
        } else {
            format!("give {} the licence", self.person())
        }
    }

    /// What the compliance policies that apply ask of the device's platform.
    fn requirements(&self) -> Vec<&PlatformRequirements> {
        let platform = self.record().map_or("", |record| record.operating_system.trim());
        let policies = self.policies().into_iter();
        policies
            .flat_map(|policy| &policy.platforms)
            .filter(|listed| listed.platform.eq_ignore_ascii_case(platform))
            .collect()
    }

    fn policies(&self) -> Vec<&CompliancePolicy> {
        let targeting = self.targeting.iter();
        targeting
            .flat_map(|targeting| self.bundle.compliance(targeting))
            .map(|compliance| &compliance.policy)
            .collect()
    }

    fn older(&self) -> String {
        let listed = self.requirements();
        let oldest = listed.iter().filter_map(|one| one.os_minimum.as_ref()).max();
        let platform = listed.first().map_or("the system", |one| one.platform.as_str());
        oldest
            .map(|version| format!("update {platform} to {version} or later and check in"))
            .unwrap_or_default()
    }

    fn newer(&self) -> String {
        let listed = self.requirements();
        let newest = listed.iter().filter_map(|one| one.os_maximum.as_ref()).min();
        let platform = listed.first().map_or("the system", |one| one.platform.as_str());
        newest
            .map(|version| format!("use a device with {platform} {version} or earlier"))
            .unwrap_or_default()
    }

    fn platforms(&self) -> Vec<String> {
        let platform = self.record().map_or("", |record| record.operating_system.trim());
        let lists = |policy: &&CompliancePolicy| {
            policy.platforms.iter().any(|one| one.platform.eq_ignore_ascii_case(platform))
        };
        let others = self.policies().into_iter().filter(|policy| !lists(policy));
        others
            .map(|policy| {
                let names: Vec<_> =
                    policy.platforms.iter().map(|one| one.platform.as_str()).collect();
                format!("use a device with {}, which {} lists", names.join(" or "), policy.name)
            })
            .collect()
    }
}
