//! Owns what is asked of an expression besides its types: its size, and nothing in it that is typed and
//! yet means something else than it says.

use std::sync::Arc;

use cedar_policy::Policy;
use cedar_policy::pst::{Clause, Expr, Literal, Var};

use super::attributes::{self, Of};
use super::scan::Rewritten;
use super::{Mistake, NODES_MAX, SET_ITEMS_MAX, schema};

/// Checks the size and the meaning of an expression; tells the attributes that it asks for, by number.
pub(super) fn check(policy: &Policy, text: &Rewritten) -> Result<u64, Mistake> {
    let parsed = policy.to_pst().map_err(|error| Mistake::new(error.to_string(), "", None))?;
    let mut attributes = 0;
    let mut nodes = 0;
    let clauses = parsed.body().clauses();
    let mut open: Vec<&Arc<Expr>> = clauses.iter().map(expression).collect();
    while let Some(node) = open.pop() {
        nodes += 1;
        if nodes > NODES_MAX {
            let message = format!("it has more than {NODES_MAX} parts");
            return Err(Mistake::new(message, "make several rules of it", None));
        }
        attributes |= one(node, text)?;
        children(node, &mut open);
    }
    Ok(attributes)
}

fn expression(clause: &Clause) -> &Arc<Expr> {
    match clause {
        Clause::When(expression) | Clause::Unless(expression) => expression,
    }
}

/// Checks one part by itself.
#[expect(clippy::wildcard_enum_match_arm, reason = "the library's own enum: the types are checked")]
fn one(node: &Expr, text: &Rewritten) -> Result<u64, Mistake> {
    match node {
        Expr::GetAttr { expr: _, attr } => Ok(attributes::numbers(attr)),
        Expr::HasAttr { expr, attrs } => has(expr, attrs.iter().map(AsRef::as_ref), text),
        Expr::Set(items) if items.len() > SET_ITEMS_MAX => {
            let message = format!("a list has {} items, more than {SET_ITEMS_MAX}", items.len());
            Err(Mistake::new(message, "make a group of it, or several lists", None))
        }
        Expr::Var(Var::Context) => {
            let message = "context stands there alone";
            Err(Mistake::new(message, "write one of its attributes", text.place_of("context")))
        }
        Expr::Literal(Literal::EntityUID(uid)) => {
            let name = uid.ty.to_string();
            let cure = match name.as_str() {
                schema::PERSON => "compare principal.userPrincipalName with a text",
                schema::DEVICE => "compare resource.deviceId with a text",
                "Action" => "leave it out: nothing else is ever asked",
                _ => return Ok(0),
            };
            let message = format!("{uid} is nothing that a case can be compared with");
            Err(Mistake::new(message, cure, text.place_of(&name)))
        }
        _ => Ok(0),
    }
}

/// A test for an attribute: of one that may be missing. The types take any other one for settled, and
/// what stands behind it would not be looked at.
#[expect(clippy::wildcard_enum_match_arm, reason = "the library's own enum: variables count")]
fn has<'a>(
    of: &Expr,
    mut names: impl Iterator<Item = &'a str>,
    text: &Rewritten,
) -> Result<u64, Mistake> {
    let of = match of {
        Expr::Var(Var::Principal) => Of::Principal,
        Expr::Var(Var::Resource) => Of::Resource,
        Expr::Var(Var::Context) => Of::Context,
        _ => {
            let cure = "write it of principal, resource or context";
            return Err(Mistake::new("has is written of something else", cure, None));
        }
    };
    let (Some(name), None) = (names.next(), names.next()) else {
        let cure = "write one attribute behind has";
        return Err(Mistake::new("has names more than one attribute", cure, None));
    };
    let place = text.place_of(name);
    let Some(attribute) = attributes::find(of, name) else {
        return Err(Mistake::no_attribute(of.variable(), name, place));
    };
    if attribute.is_optional {
        return Ok(attributes::numbers(name));
    }
    let message = format!("{}.{name} needs no has", of.variable());
    let cure = "take it out: where the text is not known, the whole expression is not";
    Err(Mistake::new(message, cure, place))
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the library's own enum: all with children")]
fn children<'a>(node: &'a Expr, open: &mut Vec<&'a Arc<Expr>>) {
    match node {
        // Its variable is looked at with it.
        Expr::GetAttr { expr, .. } | Expr::HasAttr { expr, .. }
            if matches!(**expr, Expr::Var(_)) => {}
        Expr::UnaryOp { expr, .. }
        | Expr::GetAttr { expr, .. }
        | Expr::HasAttr { expr, .. }
        | Expr::Like { expr, .. } => open.push(expr),
        Expr::BinaryOp { left, right, .. } => open.extend([left, right]),
        Expr::Is { expr, in_expr, .. } => {
            open.push(expr);
            open.extend(in_expr);
        }
        Expr::IfThenElse { cond, then_expr, else_expr } => {
            open.extend([cond, then_expr, else_expr]);
        }
        Expr::Set(items) => open.extend(items),
        Expr::Record(fields) => open.extend(fields.values()),
        _ => {}
    }
}
