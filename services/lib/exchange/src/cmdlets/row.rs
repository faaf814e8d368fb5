//! From the bytes of one output object to a typed row. A property that is missing or null is
//! `None`, an enumeration member is its name, and names are compared without regard to case: the
//! device cmdlets and the statistics cmdlets spell the same property differently.

use jiff::Timestamp;
use uuid::Uuid;

use crate::clixml::rows::{self, Field};
use crate::clixml::{ReadError, Value};
use crate::cmdlets::ServerVersion;

/// What one object that a cmdlet prints becomes.
pub trait Row: Sized + Send + 'static {
    /// The properties that are read, in the order in which [`Row::from_fields`] takes them.
    const COLUMNS: &'static [&'static str];

    /// Takes the properties that were found.
    fn from_fields(fields: &rows::Row<'_>) -> Result<Self, ReadError>;
}

/// The row of a cmdlet that prints nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nothing;

impl Row for Nothing {
    const COLUMNS: &'static [&'static str] = &[];

    fn from_fields(_: &rows::Row<'_>) -> Result<Self, ReadError> {
        Ok(Self)
    }
}

/// What a property can become.
pub(super) trait FromField: Sized {
    fn from_field(field: Option<&Field<'_>>) -> Result<Self, ReadError>;
}

impl FromField for Option<String> {
    fn from_field(field: Option<&Field<'_>>) -> Result<Self, ReadError> {
        Ok(field.and_then(Field::text).map(str::to_owned))
    }
}

/// A boolean also comes as its word, where the server was asked for less than full serialization.
impl FromField for Option<bool> {
    fn from_field(field: Option<&Field<'_>>) -> Result<Self, ReadError> {
        let Some(field) = field else { return Ok(None) };
        Ok(field.as_bool().or_else(|| match field.text() {
            Some(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Some(text) if text.eq_ignore_ascii_case("false") => Some(false),
            Some(_) | None => None,
        }))
    }
}

/// A whole number, also as text.
impl FromField for Option<u32> {
    fn from_field(field: Option<&Field<'_>>) -> Result<Self, ReadError> {
        let Some(field) = field else { return Ok(None) };
        let number = field.as_i64().and_then(|number| u32::try_from(number).ok());
        Ok(number.or_else(|| field.text()?.parse().ok()))
    }
}

impl FromField for Option<Uuid> {
    fn from_field(field: Option<&Field<'_>>) -> Result<Self, ReadError> {
        Ok(field.and_then(Field::as_guid))
    }
}

impl FromField for Option<Timestamp> {
    fn from_field(field: Option<&Field<'_>>) -> Result<Self, ReadError> {
        Ok(field.and_then(Field::as_timestamp))
    }
}

/// A multi-valued property comes as a list, as one scalar (unverified), or not at all.
impl FromField for Vec<String> {
    fn from_field(field: Option<&Field<'_>>) -> Result<Self, ReadError> {
        let Some(field) = field else { return Ok(Self::new()) };
        let items = field.list()?;
        Ok(items.iter().filter_map(|item| item.text().map(str::to_owned)).collect())
    }
}

/// A version is an object with a text; where the text is missing its numbers are properties, as in
/// exports of `Get-ExchangeServer` (CSS-Exchange).
impl FromField for Option<ServerVersion> {
    fn from_field(field: Option<&Field<'_>>) -> Result<Self, ReadError> {
        let Some(field) = field else { return Ok(None) };
        if let Some(version) = field.text().and_then(|text| text.parse().ok()) {
            return Ok(Some(version));
        }
        let value = field.to_value()?;
        let number = |name| {
            let number = value.property(name).and_then(Value::as_i64);
            number.and_then(|number| u32::try_from(number).ok())
        };
        let numbers = (number("Major"), number("Minor"), number("Build"), number("Revision"));
        Ok(match numbers {
            (Some(major), Some(minor), Some(build), Some(revision)) => {
                Some(ServerVersion { major, minor, build, revision })
            }
            _ => None,
        })
    }
}

/// Declares a row: each field with the property that it is read from, and with the names that the
/// property has in other versions or families. The first one that the object has is taken.
macro_rules! row {
    (
        $(#[$outer:meta])*
        pub struct $name:ident {
            $($(#[$inner:meta])* $field:ident: $kind:ty = $column:literal $(| $other:literal)*,)+
        }
    ) => {
        $(#[$outer])*
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        pub struct $name {
            $(
                $(#[$inner])*
                #[doc = concat!("`", $column, "`" $(, " or `", $other, "`")*, ".")]
                pub $field: $kind,
            )+
        }

        impl $crate::cmdlets::Row for $name {
            const COLUMNS: &'static [&'static str] = &[$($column, $($other,)*)+];

            fn from_fields(
                fields: &$crate::clixml::rows::Row<'_>,
            ) -> Result<Self, $crate::clixml::ReadError> {
                use $crate::cmdlets::row::FromField;
                // The expressions run in the order of COLUMNS, which is the order of the fields.
                let mut position = 0..;
                let mut next = |_: &str| position.next().and_then(|position| fields.get(position));
                Ok(Self {
                    $($field: {
                        let found = next($column);
                        $(
                            let other = next($other);
                            let found = found.or(other);
                        )*
                        FromField::from_field(found)?
                    },)+
                })
            }
        }
    };
}

pub(super) use row;
