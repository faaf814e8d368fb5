//! Owns the list of cmdlets: which version has which, and their parameters. `table` holds the cmdlets,
//! `parameters` the parameters that many share and the settings of mailbox policies.
//!
//! Source: the cmdlet pages of MicrosoftDocs/office-docs-powershell; the class names are those of
//! public error transcripts where known, else of the same pattern.

mod parameters;
mod table;

use super::complaint::Complaint;
use super::{Call, Engine, Records};
use crate::world::organization::Version;

pub use parameters::{COMMON, Limit, PROTOCOLS, SETTINGS, Setting};

/// A cmdlet.
#[derive(Debug)]
pub struct Cmdlet {
    /// Its name.
    pub name: &'static str,
    /// Its class, as the error id prints it.
    pub class: &'static str,
    /// In which versions.
    pub since: Since,
    /// Its own parameters, the positional one first.
    pub parameters: &'static [Parameter],
    /// More of its own, where they are many and shared.
    pub more: &'static [Parameter],
    /// Whether Exchange has it on-premises only, as its page says.
    pub on_premises: bool,
    /// Parameters of sets that exclude one another: at most one of these groups may be sent.
    pub sets: &'static [&'static [&'static str]],
    /// Whether it asks before it acts, unless told not to (the `Remove-*` and `Clear-*` cmdlets).
    pub confirms: bool,
    /// What it does.
    pub run: Run,
}

/// What a bound cmdlet does; the error ends the pipeline.
pub type Run = fn(&Call) -> Result<Records, Complaint>;

/// A parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// In which versions.
    pub since: Since,
    /// Whether it must be sent.
    pub mandatory: bool,
    /// Whether it is the first positional one.
    pub positional: bool,
    /// Whether `$null` is one of its values.
    pub nullable: bool,
    /// Whether Exchange has it on-premises only, as the cmdlets' pages say.
    pub on_premises: bool,
}

/// What a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text, or anything that has one.
    Text,
    /// Present or not.
    Switch,
    /// True or false.
    Boolean,
    /// A number or `Unlimited`.
    Size,
    /// A multi-valued property: values or `@{Add;Remove}`.
    Multi,
    /// A multi-valued property of SMTP addresses.
    Addresses,
    /// Several texts.
    Texts,
    /// Several members of an enumeration, by name.
    Words(&'static [&'static str]),
    /// A whole number.
    Number,
    /// A member of an enumeration, by name.
    Word(&'static [&'static str]),
    /// A limit, or `Unlimited`.
    Limit(Limit),
}

/// In which versions something exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// 2010 and later.
    Always,
    /// 2013 and later.
    Modern,
    /// 2016 and later.
    Since2016,
    /// 2010 only.
    Gone,
}

impl Since {
    /// Says whether a version has it.
    pub fn holds(self, version: Version) -> bool {
        match self {
            Self::Always => true,
            Self::Modern => version.is_modern(),
            Self::Since2016 => version.is_since_2016(),
            Self::Gone => !version.is_modern(),
        }
    }
}

impl Kind {
    /// The .NET type that it is declared with.
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Text => "System.String",
            Self::Switch => "System.Management.Automation.SwitchParameter",
            Self::Boolean => "System.Boolean",
            Self::Size => "Microsoft.Exchange.Data.Unlimited`1[System.UInt32]",
            Self::Multi => "Microsoft.Exchange.Data.MultiValuedProperty`1[System.String]",
            Self::Addresses => {
                "Microsoft.Exchange.Data.MultiValuedProperty`1[Microsoft.Exchange.Data.SmtpAddress]"
            }
            Self::Texts => "System.String[]",
            Self::Words(_) => "System.Enum[]",
            Self::Number => "System.Int32",
            Self::Word(_) => "System.Enum",
            Self::Limit(Limit::Number) => "Microsoft.Exchange.Data.Unlimited`1[System.Int32]",
            Self::Limit(Limit::Span) => {
                "Microsoft.Exchange.Data.Unlimited`1[Microsoft.Exchange.Data.EnhancedTimeSpan]"
            }
            Self::Limit(Limit::Size) => {
                "Microsoft.Exchange.Data.Unlimited`1[Microsoft.Exchange.Data.ByteQuantifiedSize]"
            }
        }
    }
}

impl Cmdlet {
    /// The parameters that a server's Exchange has, the common ones excluded.
    pub fn parameters_of(&self, engine: &Engine) -> impl Iterator<Item = &'static Parameter> {
        let (version, hosted) = (engine.version, engine.hosted);
        self.parameters.iter().chain(self.more).filter(move |parameter| {
            parameter.since.holds(version) && !(hosted && parameter.on_premises)
        })
    }
}

/// A cmdlet of a server's Exchange, by name without regard to case.
pub fn find(name: &str, engine: &Engine) -> Option<&'static Cmdlet> {
    all(engine).find(|cmdlet| cmdlet.name.eq_ignore_ascii_case(name))
}

/// Every cmdlet of a server's Exchange.
pub fn all(engine: &Engine) -> impl Iterator<Item = &'static Cmdlet> {
    let (version, hosted) = (engine.version, engine.hosted);
    table::all()
        .filter(move |cmdlet| cmdlet.since.holds(version) && !(hosted && cmdlet.on_premises))
}
