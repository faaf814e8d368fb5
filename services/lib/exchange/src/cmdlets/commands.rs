//! `Get-Command`: what the account's roles let it see, asked once per runspace.

use crate::clixml::rows::{self, Field};
use crate::clixml::{ReadError, Value};
use crate::cmdlets::{Cmdlet, Row};

/// One visible cmdlet and the parameters of it that the account may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandRow {
    /// `Name`.
    pub name: String,
    /// The names in `Parameters`, without dashes.
    pub parameters: Vec<String>,
}

impl CommandRow {
    /// Whether this is the cmdlet of that name.
    pub fn is(&self, cmdlet: &str) -> bool {
        self.name.eq_ignore_ascii_case(cmdlet)
    }

    /// Whether the account may use a parameter of it.
    pub fn takes(&self, parameter: &str) -> bool {
        self.parameters.iter().any(|held| held.eq_ignore_ascii_case(parameter))
    }
}

/// Asks which of these cmdlets the account may see, and with which parameters.
pub fn get_command(names: impl IntoIterator<Item = &'static str>) -> Cmdlet<CommandRow> {
    let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    Cmdlet::read("Get-Command").with("Name", names)
}

impl Row for CommandRow {
    const COLUMNS: &'static [&'static str] = &["Name", "Parameters"];

    fn from_fields(fields: &rows::Row<'_>) -> Result<Self, ReadError> {
        let name = fields.get(0).and_then(Field::text).unwrap_or_default().to_owned();
        let parameters = match fields.get(1) {
            Some(field) => names(&field.to_value()?),
            None => Vec::new(),
        };
        Ok(Self { name, parameters })
    }
}

/// `Parameters` is a dictionary by name (.NET's `CommandInfo`); a shallow serialization makes a list of
/// it, of names or of objects that have one. What a server sends is unverified, so all are read.
fn names(value: &Value) -> Vec<String> {
    let name = |value: &Value| {
        let named = value.property("Name").and_then(Value::as_str);
        named.or_else(|| value.as_str()).map(str::to_owned)
    };
    match value.as_dictionary() {
        Some(entries) => entries.iter().filter_map(|(key, _)| name(key)).collect(),
        None => value.as_list().iter().filter_map(name).collect(),
    }
}
