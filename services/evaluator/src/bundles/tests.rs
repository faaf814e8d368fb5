//! Bundles: what is read, what is refused and with which words, and how a bundle is named.

use jiff::SignedDuration;

use exgate_domain::policy::{Access, Organizations};

use super::*;

const SAMPLE: &str = include_str!("../../../../deploy/policies/phones.yaml");

fn file(path: &str, content: &str) -> PolicyFile {
    PolicyFile { path: path.to_owned(), content: content.as_bytes().to_vec() }
}

/// All mistakes in one file, each as the command line prints it.
fn refused(content: &str) -> Vec<String> {
    let mistakes = Bundle::read(&[file("p.yaml", content)]).expect_err(content);
    mistakes.iter().map(Diagnostic::to_string).collect()
}

/// A compliance policy `phones` with these lines from line 4 on.
fn compliance(rest: &str) -> String {
    format!("apiVersion: exgate/v1\nkind: CompliancePolicy\nname: phones\n{rest}")
}

/// An access policy with these lines from line 6 on.
fn access(rest: &str) -> String {
    format!(
        "apiVersion: exgate/v1\nkind: AccessPolicy\nname: mail\nprecedence: 10\n\
         organizations: [\"*\"]\n{rest}"
    )
}

#[test]
fn the_sample_says_what_it_says() {
    let bundle = Bundle::read(&[file("phones.yaml", SAMPLE)]).unwrap();

    let phones = &bundle.compliance[0].policy;
    assert_eq!(phones.name, "phones");
    assert_eq!(phones.last_check_in_max, Some(SignedDuration::from_hours(14 * 24)));
    assert_eq!(phones.grace_period, SignedDuration::from_hours(3 * 24));
    let [ios, android] = &phones.platforms[..] else { panic!("{:?}", phones.platforms) };
    assert_eq!((ios.platform.as_str(), android.platform.as_str()), ("iOS", "android"));
    assert_eq!(ios.os_minimum, Some("17.4".parse().unwrap()));
    assert!(ios.os_maximum.is_none() && !ios.require_encryption && ios.refuse_jailbroken);
    assert_eq!(android.os_maximum, Some("16.99".parse().unwrap()));
    assert!(android.require_encryption && android.refuse_jailbroken);
    let policy = &bundle.access[0].policy;
    assert_eq!((policy.name.as_str(), policy.precedence), ("mail-access", 10));
    assert_eq!(policy.organizations, Organizations::ALL);
    assert_eq!(policy.included_groups, ["Mail users"]);
    assert_eq!(policy.excluded_groups, ["Service desk"]);
    assert_eq!(policy.compliance_policies, ["phones"]);
    assert!(policy.license_required);
    assert_eq!(policy.access.unmanaged, Access::Quarantine);
    assert_eq!(policy.access.in_grace_period, Access::Allow);
    let found: Vec<_> =
        bundle.summaries().iter().map(|one| (one.kind, one.name.as_str(), one.line)).collect();
    assert_eq!(found, [("CompliancePolicy", "phones", 3), ("AccessPolicy", "mail-access", 18)]);
}

#[test]
fn text_stays_text_and_what_is_left_out_is_careful() {
    let text = compliance("platforms: { iOS: { osMinimumVersion: 17.10 } }\n---\n")
        + &access("includedGroups: [no, 007, 1e3]\n");

    let bundle = Bundle::read(&[file("p.yaml", &text)]).unwrap();

    let phones = &bundle.compliance[0].policy;
    assert_eq!(phones.platforms[0].os_minimum.as_ref().unwrap().to_string(), "17.10");
    assert_eq!(phones.grace_period, SignedDuration::ZERO);
    assert_eq!(phones.last_check_in_max, None);
    let policy = &bundle.access[0].policy;
    assert_eq!(policy.included_groups, ["no", "007", "1e3"]);
    assert!(!policy.license_required && policy.compliance_policies.is_empty());
    assert_eq!(policy.access.unmanaged, Access::Quarantine);
    assert_eq!(policy.access.unknown, Access::Quarantine);
    assert_eq!(policy.access.not_compliant, Access::Quarantine);
    assert_eq!(policy.access.in_grace_period, Access::Allow);
}

/// Each with the one line that is expected for it.
#[test]
fn mistakes_of_shape_are_named_with_their_place_and_cure() {
    let platforms = |rest: &str| compliance(&format!("platforms:\n  iOS:\n    {rest}\n"));
    let ok = "platforms: { iOS: {} }\n";
    let cases = [
        (
            platforms("osMinVersion: 17"),
            "p.yaml:6:5: platforms.iOS.osMinVersion: unknown key \"osMinVersion\"; known: \
             osMinimumVersion, osMaximumVersion, osMinimumBuildVersion, osMaximumBuildVersion, \
             validOperatingSystemBuildRanges, minAndroidSecurityPatchLevel, \
             deviceThreatProtectionRequiredSecurityLevel, passcodeRequired, \
             storageRequireEncryption, securityBlockJailbrokenDevices (write osMinimumVersion)",
        ),
        (
            compliance("platforms:\n  andriod: {}\n"),
            "p.yaml:5:3: platforms.andriod: unknown key \"andriod\"; known: iOS, iPadOS, android, \
             windows, windowsPhone, macOS, linux, chromeOS (write android)",
        ),
        (
            compliance(&format!("{ok}gracePeriod: 3d\ngracePeriod: 4d\n")),
            "p.yaml:6:1: gracePeriod: the key stands here twice (take one of them out)",
        ),
        (
            compliance(&format!("{ok}gracePeriod:\n")),
            "p.yaml:5:12: gracePeriod: the key has no value (write a value or take the key out)",
        ),
        (
            compliance("platforms:\n  iOS:\n"),
            "p.yaml:5:6: platforms.iOS: keys with values have to stand here (write key: value, one a \
             line and indented, or {} for none)",
        ),
        (
            platforms("storageRequireEncryption: yes"),
            "p.yaml:6:31: platforms.iOS.storageRequireEncryption: the value is neither true nor \
             false (write true or false)",
        ),
        (
            platforms("osMinimumVersion: [17]"),
            "p.yaml:6:23: platforms.iOS.osMinimumVersion: a text has to stand here (write one text, \
             without [ ] or { })",
        ),
        (
            compliance(""),
            "p.yaml:1: platforms: the key is missing (write platforms: and its value)",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(refused(&text), [expected], "{text}");
    }
}

#[test]
fn mistakes_of_shape_in_any_document_are_named_too() {
    let cases = [
        (
            access("includedGroups: all\n"),
            "p.yaml:6:17: includedGroups: a list has to stand here (write it as [a, b])",
        ),
        (
            access("includedGroups: [a]\naccess: { unmanaged: quarantined }\n"),
            "p.yaml:7:22: access.unmanaged: unknown value \"quarantined\"; known: leave, allow, \
             quarantine, block (write quarantine)",
        ),
        (
            access("includedGroups: [a]\n").replace("10", "ten"),
            "p.yaml:4:13: precedence: the value is not a whole number of 0 or more (write a number \
             such as 10)",
        ),
        (
            access("includedGroups: [a\n"),
            "p.yaml:6:17: includedGroups: not YAML: unclosed bracket '[' (look at this line and the \
             one above: indentation, quotes, brackets)",
        ),
        (
            "kind: AccessPolicy\n".to_owned(),
            "p.yaml:1: apiVersion: the key is missing (write exgate/v1)",
        ),
        (
            "# policy\napiVersion: exgate/v1\nname: a\n".to_owned(),
            "p.yaml:2: kind: the key is missing (write CompliancePolicy, AccessPolicy, \
             AccessPolicyOverlay or PolicyTests)",
        ),
        (
            "apiVersion: exgate/v2\nkind: AccessPolicy\n".to_owned(),
            "p.yaml:1:13: apiVersion: unknown version \"exgate/v2\" (write exgate/v1)",
        ),
        (
            "apiVersion: exgate/v1\nkind: AccesPolicy\n".to_owned(),
            "p.yaml:2:7: kind: unknown kind \"AccesPolicy\"; known: CompliancePolicy, AccessPolicy, \
             AccessPolicyOverlay, PolicyTests (write AccessPolicy)",
        ),
        (
            "apiVersion: exgate/v1\nkind: Organization\nname: contoso\n".to_owned(),
            "p.yaml:2:7: kind: an Organization is not a policy (keep it in a file of its own: the \
             coordinator applies it)",
        ),
        ("# nothing yet\n---\n".to_owned(), NOTHING),
        (String::new(), NOTHING),
        (
            "- a\n- b\n".to_owned(),
            "p.yaml:1:1: keys with values have to stand here (write key: value, one a line and \
             indented, or {} for none)",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(refused(&text), [expected], "{text}");
    }
}

const NOTHING: &str = "p.yaml: the file holds no document (take the file away or write a policy)";

#[test]
fn mistakes_of_meaning_are_named_with_their_place_and_cure() {
    let ios = |rest: &str| compliance(&format!("platforms: {{ iOS: {{ {rest} }} }}\n"));
    let ok = compliance("platforms: { iOS: {} }\n");
    let cases = [
        (
            ios("osMinimumVersion: 17.4b"),
            "p.yaml:4:39: platforms.iOS.osMinimumVersion: \"17.4b\" is not a version of one to four \
             numbers (write a version such as 17.4)",
        ),
        (
            ios("osMinimumVersion: 17.10, osMaximumVersion: 17.9"),
            "p.yaml:4:64: platforms.iOS.osMaximumVersion: 17.9 is older than osMinimumVersion, \
             which is 17.10 (write a version that is not older)",
        ),
        (
            compliance("platforms: {}\n"),
            "p.yaml:4:12: platforms: no platform is listed, so that no device could be compliant \
             (write iOS: {})",
        ),
        (
            format!("{ok}gracePeriod: 3 days\n"),
            "p.yaml:5:14: gracePeriod: \"3 days\" is not a span of time (write a span such as 14d, \
             12h or 1d12h)",
        ),
        (
            format!("{ok}lastCheckInMax: 0d\n"),
            "p.yaml:5:17: lastCheckInMax: after no time at all everything is too old (write a time \
             such as 14d)",
        ),
        (
            format!("{ok}gracePeriod: 9999d\n"),
            "p.yaml:5:14: gracePeriod: 9999d is longer than ten years (write a shorter span)",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(refused(&text), [expected], "{text}");
    }
}

#[test]
fn mistakes_of_meaning_between_documents_are_named_too() {
    let ok = compliance("platforms: { iOS: {} }\n");
    let cases = [
        (
            access("includedGroups: []\n"),
            "p.yaml:6:17: includedGroups: no group is included, so that the policy targets nobody \
             (write the groups to target)",
        ),
        (
            access("includedGroups: [' ']\n"),
            "p.yaml:6:18: includedGroups[0]: the text is empty (write a name)",
        ),
        (
            access("includedGroups: [a, B]\nexcludedGroups: [b]\n"),
            "p.yaml:7:18: excludedGroups[0]: \"b\" is included too; exclusion wins (take it out of \
             one of the two lists)",
        ),
        (
            format!("{ok}---\n{}", access("includedGroups: [a]\ncompliancePolicies: [phone]\n")),
            "p.yaml:12:22: compliancePolicies[0]: no compliance policy is named \"phone\" (write \
             phones)",
        ),
        (
            access("includedGroups: [a]\n").replace("\"*\"", "Contoso"),
            "p.yaml:5:17: organizations[0]: \"Contoso\" is not the name of an organization (write \
             lower-case letters, digits and hyphens, such as contoso)",
        ),
        (
            access("includedGroups: [a]\n").replace("\"*\"", "contoso, \"*\""),
            "p.yaml:5:26: organizations: \"*\" is every organization already (write [\"*\"], or the \
             names alone)",
        ),
        (
            format!("{ok}---\n{ok}"),
            "p.yaml:8:7: name: \"phones\" is the name of the policy at p.yaml:3 too (write another \
             name)",
        ),
        (
            format!(
                "{}---\n{}",
                access("includedGroups: [a]\n"),
                access("includedGroups: [b]\n").replace("mail", "post")
            ),
            "p.yaml:11:13: precedence: 10 is taken by the policy \"mail\" (write another number: \
             the lowest one decides)",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(refused(&text), [expected], "{text}");
    }
}

#[test]
fn all_mistakes_of_a_bundle_are_reported_at_once() {
    let first = compliance("platforms: { iOS: { osMinimumVersion: x } }\ngracePeriod: never\n")
        + "---\n"
        + &access("includedGroups: []\ncompliancePolicies: [phones, ph0nes]\n")
        + "--- # the third\nkind: AccessPolicy\napiVersion: exgate/v1\nnmae: c\n...\n";
    let second = compliance("platfroms: {}\n").replace("phones", "tablets")
        + "---\n"
        + &access("includedGroups: [a]\ncompliancePolicies: [tablets]\n").replace("10", "20");

    let found = Bundle::read(&[file("b.yaml", &second), file("a.yaml", &first)]).unwrap_err();

    let places: Vec<_> =
        found.iter().map(|one| (one.path.as_str(), one.line, one.key.as_str())).collect();
    // `tablets` cannot be read, and is not called unknown for that.
    assert_eq!(
        places,
        [
            ("a.yaml", 4, "platforms.iOS.osMinimumVersion"),
            ("a.yaml", 5, "gracePeriod"),
            ("a.yaml", 12, "includedGroups"),
            ("a.yaml", 13, "compliancePolicies[1]"),
            ("a.yaml", 17, "nmae"),
            ("b.yaml", 4, "platfroms"),
            ("b.yaml", 8, "name"),
        ]
    );
}

#[test]
fn files_that_are_too_many_too_large_or_not_text_are_refused() {
    let ok = compliance("platforms: { iOS: {} }\n");
    let words = |files: &[PolicyFile]| Bundle::read(files).unwrap_err()[0].to_string();
    assert_eq!(words(&[file("a", &ok), file("a", &ok)]), "a: the file comes twice");
    let large = "#".repeat(BUNDLE_BYTES_MAX + 1);
    assert_eq!(words(&[file("a", &large)]), "bundle: 3145729 bytes of files are more than 3145728");
    let many: Vec<_> = (0..=FILES_MAX).map(|number| file(&number.to_string(), &ok)).collect();
    assert_eq!(words(&many), "bundle: 1001 files are more than 1000");
    let odd = PolicyFile { path: "a".to_owned(), content: b"a: b\nc: \xff\n".to_vec() };
    assert_eq!(words(&[odd]), "a:2: the text is not UTF-8 (save the file as UTF-8)");
}

#[test]
fn an_alias_bomb_and_a_deep_nest_are_refused() {
    let mut bomb =
        String::from("apiVersion: exgate/v1\nkind: AccessPolicy\na0: &a0 [x, x, x, x]\n");
    for level in 1..12 {
        let before = level - 1;
        bomb += &format!("a{level}: &a{level} [*a{before}, *a{before}, *a{before}, *a{before}]\n");
    }
    let found = refused(&bomb);
    assert!(found[0].contains("alias"), "{found:?}");
    let deep = compliance(&format!("platforms: {}{}\n", "[".repeat(64), "]".repeat(64)));
    assert_eq!(refused(&deep).len(), 1);
}

#[test]
fn the_digest_names_content_and_not_order() {
    let [a, b] = [file("a", "one"), file("b", "two")];
    let of = |files: &[&PolicyFile]| digest(&files.iter().copied().cloned().collect::<Vec<_>>());
    assert_eq!(of(&[&a, &b]), of(&[&b, &a]));
    assert_eq!(
        of(&[&a, &b]).to_string(),
        "4292c88528bc7d0c44902c915b133554dcbd8f164b1fd680e00b3f26fddfb16b"
    );
    let others = [
        of(&[&a]),
        of(&[&file("a", "two"), &file("b", "one")]),
        of(&[&file("ao", "ne"), &b]),
        of(&[&file("a", "onetwo"), &file("b", "")]),
        of(&[]),
    ];
    for other in others {
        assert_ne!(other, of(&[&a, &b]));
    }
}

#[test]
fn what_may_still_do_something_is_not_called_useless() {
    let phones = compliance("platforms: { iOS: {} }\n");
    let rule = |id, rest: &str| format!("  - {{ id: {id}, access: block, {rest} }}\n");
    let units = |unit| format!("match: {{ organizationalUnit: ['{unit}'] }}");
    let rules = rule("a", &units("OU=Sales,DC=contoso"))
        + &rule("b", &units("DC=contoso"))
        + &rule("c", "match: { deviceType: [X] }, when: 'context.deviceCount > 5'")
        + &rule("d", "when: 'context.deviceCount > 5'")
        + &rule("e", "when: 'context.deviceCount > 6'");
    let first = format!(
        "includedGroups: [a]\nexcludedGroups: [b]\ncompliancePolicies: [phones]\n\
         access: {{ inGracePeriod: block, notCompliant: leave }}\nlocalRules:\n{rules}"
    );
    let second = access("includedGroups: [a]\nexcludedGroups: [c]\n")
        .replace("name: mail", "name: post")
        .replace("10", "20");
    let text = format!("{phones}---\n{}---\n{second}", access(&first));
    let bundle = Bundle::read(&[file("p.yaml", &text)]).unwrap();
    assert_eq!(bundle.warnings(), []);
}
