//! Records out of CSV: the first line names the columns, a cell with a list parts it by semicolons,
//! an empty cell says nothing.

use csv::{ErrorKind, Position, ReaderBuilder, StringRecord, Trim};

use super::fields::{Field, Row};
use super::problem::{Problem, meant};

/// Reads the rows of one file, each with the line it stands in.
pub(super) fn read<R: Row>(file: &str, content: &[u8]) -> Result<Vec<(u64, R)>, Problem> {
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    let mut reader = ReaderBuilder::new().trim(Trim::All).from_reader(content);
    let header = reader.headers().map_err(|error| problem(file, &error))?.clone();
    let columns = columns::<R>(file, &header)?;
    let mut rows = Vec::new();
    let mut record = StringRecord::new();
    while reader.read_record(&mut record).map_err(|error| problem(file, &error))? {
        let line = record.position().map_or(0, |position| line(content, position));
        let mut row = R::default();
        for ((name, put), text) in columns.iter().zip(&record) {
            put(&mut row, text).map_err(|message| Problem {
                file: file.to_owned(),
                line,
                column: 0,
                key: format!("column {name}"),
                message,
            })?;
        }
        rows.push((line, row));
    }
    Ok(rows)
}

fn columns<R: Row>(file: &str, header: &StringRecord) -> Result<Vec<&'static Field<R>>, Problem> {
    let refuse = |column: usize, message: String| {
        let column = column as u64 + 1;
        Problem { file: file.to_owned(), line: 1, column, key: String::new(), message }
    };
    let known: Vec<_> = R::FIELDS.iter().map(|(name, _)| *name).collect();
    let mut columns: Vec<&'static Field<R>> = Vec::new();
    for (index, name) in header.iter().enumerate() {
        let Some(field) = R::FIELDS.iter().find(|(known, _)| *known == name) else {
            let cure = match meant(name, &known) {
                Some(meant) => format!("write {meant}"),
                None if header.len() == 1 && name.contains(';') => {
                    "part the columns by commas".to_owned()
                }
                None => format!("take it out; known are {}", known.join(", ")),
            };
            return Err(refuse(index, format!("unknown column {name:?} ({cure})")));
        };
        if columns.iter().any(|(other, _)| *other == field.0) {
            return Err(refuse(index, format!("column {name:?} comes twice (take one out)")));
        }
        columns.push(field);
    }
    if !columns.iter().any(|(name, _)| *name == R::KEY) {
        let message = format!("there is no column {} (every row needs one)", R::KEY);
        return Err(Problem { line: 1, ..Problem::of_file(file, message) });
    }
    Ok(columns)
}

/// The line in which a record starts: its position is before the empty lines that were skipped.
fn line(content: &[u8], position: &Position) -> u64 {
    let start = usize::try_from(position.byte()).unwrap_or(usize::MAX);
    let rest = content.get(start..).unwrap_or_default().iter();
    let skipped = rest.take_while(|byte| byte.is_ascii_whitespace()).filter(|byte| **byte == b'\n');
    position.line() + skipped.count() as u64
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the reader's enum, which may grow")]
fn problem(file: &str, error: &csv::Error) -> Problem {
    let line = error.position().map_or(0, Position::line);
    let message = match error.kind() {
        ErrorKind::UnequalLengths { expected_len, len, .. } => format!(
            "{len} cells stand where {expected_len} columns are named (a cell with a comma needs quotation marks)"
        ),
        ErrorKind::Utf8 { .. } => "the text is not UTF-8 (save the file as UTF-8)".to_owned(),
        _ => error.to_string(),
    };
    Problem { line, ..Problem::of_file(file, message) }
}
