//! Owns the one list of what an expression can ask for: the schema, the facts and the reference page are
//! made of it. What Exchange lets a device do is no fact here: what should be does not depend on what is.
//!
//! A text is asked for as it is; where nobody knows it, the whole expression is unknown. What else may
//! be missing is asked for with `has` first.

use cedar_policy::RestrictedExpression;
use jiff::Timestamp;
use jiff::civil::Date;

use exgate_domain::case::{Case, Management};
use exgate_domain::policy::Version;

use super::facts::Source;
use super::words::{self, WordType};
use crate::verdict;
use Kind::{Day, Instant, Number, Text, Texts, Truth, Word};
use Of::{Context, Principal, Resource};

/// What an attribute is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// The owner of the mailbox, as the directory knows them.
    Principal,
    /// The device.
    Resource,
    /// Everything around it.
    Context,
}

impl Of {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Principal, Self::Resource, Self::Context];

    /// Its variable in expressions.
    pub fn variable(self) -> &'static str {
        match self {
            Self::Principal => "principal",
            Self::Resource => "resource",
            Self::Context => "context",
        }
    }
}

/// What values an attribute has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text, compared as it is written.
    Text,
    /// A set of texts.
    Texts,
    /// True or false.
    Truth,
    /// A whole number.
    Number,
    /// A version as a number; compare it with `version("17.4")`.
    Version,
    /// A day as a number, such as 20260305.
    Day,
    /// An instant as the seconds since 1970 in UTC; a day has 86400.
    Instant,
    /// A word of a closed list.
    Word(&'static WordType),
}

impl Kind {
    /// The name of its type in the schema.
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Text => "String",
            Self::Texts => "Set<String>",
            Self::Truth => "Bool",
            Self::Number | Self::Version | Self::Day | Self::Instant => "Long",
            Self::Word(words) => words.name,
        }
    }
}

/// Reads a fact; none when it is not known.
type Read = fn(&Source<'_>) -> Option<RestrictedExpression>;

/// Something that an expression can ask for.
#[derive(Debug)]
pub struct Attribute {
    /// What it is of.
    pub of: Of,
    /// Its name.
    pub name: &'static str,
    /// Its values.
    pub kind: Kind,
    /// Whether it has to be asked for with `has` first.
    pub is_optional: bool,
    /// What it says.
    pub meaning: &'static str,
    pub(super) read: Read,
}

/// All that an expression can ask for.
pub fn attributes() -> impl Iterator<Item = &'static Attribute> {
    ATTRIBUTES.iter()
}

/// The attribute of this name.
pub(super) fn find(of: Of, name: &str) -> Option<&'static Attribute> {
    attributes().find(|attribute| attribute.of == of && attribute.name == name)
}

/// The numbers of all attributes of this name, whatever they are of, as bits.
pub(super) fn numbers(name: &str) -> u64 {
    let named = attributes().enumerate().filter(|(_, attribute)| attribute.name == name);
    named.fold(0, |all, (number, _)| all | bit(number))
}

/// The bit of an attribute.
pub(super) fn bit(number: usize) -> u64 {
    u32::try_from(number).ok().and_then(|number| 1_u64.checked_shl(number)).unwrap_or(0)
}

/// Version parts as one number: 17.4 is 17_004_000000_000000. None when a part is too large for it.
pub(super) fn packed(version: Version) -> Option<i64> {
    /// The first number each part has to be below.
    const LIMITS: [u32; 4] = [9_000, 1_000, 1_000_000, 1_000_000];
    let pairs = version.parts().into_iter().zip(LIMITS);
    pairs.into_iter().try_fold(0, |number, (part, limit)| {
        (part < limit).then(|| number * i64::from(limit) + i64::from(part))
    })
}

const fn always(
    of: Of,
    name: &'static str,
    kind: Kind,
    meaning: &'static str,
    read: Read,
) -> Attribute {
    Attribute { of, name, kind, is_optional: false, meaning, read }
}

const fn maybe(
    of: Of,
    name: &'static str,
    kind: Kind,
    meaning: &'static str,
    read: Read,
) -> Attribute {
    Attribute { of, name, kind, is_optional: true, meaning, read }
}

/// No more than a number has bits.
#[rustfmt::skip]
static ATTRIBUTES: [Attribute; 41] = [
    always(Principal, "userPrincipalName", Text, "The owner's user principal name.",
        |it| text(&it.owner.user_principal_name)),
    always(Principal, "mail", Text, "The owner's mail address.",
        |it| text(&it.owner.mail)),
    always(Principal, "otherMails", Texts, "The owner's further addresses; an empty set for none.",
        |it| Some(texts(&it.owner.other_mails))),
    always(Principal, "displayName", Text, "The owner's name.",
        |it| text(&it.owner.display_name)),
    maybe(Principal, "licensed", Truth, "Whether the owner holds the licence.",
        |it| truth(it.owner.licensed)),

    always(Resource, "deviceId", Text, "The device's own ActiveSync id, as it spells it.",
        |it| text(it.case.device.device_id.as_str())),
    always(Resource, "deviceType", Text, "`DeviceType`, such as iPhone.",
        |it| text(&it.case.device.device_type)),
    always(Resource, "deviceModel", Text, "`DeviceModel`, such as iPhone15C2.",
        |it| text(&it.case.device.device_model)),
    always(Resource, "deviceOS", Text, "`DeviceOS`, such as iOS 17.4 21E219.",
        |it| text(&it.case.device.device_os)),
    always(Resource, "userAgent", Text, "`DeviceUserAgent`.",
        |it| text(&it.case.device.user_agent)),
    always(Resource, "friendlyName", Text, "The user's name for the device.",
        |it| text(&it.case.device.friendly_name)),
    always(Resource, "imei", Text, "`DeviceImei`.",
        |it| text(&it.case.device.imei)),
    always(Resource, "phoneNumber", Text, "The telephone number that the device reports.",
        |it| text(&it.case.device.phone_number)),
    always(Resource, "clientType", Text, "How it connects: EAS, REST, Outlook.",
        |it| text(&it.case.device.client_type)),
    maybe(Resource, "protocolVersion", Kind::Version, "The version of ActiveSync it speaks, such as 16.1.",
        |it| version(Version::read(&it.case.device.protocol_version))),
    maybe(Resource, "firstSyncAt", Instant, "The first synchronisation of its partnership.",
        |it| instant(it.case.device.first_sync_at)),
    maybe(Resource, LAST_SYNC, Instant, "The last synchronisation of mail that succeeded.",
        |it| instant(it.case.last_sync_at)),

    maybe(Resource, "isManaged", Truth, "Whether an MDM manages it. Missing while the records are too old.",
        |it| truth(is_managed(it.case))),
    always(Resource, "deviceName", Text, "Its name in the MDM.",
        |it| text(&it.record?.device_name)),
    always(Resource, "operatingSystem", Text, "Its operating system, as the MDM spells it, such as iOS.",
        |it| text(&it.record?.operating_system)),
    maybe(Resource, "osVersion", Kind::Version, "The version of its operating system.",
        |it| version(verdict::version(it.record?))),
    always(Resource, "osBuild", Text, "The build of its operating system, such as 21E219.",
        |it| text(&it.record?.os_build)),
    maybe(Resource, "securityPatchLevel", Day, "Android's security patch level.",
        |it| day(it.record?.security_patch_level)),
    always(Resource, "model", Text, "Its model in the MDM, such as iPhone 15.",
        |it| text(&it.record?.model)),
    maybe(Resource, "isEncrypted", Truth, "Whether its storage is encrypted.",
        |it| truth(it.record?.is_encrypted)),
    maybe(Resource, "jailBroken", Truth, "Whether it is jailbroken or rooted.",
        |it| truth(it.record?.jail_broken)),
    maybe(Resource, "passcodeCompliant", Truth, "Whether it has a passcode that meets the MDM's demands.",
        |it| truth(it.record?.passcode_compliant)),
    maybe(Resource, "ownerType", Word(&words::OWNER_TYPE), "Whose it is.",
        |it| it.word(&words::OWNER_TYPE, words::owner_type(it.record?.owner_type?))),
    maybe(Resource, "managementAgent", Word(&words::MANAGEMENT_AGENT), "What manages it.",
        |it| it.word(&words::MANAGEMENT_AGENT, words::management_agent(it.record?.management_agent?))),
    maybe(Resource, "threatState", Word(&words::THREAT_STATE), "What a threat defence partner reports.",
        |it| it.word(&words::THREAT_STATE, words::threat_state(it.record?.threat_state?))),
    maybe(Resource, "complianceState", Word(&words::COMPLIANCE_STATE), "The MDM's own verdict.",
        |it| it.word(&words::COMPLIANCE_STATE, words::compliance_state(it.record?.compliance))),
    maybe(Resource, "graceUntil", Instant, "When the MDM's own grace period ends.",
        |it| instant(it.record?.grace_until)),
    maybe(Resource, "lastCheckInAt", Instant, "Its last contact with the MDM.",
        |it| instant(it.record?.last_check_in_at)),
    maybe(Resource, "enrolledAt", Instant, "When it was enrolled in the MDM.",
        |it| instant(it.record?.enrolled_at)),
    always(Resource, "recordSource", Text, "The name of the source of its record, such as intune.",
        |it| text(&it.record?.provenance.source)),

    always(Context, NOW, Instant, "The instant that is asked about, in whole hours: the last full one.",
        |it| Some(RestrictedExpression::new_long(full_hour(it.case.now)))),
    always(Context, "organization", Text, "The Exchange organization's name here.",
        |it| text(it.case.organization.as_str())),
    always(Context, "primarySmtpAddress", Text, "The mailbox's primary SMTP address.",
        |it| text(&it.case.mailbox.primary_smtp)),
    always(Context, "mailboxName", Text, "The mailbox's display name.",
        |it| text(&it.case.mailbox.display_name)),
    always(Context, "mailboxDn", Text, "The mailbox's distinguished name, with the units it lies in.",
        |it| text(&it.case.device.mailbox_dn)),
    always(Context, "deviceCount", Number, "How many devices the mailbox has, this one included.",
        |it| i64::try_from(it.case.siblings.len() + 1).ok().map(RestrictedExpression::new_long)),
];

/// The one attribute that changes by time alone.
pub(super) const NOW: &str = "now";
/// The one attribute that needs Exchange's statistics of devices.
pub(super) const LAST_SYNC: &str = "lastSyncAt";
/// How often the time changes.
pub(super) const HOUR_SECONDS: i64 = 3_600;

/// The last full hour, so that what an expression says of the time holds until the next one.
pub(super) fn full_hour(at: Timestamp) -> i64 {
    at.as_second().div_euclid(HOUR_SECONDS) * HOUR_SECONDS
}

/// A text; an empty one is not known.
fn text(text: &str) -> Option<RestrictedExpression> {
    let text = text.trim();
    (!text.is_empty()).then(|| RestrictedExpression::new_string(text.to_owned()))
}

fn texts(texts: &[String]) -> RestrictedExpression {
    RestrictedExpression::new_set(texts.iter().filter_map(|it| text(it)))
}

fn truth(truth: Option<bool>) -> Option<RestrictedExpression> {
    truth.map(RestrictedExpression::new_bool)
}

fn instant(at: Option<Timestamp>) -> Option<RestrictedExpression> {
    at.map(|at| RestrictedExpression::new_long(at.as_second()))
}

fn version(version: Option<Version>) -> Option<RestrictedExpression> {
    version.and_then(packed).map(RestrictedExpression::new_long)
}

fn day(day: Option<Date>) -> Option<RestrictedExpression> {
    let number = |day: Date| {
        (i64::from(day.year()) * 100 + i64::from(day.month())) * 100 + i64::from(day.day())
    };
    day.map(|day| RestrictedExpression::new_long(number(day)))
}

/// Whether an MDM manages the device; Exchange ActiveSync alone manages nothing.
fn is_managed(case: &Case) -> Option<bool> {
    match &case.management {
        Management::Managed { record, basis: _ } => Some(verdict::is_managed(record)),
        Management::Unmanaged(_) => Some(false),
        Management::Unavailable { .. } => None,
    }
}
