//! Owns the check of an expression's types: strictly, against the schema of a case, which is made of the
//! one list of attributes.

use std::sync::LazyLock;

use cedar_policy::{
    Policy, PolicyId, PolicySet, Schema, ValidationMode, ValidationResult, ValidationWarning,
    Validator,
};

use super::attributes::{Of, attributes};
use super::scan::{GROUP, Rewritten};
use super::{Mistake, WORD_TYPES, tree};

/// The one thing that is asked.
pub(super) const ACTION: &str = "mail";
pub(super) const PERSON: &str = "User";
pub(super) const DEVICE: &str = "Device";

const BEFORE: &str = "permit(principal, action, resource) when {";
const AFTER: &str = "\n};";
const OPPOSITE: &str = "permit(principal, action, resource) when { !(";
const AFTER_OPPOSITE: &str = "\n)};";

/// What the check of an expression tells.
pub(super) struct Checked {
    /// The attributes that it asks for, by number.
    pub(super) attributes: u64,
    /// Whether it holds whatever the case.
    pub(super) always_holds: bool,
}

/// Checks a text that is an expression.
pub(super) fn check(text: &Rewritten) -> Result<Checked, Mistake> {
    static VALIDATOR: LazyLock<Result<Validator, String>> = LazyLock::new(|| {
        let schema = Schema::from_cedarschema_str(&schema()).map_err(|error| error.to_string())?;
        Ok(Validator::new(schema.0))
    });
    let validator = VALIDATOR.as_ref().map_err(|error| Mistake::new(error, "", None))?;
    let policy = format!("{BEFORE}{}{AFTER}", text.text);
    let policy = Policy::parse(Some(PolicyId::new("rule")), &policy)
        .map_err(|errors| Mistake::of_syntax(&errors, text, BEFORE.len()))?;
    let attributes = tree::check(&policy, text)?;
    let policies = PolicySet::from_policies([policy])
        .map_err(|error| Mistake::new(error.to_string(), "", None))?;
    let result = validator.validate(&policies, ValidationMode::Strict);
    if let Some(error) = result.validation_errors().next() {
        return Err(Mistake::of_types(error, text, BEFORE.len()));
    }
    if is_impossible(&result) {
        let cure = "take it out, or write what has to hold";
        return Err(Mistake::new("it can never hold", cure, None));
    }
    // The library tells what can never hold, so that the opposite is asked about.
    let opposite = format!("{OPPOSITE}{}{AFTER_OPPOSITE}", text.text);
    let opposite = Policy::parse(Some(PolicyId::new("rule")), &opposite).ok();
    let opposite = opposite.and_then(|policy| PolicySet::from_policies([policy]).ok());
    let always_holds = opposite.is_some_and(|policies| {
        is_impossible(&validator.validate(&policies, ValidationMode::Strict))
    });
    Ok(Checked { attributes, always_holds })
}

fn is_impossible(result: &ValidationResult) -> bool {
    let is_impossible =
        |warning: &ValidationWarning| matches!(warning, ValidationWarning::ImpossiblePolicy(_));
    result.validation_warnings().any(is_impossible)
}

/// The schema of a case.
fn schema() -> String {
    let words = WORD_TYPES.map(|of| {
        let quoted: Vec<_> = of.words.iter().map(|word| format!("\"{word}\"")).collect();
        format!("entity {} enum [{}];\n", of.name, quoted.join(", "))
    });
    let [person, device, context] = Of::ALL.map(record);
    format!(
        "entity {GROUP};\n{}entity {PERSON} in [{GROUP}] {{ {person} }};\n\
         entity {DEVICE} {{ {device} }};\n\
         action {ACTION} appliesTo {{\n\
         principal: {PERSON}, resource: {DEVICE}, context: {{ {context} }}\n}};\n",
        words.concat()
    )
}

fn record(of: Of) -> String {
    let attributes = attributes().filter(|attribute| attribute.of == of);
    let attribute = attributes.map(|attribute| {
        let optional = if attribute.is_optional { "?" } else { "" };
        format!("{}{optional}: {}", attribute.name, attribute.kind.type_name())
    });
    attribute.collect::<Vec<_>>().join(", ")
}
