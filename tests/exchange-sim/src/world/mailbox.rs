//! Owns a mailbox as the directory holds it, and the ways an `-Identity` may name it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A user's mailbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mailbox {
    /// The directory object's Guid.
    pub guid: Uuid,
    /// The relative name below its container, unique there.
    pub name: String,
    /// What people see.
    pub display_name: String,
    /// The alias, unique in the organization.
    pub alias: String,
    /// The logon name of old.
    pub sam_account_name: String,
    /// The logon name; differs from the address for a few.
    pub user_principal_name: String,
    /// The primary address.
    pub primary_smtp_address: String,
    /// The container's name, such as `Users`.
    pub container: String,
    /// Whether the container is an organizational unit.
    pub in_unit: bool,
    /// False: no phone of this user gets in.
    pub active_sync_enabled: bool,
    /// The personal allowed list.
    pub allowed_device_ids: Vec<String>,
    /// The personal blocked list.
    pub blocked_device_ids: Vec<String>,
    /// The mailbox policy's name; none is the default policy.
    pub policy: Option<String>,
    /// Settings of its protocols that differ from a new mailbox's, and on which nothing here acts.
    #[serde(default)]
    pub protocols: BTreeMap<String, Vec<String>>,
    /// Whether a phone ever made a partnership.
    pub has_partnership: bool,
    /// When the object was made.
    pub created: Timestamp,
    /// When the object last changed.
    pub changed: Timestamp,
    /// The moment, in Exchange's time, of the last edit that access depends on.
    pub access_changed_ms: u64,
    /// How often it moved to another server.
    #[serde(default)]
    pub moves: u32,
}

/// The name of the policy that every mailbox has without being given one.
pub const DEFAULT_POLICY: &str = "Default";

impl Mailbox {
    /// The distinguished name in a domain such as `contoso.com`.
    pub fn distinguished_name(&self, domain: &str) -> String {
        let kind = if self.in_unit { "OU" } else { "CN" };
        format!(
            "CN={},{kind}={},{}",
            escaped(&self.name),
            self.container,
            domain_components(domain)
        )
    }

    /// The canonical path, such as `contoso.com/Users/Jane Doe`.
    pub fn canonical_name(&self, domain: &str) -> String {
        format!("{domain}/{}/{}", self.container, self.name)
    }

    /// The X.500 name of the mail system.
    pub fn legacy_dn(&self, organization: &str) -> String {
        format!("/o={organization}/{LEGACY_GROUP}/cn=Recipients/cn={}", self.alias)
    }

    /// Says whether a list names this DeviceId; Exchange compares ids as text, whatever their case.
    pub fn lists(ids: &[String], device_id: &str) -> bool {
        ids.iter().any(|id| id.eq_ignore_ascii_case(device_id))
    }

    /// Every text that names this mailbox alone, in lower case.
    pub fn keys(&self, organization: &str, domain: &str) -> Vec<String> {
        let flat_domain = domain.split('.').next().unwrap_or(domain);
        let mut keys = vec![
            self.guid.to_string(),
            self.name.to_lowercase(),
            self.alias.to_lowercase(),
            self.sam_account_name.to_lowercase(),
            format!("{flat_domain}\\{}", self.sam_account_name).to_lowercase(),
            self.user_principal_name.to_lowercase(),
            self.primary_smtp_address.to_lowercase(),
            self.distinguished_name(domain).to_lowercase(),
            self.canonical_name(domain).to_lowercase(),
            self.legacy_dn(organization).to_lowercase(),
        ];
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}

/// The administrative group that every Exchange since 2007 lives in.
pub const LEGACY_GROUP: &str = "ou=Exchange Administrative Group (FYDIBOHF23SPDLT)";

/// Writes `contoso.com` as `DC=contoso,DC=com`.
pub fn domain_components(domain: &str) -> String {
    domain.split('.').map(|part| format!("DC={part}")).collect::<Vec<_>>().join(",")
}

/// Escapes a relative name for a distinguished name (RFC 4514).
pub fn escaped(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for character in name.chars() {
        if matches!(character, ',' | '+' | '"' | '\\' | '<' | '>' | ';' | '=') {
            text.push('\\');
        }
        text.push(character);
    }
    text
}
