//! Owns the choice of the access policy: the lowest precedence whose organizations and groups target
//! the owner.

use std::collections::HashSet;

use exgate_domain::case::Case;
use exgate_domain::decision::{Outcome, Reason};
use exgate_domain::policy::{AccessPolicy, Organizations};
use exgate_domain::record::User;

use super::Trace;
use crate::bundles::{Bundle, Targeting, fold};

/// Who decides.
pub(super) enum Target<'a> {
    /// This policy.
    Policy(&'a Targeting),
    /// None, for this reason.
    Nobody(Reason),
    /// This one or a later one: whether the owner holds the licence is not known.
    LicenceUnknown(&'a AccessPolicy),
}

/// What one policy says about one owner.
enum Step {
    Targets,
    Passes,
    Unlicensed,
    LicenceUnknown,
}

pub(super) fn select<'a>(bundle: &'a Bundle, case: &Case, trace: &mut Trace) -> Target<'a> {
    let mut asked = Vec::new();
    for targeting in bundle.access() {
        if targeting.is_for(&case.organization) {
            asked.push(targeting);
        } else if let Organizations::Named(names) = &targeting.policy.organizations {
            let detail = format!("{} is not one of {}", case.organization, names.join(", "));
            trace.tried(&targeting.policy.name, "organizations", Outcome::NotSatisfied, detail);
        }
    }
    if asked.is_empty() {
        return Target::Nobody(Reason::NotTargeted);
    }
    let Some(owner) = &case.owner else {
        let detail = format!("the directory does not know {}", case.mailbox.primary_smtp);
        trace.tried("", "owner", Outcome::Unknown, detail);
        return Target::Nobody(Reason::OwnerUnknown);
    };
    let groups: HashSet<String> = owner.groups.iter().map(|group| fold(group)).collect();
    let mut reason = Reason::NotTargeted;
    for targeting in asked {
        match step(targeting, owner, &groups, trace) {
            Step::Targets => return Target::Policy(targeting),
            Step::Passes => {}
            Step::Unlicensed => reason = Reason::NotLicensed,
            Step::LicenceUnknown => return Target::LicenceUnknown(&targeting.policy),
        }
    }
    Target::Nobody(reason)
}

fn step(targeting: &Targeting, owner: &User, groups: &HashSet<String>, trace: &mut Trace) -> Step {
    let policy = &targeting.policy;
    let Some(group) = targeting.included(groups) else {
        let detail = format!("the owner is in none of {}", policy.included_groups.join(", "));
        trace.tried(&policy.name, "includedGroups", Outcome::NotSatisfied, detail);
        return Step::Passes;
    };
    let detail = format!("the owner is in {group}");
    trace.tried(&policy.name, "includedGroups", Outcome::Satisfied, detail);
    if let Some(group) = targeting.excluded(groups) {
        let detail = format!("the owner is in {group}, which is excluded");
        trace.tried(&policy.name, "excludedGroups", Outcome::NotSatisfied, detail);
        return Step::Passes;
    }
    if !policy.excluded_groups.is_empty() {
        let detail = format!("the owner is in none of {}", policy.excluded_groups.join(", "));
        trace.tried(&policy.name, "excludedGroups", Outcome::Satisfied, detail);
    }
    if !policy.license_required {
        return Step::Targets;
    }
    let (outcome, detail, step) = match owner.licensed {
        Some(true) => (Outcome::Satisfied, "the owner holds the licence", Step::Targets),
        Some(false) => {
            (Outcome::NotSatisfied, "the owner does not hold the licence", Step::Unlicensed)
        }
        None => {
            let detail = "the directory does not say whether the owner holds the licence";
            (Outcome::Unknown, detail, Step::LicenceUnknown)
        }
    };
    trace.tried(&policy.name, "licenseRequired", outcome, detail);
    step
}
