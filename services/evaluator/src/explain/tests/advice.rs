//! Advice that was once wrong: each is what somebody would have done in vain.

use exgate_domain::case::{Case, Management, Sibling, Unmatched};
use exgate_domain::decision::Reason;
use exgate_domain::observation::AccessState;
use exgate_domain::policy::Access;
use exgate_domain::record::{ComplianceState, ManagementAgent, OwnerType, ThreatState};

use super::super::{Explanation, Language, explain};
use crate::bundles::{Bundle, PolicyFile};
use crate::verdict::fixture::{at, case, owner, record};

/// A compliance policy `c` with these lines, and an access policy `a` for everybody with these.
fn policies(compliance: &str, access: &str) -> String {
    format!(
        "apiVersion: exgate/v1\nkind: CompliancePolicy\nname: c\n{compliance}\n---\n\
         apiVersion: exgate/v1\nkind: AccessPolicy\nname: a\nprecedence: 5\norganizations: [\"*\"]\n\
         includedGroups: [Everyone]\ncompliancePolicies: [c]\n{access}"
    )
}

fn read(policies: &str) -> Bundle {
    let content = policies.as_bytes().to_vec();
    let read = Bundle::read(&[PolicyFile { path: "p.yaml".to_owned(), content }]);
    read.unwrap_or_else(|mistakes| panic!("{mistakes:?}"))
}

fn explained(policies: &str, change: impl FnOnce(&mut Case)) -> Explanation {
    let mut case = case();
    change(&mut case);
    explain(&read(policies), &case, Language::English)
}

#[track_caller]
fn cures(policies: &str, change: impl FnOnce(&mut Case)) -> Vec<String> {
    explained(policies, change).cures
}

/// Far more than any search takes, even on a machine with other things to do.
const SEARCH_MAX: std::time::Duration = std::time::Duration::from_secs(30);
const IOS: &str = "platforms: {iOS: {}}";
const CHECK_IN: &str =
    "then open the MDM's app on the device and let it check in, so that intune sees the change";

fn pixel(case: &mut Case) {
    case.management = Management::Unmanaged(Unmatched::NoRecord);
    case.device.device_type = "Pixel 8".to_owned();
    case.device.device_model = "Pixel 8".to_owned();
    case.device.device_os = "Android 14".to_owned();
}

#[test]
fn a_platform_of_another_name_is_updated_like_any() {
    let told = cures(&policies("platforms: {android: {osMinimumVersion: 14}}", ""), |case| {
        record(case).operating_system = "AndroidForWork".to_owned();
        record(case).os_version = "13".to_owned();
    });
    assert!(told[0].contains("update the device to android 14 or later"), "{told:?}");
}

fn siblings(count: u16) -> Vec<Sibling> {
    let sibling = |number: u16| Sibling {
        device_id: format!("SIB{number}").parse().unwrap(),
        device_type: "iPad".to_owned(),
        access_state: AccessState::Allowed,
        first_sync_at: Some(at("2025-01-01T00:00:00Z")),
        last_sync_at: Some(at(&format!("2026-02-{:02}T00:00:00Z", number + 1))),
    };
    (0..count).map(sibling).collect()
}

#[test]
fn a_foreign_device_is_not_told_to_enrol() {
    let asked = policies(
        "platforms: {iOS: {osMinimumVersion: \"17.4\", passcodeRequired: true}}",
        "access: {unmanaged: block}",
    );
    let expected = "use another device, with iOS 17.4 or later and a passcode, and enrol it in the MDM for Anna Berg";
    assert_eq!(cures(&asked, pixel), [expected]);
    // Where nobody can tell what it is, enrolling it will.
    let enrol = [
        "enrol the device in the MDM for Anna Berg",
        "see that it then meets the policy: iOS 17.4 or later and a passcode",
    ];
    let untold = |case: &mut Case| {
        pixel(case);
        case.device.device_os = String::new();
    };
    assert_eq!(cures(&asked, untold), enrol);
    // A record that does not tell the system yet would tell that it is the wrong one.
    let untold = |case: &mut Case| {
        case.device.device_os = "Android 14".to_owned();
        record(case).operating_system = String::new();
    };
    assert_eq!(cures(&asked, untold), ["use a device with iOS 17.4 or later"]);
}

#[test]
fn a_policy_that_asks_for_nothing_more_makes_no_demand() {
    let unmanaged = |case: &mut Case| case.management = Management::Unmanaged(Unmatched::NoRecord);
    let enrol = "enrol the device in the MDM for Anna Berg";
    assert_eq!(cures(&policies(IOS, ""), unmanaged), [enrol]);
}

const KIOSK: &str = r#"
---
apiVersion: exgate/v1
kind: AccessPolicy
name: kiosk
precedence: 1
organizations: ["*"]
includedGroups: [Kiosk]
localRules: [{ id: kiosk, match: { deviceType: [iPhone] }, access: block }]
"#;

#[test]
fn only_groups_that_help_are_named() {
    let asked = policies(IOS, "").replace("[Everyone]", "[Mail, Kiosk, Board]") + KIOSK;
    let groups = |groups: &[&str]| {
        let groups = groups.iter().map(|it| (*it).to_owned()).collect();
        cures(&asked, |case| owner(case).groups = groups)
    };
    assert_eq!(groups(&[]), ["put Anna Berg into Mail or Board (policy a)"]);
    // Where none helps, that is what is said.
    let blocked = KIOSK.trim_start_matches("\n---");
    let explanation = explained(blocked, |case| owner(case).groups.clear());
    assert!(explanation.cures.is_empty());
    let nothing = "No group that a policy is meant for was found to help: only the people who write the \
                   policies can change that.";
    assert_eq!(explanation.sentences.last().map(String::as_str), Some(nothing));
    // What is asked beyond the group is found behind the group that helps, wherever it stands.
    let licensed = asked.replace("[Mail, Kiosk, Board]", "[Kiosk, Mail, Board]");
    let licensed = licensed.replace("precedence: 5\n", "precedence: 5\nlicenseRequired: true\n");
    let both = cures(&licensed, |case| {
        owner(case).groups.clear();
        owner(case).licensed = Some(false);
    });
    let expected = ["put Anna Berg into Mail or Board (policy a)", "give Anna Berg the licence"];
    assert_eq!(both, expected);
}

#[test]
fn an_update_names_both_ends() {
    let strict = policies(
        "platforms: {iOS: {osMinimumVersion: \"17.4\", osMaximumVersion: \"18.9\", \
         osMinimumBuildVersion: 21E219, osMaximumBuildVersion: 22Z999}}",
        "",
    );
    let old = |case: &mut Case| record(case).os_version = "16.1".to_owned();
    let update =
        |wants: &str| format!("update the device to {wants}, unless that was done already");
    let both = "iOS 17.4 to 18.9 and build 22Z999 or earlier";
    assert_eq!(cures(&strict, old), [update(both), CHECK_IN.to_owned()]);
    let build = |case: &mut Case| record(case).os_build = "21E100".to_owned();
    let both = "iOS 18.9 or earlier and build 21E219 to 22Z999";
    assert_eq!(cures(&strict, build), [update(both), CHECK_IN.to_owned()]);
}

#[test]
fn an_update_stays_in_the_range_of_the_device() {
    let ranges = policies(
        "platforms: {windows: {validOperatingSystemBuildRanges: [\
         {lowestVersion: 10.0.22621.2000, highestVersion: 10.0.22621.9999}, \
         {lowestVersion: 10.0.19045.3000, highestVersion: 10.0.19045.3999}]}}",
        "",
    );
    for (found, wants) in [
        ("10.0.19045.2000", "windows 10.0.19045.3000 to 10.0.19045.3999"),
        ("10.0.19045.4500", "windows 10.0.22621.2000 to 10.0.22621.9999"),
        ("10.0.22000.1", "windows 10.0.22621.2000 to 10.0.22621.9999"),
    ] {
        let windows = |version: &'static str| {
            move |case: &mut Case| {
                record(case).operating_system = "Windows".to_owned();
                record(case).os_version = version.to_owned();
            }
        };
        let expected = format!("update the device to {wants}, unless that was done already");
        assert_eq!(cures(&ranges, windows(found)), [expected, CHECK_IN.to_owned()], "{found}");
        for end in wants.trim_start_matches("windows ").split(" to ") {
            let end: &'static str = end.to_owned().leak();
            let decision = explained(&ranges, windows(end)).decision;
            assert_eq!(decision.access, Access::Allow, "{end}");
        }
    }
}

#[test]
fn more_devices_than_can_be_tried_are_told_by_their_number() {
    for (maximum, ahead, cure) in [
        (1, 12, "remove all 12 other devices of the mailbox that come first"),
        (2, 12, "remove all but 1 of the 12 other devices of the mailbox that come first"),
        (3, 5, "remove all but 2 of the 5 other devices of the mailbox that come first"),
    ] {
        let asked = policies(IOS, &format!("maximumDevices: {{count: {maximum}}}"));
        let explanation = explained(&asked, |case| {
            case.siblings = siblings(ahead);
            // Those that come later take up no place.
            let later = siblings(20).into_iter().skip(usize::from(ahead)).map(|mut sibling| {
                sibling.first_sync_at = None;
                sibling
            });
            case.siblings.extend(later);
        });
        assert_eq!(explanation.cures, [cure]);
        assert!(explanation.decision.reasons.contains(&Reason::TooManyDevices));
    }
}

#[test]
fn one_device_is_told_as_one() {
    let asked = policies(IOS, "maximumDevices: {count: 1}");
    let told = Language::ALL.map(|language| {
        let mut case = case();
        case.siblings = siblings(1);
        explain(&read(&asked), &case, language).sentences[1].clone()
    });
    let expected = [
        "Anna Berg may have at most 1 device with mail, and 1 other device comes first.",
        "Anna Berg mag e-mail hebben op ten hoogste 1 toestel, en 1 ander toestel gaat voor.",
    ];
    assert_eq!(told, expected);
}

#[test]
fn whoever_owns_a_missing_fact_is_asked_for_it() {
    let asked = policies("platforms: {iOS: {}}\nlastSyncMax: 30d", "");
    let explanation = explained(&asked, |case| case.last_sync_at = None);
    let statistics = "let exgate read the device statistics of Exchange (sync.statistics_age of the \
                      coordinator), which say when the device last synchronised mail: only they do";
    assert_eq!(explanation.cures, [statistics]);
    let remark = "The user cannot put this right on the device; an administrator can.";
    assert_eq!(explanation.sentences.last().map(String::as_str), Some(remark));

    let asked = policies(
        "platforms: {iOS: {deviceThreatProtectionRequiredSecurityLevel: low}}\nlastSyncMax: 30d",
        "",
    );
    for (state, cure) in [
        (ThreatState::Deactivated, "switch on the threat defence app on the device"),
        (ThreatState::Misconfigured, "have the threat defence app on the device set up well"),
        (
            ThreatState::Unresponsive,
            "open the threat defence app on the device, so that it reports",
        ),
    ] {
        let set = |case: &mut Case| record(case).threat_state = Some(state);
        assert_eq!(cures(&asked, set), [cure, CHECK_IN]);
    }
    // Each is asked where several do not tell.
    let all = cures(&asked, |case| {
        case.last_sync_at = None;
        record(case).threat_state = Some(ThreatState::Deactivated);
        record(case).operating_system = String::new();
    });
    let report = "open the MDM's app on the device and let it check in, so that intune reports what is \
                  missing; what it reports has to be in order";
    assert_eq!(all, [report, statistics, "switch on the threat defence app on the device"]);
}

const NEW: &str = "resource has enrolledAt && context.now - resource.enrolledAt";

#[test]
fn the_end_of_a_grace_period_is_found_behind_the_hours_of_a_rule() {
    let asked = policies(
        &format!("{IOS}\ngracePeriod: 2d\nrules: [{{id: new, require: '{NEW} < 30 * 86400'}}]"),
        "",
    );
    let ends =
        "If nothing changes before then, it is held in quarantine from 12 March 2026, 12:00 UTC.";
    let sentences = explained(&asked, |_| {}).sentences;
    assert!(sentences.iter().any(|it| it == ends), "{sentences:#?}");
    // A rule that ends by itself is not met for longer by keeping in touch.
    let enrolled = |case: &mut Case| record(case).enrolled_at = Some(at("2026-03-01T00:00:00Z"));
    let asked = asked.replace("gracePeriod: 2d\n", "");
    let ends =
        "If nothing changes before then, it is held in quarantine from 31 March 2026, 00:00 UTC.";
    let sentences = explained(&asked, enrolled).sentences;
    assert!(sentences.iter().any(|it| it == ends), "{sentences:#?}");
}

#[test]
fn what_was_not_looked_at_is_not_told() {
    let asked =
        policies(&format!("{IOS}\nrules: [{{id: young, require: '{NEW} < 3000 * 86400'}}]"), "");
    let started = std::time::Instant::now();
    let explanation = explained(&asked, |_| {});
    let until = "If nothing changes, that stays so until 18 June 2026, 12:00 UTC; what comes after that \
                 was not looked at.";
    assert_eq!(explanation.sentences.last().map(String::as_str), Some(until));
    assert!(started.elapsed() < SEARCH_MAX, "{:?}", started.elapsed());
}

#[test]
fn who_is_held_in_a_grace_period_is_told_all_that_is_wrong() {
    let asked = policies(
        "platforms: {iOS: {osMinimumVersion: \"17.4\", passcodeRequired: true}}\ngracePeriod: 3d",
        "maximumDevices: {count: 1}",
    );
    let held = |case: &mut Case| {
        case.siblings = siblings(2);
        record(case).os_version = "16".to_owned();
        record(case).passcode_compliant = Some(false);
    };
    let expected = [
        "remove the iPad SIB0, if it is no longer used",
        "remove the iPad SIB1, if it is no longer used",
        "update the device to iOS 17.4 or later, unless that was done already",
        "set a passcode that the MDM accepts",
        CHECK_IN,
    ];
    assert_eq!(cures(&asked, held), expected);
}

#[test]
fn what_helps_only_for_now_is_told_as_that() {
    // No platform is allowed by both policies: nothing helps for good.
    let other = "\n---\napiVersion: exgate/v1\nkind: CompliancePolicy\nname: d\n\
                 platforms: {android: {}}\ngracePeriod: 3d";
    let asked =
        policies(IOS, "maximumDevices: {count: 1}").replace("Policies: [c]", "Policies: [c, d]");
    let explanation = explained(&(asked + other), |case| case.siblings = siblings(1));
    assert_eq!(explanation.cures, ["remove the iPad SIB0, if it is no longer used"]);
    let remark = "That helps only until its grace period ends: nothing that can be changed on the device \
                  or in the records keeps the mail after that.";
    assert_eq!(explanation.sentences.last().map(String::as_str), Some(remark));
}

fn flawed(case: &mut Case) {
    case.siblings = siblings(2);
    owner(case).licensed = Some(false);
    case.last_sync_at = Some(at("2025-01-01T00:00:00Z"));
    let record = record(case);
    record.os_version = "16".to_owned();
    record.is_encrypted = Some(false);
    record.jail_broken = Some(true);
    record.passcode_compliant = Some(false);
    record.threat_state = Some(ThreatState::Compromised);
    record.last_check_in_at = Some(at("2025-01-01T00:00:00Z"));
    record.owner_type = Some(OwnerType::Personal);
    record.management_agent = Some(ManagementAgent::Jamf);
    record.compliance = ComplianceState::Noncompliant;
}

const ALL: &str = "platforms: {iOS: {osMinimumVersion: \"17.4\", storageRequireEncryption: true, \
     securityBlockJailbrokenDevices: true, passcodeRequired: true, \
     deviceThreatProtectionRequiredSecurityLevel: low}}\nlastCheckInMax: 14d\n\
     managedDeviceOwnerTypes: [company]\nmanagementAgents: [mdm]\nlastSyncMax: 30d";

#[test]
fn everything_at_once_is_told_too() {
    let asked = policies(ALL, "licenseRequired: true\nmaximumDevices: {count: 1}");
    let told = cures(&asked, flawed);
    // Twelve changes, of which the device has to report some.
    assert_eq!(told.len(), 13, "{told:#?}");
}

#[test]
fn the_search_ends_where_nothing_helps_whatever_the_way() {
    let rule = "\nrules: [{id: never, require: 'principal in Group::\"Nobody\"'}]";
    let groups: Vec<_> = (0..40).map(|number| format!("g{number}")).collect();
    let mut asked = policies(&(ALL.to_owned() + rule), "maximumDevices: {count: 1}");
    for (number, groups) in groups.chunks(8).enumerate() {
        asked += &format!(
            "\n---\napiVersion: exgate/v1\nkind: AccessPolicy\nname: p{number}\nprecedence: {}\n\
             organizations: [\"*\"]\nincludedGroups: [{}]\ncompliancePolicies: [c]\n",
            number + 10,
            groups.join(", ")
        );
    }
    let started = std::time::Instant::now();
    let explanation = explained(&asked, |case| {
        flawed(case);
        owner(case).groups.clear();
    });
    assert!(started.elapsed() < SEARCH_MAX, "{:?}", started.elapsed());
    let rule = "Only the people who write the policies can say how the rule is met: principal in \
                Group::\"Nobody\".";
    assert_eq!(explanation.sentences.last().map(String::as_str), Some(rule));
}

/// Not a matter of hours: limits that are longer than it is looked ahead for hourly rules.
#[test]
fn a_limit_that_is_far_off_is_found() {
    let asked = policies(IOS, "inactiveAfter: 365d");
    let sentences = explained(&asked, |_| {}).sentences;
    let ends = "That stays so as long as it keeps in touch. If it stays silent, it is held in quarantine \
                from 10 March 2027, 11:00 UTC.";
    assert_eq!(sentences.last().map(String::as_str), Some(ends));
}
