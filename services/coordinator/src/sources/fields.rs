//! The fields of a record as they are written in files, in Graph's words; `groups` and `licensed` are
//! ours. JSON and CSV read the same values the same way.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use exgate_domain::ids::DeviceId;
use exgate_domain::record::{ComplianceState, ManagedDevice, Provenance, User};

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
    pub(super) model: Option<String>,
    #[serde(default)]
    pub(super) eas_device_id: Option<EasId>,
    #[serde(default)]
    pub(super) is_encrypted: Option<Flag>,
    #[serde(default)]
    pub(super) jail_broken: Option<JailBroken>,
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
        ("model", |row, value| text(&mut row.model, value)),
        ("easDeviceId", |row, value| put(&mut row.eas_device_id, value)),
        ("isEncrypted", |row, value| put(&mut row.is_encrypted, value)),
        ("jailBroken", |row, value| put(&mut row.jail_broken, value)),
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
            model: self.model.unwrap_or_default(),
            eas_device_id: self.eas_device_id.and_then(|id| id.0),
            is_encrypted: self.is_encrypted.map(|flag| flag.0),
            jail_broken: self.jail_broken.and_then(|answer| answer.0),
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

/// A text that has to be given.
#[derive(Debug, Clone, Default)]
pub(super) struct Name(pub(super) String);

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "" => Err("it is empty (every row needs one)".to_owned()),
            text => Ok(Self(text.to_owned())),
        }
    }
}

/// An ActiveSync id; Graph sends an empty text where there is none.
#[derive(Debug, Clone)]
pub(super) struct EasId(Option<DeviceId>);

impl FromStr for EasId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let id = (!text.is_empty()).then(|| text.parse()).transpose();
        id.map(Self).map_err(|error: exgate_domain::ids::InvalidId| error.to_string())
    }
}

/// True or false.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flag(bool);

impl FromStr for Flag {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "true" | "True" | "TRUE" => Ok(Self(true)),
            "false" | "False" | "FALSE" => Ok(Self(false)),
            _ => Err(format!("{text:?} is neither true nor false (write one of them)")),
        }
    }
}

/// Graph's `jailBroken` is a text: `True`, `False` or `Unknown`.
#[derive(Debug, Clone, Copy)]
pub(super) struct JailBroken(Option<bool>);

impl FromStr for JailBroken {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "" | "unknown" | "Unknown" => Ok(Self(None)),
            other => match other.parse::<Flag>() {
                Ok(Flag(flag)) => Ok(Self(Some(flag))),
                Err(_) => {
                    Err(format!("{text:?} is not True, False or Unknown (write one of them)"))
                }
            },
        }
    }
}

/// Graph's `complianceState`.
#[derive(Debug, Clone, Copy)]
pub(super) struct State(ComplianceState);

const STATES: [(&str, ComplianceState); 7] = [
    ("unknown", ComplianceState::Unknown),
    ("compliant", ComplianceState::Compliant),
    ("noncompliant", ComplianceState::Noncompliant),
    ("conflict", ComplianceState::Conflict),
    ("error", ComplianceState::Error),
    ("inGracePeriod", ComplianceState::InGracePeriod),
    ("configManager", ComplianceState::ConfigManager),
];

impl FromStr for State {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = STATES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
        found.map(|(_, state)| Self(*state)).ok_or_else(|| {
            let names: Vec<_> = STATES.iter().map(|(name, _)| *name).collect();
            format!("{text:?} is not a compliance state (write one of {})", names.join(", "))
        })
    }
}

/// An instant; Graph sends the year 1 where there is none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Instant(Option<Timestamp>);

impl FromStr for Instant {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with("0001-01-01") {
            return Ok(Self(None));
        }
        text.parse().map(|instant| Self(Some(instant))).map_err(|_| {
            format!("{text:?} is not an instant of RFC 3339 (write it as 2026-01-31T23:59:59Z)")
        })
    }
}

/// A list of texts; in CSV one cell, parted by semicolons.
#[derive(Debug, Clone, Default)]
pub(super) struct Names(pub(super) Vec<String>);

impl FromStr for Names {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = text.split(';').map(str::trim).filter(|name| !name.is_empty());
        Ok(Self(names.map(str::to_owned).collect()))
    }
}

/// Reads a value out of JSON: from text, and from true and false where `bool` names a variant.
macro_rules! json {
    ($type:ident, $what:literal $(, $from_bool:expr)?) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Reader;

                impl Visitor<'_> for Reader {
                    type Value = $type;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($what)
                    }

                    fn visit_str<E: Error>(self, text: &str) -> Result<$type, E> {
                        text.parse().map_err(E::custom)
                    }

                    $(fn visit_bool<E: Error>(self, flag: bool) -> Result<$type, E> {
                        Ok($from_bool(flag))
                    })?
                }

                deserializer.deserialize_any(Reader)
            }
        }
    };
}

json!(Name, "a text");
json!(EasId, "an ActiveSync id");
json!(Flag, "true or false", Flag);
json!(JailBroken, "True, False or Unknown", |flag| JailBroken(Some(flag)));
json!(State, "a compliance state");
json!(Instant, "an instant such as 2026-01-31T23:59:59Z");

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Names;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of texts such as [\"one\", \"two\"]")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Names, A::Error> {
                let mut names = Vec::new();
                while let Some(name) = items.next_element::<String>()? {
                    names.push(name);
                }
                Ok(Names(names))
            }
        }

        deserializer.deserialize_seq(Reader)
    }
}
