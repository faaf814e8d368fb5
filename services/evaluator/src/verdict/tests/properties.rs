//! What holds for every case, tried on random ones.

use jiff::{SignedDuration, Timestamp};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use exgate_domain::case::{Case, Management, Unmatched};
use exgate_domain::decision::{Compliance, Reason};
use exgate_domain::policy::{Access, Build, Version};
use exgate_domain::record::ComplianceState;

use crate::verdict::decide;
use crate::verdict::fixture::{at, bundle, case, owner, record};

const MINUTES_MAX: i64 = 40 * 24 * 60;

prop_compose! {
    fn instant()(minutes in -MINUTES_MAX..MINUTES_MAX) -> Timestamp {
        at("2026-03-10T12:00:00Z") + SignedDuration::from_mins(minutes)
    }
}

fn groups() -> impl Strategy<Value = Vec<String>> {
    let all = ["Mail users", "Board", "Service desk", "Exempt", "Tablets", "Sales"];
    subsequence(all.map(str::to_owned).to_vec(), 0..=6)
}

fn state() -> impl Strategy<Value = ComplianceState> {
    select(vec![
        ComplianceState::Compliant,
        ComplianceState::Compliant,
        ComplianceState::Noncompliant,
        ComplianceState::Conflict,
        ComplianceState::Error,
        ComplianceState::InGracePeriod,
        ComplianceState::Unknown,
        ComplianceState::ConfigManager,
    ])
}

prop_compose! {
    fn managed()(
        (platform, version) in (
            select(vec!["iOS", "iOS", "Android", "windows", ""]),
            select(vec!["17.4", "17.10", "16", "12", "17.x", "", "14.0 (A)", "9.9.9.9"]),
        ),
        (encrypted, jail_broken) in (option::of(any::<bool>()), option::weighted(0.8, any::<bool>())),
        (state, grace_until) in (state(), option::of(instant())),
        last_check_in_at in option::weighted(0.9, instant()),
        (now, noncompliant_since) in (instant(), option::of(instant())),
        groups in groups(),
    ) -> Case {
        let mut case = case();
        let device = record(&mut case);
        device.operating_system = platform.to_owned();
        device.os_version = version.to_owned();
        device.is_encrypted = encrypted;
        device.jail_broken = jail_broken;
        device.compliance = state;
        device.grace_until = grace_until;
        device.last_check_in_at = last_check_in_at;
        case.now = now;
        case.noncompliant_since = noncompliant_since;
        owner(&mut case).groups = groups;
        case
    }
}

prop_compose! {
    fn any_case()(
        mut case in managed(),
        organization in select(vec!["contoso", "contoso", "fabrikam"]),
        has_owner in prop::bool::weighted(0.9),
        licensed in option::weighted(0.8, any::<bool>()),
        management in select(vec![0, 0, 0, 0, 1, 2, 3, 4]),
    ) -> Case {
        case.organization = organization.parse().unwrap();
        owner(&mut case).licensed = licensed;
        if !has_owner {
            case.owner = None;
        }
        match management {
            1 => case.management = Management::Unmanaged(Unmatched::NoRecord),
            2 => case.management = Management::Unmanaged(Unmatched::OtherUser),
            3 => case.management = Management::Unmanaged(Unmatched::Ambiguous),
            4 => case.management = Management::Unavailable { why: "too old".to_owned() },
            _ => {}
        }
        case
    }
}

/// Every way to know less about a device.
const FORGET: [fn(&mut Case); 7] = [
    |case| record(case).operating_system.clear(),
    |case| record(case).os_version.clear(),
    |case| record(case).is_encrypted = None,
    |case| record(case).jail_broken = None,
    |case| record(case).last_check_in_at = None,
    |case| record(case).compliance = ComplianceState::Unknown,
    |case| case.management = Management::Unavailable { why: "x".to_owned() },
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_case_gets_one_whole_decision(case in any_case()) {
        let decision = decide(bundle(), &case);

        prop_assert!(!decision.reasons.is_empty());
        let mut unique = decision.reasons.clone();
        unique.dedup();
        prop_assert_eq!(&unique, &decision.reasons);
        prop_assert!(decision.look_again_at.is_none_or(|at| at > case.now));
        let nobody = [Reason::NotTargeted, Reason::OwnerUnknown, Reason::NotLicensed];
        prop_assert!(!decision.policy.is_empty() || nobody.contains(&decision.reasons[0]));
        let first = match decision.compliance {
            Compliance::Compliant => Reason::Compliant,
            Compliance::InGracePeriod => Reason::InGracePeriod,
            Compliance::NotCompliant => Reason::NotCompliant,
            Compliance::Unknown => Reason::ComplianceUnknown,
            Compliance::NotEvaluated => decision.reasons[0],
        };
        prop_assert_eq!(decision.reasons[0], first);
    }

    #[test]
    fn the_same_case_is_decided_the_same(case in any_case()) {
        let decision = decide(bundle(), &case);
        let mut other = case.clone();
        if let Some(owner) = &mut other.owner {
            owner.groups.reverse();
        }
        prop_assert_eq!(&decide(bundle(), &case), &decision);
        prop_assert_eq!(&decide(bundle(), &other), &decision);
    }

    /// None of the policies of the fixture says allow for `unknown` or `unmanaged`.
    #[test]
    fn only_what_is_known_to_comply_or_in_grace_is_allowed(case in any_case()) {
        let decision = decide(bundle(), &case);
        if decision.access == Access::Allow {
            let good = [Compliance::Compliant, Compliance::InGracePeriod];
            prop_assert!(good.contains(&decision.compliance), "{decision:#?}");
        }
    }

    #[test]
    fn knowing_less_never_allows(case in managed(), forget in 0..FORGET.len()) {
        let before = decide(bundle(), &case);
        let mut less = case;
        FORGET[forget](&mut less);
        let after = decide(bundle(), &less);
        if before.access != Access::Allow {
            prop_assert_ne!(after.access, Access::Allow);
        }
    }

    /// A case that is asked again before `look_again_at` gets the same answer, to the letter.
    #[test]
    fn time_alone_changes_nothing_before_the_instant_to_look_again(
        case in managed(),
        share in 0.0..1.0,
    ) {
        let first = decide(bundle(), &case);
        let span = first.look_again_at.map_or(SignedDuration::from_hours(90 * 24), |until| {
            until.duration_since(case.now)
        });
        let mut later = case.clone();
        later.now = case.now + SignedDuration::from_secs_f64(span.as_secs_f64() * share * 0.999);
        let failing = [Compliance::NotCompliant, Compliance::InGracePeriod, Compliance::Unknown];
        if failing.contains(&first.compliance) {
            later.noncompliant_since = case.noncompliant_since.or(Some(case.now));
            later.noncompliant_since = later.noncompliant_since.map(|since| since.min(case.now));
        }
        prop_assert_eq!(decide(bundle(), &later), first);
    }
}

/// One to four numbers, mostly small, with their text.
fn version() -> impl Strategy<Value = (Vec<u32>, String)> {
    let number = prop_oneof![4 => 0_u32..12, 1 => any::<u32>()];
    prop::collection::vec(number, 1..=4).prop_map(|numbers| {
        let words: Vec<_> = numbers.iter().map(u32::to_string).collect();
        (numbers, words.join("."))
    })
}

fn build() -> impl Strategy<Value = (u32, char, u32, Option<char>)> {
    let letters = prop::char::range('A', 'H');
    (0_u32..30, letters, 0_u32..400, option::of(prop::char::range('a', 'e')))
}

fn written((train, letter, number, suffix): (u32, char, u32, Option<char>)) -> String {
    format!("{train}{letter}{number}{}", suffix.map(String::from).unwrap_or_default())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Version order is that of four numbers, of which those not written are zero. That is a total
    /// order, so that nothing more need be asked of it.
    #[test]
    fn versions_are_ordered_as_four_numbers(one in version(), other in version()) {
        let padded = |numbers: &[u32]| {
            let mut padded = numbers.to_vec();
            padded.resize(4, 0);
            padded
        };
        let read = |text: &str| text.parse::<Version>().unwrap();
        let (a, b) = (read(&one.1), read(&other.1));
        prop_assert_eq!(a.cmp(&b), padded(&one.0).cmp(&padded(&other.0)));
        prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
        prop_assert_eq!(a == b, a.cmp(&b).is_eq());
        prop_assert_eq!(a.to_string(), one.1.clone());
        let next = format!("{}.{}", one.1, 1);
        if one.0.len() < 4 {
            prop_assert_eq!(a, read(&format!("{}.0", one.1)));
            prop_assert!(a < read(&next));
        } else {
            prop_assert!(Version::read(&next).is_none());
        }
    }

    #[test]
    fn builds_are_ordered_part_by_part(one in build(), other in build()) {
        let read = |parts| written(parts).parse::<Build>().unwrap();
        prop_assert_eq!(read(one).cmp(&read(other)), one.cmp(&other));
        prop_assert_eq!(read(one) == read(other), one == other);
        prop_assert_eq!(read(one).to_string(), written(one));
    }

    /// What is no version is none: it is neither old nor new.
    #[test]
    fn no_text_breaks_versions_and_builds(text in "\\PC{0,12}") {
        let numbers: Vec<_> = text.trim().split('.').collect();
        let is_digits = |it: &&str| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit());
        let is_one = numbers.len() <= 4 && numbers.iter().all(is_digits);
        prop_assert!(Version::read(&text).is_none() || is_one, "{}", text);
        let _ = Build::read(&text);
    }
}
