//! `show`: what access policies and overlays come to in each organization, and which document each value
//! comes from.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use serde_json::{Value, json};

use exgate_domain::ids::OrganizationId;
use exgate_domain::policy::{AccessPolicy, ClassKind, Keep, Organizations, Pattern};
use exgate_runtime::Findings;

use super::columns;
use crate::bundles::{Bundle, Origin, PolicyFile, Targeting, Where};

/// Stands for the organizations that no document names.
const OTHERS: &str = "*";

pub(super) fn answer(files: &[PolicyFile], is_json: bool, organization: Option<&str>) -> Findings {
    if let Some(name) = organization.filter(|name| name.parse::<OrganizationId>().is_err()) {
        let complaint = format!(
            "{name:?} is not the name of an organization: write lower-case letters, digits and \
             hyphens, such as contoso"
        );
        return Findings { complaints: vec![complaint], ..Findings::default() };
    }
    let bundle = match super::read(files, is_json) {
        Ok((bundle, _)) => bundle,
        Err(refusal) => return refusal,
    };
    let organizations = match organization {
        Some(name) => vec![name.to_owned()],
        None => named(&bundle),
    };
    let shown: Vec<_> = organizations.into_iter().map(|name| Shown::of(&bundle, name)).collect();
    let lines = if is_json {
        let shown: Vec<_> = shown.iter().map(Shown::value).collect();
        vec![format!("{:#}", json!({ "ok": true, "organizations": shown }))]
    } else {
        shown.iter().flat_map(Shown::text).collect()
    };
    Findings { lines, is_well: true, ..Findings::default() }
}

/// All organizations that any policy names, and the others where a policy is for every one.
fn named(bundle: &Bundle) -> Vec<String> {
    let mut names = BTreeSet::new();
    let mut others = false;
    for targeting in bundle.access() {
        match &targeting.policy.organizations {
            Organizations::AllBut(but) => {
                others = true;
                names.extend(but.iter().cloned());
            }
            Organizations::Named(named) => names.extend(named.iter().cloned()),
        }
    }
    names.into_iter().chain(others.then(|| OTHERS.to_owned())).collect()
}

/// The policies of one organization, the first to be asked first.
struct Shown<'a> {
    organization: String,
    policies: Vec<(&'a Targeting, Vec<Item<'a>>)>,
}

/// One value, and the document that it comes from.
struct Item<'a> {
    key: String,
    value: String,
    from: &'a str,
    place: &'a Where,
}

impl<'a> Shown<'a> {
    fn of(bundle: &'a Bundle, organization: String) -> Self {
        let is_for = |targeting: &&Targeting| match organization.as_str() {
            OTHERS => matches!(targeting.policy.organizations, Organizations::AllBut(_)),
            name => targeting.is_for(name),
        };
        let policies = bundle.access().iter().filter(is_for);
        let policies = policies.map(|targeting| (targeting, items(targeting))).collect();
        Self { organization, policies }
    }

    fn text(&self) -> Vec<String> {
        let mut lines = vec![match self.organization.as_str() {
            OTHERS => "every other organization".to_owned(),
            name => name.to_owned(),
        }];
        if self.policies.is_empty() {
            lines.push("  no policy is for it: every device is left as it is".to_owned());
        }
        for (targeting, items) in &self.policies {
            let policy = &targeting.policy;
            let overlay = match &targeting.origin.overlaid {
                Some(overlaid) => format!(", an overlay of {}", overlaid.base),
                None => String::new(),
            };
            lines.push(format!("  {} (precedence {}{overlay})", policy.name, policy.precedence));
            let row = |it: &Item<'_>| {
                let place = format!("{}:{}", it.place.path, it.place.at.line);
                [it.key.clone(), it.value.clone(), it.from.to_owned(), place]
            };
            let head = ["KEY", "VALUE", "FROM", "FILE"].map(str::to_owned);
            let rows: Vec<_> = std::iter::once(head).chain(items.iter().map(row)).collect();
            lines.extend(columns(&rows).into_iter().map(|line| format!("    {line}")));
        }
        lines
    }

    fn value(&self) -> Value {
        let item = |it: &Item<'_>| {
            json!({
                "key": it.key,
                "value": it.value,
                "from": it.from,
                "path": it.place.path,
                "line": it.place.at.line,
            })
        };
        let policy = |(targeting, items): &(&Targeting, Vec<Item<'_>>)| {
            json!({
                "name": targeting.policy.name,
                "precedence": targeting.policy.precedence,
                "base": targeting.origin.overlaid.as_ref().map(|overlaid| &overlaid.base),
                "values": items.iter().map(item).collect::<Vec<_>>(),
            })
        };
        let policies: Vec<_> = self.policies.iter().map(policy).collect();
        json!({ "organization": self.organization, "policies": policies })
    }
}

/// All values of a policy, by key.
fn items(targeting: &Targeting) -> Vec<Item<'_>> {
    let policy = &targeting.policy;
    let mut items = Items { policy: &policy.name, origin: &targeting.origin, items: Vec::new() };
    items.key("enabled", yes(policy.enabled));
    items.key("includedGroups", policy.included_groups.join(", "));
    items.key("excludedGroups", policy.excluded_groups.join(", "));
    items.key("licenseRequired", yes(policy.license_required));
    let local = items.origin.overlaid.as_ref().map_or(0, |overlaid| overlaid.local_rules);
    for (number, rule) in policy.local_rules.iter().enumerate() {
        let key = format!("localRules.{}", rule.id);
        items.push(key, rule.access.word().to_owned(), number < local);
    }
    situations(policy, &mut items);
    items.key("compliancePolicies", policy.compliance_policies.join(", "));
    items.key("overrideDefaultRule", yes(policy.override_default_rule));
    let limit = policy.device_limit.map(|limit| {
        let keep = match limit.keep {
            Keep::First => "first",
            Keep::Last => "last",
        };
        format!("{}, keep {keep}, then {}", limit.maximum, limit.access.word())
    });
    items.key("maximumDevices", limit.unwrap_or_default());
    let (users, groups) = items.origin.overlaid.as_ref().map_or((0, 0), |it| it.protected);
    for (number, user) in policy.protected_users.iter().enumerate() {
        items.push("protected.users".to_owned(), Pattern::to_string(user), number < users);
    }
    for (number, group) in policy.protected_groups.iter().enumerate() {
        items.push("protected.groups".to_owned(), group.clone(), number < groups);
    }
    items.items
}

fn situations<'a>(policy: &'a AccessPolicy, items: &mut Items<'a>) {
    let access = &policy.access;
    items.key("access.unmanaged", access.unmanaged.word().to_owned());
    let is_overlaid = items.writes("platformExceptions");
    for exception in &policy.platform_exceptions {
        let kind = match exception.kind {
            ClassKind::Family => "family",
            ClassKind::Model => "model",
        };
        let key = format!("platformExceptions.{}", exception.name);
        items.push(key, format!("{} ({kind})", exception.access.word()), is_overlaid);
    }
    items.key("access.unknown", access.unknown.word().to_owned());
    items.key("access.notCompliant", access.not_compliant.word().to_owned());
    items.key("access.inGracePeriod", access.in_grace_period.word().to_owned());
    items.key("access.stale", access.stale.word().to_owned());
    items.key("inactiveAfter", policy.inactive_after.map(span).unwrap_or_default());
    items.key("access.inactive", access.inactive.word().to_owned());
}

/// The values of a policy while they are collected.
struct Items<'a> {
    policy: &'a str,
    origin: &'a Origin,
    items: Vec<Item<'a>>,
}

impl Items<'_> {
    fn key(&mut self, key: &'static str, value: String) {
        let is_overlaid = self.writes(key);
        self.push(key.to_owned(), value, is_overlaid);
    }

    /// Whether the overlay writes a key.
    fn writes(&self, key: &str) -> bool {
        self.origin.overlaid.as_ref().is_some_and(|overlaid| overlaid.keys.contains(&key))
    }

    fn push(&mut self, key: String, value: String, is_overlaid: bool) {
        let (from, place) = match &self.origin.overlaid {
            Some(overlaid) if !is_overlaid => (overlaid.base.as_str(), &overlaid.base_place),
            Some(_) | None => (self.policy, &self.origin.place),
        };
        let value = if value.is_empty() { "none".to_owned() } else { value };
        self.items.push(Item { key, value, from, place });
    }
}

fn yes(value: bool) -> String {
    value.to_string()
}

/// A span as it is written in a policy, such as `1d12h`.
fn span(span: SignedDuration) -> String {
    let seconds = span.as_secs();
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
    ];
    let text: String = parts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count}{unit}"))
        .collect();
    if text.is_empty() { "0s".to_owned() } else { text }
}
