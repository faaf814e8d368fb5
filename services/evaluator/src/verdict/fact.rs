//! Owns what a rule looked at and what it wanted, as a value. Its words are made only for people.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;

use exgate_domain::decision::Outcome;
use exgate_domain::policy::{Access, Build, ClassKind, Version, VersionRange};
use exgate_domain::record::{
    ComplianceState, ManagedDevice, ManagementAgent, OwnerType, ThreatLevel, ThreatState,
};

/// What a rule looked at and what it wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fact<'a> {
    /// The policy is for other organizations.
    OtherOrganization { organization: &'a str, names: &'a [String] },
    /// The policy is switched off.
    SwitchedOff,
    /// The directory does not know the owner.
    OwnerUnknown { address: &'a str },
    /// The owner is in a group.
    InGroup(&'a str),
    /// The owner is in a group that is excluded.
    InExcludedGroup(&'a str),
    /// The owner is in none of the groups.
    InNoneOf(&'a [String]),
    /// The owner is named.
    NamedPerson(&'a str),
    /// Whether the owner holds the licence.
    Licence(Option<bool>),
    /// A local rule misses the device.
    SelectionMisses { key: &'static str },
    /// A local rule matches the device.
    LocalRule { access: Access },
    /// What an expression came to.
    Expression { text: &'a str, outcome: Outcome },
    /// A record is the device.
    HasRecord(&'a ManagedDevice),
    /// A record is the device, and nothing but Exchange ActiveSync manages it.
    ManagedByEasAlone(&'a ManagedDevice),
    /// No record is the device.
    NoRecord,
    /// The record is another person's.
    OtherUsersRecord,
    /// Several records could be the device.
    SeveralRecords,
    /// Nobody can be asked; why.
    RecordsUnavailable(&'a str),
    /// The device's class.
    DeviceClass { kind: ClassKind, name: &'a str },
    /// A compliant device is left to Exchange's rules.
    LeftToExchange,
    /// The MDM's verdict.
    MdmSays { source: &'a str, state: ComplianceState },
    /// The MDM's own grace period.
    MdmGracePeriod { source: &'a str, end: Timestamp, runs: bool },
    /// The MDM's verdict is taken over.
    MdmTrusted,
    /// The platform is listed.
    PlatformListed(&'a str),
    /// The platform is not listed.
    PlatformNotListed(&'a str),
    /// The platform is not known.
    PlatformUnknown,
    /// The version beside the oldest allowed.
    OldestVersion { version: Version, wanted: Version, is_met: bool },
    /// The version beside the newest allowed.
    NewestVersion { version: Version, wanted: Version, is_met: bool },
    /// The version beside the ranges allowed.
    VersionRanges { version: Version, ranges: &'a [VersionRange], is_met: bool },
    /// The version cannot be compared.
    VersionUnknown(&'a str),
    /// The build beside the oldest allowed.
    OldestBuild { build: Build, wanted: Build, is_met: bool },
    /// The build beside the newest allowed.
    NewestBuild { build: Build, wanted: Build, is_met: bool },
    /// The build cannot be compared.
    BuildUnknown(&'a str),
    /// The patch level beside the oldest allowed.
    PatchLevel { level: Date, wanted: Date, is_met: bool },
    /// The patch level is not known.
    PatchLevelUnknown,
    /// Whether storage is encrypted.
    Encrypted(Option<bool>),
    /// Whether it is jailbroken or rooted.
    JailBroken(Option<bool>),
    /// Whether there is a passcode that meets the demands.
    Passcode(Option<bool>),
    /// The threat beside the worst allowed.
    Threat { level: ThreatLevel, worst: ThreatLevel, is_met: bool },
    /// How bad the threat is cannot be told.
    ThreatUnknown(Option<ThreatState>),
    /// Whose it is.
    OwnerType { found: Option<OwnerType>, allowed: &'a [OwnerType] },
    /// What manages it.
    ManagementAgent { found: Option<ManagementAgent>, allowed: &'a [ManagementAgent] },
    /// The last contact with the MDM.
    CheckIn { last: Timestamp, ends: Option<Timestamp>, is_met: bool },
    /// The last contact with the MDM lies in the future.
    CheckInInFuture { last: Timestamp },
    /// The last contact with the MDM is not known.
    CheckInUnknown,
    /// The last synchronisation of mail.
    LastSync { last: Timestamp, ends: Timestamp, now: Timestamp },
    /// The last synchronisation of mail is not known.
    LastSyncUnknown,
    /// A grace period.
    GracePeriod { since: Timestamp, end: Timestamp, runs: bool },
    /// When a device that stays not compliant is blocked.
    BlockedFrom { since: Timestamp, at: Timestamp, is_reached: bool },
    /// How many devices of the mailbox keep their access before this one.
    DevicesBefore { before: u32, maximum: u32 },
}

impl fmt::Display for Fact<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&english(*self))
    }
}

#[expect(clippy::wildcard_enum_match_arm, clippy::too_many_lines, reason = "the words follow")]
fn english(fact: Fact<'_>) -> String {
    match fact {
        Fact::OtherOrganization { organization, names } => {
            format!("{organization} is not one of {}", names.join(", "))
        }
        Fact::SwitchedOff => "the policy is switched off".to_owned(),
        Fact::OwnerUnknown { address } => format!("the directory does not know {address}"),
        Fact::InGroup(group) => format!("the owner is in {group}"),
        Fact::InExcludedGroup(group) => {
            format!("the owner is in {group}, which is excluded")
        }
        Fact::InNoneOf(groups) => format!("the owner is in none of {}", groups.join(", ")),
        Fact::NamedPerson(address) => format!("{address} is named"),
        Fact::Licence(Some(true)) => "the owner holds the licence".to_owned(),
        Fact::Licence(Some(false)) => "the owner does not hold the licence".to_owned(),
        Fact::Licence(None) => {
            "the directory does not say whether the owner holds the licence".to_owned()
        }
        Fact::SelectionMisses { key } => format!("{key} does not match"),
        Fact::LocalRule { access } => format!("it matches, and says {}", access.word()),
        Fact::Expression { text, outcome } => match outcome {
            Outcome::Satisfied => format!("{text} holds"),
            Outcome::NotSatisfied => format!("{text} does not hold"),
            Outcome::Unknown => format!("a fact that {text} asks for is not known"),
        },
        Fact::HasRecord(record) => {
            format!("{} has record {:?}", record.provenance.source, record.id)
        }
        Fact::ManagedByEasAlone(record) => format!(
            "{} has record {:?}, which only Exchange ActiveSync manages",
            record.provenance.source, record.id
        ),
        Fact::NoRecord => "no record has the device's ActiveSync id".to_owned(),
        Fact::OtherUsersRecord => {
            "the record with the device's ActiveSync id is another person's".to_owned()
        }
        Fact::SeveralRecords => "several records have the device's ActiveSync id".to_owned(),
        Fact::RecordsUnavailable(why) => why.to_owned(),
        Fact::DeviceClass { kind, name } => {
            let kind = match kind {
                ClassKind::Family => "family",
                ClassKind::Model => "model",
            };
            format!("the device's {kind} is {name:?}")
        }
        Fact::LeftToExchange => {
            "compliant devices are left to Exchange's own rules and default level".to_owned()
        }
        Fact::MdmSays { source, state } => mdm(source, state),
        Fact::MdmGracePeriod { source, end, runs: true } => {
            format!("{source} says inGracePeriod until {end}")
        }
        Fact::MdmGracePeriod { source, end, runs: false } => {
            format!("{source} says inGracePeriod, ended {end}")
        }
        Fact::MdmTrusted => "the MDM's verdict is the result".to_owned(),
        Fact::PlatformListed(platform) => format!("{platform} is listed"),
        Fact::PlatformNotListed(platform) => format!("{platform} is not listed"),
        Fact::PlatformUnknown => "the operating system is not known".to_owned(),
        other => requirement(other),
    }
}

fn mdm(source: &str, state: ComplianceState) -> String {
    let word = match state {
        ComplianceState::Unknown => "unknown",
        ComplianceState::Compliant => "compliant",
        ComplianceState::Noncompliant => "noncompliant",
        ComplianceState::Conflict => "conflict",
        ComplianceState::Error => "error",
        ComplianceState::InGracePeriod => "inGracePeriod",
        ComplianceState::ConfigManager => "configManager: another system decides",
    };
    format!("{source} says {word}")
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the others have their words above")]
fn requirement(fact: Fact<'_>) -> String {
    match fact {
        Fact::OldestVersion { version, wanted, is_met: true } => {
            format!("version {version} is {wanted} or later")
        }
        Fact::OldestVersion { version, wanted, is_met: false } => {
            format!("version {version} is older than {wanted}")
        }
        Fact::NewestVersion { version, wanted, is_met: true } => {
            format!("version {version} is {wanted} or earlier")
        }
        Fact::NewestVersion { version, wanted, is_met: false } => {
            format!("version {version} is newer than {wanted}")
        }
        Fact::VersionRanges { version, ranges, is_met } => {
            let ranges: Vec<_> =
                ranges.iter().map(|it| format!("{} to {}", it.lowest, it.highest)).collect();
            let word = if is_met { "is" } else { "is not" };
            format!("version {version} {word} in {}", ranges.join(", "))
        }
        Fact::VersionUnknown(text) => {
            format!("{text:?} is not a version that can be compared")
        }
        Fact::OldestBuild { build, wanted, is_met: true } => {
            format!("build {build} is {wanted} or later")
        }
        Fact::OldestBuild { build, wanted, is_met: false } => {
            format!("build {build} is older than {wanted}")
        }
        Fact::NewestBuild { build, wanted, is_met: true } => {
            format!("build {build} is {wanted} or earlier")
        }
        Fact::NewestBuild { build, wanted, is_met: false } => {
            format!("build {build} is newer than {wanted}")
        }
        Fact::BuildUnknown(text) => format!("{text:?} is not a build that can be compared"),
        Fact::PatchLevel { level, wanted, is_met: true } => {
            format!("security patch level {level} is {wanted} or later")
        }
        Fact::PatchLevel { level, wanted, is_met: false } => {
            format!("security patch level {level} is older than {wanted}")
        }
        Fact::PatchLevelUnknown => "the security patch level is not known".to_owned(),
        Fact::Encrypted(Some(true)) => "storage is encrypted".to_owned(),
        Fact::Encrypted(Some(false)) => "storage is not encrypted".to_owned(),
        Fact::Encrypted(None) => "whether storage is encrypted is not known".to_owned(),
        Fact::JailBroken(Some(false)) => "neither jailbroken nor rooted".to_owned(),
        Fact::JailBroken(Some(true)) => "jailbroken or rooted".to_owned(),
        Fact::JailBroken(None) => "whether it is jailbroken or rooted is not known".to_owned(),
        Fact::Passcode(Some(true)) => "the passcode meets the MDM's demands".to_owned(),
        Fact::Passcode(Some(false)) => "no passcode meets the MDM's demands".to_owned(),
        Fact::Passcode(None) => "whether there is a good passcode is not known".to_owned(),
        Fact::Threat { level, worst, is_met } => {
            let word = if is_met { "not worse" } else { "worse" };
            format!("the threat level is {level:?}, {word} than {worst:?}")
        }
        Fact::ThreatUnknown(Some(state)) => format!("the threat partner says {state:?}"),
        Fact::ThreatUnknown(None) => "no threat partner has said anything".to_owned(),
        Fact::OwnerType { found: Some(found), allowed } => {
            format!("the owner type is {found:?}, and allowed are {allowed:?}")
        }
        Fact::OwnerType { found: None, .. } => "the owner type is not known".to_owned(),
        Fact::ManagementAgent { found: Some(found), allowed } => {
            format!("{found:?} manages it, and allowed are {allowed:?}")
        }
        Fact::ManagementAgent { found: None, .. } => "what manages it is not known".to_owned(),
        Fact::CheckIn { last, ends: Some(ends), is_met: true } => {
            format!("last check-in {last}, good until {ends}")
        }
        Fact::CheckIn { last, ends: Some(ends), is_met: false } => {
            format!("last check-in {last}, too old from {ends}")
        }
        Fact::CheckIn { last, ends: None, .. } => format!("last check-in {last}"),
        Fact::CheckInInFuture { last } => {
            format!("the last check-in, {last}, lies in the future")
        }
        Fact::CheckInUnknown => "the last check-in is not known".to_owned(),
        Fact::LastSync { last, ends, now } if now < ends => {
            format!("last synchronised {last}, good until {ends}")
        }
        Fact::LastSync { last, ends, .. } => {
            format!("last synchronised {last}, too old from {ends}")
        }
        Fact::LastSyncUnknown => "when it last synchronised is not known".to_owned(),
        Fact::GracePeriod { since, end, runs } => {
            let word = if runs { "until" } else { "ended" };
            format!("not compliant since {since}, grace period {word} {end}")
        }
        Fact::BlockedFrom { since, at, is_reached: true } => {
            format!("not compliant since {since}, blocked from {at}")
        }
        Fact::BlockedFrom { since, at, is_reached: false } => {
            format!("not compliant since {since}, to be blocked from {at}")
        }
        Fact::DevicesBefore { before, maximum } => {
            format!("{before} devices come before it, and {maximum} are allowed")
        }
        _ => String::new(),
    }
}
