//! Comparing and counting, one table of cases each.

use exgate_domain::case::MatchBasis;
use exgate_domain::record::{ComplianceState, ManagedDevice, Provenance, User};
use proptest::prelude::*;

use super::*;
use crate::fixture::{at, contoso};

fn case(number: u32) -> Case {
    crate::fixture::case(number, at(0))
}

fn provenance() -> Provenance {
    Provenance { source: "mdm".to_owned(), read_at: at(0) }
}

fn owned(case: Case, groups: &[&str]) -> Case {
    let owner = User {
        user_principal_name: case.mailbox.primary_smtp.clone(),
        mail: case.mailbox.primary_smtp.clone(),
        other_mails: Vec::new(),
        display_name: String::new(),
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        licensed: Some(true),
        provenance: provenance(),
    };
    Case { owner: Some(owner), ..case }
}

fn managed(case: Case, operating_system: &str) -> Case {
    let record = ManagedDevice {
        id: "1".to_owned(),
        user_principal_name: case.mailbox.primary_smtp.clone(),
        email_address: String::new(),
        device_name: String::new(),
        operating_system: operating_system.to_owned(),
        os_version: "17.4".to_owned(),
        os_build: String::new(),
        security_patch_level: None,
        model: String::new(),
        eas_device_id: None,
        is_encrypted: None,
        jail_broken: None,
        passcode_compliant: None,
        owner_type: None,
        management_agent: None,
        threat_state: None,
        compliance: ComplianceState::Compliant,
        grace_until: None,
        last_check_in_at: None,
        enrolled_at: None,
        provenance: provenance(),
    };
    let record = Box::new(record);
    Case { management: Management::Managed { record, basis: MatchBasis::EasIdAndUser }, ..case }
}

fn answer(access: Access, reason: Reason) -> Answer {
    Answer { access, reasons: vec![reason] }
}

#[test]
fn mail_is_what_counts_first() {
    use Access::{Allow, Block, Leave, Quarantine};
    let (inside, outside) = (AccessState::Allowed, AccessState::Quarantined);
    let table = [
        (Allow, Allow, &outside, None),
        (Leave, Leave, &inside, None),
        (Allow, Quarantine, &inside, Some(Turn::LoseMail)),
        (Allow, Block, &outside, Some(Turn::LoseMail)),
        (Leave, Quarantine, &inside, Some(Turn::LoseMail)),
        (Allow, Leave, &outside, Some(Turn::LoseMail)),
        (Quarantine, Allow, &outside, Some(Turn::GainMail)),
        (Block, Allow, &inside, Some(Turn::GainMail)),
        (Leave, Allow, &outside, Some(Turn::GainMail)),
        (Block, Leave, &inside, Some(Turn::GainMail)),
        (Quarantine, Block, &outside, Some(Turn::Stricter)),
        (Block, Quarantine, &outside, Some(Turn::Looser)),
        (Leave, Allow, &inside, Some(Turn::TakenOver)),
        (Leave, Quarantine, &outside, Some(Turn::TakenOver)),
        (Leave, Block, &AccessState::DeviceDiscovery, Some(Turn::TakenOver)),
        (Allow, Leave, &inside, Some(Turn::LeftAlone)),
        (Quarantine, Leave, &outside, Some(Turn::LeftAlone)),
    ];
    for (before, after, state, expected) in table {
        assert_eq!(turn(before, after, state), expected, "{before:?} -> {after:?}, {state:?}");
    }
}

#[test]
fn each_case_counts_once_in_each_table_and_in_each_of_its_owners_groups() {
    let mut sums = Sums::of_groups(&["Mail users".to_owned(), "Sales".to_owned()]);
    let (good, old) =
        (answer(Access::Allow, Reason::Compliant), answer(Access::Block, Reason::OsVersionTooOld));
    let both = owned(managed(case(1), "iOS"), &["SALES ", "mail users", "sales", "Others"]);
    assert_eq!(sums.add(&both, &good, &old), Some(Turn::LoseMail));
    let one = owned(managed(case(2), "ios"), &["Mail users"]);
    assert_eq!(sums.add(&one, &old, &good), Some(Turn::GainMail));
    let stranger = Case { organization: "fabrikam".parse().unwrap(), ..case(3) };
    assert_eq!(sums.add(&stranger, &good, &good), None);

    assert_eq!((sums.total.cases, sums.total.changed()), (3, 2));
    let groups: Vec<_> = sums.groups.iter().map(|row| (row.name.as_str(), row.tally)).collect();
    let lost = Tally { cases: 1, lose_mail: 1, ..Tally::default() };
    let gained = Tally { cases: 1, gain_mail: 1, ..Tally::default() };
    let same = Tally { cases: 1, unchanged: 1, ..Tally::default() };
    let turned = Tally { cases: 2, lose_mail: 1, gain_mail: 1, ..Tally::default() };
    assert_eq!(groups, [("Mail users", turned), ("Sales", lost)]);
    let platforms: Vec<_> = sums.platforms().map(|row| (row.name.as_str(), row.tally)).collect();
    assert_eq!(platforms, [("iOS", turned), ("iPhone", same)]);
    assert_eq!(sums.reasons[&Reason::OsVersionTooOld], lost);
    assert_eq!(sums.reasons[&Reason::Compliant], Tally { cases: 2, unchanged: 1, ..gained });
    assert_eq!(sums.organizations[&contoso()], turned);
}

#[test]
fn made_up_platforms_share_a_row() {
    let mut sums = Sums::default();
    let same = answer(Access::Allow, Reason::Compliant);
    for number in 0..(PLATFORMS_MAX as u32 + 50) {
        let mut odd = case(number);
        odd.device.device_type = format!("Phone{number:04}");
        sums.add(&odd, &same, &same);
    }
    let mut nameless = case(1);
    nameless.device.device_type = " ".to_owned();
    assert_eq!(platform(&nameless), UNKNOWN_PLATFORM);

    assert_eq!(sums.platforms().count(), PLATFORMS_MAX + 1);
    let others = sums.platforms().find(|row| row.name == OTHER_PLATFORMS).unwrap();
    assert_eq!(others.tally.cases, 50);
}

fn access() -> impl Strategy<Value = Access> {
    proptest::sample::select(Access::ALL.to_vec())
}

proptest! {
    /// Whatever changes: a table's rows add up to the total, and going back is the opposite way.
    #[test]
    fn sums_add_up(pairs in proptest::collection::vec((access(), access(), 0..4_u32), 0..60)) {
        let systems = ["iOS", "android", "", "Windows"];
        let mut sums = Sums::of_groups(&["Mail users".to_owned()]);
        for (number, (before, after, system)) in (0..).zip(&pairs) {
            let case = managed(owned(case(number), &["Mail users"]), systems[*system as usize]);
            let before = answer(*before, Reason::Compliant);
            let after = answer(*after, Reason::ALL[*system as usize]);
            sums.add(&case, &before, &after);
            let state = &case.device.access_state;
            let there = turn(before.access, after.access, state);
            let back = turn(after.access, before.access, state);
            let opposite = match there {
                None => None,
                Some(Turn::LoseMail) => Some(Turn::GainMail),
                Some(Turn::GainMail) => Some(Turn::LoseMail),
                Some(Turn::Stricter) => Some(Turn::Looser),
                Some(Turn::Looser) => Some(Turn::Stricter),
                Some(Turn::TakenOver) => Some(Turn::LeftAlone),
                Some(Turn::LeftAlone) => Some(Turn::TakenOver),
            };
            prop_assert_eq!(back, opposite);
        }
        let total = sums.total;
        prop_assert_eq!(total.cases, pairs.len() as u64);
        let parts = [total.unchanged, total.lose_mail, total.gain_mail, total.stricter,
            total.looser, total.taken_over, total.left_alone];
        prop_assert_eq!(parts.iter().sum::<u64>(), total.cases);
        let lost = |tallies: Vec<Tally>| tallies.iter().map(|it| it.lose_mail).sum::<u64>();
        prop_assert_eq!(lost(sums.platforms().map(|row| row.tally).collect()), total.lose_mail);
        prop_assert_eq!(lost(sums.reasons.values().copied().collect()), total.lose_mail);
        prop_assert_eq!(lost(sums.organizations.values().copied().collect()), total.lose_mail);
        prop_assert_eq!(lost(sums.groups.iter().map(|row| row.tally).collect()), total.lose_mail);
    }
}
