//! What no device ever reaches: policies that others leave nobody to, and compliance policies that
//! nobody asks for. Nothing is wrong by itself, so these are warnings.

use std::collections::HashSet;

use exgate_domain::policy::{AccessPolicy, Organizations};

use super::Checked;
use crate::bundles::compiled::Where;
use crate::bundles::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::bundles::fold;

pub(super) fn check(checked: &Checked, found: &mut Diagnostics) {
    let mut warn = |place: &Where, key: &str, message: String, suggestion: &str| {
        found.push(Diagnostic {
            path: place.path.clone(),
            line: place.at.line,
            column: place.at.column,
            key: key.to_owned(),
            message,
            suggestion: suggestion.to_owned(),
            severity: Severity::Warning,
        });
    };
    for written in &checked.access {
        let policy = &written.policy;
        if !policy.enabled {
            continue;
        }
        let before = checked.access.iter().map(|other| &other.policy).find(|other| {
            other.enabled && other.precedence < policy.precedence && leaves_nobody(other, policy)
        });
        if let Some(before) = before {
            let message = format!(
                "it targets nobody: the policy {:?} is asked first and targets all its groups",
                before.name
            );
            let cure = "write a lower precedence, or exclude its groups there";
            warn(&written.origin.place, "includedGroups", message, cure);
        }
        if policy.organizations == Organizations::Named(Vec::new()) {
            let message = "overlays have taken over all its organizations".to_owned();
            warn(&written.origin.place, "organizations", message, "name further organizations");
        }
    }
    for (compliance, place) in checked.compliance.iter().zip(&checked.compliance_places) {
        let name = &compliance.policy.name;
        if !checked.access.iter().any(|it| it.policy.compliance_policies.contains(name)) {
            let message = "no access policy names it in compliancePolicies".to_owned();
            warn(place, "name", message, "name it there, or take it out");
        }
    }
}

/// Whether everybody whom `policy` would target is targeted by `before`.
fn leaves_nobody(before: &AccessPolicy, policy: &AccessPolicy) -> bool {
    let covered = match (&before.organizations, &policy.organizations) {
        (Organizations::AllBut(_) | Organizations::Named(_), Organizations::Named(names)) => {
            names.iter().all(|name| before.organizations.include(name))
        }
        (Organizations::AllBut(before), Organizations::AllBut(but)) => {
            before.iter().all(|name| but.contains(name))
        }
        (Organizations::Named(_), Organizations::AllBut(_)) => false,
    };
    let within = |groups: &[String], others: &[String]| {
        let others: HashSet<_> = others.iter().map(|group| fold(group)).collect();
        groups.iter().all(|group| others.contains(&fold(group)))
    };
    covered
        && within(&policy.included_groups, &before.included_groups)
        // Whom the one passes over for a group, the other one does too.
        && within(&before.excluded_groups, &policy.excluded_groups)
        // Without the licence neither targets, and where it is not known the first one has the say.
        && (!before.license_required || policy.license_required)
}
