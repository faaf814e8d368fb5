//! Overlays: what is different from an access policy in some organizations. The policy is parted in two:
//! one for those organizations, with the differences, and one for all others.

use std::collections::HashSet;

use serde_saphyr::Spanned;

use exgate_domain::policy::{AccessPolicy, Organizations};

use super::access;
use super::place::Check;
use crate::bundles::compiled::{Local, Origin, Overlaid, Written};
use crate::bundles::diagnostic::{Position, nearest, write_or};
use crate::bundles::document::{LocalRuleDocument, OverlayDocument};
use crate::bundles::fold;

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
        let base = &document.base.value;
        let overlays = policies.iter().skip(at.bases);
        let overlay = overlays.map(|it| &it.policy.name).find(|name| *name == base);
        if overlay.is_some() || *base == name {
            let message = format!("{base:?} is an overlay itself");
            let cure = "write the name of the access policy that it changes";
            check.refuse(check.at(&document.base), "base", message, cure);
        } else if !at.spoilt.contains(base) {
            let names = policies.iter().take(at.bases).map(|it| it.policy.name.as_str());
            let message = format!("no access policy is named {base:?}");
            let cure = write_or(nearest(base, names), "write the name of an access policy");
            check.refuse(check.at(&document.base), "base", message, &cure);
        }
        return;
    };
    for (index, organization) in document.organizations.value.iter().enumerate() {
        let Some(base) = policies.get(place) else { return };
        if !base.policy.organizations.include(&organization.value) {
            let key = format!("organizations[{index}]");
            let (message, cure) = not_there(&organization.value, &base.policy.name, policies);
            check.refuse(check.at(organization), &key, message, cure);
        }
    }
    let Some(base) = policies.get_mut(place) else { return };
    take_out(&mut base.policy.organizations, &organizations);
    let base = base.clone();
    let merged = merge(name, base.clone(), document, organizations, (at, check));
    let is_same = (AccessPolicy {
        name: String::new(),
        organizations: Organizations::ALL,
        ..merged.policy.clone()
    }) == (AccessPolicy {
        name: String::new(),
        organizations: Organizations::ALL,
        ..base.policy
    });
    // What is different may only be written wrongly.
    if is_same && !check.has_refused() {
        let message = "it changes nothing of the policy";
        check.warn(
            merged.origin.place.at,
            "base",
            message,
            "write what is different, or take it out",
        );
    }
    policies.push(merged);
}

/// Why an organization cannot have another overlay of a policy.
fn not_there(organization: &str, base: &str, policies: &[Written]) -> (String, &'static str) {
    let is_other = |it: &&Written| {
        it.origin.overlaid.as_ref().is_some_and(|overlaid| overlaid.base == base)
            && it.policy.organizations.include(organization)
    };
    match policies.iter().find(is_other) {
        Some(other) => {
            let message = format!(
                "{organization:?} has an overlay of the policy {base:?} already: {:?}",
                other.policy.name
            );
            (message, "make one overlay of the two")
        }
        None => {
            let message = format!("the policy {base:?} is not for {organization:?}");
            (message, "add it to the organizations there, or take it out here")
        }
    }
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
    let Written { policy: base, local: base_rules, origin: base_origin } = base;
    let overlaid = Overlaid {
        base: base.name.clone(),
        base_place: base_origin.place,
        keys: keys(&document),
        local_rules: document.local_rules.len(),
        protected: (document.protected.users.len(), document.protected.groups.len()),
    };
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
        None => {
            let written = document.included_groups.as_ref().map(|groups| groups.value.as_slice());
            still_excluded(written.unwrap_or_default(), (&base.name, &base.excluded_groups), check);
            base.excluded_groups
        }
    };
    let compliance_policies = match &document.compliance_policies {
        Some(names) => access::references(names, at.known, check),
        None => base.compliance_policies,
    };
    same_ids(&document.local_rules, &base_rules, check);
    let mut local = access::locals(document.local_rules, check);
    out_of_reach(&local, &base_rules, (&base.name, place.at), check);
    local.extend(base_rules);
    let has_no_time = document.inactive_after.is_none() && base.inactive_after.is_none();
    if let Some(word) = document.access.inactive.as_ref().filter(|_| has_no_time) {
        let message = "it does nothing without inactiveAfter here or in the policy";
        check.warn(check.at(word), "access.inactive", message, "write inactiveAfter: 60d");
    }
    let situations = access::table(document.access, base.access, check);
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
        access: situations,
        inactive_after: access::inactive(document.inactive_after, check).or(base.inactive_after),
        platform_exceptions: document
            .platform_exceptions
            .map_or(base.platform_exceptions, |it| access::exceptions(it, &situations, check)),
        local_rules: local.iter().map(|local| local.written.clone()).collect(),
        device_limit: document
            .maximum_devices
            .map(|maximum| access::limit(&maximum, check))
            .or(base.device_limit),
        protected_users,
        protected_groups,
    };
    Written { policy, local, origin: Origin { place, overlaid: Some(overlaid) } }
}

/// Groups that the overlay includes and its base excludes: exclusion would win.
fn still_excluded(
    included: &[Spanned<String>],
    (base, excluded): (&str, &[String]),
    check: &mut Check<'_>,
) {
    let excluded: HashSet<_> = excluded.iter().map(|group| fold(group)).collect();
    for (index, group) in included.iter().enumerate() {
        if excluded.contains(&fold(&group.value)) {
            let message =
                format!("{:?} is excluded by the policy {base:?}; exclusion wins", group.value);
            let cure = "write excludedGroups here too, without it";
            check.refuse(check.at(group), &format!("includedGroups[{index}]"), message, cure);
        }
    }
}

/// Ids that the overlay's rules have in common with those of its base.
fn same_ids(rules: &[LocalRuleDocument], base: &[Local], check: &mut Check<'_>) {
    for (index, rule) in rules.iter().enumerate() {
        if base.iter().any(|other| other.written.id == rule.id.value) {
            let message = format!("{:?} is the id of a rule of the policy, too", rule.id.value);
            let key = format!("localRules[{index}].id");
            check.refuse(check.at(&rule.id), &key, message, "write another id");
        }
    }
}

/// Rules of the base that the overlay's rules leave nothing to.
fn out_of_reach(
    rules: &[Local],
    base: &[Local],
    (name, place): (&str, Position),
    check: &mut Check<'_>,
) {
    for (rule, other) in rules.iter().flat_map(|rule| base.iter().map(move |other| (rule, other))) {
        if rule.shadows(other) {
            let message = format!(
                "its rule {:?} leaves nothing to the rule {:?} of the policy {name:?}",
                rule.written.id, other.written.id
            );
            check.warn(place, "localRules", message, "narrow the rule, if that is not meant");
        }
    }
}

/// The keys that an overlay writes in place of its base.
fn keys(document: &OverlayDocument) -> Vec<&'static str> {
    let table = &document.access;
    [
        ("enabled", document.enabled.is_some()),
        ("includedGroups", document.included_groups.is_some()),
        ("excludedGroups", document.excluded_groups.is_some()),
        ("licenseRequired", document.license_required.is_some()),
        ("compliancePolicies", document.compliance_policies.is_some()),
        ("overrideDefaultRule", document.override_default_rule.is_some()),
        ("access.unmanaged", table.unmanaged.is_some()),
        ("access.unknown", table.unknown.is_some()),
        ("access.notCompliant", table.not_compliant.is_some()),
        ("access.inGracePeriod", table.in_grace_period.is_some()),
        ("access.stale", table.stale.is_some()),
        ("access.inactive", table.inactive.is_some()),
        ("inactiveAfter", document.inactive_after.is_some()),
        ("platformExceptions", document.platform_exceptions.is_some()),
        ("maximumDevices", document.maximum_devices.is_some()),
    ]
    .into_iter()
    .filter_map(|(key, is_written)| is_written.then_some(key))
    .collect()
}
