//! Owns what a world is made from, and its settings and servers in the beginning; `population` makes the
//! people and their phones.
//!
//! Invariant: a world is a function of this and of the events that its journal holds.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::World;
use super::chance::Chance;
use super::organization::{AccessLevel, AccessSettings, FurtherServer, SITE, Server, Version};

/// What a world is made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Blueprint {
    /// The organization's name.
    pub name: String,
    /// Its domain, such as `contoso.com`.
    pub domain: String,
    /// Which Exchange it runs.
    pub version: Version,
    /// The seed of everything drawn.
    pub seed: u64,
    /// How many mailboxes it starts with.
    pub mailboxes: usize,
    /// How many partnerships it starts with.
    pub devices: usize,
    /// How many percent of those are on their owner's allowed list from the start.
    pub approved_percent: u64,
    /// The default access level it starts with.
    pub default_access_level: AccessLevel,
    /// The footer of its quarantine mail at the start.
    pub user_mail_insert: String,
    /// Who is told about quarantined phones at the start.
    pub admin_mail_recipients: Vec<String>,
    /// Whether the device cmdlet filters by `WhenChangedUTC`, which no page documents.
    pub filters_devices_by_change: bool,
    /// Whether a hoster runs it.
    #[serde(default)]
    pub hosted: bool,
    /// The servers beside the first one.
    #[serde(default)]
    pub further_servers: Vec<FurtherServer>,
    /// When it was made.
    pub epoch: Timestamp,
}

const DAY_HOURS: i64 = 24;

impl Blueprint {
    /// Makes the world.
    pub fn build(&self) -> World {
        World::begin(self)
    }

    /// The fully qualified name of the organization's first server.
    pub fn server_fqdn(&self) -> String {
        format!("ex01.{}", self.domain)
    }

    /// The settings of its beginning.
    pub fn settings(&self) -> AccessSettings {
        AccessSettings {
            guid: Chance::new(self.seed, &self.name).guid(),
            default_access_level: self.default_access_level,
            user_mail_insert: self.user_mail_insert.clone(),
            admin_mail_recipients: self.admin_mail_recipients.clone(),
            ota_notification_mail_insert: String::new(),
            allow_unsupported_platform: false,
            allow_rms_for_unenlightened: false,
            changed: self.epoch,
            access_changed_ms: 0,
            eas_max_devices: if self.version.is_modern() { 100 } else { 10 },
            autoblock: BTreeMap::new(),
        }
    }

    /// The servers of its beginning.
    pub fn servers(&self) -> Vec<Server> {
        let mut chance = Chance::new(self.seed, &format!("{} servers", self.name));
        let first = FurtherServer { version: self.version, site: SITE.to_owned() };
        let all = std::iter::once(&first).chain(&self.further_servers);
        let server = |(number, FurtherServer { version, site }): (u32, &FurtherServer)| Server {
            guid: chance.guid(),
            name: format!("EX{number:02}"),
            fqdn: format!("ex{number:02}.{}", self.domain),
            created: self.ago(900),
            version: *version,
            site: site.clone(),
        };
        (1..).zip(all).map(server).collect()
    }

    /// So many days before it was made.
    pub(super) fn ago(&self, days: i64) -> Timestamp {
        self.epoch
            .checked_sub(SignedDuration::from_hours(days.saturating_mul(DAY_HOURS)))
            .unwrap_or(self.epoch)
    }
}
