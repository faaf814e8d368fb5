//! Owns the choice of the access policy: the lowest precedence whose organizations and groups target
//! the owner.

use exgate_domain::case::Case;
use exgate_domain::decision::{Outcome, Reason};
use exgate_domain::policy::Organizations;
use exgate_domain::record::User;

use super::{Fact, Listener, Owner, Rule};
use crate::bundles::{Bundle, Membership, Targeting};

/// Who decides.
pub(super) enum Target<'b> {
    /// This policy.
    Policy(&'b Targeting),
    /// None, for this reason.
    Nobody(Reason),
    /// This one or a later one: whether the owner holds the licence is not known.
    LicenceUnknown(&'b Targeting),
}

/// What one policy says about one owner.
enum Step {
    Targets,
    Passes,
    Unlicensed,
    LicenceUnknown,
}

pub(super) fn select<'b, L: Listener>(
    bundle: &'b Bundle,
    case: &Case,
    groups: &Membership,
    listener: &mut L,
) -> Target<'b> {
    let organization = case.organization.as_str();
    let mut reason = Reason::NotTargeted;
    for targeting in bundle.access() {
        if !is_asked(targeting, organization, listener) {
            continue;
        }
        let Some(owner) = &case.owner else {
            let fact = Fact::Owner(Owner::Unknown { address: &case.mailbox.primary_smtp });
            listener.tried("", Rule::Key("owner"), Outcome::Unknown, fact);
            return Target::Nobody(Reason::OwnerUnknown);
        };
        match step(targeting, owner, groups, listener) {
            Step::Targets => return Target::Policy(targeting),
            Step::Passes => {}
            Step::Unlicensed => reason = Reason::NotLicensed,
            Step::LicenceUnknown => return Target::LicenceUnknown(targeting),
        }
    }
    Target::Nobody(reason)
}

/// Whether a policy is switched on and for an organization.
fn is_asked<L: Listener>(targeting: &Targeting, organization: &str, listener: &mut L) -> bool {
    let policy = &targeting.policy;
    if !targeting.is_for(organization) {
        if let Organizations::Named(names) = &policy.organizations {
            let fact = Fact::Owner(Owner::OtherOrganization { organization, names });
            listener.tried(&policy.name, Rule::Key("organizations"), Outcome::NotSatisfied, fact);
        }
        return false;
    }
    if !policy.enabled {
        let (rule, outcome) = (Rule::Key("enabled"), Outcome::NotSatisfied);
        listener.tried(&policy.name, rule, outcome, Fact::Owner(Owner::SwitchedOff));
    }
    policy.enabled
}

fn step<L: Listener>(
    targeting: &Targeting,
    owner: &User,
    groups: &Membership,
    listener: &mut L,
) -> Step {
    let policy = &targeting.policy;
    let mut tried = |key, outcome, fact: Owner<'_>| {
        listener.tried(&policy.name, Rule::Key(key), outcome, Fact::Owner(fact));
    };
    let Some(group) = targeting.included(groups) else {
        let fact = Owner::InNoneOf(&policy.included_groups);
        tried("includedGroups", Outcome::NotSatisfied, fact);
        return Step::Passes;
    };
    tried("includedGroups", Outcome::Satisfied, Owner::InGroup(group));
    if let Some(group) = targeting.excluded(groups) {
        tried("excludedGroups", Outcome::NotSatisfied, Owner::InExcludedGroup(group));
        return Step::Passes;
    }
    if !policy.excluded_groups.is_empty() {
        let fact = Owner::InNoneOf(&policy.excluded_groups);
        tried("excludedGroups", Outcome::Satisfied, fact);
    }
    if !policy.license_required {
        return Step::Targets;
    }
    let (outcome, step) = match owner.licensed {
        Some(true) => (Outcome::Satisfied, Step::Targets),
        Some(false) => (Outcome::NotSatisfied, Step::Unlicensed),
        None => (Outcome::Unknown, Step::LicenceUnknown),
    };
    tried("licenseRequired", outcome, Owner::Licence(owner.licensed));
    step
}
