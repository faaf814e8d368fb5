//! Explanations as a help desk would read them out.

use exgate_domain::case::{Case, Management, Unmatched};
use exgate_domain::observation::AccessState;
use exgate_domain::record::ComplianceState;

use super::explain;
use crate::verdict::decide_and_tell;
use crate::verdict::fixture::{at, bundle, case, owner, record};

fn check(change: fn(&mut Case), sentences: &[&str], cures: &[&str]) {
    let mut case = case();
    change(&mut case);
    let explanation = explain(bundle(), &case, &decide_and_tell(bundle(), &case));
    assert_eq!(explanation.sentences, sentences);
    assert_eq!(explanation.cures, cures);
}

const AGAIN: &str = "If nothing else changes, this is looked at again at 2026-03-24T06:00:00Z.";
const QUARANTINED: &str =
    "Anna Berg's iPhone15C2 (ApplDLXH1234) is held in quarantine, by the policy mail-access.";
const LEFT: &str = "Anna Berg's iPhone15C2 (ApplDLXH1234) is left as it is.";
const BLOCKED: &str = "Anna Berg's iPhone15C2 (ApplDLXH1234) is blocked, by the policy tablets.";

#[test]
fn an_allowed_device_needs_no_cure() {
    check(
        |_| {},
        &[
            "Anna Berg's iPhone15C2 (ApplDLXH1234) is allowed, by the policy mail-access.",
            "It is managed and meets every compliance policy that applies.",
            AGAIN,
        ],
        &[],
    );
    check(
        |case| record(case).os_version = "16".to_owned(),
        &[
            "Anna Berg's iPhone15C2 (ApplDLXH1234) is allowed, by the policy mail-access.",
            "It is managed and not compliant, and its grace period has not ended.",
            "Version 16 is older than 17.4 (phones, platforms.iOS.osMinimumVersion).",
            "Not compliant since 2026-03-10T12:00:00Z, grace period until 2026-03-13T12:00:00Z \
             (phones, gracePeriod).",
            "If nothing else changes, this is looked at again at 2026-03-13T12:00:00Z.",
        ],
        &[],
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
            "It is managed and not compliant.",
            "Intune says noncompliant (tablets, complianceState).",
            "Version 16 is older than 17.4 (phones, platforms.iOS.osMinimumVersion).",
            "Jailbroken or rooted (phones, platforms.iOS.securityBlockJailbrokenDevices).",
            "Last check-in 2026-02-01T00:00:00Z, too old from 2026-02-15T00:00:00Z (phones, \
             lastCheckInMax).",
            "Not compliant since 2026-03-01T00:00:00Z, grace period ended 2026-03-04T00:00:00Z \
             (phones, gracePeriod).",
            "Storage is not encrypted (encrypted, platforms.iOS.storageRequireEncryption).",
        ],
        &[
            "cure what intune shows as not compliant and check in",
            "update iOS to 17.4 or later and check in",
            "restore the original system, enrol again and check in",
            "open the MDM's app on the device and check in",
            "switch on the encryption of the storage and check in",
        ],
    );
    check(
        |case| {
            owner(case).groups = vec!["Tablets".to_owned()];
            record(case).operating_system = "Android".to_owned();
            record(case).os_version = "17".to_owned();
        },
        &[
            BLOCKED,
            "It is managed and not compliant.",
            "Version 17 is newer than 16.99 (phones, platforms.android.osMaximumVersion).",
            "Not compliant since 2026-03-10T12:00:00Z, grace period until 2026-03-13T12:00:00Z \
             (phones, gracePeriod).",
            "Android is not listed (encrypted, platforms).",
            "If nothing else changes, this is looked at again at 2026-03-13T12:00:00Z.",
        ],
        &[
            "use a device with android 16.99 or earlier",
            "use a device with iOS, which encrypted lists",
        ],
    );
}

#[test]
fn a_device_that_nobody_manages_is_told_to_enrol() {
    let said = |detail: &str| format!("{detail} (mail-access, managed).");
    type Change = fn(&mut Case);
    let cases: [(Change, String, &str); 3] = [
        (
            |case| case.management = Management::Unmanaged(Unmatched::NoRecord),
            said("No record has the device's ActiveSync id"),
            "enrol the device in the MDM for Anna Berg and check in",
        ),
        (
            |case| case.management = Management::Unmanaged(Unmatched::OtherUser),
            said("The record with the device's ActiveSync id is another person's"),
            "enrol the device for Anna Berg: its record is another person's",
        ),
        (
            |case| case.management = Management::Unmanaged(Unmatched::Ambiguous),
            said("Several records have the device's ActiveSync id"),
            "remove the records in the MDM that are too many for ApplDLXH1234",
        ),
    ];
    for (change, fact, cure) in cases {
        let enrolled = "It is not enrolled, as far as the records say.";
        check(change, &[QUARANTINED, enrolled, &fact], &[cure]);
    }
}

#[test]
fn a_missing_fact_is_named() {
    check(
        |case| {
            record(case).jail_broken = None;
            case.device.access_state = AccessState::DeviceDiscovery;
        },
        &[
            QUARANTINED,
            "It is managed, but too little is known to call it compliant.",
            "Whether it is jailbroken or rooted is not known (phones, \
             platforms.iOS.securityBlockJailbrokenDevices).",
            "Exchange is still finding out what the device is, for up to 14 minutes.",
            AGAIN,
        ],
        &["check in, so that intune reports what is missing"],
    );
}

#[test]
fn a_device_that_is_left_alone_is_told_why() {
    check(
        |case| {
            owner(case).groups = vec!["Mail users".into(), "Service desk".into(), "Exempt".into()]
        },
        &[
            LEFT,
            "No policy targets Anna Berg.",
            "The owner is in Service desk, which is excluded (mail-access, excludedGroups).",
            "The owner is in Exempt, which is excluded (desk, excludedGroups).",
            "The owner is in none of Tablets (tablets, includedGroups).",
        ],
        &[
            "take Anna Berg out of Service desk, which mail-access excludes",
            "take Anna Berg out of Exempt, which desk excludes",
            "put Anna Berg into Tablets, which tablets includes",
        ],
    );
    check(
        |case| case.owner = None,
        &[
            LEFT,
            "Without an owner in the directory no policy can target it.",
            "The directory does not know anna@contoso.example (owner).",
        ],
        &["add anna@contoso.example to the directory, or correct the address there"],
    );
    check(
        |case| owner(case).licensed = None,
        &[
            "Anna Berg's iPhone15C2 (ApplDLXH1234) is left as it is, by the policy mail-access.",
            "A policy targets Anna Berg only with the licence.",
            "The directory does not say whether the owner holds the licence (mail-access, \
             licenseRequired).",
        ],
        &["let the directory say whether Anna Berg holds the licence"],
    );
    check(
        |case| {
            let why = "intune was last read 2026-03-09T00:00:00Z".to_owned();
            case.management = Management::Unavailable { why };
        },
        &[
            "Anna Berg's iPhone15C2 (ApplDLXH1234) is left as it is, by the policy mail-access.",
            "The records cannot be relied on now: the last state is held.",
            "Intune was last read 2026-03-09T00:00:00Z (mail-access, managed).",
        ],
        &["make the records readable again: intune was last read 2026-03-09T00:00:00Z"],
    );
}
