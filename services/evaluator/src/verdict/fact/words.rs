//! Owns which message of the catalogue a fact is told by. A message starts small and has no full stop:
//! it is a line of a trace, and becomes a sentence where it is read out.

use jiff::Timestamp;

use exgate_domain::decision::Outcome;
use exgate_domain::policy::{Access, ClassKind};
use exgate_domain::record::{
    ComplianceState, ManagedDevice, ManagementAgent, OwnerType, ThreatLevel, ThreatState,
};

use super::{Contact, Fact, Limit, Mdm, Own, Owner, Recorded, State, System};
use crate::messages::{Key, Language, Value};

type Values = Vec<(&'static str, Value)>;

impl Fact<'_> {
    /// The fact in words.
    pub(crate) fn in_words(&self, language: Language) -> String {
        let (key, values) = match *self {
            Self::Owner(fact) => owner(fact),
            Self::Own(fact) => own(fact),
            Self::Record(fact) => recorded(fact),
            Self::Mdm(fact) => mdm(fact),
            Self::System(fact) => system(fact),
            Self::State(fact) => state(fact, language),
            Self::Contact(fact) => contact(fact),
            Self::Limit(fact) => limit(fact),
        };
        language.say(key, &values)
    }
}

fn owner(fact: Owner<'_>) -> (Key, Values) {
    match fact {
        Owner::OtherOrganization { organization, names } => {
            let values =
                vec![("organization", organization.into()), ("names", Value::All(names.to_vec()))];
            (Key::FactOtherOrganization, values)
        }
        Owner::SwitchedOff => (Key::FactSwitchedOff, Vec::new()),
        Owner::Unknown { address } => (Key::FactOwnerUnknown, vec![("address", address.into())]),
        Owner::InGroup(group) => (Key::FactInGroup, vec![("group", group.into())]),
        Owner::InExcludedGroup(group) => (Key::FactInExcludedGroup, vec![("group", group.into())]),
        Owner::InNoneOf(groups) => {
            (Key::FactInNoneOf, vec![("groups", Value::All(groups.to_vec()))])
        }
        Owner::Named(address) => (Key::FactNamed, vec![("address", address.into())]),
        Owner::Licence(held) => (Key::FactLicence, vec![("held", held.into())]),
    }
}

fn own(fact: Own<'_>) -> (Key, Values) {
    match fact {
        Own::Misses { key } => (Key::FactMisses, vec![("key", key.into())]),
        Own::Matches { access } => (Key::FactMatches, vec![("access", access_word(access))]),
        Own::Expression { text, outcome } => {
            let outcome = match outcome {
                Outcome::Satisfied => "yes",
                Outcome::NotSatisfied => "no",
                Outcome::Unknown => "unknown",
            };
            let values = vec![("text", text.into()), ("holds", Value::Word(outcome))];
            (Key::FactExpression, values)
        }
    }
}

/// The word by which a message chooses what a device gets.
pub(crate) fn access_word(access: Access) -> Value {
    Value::Word(access.word())
}

fn recorded(fact: Recorded<'_>) -> (Key, Values) {
    let named = |record: &ManagedDevice| {
        let source = record.provenance.source.as_str();
        vec![("source", source.into()), ("record", record.id.as_str().into())]
    };
    match fact {
        Recorded::Has(record) => (Key::FactHasRecord, named(record)),
        Recorded::ManagedByEasAlone(record) => (Key::FactManagedByEasAlone, named(record)),
        Recorded::Nowhere => (Key::FactNoRecord, Vec::new()),
        Recorded::OtherUsers => (Key::FactOtherUsersRecord, Vec::new()),
        Recorded::Several => (Key::FactSeveralRecords, Vec::new()),
        Recorded::Unavailable(why) => (Key::FactRecordsUnavailable, vec![("why", why.into())]),
        Recorded::Class { kind, name: "" } => {
            (Key::FactClassUnknown, vec![("kind", class_word(kind))])
        }
        Recorded::Class { kind, name } => {
            (Key::FactClass, vec![("kind", class_word(kind)), ("name", name.into())])
        }
        Recorded::LeftToExchange => (Key::FactLeftToExchange, Vec::new()),
    }
}

fn class_word(kind: ClassKind) -> Value {
    Value::Word(match kind {
        ClassKind::Family => "family",
        ClassKind::Model => "model",
    })
}

fn mdm(fact: Mdm<'_>) -> (Key, Values) {
    match fact {
        Mdm::Says { source, state } => {
            let state = match state {
                ComplianceState::Unknown => "unknown",
                ComplianceState::Compliant => "compliant",
                ComplianceState::Noncompliant => "noncompliant",
                ComplianceState::Conflict => "conflict",
                ComplianceState::Error => "error",
                ComplianceState::InGracePeriod => "grace",
                ComplianceState::ConfigManager => "other",
            };
            (Key::FactMdmSays, vec![("source", source.into()), ("state", Value::Word(state))])
        }
        Mdm::GracePeriod { source, end, runs } => {
            let values =
                vec![("source", source.into()), ("end", end.into()), ("runs", runs.into())];
            (Key::FactMdmGracePeriod, values)
        }
        Mdm::Trusted => (Key::FactMdmTrusted, Vec::new()),
    }
}

fn system(fact: System<'_>) -> (Key, Values) {
    let compared = |found: Value, wanted: Value, is_met: bool| {
        vec![("found", found), ("wanted", wanted), ("met", is_met.into())]
    };
    let on = |platform: &str, mut values: Values| {
        values.push(("platform", platform.into()));
        values
    };
    match fact {
        System::Listed(platform) => (Key::FactListed, vec![("platform", platform.into())]),
        System::NotListed(platform) => (Key::FactNotListed, vec![("platform", platform.into())]),
        System::Unknown => (Key::FactSystemUnknown, Vec::new()),
        System::OldestVersion { platform, version, wanted, is_met } => {
            let values = compared(Value::of(version), Value::of(wanted), is_met);
            (Key::FactOldestVersion, on(platform, values))
        }
        System::NewestVersion { platform, version, wanted, is_met } => {
            let values = compared(Value::of(version), Value::of(wanted), is_met);
            (Key::FactNewestVersion, on(platform, values))
        }
        System::VersionRanges { platform, version, ranges, is_met } => {
            let ranges = ranges.iter().map(|it| format!("{} – {}", it.lowest, it.highest));
            let values = compared(Value::of(version), Value::Any(ranges.collect()), is_met);
            (Key::FactVersionRanges, on(platform, values))
        }
        System::VersionUnknown(text) => (Key::FactVersionUnknown, vec![("text", text.into())]),
        System::OldestBuild { build, wanted, is_met } => {
            (Key::FactOldestBuild, compared(Value::of(build), Value::of(wanted), is_met))
        }
        System::NewestBuild { build, wanted, is_met } => {
            (Key::FactNewestBuild, compared(Value::of(build), Value::of(wanted), is_met))
        }
        System::BuildUnknown(text) => (Key::FactBuildUnknown, vec![("text", text.into())]),
        System::PatchLevel { level, wanted, is_met } => {
            (Key::FactPatchLevel, compared(level.into(), wanted.into(), is_met))
        }
        System::PatchLevelUnknown => (Key::FactPatchLevelUnknown, Vec::new()),
    }
}

fn state(fact: State<'_>, language: Language) -> (Key, Values) {
    match fact {
        State::Encrypted(is_so) => (Key::FactEncrypted, vec![("so", is_so.into())]),
        State::JailBroken(is_so) => (Key::FactJailBroken, vec![("so", is_so.into())]),
        State::Passcode(is_so) => (Key::FactPasscode, vec![("so", is_so.into())]),
        State::Threat { level, worst, is_met } => {
            let values = vec![
                ("level", threat(level, language).into()),
                ("worst", threat(worst, language).into()),
                ("met", is_met.into()),
            ];
            (Key::FactThreat, values)
        }
        State::ThreatUnknown(state) => {
            (Key::FactThreatUnknown, vec![("state", Value::Word(threat_state(state)))])
        }
        State::OwnerType { found, allowed } => {
            let all = allowed.iter().map(|it| owner_type(*it, language)).collect();
            match found {
                Some(found) => {
                    let values = vec![
                        ("found", owner_type(found, language).into()),
                        ("allowed", Value::Any(all)),
                        ("met", allowed.contains(&found).into()),
                    ];
                    (Key::FactOwnerType, values)
                }
                None => (Key::FactOwnerTypeUnknown, vec![("allowed", Value::Any(all))]),
            }
        }
        State::ManagementAgent { found, allowed } => {
            let all = allowed.iter().map(|it| agent(*it, language)).collect();
            match found {
                Some(found) => {
                    let values = vec![
                        ("found", agent(found, language).into()),
                        ("allowed", Value::Any(all)),
                        ("met", allowed.contains(&found).into()),
                    ];
                    (Key::FactAgent, values)
                }
                None => (Key::FactAgentUnknown, vec![("allowed", Value::Any(all))]),
            }
        }
    }
}

/// How bad a threat is, as a word.
pub(crate) fn threat(level: ThreatLevel, language: Language) -> String {
    let word = match level {
        ThreatLevel::Secured => "none",
        ThreatLevel::Low => "low",
        ThreatLevel::Medium => "medium",
        ThreatLevel::High => "high",
        ThreatLevel::Compromised => "compromised",
    };
    language.say(Key::WordThreat, &[("level", Value::Word(word))])
}

fn threat_state(state: Option<ThreatState>) -> &'static str {
    match state {
        Some(ThreatState::Deactivated) => "off",
        Some(ThreatState::Unresponsive) => "silent",
        Some(ThreatState::Misconfigured) => "misconfigured",
        // What names a level is compared, and comes here only when it does not.
        Some(
            ThreatState::Activated
            | ThreatState::Secured
            | ThreatState::LowSeverity
            | ThreatState::MediumSeverity
            | ThreatState::HighSeverity
            | ThreatState::Compromised,
        ) => "on",
        None => "absent",
    }
}

/// Whose a device is, as a word.
pub(crate) fn owner_type(owner: OwnerType, language: Language) -> String {
    let word = match owner {
        OwnerType::Company => "company",
        OwnerType::Personal => "personal",
    };
    language.say(Key::WordOwnerType, &[("owner", Value::Word(word))])
}

/// What manages a device, as a word.
pub(crate) fn agent(agent: ManagementAgent, language: Language) -> String {
    let word = match agent {
        ManagementAgent::Eas => "eas",
        ManagementAgent::Mdm => "mdm",
        ManagementAgent::EasMdm => "easMdm",
        ManagementAgent::IntuneClient => "intuneClient",
        ManagementAgent::EasIntuneClient => "easIntuneClient",
        ManagementAgent::ConfigurationManagerClient => "configurationManager",
        ManagementAgent::ConfigurationManagerClientMdm => "configurationManagerMdm",
        ManagementAgent::ConfigurationManagerClientMdmEas => "configurationManagerMdmEas",
        ManagementAgent::Jamf => "jamf",
        ManagementAgent::GoogleCloudDevicePolicyController => "android",
    };
    language.say(Key::WordAgent, &[("agent", Value::Word(word))])
}

fn contact(fact: Contact) -> (Key, Values) {
    let until = |last: Timestamp, ends: Timestamp, is_met: bool| {
        let longest = Value::Span(ends.duration_since(last));
        vec![
            ("last", last.into()),
            ("ends", ends.into()),
            ("longest", longest),
            ("met", is_met.into()),
        ]
    };
    match fact {
        Contact::CheckIn { last, ends: Some(ends), is_met } => {
            (Key::FactCheckIn, until(last, ends, is_met))
        }
        Contact::CheckIn { last, ends: None, is_met: _ } => {
            (Key::FactCheckInForever, vec![("last", last.into())])
        }
        Contact::CheckInInFuture { last } => {
            (Key::FactCheckInInFuture, vec![("last", last.into())])
        }
        Contact::CheckInUnknown => (Key::FactCheckInUnknown, Vec::new()),
        Contact::Sync { last, ends, is_met } => (Key::FactSync, until(last, ends, is_met)),
        Contact::SyncUnknown => (Key::FactSyncUnknown, Vec::new()),
    }
}

fn limit(fact: Limit) -> (Key, Values) {
    match fact {
        Limit::GracePeriod { since, end, runs } => {
            let values = vec![("since", since.into()), ("end", end.into()), ("runs", runs.into())];
            (Key::FactGracePeriod, values)
        }
        Limit::BlockedFrom { since, at, is_reached } => {
            let reached = is_reached.into();
            (
                Key::FactBlockedFrom,
                vec![("since", since.into()), ("at", at.into()), ("reached", reached)],
            )
        }
        Limit::DevicesBefore { before, maximum } => {
            (Key::FactDevicesBefore, vec![("before", before.into()), ("maximum", maximum.into())])
        }
    }
}

#[cfg(test)]
mod tests;
