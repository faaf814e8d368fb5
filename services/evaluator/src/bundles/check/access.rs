//! Access policies: from the document to the policy.

use std::collections::HashSet;

use jiff::SignedDuration;
use serde_saphyr::Spanned;

use exgate_domain::policy::{
    Access, AccessBySituation, AccessPolicy, ClassKind, DeviceLimit, Keep, LocalRule, Pattern,
    PlatformException, Selection,
};

use super::place::Check;
use crate::bundles::compiled::{Local, Origin, Written};
use crate::bundles::diagnostic::{nearest, write_or};
use crate::bundles::document::{
    AccessDocument, AccessTable, ClassType, DeviceMaximum, ExceptionDocument, KeepWord,
    LocalRuleDocument, MatchDocument, ProtectedDocument,
};
use crate::bundles::fold;

/// The careful choice where nothing is written.
const CAREFUL: AccessBySituation = AccessBySituation {
    unmanaged: Access::Quarantine,
    unknown: Access::Quarantine,
    not_compliant: Access::Quarantine,
    in_grace_period: Access::Allow,
    stale: Access::Leave,
    inactive: Access::Quarantine,
};

pub(super) fn policy(
    name: String,
    document: AccessDocument,
    known: &[String],
    check: &mut Check<'_>,
) -> Written {
    let organizations = check.organizations(&document.organizations);
    let included_groups = check.groups("includedGroups", &document.included_groups.value);
    let excluded_groups = check.groups("excludedGroups", &document.excluded_groups);
    nobody(&document.included_groups, check);
    both(&included_groups, &document.excluded_groups, check);
    let compliance_policies = references(&document.compliance_policies, known, check);
    let has_no_time = document.inactive_after.is_none();
    let inactive_after = inactive(document.inactive_after, check);
    if let Some(word) = document.access.inactive.as_ref().filter(|_| has_no_time) {
        let message = "it does nothing without inactiveAfter";
        check.warn(check.at(word), "access.inactive", message, "write inactiveAfter: 60d");
    }
    let access = table(document.access, CAREFUL, check);
    let local = locals(document.local_rules, check);
    let (protected_users, protected_groups) = protected(document.protected, check);
    let policy = AccessPolicy {
        name,
        precedence: document.precedence.value,
        enabled: document.enabled,
        organizations,
        included_groups,
        excluded_groups,
        license_required: document.license_required,
        compliance_policies,
        override_default_rule: document.override_default_rule,
        access,
        inactive_after,
        platform_exceptions: exceptions(document.platform_exceptions, &access, check),
        local_rules: local.iter().map(|local| local.written.clone()).collect(),
        device_limit: document.maximum_devices.map(|maximum| limit(&maximum, check)),
        protected_users,
        protected_groups,
    };
    let origin = Origin { place: check.place(&document.name), overlaid: None };
    Written { policy, local, origin }
}

/// An empty list of included groups targets nobody.
pub(super) fn nobody(groups: &Spanned<Vec<Spanned<String>>>, check: &mut Check<'_>) {
    if groups.value.is_empty() {
        let message = "no group is included, so that the policy targets nobody";
        check.refuse(check.at(groups), "includedGroups", message, "write the groups to target");
    }
}

/// Groups that are included and excluded.
pub(super) fn both(included: &[String], excluded: &[Spanned<String>], check: &mut Check<'_>) {
    let included: HashSet<_> = included.iter().map(|group| fold(group)).collect();
    for (index, group) in excluded.iter().enumerate() {
        if included.contains(&fold(&group.value)) {
            let message = format!("{:?} is included too; exclusion wins", group.value);
            let cure = "take it out of one of the two lists";
            check.refuse(check.at(group), &format!("excludedGroups[{index}]"), message, cure);
        }
    }
}

/// The compliance policies that are named, each once.
pub(super) fn references(
    written: &[Spanned<String>],
    known: &[String],
    check: &mut Check<'_>,
) -> Vec<String> {
    let mut seen = HashSet::new();
    for (index, policy) in written.iter().enumerate() {
        let key = format!("compliancePolicies[{index}]");
        if !known.contains(&policy.value) {
            let near = nearest(&policy.value, known.iter().map(String::as_str));
            let message = format!("no compliance policy is named {:?}", policy.value);
            let cure = write_or(near, "write a CompliancePolicy with this name, or take it out");
            check.refuse(check.at(policy), &key, message, &cure);
        } else if !seen.insert(&policy.value) {
            let message = format!("{:?} stands here twice", policy.value);
            check.refuse(check.at(policy), &key, message, "take one of them out");
        }
    }
    written.iter().map(|policy| policy.value.clone()).collect()
}

/// What is written, and elsewhere what holds otherwise.
pub(super) fn table(
    table: AccessTable,
    otherwise: AccessBySituation,
    check: &mut Check<'_>,
) -> AccessBySituation {
    let AccessTable { unmanaged, unknown, not_compliant, in_grace_period, stale, inactive } = table;
    let or = |word: Option<_>, otherwise| word.map_or(otherwise, Access::from);
    let written = in_grace_period.as_ref().or(not_compliant.as_ref()).map(|word| check.at(word));
    if let Some(word) = stale.as_ref().filter(|word| Access::from(word.value) == Access::Allow) {
        let message = "records that are too old let nobody in";
        let cure = "write leave: who has mail keeps it";
        check.refuse(check.at(word), "access.stale", message, cure);
    }
    let of = |word: Option<Spanned<_>>, otherwise| or(word.map(|word| word.value), otherwise);
    let table = AccessBySituation {
        unmanaged: or(unmanaged, otherwise.unmanaged),
        unknown: or(unknown, otherwise.unknown),
        not_compliant: of(not_compliant, otherwise.not_compliant),
        in_grace_period: of(in_grace_period, otherwise.in_grace_period),
        stale: of(stale, otherwise.stale),
        inactive: of(inactive, otherwise.inactive),
    };
    let (during, after) = (table.in_grace_period, table.not_compliant);
    // To leave a device as it is says nothing about how strict that is.
    if let Some(at) = written.filter(|_| during > after && after != Access::Leave) {
        let message = format!(
            "{} in the grace period is stricter than {} after it",
            during.word(),
            after.word()
        );
        let cure = "write allow or leave, or a stricter access.notCompliant";
        check.warn(at, "access.inGracePeriod", message, cure);
    }
    table
}

/// When a device counts as inactive.
pub(super) fn inactive(
    text: Option<Spanned<String>>,
    check: &mut Check<'_>,
) -> Option<SignedDuration> {
    let text = text?;
    check.asks_last_sync("inactiveAfter", &text);
    let span = check.span("inactiveAfter", &text)?;
    if span.is_zero() {
        let message = "after no time at all every device is inactive";
        check.refuse(check.at(&text), "inactiveAfter", message, "write a time such as 60d");
    }
    Some(span)
}

/// What unmanaged devices of some classes get, each class once.
pub(super) fn exceptions(
    documents: Vec<ExceptionDocument>,
    situations: &AccessBySituation,
    check: &mut Check<'_>,
) -> Vec<PlatformException> {
    let mut exceptions: Vec<PlatformException> = Vec::new();
    for (index, document) in documents.into_iter().enumerate() {
        let class = document.device_class;
        let key = format!("platformExceptions[{index}].deviceClass.name");
        check.text(check.at(&class.name), &key, &class.name.value);
        let exception = PlatformException {
            kind: match class.kind {
                ClassType::Family => ClassKind::Family,
                ClassType::Model => ClassKind::Model,
            },
            name: class.name.value.clone(),
            access: document.access.into(),
        };
        let same = |other: &PlatformException| {
            other.kind == exception.kind && fold(&other.name) == fold(&exception.name)
        };
        if exceptions.iter().any(same) {
            let message = format!("{:?} is an exception before it", class.name.value);
            check.refuse(check.at(&class.name), &key, message, "take one of them out");
        }
        if exception.access == situations.unmanaged {
            let message = format!(
                "it changes nothing: access.unmanaged is {} already",
                situations.unmanaged.word()
            );
            check.warn(
                check.at(&class.name),
                &key,
                message,
                "take it out, or write another access",
            );
        }
        exceptions.push(exception);
    }
    exceptions
}

/// Rules that decide by themselves: each has an id of its own, and can match something.
pub(super) fn locals(documents: Vec<LocalRuleDocument>, check: &mut Check<'_>) -> Vec<Local> {
    let mut seen = HashSet::new();
    let mut locals: Vec<Local> = Vec::new();
    for (index, document) in documents.into_iter().enumerate() {
        let LocalRuleDocument { id, selection, when, access } = document;
        let key = |name: &str| format!("localRules[{index}].{name}");
        check.id(&key("id"), &id, &mut seen);
        let selection = selected(&key("match"), selection, check);
        let expression = when.as_ref().and_then(|text| check.expression(&key("when"), text));
        if when.is_some() && expression.is_none() {
            continue;
        }
        let written = LocalRule {
            id: id.value.clone(),
            selection,
            when: when.map(|text| text.value),
            access: access.into(),
        };
        let local = Local { written, when: expression };
        if let Some(before) = locals.iter().find(|before| before.shadows(&local)) {
            let message = format!(
                "it can never match: the rule {:?} before it matches all that it does",
                before.written.id
            );
            check.refuse(check.at(&id), &key("id"), message, "move it up, or take it out");
        } else if local.matches_all() {
            let message =
                "it matches every device: the records and compliance policies are not asked";
            check.warn(check.at(&id), &key("match"), message, "write which devices it is about");
        }
        locals.push(local);
    }
    locals
}

fn selected(key: &str, document: MatchDocument, check: &mut Check<'_>) -> Selection {
    let key = |name: &str| format!("{key}.{name}");
    let mut patterns = |name: &str, texts: &[Spanned<String>]| -> Vec<Pattern> {
        check.patterns(&key(name), texts)
    };
    let selection = Selection {
        device_ids: patterns("deviceId", &document.device_id),
        device_types: patterns("deviceType", &document.device_type),
        device_models: patterns("deviceModel", &document.device_model),
        device_oses: patterns("deviceOS", &document.device_os),
        user_agents: patterns("userAgent", &document.user_agent),
        protocol_versions: patterns("protocolVersion", &document.protocol_version),
        users: check.addresses(&key("user"), &document.user),
        groups: check.groups(&key("group"), &document.group),
        organizational_units: document
            .organizational_unit
            .iter()
            .map(|unit| unit.value.clone())
            .collect(),
    };
    for (index, unit) in document.organizational_unit.iter().enumerate() {
        let key = format!("{}[{index}]", key("organizationalUnit"));
        check.text(check.at(unit), &key, &unit.value);
        let parts = unit.value.split(',').map(str::trim);
        let named = ["OU=", "CN=", "DC="];
        let starts = |part: &str| {
            named.iter().any(|name| part.get(..3).is_some_and(|it| it.eq_ignore_ascii_case(name)))
        };
        if !parts.clone().all(starts) {
            let message = format!("{:?} is not a distinguished name", unit.value);
            let cure = "write a name such as OU=Sales,DC=contoso,DC=com";
            check.refuse(check.at(unit), &key, message, cure);
        }
    }
    selection
}

/// How many devices a mailbox may have.
pub(super) fn limit(document: &DeviceMaximum, check: &mut Check<'_>) -> DeviceLimit {
    if document.count.value == 0 {
        let message = "with no device at all nobody has mail";
        check.refuse(check.at(&document.count), "maximumDevices.count", message, "write 1 or more");
    }
    if Access::from(document.access) == Access::Allow {
        let message = "devices that are too many are allowed, so that there is no maximum";
        let cure = "write quarantine or block, or take maximumDevices out";
        check.warn(check.at(&document.count), "maximumDevices.access", message, cure);
    }
    DeviceLimit {
        maximum: document.count.value,
        keep: match document.keep {
            KeepWord::First => Keep::First,
            KeepWord::Last => Keep::Last,
        },
        access: document.access.into(),
    }
}

/// Who is protected.
pub(super) fn protected(
    document: ProtectedDocument,
    check: &mut Check<'_>,
) -> (Vec<Pattern>, Vec<String>) {
    let users = check.addresses("protected.users", &document.users);
    (users, check.groups("protected.groups", &document.groups))
}
