//! What is said about policy files on disk: to people, and to scripts.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::*;

const GOOD: &str = include_str!("../../../../deploy/policies/phones.yaml");

const TESTED: &str = r#"
apiVersion: exgate/v1
kind: CompliancePolicy
name: phones
platforms: { iOS: { osMinimumVersion: 17.4 } }
---
apiVersion: exgate/v1
kind: AccessPolicy
name: mail
precedence: 10
organizations: ["*"]
includedGroups: [Mail users]
excludedGroups: [Service desk]
compliancePolicies: [phones]
localRules:
  - { id: kiosk, match: { deviceType: [Kiosk*] }, access: allow }
tests:
  - name: a phone that nobody manages is held
    expect: { access: quarantine, reasons: [notEnrolled] }
  - name: an old phone is held
    case: { record: { operatingSystem: iOS, osVersion: "17.3" } }
    expect: { access: quarantine, compliance: notCompliant, reasons: [osVersionTooOld] }
  - name: the service desk is left alone
    case: { user: { groups: [Mail users, Service desk] } }
    expect: { access: leave, policy: "" }
"#;

fn asked(command: &'static str, switches: &[&'static str], paths: &[&Path]) -> Findings {
    let values = paths.iter().map(|path| path.display().to_string()).collect();
    let switches = switches.to_vec();
    answer(&Asked { command: Some(command), switches, values, ..Asked::default() })
}

fn written(text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.yaml");
    fs::write(&path, text).unwrap();
    (folder, path)
}

fn document(findings: &Findings) -> Value {
    let [line] = &findings.lines[..] else { panic!("{findings:?}") };
    serde_json::from_str(line).unwrap()
}

#[test]
fn files_and_folders_are_checked_as_one_bundle() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let check = |path: &Path| asked(CHECK, &[], &[path]);
    fs::create_dir(at("below")).unwrap();
    fs::write(at("below/phones.yml"), GOOD).unwrap();
    for ignored in [".hidden.yaml", "README.md"] {
        fs::write(at(ignored), "{{{").unwrap();
    }
    let good = check(folder.path());
    assert!(good.is_well, "{good:?}");
    assert_eq!(good.lines.last().unwrap(), "OK (policies: 2, files: 1)");

    fs::write(at("twice.yaml"), GOOD).unwrap();
    let twice = check(folder.path());
    assert!(!twice.is_well && twice.complaints.is_empty());
    let first = format!(
        "{}:5:7: name: \"phones\" is the name of the policy at {}:5 too (write another name)",
        at("twice.yaml").display(),
        at("below/phones.yml").display()
    );
    assert_eq!(twice.lines[0], first);

    assert!(check(&at("twice.yaml")).is_well);
    let named_twice = asked(CHECK, &[], &[&at("below"), &at("below/phones.yml")]);
    assert!(named_twice.is_well, "{named_twice:?}");
}

#[test]
fn organizations_beside_policies_are_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let organization = "apiVersion: exgate/v1\nkind: Organization\nname: contoso\n";
    fs::write(folder.path().join("contoso.yaml"), format!("# ours\n{organization}")).unwrap();
    let alone = asked(CHECK, &[], &[folder.path()]);
    assert!(alone.complaints[0].ends_with("no .yaml or .yml file with a policy is there"));

    let both = folder.path().join("p.yaml");
    fs::write(&both, format!("{organization}---\n{TESTED}---\n{organization}")).unwrap();
    let found = asked(CHECK, &[], &[folder.path()]);
    assert_eq!(found.lines.last().unwrap(), "OK (policies: 2, files: 1)", "{found:?}");

    let wrong = TESTED.replace("17.4", "17.4b");
    fs::write(&both, format!("{organization}---\n{wrong}")).unwrap();
    let found = asked(CHECK, &[], &[folder.path()]);
    assert!(found.lines[0].contains("p.yaml:9:39: platforms.iOS"), "{found:?}");
}

#[test]
fn organizations_are_known_however_their_kind_is_written() {
    for head in [
        "kind: Organization # ours\nname: contoso\n",
        "kind: \"Organization\" # ours\nname: contoso\n",
        "\"kind\": Organization\nname: contoso\n",
        "{ kind: Organization, name: contoso }\n",
        "kind: 'Organization'   # what is below is no YAML\nname: [\n",
    ] {
        let (_folder, path) = written(&format!("{head}---\n{TESTED}"));
        let found = asked(CHECK, &[], &[&path]);
        assert_eq!(found.lines.last().unwrap(), "OK (policies: 2, files: 1)", "{head}{found:?}");
    }
    let (_folder, path) = written(&TESTED.replace("Kiosk*", "kind: Organization"));
    assert!(!asked(CHECK, &[], &[&path]).is_well);
}

#[test]
fn what_cannot_be_a_policy_is_not_even_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.yaml");
    fs::File::create(&path).unwrap().set_len(3_145_729).unwrap();
    let large = asked(CHECK, &[], &[folder.path()]);
    let end = "cannot read: its 3145729 bytes are more than the 3145728 of all policies";
    assert!(large.complaints[0].ends_with(end), "{large:?}");
    if cfg!(unix) {
        // It never ends.
        let device = asked(CHECK, &[], &[Path::new("/dev/zero")]);
        let expected = "/dev/zero: cannot read: it is neither a file nor a folder";
        assert_eq!(device.complaints, [expected]);
    }
}

#[test]
fn what_is_not_there_is_a_complaint() {
    let folder = tempfile::tempdir().unwrap();
    let empty =
        format!("{}: no .yaml or .yml file with a policy is there", folder.path().display());
    let found = asked(CHECK, &[], &[folder.path()]);
    assert_eq!((found.complaints, found.lines), (vec![empty], vec![]));
    let missing = folder.path().join("none.yaml");
    for command in [CHECK, TEST, SHOW] {
        let found = asked(command, &[JSON], &[&missing]);
        let start = format!("{}: cannot read: ", missing.display());
        assert!(found.complaints[0].starts_with(&start) && found.lines.is_empty(), "{found:?}");
    }
}

#[test]
fn a_check_as_json_has_mistakes_and_warnings_by_key() {
    let (_folder, path) = written(&TESTED.replace("compliancePolicies: [phones]\n", ""));
    let document = document(&asked(CHECK, &[JSON], &[&path]));
    assert_eq!(document["ok"], false);
    let [unused, fails] = &document["diagnostics"].as_array().unwrap()[..] else {
        panic!("{document:#}")
    };
    assert_eq!((&unused["severity"], &unused["line"]), (&"warning".into(), &4.into()));
    assert_eq!(fails["key"], "tests[1].expect.access");
    assert_eq!(fails["severity"], "error");
}

#[test]
fn a_test_that_fails_shows_what_was_expected_what_came_and_why() {
    let (_folder, path) = written(TESTED);
    let good = asked(TEST, &[], &[&path]);
    assert!(good.is_well, "{good:?}");
    assert_eq!(good.lines[0], "ok    mail: a phone that nobody manages is held");
    assert_eq!(good.lines.last().unwrap(), "3 tests, 0 failed");

    let (_folder, path) = written(&TESTED.replace("17.3", "17.5"));
    let bad = asked(TEST, &[], &[&path]);
    assert!(!bad.is_well);
    let text = bad.lines.join("\n").replace(&path.display().to_string(), "p.yaml");
    let expected = "\
FAIL  mail: an old phone is held  (p.yaml:20)
        access      expected  quarantine
                    got       allow
        compliance  expected  notCompliant
                    got       compliant
        reasons     expected  osVersionTooOld
                    got       compliant
        cause                 because of mail: every rule is met
        rules tried, in order:
";
    assert!(text.contains(expected), "{text}");
    assert!(text.contains("          +  phones  platforms.iOS.osMinimumVersion  "), "{text}");
    assert!(text.ends_with("3 tests, 1 failed"), "{text}");

    let document = document(&asked(TEST, &[JSON], &[&path]));
    assert_eq!((&document["ok"], &document["failed"]), (&false.into(), &1.into()));
    let test = &document["tests"][1];
    assert_eq!(test["expected"]["access"], "quarantine");
    assert_eq!(test["got"]["access"], "allow");
    assert_eq!(test["line"], 20);
    assert!(document.get("coverage").is_none());
}

#[test]
fn coverage_names_the_rules_that_no_test_turns_on() {
    let (_folder, path) = written(TESTED);
    let found = asked(TEST, &[COVERAGE], &[&path]);
    let text = found.lines.join("\n");
    assert!(text.contains("\ncoverage: tests turn on 4 of 11 rules\n"), "{text}");
    assert!(text.contains("\n  no test  mail    localRules.kiosk\n"), "{text}");
    assert!(text.contains("\n  no test  phones  complianceState\n"), "{text}");
    for shown in ["access.unmanaged", "access.notCompliant", "osMinimumVersion", "excludedGroups"] {
        assert!(!text.contains(&format!("  {shown}\n")), "{text}");
    }
    let document = document(&asked(TEST, &[COVERAGE, JSON], &[&path]));
    assert_eq!(document["coverage"]["covered"], 4);
    assert_eq!(document["coverage"]["rules"].as_array().unwrap().len(), 11);
}

#[test]
fn a_family_and_a_model_of_one_name_are_covered_by_themselves() {
    let exceptions = "platformExceptions:\n\
                      - { deviceClass: { name: Kiosk, type: family }, access: allow }\n\
                      - { deviceClass: { name: kiosk, type: model }, access: block }\n\
                      - { deviceClass: { name: Till, type: model }, access: block }\ntests:\n";
    let text = TESTED
        .replace("tests:\n", exceptions)
        .replace("match: { deviceType: [Kiosk*] }", "")
        .replace("localRules:\n  - { id: kiosk, , access: allow }\n", "")
        .replace(
            "name: a phone that nobody manages is held\n",
            "name: a model\n    \
                  case: { device: { deviceModel: Kiosk } }\n",
        )
        .replace("{ access: quarantine, reasons: [notEnrolled] }", "{ access: block }");
    let (_folder, path) = written(&text);
    let found = asked(TEST, &[COVERAGE], &[&path]);
    assert!(found.is_well, "{found:?}");
    let text = found.lines.join("\n");
    assert!(text.contains("  mail    platformExceptions.Kiosk (family)\n"), "{text}");
    assert!(text.contains("  mail    platformExceptions.Till\n"), "{text}");
    assert!(!text.contains("(model)"), "{text}");
}

#[test]
fn a_file_does_not_steer_the_terminal() {
    let (_folder, path) = written(&TESTED.replace("17.3", "17\\e[31m"));
    let found = asked(TEST, &[], &[&path]).lines.join("\n");
    assert!(found.contains("17\\u{1b}[31m") && !found.contains('\u{1b}'), "{found}");
}

#[test]
fn the_merged_result_says_where_each_value_comes_from() {
    let overlay = "---\napiVersion: exgate/v1\nkind: AccessPolicyOverlay\nname: strict\nbase: mail\n\
                   organizations: [contoso]\naccess: { unmanaged: block }\ninactiveAfter: 36h\n\
                   localRules: [{ id: vip, match: { user: [ceo@*] }, access: allow }]\n";
    let (_folder, path) = written(&format!("{TESTED}{overlay}"));

    let found = asked(SHOW, &[JSON], &[&path]);

    assert!(found.is_well, "{found:?}");
    let document = document(&found);
    let [contoso, others] = &document["organizations"].as_array().unwrap()[..] else {
        panic!("{document:#}")
    };
    assert_eq!(contoso["organization"], "contoso");
    assert_eq!(others["organization"], "*");
    let policy = &contoso["policies"][0];
    assert_eq!((&policy["name"], &policy["base"]), (&"strict".into(), &"mail".into()));
    let value = |policy: &Value, key: &str| {
        let values = policy["values"].as_array().unwrap();
        let found = values.iter().find(|value| value["key"] == key).unwrap();
        let text = |name: &str| found[name].as_str().unwrap().to_owned();
        (text("value"), text("from"), found["line"].as_u64().unwrap())
    };
    let is = |value: &str, from: &str, line| (value.to_owned(), from.to_owned(), line);
    assert_eq!(value(policy, "access.unmanaged"), is("block", "strict", 32));
    assert_eq!(value(policy, "inactiveAfter"), is("1d12h", "strict", 33));
    assert_eq!(value(policy, "access.unknown"), is("quarantine", "mail", 9));
    assert_eq!(value(policy, "localRules.vip"), is("allow", "strict", 34));
    assert_eq!(value(policy, "localRules.kiosk"), is("allow", "mail", 16));
    assert_eq!(value(&others["policies"][0], "access.unmanaged"), is("quarantine", "mail", 9));

    let only = |organization: &str| {
        let values = vec![path.display().to_string()];
        let options = vec![(ORGANIZATION, organization.to_owned())];
        answer(&Asked { command: Some(SHOW), values, options, ..Asked::default() })
    };
    let fabrikam = only("fabrikam").lines;
    assert_eq!(fabrikam[0..2], ["fabrikam", "  mail (precedence 10)"]);
    let groups = fabrikam.iter().find(|line| line.contains("includedGroups")).unwrap();
    assert!(groups.ends_with("p.yaml:12"), "{groups}");
    assert!(fabrikam.iter().any(|line| line.starts_with("    access.unmanaged")), "{fabrikam:?}");
    assert_eq!(only("Fabrikam GmbH").complaints.len(), 1);
}

#[test]
fn the_schema_is_the_published_one() {
    let found = asked(SCHEMA, &[], &[]);
    assert!(found.is_well);
    assert_eq!(document(&found)["title"], "exgate policy document");
}
