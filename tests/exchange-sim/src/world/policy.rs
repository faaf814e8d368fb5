//! Owns a mailbox policy as the directory holds it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::blueprint::Blueprint;
use super::chance::Chance;
use super::mailbox::DEFAULT_POLICY;

/// A mailbox policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MailboxPolicy {
    /// The directory object's Guid.
    pub guid: Uuid,
    /// Its name, unique in the organization.
    pub name: String,
    /// Whether mailboxes that name none have it.
    pub is_default: bool,
    /// The settings that differ from a new policy's, by their older names.
    pub settings: BTreeMap<String, String>,
    /// Applications that may run.
    pub approved_applications: Vec<String>,
    /// Built-in applications that may not.
    pub unapproved_applications: Vec<String>,
    /// When the object was made.
    pub created: Timestamp,
    /// When it last changed.
    pub changed: Timestamp,
}

impl MailboxPolicy {
    /// A policy as it is made, with nothing set.
    pub fn new(name: &str, blueprint: &Blueprint, now: Timestamp) -> Self {
        Self {
            guid: guid(name, &blueprint.name),
            name: name.to_owned(),
            is_default: false,
            settings: BTreeMap::new(),
            approved_applications: Vec::new(),
            unapproved_applications: Vec::new(),
            created: now,
            changed: now,
        }
    }

    /// The policy that every organization starts with. It lets every phone in.
    pub fn first(blueprint: &Blueprint) -> Self {
        let lenient = ("AllowNonProvisionableDevices".to_owned(), "true".to_owned());
        Self {
            is_default: true,
            settings: BTreeMap::from([lenient]),
            ..Self::new(DEFAULT_POLICY, blueprint, blueprint.epoch)
        }
    }

    /// `AllowNonProvisionableDevices`: phones that enforce nothing are let in too.
    pub fn lets_in_everybody(&self) -> bool {
        let held = self.settings.get("AllowNonProvisionableDevices");
        held.is_some_and(|held| held.eq_ignore_ascii_case("true"))
    }

    /// Says whether a text names this policy.
    pub fn is_named(&self, text: &str) -> bool {
        self.name.eq_ignore_ascii_case(text)
            || Uuid::try_parse(text).is_ok_and(|guid| guid == self.guid)
    }
}

/// The Guid of a policy: its name stands for it.
pub fn guid(name: &str, organization: &str) -> Uuid {
    Chance::new(0, &format!("{organization} policy {}", name.to_lowercase())).guid()
}
