//! Records out of JSON: a list of objects, or Graph's answer with the list as its `value`. What Graph
//! says and we do not read is skipped; a property that looks like one of ours misspelt is not.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_path_to_error::{Path, Segment};

use super::fields::Row;
use super::problem::{Problem, meant};

/// Graph's answer.
#[derive(Deserialize)]
struct Envelope<T> {
    value: Vec<T>,
    #[serde(rename = "@odata.nextLink", default)]
    next: Option<IgnoredAny>,
}

/// Reads the rows of one file.
pub(super) fn read<R: Row>(file: &str, content: &[u8]) -> Result<Vec<R>, Problem> {
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    let wrapped = content.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    if !wrapped {
        typed::<Vec<Names<R>>>(file, content)?;
        return typed(file, content);
    }
    typed::<Envelope<Names<R>>>(file, content)?;
    let envelope: Envelope<R> = typed(file, content)?;
    if envelope.next.is_some() {
        let message = "it is one page of several, as @odata.nextLink says (put all pages together)";
        return Err(Problem::of_file(file, message));
    }
    Ok(envelope.value)
}

fn typed<T: DeserializeOwned>(file: &str, content: &[u8]) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(content);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let key = key(error.path());
        problem(file, key, error.inner())
    })?;
    reader.end().map_err(|error| problem(file, String::new(), &error))?;
    Ok(value)
}

fn problem(file: &str, key: String, error: &serde_json::Error) -> Problem {
    let text = error.to_string();
    let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
    Problem {
        file: file.to_owned(),
        line: error.line() as u64,
        column: error.column() as u64,
        key,
        message: message.to_owned(),
    }
}

fn key(path: &Path) -> String {
    path.iter().fold(String::new(), |text, segment| match segment {
        Segment::Map { key } if text.is_empty() => key.clone(),
        Segment::Map { key } => format!("{text}.{key}"),
        Segment::Seq { index } => format!("{text}[{index}]"),
        Segment::Enum { .. } | Segment::Unknown => text,
    })
}

/// The names of an object's properties, checked and forgotten.
struct Names<R>(PhantomData<R>);

impl<'de, R: Row> Deserialize<'de> for Names<R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Object(PhantomData))
    }
}

struct Object<R>(PhantomData<R>);

impl<'de, R: Row> Visitor<'de> for Object<R> {
    type Value = Names<R>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with properties such as ")?;
        f.write_str(R::KEY)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Names<R>, A::Error> {
        let known: Vec<_> = R::FIELDS.iter().map(|(name, _)| *name).collect();
        while let Some(name) = map.next_key::<String>()? {
            if !known.contains(&name.as_str())
                && let Some(meant) = meant(&name, &known)
            {
                return Err(A::Error::custom(format!("unknown property {name:?} (write {meant})")));
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(Names(PhantomData))
    }
}
