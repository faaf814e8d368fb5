//! Owns the in-memory form of one serialized PowerShell value.
//! Invariant: what was read can be written back without loss, except the opaque
//! `SerializationData` blob and whatever else `BinaryFormatter` wrote, which is never decoded
//! and never kept.

use std::{borrow::Cow, fmt, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::instant;

/// One CLIXML value: a primitive of [MS-PSRP] 2.2.5.1 or a complex object of 2.2.5.2.
///
/// An enumeration member arrives as an [`Object`] whose content is its number and whose
/// `ToString` is its label; [`Value::to_text`] yields the label.
#[derive(Clone, PartialEq, Default)]
#[non_exhaustive]
pub enum Value {
    /// `Nil`, the null value ([MS-PSRP] 2.2.5.1.20).
    #[default]
    Nil,
    /// `S`, a string (2.2.5.1.1).
    String(String),
    /// `C`, one UTF-16 code unit (2.2.5.1.2).
    Char(u16),
    /// `B` (2.2.5.1.3).
    Bool(bool),
    /// `DT`, kept as the text on the wire (2.2.5.1.4).
    DateTime(DateTime),
    /// `TS`, an XML duration kept as the text on the wire (2.2.5.1.5).
    TimeSpan(TimeSpan),
    /// `By` (2.2.5.1.6).
    U8(u8),
    /// `SB` (2.2.5.1.7).
    I8(i8),
    /// `U16` (2.2.5.1.8).
    U16(u16),
    /// `I16` (2.2.5.1.9).
    I16(i16),
    /// `U32` (2.2.5.1.10).
    U32(u32),
    /// `I32` (2.2.5.1.11).
    I32(i32),
    /// `U64` (2.2.5.1.12).
    U64(u64),
    /// `I64` (2.2.5.1.13).
    I64(i64),
    /// `Sg` (2.2.5.1.14).
    F32(f32),
    /// `Db` (2.2.5.1.15).
    F64(f64),
    /// `D`, a .NET decimal kept as text: 96 bits of digits fit no Rust number (2.2.5.1.16).
    Decimal(String),
    /// `BA`, base64 on the wire (2.2.5.1.17).
    Bytes(Vec<u8>),
    /// `G` (2.2.5.1.18).
    Guid(Uuid),
    /// `URI` (2.2.5.1.19).
    Uri(String),
    /// `Version`, two to four numbers with dots (2.2.5.1.21).
    Version(String),
    /// `XD`, the text of an XML document (2.2.5.1.22).
    Xml(String),
    /// `SBK`, the text of a script block (2.2.5.1.23). Never sent by this crate's client.
    ScriptBlock(String),
    /// `SS`, encrypted by the session key; its base64 text (2.2.5.1.24).
    SecureString(SecureText),
    /// `Obj`, a complex object. Shared, because one message may refer to it twice (`Ref`).
    Object(Arc<Object>),
}

/// The text of a `DT` element.
///
/// Equality is equality of the text: `…T10:00:00Z` and `…T10:00:00+00:00` differ here and are
/// the same [`Timestamp`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct DateTime(pub String);

impl DateTime {
    /// The instant, or `None` when the text is no date. A text without an offset is taken as
    /// UTC: .NET writes none for `DateTimeKind.Unspecified`.
    pub fn timestamp(&self) -> Option<Timestamp> {
        instant::parse(&self.0)
    }

    /// Whether the text names its own offset (`Z`, `+02:00`).
    pub fn has_offset(&self) -> bool {
        instant::has_offset(&self.0)
    }
}

impl From<Timestamp> for DateTime {
    /// UTC with seven fractional digits, the resolution of .NET.
    fn from(timestamp: Timestamp) -> Self {
        Self(instant::format(timestamp))
    }
}

/// The text of a `TS` element, such as `PT3605S` or `-P1DT2H`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct TimeSpan(pub String);

impl TimeSpan {
    /// The length, or `None` when the text is no duration or counts months or years, which .NET
    /// never writes. A day has 24 hours, as in .NET's `TimeSpan`.
    pub fn duration(&self) -> Option<SignedDuration> {
        instant::parse_span(&self.0)
    }
}

impl From<SignedDuration> for TimeSpan {
    fn from(duration: SignedDuration) -> Self {
        Self(duration.to_string())
    }
}

/// The base64 text of an encrypted `SS` element; it does not print.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct SecureText(pub String);

impl fmt::Debug for SecureText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecureText(..)")
    }
}

/// A complex object ([MS-PSRP] 2.2.5.2).
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Object {
    /// Type names, most derived first (`TN`, 2.2.5.2.3); empty when the sender named none.
    pub type_names: Arc<[String]>,
    /// The server's own text for the object (`ToString`, 2.2.5.2.4).
    pub to_string: Option<String>,
    /// Adapted properties (`Props`, 2.2.5.2.8).
    pub adapted: Vec<Property>,
    /// Extended properties (`MS`, 2.2.5.2.9).
    pub extended: Vec<Property>,
    /// What the object holds beside its properties (2.2.5.2.5 to 2.2.5.2.7).
    pub content: Content,
}

/// One named property of an [`Object`].
#[derive(Clone, Debug, PartialEq)]
pub struct Property {
    /// As spelled by the sender; compared without regard to ASCII case.
    pub name: String,
    /// Its value.
    pub value: Value,
}

/// What an [`Object`] holds beside its properties.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Content {
    /// Properties only.
    #[default]
    None,
    /// The elements of a collection ([MS-PSRP] 2.2.5.2.6.1 to 2.2.5.2.6.3).
    List(ListKind, Vec<Value>),
    /// The entries of a `DCT`, in the order sent (2.2.5.2.6.4).
    Dictionary(Vec<(Value, Value)>),
    /// An inner primitive: the number of an enumeration member (2.2.5.2.7), or a primitive that
    /// carries properties (2.2.5.2.5).
    Primitive(Value),
}

/// Which element a collection travels in ([MS-PSRP] 2.2.5.2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum ListKind {
    /// `LST`.
    #[default]
    List,
    /// `IE`, any other enumerable.
    Enumerable,
    /// `QUE`.
    Queue,
    /// `STK`.
    Stack,
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "an accessor names the primitives it accepts; every other one is refused alike"
)]
impl Value {
    /// Wraps an object.
    pub fn object(object: Object) -> Self {
        Self::Object(Arc::new(object))
    }

    /// A .NET `Object[]`, the form of a multi-valued argument.
    pub fn array(items: impl IntoIterator<Item = Self>) -> Self {
        Self::object(Object::array(items))
    }

    /// A .NET `Hashtable` with string keys, such as `@{Add=..;Remove=..}` (cmdlet page
    /// `Set-CASMailbox`).
    pub fn hashtable<K: Into<String>>(entries: impl IntoIterator<Item = (K, Self)>) -> Self {
        Self::object(Object::hashtable(entries))
    }

    /// Whether this is the null value.
    pub fn is_nil(&self) -> bool {
        matches!(self, Self::Nil)
    }

    /// The text of a string, URI, version, XML, decimal or date, borrowed; `None` for the rest.
    pub fn as_str(&self) -> Option<&str> {
        match self.inner() {
            Self::String(text)
            | Self::Decimal(text)
            | Self::Uri(text)
            | Self::Version(text)
            | Self::Xml(text)
            | Self::ScriptBlock(text)
            | Self::DateTime(DateTime(text))
            | Self::TimeSpan(TimeSpan(text)) => Some(text),
            _ => None,
        }
    }

    /// The text a person would see: an object's `ToString` (the label of an enumeration
    /// member, the name of a directory object), a primitive's own text; `None` for `Nil`,
    /// bytes, secure strings and objects without a text.
    pub fn to_text(&self) -> Option<Cow<'_, str>> {
        let number = match self {
            Self::Object(object) => {
                return match (&object.to_string, &object.content) {
                    (Some(text), _) => Some(Cow::Borrowed(text)),
                    (None, Content::Primitive(inner)) => inner.to_text(),
                    (None, Content::None | Content::List(..) | Content::Dictionary(_)) => None,
                };
            }
            Self::Nil | Self::Bytes(_) | Self::SecureString(_) => return None,
            Self::Char(unit) => String::from_utf16_lossy(&[*unit]),
            // PowerShell prints booleans with a capital.
            Self::Bool(true) => return Some(Cow::Borrowed("True")),
            Self::Bool(false) => return Some(Cow::Borrowed("False")),
            Self::U8(number) => number.to_string(),
            Self::I8(number) => number.to_string(),
            Self::U16(number) => number.to_string(),
            Self::I16(number) => number.to_string(),
            Self::U32(number) => number.to_string(),
            Self::I32(number) => number.to_string(),
            Self::U64(number) => number.to_string(),
            Self::I64(number) => number.to_string(),
            Self::F32(number) => number.to_string(),
            Self::F64(number) => number.to_string(),
            Self::Guid(guid) => guid.to_string(),
            Self::String(_)
            | Self::Decimal(_)
            | Self::Uri(_)
            | Self::Version(_)
            | Self::Xml(_)
            | Self::ScriptBlock(_)
            | Self::DateTime(_)
            | Self::TimeSpan(_) => return self.as_str().map(Cow::Borrowed),
        };
        Some(Cow::Owned(number))
    }

    /// A boolean, also when wrapped (a `SwitchParameter` carries `IsPresent`).
    pub fn as_bool(&self) -> Option<bool> {
        match self.inner() {
            Self::Bool(flag) => Some(*flag),
            Self::Object(object) => match object.property("IsPresent") {
                Some(Self::Bool(flag)) => Some(*flag),
                _ => None,
            },
            _ => None,
        }
    }

    /// Any whole number, also the number of an enumeration member.
    pub fn as_i64(&self) -> Option<i64> {
        match *self.inner() {
            Self::U8(number) => Some(number.into()),
            Self::I8(number) => Some(number.into()),
            Self::U16(number) => Some(number.into()),
            Self::I16(number) => Some(number.into()),
            Self::U32(number) => Some(number.into()),
            Self::I32(number) => Some(number.into()),
            Self::U64(number) => number.try_into().ok(),
            Self::I64(number) => Some(number),
            _ => None,
        }
    }

    /// A GUID, also when sent as text.
    pub fn as_guid(&self) -> Option<Uuid> {
        match self.inner() {
            Self::Guid(guid) => Some(*guid),
            Self::String(text) => Uuid::try_parse(text).ok(),
            _ => None,
        }
    }

    /// The instant of a date.
    pub fn as_timestamp(&self) -> Option<Timestamp> {
        match self.inner() {
            Self::DateTime(date) => date.timestamp(),
            _ => None,
        }
    }

    /// The bytes of a `BA`.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self.inner() {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The complex object, if it is one.
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The elements of a collection; a scalar is a list of itself and `Nil` is the empty list,
    /// because Exchange may send a multi-valued property in all three forms (unverified).
    pub fn as_list(&self) -> &[Self] {
        match self {
            Self::Nil => &[],
            Self::Object(object) => match &object.content {
                Content::List(_, items) => items,
                Content::None | Content::Dictionary(_) | Content::Primitive(_) => {
                    std::slice::from_ref(self)
                }
            },
            _ => std::slice::from_ref(self),
        }
    }

    /// The entries of a dictionary, if it is one.
    pub fn as_dictionary(&self) -> Option<&[(Self, Self)]> {
        match &self.as_object()?.content {
            Content::Dictionary(entries) => Some(entries),
            Content::None | Content::List(..) | Content::Primitive(_) => None,
        }
    }

    /// The value under a string key of a dictionary, without regard to ASCII case.
    pub fn entry(&self, key: &str) -> Option<&Self> {
        self.as_dictionary()?.iter().find_map(|(name, value)| {
            name.as_str().is_some_and(|name| name.eq_ignore_ascii_case(key)).then_some(value)
        })
    }

    /// A property of an object, without regard to ASCII case; see [`Object::property`].
    pub fn property(&self, name: &str) -> Option<&Self> {
        self.as_object()?.property(name)
    }

    /// The primitive inside an object that wraps one, else the value itself.
    pub fn inner(&self) -> &Self {
        match self {
            Self::Object(object) => match &object.content {
                Content::Primitive(inner) => inner,
                Content::None | Content::List(..) | Content::Dictionary(_) => self,
            },
            _ => self,
        }
    }
}

impl Object {
    /// An object with these type names, most derived first.
    pub fn of_type<T: Into<String>>(type_names: impl IntoIterator<Item = T>) -> Self {
        Self { type_names: type_names.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// An enumeration member: type name, label and number.
    pub fn enumeration(type_name: &str, label: &str, number: i32) -> Self {
        Self {
            to_string: Some(label.to_owned()),
            content: Content::Primitive(Value::I32(number)),
            ..Self::of_type([type_name, "System.Enum", "System.ValueType", "System.Object"])
        }
    }

    /// A .NET `Object[]`.
    pub fn array(items: impl IntoIterator<Item = Value>) -> Self {
        Self {
            content: Content::List(ListKind::List, items.into_iter().collect()),
            ..Self::of_type(["System.Object[]", "System.Array", "System.Object"])
        }
    }

    /// A .NET `Hashtable` with string keys.
    pub fn hashtable<K: Into<String>>(entries: impl IntoIterator<Item = (K, Value)>) -> Self {
        let entries = entries.into_iter().map(|(key, value)| (Value::String(key.into()), value));
        Self {
            content: Content::Dictionary(entries.collect()),
            ..Self::of_type(["System.Collections.Hashtable", "System.Object"])
        }
    }

    /// Sets the object's own text.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<String>) -> Self {
        self.to_string = Some(text.into());
        self
    }

    /// Appends an adapted property (`Props`).
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.adapted.push(Property { name: name.into(), value: value.into() });
        self
    }

    /// Appends an extended property (`MS`).
    #[must_use]
    pub fn with_extended(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.extended.push(Property { name: name.into(), value: value.into() });
        self
    }

    /// A property by name, without regard to ASCII case. Extended properties hide adapted
    /// ones, as in PowerShell's own member lookup.
    pub fn property(&self, name: &str) -> Option<&Value> {
        self.properties()
            .find_map(|held| held.name.eq_ignore_ascii_case(name).then_some(&held.value))
    }

    /// All properties: the extended ones, then the adapted ones.
    pub fn properties(&self) -> impl Iterator<Item = &Property> {
        self.extended.iter().chain(&self.adapted)
    }

    /// Whether `name` is among the type names, with or without the `Deserialized.` prefix
    /// that a PowerShell client would add (`about_Remote_Output`).
    pub fn is_type(&self, name: &str) -> bool {
        let bare = |held: &str| held.strip_prefix("Deserialized.").is_some_and(|held| held == name);
        self.type_names.iter().any(|held| held == name || bare(held))
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "every other primitive prints its text")]
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nil => f.write_str("Nil"),
            Self::Object(object) => object.fmt(f),
            Self::SecureString(secret) => secret.fmt(f),
            Self::Bytes(bytes) => write!(f, "Bytes({} bytes)", bytes.len()),
            Self::Char(unit) => write!(f, "Char({unit})"),
            Self::Bool(flag) => flag.fmt(f),
            _ => self.to_text().unwrap_or_default().fmt(f),
        }
    }
}

macro_rules! value_from {
    ($($source:ty => $variant:ident),+ $(,)?) => {$(
        impl From<$source> for Value {
            fn from(value: $source) -> Self {
                Self::$variant(value.into())
            }
        }
    )+};
}

value_from! {
    String => String, &str => String, bool => Bool, DateTime => DateTime, TimeSpan => TimeSpan,
    Timestamp => DateTime, u8 => U8, i8 => I8, u16 => U16, i16 => I16, u32 => U32, i32 => I32,
    u64 => U64, i64 => I64, f32 => F32, f64 => F64, Vec<u8> => Bytes, Uuid => Guid,
    Object => Object,
}

impl<V: Into<Self>> From<Option<V>> for Value {
    fn from(value: Option<V>) -> Self {
        value.map_or(Self::Nil, Into::into)
    }
}

impl<V: Into<Self>> From<Vec<V>> for Value
where
    V: NotByte,
{
    /// A .NET `Object[]`.
    fn from(items: Vec<V>) -> Self {
        Self::array(items.into_iter().map(Into::into))
    }
}

/// Keeps `Vec<u8>` (bytes) apart from a vector of values (an array).
pub trait NotByte {}
impl NotByte for Value {}
impl NotByte for String {}
impl NotByte for &str {}
impl NotByte for Object {}
