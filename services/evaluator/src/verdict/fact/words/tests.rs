//! Every fact has its words in every language, with every value that they ask for.

use super::*;
use crate::verdict::fixture::at;

const LATER: &str = "2026-03-17T12:00:00Z";

fn names() -> &'static [String] {
    use std::sync::LazyLock;
    static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| vec!["Sales".into(), "Board".into()]);
    &NAMES
}

fn owners_and_own() -> Vec<Fact<'static>> {
    let outcomes = [Outcome::Satisfied, Outcome::NotSatisfied, Outcome::Unknown];
    let expressions =
        outcomes.map(|outcome| Fact::Own(Own::Expression { text: "resource.model", outcome }));
    let licences = [Some(true), Some(false), None].map(|it| Fact::Owner(Owner::Licence(it)));
    let matches = Access::ALL.map(|access| Fact::Own(Own::Matches { access }));
    let owners = [
        Owner::OtherOrganization { organization: "contoso", names: names() },
        Owner::SwitchedOff,
        Owner::Unknown { address: "anna@contoso.example" },
        Owner::InGroup("Sales"),
        Owner::InExcludedGroup("Sales"),
        Owner::InNoneOf(names()),
        Owner::Named("anna@contoso.example"),
    ];
    let mut facts: Vec<_> = owners.into_iter().map(Fact::Owner).collect();
    facts.push(Fact::Own(Own::Misses { key: "deviceType" }));
    facts.extend(expressions.into_iter().chain(licences).chain(matches));
    facts
}

fn records_and_mdm(record: &ManagedDevice) -> Vec<Fact<'_>> {
    let class = |kind, name| Recorded::Class { kind, name };
    let records = [
        Recorded::Has(record),
        Recorded::ManagedByEasAlone(record),
        Recorded::Nowhere,
        Recorded::OtherUsers,
        Recorded::Several,
        Recorded::Unavailable("intune was last read on Monday"),
        class(ClassKind::Family, "iPhone"),
        class(ClassKind::Model, "iPhone15C2"),
        class(ClassKind::Family, ""),
        class(ClassKind::Model, ""),
        Recorded::LeftToExchange,
    ];
    let states = [
        ComplianceState::Unknown,
        ComplianceState::Compliant,
        ComplianceState::Noncompliant,
        ComplianceState::Conflict,
        ComplianceState::Error,
        ComplianceState::InGracePeriod,
        ComplianceState::ConfigManager,
    ];
    let says = states.map(|state| Mdm::Says { source: "intune", state });
    let grace =
        [true, false].map(|runs| Mdm::GracePeriod { source: "intune", end: at(LATER), runs });
    let mdm = says.into_iter().chain(grace).chain([Mdm::Trusted]);
    records.into_iter().map(Fact::Record).chain(mdm.map(Fact::Mdm)).collect()
}

fn systems() -> Vec<Fact<'static>> {
    use exgate_domain::policy::{Build, Version, VersionRange};
    use std::sync::LazyLock;
    static RANGES: LazyLock<Vec<VersionRange>> = LazyLock::new(|| {
        let (lowest, highest) = (Version::read("17.4").unwrap(), Version::read("17.6").unwrap());
        vec![VersionRange { lowest, highest }, VersionRange { lowest: highest, highest }]
    });
    let version = Version::read("17.3.1").unwrap();
    let build = Build::read("21E219").unwrap();
    let (platform, wanted, day) = ("iOS", version, jiff::civil::date(2026, 3, 5));
    let compared = [true, false].into_iter().flat_map(|is_met| {
        [
            System::OldestVersion { platform, version, wanted, is_met },
            System::NewestVersion { platform, version, wanted, is_met },
            System::VersionRanges { platform, version, ranges: &RANGES, is_met },
            System::OldestBuild { build, wanted: build, is_met },
            System::NewestBuild { build, wanted: build, is_met },
            System::PatchLevel { level: day, wanted: day, is_met },
        ]
    });
    let others = [
        System::Listed(platform),
        System::NotListed(platform),
        System::Unknown,
        System::VersionUnknown("soon"),
        System::BuildUnknown("soon"),
        System::PatchLevelUnknown,
    ];
    compared.chain(others).map(Fact::System).collect()
}

fn states() -> Vec<Fact<'static>> {
    const OWNERS: [OwnerType; 2] = [OwnerType::Company, OwnerType::Personal];
    const AGENTS: [ManagementAgent; 10] = [
        ManagementAgent::Eas,
        ManagementAgent::Mdm,
        ManagementAgent::EasMdm,
        ManagementAgent::IntuneClient,
        ManagementAgent::EasIntuneClient,
        ManagementAgent::ConfigurationManagerClient,
        ManagementAgent::ConfigurationManagerClientMdm,
        ManagementAgent::ConfigurationManagerClientMdmEas,
        ManagementAgent::Jamf,
        ManagementAgent::GoogleCloudDevicePolicyController,
    ];
    const LEVELS: [ThreatLevel; 5] = [
        ThreatLevel::Secured,
        ThreatLevel::Low,
        ThreatLevel::Medium,
        ThreatLevel::High,
        ThreatLevel::Compromised,
    ];
    let known = [Some(true), Some(false), None];
    let known = known
        .into_iter()
        .flat_map(|so| [State::Encrypted(so), State::JailBroken(so), State::Passcode(so)]);
    let threats = LEVELS.into_iter().map(|level| {
        let worst = ThreatLevel::Low;
        State::Threat { level, worst, is_met: level <= worst }
    });
    let silent = [
        Some(ThreatState::Activated),
        Some(ThreatState::Deactivated),
        Some(ThreatState::Unresponsive),
        Some(ThreatState::Misconfigured),
        None,
    ];
    let owners = [None, Some(OwnerType::Company), Some(OwnerType::Personal)];
    let owners = owners.into_iter().flat_map(|found| {
        [&OWNERS[..], &OWNERS[..1]].map(|allowed| State::OwnerType { found, allowed })
    });
    let agents = AGENTS.into_iter().map(Some).chain([None]);
    let agents = agents.map(|found| State::ManagementAgent { found, allowed: &AGENTS[1..3] });
    let silent = silent.into_iter().map(State::ThreatUnknown);
    known.chain(threats).chain(silent).chain(owners).chain(agents).map(Fact::State).collect()
}

fn contacts_and_limits() -> Vec<Fact<'static>> {
    let (last, ends) = (at("2026-03-03T12:00:00Z"), at(LATER));
    let flags = [true, false].into_iter().flat_map(|is_met| {
        [
            Fact::Contact(Contact::CheckIn { last, ends: Some(ends), is_met }),
            Fact::Contact(Contact::Sync { last, ends, is_met }),
            Fact::Limit(Limit::GracePeriod { since: last, end: ends, runs: is_met }),
            Fact::Limit(Limit::BlockedFrom { since: last, at: ends, is_reached: is_met }),
        ]
    });
    let others = [
        Fact::Contact(Contact::CheckIn { last, ends: None, is_met: true }),
        Fact::Contact(Contact::CheckInInFuture { last }),
        Fact::Contact(Contact::CheckInUnknown),
        Fact::Contact(Contact::SyncUnknown),
        Fact::Limit(Limit::DevicesBefore { before: 1, maximum: 1 }),
        Fact::Limit(Limit::DevicesBefore { before: 3, maximum: 2 }),
    ];
    flags.chain(others).collect()
}

/// A value that is missing is an error of the catalogue, which stops a test.
#[test]
fn every_fact_has_words_of_its_own_in_every_language() {
    let mut case = crate::verdict::fixture::case();
    let record = crate::verdict::fixture::record(&mut case);
    let facts =
        [owners_and_own(), records_and_mdm(record), systems(), states(), contacts_and_limits()];
    let facts: Vec<_> = facts.into_iter().flatten().collect();
    let mut all = std::collections::BTreeSet::new();
    for fact in &facts {
        for language in Language::ALL {
            let words = fact.in_words(language);
            assert!(!words.contains(['{', '}', '$']), "{fact:?}: {words}");
            assert!(all.insert(words.clone()), "{fact:?} is told as another one: {words}");
        }
    }
    assert_eq!(all.len(), facts.len() * Language::ALL.len());
}
