//! Whether a managed device complies, said plainly.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use exgate_domain::case::Case;
use exgate_domain::record::{
    ComplianceState, ManagedDevice, ManagementAgent, OwnerType, ThreatState,
};

use super::super::expressions;
use super::{list, span, texts};

/// What came of one rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Came {
    Good,
    Unknown,
    Bad(&'static str),
}
use Came::{Bad, Good, Unknown};

/// What came of all policies.
pub(super) struct Found {
    pub(super) word: &'static str,
    pub(super) is_blocked: bool,
    pub(super) reasons: Vec<&'static str>,
    pub(super) looked_at: Vec<String>,
}

/// From good to bad.
const WORDS: [&str; 4] = ["compliant", "inGracePeriod", "unknown", "notCompliant"];

pub(super) fn of_all(policies: &[&Value], record: &ManagedDevice, case: &Case) -> Found {
    let mut found =
        Found { word: "compliant", is_blocked: false, reasons: Vec::new(), looked_at: Vec::new() };
    let is_asked =
        policies.is_empty() || policies.iter().any(|it| it["mdmCompliance"] != "ignored");
    let (said, in_grace) = mdm(record, case.now);
    if is_asked {
        found.looked_at.push(format!("mdm: {said:?} {in_grace}"));
        if let Bad(reason) = said {
            found.reasons.push(reason);
        }
        if in_grace {
            found.word = "inGracePeriod";
        }
    }
    if policies.is_empty() && !in_grace {
        found.word = match said {
            Good => "compliant",
            Unknown => "unknown",
            Bad(_) => "notCompliant",
        };
    }
    for policy in policies {
        let word = one(policy, (said, in_grace), record, case, &mut found);
        let place = |word: &str| WORDS.iter().position(|it| *it == word);
        if place(word) > place(found.word) {
            found.word = word;
        }
    }
    found
}

/// What the MDM says, and whether it grants a grace period itself.
fn mdm(record: &ManagedDevice, now: Timestamp) -> (Came, bool) {
    let bad = Bad("mdmNotCompliant");
    match record.compliance {
        ComplianceState::Compliant => (Good, false),
        ComplianceState::Unknown | ComplianceState::ConfigManager => (Unknown, false),
        ComplianceState::InGracePeriod => (bad, record.grace_until.is_none_or(|end| end > now)),
        ComplianceState::Noncompliant | ComplianceState::Conflict | ComplianceState::Error => {
            (bad, false)
        }
    }
}

fn one(
    policy: &Value,
    (said, in_grace): (Came, bool),
    record: &ManagedDevice,
    case: &Case,
    found: &mut Found,
) -> &'static str {
    let mode = policy["mdmCompliance"].as_str().unwrap_or("required");
    let mut rules = Vec::new();
    if mode != "ignored" && !in_grace && !(mode == "trusted" && said == Unknown) {
        rules.push(("complianceState", said));
    }
    let is_asked = mode != "trusted" || said == Unknown;
    if is_asked {
        rules.extend(facts(policy, record, case));
    }
    let of_key = |(key, came): (&'static str, Came)| (key, came, &policy["gracePeriods"][key]);
    let mut rules: Vec<_> = rules.into_iter().map(of_key).collect();
    if is_asked {
        rules.extend(own(policy, case, found));
    }
    let since = case.noncompliant_since.unwrap();
    let (mut is_over, mut runs, mut unknown) = (false, false, false);
    for (key, came, grace) in rules {
        found.looked_at.push(format!("{} {key}: {came:?}", policy["name"]));
        match came {
            Good => {}
            Unknown => unknown = true,
            Bad(reason) => {
                if !found.reasons.contains(&reason) {
                    found.reasons.push(reason);
                }
                let grace = grace.as_str().or(policy["gracePeriod"].as_str());
                let grace = grace.and_then(span).unwrap_or_default();
                if since + grace > case.now {
                    runs = true;
                } else {
                    is_over = true;
                }
                found.looked_at.push(format!(
                    "{} over: {}",
                    policy["name"],
                    since + grace <= case.now
                ));
            }
        }
    }
    if let Some(after) = policy["blockAfter"].as_str().and_then(span).filter(|_| is_over || runs) {
        let is_reached = since + after <= case.now;
        found.is_blocked |= is_reached;
        found.looked_at.push(format!("{} blocks: {is_reached}", policy["name"]));
    }
    match (is_over, unknown, runs) {
        (true, _, _) => "notCompliant",
        (_, true, _) => "unknown",
        (_, _, true) => "inGracePeriod",
        _ => "compliant",
    }
}

/// The rules of a policy that are expressions, each with what came of it and its grace period.
fn own<'a>(policy: &'a Value, case: &Case, found: &mut Found) -> Vec<(&'a str, Came, &'a Value)> {
    let rules = list(&policy["rules"]).iter().map(|rule| {
        let text = rule["require"].as_str().unwrap();
        found.looked_at.extend(expressions::hour_asked(text, case).map(|hour| hour.to_string()));
        let came = match expressions::holds(text, case) {
            Some(true) => Good,
            Some(false) => Bad("ruleNotMet"),
            None => Unknown,
        };
        (rule["id"].as_str().unwrap(), came, &rule["gracePeriod"])
    });
    rules.collect()
}

/// The rules of a policy about facts, each with what came of it.
fn facts(policy: &Value, record: &ManagedDevice, case: &Case) -> Vec<(&'static str, Came)> {
    let mut rules = Vec::new();
    let platforms = policy["platforms"].as_object().unwrap();
    let name = record.operating_system.to_lowercase();
    let name = match name.replace(' ', "").as_str() {
        "androidforwork" | "androidenterprise" => "android".to_owned(),
        plain => plain.to_owned(),
    };
    let listed = platforms.iter().find(|(platform, _)| platform.to_lowercase() == name);
    rules.push((
        "platforms",
        match listed {
            Some(_) => Good,
            None if name.is_empty() => Unknown,
            None => Bad("platformNotAllowed"),
        },
    ));
    if let Some((_, asks)) = listed {
        versions(asks, record, &mut rules);
        health(asks, record, &mut rules);
    }
    if let Some(longest) = policy["lastCheckInMax"].as_str().and_then(span) {
        let came = match record.last_check_in_at {
            None => Unknown,
            Some(at) if at > case.now + SignedDuration::from_hours(1) => Unknown,
            Some(at) if at + longest > case.now => Good,
            Some(_) => Bad("checkInTooOld"),
        };
        rules.push(("lastCheckInMax", came));
    }
    if let Some(longest) = policy["lastSyncMax"].as_str().and_then(span) {
        let came = match case.last_sync_at {
            None => Unknown,
            Some(at) if at + longest > case.now => Good,
            Some(_) => Bad("inactive"),
        };
        rules.push(("lastSyncMax", came));
    }
    let owners = texts(&policy["managedDeviceOwnerTypes"]);
    if !owners.is_empty() {
        let found = record.owner_type.map(|it| match it {
            OwnerType::Company => "company",
            OwnerType::Personal => "personal",
        });
        rules.push(("managedDeviceOwnerTypes", among(&owners, found, "ownerTypeNotAllowed")));
    }
    let agents = texts(&policy["managementAgents"]);
    if !agents.is_empty() {
        let found = record.management_agent.map(agent);
        rules.push(("managementAgents", among(&agents, found, "managementAgentNotAllowed")));
    }
    rules
}

fn among(allowed: &[&str], found: Option<&str>, reason: &'static str) -> Came {
    match found {
        None => Unknown,
        Some(found) if allowed.contains(&found) => Good,
        Some(_) => Bad(reason),
    }
}

fn agent(agent: ManagementAgent) -> &'static str {
    match agent {
        ManagementAgent::Eas => "eas",
        ManagementAgent::Mdm => "mdm",
        ManagementAgent::EasMdm => "easMdm",
        ManagementAgent::IntuneClient => "intuneClient",
        ManagementAgent::EasIntuneClient => "easIntuneClient",
        ManagementAgent::ConfigurationManagerClient => "configurationManagerClient",
        ManagementAgent::ConfigurationManagerClientMdm => "configurationManagerClientMdm",
        ManagementAgent::ConfigurationManagerClientMdmEas => "configurationManagerClientMdmEas",
        ManagementAgent::Jamf => "jamf",
        ManagementAgent::GoogleCloudDevicePolicyController => "googleCloudDevicePolicyController",
    }
}

/// Good where something holds of a fact.
fn holds<T>(fact: Option<T>, holds: impl Fn(T) -> bool, reason: &'static str) -> Came {
    fact.map_or(Unknown, |fact| if holds(fact) { Good } else { Bad(reason) })
}

fn versions(asks: &Value, record: &ManagedDevice, rules: &mut Vec<(&'static str, Came)>) {
    let mine = || version(&record.os_version);
    let of = |text: &Value| version(text.as_str().unwrap()).unwrap();
    let text = &asks["osMinimumVersion"];
    if !text.is_null() {
        rules.push(("osMinimumVersion", holds(mine(), |it| it >= of(text), "osVersionTooOld")));
    }
    let text = &asks["osMaximumVersion"];
    if !text.is_null() {
        rules.push(("osMaximumVersion", holds(mine(), |it| it <= of(text), "osVersionTooNew")));
    }
    let mine = || build(record);
    let text = &asks["osMinimumBuildVersion"];
    if let Some(oldest) = text.as_str().and_then(apple) {
        rules.push(("osMinimumBuildVersion", holds(mine(), |it| it >= oldest, "osBuildTooOld")));
    }
    let text = &asks["osMaximumBuildVersion"];
    if let Some(newest) = text.as_str().and_then(apple) {
        rules.push(("osMaximumBuildVersion", holds(mine(), |it| it <= newest, "osBuildTooNew")));
    }
    let ranges = list(&asks["validOperatingSystemBuildRanges"]);
    if !ranges.is_empty() {
        let lies_in = |it: Vec<u32>| {
            ranges.iter().any(|range| {
                of(&range["lowestVersion"]) <= it && it <= of(&range["highestVersion"])
            })
        };
        let came = holds(version(&record.os_version), lies_in, "osVersionNotInRange");
        rules.push(("validOperatingSystemBuildRanges", came));
    }
}

fn health(asks: &Value, record: &ManagedDevice, rules: &mut Vec<(&'static str, Came)>) {
    if let Some(oldest) = asks["minAndroidSecurityPatchLevel"].as_str() {
        let mine = record.security_patch_level.map(|day| day.to_string());
        let came = holds(mine, |day| day.as_str() >= oldest, "securityPatchTooOld");
        rules.push(("minAndroidSecurityPatchLevel", came));
    }
    for (key, fact, wanted, reason) in [
        ("storageRequireEncryption", record.is_encrypted, true, "notEncrypted"),
        ("securityBlockJailbrokenDevices", record.jail_broken, false, "jailBroken"),
        ("passcodeRequired", record.passcode_compliant, true, "passcodeMissing"),
    ] {
        if asks[key] == json!(true) {
            rules.push((key, holds(fact, |it| it == wanted, reason)));
        }
    }
    let key = "deviceThreatProtectionRequiredSecurityLevel";
    if let Some(worst) = asks[key].as_str() {
        let levels = ["secured", "low", "medium", "high", "compromised"];
        let place = |word: &str| levels.iter().position(|it| *it == word).unwrap();
        let level = record.threat_state.and_then(|state| match state {
            ThreatState::Secured => Some("secured"),
            ThreatState::LowSeverity => Some("low"),
            ThreatState::MediumSeverity => Some("medium"),
            ThreatState::HighSeverity => Some("high"),
            ThreatState::Compromised => Some("compromised"),
            ThreatState::Activated
            | ThreatState::Deactivated
            | ThreatState::Unresponsive
            | ThreatState::Misconfigured => None,
        });
        rules.push((key, holds(level, |it| place(it) <= place(worst), "threatLevelTooHigh")));
    }
}

/// Four numbers, the missing ones zero.
pub(in super::super) fn version(text: &str) -> Option<Vec<u32>> {
    let text = text.split(" (").next()?;
    let mut numbers = text.split('.').map(|it| it.parse().ok()).collect::<Option<Vec<_>>>()?;
    if numbers.len() > 4 {
        return None;
    }
    numbers.resize(4, 0);
    Some(numbers)
}

/// Apple's build of a record, wherever it is written.
fn build(record: &ManagedDevice) -> Option<(u32, char, u32, String)> {
    let behind = record.os_version.split(['(', ')']).nth(1);
    apple(&record.os_build).or_else(|| behind.and_then(apple))
}

fn apple(text: &str) -> Option<(u32, char, u32, String)> {
    let letter = text.chars().find(char::is_ascii_uppercase)?;
    let (train, rest) = text.split_once(letter)?;
    let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let suffix = rest.trim_start_matches(|it: char| it.is_ascii_digit()).to_owned();
    Some((train.parse().ok()?, letter, number.parse().ok()?, suffix))
}
