//! The published JSON Schema of the `Organization` document.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use serde_json::Value;

use super::documents::OrganizationDocument;

/// The JSON Schema of an `Organization` document, as text with a line break at its end.
pub fn schema() -> String {
    let settings = SchemaSettings::draft2020_12().with_transform(RecursiveTransform(tidy));
    let schema = settings.into_generator().into_root_schema_for::<OrganizationDocument>();
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

    /// `EXGATE_BLESS=1 cargo test -p exgate-coordinator published_schema` writes the file anew.
    #[test]
    fn the_published_schema_is_the_one_of_the_types() {
        let path =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/organization.schema.json");
        if std::env::var_os("EXGATE_BLESS").is_some() {
            std::fs::write(path, schema()).unwrap();
        }
        let published = std::fs::read_to_string(path).unwrap_or_default();
        // The order of keys follows what else is built.
        let value = |text: &str| serde_json::from_str::<Value>(text).ok();
        assert!(
            value(&published) == value(&schema()),
            "docs/reference/organization.schema.json is out of date; EXGATE_BLESS=1 cargo test \
             -p exgate-coordinator published_schema writes it anew"
        );
    }
}
