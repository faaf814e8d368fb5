//! Owns the words for a decision: sentences that a help desk can read out, and what would make it
//! allow. It decides nothing: whatever it says stands in the decision, its trace or the policies.

mod cures;

use exgate_domain::case::Case;
use exgate_domain::decision::{Decision, Outcome, Reason, Tried};
use exgate_domain::observation::AccessState;
use exgate_domain::policy::Access;

use crate::bundles::{Bundle, Targeting};

/// A decision in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// What it means, one sentence each, the most important first.
    pub sentences: Vec<String>,
    /// What would make it allow; empty when it does.
    pub cures: Vec<String>,
}

/// Puts a decision in words. The bundle and the case are those it was made from.
pub fn explain(bundle: &Bundle, case: &Case, decision: &Decision) -> Explanation {
    let about = About {
        case,
        decision,
        bundle,
        targeting: bundle.access().iter().find(|one| one.policy.name == decision.policy),
    };
    let mut sentences = vec![about.headline()];
    sentences.extend(decision.reasons.first().and_then(|reason| about.reason(*reason)));
    sentences.extend(decision.trace.iter().filter(|tried| about.tells(tried)).map(fact));
    if case.device.access_state == AccessState::DeviceDiscovery {
        let discovery = "Exchange is still finding out what the device is, for up to 14 minutes.";
        sentences.push(discovery.to_owned());
    }
    if let Some(at) = decision.look_again_at {
        sentences.push(format!("If nothing else changes, this is looked at again at {at}."));
    }
    let cures = match decision.access {
        Access::Allow => Vec::new(),
        Access::Leave | Access::Quarantine | Access::Block => about.cures(),
    };
    Explanation { sentences, cures }
}

/// What a decision is about.
struct About<'a> {
    case: &'a Case,
    decision: &'a Decision,
    bundle: &'a Bundle,
    /// The policy that decided, if one did.
    targeting: Option<&'a Targeting>,
}

impl About<'_> {
    /// The owner's name, or the mailbox's where the directory does not know the owner.
    fn person(&self) -> &str {
        let owner = self.case.owner.as_ref().map(|owner| owner.display_name.as_str());
        let mailbox = &self.case.mailbox;
        [owner.unwrap_or_default(), &mailbox.display_name, &mailbox.primary_smtp]
            .into_iter()
            .find(|name| !name.is_empty())
            .unwrap_or("the owner")
    }

    fn headline(&self) -> String {
        let device = &self.case.device;
        let kind = [device.device_model.as_str(), &device.device_type]
            .into_iter()
            .find(|name| !name.is_empty())
            .unwrap_or("device");
        let subject = format!("{}'s {kind} ({})", self.person(), device.device_id);
        let policy = &self.decision.policy;
        match self.decision.access {
            Access::Leave if policy.is_empty() => format!("{subject} is left as it is."),
            Access::Leave => format!("{subject} is left as it is, by the policy {policy}."),
            Access::Allow => format!("{subject} is allowed, by the policy {policy}."),
            Access::Quarantine => {
                format!("{subject} is held in quarantine, by the policy {policy}.")
            }
            Access::Block => format!("{subject} is blocked, by the policy {policy}."),
        }
    }

    /// The weightiest reason. What else is wrong is told by the rules tried.
    fn reason(&self, reason: Reason) -> Option<String> {
        let person = self.person();
        let text = match reason {
            Reason::Compliant => {
                "It is managed and meets every compliance policy that applies.".to_owned()
            }
            Reason::NotCompliant => "It is managed and not compliant.".to_owned(),
            Reason::InGracePeriod => {
                "It is managed and not compliant, and its grace period has not ended.".to_owned()
            }
            Reason::ComplianceUnknown => {
                "It is managed, but too little is known to call it compliant.".to_owned()
            }
            Reason::NotEnrolled => "It is not enrolled, as far as the records say.".to_owned(),
            Reason::NotTargeted => format!("No policy targets {person}."),
            Reason::OwnerUnknown => {
                "Without an owner in the directory no policy can target it.".to_owned()
            }
            Reason::NotLicensed => {
                format!("A policy targets {person} only with the licence.")
            }
            Reason::RecordsUnavailable => {
                "The records cannot be relied on now: the last state is held.".to_owned()
            }
            Reason::Escalated => "It was not compliant for so long that it is blocked.".to_owned(),
            Reason::Inactive => "It has not synchronised mail for too long.".to_owned(),
            Reason::TooManyDevices => format!("{person} has more devices than allowed."),
            Reason::LocalRule => "A local rule of the policy says so.".to_owned(),
            Reason::PlatformException => {
                "It is not enrolled, and the policy makes an exception for its class.".to_owned()
            }
            Reason::Protected => {
                format!("{person} is protected: no policy restricts their devices.")
            }
            Reason::OsBuildTooOld
            | Reason::OsBuildTooNew
            | Reason::OsVersionNotInRange
            | Reason::SecurityPatchTooOld
            | Reason::PasscodeMissing
            | Reason::ThreatLevelTooHigh
            | Reason::OwnerTypeNotAllowed
            | Reason::ManagementAgentNotAllowed
            | Reason::RuleNotMet
            | Reason::OsVersionTooOld
            | Reason::OsVersionTooNew
            | Reason::PlatformNotAllowed
            | Reason::NotEncrypted
            | Reason::JailBroken
            | Reason::CheckInTooOld
            | Reason::MdmNotCompliant => return None,
        };
        Some(text)
    }

    /// Whether a rule that was tried says why the decision is what it is.
    fn tells(&self, tried: &Tried) -> bool {
        match tried.outcome {
            Outcome::Satisfied => tried.rule == "gracePeriod",
            // A policy that does not target the owner explains only that none does.
            Outcome::NotSatisfied => self.decision.policy.is_empty() || !targets(&tried.rule),
            Outcome::Unknown => true,
        }
    }
}

/// Whether a rule says who is targeted.
fn targets(rule: &str) -> bool {
    matches!(rule, "organizations" | "includedGroups" | "excludedGroups" | "licenseRequired")
}

/// A rule that was tried, as a sentence.
fn fact(tried: &Tried) -> String {
    let mut letters = tried.detail.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    let place = [tried.policy.as_str(), &tried.rule];
    let place: Vec<_> = place.into_iter().filter(|part| !part.is_empty()).collect();
    format!("{first}{} ({}).", letters.as_str(), place.join(", "))
}

#[cfg(test)]
mod tests;
