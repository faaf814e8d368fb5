//! Owns what a rule looked at and what it wanted, as a value: nothing is put in words, and no memory is
//! taken, unless somebody listens. A fact names instants and values, never an age.

mod words;

pub(crate) use words::{access_word, agent, owner_type, threat};

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
    /// Whom a policy is for.
    Owner(Owner<'a>),
    /// What a rule of the company's own looked at.
    Own(Own<'a>),
    /// What the records say of the device.
    Record(Recorded<'a>),
    /// What the MDM itself says.
    Mdm(Mdm<'a>),
    /// The operating system.
    System(System<'a>),
    /// What the device is like.
    State(State<'a>),
    /// When the device was last heard of.
    Contact(Contact),
    /// How long something lasts, and how many there are.
    Limit(Limit),
}

/// Whom a policy is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Owner<'a> {
    /// The policy is for other organizations.
    OtherOrganization { organization: &'a str, names: &'a [String] },
    /// The policy is switched off.
    SwitchedOff,
    /// The directory does not know the owner.
    Unknown { address: &'a str },
    /// The owner is in a group.
    InGroup(&'a str),
    /// The owner is in a group that is excluded.
    InExcludedGroup(&'a str),
    /// The owner is in none of the groups.
    InNoneOf(&'a [String]),
    /// The owner is named.
    Named(&'a str),
    /// Whether the owner holds the licence.
    Licence(Option<bool>),
}

/// What a rule of the company's own looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Own<'a> {
    /// A local rule misses the device.
    Misses { key: &'static str },
    /// A local rule matches the device.
    Matches { access: Access },
    /// What an expression came to.
    Expression { text: &'a str, outcome: Outcome },
}

/// What the records say of the device.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Recorded<'a> {
    /// A record is the device.
    Has(&'a ManagedDevice),
    /// A record is the device, and nothing but Exchange ActiveSync manages it.
    ManagedByEasAlone(&'a ManagedDevice),
    /// No record is the device.
    Nowhere,
    /// The record is another person's.
    OtherUsers,
    /// Several records could be the device.
    Several,
    /// Nobody can be asked; why.
    Unavailable(&'a str),
    /// The device's class, as Exchange shows it.
    Class { kind: ClassKind, name: &'a str },
    /// A compliant device is left to Exchange's rules.
    LeftToExchange,
}

/// What the MDM itself says.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mdm<'a> {
    /// Its verdict.
    Says { source: &'a str, state: ComplianceState },
    /// Its own grace period.
    GracePeriod { source: &'a str, end: Timestamp, runs: bool },
    /// Its verdict is taken over.
    Trusted,
}

/// The operating system.
#[derive(Debug, Clone, Copy)]
pub(crate) enum System<'a> {
    /// The platform is listed.
    Listed(&'a str),
    /// The platform is not listed.
    NotListed(&'a str),
    /// The platform is not known.
    Unknown,
    /// The version beside the oldest allowed.
    OldestVersion { platform: &'a str, version: Version, wanted: Version, is_met: bool },
    /// The version beside the newest allowed.
    NewestVersion { platform: &'a str, version: Version, wanted: Version, is_met: bool },
    /// The version beside the ranges allowed.
    VersionRanges { platform: &'a str, version: Version, ranges: &'a [VersionRange], is_met: bool },
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
}

/// What the device is like.
#[derive(Debug, Clone, Copy)]
pub(crate) enum State<'a> {
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
}

/// When the device was last heard of.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Contact {
    /// The last contact with the MDM.
    CheckIn { last: Timestamp, ends: Option<Timestamp>, is_met: bool },
    /// The last contact with the MDM lies in the future.
    CheckInInFuture { last: Timestamp },
    /// The last contact with the MDM is not known.
    CheckInUnknown,
    /// The last synchronisation of mail.
    Sync { last: Timestamp, ends: Timestamp, is_met: bool },
    /// The last synchronisation of mail is not known.
    SyncUnknown,
}

/// How long something lasts, and how many there are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Limit {
    /// A grace period.
    GracePeriod { since: Timestamp, end: Timestamp, runs: bool },
    /// When a device that stays not compliant is blocked.
    BlockedFrom { since: Timestamp, at: Timestamp, is_reached: bool },
    /// How many devices of the mailbox keep their access before this one.
    DevicesBefore { before: u32, maximum: u32 },
}
