//! What is told to change does change the verdict, and nothing of it is told in vain.

use exgate_domain::case::{Management, Sibling, Unmatched};
use exgate_domain::decision::Compliance;
use exgate_domain::observation::AccessState;
use exgate_domain::policy::Access;
use exgate_domain::record::{ComplianceState, ManagementAgent, OwnerType, ThreatState};

use super::*;
use crate::bundles::PolicyFile;
use crate::verdict::fixture::{at, case, owner, record};

const STRICT: &str = r#"
apiVersion: exgate/v1
kind: CompliancePolicy
name: strict
platforms:
  iOS:
    osMinimumVersion: "17.4"
    osMinimumBuildVersion: 21E219
    storageRequireEncryption: true
    securityBlockJailbrokenDevices: true
    passcodeRequired: true
    deviceThreatProtectionRequiredSecurityLevel: low
  android: { osMaximumVersion: "16.99", minAndroidSecurityPatchLevel: "2026-01-01" }
lastCheckInMax: 14d
managedDeviceOwnerTypes: [company]
managementAgents: [mdm, easMdm]
---
apiVersion: exgate/v1
kind: AccessPolicy
name: mail
precedence: 10
organizations: ["*"]
includedGroups: [Mail users, Board]
excludedGroups: [Service desk]
licenseRequired: true
compliancePolicies: [strict]
inactiveAfter: 60d
maximumDevices: { count: 2 }
localRules:
  - { id: banned, match: { deviceType: [Palm] }, access: block }
"#;

fn strict() -> Bundle {
    let content = STRICT.as_bytes().to_vec();
    Bundle::read(&[PolicyFile { path: "strict.yaml".to_owned(), content }]).unwrap()
}

fn is_allowed(verdict: &Verdict<'_>) -> bool {
    verdict.access == Access::Allow
}

fn smallest(case: &Case) -> Found {
    let bundle = strict();
    let search = Search { bundle: &bundle, case, language: Language::English };
    search.smallest(is_allowed)
}

/// What can be wrong with a device, one thing at a time.
const FLAWS: [fn(&mut Case); 12] = [
    |case| record(case).os_version = "17.3".to_owned(),
    |case| record(case).os_build = "21E100".to_owned(),
    |case| record(case).is_encrypted = Some(false),
    |case| record(case).jail_broken = Some(true),
    |case| record(case).passcode_compliant = Some(false),
    |case| record(case).threat_state = Some(ThreatState::HighSeverity),
    |case| record(case).last_check_in_at = Some(at("2026-01-01T00:00:00Z")),
    |case| record(case).owner_type = Some(OwnerType::Personal),
    |case| record(case).management_agent = Some(ManagementAgent::Jamf),
    |case| record(case).compliance = ComplianceState::Noncompliant,
    |case| owner(case).groups = vec!["Service desk".to_owned()],
    |case| owner(case).licensed = Some(false),
];

/// The seven that are combined: every set of them is a case of its own.
const COMBINED: [usize; 7] = [0, 1, 2, 4, 6, 9, 11];

#[test]
fn every_flaw_has_a_set_that_cures_it_and_no_smaller_one_does() {
    let alone = (0..FLAWS.len()).map(|flaw| vec![flaw]);
    let together = (1_usize..1 << COMBINED.len()).map(|members| {
        let is_in = |place: &usize| members & (1 << place) != 0;
        COMBINED.iter().enumerate().filter(|(at, _)| is_in(at)).map(|(_, flaw)| *flaw).collect()
    });
    let bundle = strict();
    for flaws in alone.chain(together) {
        let mut case = case();
        flaws.iter().for_each(|flaw| FLAWS[*flaw](&mut case));
        let Found::Sets(sets) = smallest(&case) else { panic!("{flaws:?} have no cure") };
        let search = Search { bundle: &bundle, case: &case, language: Language::English };
        for set in &sets {
            assert!(search.reaches(set, is_allowed), "{flaws:?}: {set:?}");
            for left_out in 0..set.len() {
                let mut fewer = set.clone();
                fewer.remove(left_out);
                assert!(!search.reaches(&fewer, is_allowed), "{flaws:?}: {set:?}");
            }
        }
    }
}

#[test]
fn one_update_brings_version_and_build() {
    let mut case = case();
    FLAWS[0](&mut case);
    FLAWS[1](&mut case);
    let Found::Sets(sets) = smallest(&case) else { panic!() };
    let [set] = &sets[..] else { panic!("{sets:?}") };
    let [Change::Update(release)] = &set[..] else { panic!("{set:?}") };
    let words = release.in_words(Language::English);
    assert_eq!(words, ["iOS 17.4 or later", "build 21E219 or later"]);
}

#[test]
fn a_device_that_nobody_knows_is_enrolled_and_then_has_to_meet_all() {
    for why in [Unmatched::NoRecord, Unmatched::OtherUser, Unmatched::Ambiguous] {
        let mut case = case();
        case.management = Management::Unmanaged(why);
        let Found::Sets(sets) = smallest(&case) else { panic!("{why:?}") };
        let [set] = &sets[..] else { panic!("{sets:?}") };
        let [Change::Enrol { record, wants, .. }] = &set[..] else { panic!("{set:?}") };
        assert_eq!(record.operating_system, "iOS");
        let expected = [
            "iOS 17.4 or later",
            "build 21E219 or later",
            "encrypted storage",
            "a passcode",
            "no jailbreak or root access",
            "a threat level of low at worst",
            "company-owned",
            "management by an MDM",
        ];
        assert_eq!(wants, &expected);
    }
}

#[test]
fn what_no_fact_changes_has_no_set() {
    let mut case = case();
    case.device.device_type = "Palm".to_owned();
    let Found::Nothing { needed, expressions } = smallest(&case) else { panic!() };
    assert!(needed.is_empty() && expressions.is_empty(), "{needed:?} {expressions:?}");
}

/// Being in both groups would leave the decision to the policy that blocks.
#[test]
fn one_of_two_ways_is_found_where_both_together_are_none() {
    let policies = STRICT.replace("precedence: 10", "precedence: 20")
        + r#"---
apiVersion: exgate/v1
kind: AccessPolicy
name: closed
precedence: 10
organizations: ["*"]
includedGroups: [Leavers]
localRules: [{ id: gone, match: { deviceType: ["*"] }, access: block }]
"#;
    let content = policies.into_bytes();
    let bundle = Bundle::read(&[PolicyFile { path: "two.yaml".to_owned(), content }]).unwrap();
    let mut case = case();
    owner(&mut case).groups.clear();
    let search = Search { bundle: &bundle, case: &case, language: Language::English };
    let Found::Sets(sets) = search.smallest(is_allowed) else { panic!("nothing was found") };
    let [set] = &sets[..] else { panic!("{sets:?}") };
    let [Change::JoinGroup { policy, .. }] = &set[..] else { panic!("{set:?}") };
    assert_eq!(policy, "mail");
}

#[test]
fn a_system_that_is_too_new_needs_another_device() {
    let mut case = case();
    let record = record(&mut case);
    record.operating_system = "Android".to_owned();
    record.os_version = "17".to_owned();
    record.security_patch_level = Some(jiff::civil::date(2026, 2, 1));
    let Found::Sets(sets) = smallest(&case) else { panic!() };
    let [set] = &sets[..] else { panic!("{sets:?}") };
    let [Change::OtherDevice { record, wants, .. }] = &set[..] else { panic!("{set:?}") };
    assert_eq!(record.operating_system, "android");
    assert_eq!(wants, &["android 16.99 or earlier", "security patches of 1 January 2026 or later"]);
}

#[test]
fn the_mailbox_gives_up_as_many_devices_as_are_too_many() {
    let mut case = case();
    let sibling = |number: u8| Sibling {
        device_id: format!("Appl{number}").parse().unwrap(),
        device_type: "iPad".to_owned(),
        access_state: AccessState::Allowed,
        first_sync_at: Some(at("2025-01-01T00:00:00Z")),
        last_sync_at: Some(at(&format!("2026-03-0{number}T00:00:00Z"))),
    };
    case.siblings = (1..=3).map(sibling).collect();
    let Found::Sets(sets) = smallest(&case) else { panic!() };
    assert_eq!(sets.len(), 3);
    let first: Vec<_> = sets[0].iter().collect();
    let [Change::RemoveDevice { id: one, .. }, Change::RemoveDevice { id: other, .. }] = first[..]
    else {
        panic!("{sets:?}")
    };
    assert_eq!([one.as_str(), other.as_str()], ["Appl1", "Appl2"], "the silent ones first");
}

#[test]
fn missing_facts_are_reported_together() {
    let mut case = case();
    let it = record(&mut case);
    it.is_encrypted = None;
    it.threat_state = None;
    it.compliance = ComplianceState::Unknown;
    it.os_version = "soon".to_owned();
    let Found::Sets(sets) = smallest(&case) else { panic!() };
    let [set] = &sets[..] else { panic!("{sets:?}") };
    assert!(matches!(&set[..], [Change::Report { .. }]), "{set:?}");
    let bundle = strict();
    let mut reported = case.clone();
    set[0].apply(&mut reported);
    let verdict = judge(&bundle, &reported, &mut Silence);
    assert_eq!(verdict.compliance, Compliance::Compliant);
}
