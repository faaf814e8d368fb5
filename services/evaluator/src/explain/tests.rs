//! Explanations as a help desk would read them out.

mod advice;
mod every_reason;

use exgate_domain::case::{Case, Management, Unmatched};
use exgate_domain::observation::{AccessReason, AccessState};
use exgate_domain::record::ComplianceState;

use super::{Explanation, Language, explain};
use crate::verdict::decide_and_tell;
use crate::verdict::fixture::{at, bundle, case, owner, record};

fn explained(change: fn(&mut Case), language: Language) -> Explanation {
    let mut case = case();
    change(&mut case);
    explain(bundle(), &case, language)
}

#[track_caller]
fn check(change: fn(&mut Case), sentences: &[&str], cures: &[&str]) {
    let explanation = explained(change, Language::English);
    assert_eq!(explanation.sentences, sentences);
    assert_eq!(explanation.cures, cures);
}

const ALLOWED: &str =
    "Anna Berg's iPhone15C2 (ApplDLXH1234) may have mail. The policy mail-access allows it.";
const QUARANTINED: &str =
    "Anna Berg's iPhone15C2 (ApplDLXH1234) is held in quarantine by the policy mail-access.";
const BLOCKED: &str = "Anna Berg's iPhone15C2 (ApplDLXH1234) is blocked by the policy tablets.";
const CHECK_IN: &str =
    "then open the MDM's app on the device and let it check in, so that intune sees the change";

#[test]
fn the_decision_is_that_of_the_verdict() {
    for change in [
        |_: &mut Case| {},
        |case: &mut Case| record(case).os_version = "16".to_owned(),
        |case: &mut Case| case.management = Management::Unmanaged(Unmatched::NoRecord),
        |case: &mut Case| case.owner = None,
    ] {
        let mut case = case();
        change(&mut case);
        let explained = explain(bundle(), &case, Language::English);
        assert_eq!(explained.decision, decide_and_tell(bundle(), &case));
    }
}

#[test]
fn the_rules_tried_are_told_in_the_language_asked_for() {
    let explained = explained(|case| record(case).os_version = "16".to_owned(), Language::Dutch);
    let tried = explained.decision.trace.iter();
    let details: Vec<_> = tried.map(|tried| tried.detail.as_str()).collect();
    assert!(details.contains(&"de eigenaar heeft de licentie"), "{details:?}");
    assert!(
        details.contains(&"het draait op iOS 16, maar 17.4 of nieuwer is vereist"),
        "{details:?}"
    );
    assert_eq!(explained.language, Language::Dutch);
}

#[test]
fn an_allowed_device_needs_no_cure_and_is_told_until_when() {
    check(
        |case| case.device.access_state = AccessState::Allowed,
        &[
            ALLOWED,
            "It is managed and meets every compliance policy that applies.",
            "That stays so as long as it keeps in touch. If it stays silent, it is held in quarantine from \
             27 March 2026, 06:00 UTC.",
        ],
        &[],
    );
    check(
        |_| {},
        &[
            ALLOWED,
            "It is managed and meets every compliance policy that applies.",
            "When this was decided, Exchange still showed the device as quarantined. The change \
             follows by itself, and the device notices at its next synchronisation.",
            "That stays so as long as it keeps in touch. If it stays silent, it is held in quarantine from \
             27 March 2026, 06:00 UTC.",
        ],
        &[],
    );
}

#[test]
fn a_grace_period_is_told_with_what_keeps_the_mail() {
    check(
        |case| {
            case.device.access_state = AccessState::Allowed;
            record(case).os_version = "16".to_owned();
        },
        &[
            ALLOWED,
            "It is managed, but not compliant: the operating system is too old. It has time to put \
             that right.",
            "It runs iOS 16, but 17.4 or later is required (policy phones).",
            "It has not been compliant since 10 March 2026, 12:00 UTC, and its grace period lasts \
             until 13 March 2026, 12:00 UTC (policy phones).",
            "This is what intune knew on 10 March 2026, 11:59 UTC; the device itself last reported \
             on 10 March 2026, 06:00 UTC.",
            "If nothing changes before then, it is held in quarantine from 13 March 2026, 12:00 UTC.",
        ],
        &["update the device to iOS 17.4 or later, unless that was done already", CHECK_IN],
    );
}

#[test]
fn a_device_that_fails_is_told_every_cause_and_cure() {
    check(
        |case| {
            owner(case).groups = vec!["Tablets".to_owned()];
            case.noncompliant_since = Some(at("2026-03-01T00:00:00Z"));
            record(case).os_version = "16".to_owned();
            record(case).is_encrypted = Some(false);
            record(case).jail_broken = Some(true);
            record(case).last_check_in_at = Some(at("2026-02-01T00:00:00Z"));
            record(case).compliance = ComplianceState::Noncompliant;
        },
        &[
            BLOCKED,
            "It is managed, but not compliant: the MDM itself calls it not compliant, the operating \
             system is too old, the device is jailbroken or rooted, it has not checked in for too \
             long and the storage is not encrypted.",
            "The MDM intune calls it not compliant.",
            "It runs iOS 16, but 17.4 or later is required (policy phones).",
            "It is jailbroken or rooted (policy phones).",
            "It last checked in with the MDM on 1 February 2026, 00:00 UTC, and that was good for \
             14 days, until 15 February 2026, 00:00 UTC (policy phones).",
            "It has not been compliant since 1 March 2026, 00:00 UTC, and its grace period ended on \
             4 March 2026, 00:00 UTC (policy phones).",
            "Its storage is not encrypted (policy encrypted).",
            "This is what intune knew on 10 March 2026, 11:59 UTC; the device itself last reported \
             on 1 February 2026, 00:00 UTC.",
        ],
        &[
            "put right what intune shows as not compliant",
            "update the device to iOS 17.4 or later, unless that was done already",
            "restore the device's original system and enrol it again",
            "open the MDM's app on the device and let it check in: what is known about it is too old",
            "switch on the encryption of the device's storage",
        ],
    );
}

#[test]
fn a_device_that_nobody_manages_is_told_to_enrol() {
    let meet =
        "see that it then meets the policy: iOS 17.4 or later and no jailbreak or root access";
    type Change = fn(&mut Case);
    let cases: [(Change, &str, &str, Option<&str>); 3] = [
        (
            |case| case.management = Management::Unmanaged(Unmatched::NoRecord),
            "No record of the MDM has its ActiveSync id.",
            "enrol the device in the MDM for Anna Berg",
            None,
        ),
        (
            |case| case.management = Management::Unmanaged(Unmatched::OtherUser),
            "The MDM's record with its ActiveSync id is another person's.",
            "have the record in the MDM put on Anna Berg's name, or enrol the device again: the MDM's \
             user and the mailbox's address have to belong to one person",
            Some("The user cannot put this right on the device; an administrator can."),
        ),
        (
            |case| case.management = Management::Unmanaged(Unmatched::Ambiguous),
            "Several records of the MDM have its ActiveSync id.",
            "remove the records in the MDM that are too many for ApplDLXH1234, so that one is left",
            Some("The user cannot put this right on the device; an administrator can."),
        ),
    ];
    for (change, fact, cure, remark) in cases {
        let enrolled = "It is not enrolled for Anna Berg, as far as the records say.";
        let sentences = [Some(QUARANTINED), Some(enrolled), Some(fact), remark];
        let sentences: Vec<_> = sentences.into_iter().flatten().collect();
        check(change, &sentences, &[cure, meet]);
    }
}

#[test]
fn a_missing_fact_is_named_and_discovery_is_awaited() {
    let until = explained(
        |case| {
            record(case).jail_broken = None;
            case.device.access_state = AccessState::DeviceDiscovery;
            case.device.first_sync_at = Some(at("2026-03-10T11:50:30Z"));
        },
        Language::English,
    );
    let sentences = &until.sentences;
    for sentence in [
        "It is managed, but too little is known about it to call it compliant.",
        "Whether it is jailbroken or rooted is not known (policy phones).",
        "Exchange is still finding out what kind of device it is. That takes up to 14 minutes, until \
         10 March 2026, 12:04 UTC at the latest, and nothing can be done until then.",
    ] {
        assert!(sentences.iter().any(|it| it == sentence), "{sentence}: {sentences:#?}");
    }
    assert_eq!(
        until.cures,
        ["open the MDM's app on the device and let it check in, so that intune reports what is \
             missing; what it reports has to be in order"]
    );
}

#[test]
fn a_device_that_no_policy_is_meant_for_is_told_which_groups_would_change_that() {
    check(
        |case| {
            owner(case).groups = vec!["Mail users".into(), "Service desk".into(), "Exempt".into()]
        },
        &[
            "Anna Berg's iPhone15C2 (ApplDLXH1234) is left as it is: no policy decides about it.",
            "No policy is meant for Anna Berg.",
            "The owner is in Service desk, which is excluded (policy mail-access).",
            "The owner is in Exempt, which is excluded (policy desk).",
            "The owner is in none of Tablets (policy tablets).",
            "It is Exchange itself that holds it in quarantine, by the organization's default access \
             level.",
            "The user cannot put this right on the device; an administrator can.",
        ],
        &[
            "take Anna Berg out of Service desk (policy mail-access)",
            "or instead: take Anna Berg out of Exempt (policy desk)",
            "or instead: put Anna Berg into Tablets (policy tablets)",
        ],
    );
}

#[test]
fn an_unknown_owner_and_an_unknown_licence_are_for_administrators() {
    let unknown = explained(|case| case.owner = None, Language::English);
    assert_eq!(
        unknown.cures,
        ["add anna@contoso.example to the directory, or correct the address there"]
    );
    let then = "Which policy is meant for it depends on the groups that the directory then tells.";
    assert_eq!(unknown.sentences.last().map(String::as_str), Some(then));
    let licence = explained(|case| owner(case).licensed = None, Language::English);
    assert_eq!(licence.cures, ["let the directory say whether Anna Berg holds the licence"]);
}

#[test]
fn records_that_cannot_be_read_are_waited_for() {
    check(
        |case| {
            let why = "intune was last read 2026-03-09T00:00:00Z".to_owned();
            case.management = Management::Unavailable { why };
            case.device.access_state = AccessState::Unknown;
        },
        &[
            "Anna Berg's iPhone15C2 (ApplDLXH1234) is left as it is by the policy mail-access.",
            "What the MDM says about it cannot be relied on at the moment.",
            "The records are missing or too old: intune was last read 2026-03-09T00:00:00Z.",
            "Nothing on the device changes this: it waits until the records can be read again.",
        ],
        &["make the records readable again"],
    );
}

/// A rule on the system is not asked again after an update; one on the model has nothing to do with it.
#[test]
fn a_block_by_a_rule_on_the_system_is_known_to_stay() {
    let stays = "A block by a rule on the operating system stays after the system is updated: the rule \
                 has to go, or the device has to be allowed.";
    for (rule, is_said) in
        [("iOS 16.1 20B82 (DeviceOS)", true), ("old phones", true), ("iPhone (DeviceModel)", false)]
    {
        let mut case = case();
        owner(&mut case).groups.clear();
        case.device.access_state = AccessState::Blocked;
        case.device.access_reason = AccessReason::DeviceRule;
        case.device.access_rule = rule.to_owned();
        let sentences = explain(bundle(), &case, Language::English).sentences;
        assert_eq!(sentences.iter().any(|it| it == stays), is_said, "{rule}: {sentences:#?}");
        let decides =
            format!("It is Exchange itself that blocks it, by the device access rule “{rule}”.");
        assert!(sentences.contains(&decides), "{sentences:#?}");
    }
}
