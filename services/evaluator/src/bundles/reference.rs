//! The reference page of the policy documents: a hand-written part, and tables made of the JSON Schema,
//! which is made of the types. The page cannot say anything else than what is read.

use serde_json::{Map, Value};

use super::schema;
use crate::expressions::{Attribute, WORD_TYPES, WordType, attributes};

/// The hand-written part; `{{documents}}` and `{{parts}}` stand for what is made.
const TEMPLATE: &str = include_str!("reference.md");
/// The documents, in the order in which they are told.
const DOCUMENTS: [&str; 4] =
    ["ComplianceDocument", "AccessDocument", "OverlayDocument", "TestsDocument"];

/// The page, as text with a line break at its end.
fn page() -> String {
    let schema: Value = serde_json::from_str(&schema()).unwrap();
    let types = schema["$defs"].as_object().unwrap();
    let documents: Vec<_> = DOCUMENTS.iter().map(|name| section(name, types, 2)).collect();
    let parts: Vec<_> = parts(types).iter().map(|name| section(name, types, 3)).collect();
    TEMPLATE
        .replace("{{expressions}}", expressions().trim_end())
        .replace("{{documents}}", documents.join("\n").trim_end())
        .replace("{{parts}}", parts.join("\n").trim_end())
}

/// What expressions can ask for.
fn expressions() -> String {
    let mut lines = vec![
        "| attribute | what | value | ask with `has` |".to_owned(),
        "|---|---|---|---|".to_owned(),
    ];
    for attribute in attributes() {
        let Attribute { of, name, kind, is_optional, meaning, .. } = attribute;
        let first = if *is_optional { "first" } else { "no need" };
        let (of, kind) = (of.variable(), kind.type_name());
        lines.push(format!("| `{of}.{name}` | {meaning} | `{kind}` | {first} |"));
    }
    lines.extend([String::new(), "Words of closed lists are written with their type:".to_owned()]);
    lines.push(String::new());
    for WordType { name, words } in WORD_TYPES {
        let words: Vec<_> = words.iter().map(|word| format!("`{name}::\"{word}\"`")).collect();
        lines.push(format!("- {}", words.join(", ")));
    }
    lines.join("\n")
}

/// What documents are made of, in the order in which it is met.
fn parts(types: &Map<String, Value>) -> Vec<String> {
    let mut found: Vec<String> = DOCUMENTS.iter().map(|name| (*name).to_owned()).collect();
    let mut next = 0;
    while let Some(name) = found.get(next).cloned() {
        next += 1;
        for (key, _, value) in keys(&types[&name]) {
            let is_header = key == "apiVersion" || key == "kind";
            if let Some(name) = named(value).filter(|name| !is_header && !found.contains(name)) {
                found.push(name);
            }
        }
    }
    found.split_off(DOCUMENTS.len())
}

/// The type that a value, or each item of a list, has.
fn named(value: &Value) -> Option<String> {
    let reference = value.get("$ref").or_else(|| value.get("items")?.get("$ref"))?;
    reference.as_str()?.strip_prefix("#/$defs/").map(str::to_owned)
}

/// The keys of a type, in the order of the type.
fn keys(of: &Value) -> Vec<(&String, bool, &Value)> {
    let required = of.get("required").and_then(Value::as_array);
    let is_required = |key: &str| required.is_some_and(|all| all.iter().any(|it| it == key));
    let properties = of.get("properties").and_then(Value::as_object).into_iter().flatten();
    properties.map(|(key, value)| (key, is_required(key), value)).collect()
}

fn section(name: &str, types: &Map<String, Value>, level: usize) -> String {
    let of = &types[name];
    let title = of.get("title").and_then(Value::as_str).unwrap_or_else(|| title(name));
    let text = of.get("description").and_then(Value::as_str).unwrap_or_default();
    let mut lines = vec![format!("{} {title}", "#".repeat(level)), String::new()];
    if !text.is_empty() {
        lines.extend([text.to_owned(), String::new()]);
    }
    if of.get("properties").is_some() {
        lines.extend(
            ["| key | what | value | when left out |", "|---|---|---|---|"].map(str::to_owned),
        );
        lines.extend(keys(of).into_iter().map(|(key, is_required, value)| {
            let what = value.get("description").and_then(Value::as_str).unwrap_or_default();
            let what = what.replace('|', "\\|");
            let otherwise = if is_required { "required".to_owned() } else { otherwise(value) };
            format!("| `{key}` | {what} | {} | {otherwise} |", sort(value, types))
        }));
    } else {
        lines.extend(words(of));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// A type's name without what only the code needs.
fn title(name: &str) -> &str {
    name.strip_suffix("Document").or_else(|| name.strip_suffix("Word")).unwrap_or(name)
}

/// What sort of value a key has.
fn sort(value: &Value, types: &Map<String, Value>) -> String {
    if let Some(items) = value.get("items") {
        return format!("list of {}", sort(items, types));
    }
    if let Some(name) = named(value) {
        let of = &types[&name];
        return match of.get("oneOf").and_then(Value::as_array).map(Vec::as_slice) {
            Some([only]) => format!("`{}`", only["const"].as_str().unwrap_or_default()),
            Some(_) | None => {
                let title = title(&name);
                format!("[{title}](#{})", title.to_lowercase())
            }
        };
    }
    match value.get("type").and_then(Value::as_str) {
        Some("boolean") => "true or false".to_owned(),
        Some("integer") => "number".to_owned(),
        Some(_) | None => "text".to_owned(),
    }
}

fn otherwise(value: &Value) -> String {
    match value.get("default") {
        Some(Value::Bool(value)) => format!("`{value}`"),
        Some(Value::String(text)) if !text.is_empty() => format!("`{text}`"),
        Some(_) | None => String::new(),
    }
}

/// The words of a closed list, with what each says where it says more than its name.
fn words(of: &Value) -> Vec<String> {
    let list = |key: &str| of.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let told = list("oneOf").into_iter().map(|word| {
        let what = word.get("description").and_then(Value::as_str).unwrap_or_default();
        format!("- `{}`: {what}", text(&word["const"]))
    });
    let bare: Vec<_> = list("enum").iter().map(|word| format!("`{}`", text(word))).collect();
    told.chain((!bare.is_empty()).then(|| format!("One of {}.", bare.join(", ")))).collect()
}

/// `EXGATE_BLESS=1 cargo test -p exgate-evaluator published_reference` writes the page anew.
#[test]
fn the_published_reference_is_the_one_of_the_types() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/policies.md");
    if std::env::var_os("EXGATE_BLESS").is_some() {
        std::fs::write(path, page()).unwrap();
    }
    let published = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        published == page(),
        "docs/reference/policies.md is out of date; EXGATE_BLESS=1 cargo test -p exgate-evaluator \
         published_reference writes it anew"
    );
}

#[test]
fn every_key_of_every_document_is_in_the_reference() {
    let page = page();
    for key in ["osMinimumVersion", "includedGroups", "base", "noncompliantFor", "lastCheckIn"] {
        assert!(page.contains(&format!("| `{key}` | ")), "{key}");
    }
    for gap in ["{{", "| `` |", "]()", "#/$defs"] {
        assert!(!page.contains(gap), "{gap}");
    }
}
