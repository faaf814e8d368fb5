//! Owns expressions in policies: typed when they are loaded, total when they run.

use exgate_domain::case::Case;
use exgate_domain::decision::Outcome;

/// An expression, checked against the facts of a case.
#[derive(Debug, Clone)]
pub(crate) struct Expression(());

/// Why an expression is refused.
#[derive(Debug)]
pub(crate) struct Mistake {
    pub(crate) message: String,
    pub(crate) suggestion: String,
}

impl Expression {
    pub(crate) fn compile(text: &str) -> Result<Self, Mistake> {
        Err(Mistake { message: format!("{text:?} cannot be compiled"), suggestion: String::new() })
    }

    pub(crate) fn holds(&self, facts: &mut Facts<'_>) -> Outcome {
        let _ = facts;
        Outcome::Unknown
    }
}

/// The facts of one case, made when the first expression asks for them.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    #[expect(dead_code, reason = "until expressions are evaluated")]
    case: &'a Case,
}

impl<'a> Facts<'a> {
    pub(crate) fn of(case: &'a Case) -> Self {
        Self { case }
    }
}
