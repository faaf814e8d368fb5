//! Expressions: what is refused and with which words, and what holds.

mod kinds;
mod policies;

use std::collections::HashSet;

use exgate_domain::case::{Case, Management, Sibling, Unmatched};
use exgate_domain::observation::AccessState;
use exgate_domain::record::ThreatState;

use super::*;
use crate::verdict::fixture::{at, case, owner, record};

fn refused(text: &str) -> Mistake {
    Expression::compile(text).err().unwrap_or_else(|| panic!("{text:?} is taken"))
}

fn outcome(text: &str, case: &Case) -> Outcome {
    let expression = Expression::compile(text).unwrap_or_else(|why| panic!("{text:?}: {why:?}"));
    expression.holds(&mut Facts::of(case, expression.asked()))
}

fn holds(text: &str) -> bool {
    outcome(text, &case()) == Outcome::Satisfied
}

/// Message, suggestion and the text at the place.
fn told(text: &str) -> (String, String, &str) {
    let Mistake { message, suggestion, offset } = refused(text);
    (message, suggestion, offset.map_or("", |offset| text.get(offset..).unwrap()))
}

#[test]
fn an_assignment_is_no_comparison() {
    let (message, suggestion, place) = told("resource.model = \"iPhone 15\"");
    assert_eq!(message, "'=' is not a valid operator");
    assert_eq!(suggestion, "try using '==' instead");
    assert_eq!(place, "resource.model = \"iPhone 15\"");
}

#[test]
fn an_open_bracket_is_found() {
    let (message, _, place) = told("(resource.model like \"iPhone*\"");
    assert_eq!((message.as_str(), place), ("unexpected end of input", ""));
    let (message, _, place) = told("resource.model like \"iPhone*\")");
    assert_eq!((message.as_str(), place), ("unexpected token `)`", ")"));
}

#[test]
fn an_open_text_is_found() {
    let (message, suggestion, place) = told("resource.model like \"iPhone*");
    assert_eq!(message, "the text that starts here has no end");
    assert_eq!(suggestion, "close it with a \"");
    assert_eq!(place, "\"iPhone*");
}

#[test]
fn a_misspelt_attribute_is_found_wherever_it_stands() {
    let (message, suggestion, place) = told("true && resource.encryted");
    assert_eq!(message, "resource has no attribute encryted");
    assert_eq!(suggestion, "write resource.isEncrypted");
    assert_eq!(place, "resource.encryted");
    // The library takes a test for an attribute that never is for settled, and looks no further.
    let (message, suggestion, place) = told("!(resource has encryted && resource.encryted)");
    assert_eq!(message, "resource has no attribute encryted");
    assert_eq!((suggestion.as_str(), place), ("write resource.isEncrypted", ""));
    let (_, suggestion, _) = told("principal.organization == \"contoso\"");
    assert_eq!(suggestion, "write context.organization");
    let (_, suggestion, _) = told("principal.groups.contains(\"x\")");
    assert_eq!(suggestion, "write principal in Group::\"Mail users\"");
}

#[test]
fn a_text_is_no_number() {
    let (message, suggestion, place) = told("resource.deviceOS >= 17");
    assert_eq!(message, "this is a text, not a number");
    assert_eq!(suggestion, "write a number here");
    assert_eq!(place, "resource.deviceOS >= 17");
    let (message, _, place) = told("resource.model + 1 == 2");
    assert_eq!(message, "this is a text, not a number");
    assert_eq!(place, "resource.model + 1 == 2");
}

#[test]
fn an_unknown_function_is_named() {
    let (message, suggestion, place) = told("lower(resource.model) == \"iphone\"");
    assert_eq!(message, "lower is not a function");
    assert_eq!(suggestion, "the only function is version(\"17.4\")");
    assert_eq!(place, "lower(resource.model) == \"iphone\"");
    for text in
        ["decimal(\"1.0\") == x", "datetime (\"2026-01-01\") < x", "x && ip(\"::1\").isIpv6()"]
    {
        assert!(refused(text).message.ends_with("is not a function"), "{text}");
    }
    assert!(holds("if (true) then (!(false)) else (false)"));
    assert!(refused("resource.model.startsWith(\"x\")").message.contains("startsWith"));
}

#[test]
fn what_may_be_missing_is_asked_for_first() {
    let (message, suggestion, place) = told("resource.isEncrypted");
    assert_eq!(message, "resource.isEncrypted is not always known");
    assert_eq!(suggestion, "write resource has isEncrypted && resource.isEncrypted");
    assert_eq!(place, "resource.isEncrypted");
    assert!(holds("resource has isEncrypted && resource.isEncrypted"));
}

#[test]
fn a_text_needs_no_has() {
    let (message, suggestion, place) = told("resource has model && resource.model == \"x\"");
    assert_eq!(message, "resource.model needs no has");
    assert!(suggestion.starts_with("take it out"));
    assert_eq!(place, "");
    let (_, _, place) = told("resource has model");
    assert_eq!(place, "model");
}

#[test]
fn words_of_closed_lists_are_checked() {
    assert!(holds("resource has ownerType && resource.ownerType == OwnerType::\"company\""));
    assert!(holds(
        "resource has threatState && [ThreatState::\"secured\"].contains(resource.threatState)"
    ));
    let text = "resource has threatState && resource.threatState != ThreatState::\"higSeverity\"";
    assert!(refused(text).message.contains("higSeverity"), "{}", refused(text).message);
    let text = "resource has ownerType && resource.ownerType == \"company\"";
    assert!(refused(text).message.contains("OwnerType"), "{}", refused(text).message);
}

#[test]
fn what_never_holds_is_refused() {
    assert_eq!(refused("resource.model like \"x\" && false").message, "it can never hold");
    assert_eq!(refused("resource.model").message, "this is a text, not a condition");
    for text in ["resource == Device::\"x\"", "principal == User::\"x\"", "context == context"] {
        assert!(!refused(text).suggestion.is_empty(), "{text}");
    }
    assert_eq!(refused("  ").message, "the expression is empty");
}

#[test]
fn nothing_but_an_expression_is_taken() {
    for text in [
        "true } unless { false",
        "true }; permit(principal, action, resource) when { true",
        "?principal == principal",
    ] {
        refused(text);
    }
    assert!(holds("true // whatever }"));
}

#[test]
fn the_costs_are_bounded() {
    let long = format!("resource.model == \"{}\"", "x".repeat(TEXT_CHARS_MAX));
    assert!(refused(&long).message.contains("characters are more than 4000"));
    let deep = |depth| format!("{}true{}", "(".repeat(depth), ")".repeat(depth));
    assert!(holds(&deep(NESTING_MAX)));
    assert_eq!(refused(&deep(NESTING_MAX + 1)).message, "it is nested deeper than 24");
    let ifs = |depth| format!("{}true", "if true then true else ".repeat(depth));
    assert!(holds(&ifs(NESTING_MAX)));
    refused(&ifs(NESTING_MAX + 1));
    let chain = |parts| vec!["true"; parts].join(" && ");
    assert!(holds(&chain(OPERATORS_MAX + 1)));
    assert_eq!(refused(&chain(OPERATORS_MAX + 2)).message, "it has more than 150 operators");
    let list = |items: usize| format!("[{}].contains(1)", vec!["1"; items].join(","));
    assert!(holds(&list(SET_ITEMS_MAX)));
    assert_eq!(refused(&list(SET_ITEMS_MAX + 1)).message, "a list has 201 items, more than 200");
    let many = vec![list(SET_ITEMS_MAX); 6].join("||");
    assert_eq!(refused(&many).message, "it has more than 1000 parts");
    // On the least of a stack all of it is the same.
    let small = std::thread::Builder::new().stack_size(128 * 1024);
    let same = small.spawn(move || holds(&chain(OPERATORS_MAX + 1)) && holds(&ifs(NESTING_MAX)));
    assert!(same.unwrap().join().unwrap());
}

#[test]
fn a_text_that_nobody_knows_makes_it_unknown_and_never_satisfied() {
    let mut case = case();
    record(&mut case).model = " ".to_owned();
    for text in [
        "resource.model like \"iPhone*\"",
        "!(resource.model like \"Test*\")",
        "resource.model != \"x\"",
        "resource.model like \"x*\" || resource.deviceType == \"iPhone\"",
    ] {
        assert_eq!(outcome(text, &case), Outcome::Unknown, "{text}");
    }
    let text = "resource.deviceType == \"iPhone\" || resource.model like \"x*\"";
    assert_eq!(outcome(text, &case), Outcome::Satisfied);
    case.owner = None;
    assert_eq!(outcome("true", &case), Outcome::Unknown);
}

#[test]
fn an_overflow_is_not_satisfied() {
    let text = "context.deviceCount * 9223372036854775807 * 2 != 0";
    assert_eq!(outcome(text, &case()), Outcome::NotSatisfied);
}

#[test]
fn versions_are_compared_number_by_number() {
    let version = |text: &str, held: &str| {
        let mut case = case();
        record(&mut case).os_version = held.to_owned();
        outcome(&format!("resource has osVersion && resource.osVersion {text}"), &case)
            == Outcome::Satisfied
    };
    assert!(version(">= version(\"17.9\")", "17.10") && !version(">= version(\"17.10\")", "17.9"));
    assert!(version("== version(\"17\")", "17.0.0.0"));
    assert!(version(">= version( \"10.0.22631.3447\" )", "10.0.22631.3880"));
    assert!(!version(">= version(\"10.0.22631.3447\")", "10.0.19045.99999"));
    assert!(
        !version(">= version(\"1\")", "not a version") && !version(">= version(\"1\")", "9.1000")
    );
    for text in
        ["version(\"17.x\")", "version(\"17.1.2.3.4\")", "version(\"1.1000\")", "version(17)"]
    {
        let whole = format!("resource has osVersion && resource.osVersion >= {text}");
        let Mistake { suggestion, offset, .. } = refused(&whole);
        assert!(suggestion.ends_with("such as version(\"17.4\")"), "{text}: {suggestion}");
        assert!(
            whole.get(offset.unwrap()..).unwrap().contains(|it: char| it.is_ascii_digit()),
            "{text}"
        );
    }
}

#[test]
fn groups_have_no_case() {
    assert!(holds("principal in Group::\"MAIL Users\""));
    assert!(holds("principal in [Group::\"Board\", Group::\" mail users\"]"));
    assert!(!holds("principal in Group::\"Board\""));
    let mut case = case();
    owner(&mut case).groups = vec!["KÖLN".to_owned()];
    assert_eq!(outcome("principal in Group::\"köln\"", &case), Outcome::Satisfied);
    let text = "principal in Groups::\"Board\"";
    assert_eq!(refused(text).suggestion, "did you mean `Group`?");
    let asked = Expression::compile("principal in Group::\"Board\"").unwrap();
    assert_eq!(asked.asked().groups.keys().collect::<Vec<_>>(), ["board"]);
}

#[test]
fn time_goes_on_by_the_hour() {
    let case = case();
    let text = "resource has lastCheckInAt && context.now - resource.lastCheckInAt <= 6 * 3600";
    let expression = Expression::compile(text).unwrap();
    let mut facts = Facts::of(&case, expression.asked());
    assert_eq!(facts.changes_at(), None);
    assert_eq!(expression.holds(&mut facts), Outcome::Satisfied);
    let next = facts.changes_at().unwrap();
    assert_eq!(next, at("2026-03-10T13:00:00Z"));
    let at = |now| {
        let case = Case { now, ..case.clone() };
        expression.holds(&mut Facts::of(&case, expression.asked()))
    };
    let before = next.checked_sub(jiff::SignedDuration::from_nanos(1)).unwrap();
    assert_eq!((at(before), at(next)), (Outcome::Satisfied, Outcome::NotSatisfied));
}

/// Every attribute in an expression that holds for the case of [`full`].
const EVERY: &str = r#"
principal.userPrincipalName == "anna@contoso.example" && principal.mail like "*@contoso.example"
&& principal.otherMails.contains("a@b.example") && principal.displayName == "Anna Berg"
&& principal has licensed && principal.licensed && resource.deviceId == "ApplDLXH1234"
&& resource.deviceType == "iPhone" && resource.deviceModel == "iPhone15C2"
&& resource.deviceOS like "iOS 17*" && resource.userAgent like "Apple-*"
&& resource.friendlyName == "mine" && resource.imei == "1" && resource.phoneNumber == "2"
&& resource.clientType == "EAS" && resource has protocolVersion
&& resource.protocolVersion >= version("16") && resource has firstSyncAt && resource has lastSyncAt
&& resource.firstSyncAt < resource.lastSyncAt && resource has isManaged && resource.isManaged
&& resource.deviceName == "Anna's iPhone" && resource.operatingSystem == "iOS"
&& resource has osVersion && resource.osVersion == version("17.4.1") && resource.osBuild == "21E236"
&& resource has securityPatchLevel && resource.securityPatchLevel == 20260305
&& resource.model == "iPhone 15" && resource has isEncrypted && resource.isEncrypted
&& resource has jailBroken && !resource.jailBroken && resource has passcodeCompliant
&& resource.passcodeCompliant && resource has ownerType
&& resource.ownerType == OwnerType::"company" && resource has managementAgent
&& resource.managementAgent == ManagementAgent::"easMdm" && resource has threatState
&& resource.threatState == ThreatState::"secured" && resource has complianceState
&& resource.complianceState == ComplianceState::"compliant" && resource has graceUntil
&& resource.graceUntil > context.now && resource has lastCheckInAt
&& resource.lastCheckInAt < context.now && resource has enrolledAt
&& resource.enrolledAt == 1767225600 && resource.recordSource == "intune"
&& context.organization == "contoso" && context.primarySmtpAddress like "anna@*"
&& context.mailboxName == "Anna Berg" && context.mailboxDn like "*DC=example"
&& context.deviceCount == 2
"#;

fn full() -> Case {
    let mut case = case();
    owner(&mut case).other_mails = vec!["a@b.example".to_owned()];
    let record = record(&mut case);
    record.security_patch_level = Some("2026-03-05".parse().unwrap());
    record.grace_until = Some(at("2026-04-01T00:00:00Z"));
    case.device.friendly_name = "mine".to_owned();
    case.device.imei = "1".to_owned();
    case.device.phone_number = "2".to_owned();
    case.siblings = vec![Sibling {
        device_id: "other".parse().unwrap(),
        device_type: String::new(),
        access_state: AccessState::Allowed,
        first_sync_at: None,
        last_sync_at: None,
    }];
    case
}

#[test]
fn every_attribute_can_be_asked_for_and_is_what_it_says() {
    let case = full();
    let mut count = 0;
    // Too many operators for one expression: every attribute comes with its own test.
    for attribute in attributes() {
        let name = format!("{}.{}", attribute.of.variable(), attribute.name);
        assert!(EVERY.contains(&name), "{name}");
        count += 1;
    }
    let flat = EVERY.replace('\n', " ");
    let parts: Vec<_> = flat.trim().split(" && ").collect();
    let guards: Vec<_> = parts.iter().filter(|part| part.contains(" has ")).copied().collect();
    for part in parts.iter().filter(|part| !part.contains(" has ")) {
        let mine = guards.iter().filter(|guard| {
            let (of, name) = guard.split_once(" has ").unwrap();
            part.contains(&format!("{of}.{name}"))
        });
        let text = mine.chain([part]).copied().collect::<Vec<_>>().join(" && ");
        assert_eq!(outcome(&text, &case), Outcome::Satisfied, "{text}");
    }
    assert!(count <= 64, "attributes are numbered in 64 bits");
    let names: HashSet<_> = attributes().map(|it| (it.of.variable(), it.name)).collect();
    assert_eq!(names.len(), count);
}

#[test]
fn records_are_asked_for_only_where_they_are() {
    let mut case = full();
    case.management = Management::Unmanaged(Unmatched::NoRecord);
    assert_eq!(outcome("resource.model like \"*\"", &case), Outcome::Unknown);
    assert_eq!(outcome("resource has isManaged && !resource.isManaged", &case), Outcome::Satisfied);
    assert_eq!(outcome("resource has jailBroken", &case), Outcome::NotSatisfied);
    case.management = Management::Unavailable { why: "too old".to_owned() };
    assert_eq!(outcome("resource has isManaged", &case), Outcome::NotSatisfied);
}

#[test]
fn words_of_records_are_in_their_lists() {
    use exgate_domain::record::{ComplianceState, ManagementAgent, OwnerType};
    let mut case = case();
    for (field, list) in [
        ("ownerType", WORD_TYPES[0]),
        ("managementAgent", WORD_TYPES[1]),
        ("threatState", WORD_TYPES[2]),
        ("complianceState", WORD_TYPES[3]),
    ] {
        let found = list.words.iter().filter(|word| {
            let name = list.name;
            let text = format!("resource has {field} && resource.{field} == {name}::\"{word}\"");
            outcome(&text, &case) == Outcome::Satisfied
        });
        assert_eq!(found.count(), 1, "{field}");
    }
    let record = record(&mut case);
    record.threat_state = Some(ThreatState::Misconfigured);
    record.owner_type = Some(OwnerType::Personal);
    record.management_agent = Some(ManagementAgent::GoogleCloudDevicePolicyController);
    record.compliance = ComplianceState::ConfigManager;
    for (field, list) in
        [("ownerType", 0), ("managementAgent", 1), ("threatState", 2), ("complianceState", 3)]
    {
        let (name, last) = (WORD_TYPES[list].name, WORD_TYPES[list].words.last().unwrap());
        let text = format!("resource has {field} && resource.{field} == {name}::\"{last}\"");
        assert_eq!(outcome(&text, &case), Outcome::Satisfied, "{text}");
    }
}

#[test]
fn facts_are_made_once_for_all_expressions_of_a_bundle() {
    let case = case();
    let texts = ["resource.model like \"iPhone*\"", "principal in Group::\"mail users\""];
    let all: Vec<_> = texts.iter().map(|text| Expression::compile(text).unwrap()).collect();
    let mut asked = Asked::default();
    all.iter().for_each(|expression| asked.add(expression.asked()));
    let mut facts = Facts::of(&case, &asked);
    for expression in all.iter().chain(&all) {
        assert_eq!(expression.holds(&mut facts), Outcome::Satisfied);
    }
}
