//! Owns the check of an expression's types: strictly, against the schema of a case, which is made of the
//! one list of attributes.

use std::sync::LazyLock;

use cedar_policy::{
    Policy, PolicyId, PolicySet, Schema, ValidationMode, ValidationWarning, Validator,
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

/// Checks a text that is an expression, and tells which attributes it asks for, by number.
pub(super) fn check(text: &Rewritten) -> Result<u64, Mistake> {
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
    let is_impossible =
        |warning: &ValidationWarning| matches!(warning, ValidationWarning::ImpossiblePolicy(_));
    if result.validation_warnings().any(is_impossible) {
        let cure = "take it out, or write what has to hold";
        return Err(Mistake::new("it can never hold", cure, None));
    }
    Ok(attributes)
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
