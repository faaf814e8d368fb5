//! Overlays: what is different from an access policy in some organizations. The policy is parted in two:
//! one for those organizations, with the differences, and one for all others.

use exgate_domain::policy::{AccessPolicy, Organizations};

use super::access;
use super::place::Check;
use crate::bundles::compiled::Written;
use crate::bundles::diagnostic::{nearest, write_instead};
use crate::bundles::document::OverlayDocument;

/// What an overlay is checked against.
pub(super) struct At<'a> {
    /// How many of the policies are written as such; overlays follow them.
    pub(super) bases: usize,
    /// Names of compliance policies.
    pub(super) known: &'a [String],
    /// Names in documents whose shape is wrong.
    pub(super) spoilt: &'a [String],
}

pub(super) fn apply(
    name: String,
    document: OverlayDocument,
    policies: &mut Vec<Written>,
    at: &At<'_>,
    check: &mut Check<'_>,
) {
    let organizations = organizations(&document, check);
    let place = policies
        .iter()
        .take(at.bases)
        .position(|written| written.policy.name == document.base.value);
    let Some(place) = place else {
        if !at.spoilt.contains(&document.base.value) {
            let names = policies.iter().take(at.bases).map(|it| it.policy.name.as_str());
            let message = format!("no access policy is named {:?}", document.base.value);
            let cure = write_instead(nearest(&document.base.value, names));
            check.refuse(check.at(&document.base), "base", message, &cure);
        }
        return;
    };
    for (index, organization) in document.organizations.value.iter().enumerate() {
        let Some(base) = policies.get(place) else { return };
        if !base.policy.organizations.include(&organization.value) {
            let key = format!("organizations[{index}]");
            let message = format!(
                "{:?} is not, or no longer, an organization of the policy {:?}",
                organization.value, document.base.value
            );
            let cure = "take it out: another overlay has it, or the policy does not name it";
            check.refuse(check.at(organization), &key, message, cure);
        }
    }
    let Some(base) = policies.get_mut(place) else { return };
    take_out(&mut base.policy.organizations, &organizations);
    let base = base.clone();
    let merged = merge(name, base.clone(), document, organizations, (at, check));
    if (AccessPolicy {
        name: String::new(),
        organizations: Organizations::ALL,
        ..merged.policy.clone()
    }) == (AccessPolicy {
        name: String::new(),
        organizations: Organizations::ALL,
        ..base.policy
    }) {
        let message = "it changes nothing of the policy";
        check.warn(merged.place.at, "base", message, "write what is different, or take it out");
    }
    policies.push(merged);
}

fn organizations(document: &OverlayDocument, check: &mut Check<'_>) -> Vec<String> {
    match check.organizations(&document.organizations) {
        Organizations::Named(names) => names,
        Organizations::AllBut(_) => {
            let message = "an overlay is for some organizations, not for every one";
            let cure = "name them, or change the policy itself";
            check.refuse(check.at(&document.organizations), "organizations", message, cure);
            Vec::new()
        }
    }
}

fn take_out(organizations: &mut Organizations, names: &[String]) {
    match organizations {
        Organizations::AllBut(excluded) => excluded.extend(names.iter().cloned()),
        Organizations::Named(named) => named.retain(|name| !names.contains(name)),
    }
}

fn merge(
    name: String,
    base: Written,
    document: OverlayDocument,
    organizations: Vec<String>,
    (at, check): (&At<'_>, &mut Check<'_>),
) -> Written {
    let place = check.place(&document.name);
    let Written { policy: base, local: base_rules, place: _ } = base;
    let included_groups = match &document.included_groups {
        Some(groups) => {
            access::nobody(groups, check);
            check.groups("includedGroups", &groups.value)
        }
        None => base.included_groups,
    };
    let excluded_groups = match &document.excluded_groups {
        Some(groups) => {
            access::both(&included_groups, groups, check);
            check.groups("excludedGroups", groups)
        }
        None => base.excluded_groups,
    };
    let compliance_policies = match &document.compliance_policies {
        Some(names) => access::references(names, at.known, check),
        None => base.compliance_policies,
    };
    let mut local = access::locals(document.local_rules, check);
    local.extend(base_rules);
    let (mut protected_users, mut protected_groups) = access::protected(document.protected, check);
    protected_users.extend(base.protected_users);
    protected_groups.extend(base.protected_groups);
    let policy = AccessPolicy {
        name,
        precedence: base.precedence,
        enabled: document.enabled.unwrap_or(base.enabled),
        organizations: Organizations::Named(organizations),
        included_groups,
        excluded_groups,
        license_required: document.license_required.unwrap_or(base.license_required),
        compliance_policies,
        override_default_rule: document.override_default_rule.unwrap_or(base.override_default_rule),
        access: access::table(document.access, base.access, check),
        inactive_after: access::inactive(document.inactive_after, check).or(base.inactive_after),
        platform_exceptions: document
            .platform_exceptions
            .map_or(base.platform_exceptions, |written| access::exceptions(written, check)),
        local_rules: local.iter().map(|local| local.written.clone()).collect(),
        device_limit: document
            .maximum_devices
            .map(|maximum| access::limit(&maximum, check))
            .or(base.device_limit),
        protected_users,
        protected_groups,
    };
    Written { policy, local, place }
}
