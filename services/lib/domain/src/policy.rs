//! The company's policies as values. They are written as documents, checked and parsed by the
//! evaluator; nothing here knows a file.

mod version;
mod pattern;
mod compliance;
mod access;

pub use access::{
    AccessBySituation, AccessPolicy, ClassKind, DeviceLimit, Keep, LocalRule, Organizations,
    PlatformException, Selection,
};
pub use compliance::{
    CompliancePolicy, ComplianceRule, ExpressionRule, MdmVerdict, PlatformRequirements,
    VersionRange,
};
pub use pattern::{Pattern, trimmed};
pub use version::{Build, InvalidBuild, InvalidVersion, VERSION_PARTS_MAX, Version};

/// What to do with a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Access {
    /// Touch nothing.
    Leave,
    /// Let it in.
    Allow,
    /// Hold it.
    Quarantine,
    /// Keep it out.
    Block,
}

impl Access {
    /// All of them, from loose to strict.
    pub const ALL: [Self; 4] = [Self::Leave, Self::Allow, Self::Quarantine, Self::Block];

    /// Its word in policies and tests.
    pub fn word(self) -> &'static str {
        match self {
            Self::Leave => "leave",
            Self::Allow => "allow",
            Self::Quarantine => "quarantine",
            Self::Block => "block",
        }
    }

    /// Whether it keeps mail from a device.
    pub fn is_restriction(self) -> bool {
        matches!(self, Self::Quarantine | Self::Block)
    }
}
