//! The decision table, and the properties that hold for every case.

mod table;
mod reference;
mod laws;
mod memory;
mod examples;
mod properties;

use exgate_domain::case::{Case, Management, Unmatched};
use exgate_domain::decision::Outcome::{NotSatisfied, Satisfied, Unknown};
use exgate_domain::observation::{AccessReason, AccessState};
use exgate_domain::record::ComplianceState;

use super::fixture::{at, bundle, case, owner, record};
use super::{decide, decide_and_tell};

#[test]
fn what_exchange_shows_never_decides() {
    let bundle = bundle();
    for change in [
        |_: &mut Case| {},
        |c: &mut Case| c.management = Management::Unmanaged(Unmatched::NoRecord),
        |c: &mut Case| record(c).compliance = ComplianceState::Noncompliant,
        |c: &mut Case| owner(c).groups.clear(),
    ] {
        let mut case = case();
        change(&mut case);
        let expected = decide(bundle, &case);
        for state in [
            AccessState::Unknown,
            AccessState::Allowed,
            AccessState::Blocked,
            AccessState::Quarantined,
            AccessState::DeviceDiscovery,
            AccessState::Unrecognised("Sanctioned".to_owned()),
        ] {
            case.device.access_state = state;
            case.device.access_reason = AccessReason::Unrecognised("Whim".to_owned());
            assert_eq!(decide(bundle, &case), expected);
        }
    }
}

#[test]
fn the_trace_names_every_rule_with_its_key_and_fact() {
    let mut case = case();
    record(&mut case).os_version = "17.3.1".to_owned();
    record(&mut case).jail_broken = None;
    case.noncompliant_since = Some(at("2026-03-09T00:00:00Z"));

    let decision = decide_and_tell(bundle(), &case);

    let trace: Vec<_> = decision
        .trace
        .iter()
        .map(|tried| {
            (tried.policy.as_str(), tried.rule.as_str(), tried.outcome, tried.detail.as_str())
        })
        .collect();
    assert_eq!(
        trace,
        [
            ("mail-access", "includedGroups", Satisfied, "the owner is in Mail users"),
            ("mail-access", "excludedGroups", Satisfied, "the owner is in none of Service desk"),
            ("mail-access", "licenseRequired", Satisfied, "the owner holds the licence"),
            ("mail-access", "managed", Satisfied, "it is record “r-1” of intune"),
            ("mail-access", "complianceState", Satisfied, "the MDM intune calls it compliant"),
            ("phones", "platforms", Satisfied, "the platform iOS is listed"),
            (
                "phones",
                "platforms.iOS.osMinimumVersion",
                NotSatisfied,
                "it runs iOS 17.3.1, but 17.4 or later is required"
            ),
            (
                "phones",
                "platforms.iOS.securityBlockJailbrokenDevices",
                Unknown,
                "whether it is jailbroken or rooted is not known"
            ),
            (
                "phones",
                "lastCheckInMax",
                Satisfied,
                "it last checked in with the MDM on 10 March 2026, 06:00 UTC, and that is good for \
                 14 days, until 24 March 2026, 06:00 UTC"
            ),
            (
                "phones",
                "gracePeriod",
                Satisfied,
                "it has not been compliant since 9 March 2026, 00:00 UTC, and its grace period lasts \
                 until 12 March 2026, 00:00 UTC"
            ),
        ]
    );
}
