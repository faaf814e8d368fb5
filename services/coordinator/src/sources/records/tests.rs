//! Facts about what records say: a source that cannot be relied on never makes a device unmanaged.

use exgate_domain::case::MatchBasis;
use exgate_domain::record::ComplianceState;

use crate::fixture::at;

use super::*;

const MAX_AGE: SignedDuration = SignedDuration::from_secs(100);

fn user(mail: &str) -> User {
    User {
        user_principal_name: format!("{mail}.local"),
        mail: mail.to_owned(),
        other_mails: Vec::new(),
        display_name: String::new(),
        groups: Vec::new(),
        licensed: None,
        provenance: Provenance { source: String::new(), read_at: Timestamp::UNIX_EPOCH },
    }
}

fn record(id: &str, eas: &str, person: &str) -> ManagedDevice {
    ManagedDevice {
        id: id.to_owned(),
        user_principal_name: person.to_owned(),
        email_address: String::new(),
        device_name: String::new(),
        operating_system: String::new(),
        os_version: String::new(),
        os_build: String::new(),
        security_patch_level: None,
        model: String::new(),
        eas_device_id: eas.parse().ok(),
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
        provenance: Provenance { source: String::new(), read_at: Timestamp::UNIX_EPOCH },
    }
}

fn source(name: &str, devices: Vec<ManagedDevice>, users: Vec<User>) -> Source {
    Source {
        name: name.to_owned(),
        precedence: 100,
        only_for: None,
        allow_empty: false,
        devices: Arc::new(Devices::new(devices)),
        users: Arc::new(Directory::new(users)),
        read_at: Some(at(0)),
        problem: String::new(),
    }
}

fn say(sources: Vec<Source>, now: i64) -> Said {
    let records = Records { sources, max_age: MAX_AGE };
    let organization = "contoso".parse().unwrap();
    records.say(&organization, "Ann@contoso.com", &"ApplA".parse().unwrap(), at(now))
}

fn why(said: &Said) -> &str {
    let Management::Unavailable { why } = &said.management else { panic!("{said:?}") };
    why
}

fn ann() -> Vec<User> {
    vec![user("ann@contoso.com")]
}

fn hers() -> ManagedDevice {
    record("1", "ApplA", "ann@contoso.com.local")
}

fn other() -> ManagedDevice {
    record("2", "ApplB", "bob@contoso.com")
}

#[test]
fn a_record_of_the_same_person_is_the_device_with_the_age_of_its_source() {
    let said = say(vec![source("intune", vec![hers(), other()], ann())], 5);
    let Management::Managed { record, basis } = said.management else { panic!("{said:?}") };
    assert_eq!((record.id.as_str(), basis), ("1", MatchBasis::EasIdAndUser));
    let from = Provenance { source: "intune".to_owned(), read_at: at(0) };
    assert_eq!(record.provenance, from);
    assert_eq!(said.owner.unwrap().provenance, from);
}

#[test]
fn no_record_in_a_fresh_list_is_unmanaged() {
    let said = say(vec![source("intune", vec![other()], ann())], 100);
    assert_eq!(said.management, Management::Unmanaged(Unmatched::NoRecord));
    let theirs = record("1", "ApplA", "bob@contoso.com");
    let said = say(vec![source("intune", vec![theirs], ann())], 5);
    assert_eq!(said.management, Management::Unmanaged(Unmatched::OtherUser));
}

#[test]
fn a_source_that_is_too_old_says_nothing_but_whose_a_mailbox_was() {
    let said = say(vec![source("intune", vec![hers()], ann())], 101);
    assert!(why(&said).contains("source intune was last read at"), "{said:?}");
    assert_eq!(said.owner.as_ref().map(|owner| &owner.mail), Some(&ann()[0].mail));
    let said = say(vec![source("intune", vec![hers()], Vec::new())], 101);
    assert_eq!((said.owner.is_none(), why(&said).contains("intune")), (true, true));

    let never = Source { read_at: None, ..source("intune", Vec::new(), Vec::new()) };
    assert_eq!(why(&say(vec![never], 1)), "source intune was never read");
}

#[test]
fn an_old_source_beside_a_fresh_one_leaves_a_doubt_but_takes_no_match_away() {
    let old = || Source { read_at: Some(at(-500)), ..source("jamf", vec![hers()], ann()) };
    let said = say(vec![source("intune", vec![hers()], ann()), old()], 5);
    assert!(matches!(said.management, Management::Managed { .. }), "{said:?}");

    let said = say(vec![source("intune", vec![other()], ann()), old()], 5);
    assert!(why(&said).contains("jamf"), "the record may stand there");

    // The same where the old one alone knows the owner.
    let said = say(vec![source("intune", vec![hers()], Vec::new()), old()], 5);
    assert!(why(&said).contains("jamf") && said.owner.is_some(), "{said:?}");

    // The device is known, but whose mailbox it is may stand in the old one.
    let direct = record("1", "ApplA", "ann@contoso.com");
    let said = say(vec![source("intune", vec![direct], Vec::new()), old()], 5);
    assert!(why(&said).contains("jamf"));
}

#[test]
fn an_empty_list_makes_nobody_unmanaged_unless_it_is_allowed_to() {
    let said = say(vec![source("intune", Vec::new(), ann())], 5);
    assert!(why(&said).contains("sources.intune.allow_empty = true"), "{said:?}");
    let allowed = Source { allow_empty: true, ..source("intune", Vec::new(), ann()) };
    let said = say(vec![allowed], 5);
    assert_eq!(said.management, Management::Unmanaged(Unmatched::NoRecord));
    let people = source("hr", Vec::new(), ann());
    let said = say(vec![people, source("intune", vec![other()], Vec::new())], 5);
    assert_eq!(said.management, Management::Unmanaged(Unmatched::NoRecord));
}

#[test]
fn a_source_speaks_only_for_its_organizations() {
    let fabrikam = Some(["fabrikam".parse().unwrap()].into());
    let elsewhere = Source { only_for: fabrikam, ..source("intune", vec![hers()], ann()) };
    let said = say(vec![elsewhere], 5);
    assert_eq!(why(&said), "no source of records is configured for organization contoso");
}

#[test]
fn the_source_that_comes_first_wins() {
    let newer = ManagedDevice { id: "9".to_owned(), ..hers() };
    let said =
        say(vec![source("jamf", vec![newer], ann()), source("intune", vec![hers()], ann())], 5);
    let Management::Managed { record, .. } = said.management else { panic!("{said:?}") };
    assert_eq!((record.id.as_str(), record.provenance.source.as_str()), ("9", "jamf"));
}

#[test]
fn a_limit_that_is_not_whole_minutes_is_told_in_seconds() {
    let trust = |seconds| {
        source("intune", vec![], ann()).trust(SignedDuration::from_secs(seconds), at(900))
    };
    let Trust::Stale(why) = trust(25) else { panic!() };
    assert!(why.ends_with(", and 25 seconds is the limit"), "{why}");
    let Trust::Stale(why) = trust(120) else { panic!() };
    assert!(why.ends_with(", and 2 minutes is the limit"), "{why}");
}
