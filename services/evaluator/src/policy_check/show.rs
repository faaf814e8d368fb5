//! `show`: what access policies and overlays come to in each organization, and which document each value
//! comes from.

use std::collections::{BTreeSet, HashMap};

use jiff::SignedDuration;
use serde_json::{Value, json};

use exgate_domain::ids::OrganizationId;
use exgate_domain::policy::{AccessPolicy, ClassKind, Keep, Organizations, Pattern};
use exgate_runtime::Findings;

use super::columns;
use crate::bundles::{Bundle, Origin, Places, PolicyFile, Targeting, Where};

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
    let written = Written::of(&bundle, files);
    let shown = |name| Shown::of(&bundle, &written, name);
    let shown: Vec<_> = organizations.into_iter().map(shown).collect();
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
    path: &'a str,
    /// Of the value; where it is not written, of the document's name.
    line: u32,
}

/// What is written in the documents that policies come from, by where their names stand.
struct Written<'a>(HashMap<(&'a str, u32), Places>);

impl<'a> Written<'a> {
    fn of(bundle: &'a Bundle, files: &[PolicyFile]) -> Self {
        let origins = bundle.access().iter().map(|targeting| &targeting.origin);
        let documents = origins.flat_map(|origin| {
            let base = origin.overlaid.as_ref().map(|overlaid| &overlaid.base_place);
            std::iter::once(&origin.place).chain(base)
        });
        let mut written = HashMap::new();
        for place in documents {
            let places = written.entry((place.path.as_str(), place.at.line));
            places.or_insert_with(|| Places::of(files, place));
        }
        Self(written)
    }

    fn line(&self, document: &Where, key: &str) -> u32 {
        let line = document.at.line;
        let places = self.0.get(&(document.path.as_str(), line));
        places.and_then(|places| places.line(key)).unwrap_or(line)
    }
}

impl<'a> Shown<'a> {
    fn of(bundle: &'a Bundle, written: &Written<'_>, organization: String) -> Self {
        let is_for = |targeting: &&Targeting| match organization.as_str() {
            OTHERS => matches!(targeting.policy.organizations, Organizations::AllBut(_)),
            name => targeting.is_for(name),
        };
        let policies = bundle.access().iter().filter(is_for);
        let policies = policies.map(|targeting| (targeting, items(targeting, written))).collect();
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
                let place = format!("{}:{}", it.path, it.line);
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
                "path": it.path,
                "line": it.line,
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
fn items<'a>(targeting: &'a Targeting, written: &Written<'_>) -> Vec<Item<'a>> {
    let policy = &targeting.policy;
    let (origin, all) = (&targeting.origin, Vec::new());
    let mut items = Items { policy: &policy.name, origin, written, items: all };
    items.key("enabled", yes(policy.enabled));
    items.key("includedGroups", policy.included_groups.join(", "));
    items.key("excludedGroups", policy.excluded_groups.join(", "));
    items.key("licenseRequired", yes(policy.license_required));
    let local = items.origin.overlaid.as_ref().map_or(0, |overlaid| overlaid.local_rules);
    for (number, rule) in policy.local_rules.iter().enumerate() {
        let key = format!("localRules.{}", rule.id);
        items.item((key, "localRules"), rule.access.word().to_owned(), (number, local));
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
        let key = "protected.users";
        items.item((key.to_owned(), key), Pattern::to_string(user), (number, users));
    }
    for (number, group) in policy.protected_groups.iter().enumerate() {
        let key = "protected.groups";
        items.item((key.to_owned(), key), group.clone(), (number, groups));
    }
    items.items
}

fn situations<'a>(policy: &'a AccessPolicy, items: &mut Items<'a, '_>) {
    let access = &policy.access;
    items.key("access.unmanaged", access.unmanaged.word().to_owned());
    let is_overlaid = items.writes("platformExceptions");
    for (number, exception) in policy.platform_exceptions.iter().enumerate() {
        let kind = match exception.kind {
            ClassKind::Family => "family",
            ClassKind::Model => "model",
        };
        let key = format!("platformExceptions.{}", exception.name);
        let at = format!("platformExceptions[{number}]");
        items.push(key, format!("{} ({kind})", exception.access.word()), (&at, is_overlaid));
    }
    items.key("access.unknown", access.unknown.word().to_owned());
    items.key("access.notCompliant", access.not_compliant.word().to_owned());
    items.key("access.inGracePeriod", access.in_grace_period.word().to_owned());
    items.key("access.stale", access.stale.word().to_owned());
    items.key("inactiveAfter", policy.inactive_after.map(span).unwrap_or_default());
    items.key("access.inactive", access.inactive.word().to_owned());
}

/// The values of a policy while they are collected.
struct Items<'a, 'w> {
    policy: &'a str,
    origin: &'a Origin,
    written: &'w Written<'w>,
    items: Vec<Item<'a>>,
}

impl Items<'_, '_> {
    fn key(&mut self, key: &'static str, value: String) {
        let is_overlaid = self.writes(key);
        self.push(key.to_owned(), value, (key, is_overlaid));
    }

    /// An item of a list whose first ones are the overlay's, and the others the base's.
    fn item(&mut self, (key, list): (String, &str), value: String, (number, own): (usize, usize)) {
        let number_there = number.checked_sub(own);
        let at = format!("{list}[{}]", number_there.unwrap_or(number));
        self.push(key, value, (&at, number_there.is_none()));
    }

    /// Whether the overlay writes a key.
    fn writes(&self, key: &str) -> bool {
        self.origin.overlaid.as_ref().is_some_and(|overlaid| overlaid.keys.contains(&key))
    }

    /// A value that stands at a key of the overlay or, where there is none or it does not write it, of
    /// the policy.
    fn push(&mut self, key: String, value: String, (at, is_overlaid): (&str, bool)) {
        let (from, place) = match &self.origin.overlaid {
            Some(overlaid) if !is_overlaid => (overlaid.base.as_str(), &overlaid.base_place),
            Some(_) | None => (self.policy, &self.origin.place),
        };
        let value = if value.is_empty() { "none".to_owned() } else { value };
        let line = self.written.line(place, at);
        self.items.push(Item { key, value, from, path: &place.path, line });
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
