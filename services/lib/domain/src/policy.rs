//! The company's policies as values. They are written as documents, checked and parsed by the
//! evaluator; nothing here knows a file.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use jiff::SignedDuration;

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

/// The most parts a [`Version`] has, as Windows builds do.
pub const VERSION_PARTS_MAX: usize = 4;

/// A dotted version, compared number by number: 17.10 is later than 17.9, and 17 equals 17.0.
#[derive(Debug, Clone)]
pub struct Version(Vec<u32>);

/// The text is not one to four numbers parted by dots.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a version of one to four numbers such as 17.4")]
pub struct InvalidVersion(pub String);

impl Version {
    /// The part at `index`, 0 where none was written.
    fn part(&self, index: usize) -> u32 {
        self.0.get(index).copied().unwrap_or(0)
    }
}

impl FromStr for Version {
    type Err = InvalidVersion;

    fn from_str(text: &str) -> Result<Self, InvalidVersion> {
        let refuse = || InvalidVersion(text.to_owned());
        let number = |part: &str| part.parse::<u32>().map_err(|_| refuse());
        let parts = text.trim().split('.').map(number).collect::<Result<Vec<_>, _>>()?;
        if parts.len() <= VERSION_PARTS_MAX { Ok(Self(parts)) } else { Err(refuse()) }
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        (0..VERSION_PARTS_MAX)
            .map(|index| self.part(index).cmp(&other.part(index)))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Version {}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(".")?;
            }
            write!(f, "{part}")?;
        }
        Ok(())
    }
}

/// What one platform must meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformRequirements {
    /// The record's `operatingSystem`, compared without case.
    pub platform: String,
    /// Oldest version that is good enough.
    pub os_minimum: Option<Version>,
    /// Newest version that is accepted.
    pub os_maximum: Option<Version>,
    /// Whether storage has to be encrypted.
    pub require_encryption: bool,
    /// Whether a jailbroken or rooted device fails.
    pub refuse_jailbroken: bool,
}

/// When a device counts as compliant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompliancePolicy {
    /// Its name.
    pub name: String,
    /// Requirements by platform; a platform that is not listed is not compliant.
    pub platforms: Vec<PlatformRequirements>,
    /// Longest time since the device last talked to its MDM.
    pub last_check_in_max: Option<SignedDuration>,
    /// How long a device that stopped being compliant keeps its access; zero for not at all.
    pub grace_period: SignedDuration,
}

/// Which organizations a policy is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Organizations {
    /// Every one (`"*"`).
    All,
    /// Those with these names.
    Named(Vec<String>),
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
}

/// Who is targeted, and what they get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessPolicy {
    /// Its name.
    pub name: String,
    /// The lowest number whose groups target the owner decides.
    pub precedence: u32,
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
    /// What each situation leads to.
    pub access: AccessBySituation,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers_not_text() {
        let version = |text: &str| text.parse::<Version>().unwrap();
        assert!(version("17.10") > version("17.9"));
        assert_eq!(version("17"), version("17.0.0.0"));
        assert!(version("10.0.19045.3570") < version("10.0.22631"));
        for text in ["", "17.", "17.4b", "1.2.3.4.5", "-1", "17,4"] {
            assert!(text.parse::<Version>().is_err(), "{text:?}");
        }
    }
}
