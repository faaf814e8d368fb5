//! Every reason that a verdict can have is told, in every language, with what would change it.

use std::collections::BTreeSet;

use exgate_domain::case::{Case, Management, Sibling, Unmatched};
use exgate_domain::decision::Reason;
use exgate_domain::observation::AccessState;
use exgate_domain::policy::Access;
use exgate_domain::record::{ComplianceState, ManagementAgent, OwnerType, ThreatState};

use super::super::{Explanation, Language, explain};
use crate::bundles::{Bundle, PolicyFile};
use crate::verdict::fixture::{at, case, owner, record};

const POLICIES: &str = r#"
apiVersion: exgate/v1
kind: CompliancePolicy
name: strict
platforms:
  iOS:
    osMinimumVersion: "17.4"
    osMaximumVersion: "18.9"
    osMinimumBuildVersion: 21E219
    osMaximumBuildVersion: 22Z999
    storageRequireEncryption: true
    securityBlockJailbrokenDevices: true
    passcodeRequired: true
    deviceThreatProtectionRequiredSecurityLevel: low
  android: { minAndroidSecurityPatchLevel: "2026-01-01" }
  windows: { validOperatingSystemBuildRanges: [{ lowestVersion: 10.0.22621.1, highestVersion: 10.0.22621.9999 }] }
lastCheckInMax: 14d
lastSyncMax: 30d
managedDeviceOwnerTypes: [company]
managementAgents: [mdm, easMdm]
gracePeriods: { storageRequireEncryption: 3d }
blockAfter: 14d
rules: [{ id: no-contractors, require: '!(principal in Group::"Contractors")' }]
---
apiVersion: exgate/v1
kind: AccessPolicy
name: mail
precedence: 10
organizations: ["*"]
includedGroups: [Mail users]
excludedGroups: [Service desk]
licenseRequired: true
compliancePolicies: [strict]
inactiveAfter: 20d
maximumDevices: { count: 1 }
platformExceptions: [{ deviceClass: { name: Scanner, type: family }, access: block }]
localRules: [{ id: banned, match: { deviceType: [Palm] }, access: block }]
protected: { groups: [Board] }
"#;

/// A reason, and what is different from an ordinary device that it comes of.
type Flaw = (Reason, fn(&mut Case));

/// Cases that together have every reason.
const CASES: [Flaw; 31] = [
    (Reason::Compliant, |_| {}),
    (Reason::NotCompliant, |case| record(case).jail_broken = Some(true)),
    (Reason::NotEnrolled, |case| case.management = Management::Unmanaged(Unmatched::NoRecord)),
    (Reason::InGracePeriod, |case| record(case).is_encrypted = Some(false)),
    (Reason::ComplianceUnknown, |case| record(case).is_encrypted = None),
    (Reason::NotTargeted, |case| owner(case).groups.clear()),
    (Reason::OwnerUnknown, |case| case.owner = None),
    (Reason::NotLicensed, |case| owner(case).licensed = Some(false)),
    (Reason::OsVersionTooOld, |case| record(case).os_version = "17.3".to_owned()),
    (Reason::OsVersionTooNew, |case| record(case).os_version = "26.1".to_owned()),
    (Reason::PlatformNotAllowed, |case| record(case).operating_system = "tizen".to_owned()),
    (Reason::NotEncrypted, |case| record(case).is_encrypted = Some(false)),
    (Reason::JailBroken, |case| record(case).jail_broken = Some(true)),
    (Reason::CheckInTooOld, |case| {
        record(case).last_check_in_at = Some(at("2026-01-01T00:00:00Z"));
    }),
    (Reason::MdmNotCompliant, |case| record(case).compliance = ComplianceState::Noncompliant),
    (Reason::RecordsUnavailable, |case| {
        case.management = Management::Unavailable { why: "it is late".to_owned() };
    }),
    (Reason::OsBuildTooOld, |case| record(case).os_build = "21E100".to_owned()),
    (Reason::OsBuildTooNew, |case| record(case).os_build = "23A1".to_owned()),
    (Reason::OsVersionNotInRange, |case| {
        record(case).operating_system = "Windows".to_owned();
        record(case).os_version = "10.0.19045.1".to_owned();
    }),
    (Reason::SecurityPatchTooOld, |case| {
        record(case).operating_system = "Android".to_owned();
        record(case).security_patch_level = Some(jiff::civil::date(2025, 10, 5));
    }),
    (Reason::PasscodeMissing, |case| record(case).passcode_compliant = Some(false)),
    (Reason::ThreatLevelTooHigh, |case| {
        record(case).threat_state = Some(ThreatState::Compromised);
    }),
    (Reason::OwnerTypeNotAllowed, |case| record(case).owner_type = Some(OwnerType::Personal)),
    (Reason::ManagementAgentNotAllowed, |case| {
        record(case).management_agent = Some(ManagementAgent::Jamf);
    }),
    (Reason::RuleNotMet, |case| owner(case).groups.push("contractors".to_owned())),
    (Reason::Escalated, |case| {
        record(case).jail_broken = Some(true);
        case.noncompliant_since = Some(at("2026-02-01T00:00:00Z"));
    }),
    (Reason::Inactive, |case| case.last_sync_at = Some(at("2026-02-15T00:00:00Z"))),
    (Reason::TooManyDevices, |case| {
        case.siblings = vec![Sibling {
            device_id: "ApplOTHER".parse().unwrap(),
            device_type: "iPad".to_owned(),
            access_state: AccessState::Allowed,
            first_sync_at: Some(at("2025-01-01T00:00:00Z")),
            last_sync_at: Some(at("2026-03-09T00:00:00Z")),
        }];
    }),
    (Reason::LocalRule, |case| case.device.device_type = "Palm".to_owned()),
    (Reason::PlatformException, |case| {
        case.device.device_type = "Scanner".to_owned();
        case.management = Management::Unmanaged(Unmatched::NoRecord);
    }),
    (Reason::Protected, |case| {
        owner(case).groups.push("Board".to_owned());
        record(case).jail_broken = Some(true);
    }),
];

fn in_every_language(case: &Case) -> Vec<Explanation> {
    let content = POLICIES.as_bytes().to_vec();
    let bundle = Bundle::read(&[PolicyFile { path: "strict.yaml".to_owned(), content }]).unwrap();
    Language::ALL.into_iter().map(|language| explain(&bundle, case, language)).collect()
}

#[test]
fn every_reason_is_told_in_every_language_with_what_would_change_it() {
    let mut told = BTreeSet::new();
    for (reason, change) in CASES {
        let mut case = case();
        change(&mut case);
        let explained = in_every_language(&case);
        let first = &explained[0];
        assert!(first.decision.reasons.contains(&reason), "{reason:?}: {:?}", first.decision);
        told.insert(reason.word());
        for explanation in &explained {
            let Explanation { decision, sentences, cures, .. } = explanation;
            assert_eq!(decision.reasons, first.decision.reasons);
            assert_eq!([sentences.len(), cures.len()], [first.sentences.len(), first.cures.len()]);
            assert!(sentences.len() >= 2, "{reason:?}: {sentences:?}");
            for text in sentences {
                let starts_large = text.chars().next().is_some_and(char::is_uppercase);
                assert!(starts_large && text.ends_with('.'), "{reason:?}: {text}");
            }
            for text in sentences.iter().chain(cures) {
                assert!(!text.contains(['{', '}', '$']), "{reason:?}: {text}");
                assert!(!text.contains("  ") && !text.contains(" ."), "{reason:?}: {text}");
            }
            // What a rule means only those can say who wrote it, and that is told.
            let is_rule = matches!(reason, Reason::LocalRule | Reason::RuleNotMet);
            let is_helped = !cures.is_empty() || is_rule;
            let is_content = decision.access == Access::Allow && reason == Reason::Compliant;
            assert!(is_helped || is_content, "{reason:?}: {sentences:#?}");
        }
    }
    let missing = Reason::ALL.into_iter().map(Reason::word).filter(|word| !told.contains(word));
    assert_eq!(missing.count(), 0, "of {told:?}");
}

#[test]
fn a_reason_tells_the_values_that_it_is_about() {
    for (reason, value) in [
        (Reason::LocalRule, "“banned”"),
        (Reason::PlatformException, "“Scanner”"),
        (Reason::Escalated, "15 "),
        (Reason::TooManyDevices, "1 "),
        (Reason::Inactive, "20 "),
        (Reason::Protected, "Anna Berg"),
    ] {
        let (_, change) = CASES.into_iter().find(|(one, _)| *one == reason).unwrap();
        let mut case = case();
        change(&mut case);
        for explanation in in_every_language(&case) {
            assert!(
                explanation.sentences[1].contains(value)
                    || explanation.sentences[2].contains(value),
                "{explanation:#?}"
            );
        }
    }
}
