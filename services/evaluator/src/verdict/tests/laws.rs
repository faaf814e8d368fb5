//! What holds whatever the policies say, tried on random ones.

use std::collections::HashSet;

use jiff::SignedDuration;
use serde_json::{Value, json};

use exgate_domain::case::{Case, Management, Sibling};
use exgate_domain::decision::{Compliance, Decision, Reason};
use exgate_domain::observation::AccessState;
use exgate_domain::policy::Access;
use exgate_domain::record::ComplianceState;

use super::reference::{Dice, GROUPS, documents, random_case, text};
use crate::bundles::{Bundle, PolicyFile};
use crate::verdict::decide;
use crate::verdict::fixture::{at, record};

/// How many bundles a law is tried on.
const BUNDLES: u64 = 150;
/// How many cases each of them decides.
const CASES: u64 = 12;
/// How many cases a law has something to say about at least.
const SAID_MIN: usize = 50;
/// Each law has throws of its own.
const SEED: u64 = 5;

fn bundle(documents: &[Value]) -> Option<Bundle> {
    let content = text(documents).into_bytes();
    Bundle::read(&[PolicyFile { path: "random.yaml".to_owned(), content }]).ok()
}

/// Random policies with random cases. A law tells how often it had something to say, so that it cannot
/// be true for want of cases.
fn try_out(law: u64, mut check: impl FnMut(&Random, &mut Dice) -> usize) {
    let mut said = 0;
    for number in 0..BUNDLES {
        let mut dice = Dice::new(SEED + law, number);
        let documents = documents(&mut dice);
        let Some(bundle) = bundle(&documents) else { continue };
        let cases = (0..CASES).map(|_| random_case(&mut dice)).collect();
        said += check(&Random { documents, bundle, cases }, &mut dice);
    }
    assert!(said >= SAID_MIN, "the law was asked {said} times");
}

/// Policies, and cases to decide by them.
struct Random {
    documents: Vec<Value>,
    bundle: Bundle,
    cases: Vec<Case>,
}

impl Random {
    /// How many of the cases a law says something about.
    fn count(&self, check: impl Fn(&Case) -> bool) -> usize {
        self.cases.iter().filter(|case| check(case)).count()
    }
}

/// A decision without the name of its bundle.
fn plain(decision: Decision) -> Decision {
    Decision { bundle: bundle_of_nothing(), ..decision }
}

fn bundle_of_nothing() -> exgate_domain::ids::BundleDigest {
    crate::bundles::digest(&[])
}

/// The same documents with one key of one kind of them changed.
fn with(documents: &[Value], kinds: &[&str], change: impl Fn(&mut Value)) -> Vec<Value> {
    let mut documents = documents.to_vec();
    for document in &mut documents {
        if kinds.contains(&document["kind"].as_str().unwrap()) {
            change(document);
        }
    }
    documents
}

fn has_expressions(documents: &[Value]) -> bool {
    let local = |it: &Value| {
        it["localRules"]
            .as_array()
            .is_some_and(|rules| rules.iter().any(|rule| !rule["when"].is_null()))
    };
    documents.iter().any(|it| !it["rules"].is_null() || local(it))
}

const WHO: [&str; 2] = ["AccessPolicy", "AccessPolicyOverlay"];

#[test]
fn every_case_gets_one_whole_decision() {
    try_out(0, |random, _| {
        random.count(|case| {
            let decision = decide(&random.bundle, case);
            let unique: HashSet<_> = decision.reasons.iter().collect();
            assert!(!unique.is_empty() && unique.len() == decision.reasons.len(), "{decision:#?}");
            assert!(decision.look_again_at.is_none_or(|at| at > case.now));
            let nobody = [Reason::NotTargeted, Reason::OwnerUnknown, Reason::NotLicensed];
            assert!(!decision.policy.is_empty() || nobody.contains(&decision.reasons[0]));
            assert!(!nobody.contains(&decision.reasons[0]) || decision.access == Access::Leave);
            true
        })
    });
}

#[test]
fn the_order_of_anything_but_rules_means_nothing() {
    try_out(1, |random, _| {
        let files: Vec<_> = random
            .documents
            .iter()
            .enumerate()
            .map(|(number, document)| PolicyFile {
                path: format!("{}.yaml", 100 - number),
                content: text(std::slice::from_ref(document)).into_bytes(),
            })
            .collect();
        let apart = Bundle::read(&files).unwrap();
        random.count(|case| {
            let mut other = case.clone();
            other.siblings.reverse();
            if let Some(owner) = &mut other.owner {
                owner.groups.reverse();
            }
            let decision = decide(&random.bundle, case);
            assert_eq!(plain(decide(&apart, &other)), plain(decision.clone()));
            assert_eq!(decide(&random.bundle, case), decision);
            true
        })
    });
}

/// Whom a policy excludes is decided about as if there were no such policy, but for whom it protects. So
/// an exclusion restricts nobody whom no other policy restricts.
#[test]
fn an_exclusion_is_as_if_the_policy_were_not_there() {
    try_out(2, |random, dice| {
        let documents = random.documents.iter().filter(|it| it["kind"] != "AccessPolicyOverlay");
        let mut excluding: Vec<_> = documents.cloned().collect();
        let place = excluding.iter().position(|it| it["kind"] == "AccessPolicy").unwrap();
        let mut without = excluding.clone();
        without.remove(place);
        let group = dice.one(&GROUPS);
        let others = |list: &Value| -> Vec<Value> {
            let list = list.as_array().cloned().unwrap_or_default();
            list.into_iter().filter(|it| it != group).collect()
        };
        let mut included = others(&excluding[place]["includedGroups"]);
        included.push(json!("Everyone"));
        let mut excluded = others(&excluding[place]["excludedGroups"]);
        excluded.push(json!(group.to_uppercase()));
        excluding[place]["includedGroups"] = json!(included);
        excluding[place]["excludedGroups"] = json!(excluded);
        excluding[place]["protected"] = json!({});
        let (Some(excluding), Some(without)) = (bundle(&excluding), bundle(&without)) else {
            return 0;
        };
        random.count(|case| {
            let mut groups = case.owner.iter().flat_map(|owner| &owner.groups);
            let is_excluded = groups.any(|it| it.trim().eq_ignore_ascii_case(group));
            if is_excluded {
                let (found, wanted) = (decide(&excluding, case), decide(&without, case));
                assert_eq!(plain(found), plain(wanted));
            }
            is_excluded
        })
    });
}

#[test]
fn a_stale_record_never_upgrades_to_allow() {
    try_out(3, |random, _| {
        random.count(|case| {
            let mut case = case.clone();
            case.management = Management::Unavailable { why: "too old".to_owned() };
            let decision = decide(&random.bundle, &case);
            let is_by_hand = decision.reasons.contains(&Reason::LocalRule);
            assert!(decision.access != Access::Allow || is_by_hand, "{decision:#?}");
            decision.reasons[0] == Reason::RecordsUnavailable
        })
    });
}

/// Every way to know less of a device that is managed. A version may carry its build.
const FORGET: [fn(&mut Case); 10] = [
    |case| record(case).operating_system.clear(),
    |case| {
        record(case).os_version.clear();
        record(case).os_build.clear();
    },
    |case| record(case).security_patch_level = None,
    |case| record(case).is_encrypted = None,
    |case| record(case).jail_broken = None,
    |case| record(case).passcode_compliant = None,
    |case| record(case).owner_type = None,
    |case| record(case).threat_state = None,
    |case| record(case).last_check_in_at = None,
    |case| record(case).compliance = ComplianceState::Unknown,
];

/// Where an MDM is trusted its silence hands the word to the policy; everywhere else it counts.
#[test]
fn knowing_less_never_makes_a_device_comply() {
    try_out(4, |random, _| {
        // An expression may ask for a fact not to be there.
        if has_expressions(&random.documents) {
            return 0;
        }
        let believed = with(&random.documents, &["CompliancePolicy"], |it| {
            if it["mdmCompliance"] == "trusted" {
                it["mdmCompliance"] = json!("required");
            }
        });
        let bundle = bundle(&believed).unwrap();
        random.count(|case| {
            if !matches!(case.management, Management::Managed { .. }) {
                return false;
            }
            let before = decide(&bundle, case).compliance;
            let changes = FORGET.iter().filter(|forget| {
                let mut less = case.clone();
                forget(&mut less);
                let after = decide(&bundle, &less).compliance;
                assert!(after == before || after == Compliance::Unknown, "{before:?} {after:?}");
                after != before
            });
            changes.count() > 0
        })
    });
}

fn badness(compliance: Compliance) -> usize {
    let from_good = [
        Compliance::NotEvaluated,
        Compliance::Compliant,
        Compliance::InGracePeriod,
        Compliance::Unknown,
        Compliance::NotCompliant,
    ];
    from_good.iter().position(|it| *it == compliance).unwrap()
}

#[test]
fn a_longer_grace_period_never_restricts() {
    try_out(5, |random, dice| {
        let plain = with(&random.documents, &["CompliancePolicy"], |it| {
            it.as_object_mut().unwrap().remove("blockAfter");
        });
        let span = dice.one(&["14d", "30d", "60d"]);
        let longer = with(&plain, &["CompliancePolicy"], |it| {
            it["gracePeriod"] = json!(span);
            let graces = it.get_mut("gracePeriods").and_then(Value::as_object_mut);
            graces.into_iter().flatten().for_each(|(_, grace)| *grace = json!(span));
        });
        let (plain, longer) = (bundle(&plain).unwrap(), bundle(&longer).unwrap());
        random.count(|case| {
            let (before, after) = (decide(&plain, case), decide(&longer, case));
            assert!(badness(after.compliance) <= badness(before.compliance), "{after:#?}");
            after.compliance != before.compliance
        })
    });
}

#[test]
fn the_protected_are_never_restricted() {
    try_out(6, |random, dice| {
        let groups = dice.chance(50);
        let protected = with(&random.documents, &WHO, |it| {
            it["protected"] = if groups {
                json!({ "groups": ["EVERYONE"] })
            } else {
                json!({ "users": ["*@*.example"] })
            };
        });
        let protected = bundle(&protected).unwrap();
        random.count(|case| {
            let decision = decide(&protected, case);
            assert!(!decision.access.is_restriction(), "{decision:#?}");
            decide(&random.bundle, case).access.is_restriction()
        })
    });
}

/// Until then nothing changes, and without such an instant nothing ever does.
#[test]
fn nothing_changes_before_the_instant_to_look_again() {
    try_out(7, |random, _| {
        random.count(|case| {
            let mut case = case.clone();
            let since = case.noncompliant_since.unwrap_or(case.now);
            case.noncompliant_since = Some(since.min(case.now));
            let first = decide(&random.bundle, &case);
            let last = match first.look_again_at {
                Some(at) => at - SignedDuration::from_nanos(1),
                None => case.now + SignedDuration::from_hours(400 * 24),
            };
            let later = decide(&random.bundle, &Case { now: last, ..case });
            assert_eq!(later, first);
            first.look_again_at.is_some()
        })
    });
}

/// As many keep their access as may, whichever device is asked about.
#[test]
fn of_too_many_devices_as_many_keep_their_access_as_may() {
    for number in 0..200 {
        let mut dice = Dice::new(SEED, number);
        let (count, keep) = (1 + dice.below(3), dice.one(&["first", "last"]));
        let policy = json!({
            "apiVersion": "exgate/v1", "kind": "AccessPolicy", "name": "mail", "precedence": 1,
            "organizations": ["*"], "includedGroups": ["Mail users"],
            "maximumDevices": { "count": count, "keep": keep },
        });
        let bundle = bundle(&[policy]).unwrap();
        let devices: Vec<_> = (0..dice.below(7))
            .map(|number| {
                let days = ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"];
                (format!("Id{number}"), dice.chance(80).then(|| at(dice.one(&days))))
            })
            .collect();
        let kept = devices.iter().filter(|(mine, first)| {
            let mut case = crate::verdict::fixture::case();
            case.device.device_id = mine.parse().unwrap();
            case.device.first_sync_at = *first;
            let others = devices.iter().filter(|(id, _)| id != mine);
            case.siblings = others
                .map(|(id, first)| Sibling {
                    device_id: id.to_uppercase().parse().unwrap(),
                    device_type: "iPhone".to_owned(),
                    access_state: AccessState::Allowed,
                    first_sync_at: *first,
                    last_sync_at: None,
                })
                .collect();
            decide(&bundle, &case).access == Access::Allow
        });
        assert_eq!(kept.count(), devices.len().min(count));
    }
}
