//! Expressions where they stand: in policy files, and in verdicts.

use exgate_domain::case::Case;
use exgate_domain::decision::{Compliance, Decision, Reason};
use exgate_domain::policy::Access;

use crate::bundles::{Bundle, PolicyFile};
use crate::verdict::fixture::{at, case, record};
use crate::verdict::{decide, decide_and_tell};

const ACCESS: &str = r#"
---
apiVersion: exgate/v1
kind: AccessPolicy
name: mail
precedence: 1
organizations: ["*"]
includedGroups: [Mail users]
compliancePolicies: [phones]
"#;

fn read(text: &str) -> Result<Bundle, Vec<String>> {
    let content = text.as_bytes().to_vec();
    Bundle::read(&[PolicyFile { path: "p.yaml".to_owned(), content }])
        .map_err(|all| all.iter().map(ToString::to_string).collect())
}

fn with_rules(rules: &str) -> String {
    format!(
        "apiVersion: exgate/v1\nkind: CompliancePolicy\nname: phones\nplatforms: {{ iOS: {{}} }}\nrules:\n\
         {rules}{ACCESS}"
    )
}

fn mistake(rules: &str) -> String {
    let mut mistakes = read(&with_rules(rules)).unwrap_err();
    assert_eq!(mistakes.len(), 1, "{mistakes:?}");
    mistakes.remove(0)
}

#[test]
fn a_mistake_is_told_with_its_line_and_column_in_the_file() {
    let message =
        "rules[0].require: resource has no attribute encryted (write resource.isEncrypted)";
    let cases = [
        ("  - { id: a, require: true && resource.encryted }", "6:31"),
        ("  - id: a\n    require: 'true && resource.encryted'", "7:23"),
        ("  - id: a\n    require: \"\\\"\\\" == \\\"\\\" && resource.encryted\"", "7:31"),
        ("  - id: a\n    require: >-\n      true\n      && resource.encryted", "9:10"),
        ("  - id: a\n    require: |\n      true &&\n        resource.encryted", "9:9"),
        // Where the place inside is not certain, it is that of the whole text.
        ("  - id: a\n    require: \"\\x74rue && resource.encryted\"", "7:14"),
    ];
    for (rules, place) in cases {
        assert_eq!(mistake(rules), format!("p.yaml:{place}: {message}"), "{rules}");
    }
    let when = "localRules: [{ id: a, access: block, when: 'resource.model = 1' }]\n";
    let text =
        format!("{}{when}", with_rules("  - { id: a, require: 'resource.model like \"i*\"' }"));
    let due =
        "p.yaml:15:45: localRules[0].when: '=' is not a valid operator (try using '==' instead)";
    assert_eq!(read(&text).unwrap_err(), [due]);
}

#[test]
fn groups_are_registered_with_their_place() {
    let rules = "  - { id: a, require: 'principal in Group::\"Mail user\"' }";
    let when = "localRules:\n  - id: b\n    access: block\n    when: >-\n      true &&\n      \
                principal in [Group::\"x\", Group::\"y\"]\n";
    let bundle = read(&format!("{}{when}", with_rules(rules))).unwrap();
    let found = bundle.named_groups().iter();
    let found: Vec<_> =
        found.map(|it| (it.group.as_str(), it.key.as_str(), it.line, it.column)).collect();
    assert_eq!(
        found[found.len() - 2..],
        [("x", "localRules[0].when", 20, 28), ("y", "localRules[0].when", 20, 40)],
        "{found:?}"
    );
    assert_eq!(found[0], ("Mail user", "rules[0].require", 6, 44));
}

fn decided(rules: &str, case: &Case) -> Decision {
    let bundle = read(&with_rules(rules)).unwrap();
    let decision = decide(&bundle, case);
    let told = decide_and_tell(&bundle, case);
    assert_eq!(Decision { trace: Vec::new(), ..told }, decision);
    decision
}

#[test]
fn rules_count_as_the_fields_do() {
    let rules = "  - { id: a, require: 'resource.model like \"iPhone*\"' }";
    let mut case = case();
    let good = decided(rules, &case);
    assert_eq!((good.access, good.compliance), (Access::Allow, Compliance::Compliant));
    record(&mut case).model = "Pixel".to_owned();
    let bad = decided(rules, &case);
    assert_eq!((bad.access, bad.compliance), (Access::Quarantine, Compliance::NotCompliant));
    assert!(bad.reasons.contains(&Reason::RuleNotMet), "{:?}", bad.reasons);
    record(&mut case).model = String::new();
    let unknown = decided(rules, &case);
    assert_eq!((unknown.access, unknown.compliance), (Access::Quarantine, Compliance::Unknown));
}

#[test]
fn a_local_rule_with_an_expression_that_is_not_known_matches_nothing() {
    let when =
        "localRules: [{ id: a, access: block, when: '!(resource.model like \"iPhone*\")' }]\n";
    let text = format!("{}{when}", with_rules("  - { id: a, require: \"true\" }"));
    let bundle = read(&text).unwrap();
    let mut case = case();
    assert_eq!(decide(&bundle, &case).access, Access::Allow);
    record(&mut case).model = String::new();
    assert_eq!(decide(&bundle, &case).access, Access::Allow);
    record(&mut case).model = "Pixel".to_owned();
    let blocked = decide(&bundle, &case);
    assert_eq!((blocked.access, blocked.reasons[0]), (Access::Block, Reason::LocalRule));
}

#[test]
fn a_decision_that_asked_for_the_time_is_looked_at_again_when_it_can_change() {
    let rules = "  - id: a\n    require: >-\n      resource has lastCheckInAt\n      \
                 && context.now - resource.lastCheckInAt <= 6 * 3600";
    let case = case();
    let now = decided(rules, &case);
    assert_eq!((now.access, now.look_again_at), (Access::Allow, Some(at("2026-03-10T13:00:00Z"))));
    let later = Case { now: at("2026-03-10T13:00:00Z"), ..case.clone() };
    assert_eq!(decided(rules, &later).access, Access::Quarantine);
    let timeless = decided("  - { id: a, require: \"true\" }", &case);
    assert_eq!(timeless.look_again_at, None);
}
