//! What the documents mean, said once more and as plainly as can be: nothing is compiled, numbered or
//! remembered, every question goes back to what is written. It shares no code with what it is held
//! against.

mod compliance;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use exgate_domain::case::{Case, Management, Sibling};
use exgate_domain::record::{ManagedDevice, ManagementAgent, User};

use super::expressions;
pub(super) use compliance::version;

/// What it comes to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) access: String,
    pub(super) compliance: String,
    pub(super) reasons: Vec<String>,
    pub(super) policy: String,
    pub(super) look_again_at: Option<Timestamp>,
}

/// What is seen at one instant.
#[derive(Debug, Default)]
struct Picture {
    access: String,
    compliance: String,
    reasons: Vec<String>,
    policy: String,
    /// Every rule that was looked at, with what came of it: this is what time can change.
    looked_at: Vec<String>,
}

/// The answer at the case's own instant. It is to be asked again at the first instant at which anything
/// that was looked at comes out otherwise.
pub(super) fn answer(documents: &[Value], case: &Case) -> Answer {
    // Once a device is found not compliant, that beginning stays.
    let mut case = case.clone();
    case.noncompliant_since = Some(case.noncompliant_since.unwrap_or(case.now).min(case.now));
    let now = picture(documents, &case);
    let mut later = deadlines(documents, &case);
    later.retain(|at| *at > case.now);
    later.sort();
    later.dedup();
    let look_again_at = later.into_iter().find(|at| {
        let then = Case { now: *at, ..case.clone() };
        picture(documents, &then).looked_at != now.looked_at
    });
    let Picture { access, compliance, reasons, policy, looked_at: _ } = now;
    Answer { access, compliance, reasons, policy, look_again_at }
}

/// Every instant that could mean anything.
fn deadlines(documents: &[Value], case: &Case) -> Vec<Timestamp> {
    let mut deadlines = vec![expressions::next_hour(case.now)];
    let mut checked_in = None;
    if let Management::Managed { record, .. } = &case.management {
        checked_in = record.last_check_in_at;
        deadlines.extend(record.grace_until);
        deadlines.extend(checked_in.map(|at| at - SignedDuration::from_hours(1)));
    }
    let siblings = || case.siblings.iter().map(|sibling| sibling.last_sync_at);
    for document in documents {
        let mut after = |beginning: Option<Timestamp>, text: &Value| {
            let span = text.as_str().and_then(span);
            deadlines.extend(beginning.zip(span).map(|(beginning, span)| beginning + span));
        };
        after(checked_in, &document["lastCheckInMax"]);
        after(case.last_sync_at, &document["lastSyncMax"]);
        for last in siblings().chain([case.last_sync_at]) {
            after(last, &document["inactiveAfter"]);
        }
        for rule in list(&document["rules"]) {
            after(case.noncompliant_since, &rule["gracePeriod"]);
        }
        for key in ["gracePeriod", "blockAfter"] {
            after(case.noncompliant_since, &document[key]);
        }
        for (_, grace) in document["gracePeriods"].as_object().into_iter().flatten() {
            after(case.noncompliant_since, grace);
        }
    }
    deadlines
}

fn picture(documents: &[Value], case: &Case) -> Picture {
    let mut picture = Picture { compliance: "notEvaluated".to_owned(), ..Picture::default() };
    let policy = match target(documents, case) {
        Ok(policy) => policy,
        Err((reason, name)) => {
            picture.access = "leave".to_owned();
            picture.reasons.push(reason.to_owned());
            picture.policy = name;
            return picture;
        }
    };
    picture.policy = word(&policy["name"]);
    let rules = list(&policy["localRules"]).iter();
    match rules.clone().find(|rule| is_meant(rule, case, &mut picture)) {
        Some(rule) => {
            picture.access = word(&rule["access"]);
            picture.reasons.push("localRule".to_owned());
        }
        None => {
            records(documents, &policy, case, &mut picture);
            unused(&policy, case, &mut picture);
            too_many(&policy, case, &mut picture);
        }
    }
    let mut once = Vec::new();
    picture.reasons.retain(|reason| {
        let is_new = !once.contains(reason);
        once.push(reason.clone());
        is_new
    });
    if ["quarantine", "block"].contains(&picture.access.as_str()) && is_protected(documents, case) {
        picture.access = "leave".to_owned();
        picture.reasons.insert(0, "protected".to_owned());
    }
    picture
}

/// Whether any policy of the organization protects the owner.
fn is_protected(documents: &[Value], case: &Case) -> bool {
    let owner = case.owner.as_ref().unwrap();
    in_force(documents, case).iter().any(|policy| {
        let protected = &policy["protected"];
        is_person(&protected["users"], case) || is_member(&protected["groups"], owner)
    })
}

/// The policies of the organization that are switched on.
fn in_force(documents: &[Value], case: &Case) -> Vec<Value> {
    documents
        .iter()
        .filter(|it| it["kind"] == "AccessPolicy")
        .filter_map(|base| in_organization(documents, base, case.organization.as_str()))
        .filter(|policy| policy["enabled"] != json!(false))
        .collect()
}

/// The policy that decides; otherwise the reason why none does, and the name of one that might have.
fn target(documents: &[Value], case: &Case) -> Result<Value, (&'static str, String)> {
    let mut policies = in_force(documents, case);
    policies.sort_by_key(|policy| policy["precedence"].as_u64().unwrap());
    if policies.is_empty() {
        return Err(("notTargeted", String::new()));
    }
    let Some(owner) = &case.owner else { return Err(("ownerUnknown", String::new())) };
    let mut reason = "notTargeted";
    for policy in policies {
        if !is_member(&policy["includedGroups"], owner)
            || is_member(&policy["excludedGroups"], owner)
        {
            continue;
        }
        if policy["licenseRequired"] != json!(true) || owner.licensed == Some(true) {
            return Ok(policy);
        }
        if owner.licensed.is_none() {
            return Err(("notLicensed", word(&policy["name"])));
        }
        reason = "notLicensed";
    }
    Err((reason, String::new()))
}

/// A policy as it is in one organization, if it is for it.
fn in_organization(documents: &[Value], base: &Value, organization: &str) -> Option<Value> {
    let overlay = documents.iter().find(|it| {
        it["kind"] == "AccessPolicyOverlay"
            && it["base"] == base["name"]
            && texts(&it["organizations"]).contains(&organization)
    });
    let names = texts(&base["organizations"]);
    let is_for = names.contains(&"*") || names.contains(&organization);
    let Some(overlay) = overlay else { return is_for.then(|| base.clone()) };
    let mut merged = base.clone();
    for (key, value) in overlay.as_object().unwrap() {
        match key.as_str() {
            "access" => {
                for (situation, word) in value.as_object().unwrap() {
                    merged["access"][situation] = word.clone();
                }
            }
            "localRules" => merged[key] = joined(value, &base[key]),
            "protected" => {
                for list in ["users", "groups"] {
                    merged[key][list] = joined(&value[list], &base[key][list]);
                }
            }
            _ => merged[key] = value.clone(),
        }
    }
    Some(merged)
}

fn joined(first: &Value, second: &Value) -> Value {
    list(first).iter().chain(list(second)).cloned().collect()
}

fn is_meant(rule: &Value, case: &Case, picture: &mut Picture) -> bool {
    if !selects(&rule["match"], case) {
        return false;
    }
    let Some(when) = rule["when"].as_str() else { return true };
    let holds = expressions::holds(when, case);
    let hour = expressions::hour_asked(when, case);
    picture.looked_at.push(format!("{}: {holds:?} {hour:?}", rule["id"]));
    holds == Some(true)
}

fn selects(wanted: &Value, case: &Case) -> bool {
    let device = &case.device;
    let facts = [
        ("deviceId", device.device_id.as_str()),
        ("deviceType", &device.device_type),
        ("deviceModel", &device.device_model),
        ("deviceOS", &device.device_os),
        ("userAgent", &device.user_agent),
        ("protocolVersion", &device.protocol_version),
    ];
    let is_one = |key: &str, fact: &str| texts(&wanted[key]).iter().any(|it| like(it, fact));
    let lies_under = |unit: &&str| {
        let flat = |name: &str| name.to_lowercase().replace(", ", ",");
        flat(&device.mailbox_dn).ends_with(&format!(",{}", flat(unit)))
    };
    facts.iter().all(|(key, fact)| wanted[key].is_null() || is_one(key, fact))
        && (wanted["user"].is_null() || is_person(&wanted["user"], case))
        && (wanted["group"].is_null() || is_member(&wanted["group"], case.owner.as_ref().unwrap()))
        && (wanted["organizationalUnit"].is_null()
            || texts(&wanted["organizationalUnit"]).iter().any(lies_under))
}

fn records(documents: &[Value], policy: &Value, case: &Case, picture: &mut Picture) {
    let situation =
        |key: &str, otherwise: &str| policy["access"][key].as_str().unwrap_or(otherwise).to_owned();
    let record = match &case.management {
        Management::Unavailable { .. } => {
            picture.access = situation("stale", "leave");
            picture.reasons.push("recordsUnavailable".to_owned());
            return;
        }
        Management::Managed { record, .. } if is_managed(record) => record,
        Management::Managed { .. } | Management::Unmanaged(_) => {
            let level = |word: &str| {
                ["leave", "allow", "quarantine", "block"].iter().position(|it| *it == word)
            };
            let mut words = exceptions(policy, case);
            words.sort_by_key(|word| level(word));
            if !words.is_empty() {
                picture.reasons.push("platformException".to_owned());
            }
            picture.reasons.push("notEnrolled".to_owned());
            picture.access = words.pop().unwrap_or_else(|| situation("unmanaged", "quarantine"));
            return;
        }
    };
    let names = texts(&policy["compliancePolicies"]);
    let asked: Vec<_> = names
        .iter()
        .map(|name| {
            let is_it = |it: &&Value| it["kind"] == "CompliancePolicy" && it["name"] == *name;
            documents.iter().find(is_it).unwrap()
        })
        .collect();
    let found = compliance::of_all(&asked, record, case);
    let (access, reason) = match found.word {
        "compliant" if policy["overrideDefaultRule"] == json!(false) => {
            ("leave".to_owned(), "compliant")
        }
        "compliant" => ("allow".to_owned(), "compliant"),
        "inGracePeriod" => (situation("inGracePeriod", "allow"), "inGracePeriod"),
        "unknown" => (situation("unknown", "quarantine"), "complianceUnknown"),
        _ => (situation("notCompliant", "quarantine"), "notCompliant"),
    };
    picture.access = access;
    picture.compliance = found.word.to_owned();
    picture.reasons.push(reason.to_owned());
    if found.is_blocked && found.word == "notCompliant" {
        picture.access = "block".to_owned();
        picture.reasons.push("escalated".to_owned());
    }
    picture.reasons.extend(found.reasons.iter().map(|reason| (*reason).to_owned()));
    picture.looked_at.extend(found.looked_at);
}

/// Exchange ActiveSync alone manages nothing.
pub(super) fn is_managed(record: &ManagedDevice) -> bool {
    record.management_agent != Some(ManagementAgent::Eas)
}

fn exceptions(policy: &Value, case: &Case) -> Vec<String> {
    let is_it = |exception: &&Value| {
        let class = &exception["deviceClass"];
        let name = if class["type"] == "family" {
            &case.device.device_type
        } else {
            &case.device.device_model
        };
        word(&class["name"]).to_lowercase() == name.to_lowercase()
    };
    list(&policy["platformExceptions"])
        .iter()
        .filter(is_it)
        .map(|exception| word(&exception["access"]))
        .collect()
}

fn unused(policy: &Value, case: &Case, picture: &mut Picture) {
    let Some(longest) = policy["inactiveAfter"].as_str().and_then(span) else { return };
    let Some(last) = case.last_sync_at.filter(|_| picture.access == "allow") else { return };
    let is_unused = last + longest <= case.now;
    picture.looked_at.push(format!("unused: {is_unused}"));
    if is_unused {
        picture.access = policy["access"]["inactive"].as_str().unwrap_or("quarantine").to_owned();
        picture.reasons.insert(0, "inactive".to_owned());
    }
}

fn too_many(policy: &Value, case: &Case, picture: &mut Picture) {
    let maximum = &policy["maximumDevices"];
    if maximum.is_null() || picture.access != "allow" {
        return;
    }
    let longest = policy["inactiveAfter"].as_str().and_then(span);
    let is_used = |sibling: &&Sibling| match (sibling.last_sync_at, longest) {
        (Some(last), Some(longest)) => last + longest > case.now,
        _ => true,
    };
    let mine = (case.device.first_sync_at, case.device.device_id.as_str());
    let mut line: Vec<_> = case
        .siblings
        .iter()
        .filter(is_used)
        .map(|sibling| (sibling.first_sync_at, sibling.device_id.as_str()))
        .collect();
    line.push(mine);
    line.sort_by_key(|(_, id)| id.to_lowercase());
    line.sort_by_key(|(first, _)| *first);
    if maximum["keep"] == "last" {
        line.sort_by_key(|(first, _)| std::cmp::Reverse(*first));
    }
    // Those of whom nobody knows when they came stand at the end.
    line.sort_by_key(|(first, _)| first.is_none());
    let kept = maximum["count"].as_u64().unwrap() as usize;
    let is_kept = line.iter().take(kept).any(|it| *it == mine);
    picture.looked_at.push(format!("kept: {is_kept}"));
    if !is_kept {
        picture.access = maximum["access"].as_str().unwrap_or("quarantine").to_owned();
        picture.reasons.insert(0, "tooManyDevices".to_owned());
    }
}

fn is_member(groups: &Value, owner: &User) -> bool {
    let plain = |group: &str| group.trim().to_lowercase();
    texts(groups).iter().any(|group| owner.groups.iter().any(|it| plain(it) == plain(group)))
}

fn is_person(patterns: &Value, case: &Case) -> bool {
    let owner = case.owner.as_ref().unwrap();
    let addresses = [&owner.user_principal_name, &owner.mail, &case.mailbox.primary_smtp];
    texts(patterns).iter().any(|it| addresses.iter().any(|address| like(it, address)))
}

/// Whether a text is what a pattern means. What is empty is not known.
fn like(pattern: &str, text: &str) -> bool {
    fn fits(pattern: &[char], text: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            ['*', rest @ ..] => (0..=text.len()).any(|skip| fits(rest, &text[skip..])),
            [one, rest @ ..] => text.first() == Some(one) && fits(rest, &text[1..]),
        }
    }
    let letters = |text: &str| text.trim().to_lowercase().chars().collect::<Vec<_>>();
    !text.trim().is_empty() && fits(&letters(pattern), &letters(text))
}

/// A span of time in one unit.
pub(super) fn span(text: &str) -> Option<SignedDuration> {
    let number = text.get(..text.len().checked_sub(1)?)?.parse().ok()?;
    match text.chars().last()? {
        'd' => Some(SignedDuration::from_hours(24 * number)),
        'h' => Some(SignedDuration::from_hours(number)),
        's' => Some(SignedDuration::from_secs(number)),
        _ => None,
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn texts(value: &Value) -> Vec<&str> {
    list(value).iter().map(|it| it.as_str().unwrap()).collect()
}

fn word(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
