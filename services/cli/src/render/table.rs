//! Plain columns: no lines, two blanks between them, nothing after the last one. Colour marks a whole
//! cell and never changes its width.

use comfy_table::{CellAlignment, Color, ContentArrangement, presets};

/// What a cell says about how things are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// As it should be.
    Good,
    /// Worth a look.
    Warning,
    /// Wrong.
    Bad,
}

/// Which way the cells of a column lean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alignment {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// One cell.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    text: String,
    tone: Option<Tone>,
}

impl Cell {
    /// A cell that says how things are.
    pub(crate) fn toned(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone: Some(tone) }
    }
}

impl<T: ToString> From<T> for Cell {
    fn from(text: T) -> Self {
        let text = text.to_string();
        Self { text: if text.is_empty() { "-".to_owned() } else { text }, tone: None }
    }
}

/// A table under construction.
#[derive(Debug)]
pub(crate) struct Table {
    table: comfy_table::Table,
    color: bool,
}

impl Table {
    /// A table with these headings.
    pub(crate) fn new(color: bool, columns: &[(&str, Alignment)]) -> Self {
        let mut table = Self::bare(color);
        table.table.set_header(columns.iter().map(|(heading, _)| *heading));
        for (index, (_, alignment)) in columns.iter().enumerate() {
            if let Some(column) = table.table.column_mut(index) {
                column.set_padding((0, 2));
                column.set_cell_alignment(match alignment {
                    Alignment::Left => CellAlignment::Left,
                    Alignment::Right => CellAlignment::Right,
                });
            }
        }
        table
    }

    fn bare(color: bool) -> Self {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING);
        table.set_content_arrangement(ContentArrangement::Disabled);
        if color {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        Self { table, color }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        let color = self.color;
        let paint = |Cell { text, tone }: Cell| {
            let cell = comfy_table::Cell::new(text);
            match tone.filter(|_| color) {
                Some(Tone::Good) => cell.fg(Color::Green),
                Some(Tone::Warning) => cell.fg(Color::Yellow),
                Some(Tone::Bad) => cell.fg(Color::Red),
                None => cell,
            }
        };
        self.table.add_row(cells.into_iter().map(paint));
    }

    /// The finished text.
    pub(crate) fn text(&self) -> String {
        self.table.trim_fmt()
    }
}

/// A text in its tone, where colour is wanted.
pub(crate) fn paint(text: &str, tone: Tone, color: bool) -> String {
    let code = match tone {
        Tone::Good => 32,
        Tone::Warning => 33,
        Tone::Bad => 31,
    };
    if color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(color: bool) -> String {
        let columns = [("NAME", Alignment::Left), ("DEVICES", Alignment::Right)];
        let mut table = Table::new(color, &columns);
        table.row(["contoso".into(), 1200_u64.into()]);
        table.row([Cell::toned("ärger", Tone::Bad), "".into()]);
        table.text()
    }

    #[test]
    fn columns_line_up_and_lines_end_with_their_text() {
        let expected = "\
NAME     DEVICES
contoso     1200
ärger          -";
        assert_eq!(table(false), expected);
    }

    #[test]
    fn colour_appears_only_where_it_is_wanted() {
        assert!(table(true).contains("\u{1b}["));
        assert!(!table(false).contains('\u{1b}'));
        assert_eq!(paint("x", Tone::Good, false), "x");
    }
}
