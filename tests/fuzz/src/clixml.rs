//! Serialized objects: whole values, and rows of a few properties.

use exgate_exchange::clixml::{self, Columns, Row as Fields, Value};
use exgate_exchange::cmdlets::{CasMailboxRow, DeviceRow, RecipientRow, Row, ServerRow};

/// Names that a row asks for; the corpus and the dictionary hold them.
const NAMES: [&str; 6] = ["A", "Identity", "Guid", "WhenChangedUTC", "ObjectClass", "_x0041_"];

/// Reads the bytes as a value and as rows.
///
/// # Panics
/// When a value is another one after it was written and read again, or when a row and a value
/// differ about a property.
pub fn clixml(bytes: &[u8]) {
    rows(bytes);
    typed::<DeviceRow>(bytes);
    typed::<CasMailboxRow>(bytes);
    typed::<RecipientRow>(bytes);
    typed::<ServerRow>(bytes);
    let Ok(value) = clixml::read(bytes) else { return };
    let written = clixml::write(&value);
    let again = clixml::read_str(&written).expect("clixml of ours");
    // Texts are compared, because a NaN is never itself.
    assert_eq!(clixml::write(&again), written);
}

fn rows(bytes: &[u8]) {
    let columns = Columns::new(NAMES);
    let Ok(row) = Fields::read(bytes, &columns) else { return };
    let value = clixml::read(bytes);
    for (position, name) in NAMES.iter().enumerate() {
        let Some(field) = row.get(position) else { continue };
        drop(field.list());
        drop(field.property("Name"));
        let whole = field.to_value();
        // A row is the laxer reader of what it does not want, and takes the last of a name.
        let (Ok(value), Ok(whole)) = (&value, whole) else { continue };
        let object = value.as_object().expect("a row is an object");
        let mut named = object.properties().filter(|held| held.name.eq_ignore_ascii_case(name));
        if let (Some(held), None) = (named.next(), named.next())
            && !matches!(held.value, Value::Object(_))
        {
            assert_eq!(clixml::write(&whole), clixml::write(&held.value), "{name}");
        }
    }
}

fn typed<R: Row>(bytes: &[u8]) {
    let columns = Columns::new(R::COLUMNS.iter().copied());
    if let Ok(fields) = Fields::read(bytes, &columns) {
        drop(R::from_fields(&fields));
    }
}
