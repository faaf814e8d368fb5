//! How domain values become columns: instants, spans, GUIDs, and the names of enum variants.

use jiff::{SignedDuration, Timestamp};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use exgate_domain::decision::{Compliance, Reason};
use exgate_domain::ids::{DeviceId, OrganizationId};
use exgate_domain::observation::{AccessState, Kind};
use exgate_domain::organization::Mode;
use exgate_domain::policy::Access;
use exgate_domain::sync::{SyncMode, Trigger};

use super::StoreError;

/// An enum whose variants are stored by name.
pub(super) trait Named: Sized + Copy + 'static {
    /// What is read, for an error.
    const WHAT: &'static str;
    /// Every variant.
    const ALL: &'static [Self];

    /// The name of the variant.
    fn name(self) -> &'static str;

    /// Reads a stored name.
    fn read(text: &str) -> Result<Self, StoreError> {
        let found = Self::ALL.iter().copied().find(|variant| variant.name() == text);
        found.ok_or_else(|| StoreError::damaged(Self::WHAT, text))
    }
}

macro_rules! named {
    ($type:ty, $what:literal, $($variant:ident),+) => {
        impl $crate::store::columns::Named for $type {
            const WHAT: &'static str = $what;
            const ALL: &'static [Self] = &[$(Self::$variant),+];

            fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => stringify!($variant)),+
                }
            }
        }
    };
}
pub(super) use named;

named!(Mode, "mode", Observe, Enforce);
named!(SyncMode, "sync mode", Quick, Full);
named!(Trigger, "trigger", Schedule, Manual, ReadBack);
named!(
    Kind,
    "kind of observation",
    Device,
    Mailbox,
    Settings,
    Rule,
    Server,
    DeviceClass,
    MailboxPolicy
);
named!(Access, "access", Leave, Allow, Quarantine, Block);
named!(Compliance, "compliance", Compliant, InGracePeriod, NotCompliant, Unknown, NotEvaluated);
named!(
    Reason,
    "reason",
    Compliant,
    NotCompliant,
    NotEnrolled,
    InGracePeriod,
    ComplianceUnknown,
    NotTargeted,
    OwnerUnknown,
    NotLicensed,
    OsVersionTooOld,
    OsVersionTooNew,
    PlatformNotAllowed,
    NotEncrypted,
    JailBroken,
    CheckInTooOld,
    MdmNotCompliant,
    RecordsUnavailable,
    OsBuildTooOld,
    OsBuildTooNew,
    OsVersionNotInRange,
    SecurityPatchTooOld,
    PasscodeMissing,
    ThreatLevelTooHigh,
    OwnerTypeNotAllowed,
    ManagementAgentNotAllowed,
    RuleNotMet,
    Escalated,
    Inactive,
    TooManyDevices,
    LocalRule,
    PlatformException,
    Protected
);

/// The class of an access state, for tallies and filters.
pub(super) fn state_name(state: &AccessState) -> &'static str {
    match state {
        AccessState::Unknown => "Unknown",
        AccessState::Allowed => "Allowed",
        AccessState::Blocked => "Blocked",
        AccessState::Quarantined => "Quarantined",
        AccessState::DeviceDiscovery => "DeviceDiscovery",
        AccessState::Unrecognised(_) => "Unrecognised",
    }
}

/// The names of reasons, parted by commas.
pub(super) fn join_reasons(reasons: &[Reason]) -> String {
    reasons.iter().map(|reason| reason.name()).collect::<Vec<_>>().join(",")
}

/// Reads what [`join_reasons`] wrote.
pub(super) fn part_reasons(text: &str) -> Result<Vec<Reason>, StoreError> {
    text.split(',').filter(|name| !name.is_empty()).map(Reason::read).collect()
}

/// Text as it is compared: without case.
pub(crate) fn folded(text: &str) -> String {
    text.trim().to_lowercase()
}

/// A list of GUIDs as one argument of a statement, read there with `json_each` and `unhex`.
pub(super) fn guid_list(guids: impl Iterator<Item = Uuid>) -> String {
    list(guids.map(|guid| guid.simple().to_string()))
}

/// A list of texts as one argument of a statement, read there with `json_each`.
pub(super) fn list(texts: impl Iterator<Item = String>) -> String {
    serde_json::Value::from_iter(texts).to_string()
}

/// A list of row ids as one argument of a statement, read there with `json_each`.
pub(super) fn id_list(ids: &[i64]) -> String {
    serde_json::Value::from_iter(ids.iter().copied()).to_string()
}

/// A count as a column.
pub(super) fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A span in whole milliseconds.
pub(super) fn span_ms(span: SignedDuration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// Typed access to the columns of a row.
pub(super) trait Columns {
    fn text(&self, name: &str) -> Result<String, StoreError>;
    fn bytes(&self, name: &str) -> Result<Vec<u8>, StoreError>;
    fn number(&self, name: &str) -> Result<u64, StoreError>;
    fn instant(&self, name: &str) -> Result<Timestamp, StoreError>;
    fn instant_or_none(&self, name: &str) -> Result<Option<Timestamp>, StoreError>;
    fn guid(&self, name: &str) -> Result<Uuid, StoreError>;
    fn guid_or_none(&self, name: &str) -> Result<Option<Uuid>, StoreError>;
    fn variant<T: Named>(&self, name: &str) -> Result<T, StoreError>;
    fn organization(&self) -> Result<OrganizationId, StoreError>;
    fn device_id(&self, name: &str) -> Result<DeviceId, StoreError>;
}

impl Columns for SqliteRow {
    fn text(&self, name: &str) -> Result<String, StoreError> {
        Ok(self.try_get(name)?)
    }

    fn bytes(&self, name: &str) -> Result<Vec<u8>, StoreError> {
        Ok(self.try_get(name)?)
    }

    fn number(&self, name: &str) -> Result<u64, StoreError> {
        let number: i64 = self.try_get(name)?;
        u64::try_from(number).map_err(|_| StoreError::damaged("number", number))
    }

    fn instant(&self, name: &str) -> Result<Timestamp, StoreError> {
        let ms: i64 = self.try_get(name)?;
        Timestamp::from_millisecond(ms).map_err(|_| StoreError::damaged("instant", ms))
    }

    fn instant_or_none(&self, name: &str) -> Result<Option<Timestamp>, StoreError> {
        let ms: Option<i64> = self.try_get(name)?;
        let read = |ms| Timestamp::from_millisecond(ms);
        ms.map(read).transpose().map_err(|error| StoreError::damaged("instant", error))
    }

    fn guid(&self, name: &str) -> Result<Uuid, StoreError> {
        let bytes: &[u8] = self.try_get(name)?;
        Uuid::from_slice(bytes).map_err(|error| StoreError::damaged("GUID", error))
    }

    fn guid_or_none(&self, name: &str) -> Result<Option<Uuid>, StoreError> {
        let bytes: Option<&[u8]> = self.try_get(name)?;
        let guid = bytes.map(Uuid::from_slice).transpose();
        guid.map_err(|error| StoreError::damaged("GUID", error))
    }

    fn variant<T: Named>(&self, name: &str) -> Result<T, StoreError> {
        T::read(self.try_get(name)?)
    }

    fn organization(&self) -> Result<OrganizationId, StoreError> {
        let text: &str = self.try_get("organization")?;
        text.parse().map_err(|error| StoreError::damaged("organization", error))
    }

    fn device_id(&self, name: &str) -> Result<DeviceId, StoreError> {
        let text: &str = self.try_get(name)?;
        text.parse().map_err(|error| StoreError::damaged("device id", error))
    }
}
