//! Owns reading CLIXML into [`Value`]s ([MS-PSRP] 2.2.5).
//! Invariant: memory is bounded by the input: a `Ref` shares its object, and the expanded
//! size and depth of a value are capped, so that no small message becomes a huge walk.

use std::{borrow::Cow, collections::HashMap, str::Utf8Error, sync::Arc};

use quick_xml::events::BytesStart;

use super::{
    primitive::Primitive,
    text,
    value::{Content, ListKind, Object, Property, Value},
};
use crate::xml::{self, DEPTH_MAX, Scanner, XmlError};

/// How many values one message may hold, each `Ref` counted at the size of its object and each
/// type name as one: some 50 MB in memory.
pub const VALUES_MAX: u64 = 1 << 18;

/// Why a text is not CLIXML.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The bytes are not UTF-8.
    #[error("clixml is not utf-8")]
    Utf8(#[from] Utf8Error),
    /// The text is no bounded XML.
    #[error("clixml is no acceptable xml")]
    Xml(#[from] XmlError),
    /// The text holds no element.
    #[error("clixml holds no value")]
    Empty,
    /// The top element is no complex object.
    #[error("clixml holds no object")]
    NotAnObject,
    /// An element is none of CLIXML's.
    #[error("element {0:?} is unknown to clixml")]
    UnknownElement(String),
    /// The text of a primitive does not fit its type.
    #[error("the text of a {element} element does not fit its type")]
    Misfit {
        /// The element.
        element: &'static str,
    },
    /// A property or dictionary entry lacks its name or a part.
    #[error("a {element} element is incomplete")]
    Incomplete {
        /// The element.
        element: &'static str,
    },
    /// A `Ref` or `TNRef` names nothing that was read before.
    #[error("reference {0:?} names nothing")]
    UnknownReference(String),
    /// Following the references nests or multiplies too far.
    #[error("references expand to more than {VALUES_MAX} values or {DEPTH_MAX} levels")]
    TooLarge,
}

/// Reads the first value of a message; a byte order mark is passed over.
pub fn read(xml: &[u8]) -> Result<Value, ReadError> {
    read_str(decode(xml)?)
}

/// Reads the first value of a text.
pub fn read_str(xml: &str) -> Result<Value, ReadError> {
    let mut reader = Reader::new(xml);
    match reader.scanner.next_child()? {
        Some(tag) if tag.name().0 == "MS" => Ok(reader.property_set(0)?.value),
        Some(tag) => Ok(reader.element(&tag, 0)?.value),
        None => Err(ReadError::Empty),
    }
}

/// Reads the whole text for the sake of one object inside it.
pub(super) fn read_object(xml: &str, reference: &str) -> Result<Value, ReadError> {
    let mut reader = Reader::new(xml);
    if let Some(tag) = reader.scanner.next_child()? {
        reader.element(&tag, 0)?;
    }
    match reader.objects.remove(reference) {
        Some(known) => Ok(known.value),
        None => Err(ReadError::UnknownReference(reference.to_owned())),
    }
}

/// The text of a message: UTF-8 ([MS-PSRP] 2.2.2); a byte order mark is tolerated.
pub(super) fn decode(xml: &[u8]) -> Result<&str, ReadError> {
    let xml = xml.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(xml);
    Ok(std::str::from_utf8(xml)?)
}

/// A value with what it takes to bound the references to it.
#[derive(Clone)]
struct Sized {
    value: Value,
    height: usize,
    values: u64,
}

struct Reader<'a> {
    scanner: Scanner<'a>,
    objects: HashMap<String, Sized>,
    types: HashMap<String, Arc<[String]>>,
    values: u64,
}

/// An object under construction, with the bounds of what it holds so far.
#[derive(Default)]
struct Draft {
    object: Object,
    height: usize,
    values: u64,
}

impl Draft {
    fn take(&mut self, child: Sized) -> Value {
        self.height = self.height.max(child.height);
        self.values += child.values;
        child.value
    }
}

impl<'a> Reader<'a> {
    fn new(xml: &'a str) -> Self {
        let (objects, types) = (HashMap::new(), HashMap::new());
        Self { scanner: Scanner::new(xml), objects, types, values: 0 }
    }

    /// Reads the element just opened, `level` objects deep.
    fn element(&mut self, tag: &BytesStart<'a>, level: usize) -> Result<Sized, ReadError> {
        let sized = match tag.name().0 {
            "Obj" => return self.object(tag, level),
            "Ref" => self.reference(tag, level)?,
            name => {
                let Some(primitive) = Primitive::of_element(name) else {
                    return Err(ReadError::UnknownElement(name.chars().take(64).collect()));
                };
                let mut text = self.scanner.text()?;
                if primitive.is_escaped() {
                    text = text::decode(text);
                }
                Sized { value: primitive.parse(text)?, height: 0, values: 1 }
            }
        };
        self.count(sized.values)?;
        Ok(sized)
    }

    fn count(&mut self, values: u64) -> Result<(), ReadError> {
        self.values += values;
        if self.values > VALUES_MAX { Err(ReadError::TooLarge) } else { Ok(()) }
    }

    fn reference(&mut self, tag: &BytesStart<'a>, level: usize) -> Result<Sized, ReadError> {
        let id = reference_id(tag)?.unwrap_or_default();
        self.scanner.skip()?;
        match self.objects.get(&*id) {
            None => Err(ReadError::UnknownReference(id.into_owned())),
            Some(known) if level + known.height > DEPTH_MAX => Err(ReadError::TooLarge),
            Some(known) => Ok(known.clone()),
        }
    }

    fn object(&mut self, tag: &BytesStart<'a>, level: usize) -> Result<Sized, ReadError> {
        let id = reference_id(tag)?.map(Cow::into_owned);
        let mut draft = Draft::default();
        while let Some(child) = self.scanner.next_child()? {
            self.part(&mut draft, &child, level + 1)?;
        }
        self.count(1)?;
        let sized = Sized {
            value: Value::Object(Arc::new(draft.object)),
            height: draft.height + 1,
            values: draft.values + 1,
        };
        if let Some(id) = id {
            self.objects.insert(id, sized.clone());
        }
        Ok(sized)
    }

    fn part(
        &mut self,
        draft: &mut Draft,
        tag: &BytesStart<'a>,
        level: usize,
    ) -> Result<(), ReadError> {
        match tag.name().0 {
            "TN" => draft.object.type_names = self.type_names(tag)?,
            "TNRef" => {
                let id = reference_id(tag)?.unwrap_or_default();
                let known = self.types.get(&*id).cloned();
                draft.object.type_names =
                    known.ok_or_else(|| ReadError::UnknownReference(id.into_owned()))?;
                self.scanner.skip()?;
            }
            "ToString" => {
                draft.object.to_string = Some(text::decode(self.scanner.text()?).into_owned());
            }
            "Props" => draft.object.adapted = self.properties(draft, level)?,
            "MS" => draft.object.extended = self.properties(draft, level)?,
            "LST" => draft.object.content = self.list(ListKind::List, draft, level)?,
            "IE" => draft.object.content = self.list(ListKind::Enumerable, draft, level)?,
            "QUE" => draft.object.content = self.list(ListKind::Queue, draft, level)?,
            "STK" => draft.object.content = self.list(ListKind::Stack, draft, level)?,
            "DCT" => draft.object.content = self.dictionary(draft, level)?,
            _ => {
                let inner = self.element(tag, level)?;
                draft.object.content = Content::Primitive(draft.take(inner));
            }
        }
        Ok(())
    }

    fn type_names(&mut self, tag: &BytesStart<'a>) -> Result<Arc<[String]>, ReadError> {
        let id = reference_id(tag)?.map(Cow::into_owned);
        let mut names = Vec::new();
        while let Some(child) = self.scanner.next_child()? {
            if child.name().0 != "T" {
                return Err(ReadError::UnknownElement(child.name().0.chars().take(64).collect()));
            }
            names.push(text::decode(self.scanner.text()?).into_owned());
            self.count(1)?;
        }
        let names: Arc<[String]> = names.into();
        if let Some(id) = id {
            self.types.insert(id, Arc::clone(&names));
        }
        Ok(names)
    }

    fn properties(&mut self, draft: &mut Draft, level: usize) -> Result<Vec<Property>, ReadError> {
        let mut properties = Vec::new();
        while let Some(tag) = self.scanner.next_child()? {
            let Some(name) = xml::attribute(&tag, "N")? else {
                return Err(ReadError::Incomplete { element: "property" });
            };
            if is_opaque(&tag, &name) {
                self.scanner.skip()?;
                continue;
            }
            let name = text::decode(name).into_owned();
            let value = match tag.name().0 {
                // A property set: named properties under one name ([MS-PSRP] 2.2.5.2.9).
                "MS" => self.property_set(level + 1)?,
                _ => self.element(&tag, level)?,
            };
            properties.push(Property { name, value: draft.take(value) });
        }
        Ok(properties)
    }

    /// Reads a property set as an object without a type.
    fn property_set(&mut self, level: usize) -> Result<Sized, ReadError> {
        let mut draft = Draft::default();
        draft.object.extended = self.properties(&mut draft, level)?;
        self.count(1)?;
        Ok(Sized {
            value: Value::Object(Arc::new(draft.object)),
            height: draft.height + 1,
            values: draft.values + 1,
        })
    }

    fn list(
        &mut self,
        kind: ListKind,
        draft: &mut Draft,
        level: usize,
    ) -> Result<Content, ReadError> {
        let mut items = Vec::new();
        while let Some(tag) = self.scanner.next_child()? {
            let item = self.element(&tag, level)?;
            items.push(draft.take(item));
        }
        Ok(Content::List(kind, items))
    }

    fn dictionary(&mut self, draft: &mut Draft, level: usize) -> Result<Content, ReadError> {
        let mut entries = Vec::new();
        while self.scanner.next_child()?.is_some() {
            let (mut key, mut value) = (None, None);
            while let Some(tag) = self.scanner.next_child()? {
                let side = match xml::attribute(&tag, "N")?.as_deref() {
                    Some("Key") => &mut key,
                    Some("Value") => &mut value,
                    _ => return Err(ReadError::Incomplete { element: "En" }),
                };
                let read = self.element(&tag, level)?;
                *side = Some(draft.take(read));
            }
            match (key, value) {
                (Some(key), Some(value)) => entries.push((key, value)),
                _ => return Err(ReadError::Incomplete { element: "En" }),
            }
        }
        Ok(Content::Dictionary(entries))
    }
}

/// Whether a property is the .NET `BinaryFormatter` blob that Exchange adds (CSS-Exchange's page on
/// the signing of serialized data names it): never decoded.
fn is_opaque(tag: &BytesStart<'_>, name: &str) -> bool {
    tag.name().0 == "BA" && name.eq_ignore_ascii_case("SerializationData")
}

fn reference_id<'t>(tag: &'t BytesStart<'_>) -> Result<Option<Cow<'t, str>>, XmlError> {
    xml::attribute(tag, "RefId")
}
