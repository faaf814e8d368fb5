//! Owns reading a few properties of one object out of many ([MS-PSRP] 2.2.5.2), for bulk listings.
//! Invariant: nothing is allocated for a property nobody asked for, and the text of a wanted
//! one is borrowed from the message unless it holds an escape.

use std::borrow::Cow;

use jiff::Timestamp;
use quick_xml::events::BytesStart;
use uuid::Uuid;

use super::{
    instant,
    primitive::Primitive,
    read::{self, ReadError},
    text,
    value::Value,
};
use crate::xml::{self, Scanner, XmlError};

/// How many bytes may be searched for the objects that references name, in one object or one
/// list: as many references as anybody needs, and no quadratic walk for a hostile sender.
const SEARCH_BYTES_MAX: usize = 64 << 20;

/// The names of the wanted properties, prepared for look-up without regard to ASCII case.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    names: Vec<String>,
    /// Positions in `names`, by the length of the name.
    by_length: Vec<Vec<usize>>,
}

impl Columns {
    /// Prepares these names; a property is reported by its position among them.
    pub fn new<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Self {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        let longest = names.iter().map(String::len).max().unwrap_or(0);
        let mut by_length = vec![Vec::new(); longest + 1];
        for (position, name) in names.iter().enumerate() {
            if let Some(positions) = by_length.get_mut(name.len()) {
                positions.push(position);
            }
        }
        Self { names, by_length }
    }

    /// The position of a name.
    #[inline]
    pub fn position(&self, name: &str) -> Option<usize> {
        let same_length = self.by_length.get(name.len())?.iter().copied();
        same_length.into_iter().find(|position| {
            self.names.get(*position).is_some_and(|held| held.eq_ignore_ascii_case(name))
        })
    }

    /// The names, in their order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether no property is wanted.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

/// Visits the wanted properties of the object in `xml`, in the order of the message; of the
/// same name an extended property may follow an adapted one, and hides it.
pub fn visit<'a>(
    xml: &'a [u8],
    columns: &Columns,
    mut sink: impl FnMut(usize, Field<'a>),
) -> Result<(), ReadError> {
    visit_str(read::decode(xml)?, columns, &mut sink)
}

fn visit_str<'a>(
    message: &'a str,
    columns: &Columns,
    sink: &mut impl FnMut(usize, Field<'a>),
) -> Result<(), ReadError> {
    let mut scanner = Scanner::new(message);
    let mut search_bytes = SEARCH_BYTES_MAX;
    match scanner.next_child()? {
        Some(tag) if tag.name().0 == "Obj" => {}
        Some(_) => return Err(ReadError::NotAnObject),
        None => return Err(ReadError::Empty),
    }
    while let Some(part) = scanner.next_child()? {
        if !matches!(part.name().0, "Props" | "MS") {
            scanner.skip()?;
            continue;
        }
        while let Some(tag) = scanner.next_child()? {
            match wanted(&tag, columns)? {
                None => scanner.skip()?,
                Some(position) => {
                    let from = Source { message, search_bytes: &mut search_bytes };
                    sink(position, Field::read(message, &mut scanner, &tag, from)?);
                }
            }
        }
    }
    Ok(())
}

/// The position of the property an element holds, when it is wanted.
#[inline]
fn wanted(tag: &BytesStart<'_>, columns: &Columns) -> Result<Option<usize>, XmlError> {
    // Nearly every property has the one attribute `N` ([MS-PSRP] 2.2.5.3.1), without a reference
    // inside.
    let raw = tag.attributes_raw().trim_ascii();
    let plain = raw.strip_prefix("N=\"").and_then(|rest| rest.strip_suffix('"'));
    if let Some(name) = plain
        && !name.bytes().any(|byte| matches!(byte, b'"' | b'&' | b'_'))
    {
        return Ok(columns.position(name));
    }
    let name = xml::attribute(tag, "N")?.map(text::decode);
    Ok(name.and_then(|name| columns.position(&name)))
}

/// The wanted properties of one object, by position.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    fields: Vec<Option<Field<'a>>>,
}

impl<'a> Row<'a> {
    /// Reads the wanted properties of the object in `xml`.
    pub fn read(xml: &'a [u8], columns: &Columns) -> Result<Self, ReadError> {
        let mut fields = vec![None; columns.len()];
        visit(xml, columns, |position, field| {
            if let Some(place) = fields.get_mut(position) {
                *place = Some(field);
            }
        })?;
        Ok(Self { fields })
    }

    /// The property at a position, or `None` when the object has none of that name.
    pub fn get(&self, position: usize) -> Option<&Field<'a>> {
        self.fields.get(position)?.as_ref()
    }
}

/// The value of one property, borrowed from its message.
#[derive(Clone, Debug)]
pub struct Field<'a> {
    message: &'a str,
    shape: Shape<'a>,
}

#[derive(Clone, Debug)]
enum Shape<'a> {
    Primitive(Primitive, Cow<'a, str>),
    Object { text: Option<Cow<'a, str>>, inner: Option<Primitive>, raw: &'a str },
}

/// Where references lead, and how far they may still be followed.
struct Source<'a, 's> {
    message: &'a str,
    search_bytes: &'s mut usize,
}

impl<'a> Field<'a> {
    /// Reads the element just opened, through its end. `whole` is what the scanner reads:
    /// the message or a part of it.
    fn read(
        whole: &'a str,
        scanner: &mut Scanner<'a>,
        tag: &BytesStart<'a>,
        source: Source<'a, '_>,
    ) -> Result<Self, ReadError> {
        let message = source.message;
        let name = tag.name().0;
        let shape = match Primitive::of_element(name) {
            Some(primitive) => {
                let text = scanner.text()?;
                let text = if primitive.is_escaped() { text::decode(text) } else { text };
                Shape::Primitive(primitive, text)
            }
            // `MS` inside properties is a property set ([MS-PSRP] 2.2.5.2.9).
            None if matches!(name, "Obj" | "MS") => {
                let start = scanner.token_start();
                let (text, inner) = match name {
                    "MS" => scanner.skip().map(|()| (None, None))?,
                    _ => object_text(scanner)?,
                };
                let raw = whole.get(start..scanner.position()).unwrap_or_default();
                Shape::Object { text, inner, raw }
            }
            None if name == "Ref" => {
                let reference = xml::attribute(tag, "RefId")?.unwrap_or_default();
                let shape = source.find_object(&reference)?;
                scanner.skip()?;
                shape
            }
            None => return Err(ReadError::UnknownElement(name.chars().take(64).collect())),
        };
        Ok(Self { message, shape })
    }

    /// Whether the value is null.
    pub fn is_nil(&self) -> bool {
        matches!(self.shape, Shape::Primitive(Primitive::Nil, _))
    }

    /// The text: an object's `ToString` (the label of an enumeration member, the name of a
    /// directory object), else the text of the primitive; `None` for null.
    pub fn text(&self) -> Option<&str> {
        match &self.shape {
            Shape::Primitive(Primitive::Nil, _) => None,
            Shape::Primitive(_, text) => Some(text),
            Shape::Object { text, .. } => text.as_deref(),
        }
    }

    /// As [`Field::text`], borrowed from the message where the message holds it unescaped.
    pub fn into_text(self) -> Option<Cow<'a, str>> {
        match self.shape {
            Shape::Primitive(Primitive::Nil, _) => None,
            Shape::Primitive(_, text) => Some(text),
            Shape::Object { text, .. } => text,
        }
    }

    /// The type of a primitive, or of the primitive inside an object.
    pub fn primitive(&self) -> Option<Primitive> {
        match &self.shape {
            Shape::Primitive(primitive, _) => Some(*primitive),
            Shape::Object { inner, .. } => *inner,
        }
    }

    /// A boolean.
    pub fn as_bool(&self) -> Option<bool> {
        match &self.shape {
            Shape::Primitive(Primitive::Bool, text) => Primitive::Bool.bool(text).ok(),
            Shape::Primitive(..) | Shape::Object { .. } => None,
        }
    }

    /// A whole number of any width. An enumeration member has none here: it is known by its
    /// label, [`Field::text`].
    pub fn as_i64(&self) -> Option<i64> {
        let Shape::Primitive(primitive, text) = &self.shape else { return None };
        let whole = matches!(
            primitive,
            Primitive::U8
                | Primitive::I8
                | Primitive::U16
                | Primitive::I16
                | Primitive::U32
                | Primitive::I32
                | Primitive::U64
                | Primitive::I64
        );
        whole.then(|| primitive.number(text).ok()).flatten()
    }

    /// A GUID, also when sent as text.
    pub fn as_guid(&self) -> Option<Uuid> {
        match &self.shape {
            Shape::Primitive(Primitive::Guid | Primitive::String, text) => {
                Primitive::Guid.guid(text).ok()
            }
            Shape::Primitive(..) | Shape::Object { .. } => None,
        }
    }

    /// The instant of a date; without an offset it is taken as UTC.
    pub fn as_timestamp(&self) -> Option<Timestamp> {
        match &self.shape {
            Shape::Primitive(Primitive::DateTime, text) => instant::parse(text),
            Shape::Primitive(..) | Shape::Object { .. } => None,
        }
    }

    /// The elements of a collection; a scalar is a list of itself and null is the empty list.
    pub fn list(&self) -> Result<Vec<Self>, ReadError> {
        let raw = match &self.shape {
            Shape::Primitive(Primitive::Nil, _) => return Ok(Vec::new()),
            Shape::Primitive(..) => return Ok(vec![self.clone()]),
            Shape::Object { raw, .. } => raw,
        };
        let mut scanner = Scanner::new(raw);
        let mut search_bytes = SEARCH_BYTES_MAX;
        scanner.next_child()?;
        while let Some(part) = scanner.next_child()? {
            if !matches!(part.name().0, "LST" | "IE" | "QUE" | "STK") {
                scanner.skip()?;
                continue;
            }
            let mut items = Vec::new();
            while let Some(tag) = scanner.next_child()? {
                items.push(self.nested(raw, &mut scanner, &tag, &mut search_bytes)?);
            }
            return Ok(items);
        }
        Ok(vec![self.clone()])
    }

    /// A property of an object, such as the `ObjectGuid` of a directory object.
    pub fn property(&self, name: &str) -> Result<Option<Self>, ReadError> {
        let Shape::Object { raw, .. } = &self.shape else { return Ok(None) };
        let columns = Columns::new([name]);
        let mut scanner = Scanner::new(raw);
        let mut search_bytes = SEARCH_BYTES_MAX;
        let mut found = None;
        // The root of a property set holds its properties itself.
        let mut part = scanner.next_child()?;
        if part.as_ref().is_some_and(|root| root.name().0 == "Obj") {
            part = scanner.next_child()?;
        }
        while let Some(open) = part {
            if matches!(open.name().0, "Props" | "MS") {
                while let Some(tag) = scanner.next_child()? {
                    match wanted(&tag, &columns)? {
                        None => scanner.skip()?,
                        Some(_) => {
                            found =
                                Some(self.nested(raw, &mut scanner, &tag, &mut search_bytes)?);
                        }
                    }
                }
            } else {
                scanner.skip()?;
            }
            part = scanner.next_child()?;
        }
        Ok(found)
    }

    /// The whole value. An object's type names may be missing when an earlier part of the
    /// message holds them.
    pub fn to_value(&self) -> Result<Value, ReadError> {
        match &self.shape {
            Shape::Primitive(primitive, text) => primitive.parse(Cow::Borrowed(text)),
            Shape::Object { raw, .. } => match read::read_str(raw) {
                Err(ReadError::UnknownReference(_)) => {
                    let mut scanner = Scanner::new(raw);
                    let Some(tag) = scanner.next_child()? else { return Err(ReadError::Empty) };
                    let reference = xml::attribute(&tag, "RefId")?.unwrap_or_default();
                    read::read_object(self.message, &reference)
                }
                read => read,
            },
        }
    }

    /// Reads an element of `raw`, a part of the message.
    fn nested(
        &self,
        raw: &'a str,
        scanner: &mut Scanner<'a>,
        tag: &BytesStart<'a>,
        search_bytes: &mut usize,
    ) -> Result<Self, ReadError> {
        Self::read(raw, scanner, tag, Source { message: self.message, search_bytes })
    }
}

/// Reads an object through its end for the text it shows: its `ToString`, else the text of
/// the primitive inside.
fn object_text<'a>(
    scanner: &mut Scanner<'a>,
) -> Result<(Option<Cow<'a, str>>, Option<Primitive>), ReadError> {
    let (mut label, mut inner) = (None, None);
    while let Some(part) = scanner.next_child()? {
        match part.name().0 {
            "ToString" => label = Some(text::decode(scanner.text()?)),
            "TN" | "TNRef" | "Props" | "MS" | "LST" | "IE" | "QUE" | "STK" | "DCT" => {
                scanner.skip()?;
            }
            name => match Primitive::of_element(name) {
                None => scanner.skip()?,
                Some(primitive) => {
                    let text = scanner.text()?;
                    let text = if primitive.is_escaped() { text::decode(text) } else { text };
                    inner = Some((primitive, text));
                }
            },
        }
    }
    let primitive = inner.as_ref().map(|(primitive, _)| *primitive);
    Ok((label.or(inner.map(|(_, text)| text)), primitive))
}

impl<'a> Source<'a, '_> {
    /// Finds the object a `Ref` names. PowerShell refers to an object it has written before in
    /// the same message, as when `Id` and `Identity` are one ([MS-PSRP] 2.2.5.2.1).
    fn find_object(self, reference: &str) -> Result<Shape<'a>, ReadError> {
        let cost = self.message.len();
        *self.search_bytes = self.search_bytes.checked_sub(cost).ok_or(ReadError::TooLarge)?;
        let needle = format!("RefId=\"{reference}\"");
        for (at, _) in self.message.match_indices(&needle) {
            let before = self.message.get(..at).unwrap_or_default();
            let start = before.rfind('<').unwrap_or_default();
            let raw = self.message.get(start..).unwrap_or_default();
            if !raw.starts_with("<Obj ") {
                continue;
            }
            let mut scanner = Scanner::new(raw);
            scanner.next_child()?;
            let (text, inner) = object_text(&mut scanner)?;
            let raw = raw.get(..scanner.position()).unwrap_or_default();
            return Ok(Shape::Object { text, inner, raw });
        }
        Err(ReadError::UnknownReference(reference.to_owned()))
    }
}
