//! Owns local rules: the first that matches decides, before the records are looked at. What is not
//! known matches nothing.

use exgate_domain::case::Case;
use exgate_domain::decision::Outcome;
use exgate_domain::policy::{Access, Pattern, Selection};

use super::{Fact, Listener, Look, Own, Rule};
use crate::bundles::{Membership, TargetedLocal};

pub(super) fn first_match<L: Listener>(look: &mut Look<'_, '_, L>) -> Option<Access> {
    let targeting = look.targeting;
    for local in &targeting.local {
        let written = &local.rule.written;
        let rule = Rule::Item { list: "localRules", id: &written.id };
        if let Some(key) = first_miss(local, look.case, look.groups) {
            look.tried(rule, Outcome::NotSatisfied, Fact::Own(Own::Misses { key }));
            continue;
        }
        let holds = match &local.rule.when {
            Some(expression) => expression.holds(&mut look.facts),
            None => Outcome::Satisfied,
        };
        let fact = match (holds, &written.when) {
            (Outcome::Satisfied, _) | (_, None) => Own::Matches { access: written.access },
            (outcome, Some(text)) => Own::Expression { text, outcome },
        };
        look.tried(rule, holds, Fact::Own(fact));
        if holds == Outcome::Satisfied {
            return Some(written.access);
        }
    }
    None
}

/// The key of the first list that has no entry for the device; none when all have.
fn first_miss(local: &TargetedLocal, case: &Case, groups: &Membership) -> Option<&'static str> {
    let Selection {
        device_ids,
        device_types,
        device_models,
        device_oses,
        user_agents,
        protocol_versions,
        users,
        groups: _,
        organizational_units,
    } = &local.rule.written.selection;
    let device = &case.device;
    let misses = |patterns: &[Pattern], text: &str| {
        !patterns.is_empty() && !patterns.iter().any(|pattern| pattern.matches(text))
    };
    let lies_under = |unit: &String| under(&device.mailbox_dn, unit);
    [
        ("deviceId", misses(device_ids, device.device_id.as_str())),
        ("deviceType", misses(device_types, &device.device_type)),
        ("deviceModel", misses(device_models, &device.device_model)),
        ("deviceOS", misses(device_oses, &device.device_os)),
        ("userAgent", misses(user_agents, &device.user_agent)),
        ("protocolVersion", misses(protocol_versions, &device.protocol_version)),
        ("user", !users.is_empty() && !is_user(users, case)),
        ("group", !local.is_for(groups)),
        (
            "organizationalUnit",
            !organizational_units.is_empty() && !organizational_units.iter().any(lies_under),
        ),
    ]
    .into_iter()
    .find_map(|(key, is_missed)| is_missed.then_some(key))
}

/// Whether one of the patterns means the owner, by any address.
pub(super) fn is_user(patterns: &[Pattern], case: &Case) -> bool {
    let owner = case.owner.iter().flat_map(|owner| [&owner.user_principal_name, &owner.mail]);
    let mut addresses = owner.chain([&case.mailbox.primary_smtp]);
    addresses.any(|address| patterns.iter().any(|pattern| pattern.matches(address)))
}

/// Whether a distinguished name lies under another one. Blanks after commas do not count.
pub(crate) fn under(name: &str, unit: &str) -> bool {
    let (mut name, mut unit) = (parts(name), parts(unit));
    loop {
        match (name.next(), unit.next()) {
            (Some(one), Some(other)) if super::same_text(one, other) => {}
            (Some(_), None) => break true,
            (Some(_) | None, Some(_)) | (None, None) => break false,
        }
    }
}

/// The parts of a distinguished name from the root on. A comma after a backslash belongs to a name.
fn parts(name: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(name);
    let parts = std::iter::from_fn(move || {
        let text = rest?;
        let parted = text.rmatch_indices(',').find_map(|(at, _)| {
            let (before, after) = text.split_at_checked(at)?;
            let escapes = before.bytes().rev().take_while(|byte| *byte == b'\\').count();
            escapes.is_multiple_of(2).then_some((before, after.strip_prefix(',')?))
        });
        rest = parted.map(|(before, _)| before);
        Some(parted.map_or(text, |(_, part)| part))
    });
    parts.map(str::trim).filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mailbox_lies_under_the_units_above_it() {
        let name = "CN=Berg\\, Anna,OU=Sales,OU=Köln,DC=contoso,DC=com";
        for unit in ["OU=Sales,OU=Köln,DC=contoso,DC=com", "ou=KÖLN, dc=contoso, dc=com", "DC=com"]
        {
            assert!(under(name, unit), "{unit}");
        }
        for unit in
            ["OU=Sales,DC=contoso,DC=com", "OU=Köln,DC=contoso", name, "OU=öln,DC=contoso,DC=com"]
        {
            assert!(!under(name, unit), "{unit}");
        }
        let odd = "CN=A\\\\,OU=B\\,OU=C,DC=x";
        assert!(under(odd, "OU=B\\,OU=C,DC=x") && under(odd, "DC=x"));
        assert!(!under(odd, "OU=C,DC=x"));
    }
}
