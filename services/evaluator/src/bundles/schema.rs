//! Owns the published JSON Schema of the policy documents.

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde_json::Value;

use crate::bundles::document::{
    AccessDocument, ComplianceDocument, OverlayDocument, TestsDocument,
};

/// A policy document.
#[derive(JsonSchema)]
#[schemars(untagged, title = "exgate policy document")]
#[expect(dead_code, reason = "only its schema is used")]
enum Document {
    Compliance(Box<ComplianceDocument>),
    Access(Box<AccessDocument>),
    Overlay(Box<OverlayDocument>),
    Tests(Box<TestsDocument>),
}

/// The JSON Schema of one policy document, as text with a line break at its end.
pub fn schema() -> String {
    let settings = SchemaSettings::draft2020_12().with_transform(RecursiveTransform(tidy));
    let schema = settings.into_generator().into_root_schema_for::<Document>();
    format!("{:#}\n", schema.as_value())
}

/// Takes out the default of what may be left out but not be empty, and the line breaks of comments.
fn tidy(schema: &mut Schema) {
    if schema.get("default").is_some_and(Value::is_null) {
        schema.remove("default");
    }
    if let Some(Value::String(text)) = schema.get_mut("description") {
        *text = text.replace('\n', " ");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `EXGATE_BLESS=1 cargo test -p exgate-evaluator published_schema` writes the file anew.
    #[test]
    fn the_published_schema_is_the_one_of_the_types() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/policy.schema.json");
        if std::env::var_os("EXGATE_BLESS").is_some() {
            std::fs::write(path, schema()).unwrap();
        }
        let published = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            published == schema(),
            "docs/reference/policy.schema.json is out of date; EXGATE_BLESS=1 cargo test -p \
             exgate-evaluator published_schema writes it anew"
        );
    }
}
