//! Owns who hears of the rules that are tried. Nobody does where a million cases are decided; the words
//! are made only where somebody does.

use std::fmt;

use exgate_domain::decision::{Outcome, Tried};

use super::fact::Fact;
use crate::messages::Language;

/// Hears of every rule that is tried, in order.
pub(crate) trait Listener {
    /// One rule of a policy was tried. A fact names instants and values, never an age: the same facts
    /// give the same words at any time.
    fn tried(&mut self, policy: &str, rule: Rule<'_>, outcome: Outcome, fact: Fact<'_>);
}

/// The place of a rule in a policy document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule<'a> {
    /// A key of the document.
    Key(&'static str),
    /// A key below another one.
    Under(&'static str, &'static str),
    /// What is asked of a platform.
    Platform { platform: &'a str, key: &'static str },
    /// An item of a list, by its id or name.
    Item { list: &'static str, id: &'a str },
}

impl fmt::Display for Rule<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => f.write_str(key),
            Self::Under(outer, key) => write!(f, "{outer}.{key}"),
            Self::Platform { platform, key } => write!(f, "platforms.{platform}.{key}"),
            Self::Item { list, id } => write!(f, "{list}.{id}"),
        }
    }
}

/// Nobody.
#[derive(Debug)]
pub(crate) struct Silence;

impl Listener for Silence {
    #[inline]
    fn tried(&mut self, _: &str, _: Rule<'_>, _: Outcome, _: Fact<'_>) {}
}

/// Writes all of it down, in English.
#[derive(Debug, Default)]
pub(crate) struct Trace(pub(crate) Vec<Tried>);

impl Listener for Trace {
    fn tried(&mut self, policy: &str, rule: Rule<'_>, outcome: Outcome, fact: Fact<'_>) {
        self.0.push(in_words((policy, rule), outcome, fact, Language::English));
    }
}

/// One rule that was tried, as people read it.
pub(crate) fn in_words(
    (policy, rule): (&str, Rule<'_>),
    outcome: Outcome,
    fact: Fact<'_>,
    language: Language,
) -> Tried {
    Tried {
        policy: policy.to_owned(),
        rule: rule.to_string(),
        outcome,
        detail: fact.in_words(language),
    }
}
