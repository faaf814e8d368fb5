//! What a cmdlet can be told. Every value travels typed, never as script text, and the values that
//! would be dangerous when empty or unbounded cannot be made.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use uuid::Uuid;

/// One named argument of a cmdlet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// The parameter's name without its dash.
    pub name: &'static str,
    /// What it is set to.
    pub argument: Argument,
}

/// The value of one argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    /// A string; enumeration members and `Unlimited` travel so too.
    Text(String),
    /// A whole number.
    Number(u32),
    /// `$true` or `$false`.
    Boolean(bool),
    /// `$null`: back to the default.
    Null,
    /// Several strings, in place of whatever there was.
    List(Vec<String>),
    /// `@{Add=..;Remove=..}`: changes a multi-valued property in place (cmdlet page `Set-CASMailbox`).
    Edit(Edit),
}

/// A change of a multi-valued property that leaves every value it does not name where it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Edit {
    /// The values to add.
    pub add: Vec<String>,
    /// The values to remove.
    pub remove: Vec<String>,
}

impl Edit {
    /// Whether nothing would change.
    pub fn is_empty(&self) -> bool {
        self.add.is_empty() && self.remove.is_empty()
    }
}

/// The name of exactly one object. Never empty and never a pattern: on an empty `-Identity` a Get
/// cmdlet returns *every* object, which every Get page of the reference warns of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity(String);

/// Why a text names no single object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// It is empty, blank, or a GUID of zeros.
    #[error("an identity must not be empty")]
    Empty,
    /// It holds a wildcard or a control character.
    #[error("'{text}' holds a wildcard or a control character and names no single object")]
    Malformed {
        /// The text as it was given.
        text: String,
    },
}

impl Identity {
    /// Takes any form that Exchange accepts: GUID, distinguished name, address, alias,
    /// `DOMAIN\name` (cmdlet page `Get-MobileDevice`, `-Mailbox`).
    pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
        name(text.into()).map(Self)
    }

    /// The identity as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<Uuid> for Identity {
    type Error = NameError;

    fn try_from(guid: Uuid) -> Result<Self, Self::Error> {
        if guid.is_nil() { Err(NameError::Empty) } else { Ok(Self(guid.to_string())) }
    }
}

impl FromStr for Identity {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The full name of a domain controller, to which a run is pinned so that all its answers come from
/// one copy of the directory.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DomainController(String);

impl DomainController {
    /// Takes the controller's name, such as `dc01.example.com`.
    pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
        name(text.into()).map(Self)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How many objects a Get cmdlet may return. There is no default: Exchange's own default of 1000
/// silently cuts an inventory short (cmdlet page `Get-MobileDevice`, `-ResultSize`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResultSize {
    /// The literal `Unlimited`.
    Unlimited,
    /// At most this many; more give a warning.
    AtMost(NonZeroU32),
}

impl From<ResultSize> for Argument {
    fn from(size: ResultSize) -> Self {
        match size {
            ResultSize::Unlimited => Self::Text("Unlimited".to_owned()),
            ResultSize::AtMost(count) => Self::Number(count.get()),
        }
    }
}

impl From<Identity> for Argument {
    fn from(identity: Identity) -> Self {
        Self::Text(identity.0)
    }
}

impl From<DomainController> for Argument {
    fn from(controller: DomainController) -> Self {
        Self::Text(controller.0)
    }
}

fn name(text: String) -> Result<String, NameError> {
    if text.trim().is_empty() || Uuid::try_parse(text.trim()).is_ok_and(|guid| guid.is_nil()) {
        Err(NameError::Empty)
    } else if text.contains('*') || text.chars().any(char::is_control) {
        Err(NameError::Malformed { text })
    } else {
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_that_would_return_everything_cannot_be_made() {
        for text in ["", " ", "\t", "00000000-0000-0000-0000-000000000000"] {
            assert_eq!(Identity::new(text), Err(NameError::Empty), "{text:?}");
            assert_eq!(DomainController::new(text), Err(NameError::Empty), "{text:?}");
        }
        assert_eq!(Identity::try_from(Uuid::nil()), Err(NameError::Empty));
        for text in ["*", "user*", "a\nb"] {
            assert!(matches!(Identity::new(text), Err(NameError::Malformed { .. })), "{text:?}");
        }
        assert_eq!(Identity::new("EXAMPLE\\jane").unwrap().as_str(), "EXAMPLE\\jane");
    }

    #[test]
    fn unlimited_travels_as_its_word() {
        assert_eq!(Argument::from(ResultSize::Unlimited), Argument::Text("Unlimited".into()));
        let one = ResultSize::AtMost(NonZeroU32::MIN);
        assert_eq!(Argument::from(one), Argument::Number(1));
    }
}
