//! Owns the primitive types of CLIXML: element names and text forms ([MS-PSRP] 2.2.5.1).
//! Invariant: a text that does not fit its type is an error, never a default.

use std::{
    borrow::Cow,
    fmt::{Display, UpperExp, Write},
    str::FromStr,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use uuid::Uuid;

use super::{
    read::ReadError,
    text,
    value::{DateTime, SecureText, TimeSpan, Value},
};

/// A primitive type, by its element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Primitive {
    /// `Nil`
    Nil,
    /// `S`
    String,
    /// `C`
    Char,
    /// `B`
    Bool,
    /// `DT`
    DateTime,
    /// `TS`
    TimeSpan,
    /// `By`
    U8,
    /// `SB`
    I8,
    /// `U16`
    U16,
    /// `I16`
    I16,
    /// `U32`
    U32,
    /// `I32`
    I32,
    /// `U64`
    U64,
    /// `I64`
    I64,
    /// `Sg`
    F32,
    /// `Db`
    F64,
    /// `D`
    Decimal,
    /// `BA`
    Bytes,
    /// `G`
    Guid,
    /// `URI`
    Uri,
    /// `Version`
    Version,
    /// `XD`
    Xml,
    /// `SBK`; `SCT` is read too, though no peer is known to send it (unverified)
    ScriptBlock,
    /// `SS`
    SecureString,
}

impl Primitive {
    /// The type named by an element.
    #[inline]
    pub(super) fn of_element(name: &str) -> Option<Self> {
        Some(match name {
            "S" => Self::String,
            "Nil" => Self::Nil,
            "B" => Self::Bool,
            "I32" => Self::I32,
            "DT" => Self::DateTime,
            "G" => Self::Guid,
            "C" => Self::Char,
            "TS" => Self::TimeSpan,
            "By" => Self::U8,
            "SB" => Self::I8,
            "U16" => Self::U16,
            "I16" => Self::I16,
            "U32" => Self::U32,
            "U64" => Self::U64,
            "I64" => Self::I64,
            "Sg" => Self::F32,
            "Db" => Self::F64,
            "D" => Self::Decimal,
            "BA" => Self::Bytes,
            "URI" => Self::Uri,
            "Version" => Self::Version,
            "XD" => Self::Xml,
            "SBK" | "SCT" => Self::ScriptBlock,
            "SS" => Self::SecureString,
            _ => return None,
        })
    }

    /// The element this type is written as.
    pub fn element(self) -> &'static str {
        match self {
            Self::Nil => "Nil",
            Self::String => "S",
            Self::Char => "C",
            Self::Bool => "B",
            Self::DateTime => "DT",
            Self::TimeSpan => "TS",
            Self::U8 => "By",
            Self::I8 => "SB",
            Self::U16 => "U16",
            Self::I16 => "I16",
            Self::U32 => "U32",
            Self::I32 => "I32",
            Self::U64 => "U64",
            Self::I64 => "I64",
            Self::F32 => "Sg",
            Self::F64 => "Db",
            Self::Decimal => "D",
            Self::Bytes => "BA",
            Self::Guid => "G",
            Self::Uri => "URI",
            Self::Version => "Version",
            Self::Xml => "XD",
            Self::ScriptBlock => "SBK",
            Self::SecureString => "SS",
        }
    }

    /// Whether the text of this type may hold `_xHHHH_` escapes.
    pub(super) fn is_escaped(self) -> bool {
        matches!(self, Self::String | Self::Uri | Self::Xml | Self::ScriptBlock)
    }

    /// Reads the text of an element; escapes are already replaced.
    pub(super) fn parse(self, text: Cow<'_, str>) -> Result<Value, ReadError> {
        let value = match self {
            Self::Nil => Value::Nil,
            Self::String => Value::String(text.into_owned()),
            Self::Decimal => Value::Decimal(text.into_owned()),
            Self::DateTime => Value::DateTime(DateTime(text.into_owned())),
            Self::TimeSpan => Value::TimeSpan(TimeSpan(text.into_owned())),
            Self::Uri => Value::Uri(text.into_owned()),
            Self::Version => Value::Version(text.into_owned()),
            Self::Xml => Value::Xml(text.into_owned()),
            Self::ScriptBlock => Value::ScriptBlock(text.into_owned()),
            Self::SecureString => Value::SecureString(SecureText(text.into_owned())),
            Self::Bool => Value::Bool(self.bool(&text)?),
            Self::Char => Value::Char(self.number(&text)?),
            Self::U8 => Value::U8(self.number(&text)?),
            Self::I8 => Value::I8(self.number(&text)?),
            Self::U16 => Value::U16(self.number(&text)?),
            Self::I16 => Value::I16(self.number(&text)?),
            Self::U32 => Value::U32(self.number(&text)?),
            Self::I32 => Value::I32(self.number(&text)?),
            Self::U64 => Value::U64(self.number(&text)?),
            Self::I64 => Value::I64(self.number(&text)?),
            Self::F32 => Value::F32(self.number(&text)?),
            Self::F64 => Value::F64(self.number(&text)?),
            Self::Guid => Value::Guid(self.guid(&text)?),
            Self::Bytes if is_formatter_blob(&text) => Value::Nil,
            Self::Bytes => Value::Bytes(self.bytes(&text)?),
        };
        Ok(value)
    }

    pub(super) fn bool(self, text: &str) -> Result<bool, ReadError> {
        match text.trim() {
            text if text.eq_ignore_ascii_case("true") => Ok(true),
            text if text.eq_ignore_ascii_case("false") => Ok(false),
            _ => Err(self.misfit()),
        }
    }

    pub(super) fn number<N: FromStr>(self, text: &str) -> Result<N, ReadError> {
        text.trim().parse().map_err(|_| self.misfit())
    }

    pub(super) fn guid(self, text: &str) -> Result<Uuid, ReadError> {
        Uuid::try_parse(text.trim()).map_err(|_| self.misfit())
    }

    fn bytes(self, text: &str) -> Result<Vec<u8>, ReadError> {
        if let Ok(bytes) = STANDARD.decode(text) {
            return Ok(bytes);
        }
        let dense: String = text.split_ascii_whitespace().collect();
        STANDARD.decode(dense).map_err(|_| self.misfit())
    }

    fn misfit(self) -> ReadError {
        ReadError::Misfit { element: self.element() }
    }
}

/// Whether the base64 text of a `BA` is the output of .NET's `BinaryFormatter`, or the signed
/// form that Exchange has sent since its updates of January 2023 (`#sig#`; CSS-Exchange's page on
/// the signing of serialized data; the first bytes as in its exports). Such a blob is read
/// as null under whatever name it comes: nothing here could use it, and nothing may try.
fn is_formatter_blob(text: &str) -> bool {
    let text = text.trim_start();
    text.starts_with("AAEAAAD/////") || text.starts_with("I3NpZyM")
}

impl Value {
    /// The primitive type, or `None` for an object.
    pub fn primitive(&self) -> Option<Primitive> {
        Some(match self {
            Self::Nil => Primitive::Nil,
            Self::String(_) => Primitive::String,
            Self::Char(_) => Primitive::Char,
            Self::Bool(_) => Primitive::Bool,
            Self::DateTime(_) => Primitive::DateTime,
            Self::TimeSpan(_) => Primitive::TimeSpan,
            Self::U8(_) => Primitive::U8,
            Self::I8(_) => Primitive::I8,
            Self::U16(_) => Primitive::U16,
            Self::I16(_) => Primitive::I16,
            Self::U32(_) => Primitive::U32,
            Self::I32(_) => Primitive::I32,
            Self::U64(_) => Primitive::U64,
            Self::I64(_) => Primitive::I64,
            Self::F32(_) => Primitive::F32,
            Self::F64(_) => Primitive::F64,
            Self::Decimal(_) => Primitive::Decimal,
            Self::Bytes(_) => Primitive::Bytes,
            Self::Guid(_) => Primitive::Guid,
            Self::Uri(_) => Primitive::Uri,
            Self::Version(_) => Primitive::Version,
            Self::Xml(_) => Primitive::Xml,
            Self::ScriptBlock(_) => Primitive::ScriptBlock,
            Self::SecureString(_) => Primitive::SecureString,
            Self::Object(_) => return None,
        })
    }
}

/// Appends the text of a primitive as it stands between its tags. Objects have none.
pub(super) fn write_text(value: &Value, out: &mut String) {
    // Writing to a string cannot fail.
    _ = match value {
        Value::Nil | Value::Object(_) => Ok(()),
        Value::String(text)
        | Value::Uri(text)
        | Value::Xml(text)
        | Value::ScriptBlock(text)
        | Value::Decimal(text)
        | Value::Version(text)
        | Value::DateTime(DateTime(text))
        | Value::TimeSpan(TimeSpan(text))
        | Value::SecureString(SecureText(text)) => {
            if value.primitive().is_some_and(Primitive::is_escaped) {
                text::encode_into(text, out);
            } else {
                crate::xml::escape_into(text, out);
            }
            Ok(())
        }
        Value::Bool(flag) => write!(out, "{flag}"),
        Value::Char(number) | Value::U16(number) => write!(out, "{number}"),
        Value::U8(number) => write!(out, "{number}"),
        Value::I8(number) => write!(out, "{number}"),
        Value::I16(number) => write!(out, "{number}"),
        Value::U32(number) => write!(out, "{number}"),
        Value::I32(number) => write!(out, "{number}"),
        Value::U64(number) => write!(out, "{number}"),
        Value::I64(number) => write!(out, "{number}"),
        Value::F32(number) => write_float(*number, f64::from(*number), out),
        Value::F64(number) => write_float(*number, *number, out),
        Value::Guid(guid) => write!(out, "{guid}"),
        Value::Bytes(bytes) => {
            STANDARD.encode_string(bytes, out);
            Ok(())
        }
    };
}

/// XML Schema spells the special values `INF`, `-INF` and `NaN`. Else the shortest digits that
/// read back to the same bits are written, with an exponent where they would be many.
fn write_float<F: Display + UpperExp>(
    number: F,
    magnitude: f64,
    out: &mut String,
) -> std::fmt::Result {
    match magnitude {
        n if n.is_nan() => out.write_str("NaN"),
        f64::INFINITY => out.write_str("INF"),
        f64::NEG_INFINITY => out.write_str("-INF"),
        n if n == 0.0 || (1e-4..1e15).contains(&n.abs()) => write!(out, "{number}"),
        // .NET signs the exponent.
        _ => out.write_str(&format!("{number:E}").replace('E', "E+").replace("E+-", "E-")),
    }
}
