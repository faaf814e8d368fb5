//! Owns what an Exchange organization decides for all its phones: the default access level, the texts,
//! the device access rules; and its servers and versions.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::blueprint::Blueprint;
use super::chance::Chance;
use crate::behaviour::autoblock::{Behaviour, Threshold};

/// Which Exchange a server runs. The order is that of their age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Version {
    /// Exchange 2010 SP3.
    #[serde(rename = "2010")]
    Exchange2010,
    /// Exchange 2013.
    #[serde(rename = "2013")]
    Exchange2013,
    /// Exchange 2016.
    #[serde(rename = "2016")]
    Exchange2016,
    /// Exchange 2019.
    #[serde(rename = "2019")]
    Exchange2019,
    /// Exchange Server Subscription Edition.
    #[serde(rename = "SE")]
    SubscriptionEdition,
}

impl Version {
    /// Every version, oldest first.
    pub const ALL: [Self; 5] = [
        Self::Exchange2010,
        Self::Exchange2013,
        Self::Exchange2016,
        Self::Exchange2019,
        Self::SubscriptionEdition,
    ];

    /// Reads `2010`, `2013`, `2016`, `2019` or `SE`, whatever its case.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.year().eq_ignore_ascii_case(text))
    }

    /// The year, as people say it; the Subscription Edition has none.
    pub fn year(self) -> &'static str {
        match self {
            Self::Exchange2010 => "2010",
            Self::Exchange2013 => "2013",
            Self::Exchange2016 => "2016",
            Self::Exchange2019 => "2019",
            Self::SubscriptionEdition => "SE",
        }
    }

    /// Major, minor, build and revision: SP3 of 2010, the last cumulative update of 2013 (CU23), 2016
    /// (CU23) and 2019 (CU15), the first release of the Subscription Edition, which says 15.2 like 2019.
    ///
    /// Source: "Exchange Server build numbers and release dates" on learn.microsoft.com.
    pub fn numbers(self) -> [i32; 4] {
        match self {
            Self::Exchange2010 => [14, 3, 123, 4],
            Self::Exchange2013 => [15, 0, 1497, 2],
            Self::Exchange2016 => [15, 1, 2507, 6],
            Self::Exchange2019 => [15, 2, 1748, 10],
            Self::SubscriptionEdition => [15, 2, 2562, 17],
        }
    }

    /// Says whether this is 2013 or later: `*-MobileDevice` names, and the long error ids.
    pub fn is_modern(self) -> bool {
        self >= Self::Exchange2013
    }

    /// Says whether this is 2016 or later: account-only wipes, REST clients, one server role.
    pub fn is_since_2016(self) -> bool {
        self >= Self::Exchange2016
    }

    /// What its PowerShell says of itself (`PSVersion`): 2.0 in 2010, 3.0 in 2013, then 5.1 with the
    /// build of the Windows Server that it is usually set up on. Unverified but for 2010 and 2013.
    pub fn powershell(self) -> &'static str {
        match self {
            Self::Exchange2010 => "2.0",
            Self::Exchange2013 => "3.0",
            Self::Exchange2016 => "5.1.14393.7426",
            Self::Exchange2019 => "5.1.17763.6893",
            Self::SubscriptionEdition => "5.1.20348.2849",
        }
    }

    /// What [`Self::parse`] reads, for messages.
    pub fn known() -> String {
        let years = Self::ALL.map(Self::year);
        let (last, others) = years.split_last().unwrap_or((&"", &[]));
        format!("{} and {last}", others.join(", "))
    }
}

/// The level of a rule and of the organization's default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccessLevel {
    /// Let in.
    Allow,
    /// Refuse.
    Block,
    /// Hold until a person decides.
    Quarantine,
}

impl AccessLevel {
    /// Reads Exchange's word.
    pub fn parse(text: &str) -> Option<Self> {
        let all = [Self::Allow, Self::Block, Self::Quarantine];
        all.into_iter().find(|level| level.word().0.eq_ignore_ascii_case(text))
    }

    /// Exchange's word, which is also its position in the enumeration.
    pub fn word(self) -> (&'static str, i32) {
        match self {
            Self::Allow => ("Allow", 0),
            Self::Block => ("Block", 1),
            Self::Quarantine => ("Quarantine", 2),
        }
    }
}

/// `Get-ActiveSyncOrganizationSettings`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccessSettings {
    /// The settings object's Guid.
    pub guid: Uuid,
    /// What happens to a phone that no list and no rule covers.
    pub default_access_level: AccessLevel,
    /// The footer of the quarantine mail, at most 256 characters.
    pub user_mail_insert: String,
    /// Who is told about quarantined phones.
    pub admin_mail_recipients: Vec<String>,
    /// For users who must update an old phone.
    pub ota_notification_mail_insert: String,
    /// For internal use, says the reference.
    #[serde(default)]
    pub allow_unsupported_platform: bool,
    /// Has an effect in the cloud only, says the reference.
    #[serde(default)]
    pub allow_rms_for_unenlightened: bool,
    /// When the object last changed.
    pub changed: Timestamp,
    /// The moment, in Exchange's time, of the last edit of settings or rules.
    pub access_changed_ms: u64,
    /// `EASMaxDevices` of everybody's throttling policy: 100, and 10 in 2010.
    #[serde(default = "eas_max_devices")]
    pub eas_max_devices: u32,
    /// The autoblock thresholds that are on; a new organization has none.
    #[serde(default)]
    pub autoblock: BTreeMap<Behaviour, Threshold>,
}

/// `EASMaxDevices` of a world that was begun before it was kept.
fn eas_max_devices() -> u32 {
    100
}

/// The longest UserMailInsert, in characters (Set-ActiveSyncOrganizationSettings).
pub const INSERT_CHARACTERS_MAX: usize = 256;

/// What a device access rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Characteristic {
    /// `DeviceType`.
    DeviceType,
    /// `DeviceModel`.
    DeviceModel,
    /// `DeviceOS`.
    DeviceOS,
    /// `DeviceUserAgent`.
    UserAgent,
    /// A header of later systems, which no phone here sends.
    XMSWLHeader,
}

impl Characteristic {
    /// Reads Exchange's word.
    pub fn parse(text: &str) -> Option<Self> {
        let all = [
            Self::DeviceType,
            Self::DeviceModel,
            Self::DeviceOS,
            Self::UserAgent,
            Self::XMSWLHeader,
        ];
        all.into_iter().find(|held| held.word().0.eq_ignore_ascii_case(text))
    }

    /// Exchange's word, and its position in the enumeration by the documented order of the names.
    pub fn word(self) -> (&'static str, i32) {
        match self {
            Self::DeviceType => ("DeviceType", 0),
            Self::DeviceModel => ("DeviceModel", 1),
            Self::DeviceOS => ("DeviceOS", 2),
            Self::UserAgent => ("UserAgent", 3),
            Self::XMSWLHeader => ("XMSWLHeader", 4),
        }
    }
}

/// A device access rule: exact text, no wildcard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccessRule {
    /// The name Exchange makes of text and characteristic.
    pub name: String,
    /// What it looks at.
    pub characteristic: Characteristic,
    /// The exact text.
    pub query_string: String,
    /// What it decides.
    pub access_level: AccessLevel,
}

impl AccessRule {
    /// The directory object's Guid. A rule is what it compares with what: those two never change, and
    /// a rule that comes back after it was removed is taken for the same object.
    pub fn guid(&self, blueprint: &Blueprint) -> Uuid {
        let (characteristic, _) = self.characteristic.word();
        let query = self.query_string.to_lowercase();
        let topic = format!("{} rule {characteristic} {query}", blueprint.name);
        Chance::new(blueprint.seed, &topic).guid()
    }

    /// What Exchange would not take of these rules: a text or a name that is empty, or a second rule
    /// that compares the same with the same.
    pub fn problem(rules: &[Self]) -> Option<String> {
        let mut known = HashSet::new();
        rules.iter().find_map(|rule| {
            let query = rule.query_string.to_lowercase();
            if query.is_empty() || rule.name.is_empty() {
                return Some("must have a name and a query_string".to_owned());
            }
            let is_new = known.insert((rule.characteristic.word(), query));
            (!is_new).then(|| format!("hold {:?} twice", rule.name))
        })
    }
}

/// An Exchange server of the organization.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Server {
    /// The directory object's Guid.
    pub guid: Uuid,
    /// The host name in capitals.
    pub name: String,
    /// The full name.
    pub fqdn: String,
    /// When it was set up.
    pub created: Timestamp,
    /// Which Exchange it runs.
    pub version: Version,
    /// Its directory site.
    pub site: String,
}

/// The site of a server for which none is given.
pub const SITE: &str = "Default-First-Site-Name";

/// A further server of an organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FurtherServer {
    /// Which Exchange it runs.
    pub version: Version,
    /// Its directory site.
    pub site: String,
}
