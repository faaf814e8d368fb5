//! Owns expressions in policies: what stands after `when` in Cedar, typed against the facts of a case
//! when it is loaded, and total when it runs. There are no loops, no clock and no function that reads a
//! text at run time, and size and nesting are limited, so that the cost of every expression is bounded.
//!
//! An expression that cannot be evaluated never counts as satisfied: where a fact is missing that is not
//! asked for with `has`, it is unknown; where a number overflows, it is not satisfied.

mod attributes;
mod facts;
mod mistake;
mod scan;
mod schema;
mod tree;
mod words;

pub use attributes::{Attribute, Kind, Of, attributes};
pub(crate) use facts::{Asked, Facts};
pub(crate) use mistake::Mistake;
pub(crate) use scan::NamedGroup;
pub use words::{WORD_TYPES, WordType};

use std::str::FromStr;

use cedar_policy::{EvalResult, EvaluationError};

use exgate_domain::decision::Outcome;

use scan::Rewritten;

/// The most characters of an expression.
pub const TEXT_CHARS_MAX: usize = 4_000;
/// The deepest nesting of brackets and of `if` in an expression.
pub const NESTING_MAX: usize = 24;
/// The most operators in an expression: `&&`, `||`, `+`, `-`, `*` and the dots before attributes.
pub const OPERATORS_MAX: usize = 150;
/// The most operators, operands and items of lists in an expression.
pub const NODES_MAX: usize = 1_000;
/// The most items of one list in an expression.
pub const SET_ITEMS_MAX: usize = 200;

/// The stack that reading an expression within these limits may take, and evaluating one. Where less is
/// left, they get one of their own: what an expression says does not depend on who asks.
const READING_STACK_BYTES: usize = 16 * 1024 * 1024;
const EVALUATION_STACK_BYTES: usize = 1024 * 1024;

/// An expression, checked against the facts of a case.
#[derive(Debug, Clone)]
pub(crate) struct Expression {
    checked: cedar_policy::Expression,
    asked: Asked,
    groups: Vec<NamedGroup>,
    always_holds: bool,
}

impl Expression {
    /// Reads an expression and checks it against the schema of a case.
    pub(crate) fn compile(text: &str) -> Result<Self, Mistake> {
        let rewritten = scan::rewrite(text)?;
        let stack = READING_STACK_BYTES;
        stacker::maybe_grow(stack, stack, || Self::read(rewritten))
    }

    fn read(rewritten: Rewritten) -> Result<Self, Mistake> {
        let checked = cedar_policy::Expression::from_str(&rewritten.text)
            .map_err(|errors| Mistake::of_syntax(&errors, &rewritten, 0))?;
        let schema::Checked { attributes, always_holds } = schema::check(&rewritten)?;
        let Rewritten { groups, .. } = rewritten;
        Ok(Self { checked, asked: Asked::new(attributes, &groups), groups, always_holds })
    }

    /// The groups that it names.
    pub(crate) fn groups(&self) -> &[NamedGroup] {
        &self.groups
    }

    /// Whether its types alone say that it holds, whatever the case.
    pub(crate) fn always_holds(&self) -> bool {
        self.always_holds
    }

    /// What it asks for.
    pub(crate) fn asked(&self) -> &Asked {
        &self.asked
    }

    /// Whether it holds for a case.
    pub(crate) fn holds(&self, facts: &mut Facts<'_>) -> Outcome {
        let Some((request, entities)) = facts.prepared(&self.asked) else {
            return Outcome::Unknown;
        };
        let stack = EVALUATION_STACK_BYTES;
        stacker::maybe_grow(stack, 2 * stack, || {
            match cedar_policy::eval_expression(request, entities, &self.checked) {
                Ok(EvalResult::Bool(true)) => Outcome::Satisfied,
                // Anything but a truth value is refused when the expression is loaded.
                Ok(_) => Outcome::NotSatisfied,
                Err(error) => failed(&error),
            }
        })
    }
}

/// What an expression comes to that cannot be evaluated.
#[expect(clippy::wildcard_enum_match_arm, reason = "the library's own enum: never satisfied")]
fn failed(error: &EvaluationError) -> Outcome {
    match error {
        // A text that nobody knows: its attribute is left out.
        EvaluationError::EntityAttrDoesNotExist(_) | EvaluationError::RecordAttrDoesNotExist(_) => {
            Outcome::Unknown
        }
        _ => Outcome::NotSatisfied,
    }
}

#[cfg(test)]
mod tests;
