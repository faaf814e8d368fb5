//! Owns where the values of a document stand, by key. Only who shows them to people needs all of them,
//! so that they are looked for when they are asked for.

use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::PolicyFile;
use super::compiled::Where;
use super::diagnostic::Position;
use super::text;

/// The places of the values of one document, such as that of `access.unmanaged`.
#[derive(Debug, Default)]
pub(crate) struct Places(HashMap<String, Position>);

impl Places {
    /// Those of the document that something stands in.
    pub(crate) fn of(files: &[PolicyFile], within: &Where) -> Self {
        let file = files.iter().find(|file| file.path == within.path);
        let text = file.and_then(|file| std::str::from_utf8(&file.content).ok());
        let Some((value, lines_before)) =
            text.and_then(|text| text::document_at::<Value>(text, within.at.line))
        else {
            return Self::default();
        };
        let mut places = Self::default();
        places.add("", &value, lines_before);
        places
    }

    fn add(&mut self, outer: &str, value: &Value, lines_before: u32) {
        for (step, value) in &value.0 {
            let key = match step {
                Step::Key(key) if outer.is_empty() => key.clone(),
                Step::Key(key) => format!("{outer}.{key}"),
                Step::Item(number) => format!("{outer}[{number}]"),
            };
            self.add(&key, &value.value, lines_before);
            self.0.insert(key, Position::in_file(value.referenced, lines_before));
        }
    }

    /// The line of a value; none for one that is not written.
    pub(crate) fn line(&self, key: &str) -> Option<u32> {
        self.0.get(key).map(|place| place.line)
    }
}

/// A step into a value.
#[derive(Debug)]
enum Step {
    Key(String),
    Item(usize),
}

/// Any value: what is in it, and where.
#[derive(Debug)]
struct Value(Vec<(Step, Spanned<Value>)>);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some((key, value)) = map.next_entry()? {
            all.push((Step::Key(key), value));
        }
        Ok(Value(all))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(value) = items.next_element()? {
            all.push((Step::Item(all.len()), value));
        }
        Ok(Value(all))
    }

    fn visit_str<E>(self, _: &str) -> Result<Value, E> {
        Ok(Value(Vec::new()))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Value, E> {
        Ok(Value(Vec::new()))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Value, E> {
        Ok(Value(Vec::new()))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Value, E> {
        Ok(Value(Vec::new()))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value, E> {
        Ok(Value(Vec::new()))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value(Vec::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "a: 1\n---\n# b\nname: b\naccess:\n  unmanaged: block\n  stale: true\n\
                        list:\n  - id: x\n    when: 'a\n    b'\n  - { id: y, n: 1.5 }\nempty:\n";

    #[test]
    fn every_value_has_its_line_in_the_file() {
        let files = [PolicyFile { path: "p.yaml".to_owned(), content: TEXT.into() }];
        let at = |path: &str, line| {
            let path = path.to_owned();
            Places::of(&files, &Where { path, at: Position { line, column: 7 } })
        };
        let places = at("p.yaml", 4);
        let lines = [
            ("name", 4),
            ("access.unmanaged", 6),
            ("access.stale", 7),
            ("list[0].when", 10),
            ("list[1].id", 12),
            ("list[1]", 12),
        ];
        for (key, line) in lines {
            assert_eq!(places.line(key), Some(line), "{key}");
        }
        assert_eq!((places.line("a"), at("p.yaml", 1).line("a")), (None, Some(1)));
        assert_eq!(at("q.yaml", 1).line("a"), None);
    }
}
