//! The fields of a record as they are written in files, in Graph's words; `groups` and `licensed` are
//! ours. JSON and CSV read the same values the same way.

use std::str::FromStr;

use serde::Deserialize;

use exgate_domain::record::{ComplianceState, ManagedDevice, Provenance, User};

use super::cells::{
    Agent, EasId, Flag, Instant, JailBroken, Name, Names, Owner, PatchLevel, State, Threat,
};

/// A device as a file gives it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeviceRow {
    pub(super) id: Name,
    #[serde(default)]
    pub(super) user_principal_name: Option<String>,
    #[serde(default)]
    pub(super) email_address: Option<String>,
    #[serde(default)]
    pub(super) device_name: Option<String>,
    #[serde(default)]
    pub(super) operating_system: Option<String>,
    #[serde(default)]
    pub(super) os_version: Option<String>,
    #[serde(default)]
    pub(super) os_build_number: Option<String>,
    #[serde(default)]
    pub(super) android_security_patch_level: Option<PatchLevel>,
    #[serde(default)]
    pub(super) model: Option<String>,
    #[serde(default)]
    pub(super) eas_device_id: Option<EasId>,
    #[serde(default)]
    pub(super) is_encrypted: Option<Flag>,
    #[serde(default)]
    pub(super) jail_broken: Option<JailBroken>,
    #[serde(default)]
    pub(super) passcode_compliant: Option<Flag>,
    #[serde(default)]
    pub(super) managed_device_owner_type: Option<Owner>,
    #[serde(default)]
    pub(super) management_agent: Option<Agent>,
    #[serde(default)]
    pub(super) partner_reported_threat_state: Option<Threat>,
    #[serde(default)]
    pub(super) compliance_state: Option<State>,
    #[serde(default)]
    pub(super) compliance_grace_period_expiration_date_time: Option<Instant>,
    #[serde(default)]
    pub(super) last_sync_date_time: Option<Instant>,
    #[serde(default)]
    pub(super) enrolled_date_time: Option<Instant>,
}

/// A user as a file gives it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserRow {
    pub(super) user_principal_name: Name,
    #[serde(default)]
    pub(super) mail: Option<String>,
    #[serde(default)]
    pub(super) other_mails: Option<Names>,
    #[serde(default)]
    pub(super) proxy_addresses: Option<Names>,
    #[serde(default)]
    pub(super) display_name: Option<String>,
    #[serde(default)]
    pub(super) groups: Option<Names>,
    #[serde(default)]
    pub(super) licensed: Option<Flag>,
}

/// A kind of row: its names in files, and the record that it becomes.
pub(super) trait Row: Default + Sized + for<'de> Deserialize<'de> + 'static {
    /// What it becomes.
    type Record;
    /// Every field, and how its text is read.
    const FIELDS: &'static [Field<Self>];
    /// The field that every row has, and that no two rows share.
    const KEY: &'static str;

    /// What no other row of the file may be.
    fn key(&self) -> String;
    /// The record.
    fn record(self, provenance: Provenance) -> Self::Record;
}

/// A field's name and how its text is read.
pub(super) type Field<R> = (&'static str, fn(&mut R, &str) -> Result<(), String>);

/// Reads a text that is not empty into an optional field.
fn put<T: FromStr<Err = String>>(field: &mut Option<T>, text: &str) -> Result<(), String> {
    *field = if text.is_empty() { None } else { Some(text.parse()?) };
    Ok(())
}

fn text(field: &mut Option<String>, text: &str) -> Result<(), String> {
    *field = (!text.is_empty()).then(|| text.to_owned());
    Ok(())
}

impl Row for DeviceRow {
    type Record = ManagedDevice;
    const KEY: &'static str = "id";
    const FIELDS: &'static [Field<Self>] = &[
        ("id", |row, value| value.parse().map(|id| row.id = id)),
        ("userPrincipalName", |row, value| text(&mut row.user_principal_name, value)),
        ("emailAddress", |row, value| text(&mut row.email_address, value)),
        ("deviceName", |row, value| text(&mut row.device_name, value)),
        ("operatingSystem", |row, value| text(&mut row.operating_system, value)),
        ("osVersion", |row, value| text(&mut row.os_version, value)),
        ("osBuildNumber", |row, value| text(&mut row.os_build_number, value)),
        ("androidSecurityPatchLevel", |row, value| {
            put(&mut row.android_security_patch_level, value)
        }),
        ("model", |row, value| text(&mut row.model, value)),
        ("easDeviceId", |row, value| put(&mut row.eas_device_id, value)),
        ("isEncrypted", |row, value| put(&mut row.is_encrypted, value)),
        ("jailBroken", |row, value| put(&mut row.jail_broken, value)),
        ("passcodeCompliant", |row, value| put(&mut row.passcode_compliant, value)),
        ("managedDeviceOwnerType", |row, value| put(&mut row.managed_device_owner_type, value)),
        ("managementAgent", |row, value| put(&mut row.management_agent, value)),
        ("partnerReportedThreatState", |row, value| {
            put(&mut row.partner_reported_threat_state, value)
        }),
        ("complianceState", |row, value| put(&mut row.compliance_state, value)),
        ("complianceGracePeriodExpirationDateTime", |row, value| {
            put(&mut row.compliance_grace_period_expiration_date_time, value)
        }),
        ("lastSyncDateTime", |row, value| put(&mut row.last_sync_date_time, value)),
        ("enrolledDateTime", |row, value| put(&mut row.enrolled_date_time, value)),
    ];

    fn key(&self) -> String {
        self.id.0.clone()
    }

    fn record(self, provenance: Provenance) -> ManagedDevice {
        let instant = |instant: Option<Instant>| instant.and_then(|instant| instant.0);
        ManagedDevice {
            id: self.id.0,
            user_principal_name: self.user_principal_name.unwrap_or_default(),
            email_address: self.email_address.unwrap_or_default(),
            device_name: self.device_name.unwrap_or_default(),
            operating_system: self.operating_system.unwrap_or_default(),
            os_version: self.os_version.unwrap_or_default(),
            os_build: self.os_build_number.unwrap_or_default(),
            security_patch_level: self.android_security_patch_level.and_then(|level| level.0),
            model: self.model.unwrap_or_default(),
            eas_device_id: self.eas_device_id.and_then(|id| id.0),
            is_encrypted: self.is_encrypted.map(|flag| flag.0),
            jail_broken: self.jail_broken.and_then(|answer| answer.0),
            passcode_compliant: self.passcode_compliant.map(|flag| flag.0),
            owner_type: self.managed_device_owner_type.and_then(|owner| owner.0),
            management_agent: self.management_agent.and_then(|agent| agent.0),
            threat_state: self.partner_reported_threat_state.and_then(|threat| threat.0),
            compliance: self.compliance_state.map_or(ComplianceState::Unknown, |state| state.0),
            grace_until: instant(self.compliance_grace_period_expiration_date_time),
            last_check_in_at: instant(self.last_sync_date_time),
            enrolled_at: instant(self.enrolled_date_time),
            provenance,
        }
    }
}

impl Row for UserRow {
    type Record = User;
    const KEY: &'static str = "userPrincipalName";
    const FIELDS: &'static [Field<Self>] = &[
        ("userPrincipalName", |row, value| value.parse().map(|it| row.user_principal_name = it)),
        ("mail", |row, value| text(&mut row.mail, value)),
        ("otherMails", |row, value| put(&mut row.other_mails, value)),
        ("proxyAddresses", |row, value| put(&mut row.proxy_addresses, value)),
        ("displayName", |row, value| text(&mut row.display_name, value)),
        ("groups", |row, value| put(&mut row.groups, value)),
        ("licensed", |row, value| put(&mut row.licensed, value)),
    ];

    fn key(&self) -> String {
        self.user_principal_name.0.to_lowercase()
    }

    fn record(self, provenance: Provenance) -> User {
        let list = |names: Option<Names>| names.unwrap_or_default().0;
        // `SMTP:` is the primary address, `smtp:` any further one; `X500:` and others are no mail.
        let proxies = list(self.proxy_addresses).into_iter().filter_map(|address| {
            let (scheme, rest) = address.split_once(':')?;
            scheme.eq_ignore_ascii_case("smtp").then(|| rest.to_owned())
        });
        User {
            user_principal_name: self.user_principal_name.0,
            mail: self.mail.unwrap_or_default(),
            other_mails: list(self.other_mails).into_iter().chain(proxies).collect(),
            display_name: self.display_name.unwrap_or_default(),
            groups: list(self.groups),
            licensed: self.licensed.map(|flag| flag.0),
            provenance,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guide_names_every_property_that_is_read() {
        let guide = include_str!("../../../../docs/operating.md");
        let names = DeviceRow::FIELDS.iter().map(|(name, _)| *name);
        let names = names.chain(UserRow::FIELDS.iter().map(|(name, _)| *name));
        let missing: Vec<_> = names.filter(|name| !guide.contains(&format!("`{name}`"))).collect();
        assert!(missing.is_empty(), "docs/operating.md does not name {missing:?}");
    }
}
