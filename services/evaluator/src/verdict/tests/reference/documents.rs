//! Random policies: every key of the documents turns up, and most of them mean something together.

use serde_json::{Map, Value, json};

use super::dice::Dice;
use super::expressions::expression;

pub(in crate::verdict::tests) const GROUPS: [&str; 5] =
    ["Mail users", "Board", "Service desk", "Lager Köln", "g-6f1e"];
pub(super) const ORGANIZATIONS: [&str; 3] = ["contoso", "fabrikam", "northwind"];
/// From old to new.
pub(super) const VERSIONS: [&str; 10] =
    ["9", "10.0.19045.3803", "12.1", "14", "16.7.2", "17.4", "17.4.1", "17.9", "17.10", "18"];
/// From old to new.
pub(super) const BUILDS: [&str; 6] = ["9A405", "21D61", "21E36", "21E219", "21E219a", "22A5"];
/// From old to new.
pub(super) const PATCHES: [&str; 3] = ["2025-12-05", "2026-02-01", "2026-02-05"];
/// From short to long.
pub(super) const SPANS: [&str; 8] = ["0s", "1h", "1d", "3d", "7d", "14d", "30d", "60d"];
pub(super) const TYPES: [&str; 4] = ["iPhone", "iPad", "SamsungDevice", "Größe"];
pub(super) const MODELS: [&str; 3] = ["iPhone15C2", "SM-S911B", "iPad14C3"];
pub(super) const ADDRESSES: [&str; 3] =
    ["anna@contoso.example", "ceo@contoso.example", "bo@fabrikam.example"];
pub(super) const UNITS: [&str; 3] =
    ["OU=Sales,DC=contoso,DC=example", "OU=EMEA, OU=Sales,DC=contoso,DC=example", "DC=example"];

const WORDS: [&str; 4] = ["leave", "allow", "quarantine", "block"];
const PLATFORMS: [&str; 4] = ["iOS", "iPadOS", "android", "windows"];
const GRACES: [&str; 16] = [
    "complianceState",
    "platforms",
    "osMinimumVersion",
    "osMaximumVersion",
    "osMinimumBuildVersion",
    "osMaximumBuildVersion",
    "validOperatingSystemBuildRanges",
    "minAndroidSecurityPatchLevel",
    "storageRequireEncryption",
    "securityBlockJailbrokenDevices",
    "passcodeRequired",
    "deviceThreatProtectionRequiredSecurityLevel",
    "lastCheckInMax",
    "lastSyncMax",
    "managedDeviceOwnerTypes",
    "managementAgents",
];
const AGENTS: [&str; 4] = ["mdm", "easMdm", "jamf", "googleCloudDevicePolicyController"];

/// How many bundles of a hundred have expressions.
const EXPRESSIONS_PERCENT: usize = 6;

/// The documents of one bundle.
pub(in crate::verdict::tests) fn documents(dice: &mut Dice) -> Vec<Value> {
    let mut documents = Vec::new();
    // Reading them costs more than all else.
    let has_expressions = dice.chance(EXPRESSIONS_PERCENT);
    let compliance = ["phones", "strict", "verdict"];
    for name in compliance {
        documents.push(compliance_policy(dice, name));
    }
    let count = 1 + dice.below(3);
    for number in 0..count {
        documents.push(access_policy(dice, number, &compliance));
    }
    for number in 0..count {
        overlays(dice, number, &mut documents);
    }
    if has_expressions {
        documents.iter_mut().for_each(|document| expressions(dice, document));
    }
    documents
}

/// Adds expressions to a document, here and there.
fn expressions(dice: &mut Dice, document: &mut Value) {
    if document["kind"] == "CompliancePolicy" && dice.chance(40) {
        document["rules"] = (0..1 + dice.below(2)).map(|number| rule(dice, number)).collect();
    }
    for rule in document.get_mut("localRules").and_then(Value::as_array_mut).into_iter().flatten() {
        if dice.chance(50) {
            rule["when"] = json!(expression(dice));
            if dice.chance(40) {
                rule.as_object_mut().unwrap().remove("match");
            }
        }
    }
}

/// The documents as people write them.
pub(in crate::verdict::tests) fn text(documents: &[Value]) -> String {
    let document = |document: &Value| {
        let lines = document.as_object().unwrap().iter();
        lines.map(|(key, value)| format!("{key}: {value}\n")).collect::<String>()
    };
    documents.iter().map(document).collect::<Vec<_>>().join("---\n")
}

fn compliance_policy(dice: &mut Dice, name: &str) -> Value {
    let platforms: Map<_, _> = dice
        .any(&PLATFORMS, 60)
        .into_iter()
        .map(|platform| (platform.to_owned(), requirements(dice)))
        .collect();
    let mut policy = json!({
        "apiVersion": "exgate/v1", "kind": "CompliancePolicy", "name": name, "platforms": platforms,
    });
    let mut put = |key: &str, value: Value| policy[key] = value;
    for key in ["lastCheckInMax", "lastSyncMax"] {
        if dice.chance(30) {
            put(key, json!(dice.one(&SPANS[2..])));
        }
    }
    if dice.chance(15) {
        put("managedDeviceOwnerTypes", json!(dice.any(&["company", "personal"], 50)));
    }
    if dice.chance(15) {
        put("managementAgents", json!(dice.any(&AGENTS, 50)));
    }
    if dice.chance(60) {
        put("mdmCompliance", json!(dice.one(&["required", "trusted", "ignored"])));
    }
    if dice.chance(50) {
        put("gracePeriod", json!(dice.one(&SPANS[..5])));
    }
    if dice.chance(40) {
        let graces = dice.any(&GRACES, 15).into_iter();
        let graces = graces.map(|key| (key.to_owned(), json!(dice.one(&SPANS[..5]))));
        put("gracePeriods", Value::Object(graces.collect()));
    }
    if dice.chance(30) {
        put("blockAfter", json!(dice.one(&["8d", "14d", "30d"])));
    }
    policy
}

fn rule(dice: &mut Dice, number: usize) -> Value {
    let mut rule = json!({ "id": format!("own-{number}"), "require": expression(dice) });
    if dice.chance(30) {
        rule["gracePeriod"] = json!(dice.one(&SPANS[..5]));
    }
    rule
}

fn requirements(dice: &mut Dice) -> Value {
    let mut asks = Map::new();
    let mut put = |key: &str, value: Value| asks.insert(key.to_owned(), value);
    // A range has to lie within the other two, or the document is refused.
    let has_ranges = dice.chance(15);
    let (low, high) = dice.pair(&VERSIONS);
    if !has_ranges && dice.chance(50) {
        put("osMinimumVersion", json!(low));
    }
    if !has_ranges && dice.chance(23) {
        put("osMaximumVersion", json!(high));
    }
    let (low, high) = dice.pair(&BUILDS);
    if dice.chance(30) {
        put("osMinimumBuildVersion", json!(low));
    }
    if dice.chance(30) {
        put("osMaximumBuildVersion", json!(high));
    }
    if has_ranges {
        let (early, late) = (dice.pair(&VERSIONS[..5]), dice.pair(&VERSIONS[5..]));
        let ranges = [late, early].map(|(low, high)| {
            json!({ "lowestVersion": low, "highestVersion": high, "description": "x" })
        });
        put("validOperatingSystemBuildRanges", json!(ranges[dice.below(2)..]));
    }
    if dice.chance(15) {
        put("minAndroidSecurityPatchLevel", json!(dice.one(&PATCHES)));
    }
    if dice.chance(15) {
        let levels = ["secured", "low", "medium", "high"];
        put("deviceThreatProtectionRequiredSecurityLevel", json!(dice.one(&levels)));
    }
    for key in ["passcodeRequired", "storageRequireEncryption", "securityBlockJailbrokenDevices"] {
        if dice.chance(25) {
            put(key, json!(dice.chance(80)));
        }
    }
    Value::Object(asks)
}

fn access_policy(dice: &mut Dice, number: usize, compliance: &[&str]) -> Value {
    let organizations = if dice.chance(50) { vec!["*"] } else { dice.any(&ORGANIZATIONS, 60) };
    let included = dice.any(&GROUPS, 60);
    let mut policy = json!({
        "apiVersion": "exgate/v1", "kind": "AccessPolicy", "name": format!("mail-{number}"),
        "precedence": 10 * dice.below(100) + number,
        "organizations": organizations,
        "includedGroups": included,
    });
    if dice.chance(10) {
        policy["enabled"] = json!(dice.chance(30));
    }
    if dice.chance(60) {
        policy["compliancePolicies"] = json!(dice.some(compliance, 50));
    }
    if dice.chance(20) {
        policy["licenseRequired"] = json!(dice.chance(80));
    }
    what_follows(dice, &mut policy, &included);
    policy
}

/// What policies and overlays have in common.
fn what_follows(dice: &mut Dice, policy: &mut Value, included: &[&str]) {
    let mut put = |key: &str, value: Value| policy[key] = value;
    if dice.chance(40) {
        let others: Vec<_> = GROUPS.into_iter().filter(|it| !included.contains(it)).collect();
        put("excludedGroups", json!(dice.some(&others, 30)));
    }
    if dice.chance(15) {
        put("overrideDefaultRule", json!(dice.chance(40)));
    }
    let mut table = Map::new();
    for key in ["unmanaged", "unknown", "notCompliant", "inGracePeriod", "inactive"] {
        if dice.chance(40) {
            table.insert(key.to_owned(), json!(dice.one(&WORDS)));
        }
    }
    if dice.chance(40) {
        table.insert("stale".to_owned(), json!(dice.one(&["leave", "quarantine", "block"])));
    }
    put("access", Value::Object(table));
    if dice.chance(30) {
        put("inactiveAfter", json!(dice.one(&SPANS[3..])));
    }
    if dice.chance(40) {
        put("platformExceptions", exceptions(dice));
    }
    if dice.chance(30) {
        let rules = (0..1 + dice.below(2)).map(|number| local_rule(dice, number));
        put("localRules", rules.collect());
    }
    if dice.chance(35) {
        let mut maximum = json!({ "count": 1 + dice.below(2) });
        if dice.chance(60) {
            maximum["keep"] = json!(dice.one(&["first", "last"]));
        }
        if dice.chance(60) {
            maximum["access"] = json!(dice.one(&WORDS));
        }
        put("maximumDevices", maximum);
    }
    if dice.chance(20) {
        let mut protected = Map::new();
        if dice.chance(70) {
            protected.insert("users".to_owned(), json!(dice.any(&["ceo@*", "*@fabrikam.*"], 40)));
        }
        if dice.chance(50) {
            protected.insert("groups".to_owned(), json!(dice.any(&GROUPS, 10)));
        }
        put("protected", Value::Object(protected));
    }
}

fn exceptions(dice: &mut Dice) -> Value {
    let families = dice.some(&TYPES, 40).into_iter().map(|name| (name, "family"));
    let models = dice.some(&MODELS, 40).into_iter().map(|name| (name, "model"));
    let mut classes: Vec<_> = families.chain(models).collect();
    if dice.chance(50) {
        classes.reverse();
    }
    let exception = |(name, kind)| json!({ "deviceClass": { "name": name, "type": kind }, "access": dice.one(&WORDS) });
    classes.into_iter().map(exception).collect()
}

fn local_rule(dice: &mut Dice, number: usize) -> Value {
    let lists: [(&str, &[&str]); 9] = [
        ("deviceId", &["Appl*", "*ID7", "SEC0ID3"]),
        ("deviceType", &["iP*", "SAMSUNGdevice", "größe"]),
        ("deviceModel", &["SM-*", "iPhone15C2", "*P*C*"]),
        ("deviceOS", &["iOS 17*", "Android*", "*"]),
        ("userAgent", &["Apple-*", "*Outlook*"]),
        ("protocolVersion", &["2.5", "16.*"]),
        ("user", &["anna@*", "ceo@contoso.example", "*@fabrikam.example"]),
        ("group", &GROUPS),
        ("organizationalUnit", &UNITS),
    ];
    let lists = dice.any(&lists, 12).into_iter();
    let lists = lists.map(|(key, entries)| (key.to_owned(), json!(dice.any(entries, 30))));
    let selection: Map<_, _> = lists.collect();
    json!({ "id": format!("rule-{number}"), "match": selection, "access": dice.one(&WORDS) })
}

fn overlays(dice: &mut Dice, number: usize, documents: &mut Vec<Value>) {
    let base = format!("mail-{number}");
    let policy = documents.iter().find(|it| it["name"] == json!(base)).unwrap();
    let is_in =
        |it: &&str| [json!("*"), json!(it)].iter().any(|it| has(&policy["organizations"], it));
    let mut left: Vec<_> = ORGANIZATIONS.into_iter().filter(is_in).collect();
    let written: Vec<_> =
        GROUPS.into_iter().filter(|it| has(&policy["includedGroups"], &json!(it))).collect();
    for name in ["near", "far"] {
        if left.is_empty() || !dice.chance(30) {
            continue;
        }
        let organizations = dice.any(&left, 40);
        left.retain(|it| !organizations.contains(it));
        let mut overlay = json!({
            "apiVersion": "exgate/v1", "kind": "AccessPolicyOverlay",
            "name": format!("{base}-{name}"), "base": base, "organizations": organizations,
        });
        let mut included = written.clone();
        if dice.chance(25) {
            included = dice.any(&GROUPS, 45);
            overlay["includedGroups"] = json!(included);
        }
        for (key, percent) in [("enabled", 10), ("licenseRequired", 20)] {
            if dice.chance(percent) {
                overlay[key] = json!(dice.chance(50));
            }
        }
        if dice.chance(30) {
            overlay["compliancePolicies"] = json!(dice.some(&["phones", "strict", "verdict"], 50));
        }
        what_follows(dice, &mut overlay, &included);
        documents.push(overlay);
    }
}

fn has(list: &Value, item: &Value) -> bool {
    list.as_array().unwrap().contains(item)
}
