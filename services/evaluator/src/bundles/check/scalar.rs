//! Owns where a part of a YAML text stands in its document. The text is followed as it is written, and
//! where it is not what was read, no place is told: a wrong one is worse than that of the whole text.

use std::iter::Peekable;
use std::str::Chars;

/// Lines below the start of a scalar, and characters from the start or, on a later line, from its
/// beginning, of the byte at `offset` of its value. `raw` starts where the scalar does, a block at its
/// first line, with `indent` characters before it.
pub(super) fn place(raw: &str, indent: u32, value: &str, offset: usize) -> Option<(u32, u32)> {
    let before = value.get(..offset)?;
    let mut walk = Walk { raw: raw.chars().peekable(), line: 0, column: 0, indent };
    match raw.chars().next()? {
        quote @ ('"' | '\'') => walk.quoted(before, quote)?,
        '|' | '>' | '&' | '*' | '!' | '[' | '{' => return None,
        _ => before.chars().try_for_each(|letter| walk.letter(letter))?,
    }
    Some((walk.line, walk.column))
}

struct Walk<'a> {
    raw: Peekable<Chars<'a>>,
    line: u32,
    column: u32,
    /// Blanks before every line of a block.
    indent: u32,
}

impl Walk<'_> {
    fn step(&mut self) -> Option<char> {
        let letter = self.raw.next()?;
        if letter == '\n' {
            self.line += 1;
            self.column = 0;
        } else {
            self.column += 1;
        }
        Some(letter)
    }

    /// Steps over a line's end and the blanks before the next one; none when that is empty.
    fn next_line(&mut self) -> Option<()> {
        self.raw.next_if_eq(&'\r');
        self.raw.next_if_eq(&'\n')?;
        self.line += 1;
        self.column = 0;
        while self.raw.next_if_eq(&' ').is_some() {
            self.column += 1;
        }
        self.raw.peek().is_some_and(|next| !matches!(next, '\r' | '\n')).then_some(())
    }

    /// Steps over a line's end and the blanks before every line of a block.
    fn next_block_line(&mut self) -> Option<()> {
        self.raw.next_if_eq(&'\r');
        self.raw.next_if_eq(&'\n')?;
        self.line += 1;
        self.column = 0;
        while self.column < self.indent {
            self.raw.next_if_eq(&' ')?;
            self.column += 1;
        }
        Some(())
    }

    /// A letter of the value as it is, or what stands in place of a line's end.
    fn letter(&mut self, letter: char) -> Option<()> {
        match (self.raw.peek()?, letter) {
            ('\r' | '\n', ' ') => self.next_line(),
            ('\r' | '\n', '\n') => self.next_block_line(),
            ('\r' | '\n', _) => None,
            _ => (self.step()? == letter).then_some(()),
        }
    }

    fn quoted(&mut self, before: &str, quote: char) -> Option<()> {
        self.step()?;
        before.chars().try_for_each(|letter| {
            if quote == '"' && self.raw.next_if_eq(&'\\').is_some() {
                self.column += 1;
                let is_itself = matches!(letter, '"' | '\\' | '/');
                return (is_itself && self.step()? == letter).then_some(());
            }
            if quote == '\'' && letter == '\'' {
                self.step().filter(|it| *it == '\'')?;
            }
            self.letter(letter)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_style_is_followed() {
        let cases = [
            ("a && b", "a && b", (0, 5)),
            ("'a ''x'' && b'", "a 'x' && b", (0, 12)),
            (r#""a \"x\" && b""#, r#"a "x" && b"#, (0, 12)),
            ("a &&\n  b\nnext: 1", "a &&\nb\n", (1, 2)),
            ("a &&\n   b\n", "a &&\n b", (1, 3)),
            ("a\n  && b\n", "a && b", (1, 5)),
            ("a\n     && b", "a && b", (1, 8)),
            ("'a\r\n  && b'", "a && b", (1, 5)),
        ];
        for (raw, value, place) in cases {
            assert_eq!(
                super::place(raw, 2, value, value.find('b').unwrap()),
                Some(place),
                "{raw:?}"
            );
        }
    }

    #[test]
    fn what_is_not_certain_has_no_place() {
        let cases = [
            ("*rule", "a && b"),
            (r#""\x61 && b""#, "a && b"),
            ("|\n  a &&\n  b", "a &&\nb"),
            ("a &&\n b", "a &&\nb"),
            ("a\n\n  && b", "a\n&& b"),
            ("a && c", "x && b"),
        ];
        for (raw, value) in cases {
            assert_eq!(place(raw, 2, value, value.find('b').unwrap()), None, "{raw:?}");
        }
    }
}
