//! The values that stand in files of records, in Graph's words. JSON and CSV read the same values the
//! same way.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use exgate_domain::ids::DeviceId;
use exgate_domain::record::{ComplianceState, ManagementAgent, OwnerType, ThreatState};

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
pub(super) struct EasId(pub(super) Option<DeviceId>);

impl FromStr for EasId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let id = (!text.is_empty()).then(|| text.parse()).transpose();
        id.map(Self).map_err(|error: exgate_domain::ids::InvalidId| error.to_string())
    }
}

/// True or false.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flag(pub(super) bool);

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
pub(super) struct JailBroken(pub(super) Option<bool>);

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
pub(super) struct State(pub(super) ComplianceState);

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

/// Android's security patch level; some MDMs send an empty text where there is none.
#[derive(Debug, Clone, Copy)]
pub(super) struct PatchLevel(pub(super) Option<Date>);

impl FromStr for PatchLevel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        text.parse().map(|day| Self(Some(day))).map_err(|_| {
            format!("{text:?} is not a security patch level (write a day such as 2026-03-05)")
        })
    }
}

/// A word of an enum of Graph's that grows: one that is not known here says nothing.
fn known<T: Copy>(words: &[(&str, T)], text: &str) -> Option<T> {
    words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)).map(|(_, value)| *value)
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $value:ident, $($word:literal => $variant:ident),+) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub(super) struct $name(pub(super) Option<$value>);

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                Ok(Self(known(&[$(($word, $value::$variant)),+], text)))
            }
        }
    };
}

words!(
    /// Graph's `managedDeviceOwnerType`.
    Owner, OwnerType, "company" => Company, "personal" => Personal
);
words!(
    /// Graph's `managementAgent`.
    Agent, ManagementAgent,
    "eas" => Eas,
    "mdm" => Mdm,
    "easMdm" => EasMdm,
    "intuneClient" => IntuneClient,
    "easIntuneClient" => EasIntuneClient,
    "configurationManagerClient" => ConfigurationManagerClient,
    "configurationManagerClientMdm" => ConfigurationManagerClientMdm,
    "configurationManagerClientMdmEas" => ConfigurationManagerClientMdmEas,
    "jamf" => Jamf,
    "googleCloudDevicePolicyController" => GoogleCloudDevicePolicyController
);
words!(
    /// Graph's `partnerReportedThreatState`.
    Threat, ThreatState,
    "activated" => Activated,
    "deactivated" => Deactivated,
    "secured" => Secured,
    "lowSeverity" => LowSeverity,
    "mediumSeverity" => MediumSeverity,
    "highSeverity" => HighSeverity,
    "unresponsive" => Unresponsive,
    "compromised" => Compromised,
    "misconfigured" => Misconfigured
);

/// An instant; Graph sends the year 1 where there is none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Instant(pub(super) Option<Timestamp>);

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
json!(PatchLevel, "a day such as 2026-03-05");
json!(Owner, "an owner type such as company");
json!(Agent, "a management agent such as mdm");
json!(Threat, "a threat state such as secured");
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
