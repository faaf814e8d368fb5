//! Who is targeted, and what their devices get.

use jiff::SignedDuration;

use crate::policy::{Access, Pattern};

/// Which organizations a policy is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Organizations {
    /// Every one (`"*"`) but these.
    AllBut(Vec<String>),
    /// Those with these names.
    Named(Vec<String>),
}

impl Organizations {
    /// Every one.
    pub const ALL: Self = Self::AllBut(Vec::new());

    /// Whether an organization is one of them.
    pub fn include(&self, organization: &str) -> bool {
        match self {
            Self::AllBut(names) => !names.iter().any(|name| name == organization),
            Self::Named(names) => names.iter().any(|name| name == organization),
        }
    }
}

/// What happens in each of the situations a device can be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessBySituation {
    /// No MDM knows the device.
    pub unmanaged: Access,
    /// An MDM knows it, but too little to tell whether it is compliant.
    pub unknown: Access,
    /// It does not meet a compliance policy.
    pub not_compliant: Access,
    /// It does not, but its grace period has not ended.
    pub in_grace_period: Access,
    /// Records are missing or too old. Never allow: old news lets nobody in.
    pub stale: Access,
    /// It would be allowed, and has not synchronised mail for too long.
    pub inactive: Access,
}

/// What a device class is named by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClassKind {
    /// Exchange's `DeviceType`.
    Family,
    /// Exchange's `DeviceModel`.
    Model,
}

/// What unmanaged devices of one class get, in place of what unmanaged devices get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformException {
    /// What the class is named by.
    pub kind: ClassKind,
    /// Its name, compared whole and without case, as a device access rule would.
    pub name: String,
    /// What its devices get.
    pub access: Access,
}

/// Which devices a local rule is about: those that every list with entries has an entry for. A fact
/// that is not known matches nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    /// ActiveSync ids.
    pub device_ids: Vec<Pattern>,
    /// `DeviceType`.
    pub device_types: Vec<Pattern>,
    /// `DeviceModel`.
    pub device_models: Vec<Pattern>,
    /// `DeviceOS`.
    pub device_oses: Vec<Pattern>,
    /// `DeviceUserAgent`.
    pub user_agents: Vec<Pattern>,
    /// Versions of the ActiveSync protocol.
    pub protocol_versions: Vec<Pattern>,
    /// Addresses of the owner: user principal name, mail, or the mailbox's primary address.
    pub users: Vec<Pattern>,
    /// Groups of the owner, by id or unique name.
    pub groups: Vec<String>,
    /// Distinguished names of organizational units that the mailbox lies under.
    pub organizational_units: Vec<String>,
}

/// A rule that decides by itself, before the records are looked at; the first that matches counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalRule {
    /// Its name within the policy.
    pub id: String,
    /// Which devices.
    pub selection: Selection,
    /// An expression that has to hold too, as written.
    pub when: Option<String>,
    /// What they get.
    pub access: Access,
}

/// Which devices of a mailbox with too many keep their access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Keep {
    /// Those that came first.
    First,
    /// Those that came last.
    Last,
}

/// How many devices a mailbox may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceLimit {
    /// The most; at least 1.
    pub maximum: u32,
    /// Which of too many keep their access.
    pub keep: Keep,
    /// What the others get.
    pub access: Access,
}

/// Who is targeted, and what they get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessPolicy {
    /// Its name.
    pub name: String,
    /// The lowest number whose groups target the owner decides.
    pub precedence: u32,
    /// Whether it is asked at all.
    pub enabled: bool,
    /// Which organizations it is for.
    pub organizations: Organizations,
    /// Groups whose members are targeted.
    pub included_groups: Vec<String>,
    /// Groups whose members are not, even when they are included.
    pub excluded_groups: Vec<String>,
    /// Whether the owner needs the licence.
    pub license_required: bool,
    /// Names of the compliance policies that all apply; the worst result counts.
    pub compliance_policies: Vec<String>,
    /// Whether a compliant device is allowed whatever Exchange's rules and default say (Graph
    /// `overrideDefaultRule`); otherwise it is left to them.
    pub override_default_rule: bool,
    /// What each situation leads to.
    pub access: AccessBySituation,
    /// When a device counts as inactive; none for never.
    pub inactive_after: Option<SignedDuration>,
    /// What unmanaged devices of some classes get.
    pub platform_exceptions: Vec<PlatformException>,
    /// Rules that decide by themselves, in order.
    pub local_rules: Vec<LocalRule>,
    /// How many devices a mailbox may have; none for any number.
    pub device_limit: Option<DeviceLimit>,
    /// People whose devices are never restricted by it, by address.
    pub protected_users: Vec<Pattern>,
    /// Groups whose members' devices are never restricted by it.
    pub protected_groups: Vec<String>,
}
